-- Tables that inherit, trees of tables with links, filters and rows that are
-- reported one by one; and what cannot be part of a source's tree.
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET segment.now = '2026-06-01 12:00+00';
CREATE SCHEMA trees;
SET search_path = trees, public;
SELECT segment.create_population('guest', key => 'guest_id', key_type => 'bigint', timezone => 'UTC');
CREATE FUNCTION wrong(naive regclass) RETURNS TABLE (what text) LANGUAGE plpgsql AS $$ BEGIN
	RETURN QUERY EXECUTE format('(SELECT ''stored '' || v::text FROM (TABLE guest EXCEPT TABLE %1$s) v
		UNION ALL SELECT ''naive '' || n::text FROM (TABLE %1$s EXCEPT TABLE guest) n
		UNION ALL SELECT ''verify '' || v::text FROM segment.verify() v)', naive);
END $$;

-- rows of tables that inherit are rows of the one at the top
CREATE TABLE stay (guest_id bigint, at date, nights integer, kind text);
CREATE TABLE stay_hotel (stars integer) INHERITS (stay);
CREATE TABLE stay_camp (tent text, nights integer, kind text, at date, guest_id bigint);
ALTER TABLE stay_camp INHERIT stay;
CREATE TABLE stay_both (loud boolean) INHERITS (stay_hotel, stay_camp);
INSERT INTO stay VALUES (1, '2026-05-01', 1, 'inn');
INSERT INTO stay_hotel VALUES (1, '2026-05-02', 2, 'hotel', 5);
INSERT INTO stay_camp VALUES ('red', 3, 'camp', '2026-05-03', 2);
INSERT INTO stay_both VALUES (2, '2026-05-04', 4, 'both', 3, 'blue', true);
SELECT segment.attach_source('stay', at => 'at');
SELECT segment.attach_source('stay', at => 'at', name => 'camping', filter => 'kind = "camp"');
SELECT segment.create_trait('nights', 'sum(stay.nights)');
SELECT segment.create_trait('longest', 'max(stay.nights)');
SELECT segment.create_trait('camped', 'sum(camping.nights in last 60 days)');
SELECT source, relation, rows, captured FROM segment.stat_source ORDER BY 1;
CREATE VIEW naive_stay AS SELECT guest_id, sum(nights)::numeric AS nights, max(nights) AS longest,
	coalesce(sum(nights) FILTER (WHERE kind = 'camp' AND at + interval '60 days' > segment.now() AND at <= segment.now()), 0)::numeric AS camped
	FROM stay GROUP BY 1;
TABLE guest ORDER BY 1;
SELECT * FROM wrong('naive_stay');
INSERT INTO stay VALUES (3, '2026-05-05', 5, 'inn');
INSERT INTO stay_camp VALUES ('red', 6, 'camp', '2026-05-06', 3), ('red', 1, 'camp', '2025-05-06', 4);
INSERT INTO stay_both VALUES (2, '2026-05-07', 7, 'camp', 3, 'blue', true);
SELECT * FROM wrong('naive_stay');
UPDATE stay SET nights = nights + 10, kind = 'camp' WHERE guest_id IN (1, 2);
SELECT * FROM wrong('naive_stay');
UPDATE stay_camp SET guest_id = 1, kind = 'tent' WHERE nights > 15;
SELECT * FROM wrong('naive_stay');
UPDATE ONLY stay SET nights = 100;
SELECT * FROM wrong('naive_stay');
MERGE INTO stay_hotel h USING (VALUES (1), (2), (5)) AS s (id) ON h.guest_id = s.id
WHEN MATCHED THEN UPDATE SET nights = h.nights * 2
WHEN NOT MATCHED THEN INSERT (guest_id, at, nights, kind) VALUES (s.id, '2026-05-08', 8, 'camp');
SELECT * FROM wrong('naive_stay');
DELETE FROM stay_hotel WHERE guest_id = 1;
SELECT * FROM wrong('naive_stay');
TABLE guest ORDER BY 1;
-- TRUNCATE takes along what inherits, unless it is ONLY
BEGIN;
TRUNCATE stay_camp;
SELECT * FROM wrong('naive_stay');
TABLE guest ORDER BY 1;
ROLLBACK;
BEGIN;
TRUNCATE ONLY stay;
SELECT * FROM wrong('naive_stay');
TABLE guest ORDER BY 1;
TRUNCATE stay;
SELECT * FROM wrong('naive_stay');
SELECT count(*) FROM guest;
ROLLBACK;
SELECT segment.detach_source('camping', cascade => true);
SELECT count(DISTINCT tgrelid) FROM pg_trigger WHERE tgname ~ '^segment_guest';
SELECT segment.detach_source('stay', cascade => true);
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_guest';

