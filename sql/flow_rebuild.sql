-- All profiles are computed anew by short transactions: of attributes, events and
-- lines; what was right is not written.
CREATE SCHEMA shop_rebuild;
SET search_path = shop_rebuild, public;
SET timezone = 'UTC';
SET segment.now = '2026-05-31 12:00+00';
CREATE TABLE customers (id int PRIMARY KEY, city text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, at timestamptz);
CREATE TABLE order_lines (id int PRIMARY KEY, order_id int, product text, amount numeric);
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON order_lines (order_id);
INSERT INTO customers SELECT i, 'city ' || i % 7 FROM generate_series(1, 400) AS i;
INSERT INTO orders SELECT i, 1 + i % 300, '2026-05-01'::timestamptz + i * interval '40 minutes' FROM generate_series(1, 900) AS i;
INSERT INTO order_lines SELECT i, 1 + i % 900, 'product ' || i % 11, i % 50 FROM generate_series(1, 1500) AS i;
SELECT segment.create_population('profile', key_type => 'int', timezone => 'UTC');
SELECT segment.attach_source('customers', key => 'id');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id');
SELECT segment.create_traits('{"city": "customers.city", "orders": "count(orders)", "lately": "count(orders in last 7 days)",
    "spent": "sum(order_lines.amount)", "largest": "max(order_lines.amount)", "month": "sum(order_lines.amount in last 30 days)",
    "usual": "most_frequent(order_lines.product)", "due": "count(orders so far)"}'::json);
SELECT segment.create_audience('large', 'largest > 45 and lately > 0');
SELECT segment.create_audience('local', 'city = "city 3"');

-- nothing is wrong, nothing is written
CREATE TABLE before AS SELECT customer_id, xmin::text AS version FROM segment_data.profile;
CALL segment.rebuild_concurrently();
SELECT count(*) AS written FROM before JOIN segment_data.profile AS p USING (customer_id) WHERE p.xmin::text <> version;
SELECT command, phase, done, running FROM segment.progress;

-- rows come, go and change past capture
SET segment.capture = off;
UPDATE customers SET city = 'city 3' WHERE id BETWEEN 1 AND 3;
DELETE FROM customers WHERE id BETWEEN 390 AND 395;
INSERT INTO customers SELECT i, 'city 3' FROM generate_series(501, 505) AS i;
DELETE FROM orders WHERE customer_id = 20;
INSERT INTO orders VALUES (1001, 21, '2026-05-31'), (1002, 600, '2026-05-31'), (1003, 601, '2026-06-05');
INSERT INTO order_lines VALUES (2001, 1001, 'tea', 100), (2002, 1002, 'tea', 100), (2003, 30, 'tea', 100);
UPDATE order_lines SET amount = 1 WHERE order_id IN (40, 41);
RESET segment.capture;
SELECT count(*) > 20 AS wrong FROM segment.verify();
CALL segment.rebuild_concurrently('profile');
SELECT * FROM segment.verify();
SELECT count(*) FILTER (WHERE p.xmin::text <> version) < 30 AS few_written, count(*) FILTER (WHERE version IS NULL) AS came,
       count(*) FILTER (WHERE p.customer_id IS NULL) AS went FROM before FULL JOIN segment_data.profile AS p USING (customer_id);
SELECT customer_id, city, orders, spent, largest, usual, due FROM profile WHERE customer_id IN (1, 20, 21, 501, 600, 601) ORDER BY 1;
SELECT swept FROM segment.tick();
SELECT count(*) AS local, (SELECT count(*) FROM customers WHERE city = 'city 3') AS by_hand FROM local;

-- where it cannot be, or need not be said to whom
BEGIN;
CALL segment.rebuild_concurrently();
ROLLBACK;
CALL segment.rebuild_concurrently('nobody');
DROP INDEX order_lines_order_id_idx;
CALL segment.rebuild_concurrently();
SELECT segment.drop_population('profile', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_rebuild CASCADE;
