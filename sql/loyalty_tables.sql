-- A ledger's tables are written row by row; where their owner has put something of
-- their own on them, by statements.  Both ways write the same rows, and nothing of
-- the owner's is passed by.
CREATE SCHEMA shop_tables;
SET search_path = shop_tables, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE FUNCTION shop(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.create_population(name::name, timezone => 'UTC');
    PERFORM segment.attach_source('orders', at => 'at', population => name::name);
    PERFORM segment.create_program('club', expires => 'after 1 year', bonus => 10, population => name::name);
    PERFORM segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id', population => name::name);
    PERFORM segment.join_program('club', c, 'code ' || c, name::name) FROM generate_series(1, 3) AS c;
END $$;
SELECT shop('fast'), shop('slow');
-- the owner of "slow" keeps an account of their own, with triggers of statements and of
-- rows, and has a column and a constraint of their own
CREATE TABLE account (what text, rows bigint, points numeric);
CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO shop_tables.account SELECT %L, count(*), sum(%I) FROM came', TG_TABLE_NAME || ' ' || TG_OP, TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_tables.account VALUES (TG_TABLE_NAME || ' ' || TG_OP || ' ' || TG_LEVEL, 1, new.points);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT ON segment_data.slow_club_entry REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION note_statement('points');
CREATE TRIGGER note AFTER UPDATE ON segment_data.slow_club_lot REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION note_statement('remaining');
CREATE TRIGGER note AFTER INSERT ON segment_data.slow_club_movement FOR EACH ROW EXECUTE FUNCTION note_row();
ALTER TABLE segment_data.slow_club_granted ADD shop text NOT NULL DEFAULT 'Berlin';
ALTER TABLE segment_data.slow_club_lot ADD CONSTRAINT small CHECK (granted <= 1000);
-- and without indexes, rows are found all the same
DROP INDEX segment_data.slow_club_lot_key_expires_at_lot_idx, segment_data.slow_club_entry_key_idx, segment_data.slow_club_hold_key_until_idx;
CREATE FUNCTION everywhere(call text) RETURNS TABLE (fast bigint, slow bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT segment.%s, segment.%s', replace(call, ')', ', population => ''fast'')'), replace(call, ')', ', population => ''slow'')')) INTO fast, slow;
    RETURN NEXT;
END $$;
INSERT INTO orders VALUES (1, 1, 120.5), (2, 2, 80), (3, 1, 30), (4, 9, 70);
INSERT INTO orders SELECT 100 + i, 1 + i % 3, i FROM generate_series(1, 300) AS i;
UPDATE orders SET amount = amount - 20 WHERE order_id < 4;
UPDATE orders SET customer_id = 3 WHERE order_id = 2;
DELETE FROM orders WHERE order_id BETWEEN 110 AND 130;
SET segment.now = '2026-01-02 10:00+00';
SELECT * FROM everywhere($$earn('club', 1, 40, expires => '2026-02-01')$$);
SELECT * FROM everywhere($$redeem('club', 1, 60, token => 'till 1')$$);
SELECT * FROM everywhere($$redeem('club', 1, 60, token => 'till 1')$$);
SELECT * FROM everywhere($$redeem('club', 2, 60, token => 'till 1')$$);
SELECT * FROM everywhere($$hold('club', 2, 30)$$);
SELECT * FROM everywhere($$give('club', 1, 2, 500)$$);
SELECT * FROM everywhere($$adjust('club', 3, -17, note => 'counted twice')$$);
SET segment.now = '2026-01-03 10:00+00';
-- the hold has lapsed
SELECT * FROM everywhere($$redeem('club', 2, 15)$$);
-- the same rows, whatever numbers they have
CREATE FUNCTION differ(what text, columns text) RETURNS TABLE (of_table text, rows bigint, differ bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH f AS (SELECT %2$s FROM segment_data.fast_club_%1$s), s AS (SELECT %2$s FROM segment_data.slow_club_%1$s)'
        ' SELECT %1$L, (SELECT count(*) FROM f), (SELECT count(*) FROM ((TABLE f EXCEPT ALL TABLE s) UNION ALL (TABLE s EXCEPT ALL TABLE f)) AS x)', what, columns);
