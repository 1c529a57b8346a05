-- Points of a coffee club: earned, spent, taken back, set aside, given away.  What
-- time will do is written ahead: only the clock is turned here.
CREATE SCHEMA shop_ledger;
SET search_path = shop_ledger, public;
SET timezone = 'UTC';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Ben'), (3, 'Cleo');
SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.create_program('club', expires => 'after 12 months', bonus => 10, description => 'for the coffee');
SELECT program, unit, expires, pending, rounding, returns, bonus, description, entry FROM segment.program;
SELECT source, relation, key, at FROM segment.source ORDER BY 1;

-- who joins gets a code for the till, and the bonus once
SELECT segment.join_program('club', 1, 'A-1'), segment.join_program('club', 2, 'B-2');
SELECT segment.join_program('club', 1), segment.member_key('club', 'B-2'), segment.member_key('club', 'C-3');
SELECT length(code) AS digits, code ~ '^[0-9]+$' AS only_digits FROM segment.join_program('club', 3) AS code;
SELECT segment.leave_program('club', 3);
SELECT segment.join_program('club', 3, 'C-3');
SELECT customer_id, club_balance, club_earned, club_redeemed, club_code, club_joined_at, club_left_at FROM guest ORDER BY 1;

-- 100 until 31 January and 100 until 28 February; 100 spent on 15 January are
-- those that expire first, so 100 are left on 1 February
SELECT segment.earn('club', 1, 100, expires => '2026-01-31', ref => 'review 1') AS first,
    segment.earn('club', 1, 100, expires => '2026-02-28', ref => 'review 2') AS second;
