-- source: a column that is computed when it is read, since 18, has no value in a
-- trigger: it is no key and no time, and no trait reads it
SELECT current_setting('server_version_num')::integer < 180000 AS too_old \gset
\if :too_old
\quit
\endif
CREATE SCHEMA shop_virtual;
SET search_path = shop_virtual;
SET segment.now = '2026-05-01 12:00+02';
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz,
    buyer bigint GENERATED ALWAYS AS (customer_id) VIRTUAL, day timestamptz GENERATED ALWAYS AS (ordered_at) VIRTUAL,
    double numeric GENERATED ALWAYS AS (amount * 2) VIRTUAL, triple numeric GENERATED ALWAYS AS (amount * 3) STORED);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, upper text GENERATED ALWAYS AS (upper(name)) VIRTUAL);
SELECT segment.create_population('profile');
SELECT segment.attach_source('orders', key => 'buyer', at => 'ordered_at');
SELECT segment.attach_source('orders', at => 'day');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('customers');
SELECT segment.create_trait('spend', 'sum(orders.double)');
SELECT segment.create_trait('large', 'count(orders where double > 30)');
SELECT segment.create_trait('name', 'customers.upper');
SELECT segment.create_audience('large', 'sum(orders.double) > 30');

-- its expression will do, and so does a stored one
SELECT segment.create_trait('large', 'count(orders where amount * 2 > 30)');
SELECT segment.create_trait('spend', 'sum(orders.triple)');
INSERT INTO customers (customer_id, name) VALUES (1, 'Ada');
INSERT INTO orders (id, customer_id, amount, ordered_at) VALUES (1, 1, 10, '2026-04-01'), (2, 1, 20, '2026-04-02'), (3, 2, 5, '2026-04-03');
UPDATE orders SET amount = 30 WHERE id = 1;
DELETE FROM orders WHERE id = 2;
SELECT * FROM profile ORDER BY customer_id;
SELECT * FROM segment.verify();

-- nor does one that has taken the place of another
BEGIN;
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER TABLE orders DROP COLUMN buyer, DROP COLUMN customer_id, ADD COLUMN customer_id bigint GENERATED ALWAYS AS (id) VIRTUAL;
INSERT INTO orders (id, amount, ordered_at) VALUES (4, 10, '2026-04-01');
ROLLBACK;
BEGIN;
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER TABLE orders DROP COLUMN triple, ADD COLUMN triple numeric GENERATED ALWAYS AS (amount * 3) VIRTUAL;
INSERT INTO orders (id, customer_id, amount, ordered_at) VALUES (4, 1, 10, '2026-04-01');
ROLLBACK;

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_virtual CASCADE;
