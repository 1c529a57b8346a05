-- flow: what is made of definitions is made once, and again when one of them has
-- changed; what others do meanwhile is no reason, and nothing is left of what was
-- dropped.  The identity of a memory context says how many of its kind were made.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA kept;
SET search_path = kept;

-- a type that makes a noise when its values are compared, or read: the server tells
-- all sessions that the definition of some table has changed
CREATE TABLE noise (a integer);
CREATE FUNCTION noisy(integer, integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE kept.noise ALTER a SET STATISTICS %s', (random() * 100)::integer);
    RETURN btint4cmp($1, $2);
END $$;
CREATE OPERATOR CLASS loud_ops FOR TYPE integer USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 noisy(integer, integer);
CREATE TYPE span AS RANGE (subtype = integer, subtype_opclass = loud_ops);

CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, span span);
SELECT segment.create_population('kept');
SELECT segment.attach_source('customers');
SELECT segment.create_trait('name', 'customers.name');
SELECT segment.create_trait('span', 'customers.span');
SELECT segment.create_audience('loud', 'span = "[1,2)"', view => false);
SELECT segment.create_audience('ada', 'name = "Ada"', view => false);

CREATE VIEW made AS
    SELECT name, substring(ident FROM '\d+')::integer AS number
    FROM pg_backend_memory_contexts WHERE name LIKE 'segment%' AND ident LIKE 'number%';
CREATE FUNCTION made_again(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := (SELECT coalesce(jsonb_object_agg(name, number), '{}')
        FROM (SELECT name, max(number) AS number FROM kept.made GROUP BY 1) AS m);
BEGIN
    EXECUTE statement;
    RETURN QUERY SELECT made.name FROM kept.made GROUP BY made.name
        HAVING max(number) > coalesce((before ->> made.name)::bigint, 0)
        ORDER BY made.name COLLATE "C";
END $$;

-- (there are so few rows that nobody analyzes these tables meanwhile)
-- the first event makes what it needs, noise or not, and the others find it
\c
SET search_path = kept;
SET client_min_messages = warning;
INSERT INTO customers VALUES (1, 'Ada', '[1,2)');
INSERT INTO customers SELECT id, 'Ben', '[1,2)' FROM generate_series(2, 10) AS id;
DO $$
BEGIN
    FOR id IN 11 .. 30 LOOP
        INSERT INTO kept.customers VALUES (id, 'Cleo', '[1,2)');
    END LOOP;
END $$;
SELECT name, max(number), count(*) FROM made GROUP BY 1 ORDER BY name COLLATE "C";
SELECT segment.size('loud'), segment.size('ada');

-- something else changes
UPDATE customers SET name = 'Dan' WHERE customer_id = 2;
SELECT * FROM made_again('ALTER TABLE kept.noise ADD b integer;
    CREATE TABLE kept.more_noise (a integer);
    DROP TABLE kept.more_noise;
    UPDATE kept.customers SET name = ''Emma'' WHERE customer_id = 2');
-- a definition changes, of the source and of the population
SELECT * FROM made_again('ALTER TABLE kept.customers ADD other integer;
    UPDATE kept.customers SET name = ''Eve'' WHERE customer_id = 2');
SELECT segment.alter_audience('ada', 'name = "Eve"');
SELECT * FROM made_again('UPDATE kept.customers SET name = ''Eve'' WHERE customer_id = 3');
SELECT segment.size('ada');
-- an audience that is new is no reason either: it is added to what is kept
SELECT segment.create_audience('ben', 'name = "Ben"', view => false);
SELECT * FROM made_again('UPDATE kept.customers SET name = ''Ben'' WHERE customer_id = 11');
SELECT segment.size('ada'), segment.size('ben');
-- a table is called otherwise, and a schema: what is kept names it
SELECT segment.is_member('ada', 3);
SELECT * FROM made_again('SELECT segment.is_member(''ada'', 3)');
ALTER SCHEMA kept RENAME TO "also kept";
SET search_path = "also kept";
UPDATE customers SET name = 'Eve' WHERE customer_id = 4;
SELECT segment.is_member('ada', 4);
ALTER SCHEMA "also kept" RENAME TO kept;
SET search_path = kept;
SELECT segment.is_member('ada', 4);

-- populations come and go, each in its own transactions
CREATE TABLE sizes (round integer, contexts bigint, bytes bigint);
CREATE TABLE visits (customer_id bigint, visited_at timestamptz);
CREATE INDEX ON visits (customer_id, visited_at);
CREATE PROCEDURE come_and_go() LANGUAGE plpgsql AS $$
BEGIN
    FOR round IN 1 .. 20 LOOP
        PERFORM segment.create_population('guests', key_type => 'bigint');
        PERFORM segment.attach_source('kept.visits', at => 'visited_at', population => 'guests');
        PERFORM segment.create_trait('visits', 'count(visits)', 'guests');
        PERFORM segment.create_audience('guests', 'visits > 0', 'guests', view => false);
        COMMIT;
        INSERT INTO kept.visits VALUES (round, now());
        PERFORM segment.is_member('guests', round, 'guests');
        COMMIT;
        PERFORM segment.drop_population('guests', cascade => true);
        COMMIT;
        INSERT INTO kept.sizes SELECT round, count(*), sum(total_bytes)
        FROM pg_backend_memory_contexts WHERE name LIKE 'segment%';
        COMMIT;
    END LOOP;
END $$;
CALL come_and_go();
SELECT max(contexts) FILTER (WHERE round > 10) > max(contexts) FILTER (WHERE round <= 10) AS more_contexts,
    max(bytes) FILTER (WHERE round > 10) > max(bytes) FILTER (WHERE round <= 10) * 1.1 AS more_bytes
FROM sizes;

SELECT segment.drop_population('kept', cascade => true);
DROP SCHEMA kept CASCADE;
