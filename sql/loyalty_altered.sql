-- Whoever owns a population owns the tables of its ledger, and may alter them: but
-- not so that customers lose what they have, and not so that the server takes a
-- value for one of another type.
CREATE SCHEMA shop_altered;
SET search_path = shop_altered, public;
SET timezone = 'UTC';
SET segment.now = '2026-01-01 10:00+00';
CREATE ROLE regress_altered;
GRANT ALL ON SCHEMA shop_altered TO regress_altered;
SET ROLE regress_altered;
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club', bonus => 5);
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => '12 months');
SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 1000);
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id', cap => 100000, per => 'day');
SELECT segment.create_reward('club', 'mug', 50), segment.create_reward('club', 'stamp', 1300, auto => true);
SELECT segment.join_program('club', 1, '1') IS NOT NULL AS one, segment.join_program('club', 2, '2', referred_by => '1') IS NOT NULL AS two;
INSERT INTO orders VALUES (1, 1, 700), (2, 2, 50);
SELECT segment.hold('club', 1, 5);
SELECT movement, expires_at FROM segment.redeem_reward('club', 1, 'mug');
SELECT segment.redeem('club', 1, 10, token => 'x');

-- refused, whoever asks for it, and whatever goes with it
DROP TABLE segment_data.guest_club_lot;
DROP TABLE segment_data.guest_club_entry;
DROP TABLE segment_data.guest_club_entry CASCADE;
DROP TABLE segment_data.guest_club_voucher, segment_data.guest_club_hold CASCADE;
DROP TABLE segment_data.guest_club_step CASCADE;
DROP TABLE segment_data.guest_club_kept;
ALTER TABLE segment_data.guest_club_lot ALTER remaining TYPE numeric;
ALTER TABLE segment_data.guest_club_lot RENAME remaining TO rest;
ALTER TABLE segment_data.guest_club_movement RENAME note TO remark;
ALTER TABLE segment_data.guest_club_hold ALTER state DROP NOT NULL;
ALTER TABLE segment_data.guest_club_granted DROP raw;
ALTER TABLE segment_data.guest_club_step ALTER tier TYPE varchar(20);
ALTER TABLE segment_data.guest_club_entry ALTER points TYPE int;
ALTER TABLE segment_data.guest_club_movement ALTER movement DROP IDENTITY;
-- so are the unique indexes, unless another one says the same
ALTER TABLE segment_data.guest_club_granted DROP CONSTRAINT guest_club_granted_pkey;
ALTER TABLE segment_data.guest_club_member DROP CONSTRAINT guest_club_member_code_key;
DROP INDEX segment_data.guest_club_movement_token_idx;
DROP INDEX CONCURRENTLY segment_data.guest_club_movement_token_idx;
REINDEX INDEX CONCURRENTLY segment_data.guest_club_movement_token_idx;
-- all else is the owner's business
ALTER TABLE segment_data.guest_club_lot ADD shop text, ADD CONSTRAINT few CHECK (granted < 1000000);
RESET ROLE;
ALTER TABLE segment_data.guest_club_lot RENAME TO guest_club_lots;
CREATE INDEX ON segment_data.guest_club_movement (made_at);
-- another index may say the same of all rows
CREATE UNIQUE INDEX of_some ON segment_data.guest_club_movement (token) WHERE points > 0;
DROP INDEX segment_data.guest_club_movement_token_idx;
CREATE UNIQUE INDEX of_all ON segment_data.guest_club_movement (token);
DROP INDEX segment_data.guest_club_movement_token_idx, segment_data.of_all;
DROP INDEX segment_data.guest_club_movement_token_idx, segment_data.of_some;
DROP INDEX segment_data.of_all;
CREATE UNIQUE INDEX guest_club_movement_token_idx ON segment_data.guest_club_movement (token) WHERE token IS NOT NULL;
DROP INDEX segment_data.of_all;
ALTER TABLE segment_data.guest_club_step DROP CONSTRAINT guest_club_step_pkey, ADD PRIMARY KEY (key, at);
INSERT INTO orders VALUES (3, 1, 1);
ALTER TABLE segment_data.guest_club_lots RENAME TO guest_club_lot;
ALTER TABLE segment_data.guest_club_lot DROP shop, DROP CONSTRAINT few;

