-- A partitioned table is a source, with all of its partitions: whatever table
-- a statement names, each row counts once, and traits are what naive SQL says.
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET segment.now = '2026-06-01 12:00+00';
CREATE SCHEMA parted;
SET search_path = parted, public;
SELECT segment.create_population('visitor', key => 'customer_id', key_type => 'bigint', timezone => 'UTC');

-- columns of partitions have their own order, and some were dropped
CREATE TABLE visit (customer_id bigint, at timestamptz, page text, seconds integer) PARTITION BY RANGE (at);
CREATE TABLE visit_old PARTITION OF visit FOR VALUES FROM (MINVALUE) TO ('2026-05-01+00');
CREATE TABLE visit_may (gone int, seconds integer, page text, customer_id bigint, at timestamptz) PARTITION BY LIST (page);
ALTER TABLE visit_may DROP gone;
ALTER TABLE visit ATTACH PARTITION visit_may FOR VALUES FROM ('2026-05-01+00') TO ('2026-06-01+00');
CREATE TABLE visit_may_home (at timestamptz, customer_id bigint, seconds integer, page text);
ALTER TABLE visit_may ATTACH PARTITION visit_may_home FOR VALUES IN ('home');
CREATE TABLE visit_may_rest PARTITION OF visit_may DEFAULT;
INSERT INTO visit VALUES (1, '2026-04-01+00', 'home', 10), (1, '2026-05-01+00', 'home', 20), (2, '2026-05-02+00', 'shop', 5),
	(NULL, '2026-05-02+00', 'shop', 5);
SELECT segment.attach_source('visit', at => 'at');
SELECT relation, rows, rows_without_key, captured FROM segment.stat_source;
SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE tgname ~ '^segment_visitor' GROUP BY tgrelid ORDER BY tgrelid::regclass::text;

SELECT segment.create_trait('visits', 'count(visit)');
SELECT segment.create_trait('seconds', 'sum(visit.seconds)');
SELECT segment.create_trait('longest', 'max(visit.seconds)');
SELECT segment.create_trait('pages', 'count(distinct visit.page)');
SELECT segment.create_trait('recent', 'sum(visit.seconds in last 30 days)');
SELECT segment.create_audience('keen', 'visits >= 2 and seconds > 30');
CREATE VIEW naive AS SELECT customer_id, count(*)::bigint AS visits, sum(seconds)::numeric AS seconds, max(seconds) AS longest,
	count(DISTINCT page)::bigint AS pages,
	coalesce(sum(seconds) FILTER (WHERE at + '30 days' > segment.now() AND at <= segment.now()), 0)::numeric AS recent
	FROM visit WHERE customer_id IS NOT NULL GROUP BY 1;
CREATE FUNCTION wrong() RETURNS TABLE (what text) LANGUAGE sql AS $$
	(SELECT 'stored ' || v::text FROM (TABLE visitor EXCEPT TABLE naive) v
	UNION ALL SELECT 'naive ' || n::text FROM (TABLE naive EXCEPT TABLE visitor) n
	UNION ALL SELECT 'keen ' || k::text FROM (TABLE keen EXCEPT SELECT customer_id FROM naive WHERE visits >= 2 AND seconds > 30) k
	UNION ALL SELECT 'not keen ' || k::text FROM (SELECT customer_id FROM naive WHERE visits >= 2 AND seconds > 30 EXCEPT TABLE keen) k
	UNION ALL SELECT 'verify ' || v::text FROM segment.verify() v)
$$;
TABLE visitor ORDER BY 1;
SELECT * FROM wrong();

-- through the parent, into a table in the middle, into a leaf
INSERT INTO visit VALUES (1, '2026-05-03+00', 'home', 30), (3, '2026-04-03+00', 'shop', 1), (3, '2026-05-09+00', 'cart', 2);
INSERT INTO visit_may (customer_id, at, page, seconds) VALUES (4, '2026-05-04+00', 'home', 3), (4, '2026-05-04+00', 'cart', 40);
INSERT INTO visit_may_home (customer_id, at, page, seconds) VALUES (5, '2026-05-05+00', 'home', 50), (1, '2026-05-06+00', 'home', 60);
TABLE visitor ORDER BY 1;
SELECT * FROM wrong();
COPY visit FROM stdin;
6	2026-04-06 00:00+00	home	6
6	2026-05-06 00:00+00	home	7
\.
COPY visit_may_home FROM stdin;
2026-05-07 00:00+00	6	8	home
\.
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;

-- updates in place, and those that move a row to another partition
UPDATE visit SET seconds = seconds + 100 WHERE customer_id = 6;
UPDATE visit_may_home SET seconds = seconds + 1;
SELECT * FROM wrong();
UPDATE visit SET at = at - interval '1 month', seconds = seconds + 1 WHERE customer_id = 6 AND at >= '2026-05-01+00';
UPDATE visit_may SET page = 'home' WHERE customer_id IN (2, 4);
WITH moved AS (UPDATE visit SET at = '2026-05-20+00', customer_id = 7 WHERE customer_id = 3 RETURNING customer_id, at, page)
SELECT * FROM moved ORDER BY customer_id, at, page;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;

