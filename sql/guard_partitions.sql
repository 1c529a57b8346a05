-- Tables that join the tree of a source, or leave it: their rows come and go
-- in the transaction of the statement, and their triggers follow.
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET segment.now = '2026-06-01 12:00+00';
CREATE SCHEMA guarded;
SET search_path = guarded, public;
SELECT segment.create_population('visitor', key => 'customer_id', key_type => 'bigint', timezone => 'UTC');
CREATE TABLE visit (customer_id bigint, at timestamptz, page text, seconds integer) PARTITION BY RANGE (at);
CREATE TABLE visit_old PARTITION OF visit FOR VALUES FROM (MINVALUE) TO ('2026-01-01+00');
INSERT INTO visit VALUES (1, '2025-04-01+00', 'home', 10), (2, '2025-05-02+00', 'shop', 5);
SELECT segment.attach_source('visit', at => 'at');
SELECT segment.attach_source('visit', at => 'at', name => 'home', filter => 'page = "home"');
SELECT segment.create_trait('visits', 'count(visit)');
SELECT segment.create_trait('longest', 'max(visit.seconds)');
SELECT segment.create_trait('recent', 'sum(home.seconds in last 30 days)');
SELECT segment.create_audience('keen', 'visits >= 2');
CREATE VIEW naive AS SELECT customer_id, count(*)::bigint AS visits, max(seconds) AS longest,
	coalesce(sum(seconds) FILTER (WHERE page = 'home' AND at + '30 days' > segment.now() AND at <= segment.now()), 0)::numeric AS recent
	FROM visit WHERE customer_id IS NOT NULL GROUP BY 1;
CREATE FUNCTION wrong() RETURNS TABLE (what text) LANGUAGE sql AS $$
	SELECT 'stored ' || v::text FROM (TABLE visitor EXCEPT TABLE naive) v
	UNION ALL SELECT 'naive ' || n::text FROM (TABLE naive EXCEPT TABLE visitor) n
	UNION ALL SELECT 'keen ' || k::text FROM (TABLE keen EXCEPT SELECT customer_id FROM naive WHERE visits >= 2) k
	UNION ALL SELECT 'not keen ' || k::text FROM (SELECT customer_id FROM naive WHERE visits >= 2 EXCEPT TABLE keen) k
	UNION ALL SELECT 'verify ' || v::text FROM segment.verify() v
	UNION ALL SELECT 'not captured ' || source FROM segment.stat_source WHERE NOT captured
	UNION ALL SELECT 'triggers on ' || tgrelid::regclass FROM pg_trigger WHERE tgname ~ '^segment_visitor'
		AND NOT EXISTS (SELECT FROM pg_partition_tree('guarded.visit') WHERE relid = tgrelid)
$$;

-- made as a partition, also one of partitions
CREATE TABLE visit_may PARTITION OF visit FOR VALUES FROM ('2026-05-01+00') TO ('2026-06-01+00') PARTITION BY LIST (page);
CREATE TABLE visit_may_home PARTITION OF visit_may FOR VALUES IN ('home');
CREATE TABLE visit_may_rest PARTITION OF visit_may DEFAULT;
INSERT INTO visit VALUES (1, '2026-05-03+00', 'home', 30), (3, '2026-05-09+00', 'cart', 2);
INSERT INTO visit_may_home VALUES (2, '2026-05-09+00', 'home', 7);
SELECT * FROM wrong();
CREATE SCHEMA guarded_later CREATE TABLE june PARTITION OF guarded.visit FOR VALUES FROM ('2026-06-01+00') TO ('2026-07-01+00');
INSERT INTO guarded_later.june VALUES (1, '2026-06-01+00', 'home', 70);
TABLE visitor ORDER BY 1;
SELECT * FROM wrong();

