-- Ten customers with so many events each, at random times of the last 80 days,
-- fourteen traits that sum them, and an audience that time changes.
CREATE EXTENSION segment;
CREATE TABLE orders (order_id bigserial PRIMARY KEY, customer_id bigint NOT NULL, ordered_at timestamptz NOT NULL, amount numeric(10,2));
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO orders (customer_id, ordered_at, amount)
SELECT customer, now() - interval '1 hour' - (hashint8(nth * 31 + customer) & 16777215) / 16777216.0 * interval '80 days',
    (499 + 100 * (hashint8(nth * 7919 + customer) & 255)) / 100.0
FROM generate_series(1, 10) AS customer, generate_series(1, :events) AS nth;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('orders', key => 'customer_id', at => 'ordered_at');
SELECT segment.create_trait('spend_' || days, format('sum(orders.amount in last %s days)', days))
FROM unnest(ARRAY[1, 2, 3, 5, 7, 10, 14, 21, 28, 30, 45, 60, 75, 90]) AS days;
SELECT segment.create_audience('lately', 'spend_7 > spend_30 / 4');
CREATE EXTENSION pageinspect;
-- pages that are written for the first time since a checkpoint are written as a
-- whole, of whichever table: that is not what is compared
ALTER SYSTEM SET full_page_writes = off;
SELECT pg_reload_conf();
VACUUM FULL segment_data.profile;
VACUUM ANALYZE;