-- where nobody refuses it, nothing is taken for what it is not
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
CREATE TABLE calls (call text);
INSERT INTO calls SELECT 'SELECT * FROM segment.' || call FROM unnest(ARRAY[
    'earn(''club'', 1, 4)', 'redeem(''club'', 1, 4, token => ''y'')', 'redeem(''club'', 1, 10, token => ''x'')', 'hold(''club'', 1, 5)',
    'settle(''club'', 5)', 'release(''club'', 5)', 'reverse(''club'', 3)', 'reverse(''club'', 7)', 'give(''club'', 1, 2, 5)', 'adjust(''club'', 1, -3, ''x'')',
    'card(''club'', 1)', 'statement(''club'', 1)', 'why(''club'', 3)', 'liability(''club'')', 'program_report(''club'')', 'verify_program(''club'')',
    'tier_steps(''club'', 1)', 'join_program(''club'', 5, ''5'', referred_by => ''1'')', 'join_program(''club'', 1)', 'leave_program(''club'', 1)',
    'member_key(''club'', ''1'')', 'redeem_reward(''club'', 1, ''mug'')', 'use_voucher(''club'', (SELECT min(code::text) FROM segment_data.guest_club_voucher))',
    'cancel_voucher(''club'', (SELECT min(code::text) FROM segment_data.guest_club_voucher))', 'alter_tier(''club'', ''silver'', 600)',
    'create_earning(''club'', ''again'', ''orders.amount'', ref => ''order_id'', valid_from => ''2025-01-01'', backfill => true)']) AS call;
INSERT INTO calls VALUES ('INSERT INTO orders VALUES (4, 1, 2000)'), ('UPDATE orders SET amount = 3'), ('DELETE FROM orders');
-- each column as a type of another kind, or as a NULL; and then whatever one can do
CREATE FUNCTION alter_and_try(alteration text, statements text[]) RETURNS TABLE (outcome text) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    taken text[];
BEGIN
    BEGIN
        SET LOCAL segment.capture = off;
        FOREACH statement IN ARRAY statements LOOP
            PERFORM outcome(statement);
        END LOOP;
        EXECUTE alteration;
        SET LOCAL segment.capture = on;
        SET LOCAL segment.now = '2026-01-02 10:00+00';
        taken := ARRAY(SELECT outcome(call) FROM calls);
        RAISE EXCEPTION 'undo it';
    EXCEPTION WHEN raise_exception THEN
        RETURN QUERY SELECT * FROM unnest(taken);
    WHEN OTHERS THEN
        RETURN QUERY SELECT 'altered: ' || SQLSTATE || ' ' || SQLERRM;
    END;
END $$;
CREATE TEMP TABLE tried AS
    WITH columns AS (SELECT c.oid::regclass AS tab, a.attname, a.attnotnull AND NOT a.attbyval AS no_null,
            CASE WHEN a.attbyval THEN 'text' ELSE 'bigint' END AS type,
            -- what stands in the way
            ARRAY(SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.oid::regclass, conname) FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n'
                UNION ALL SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index WHERE indrelid = c.oid AND NOT indisprimary)
            || format('ALTER TABLE %s ALTER %I DROP IDENTITY', c.oid::regclass, a.attname) || format('ALTER TABLE %s ALTER %I DROP DEFAULT', c.oid::regclass, a.attname) AS first
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'segment_data'::regnamespace AND c.relname ~ '^guest_club_' AND c.relkind = 'r'),
    alterations AS (SELECT tab, attname, type, first, format('ALTER TABLE %s ALTER %I TYPE %s USING %s(%I::text)', tab, attname, type,
            CASE type WHEN 'text' THEN 'upper' ELSE 'hashtext' END, attname) AS alteration
        FROM columns
        UNION ALL SELECT tab, attname, 'NULL', first || format('ALTER TABLE %s ALTER %I DROP NOT NULL', tab, attname), format('UPDATE %s SET %I = NULL', tab, attname)
        FROM columns WHERE no_null)
    SELECT a.tab, a.attname, a.type, t.outcome FROM alterations a, alter_and_try(alteration, first) AS t;
SELECT count(*) > 2000 AS enough FROM tried;
SELECT DISTINCT tab, attname, type, outcome FROM tried WHERE outcome ~ '^altered:' OR outcome ~ '^XX' ORDER BY 1, 2, 3;
-- whichever column it is, it is named
SELECT tab, attname, type FROM tried GROUP BY 1, 2, 3 HAVING NOT bool_or(outcome ~ format('column "%s" of table %s', attname, tab));
SELECT DISTINCT outcome FROM tried WHERE outcome ~ 'table segment_data.guest_club_(lot|hold)' AND (type = 'NULL' OR attname IN ('granted', 'state')) ORDER BY 1;
-- all of it was undone
SELECT problem FROM segment.verify_program('club') UNION ALL SELECT definition FROM segment.verify();

-- a table that is gone all the same, and what is said of it
SET segment.capture = off;
DROP TABLE segment_data.guest_club_lot;
RESET segment.capture;
INSERT INTO orders VALUES (5, 1, 10);
SELECT segment.redeem('club', 1, 1);
SET client_min_messages = warning;
SELECT segment.drop_program('club', cascade => true);
INSERT INTO orders VALUES (5, 1, 10);
-- with its population the ledger may go
SET ROLE regress_altered;
SELECT segment.create_program('cash');
RESET ROLE;
DROP OWNED BY regress_altered CASCADE;
SELECT count(*) FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace AND relname ~ '^guest_cash';
SELECT count(*) FROM segment.program WHERE population = 'guest';
DROP SCHEMA shop_altered CASCADE;
DROP ROLE regress_altered;
