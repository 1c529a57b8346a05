-- Columns and tables that definitions read are dropped: refused with the list of
-- what reads them, or CASCADE, which takes the definitions along.
CREATE SCHEMA shop_guard;
SET search_path = shop_guard, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE DOMAIN points AS int;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, note text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, status state, points points, note text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE lines (order_id bigint, product_id bigint, quantity int);
CREATE INDEX ON lines (order_id);
CREATE INDEX ON lines (product_id);
CREATE TABLE products (id bigint PRIMARY KEY, category text, color text);
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense');
INSERT INTO orders VALUES (1, 1, 100, 'paid', 3, '', '2026-05-01'), (2, 2, 30, 'open', 1, '', '2026-05-20'), (3, 3, 5, 'open', 1, '', '2026-05-20');
INSERT INTO products VALUES (1, 'soap'), (2, 'books');
INSERT INTO lines VALUES (1, 1, 3), (2, 2, 1);

SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('orders', name => 'paid', at => 'ordered_at', filter => 'status = "paid"');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id', look_up => '{"product": "products using product_id"}');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_trait('spent_twice', 'spent * 2');
SELECT segment.create_trait('points', 'sum(orders.points)');
SELECT segment.create_trait('soaps', 'sum(lines.quantity where product.category = "soap")');
SELECT segment.create_audience('buyers', 'spent > 50');
SELECT segment.create_audience('best', 'in audience buyers and city = "Aarhus"');
SELECT segment.create_audience('recent', 'count(orders where amount > 10 in last 30 days) > 0', view => false);
SELECT segment.create_consumer('reader', from_start => true);
SELECT * FROM segment.tick();
SELECT seq, audience, key, change, cause FROM segment.poll('reader', 100) ORDER BY seq;

CREATE VIEW definitions AS
SELECT trait AS name, definition FROM segment.trait
UNION ALL SELECT audience, filter::text FROM segment.audience
UNION ALL SELECT source, concat_ws(' ', relation, key, at, filter) FROM segment.source;

-- what nothing reads goes
ALTER TABLE orders DROP note;
-- refused: each line says who reads it, directly
ALTER TABLE orders DROP amount;
ALTER TABLE customers DROP city, DROP note;
ALTER TABLE orders DROP status;
ALTER TABLE orders DROP ordered_at;
ALTER TABLE lines DROP order_id;
ALTER TABLE products DROP category;
ALTER TABLE products DROP color;
DROP TABLE lines;
DROP TABLE orders;
DROP TABLE products, customers;
DROP DOMAIN points;
DO $$ BEGIN EXECUTE 'DROP TABLE orders'; EXCEPTION WHEN dependent_objects_still_exist THEN RAISE NOTICE 'refused'; END $$;
INSERT INTO orders VALUES (4, 2, 60, 'paid', 2, '2026-05-31');
SELECT * FROM profile ORDER BY 1;
SELECT * FROM segment.verify();

-- CASCADE takes along what reads it, and what is made of that
BEGIN;
ALTER TABLE orders DROP amount CASCADE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM profile ORDER BY 1;
SELECT * FROM segment.verify();
SELECT * FROM segment.tick();
SELECT audience, key, change, cause FROM segment.transition WHERE cause = 'drop' ORDER BY seq;
SELECT to_regclass('buyers'), to_regclass('best');
ROLLBACK;
SELECT * FROM profile ORDER BY 1;
BEGIN;
DROP DOMAIN points CASCADE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM segment.verify();
ROLLBACK;
BEGIN;
ALTER TABLE products DROP category CASCADE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
INSERT INTO lines VALUES (2, 1, 4);
SELECT * FROM segment.verify();
ROLLBACK;
BEGIN;
DROP TABLE products CASCADE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM segment.verify();
ROLLBACK;
-- a table, its filtered sources, and those that go through it; Eve is gone, who
-- had nothing but an order
BEGIN;
DROP TABLE orders CASCADE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM profile ORDER BY 1;
SELECT * FROM segment.verify();
ROLLBACK;
-- a type, and all that is in a schema
BEGIN;
DROP TYPE state CASCADE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM segment.verify();
ROLLBACK;
BEGIN;
SET client_min_messages = warning;
DROP SCHEMA shop_guard CASCADE;
SELECT count(*) FROM segment.source;
SELECT * FROM segment.verify();
SELECT segment.drop_population('profile');
ROLLBACK;
RESET client_min_messages;
SELECT * FROM segment.verify();

