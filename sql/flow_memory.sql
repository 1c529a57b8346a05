-- flow: memory does not grow with the errors that somebody catches.  What is
-- measured are the memory contexts of segment in this session after a tenth of
-- the rounds and after all of them.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA memory;
SET search_path = memory;

CREATE TABLE orders (customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE visits (customer_id bigint, visited_at timestamptz);
CREATE INDEX ON visits (customer_id, visited_at);
SELECT segment.create_population('remembered');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('visits', at => 'visited_at');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_audience('spenders', 'spend > 100');

CREATE FUNCTION contexts(OUT number bigint, OUT bytes bigint)
LANGUAGE sql AS $$
    SELECT count(*), sum(total_bytes)::bigint FROM pg_backend_memory_contexts
    WHERE name LIKE 'segment%'
$$;

-- run a statement again and again, each time behind a savepoint
CREATE FUNCTION grows(statement text, rounds integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    before record;
    after record;
    failed integer := 0;
BEGIN
    FOR round IN 1 .. rounds LOOP
        BEGIN
            EXECUTE replace(statement, '%n', round::text);
        EXCEPTION WHEN others THEN
            failed := failed + 1;
        END;
        IF round = rounds / 10 THEN
            SELECT * INTO before FROM contexts();
        END IF;
    END LOOP;
    SELECT * INTO after FROM contexts();
    RETURN format('%s of %s failed, %s', failed, rounds,
        CASE WHEN after.number > before.number
             THEN format('contexts grew from %s to %s', before.number, after.number)
             WHEN after.bytes > before.bytes * 1.1
             THEN format('memory grew from %s to %s bytes', before.bytes, after.bytes)
             ELSE 'memory did not grow' END);
END $$;

SELECT grows('INSERT INTO orders VALUES (%n % 10, 1, now())', 500);

-- deletes of rows that were never counted: an error while a batch is applied
SET segment.capture = off;
INSERT INTO orders VALUES (100, 1, now());
SET segment.capture = on;
SELECT grows('DELETE FROM orders WHERE customer_id = 100', 500);

-- an error of the user's own behind a statement that was captured
SELECT grows('WITH one AS (INSERT INTO orders VALUES (1, 1, now()) RETURNING 1)
    SELECT 1 / 0 FROM one', 500);

-- errors that a trigger catches while a batch is being collected
CREATE FUNCTION buy_as_well() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        INSERT INTO orders VALUES (new.customer_id, 1, now());
        PERFORM 1 / (new.customer_id - new.customer_id);
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    IF new.customer_id IN (50, 500) THEN
        INSERT INTO measured SELECT * FROM contexts();
    END IF;
    RETURN new;
END $$;
CREATE TABLE measured (number bigint, bytes bigint);
CREATE TRIGGER buy_as_well AFTER INSERT ON visits
    FOR EACH ROW EXECUTE FUNCTION buy_as_well();
INSERT INTO visits SELECT id, now() FROM generate_series(1, 500) AS id;
SELECT max(number) - min(number) AS more_contexts,
    max(bytes) > min(bytes) * 1.1 AS more_bytes FROM measured;
SELECT count(*) FROM orders WHERE customer_id > 10 AND customer_id <> 100;

-- all of it left the traits right
DELETE FROM visits;
SET segment.capture = off;
DELETE FROM orders WHERE customer_id = 100;
SET segment.capture = on;
SELECT count(*), sum(spend) FROM remembered;
SELECT * FROM segment.verify();

-- nor does it grow with the portions of a build
INSERT INTO orders SELECT id, 1, now() FROM generate_series(101, 20100) AS id;
CREATE TABLE portions (bytes bigint);
CREATE FUNCTION measure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO memory.portions
        SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name = 'SPI Proc';
    RETURN NULL;
END $$;
CREATE TRIGGER measure AFTER UPDATE ON segment.build FOR EACH ROW WHEN (new.phase = 'writing profiles') EXECUTE FUNCTION measure();
CALL segment.create_traits_concurrently('{"largest": "max(orders.amount)"}');
DROP TRIGGER measure ON segment.build;
SELECT count(*) >= 10 AS many, max(bytes) <= 3 * min(bytes) AS memory_did_not_grow FROM portions;
SELECT * FROM segment.verify();

SELECT segment.drop_population('remembered', cascade => true);
DROP SCHEMA memory CASCADE;
