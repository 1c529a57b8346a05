-- Ten customers with so many different products each, bought once, and two traits
-- that tell them apart.
CREATE EXTENSION segment;
CREATE TABLE orders (order_id bigserial PRIMARY KEY, customer_id bigint NOT NULL, ordered_at timestamptz NOT NULL, product int NOT NULL);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON orders (customer_id, product, ordered_at DESC);
INSERT INTO orders (customer_id, ordered_at, product)
SELECT customer, now() - interval '1 hour' - (hashint8(nth * 31 + customer) & 16777215) / 16777216.0 * interval '80 days', nth
FROM generate_series(1, 10) AS customer, generate_series(1, :events) AS nth;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
SELECT segment.create_trait('products', 'count(distinct orders.product)');
SELECT segment.create_trait('favourite', 'most_frequent(orders.product)');
CREATE EXTENSION pageinspect;
ALTER SYSTEM SET full_page_writes = off;
SELECT pg_reload_conf();
VACUUM FULL segment_data.profile;
VACUUM ANALYZE;
