-- What becomes of points that are taken back after they were spent, and of points
-- that activity keeps alive.
CREATE SCHEMA shop_returns;
SET search_path = shop_returns, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Ben');
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.create_program('debt', expires => 'after 1 year'), segment.create_program('forgive', expires => 'after 1 year', returns => 'forgive'),
    segment.create_program('kind', expires => 'after 1 year', pending => '14 days', returns => 'pending only');
SELECT segment.join_program(p, 1, 'A') FROM unnest(ARRAY['debt', 'forgive', 'kind']) AS p;
CREATE VIEW ada AS SELECT debt_balance, forgive_balance, kind_balance, debt_earned, forgive_earned, kind_earned FROM guest WHERE customer_id = 1;
CREATE TABLE made (program name, movement bigint);

-- 100 are earned and spent, and then the order is returned
INSERT INTO made SELECT p, segment.earn(p, 1, 100) FROM unnest(ARRAY['debt', 'forgive', 'kind']) AS p;
SELECT segment.redeem('debt', 1, 80), segment.redeem('forgive', 1, 80);
SELECT * FROM ada;
SET segment.now = '2026-01-10 10:00+00';
SELECT segment.reverse(program, movement, 50) FROM made ORDER BY program;
SELECT * FROM ada;
SELECT points, kind, contra, at, lot FROM segment.why('debt', 3);
SELECT points, kind, contra, at, lot FROM segment.why('forgive', 3);
SELECT points, kind, contra, at, lot FROM segment.why('kind', 2);
-- a debt is paid off by what comes next, also by what is pending
SELECT segment.redeem('debt', 1, 1);
SELECT segment.earn('debt', 1, 10), segment.earn('debt', 1, 50, pending => '7 days');
SELECT debt_balance FROM ada;
SELECT jsonb_path_query_array(segment.card('debt', 1), '$.pending') AS pending;
SET segment.now = '2026-01-17 10:00+00';
SELECT debt_balance FROM ada;
SELECT segment.redeem('debt', 1, 31);
SELECT segment.redeem('debt', 1, 30);
SELECT * FROM segment.liability('debt', '2026-01-11 00:00+00'::timestamptz);
-- what other lots have pays at once
SELECT segment.earn('debt', 1, 40), segment.earn('debt', 1, 40);
SELECT segment.redeem('debt', 1, 50), segment.reverse('debt', 9);
SELECT debt_balance FROM ada;
SELECT lot, granted, remaining FROM segment_data.guest_debt_lot ORDER BY lot;
-- points that are active are the customer's, where only pending ones go back
SELECT segment.reverse('kind', movement) FROM made WHERE program = 'kind';
SELECT kind_balance, kind_earned FROM ada;
-- points that have expired are not taken twice
SELECT segment.earn('debt', 1, 5, expires => '2026-01-20') AS movement;
SET segment.now = '2026-01-21 10:00+00';
SELECT debt_balance FROM ada;
SELECT segment.reverse('debt', (SELECT max(movement) FROM segment_data.guest_debt_movement)) AS movement;
SELECT debt_balance FROM ada;
-- what is spent of a hold that was still open when its lot expired
SELECT segment.earn('debt', 1, 100, expires => '2026-01-25') AS earned, segment.hold('debt', 1, 100, '7 days') AS held;
SET segment.now = '2026-01-27 10:00+00';
SELECT debt_balance FROM ada;
SELECT segment.settle('debt', (SELECT max(movement) FROM segment_data.guest_debt_hold), 60);
SELECT debt_balance FROM ada;

