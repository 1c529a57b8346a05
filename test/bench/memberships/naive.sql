-- what the traits and the members are, from the events alone
CREATE TEMPORARY TABLE profile AS SELECT * FROM naive;
CREATE TEMPORARY TABLE member (customer_id bigint, audience integer);
DO $$
DECLARE
    a record;
BEGIN
    FOR a IN SELECT audience, filter FROM audience WHERE audience <= 100 LOOP
        EXECUTE format('INSERT INTO member SELECT customer_id, %s FROM profile WHERE %s', a.audience, a.filter);
    END LOOP;
END
$$;