-- what is part of a tree is attached with all of it, or not at all
SELECT segment.attach_source('stay_camp', at => 'at');
CREATE TABLE bill (bill_id integer, guest_id bigint, at timestamptz, paid boolean, PRIMARY KEY (bill_id)) PARTITION BY HASH (bill_id);
CREATE TABLE bill_0 PARTITION OF bill FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE bill_1 (paid boolean, at timestamptz, bill_id integer NOT NULL, guest_id bigint);
ALTER TABLE bill ATTACH PARTITION bill_1 FOR VALUES WITH (modulus 2, remainder 1);
SELECT segment.attach_source('bill_1', at => 'at');
CREATE TABLE other (guest_id bigint, at date, nights integer, kind text);
ALTER TABLE stay_camp INHERIT other;
SELECT segment.attach_source('stay', at => 'at');
ALTER TABLE stay_camp NO INHERIT other;
ALTER TABLE stay_camp SET UNLOGGED;
SELECT segment.attach_source('stay', at => 'at');
ALTER TABLE stay_camp SET LOGGED;
CREATE FOREIGN DATA WRAPPER regress_trees_wrapper;
CREATE SERVER regress_trees_server FOREIGN DATA WRAPPER regress_trees_wrapper;
CREATE FOREIGN TABLE stay_far () INHERITS (stay) SERVER regress_trees_server;
SELECT segment.attach_source('stay', at => 'at');
DROP FOREIGN DATA WRAPPER regress_trees_wrapper CASCADE;
CREATE TABLE card (guest_id bigint PRIMARY KEY, city text);
CREATE TABLE card_gold () INHERITS (card);
SELECT segment.attach_source('card');
SELECT segment.attach_source('stay', at => 'at', look_up => '{"card": "card using guest_id = guest_id"}');
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_guest';

-- a right on each table is needed
CREATE ROLE regress_segment_attacher;
GRANT ALL ON SCHEMA trees TO regress_segment_attacher;
GRANT TRIGGER, SELECT ON bill, bill_0 TO regress_segment_attacher;
SET ROLE regress_segment_attacher;
SELECT segment.create_population('mine', key => 'guest_id', timezone => 'UTC');
SELECT segment.attach_source('bill', at => 'at', population => 'mine');
RESET ROLE;
GRANT TRIGGER ON bill_1 TO regress_segment_attacher;
SET ROLE regress_segment_attacher;
SELECT segment.attach_source('bill', at => 'at', population => 'mine');
RESET ROLE;
INSERT INTO bill_1 (bill_id, guest_id) SELECT n, 1 FROM generate_series(1, 9) n WHERE satisfies_hash_partition('bill'::regclass, 2, 1, n);
SET ROLE regress_segment_attacher;
SELECT guest_id FROM mine;
SELECT segment.drop_population('mine', cascade => true);
RESET ROLE;
TRUNCATE bill;
DROP OWNED BY regress_segment_attacher;
DROP ROLE regress_segment_attacher;

