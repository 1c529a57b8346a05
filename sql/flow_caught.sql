-- A rebuild can do without what it is about to compute anew, and so passes over
-- profiles whose time has come and that cannot be read.  It passes over nothing
-- else: who cancels it, or runs out of time or room, is heard.
CREATE SCHEMA shop_caught;
SET search_path = shop_caught, public;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
SET segment.now = '2026-05-01 12:00+00';
SELECT segment.create_population('caught', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_audience('recent', 'count(orders in last 7 days) > 0', view => false);
INSERT INTO orders VALUES (1, 1, '2026-05-01 12:00+00');
-- it is due, and whoever sweeps it meets an error; it is not the sweep that sets evaluated_at back
SET segment.now = '2026-06-01 12:00+00';
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('shop.state') = 'slow' THEN
        LOOP NULL; END LOOP;
    ELSIF current_setting('shop.state') = 'assert' THEN
        ASSERT false;
    END IF;
    RAISE EXCEPTION 'the sweep fails' USING ERRCODE = current_setting('shop.state');
END $$;
CREATE TRIGGER fail BEFORE UPDATE ON segment_data.caught FOR EACH ROW
    WHEN (new.evaluated_at > old.evaluated_at) EXECUTE FUNCTION fail();

-- what becomes of an error; it is undone, so that the next finds all as it was
CREATE FUNCTION rebuilds_after(state text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('shop.state', state, true);
    PERFORM segment.rebuild();
    RAISE EXCEPTION 'passed over' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    RETURN sqlstate || ' ' || sqlerrm;
END $$;
\set VERBOSITY terse
SELECT state, rebuilds_after(state) FROM unnest(ARRAY[
    '22012', '22003', '22P02', '23514', '27000', '38000', '39000', '42501', '42883', '55000', 'P0001', 'XX001', 'XX002',
    '08006', '25006', '40001', '40P01', '53100', '53200', '53300', '54001', '55P03', '57014', '57P01', '58030', 'XX000', 'assert']) AS state;
\set VERBOSITY default
-- as it is said
SET shop.state = '22012';
BEGIN;
SELECT segment.rebuild();
ROLLBACK;
-- and with a limit of time that is met within
SET shop.state = 'slow';
SET statement_timeout = '50ms';
\set VERBOSITY terse
SELECT segment.rebuild();
\set VERBOSITY default
RESET statement_timeout;
-- a tick passes over nothing
SET shop.state = '22012';
SELECT swept FROM segment.tick();
DROP TRIGGER fail ON segment_data.caught;
SELECT swept FROM segment.tick();
SELECT * FROM segment.verify();

-- nor does who looks whether a definition still works: the end of the stack is
-- heard by whoever catches it, and all that his block did is undone
SELECT segment.create_trait('spend', 'count(orders)');
SELECT segment.create_trait('deep', repeat('abs(spend + ', 150) || '1' || repeat(')', 150));
SELECT segment.count_where('deep > 5');
CREATE TABLE written (what text);
SET max_stack_depth = '100kB';
DO $$
BEGIN
    INSERT INTO written VALUES ('before');
    BEGIN
        INSERT INTO written VALUES ('within');
        PERFORM segment.alter_trait('spend', description => 'all that was paid');
    EXCEPTION WHEN statement_too_complex THEN
        RAISE NOTICE 'caught';
    END;
    INSERT INTO written VALUES ('after');
END $$;
RESET max_stack_depth;
SELECT * FROM written ORDER BY 1;

SELECT segment.drop_population('caught', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_caught CASCADE;