SET segment.now = '2026-01-15 10:00+00';
SELECT segment.redeem('club', 1, 100, ref => 'mug') AS movement;
SET segment.now = '2026-02-01 10:00+00';
SELECT club_balance FROM guest WHERE customer_id = 1;
SELECT at, kind, movement, points, balance, due, ref, note FROM segment.statement('club', 1);
SELECT jsonb_pretty(segment.card('club', 1));
SELECT entry, points, kind, contra, at, lot, granted_by, expires_at, key, ref FROM segment.why('club', 6);
-- at each instant the balance is that which plain SQL gives
CREATE FUNCTION balances(customer bigint, VARIADIC instants text[]) RETURNS TABLE (at timestamptz, balance numeric, plain bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH at IN ARRAY instants LOOP
        PERFORM set_config('segment.now', at::text, true);
        balance := (SELECT club_balance FROM guest WHERE customer_id = customer);
        plain := (SELECT coalesce(sum(points), 0) FROM segment_data.guest_club_entry AS e WHERE key = customer AND e.at <= balances.at);
        RETURN NEXT;
    END LOOP;
END $$;
BEGIN;
SELECT * FROM balances(1, '2026-01-01 10:00+00', '2026-01-15 10:00+00', '2026-01-31 23:00+00',
    '2026-02-28 22:59:59.999999+00', '2026-02-28 23:00+00', '2027-01-01 09:59+00', '2027-01-01 10:00+00');
ROLLBACK;

-- more than can be spent; what is pending and held is told
SELECT segment.earn('club', 1, 40, pending => '14 days') AS movement;
SELECT segment.hold('club', 1, 30, '2 hours', ref => 'table 7') AS movement;
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
SELECT segment.redeem('club', 1, 100);
SELECT outcome($$SELECT segment.redeem('club', 1, 100)$$);
-- a hold lapses by itself
SET segment.now = '2026-02-01 12:00+00';
SELECT club_balance FROM guest WHERE customer_id = 1;
SELECT segment.redeem('club', 1, 100) AS movement;
SELECT club_balance FROM guest WHERE customer_id = 1;
SELECT movement, points, until, state FROM segment_data.guest_club_hold;
-- it is settled with less, or released; not twice, and not with more
SELECT segment.hold('club', 2, 10) AS movement;
SELECT segment.settle('club', 10, 4, ref => 'coffee') AS movement;
SELECT segment.settle('club', 10, 4);
SELECT segment.hold('club', 2, 6, '2026-02-02 12:00+00'::timestamptz) AS movement;
SELECT segment.settle('club', 12, 7);
SELECT segment.release('club', 12, token => 'r'), segment.release('club', 12, token => 'r');
SELECT at, kind, movement, points, balance, due FROM segment.statement('club', 2);
SELECT segment.settle('club', 8);

-- a token makes a request the same one
SELECT segment.earn('club', 2, 7, token => 'x', ref => 'order 5'), segment.earn('club', 2, 7, token => 'x', ref => 'order 5');
SELECT segment.earn('club', 2, 8, token => 'x', ref => 'order 5');
SELECT segment.redeem('club', 2, 7, token => 'x');
SELECT segment.earn('club', 3, 7, token => 'x', ref => 'order 5');

-- what was spent goes back to its lots, those last that were drawn first
SELECT segment.earn('club', 3, 50, expires => 'end of this month') AS sooner, segment.earn('club', 3, 50) AS later;
SELECT segment.redeem('club', 3, 80) AS movement;
SELECT segment.reverse('club', 17, 40) AS movement;
SELECT lot, granted, remaining, expires_at FROM segment_data.guest_club_lot WHERE key = 3 ORDER BY lot;
SELECT segment.reverse('club', 17) AS movement, segment.reverse('club', 15) AS earned;
SELECT segment.reverse('club', 17);
SELECT segment.reverse('club', 16, 51);
SELECT segment.reverse('club', 18);
SELECT lot, granted, remaining, expires_at FROM segment_data.guest_club_lot WHERE key = 3 ORDER BY lot;
-- buy and refund a thousand times: nothing
SELECT count(segment.reverse('club', segment.earn('club', 3, n))) FROM generate_series(1, 1000) AS n;
SELECT club_balance, club_earned FROM guest WHERE customer_id = 3;

-- points that are given keep their expiry
SELECT segment.give('club', 3, 2, 55, note => 'happy birthday') AS movement;
SELECT granted, remaining, expires_at FROM segment_data.guest_club_lot WHERE key = 2 ORDER BY lot;
SELECT segment.adjust('club', 2, -5, 'counted twice') AS less, segment.adjust('club', 2, 5, 'and once more') AS more;
SELECT customer_id, club_balance FROM guest ORDER BY 1;

-- all agrees, and traits and audiences follow
SELECT segment.create_audience('rich', 'club.balance > 50 and did club_entry where kind = "gift" in last 90 days');
SELECT * FROM rich;
SELECT segment.next_change('rich', 2);
SELECT segment.redeem('club', 2, 30) AS movement;
SELECT * FROM rich;
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify('guest');
-- for the owner
SELECT * FROM segment.liability('club');
SELECT * FROM segment.liability('club', '2027-01-01 00:00+00'::timestamptz);
SELECT * FROM segment.program_report('club', periods => 2);

-- a ledger is only added to, by functions
SELECT split_part(outcome(format(statement, relation)), E'\n', 1) AS outcome FROM unnest(ARRAY['guest_club_entry', 'guest_club_movement', 'guest_club_lot']) AS relation,
    unnest(ARRAY['UPDATE segment_data.%s SET key = key', 'DELETE FROM segment_data.%s', 'TRUNCATE segment_data.%s',
    'INSERT INTO segment_data.%s SELECT * FROM segment_data.%1$s']) AS statement ORDER BY 1;
UPDATE segment_data.guest_club_lot SET remaining = granted;

SELECT segment.drop_program('club');
SET client_min_messages = warning;
SELECT segment.drop_program('club', cascade => true);
SELECT * FROM guest ORDER BY 1;
SELECT * FROM segment.verify('guest');
SELECT segment.create_program('club'), segment.drop_population('guest', cascade => true);
SELECT count(*) FROM segment.program;
SELECT relname FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace AND relname ~ '^guest';
DROP SCHEMA shop_ledger CASCADE;
