-- Windows: what counts in the last thirty days, in this month, since a date; at
-- any time, without anything being written.  Ada buys, Ben has ordered ahead.
CREATE SCHEMA shop_window;
SET search_path = shop_window, public;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = 'postgres';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id bigint, amount numeric, pieces int,
                     store text, notes json, ordered_at timestamptz);
CREATE TABLE visits (customer_id bigint, page text, visited_at timestamp);
CREATE TABLE clicks (customer_id bigint, clicked_on date);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON visits (customer_id, visited_at);
CREATE INDEX ON clicks (customer_id, clicked_on);
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('visits', at => 'visited_at');
SELECT segment.attach_source('clicks', at => 'clicked_on');

SET segment.now = '2026-05-31 12:00+00';
INSERT INTO orders (customer_id, amount, pieces, store, ordered_at) VALUES
    (1, 12.50, 2, 'Aarhus', '2026-05-02 12:00+00'),
    (1, 7, 1, 'Odense', '2026-05-28 09:30+00'),
    (1, 99, 9, 'Odense', NULL),
    (1, 1, 1, 'Ribe', '2020-02-01 00:00+00'),
    (2, 30, 3, 'Aarhus', '2026-06-10 08:00+00');

-- each aggregate over the same window is read off the same series
SELECT segment.create_trait('orders_30d', 'count(orders in last 30 days)');
SELECT segment.create_trait('priced_30d', 'count(orders.amount in last 30 days)');
SELECT segment.create_trait('spend_30d', 'sum(orders.amount in last 30 days)');
SELECT segment.create_trait('average_30d', 'avg(orders.amount in last 30 days)');
SELECT segment.create_trait('smallest_30d', 'min(orders.amount in last 30 days)');
SELECT segment.create_trait('largest_30d', 'max(orders.amount in last 30 days)');
SELECT segment.create_trait('spread_30d', 'stddev(orders.amount in last 30 days)');
SELECT segment.create_trait('any_30d', 'exists(orders in last 30 days)');
SELECT segment.create_trait('first_30d', 'first(orders.store in last 30 days)');
SELECT segment.create_trait('last_30d', 'last(orders.store in last 30 days)');
SELECT segment.create_trait('stores_30d', 'list(distinct orders.store in last 30 days)');
SELECT segment.create_trait('kinds_30d', 'count(distinct orders.store in last 30 days)');
SELECT segment.create_trait('usual_30d', 'most_frequent(orders.store in last 30 days)');
SELECT stored, definition, value_type FROM segment.stored_trait ORDER BY length(stored), stored;

-- time goes by, and nothing is written
\x on
SELECT * FROM profile ORDER BY 1;
SET segment.now = '2026-06-10 07:59:59.999999+00';
SELECT * FROM profile WHERE customer_id = 2;
SET segment.now = '2026-06-10 08:00+00';
SELECT * FROM profile ORDER BY 1;
SET segment.now = '2026-08-10 08:00+00';
SELECT * FROM profile ORDER BY 1;
\x off

-- half-open, to the microsecond: an order of thirty days ago counts no more
SET segment.now = '2026-06-27 09:29:59.999999+00';
SELECT customer_id, orders_30d, stores_30d FROM profile WHERE customer_id = 1;
SET segment.now = '2026-06-27 09:30+00';
SELECT customer_id, orders_30d, stores_30d FROM profile WHERE customer_id = 1;

