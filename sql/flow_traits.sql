-- Several traits are one pass: Ada, Ben and Cy buy, and what is known of them
-- is read from orders once.
CREATE SCHEMA shop_traits;
SET search_path = shop_traits, public;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, status text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO orders VALUES
    (1, 1, 10, 'paid', '2026-05-01'), (2, 1, 30, 'open', '2026-05-02'),
    (3, 2, 5, 'paid', '2026-05-03'), (4, 3, 7, 'open', '2026-05-04');
SELECT segment.create_population('profile', 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at');

-- in the order in which they are written; a trait may mention those before it
SELECT * FROM segment.create_traits('{
    "orders_paid": "count(orders where status = \"paid\")",
    "n": "count(orders)",
    "spent": "sum(orders.amount)",
    "basket": "spent / n"}');
SELECT * FROM profile ORDER BY customer_id;
INSERT INTO orders VALUES (5, 2, 15, 'paid', '2026-05-05');
SELECT * FROM profile ORDER BY customer_id;
SELECT * FROM segment.verify();

-- each profile was written once, whatever the number of traits: into a table
-- that has only these rows, if most of them change
CREATE FUNCTION written() RETURNS bigint LANGUAGE sql AS $$
    SELECT pg_stat_get_xact_tuples_updated('segment_data.profile'::regclass) + pg_stat_get_xact_tuples_inserted('segment_data.profile'::regclass)
$$;
BEGIN;
SELECT written() AS before \gset
SELECT trait FROM segment.create_traits('{"first": "min(orders.ordered_at)", "last": "max(orders.ordered_at)", "dear": "max(orders.amount)"}');
SELECT written() - :before AS written;
ROLLBACK;

-- windows of several lengths share a series, also when they come together
SET segment.now = '2026-05-09 00:00:00+00';
SELECT * FROM segment.create_traits('{"week": "count(orders in last 7 days)", "year": "count(orders in last 365 days)"}');
SELECT definition FROM segment.stored_trait WHERE definition LIKE '%last%';
SELECT customer_id, week, year FROM profile ORDER BY customer_id;
RESET segment.now;

-- all of them, or none
SELECT * FROM segment.create_traits('{"a": "count(orders)", "b": "b + 1"}');
SELECT * FROM segment.create_traits('{"a": "count(orders)", "a": "sum(orders.amount)"}');
SELECT * FROM segment.create_traits('{"a": "count(ordrs)"}');
SELECT * FROM segment.create_traits('{"a": 7}');
SELECT * FROM segment.create_traits('{}');
SELECT * FROM segment.create_traits('["count(orders)"]');
SELECT * FROM segment.create_traits(NULL::json);
SELECT string_agg(trait, ' ' ORDER BY position) FROM segment.trait;

SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_traits CASCADE;
