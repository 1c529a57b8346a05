-- Creating and dropping works for ever: a table has 1600 columns in its life, so
-- what one trait leaves the next one uses.  And what is accepted fits into a row.
CREATE SCHEMA shop_columns;
SET search_path = shop_columns, public;
SET client_min_messages = warning;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id bigint, customer_id bigint, amount numeric, pieces int, note text COLLATE "C", ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
INSERT INTO customers SELECT i, 'city ' || i FROM generate_series(1, 5) i;
INSERT INTO orders SELECT i, i % 4 + 1, i, i, 'note ' || i, '2026-05-01' FROM generate_series(1, 20) i;

-- n aggregates of several types, none of which there was before
CREATE FUNCTION some_filter(round int, n int) RETURNS segment.filter
LANGUAGE sql AS $$
    SELECT string_agg(format(CASE i % 6
        WHEN 0 THEN 'count(orders where pieces > %1$s) >= 0'
        WHEN 1 THEN 'sum(orders.amount where pieces > %1$s) >= 0'
        WHEN 2 THEN 'count(orders where pieces > %1$s in last 30 days) >= 0'
        WHEN 3 THEN 'max(orders.note where pieces > %1$s) is set'
        WHEN 4 THEN 'first(orders.ordered_at where pieces > %1$s) is set'
        ELSE 'list(distinct orders.note where pieces > %1$s) is not empty' END,
        round * n + i), ' or ')::segment.filter
    FROM generate_series(1, n) i $$;
CREATE VIEW base_columns AS
    SELECT count(*) AS numbers, count(*) FILTER (WHERE attisdropped) AS dropped,
           count(*) FILTER (WHERE attname ~ '^s[0-9]+(_at)?$') AS used,
           count(*) FILTER (WHERE attname ~ '^segment_') AS unused
    FROM pg_attribute WHERE attrelid = to_regclass('segment_data.profile') AND attnum > 0;

-- 1,680 columns, each definition in a transaction of its own.  A column is used again when no snapshot is older than the
-- transaction that emptied it; autoanalyze, which comes as it likes, has one
CREATE PROCEDURE wait_for_snapshots() LANGUAGE plpgsql AS $$
BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                  AND backend_xmin IS NOT NULL AND query !~ '^autovacuum: VACUUM (?!ANALYZE)') LOOP
        COMMIT;
    END LOOP;
END $$;
CREATE PROCEDURE churn(rounds int) LANGUAGE plpgsql AS $$
BEGIN
    FOR round IN 1 .. rounds LOOP
        PERFORM segment.create_audience('passing', some_filter(round, 72), view => false);
        COMMIT;
        PERFORM segment.drop_audience('passing');
        COMMIT;
        CALL wait_for_snapshots();
    END LOOP;
END $$;
CALL churn(20);
SELECT numbers < 400 AS few, dropped, used FROM base_columns;
SELECT * FROM segment.verify();
-- who comes into such a column finds nothing of the one before
SELECT segment.create_audience('lasting', some_filter(1000, 24), view => false);
SELECT * FROM segment.verify();
SELECT segment.create_trait('pieces', 'sum(orders.pieces)');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('note', 'last(orders.note)');
SELECT * FROM profile ORDER BY 1;
INSERT INTO customers VALUES (6, 'city 6');
SELECT * FROM profile WHERE customer_id = 6;
SELECT segment.drop_trait('pieces');
SELECT segment.drop_trait('orders');
SELECT segment.drop_trait('note');
SELECT segment.drop_audience('lasting');
SELECT used FROM base_columns;

-- what is left behind goes with the next event of the profile
CREATE FUNCTION left_behind() RETURNS TABLE (customer_id bigint, columns bigint) LANGUAGE plpgsql AS $$
DECLARE
    kept text := (SELECT string_agg(format('(%I IS NOT NULL)::int', attname), ' + ') FROM pg_attribute
                  WHERE attrelid = 'segment_data.profile'::regclass AND attname ~ '^segment_');
BEGIN
    RETURN QUERY EXECUTE format('SELECT customer_id, (%s)::bigint FROM segment_data.profile', kept);
END $$;
SELECT count(*) FROM left_behind() WHERE columns > 0;
INSERT INTO orders VALUES (21, 1, 1, 1, 'x', '2026-05-02');
SELECT customer_id, columns FROM left_behind() WHERE customer_id = 1;

