-- A label of an enum is renamed, and definitions say it, wherever it is compared
-- with a value of that type, and nowhere else.
CREATE SCHEMA shop_guard;
SET search_path = shop_guard, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TYPE state AS ENUM ('open', 'paid', 'lost');
CREATE TYPE other AS ENUM ('open', 'paid');
CREATE DOMAIN kind AS state;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, mood state);
CREATE TABLE orders (customer_id bigint, status state, kind kind, tags state[], other other, note text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, 'paid'), (2, 'open');
INSERT INTO orders VALUES (1, 'paid', 'open', '{paid,open}', 'paid', 'paid', '2026-05-01'), (1, 'open', 'paid', '{}', 'open', 'open', '2026-05-20'),
    (2, 'lost', NULL, '{open}', 'paid', 'paid', '2026-05-31');
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('orders', name => 'paid', at => 'ordered_at', filter => 'status = "paid" or note = "paid" and kind in ("open", "paid")');
SELECT segment.create_traits('{
    "mood": "customers.mood",
    "paid_orders": "count(orders where status = \"paid\" and note = \"paid\")",
    "of_kind": "count(orders where kind != \"paid\")",
    "tagged": "count(orders where tags contains \"paid\" or tags contains all (\"paid\", \"lost\"))",
    "others": "count(orders of other \"paid\" where status > \"open\")",
    "last_status": "last(orders.status)",
    "all_status": "list(distinct orders.status)",
    "or_so": "coalesce(last_status, \"paid\")",
    "choice": "case when last_status = \"paid\" then \"paid\" when mood = \"paid\" then \"open\" else last_status end",
    "paid_rows": "count(paid in last 40 days)"}');
SELECT segment.create_audience('glad', 'mood in ("paid", "lost") and customers.mood is set');
SELECT segment.create_audience('payers', 'all_status contains any ("paid", "lost") and did orders of status "paid" where note = "paid"');
SELECT segment.create_audience('both', 'in audience glad and last_status between "open" and "paid"');
CREATE VIEW definitions AS
SELECT trait AS name, definition FROM segment.trait
UNION ALL SELECT audience, filter::text FROM segment.audience
UNION ALL SELECT source, filter::text FROM segment.source WHERE filter IS NOT NULL;
\set answer 'SELECT *, array(SELECT segment.audiences(customer_id) ORDER BY 1) AS audiences FROM profile ORDER BY customer_id;'
:answer

ALTER TYPE state RENAME VALUE 'paid' TO 'settled "in" full';
SELECT * FROM definitions ORDER BY name COLLATE "C";
:answer
SELECT * FROM segment.verify();
INSERT INTO orders VALUES (2, 'settled "in" full', 'lost', '{"settled \"in\" full"}', 'paid', 'paid', '2026-06-01');
:answer
SELECT * FROM segment.verify();
-- two labels that swap their names
ALTER TYPE state RENAME VALUE 'settled "in" full' TO 'paid';
ALTER TYPE state RENAME VALUE 'open' TO 'spare';
ALTER TYPE state RENAME VALUE 'paid' TO 'open';
ALTER TYPE state RENAME VALUE 'spare' TO 'paid';
ALTER TYPE other RENAME VALUE 'paid' TO 'done';
SELECT * FROM definitions ORDER BY name COLLATE "C";
:answer
SELECT * FROM segment.verify();
-- new labels change nothing
ALTER TYPE state ADD VALUE 'new' BEFORE 'lost';
ALTER TYPE state ADD VALUE IF NOT EXISTS 'new';
SELECT * FROM segment.verify();
-- it is undone with the transaction
BEGIN;
ALTER TYPE state RENAME VALUE 'open' TO 'x';
ROLLBACK;
SELECT definition FROM segment.trait WHERE trait = 'choice';

-- labels that are keys: each customer is called differently
CREATE TYPE shop AS ENUM ('Aarhus', 'Odense');
CREATE TABLE sales (shop shop, amount int, at timestamptz);
CREATE INDEX ON sales (shop, at);
INSERT INTO sales VALUES ('Aarhus', 3, now()), ('Odense', 5, now());
SELECT segment.create_population('shops', key => 'shop', key_type => 'text');
SELECT segment.attach_source('sales', at => 'at', population => 'shops');
SELECT segment.create_trait('sold', 'sum(sales.amount)', population => 'shops');
SELECT segment.create_audience('good', 'sold > 4', population => 'shops', view => false);
ALTER TYPE shop RENAME VALUE 'Odense' TO 'Odense C';
SELECT * FROM shops ORDER BY shop COLLATE "C";
SELECT * FROM segment.verify('shops');
SELECT key, change, cause FROM segment.transition WHERE population = 'shops' ORDER BY seq;

DROP VIEW definitions;
SET client_min_messages = warning;
SELECT segment.drop_population('shops', cascade => true);
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_guard CASCADE;