-- what has left the window goes when the row is written anyway
SELECT s9 FROM segment_data.profile WHERE customer_id = 1;
INSERT INTO orders (customer_id, amount, pieces, store, ordered_at) VALUES (1, 4, 1, 'Ribe', '2026-06-27 09:00+00');
SELECT s9 FROM segment_data.profile WHERE customer_id = 1;
-- that it is deleted now, or comes too late to count, changes nothing
DELETE FROM orders WHERE customer_id = 1 AND ordered_at < '2026-05-10';
INSERT INTO orders (customer_id, amount, pieces, store, ordered_at) VALUES (1, 4, 1, 'Ribe', '2026-05-01 09:00+00');
SELECT s9 FROM segment_data.profile WHERE customer_id = 1;
SELECT * FROM segment.verify();
-- late events, events that are moved, and all at once
INSERT INTO orders (customer_id, amount, store, ordered_at) VALUES (1, 2.5, 'Aarhus', '2026-06-20 09:00+00'), (1, 2.5, 'Aarhus', '2026-06-20 09:00+00');
SELECT orders_30d, spend_30d, usual_30d FROM profile WHERE customer_id = 1;
UPDATE orders SET ordered_at = ordered_at + interval '10 days' WHERE amount = 2.5 AND id = (SELECT max(id) FROM orders);
SELECT orders_30d, spend_30d, usual_30d FROM profile WHERE customer_id = 1;
UPDATE orders SET amount = amount * 2 WHERE store = 'Ribe';
SELECT orders_30d, spend_30d, usual_30d FROM profile WHERE customer_id = 1;
BEGIN;
TRUNCATE orders;
SELECT count(*) FROM profile;
ROLLBACK;
SELECT orders_30d, spend_30d, usual_30d FROM profile WHERE customer_id = 1;
SELECT * FROM segment.verify();

-- a state that cannot be is found out when an event goes, and read again
SET segment.capture = off;
UPDATE segment_data.profile SET s9 = NULL WHERE customer_id = 1;
RESET segment.capture;
SELECT source, definition, key, stored FROM segment.verify();
UPDATE orders SET amount = amount + 1 WHERE store = 'Ribe';
SELECT orders_30d, spend_30d, usual_30d FROM profile WHERE customer_id = 1;
SELECT * FROM segment.verify();

-- a clock that is set back is no error; what was forgotten stays forgotten
SET segment.now = '2026-05-31 12:00+00';
SELECT customer_id, orders_30d, spend_30d FROM profile ORDER BY 1;
INSERT INTO orders (customer_id, amount, store, ordered_at) VALUES (1, 1, 'Aarhus', '2026-05-20 09:00+00');
DELETE FROM orders WHERE ordered_at = '2026-05-28 09:30+00';
SELECT customer_id, orders_30d, spend_30d FROM profile ORDER BY 1;
SELECT segment.rebuild();
SELECT customer_id, orders_30d, spend_30d FROM profile ORDER BY 1;

-- did, and definitions that are conditions; of whatever is inside, too
SELECT segment.create_trait('recent', 'did orders in last 2 weeks');
SELECT segment.create_trait('lapsed', 'did not orders where amount > 5 in last 90 days');
SELECT segment.create_trait('regular', 'did orders at least 2 times in this month');
SELECT segment.create_trait('rare', 'did orders at most 1 time since "2026-01-01"');
SELECT segment.create_trait('single', 'did orders exactly 1 time before "2026-05-20 09:00+00"');
SELECT segment.create_trait('ever', 'did orders');
SELECT segment.create_trait('worth_a_letter', 'spend_30d > 0 and not recent or sum(orders.pieces in last year) > 3');
SELECT segment.create_trait('growth', 'spend_30d - sum(orders.amount between 60 days and 30 days ago)');
SELECT customer_id, recent, lapsed, regular, rare, single, ever, worth_a_letter, growth FROM profile ORDER BY 1;
SET segment.now = '2026-06-10 12:00+00';
SELECT customer_id, recent, lapsed, regular, rare, single, ever, worth_a_letter, growth FROM profile ORDER BY 1;
SELECT trait, definition FROM segment.trait WHERE position > 13 ORDER BY position;

-- audiences and filters use them as any trait
SELECT segment.create_audience('active', 'orders_30d >= 2 or recent');
SELECT * FROM active ORDER BY 1;
SELECT customer_id FROM profile p WHERE p @@ 'spend_30d > 20' ORDER BY 1;
SELECT * FROM segment.explain('active', 2);
SELECT segment.filter_sql('orders_30d > 1', 'profile');
SELECT segment.filter_sql('orders_30d > 1', 'segment_data.profile', 'Europe/Copenhagen');

