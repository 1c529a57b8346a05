-- customers whose points are all there is to know of them
CREATE TABLE customers (customer_id bigint PRIMARY KEY, points integer NOT NULL, pad text NOT NULL);
INSERT INTO customers
SELECT i, :points, 'x' FROM generate_series(1, :profiles) i;
CREATE EXTENSION segment;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers', key => 'customer_id');
SELECT segment.create_trait('points', 'customers.points');
VACUUM ANALYZE;
