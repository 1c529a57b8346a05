-- A column gets another type, collation or other values: what depends on it is read
-- again in the same transaction, or the statement is refused with the names of
-- what would not work any more.
CREATE SCHEMA shop_guard;
SET search_path = shop_guard, public;
SET segment.now = '2026-06-01 12:00+00';
SET timezone = 'UTC';
CREATE COLLATION reversed (provider = icu, locale = 'en-u-kn');
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city varchar(20), age int);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, pieces int, shop text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE lines (order_id bigint, quantity int);
CREATE INDEX ON lines (order_id);
INSERT INTO customers VALUES (1, 'Aarhus', 30), (2, 'Odense', 40);
INSERT INTO orders VALUES (1, 1, 1.25, 2, 'x10', '2026-05-01'), (2, 2, 30, 1, 'x9', '2026-05-20'), (3, 1, 7, 7, 'x9', '2026-05-31 20:00'),
    (4, 3, 1, 1, 'x9', '2026-05-31 20:00');
INSERT INTO lines VALUES (1, 3), (2, 1);
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('orders', name => 'large', at => 'ordered_at', filter => 'amount > 5');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('age', 'customers.age');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_trait('spent_twice', 'spent * 2');
SELECT segment.create_trait('pieces', 'sum(orders.pieces in last 30 days)');
SELECT segment.create_trait('larges', 'count(large)');
SELECT segment.create_trait('last_shop', 'max(orders.shop)');
SELECT segment.create_trait('line_pieces', 'sum(lines.quantity)');
SELECT segment.create_audience('buyers', 'spent > 20');
SELECT segment.create_audience('grown', 'age >= 40');
SELECT segment.create_audience('recent', 'sum(orders.pieces where amount > 5 in last 30 days) > 3');
SELECT segment.create_consumer('reader');
SELECT * FROM segment.tick();
CREATE VIEW answer AS
SELECT *, array(SELECT segment.audiences(customer_id) ORDER BY 1) AS audiences FROM profile ORDER BY customer_id;
SELECT * FROM answer;
DROP VIEW answer;
\set answer 'SELECT *, array(SELECT segment.audiences(customer_id) ORDER BY 1) AS audiences FROM profile ORDER BY customer_id;'
\set types 'SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = ''profile''::regclass AND attnum > 0 ORDER BY attnum;'

-- values
ALTER TABLE orders ALTER amount TYPE numeric USING amount * 100;
:answer
SELECT * FROM segment.verify();
SELECT seq, audience, key, change, cause FROM segment.poll('reader', 100) ORDER BY seq;
-- rounded without USING; values of a smaller scale are others
ALTER TABLE orders ALTER amount TYPE numeric(10,0) USING amount / 100;
:answer
SELECT * FROM segment.verify();
-- another type
ALTER TABLE orders ALTER pieces TYPE bigint, ALTER amount TYPE float8, ALTER ordered_at TYPE timestamp;
ALTER TABLE customers ALTER age TYPE text, ALTER city TYPE text;
ALTER TABLE customers ALTER city TYPE text, ALTER age TYPE smallint;
ALTER TABLE lines ALTER quantity TYPE numeric USING quantity + 0.5;
:answer
:types
SELECT * FROM segment.verify();
INSERT INTO orders VALUES (5, 2, 8, 8, 'x11', '2026-05-31 21:00');
INSERT INTO lines VALUES (5, 1);
UPDATE customers SET age = 50 WHERE customer_id = 1;
:answer
SELECT * FROM segment.verify();
-- another collation: x9 comes before x10
ALTER TABLE orders ALTER shop TYPE text COLLATE reversed;
:answer
SELECT * FROM segment.verify();
-- nothing happens where nothing changes
SELECT xmin AS before FROM segment_data.profile WHERE customer_id = 1 \gset
ALTER TABLE customers ALTER city TYPE varchar;
ALTER TABLE orders ALTER shop SET STATISTICS 10, ALTER amount SET NOT NULL;
ALTER TABLE orders ALTER id TYPE bigint;
SELECT xmin = :before AS untouched FROM segment_data.profile WHERE customer_id = 1;

-- refused, with the names
ALTER TABLE orders ALTER amount TYPE text;
ALTER TABLE orders ALTER pieces TYPE boolean USING pieces > 1;
ALTER TABLE orders ALTER ordered_at TYPE text;
ALTER TABLE orders ALTER customer_id TYPE uuid USING NULL;
ALTER TABLE customers ALTER age TYPE point USING NULL;
CREATE VIEW cities AS SELECT city FROM profile;
ALTER TABLE customers ALTER city TYPE int USING length(city);
DROP VIEW cities;
SELECT * FROM segment.verify();

-- keys and times
ALTER TABLE lines ALTER order_id TYPE bigint USING CASE order_id WHEN 1 THEN 4 ELSE order_id END;
:answer
SELECT * FROM segment.verify();
ALTER TABLE orders ALTER customer_id TYPE int USING CASE customer_id WHEN 3 THEN 4 ELSE customer_id END;
ALTER TABLE orders ALTER ordered_at TYPE timestamptz USING ordered_at - interval '60 days';
:answer
SELECT * FROM segment.verify();
SELECT audience, key, change, cause FROM segment.transition WHERE cause = 'edit' ORDER BY seq;

-- in a transaction that is undone
BEGIN;
ALTER TABLE orders ALTER amount TYPE int USING 0;
:answer
ROLLBACK;
:answer
SELECT * FROM segment.verify();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM orders;
ALTER TABLE orders ALTER amount TYPE int USING 0;
ROLLBACK;

-- whoever owns the table
CREATE ROLE regress_guard_clerk;
GRANT USAGE, CREATE ON SCHEMA shop_guard TO regress_guard_clerk;
ALTER TABLE customers OWNER TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
ALTER TABLE customers ALTER age TYPE int USING age + 1;
RESET ROLE;
:answer
SELECT * FROM segment.verify();

-- policies may hide rows from whoever owns a population, be it now or when another role owns the table
RESET ROLE;
GRANT SELECT, TRIGGER ON orders TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
SELECT segment.create_population('clerks', key => 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at', population => 'clerks');
SELECT segment.create_trait('largest', 'max(orders.amount)', population => 'clerks');
RESET ROLE;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders OWNER TO regress_guard_clerk;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
DELETE FROM orders;
SELECT * FROM segment.verify('clerks');
ALTER TABLE orders OWNER TO CURRENT_USER;

SET client_min_messages = warning;
SELECT segment.drop_population('clerks', cascade => true);
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_guard CASCADE;
DROP ROLE regress_guard_clerk;