-- a column on which its owner has hung something is dropped, not handed on
CREATE ROLE regress_segment_columns;
SELECT segment.create_trait('orders', 'count(orders)');
SELECT stored AS column FROM segment.stored_trait WHERE definition = 'count(orders)' \gset
GRANT SELECT (:column) ON segment_data.profile TO regress_segment_columns;
SELECT dropped FROM base_columns;
SELECT segment.drop_trait('orders');
SELECT dropped FROM base_columns;
SELECT count(*) FROM pg_attribute WHERE attrelid = 'segment_data.profile'::regclass AND attacl IS NOT NULL AND NOT attisdropped;
SELECT segment.create_trait('orders', 'count(orders)');
SELECT stored AS column FROM segment.stored_trait WHERE definition = 'count(orders)' \gset
CREATE INDEX ON segment_data.profile (:column);
SELECT segment.drop_trait('orders');
SELECT dropped FROM base_columns;
SELECT segment.create_trait('orders', 'count(orders)');
SELECT stored AS column FROM segment.stored_trait WHERE definition = 'count(orders)' \gset
CREATE VIEW raw AS SELECT :column AS raw FROM segment_data.profile;
-- which column it is depends on who else has a snapshot
DO $$
DECLARE
    detail text;
    hint text;
BEGIN
    PERFORM segment.drop_trait('orders');
EXCEPTION WHEN dependent_objects_still_exist THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE WARNING USING MESSAGE = regexp_replace(sqlerrm, '"s[0-9]+"', '"s..."'), DETAIL = detail, HINT = hint;
END $$;
DROP VIEW raw;
SELECT segment.drop_trait('orders');
DROP ROLE regress_segment_columns;
SELECT segment.drop_population('profile', cascade => true);

-- when the numbers run out, free columns are given another type
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
CREATE PROCEDURE use_up(numbers int) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE (SELECT 'ALTER TABLE segment_data.profile ' || string_agg('ADD c' || i || ' bool', ', ') FROM generate_series(1, numbers) i);
    EXECUTE (SELECT 'ALTER TABLE segment_data.profile ' || string_agg('DROP c' || i, ', ') FROM generate_series(1, numbers) i);
END $$;
CALL use_up(1585);
SELECT numbers, dropped FROM base_columns;
SELECT segment.create_audience('ten', (SELECT string_agg('count(orders where pieces > ' || i || ') > 0', ' or ') FROM generate_series(1, 10) i)::segment.filter);
SELECT numbers FROM base_columns;
SELECT segment.create_trait('pieces', 'sum(orders.pieces)');
SELECT segment.drop_audience('ten');
-- a snapshot that is older than that may still be somebody's: autovacuum's, here
CREATE PROCEDURE create_soon(name text, definition text) LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1 .. 10000 LOOP
        BEGIN
            PERFORM segment.create_trait(name, definition);
            RETURN;
        EXCEPTION WHEN object_in_use THEN
            NULL;
        END;
        COMMIT;
    END LOOP;
    RAISE 'somebody has had a snapshot for too long';
END $$;
CALL create_soon('pieces', 'sum(orders.pieces)');
CALL create_soon('notes', 'list(distinct orders.note)');
CALL create_soon('note', 'last(orders.note)');
CALL create_soon('orders', 'count(orders)');
SELECT * FROM profile ORDER BY 1;
SELECT * FROM segment.verify();
SELECT numbers FROM base_columns;
INSERT INTO orders VALUES (22, 1, 1, 1, 'y', '2026-05-03');
SELECT * FROM profile WHERE customer_id = 1;
SELECT segment.drop_population('profile', cascade => true);

-- so that nothing is left of a transaction in which much comes and goes
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'ordered_at');
CALL use_up(1500);
DO $$
BEGIN
    FOR round IN 1 .. 6 LOOP
        PERFORM segment.create_audience('passing', some_filter(round, 24), view => false);
        PERFORM segment.drop_audience('passing');
    END LOOP;
    PERFORM segment.create_audience('lasting', some_filter(7, 24), view => false);
END $$;
SELECT * FROM segment.verify();
SELECT segment.drop_population('profile', cascade => true);

-- how much fits into a row: of each kind as much as is accepted, and not one more
CREATE FUNCTION filter_of(form text, n int) RETURNS segment.filter
LANGUAGE sql AS $$ SELECT string_agg(format(form, i), ' or ')::segment.filter FROM generate_series(1, n) i $$;
-- values as long as they can be, and some that stay in the row; once each customer is
-- a member of everything
CREATE PROCEDURE fill(form text, fits int, others int DEFAULT 0) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.create_population('full', timezone => 'UTC');
    PERFORM segment.attach_source('orders', at => 'ordered_at', population => 'full');
    IF others > 0 THEN
        EXECUTE (SELECT 'ALTER TABLE segment_data.full ' || string_agg('ADD c' || i || ' bigint DEFAULT 0', ', ') FROM generate_series(1, others) i);
    END IF;
    BEGIN
        PERFORM segment.create_audience('full', filter_of(form, fits + 1), view => false);
    EXCEPTION WHEN program_limit_exceeded THEN
        RAISE WARNING '% do not fit', fits + 1;
    END;
    PERFORM segment.create_audience('full', filter_of(form, fits), view => false);
    INSERT INTO orders SELECT i, 7, 1e1000 + i, i, repeat(md5(i::text), 40), '2026-06-01'::timestamptz + i * interval '1 minute' FROM generate_series(1, 20) i;
    INSERT INTO orders SELECT i, 8, i, i, left(md5(i::text), 18), '2026-06-01'::timestamptz + i * interval '1 minute' FROM generate_series(1, 3) i;
    UPDATE orders SET note = note || 'x', amount = amount + 1 WHERE customer_id IN (7, 8);
    RAISE WARNING '% of % profiles are members', segment.size('full'), (SELECT count(*) FROM segment_data.full);
    DELETE FROM orders WHERE customer_id IN (7, 8) AND id % 2 = 0;
    DELETE FROM orders WHERE customer_id IN (7, 8);
    PERFORM segment.drop_population('full', cascade => true);
