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
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_so_far CASCADE;
