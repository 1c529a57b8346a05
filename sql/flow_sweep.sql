-- Time: what it changes without any event is right at once, and told when somebody sweeps.
CREATE SCHEMA shop_sweep;
SET search_path = shop_sweep;
SET timezone = 'Europe/Copenhagen';
SET datestyle = 'ISO';
SET segment.now = '2028-03-01 12:00+01';
SET segment.feed_retention = -1;

CREATE TABLE customers (customer_id bigint PRIMARY KEY, born date);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES (1, '1990-03-02'), (2, '1980-02-29'), (3, NULL);
INSERT INTO orders VALUES (1, 1, 600, '2028-02-25 02:30+01'), (2, 1, 50, '2028-02-27 10:00+01'),
    (3, 2, 700, '2028-01-31 09:00+01'), (4, 3, 10, '2028-02-28 12:00+01');
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('born', 'customers.born');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_trait('total_spend', 'sum(orders.amount)');
SELECT segment.create_audience('big', 'total_spend > 500', view => false);
SELECT segment.create_audience('recent', 'count(orders in last 30 days) >= 1');
SELECT segment.create_audience('frequent', 'count(orders in last 30 days) >= 2', view => false);
SELECT segment.create_audience('lapsed', 'last_order_at more than 30 days ago', view => false);
SELECT segment.create_audience('big_lapsed', 'in audience big and in audience lapsed', view => false);
SELECT segment.create_audience('birthday', 'anniversary of born today', view => false);
SELECT segment.create_audience('this_month', 'did orders in this month', view => false);
SELECT audience, stored, time_dependent FROM segment.audience ORDER BY definition_id;

-- wake_at is no later than what next_change() says of each audience
CREATE VIEW wakes AS
SELECT p.customer_id, b.wake_at <= min(n.next_change) AS in_time, min(n.next_change) AS next_change, b.wake_at IS NULL AS never
FROM profile p JOIN segment_data.profile b USING (customer_id), segment.audience a,
    LATERAL (SELECT segment.next_change(a.audience, p.customer_id)) AS n (next_change)
GROUP BY p.customer_id, b.wake_at;
SELECT * FROM wakes ORDER BY 1;

-- who is in what by each way to ask, and by the filter over the view; nothing is wrong
CREATE VIEW wrong AS
SELECT a.audience, w.*
FROM segment.audience a, LATERAL (
    SELECT ARRAY(SELECT k FROM segment.members(a.audience) AS m(k bigint) ORDER BY k) AS members,
        ARRAY(SELECT customer_id FROM profile p WHERE segment.is_member(a.audience, p.customer_id) ORDER BY 1) AS by_filter,
        ARRAY(SELECT customer_id FROM profile p WHERE a.audience IN (SELECT segment.audiences(p.customer_id)) ORDER BY 1) AS by_profile,
        segment.size(a.audience), (SELECT s.size FROM segment.sizes() s WHERE s.audience = a.audience) AS one_of_sizes,
        (SELECT in_both FROM segment.overlap(a.audience, a.audience)) AS overlap,
        segment.count_where(('in audience `' || a.audience || '`')::segment.filter) AS count_where) AS w
WHERE members <> by_filter OR members <> by_profile OR size <> cardinality(members) OR one_of_sizes <> size OR overlap <> size OR count_where <> size;
CREATE VIEW now_in AS
SELECT string_agg(a.audience || ' ' || m.keys, ', ' ORDER BY a.definition_id) AS now_in
FROM segment.audience a, LATERAL (SELECT string_agg(k::text, '+' ORDER BY k) AS keys FROM segment.members(a.audience) AS m(k bigint)) AS m
WHERE m.keys IS NOT NULL;
CREATE FUNCTION told_after(after bigint) RETURNS TABLE (told text) LANGUAGE sql AS
$$ SELECT concat_ws(' ', key, change, audience, at, cause) FROM segment.transition WHERE population = 'profile' AND seq > after ORDER BY seq $$;
SELECT max(seq) AS so_far FROM segment.transition WHERE population = 'profile' \gset
SELECT * FROM now_in;
SELECT * FROM wrong;

-- to the microsecond, and nothing is written.  On 26 March there is no half past
-- two: thirty days after an order of half past two it is half past three
SET segment.now = '2028-03-26 03:29:59.999999+02';
SELECT * FROM now_in;
SELECT * FROM recent ORDER BY 1;
SELECT * FROM wrong;
SET segment.now = '2028-03-26 03:30:00+02';
SELECT * FROM now_in;
SELECT * FROM wrong;
SELECT count(*) AS due FROM segment_data.profile WHERE wake_at <= segment.now();
SELECT * FROM told_after(:so_far);
SELECT * FROM segment.verify();

