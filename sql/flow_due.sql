-- Who is due: every answer as of now, before a sweep and after it, and the feed as if swept all the time.
CREATE SCHEMA shop_due;
SET search_path = shop_due;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- years will pass
SET segment.feed_retention = -1;
SET segment.now = '2026-05-28 12:00+00';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, born date);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, 'Ada', '1990-06-03'), (2, 'Ben', '1992-02-29'), (3, 'Cleo', NULL), (4, 'Dan', NULL);
INSERT INTO orders VALUES (1, 1, 40, '2026-05-02 12:30'), (2, 1, 40, '2026-05-09'), (3, 2, 700, '2026-03-30 09:15'), (4, 4, 20, '2026-05-27');
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('total_spend', 'sum(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_trait('born', 'customers.born');
SELECT segment.create_trait('recent', 'count(orders in last 30 days)');
SELECT segment.create_audience('birthday', 'anniversary of born today');
SELECT segment.create_audience('frequent', 'recent >= 2');
SELECT segment.create_audience('lapsed', 'last_order_at more than 60 days ago');
SELECT segment.create_audience('monthly', 'last_order_at in this month');
SELECT segment.create_audience('steady', 'not in audience lapsed');
SELECT segment.create_audience('vip', 'total_spend > 500');
SELECT segment.create_audience('win_back', 'in audience lapsed and in audience vip');

-- who is in what, by whatever way one asks; wrong is what the filter over the
-- view says otherwise, or verify
CREATE VIEW answer AS
SELECT a.audience, a.filter, w.way, w.keys
FROM segment.audience a, LATERAL (
    SELECT 'members' AS way, ARRAY(SELECT k FROM segment.members(a.audience) AS m(k bigint) ORDER BY k) AS keys
    UNION ALL
    SELECT 'is_member', ARRAY(SELECT k FROM generate_series(0, 9) AS k WHERE segment.is_member(a.audience, k) ORDER BY k)
    UNION ALL
    SELECT 'audiences', ARRAY(SELECT k FROM generate_series(0, 9) AS k WHERE a.audience IN (SELECT segment.audiences(k)) ORDER BY k)
    UNION ALL
    SELECT 'view', (xpath('//customer_id/text()', query_to_xml(format('SELECT customer_id FROM %s ORDER BY 1', a.view), true, false, '')))::text[]::bigint[]
    UNION ALL
    SELECT 'filter', ARRAY(SELECT customer_id FROM profile p WHERE p @@ a.filter ORDER BY 1)) AS w;
CREATE VIEW wrong AS
WITH answer AS MATERIALIZED (SELECT * FROM answer),
    filter AS (SELECT * FROM answer WHERE way = 'filter')
SELECT audience, array_agg(way ORDER BY way)::text AS ways, keys::text
FROM answer
GROUP BY audience, keys
HAVING count(*) < 5
UNION ALL
SELECT audience, 'size ' || segment.size(audience), keys::text FROM filter WHERE segment.size(audience) <> cardinality(keys)
UNION ALL
SELECT audience, 'count_where', keys::text FROM filter WHERE segment.count_where(filter) <> cardinality(keys)
UNION ALL
SELECT audience, s::text, keys::text FROM filter JOIN segment.sizes() AS s USING (audience) WHERE s.size <> cardinality(keys)
UNION ALL
SELECT a.audience, o::text, a.keys::text || b.keys::text
FROM segment.overlaps() AS o JOIN filter AS a ON a.audience = o.a JOIN filter AS b ON b.audience = o.b
WHERE (size_a, size_b, in_both) <> (cardinality(a.keys), cardinality(b.keys), (SELECT count(*) FROM unnest(a.keys) AS k WHERE k = ANY (b.keys)))
UNION ALL
SELECT definition::name, 'verify', v::text FROM segment.verify() AS v;
CREATE VIEW members AS
SELECT string_agg(audience || ' ' || keys::text, '  ' ORDER BY audience) AS members FROM answer WHERE way = 'members';
SELECT * FROM members;
SELECT * FROM wrong;

-- who is woken when: never too late, and Cleo never
CREATE VIEW woken AS
SELECT customer_id, wake_at, evaluated_at,
    (SELECT min(segment.next_change(audience, customer_id)) < wake_at OR wake_at IS NULL AND count(segment.next_change(audience, customer_id)) > 0
     FROM segment.audience WHERE stored) AS too_late
FROM segment_data.profile;
SELECT audience, stored, time_dependent FROM segment.audience ORDER BY 1;
SELECT customer_id, wake_at, too_late FROM woken ORDER BY 1;

-- what the feed tells, and what is new in it; who goes by its last word of
-- everybody has the members, once all is folded, and nobody enters twice
CREATE VIEW told AS
SELECT seq, audience, key, change, at, cause FROM segment.transition WHERE population = 'profile';
CREATE VIEW untold AS
SELECT coalesce(f.name, m.audience) AS audience, keys, told
FROM (SELECT audience::text AS name, array_agg(key::bigint ORDER BY key::bigint) AS told
      FROM (SELECT DISTINCT ON (audience, key) audience, key, change FROM told ORDER BY audience, key, seq DESC) AS t
      WHERE change = 'entered' GROUP BY 1) AS f
    FULL JOIN (SELECT * FROM answer WHERE way = 'members' AND keys <> '{}') AS m ON f.name = m.audience
WHERE told IS DISTINCT FROM keys
UNION ALL
SELECT audience || ' out of turn', NULL, ARRAY[seq, key::bigint]
FROM (SELECT *, row_number() OVER (PARTITION BY audience, key ORDER BY seq) % 2 = 1 AS enters FROM told) AS t
WHERE (change = 'entered') <> enters;
CREATE TABLE heard (seq bigint);
INSERT INTO heard SELECT max(seq) FROM told;
CREATE FUNCTION news(OUT audience name, OUT key text, OUT change text, OUT at timestamptz, OUT cause text)
RETURNS SETOF record LANGUAGE sql AS $$
    WITH new AS (SELECT t.* FROM told t, heard h WHERE t.seq > h.seq),
        hear AS (UPDATE heard SET seq = (SELECT max(seq) FROM told))
    SELECT audience, key, change, at, cause FROM new ORDER BY seq
$$;
SELECT * FROM untold;

-- nobody sweeps, and every answer is right: a microsecond before, then, and after
CREATE FUNCTION as_of(at timestamptz, OUT members text, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('segment.now', at::text, true);
    SELECT m.members INTO members FROM members m;
    SELECT count(*) INTO wrong FROM wrong;
END $$;
SELECT at, a.* FROM unnest('{2026-05-29 09:15, 2026-05-29 09:15:00.000001,
    2026-05-31 23:59:59.999999, 2026-06-01, 2026-06-01 00:00:00.000001,
    2026-06-01 12:29:59.999999, 2026-06-01 12:30, 2026-06-01 12:30:00.000001,
    2026-06-02 23:59:59.999999, 2026-06-03, 2026-06-03 23:59:59.999999, 2026-06-04}'::timestamptz[]) AS at, as_of(at) AS a;
SELECT max(evaluated_at) AS evaluated_at, count(*) FILTER (WHERE too_late) AS too_late FROM woken;

-- a sweep in portions: first who was due first; what that changes is folded by the next
SET segment.now = '2026-06-01 12:40+00';
SELECT * FROM segment.tick(1);
SELECT customer_id, evaluated_at FROM woken WHERE evaluated_at = segment.now();
SELECT * FROM wrong;
SELECT * FROM segment.tick(2);
SELECT * FROM wrong;
SELECT * FROM news();
SELECT * FROM segment.tick(2);
SELECT * FROM segment.tick();
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;
SELECT customer_id, wake_at, too_late FROM woken ORDER BY 1;

-- several turns between two sweeps, of orders that have still to come as well:
-- it is as if somebody had swept after each
INSERT INTO customers VALUES (5, 'Eve', '2000-07-01');
INSERT INTO orders VALUES (5, 5, 600, '2026-06-10 08:00'), (6, 5, 10, '2026-06-20');
SELECT * FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2026-09-01 00:00+00';
SELECT * FROM members;
SELECT * FROM wrong;
SELECT swept > 0 AS swept, due, folded > 0 AS folded, pending FROM segment.tick();
SELECT * FROM news() WHERE key = '5';
SELECT * FROM wrong;
SELECT * FROM untold;

-- an event on a customer who is due: first what time has done, when it did it
INSERT INTO orders VALUES (7, 4, 20, '2026-09-01'), (8, 4, 20, '2026-09-02');
SELECT folded FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2026-12-24 18:00+00';
INSERT INTO orders VALUES (9, 4, 500, '2026-12-24 18:00');
SELECT * FROM wrong;
SELECT * FROM woken WHERE customer_id = 4;
SELECT swept, due, folded > 0 AS folded FROM segment.tick();
SELECT * FROM news() WHERE key = '4';
SELECT * FROM wrong;
SELECT * FROM untold;
-- taken back, he is as due as he was
SET segment.now = '2027-03-01 00:00+00';
BEGIN;
INSERT INTO orders VALUES (10, 4, 1, '2027-03-01');
SELECT * FROM wrong;
ROLLBACK;
SELECT * FROM wrong;
SELECT wake_at <= segment.now() AS due FROM woken WHERE customer_id = 4;

-- he is forgotten meanwhile
DELETE FROM orders WHERE customer_id = 4;
SELECT count(*) FROM profile WHERE customer_id = 4;
DELETE FROM customers WHERE customer_id = 4;
SELECT * FROM wrong;
SELECT due, pending FROM segment.tick();
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;

-- who defines anything sweeps first: time comes before it, told as of what was
-- defined then
SET segment.now = '2027-04-01 12:00+00';
INSERT INTO customers VALUES (6, 'Finn', '1990-04-20');
INSERT INTO orders VALUES (11, 6, 600, '2027-03-25'), (12, 6, 5, '2027-03-31 12:00');
SELECT due, pending FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2027-04-20 00:00+00';
SELECT segment.create_audience('new', 'last_order_at in last 30 days');
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;
SET segment.now = '2027-04-28 00:00+00';
SELECT segment.alter_audience('frequent', 'recent >= 1');
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;
SET segment.now = '2027-05-28 00:00+00';
SELECT segment.alter_trait('recent', 'count(orders in last 60 days)');
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;
SELECT segment.alter_audience('frequent', 'recent >= 2');
SELECT * FROM news();
SET segment.now = '2027-06-01 00:00+00';
INSERT INTO orders VALUES (13, 6, 5, '2027-06-01');
SELECT folded FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2027-06-20 00:00+00';
SELECT segment.drop_audience('new');
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;
SELECT customer_id, too_late FROM woken WHERE too_late ORDER BY 1;

-- the clock is set back.  What is known of a customer does not run backwards:
-- nothing is lost, and the feed goes on in its order ...
SET segment.now = '2027-09-01 00:00+00';
INSERT INTO orders VALUES (14, 6, 5, '2027-08-31'), (15, 6, 5, '2027-09-01');
SELECT folded FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2027-07-15 12:00+00';
SELECT * FROM segment.tick();
-- whom a definition makes leave leaves after he came, and whoever enters by the next
-- one, or by an event, does so after that, however far the clock is behind
BEGIN;
SELECT segment.alter_audience('frequent', 'recent >= 20');
SELECT * FROM news();
SET segment.now = '2027-07-01 00:00+00';
SELECT segment.alter_audience('frequent', 'recent >= 0');
SELECT * FROM news() ORDER BY key;
INSERT INTO orders VALUES (18, 3, 900, '2027-06-15');
SELECT pending FROM segment.tick();
SELECT * FROM news();
SELECT * FROM untold;
ROLLBACK;
DELETE FROM orders WHERE id = 15;
INSERT INTO orders VALUES (16, 1, 900, '2027-07-15 12:00');
SELECT * FROM segment.tick();
SELECT * FROM news();
SELECT * FROM untold;
SET segment.now = '2027-08-20 12:00+00';
INSERT INTO orders VALUES (15, 6, 5, '2027-09-01'), (17, 1, 900, '2027-08-20 12:00');
SELECT * FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2027-09-01 00:00+00';
SELECT * FROM wrong;
SELECT due, pending FROM segment.tick();
SELECT * FROM news();
SELECT * FROM untold;
SET segment.now = '2027-12-01 12:00+00';
SELECT * FROM wrong;
SELECT swept > 0 AS swept, due, pending FROM segment.tick();
SELECT key, audience, change, at FROM news() WHERE key IN ('1', '6') ORDER BY key, at, audience;
SELECT * FROM wrong;
SELECT * FROM untold;
-- ... and a rebuild decides anew, as of the clock that is shown
SET segment.now = '2027-08-20 12:00+00';
SELECT segment.rebuild();
SELECT * FROM members;
SELECT * FROM wrong;
SELECT * FROM untold;
SELECT * FROM news() ORDER BY key, audience;
SELECT customer_id, too_late FROM woken WHERE too_late ORDER BY 1;
SET segment.now = '2027-12-01 12:00+00';
SELECT * FROM wrong;
SELECT swept > 0 AS swept, due, pending FROM segment.tick();
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;

-- of some filters nobody knows when they change: told by a notice, and right
-- whenever one asks
SELECT segment.create_audience('odd', 'now - last_order_at > last_order_at - now + 3 days');
SELECT stored, time_dependent FROM segment.audience WHERE audience = 'odd';
SELECT * FROM wrong;
SET segment.now = '2028-01-15 00:00+00';
SELECT * FROM members;
SELECT * FROM wrong;
SELECT due, pending FROM segment.tick();
SELECT count(*) FROM told WHERE audience = 'odd';
SELECT * FROM wrong;
SELECT segment.alter_audience('odd', 'last_order_at more than 36 hours ago');
SELECT stored, time_dependent FROM segment.audience WHERE audience = 'odd';
SELECT * FROM untold;
SELECT segment.alter_audience('odd', 'now - last_order_at > last_order_at - now + 3 days');
SELECT audience, change, count(*) FROM news() GROUP BY 1, 2 ORDER BY 1, 2;
SELECT segment.drop_audience('odd');
SELECT * FROM news();
SELECT * FROM untold;

-- what is written while capture is off is not counted; time goes on all the same
INSERT INTO orders VALUES (20, 3, 50, '2028-01-10'), (21, 3, 50, '2028-01-15');
SELECT due, pending FROM segment.tick();
SELECT * FROM news();
SET segment.now = '2028-02-12 00:00+00';
SET segment.capture = off;
INSERT INTO orders VALUES (22, 3, 50, '2028-02-10');
RESET segment.capture;
SELECT * FROM segment.verify() ORDER BY source, definition, key;
SELECT segment.is_member('frequent', 3), segment.is_member('monthly', 3);
SELECT swept, due FROM segment.tick();
SELECT * FROM news();
SELECT * FROM untold;
SELECT segment.rebuild();
SELECT * FROM news();
SELECT * FROM wrong;
SELECT * FROM untold;

-- somebody drops the index by which those who are due are found
SELECT indexrelid::regclass AS index FROM pg_index WHERE indrelid = 'segment_data.profile'::regclass AND pg_get_indexdef(indexrelid) LIKE '%(wake_at)%' \gset
BEGIN;
SET LOCAL segment.capture = off;
DROP INDEX :index;
SET LOCAL segment.capture = on;
SAVEPOINT here;
SELECT segment.size('lapsed');
ROLLBACK TO here;
SELECT * FROM segment.tick();
ROLLBACK TO here;
INSERT INTO orders VALUES (23, 3, 50, '2028-02-12');
ROLLBACK TO here;
CREATE INDEX ON segment_data.profile (wake_at) WHERE wake_at IS NOT NULL;
SELECT * FROM wrong;
SELECT pending FROM segment.tick();
ROLLBACK;

-- no audience is left, and nobody is woken any more
SET segment.now = '2028-09-01 00:00+00';
SELECT segment.drop_audience('birthday');
SELECT segment.drop_audience('frequent');
SELECT segment.drop_audience('monthly');
SELECT segment.drop_audience('vip', cascade => true);
SELECT segment.drop_audience('lapsed', cascade => true);
SELECT count(*) AS audiences FROM segment.audience;
SELECT * FROM segment.tick();
SET segment.now = '2032-01-01 00:00+00';
SELECT due, folded FROM segment.tick();
SELECT swept, due, folded FROM segment.tick();
SELECT count(wake_at) FROM segment_data.profile;
SELECT * FROM untold;
SELECT * FROM segment.verify();
SELECT segment.create_audience('lapsed', 'last_order_at more than 60 days ago');
SELECT * FROM wrong;
DROP VIEW answer, told, woken CASCADE;
SELECT segment.drop_population('profile', cascade => true);

-- in Copenhagen clocks are set forward on 29 March 2026 and back on 25 October:
-- a day is an hour less, or one more, and a month begins at its own midnight
SET timezone = 'Europe/Copenhagen';
SET segment.now = '2026-03-28 12:00+01';
CREATE TABLE visits (customer_id bigint, at timestamp);
CREATE INDEX ON visits (customer_id, at);
INSERT INTO visits VALUES (1, '2026-03-28 02:30'), (2, '2026-03-28 12:00');
SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.create_trait('last_visit', 'max(visits.at)');
SELECT segment.create_audience('day', 'count(visits in last 1 day) > 0', view => false);
SELECT segment.create_audience('hours', 'count(visits in last 24 hours) > 0', view => false);
SELECT segment.create_audience('before', 'count(visits between 3 days and 1 day ago) > 0', view => false);
SELECT segment.create_audience('seen', 'last_visit in last 1 day', view => false);
SELECT segment.create_audience('month', 'last_visit in this month', view => false);
-- members that are others than naive SQL says
CREATE FUNCTION differences(first timestamptz, last timestamptz) RETURNS TABLE (instant timestamptz, audience name) LANGUAGE plpgsql AS $$
BEGIN
    FOR instant IN SELECT i + m * interval '1 microsecond' FROM generate_series(first, last, '30 minutes') AS i, generate_series(-1, 1) AS m LOOP
        PERFORM set_config('segment.now', instant::text, true);
        RETURN QUERY SELECT instant, a.audience
            FROM segment.audience a, (SELECT instant AS now) AS i
            WHERE ARRAY(SELECT k FROM segment.members(a.audience) AS m(k bigint) ORDER BY 1)
                <> ARRAY(SELECT DISTINCT customer_id FROM visits AS v
                         WHERE CASE a.audience
                             WHEN 'hours' THEN v.at::timestamptz <= now AND now < v.at::timestamptz + interval '24 hours'
                             WHEN 'month' THEN date_trunc('month', v.at) = date_trunc('month', now::timestamp)
                             WHEN 'before' THEN v.at::timestamptz + interval '1 day' <= now AND now < v.at::timestamptz + interval '3 days'
                             ELSE v.at::timestamptz <= now AND now < v.at::timestamptz + interval '1 day' END
                         ORDER BY 1);
    END LOOP;
END $$;
SELECT * FROM differences('2026-03-28 12:30+01', '2026-03-30 00:00+02');
SELECT * FROM differences('2026-03-31 23:00+02', '2026-04-01 01:00+02');
SET segment.now = '2026-04-02 12:00+02';
SELECT swept, due, pending FROM segment.tick();
SELECT key, audience, change, at FROM segment.transition WHERE cause = 'time' ORDER BY key, audience, seq;
SET segment.now = '2026-10-24 12:00+02';
INSERT INTO visits VALUES (1, '2026-10-24 02:30'), (2, '2026-10-24 12:00');
SELECT pending FROM segment.tick();
SELECT max(seq) AS seq FROM segment.transition \gset
SELECT * FROM differences('2026-10-24 12:30+02', '2026-10-26 00:00+01');
SET segment.now = '2026-11-02 12:00+01';
SELECT swept, due, pending FROM segment.tick();
SELECT key, audience, change, at FROM segment.transition WHERE seq > :seq ORDER BY key, audience, seq;
SELECT * FROM segment.verify();
SELECT segment.drop_population('guest', cascade => true);

-- events on days, at local times and at instants, before all time, after it and
-- at none; spans of months and days at once, some of which go backwards
SET segment.now = '2026-01-15 12:00+01';
CREATE TABLE by_day (customer_id bigint, at date);
CREATE TABLE by_clock (customer_id bigint, at timestamp);
CREATE TABLE by_instant (customer_id bigint, at timestamptz);
CREATE TABLE plan (customer_id bigint PRIMARY KEY, wait interval, until timestamptz);
CREATE INDEX ON by_day (customer_id, at);
CREATE INDEX ON by_clock (customer_id, at);
CREATE INDEX ON by_instant (customer_id, at);
SELECT segment.create_population('odd', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('by_day', at => 'at');
SELECT segment.attach_source('by_clock', at => 'at');
SELECT segment.attach_source('by_instant', at => 'at');
SELECT segment.attach_source('plan');
SELECT name, segment.create_trait(name, definition) FROM (VALUES
    ('wait', 'plan.wait'), ('until', 'plan.until'),
    ('day', 'max(by_day.at)'), ('days', 'count(by_day in last 3 days)'), ('days_month', 'count(by_day in this month)'),
    ('clock', 'max(by_clock.at)'), ('clocks', 'count(by_clock in last 3 days)'),
    ('instant', 'max(by_instant.at)'), ('instants', 'count(by_instant in last 3 days)'),
    ('before', 'count(by_instant between 2 months and 31 days ago)'), ('decades', 'count(by_instant in last 999999999 seconds)'),
    ('ever', 'count(by_instant before "infinity")'), ('since', 'count(by_instant since "-infinity")')) AS t (name, definition);
SELECT filter, segment.create_audience('odd ' || n, filter::segment.filter, view => false) FROM unnest(ARRAY[
    'days > 0', 'days_month > 0', 'clocks > 0', 'instants > 0', 'before > 0', 'decades > 0', 'ever > 0', 'since > 0',
    'day in last 3 days', 'clock in last 3 days', 'instant in last 3 days', 'day more than 2 days ago', 'clock more than 2 days ago',
    'instant more than 2 days ago', 'day <= today', 'day in next 3 days', 'until > now', 'until <= now', 'until in next 3 days',
    'instant + wait < now', 'clock + wait < now', 'day + wait > today', 'instant < now - wait', 'now - instant > wait', 'until - now < wait',
    'now + wait > until', 'until - wait between now and now + 1 day', 'now - until > "1 month 3 days"', 'now - until > "1 month -30 days"',
    'instant < now - 1 month - 3 days', 'instant > now - 5000 years', 'now < "infinity"', 'instant > "infinity"']) WITH ORDINALITY AS f (filter, n);
SELECT count(*), count(*) FILTER (WHERE stored) AS stored FROM segment.audience;
INSERT INTO plan VALUES (1, '1 month 3 days', '2026-01-18'), (2, '1 month -30 days', 'infinity'), (3, '-2 days', '-infinity'),
    (4, '-1 month 31 days', '2026-02-28 12:00'), (5, NULL, NULL), (6, '100 years', '2026-01-31');
INSERT INTO by_day VALUES (1, '2026-01-14'), (2, 'infinity'), (2, '2026-01-15'), (3, '-infinity'), (4, '2026-01-20'), (5, NULL), (6, '2026-02-28');
INSERT INTO by_clock SELECT * FROM by_day;
INSERT INTO by_instant SELECT * FROM by_day;
CREATE VIEW wrong AS
SELECT segment.now(), a.filter, m.members, m.held
FROM segment.audience a, LATERAL (
    SELECT ARRAY(SELECT k FROM segment.members(a.audience) AS m(k bigint) ORDER BY k) AS members,
        ARRAY(SELECT customer_id FROM odd p WHERE p @@ a.filter ORDER BY 1) AS held) AS m
WHERE members <> held OR segment.size(a.audience) <> cardinality(held);
-- without a sweep, and with one at each step
CREATE FUNCTION wrong_until(last timestamptz, step interval, sweep boolean) RETURNS SETOF wrong LANGUAGE plpgsql AS $$
DECLARE
    instant timestamptz;
BEGIN
    FOR instant IN SELECT generate_series(timestamptz '2026-01-15 12:00+01', last, step) LOOP
        PERFORM set_config('segment.now', instant::text, true);
        RETURN QUERY SELECT * FROM wrong;
        CONTINUE WHEN NOT sweep;
        PERFORM segment.tick();
        RETURN QUERY SELECT * FROM wrong;
    END LOOP;
END $$;
SELECT * FROM wrong_until('2026-03-05', '17 hours', false);
SELECT * FROM wrong_until('2026-04-05', '43 hours', true);
SELECT key, change, at FROM segment.transition JOIN segment.audience USING (population, audience)
WHERE cause = 'time' AND filter::text = 'instant + wait < now' ORDER BY key, seq;
-- a century later, and very late
SET segment.now = '2136-01-15 12:00+01';
SELECT * FROM wrong;
SELECT due, pending FROM segment.tick();
SELECT * FROM wrong;
SET segment.now = '100000-01-15 12:00+01';
SELECT * FROM wrong;
SELECT due, pending FROM segment.tick();
SELECT * FROM segment.verify();
SELECT count(wake_at) FROM segment_data.odd;

-- what is no span, and what is too long for one
\set VERBOSITY terse
SELECT segment.create_audience('x', 'days > 0 and did by_day in last 0 days');
SELECT segment.create_audience('x', 'did by_day in last -3 days');
SELECT segment.create_audience('x', 'did by_day in last 6000 years');
SELECT segment.create_audience('x', 'count(by_day between 30 days and 60 days ago) > 0');
SELECT segment.create_audience('x', 'count(by_day in last 1 month 3 days) > 0');
SELECT segment.create_audience('x', 'instant in last 0 days');
SELECT segment.create_audience('x', 'instant more than -1 days ago');
SELECT segment.create_audience('x', 'instant more than 300000 years ago');
SELECT segment.create_audience('x', 'instant in last 999999999 years');
SELECT segment.create_audience('x', 'instant in last 1 month 3 days');
SELECT segment.create_audience('x', 'instant < now - "infinity"');
SELECT segment.create_population('nowhere', timezone => '');
SELECT segment.filter_sql('until in this month', 'plan', 'Europe/Kopenhagen');
SET segment.now = 'infinity';
DROP VIEW wrong CASCADE;
SELECT segment.drop_population('odd', cascade => true);

SET client_min_messages = warning;
DROP SCHEMA shop_due CASCADE;