-- attributes in partitions, of which an index says that they are one a profile
CREATE TABLE person (guest_id bigint PRIMARY KEY, city text) PARTITION BY LIST (guest_id);
CREATE TABLE person_1 PARTITION OF person FOR VALUES IN (1);
CREATE TABLE person_x (city text, guest_id bigint NOT NULL);
ALTER TABLE person ATTACH PARTITION person_x DEFAULT;
INSERT INTO person VALUES (1, 'Aarhus'), (2, 'Odense');
SELECT segment.attach_source('person');
SELECT segment.create_trait('city', 'person.city');
CREATE VIEW naive_person AS SELECT guest_id, city FROM person;
UPDATE person SET city = 'Ribe' WHERE guest_id = 2;
UPDATE person SET guest_id = 3 WHERE guest_id = 1;
INSERT INTO person VALUES (1, 'Aarhus');
INSERT INTO person_x VALUES ('Vejle', 4) ON CONFLICT DO NOTHING;
INSERT INTO person VALUES (4, 'Vejle'), (2, 'Skagen') ON CONFLICT (guest_id) DO UPDATE SET city = excluded.city || '!';
SELECT * FROM wrong('naive_person');
TABLE guest ORDER BY 1;
SELECT segment.detach_source('person', cascade => true);

-- lines and their parents, both in partitions, and a look-up that is a tree, too
CREATE TABLE dish (dish_id integer PRIMARY KEY, course text) PARTITION BY RANGE (dish_id);
CREATE TABLE dish_1 PARTITION OF dish FOR VALUES FROM (1) TO (10);
CREATE TABLE dish_2 (course text, dish_id integer NOT NULL);
ALTER TABLE dish ATTACH PARTITION dish_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE line (line_id integer, bill_id integer, dish_id integer, price integer) PARTITION BY RANGE (line_id);
CREATE TABLE line_1 PARTITION OF line FOR VALUES FROM (1) TO (100);
CREATE TABLE line_2 (dish_id integer, price integer, bill_id integer, line_id integer);
ALTER TABLE line ATTACH PARTITION line_2 FOR VALUES FROM (100) TO (200);
CREATE INDEX ON line (bill_id);
CREATE INDEX ON line (dish_id);
CREATE INDEX ON bill (guest_id);
INSERT INTO dish VALUES (1, 'main'), (11, 'sweet');
INSERT INTO bill SELECT n, n % 3, '2026-05-01', n % 2 = 0 FROM generate_series(1, 8) n;
INSERT INTO line SELECT n, n % 9, CASE n % 2 WHEN 0 THEN 1 ELSE 11 END, n FROM generate_series(95, 104) n;
SELECT segment.attach_source('bill', at => 'at');
SELECT segment.attach_source('line', through => 'bill', link => 'bill_id = bill_id', look_up => '{"dish": "dish using dish_id = dish_id"}');
SELECT segment.create_trait('bills', 'count(bill)');
SELECT segment.create_trait('sweet', 'sum(line.price where dish.course = "sweet" and bill.paid)');
SELECT segment.create_trait('dearest', 'max(line.price)');
CREATE VIEW naive_line AS SELECT b.guest_id, count(DISTINCT b.bill_id) AS bills,
	coalesce(sum(l.price) FILTER (WHERE d.course = 'sweet' AND b.paid), 0)::numeric AS sweet, max(l.price) AS dearest
	FROM bill b LEFT JOIN line l USING (bill_id) LEFT JOIN dish d USING (dish_id) GROUP BY 1;
SELECT * FROM wrong('naive_line');
TABLE guest ORDER BY 1;
INSERT INTO line VALUES (1, 1, 11, 50), (150, 2, 1, 51), (151, 20, 11, 52);
INSERT INTO line_2 (line_id, bill_id, dish_id, price) VALUES (152, 3, 11, 53);
SELECT * FROM wrong('naive_line');
INSERT INTO bill VALUES (20, 7, '2026-05-03', true);
SELECT * FROM wrong('naive_line');
UPDATE bill SET guest_id = guest_id + 1, paid = NOT paid;
SELECT * FROM wrong('naive_line');
UPDATE bill SET bill_id = bill_id + 1 WHERE bill_id = 8;
SELECT * FROM wrong('naive_line');
UPDATE line SET line_id = line_id + 50, price = price + 1 WHERE line_id BETWEEN 50 AND 149;
SELECT * FROM wrong('naive_line');
UPDATE dish SET dish_id = CASE dish_id WHEN 1 THEN 12 ELSE 2 END;
SELECT * FROM wrong('naive_line');
UPDATE dish_2 SET course = 'sweet';
INSERT INTO dish VALUES (1, 'sweet'), (11, 'cheese');
SELECT * FROM wrong('naive_line');
UPDATE dish_1 SET course = 'main';
DELETE FROM bill_0;
SELECT * FROM wrong('naive_line');
TABLE guest ORDER BY 1;
BEGIN;
TRUNCATE line_2;
SELECT * FROM wrong('naive_line');
TRUNCATE dish;
SELECT * FROM wrong('naive_line');
TRUNCATE line, bill;
SELECT * FROM wrong('naive_line');
SELECT count(*) FROM guest;
ROLLBACK;
SELECT * FROM wrong('naive_line');
SELECT segment.detach_source('line', cascade => true);
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname ~ '^segment_guest' ORDER BY 1;
SELECT segment.detach_source('bill', cascade => true);

