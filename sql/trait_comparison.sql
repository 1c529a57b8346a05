-- Conditions that compare a numeric with a number count the same rows as SQL:
-- everyday numbers, which are compared as whole ones, and all others.
CREATE SCHEMA shop_comparison;
SET search_path = shop_comparison, public;
SET client_min_messages = warning;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, tip numeric(8,2), paid numeric, at timestamptz DEFAULT '2026-05-01');
SELECT segment.create_population('profile');
SELECT segment.attach_source('orders', at => 'at', filter => 'paid >= 0');

CREATE TABLE wanted (name text, sql text);
INSERT INTO wanted
SELECT 't' || row_number() OVER (), format('%s %s %s', field, op, number)
FROM unnest(ARRAY['amount', 'tip', 'paid']) field,
     unnest(ARRAY['<', '<=', '=', '!=', '>=', '>']) op,
     unnest(ARRAY['-3.5', '0', '3', '3.1415', '0.00001', '999999999999', '1000000000000', '123456789012345678901234567890']) number;
INSERT INTO wanted VALUES ('of_both', 'amount > tip'), ('two', 'amount > 3 and tip < 3');
SELECT count(*) FROM (SELECT segment.create_trait(name, format('count(orders where %s)', sql)) FROM wanted) made;

-- what differs from what SQL says of the rows there are
CREATE FUNCTION differing() RETURNS TABLE (customer bigint, sql text, kept bigint, expected bigint) LANGUAGE plpgsql AS $$
DECLARE
    one wanted;
BEGIN
    FOR one IN SELECT * FROM wanted LOOP
        RETURN QUERY EXECUTE format(
            'SELECT p.customer_id, %L, p.%I, o.expected FROM profile p LEFT JOIN
                (SELECT customer_id, count(*) FILTER (WHERE %s) AS expected FROM orders WHERE paid >= 0 GROUP BY customer_id) o USING (customer_id)
             WHERE p.%I IS DISTINCT FROM o.expected', one.sql, one.name, replace(one.sql, '!=', 'IS DISTINCT FROM'), one.name);
    END LOOP;
END $$;

INSERT INTO orders
SELECT row_number() OVER (), row_number() OVER () % 7, a, round(b, 2), c
FROM unnest(ARRAY[NULL, -3.5, -3.50, -3.5001, 0, 0.00, -0.0001, 0.00001, 3, 3.0000, 2.9999, 3.00001, 3.1415, 3.14150, 3.141500000000001, 999999999999,
                  999999999999.9999, 1000000000000, 1e25, -1e25, 123456789012345678901234567890, 'NaN', 'Infinity', '-Infinity']::numeric[]) a,
     unnest(ARRAY[NULL, -3.5, 0, 3]::numeric[]) b, unnest(ARRAY[NULL, -1, 0, 3, 1e25]::numeric[]) c;
SELECT count(*) FROM profile;
SELECT * FROM differing() ORDER BY 1, 2;
-- one by one
INSERT INTO orders VALUES (1001, 1, 4, 4, 4);
INSERT INTO orders VALUES (1002, 1, NULL, NULL, NULL), (1003, 1, 3, 3, -1), (1004, 2, 'NaN', 5, 0);
SELECT * FROM differing() ORDER BY 1, 2;
UPDATE orders SET amount = 3.0 WHERE id % 3 = 0;
UPDATE orders SET paid = -paid WHERE id % 5 = 0;
SELECT * FROM differing() ORDER BY 1, 2;
DELETE FROM orders WHERE id % 2 = 0;
SELECT * FROM differing() ORDER BY 1, 2;
-- rows that are kept, to be folded later
SET segment.statement_memory = 0;
INSERT INTO orders SELECT 2000 + i, i % 500, (i % 13) - 5.5, i % 4, i % 3 - 1 FROM generate_series(1, 3000) i;
RESET segment.statement_memory;
SELECT count(*) FROM profile;
SELECT * FROM differing() ORDER BY 1, 2;

-- a row with those that it refers to: the same columns of another table
CREATE TABLE products (product_id int PRIMARY KEY, price numeric);
CREATE TABLE lines (id int PRIMARY KEY, customer_id bigint, product_id int, price numeric, at timestamptz DEFAULT '2026-05-01');
SELECT segment.attach_source('lines', at => 'at', look_up => '{"product": "products using product_id = product_id"}');
SELECT count(*) FROM (SELECT segment.create_trait('l' || i, format('count(lines where price > %s)', i)),
                             segment.create_trait('p' || i, format('count(lines where product.price > %s)', i)) FROM generate_series(0, 3) i) made;
INSERT INTO products SELECT i, NULLIF(i, 5) FROM generate_series(0, 6) i;
INSERT INTO lines SELECT i, 1, i % 8, 7 - NULLIF(i % 7, 3) FROM generate_series(1, 100) i;
SELECT l0, l1, l2, l3, p0, p1, p2, p3 FROM profile WHERE customer_id = 1;
SELECT count(*) FILTER (WHERE l.price > 0), count(*) FILTER (WHERE l.price > 1), count(*) FILTER (WHERE l.price > 2), count(*) FILTER (WHERE l.price > 3),
       count(*) FILTER (WHERE p.price > 0), count(*) FILTER (WHERE p.price > 1), count(*) FILTER (WHERE p.price > 2), count(*) FILTER (WHERE p.price > 3)
FROM lines l LEFT JOIN products p USING (product_id);
DROP SCHEMA shop_comparison CASCADE;
SELECT segment.drop_population('profile', cascade => true);
