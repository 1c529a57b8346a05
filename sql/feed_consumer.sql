-- The feed: who entered and who left, and how far each consumer has read.
CREATE SCHEMA shop_feed;
SET search_path = shop_feed;
SET timezone = 'UTC';
SET segment.now = '2026-05-01 12:00+00';

SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');

-- what events and definitions will append
CREATE FUNCTION happened(key text, change text, audience name, cause text DEFAULT 'event') RETURNS void
LANGUAGE sql SET segment.capture = off AS $$
    WITH feed AS (
        INSERT INTO segment.feed_counter AS f (population, last) VALUES ('profile', 1)
        ON CONFLICT (population) DO UPDATE SET last = f.last + 1
        RETURNING last)
    INSERT INTO segment.feed (population, seq, audience, key, change, at, recorded_at, cause)
    SELECT 'profile', last, audience, key, change, segment.now(), segment.now(), cause FROM feed
$$;
CREATE VIEW consumer AS SELECT consumer, acknowledged, polled, leased_until, behind FROM segment.stat_consumer;

-- nobody has entered yet
SELECT segment.trim_feed();
SELECT segment.create_consumer('early');
SELECT * FROM segment.poll('early');
SELECT * FROM consumer;
SELECT segment.drop_consumer('early');

SELECT happened('1', 'entered', 'vip', 'create');
SELECT happened('2', 'entered', 'vip');
SELECT happened('1', 'left', 'vip');
SELECT * FROM segment.transition ORDER BY seq;

-- one consumer wants all there is, the other what comes from now on
SELECT segment.create_consumer('crm', from_start => true);
SELECT segment.create_consumer('mail');
SELECT seq, key, change FROM segment.poll('mail');
SELECT seq, key, change, audience, at, cause FROM segment.poll('crm', n => 2);
SELECT * FROM consumer ORDER BY consumer;

-- what was given out is not given again until its lease runs out ...
SELECT seq FROM segment.poll('crm');
SET segment.now = '2026-05-01 12:00:29.999999+00';
SELECT seq FROM segment.poll('crm');
SET segment.now = '2026-05-01 12:00:30+00';
SELECT seq FROM segment.poll('crm', lease => '1 hour');
-- ... or some of it is acknowledged: then the rest is
SELECT segment.ack('crm', 1);
SELECT seq FROM segment.poll('crm', n => 1);
SELECT * FROM consumer WHERE consumer = 'crm';
-- who was given 3 before may still say that it is done
SELECT segment.ack('crm', 3);
SELECT seq FROM segment.poll('crm');
-- saying it twice, or late, or of nothing, changes nothing
SELECT segment.ack('crm', 3), segment.ack('crm', 1), segment.ack('crm', NULL);
SELECT * FROM consumer WHERE consumer = 'crm';

-- at once: the usual turn of a consumer, with and without something to do
SELECT happened('3', 'entered', 'vip');
SELECT segment.ack('crm', max(seq)), count(*) FROM segment.poll('crm');
SELECT segment.ack('crm', max(seq)), count(*) FROM segment.poll('crm');

-- a poll that is rolled back gave nothing; one that is acknowledged in its
-- own transaction goes with it
SELECT happened('4', 'entered', 'vip');
BEGIN;
SELECT seq FROM segment.poll('crm');
SELECT segment.ack('crm', 5);
ROLLBACK;
SELECT seq FROM segment.poll('crm');
SELECT segment.ack('crm', 5);
SELECT * FROM consumer ORDER BY consumer;

-- what cannot be
SELECT segment.create_consumer('crm');
SELECT segment.create_consumer('');
SELECT segment.create_consumer(NULL);
SELECT segment.create_consumer('erp', 'profil');
SELECT segment.poll('cmr');
SELECT segment.ack('male', 1);
SELECT segment.drop_consumer('warehouse');
\echo :LAST_ERROR_SQLSTATE
SELECT segment.poll(NULL);
SELECT segment.poll('crm', n => 0);
SELECT segment.poll('crm', n => NULL);
SELECT segment.poll('crm', lease => '0');
SELECT segment.poll('crm', lease => '-1 hour');
SELECT segment.poll('crm', lease => NULL);
SELECT segment.ack('crm', 6);
SELECT segment.ack('mail', 5);
\echo :LAST_ERROR_SQLSTATE

-- old transitions go, but none that somebody still waits for
SHOW segment.feed_retention;
SET segment.now = '2026-06-20 12:00+00';
SELECT happened('5', 'entered', 'vip');
SELECT segment.trim_feed();
SELECT segment.trim_feed();
SELECT min(seq), max(seq), count(*) FROM segment.transition;
SELECT segment.create_consumer('audit', from_start => true);
SELECT seq FROM segment.poll('audit', n => 2);
SELECT * FROM consumer ORDER BY consumer;
SELECT segment.ack('mail', max(seq)) FROM segment.poll('mail');
SELECT segment.trim_feed();
-- what was swept late has been told late
SET segment.capture = off;
UPDATE segment.feed SET at = '2025-06-20 12:00+00' WHERE seq = 6;
RESET segment.capture;
SELECT segment.ack('audit', 5);
SELECT segment.trim_feed('60 days'), segment.trim_feed('1 month');
SELECT seq, key FROM segment.transition ORDER BY seq;