-- calendars and clocks.  Clocks were set forward in Copenhagen on 29 March at
-- 01:00 UTC: a day ago it was an hour less.
TRUNCATE orders, visits, clicks;
SET segment.now = '2026-03-28 11:00+00';
SELECT segment.create_trait('day', 'count(visits in last 1 day)');
SELECT segment.create_trait('hours', 'count(visits in last 24 hours)');
SELECT segment.create_trait('month', 'count(visits in last 1 month)');
SELECT segment.create_trait('this_day', 'count(visits in this day)');
SELECT segment.create_trait('last_month', 'count(visits in last month)');
SELECT segment.create_trait('this_quarter', 'list(distinct visits.page in this quarter)');
SELECT segment.create_trait('clicks_today', 'count(clicks in this day)');
SELECT segment.create_trait('clicks_week', 'count(clicks in last 1 week)');
INSERT INTO visits VALUES (1, 'a', '2026-03-28 12:30'), (1, 'b', '2026-03-28 13:00'), (1, 'c', '2026-03-29 03:00'),
    (1, 'd', '2026-03-31 23:59:59.999999'), (1, 'e', '2026-04-01'), (1, 'f', 'infinity'), (1, 'g', '-infinity'), (1, 'h', NULL);
INSERT INTO clicks VALUES (1, '2026-03-29'), (1, '2026-03-30'), (1, '2026-04-05'), (1, 'infinity'), (1, '-infinity'), (1, NULL);
CREATE TABLE instants (number serial, instant timestamptz);
INSERT INTO instants (instant) VALUES ('2026-03-28 11:30+00'), ('2026-03-29 10:45+00'), ('2026-03-29 11:00+00'), ('2026-03-31 21:59:59.999998+00'),
    ('2026-03-31 21:59:59.999999+00'), ('2026-03-31 22:00+00'), ('2026-04-05 12:00+00'), ('2026-04-28 10:30+00'), ('2026-04-30 22:00+00');
CREATE FUNCTION as_of(timestamptz) RETURNS SETOF profile LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('segment.now', $1::text, true);
    RETURN QUERY SELECT * FROM profile;
END $$;
SELECT instant, day, hours, month, this_day, last_month, this_quarter, clicks_today, clicks_week
FROM instants, as_of(instant) ORDER BY number;
DROP FUNCTION as_of(timestamptz);
-- time takes an event out once: not the end of a month, where a month ago is the
-- last of February on several days, brings it back
SET segment.now = '2026-03-28 22:00+00';
INSERT INTO visits VALUES (2, 'x', '2026-02-28 12:00');
SELECT customer_id, month FROM profile WHERE customer_id = 2;
SET segment.now = '2026-03-29 00:30+00';
SELECT customer_id, month FROM profile WHERE customer_id = 2;
-- nor do clocks that are set back, on 25 October at 01:00 UTC: of the two instants
-- of that day that are half past two it is the second that is a day later
SET segment.now = '2026-10-25 00:45+00';
INSERT INTO visits VALUES (2, 'y', '2026-10-24 02:30');
SELECT customer_id, day, hours FROM profile WHERE customer_id = 2;
SET segment.now = '2026-10-25 01:10+00';
SELECT customer_id, day, hours FROM profile WHERE customer_id = 2;
SET segment.now = '2026-10-25 01:30+00';
SELECT customer_id, day, hours FROM profile WHERE customer_id = 2;
-- a month after the 30th and after the 31st of January is the 28th of February, so of
-- these two the later one leaves first
SET segment.now = '2027-02-01 12:00+00';
SELECT segment.create_trait('pages', 'list(distinct visits.page in last 1 month)');
INSERT INTO visits VALUES (4, 'the 30th at noon', '2027-01-30 12:00'), (4, 'the 31st at eight', '2027-01-31 08:00'),
    (4, 'the 1st', '2027-02-01 09:00');
CREATE FUNCTION as_of(timestamptz) RETURNS SETOF profile LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('segment.now', $1::text, true);
    RETURN QUERY SELECT * FROM profile WHERE customer_id = 4;
END $$;
SELECT instant::timestamptz, month, pages
FROM unnest('{2027-02-28 07:59:59.999999+01,2027-02-28 08:00+01,2027-02-28 12:00+01,2027-03-01 09:00+01}'::timestamptz[]) AS i(instant), as_of(instant);
DROP FUNCTION as_of(timestamptz);
-- and an event that is written meanwhile keeps the one that is to leave last
SET segment.now = '2027-02-28 07:30+00';
INSERT INTO visits VALUES (4, 'now', '2027-02-28 08:30');
SELECT customer_id, month, pages FROM profile WHERE customer_id = 4;
SELECT * FROM segment.verify();
DELETE FROM visits WHERE customer_id = 4;
SELECT segment.drop_trait('pages');

