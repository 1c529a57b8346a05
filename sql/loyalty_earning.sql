-- Orders earn points in their own commit, by rules: what changes of an order moves
-- exactly the difference, whatever the rule says today.
CREATE SCHEMA shop_earning;
SET search_path = shop_earning, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, status text DEFAULT 'paid', at timestamptz DEFAULT segment.now(), shop text UNIQUE);
CREATE INDEX ON orders (customer_id, at);
INSERT INTO orders VALUES (1, 1, 500), (2, 2, 500);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount where status = "paid")');
SELECT segment.create_audience('regulars', 'spent >= 1000');
SELECT segment.create_program('club', expires => 'after 1 year');
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
SELECT segment.create_earning('club', 'orders', 'orders.amount where status = "paid"', ref => 'order_id');
SELECT segment.create_earning('club', 'bonus', 'orders.amount * 0.5 where (status = "paid")', 'in audience regulars', ref => 'order_id', pending => '7 days', expires => 'end of next year');
SELECT * FROM segment.earning ORDER BY rule DESC;
CREATE VIEW points AS SELECT customer_id, club_balance, club_earned, spent FROM guest ORDER BY 1;
CREATE VIEW grants AS SELECT rule, ref, key, version, raw, points FROM segment_data.guest_club_granted WHERE ref::bigint <= 1000 ORDER BY key, ref::bigint, rule;

-- the order's transaction has the points, and its rollback takes them
BEGIN;
INSERT INTO orders VALUES (3, 1, 120.50);
SELECT * FROM points;
ROLLBACK;
SELECT * FROM points;
INSERT INTO orders VALUES (3, 1, 120.50, 'paid'), (4, 2, 10, 'open'), (5, 9, 1000, 'paid'), (6, NULL, 7, 'paid'), (7, 1, 399.50, 'paid');
SELECT * FROM points;
-- from now on Ada is a regular, as of before the statement
INSERT INTO orders VALUES (8, 1, 100);
SELECT * FROM points;
SELECT * FROM grants;
SELECT movement, kind, points, ref, rule, version, by FROM segment_data.guest_club_movement ORDER BY 1;
SELECT points, ref, rule FROM segment.statement('club', 1) WHERE kind = 'earn' ORDER BY movement;
SELECT entry, points, kind, ref, rule, version FROM segment.why('club', 2);
SELECT jsonb_path_query_array(segment.card('club', 1), '$.pending') AS pending;

-- a change moves the difference; half points are not lost: 120.50 becomes 121
UPDATE orders SET amount = 121 WHERE order_id = 3;
UPDATE orders SET amount = amount - 50 WHERE order_id IN (7, 8);
UPDATE orders SET status = 'paid' WHERE order_id = 4;
SELECT * FROM points;
SELECT * FROM grants;
-- what was there before the rule has no grant, and gets none by a change
UPDATE orders SET amount = 600 WHERE order_id = 1;
DELETE FROM orders WHERE order_id = 2;
SELECT * FROM points;
-- nor what was there before its customer joined
SELECT segment.join_program('club', 9, 'J');
UPDATE orders SET amount = 2000 WHERE order_id = 5;
INSERT INTO orders VALUES (9, 9, 5);
SELECT * FROM points WHERE customer_id = 9;

-- a rule that is changed does not rewrite what was
SELECT segment.create_earning('club', 'orders', 'orders.amount * 2 where status = "paid"', ref => 'order_id', expires => 'after 1 month');
INSERT INTO orders VALUES (10, 2, 30);
UPDATE orders SET amount = 20 WHERE order_id IN (4, 10);
SELECT * FROM points WHERE customer_id = 2;
SELECT * FROM grants WHERE key = 2;
SELECT granted, remaining, expires_at FROM segment_data.guest_club_lot WHERE key = 2 ORDER BY lot;
SELECT segment.end_earning('club', 'orders');
INSERT INTO orders VALUES (11, 2, 1000);
UPDATE orders SET amount = 21 WHERE order_id = 10;
SELECT * FROM points WHERE customer_id = 2;
SELECT segment.create_earning('club', 'orders', 'orders.amount where status = "paid"', ref => 'order_id');

