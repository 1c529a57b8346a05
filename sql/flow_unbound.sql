-- Definitions that do not bind any more, whatever it was that broke them: they are
-- mended and dropped like any other, the others never notice, and who must know is
-- told by name.
-- The statements come past the event triggers that would refuse or follow them.
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER EVENT TRIGGER segment_guard_rewrite DISABLE;
CREATE SCHEMA shop_unbound;
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
CREATE TYPE color AS ENUM ('red', 'green');
CREATE DOMAIN grade AS text;
CREATE COLLATION names FROM "C";
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, favourite color, grade grade, name text COLLATE names, note text);
CREATE TABLE orders (id bigint, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE TABLE visits (customer_id bigint, visited_at timestamptz);
CREATE TABLE clicks (customer_id bigint, clicked_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON visits (customer_id, visited_at);
CREATE INDEX ON clicks (customer_id, clicked_at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('visits', at => 'visited_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('favourite', 'customers.favourite');
SELECT segment.create_trait('likes_red', 'favourite = "red"');
SELECT segment.create_trait('grade', 'customers.grade');
SELECT segment.create_trait('name', 'customers.name');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('largest', 'max(orders.amount)');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_trait('visits_7d', 'count(visits in last 7 days)');
SELECT segment.create_audience('reds', 'favourite = "red"');
SELECT segment.create_audience('recent_reds', 'favourite = "red" and visits_7d > 0');
SELECT segment.create_audience('of_reds', 'in audience reds and visits > 0');
SELECT segment.create_audience('graded', 'grade = "A"');
SELECT segment.create_audience('named', 'name > "M"');
SELECT segment.create_audience('spenders', 'spend > 10 and largest < 1000');
SELECT segment.create_audience('buyers', 'count(orders where amount > 5) > 0');
SELECT segment.create_audience('locals', 'city = "Aarhus"');
SELECT segment.create_audience('visitors', 'visits > 0');
SELECT segment.create_audience('frequent', 'visits_7d > 1');
INSERT INTO customers VALUES (1, 'Aarhus', 'red', 'A', 'Zoe'), (2, 'Odense', 'green', 'B', 'Ada');
INSERT INTO orders VALUES (1, 1, 20, '2026-05-01'), (2, 2, 5, '2026-05-02');
INSERT INTO visits VALUES (1, '2026-05-30'), (1, '2026-05-31'), (3, '2026-05-31');
SELECT * FROM segment.tick();

-- what breaks them, what is broken by it, and what else uses that
CREATE TABLE breaker (no int, breaks text, statement text, traits text[], audiences text[], mended text DEFAULT 'customers.note');
INSERT INTO breaker (no, breaks, statement, traits, audiences) VALUES
    (1, 'a label renamed', $$ALTER TYPE color RENAME VALUE 'red' TO 'crimson'$$, '{likes_red}', '{reds,recent_reds}'),
    (2, 'a type dropped', $$DROP TYPE color CASCADE$$, '{favourite}', '{}'),
    (3, 'a type renamed', $$ALTER TYPE color RENAME TO colour$$, '{}', '{}'),
    (4, 'a domain dropped', $$DROP DOMAIN grade CASCADE$$, '{grade}', '{}'),
    (5, 'a collation renamed', $$ALTER COLLATION names RENAME TO surnames$$, '{name}', '{named}'),
    (6, 'a collation dropped', $$DROP COLLATION names CASCADE$$, '{name}', '{}'),
    (7, 'a column renamed', $$ALTER TABLE orders RENAME amount TO price$$, '{spend,largest}', '{buyers}'),
    (8, 'a column dropped', $$ALTER TABLE customers DROP city$$, '{city}', '{}'),
    (9, 'another type', $$ALTER TABLE orders ALTER amount TYPE float8$$, '{spend,largest}', '{buyers}'),
    (10, 'quite another type', $$ALTER TABLE customers ALTER city TYPE point USING NULL$$, '{city}', '{}'),
    (11, 'a key renamed', $$ALTER TABLE orders RENAME customer_id TO customer$$, '{spend,largest}', '{buyers}'),
    (12, 'a key of another type', $$ALTER TABLE orders ALTER customer_id TYPE text$$, '{spend,largest}', '{buyers}'),
    (13, 'a time of another type', $$ALTER TABLE orders ALTER ordered_at TYPE text$$, '{spend,largest}', '{buyers}'),
    (14, 'a table dropped', $$DROP TABLE orders CASCADE$$, '{spend,largest}', '{buyers}'),
    (15, 'the view dropped', $$DROP VIEW profile CASCADE$$, '{}', '{}'),
    (16, 'the view of an audience dropped', $$DROP VIEW reds CASCADE$$, '{}', '{}'),
    (17, 'a stored column dropped', $$SET LOCAL segment.capture = off; ALTER TABLE segment_data.profile DROP s6 CASCADE; SET LOCAL segment.capture = on$$, '{city}', '{}');

UPDATE breaker SET mended = 'visits + 1' WHERE traits = '{spend,largest}';
UPDATE breaker SET mended = 'visits > 1' WHERE traits = '{likes_red}';

CREATE TABLE operation (no int, does text, statement text);
INSERT INTO operation VALUES
    (1, 'insert of a known customer, another source', $$INSERT INTO visits VALUES (1, '2026-06-01')$$),
    (2, 'insert of a new customer, another source', $$INSERT INTO visits VALUES (9, '2026-06-01')$$),
    (3, 'delete of a customer, another source', $$DELETE FROM visits WHERE customer_id = 3$$),
    (4, 'insert of an attribute', $$INSERT INTO customers (customer_id) VALUES (8)$$),
    (5, 'insert of an event', $$INSERT INTO orders (id) VALUES (8)$$),
    (6, 'create a trait', $$SELECT segment.create_trait('last_visit', 'max(visits.visited_at)')$$),
    (7, 'create an audience', $$SELECT segment.create_audience('late', 'count(visits where visited_at > "2026-05-31") > 0')$$),
    (8, 'alter a trait', $$SELECT segment.alter_trait('visits', 'count(visits.visited_at)')$$),
    (9, 'describe a trait', $$SELECT segment.alter_trait('visits', description => 'how often')$$),
    (10, 'alter an audience', $$SELECT segment.alter_audience('frequent', 'visits_7d > 2')$$),
    (11, 'describe an audience', $$SELECT segment.alter_audience('frequent', description => 'often')$$),
    (12, 'drop a trait', $$SELECT segment.drop_trait('visits_7d', cascade => true)$$),
    (13, 'drop an audience', $$SELECT segment.drop_audience('visitors')$$),
    (14, 'attach a source', $$SELECT segment.attach_source('clicks', at => 'clicked_at')$$),
    (15, 'detach a source', $$SELECT segment.detach_source('visits', cascade => true)$$),
    (16, 'tick', $$SELECT segment.tick()$$),
    (17, 'verify', $$SELECT segment.verify()$$),
    (18, 'rebuild', $$SELECT segment.rebuild()$$),
    (19, 'sizes', $$SELECT segment.sizes()$$),
    (20, 'audiences of a customer', $$SELECT segment.audiences(1)$$),
    (21, 'explain', $$SELECT segment.explain('frequent', 1)$$),
    (22, 'members', $$SELECT * FROM frequent$$),
    (23, 'dependencies', $$SELECT segment.dependencies('visits')$$),
    (24, 'overlaps', $$SELECT segment.overlaps()$$),
    (25, 'sources', $$SELECT * FROM segment.stat_source$$),
    (26, 'drop the population', $$SELECT segment.drop_population('profile', cascade => true)$$);

-- Break, do it, look whether the others are right, and undo it all.  The base table is
-- touched in between, so that nothing is remembered, as in a new session.
CREATE FUNCTION try(breaks text, does text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
    wrong text;
BEGIN
    EXECUTE breaks;
    ALTER TABLE segment_data.profile SET (fillfactor = 70);
    EXECUTE does;
    IF to_regclass('segment_data.profile') IS NOT NULL AND does NOT LIKE '%visit%' THEN
        SELECT string_agg(v::text, ' ') INTO wrong FROM segment.verify() v
        WHERE definition LIKE '%visit%' OR definition ~ 'visitors|frequent';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = coalesce(wrong, 'ok');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN SQLERRM || coalesce(' -- ' || nullif(hint, ''), '');
END $$;

SET client_min_messages = error;
CREATE TABLE outcome AS
    SELECT b.no AS breaker, b.breaks, o.no AS operation, o.does, try(b.statement, o.statement) AS outcome
    FROM breaker b, operation o;
SELECT count(*), count(*) FILTER (WHERE outcome = 'ok') AS ok FROM outcome;
SELECT breaks, does, outcome FROM outcome WHERE outcome <> 'ok' ORDER BY breaker, operation;

-- their own drop and alter
SELECT b.breaks, o.drops, try(b.statement, o.statement) AS outcome
FROM breaker b, LATERAL (
    SELECT 1 AS kind, 'audience ' || name AS drops, format('SELECT segment.drop_audience(%L, cascade => true)', name) AS statement FROM unnest(audiences) name
    UNION ALL SELECT 2, 'trait ' || name, format('SELECT segment.drop_trait(%L, cascade => true)', name) FROM unnest(traits) name) o
ORDER BY b.no, o.kind, o.drops;
SELECT b.breaks, o.alters, try(b.statement, o.statement) AS outcome
FROM breaker b, LATERAL (
    SELECT 1 AS kind, 'audience ' || name AS alters, format('SELECT segment.alter_audience(%L, %L)', name, 'visits > 3') AS statement FROM unnest(audiences) name
    UNION ALL SELECT 2, 'trait ' || name, format('SELECT segment.alter_trait(%L, %L)', name, mended) FROM unnest(traits) name
    UNION ALL SELECT 3, 'description of ' || name, format('SELECT segment.alter_trait(%L, description => %L)', name, 'was broken') FROM unnest(traits) name) o
ORDER BY b.no, o.kind, o.alters;
RESET client_min_messages;

-- the label, step by step: who asks is told
ALTER TYPE color RENAME VALUE 'red' TO 'crimson';
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
SELECT * FROM reds;
SELECT segment.is_member('of_reds', 1);
SELECT * FROM segment.explain('of_reds', 1);
SELECT * FROM segment.audiences(1);
SELECT * FROM segment.sizes();
SELECT * FROM segment.verify() ORDER BY definition;
SELECT * FROM profile ORDER BY 1;
-- beside parallel workers nothing can be attempted, so a query that asks for all
-- audiences has none; in new sessions, which have not yet found out what is broken
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = error;
SELECT audience, size, count FROM segment.sizes(), (SELECT count(*) FROM visits) v ORDER BY 1;
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = error;
SELECT c.customer_id, segment.audiences(c.customer_id) FROM customers c ORDER BY 1, 2;
-- a question about one audience or two looks at no others, so it may be asked
-- beside parallel workers, in new sessions as well
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = error;
EXPLAIN (COSTS OFF) SELECT size, count FROM segment.size('frequent'), (SELECT count(*) FROM visits) v;
SELECT size, count FROM segment.size('frequent'), (SELECT count(*) FROM visits) v;
SELECT in_both, in_either, count FROM segment.overlap('frequent', 'visitors'), (SELECT count(*) FROM visits) v;
SELECT segment.size('reds'), count FROM (SELECT count(*) FROM visits) v;
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = error;
SELECT m.customer_id, count(*) FROM segment.members('frequent') AS m(customer_id bigint) JOIN visits USING (customer_id) GROUP BY 1 ORDER BY 1;
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = error;
SELECT in_both, in_either, count FROM segment.overlap('frequent', 'visitors'), (SELECT count(*) FROM visits) v;
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-01 12:00+00';
-- who inserts first is warned, and nothing is kept that cannot be right
INSERT INTO visits VALUES (1, '2026-06-01');
INSERT INTO customers VALUES (4, 'Aarhus', 'crimson', 'A', 'Tom');
SELECT audience, stored FROM segment.audience ORDER BY 1;
SELECT * FROM segment.sizes();
SELECT audience, key, change, cause FROM segment.transition WHERE audience LIKE '%reds' ORDER BY seq;
-- mended, the feed hears the difference
SELECT segment.alter_audience('reds', 'favourite = "crimson"');
SELECT segment.alter_audience('recent_reds', 'favourite = "crimson" and visits_7d > 0');
SELECT segment.alter_trait('likes_red', 'favourite = "crimson"');
SELECT * FROM reds ORDER BY 1;
SELECT * FROM of_reds ORDER BY 1;
SELECT * FROM segment.tick();
SELECT audience, key, change, cause FROM segment.transition WHERE audience LIKE '%reds' ORDER BY seq;
SELECT audience, stored FROM segment.audience ORDER BY 1;
SELECT * FROM segment.verify();
-- or undone, and computed again
ALTER TYPE color RENAME VALUE 'crimson' TO 'scarlet';
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-02 12:00+00';
INSERT INTO customers VALUES (5, 'Odense', 'scarlet', 'C', 'Eve');
SELECT * FROM segment.tick();
ALTER TYPE color RENAME VALUE 'scarlet' TO 'crimson';
SELECT * FROM reds ORDER BY 1;
SELECT segment.rebuild();
SELECT audience, stored FROM segment.audience WHERE NOT stored;
SELECT audience, key, change, cause FROM segment.transition WHERE key = '5' ORDER BY seq;
SELECT * FROM segment.verify();

-- who ends while nobody keeps the members has left, and the feed says so: by an event,
-- with a source, and where no members are kept at all
SELECT segment.attach_source('clicks', at => 'clicked_at');
SELECT segment.create_audience('others', 'not (favourite = "crimson")');
INSERT INTO clicks VALUES (6, '2026-06-01'), (7, '2026-06-01');
SELECT segment.create_population('lone', timezone => 'UTC');
SELECT segment.attach_source('customers', population => 'lone');
SELECT segment.create_audience('lone_reds', 'customers.favourite = "crimson"', population => 'lone');
SELECT * FROM segment.tick();
ALTER TYPE color RENAME VALUE 'crimson' TO 'ruby';
\c -
SET search_path = shop_unbound, public;
SET segment.now = '2026-06-02 12:00+00';
DELETE FROM customers WHERE customer_id = 4;
DELETE FROM clicks WHERE customer_id = 7;
INSERT INTO customers VALUES (4, 'Aarhus', 'ruby', 'A', 'Tom');
SELECT segment.detach_source('clicks', 'profile');
SELECT audience, stored FROM segment.audience WHERE NOT stored ORDER BY 1;
SELECT * FROM segment.tick();
SELECT audience, key, change, cause FROM segment.transition
WHERE key IN ('4', '6', '7') AND audience IN ('reds', 'others', 'lone_reds') ORDER BY audience, key, seq;
SELECT audience, size FROM segment.sizes('profile') WHERE audience = 'reds';
ALTER TYPE color RENAME VALUE 'ruby' TO 'crimson';
SELECT segment.rebuild('profile');
SELECT segment.rebuild('lone');
SELECT audience, key, change, cause FROM segment.transition
WHERE key IN ('4', '6', '7') AND audience IN ('reds', 'others', 'lone_reds') ORDER BY audience, key, seq;
SELECT * FROM segment.verify('profile');
SELECT * FROM segment.verify('lone');
SELECT segment.drop_population('lone', cascade => true);
SELECT segment.drop_audience('others');

-- a column of another type: the insert names what needs it, alter stores it anew
ALTER TABLE orders ALTER amount TYPE float8;
INSERT INTO orders VALUES (3, 2, 30, '2026-05-03');
SELECT segment.alter_trait('spend', 'sum(orders.amount)');
INSERT INTO orders VALUES (3, 2, 30, '2026-05-03');
SELECT segment.alter_trait('largest', 'max(orders.amount)');
INSERT INTO orders VALUES (3, 2, 30, '2026-05-03');
SELECT customer_id, spend, largest FROM profile ORDER BY 1;
SELECT * FROM spenders ORDER BY 1;
SELECT * FROM segment.verify();

-- two tables at once: each can be detached beside the other
DROP TABLE orders, visits;
SELECT segment.rebuild();
SELECT segment.detach_source('orders', cascade => true);
SELECT segment.detach_source('visits', cascade => true);
SELECT * FROM profile ORDER BY 1;
SELECT * FROM segment.verify();
-- who drops a type with all that is made of it is told what that was
BEGIN;
SET LOCAL client_min_messages = warning;
DROP TYPE color CASCADE;
SELECT source, definition, expected FROM segment.verify() ORDER BY source, definition;
ROLLBACK;
-- and a type can be dropped when nobody uses it any more
SELECT segment.drop_trait('favourite', cascade => true);
ALTER TABLE customers DROP favourite;
DROP TYPE color;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_unbound CASCADE;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
ALTER EVENT TRIGGER segment_guard_rewrite ENABLE;
