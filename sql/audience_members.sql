-- Members: stored as events come, moved into bitmaps by tick, told by the feed.
CREATE SCHEMA shop_members;
SET search_path = shop_members;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-05-01 12:00+00';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, city text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, 'Ada', 'Aarhus'), (2, 'Ben', 'Odense'), (3, 'Cleo', NULL), (4, 'Dan', 'Aarhus');
INSERT INTO orders VALUES (1, 1, 600, '2026-04-20'), (2, 2, 700, '2026-01-05'), (3, 3, 10, '2026-04-28');
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('total_spend', 'sum(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_trait('per_order', 'total_spend / orders');

-- no audience, nothing to fold, nothing to compare
SELECT * FROM segment.tick();
SELECT * FROM segment.sizes();
SELECT * FROM segment.overlaps();
SELECT * FROM segment.audiences(1);

-- the first members; one audience is made of nothing but others, another changes by time alone
SELECT segment.create_audience('vip', 'total_spend > 500');
SELECT segment.create_audience('local', 'city = "Aarhus"');
SELECT segment.create_audience('local_vip', 'in audience vip and in audience local', view => false);
SELECT segment.create_audience('others', 'not in audience local_vip', view => false);
SELECT segment.create_audience('lapsed', 'last_order_at more than 60 days ago', view => false);

-- who is in what, by whatever way one asks; wrong is what the filter over the view says otherwise
CREATE VIEW answer AS
SELECT a.audience, w.way, w.keys
FROM segment.audience a, LATERAL (
    SELECT 'members' AS way, ARRAY(SELECT k FROM segment.members(a.audience) AS m(k bigint) ORDER BY k) AS keys
    UNION ALL
    SELECT 'is_member', ARRAY(SELECT k FROM generate_series(0, 9) AS k WHERE segment.is_member(a.audience, k) ORDER BY k)
    UNION ALL
    SELECT 'audiences', ARRAY(SELECT k FROM generate_series(0, 9) AS k WHERE a.audience IN (SELECT segment.audiences(k)) ORDER BY k)
    UNION ALL
    SELECT 'filter', ARRAY(SELECT customer_id FROM profile p WHERE p @@ a.filter ORDER BY 1)) AS w;
CREATE VIEW wrong AS
SELECT audience, array_agg(way ORDER BY way) AS ways, keys, segment.size(audience)
FROM answer
GROUP BY audience, keys
HAVING count(*) < 4 OR cardinality(keys) <> segment.size(audience);
CREATE VIEW members AS
SELECT audience, keys FROM answer WHERE way = 'members';
SELECT * FROM members ORDER BY audience;
SELECT * FROM wrong;
SELECT * FROM segment.sizes() ORDER BY audience;
SELECT * FROM vip ORDER BY 1;

-- what the feed tells: who goes by its last word of everybody has the members,
-- once all is folded, and nobody enters twice or leaves without being in
CREATE VIEW told AS
SELECT seq, audience, key, change, at, cause FROM segment.transition WHERE population = 'profile';
CREATE VIEW untold AS
SELECT coalesce(audience, f.name) AS audience, keys, told
FROM (SELECT audience::text AS name, array_agg(key::bigint ORDER BY key::bigint) AS told
      FROM (SELECT DISTINCT ON (audience, key) audience, key, change FROM told ORDER BY audience, key, seq DESC) AS t
      WHERE change = 'entered' GROUP BY 1) AS f
    FULL JOIN (SELECT * FROM members WHERE keys <> '{}') AS m ON f.name = m.audience
WHERE told IS DISTINCT FROM keys;
CREATE VIEW out_of_turn AS
SELECT seq, audience, key, change
FROM (SELECT *, row_number() OVER (PARTITION BY audience, key ORDER BY seq) % 2 = 1 AS enters FROM told) AS t
WHERE (change = 'entered') <> enters;
SELECT audience, key, change, at, cause FROM told ORDER BY audience, key;
SELECT * FROM untold;

-- Ada buys, Ben moves to Aarhus: members at once, told after the fold
INSERT INTO orders VALUES (4, 3, 500, '2026-05-01 09:00+00');
UPDATE customers SET city = 'Aarhus' WHERE customer_id = 2;
INSERT INTO orders VALUES (5, 1, 5, '2026-05-01 10:00+00');
SELECT * FROM members ORDER BY audience;
SELECT * FROM wrong;
SELECT count(*) FROM told WHERE cause = 'event';
SELECT * FROM segment.tick(1);
SELECT * FROM wrong;
SELECT * FROM segment.tick();
SELECT * FROM segment.tick();
SELECT audience, key, change, at, cause FROM told WHERE cause = 'event' ORDER BY audience, key;
SELECT * FROM wrong;
SELECT * FROM untold;

-- taken back: nothing was, for anybody
BEGIN;
DELETE FROM orders WHERE id = 1;
SELECT segment.is_member('vip', 1), segment.size('vip'), segment.audiences(1);
SAVEPOINT here;
DELETE FROM customers WHERE customer_id = 1;
SELECT * FROM members ORDER BY audience;
SELECT * FROM wrong;
ROLLBACK TO here;
SELECT segment.is_member('local', 1), segment.is_member('vip', 1);
SELECT max(seq) AS seq FROM told \gset
SELECT * FROM segment.tick();
SELECT audience, key, change FROM told WHERE seq > :seq ORDER BY 1, 2;
SELECT * FROM untold;
ROLLBACK;
SELECT segment.is_member('vip', 1), segment.size('vip');
SELECT * FROM segment.tick();
SELECT max(seq) = count(*) AS no_gap FROM told;

-- in and out again between two folds: both are told, in this order
INSERT INTO orders VALUES (6, 4, 900, '2026-05-01 11:00+00');
DELETE FROM orders WHERE id = 6;
SELECT * FROM wrong;
SELECT * FROM segment.tick();
SELECT audience, change FROM told WHERE key = '4' AND cause = 'event' ORDER BY audience, seq;
SELECT * FROM untold;

-- the clock is put back: what happened to a customer does not run backwards
INSERT INTO orders VALUES (6, 4, 900, '2026-05-01 11:00+00');
SET segment.now = '2026-05-01 11:00+00';
DELETE FROM orders WHERE id = 6;
SELECT * FROM segment.tick();
SELECT change, at FROM told WHERE key = '4' AND audience = 'vip' ORDER BY seq DESC LIMIT 2;
-- nor where the profile ends, and comes again
SET segment.now = '2026-05-01 14:00+00';
INSERT INTO orders VALUES (7, 7, 900, '2026-05-01 11:00+00');
DELETE FROM orders WHERE id = 7;
SET segment.now = '2026-05-01 13:00+00';
INSERT INTO orders VALUES (7, 7, 800, '2026-05-01 11:00+00');
SELECT * FROM segment.tick();
SELECT change FROM told WHERE key = '7' AND audience = 'vip' ORDER BY seq;
SELECT * FROM untold;
SELECT * FROM out_of_turn;
DELETE FROM orders WHERE id = 7;
SELECT * FROM segment.tick();
SET segment.now = '2026-05-01 14:00+00';

-- what is common to two audiences, and the matrix of all
SELECT * FROM segment.overlap('vip', 'local');
SELECT * FROM segment.overlap('local', 'vip');
SELECT * FROM segment.overlap('vip', 'vip');
SELECT * FROM segment.overlap('vip', 'others');
SELECT * FROM segment.overlaps();
SELECT a, b, size_a, size_b, only_a, only_b FROM segment.overlaps('{vip,others,local}');
SELECT * FROM segment.overlaps('{vip}');
SELECT segment.create_audience('nobody', 'total_spend < 0', view => false);
SELECT * FROM segment.overlap('nobody', 'nobody');
SELECT * FROM segment.overlap('nobody', 'vip');
SELECT segment.drop_audience('nobody');

-- what would change, and then it does
SELECT * FROM segment.what_if('vip', 'total_spend > 600');
SELECT * FROM segment.what_if('vip', 'total_spend >= 10', list_keys => 1);
SELECT * FROM segment.what_if('vip', 'total_spend >= 10', list_keys => NULL);
SELECT * FROM segment.what_if('vip', 'total_spend >= 10', list_keys => 0);
SELECT * FROM segment.what_if('others', 'in audience vip');
SELECT * FROM segment.what_if('vip', 'in audience others');
SELECT * FROM segment.what_if('lapsed', 'true');
SELECT * FROM members ORDER BY audience;
SELECT max(seq) AS seq FROM told \gset
SELECT segment.alter_audience('vip', 'total_spend > 600');
SELECT audience, key, change, cause FROM told WHERE seq > :seq ORDER BY audience, key::bigint;
SELECT * FROM wrong;
SELECT * FROM untold;
-- a description, or the same filter, moves nobody
SELECT max(seq) AS seq FROM told \gset
SELECT segment.alter_audience('vip', description => 'the best');
SELECT segment.alter_audience('vip', 'total_spend>600');
SELECT * FROM told WHERE seq > :seq;
-- changed and taken back
BEGIN;
SELECT segment.alter_audience('vip', 'true');
SELECT * FROM wrong;
SELECT segment.drop_audience('others');
ROLLBACK;
SELECT * FROM told WHERE seq > :seq;
SELECT * FROM wrong;
-- a trait that is defined otherwise moves its audiences
BEGIN;
SELECT segment.alter_trait('total_spend', 'sum(orders.amount where amount > 550)');
SELECT audience, key, change, cause FROM told WHERE seq > :seq ORDER BY audience, key::bigint;
SELECT * FROM wrong;
SELECT * FROM untold;
ROLLBACK;

-- what an audience is made of, and what is made of it
SELECT * FROM segment.dependencies('local_vip') ORDER BY relation, depth, kind, name;
SELECT * FROM segment.dependencies('per_order') ORDER BY relation, depth, kind, name;
SELECT * FROM segment.dependencies('orders') ORDER BY relation, depth, kind, name;
SELECT * FROM segment.dependencies('customers') ORDER BY relation, depth, kind, name;
SELECT * FROM segment.dependencies('vpi');

-- Cleo is forgotten, and then everybody's orders are
DELETE FROM customers WHERE customer_id = 3;
DELETE FROM orders WHERE customer_id = 3;
SELECT segment.audiences(3);
SELECT * FROM wrong;
SELECT max(seq) AS seq FROM told \gset
SELECT * FROM segment.tick();
SELECT audience, key, change, cause FROM told WHERE seq > :seq ORDER BY audience, seq;
SELECT * FROM untold;
INSERT INTO customers VALUES (3, 'Cleo', 'Aarhus');
BEGIN;
TRUNCATE orders;
SELECT * FROM members ORDER BY audience;
SELECT * FROM wrong;
ROLLBACK;
SELECT * FROM wrong;
TRUNCATE orders;
SELECT * FROM members ORDER BY audience;
SELECT * FROM wrong;
SELECT * FROM segment.tick();
SELECT * FROM untold;
INSERT INTO orders VALUES (1, 1, 650, '2026-04-20'), (2, 2, 700, '2026-01-05'), (3, 5, 800, '2026-04-28');
SELECT * FROM segment.tick();
SELECT * FROM untold;
SELECT * FROM segment.verify();

-- many, beyond what one bitmap holds
INSERT INTO customers SELECT k, 'crowd', CASE WHEN k % 3 = 0 THEN 'Aarhus' END FROM generate_series(1001, 141000) AS k;
SELECT * FROM segment.sizes() ORDER BY audience;
SELECT * FROM segment.tick(1000) AS t WHERE folded < 1000 OR pending = 0;
SELECT * FROM segment.sizes() ORDER BY audience;
SELECT population, pending FROM segment.tick();
SELECT * FROM segment.sizes() ORDER BY audience;
SELECT count(*), count(*) FILTER (WHERE segment.is_member('local', customer_id)) FROM profile WHERE customer_id > 140900;
SELECT count(*) FROM local l JOIN profile p USING (customer_id) WHERE p.city IS DISTINCT FROM 'Aarhus';
SELECT * FROM segment.overlap('local', 'others');
SELECT change, size, cardinality(keys) FROM segment.what_if('local', 'customer_id > 140000');
DELETE FROM customers WHERE customer_id > 1000;
SELECT * FROM segment.sizes() ORDER BY audience;
SELECT population, pending FROM segment.tick();
SELECT * FROM untold;
SELECT * FROM out_of_turn;
SELECT max(seq) = count(*) AS no_gap FROM told;

-- what is refused, and changes nothing
SELECT segment.create_audience('x', 'total_spent > 5');
SELECT segment.create_audience('x', 'in audience vpi');
SELECT segment.create_audience('snake', 'in audience vip or in audience snake');
SELECT segment.alter_audience('vip', 'in audience others');
SELECT segment.alter_audience('vip', 'city > 5');
SELECT segment.alter_audience('vip', 'total_spent > 5');
SELECT segment.drop_audience('vip');
SELECT * FROM segment.overlap('vip', 'vpi');
SELECT * FROM segment.overlap('vip', NULL);
SELECT * FROM segment.overlaps('{vip,vpi}');
SELECT * FROM segment.overlaps('{vip,vip}');
SELECT * FROM segment.overlaps('{}');
SELECT * FROM segment.what_if('vpi', 'true');
SELECT * FROM segment.what_if('vip', 'total_spent > 5');
SELECT * FROM segment.what_if('vip', NULL);
SELECT * FROM segment.what_if('vip', 'true', list_keys => -1);
SELECT * FROM segment.tick(0);
SELECT * FROM segment.tick(-1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT segment.create_audience('x', 'true');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT segment.alter_audience('vip', 'true');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT segment.drop_audience('others');
ROLLBACK;
SELECT * FROM segment.poll('nobody');
SELECT segment.ack('nobody', 1);
SELECT segment.create_consumer('letters') AS letters \gset
SELECT segment.ack('letters', :letters + 1);
SELECT segment.ack('letters', -1);
SELECT * FROM segment.poll('letters');
SELECT segment.create_consumer('letters');
SELECT segment.drop_consumer('letters');
SELECT segment.drop_consumer('letters');
SELECT audience, filter FROM segment.audience ORDER BY audience;
SELECT * FROM members ORDER BY audience;
SELECT * FROM wrong;
SELECT * FROM untold;

-- who reads needs the population's view; nobody but its owner folds
CREATE ROLE members_reader;
GRANT USAGE ON SCHEMA shop_members TO members_reader;
SET ROLE members_reader;
SELECT segment.size('vip');
SELECT * FROM segment.sizes();
SELECT * FROM segment.overlap('vip', 'local');
SELECT * FROM segment.what_if('vip', 'true');
SELECT * FROM segment.tick();
RESET ROLE;
GRANT SELECT ON profile TO members_reader;
SET ROLE members_reader;
SELECT * FROM segment.sizes() ORDER BY audience;
SELECT size_a, size_b FROM segment.overlap('vip', 'local');
SELECT change, size FROM segment.what_if('vip', 'true');
SELECT * FROM segment.tick();
RESET ROLE;
-- and an event may come from anybody who may write it
GRANT INSERT ON orders TO members_reader;
SET ROLE members_reader;
INSERT INTO orders VALUES (8, 4, 5000, '2026-05-01 10:00+00');
SELECT segment.is_member('vip', 4);
RESET ROLE;
SELECT * FROM wrong;

-- a damaged chunk is noticed and mended, and never believed
SELECT * FROM segment.tick();
SELECT chunks FROM segment.membership WHERE population = 'profile' \gset
-- another version of the form
SET segment.capture = off;
UPDATE :chunks SET members = set_byte(members, 0, 99) WHERE chunk >= 0;
RESET segment.capture;
SELECT count(*) FROM segment.members('vip') AS m(k bigint);
SELECT * FROM segment.overlap('vip', 'local');
SELECT * FROM segment.verify();
SELECT segment.count_where('total_spend > 600');
SELECT segment.rebuild();
SELECT * FROM wrong;
SELECT * FROM untold;
SELECT * FROM segment.verify();
-- cut off anywhere, or with any byte turned round: an error or an answer, no crash
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
SET segment.capture = off;
SELECT outcome, count(*) > 0 AS seen FROM (
    SELECT outcome(format('UPDATE %s SET members = substring(members, 1, %s) WHERE chunk >= 0', :'chunks', n)) AS cut,
        outcome('SELECT count(*) FROM segment.members(''vip'') AS m(k bigint)') AS outcome
    FROM generate_series(12, 0, -1) AS n) AS t
GROUP BY outcome ORDER BY outcome;
RESET segment.capture;
SELECT segment.rebuild();
SELECT * FROM wrong;
CREATE FUNCTION turned_round() RETURNS TABLE (outcome text) LANGUAGE plpgsql SET segment.capture = off AS $$
DECLARE
    chunk_table regclass := (SELECT chunks FROM segment.membership WHERE population = 'profile');
    longest integer;
    question text;
BEGIN
    EXECUTE format('SELECT max(length(members)) FROM %s', chunk_table) INTO longest;
    FOR place IN 0 .. longest - 1 LOOP
        EXECUTE format('UPDATE %s SET members = set_byte(members, %s, get_byte(members, %2$s) # 255)
            WHERE chunk >= 0 AND length(members) > %2$s', chunk_table, place);
        FOREACH question IN ARRAY ARRAY[
            'SELECT count(*) FROM segment.members(''vip'') AS m(k bigint)',
            'SELECT segment.size(''vip'')', 'SELECT * FROM segment.overlaps()', 'SELECT segment.is_member(''vip'', 1)',
            'SELECT * FROM segment.what_if(''vip'', ''true'')', 'SELECT * FROM segment.verify()'] LOOP
            RETURN QUERY SELECT outcome(question);
        END LOOP;
        EXECUTE format('UPDATE %s SET members = set_byte(members, %s, get_byte(members, %2$s) # 255)
            WHERE chunk >= 0 AND length(members) > %2$s', chunk_table, place);
    END LOOP;
END $$;
SELECT DISTINCT outcome COLLATE "C" AS outcome FROM turned_round() ORDER BY 1;
SELECT * FROM wrong;
SELECT * FROM segment.verify();
-- a fold meets it as well, takes nothing and tells nothing
SET segment.capture = off;
UPDATE :chunks SET members = set_byte(members, 0, 99) WHERE chunk >= 0;
RESET segment.capture;
DELETE FROM orders WHERE id = 8;
SELECT max(seq) AS seq FROM told \gset
SELECT * FROM segment.tick();
SELECT * FROM told WHERE seq > :seq;
SELECT segment.rebuild();
SELECT * FROM segment.tick();
SELECT * FROM wrong;
-- somebody empties the tables, or a member is put in by hand
SET segment.capture = off;
DELETE FROM :chunks WHERE chunk >= 0;
RESET segment.capture;
SELECT * FROM segment.verify() ORDER BY definition, key;
SELECT segment.rebuild();
SELECT * FROM segment.verify();
SELECT * FROM wrong;

-- somebody changes a table that is written below the level of SQL
SET segment.capture = off;
CREATE INDEX meddled ON :chunks ((size + 1));
RESET segment.capture;
SELECT segment.size('vip');
DROP INDEX segment_data.meddled;
SELECT segment.size('vip');

-- members leave an audience that goes, and everything goes with the population
SELECT max(seq) AS seq FROM told \gset
SELECT segment.drop_audience('local', cascade => true);
SELECT audience, key, change, cause FROM told WHERE seq > :seq ORDER BY audience, key::bigint;
SELECT * FROM untold;
SELECT segment.create_audience('local', 'city = "Odense"');
SELECT * FROM local;
SELECT * FROM untold;
DROP VIEW answer, told CASCADE;
SELECT segment.drop_population('profile', cascade => true);
SELECT to_regclass(:'chunks') IS NULL AS gone, (SELECT count(*) FROM segment.membership) AS tables,
       (SELECT count(*) FROM segment.transition) AS transitions;
SET client_min_messages = warning;
DROP SCHEMA shop_members CASCADE;
DROP ROLE members_reader;
