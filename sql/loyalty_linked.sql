-- Lines earn points through their orders and what they look up: whatever of these
-- changes, and in which order they come, each line has earned what it earns now.
CREATE SCHEMA shop_lines;
SET search_path = shop_lines, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-05-10 10:00+00';
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, status text DEFAULT 'paid', ordered_at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE products (id integer PRIMARY KEY, category text, points numeric);
CREATE TABLE lines (line bigint PRIMARY KEY, order_id bigint, product_id integer, amount numeric);
CREATE INDEX ON lines (order_id);
CREATE INDEX ON lines (product_id);
SELECT segment.create_population('liner', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id"}');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_program('club', pending => '3 days', expires => 'after 1 year');
INSERT INTO products VALUES (1, 'skin', 2), (2, 'tea', 1);
INSERT INTO orders VALUES (1, 1);
INSERT INTO lines VALUES (1, 1, 1, 10);
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
SET segment.now = '2026-05-10 11:00+00';
SELECT segment.create_earning('club', 'lines', 'lines.amount * product.points where orders.status = "paid"', ref => 'line');
SELECT segment.create_earning('club', 'skin', 'lines.amount where product.category = "skin"', 'orders > 2', ref => 'line');
CREATE VIEW earned AS SELECT g.key, g.rule, g.ref, g.points FROM segment_data.liner_club_granted AS g WHERE points <> 0 ORDER BY key, ref::bigint, rule;
\pset format unaligned
\pset tuples_only on

-- an order and its lines, in both orders; what was there before earns nothing
INSERT INTO orders VALUES (2, 1);
INSERT INTO lines VALUES (2, 2, 1, 5.5), (3, 2, 2, 7), (4, 3, 2, 100);
SELECT * FROM earned;
INSERT INTO orders VALUES (3, 2, 'open');
SELECT * FROM earned;
-- its order is paid, a product is worth more, an order is another customer's
UPDATE orders SET status = 'paid';
SELECT * FROM earned;
UPDATE products SET points = 3 WHERE id = 2;
SELECT * FROM earned;
UPDATE orders SET customer_id = 2 WHERE id = 2;
SELECT * FROM earned;
SELECT customer_id, club_balance, club_pending FROM liner ORDER BY 1;
-- a line goes to another order, and changes; an order goes, and all at once
UPDATE lines SET order_id = 3, amount = 1 WHERE line = 3;
SELECT * FROM earned;
WITH gone AS (DELETE FROM orders WHERE id = 3), changed AS (UPDATE lines SET amount = 4 WHERE line = 2), new AS (INSERT INTO lines VALUES (5, 2, 2, 2))
INSERT INTO products VALUES (9, 'x', 1);
SELECT * FROM earned;
-- what comes again is known again
INSERT INTO orders VALUES (3, 1);
SELECT * FROM earned;
-- the condition is that of the profile before: two orders are not enough, then three are
INSERT INTO orders VALUES (4, 1), (5, 1);
INSERT INTO lines VALUES (6, 4, 1, 20), (7, 4, 1, 30);
SELECT * FROM earned WHERE ref IN ('6', '7');
-- what came when the condition did not hold goes on to earn nothing by the rule, whatever
-- becomes of the line, its order and its product, and of its customer's other orders
INSERT INTO orders VALUES (7, 2), (8, 2), (9, 2);
INSERT INTO lines VALUES (9, 7, 1, 60);
DELETE FROM orders WHERE id IN (8, 9);
INSERT INTO lines VALUES (10, 7, 1, 1);
INSERT INTO orders VALUES (8, 2), (9, 2);
SELECT * FROM earned WHERE ref IN ('9', '10');
UPDATE orders SET ordered_at = ordered_at + '1 minute' WHERE id IN (7, 8);
UPDATE products SET category = 'care' WHERE id = 1;
UPDATE products SET category = 'skin' WHERE id = 1;
UPDATE lines SET amount = amount + 1 WHERE line IN (9, 10);
SELECT * FROM earned WHERE ref IN ('9', '10');
SELECT version, points FROM segment_data.liner_club_granted WHERE ref = '10' AND rule = 'skin';
-- another customer's it is new: who has three orders
UPDATE orders SET customer_id = 1 WHERE id = 7;
SELECT * FROM earned WHERE ref IN ('9', '10');
DELETE FROM orders WHERE id > 6;
-- an order of last week, told of now, is of before the rule
INSERT INTO orders VALUES (6, 1, 'paid', '2026-05-03 10:00+00');
INSERT INTO lines VALUES (8, 6, 2, 50);
SELECT count(*) FROM earned WHERE ref = '8';
TRUNCATE products;
SELECT * FROM earned;
SELECT customer_id, club_balance, club_pending FROM liner ORDER BY 1;
INSERT INTO products VALUES (1, 'skin', 2), (2, 'tea', 1);
SELECT * FROM earned;
-- names are followed through the links
ALTER TABLE products RENAME points TO worth;
ALTER TABLE orders RENAME status TO state;
SELECT rule, amount FROM segment.earning ORDER BY 1;
UPDATE products SET worth = 10 WHERE id = 1;
SELECT * FROM earned WHERE rule = 'lines';
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify();
SET client_min_messages = warning;
DROP VIEW earned;
SELECT segment.drop_population('liner', cascade => true);
DROP SCHEMA shop_lines CASCADE;