-- values are compared as without a window: in the order of the column
ALTER TABLE visits ADD COLUMN word text COLLATE "en-x-icu";
SELECT segment.create_trait('word', 'min(visits.word)');
SELECT segment.create_trait('word_30d', 'min(visits.word in last 30 days)');
SELECT segment.create_trait('words_30d', 'list(distinct visits.word in last 30 days)');
-- the clock is set back: what was dropped by then is read again
SET segment.now = '2026-05-31 12:00+00';
SELECT segment.rebuild();
INSERT INTO visits VALUES (3, 'x', '2026-05-30', 'apple'), (3, 'x', '2026-05-31', 'Banana');
SELECT word, word_30d, words_30d FROM profile WHERE customer_id = 3;
SELECT * FROM segment.verify();

-- what is wrong is said at once
SELECT segment.create_trait('x', 'count(customers in last 30 days)');
SELECT segment.create_trait('x', 'did customers in last 30 days');
SELECT segment.create_trait('x', 'count(orders in last 0 days)');
SELECT segment.create_trait('x', 'count(orders in last -3 days)');
SELECT segment.create_trait('x', 'count(orders in last 6000 years)');
SELECT segment.create_trait('x', 'count(orders in last 999999999 quarters)');
SELECT segment.create_trait('y', 'count(orders between 30 days and 60 days ago)');
SELECT segment.create_trait('y', 'count(orders between 1 week and 7 days ago)');
SELECT segment.create_trait('y', 'count(orders between 5 hours and 300 minutes ago)');
SELECT segment.create_trait('y', 'count(orders in 30 days)');
SELECT segment.create_trait('z', 'count(orders since "soon")');
SELECT segment.create_trait('z', 'count(orders since "yesterday")');
SELECT segment.create_trait('z', 'count(orders since 2026)');
SELECT segment.create_trait('z', 'count(orders before true)');
SELECT segment.create_trait('z', 'sum(orders.store in last 30 days)');
SELECT segment.create_trait('z', 'sum(orders in last 30 days)');
SELECT segment.create_trait('z', 'list(orders.store in last 30 days)');
SELECT segment.create_trait('z', 'count(orders.notes in last 30 days)');
SELECT segment.create_trait('z', 'squares(orders.amount in last 30 days)');
SELECT segment.create_trait('z', 'count(orders where ordered_at in last 3 days in last 30 days)');
SELECT segment.create_trait('z', 'recent or ever and');
SELECT segment.create_trait('z', 'in audience active');
SELECT segment.create_audience('z', 'sum(orders.store in last 30 days) > 3');
SELECT segment.create_audience('z', 'did customers in last 30 days');

-- long, and sometimes empty, but not wrong
SELECT segment.create_trait('thirty_years', 'count(orders in last 999999999 seconds)');
SELECT segment.create_trait('april', 'count(orders between 1 month and 30 days ago)');
SELECT segment.create_trait('may', 'count(orders between 30 days and 1 month ago)');
SELECT segment.create_trait('nobody', 'count(orders before "-infinity")');
SELECT segment.create_trait('everything_due', 'count(orders since "-infinity")');
SET segment.now = '1001-01-01 00:00+00';
INSERT INTO orders (customer_id, amount, ordered_at) VALUES (1, 1, '1000-12-31 00:00+00'), (1, 2, '2026-01-01 00:00+00');
SELECT customer_id, orders_30d, thirty_years, nobody, everything_due FROM profile WHERE customer_id = 1;
DELETE FROM orders;

