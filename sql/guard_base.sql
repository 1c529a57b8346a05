-- What the owner of a population does to its base table.  What would make the
-- next row of somebody else fail is refused when it is done; all else is the
-- owner's business.
CREATE SCHEMA guard_base;
SET search_path = guard_base;
SET segment.now = '2026-05-10 12:00+00';
CREATE TABLE orders (customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
INSERT INTO orders VALUES (1, 10), (2, 20);
SELECT segment.create_population('based');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_audience('big', 'spent > 15');
SELECT stored AS stored FROM segment.stored_trait WHERE population = 'based' \gset

-- columns of ours
ALTER TABLE segment_data.based RENAME customer_id TO customer;
ALTER TABLE segment_data.based RENAME wake_at TO due_at;
ALTER TABLE segment_data.based ALTER evaluated_at TYPE timestamp;
ALTER TABLE segment_data.based ALTER source_rows DROP DEFAULT;
ALTER TABLE segment_data.based ALTER ord DROP IDENTITY;
ALTER TABLE segment_data.based ALTER wake_at SET NOT NULL;
ALTER TABLE segment_data.based DROP :stored CASCADE;
ALTER TABLE segment_data.based ADD note text, DROP source_rows;
ALTER TABLE segment_data.based DROP COLUMN IF EXISTS s1000;

-- indexes by which profiles are found; another one may go
ALTER TABLE segment_data.based DROP CONSTRAINT based_pkey;
DROP INDEX segment_data.based_wake_at_idx;
DROP INDEX CONCURRENTLY segment_data.based_wake_at_idx;
REINDEX INDEX CONCURRENTLY segment_data.based_wake_at_idx;
CREATE INDEX other ON segment_data.based (source_rows);
DROP INDEX segment_data.other;

-- another place, and rows that its owner does not see
ALTER TABLE segment_data.based SET SCHEMA public;
ALTER TABLE segment_data.based ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- a column of the owner's that no new profile would have
CREATE DOMAIN required AS text NOT NULL;
CREATE DOMAIN given AS required DEFAULT 'none';
BEGIN;
DELETE FROM orders;
ALTER TABLE segment_data.based ADD note text NOT NULL;
ROLLBACK;
BEGIN;
DELETE FROM orders;
ALTER TABLE segment_data.based ADD note required;
ROLLBACK;
ALTER TABLE segment_data.based ADD note text NOT NULL DEFAULT '';
ALTER TABLE segment_data.based ALTER note DROP DEFAULT;
ALTER TABLE segment_data.based DROP note;

-- one that has a value is filled in; each row gets one of its own
CREATE SEQUENCE serial;
ALTER TABLE segment_data.based ADD note given, ADD number bigint NOT NULL DEFAULT nextval('guard_base.serial') UNIQUE,
    ADD numbered bigint GENERATED ALWAYS AS IDENTITY, ADD id uuid DEFAULT gen_random_uuid(), ADD plain text;
INSERT INTO orders VALUES (3, 30), (4, 40), (5, 50);
SELECT customer_id, note, number, numbered, plain FROM segment_data.based ORDER BY 1;
SELECT count(DISTINCT id) FROM segment_data.based;
SET segment.capture = off;
INSERT INTO orders VALUES (6, 60), (7, 70);
RESET segment.capture;
SELECT segment.rebuild();
SELECT count(*), count(DISTINCT number), count(DISTINCT numbered), count(DISTINCT id) FROM segment_data.based;
SELECT * FROM segment.verify();

-- a constraint of the owner's refuses rows, and its name is in the error
ALTER TABLE segment_data.based ADD CONSTRAINT few CHECK (source_rows < 3);
INSERT INTO orders VALUES (1, 1);
\set VERBOSITY terse
INSERT INTO orders VALUES (1, 1);
\set VERBOSITY default
ALTER TABLE segment_data.based DROP CONSTRAINT few;

-- what changes how it is stored, or what it is called, changes nothing
ALTER TABLE segment_data.based ALTER :stored SET STORAGE EXTERNAL, ALTER :stored SET STATISTICS 7, SET (fillfactor = 80);
ALTER TABLE segment_data.based RENAME TO customers_based;
ALTER TABLE segment_data.customers_based CLUSTER ON based_pkey;
CLUSTER segment_data.customers_based;
VACUUM FULL segment_data.customers_based;
ALTER VIEW based RENAME TO people;
INSERT INTO orders VALUES (8, 80);
SELECT customer_id, spent FROM people WHERE customer_id IN (1, 8) ORDER BY 1;
SELECT count(*) FROM big;
SELECT * FROM segment.verify();

-- the tables of members
ALTER TABLE segment_data.based_toggle ADD note text;
ALTER TABLE segment_data.based_chunk RENAME members TO them;
ALTER TABLE segment_data.based_chunk DROP CONSTRAINT based_chunk_pkey;
ALTER TABLE segment_data.based_toggle ADD CHECK (ord > 0);
CREATE INDEX ON segment_data.based_toggle (ord);
CREATE UNIQUE INDEX CONCURRENTLY ON segment_data.based_chunk (chunk);
INSERT INTO orders VALUES (9, 90);

-- what was broken where event triggers did not fire can be mended
SET segment.capture = off;
ALTER TABLE segment_data.customers_based RENAME wake_at TO due_at;
RESET segment.capture;
INSERT INTO orders VALUES (9, 90);
ALTER TABLE segment_data.customers_based RENAME due_at TO wake_at;
INSERT INTO orders VALUES (9, 90);
SELECT * FROM segment.verify();
SET client_min_messages = warning;
SELECT segment.drop_population('based', cascade => true);
DROP SCHEMA guard_base CASCADE;
