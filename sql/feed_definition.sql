-- What a definition does to many profiles is one row of the feed, which takes a number for each of them.
CREATE SCHEMA shop_definition;
SET search_path = shop_definition;
SET timezone = 'UTC';
SET segment.now = '2026-05-01 12:00+00';

CREATE TABLE customers (name text PRIMARY KEY, points int);
INSERT INTO customers SELECT 'c' || i, i FROM generate_series(1, 9) i;
SELECT segment.create_population('profile', key => 'name', key_type => 'text');
SELECT segment.attach_source('customers', key => 'name');
SELECT segment.create_trait('points', 'customers.points');
CREATE VIEW rows AS SELECT seq, audience, key, change, cause, profiles, length(members) FROM segment.feed;
CREATE VIEW consumer AS SELECT acknowledged, polled, behind FROM segment.stat_consumer;
-- the members that the feed tells of
CREATE VIEW told AS
SELECT audience, string_agg(key, ' ' ORDER BY key) AS members
FROM (SELECT DISTINCT ON (audience, key) audience, key, change
      FROM segment.transition ORDER BY audience, key, seq DESC) last
WHERE change = 'entered' GROUP BY audience;

SELECT segment.create_audience('high', 'points > 5', view => false);
SELECT segment.create_audience('none', 'points > 100', view => false);
SELECT segment.alter_audience('high', 'points > 6 or points = 1');
SELECT segment.rename_audience('high', 'top');
SELECT * FROM rows ORDER BY seq;
-- whoever reads the feed is told of each
SELECT seq, audience, key, change, cause, profiles FROM segment.transition ORDER BY seq;
SELECT * FROM told;

-- a consumer is given as many as it asks for, and acknowledges a part
SELECT segment.create_consumer('crm', from_start => true);
SELECT seq, audience, key, change FROM segment.poll('crm', 3);
SELECT segment.ack('crm', 2);
SELECT * FROM consumer;
SELECT seq, audience, key, change FROM segment.poll('crm', 4);
SELECT segment.ack('crm', 5);
-- or it asks for definitions without their members: of this one a part was acknowledged
SELECT seq, audience, key, change, profiles FROM segment.poll('crm', 2, members => false);
SELECT segment.ack('crm', 6);
SELECT seq, audience, key, change, profiles FROM segment.poll('crm', 2, lease => '1 minute'::text, members => false);
SELECT segment.ack('crm', 8);
SELECT * FROM consumer;
-- anybody who may read the view reads on from a number
SELECT seq, audience, key, change, profiles FROM segment.transitions(after => 5, n => 3);
SELECT seq, audience, key, change, profiles FROM segment.transitions('profile', 5, 3, members => false);
SELECT count(*) FROM segment.transitions();
SELECT count(*) FROM segment.transitions(after => 14);
SELECT segment.transitions('nobody');

-- a profile that ended is told of all the same, and of that a row of the feed that comes later knows nothing
DELETE FROM customers WHERE name IN ('c1', 'c8');
SELECT segment.tick();
SELECT segment.create_audience('all', 'true', view => false);
DELETE FROM customers WHERE name = 'c2';
INSERT INTO customers VALUES ('c1', 50);
SELECT segment.tick();
SELECT * FROM segment.ended_profile ORDER BY ord;
SELECT seq, audience, key, change, cause FROM segment.transition ORDER BY seq;
SELECT * FROM told ORDER BY 1;
SELECT audience, string_agg(key, ' ' ORDER BY key) AS members
FROM (SELECT 'all' AS audience, key FROM segment.members('all') AS m(key text)
      UNION ALL SELECT 'top', key FROM segment.members('top') AS m(key text)) m
GROUP BY audience ORDER BY 1;

