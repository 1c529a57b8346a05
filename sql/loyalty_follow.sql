-- Rules follow what is renamed, and what they read does not go without a word; a rule
-- that fails or does not bind never fails the customer's statement.
CREATE SCHEMA shop_follow;
SET search_path = shop_follow, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, n integer DEFAULT 1, f double precision DEFAULT 1, status state DEFAULT 'paid', at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, level state);
SELECT segment.create_population('follower', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at'), segment.attach_source('customers');
SELECT segment.create_trait('spent', 'sum(orders.amount)'), segment.create_trait('city', 'customers.city'), segment.create_trait('level', 'customers.level');
SELECT segment.create_audience('regulars', 'spent >= 100');
SELECT segment.create_program('club');
SELECT segment.create_tiering('club', 'sum(orders.amount where status = "paid")', period => 'this year');
SELECT segment.create_tier('club', 'gold', 1000);
INSERT INTO customers VALUES (1, 'Aarhus', 'paid'), (2, 'Skagen', 'open');
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id');
SELECT segment.create_earning('club', 'orders', 'orders.amount where status = "paid"', 'city = "Aarhus" or in audience regulars or club.tier = "gold" or level = "paid"', ref => 'order_id');
INSERT INTO orders VALUES (1, 1, 10);
CREATE VIEW rules AS SELECT rule, version AS v, source, amount, condition, ref, lost_at IS NOT NULL AS lost, valid_until = 'infinity' AS on FROM segment.earning ORDER BY 1, 2;
CREATE VIEW points AS SELECT customer_id, club_balance FROM follower ORDER BY 1;
\pset format unaligned
\pset tuples_only on
SELECT * FROM rules;

-- each name that a rule mentions becomes another, and it goes on to count
ALTER TABLE orders RENAME amount TO total;
ALTER TABLE orders RENAME order_id TO number;
ALTER TABLE orders RENAME TO sales;
ALTER TYPE state RENAME VALUE 'paid' TO 'settled';
SELECT segment.rename_trait('city', 'town'), segment.rename_audience('regulars', 'friends');
SELECT * FROM rules;
INSERT INTO sales VALUES (2, 1, 20, 1, 1, 'settled'), (3, 2, 100, 1, 1, 'settled'), (4, 1, 40, 1, 1, 'open');
UPDATE sales SET total = 15 WHERE number = 1;
SELECT * FROM points;
SELECT segment.rename_source('sales', 'purchases');
-- two columns that swap their names are three statements
ALTER TABLE sales RENAME total TO x;
ALTER TABLE sales RENAME number TO total;
ALTER TABLE sales RENAME x TO number;
SELECT * FROM rules;
UPDATE sales SET number = 16 WHERE total = 1;
DELETE FROM sales WHERE total = 2;
SELECT * FROM points;
ALTER TABLE sales RENAME number TO x;
ALTER TABLE sales RENAME total TO order_id;
ALTER TABLE sales RENAME x TO amount;
SELECT segment.rename_trait('club_qualified', 'collected');
SELECT * FROM segment.verify_program('club');

-- what a rule reads is not dropped, nor made what it cannot read
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
SELECT outcome($$SELECT segment.drop_trait('town')$$);
SELECT outcome($$SELECT segment.drop_audience('friends')$$);
SELECT outcome($$SELECT segment.detach_source('purchases')$$);
SELECT outcome('ALTER TABLE sales DROP amount');
SELECT outcome('ALTER TABLE sales DROP CONSTRAINT orders_pkey, DROP order_id');
SELECT outcome('DROP TABLE sales');
SELECT outcome($$SELECT segment.drop_tiering('club')$$);
-- rows are known again by a unique index
SELECT outcome('ALTER TABLE sales DROP CONSTRAINT orders_pkey');
SELECT outcome('CREATE TABLE old_sales () INHERITS (sales)');
BEGIN;
ALTER TABLE sales DROP CONSTRAINT orders_pkey CASCADE;
SELECT * FROM rules WHERE rule = 'orders';
ROLLBACK;
SELECT segment.create_earning('club', 'float', 'purchases.f', ref => 'order_id');
SELECT outcome('ALTER TABLE sales ALTER f TYPE text');
SELECT outcome('ALTER TABLE sales ALTER f TYPE numeric');
SELECT segment.end_earning('club', 'float');
-- rows that have earned are known again when their column is of another type
SELECT outcome('ALTER TABLE sales ALTER order_id TYPE numeric(10, 2)');
SELECT outcome('ALTER TABLE sales ALTER order_id TYPE timestamptz USING to_timestamp(order_id)');
ALTER TABLE sales ALTER order_id TYPE text;
ALTER TABLE sales ALTER order_id TYPE bigint USING order_id::bigint;
-- and so in another table
CREATE TABLE new_sales (LIKE sales INCLUDING DEFAULTS);
CREATE INDEX ON new_sales (customer_id, at);
INSERT INTO new_sales SELECT * FROM sales;
SELECT outcome($$SELECT segment.move_source('purchases', 'new_sales')$$);
ALTER TABLE new_sales ADD PRIMARY KEY (order_id);
BEGIN;
SELECT segment.move_source('purchases', 'new_sales');
DELETE FROM new_sales;
SELECT * FROM points;
ROLLBACK;
DROP TABLE new_sales;
-- the condition of a version that has ended is needed no more
SELECT segment.create_earning('club', 'north', 'purchases.n', 'town = "Skagen"', ref => 'order_id');
SELECT segment.end_earning('club', 'north');
SELECT segment.create_earning('club', 'orders', 'purchases.amount', 'in audience friends', ref => 'order_id');
SELECT segment.drop_trait('town');
-- with a cascade the rule ends, and what it has granted stays
SELECT segment.drop_audience('friends', cascade => true);
SELECT * FROM rules WHERE rule = 'orders';
INSERT INTO sales VALUES (10, 1, 1000);
DELETE FROM sales WHERE order_id = 3;
SELECT * FROM points;
SELECT segment.create_earning('club', 'orders', 'purchases.amount', ref => 'order_id');
INSERT INTO sales VALUES (11, 1, 7);
SELECT * FROM points;
ALTER TABLE sales DROP n CASCADE;
SELECT * FROM rules;
SELECT * FROM segment.verify_program('club');

-- nothing that a rule meets fails the statement
ALTER TABLE sales ADD n integer, ADD pieces integer;
SELECT segment.create_trait('ratio', 'spent / (spent - 107)');
SELECT segment.create_earning('club', 'ratio', '10 / (purchases.n - 1)', 'ratio > 1', ref => 'order_id');
SELECT segment.create_earning('club', 'square', 'purchases.amount * amount * 1e100', ref => 'order_id');
SELECT segment.create_earning('club', 'product', 'purchases.f * 1e300', ref => 'order_id');
INSERT INTO sales (order_id, customer_id, amount, f, n) VALUES (20, 1, 0, 'NaN', 1), (21, 2, 'NaN', 'Infinity', 2147483647),
    (22, 2, 1e100000, 1e308, -2147483648), (23, 1, 'Infinity', '-Infinity', NULL), (24, 1, NULL, 0, 1), (25, 2, -4e15, 1, 1), (26, 2, -4e18, 1, 1);
UPDATE sales SET amount = 1, f = 1 WHERE order_id IN (21, 23);
UPDATE sales SET amount = 1e100000, f = 'NaN' WHERE order_id IN (21, 23);
DELETE FROM sales WHERE order_id > 20;
SELECT * FROM points;
SELECT * FROM segment.verify_program('club');
-- nor a rule that does not bind: it earns nothing, and that is said
SELECT segment.create_trait('home', 'customers.city');
SELECT segment.create_earning('club', 'orders', 'purchases.amount', 'home = "Aarhus"', ref => 'order_id');
SELECT segment.create_earning('club', 'pieces', 'purchases.pieces', ref => 'order_id');
INSERT INTO sales VALUES (30, 1, 5, 1, 'settled', segment.now(), 1, 1);
SELECT * FROM points;
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER TABLE sales RENAME pieces TO items;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
INSERT INTO sales VALUES (31, 1, 5, 1, 'settled', segment.now(), 1, 1);
SELECT * FROM points;
SELECT problem, key, thing, stored FROM segment.verify_program('club');
ALTER TABLE sales RENAME items TO pieces;
SELECT outcome($$SELECT segment.alter_trait('home', 'length(customers.city)')$$);
SELECT segment.create_earning('club', 'orders', 'purchases.amount', 'home = "Aarhus" and level != "open"', ref => 'order_id');
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER TYPE state RENAME VALUE 'open' TO 'unpaid';
ALTER EVENT TRIGGER segment_guard_command ENABLE;
INSERT INTO sales VALUES (32, 1, 5, 1, 'settled', segment.now(), 1, 1);
UPDATE sales SET amount = 6 WHERE order_id = 30;
SELECT * FROM points;
SELECT problem, key, thing, stored FROM segment.verify_program('club');

-- a program takes its own rules with it
DROP VIEW points;
SELECT segment.create_earning('club', 'rich', 'purchases.amount', 'club.balance > 10 and club_tier_until is set', ref => 'order_id');
SELECT outcome($$SELECT segment.drop_program('club')$$);
SET client_min_messages = warning;
SELECT segment.drop_population('follower', cascade => true);
DROP SCHEMA shop_follow CASCADE;
