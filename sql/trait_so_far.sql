-- What is dated in the future: points that expire, and others that are pending.
CREATE SCHEMA shop_so_far;
SET search_path = shop_so_far;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-03-10 12:00+00';
CREATE TABLE entries (customer_id bigint, points int, kind text, at timestamptz);
CREATE INDEX ON entries (customer_id, at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('entries', at => 'at');
SELECT segment.create_trait('balance', 'sum(entries.points so far)');
SELECT segment.create_trait('earned', 'count(entries of kind "earn" so far)');
SELECT segment.create_trait('all_entries', 'count(entries)');
SELECT segment.create_audience('rich', 'balance >= 500');
SELECT segment.create_audience('began', 'did entries so far');
-- 600 points from 15 March on, good until the end of next year; 200 of them are spent in April
INSERT INTO entries VALUES (1, 600, 'earn', '2026-03-15 12:00+00'), (1, -600, 'expire', '2028-01-01'),
    (1, -200, 'redeem', '2026-04-01'), (1, 200, 'expire', '2028-01-01'), (2, 50, 'earn', NULL), (2, 10, 'earn', '-infinity'),
    (2, 9, 'earn', 'infinity');
SELECT * FROM profile ORDER BY 1;
SELECT segment.next_change('rich', 1), segment.next_change('began', 1), segment.next_change('began', 2);
SET segment.now = '2026-03-15 11:59:59.999999+00';
SELECT * FROM profile ORDER BY 1;
SET segment.now = '2026-03-15 12:00+00';
SELECT * FROM profile ORDER BY 1;
SELECT segment.forecast('rich', '2026-03-31'), segment.forecast('rich', '2026-04-02');
SET segment.now = '2027-12-31 23:59:59+00';
SELECT balance FROM profile WHERE customer_id = 1;
SET segment.now = '2028-01-01 00:00+00';
SELECT * FROM profile ORDER BY 1;
SELECT sum(folded) > 0 AS folded FROM segment.tick();
SELECT audience, key, change, at, cause FROM segment.transition ORDER BY seq;
SELECT definition FROM segment.stored_trait ORDER BY definition COLLATE "C";
SELECT 'sum(entries.points where (good) so far) > 1 and did not entries so far'::segment.filter;
SELECT 'sum(entries.points so) > 1'::segment.filter;
SELECT * FROM segment.verify();

-- What is to come: bookings, from when they are made until their day.
SET segment.now = '2029-01-30 12:00+00';
CREATE TABLE bookings (customer_id bigint, nights int, hotel text, good boolean DEFAULT true, arrives timestamptz);
CREATE INDEX ON bookings (customer_id, arrives);
SELECT segment.attach_source('bookings', at => 'arrives');
SELECT segment.create_traits('{"ahead": "count(bookings to come)", "soon": "sum(bookings.nights in next 30 days)",
    "in_a_month": "count(bookings in next 1 month)", "next_hotel": "first(bookings.hotel to come)",
    "last_day": "max(bookings.arrives to come)", "hotels": "list(distinct bookings.hotel in next year)",
    "next_week": "did bookings in next week", "average": "avg(bookings.nights where (good) in next 1 quarter)"}');
SELECT segment.create_audience('guests', 'did bookings in next 1 month');
SELECT segment.create_audience('busy', 'sum(bookings.nights to come) > 5');
INSERT INTO bookings VALUES (7, 2, 'Strand', true, '2029-03-01 15:00+00'), (7, 4, 'Harbour', true, '2029-03-31 15:00+00'),
    (7, 1, 'Past', true, '2029-01-30 12:00+00'), (7, 9, 'Never', true, 'infinity'), (7, 9, 'Ever', true, '-infinity'),
    (8, 1, 'Harbour', false, '2029-02-05 15:00+00'), (8, 3, 'Inn', true, '2030-06-01'), (9, 1, 'None', true, NULL);
SELECT * FROM profile WHERE customer_id BETWEEN 7 AND 9 ORDER BY 1;
-- on 31 January it is a month until 1 March, by its own day: 1 March less a month is 1 February
SELECT a, segment.next_change(a, k) FROM unnest('{guests,busy}'::name[]) AS a, unnest('{7,8}'::bigint[]) AS k ORDER BY 1, 2;
SELECT * FROM segment.explain('guests', 7);
SELECT segment.forecast('guests', at) FROM unnest('{2029-02-01 15:00, 2029-02-01 14:59:59.999999}'::timestamptz[]) AS at;
SET segment.now = '2029-02-01 14:59:59.999999+00';
SELECT customer_id, in_a_month, soon, next_week FROM profile WHERE customer_id IN (7, 8) ORDER BY 1;
SET segment.now = '2029-02-01 15:00+00';
SELECT customer_id, in_a_month, soon, next_week FROM profile WHERE customer_id IN (7, 8) ORDER BY 1;
SELECT segment.size('guests');
DELETE FROM bookings WHERE hotel = 'Strand';
UPDATE bookings SET arrives = '2029-03-01 15:00:00.000001+00' WHERE hotel = 'Harbour';
SELECT customer_id, ahead, soon, in_a_month, next_hotel FROM profile WHERE customer_id IN (7, 8) ORDER BY 1;
SET segment.now = '2029-03-02 00:00+00';
SELECT sum(folded) > 0 AS folded FROM segment.tick();
SELECT audience, key, change, at, cause FROM segment.transition WHERE audience IN ('guests', 'busy') ORDER BY seq;
-- all of them are read off one series, which the longest window behind now keeps
SELECT segment.create_trait('recent', 'sum(bookings.nights in last 1 week)');
SELECT segment.create_traits('{"a": "count(bookings where (good) in next week)", "b": "count(bookings where (good) in next month)"}');
SELECT definition FROM segment.stored_trait WHERE source = 'bookings' ORDER BY definition COLLATE "C";
SELECT * FROM segment.verify();

-- A ledger: what is due is one number, and what is to come stands beside it.
CREATE TABLE ledger (customer_id bigint, id int, points numeric, weight float8, note jsonb, at timestamptz);
CREATE INDEX ON ledger (customer_id, at);
SELECT segment.attach_source('ledger', at => 'at');
SELECT segment.create_traits('{"purse": "sum(ledger.points so far)", "lines": "count(ledger so far)", "noted": "count(ledger.note so far)",
    "mean": "avg(ledger.points so far)", "most": "max(ledger.points so far)", "pounds": "sum(ledger.weight so far)"}');
SELECT segment.create_audience('purse_full', 'purse >= 100 and lines > 3');
CREATE VIEW by_hand AS SELECT customer_id, coalesce(sum(points), 0) AS purse, count(*) AS lines, count(note) AS noted, avg(points) AS mean,
    max(points) AS most, coalesce(sum(weight), 0) AS pounds FROM ledger WHERE at <= segment.now() GROUP BY 1;
CREATE FUNCTION wrong() RETURNS TABLE (customer bigint, shown text, by_hand text) LANGUAGE sql AS $$
    SELECT customer_id, p::text, h::text
    FROM (SELECT customer_id, purse, lines, noted, mean, most, pounds FROM profile WHERE lines > 0) AS p
        FULL JOIN (SELECT * FROM by_hand) AS h USING (customer_id)
    WHERE (p.purse, p.lines, p.noted, round(p.mean, 6), p.most, p.pounds) IS DISTINCT FROM (h.purse, h.lines, h.noted, round(h.mean, 6), h.most, h.pounds)
    UNION ALL SELECT NULL, definition, concat_ws(' ', key, stored, expected) FROM segment.verify()
$$;
-- how many events a profile keeps one by one, how many are settled, and since when
CREATE FUNCTION kept(OUT customer bigint, OUT one_by_one bigint, OUT settled bigint, OUT until timestamptz)
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    s name := (SELECT stored FROM segment.stored_trait WHERE definition = 'count(ledger so far)');
BEGIN
    RETURN QUERY EXECUTE format('SELECT customer_id, segment.series_count(segment.series_joined(%1$I, %2$I, %3$I), NULL, NULL, NULL), %4$I, %5$I
        FROM segment_data.profile WHERE customer_id IN (31, 32) ORDER BY 1', s, s || '_middle', s || '_body', s || '_settled', s || '_until');
END $$;
SET segment.now = '2029-05-10 12:00+00';
INSERT INTO ledger SELECT 31, n, n % 9 + 0.5, n, CASE WHEN n % 2 = 0 THEN '{}'::jsonb END, segment.now() - n * interval '7 hours'
FROM generate_series(-3, 100) AS n;
SELECT * FROM kept();
SELECT customer_id, purse, lines, noted, most, pounds FROM profile WHERE customer_id = 31;
SELECT * FROM wrong();
-- those that have been due for a day are settled by the next one, once a day
SET segment.now = '2029-05-11 11:59:59+00';
INSERT INTO ledger VALUES (31, 200, 1, 1, NULL, '2029-05-11 11:00+00'), (32, 201, 7, 1, NULL, '2029-06-01');
SELECT * FROM kept();
SET segment.now = '2029-05-11 12:00+00';
INSERT INTO ledger VALUES (31, 202, 1, 1, NULL, '2029-05-11 12:00+00');
SELECT * FROM kept();
SELECT * FROM wrong();
-- late, gone, changed and moved, whether settled or not
INSERT INTO ledger VALUES (31, 203, 40, 1, '1', '2020-01-01'), (31, 204, 2, 1, '1', '-infinity'), (31, 205, 3, 1, '1', 'infinity'), (31, 206, 4, 1, '1', NULL);
DELETE FROM ledger WHERE id IN (50, 60, 2, -1, 200);
UPDATE ledger SET points = points + 1 WHERE id IN (70, 1, -2, 203);
UPDATE ledger SET at = at - interval '30 days' WHERE id IN (71, 0, -3);
UPDATE ledger SET at = at + interval '30 days' WHERE id IN (72, 3);
UPDATE ledger SET customer_id = 32 WHERE id IN (73, 202);
SELECT * FROM kept();
SELECT customer_id, purse, lines, noted, most, pounds FROM profile WHERE customer_id IN (31, 32) ORDER BY 1;
SELECT * FROM wrong();
-- what cannot be subtracted is read again
INSERT INTO ledger VALUES (31, 300, 'NaN', 1, NULL, '2029-01-01'), (32, 301, 'infinity', 1, NULL, '2029-01-01'), (32, 302, '9e131071', 1, NULL, '2029-01-01'),
    (32, 303, '9e131071', 1, NULL, '2029-01-02');
SELECT customer_id, purse FROM profile WHERE customer_id IN (31, 32) ORDER BY 1;
DELETE FROM ledger WHERE id IN (300, 301);
SELECT customer_id, purse FROM profile WHERE customer_id IN (31, 32) ORDER BY 1;
DELETE FROM ledger WHERE id = 303;
SELECT customer_id, length(purse::text) FROM profile WHERE customer_id = 32;
DELETE FROM ledger WHERE id = 302;
SELECT * FROM wrong();
-- as time passes nothing is written
SET segment.now = '2029-06-20 12:00+00';
SELECT * FROM kept();
SELECT * FROM wrong();
SELECT a, segment.next_change('purse_full', a), segment.is_member('purse_full', a) FROM unnest('{31,32}'::bigint[]) AS a;
SELECT segment.rebuild('profile');
SELECT * FROM kept();
SELECT * FROM wrong();
CALL segment.create_traits_concurrently('{"spent": "sum(ledger.points where points > 5 so far)"}');
SELECT customer_id, spent FROM profile WHERE customer_id IN (31, 32) ORDER BY 1;
TRUNCATE ledger;
SELECT * FROM kept();
INSERT INTO ledger VALUES (31, 1, 5, 1, NULL, '2029-06-01'), (31, 2, 6, 1, NULL, '2029-06-20');
SELECT * FROM kept();
SELECT * FROM wrong();
SELECT definition FROM segment.stored_trait WHERE source = 'ledger' ORDER BY definition COLLATE "C";
SELECT segment.drop_audience('purse_full');
SELECT segment.drop_trait(t) FROM unnest('{mean,purse,lines,noted,most,pounds,spent}'::name[]) AS t;
SELECT definition FROM segment.stored_trait WHERE source = 'ledger';
SELECT segment.verify();
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_so_far CASCADE;
