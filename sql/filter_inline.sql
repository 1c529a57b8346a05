-- row @@ filter becomes native quals: plans are those of SQL written by hand,
-- over tables, views, partitions, subqueries and prepared statements.  Where
-- the planner cannot know, each row is evaluated, with the same answer.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS segment;
CREATE SCHEMA filter_inline;
RESET client_min_messages;
SET search_path = filter_inline;
SET timezone = 'UTC';
SET segment.now = '2028-03-01 12:00+00';
SET max_parallel_workers_per_gather = 0;

CREATE TABLE sale (id integer PRIMARY KEY, gone text, customer integer, city text, amount integer, paid boolean, tags text[], sold_at timestamptz)
    WITH (autovacuum_enabled = off); -- plans stay as they are
ALTER TABLE sale DROP COLUMN gone;
INSERT INTO sale
SELECT i, nullif(i % 1000, 0), (ARRAY['Aarhus', 'Odense', 'Ribe', NULL])[1 + i % 4], nullif(i % 500, 7),
    (ARRAY[true, false, NULL])[1 + i % 3], ARRAY['t' || i % 300], timestamptz '2028-03-01 12:00+00' - i * interval '5 minutes'
FROM generate_series(1, 20000) i;
CREATE INDEX ON sale (amount);
CREATE INDEX ON sale (sold_at);
ALTER TABLE sale ADD COLUMN receipt text;
UPDATE sale SET receipt = 'R' || id;
CREATE INDEX ON sale (receipt text_pattern_ops);
CREATE INDEX ON sale USING gin (tags);
ANALYZE sale;
CREATE VIEW good_sale AS SELECT id, customer AS buyer, city, amount * 2 AS double, amount, sold_at FROM sale WHERE paid;