-- attached with its rows, whose columns have another order; or not at all
CREATE TABLE visit_april (seconds integer, gone text, customer_id bigint, page text, at timestamptz);
ALTER TABLE visit_april DROP gone;
INSERT INTO visit_april VALUES (100, 1, 'shop', '2026-04-01+00'), (3, 4, 'home', '2026-04-02+00'), (5, NULL, 'home', '2026-04-02+00');
BEGIN;
ALTER TABLE visit ATTACH PARTITION visit_april FOR VALUES FROM ('2026-04-01+00') TO ('2026-05-01+00');
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
ROLLBACK;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
ALTER TABLE visit_april ALTER seconds TYPE bigint;
ALTER TABLE visit ATTACH PARTITION visit_april FOR VALUES FROM ('2026-04-01+00') TO ('2026-05-01+00');
ALTER TABLE visit_april ALTER seconds TYPE integer;
ALTER TABLE visit ATTACH PARTITION visit_april FOR VALUES FROM ('2026-04-01+00') TO ('2026-05-01+00');
UPDATE visit SET seconds = 1 WHERE customer_id = 1 AND at = '2026-04-01+00';
INSERT INTO visit_april VALUES (9, 4, 'shop', '2026-04-09+00');
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
-- a tree of its own
CREATE TABLE visit_march (customer_id bigint, at timestamptz, page text, seconds integer) PARTITION BY LIST (page);
CREATE TABLE visit_march_home (page text, seconds integer, at timestamptz, customer_id bigint);
ALTER TABLE visit_march ATTACH PARTITION visit_march_home FOR VALUES IN ('home');
INSERT INTO visit_march VALUES (5, '2026-03-01+00', 'home', 50), (5, '2026-03-02+00', 'home', 51);
ALTER TABLE visit ATTACH PARTITION visit_march FOR VALUES FROM ('2026-03-01+00') TO ('2026-04-01+00');
SELECT * FROM wrong();
TABLE keen ORDER BY 1;

-- detached: rows and triggers go
BEGIN;
ALTER TABLE visit DETACH PARTITION visit_march;
SELECT * FROM wrong();
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text ~ 'march' ORDER BY 1, 2;
TABLE visitor ORDER BY 1;
ROLLBACK;
ALTER TABLE visit_may DETACH PARTITION visit_may_home;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
INSERT INTO visit_may_home VALUES (6, '2026-05-09+00', 'home', 7);
UPDATE visit_may_home SET page = 'cart';
SELECT * FROM wrong();
UPDATE visit_may_home SET page = 'home';
ALTER TABLE visit_may ATTACH PARTITION visit_may_home FOR VALUES IN ('home');
SELECT * FROM wrong();
-- in two transactions
ALTER TABLE visit DETACH PARTITION visit_april CONCURRENTLY;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
ALTER TABLE visit ATTACH PARTITION visit_april FOR VALUES FROM ('2026-04-01+00') TO ('2026-05-01+00');
SELECT * FROM wrong();

-- dropped: one, several, one with partitions, a schema
BEGIN;
DROP TABLE visit_may_rest, visit_april;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
DROP TABLE visit_may;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
ROLLBACK;
SELECT * FROM wrong();
BEGIN;
SAVEPOINT before;
DROP TABLE visit_may;
ROLLBACK TO before;
SELECT * FROM wrong();
INSERT INTO visit VALUES (1, '2026-05-30+00', 'home', 1000);
DROP TABLE visit_may_home;
SELECT * FROM wrong();
COMMIT;
DO $$ BEGIN
	DROP TABLE guarded.visit_old;
	INSERT INTO guarded.visit VALUES (1, '2026-05-30+00', 'shop', 1000);
	ALTER TABLE guarded.visit DETACH PARTITION guarded.visit_april;
	DROP TABLE guarded.visit_april;
END $$;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;
DROP SCHEMA guarded_later CASCADE;
SELECT * FROM wrong();
TABLE visitor ORDER BY 1;

-- what cannot be below a source, and a source that cannot be below another
CREATE UNLOGGED TABLE visit_bad PARTITION OF visit FOR VALUES FROM ('2027-01-01+00') TO ('2027-02-01+00');
CREATE TABLE visit_bad (LIKE visit);
SELECT segment.attach_source('visit_bad', at => 'at');
ALTER TABLE visit ATTACH PARTITION visit_bad FOR VALUES FROM ('2027-01-01+00') TO ('2027-02-01+00');
CREATE TABLE elsewhere (LIKE visit) PARTITION BY RANGE (at);
ALTER TABLE elsewhere ATTACH PARTITION visit_bad DEFAULT;
SELECT segment.detach_source('visit_bad', cascade => true);
ALTER TABLE elsewhere ATTACH PARTITION visit_bad DEFAULT;
ALTER TABLE visit ATTACH PARTITION elsewhere FOR VALUES FROM ('2027-01-01+00') TO ('2027-02-01+00');
SELECT segment.attach_source('visit_bad', at => 'at');
SELECT * FROM wrong();

ALTER TABLE visit_may_rest SET UNLOGGED;