-- activity keeps points: one lot, whose expiry moves
SELECT segment.create_program('visits', expires => 'after 3 months without activity', pending => '2 days');
SELECT segment.join_program('visits', 1, 'A'), segment.join_program('visits', 2, 'B');
SELECT segment.earn('visits', 1, 100, pending => 'none');
SET segment.now = '2026-02-27 10:00+00';
SELECT segment.earn('visits', 1, 50), segment.earn('visits', 1, 7, pending => 'none');
SELECT lot, granted, remaining, active_at, expires_at FROM segment_data.guest_visits_lot WHERE key = 1 ORDER BY lot;
SET segment.now = '2026-03-10 10:00+00';
SELECT segment.hold('visits', 1, 20, '1 hour') AS hold;
SET segment.now = '2026-03-10 10:30+00';
SELECT segment.redeem('visits', 1, 30);
SELECT lot, granted, remaining, active_at, expires_at FROM segment_data.guest_visits_lot WHERE key = 1 ORDER BY lot;
SET segment.now = '2026-06-10 10:29:59+00';
SELECT visits_balance FROM guest WHERE customer_id = 1;
SET segment.now = '2026-06-10 10:30+00';
SELECT visits_balance FROM guest WHERE customer_id = 1;
SELECT at, kind, movement, points, balance FROM segment.statement('visits', 1);
SELECT segment.earn('visits', 1, 5, expires => 'never');
SELECT segment.earn('visits', 1, 5, pending => 'none'), segment.give('visits', 1, 2, 3);
SELECT key, granted, remaining, expires_at FROM segment_data.guest_visits_lot WHERE remaining > 0 ORDER BY lot;

-- each account of the programs adds up, and so does all else
SELECT 'debt' AS program, contra, sum(points) FROM segment_data.guest_debt_entry GROUP BY contra
UNION ALL SELECT 'visits', contra, sum(points) FROM segment_data.guest_visits_entry GROUP BY contra ORDER BY 1, 2;
SELECT program, v.* FROM segment.program AS p, segment.verify_program(p.program) AS v;
SELECT * FROM segment.verify();
-- two customers whose clocks differ, as one of them was served by a later transaction:
-- what is held of the giver is held still, and what comes does not come before it went
SELECT segment.create_program('skew', expires => 'after 1 year');
SET segment.now = '2027-01-01 09:00+00';
SELECT segment.join_program('skew', 1, '1'), segment.join_program('skew', 2, '2'), segment.earn('skew', 1, 100) > 0 AS earned;
SELECT segment.hold('skew', 1, 100, timestamptz '2027-01-01 10:03+00') > 0 AS held;
SET segment.now = '2027-01-01 10:05+00';
SELECT segment.earn('skew', 2, 1) > 0 AS earned;
SET segment.now = '2027-01-01 10:00+00';
SELECT segment.give('skew', 1, 2, 60);
SELECT segment.earn('skew', 1, 100) > 0 AS earned;
SELECT segment.give('skew', 1, 2, 60) > 0 AS given;
SELECT segment.redeem('skew', 1, 40) > 0 AS spent;
SELECT key, at, points, sum(points) OVER (PARTITION BY lot ORDER BY at, movement, entry) AS left_over FROM segment_data.guest_skew_entry WHERE contra IN ('gift', 'redeemed') ORDER BY movement, entry;
SELECT lot, at, left_over FROM (SELECT lot, at, sum(sum(points)) OVER (PARTITION BY lot ORDER BY at) AS left_over FROM segment_data.guest_skew_entry GROUP BY lot, at) AS e WHERE left_over < 0;
-- and the other way round
SELECT segment.give('skew', 2, 1, 30) > 0 AS given;
SELECT key, at, points FROM segment_data.guest_skew_entry WHERE contra = 'gift' ORDER BY movement DESC, entry LIMIT 2;
SELECT * FROM segment.verify_program('skew');
SET client_min_messages = warning;
SELECT segment.drop_program('skew', cascade => true);
RESET client_min_messages;
RESET segment.now;

-- verify_program notices what is wrong
SET segment.capture = off;
UPDATE segment_data.guest_debt_lot SET remaining = granted, spent = false WHERE lot = 1;
UPDATE segment_data.guest_debt_movement SET points = 99 WHERE movement = 1;
DELETE FROM segment_data.guest_debt_entry WHERE movement = 2 AND entry = 2;
UPDATE segment_data.guest_debt_entry SET key = 2 WHERE movement = 3 AND entry = 1;
UPDATE segment_data.guest_debt_hold SET points = 1;
DELETE FROM segment_data.guest_visits_movement WHERE movement = 1;
UPDATE segment_data.guest_visits_entry SET points = points + 1 WHERE contra = 'gift' AND points > 0;
RESET segment.capture;
SELECT program, v.* FROM segment.program AS p, segment.verify_program(p.program) AS v ORDER BY 1, 2, 4;
SET client_min_messages = warning;
DROP VIEW ada;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_returns CASCADE;
