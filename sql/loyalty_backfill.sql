-- Rows that are there when a rule is made earn if it is said, by their times, once; and
-- what a rule would have granted can be asked before.
CREATE SCHEMA shop_backfill;
SET search_path = shop_backfill, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-06-10 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
INSERT INTO orders VALUES (1, 1, 100.5, '2025-05-01 10:00+00'), (2, 1, 50, '2025-07-01 10:00+00'), (3, 1, 30, '2026-06-08 10:00+00'), (4, 2, 20, '2026-06-01 10:00+00'),
    (5, 2, 20, '2026-06-01 11:00+00'), (6, 3, 500, '2026-06-01 10:00+00'), (7, 2, NULL, '2026-06-01 10:00+00'), (8, 1, 7, NULL), (9, 2, 'NaN', '2026-06-01 10:00+00');
SELECT segment.create_population('past', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club', expires => 'after 12 months', pending => '5 days');
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
\pset format unaligned
\pset tuples_only on
SELECT * FROM segment.what_if_earning('club', 'orders.amount');
SELECT * FROM segment.what_if_earning('club', 'orders.amount * 1.5 where amount > 20', period => 'year');
SELECT * FROM segment.what_if_earning('club', 'orders.amount', cap => 25, per => 'day');
SELECT * FROM segment.what_if_earning('club', 'orders.amount - 25', cap => 5, per => 'ever', period => 'quarter');
SELECT count(*) FROM segment.earning;

-- of 2025-05-01 nothing is left, of 2025-07-01 until July; what is of two days ago is pending for three more; no member, no points
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id', backfill => true);
SELECT rule, version, valid_from FROM segment.earning ORDER BY rule, version;
SELECT key, ref, raw, points FROM segment_data.past_club_granted ORDER BY ref;
SELECT key, granted, active_at, expires_at FROM segment_data.past_club_lot ORDER BY key, expires_at, lot;
SELECT customer_id, club_balance, club_pending FROM past ORDER BY 1;
-- from now on it is a rule as others are
INSERT INTO orders VALUES (10, 2, 1);
UPDATE orders SET amount = amount - 10 WHERE order_id IN (1, 2, 4);
DELETE FROM orders WHERE order_id = 5;
SELECT key, ref, raw, points FROM segment_data.past_club_granted ORDER BY ref;
-- once more: rows that have earned by the rule do not earn again, others do
INSERT INTO orders VALUES (11, 3, 40);
SELECT segment.join_program('club', 3, 'C');
SELECT segment.create_earning('club', 'orders', 'orders.amount * 10', ref => 'order_id', backfill => true, valid_from => '2026-06-02', cap => 300, per => 'day');
SELECT key, ref, version, points FROM segment_data.past_club_granted ORDER BY ref;
-- under a cap, and with rows that earn less than nothing, it is what these rows earn
SELECT setseed(.5);
CREATE TABLE visits ("{member}" bigint PRIMARY KEY, customer_id bigint, amount numeric, note text, at timestamptz);
CREATE INDEX ON visits (customer_id, at);
INSERT INTO visits SELECT i, 1 + i % 2, round((random() * 30 - 8)::numeric, 1), CASE WHEN i % 3 > 0 THEN '{lot}' ELSE '{entry}' END,
    timestamptz '2026-01-01 10:00+00' + random() * interval '100 days' FROM generate_series(1, 600) AS i;
INSERT INTO visits VALUES (601, 1, 5, '{lot}', 'infinity'), (602, 1, 5, '{lot}', NULL), (603, 1, 'NaN', '{lot}', '2026-01-05 10:00+00');
SELECT segment.attach_source('visits', at => 'at');
CREATE FUNCTION compare(program name, cap bigint, per text) RETURNS TABLE (cap_and_period text, said numeric, granted numeric, differ bigint) LANGUAGE plpgsql AS $$
DECLARE
    amount text := 'visits.amount where note = "{lot}"';
BEGIN
    PERFORM segment.create_program(program), segment.join_program(program, 1), segment.join_program(program, 2);
    CREATE TEMP TABLE said ON COMMIT DROP AS SELECT * FROM segment.what_if_earning(program, amount, NULL, 'week', cap, per);
    PERFORM segment.create_earning(program, 'visits', amount, ref => '{member}', cap => cap, per => per, backfill => true);
    RETURN QUERY EXECUTE format('WITH granted AS (SELECT date_trunc(''week'', v.at AT TIME ZONE ''UTC'') AT TIME ZONE ''UTC'' AS start,
            count(*) FILTER (WHERE points <> 0) AS rows, count(DISTINCT key) FILTER (WHERE points <> 0) AS customers, sum(points) AS points
            FROM segment_data.past_%s_granted JOIN visits AS v ON "{member}" = ref::bigint WHERE rule = ''visits'' GROUP BY 1)
        SELECT %L, (SELECT sum(points) FROM said), (SELECT sum(points) FROM granted), (SELECT count(*) FROM ((SELECT start, rows, customers, points FROM said WHERE rows > 0
            EXCEPT TABLE granted) UNION ALL (TABLE granted EXCEPT SELECT start, rows, customers, points FROM said)) AS x)', program, concat(cap, ' a ', per));
    DROP TABLE said;
END $$;
SELECT cap_and_period, said > 100 AND said = granted AS same, differ FROM compare('none', NULL, NULL);
SELECT cap_and_period, said > 100 AND said = granted AS same, differ FROM compare('daily', 12, 'day');
SELECT cap_and_period, said > 100 AND said = granted AS same, differ FROM compare('weekly', 40, 'week');
SELECT cap_and_period, said > 100 AND said = granted AS same, differ FROM compare('ever', 100, 'ever');
-- many customers, more than are granted at once, as of when each was decided last
SELECT segment.create_program('miles', expires => 'after 3 months without activity');
INSERT INTO orders SELECT 1000 + i, 10 + i % 500, i % 10, '2026-06-09 10:00+00' FROM generate_series(1, 11000) AS i;
SELECT count(segment.join_program('miles', customer_id)) FROM (SELECT DISTINCT customer_id FROM orders WHERE order_id > 1000 UNION SELECT 1) AS c;
SELECT * FROM segment.what_if_earning('miles', 'orders.amount', period => 'year', cap => 50, per => 'month');
SELECT segment.create_earning('miles', 'orders', 'orders.amount', ref => 'order_id', backfill => true, cap => 50, per => 'month');
SELECT sum(miles_balance), count(*) FILTER (WHERE miles_balance > 0), max(miles_balance) FROM past;
SELECT sum(least(amount, 50)) FROM (SELECT customer_id, date_trunc('month', at), sum(amount) AS amount FROM orders WHERE order_id > 1000 OR customer_id = 1 AND at IS NOT NULL GROUP BY 1, 2) AS o;
SELECT DISTINCT expires_at FROM segment_data.past_miles_lot;
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify_program('miles');
SELECT * FROM segment.verify();
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
SELECT outcome($$SELECT segment.create_earning('club', 'x', 'orders.amount', 'club.balance > 5', ref => 'order_id', backfill => true)$$);
SELECT outcome(format('SELECT segment.what_if_earning(''club'', %s)', what)) FROM unnest(ARRAY['NULL', '''orders.amount'', ''club.balance > 5''', '''orders.amont''', '''orders.amount'', period => ''hour''', '''orders.amount'', cap => 5']) AS what;
SET client_min_messages = warning;
SELECT segment.drop_population('past', cascade => true);
DROP SCHEMA shop_backfill CASCADE;