-- numbers so large that in another order their sum would be too large on the way
CREATE TABLE hits (customer_id bigint, hash bigint, at timestamptz);
SELECT segment.attach_source('hits', at => 'at');
SELECT segment.create_trait('hashes', 'sum(hits.hash in last 10 days)');
SELECT segment.create_trait('highest', 'max(hits.hash in last 10 days)');
SELECT segment.create_trait('different', 'count(distinct hits.hash in last 10 days)');
SET segment.now = '2026-05-09 12:00+00';
SELECT segment.rebuild();
INSERT INTO hits SELECT 1, hash, timestamptz '2026-05-01 00:00+00' + (nth - 1) * interval '1 day' FROM unnest(ARRAY[
    -4611686018427387904, 4611686018427387904, 4611686018427387904, -9223372036854775807, 9223372036854775807,
    -9223372036854775807, 0, 0, 0]) WITH ORDINALITY AS u(hash, nth);
INSERT INTO hits SELECT 2, hashint8extended(i, 0), timestamptz '2026-04-28 00:00+00' + i * interval '1 hour' FROM generate_series(1, 200) AS i;
SET segment.now = '2026-05-12 12:00+00';
INSERT INTO hits VALUES (1, 0, '2026-05-12 00:00+00'), (2, 5, '2026-05-12 00:00+00');
SELECT * FROM segment.verify();
-- a late one
INSERT INTO hits VALUES (1, 5, '2026-05-03 12:00+00'), (2, 6, '2026-05-03 12:00+00');
SELECT p.hashes = sum(hash) AS hashes, p.highest = max(hash) AS highest, p.different = count(DISTINCT hash) AS different
FROM profile AS p JOIN hits USING (customer_id) WHERE at > timestamptz '2026-05-02 12:00+00' GROUP BY p.customer_id, p.hashes, p.highest, p.different ORDER BY p.customer_id;
SELECT count(s::text) FROM segment_data.profile, LATERAL (SELECT profile::text) AS t(s);
SELECT * FROM segment.verify();
SELECT segment.detach_source('hits', cascade => true);

-- a long series says what it comes to, and it stays true: orders that are cheaper from
-- time to time and then dearer, so that the dearest or the cheapest is the first to go;
-- now and then two of a kind, another at the same time, and some ordered ahead
SELECT segment.create_trait(name || '_3d', aggregate || ' in last 3 days)') FROM (VALUES
    ('orders', 'count(orders'), ('spend', 'sum(orders.amount'), ('smallest', 'min(orders.amount'), ('largest', 'max(orders.amount'),
    ('pieces', 'sum(orders.pieces'), ('fewest', 'min(orders.pieces'), ('most', 'max(orders.pieces')) AS t (name, aggregate);
CREATE VIEW differs AS
SELECT segment.now(), kept, counted
FROM (SELECT (orders_3d, spend_3d, smallest_3d, largest_3d, pieces_3d, fewest_3d, most_3d)::text AS kept FROM profile WHERE customer_id = 7) AS p,
    (SELECT (count(*), coalesce(sum(amount), 0), min(amount), max(amount), coalesce(sum(pieces), 0), min(pieces), max(pieces))::text AS counted
     FROM orders WHERE customer_id = 7 AND ordered_at > segment.now() - interval '3 days' AND ordered_at <= segment.now()) AS o
WHERE kept <> counted;
CREATE FUNCTION differences() RETURNS SETOF differs LANGUAGE plpgsql AS $$
DECLARE
    instant timestamptz;
    later interval;
BEGIN
    FOR i IN 0 .. 59 LOOP
        instant := timestamptz '2027-01-01 00:00+00' + i * interval '5 hours';
        PERFORM set_config('segment.now', instant::text, false);
        INSERT INTO orders (customer_id, amount, pieces, ordered_at)
        SELECT 7, 20.50 + abs(30 - i), 5 + abs(30 - i), instant + CASE WHEN i % 20 >= 15 THEN interval '7 hours' ELSE '0' END
        FROM generate_series(1, CASE WHEN i % 10 = 7 THEN 2 ELSE 1 END);
        INSERT INTO orders (customer_id, amount, pieces, ordered_at) SELECT 7, 10.50, 3, instant WHERE i % 10 = 5;
        FOREACH later IN ARRAY '{0, 20 hours, 71:59:59.999999, 72 hours}'::interval[] LOOP
            PERFORM set_config('segment.now', (instant + later)::text, false);
            RETURN QUERY SELECT * FROM differs;
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM differences();
SELECT * FROM segment.verify();
DROP FUNCTION differences;
DROP VIEW differs;
DELETE FROM orders;

