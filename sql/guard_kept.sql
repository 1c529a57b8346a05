-- What the owner of a population does to the tables in which its profiles, members and ledgers are kept.  What
-- would make them drift, and nobody would notice, is refused; all else is the owner's business.
CREATE SCHEMA guard_kept;
SET search_path = guard_kept;
SET segment.now = '2026-05-10 12:00+00';
CREATE TABLE orders (customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
INSERT INTO orders VALUES (1, 10), (2, 20);
SELECT segment.create_population('kept');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_audience('big', 'spent > 15');
SELECT segment.create_program('club');
SELECT FROM segment.join_program('club', 1);
SELECT segment.earn('club', 1, 100);

-- what a crash would empty, and what our statements or those of others would go past
ALTER TABLE segment_data.kept SET UNLOGGED;
ALTER TABLE segment_data.kept_chunk SET UNLOGGED;
ALTER TABLE segment_data.kept_club_lot SET UNLOGGED;
CREATE RULE quiet AS ON UPDATE TO segment_data.kept DO INSTEAD NOTHING;
CREATE RULE quiet AS ON INSERT TO segment_data.kept_toggle DO ALSO SELECT 1;
CREATE RULE quiet AS ON UPDATE TO segment_data.kept_club_lot DO INSTEAD NOTHING;
CREATE TABLE above (customer_id bigint NOT NULL);
ALTER TABLE segment_data.kept INHERIT above;
CREATE TABLE below (LIKE segment_data.kept INCLUDING ALL);
ALTER TABLE below INHERIT segment_data.kept;
CREATE TABLE beneath () INHERITS (segment_data.kept_toggle);
CREATE TABLE parted (LIKE segment_data.kept_club_hold) PARTITION BY LIST (key);
ALTER TABLE parted ATTACH PARTITION segment_data.kept_club_hold DEFAULT;
CREATE TABLE parted_by_code PARTITION OF parted DEFAULT;
CREATE TYPE chunk AS (definition_id integer, chunk bigint, size integer, members bytea);
ALTER TABLE segment_data.kept_chunk OF chunk;
DROP TABLE above, below, parted;

-- numbers that would come again; how many are fetched at once is the owner's business
ALTER TABLE segment_data.kept ALTER ord RESTART;
ALTER TABLE segment_data.kept_club_movement ALTER movement SET START 7 RESTART;
ALTER SEQUENCE segment_data.kept_ord_seq CYCLE;
ALTER SEQUENCE segment_data.kept_ord_seq SET UNLOGGED;
ALTER TABLE segment_data.kept DROP CONSTRAINT kept_ord_key;
ALTER SEQUENCE segment_data.kept_ord_seq CACHE 10;
ALTER TABLE segment_data.kept ALTER ord SET CACHE 1;

-- what hides rows from others only, says what is logged of a row, or where it is, changes nothing
ALTER TABLE segment_data.kept ENABLE ROW LEVEL SECURITY, REPLICA IDENTITY NOTHING, SET TABLESPACE pg_default;
ALTER TABLE segment_data.kept_toggle ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, REPLICA IDENTITY FULL;
ALTER TABLE segment_data.kept_chunk ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE segment_data.kept_club_lot ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE ROLE regress_kept;
SET client_min_messages = error;
ALTER VIEW kept OWNER TO regress_kept;
ALTER TABLE orders OWNER TO regress_kept;
RESET client_min_messages;
GRANT USAGE, CREATE ON SCHEMA guard_kept TO regress_kept;
INSERT INTO orders VALUES (1, 1), (3, 30);
SELECT count(*) FROM segment.tick();
SELECT segment.redeem('club', 1, 30);
SELECT segment.create_audience('spenders', 'spent > 0 and club_balance < 100');
SELECT customer_id, spent, club_balance FROM kept ORDER BY 1;
SELECT customer_id FROM spenders ORDER BY 1;
SELECT * FROM segment.verify();
SELECT * FROM segment.verify_program('club');

SET client_min_messages = warning;
SELECT segment.drop_population('kept', cascade => true);
DROP SCHEMA guard_kept CASCADE;
DROP ROLE regress_kept;
