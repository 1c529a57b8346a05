-- A source is put onto another table: traits and audiences stay, only profiles that
-- differ are written.  So a table is swapped without a time in which nothing counts.
CREATE SCHEMA shop_guard;
SET search_path = shop_guard, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE lines (order_id bigint, quantity int);
CREATE INDEX ON lines (order_id);
INSERT INTO customers SELECT i, 'city ' || i % 3 FROM generate_series(1, 50) i;
INSERT INTO orders SELECT i, i % 40 + 1, i, timestamptz '2026-05-01' + i * interval '6 hours' FROM generate_series(1, 100) i;
INSERT INTO lines SELECT i, i % 5 FROM generate_series(1, 100) i;
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('orders', name => 'large', at => 'ordered_at', filter => 'amount > 90');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id');
SELECT segment.create_traits('{"city": "customers.city", "spent": "sum(orders.amount)", "months": "sum(orders.amount in last 30 days)",
    "larges": "count(large)", "best": "max(orders.amount)", "pieces": "sum(lines.quantity where orders.amount > 10)"}');
SELECT segment.create_audience('rich', 'spent > 150');
SELECT segment.create_audience('active', 'count(orders in last 7 days) > 1');
SELECT segment.create_consumer('reader');
SELECT * FROM segment.tick();

-- the new table: one order less and two more, a key of another type, columns in
-- another order
CREATE TABLE orders_new (ordered_at timestamptz, amount numeric, note text, customer_id int, id bigint PRIMARY KEY);
CREATE INDEX ON orders_new (customer_id, ordered_at);
INSERT INTO orders_new SELECT ordered_at, amount, 'moved', customer_id, id FROM orders WHERE id <> 7;
INSERT INTO orders_new VALUES ('2026-05-31', 400, 'new', 3, 101), ('2026-05-31', 1, 'new', 60, 102);
CREATE TABLE before AS SELECT ord, xmin::text AS version FROM segment_data.profile;
SELECT segment.move_source('orders', 'orders_new');
-- few profiles are written
SELECT customer_id AS written FROM segment_data.profile p LEFT JOIN before b USING (ord) WHERE b.version IS DISTINCT FROM p.xmin::text
ORDER BY 1;
SELECT * FROM segment.verify();
SELECT * FROM profile WHERE customer_id IN (3, 8, 60) ORDER BY 1;
SELECT audience, key, change, cause FROM segment.poll('reader', 100) ORDER BY seq;
SELECT source, relation, table_name, given FROM segment.source ORDER BY source;
SELECT source, captured FROM segment.stat_source ORDER BY source;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ '^segment_profile' AND tgrelid <> 'customers'::regclass
ORDER BY tgrelid::regclass::text COLLATE "C", tgname;
INSERT INTO orders_new VALUES ('2026-06-01', 5, 'new', 4, 103);
INSERT INTO lines VALUES (103, 7), (102, 1);
-- large reads the old table still
INSERT INTO orders VALUES (104, 4, 1000, '2026-06-01');
SELECT * FROM profile WHERE customer_id = 4;
SELECT segment.move_source('large', 'orders_new'::text);
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
SELECT * FROM segment.verify();
SELECT * FROM profile WHERE customer_id = 4;
SELECT source, relation, table_name, given FROM segment.source ORDER BY source;

-- the other way round: tables swap their names, the source has gone along with its
-- own, and is put onto the one that has its name
CREATE TABLE orders_new (LIKE orders INCLUDING ALL);
INSERT INTO orders_new SELECT * FROM orders;
INSERT INTO orders_new VALUES ('2026-06-01', 5, 'new', 5, 105);
BEGIN;
ALTER TABLE orders RENAME TO orders_old;
ALTER TABLE orders_new RENAME TO orders;
SELECT source, relation, table_name, given FROM segment.source WHERE source <> 'customers' ORDER BY source;
SELECT definition FROM segment.trait WHERE trait = 'spent';
SELECT segment.move_source('orders', 'orders');
SELECT segment.move_source('large', 'orders');
DROP TABLE orders_old;
COMMIT;
SELECT source, relation, table_name, given FROM segment.source WHERE source <> 'customers' ORDER BY source;
SELECT definition FROM segment.trait WHERE trait = 'spent';
SELECT * FROM segment.verify();

-- onto its own table: triggers are made anew, and what they missed counts
ALTER TABLE orders DISABLE TRIGGER ALL;
INSERT INTO orders VALUES ('2026-06-01', 6, 'unseen', 6, 106), ('2026-06-01', 6, 'unseen', 70, 107);
DELETE FROM orders WHERE id = 102;
DROP TRIGGER segment_profile_delete ON orders;
SELECT segment.move_source('orders', 'orders', 'profile');
SELECT source, captured FROM segment.stat_source ORDER BY source;
SELECT * FROM segment.verify();
SELECT customer_id FROM profile WHERE customer_id > 50;

-- refused
SELECT segment.move_source('order', 'orders');
SELECT segment.move_source('orders', NULL::regclass);
SELECT segment.move_source('orders', 'nowhere');
SELECT segment.move_source('orders', 'profile');
CREATE TABLE bad (id bigint, customer_id bigint, amount numeric, ordered_at timestamptz);
SELECT segment.move_source('orders', 'bad');
ALTER TABLE bad ADD PRIMARY KEY (id), DROP amount;
SELECT segment.move_source('orders', 'bad');
ALTER TABLE bad ADD amount text;
SELECT segment.move_source('orders', 'bad');
ALTER TABLE bad DROP amount, ADD amount int, ALTER customer_id TYPE text;
SELECT segment.move_source('orders', 'bad');
ALTER TABLE bad DROP customer_id, ADD customer_id int, DROP ordered_at;
SELECT segment.move_source('orders', 'bad');
SELECT segment.move_source('customers', 'bad');
SELECT * FROM segment.verify();
SELECT source, captured FROM segment.stat_source ORDER BY source;

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_guard CASCADE;