-- an order that is another customer's now
UPDATE orders SET customer_id = 2 WHERE order_id = 3;
SELECT * FROM points;
-- refunded after the points were spent: the customer owes
SELECT segment.redeem('club', 2, (SELECT club_balance::bigint FROM guest WHERE customer_id = 2)) > 0 AS redeemed;
DELETE FROM orders WHERE order_id = 3;
SELECT * FROM points WHERE customer_id = 2;
INSERT INTO orders VALUES (12, 2, 200);
SELECT * FROM points WHERE customer_id = 2;
-- a cancellation is a row of its own, and earns less than nothing
INSERT INTO orders VALUES (13, 2, -50.75);
SELECT * FROM points WHERE customer_id = 2;
-- what was reversed by hand is not taken back once more
SELECT segment.reverse('club', movement, 50) > 0 AS reversed FROM segment_data.guest_club_granted WHERE ref = '12' ORDER BY rule;
DELETE FROM orders WHERE order_id = 12;
SELECT * FROM points WHERE customer_id = 2;

-- buy and refund a thousand times; upsert, merge, truncate
INSERT INTO orders SELECT 1000 + i, 1, i FROM generate_series(1, 1000) AS i;
DELETE FROM orders WHERE order_id > 1000;
SELECT * FROM points WHERE customer_id = 1;
INSERT INTO orders VALUES (8, 1, 70), (20, 1, 11) ON CONFLICT (order_id) DO UPDATE SET amount = excluded.amount;
MERGE INTO orders AS o USING (VALUES (8, 90), (20, 0), (21, 33)) AS n (order_id, amount) ON o.order_id = n.order_id
WHEN MATCHED AND n.amount = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET amount = n.amount WHEN NOT MATCHED THEN INSERT (order_id, customer_id, amount) VALUES (n.order_id, 1, n.amount);
SELECT * FROM points WHERE customer_id = 1;
SELECT * FROM grants WHERE key = 1;
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify();
TRUNCATE orders;
SELECT * FROM points;
SELECT sum(points) FROM grants;
SELECT * FROM segment.verify_program('club');

-- orders that are put away do not take back what they have earned
INSERT INTO orders (order_id, customer_id, amount, status) VALUES (9001, 1, 70, 'paid'), (9002, 2, 80, 'paid');
SELECT * FROM points;
SET segment.capture = off;
DELETE FROM orders;
RESET segment.capture;
CALL segment.rebuild_concurrently();
SELECT * FROM points;
SELECT * FROM segment.verify();
SELECT * FROM segment.verify_program('club');

-- what cannot earn is refused when the rule is made
CREATE TABLE visits (id bigint, customer_id bigint, at timestamptz UNIQUE, points text, weight float8 UNIQUE, days daterange UNIQUE);
CREATE INDEX ON visits (customer_id, at);
SELECT segment.attach_source('visits', at => 'at');
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
\pset format unaligned
\pset tuples_only on
SELECT outcome(format('SELECT segment.create_earning(''club'', ''x'', %s)', what)) FROM unnest(ARRAY['NULL, ref => ''order_id''', '''orders.amount''',
    '''orders.amount'', ref => ''status''', '''visits.id'', ref => ''id''', '''visits.id'', ref => ''at''', '''visits.id'', ref => ''weight''', '''visits.id'', ref => ''days''', '''orders.amont'', ref => ''order_id''', '''purchases.amount'', ref => ''id''',
    '''orders.status'', ref => ''order_id''', '''orders.amount in last 3 days'', ref => ''order_id''', '''orders.amount + visits.id'', ref => ''order_id''',
    '''orders.amount'', ''in audience nobody'', ref => ''order_id''', '''orders.amount'', ref => ''order_id'', expires => ''soon''',
    '''club_entry.points'', ref => ''entry''', '''3'', ref => ''order_id''']) AS what;
SELECT outcome($$SELECT segment.end_earning('club', 'y')$$);
SELECT outcome($$SELECT segment.create_earning('clubs', 'y', 'orders.amount', ref => 'order_id')$$);
SET client_min_messages = warning;
DROP VIEW points, grants;
SELECT segment.drop_population('guest', cascade => true);
SELECT count(*) FROM segment.earning;
DROP SCHEMA shop_earning CASCADE;
