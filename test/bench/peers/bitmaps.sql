-- the members of each audience as a bitmap in a row
CREATE EXTENSION roaringbitmap;
CREATE TABLE bitmap (audience integer PRIMARY KEY, members roaringbitmap NOT NULL);
DO $$
DECLARE
    a record;
BEGIN
    FOR a IN SELECT audience, filter FROM audience ORDER BY audience LOOP
        EXECUTE format('INSERT INTO bitmap SELECT %s, rb_build_agg(customer_id::integer) FROM customers WHERE %s',
            a.audience, a.filter);
    END LOOP;
END
$$;
