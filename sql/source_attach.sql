-- Which tables can feed a population, and what is said of those that cannot.
-- The statements come past the event triggers that would refuse or follow them.
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER EVENT TRIGGER segment_guard_rewrite DISABLE;
CREATE SCHEMA shop_source;
SET search_path = shop_source, public;

CREATE TABLE customers (customer_id int PRIMARY KEY, city text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense');
INSERT INTO orders VALUES (1, 1, 10, '2026-05-01'), (2, 3, 20, '2026-05-02'), (3, NULL, 30, '2026-05-03');

SELECT segment.create_population('profile');

-- rows that are there count at once; those without a key are ignored, and said to be
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT * FROM profile ORDER BY 1;
SELECT population, source, relation, key, at FROM segment.source ORDER BY source;
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY 1;
SELECT customer_id, source_rows FROM segment_data.profile ORDER BY 1;

-- a table of events without an index gets a hint
CREATE TABLE visits (customer_id bigint, at timestamp);
SELECT segment.attach_source('visits', at => 'at');
-- one table twice, under two names: who gave and who received
CREATE TABLE gifts (id int PRIMARY KEY, giver bigint, taker bigint, on_day date);
CREATE INDEX ON gifts (giver, on_day);
CREATE INDEX ON gifts (taker, on_day);
SELECT segment.attach_source('gifts', key => 'giver', at => 'on_day', name => 'given');
SELECT segment.attach_source('gifts', key => 'taker', at => 'on_day', name => 'taken');
INSERT INTO gifts VALUES (1, 1, 7, '2026-05-01');
SELECT customer_id, source_rows FROM segment_data.profile ORDER BY 1;

-- and how they are doing, anonymous events included
SELECT * FROM segment.stat_source ORDER BY source;
ALTER TABLE orders DISABLE TRIGGER segment_profile_update;
SELECT source, captured FROM segment.stat_source ORDER BY source;
ALTER TABLE orders ENABLE TRIGGER segment_profile_update;

-- what cannot be a source
CREATE VIEW recent AS SELECT * FROM orders;
SELECT segment.attach_source('recent', at => 'ordered_at');
CREATE MATERIALIZED VIEW frozen AS SELECT * FROM orders;
SELECT segment.attach_source('frozen', at => 'ordered_at');
CREATE TABLE parted (customer_id bigint, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE part PARTITION OF parted DEFAULT;
SELECT segment.attach_source('part', at => 'at');
CREATE TABLE parent (customer_id bigint, at timestamptz);
CREATE TABLE child () INHERITS (parent);
SELECT segment.attach_source('child', at => 'at');
CREATE TEMP TABLE fleeting (customer_id bigint, at timestamptz);
SELECT segment.attach_source('fleeting', at => 'at');
CREATE UNLOGGED TABLE unlogged (customer_id bigint, at timestamptz);
SELECT segment.attach_source('unlogged', at => 'at');
CREATE FOREIGN DATA WRAPPER regress_segment_wrapper;
CREATE SERVER regress_segment_server FOREIGN DATA WRAPPER regress_segment_wrapper;
CREATE FOREIGN TABLE far (customer_id bigint, at timestamptz) SERVER regress_segment_server;
SELECT segment.attach_source('far', at => 'at');
DROP FOREIGN DATA WRAPPER regress_segment_wrapper CASCADE;
SELECT segment.attach_source('pg_class', key => 'oid');
SELECT segment.attach_source('segment_data.profile', key => 'customer_id');
SELECT segment.attach_source('ordrs', at => 'ordered_at');
SELECT segment.attach_source(NULL);

-- what its columns must be
CREATE TABLE wrong (client text, customer_id numeric, at text);
SELECT segment.attach_source('wrong', key => 'custmer_id', at => 'at');
SELECT segment.attach_source('wrong', at => 'at');
SELECT segment.attach_source('wrong', key => 'client', at => 'at');
ALTER TABLE wrong ALTER customer_id TYPE bigint;
SELECT segment.attach_source('wrong', at => 'at');
SELECT segment.attach_source('wrong', at => 'when');
-- attributes: at most one row of a profile, and a unique index says so
SELECT segment.attach_source('wrong');
CREATE UNIQUE INDEX ON wrong (customer_id);
SELECT segment.attach_source('wrong');

-- twice is once too often
SELECT segment.attach_source('orders', at => 'ordered_at');

-- a table that was dropped and made anew is another one
CREATE TABLE calls (customer_id bigint, at timestamptz);
CREATE INDEX ON calls (customer_id, at);
SELECT segment.attach_source('calls', at => 'at');
DROP TABLE calls;
CREATE TABLE calls (customer_id bigint, at timestamptz);
CREATE INDEX ON calls (customer_id, at);
SELECT segment.attach_source('calls', at => 'at');
SELECT segment.detach_source('calls');
SELECT segment.attach_source('calls', at => 'at');
SELECT segment.detach_source('calls');

-- rights: to attach, the table's triggers and the population; to insert, nothing
CREATE ROLE regress_segment_ben;
CREATE ROLE regress_segment_cleo;
GRANT USAGE ON SCHEMA shop_source TO regress_segment_ben, regress_segment_cleo;
GRANT INSERT, UPDATE, DELETE, SELECT ON orders TO regress_segment_ben;
CREATE TABLE of_ben (customer_id bigint PRIMARY KEY);
ALTER TABLE of_ben OWNER TO regress_segment_ben;
SET ROLE regress_segment_ben;
SELECT segment.attach_source('of_ben');
INSERT INTO orders VALUES (4, 1, 5, '2026-05-04');
UPDATE orders SET customer_id = 2 WHERE id = 4;
SELECT * FROM profile;
SELECT * FROM segment_data.profile;
RESET ROLE;
SELECT customer_id, source_rows FROM segment_data.profile ORDER BY 1;
-- a population whose owner may not read the table, or is shown a part of it
GRANT CREATE ON SCHEMA shop_source TO regress_segment_cleo;
SET ROLE regress_segment_cleo;
SELECT segment.create_population('of_cleo');
SELECT segment.attach_source('orders', at => 'ordered_at', population => 'of_cleo');
RESET ROLE;
SELECT segment.attach_source('orders', at => 'ordered_at', population => 'of_cleo');
GRANT SELECT ON orders TO regress_segment_cleo;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
SELECT segment.attach_source('orders', at => 'ordered_at', population => 'of_cleo');
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
SELECT segment.drop_population('of_cleo');

-- snapshots older than the rows
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT segment.attach_source('gifts', key => 'giver', at => 'on_day', name => 'again', population => 'profile');
ROLLBACK;

-- detaching takes the rows back
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.detach_source('orders');
SELECT segment.detach_source('odrers');
SELECT segment.detach_source('orders', cascade => true);
SELECT customer_id, source_rows FROM segment_data.profile ORDER BY 1;
SELECT * FROM segment.verify();
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass;

SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_source CASCADE;
DROP ROLE regress_segment_ben, regress_segment_cleo;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
ALTER EVENT TRIGGER segment_guard_rewrite ENABLE;