END $$;
SELECT d.* FROM (VALUES ('movement', 'movement, key, kind, points, at, ref, token, reverses, by, note, rule, version'),
    ('lot', 'lot, movement, key, granted, remaining, active_at, expires_at'), ('entry', 'entry, movement, lot, key, points, kind, contra, at'),
    ('hold', 'movement, key, points, until, state'), ('granted', 'rule, ref, key, version, raw, points, movement')) AS t(what, columns), differ(t.what, t.columns) AS d;
SELECT DISTINCT shop FROM segment_data.slow_club_granted;
SELECT customer_id, f.club_balance AS fast, s.club_balance AS slow FROM fast AS f FULL JOIN slow AS s USING (customer_id) ORDER BY 1;
-- the owner's account misses nothing
SELECT what, sum(rows) AS rows, sum(points) AS points FROM account GROUP BY what ORDER BY what;
SELECT (SELECT count(*) FROM segment_data.slow_club_entry WHERE movement > 3) AS entries, (SELECT count(*) FROM segment_data.slow_club_movement WHERE movement > 3) AS movements;
-- a constraint of the owner's holds
SELECT segment.earn('club', 1, 1001, population => 'slow');
SELECT problem FROM segment.verify_program('club', 'fast') UNION ALL SELECT problem FROM segment.verify_program('club', 'slow');
SELECT definition FROM segment.verify('fast') UNION ALL SELECT definition FROM segment.verify('slow');
-- a row that a trigger keeps back is not missed in silence
CREATE FUNCTION keep_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_back BEFORE INSERT ON segment_data.slow_club_lot FOR EACH ROW EXECUTE FUNCTION keep_back();
SELECT segment.earn('club', 1, 10, population => 'slow');
INSERT INTO orders VALUES (800, 1, 10);
DROP TRIGGER keep_back ON segment_data.slow_club_lot;
CREATE TRIGGER keep_back BEFORE UPDATE ON segment_data.slow_club_lot FOR EACH ROW EXECUTE FUNCTION keep_back();
SELECT segment.redeem('club', 1, 10, population => 'slow');
DROP TRIGGER keep_back ON segment_data.slow_club_lot;
CREATE TRIGGER keep_back BEFORE INSERT ON segment_data.slow_club_movement FOR EACH ROW EXECUTE FUNCTION keep_back();
SELECT segment.redeem('club', 1, 10, population => 'slow');
DROP TRIGGER keep_back ON segment_data.slow_club_movement;
-- what was made of a table is made again when it has changed
ALTER TABLE segment_data.fast_club_entry ADD CONSTRAINT many CHECK (points < 5000);
SELECT segment.earn('club', 1, 5000, population => 'fast');
ALTER TABLE segment_data.fast_club_entry DROP CONSTRAINT many, DROP CONSTRAINT fast_club_entry_points_check;
ALTER TABLE segment_data.fast_club_entry ADD CONSTRAINT fewer CHECK (points < 6000);
SELECT segment.earn('club', 1, 6000, population => 'fast');
SELECT segment.earn('club', 1, 5000, population => 'fast') IS NOT NULL AS earned;
-- an index of the owner's has all rows, of whatever kind it is
CREATE INDEX ON segment_data.fast_club_movement (ref, at) WHERE points > 40;
CREATE INDEX ON segment_data.fast_club_lot ((granted * 2));
CREATE INDEX ON segment_data.fast_club_entry USING hash (movement);
ALTER TABLE segment_data.fast_club_granted ADD UNIQUE (points, ref) DEFERRABLE;
INSERT INTO orders VALUES (900, 1, 777);
SELECT segment.earn('club', 1, 555, ref => 'by hand', population => 'fast') AS movement \gset
SELECT segment.redeem('club', 1, 7, token => 'till 2', population => 'fast') > 0 AS redeemed;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM segment_data.fast_club_lot WHERE granted * 2 IN (1554, 1110);
SELECT (SELECT count(*) FROM segment_data.fast_club_movement WHERE ref = 'by hand' AND points > 40) AS movements,
    (SELECT count(*) FROM segment_data.fast_club_lot WHERE granted * 2 IN (1554, 1110)) AS lots,
    (SELECT count(*) FROM segment_data.fast_club_entry WHERE movement = :movement) AS entries,
    (SELECT count(*) FROM segment_data.fast_club_granted WHERE points = 777) AS granted;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT segment.drop_population('fast', cascade => true), segment.drop_population('slow', cascade => true);
DROP SCHEMA shop_tables CASCADE;
