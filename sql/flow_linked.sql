-- A line has the key and the time of its order, and what it refers to is part
-- of it: whatever changes, in any order, the traits are what naive joins say.
CREATE SCHEMA shop_linked;
SET search_path = shop_linked, public;
SET jit = off;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, status text, extra jsonb, note text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE products (id int PRIMARY KEY, category text, stock int);
CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint, product_id int, amount numeric, note text);

SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'ordered_at');
-- what cannot be, and leaves nothing behind
SELECT segment.attach_source('order_lines', through => 'order', link => 'order_id');
SELECT segment.attach_source('order_lines', through => 'orders');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'ordr_id');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id = note');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'note = note');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'amount = id');
SELECT segment.attach_source('order_lines', link => 'order_id', at => 'id');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', key => 'id');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '["products"]');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '{"product": "products"}');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '{"orders": "products using product_id"}');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '{"note": "products using product_id"}');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '{"self": "order_lines using id"}');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', filter => 'orders.statuss = "paid"');
SELECT source FROM segment.source;
SELECT count(*) FROM segment.source_link;
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('order_lines'::regclass, 'products'::regclass);

INSERT INTO products VALUES (1, 'skin', 5), (2, 'tea', 5), (3, NULL, 5);
INSERT INTO orders VALUES (1, 1, 'paid', '{"way": "web"}', NULL, '2026-05-01'), (2, 2, 'open', NULL, NULL, '2026-05-02');
INSERT INTO order_lines VALUES (1, 1, 1, 10), (2, 1, 2, 20), (3, 2, 1, 5), (4, 9, 1, 7), (5, NULL, 1, 7);
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id"}');
CREATE INDEX ON order_lines (order_id);
CREATE INDEX ON order_lines (product_id);
SELECT source, through, key, key_link, at, at_link FROM segment.source ORDER BY source;
SELECT source, number, link, relation, of_link, of_column, to_column, look_up FROM segment.source_link ORDER BY 1, 2;
SELECT source, rows, rows_without_key, captured FROM segment.stat_source ORDER BY 1;
SELECT segment.create_trait('lines', 'count(order_lines)');
SELECT segment.create_trait('spent', 'sum(order_lines.amount where orders.status = "paid")');
SELECT segment.create_trait('skin', 'sum(order_lines.amount where product.category = "skin" and orders.status = "paid")');
SELECT segment.create_trait('largest', 'max(order_lines.amount)');
SELECT segment.create_trait('categories', 'list(distinct order_lines.product.category)');
SELECT segment.create_trait('last_line', 'max(order_lines.orders.ordered_at)');
SELECT segment.create_trait('way', 'last(order_lines.orders.extra.way)');
SELECT segment.create_trait('in_may', 'count(order_lines since "2026-05-01")');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_audience('skin_lovers', 'skin > 5', view => false);
SELECT * FROM profile ORDER BY 1;

CREATE VIEW naive AS
SELECT k.customer_id, count(l.id) AS lines,
       coalesce(sum(l.amount) FILTER (WHERE l.status = 'paid'), 0) AS spent,
       coalesce(sum(l.amount) FILTER (WHERE l.status = 'paid' AND l.category = 'skin'), 0) AS skin,
       max(l.amount) AS largest,
       coalesce(array_agg(DISTINCT l.category ORDER BY l.category) FILTER (WHERE l.category IS NOT NULL), '{}') AS categories,
       max(l.ordered_at) AS last_line,
       (SELECT o.extra -> 'way' FROM orders o JOIN order_lines m ON m.order_id = o.id WHERE o.customer_id = k.customer_id
        AND o.extra -> 'way' IS NOT NULL AND o.ordered_at IS NOT NULL ORDER BY o.ordered_at DESC, o.extra -> 'way' LIMIT 1) AS way,
       count(l.id) FILTER (WHERE l.ordered_at >= '2026-05-01Z') AS in_may,
       (SELECT count(*) FROM orders o WHERE o.customer_id = k.customer_id) AS orders
FROM (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL GROUP BY 1) k
LEFT JOIN (SELECT l.id, l.amount, o.customer_id, o.status, o.ordered_at, p.category
           FROM order_lines l JOIN orders o ON o.id = l.order_id LEFT JOIN products p ON p.id = l.product_id) l USING (customer_id)
GROUP BY k.customer_id;
CREATE FUNCTION differences() RETURNS TABLE (which text, profile text) LANGUAGE sql AS $$
    SELECT 'stored', a::text FROM (TABLE shop_linked.profile EXCEPT ALL TABLE naive) a
    UNION ALL SELECT 'naive', b::text FROM (TABLE naive EXCEPT ALL TABLE shop_linked.profile) b
    UNION ALL SELECT 'verify', v::text FROM segment.verify() v
$$;
SELECT * FROM differences();

