-- The fold: what one transaction has undone is not told, what several did is; and
-- with a budget the first to happen are told first, together with what belongs to them.
CREATE SCHEMA shop_fold;
SET search_path = shop_fold;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2028-03-01 12:00+00';
SET segment.feed_retention = -1;

CREATE TABLE customers (name text PRIMARY KEY, points int);
CREATE TABLE orders (name text, amount int, ordered_at timestamptz);
CREATE INDEX ON orders (name, ordered_at);
SELECT segment.create_population('profile', key => 'name', key_type => 'text', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_audience('gold', 'points >= 100', view => false);
SELECT segment.create_audience('silver', 'points between 50 and 99', view => false);
SELECT segment.create_audience('busy', 'count(orders in last 2 days) >= 1', view => false);
CREATE VIEW now_in AS
SELECT audience, segment.size(audience), ARRAY(SELECT k FROM segment.members(audience) AS m(k text) ORDER BY k) AS members
FROM segment.audience;
-- what was told since it was last asked
CREATE TABLE asked AS SELECT 0::bigint AS seq;
CREATE FUNCTION told(tick int DEFAULT NULL) RETURNS TABLE (told text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.tick(tick);
    RETURN QUERY SELECT concat_ws(' ', key, change, audience, at::time(0), cause) FROM segment.transition t, asked a
        WHERE t.population = 'profile' AND t.seq > a.seq ORDER BY t.seq;
    UPDATE asked SET seq = coalesce((SELECT max(t.seq) FROM segment.transition t), 0);
END $$;
INSERT INTO customers VALUES ('Ada', 120), ('Ben', 60), ('Cid', 10);
INSERT INTO orders VALUES ('Ada', 5, '2028-03-01 11:00+00');
SELECT * FROM told();

-- a reload: everybody is who they were
BEGIN;
CREATE TEMP TABLE copied AS TABLE customers;
DELETE FROM customers;
INSERT INTO customers TABLE copied;
COMMIT;
SELECT count(*) AS pending FROM segment_data.profile_toggle;
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;
BEGIN;
TRUNCATE customers, orders;
INSERT INTO customers TABLE copied;
INSERT INTO orders VALUES ('Ada', 5, '2028-03-01 11:00+00');
COMMIT;
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;
SELECT * FROM segment.verify();

-- there and back, and there again: what came of it is told once
BEGIN;
UPDATE customers SET points = 100 WHERE name = 'Ben';
UPDATE customers SET points = 60 WHERE name = 'Ben';
UPDATE customers SET points = 10 WHERE name = 'Ada';
UPDATE customers SET points = 120 WHERE name = 'Ada';
UPDATE customers SET points = 55 WHERE name = 'Ada';
COMMIT;
SELECT * FROM told();
-- as another profile, which is what remains
BEGIN;
DELETE FROM customers WHERE name = 'Ben';
INSERT INTO customers VALUES ('Ben', 100);
DELETE FROM customers WHERE name = 'Ben';
INSERT INTO customers VALUES ('Ben', 150);
DELETE FROM customers WHERE name = 'Cid';
INSERT INTO customers VALUES ('Cid', 70);
DELETE FROM customers WHERE name = 'Cid';
COMMIT;
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;

-- savepoints: what was rolled back never was, what was released was the transaction's
BEGIN;
UPDATE customers SET points = 60 WHERE name = 'Ben';
SAVEPOINT here;
UPDATE customers SET points = 100 WHERE name = 'Ben';
ROLLBACK TO here;
SAVEPOINT there;
UPDATE customers SET points = 100 WHERE name = 'Ada';
RELEASE there;
UPDATE customers SET points = 55 WHERE name = 'Ada';
COMMIT;
SELECT * FROM told();
DO $$
BEGIN
    UPDATE customers SET points = 0;
    BEGIN
        UPDATE customers SET points = 60 WHERE name = 'Ben';
        RAISE EXCEPTION 'no';
    EXCEPTION WHEN raise_exception THEN
        UPDATE customers SET points = 55 WHERE name = 'Ada';
    END;
END $$;
SELECT * FROM told();

-- two transactions are told both, even at the same instant, and whoever folds when
UPDATE customers SET points = 0 WHERE name = 'Ada';
UPDATE customers SET points = 55 WHERE name = 'Ada';
SELECT * FROM told();
UPDATE customers SET points = 0 WHERE name = 'Ada';
SELECT * FROM told();
UPDATE customers SET points = 55 WHERE name = 'Ada';
SELECT * FROM told();
DELETE FROM customers WHERE name = 'Ada';
INSERT INTO customers VALUES ('Ada', 55);
SELECT * FROM told();
-- and who folds in the middle tells what was so far
BEGIN;
DELETE FROM customers WHERE name = 'Ada';
SELECT * FROM told();
INSERT INTO customers VALUES ('Ada', 55);
COMMIT;
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;

-- what time has done stands, though an event takes it back at the same instant
SET segment.now = '2028-03-03 11:00+00';
INSERT INTO orders VALUES ('Ada', 5, '2028-03-03 11:00+00');
SELECT * FROM told();
-- and beside it, what an event did and took back does not
SET segment.now = '2028-03-06 12:00+00';
BEGIN;
INSERT INTO orders VALUES ('Ada', 5, '2028-03-06 12:00+00');
DELETE FROM orders WHERE ordered_at = '2028-03-06 12:00+00';
COMMIT;
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;
SELECT * FROM segment.verify();

-- a budget: ten changes for each profile that may be swept; those of the earliest clocks first
TRUNCATE customers, orders;
SELECT count(*) > 0 AS somebody_left FROM told();
CREATE PROCEDURE come(name text, points int, clock time) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('segment.now', '2028-03-07 ' || clock || '+00', false);
    INSERT INTO customers VALUES ($1, $2) ON CONFLICT ON CONSTRAINT customers_pkey DO UPDATE SET points = excluded.points;
END $$;
DO $$
BEGIN
    FOR i IN REVERSE 24 .. 1 LOOP
        CALL come('guest ' || i, 100, time '12:00' + i * interval '1 min');
    END LOOP;
END $$;
SELECT * FROM told(1);
SELECT population, folded, pending FROM segment.tick(1);
SELECT * FROM told();

-- one that ended at one o'clock and came again by a clock that is behind, comes after its end
CALL come('Ada', 100, '12:30');
SELECT * FROM told();
SET segment.now = '2028-03-07 13:00+00';
DELETE FROM customers WHERE name = 'Ada';
CALL come('Ada', 100, '12:01');
CALL come('Ada', 60, '12:02');
DO $$
BEGIN
    FOR i IN 1 .. 24 LOOP
        CALL come('guest ' || i, 0, time '12:30' + i * interval '1 min');
    END LOOP;
END $$;
SELECT * FROM told(1);
SELECT * FROM told(1);
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;

-- what a transaction has undone is not torn in two
SET segment.now = '2028-03-07 14:00+00';
BEGIN;
UPDATE customers SET points = 100;
UPDATE customers SET points = 60 WHERE name <> 'guest 7';
DELETE FROM customers WHERE name = 'guest 9';
INSERT INTO customers VALUES ('guest 9', 0);
UPDATE customers SET points = 0 WHERE name <> 'guest 7' AND name <> 'Ada';
COMMIT;
SELECT count(*) AS rows FROM segment_data.profile_toggle;
SELECT * FROM told(1);
SELECT * FROM told(1);
SELECT population, folded, pending FROM segment.tick(1000000);
SELECT * FROM told();
SELECT * FROM now_in ORDER BY 1;
SELECT * FROM segment.verify();

-- more than are told at a time, and than memory holds: each is told once, in order, but for what was undone
SELECT segment.create_audience('known', 'points is set', view => false);
SELECT max(seq) AS so_far FROM segment.transition WHERE population = 'profile' \gset
SET work_mem = '64kB';
BEGIN;
INSERT INTO customers SELECT 'many ' || i, 100 FROM generate_series(1, 30000) AS i;
UPDATE customers SET points = 60 WHERE name LIKE 'many %5';
COMMIT;
UPDATE customers SET points = 100 WHERE name LIKE 'many %5';
SELECT folded, pending FROM segment.tick();
RESET work_mem;
SELECT audience, change, count(*), count(DISTINCT key) AS customers, count(DISTINCT seq) AS seqs, bool_and(at = segment.now()) AS now
FROM segment.transition WHERE population = 'profile' AND seq > :so_far GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS out_of_turn FROM (SELECT change, lag(change, 1, 'left') OVER (PARTITION BY audience, key ORDER BY seq) AS before
    FROM segment.transition WHERE population = 'profile' AND seq > :so_far) AS t WHERE change = before;
SELECT audience, size FROM segment.sizes() ORDER BY 1;
SELECT * FROM segment.verify();
-- beside so many the ticks of a session read them once for all, until one is rolled back
UPDATE customers SET points = 60 WHERE name LIKE 'many %';
DELETE FROM customers WHERE name LIKE 'many %';
BEGIN;
SELECT seq_scan AS before FROM pg_stat_xact_all_tables WHERE relid = 'segment_data.profile_toggle'::regclass \gset
PREPARE readings AS
SELECT seq_scan - :before AS readings FROM pg_stat_xact_all_tables WHERE relid = 'segment_data.profile_toggle'::regclass;
SELECT folded FROM segment.tick(20);
EXECUTE readings;
SELECT folded FROM segment.tick(20);
EXECUTE readings;
SAVEPOINT before;
SELECT folded FROM segment.tick(500);
EXECUTE readings;
ROLLBACK TO before;
SELECT folded FROM segment.tick(20);
EXECUTE readings;
SELECT folded FROM segment.tick(20);
EXECUTE readings;
COMMIT;
DO $$
BEGIN
    FOR i IN 1 .. 50 LOOP
        PERFORM segment.tick(20);
    END LOOP;
END $$;
SELECT change, count(*), count(DISTINCT key) AS customers FROM segment.transition
WHERE population = 'profile' AND audience = 'silver' AND seq > :so_far AND key LIKE 'many %' GROUP BY 1 ORDER BY 1;
-- if rows are elsewhere they are found again, and all are told of in turn
VACUUM FULL segment_data.profile_toggle;
SELECT folded, pending FROM segment.tick(20);
SELECT folded, pending FROM segment.tick();
SELECT count(*) AS out_of_turn FROM (SELECT change, lag(change, 1, 'left') OVER (PARTITION BY audience, key ORDER BY seq) AS before
    FROM segment.transition WHERE population = 'profile' AND seq > :so_far) AS t WHERE change = before;
SELECT audience, size FROM segment.sizes() ORDER BY 1;
SELECT * FROM segment.verify();

-- a tick with a budget of profiles removes ten times as many old transitions
SET segment.feed_retention = '30d';
SET segment.now = '2036-01-01 12:00+00';
SELECT min(seq) AS first FROM segment.transition WHERE population = 'profile' \gset
SELECT folded, pending FROM segment.tick(2);
SELECT min(seq) - :first AS removed FROM segment.transition WHERE population = 'profile';
SELECT folded, pending FROM segment.tick(3);
SELECT min(seq) - :first AS removed FROM segment.transition WHERE population = 'profile';
SELECT folded, pending FROM segment.tick();
SELECT count(*) FROM segment.transition WHERE population = 'profile';
SELECT * FROM segment.verify();

-- a table of toggles that was made otherwise is none
ALTER TABLE segment_data.profile_toggle ALTER transaction TYPE int;
SET segment.capture = off;
ALTER TABLE segment_data.profile_toggle ALTER transaction TYPE int;
RESET segment.capture;
INSERT INTO customers VALUES ('Dot', 100);
ALTER TABLE segment_data.profile_toggle ALTER transaction TYPE bigint;

SELECT segment.drop_population('profile', cascade => true);
RESET segment.now;
RESET segment.feed_retention;
\set VERBOSITY terse
DROP SCHEMA shop_fold CASCADE;