-- never a hole: what was told while the clock was set back waits its turn
SELECT happened('6', 'entered', 'vip');
SET segment.now = '2026-05-10 12:00+00';
SELECT happened('7', 'entered', 'vip');
SET segment.now = '2026-06-20 12:00+00';
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm');
SELECT segment.ack('mail', max(seq)) FROM segment.poll('mail');
SELECT segment.ack('audit', max(seq)) FROM segment.poll('audit');
SELECT segment.trim_feed();
SET segment.now = '2026-06-21 12:00+00';
SELECT segment.trim_feed('1 day');
SELECT segment.trim_feed('23 hours');
SELECT count(*) FROM segment.transition;

-- by force, and who loses what
SELECT happened('8', 'entered', 'vip');
SELECT happened('9', 'entered', 'vip');
SELECT happened('10', 'entered', 'vip');
SELECT happened('11', 'entered', 'vip');
SELECT seq FROM segment.poll('mail', n => 1);
SELECT seq FROM segment.poll('audit', lease => '1 month');
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm');
SET segment.now = '2026-06-22 12:00+00';
SELECT happened('12', 'entered', 'vip');
SELECT segment.trim_feed('1 hour');
SELECT segment.trim_feed('1 hour', force => true);
SELECT * FROM consumer ORDER BY consumer;
SELECT seq FROM segment.poll('mail');
SELECT seq FROM segment.poll('audit', lease => '1 month');
SELECT segment.ack('audit', 12), segment.ack('audit', 13);
-- a lease on what is left holds
SELECT happened('13', 'entered', 'vip');
SELECT happened('14', 'entered', 'vip');
SELECT seq FROM segment.poll('audit', lease => '1 month');
SET segment.capture = off;
UPDATE segment.feed SET recorded_at = '2026-06-22 10:00+00' WHERE seq <= 14;
RESET segment.capture;
SELECT segment.trim_feed('1 hour', force => true);
SELECT * FROM consumer WHERE consumer = 'audit';
SELECT segment.drop_consumer('mail');

-- the setting: keep all, or nothing that is done with
SET segment.feed_retention = -1;
SET segment.now = '2036-01-01 12:00+00';
SELECT segment.ack('audit', 15), segment.ack('crm', max(seq)) FROM segment.poll('crm');
SELECT segment.trim_feed(), segment.trim_feed(force => true);
SET segment.feed_retention = '90d';
SHOW segment.feed_retention;
SELECT segment.trim_feed();
\set VERBOSITY sqlstate
SET segment.feed_retention = -2;
\set VERBOSITY default
RESET segment.feed_retention;
SELECT segment.trim_feed('-1 day');
SELECT segment.create_consumer('late', from_start => true);
SELECT * FROM consumer ORDER BY consumer;
SELECT segment.drop_consumer('late'), segment.drop_consumer('audit'), segment.drop_consumer('crm');

-- who may read the population may read its feed and consume it
CREATE ROLE feed_owner;
CREATE ROLE feed_reader;
CREATE ROLE feed_other;
GRANT USAGE ON SCHEMA shop_feed TO feed_owner, feed_reader, feed_other;
ALTER VIEW profile OWNER TO feed_owner;
SELECT happened('15', 'entered', 'vip');
SELECT happened('15', 'left', 'vip');
SET ROLE feed_reader;
SELECT segment.create_consumer('mine');
SELECT count(*) FROM segment.transition;
RESET ROLE;
GRANT SELECT ON profile TO feed_reader, feed_other;
SET ROLE feed_reader;
SELECT segment.create_consumer('mine', from_start => true);
SELECT seq, key, change FROM segment.transition ORDER BY seq;
SELECT seq, key, change FROM segment.poll('mine', n => 1);
SELECT segment.ack('mine', 16);
DELETE FROM segment.transition;
SELECT * FROM segment.consumer;
SELECT segment.trim_feed('0', force => true);
-- others see how far it is, and leave it alone
SET ROLE feed_other;
SELECT consumer, population, owner, behind FROM segment.stat_consumer;
SELECT segment.poll('mine');
SELECT segment.ack('mine', 17);
SELECT segment.drop_consumer('mine');
-- who is told no longer to read is given no more
RESET ROLE;
REVOKE SELECT ON profile FROM feed_reader;
SET ROLE feed_reader;
SELECT segment.poll('mine');
SELECT count(*) FROM segment.transition;
SELECT * FROM segment.stat_consumer;
-- the owner of the population may do it all, with or without its view
SET ROLE feed_owner;
DROP VIEW profile;
SELECT seq, key, change FROM segment.poll('mine');
SELECT segment.ack('mine', 17);
SELECT seq, key, change FROM segment.transition ORDER BY seq;
SELECT consumer, owner, acknowledged, behind FROM segment.stat_consumer;
SELECT segment.drop_consumer('mine');
SET ROLE feed_other;
SELECT count(*) FROM segment.transition;
RESET ROLE;

-- a plan as all servers print it: what a subquery returned is "$", and 18 tells
-- what is disabled
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        CONTINUE WHEN line ~ '^ *Disabled: true$';
        line := regexp_replace(line, ' \(returns [$0-9,]*\)$', '');
        RETURN NEXT regexp_replace(line, '\$[0-9]+|\(InitPlan [0-9]+\)\.col1', '$', 'g');
    END LOOP;
END $$;
-- the feed is searched by number, and rights are looked up once
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET ROLE feed_owner;
SELECT plan($$SELECT * FROM segment.transition WHERE population = 'profile' AND seq > 16 ORDER BY seq$$);
RESET ROLE;

SET client_min_messages = warning;
SELECT segment.drop_population('profile');
DROP SCHEMA shop_feed CASCADE;
DROP ROLE feed_owner, feed_reader, feed_other;