-- a query that asks for some of it reads only those rows; by whatever it is asked, the answer is that of the whole, asked likewise
CREATE TABLE whole AS SELECT * FROM segment.transition;
SELECT count(*), count(*) FILTER (WHERE key IS NULL) AS without_key FROM whole;
CREATE FUNCTION call_for(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        CONTINUE WHEN line !~ 'Function Call: segment.feed_members';
        RETURN NEXT regexp_replace(regexp_replace(line, '.*feed_members', ''), '\$[0-9]+|\(InitPlan [0-9]+\)\.col1', '$', 'g');
    END LOOP;
END $$;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE asked (condition text);
INSERT INTO asked VALUES
    ('true'), ('seq > 4'), ('seq >= 4'), ('4 < seq'), ('seq < 6'), ('6::int >= seq'), ('seq = 5'), ('seq = 5::smallint'), ('seq <> 5'), ('seq > NULL'),
    ('seq > 2 and seq > 5 and seq <= 9'), ('seq > 3 or audience = ''top'''), ('seq between 4 and 7 and audience = ''top'''), ('audience = ''top''::text'),
    ('audience <> ''top'''), ('audience = ''top''::name and change = ''entered'''), ('key = ''c3'''), ('seq > 2 and key = ''c9'''), ('key is null'),
    ('seq > (SELECT 5)'), ('seq > (SELECT max(x) FROM generate_series(1, 4) AS x)'), ('seq = ANY (''{2,5,8}'')'), ('population = ''nobody'''), ('seq > profiles + 3'),
    ('seq > 9223372036854775807'), ('seq < -9223372036854775808'), ('not seq > 4'), ('seq + 0 > 4'), ('audience > ''h'''),
    ('audience = ''TOP'' COLLATE any_case');
SELECT a.condition, c.call FROM asked AS a, call_for('SELECT * FROM segment.transition WHERE ' || a.condition) AS c(call) ORDER BY a.ctid;
SELECT call_for('SELECT count(*) FROM segment.transition WHERE seq > 4');
SELECT call_for('SELECT seq FROM segment.transition WHERE key = ''c3''');
SELECT call_for('SELECT t FROM segment.transition AS t');
SELECT call_for('SELECT count(t) FROM segment.transition AS t');
SELECT call_for('SELECT w.key FROM segment.transition AS t JOIN whole AS w USING (key) WHERE t.seq = 5');
SELECT call_for('SELECT a.condition FROM asked AS a LEFT JOIN segment.transition AS t ON t.seq > 4');
-- so do calls that stand elsewhere than in the view
SELECT call_for('SELECT key FROM segment.feed_counter AS c CROSS JOIN segment.feed_members(c.population) WHERE seq > 3');
SELECT call_for('SELECT * FROM (whole AS w JOIN segment.feed_members(''profile'') AS m USING (key)) AS j WHERE key > ''c3''');
SELECT call_for('SELECT * FROM segment.feed_members(''profile'') AS a JOIN segment.feed_members(''profile'') AS b USING (seq) WHERE seq = 3');
CREATE FUNCTION differ(columns text, condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((SELECT %1$s FROM segment.transition WHERE %2$s EXCEPT ALL SELECT %1$s FROM whole WHERE %2$s)
        UNION ALL (SELECT %1$s FROM whole WHERE %2$s EXCEPT ALL SELECT %1$s FROM segment.transition WHERE %2$s)) AS d', columns, condition) INTO n;
    RETURN n;
END $$;
SELECT condition, columns FROM asked, unnest('{*,seq,"audience, change","key, cause","count(*), max(seq)",profiles}'::text[]) AS columns WHERE differ(columns, condition) <> 0;
-- and with parameters, in a plan that is made for all of them
SET plan_cache_mode = force_generic_plan;
PREPARE later AS SELECT seq, key FROM segment.transition WHERE seq > $1 AND audience = $2 ORDER BY seq LIMIT 2;
SELECT call_for('EXECUTE later(3, ''top'')');
EXECUTE later(3, 'top');
EXECUTE later(7, 'top');
EXECUTE later(NULL, 'top');
RESET plan_cache_mode;
DEALLOCATE later;

-- it is removed from the beginning a row at a time, and with it the keys that nothing else needs
SET segment.now = '2026-05-02 12:00+00';
SELECT * FROM consumer;
SELECT segment.trim_feed('0'), (SELECT min(seq) FROM segment.transition) AS first;
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm', 100);
SELECT segment.trim_feed('0'), (SELECT min(seq) FROM segment.transition) AS first;
SELECT count(*) FROM segment.ended_profile;
SELECT last, trimmed FROM segment.feed_counter;
-- now no row needs the key of a profile that ends
DELETE FROM customers WHERE name = 'c9';
SELECT count(*) FROM segment.ended_profile;

-- what is loaded anew while an audience is dropped, and a source detached
SELECT segment.drop_audience('top');
BEGIN;
DELETE FROM customers;
SELECT segment.tick();
ROLLBACK;
SELECT segment.detach_source('customers', cascade => true);
SELECT seq, audience, key, change, cause FROM segment.transitions();
SELECT * FROM told;
SELECT count(*) FROM segment.ended_profile;
-- members that are damaged, for whoever asks for them
BEGIN;
ALTER TABLE segment.feed DISABLE TRIGGER segment_read_only;
UPDATE segment.feed SET members = '\x' WHERE members IS NOT NULL;
SELECT count(*) FROM segment.transition;
SAVEPOINT asked;
SELECT key FROM segment.transition;
ROLLBACK TO asked;
UPDATE segment.feed SET members = '\x00' WHERE members IS NOT NULL;
SELECT key FROM segment.transition;
ROLLBACK;

SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
SELECT count(*) FROM segment.ended_profile;
DROP SCHEMA shop_definition CASCADE;
