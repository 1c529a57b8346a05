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
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_so_far CASCADE;