-- a line before its order, and the order comes
INSERT INTO orders VALUES (9, 3, 'paid', NULL, NULL, '2026-05-03');
SELECT customer_id, lines, spent FROM profile ORDER BY 1;
SELECT * FROM differences();
-- an order changes its customer, its time, its status, or nothing that counts
UPDATE orders SET customer_id = 4 WHERE id = 1;
SELECT * FROM differences();
UPDATE orders SET ordered_at = '2026-04-01', status = 'open' WHERE id = 9;
SELECT * FROM differences();
UPDATE orders SET status = 'paid', extra = '{"way": "shop"}';
SELECT * FROM differences();
UPDATE orders SET note = 'x';
UPDATE products SET stock = stock - 1;
SELECT * FROM differences();
-- a product changes its category, or goes
UPDATE products SET category = 'skin' WHERE id = 2;
SELECT * FROM differences();
DELETE FROM products WHERE id = 1;
SELECT * FROM differences();
INSERT INTO products VALUES (1, 'tea', 3);
SELECT * FROM differences();
-- lines change, and go
UPDATE order_lines SET amount = 100, order_id = 2 WHERE id = 1;
SELECT * FROM differences();
UPDATE order_lines SET note = 'x';
DELETE FROM order_lines WHERE id = 1;
SELECT * FROM differences();
-- an order goes, its lines are nobody's
DELETE FROM orders WHERE id = 9;
SELECT * FROM differences();
SELECT source, rows, rows_without_key FROM segment.stat_source ORDER BY 1;
-- both in one statement, in each way
WITH o AS (INSERT INTO orders VALUES (20, 5, 'paid', NULL, NULL, '2026-05-09') RETURNING id)
INSERT INTO order_lines SELECT 200 + i, id, 1 + i % 3, i FROM o, generate_series(1, 5) AS i;
SELECT * FROM differences();
WITH o AS (UPDATE orders SET customer_id = 6, status = 'open' WHERE id = 20), p AS (UPDATE products SET category = 'cup' WHERE id = 1)
UPDATE order_lines SET amount = amount + 1, order_id = CASE WHEN id = 201 THEN 2 ELSE order_id END WHERE id > 200;
SELECT * FROM differences();
WITH o AS (DELETE FROM orders WHERE id = 20), l AS (INSERT INTO order_lines VALUES (300, 20, 1, 4), (301, 2, 1, 3))
DELETE FROM order_lines WHERE order_id = 20;
SELECT * FROM differences();
-- conflicts, merges, subtransactions, all at once
INSERT INTO orders SELECT i, i % 4, CASE WHEN i % 2 = 0 THEN 'paid' ELSE 'open' END, NULL, NULL, '2026-05-01'::timestamptz + i * interval '1 day' FROM generate_series(30, 60) AS i;
INSERT INTO order_lines SELECT i, 30 + i % 40, i % 4, i FROM generate_series(1000, 1200) AS i;
SELECT * FROM differences();
INSERT INTO order_lines SELECT i, 31, 1, 1 FROM generate_series(1190, 1210) AS i ON CONFLICT (id) DO UPDATE SET order_id = order_lines.order_id + 1;
SELECT * FROM differences();
MERGE INTO orders USING generate_series(55, 65) AS i ON id = i
WHEN MATCHED AND i % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET customer_id = 8
WHEN NOT MATCHED THEN INSERT VALUES (i, 9, 'paid', NULL, NULL, '2026-06-01');
SELECT * FROM differences();
BEGIN;
UPDATE orders SET customer_id = customer_id + 1;
SAVEPOINT a;
DELETE FROM order_lines;
ROLLBACK TO a;
UPDATE products SET category = 'none';
DELETE FROM order_lines WHERE id % 3 = 0;
SELECT * FROM differences();
ROLLBACK;
SELECT * FROM differences();
-- foreign keys that cascade, and triggers of the shop
DELETE FROM order_lines WHERE order_id IS NULL OR order_id NOT IN (SELECT id FROM orders);
ALTER TABLE order_lines ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE;
DELETE FROM orders WHERE id IN (31, 32, 33);
SELECT * FROM differences();
UPDATE orders SET id = id + 1000 WHERE id IN (34, 35);
SELECT * FROM differences();
CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE shop_linked.orders SET status = 'paid', customer_id = customer_id + 1 WHERE id = new.order_id; RETURN new; END $$;
CREATE TRIGGER follow AFTER INSERT ON order_lines FOR EACH ROW EXECUTE FUNCTION follow();
INSERT INTO order_lines SELECT i, 36 + i % 3, 2, 7 FROM generate_series(2000, 2009) AS i;
SELECT * FROM differences();
DROP TRIGGER follow ON order_lines;
BEGIN;
TRUNCATE order_lines;
SELECT * FROM differences();
ROLLBACK;
BEGIN;
TRUNCATE orders CASCADE;
SELECT * FROM differences();
INSERT INTO orders VALUES (1, 1, 'paid', NULL, NULL, '2026-05-01');
INSERT INTO order_lines VALUES (1, 1, 1, 1);
SELECT * FROM differences();
ROLLBACK;
BEGIN;
TRUNCATE products;
SELECT * FROM differences();
ROLLBACK;
SELECT * FROM differences();
SELECT segment.rebuild();
SELECT * FROM differences();
SELECT segment.size('skin_lovers') = count(*) FROM naive WHERE skin > 5;

