-- Text is compared as its column's collation says.  The shop's staff type as they like:
-- Aarhus, AARHUS and aarhus are one city, in a column whose collation ignores case.
-- The statements come past the event triggers that would refuse or follow them.
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER EVENT TRIGGER segment_guard_drop DISABLE;
ALTER EVENT TRIGGER segment_guard_rewrite DISABLE;
CREATE SCHEMA shop_collation;
CREATE SCHEMA "Letters";
SET search_path = shop_collation, "Letters";
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-05-03 12:00+00';
CREATE COLLATION "Letters".ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text COLLATE ci, home text COLLATE "C", tags text[] COLLATE ci, code varchar(10) COLLATE ci);
CREATE TABLE visits (customer_id bigint, page text COLLATE ci, amount numeric, at timestamptz);
CREATE INDEX ON visits (customer_id, at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('visits', at => 'at');

-- a collation in a schema of its own is found again, whatever the search_path
SELECT count(segment.create_trait(name, definition)) AS traits FROM (VALUES
    ('city', 'customers.city'), ('home', 'customers.home'), ('tags', 'customers.tags'), ('code', 'customers.code'),
    ('pages', 'count(distinct visits.page)'), ('list', 'list(distinct visits.page)'), ('favourite', 'most_frequent(visits.page)'),
    ('least', 'min(visits.page)'), ('most', 'max(visits.page)'), ('first', 'first(visits.page)'), ('last', 'last(visits.page)'),
    ('pages_30d', 'count(distinct visits.page in last 30 days)'), ('list_30d', 'list(distinct visits.page in last 30 days)'),
    ('favourite_30d', 'most_frequent(visits.page in last 30 days)'), ('least_30d', 'min(visits.page in last 30 days)'),
    ('most_30d', 'max(visits.page in last 30 days)'), ('first_30d', 'first(visits.page in last 30 days)'), ('last_30d', 'last(visits.page in last 30 days)'),
    ('amounts', 'list(distinct visits.amount)'), ('smallest', 'min(visits.amount)'), ('largest', 'max(visits.amount)'),
    ('smallest_30d', 'min(visits.amount in last 30 days)'), ('largest_30d', 'max(visits.amount in last 30 days)'),
    ('place', 'coalesce(city, home)'), ('other', 'coalesce(home, city)')) AS t(name, definition);
SELECT attname, attcollation::regcollation FROM pg_attribute
WHERE attrelid = 'segment_data.profile'::regclass AND attname ~ '^s[0-9]' ORDER BY attnum;
SELECT count(segment.create_audience(name::name, filter::segment.filter, view => false)) FROM (VALUES
    ('from_aarhus', 'city = "AARHUS"'), ('not_from_aarhus', 'city != "aarhus"'), ('cities', 'city in ("odense", "AARHUS")'),
    ('after_b', 'city > "B"'), ('vegan', 'tags contains "VEGAN"'), ('diet', 'tags contains any ("tea", "VEGAN")'), ('at_home', 'city = home'),
    ('homely', 'home = city'), ('coded', 'code = "AB"'), ('curious', 'pages > 1'), ('fans', 'favourite = "home" and list contains "HOME"'),
    ('lately', 'count(distinct visits.page in last 7 days) = 1 and last(visits.page in last 7 days) = "home"'),
    ('placed', 'place in ("aarhus", "ribe")'), ('others', 'other in ("aarhus", "ribe")')) AS a(name, filter);
CREATE VIEW wrong AS
SELECT a.audience, m.members, f.members AS by_filter
FROM segment.audience AS a, LATERAL (SELECT ARRAY(SELECT k FROM segment.members(a.audience) AS m(k bigint) ORDER BY k) AS members) AS m,
    LATERAL (SELECT ARRAY(SELECT customer_id FROM segment_data.profile AS p WHERE p @@ a.filter ORDER BY 1) AS members) AS f
WHERE m.members <> f.members;
CREATE VIEW now_in AS
SELECT string_agg(a.audience || ' ' || m.keys, ', ' ORDER BY a.definition_id) AS now_in
FROM segment.audience a, LATERAL (SELECT string_agg(k::text, '+' ORDER BY k) AS keys FROM segment.members(a.audience) AS m(k bigint)) AS m
WHERE m.keys IS NOT NULL;

INSERT INTO customers VALUES (1, 'Aarhus', 'aarhus', '{Vegan,Tea}', 'Ab'), (2, 'ODENSE', 'Odense', '{tea}', 'ab '), (3, NULL, 'Aarhus', '{}', NULL);
INSERT INTO visits VALUES (1, 'home', 1.50, '2026-05-01'), (1, 'Home', 1.5, '2026-05-02'), (1, 'HOME', 2, '2026-05-02'), (1, 'menu', 2.00, '2026-03-01'),
    (2, 'Menu', 3, '2026-05-01'), (2, 'menu', 3.0, '2026-05-01'), (2, 'Cart', 1, '2026-05-02'), (2, 'cart', 1.0, '2026-05-02'), (2, 'cart', 1.00, '2026-04-01');
\x on
SELECT * FROM profile ORDER BY 1;
\x off
SELECT * FROM now_in;
SELECT * FROM wrong;

-- one that looks different is another only for who looks at it
SELECT swept, pending FROM segment.tick();
UPDATE customers SET city = 'AARHUS', tags = '{VEGAN,tea}', code = 'AB' WHERE customer_id = 1;
SELECT city, tags, code FROM profile WHERE customer_id = 1;
SELECT swept, folded, pending FROM segment.tick();
SELECT * FROM wrong;
-- what goes takes away what looks like it, and leaves what is equal
DELETE FROM visits WHERE customer_id = 1 AND page = 'HOME' COLLATE "C" OR customer_id = 2 AND page = 'Menu' COLLATE "C";
\x on
SELECT pages, list, favourite, least, most, first, last, pages_30d, list_30d, favourite_30d, least_30d, most_30d, first_30d, last_30d
FROM profile WHERE customer_id < 3 ORDER BY customer_id;
DELETE FROM visits WHERE customer_id = 1 AND amount::text IN ('1.5', '2.00') OR customer_id = 2 AND amount::text = '1';
SELECT pages, list, least, first, last, list_30d, last_30d, amounts, smallest, largest, smallest_30d, largest_30d
FROM profile WHERE customer_id < 3 ORDER BY customer_id;
\x off
SELECT * FROM wrong;
SELECT * FROM segment.verify();

-- it does not matter in which order it came, nor whether it is computed anew
CREATE TABLE before AS TABLE profile;
SELECT segment.rebuild();
SELECT count(*) AS differ FROM (SELECT p::text COLLATE "C" FROM profile AS p EXCEPT SELECT b::text COLLATE "C" FROM before AS b) AS d;

DROP TABLE before;

-- verify() sees what only looks different
SET segment.capture = off;
UPDATE segment_data.profile AS p SET (s6, s13) = (SELECT lower(p.s6), 'cart') WHERE customer_id = 1;
RESET segment.capture;
SELECT definition, key, stored, expected FROM segment.verify() ORDER BY definition, key;
SET segment.capture = off;
UPDATE segment_data.profile SET s10 = 'text{"home": 1 @ 2026-05-01, "Home": 1 @ 2026-05-02}' WHERE customer_id = 1;
RESET segment.capture;
SELECT definition, key, stored, expected FROM segment.verify() WHERE definition LIKE 'list(distinct%';
SELECT segment.rebuild();
SELECT * FROM segment.verify();

-- a collation may be renamed, and moved to another schema; to drop it takes what is compared by it
ALTER COLLATION "Letters".ci RENAME TO "any Case";
ALTER COLLATION "Letters"."any Case" SET SCHEMA shop_collation;
\c
SET search_path = public;
SET segment.now = '2026-05-03 12:00+00';
INSERT INTO shop_collation.customers VALUES (4, 'aaRHUS', 'x', '{vegan}', 'AB');
INSERT INTO shop_collation.visits VALUES (4, 'home', 1, '2026-05-02'), (4, 'HOME', 1, '2026-05-02');
SELECT * FROM shop_collation.now_in;
SELECT pages, list, last_30d FROM shop_collation.profile WHERE customer_id = 4;
SELECT segment.create_trait('kept', 'last(visits.page where amount > 1)');
SELECT segment.create_audience('home_again', 'list(distinct visits.page in last 3 days) contains "Home"', view => false);
SELECT * FROM shop_collation.wrong;
SELECT segment.verify();
SET search_path = shop_collation;
\set VERBOSITY terse
DROP COLLATION "any Case";
\set VERBOSITY default

-- what the server cannot do under such a collation is refused when it is defined
SELECT segment.create_audience('searched', 'city contains "aar"');
SELECT segment.create_audience('searched', 'last(visits.page) starts with "h"');
SELECT segment.create_trait('searched', 'count(visits where page like "h%")');
SELECT segment.create_trait('searched', 'did visits where page matches "^h"');
SELECT count(*) FROM profile AS p WHERE p @@ 'place ends with "us"';
-- and elsewhere it goes on: the view's own comparisons stay what they are within a filter over its rows
SELECT customer_id, place, p @@ 'place = "AARHUS"' AS place_is, p @@ 'other = "AARHUS"' AS other_is, p @@ 'other = place' AS by_bytes, p @@ 'place = other' AS by_letters
FROM profile AS p ORDER BY 1;

-- a column that gets another collation cannot go on as it was, and says so
CREATE COLLATION level1 (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
ALTER TABLE visits ALTER page TYPE text COLLATE level1;
INSERT INTO visits VALUES (4, 'home', 1, '2026-05-02');
ALTER TABLE visits ALTER page TYPE text COLLATE "any Case";
INSERT INTO visits VALUES (4, 'home', 1, '2026-05-02');
SELECT * FROM segment.verify();

-- keys are told apart by their bytes: a source's may not be otherwise, nor become so
CREATE TABLE logins (login text PRIMARY KEY, n int);
SELECT segment.create_population('person', key => 'login', key_type => 'text');
SELECT segment.attach_source('logins', population => 'person');
INSERT INTO logins VALUES ('Ada', 1), ('ada', 2);
SELECT login FROM person ORDER BY login COLLATE "C";
ALTER TABLE logins ALTER login TYPE text COLLATE "C";
INSERT INTO logins VALUES ('ADA', 3);
DELETE FROM logins WHERE login IN ('Ada', 'ada');
ALTER TABLE logins ALTER login TYPE text COLLATE "any Case";
INSERT INTO logins VALUES ('Ben', 1);
SELECT * FROM segment.verify('person');
SELECT segment.rebuild('person');
ALTER TABLE logins ALTER login TYPE text COLLATE "C";
INSERT INTO logins VALUES ('Ben', 1);
SELECT login FROM person ORDER BY login COLLATE "C";

SELECT segment.drop_population('person', cascade => true);
DROP VIEW wrong, now_in;
SELECT segment.drop_population('profile', cascade => true);
RESET segment.now;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA shop_collation, "Letters" CASCADE;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
ALTER EVENT TRIGGER segment_guard_drop ENABLE;
ALTER EVENT TRIGGER segment_guard_rewrite ENABLE;