-- who is swept has been led through all that happened, at its instants; a budget is for profiles first
SELECT * FROM segment.tick(1);
SELECT * FROM segment.tick(2);
SELECT * FROM segment.tick(2);
SELECT * FROM segment.tick();
SELECT * FROM told_after(:so_far);
SELECT * FROM now_in;
SELECT * FROM wrong;
SELECT * FROM wakes ORDER BY 1;
SELECT max(seq) AS so_far FROM segment.transition WHERE population = 'profile' \gset

-- an event of a profile that is due comes after what time did to it; another is not touched
SET segment.now = '2028-04-10 12:00+02';
SELECT count(*) AS due FROM segment_data.profile WHERE wake_at <= segment.now();
INSERT INTO orders VALUES (5, 1, 5, '2028-04-10 11:00+02');
SELECT * FROM wrong;
SELECT * FROM segment.verify();
-- one that ends while it is due, and one to come
SET segment.now = '2028-04-20 12:00+02';
DELETE FROM orders WHERE customer_id = 3;
DELETE FROM customers WHERE customer_id = 3;
INSERT INTO orders VALUES (6, 2, 5, '2028-05-01 00:00+02');
SELECT * FROM now_in;
SELECT * FROM wrong;
SELECT * FROM segment.tick();
SELECT * FROM told_after(:so_far);
SELECT max(seq) AS so_far FROM segment.transition WHERE population = 'profile' \gset
SET segment.now = '2028-04-30 23:59:59.999999+02';
SELECT * FROM now_in;
SET segment.now = '2028-05-01 00:00+02';
SELECT * FROM now_in;
SELECT * FROM wrong;

-- a definition sweeps first: what happened before it is decided by what was defined then
SET segment.now = '2028-07-01 12:00+02';
SELECT segment.alter_audience('frequent', 'count(orders in last 90 days) >= 2');
SELECT segment.drop_audience('this_month');
SELECT * FROM told_after(:so_far);
SELECT * FROM wrong;
SELECT * FROM segment.verify();
SELECT max(seq) AS so_far FROM segment.transition WHERE population = 'profile' \gset

-- a clock that is set back: what was decided stands, until it is decided anew
SET segment.now = '2028-06-01 12:00+02';
INSERT INTO orders VALUES (7, 2, 5, '2028-06-01 11:00+02');
SELECT * FROM segment.tick();
SELECT * FROM told_after(:so_far);
SELECT segment.rebuild('profile');
SELECT * FROM now_in;
SELECT * FROM wrong;
SELECT * FROM wakes ORDER BY 1;

-- of what moves all the time nobody knows when it changes
SELECT segment.create_audience('fading', 'now - last_order_at > last_order_at - (now - 100 days)', view => false);
SELECT audience, stored, time_dependent FROM segment.audience WHERE audience = 'fading';
SET segment.now = '2028-08-01 12:00+02';
SELECT * FROM now_in;
SELECT * FROM wrong;
SELECT segment.drop_audience('fading');

-- events at no time, before all and after all
INSERT INTO orders VALUES (8, 4, 5, NULL), (9, 5, 5, '-infinity'), (10, 6, 5, 'infinity');
SELECT * FROM now_in;
SELECT * FROM wrong;
SET segment.now = '2030-01-01 12:00+01';
SELECT * FROM now_in;
SELECT * FROM wrong;
SELECT * FROM segment.tick();
SELECT * FROM segment.verify();
SELECT customer_id, never FROM wakes ORDER BY 1;

-- without its index nobody can be woken
SET segment.capture = off;
DROP INDEX segment_data.profile_wake_at_idx;
RESET segment.capture;
INSERT INTO orders VALUES (11, 1, 5, '2030-01-01 11:00+01');
CREATE INDEX ON segment_data.profile (wake_at) WHERE wake_at IS NOT NULL;
INSERT INTO orders VALUES (11, 1, 5, '2030-01-01 11:00+01');
SELECT * FROM wrong;

-- without audiences time changes nothing that is kept
SELECT segment.drop_audience('big', cascade => true);
SELECT count(segment.drop_audience(audience)) FROM segment.audience;
SET segment.now = '2040-01-01 12:00+01';
SELECT * FROM segment.tick();
SELECT count(wake_at) FROM segment_data.profile;
DROP VIEW wakes, wrong, now_in;
SELECT segment.drop_population('profile', cascade => true);