-- rows that are reported one by one
SELECT segment.attach_source('bill', at => 'at', replicated => true);
SELECT tgrelid::regclass::text, count(*), min(tgenabled::text) FROM pg_trigger WHERE tgname ~ '^segment_guest' GROUP BY 1 ORDER BY 1;
SELECT source, captured FROM segment.stat_source;
SELECT segment.create_trait('paid', 'count(bill where paid)');
CREATE VIEW naive_bill AS SELECT guest_id, count(*) FILTER (WHERE paid) AS paid FROM bill GROUP BY 1;
INSERT INTO bill VALUES (30, 7, '2026-05-03', true), (31, 7, '2026-05-03', true);
UPDATE bill SET bill_id = bill_id + 100;
INSERT INTO bill_1 (bill_id, guest_id, paid) SELECT 1001, 9, true WHERE satisfies_hash_partition('bill'::regclass, 2, 1, 1001);
INSERT INTO bill_1 (bill_id, guest_id, paid) SELECT 1002, 9, true WHERE satisfies_hash_partition('bill'::regclass, 2, 1, 1002);
INSERT INTO bill_1 (bill_id, guest_id, paid) SELECT 1003, 9, true WHERE satisfies_hash_partition('bill'::regclass, 2, 1, 1003);
MERGE INTO bill b USING (VALUES (1, true), (2, false)) AS s (id, keep) ON b.guest_id = s.id
WHEN MATCHED THEN UPDATE SET bill_id = b.bill_id + 1000, paid = true;
SET session_replication_role = replica;
UPDATE bill SET paid = true, guest_id = 3 WHERE guest_id = 2;
DELETE FROM bill_0 WHERE guest_id = 3;
RESET session_replication_role;
SELECT * FROM wrong('naive_bill');
SELECT count(*) > 0 AS any FROM guest;
TRUNCATE bill_1;
SELECT * FROM wrong('naive_bill');
SELECT segment.drop_population('guest', cascade => true);
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_guest';
DROP SCHEMA trees CASCADE;

SET client_min_messages = warning;
-- a table of two populations: TRUNCATE takes its rows from both
CREATE TABLE shared_orders (id serial, customer_id int, store_id int, at timestamptz DEFAULT '2026-05-01');
SELECT segment.create_population('shared_customer', key_type => 'integer', timezone => 'UTC') \g /dev/null
SELECT segment.create_population('shared_store', key => 'store_id', key_type => 'integer', timezone => 'UTC') \g /dev/null
SELECT segment.attach_source('shared_orders', at => 'at', population => 'shared_customer') \g /dev/null
SELECT segment.attach_source('shared_orders', key => 'store_id', at => 'at', population => 'shared_store') \g /dev/null
SELECT segment.create_trait('shared_count', 'count(shared_orders)', p) FROM unnest('{shared_customer, shared_store}'::name[]) AS p \g /dev/null
INSERT INTO shared_orders (customer_id, store_id) VALUES (1, 7), (1, 8), (2, 8);
TRUNCATE shared_orders;
SELECT (SELECT count(*) FROM shared_customer) AS customers, (SELECT count(*) FROM shared_store) AS stores;
INSERT INTO shared_orders (customer_id, store_id) VALUES (2, 8);
TABLE shared_customer;
TABLE shared_store;
SELECT segment.drop_population(p, cascade => true) FROM unnest('{shared_customer, shared_store}'::name[]) AS p \g /dev/null
DROP TABLE shared_orders;
