CREATE EXTENSION segment;
SET client_min_messages = warning;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint, amount numeric(10, 2), ordered_at timestamptz);
INSERT INTO orders (customer_id, amount, ordered_at)
    SELECT 1 + i * 7919 % :customers, i % 1000 / 10.0, now() - interval '1 day' * (i % 365) FROM generate_series(1, 10 * :customers::bigint) AS i;
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE clicks (customer_id bigint, seen timestamptz);
INSERT INTO clicks SELECT 1 + i * 104729 % (:customers * 1.1)::bigint, now() - interval '1 day' * (i % 90) FROM generate_series(1, 2 * :customers::bigint) AS i;
CREATE INDEX ON clicks (customer_id, seen);
VACUUM ANALYZE;
SELECT segment.create_population('profile', 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('n', 'count(orders)');
VACUUM ANALYZE;