-- with a budget a session goes on where its last sweep stopped; who became due behind that comes after the others
SET segment.now = '2026-05-01 12:00+00';
CREATE TABLE visits (visitor bigint, at timestamptz);
SELECT segment.create_population('visitor', key => 'visitor', timezone => 'UTC');
SELECT segment.attach_source('visits', key => 'visitor', at => 'at');
SELECT segment.create_audience('away', 'max(visits.at) more than 10 days ago', view => false);
INSERT INTO visits SELECT v, timestamptz '2026-05-01 00:00+00' - interval '10 days' + v * interval '1 day' FROM generate_series(2, 5) AS v;
SET segment.now = '2026-05-10 12:00+00';
SELECT swept, due FROM segment.tick(2);
SET segment.now = '2026-05-01 12:00+00';
INSERT INTO visits VALUES (1, '2026-04-22 00:00+00'), (6, '2026-04-29 00:00+00');
SET segment.now = '2026-05-10 12:00+00';
SELECT swept, due FROM segment.tick(1);
SELECT swept, due FROM segment.tick(3);
SELECT swept, due FROM segment.tick(3);
SELECT swept, due FROM segment.tick(3);
SELECT key, change, at FROM segment.transition WHERE cause = 'time' AND audience = 'away' ORDER BY at;
SELECT DISTINCT recorded_at FROM segment.transition WHERE cause = 'time' AND audience = 'away';
-- what is undone is swept by the next tick
SET segment.now = '2026-05-20 12:00+00';
INSERT INTO visits SELECT v, timestamptz '2026-05-20 00:00+00' + v * interval '1 hour' FROM generate_series(1, 6) AS v;
SET segment.now = '2026-06-02 12:00+00';
BEGIN;
SELECT swept, due FROM segment.tick(3);
ROLLBACK;
SELECT swept, due FROM segment.tick(2);
DO $$
BEGIN
    PERFORM segment.tick(2);
    RAISE EXCEPTION 'not now';
EXCEPTION WHEN raise_exception THEN
END $$;
SELECT swept, due FROM segment.tick(3);
SELECT swept, due FROM segment.tick(3);

-- many are found at once, and taken page by page by as many ticks as it needs; events may be first with some of them
INSERT INTO visits SELECT v, '2026-06-01 00:00+00' FROM generate_series(1001, 3500) AS v;
SET segment.now = '2026-06-20 12:00+00';
SELECT swept, due FROM segment.tick(600);
SELECT swept, due FROM segment.tick(600);
INSERT INTO visits SELECT visitor, '2026-06-20 00:00+00' FROM segment_data.visitor WHERE wake_at <= segment.now() LIMIT 800;
SELECT swept, due FROM segment.tick(100);
SELECT swept, due FROM segment.tick(1000);
SELECT segment.size('away'), count(*) FROM segment_data.visitor WHERE visitor > 1000 AND segment.is_member('away', visitor);
SELECT count(*), count(DISTINCT key), min(at), max(at) FROM segment.transition WHERE cause = 'time' AND audience = 'away' AND key::int > 1000;
SELECT * FROM segment.verify();
DELETE FROM visits WHERE visitor > 1000;
SET segment.now = '2026-06-02 12:00+00';

-- a window wakes nobody before so much may have come or gone that somebody notices: the event with which it does
SELECT segment.drop_audience('away');
ALTER TABLE visits ADD spent numeric, ADD id bigint GENERATED ALWAYS AS IDENTITY;
SELECT segment.create_audience('often', 'count(visits in last 30 days) >= 5', view => false);
SELECT segment.create_audience('big', 'sum(visits.spent in last 30 days) > 100', view => false);
SET segment.now = '2026-06-10 12:00+00';
INSERT INTO visits SELECT v, day::timestamptz, coalesce(spent, 0)
FROM (VALUES (11, '{10,10,10}'::numeric[]), (12, '{1,1,1,1,1,1}'), (13, '{60,60}'), (14, '{-50,160}'), (15, '{-50,120}'),
    (16, '{99.9999,0.0001}'), (17, '{99.9999,0.0002}'), (18, '{1e20,1}'), (19, '{NaN,1}'), (20, '{0,0,0,0,0}')) AS l(v, list),
    unnest(list) WITH ORDINALITY AS u(spent, nth), LATERAL (SELECT timestamptz '2026-06-01 00:00+00' + nth * interval '1 day' AS day) AS d;
-- one that has still to come
INSERT INTO visits VALUES (21, '2026-06-01 00:00+00', 90), (21, '2026-06-20 00:00+00', 11);
SELECT visitor, p.wake_at, segment.next_change('often', visitor) AS often, segment.next_change('big', visitor) AS big
FROM segment_data.visitor AS p WHERE visitor > 10 ORDER BY 1;
SET segment.now = '2026-08-10 12:00+00';
SELECT segment.tick();
SELECT key, audience, change, at FROM segment.transition WHERE cause = 'time' AND audience IN ('often', 'big') ORDER BY at, key::int;
SELECT segment.drop_population('visitor', cascade => true);

RESET segment.now;
RESET segment.feed_retention;
\set VERBOSITY terse
DROP SCHEMA shop_sweep CASCADE;
