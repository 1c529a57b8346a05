-- Rows of partitioned tables earn: no index says that the ref is unique across
-- partitions, so it is known by the ref and the customer whose row it is.
CREATE SCHEMA shop_parted;
SET search_path = shop_parted, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-05-10 10:00+00';
CREATE TABLE orders (order_id bigint, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now(), shop integer DEFAULT 1,
    PRIMARY KEY (order_id, at, shop)) PARTITION BY RANGE (at);
CREATE INDEX ON orders (customer_id, at);
CREATE TABLE orders_april PARTITION OF orders FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
CREATE TABLE orders_may PARTITION OF orders FOR VALUES FROM ('2026-05-01') TO ('2026-06-01') PARTITION BY LIST (shop);
CREATE TABLE orders_may_1 (shop integer NOT NULL, at timestamptz NOT NULL, gone text, order_id bigint NOT NULL, customer_id bigint, amount numeric);
ALTER TABLE orders_may_1 DROP COLUMN gone;
ALTER TABLE orders_may ATTACH PARTITION orders_may_1 FOR VALUES IN (1);
CREATE TABLE orders_may_2 PARTITION OF orders_may FOR VALUES IN (2);
SELECT segment.create_population('parter', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club');
SELECT count(segment.join_program('club', c)) FROM generate_series(1, 3) AS c;
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
\pset format unaligned
\pset tuples_only on

-- a ref is a column of a unique index that has the partition keys beside it, and no more:
-- not the customer, of whom there is a row at each time
CREATE TABLE visits (visit bigint, customer_id bigint, till integer, at timestamptz, UNIQUE (till, visit, at), UNIQUE (customer_id, at), UNIQUE (at)) PARTITION BY RANGE (at);
CREATE TABLE visits_all PARTITION OF visits DEFAULT;
SELECT segment.attach_source('visits', at => 'at');
SELECT outcome(format('SELECT segment.create_earning(''club'', ''x'', %s)', what)) FROM unnest(ARRAY['''orders.amount''', '''orders.amount'', ref => ''shop''',
    '''orders.amount'', ref => ''customer_id''', '''visits.till'', ref => ''visit''', '''visits.till'', ref => ''till''', '''visits.till'', ref => ''customer_id''']) AS what;
CREATE UNIQUE INDEX ON visits (at, visit);
SELECT segment.create_earning('club', 'visits', 'visits.till', ref => 'visit');
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id');
CREATE VIEW earned AS SELECT key, rule, ref, raw, points FROM segment_data.parter_club_granted ORDER BY ref::bigint, rule;

-- by the parent and by a partition, and from one partition to another
INSERT INTO orders VALUES (1, 1, 10, DEFAULT, 1), (2, 1, 20, DEFAULT, 2), (3, 2, 30, '2026-04-20', 1);
INSERT INTO orders_may_1 (order_id, customer_id, amount, at, shop) VALUES (4, 2, 40, segment.now(), 1);
SELECT * FROM earned;
UPDATE orders SET shop = 2 WHERE order_id = 1;
UPDATE orders SET at = '2026-04-05', amount = 21 WHERE order_id = 2;
UPDATE orders SET customer_id = 3, at = '2026-05-05' WHERE order_id = 3;
DELETE FROM orders_may_1 WHERE order_id = 4;
SELECT * FROM earned;
MERGE INTO orders AS o USING (VALUES (1), (2)) AS v (id) ON o.order_id = v.id WHEN MATCHED THEN UPDATE SET at = '2026-05-06', shop = 1, amount = amount + 1;
SELECT * FROM earned;
SELECT customer_id, club_balance FROM parter ORDER BY 1;

-- a ref in two partitions: one customer's rows are one, of several customers one earns
BEGIN;
INSERT INTO orders VALUES (1, 1, 5, '2026-04-01');
SELECT * FROM earned WHERE ref = '1';
DELETE FROM orders WHERE order_id = 1 AND at > '2026-05-01';
SELECT * FROM earned WHERE ref = '1';
INSERT INTO orders VALUES (1, 2, 50, '2026-04-02');
SELECT * FROM earned WHERE ref = '1';
DELETE FROM orders WHERE order_id = 1 AND customer_id = 1;
INSERT INTO orders VALUES (1, 3, 7, '2026-04-03');
SELECT * FROM earned WHERE ref = '1';
INSERT INTO orders VALUES (9, 8, 1, '2026-04-01'), (9, 3, 2, '2026-04-02'), (9, 2, 4, '2026-04-03'), (9, 1, 8, '2026-04-04');
SELECT * FROM earned WHERE ref = '9';
UPDATE orders SET amount = amount * 2 WHERE order_id = 9;
SELECT * FROM earned WHERE ref = '9';
UPDATE orders SET amount = -amount WHERE order_id = 9;
SELECT * FROM earned WHERE ref = '9';
DELETE FROM orders WHERE order_id = 9;
SELECT * FROM earned WHERE ref = '9';
SELECT * FROM segment.verify_program('club');
ROLLBACK;

-- what a partition's rows have earned goes when it is detached, and comes when it is attached
ALTER TABLE orders DETACH PARTITION orders_may;
SELECT * FROM earned;
ALTER TABLE orders ATTACH PARTITION orders_may FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
SELECT * FROM earned;
TRUNCATE orders_may;
SELECT * FROM earned;
SELECT customer_id, club_balance FROM parter ORDER BY 1;

-- rows that are there are backfilled where each has a ref of its own
INSERT INTO orders VALUES (20, 1, 1, '2026-04-01'), (20, 2, 1, '2026-04-02');
SELECT outcome($$SELECT segment.create_earning('club', 'twice', 'orders.amount * 2', ref => 'order_id', backfill => true)$$);
UPDATE orders SET order_id = 21 WHERE order_id = 20 AND customer_id = 2;
SELECT segment.create_earning('club', 'twice', 'orders.amount * 2', ref => 'order_id', backfill => true);
SELECT * FROM earned WHERE points <> 0;

-- the index is needed: one of these at least
SELECT outcome('DROP INDEX visits_at_visit_idx');
ALTER TABLE visits ADD UNIQUE (visit, at);
DROP INDEX visits_at_visit_idx;
SELECT outcome('ALTER TABLE visits DROP CONSTRAINT visits_visit_at_key');
INSERT INTO visits VALUES (1, 1, 7, segment.now());
SELECT * FROM earned WHERE rule = 'visits';

-- lines of a partitioned table, through their orders
CREATE TABLE basket (id bigint PRIMARY KEY, customer_id bigint, at timestamptz DEFAULT segment.now());
CREATE INDEX ON basket (customer_id, at);
CREATE TABLE lines (line bigint, basket_id bigint, amount numeric, day date, PRIMARY KEY (line, day)) PARTITION BY RANGE (day);
CREATE INDEX ON lines (basket_id);
CREATE TABLE lines_april PARTITION OF lines FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
CREATE TABLE lines_may PARTITION OF lines FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
SELECT segment.attach_source('basket', at => 'at');
SELECT segment.attach_source('lines', through => 'basket', link => 'basket_id = id');
SELECT segment.create_earning('club', 'lines', 'lines.amount', ref => 'line');
INSERT INTO basket VALUES (1, 1), (2, 2);
INSERT INTO lines VALUES (1, 1, 10, '2026-04-01'), (1, 1, 5, '2026-05-01'), (2, 2, 3, '2026-05-01');
SELECT * FROM earned WHERE rule = 'lines';
UPDATE lines SET basket_id = 2 WHERE amount = 5;
SELECT * FROM earned WHERE rule = 'lines';
UPDATE lines SET day = '2026-04-02' WHERE line = 2;
UPDATE basket SET customer_id = 3 WHERE id = 1;
SELECT * FROM earned WHERE rule = 'lines';
DELETE FROM lines WHERE line = 1;
SELECT * FROM earned WHERE rule = 'lines';
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify('parter');
SET client_min_messages = warning;
DROP VIEW earned;
SELECT segment.drop_population('parter', cascade => true);
DROP SCHEMA shop_parted CASCADE;