-- Windows of several lengths over the same values share one series, the longest:
-- 14 traits, one column.  A longer one that comes fills it again.
SET segment.now = '2026-05-12 12:00+00';
SELECT segment.rebuild();
CREATE TABLE calls (customer_id bigint, minutes integer, kind text, at timestamptz);
CREATE INDEX ON calls (customer_id);
INSERT INTO calls SELECT 1, n, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END, timestamptz '2026-05-12 11:00+00' - n * interval '1 day'
FROM generate_series(0, 400) AS n;
SELECT segment.attach_source('calls', at => 'at');
CREATE VIEW kept AS
SELECT definition, (SELECT segment.series_count(segment.series_joined((to_jsonb(p) ->> stored)::segment.series,
    (to_jsonb(p) ->> (stored || '_middle'))::segment.series, (to_jsonb(p) ->> (stored || '_body'))::segment.series), NULL, NULL, NULL)
FROM segment_data.profile AS p WHERE customer_id = 1) AS events
FROM segment.stored_trait WHERE source = 'calls';
SELECT segment.create_trait('minutes_' || days, format('sum(calls.minutes in last %s days)', days))
FROM unnest('{1,2,3,5,7,14,21,30,45,60,90,120,180,365}'::integer[]) AS days \g /dev/null
SELECT segment.create_trait('longest_this_month', 'max(calls.minutes in this month)');
SELECT segment.create_trait('before', 'count(distinct calls.minutes between 60 days and 30 days ago)');
TABLE kept;
SELECT minutes_1, minutes_7, minutes_90, minutes_365, longest_this_month, before FROM profile WHERE customer_id = 1;
SELECT segment.create_audience('talkers', 'sum(calls.minutes in last 380 days) > 70000 and minutes_7 > 20');
TABLE kept;
SELECT segment.create_audience('chatters', 'sum(calls.minutes where kind = "in" in last 7 days) > 5 and sum(calls.minutes since "2026-05-01") > 5');
SELECT definition FROM kept ORDER BY 1;
SELECT * FROM segment.verify();
-- the longest goes: the series is no answer any more to who asks for more, and
-- shrinks when it is merged next
PREPARE much AS SELECT count(*) FROM segment_data.profile AS p WHERE p @@ 'sum(calls.minutes in last 370 days) > 0';
EXECUTE much;
SELECT segment.drop_audience('talkers'), segment.drop_audience('chatters');
SELECT segment.drop_trait('minutes_' || days) FROM unnest('{90,120,180,365}'::integer[]) AS days \g /dev/null
TABLE kept;
EXECUTE much;
INSERT INTO calls VALUES (1, 5, 'in', '2026-05-12 11:30+00');
TABLE kept;
SELECT minutes_1, minutes_7, minutes_60, longest_this_month, before FROM profile WHERE customer_id = 1;
SELECT * FROM segment.verify();
-- neither a month nor 31 days are always longer than the other
SELECT segment.alter_trait('minutes_60', 'sum(calls.minutes in last 1 month)');
SELECT segment.alter_trait('before', 'count(calls in last 31 days)');
SELECT segment.create_trait('calls_month', 'count(calls in last 1 month)');
SELECT definition FROM kept ORDER BY 1;
SELECT segment.drop_trait('calls_month');
SELECT definition FROM kept ORDER BY 1;
-- a column whose type changes is stored anew with the window of all who need it
ALTER TABLE calls ALTER COLUMN minutes TYPE numeric;
SELECT segment.create_trait('mean', 'avg(calls.minutes in last 3 days)');
SELECT definition, events FROM kept ORDER BY 1;
SELECT minutes_1, minutes_7, minutes_45, mean, longest_this_month FROM profile WHERE customer_id = 1;
SELECT * FROM segment.verify();
DROP VIEW kept;
SELECT segment.detach_source('calls', cascade => true);

-- a window goes with its last user
SELECT segment.drop_trait('day');
SELECT segment.drop_trait('orders_30d', cascade => true);
SELECT definition FROM segment.stored_trait WHERE source = 'visits' OR definition LIKE '%in last 30 days%' ORDER BY 1;

SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_window CASCADE;