-- without event triggers nothing follows, and that is seen; and mended
CREATE TABLE visit_july (LIKE visit);
INSERT INTO visit_july VALUES (7, '2026-07-01', 'home', 1);
CREATE TABLE visit_august PARTITION OF visit FOR VALUES FROM ('2026-08-01+00') TO ('2026-09-01+00');
INSERT INTO visit VALUES (8, '2026-08-01', 'home', 1);
SELECT * FROM wrong();
BEGIN;
ALTER EVENT TRIGGER segment_guard_start DISABLE;
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER TABLE visit ATTACH PARTITION visit_july FOR VALUES FROM ('2026-07-01+00') TO ('2026-08-01+00');
DROP TABLE visit_august;
ALTER EVENT TRIGGER segment_guard_start ENABLE;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
COMMIT;
SELECT * FROM wrong() ORDER BY 1;
SELECT segment.rebuild('visitor');
SELECT * FROM wrong() ORDER BY 1;
ALTER TABLE visit DETACH PARTITION visit_july;
ALTER TABLE visit ATTACH PARTITION visit_july FOR VALUES FROM ('2026-07-01+00') TO ('2026-08-01+00');
SELECT * FROM wrong();

-- tables that inherit
CREATE TABLE call (customer_id bigint, at date, minutes integer);
SELECT segment.attach_source('call', at => 'at');
SELECT segment.create_trait('minutes', 'sum(call.minutes)');
CREATE VIEW naive_call AS SELECT coalesce(customer_id, 0) AS customer_id, sum(minutes)::numeric AS minutes FROM call GROUP BY 1;
CREATE FUNCTION wrong_call() RETURNS TABLE (what text) LANGUAGE sql AS $$
	SELECT 'stored ' || v::text FROM (SELECT customer_id, minutes FROM visitor WHERE minutes <> 0 EXCEPT TABLE naive_call) v
	UNION ALL SELECT 'naive ' || n::text FROM (TABLE naive_call EXCEPT SELECT customer_id, minutes FROM visitor) n
	UNION ALL SELECT 'verify ' || v::text FROM segment.verify() v
	UNION ALL SELECT 'not captured ' || source FROM segment.stat_source WHERE NOT captured
$$;
CREATE TABLE call_far (country text) INHERITS (call);
CREATE TABLE call_near (minutes integer, at date, customer_id bigint);
INSERT INTO call_near VALUES (5, '2026-05-01', 1);
INSERT INTO call_far VALUES (1, '2026-05-01', 10, 'DK');
ALTER TABLE call_near INHERIT call;
SELECT * FROM wrong_call();
SELECT customer_id, minutes FROM visitor WHERE minutes <> 0 ORDER BY 1;
UPDATE call SET minutes = minutes * 2;
INSERT INTO call_near VALUES (6, '2026-05-01', 2);
SELECT * FROM wrong_call();
CREATE TABLE call_both () INHERITS (call_far, call_near);
INSERT INTO call_both VALUES (2, '2026-05-01', 100);
-- it is below call still, by way of call_near
ALTER TABLE call_both NO INHERIT call_far;
SELECT * FROM wrong_call();
SELECT customer_id, minutes FROM visitor WHERE minutes <> 0 ORDER BY 1;
ALTER TABLE call_near NO INHERIT call;
SELECT * FROM wrong_call();
SELECT customer_id, minutes FROM visitor WHERE minutes <> 0 ORDER BY 1;
CREATE TABLE apart (customer_id bigint, at date, minutes integer);
ALTER TABLE call_far INHERIT apart;
ALTER TABLE call INHERIT apart;
DROP TABLE call_far;
SELECT * FROM wrong_call();

-- lines and their parents
CREATE TABLE bill (bill_id integer PRIMARY KEY, customer_id bigint, at timestamptz) PARTITION BY RANGE (bill_id);
CREATE TABLE bill_1 PARTITION OF bill FOR VALUES FROM (0) TO (10);
CREATE TABLE bill_2 (at timestamptz, bill_id integer NOT NULL, customer_id bigint);
CREATE TABLE line (bill_id integer, price integer, kind text) PARTITION BY LIST (kind);
CREATE TABLE line_a PARTITION OF line FOR VALUES IN ('a');
CREATE TABLE line_b (kind text, price integer, bill_id integer);
CREATE INDEX ON line (bill_id);
CREATE INDEX ON bill (customer_id);
INSERT INTO bill VALUES (1, 1, '2026-05-01'), (2, 2, '2026-05-01');
INSERT INTO bill_2 VALUES ('2026-05-02', 11, 1), ('2026-05-02', 12, 3);
INSERT INTO line VALUES (1, 10, 'a'), (11, 20, 'a'), (12, 30, 'a');
INSERT INTO line_b VALUES ('b', 40, 1), ('b', 50, 12);
SELECT segment.attach_source('bill', at => 'at');
SELECT segment.attach_source('line', through => 'bill', link => 'bill_id');
SELECT segment.create_trait('paid', 'sum(line.price)');
SELECT segment.create_trait('dearest', 'max(line.price)');
CREATE FUNCTION wrong_line() RETURNS TABLE (what text) LANGUAGE sql AS $$
	SELECT 'differs ' || coalesce(v.customer_id, n.customer_id) FROM visitor v FULL JOIN
		(SELECT customer_id, sum(price) AS paid, max(price) AS dearest FROM bill JOIN line USING (bill_id) GROUP BY 1) n USING (customer_id)
		WHERE v.paid <> coalesce(n.paid, 0) OR v.dearest IS DISTINCT FROM n.dearest
	UNION ALL SELECT 'verify ' || v::text FROM segment.verify() v
	UNION ALL SELECT 'not captured ' || source FROM segment.stat_source WHERE NOT captured