-- names follow, and what others need stays
SELECT segment.rename_source('orders', 'sales');
SELECT source, through FROM segment.source ORDER BY 1;
UPDATE orders SET customer_id = 3 WHERE id = 36;
SELECT * FROM differences();
SELECT segment.detach_source('sales', cascade => true);
SELECT segment.detach_source('order_lines', cascade => true);
SELECT count(*) FROM segment.source_link;
SELECT count(*) FROM segment.stored_trait WHERE source = 'order_lines';
SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE tgname ~ '^segment_profile' ORDER BY 1;
SELECT * FROM segment.verify();
SELECT segment.drop_population('profile', cascade => true);

-- several steps: lines, orders, and customers who have the account
DROP FUNCTION differences;
DROP VIEW naive;
CREATE TABLE customers (id int PRIMARY KEY, account text, region_id int);
CREATE TABLE regions (id int PRIMARY KEY, name text);
ALTER TABLE orders ALTER customer_id TYPE int;
CREATE INDEX ON customers (account);
CREATE INDEX ON customers (region_id);
INSERT INTO regions VALUES (1, 'north'), (2, 'south');
INSERT INTO customers SELECT i, 'account ' || i / 2, i % 3 FROM generate_series(1, 9) AS i;
SELECT segment.create_population('accounts', key => 'account', key_type => 'text', timezone => 'UTC');
CREATE UNIQUE INDEX one_account ON customers (account) WHERE false;
CREATE TABLE signups (id int PRIMARY KEY, account text, at timestamptz);
CREATE INDEX ON signups (account, at);
ALTER TABLE customers ADD at timestamptz DEFAULT '2026-01-01';
SELECT segment.attach_source('customers', at => 'at');
SELECT segment.attach_source('orders', through => 'customers', link => 'customer_id', at => 'ordered_at', look_up => '{"region": "regions using customers.region_id"}');
SELECT segment.attach_source('order_lines', through => 'orders');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('north', 'sum(order_lines.amount where region.name = "north")');
SELECT segment.create_trait('largest', 'max(order_lines.amount)');
SELECT segment.create_trait('last_at', 'max(order_lines.orders.ordered_at)');
CREATE VIEW naive AS
SELECT account, (SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.account = k.account) AS orders,
    coalesce(sum(amount) FILTER (WHERE name = 'north'), 0) AS north, max(amount) AS largest, max(ordered_at) AS last_at
FROM (SELECT DISTINCT account FROM customers WHERE account IS NOT NULL) k LEFT JOIN
    (SELECT c.account, l.amount, r.name, o.ordered_at FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN customers c ON c.id = o.customer_id
     LEFT JOIN regions r ON r.id = c.region_id) l USING (account) GROUP BY account;
CREATE FUNCTION differences() RETURNS TABLE (which text, profile text) LANGUAGE sql AS $$
    SELECT 'stored', a::text FROM (TABLE accounts EXCEPT ALL TABLE naive) a
    UNION ALL SELECT 'naive', b::text FROM (TABLE naive EXCEPT ALL TABLE accounts) b
    UNION ALL SELECT 'verify', v::text FROM segment.verify() v
$$;
SELECT * FROM differences();
UPDATE customers SET account = 'account 1' WHERE id = 4;
SELECT * FROM differences();
UPDATE regions SET name = 'north' WHERE id = 2;
SELECT * FROM differences();
UPDATE customers SET region_id = 1 WHERE id = 5;
DELETE FROM customers WHERE id = 8;
SELECT * FROM differences();
INSERT INTO customers VALUES (8, 'account 9', 2);
SELECT * FROM differences();
UPDATE orders SET customer_id = 1 + customer_id % 9;
SELECT * FROM differences();
DELETE FROM orders WHERE id % 5 = 0;
SELECT * FROM differences();
WITH c AS (UPDATE customers SET account = 'account ' || id), o AS (UPDATE orders SET customer_id = 1 + customer_id % 7), r AS (DELETE FROM regions WHERE id = 1)
UPDATE order_lines SET amount = amount * 2;
SELECT * FROM differences();
TRUNCATE regions;
SELECT * FROM differences();

-- a look-up is named as it is written
CREATE TABLE notes (id bigint, text text);
SELECT segment.attach_source('order_lines', name => 'noted', through => 'orders', link => 'order_id', look_up => '{"remark": "notes using product_id, id = id"}', population => 'accounts');
SELECT segment.attach_source('order_lines', name => 'noted', through => 'orders', link => 'order_id', look_up => '{"remark": "notes using product_id"}', population => 'accounts');
DROP TABLE notes;

-- what makes a link unfit is said, also past the event triggers
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
\set VERBOSITY terse
INSERT INTO order_lines VALUES (5000, 1, 1, 1);
\set VERBOSITY default
SELECT source, definition, expected FROM segment.verify();
ALTER TABLE orders ADD PRIMARY KEY (id);
INSERT INTO order_lines VALUES (5000, 40, 1, 1);
SELECT * FROM differences();
SELECT segment.drop_population('accounts', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_linked CASCADE;