END $$;
SET segment.now = '2026-06-01 12:00+00';
CALL fill('max(orders.note where pieces < 100 + %s) is set', 335);
CALL fill('count(orders where pieces < 100 + %s in last 90 days) > 0', 111);
CALL fill('count(orders where pieces < 100 + %s) > 0', 196, others => 800);
-- the error says what fits
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_audience('too_many', filter_of('sum(orders.amount where pieces < %s) > 3', 336));

-- a type whose values cannot be moved out of the row is refused
ALTER TABLE customers ADD words tsquery;
SELECT segment.create_trait('words', 'customers.words');
SELECT segment.create_trait('words_too', 'max(orders.note)');

-- what is nested as deeply as is accepted can be evaluated deeper down, by who comes
-- for the first time
SELECT segment.create_trait('spend', 'sum(orders.amount)');
CREATE FUNCTION deep(depth int) RETURNS text
LANGUAGE sql AS $$ SELECT repeat('abs(spend + ', depth) || '1' || repeat(')', depth) $$;
CREATE FUNCTION deepest(accepts text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    low int := 1;
    high int := 4000;
    middle int;
BEGIN
    WHILE high - low > 1 LOOP
        middle := (low + high) / 2;
        BEGIN
            EXECUTE format(accepts, deep(middle));
            low := middle;
        EXCEPTION WHEN statement_too_complex THEN
            high := middle;
        END;
    END LOOP;
    RETURN low;
END $$;
SELECT segment.create_trait('deep', deep(4000));
SELECT deepest($$SELECT segment.create_trait('deep', %L); SELECT segment.drop_trait('deep')$$) > 100 AS enough;
SELECT deepest($$SELECT segment.create_audience('deep', '%s > 5', view => false); SELECT segment.drop_audience('deep')$$) AS depth \gset
SELECT segment.create_audience('deep', (deep(:depth) || ' > 5')::segment.filter) > 0 AS members;
CREATE FUNCTION order_within(depth int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF depth > 0 THEN
        PERFORM order_within(depth - 1);
    ELSE
        INSERT INTO orders VALUES (100, 1, 1, 1, 'z', '2026-06-01');
    END IF;
END $$;
\c -
SET search_path = shop_columns, public;
SET client_min_messages = warning;
SELECT order_within(40);
SELECT count(*) > 0 FROM deep;
\c -
SET search_path = shop_columns, public;
SET client_min_messages = warning;
SELECT order_within(0);

-- nor are there more columns in a view than a view can have
BEGIN;
INSERT INTO segment.trait SELECT 'profile', 't' || i, i + 10, '1', NULL FROM generate_series(1, 1599) i;
ALTER TABLE segment_data.profile SET (fillfactor = 70);
SELECT segment.create_trait('one_more', '2');
ROLLBACK;

-- a key that fits into no index is refused where it is written, and says so
SELECT segment.create_population('visitors', key => 'visitor', key_type => 'text');
CREATE TABLE visits (visitor text, visited_at timestamptz);
SELECT segment.attach_source('visits', at => 'visited_at', population => 'visitors');
INSERT INTO visits SELECT string_agg(md5(i::text), ''), now() FROM generate_series(1, 81) i;
INSERT INTO visits SELECT left(string_agg(md5(i::text), ''), 2600), now() FROM generate_series(1, 100) i;
INSERT INTO visits VALUES (repeat('x', 2601), now());
SELECT length(visitor) FROM visitors ORDER BY 1;
CREATE TABLE clicks (visitor text, clicked_at timestamptz);
INSERT INTO clicks VALUES (repeat('x', 2601), now());
SELECT segment.attach_source('clicks', at => 'clicked_at', population => 'visitors');

-- a definition may be longer than what fits into an index
SELECT segment.create_trait('often', ('count(visits where visitor in (' || (SELECT string_agg('"' || md5(i::text) || '"', ', ') FROM generate_series(1, 1000) i) || '))'), population => 'visitors');
SELECT segment.drop_population('visitors', cascade => true);
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_columns CASCADE;