$$;
SELECT * FROM wrong_line();
ALTER TABLE line ATTACH PARTITION line_b FOR VALUES IN ('b');
SELECT * FROM wrong_line();
ALTER TABLE bill ATTACH PARTITION bill_2 FOR VALUES FROM (10) TO (20);
SELECT * FROM wrong_line();
SELECT customer_id, paid, dearest FROM visitor WHERE paid <> 0 ORDER BY 1;
ALTER TABLE line DETACH PARTITION line_a CONCURRENTLY;
SELECT * FROM wrong_line();
ALTER TABLE line ATTACH PARTITION line_a FOR VALUES IN ('a');
ALTER TABLE bill DETACH PARTITION bill_2 CONCURRENTLY;
SELECT * FROM wrong_line();
SELECT customer_id, paid, dearest FROM visitor WHERE paid <> 0 ORDER BY 1;
DROP TABLE line_b;
SELECT * FROM wrong_line();
DROP TABLE bill_1;
SELECT * FROM wrong_line();

-- a source that cannot be read stops no one who tidies up
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER TABLE line RENAME bill_id TO bill;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
DROP TABLE line_a;
SELECT source, captured FROM segment.stat_source ORDER BY 1;
SELECT segment.detach_source('line', cascade => true);

-- a partition goes together with another source as a whole
CREATE SCHEMA apart_later;
CREATE TABLE apart_later.page (customer_id bigint, at timestamptz);
CREATE TABLE apart_later.visit_september PARTITION OF visit FOR VALUES FROM ('2026-09-01+00') TO ('2026-10-01+00');
SELECT segment.attach_source('apart_later.page', at => 'at');
INSERT INTO visit VALUES (3, '2026-09-01', 'home', 1), (12, '2026-09-02', 'home', 1);
INSERT INTO apart_later.page VALUES (3, '2026-09-01'), (12, '2026-09-01');
SET client_min_messages = error;
DROP SCHEMA apart_later CASCADE;
SET client_min_messages = warning;
SELECT * FROM segment.verify();

-- the table is one role's, the population another's
CREATE ROLE regress_segment_shop;
CREATE SCHEMA shop AUTHORIZATION regress_segment_shop;
SET ROLE regress_segment_shop;
CREATE TABLE shop.sale (customer_id bigint, at timestamptz, price integer) PARTITION BY RANGE (at);
CREATE TABLE shop.sale_1 PARTITION OF shop.sale FOR VALUES FROM (MINVALUE) TO ('2026-05-01');
RESET ROLE;
SELECT segment.attach_source('shop.sale', at => 'at');
SELECT segment.create_trait('spent', 'sum(sale.price)');
SET ROLE regress_segment_shop;
CREATE TABLE shop.sale_2 PARTITION OF shop.sale FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE TABLE shop.sale_3 (at timestamptz, customer_id bigint, price integer);
INSERT INTO shop.sale_3 VALUES ('2026-06-01', 1, 5);
ALTER TABLE shop.sale ATTACH PARTITION shop.sale_3 DEFAULT;
INSERT INTO shop.sale VALUES (1, '2026-04-01', 10), (1, '2026-05-01', 100);
RESET ROLE;
SELECT customer_id, spent FROM visitor ORDER BY 1;
SET ROLE regress_segment_shop;
DROP TABLE shop.sale_2;
ALTER TABLE shop.sale DETACH PARTITION shop.sale_1;
RESET ROLE;
SELECT customer_id, spent FROM visitor ORDER BY 1;
SELECT * FROM segment.verify();
SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE tgname ~ '^segment_visitor' GROUP BY 1 ORDER BY 1;
SELECT segment.detach_source('sale', cascade => true);
-- a whole source that goes leaves nothing behind that is counted
SELECT segment.attach_source('shop.sale', at => 'at');
DROP SCHEMA shop CASCADE;
SELECT count(segment.detach_source(source, cascade => true)) >= 0 AS detached FROM segment.source WHERE source = 'sale';
SELECT * FROM segment.verify();
DROP ROLE regress_segment_shop;
SELECT segment.drop_population('visitor', cascade => true);
DROP SCHEMA guarded CASCADE;