-- indexes, alone and together
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'amount = 42';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'amount = 42 and not paid and city = "Aarhus"';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'amount in (1, 2, 3)';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'amount = 42 or sold_at in last 2 hours';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at in last 2 hours';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at on "2028-02-29"';
-- a span is added to the column, and what follows for the column alone is found by an index
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at in last 1 day';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at more than 2 months ago';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at in next 1 week';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at <= "2028-02-28" and sold_at > "2028-02-26"';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at in ("2028-02-28", "2028-02-26")';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'sold_at in last week';
-- partitions are pruned by it, and local times and dates found
CREATE TABLE call (id integer, rang timestamp, day date, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE call_old PARTITION OF call FOR VALUES FROM (MINVALUE) TO ('2028-01-01');
CREATE TABLE call_new PARTITION OF call FOR VALUES FROM ('2028-01-01') TO (MAXVALUE);
CREATE INDEX ON call (rang);
CREATE INDEX ON call (day);
SET enable_seqscan = off;
-- (18 tells what is disabled, and prints the parts of a row)
CREATE FUNCTION analyzed(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
        CONTINUE WHEN line ~ '^ *Disabled: true$';
        RETURN NEXT replace(line, 'rows=0.00', 'rows=0');
    END LOOP;
END $$;
SELECT analyzed($$SELECT * FROM call c WHERE c @@ 'at in last 1 month'$$);
EXPLAIN (COSTS OFF) SELECT * FROM call_old c WHERE c @@ 'rang in last 1 day';
EXPLAIN (COSTS OFF) SELECT * FROM call_old c WHERE c @@ 'rang < now - 1 hour';
EXPLAIN (COSTS OFF) SELECT * FROM call_old c WHERE c @@ 'day in last 1 month';
EXPLAIN (COSTS OFF) SELECT * FROM call_old c WHERE c @@ 'day > now';
RESET enable_seqscan;
DROP TABLE call;
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'tags contains "t7"';
EXPLAIN (COSTS OFF) SELECT * FROM sale s WHERE s @@ 'receipt starts with "R1999"';
EXPLAIN (COSTS OFF) SELECT count(*) FROM sale s WHERE s @@ 'not amount = 42';
-- over a view, with its own conditions and computed columns
EXPLAIN (COSTS OFF) SELECT * FROM good_sale g WHERE g @@ 'amount = 42 and double > 10';
-- in subqueries: pulled up, and not
EXPLAIN (COSTS OFF) SELECT * FROM (SELECT id, amount AS a FROM sale) s WHERE s @@ 'a = 42';
EXPLAIN (COSTS OFF) SELECT * FROM (SELECT id, amount AS a FROM sale ORDER BY id LIMIT 10) s WHERE s @@ 'a = 42';
EXPLAIN (COSTS OFF) SELECT * FROM generate_series(1, 3) g(i), LATERAL (SELECT * FROM sale WHERE amount = i OFFSET 0) s WHERE s @@ 'paid';
-- correlated
EXPLAIN (COSTS OFF) SELECT id FROM sale s WHERE EXISTS (SELECT FROM good_sale g WHERE g.id = s.customer AND g @@ 'amount = 42');
EXPLAIN (COSTS OFF) SELECT id, (SELECT count(*) FROM sale t WHERE t.id = s.customer AND s @@ 'amount > 490') FROM sale s WHERE id < 3;
-- two tables as one, and the rows of a join
CREATE TABLE old_sale (LIKE sale INCLUDING INDEXES);
INSERT INTO old_sale SELECT id + 100000, customer, city, amount, paid, tags, sold_at - interval '1 year', receipt FROM sale;
ANALYZE old_sale;
CREATE VIEW any_sale AS SELECT id, amount, paid FROM sale UNION ALL SELECT id, amount, paid FROM old_sale;
EXPLAIN (COSTS OFF) SELECT * FROM any_sale a WHERE a @@ 'amount = 42 and paid';
SELECT count(*) FROM any_sale a WHERE a @@ 'amount = 42 and paid';
EXPLAIN (COSTS OFF) SELECT * FROM (sale a JOIN old_sale b ON b.id = a.id + 100000) AS j (a, b, c, d) WHERE j @@ 'd = 42 and b < 0';
SELECT count(*) FROM (sale a JOIN old_sale b ON b.id = a.id + 100000) AS j WHERE j @@ 'paid';
-- changing rows
EXPLAIN (COSTS OFF) UPDATE sale s SET paid = true WHERE s @@ 'amount = 42';
EXPLAIN (COSTS OFF) DELETE FROM sale s USING good_sale g WHERE g.id = s.id AND s @@ 'amount = 42' AND g @@ 'double = 84';
EXPLAIN (COSTS OFF) INSERT INTO sale AS s SELECT * FROM old_sale o WHERE o @@ 'amount = 42'
    ON CONFLICT (id) DO UPDATE SET paid = excluded.paid WHERE s @@ 'paid' AND excluded @@ 'not paid' RETURNING s @@ 'paid';
WITH changed AS (
    INSERT INTO sale AS s SELECT id - 100000, customer, city, amount, paid IS NULL, tags, sold_at, receipt FROM old_sale o WHERE o @@ 'amount = 42'
    ON CONFLICT (id) DO UPDATE SET paid = excluded.paid WHERE s @@ 'paid' AND excluded @@ 'not paid' RETURNING s @@ 'paid' AS now)
SELECT now, count(*) FROM changed GROUP BY now;
MERGE INTO sale s USING old_sale o ON s.id = o.id - 100000
    WHEN MATCHED AND s @@ 'amount = 42 and not paid' AND o @@ 'paid' THEN UPDATE SET paid = true;
SELECT count(*) FROM sale s WHERE s @@ 'amount = 42 and paid';

-- estimates are those of the quals
CREATE FUNCTION estimate(query text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SELECT estimate($$SELECT FROM sale s WHERE s @@ 'amount = 42 and paid'$$) = estimate($$SELECT FROM sale s WHERE amount = 42 AND paid$$) AS same;

-- partitions are pruned when planning, and by the clock when starting
CREATE TABLE visit (id bigint, page text, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE visit_jan PARTITION OF visit FOR VALUES FROM ('2028-01-01') TO ('2028-02-01');
CREATE TABLE visit_feb PARTITION OF visit FOR VALUES FROM ('2028-02-01') TO ('2028-03-01');
CREATE TABLE visit_mar (at timestamptz NOT NULL, page text, id bigint);
ALTER TABLE visit ATTACH PARTITION visit_mar FOR VALUES FROM ('2028-03-01') TO ('2028-04-01');
INSERT INTO visit SELECT i, 'p' || i % 3, timestamptz '2028-01-01 00:00+00' + i * interval '1 hour' FROM generate_series(0, 1500) i;
EXPLAIN (COSTS OFF) SELECT * FROM visit v WHERE v @@ 'at before "2028-01-15"';
EXPLAIN (COSTS OFF) SELECT * FROM visit v WHERE v @@ 'at in last 3 hours and page = "p1"';
SELECT id, page FROM visit v WHERE v @@ 'at in last 3 hours and page = "p1"';
SELECT count(*) FROM visit_mar m WHERE m @@ 'page = "p1"';

-- parallel plans, inlined and evaluated
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM sale s WHERE s @@ 'amount > 250 and city contains "a"';
PREPARE evaluated(segment.filter) AS SELECT count(*) FROM sale s WHERE s @@ $1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE evaluated('amount > 250 and city contains "a"');
EXECUTE evaluated('amount > 250 and city contains "a"');
SELECT count(*) FROM sale WHERE amount > 250 AND strpos(city, 'a') > 0;
RESET ALL;
SET search_path = filter_inline;
SET timezone = 'UTC';
SET segment.now = '2028-03-01 12:00+00';
SET max_parallel_workers_per_gather = 0;

-- prepared statements: a filter that is known, and one that is not
SET plan_cache_mode = force_custom_plan;
EXPLAIN (COSTS OFF) EXECUTE evaluated('amount = 42');
EXECUTE evaluated('amount = 42');
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE evaluated('amount = 42');
EXECUTE evaluated('amount = 42');
EXECUTE evaluated('not amount = 42');
EXECUTE evaluated(NULL);
-- (who of several processes finds out first is not for us to say)
\set SHOW_CONTEXT never
EXECUTE evaluated('amont = 42');
\set SHOW_CONTEXT errors
RESET plan_cache_mode;

-- A value is true or false; a condition may be bare.  (amount is missing in 40 rows)
EXPLAIN (VERBOSE, COSTS OFF) SELECT s @@ 'amount > 250' FROM sale s WHERE id = 7;
EXPLAIN (VERBOSE, COSTS OFF) SELECT s @@ 'amount > 250' FROM sale s WHERE s @@ 'amount > 250';
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM sale s WHERE NOT (s @@ 'amount > 250');
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM sale s WHERE s @@ 'amount > 250' AND NOT (s @@ 'amount > 250');
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM sale s WHERE s @@ 'amount = 42' AND NOT (s @@ 'paid');
EXPLAIN (VERBOSE, COSTS OFF) SELECT CASE WHEN s @@ 'paid' THEN 1 END FROM sale s WHERE (s @@ 'amount > 250') IS NULL;
EXPLAIN (VERBOSE, COSTS OFF) SELECT city, count(*) FILTER (WHERE s @@ 'paid') FROM sale s GROUP BY s, city HAVING s @@ 'amount = 42';
SELECT count(*) FILTER (WHERE m) AS members, count(*) FILTER (WHERE NOT m) AS others, count(*) FILTER (WHERE m IS NULL) AS neither, count(*)
FROM (SELECT s @@ 'amount > 250' AS m FROM sale s) x;
SELECT (SELECT count(*) FROM sale s WHERE s @@ 'amount > 250') AS members,
       (SELECT count(*) FROM sale s WHERE NOT (s @@ 'amount > 250')) AS others,
       (SELECT count(*) FROM sale s WHERE s @@ 'not amount > 250') AS others,
       (SELECT count(*) FROM sale s WHERE (s @@ 'amount > 250') IS NULL) AS neither,
       (SELECT count(*) FROM sale s WHERE s @@ 'amount > 250' AND NOT (s @@ 'amount > 250')) AS both,
       (SELECT count(*) FROM sale s WHERE CASE WHEN s @@ 'amount > 250' THEN 1 ELSE 2 END = 2) AS others,
       (SELECT count(*) FROM sale s WHERE (s @@ 'amount > 250') = false) AS others,
       (SELECT count(*) FROM sale s WHERE s @@ 'amount > 250' OR s @@ 'amount is not set') AS "members and 40",
       (SELECT count(*) FROM sale s WHERE amount > 250) AS oracle;
-- and where the server looks into a subquery while it plans the query around it
SELECT count(*) FROM sale s WHERE s @@ 'paid' AND (EXISTS (SELECT FROM sale g WHERE g.id = s.customer AND NOT (g @@ 'paid')) OR s.id < 0);
SELECT count(*) FROM sale s WHERE paid AND EXISTS (SELECT FROM sale g WHERE g.id = s.customer AND paid IS NOT TRUE);
SELECT count(*) FROM sale s WHERE s @@ 'not amount > 1' AND (EXISTS (
    SELECT FROM generate_series(1, 20000, 50) g(i) LEFT JOIN sale t ON t.id = g.i AND t.paid WHERE g.i = s.customer AND t @@ 'not amount > 1') OR s.id < 0);
SELECT count(*) FROM sale s WHERE (amount > 1) IS NOT TRUE AND EXISTS (
    SELECT FROM generate_series(1, 20000, 50) g(i) JOIN sale t ON t.id = g.i AND t.paid WHERE g.i = s.customer AND (t.amount > 1) IS NOT TRUE);
SELECT count(*) FROM (SELECT id AS a, customer AS b, amount AS c FROM sale ORDER BY id LIMIT 100) s
WHERE (EXISTS (SELECT FROM (SELECT amount AS x, -customer AS c, id AS y FROM sale ORDER BY id LIMIT 100) t WHERE t.y = s.a AND t @@ 'c < -95') OR s.b < 0);
-- the same through a function that the server inlines
CREATE FUNCTION big(sale) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT $1 @@ 'amount > 250' $$;
SELECT count(*) FILTER (WHERE NOT big(s)) AS others FROM sale s;
EXPLAIN (COSTS OFF) SELECT count(*) FROM sale s WHERE NOT big(s) OR s @@ 'amount > 250';
SELECT count(*) FROM sale s WHERE NOT big(s) OR s @@ 'amount > 250';
EXPLAIN (COSTS OFF) SELECT count(*) FROM sale s WHERE big(s);

-- Outer joins: a row without a partner is no row, so it neither matches nor not.
CREATE TABLE customer (id integer PRIMARY KEY, name text);
INSERT INTO customer VALUES (1, 'Ada'), (3, 'Ben'), (30000, 'Cleo');
ANALYZE customer;
EXPLAIN (COSTS OFF) SELECT name FROM customer c LEFT JOIN sale s USING (id) WHERE (s @@ 'not amount > 1') IS NOT FALSE;
SELECT name, s @@ 'not amount > 1' AS "not", s @@ 'amount > 1' AS yes FROM customer c LEFT JOIN sale s USING (id) ORDER BY name;
SELECT name, g @@ 'not amount > 1' AS "not", g @@ 'amount > 1' AS yes FROM customer c LEFT JOIN good_sale g USING (id) ORDER BY name;
SELECT name, g @@ 'not amount > 1' AS "not" FROM good_sale g RIGHT JOIN customer c USING (id) ORDER BY name;
SELECT count(*) FROM sale s FULL JOIN customer c USING (id) WHERE s @@ 'not amount > 1';
SELECT name FROM customer c LEFT JOIN sale s ON s.id = c.id AND s @@ 'amount > 1' WHERE s.id IS NULL ORDER BY name;
-- the other side of the join is inlined
EXPLAIN (COSTS OFF) SELECT name FROM sale s LEFT JOIN customer c USING (id) WHERE s @@ 'amount = 42';

-- Filters that are rows of a table: each is compiled once.
CREATE TABLE definition (name text, filter segment.filter);
INSERT INTO definition VALUES ('big', 'amount > 250'), ('not big', 'not amount > 250'), ('fresh', 'sold_at in last 1 day'),
    ('none', NULL), ('tagged', 'tags contains any ("t1", "t2")');
ANALYZE definition;
EXPLAIN (COSTS OFF) SELECT d.name, count(*) FROM definition d JOIN sale s ON s @@ d.filter GROUP BY 1;
SELECT d.name, count(*) FROM definition d JOIN sale s ON s @@ d.filter GROUP BY 1 ORDER BY 1;
SELECT count(*) FILTER (WHERE amount > 250), count(*) FILTER (WHERE (amount > 250) IS NOT TRUE),
    count(*) FILTER (WHERE sold_at > '2028-02-29 12:00+00' AND sold_at <= '2028-03-01 12:00+00'), count(*) FILTER (WHERE tags && '{t1,t2}') FROM sale;
-- more filters than are kept, over rows of two types
SELECT count(*) FROM generate_series(1, 3000) i, LATERAL (SELECT ('amount = ' || i % 1500)::segment.filter AS f) x, sale s
WHERE s.id IN (42, 43) AND s @@ f;
SELECT r @@ f FROM (VALUES (1, ROW(1, 'a')), (2, ROW(2, 'b')), (3, ROW(3))) v(i, r), (VALUES ('f1 >= 2'::segment.filter), ('f1 = 1')) w(f) ORDER BY f::text, i;
-- a hundred thousand evaluations leave nothing behind
SELECT (SELECT count(*) FROM definition d, sale s WHERE s @@ d.filter) > 0 AS evaluated,
       (SELECT sum(total_bytes) < 10000000 FROM pg_backend_memory_contexts WHERE name ~ '^(segment|ExecutorState|ExprContext)') AS "small";

-- Rows of no table
SELECT ROW(1, 'a') @@ 'f1 = 1 and f2 = "a"' AS yes, ROW(1, NULL) @@ 'f2 is set' AS no, ROW(1, 2) @@ 'f3 = 1' AS error;
SELECT ROW(1, 'a') @@ 'f1 = 1 and f2 = "a"' AS yes, ROW(1, NULL) @@ 'f2 is set' AS no;
SELECT v.* FROM (VALUES (1, 'a'), (2, 'b')) v(n, letter) WHERE v @@ 'n > 1';
SELECT t.* FROM jsonb_to_recordset('[{"n": 1}, {"n": 2}]') AS t(n integer) WHERE t @@ 'n > 1';
CREATE FUNCTION best() RETURNS SETOF sale LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM sale WHERE id < 5; END $$;
SELECT b.id FROM best() b WHERE b @@ 'amount >= 3' ORDER BY 1;
SELECT (NULL::sale) @@ 'not amount > 1' AS missing, ROW(1, 2) @@ NULL AS missing;
WITH x AS MATERIALIZED (SELECT id, amount FROM sale WHERE id < 4) SELECT * FROM x WHERE x @@ 'amount > 1' ORDER BY id;
-- a column of a row type, which may be NULL
CREATE TYPE address AS (street text, zip integer);
CREATE TABLE shop (name text, place address);
INSERT INTO shop VALUES ('a', ROW('Storegade', 8000)), ('b', ROW(NULL, NULL)), ('c', NULL);
SELECT name, place @@ 'zip = 8000' AS zip, place @@ 'not zip = 8000' AS "not" FROM shop ORDER BY name;
SELECT name FROM shop WHERE (shop).place @@ 'zip = 8000';
-- a volatile row is computed once
CREATE SEQUENCE calls;
SELECT v.r @@ 'f1 = f2' AS equal FROM (SELECT ROW(nextval('calls'), 1) AS r OFFSET 0) v;
SELECT ROW(nextval('calls'), 1) @@ 'f1 >= 2 and f1 <= 2' AS once, currval('calls');

-- Constraints, triggers, policies, indexes
CREATE TABLE guarded (a integer, b text, CHECK (guarded @@ 'a > 1'));
\d guarded
INSERT INTO guarded VALUES (2, 'x');
INSERT INTO guarded VALUES (NULL, 'missing is not more than 1');
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'big: %, %', NEW, NEW @@ 'a > 6'; RETURN NEW; END $$;
CREATE TRIGGER tell BEFORE INSERT ON guarded FOR EACH ROW WHEN (NEW @@ 'a > 5') EXECUTE FUNCTION tell();
INSERT INTO guarded VALUES (3, 'small'), (6, 'six'), (7, 'seven');
CREATE POLICY only_seven ON guarded USING (guarded @@ 'a = 7');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE ROLE filter_inline_reader;
GRANT USAGE ON SCHEMA filter_inline TO filter_inline_reader;
GRANT SELECT ON guarded, good_sale TO filter_inline_reader;
SET ROLE filter_inline_reader;
EXPLAIN (COSTS OFF) SELECT * FROM guarded;
SELECT * FROM guarded;
SELECT count(*) FROM good_sale g WHERE g @@ 'amount = 42';
SELECT count(*) FROM sale s WHERE s @@ 'amount = 42';
RESET ROLE;
-- a column that goes makes the filter an error when it is asked, not before
CREATE VIEW vanishing AS SELECT g FROM guarded g WHERE g @@ 'b = "six"';
SELECT * FROM vanishing;
ALTER TABLE guarded DROP CONSTRAINT guarded_check;
ALTER TABLE guarded DROP COLUMN b;
SELECT * FROM vanishing;
SELECT pg_get_viewdef('vanishing');
ALTER TABLE guarded ADD COLUMN b text DEFAULT 'six';
SELECT * FROM vanishing ORDER BY 1;
-- an error for a filter that does not bind, also where there is no row
SELECT * FROM sale s WHERE false AND s @@ 'amont = 1';
SELECT * FROM customer c WHERE c.id < 0 AND c @@ 'nam = "x"';

-- The types and parameters that come from elsewhere do not confuse the operator.
SELECT to_tsvector('simple', 'a b') @@ to_tsquery('simple', 'a') AS ts, '{"a": 1}'::jsonb @@ '$.a == 1' AS path;

SET client_min_messages = warning;
DROP SCHEMA filter_inline CASCADE;
DROP ROLE filter_inline_reader;