-- a table whose owner has nothing to do with the population
CREATE ROLE regress_guard_clerk;
GRANT USAGE, CREATE ON SCHEMA shop_guard TO regress_guard_clerk;
ALTER TABLE products OWNER TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
DROP TABLE products;
ALTER TABLE products DROP color;
BEGIN;
DROP TABLE products CASCADE;
SELECT count(*) FROM segment.source;
SELECT current_user;
ROLLBACK;
DROP OWNED BY regress_guard_clerk;
DROP OWNED BY regress_guard_clerk CASCADE;
RESET ROLE;
SELECT * FROM definitions ORDER BY name COLLATE "C";
SELECT * FROM segment.verify();

-- what members are stored in stays; a population goes with its base table, also one that has no source any more
GRANT SELECT, INSERT, TRIGGER ON orders TO regress_guard_clerk;
GRANT USAGE, CREATE ON SCHEMA shop_guard TO regress_guard_clerk;
SET ROLE regress_guard_clerk;
SELECT segment.create_population('clerks', key => 'customer_id');
SELECT segment.attach_source('orders', at => 'ordered_at', population => 'clerks');
SELECT segment.create_audience('many', 'count(orders) > 3', population => 'clerks', view => false);
DROP TABLE segment_data.clerks_toggle;
DROP TABLE segment_data.clerks_chunk CASCADE;
DROP TABLE segment_data.clerks;
BEGIN;
DROP TABLE segment_data.clerks CASCADE;
INSERT INTO shop_guard.orders VALUES (40, 1, 1, 'paid', 2, now());
SELECT population FROM segment.population;
SELECT segment.create_population('clerks', key => 'customer_id');
ROLLBACK;
RESET ROLE;
BEGIN;
SELECT segment.detach_source('orders', cascade => true, population => 'clerks');
DROP OWNED BY regress_guard_clerk CASCADE;
SELECT population FROM segment.population;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM segment.transition;
DROP OWNED BY regress_guard_clerk CASCADE;
INSERT INTO orders VALUES (40, 1, 1, 'paid', 2, now());
DELETE FROM orders WHERE id = 40;
COMMIT;
SELECT population FROM segment.population;
SELECT DISTINCT population FROM segment.feed;
SELECT relname FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace AND relname ~ '^clerks';
SELECT * FROM segment.verify();

-- triggers of ours that are dropped or disabled: a warning, and stat_source tells
ALTER TABLE orders DISABLE TRIGGER USER;
SELECT source, captured FROM segment.stat_source ORDER BY source;
INSERT INTO orders VALUES (5, 1, 7, 'paid', 0, '2026-05-31');
ALTER TABLE orders ENABLE TRIGGER segment_profile_insert;
ALTER TABLE orders ENABLE TRIGGER USER;
SELECT source, captured FROM segment.stat_source ORDER BY source;
SELECT * FROM segment.verify() ORDER BY source, definition, key;
SELECT segment.rebuild();
SELECT * FROM segment.verify();
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER mine AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION nothing();
DROP TRIGGER mine ON orders;
DROP TRIGGER segment_profile_update ON orders;
SELECT source, captured FROM segment.stat_source ORDER BY source;
-- pg_restore --clean drops triggers before tables: then the table goes, too
BEGIN;
DROP TRIGGER segment_profile_before ON orders;
DROP TRIGGER segment_profile_insert ON orders;
DROP TRIGGER segment_profile_delete ON orders;
DROP TRIGGER segment_profile_truncate ON orders;
DROP TABLE orders;
ROLLBACK;
-- a trigger of a partition is as good as one of its table
CREATE TABLE visits (customer_id bigint, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE visits_may PARTITION OF visits FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE INDEX ON visits (customer_id, at);
SELECT segment.attach_source('visits', at => 'at');
BEGIN;
ALTER TABLE visits_may DISABLE TRIGGER ALL;
SELECT captured FROM segment.stat_source WHERE source = 'visits';
ROLLBACK;
DROP TRIGGER segment_profile_insert ON visits_may;
SELECT segment.move_source('visits', 'visits');
SELECT captured FROM segment.stat_source WHERE source = 'visits';
-- a session that restores data is left alone
SET segment.capture = off;
ALTER TABLE customers DISABLE TRIGGER ALL;
ALTER TABLE customers ENABLE TRIGGER ALL;
RESET segment.capture;

DROP VIEW definitions;
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_guard CASCADE;
DROP ROLE regress_guard_clerk;
