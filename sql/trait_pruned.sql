-- Traits with a window read the partitions that can hold it, and no others:
-- when they are created, beside writers or not, and when they are read again.
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET segment.now = '2026-06-20 12:00+00';
CREATE SCHEMA pruned;
SET search_path = pruned, public;
SELECT segment.create_population('visitor', key => 'customer_id', key_type => 'bigint', timezone => 'Pacific/Auckland');
CREATE TABLE visit (customer_id bigint, at timestamptz, seconds integer) PARTITION BY RANGE (at);
CREATE TABLE visit_past PARTITION OF visit FOR VALUES FROM (MINVALUE) TO ('2026-04-01+00');
CREATE TABLE visit_april PARTITION OF visit FOR VALUES FROM ('2026-04-01+00') TO ('2026-05-01+00');
CREATE TABLE visit_may PARTITION OF visit FOR VALUES FROM ('2026-05-01+00') TO ('2026-06-01+00');
CREATE TABLE visit_june PARTITION OF visit FOR VALUES FROM ('2026-06-01+00') TO ('2026-07-01+00');
INSERT INTO visit SELECT n % 5, '2026-06-25+00'::timestamptz - n * interval '3 days', n FROM generate_series(1, 60) n;
INSERT INTO visit VALUES (9, '2026-01-01+00', 1);
-- days, and local times, of the population's zone
CREATE TABLE call (customer_id bigint, day date, minutes integer) PARTITION BY RANGE (day);
CREATE TABLE call_past PARTITION OF call FOR VALUES FROM (MINVALUE) TO ('2026-05-01');
CREATE TABLE call_may PARTITION OF call FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE TABLE call_june PARTITION OF call FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
CREATE TABLE mail (customer_id bigint, sent timestamp, words integer) PARTITION BY RANGE (sent);
CREATE TABLE mail_past PARTITION OF mail FOR VALUES FROM (MINVALUE) TO ('2026-06-12 00:00');
CREATE TABLE mail_june PARTITION OF mail FOR VALUES FROM ('2026-06-12 00:00') TO ('2026-07-01');
INSERT INTO call SELECT n % 5, '2026-06-25'::date - n, n FROM generate_series(1, 90) n;
INSERT INTO mail SELECT n % 5, '2026-06-25'::timestamp - n * interval '7 hours', n FROM generate_series(1, 90) n;
SELECT segment.attach_source('visit', at => 'at');
SELECT segment.attach_source('call', at => 'day');
SELECT segment.attach_source('mail', at => 'sent');
CREATE FUNCTION scanned() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_stat_xact_user_tables WHERE schemaname = 'pruned' AND seq_scan + coalesce(idx_scan, 0) > 0 $$;

SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_trait('seconds', 'sum(visit.seconds in last 30 days)');
SELECT scanned();
ROLLBACK;
SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_trait('since', 'count(visit since "2026-04-10")');
SELECT scanned();
ROLLBACK;
-- two windows: either of them
SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_traits('{"seconds": "sum(visit.seconds in last 10 days)", "days": "count(visit in this month)"}');
SELECT scanned();
ROLLBACK;
-- what has no window reads all, and so does one that has only an end
SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_trait('longest', 'max(visit.seconds)');
SELECT scanned();
ROLLBACK;
SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_trait('longest', 'sum(visit.seconds before "2026-04-10")');
SELECT scanned();
ROLLBACK;
SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_trait('minutes', 'sum(call.minutes in last 15 days)');
SELECT scanned();
ROLLBACK;
SELECT pg_stat_force_next_flush() \g (format=unaligned tuples_only=on)
BEGIN;
SELECT segment.create_trait('words', 'sum(mail.words in last 5 days)');
SELECT scanned();
ROLLBACK;

-- and they are right
SELECT segment.create_trait('seconds', 'sum(visit.seconds in last 30 days)');
SELECT segment.create_trait('minutes', 'sum(call.minutes in last 15 days)');
SELECT segment.create_trait('words', 'sum(mail.words in last 5 days)');
CALL segment.create_traits_concurrently('{"calls": "count(call in last 3 days)", "since": "list(distinct visit.seconds since ''2026-05-28'')"}');
SELECT * FROM segment.verify();
SELECT customer_id, seconds, minutes, words, calls FROM visitor ORDER BY 1;
SELECT customer_id,
	coalesce(sum(seconds) FILTER (WHERE at <= segment.now() AND at + '30 days' > segment.now()), 0) AS seconds,
	(SELECT coalesce(sum(minutes), 0) FROM call c WHERE c.customer_id = v.customer_id AND day::timestamp AT TIME ZONE 'Pacific/Auckland' <= segment.now()
		AND (day + interval '15 days') AT TIME ZONE 'Pacific/Auckland' > segment.now()) AS minutes,
	(SELECT coalesce(sum(words), 0) FROM mail m WHERE m.customer_id = v.customer_id AND sent AT TIME ZONE 'Pacific/Auckland' <= segment.now()
		AND (sent + interval '5 days') AT TIME ZONE 'Pacific/Auckland' > segment.now()) AS words,
	(SELECT count(*) FROM call c WHERE c.customer_id = v.customer_id AND day::timestamp AT TIME ZONE 'Pacific/Auckland' <= segment.now()
		AND (day + interval '3 days') AT TIME ZONE 'Pacific/Auckland' > segment.now()) AS calls
FROM visit v GROUP BY 1 ORDER BY 1;

-- customers who are read again
CREATE FUNCTION scans() RETURNS TABLE (relname name, scans bigint) LANGUAGE sql AS $$
	SELECT relname, seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE schemaname = 'pruned' AND relname ~ '^visit_' $$;
SELECT pg_stat_force_next_flush();
CREATE TEMP TABLE before AS SELECT * FROM scans();
ALTER TABLE visit DETACH PARTITION visit_may CONCURRENTLY;
SELECT pg_stat_force_next_flush();
SELECT s.relname, s.scans > b.scans AS scanned FROM scans() s JOIN before b USING (relname) ORDER BY 1;
SELECT * FROM segment.verify();
SELECT segment.drop_population('visitor', cascade => true);
DROP SCHEMA pruned CASCADE;