-- MERGE says nothing of rows that it moves, unless it deletes and inserts, too
MERGE INTO visit v USING (VALUES (1, 'home'), (5, 'home')) AS s (id, page) ON v.customer_id = s.id AND v.page = s.page
WHEN MATCHED THEN UPDATE SET at = v.at - interval '20 days', seconds = v.seconds + 1000;
SELECT * FROM wrong();
MERGE INTO visit v USING (VALUES (4, '2026-04-01+00'::timestamptz), (8, '2026-04-02+00')) AS s (id, at) ON v.customer_id = s.id
WHEN MATCHED THEN UPDATE SET at = s.at, seconds = v.seconds + 1000
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.at, 'home', 8);
SELECT * FROM wrong();
MERGE INTO visit v USING (VALUES (4, '2026-05-01+00'::timestamptz), (8, '2026-05-02+00'), (2, NULL), (9, '2026-04-09+00')) AS s (id, at)
ON v.customer_id = s.id
WHEN MATCHED AND s.at IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET at = s.at, page = 'cart'
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.at, 'home', 8);
SELECT * FROM wrong();
MERGE INTO visit_may v USING (VALUES (4), (8)) AS s (id) ON v.customer_id = s.id
WHEN MATCHED THEN UPDATE SET page = 'home';
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
-- the triggers of others do not notice
CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% on %', tg_op, tg_table_name; RETURN NULL; END $$;
CREATE TRIGGER loud AFTER INSERT OR DELETE OR UPDATE ON visit FOR EACH STATEMENT EXECUTE FUNCTION loud();
MERGE INTO visit v USING (VALUES (4), (8)) AS s (id) ON v.customer_id = s.id
WHEN MATCHED THEN UPDATE SET at = v.at - interval '1 month';
DROP TRIGGER loud ON visit;
SELECT * FROM wrong();

-- several writes in one statement
WITH gone AS (DELETE FROM visit WHERE customer_id = 9 RETURNING *), moved AS (UPDATE visit SET at = '2026-05-30+00' WHERE customer_id = 8)
INSERT INTO visit_may_rest (customer_id, at, page, seconds) SELECT 9, '2026-05-11+00', 'shop', 11 FROM gone;
SELECT * FROM wrong();
DELETE FROM visit_old WHERE customer_id = 6;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;

-- TRUNCATE of a leaf, of several tables, of one in the middle, of all: each row once
BEGIN;
TRUNCATE visit_may_home;
SELECT * FROM wrong();
ROLLBACK;
SELECT * FROM wrong();
BEGIN;
TRUNCATE visit_may_home, visit;
SELECT * FROM wrong();
SELECT count(*) FROM visitor;
INSERT INTO visit VALUES (1, '2026-05-03+00', 'home', 30);
SELECT * FROM wrong();
ROLLBACK;
BEGIN;
TRUNCATE visit_may;
SELECT * FROM wrong();
INSERT INTO visit VALUES (1, '2026-05-03+00', 'home', 30);
TRUNCATE visit;
SELECT * FROM wrong();
SELECT count(*) FROM visitor;
ROLLBACK;
BEGIN;
INSERT INTO visit VALUES (10, '2026-05-03+00', 'home', 30);
SAVEPOINT before;
TRUNCATE visit;
ROLLBACK TO before;
SELECT * FROM wrong();
TRUNCATE visit_old;
SELECT * FROM wrong();
COMMIT;
TABLE visitor ORDER BY 1;

-- a row that moves beside a trigger of a user who writes, too
CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO visit_old (customer_id, at, page, seconds) SELECT customer_id, '2026-01-01+00', 'echo', 1 FROM came; RETURN NULL; END $$;
CREATE TRIGGER a_echo AFTER INSERT ON visit REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION echo();
INSERT INTO visit VALUES (11, '2026-05-03+00', 'home', 30), (1, '2026-05-03+00', 'shop', 7);
SELECT * FROM wrong();
DROP TRIGGER a_echo ON visit;

-- all of it can be computed anew, and detached
SELECT segment.rebuild('visitor');
SELECT * FROM wrong();
ALTER TABLE visit_may_rest DISABLE TRIGGER segment_visitor_update;
SELECT captured FROM segment.stat_source;
ALTER TABLE visit_may_rest ENABLE TRIGGER segment_visitor_update;
SELECT captured FROM segment.stat_source;
SELECT segment.detach_source('visit', cascade => true);
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_visitor';
SELECT segment.drop_population('visitor');
DROP SCHEMA parted CASCADE;
