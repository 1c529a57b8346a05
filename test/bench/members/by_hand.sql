-- the members as rows
CREATE TABLE member (audience integer, customer_id bigint);
DO $$
DECLARE
    a record;
BEGIN
    FOR a IN SELECT audience, filter FROM audience ORDER BY audience LOOP
        EXECUTE format('INSERT INTO member SELECT %s, customer_id FROM customers WHERE %s ORDER BY customer_id',
            a.audience, a.filter);
    END LOOP;
END
$$;
ALTER TABLE member ADD PRIMARY KEY (audience, customer_id);
VACUUM ANALYZE member;
