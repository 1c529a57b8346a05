-- Tiers of a coffee club: reached, held, left, kept and taken away.  Nothing runs
-- for it: only the clock is turned here.
CREATE SCHEMA shop_tiers;
SET search_path = shop_tiers, public;
SET timezone = 'Europe/Copenhagen';
SET datestyle = 'ISO';
SET segment.now = '2026-03-10 12:00+01';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, status text DEFAULT 'paid', at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club');
SELECT segment.create_tiering('club', 'sum(orders.amount where status = "paid")', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 1000, description => 'free coffee');
SELECT * FROM segment.tiering;
SELECT * FROM segment.tier ORDER BY threshold;
SELECT trait, definition FROM segment.trait WHERE trait ~ 'tier|qualified' ORDER BY position;
CREATE FUNCTION tiers(VARIADIC instants text[]) RETURNS TABLE (at timestamptz, tiers text) LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting('segment.now');
BEGIN
    FOREACH at IN ARRAY instants LOOP
        PERFORM set_config('segment.now', at::text, true);
        tiers := (SELECT string_agg(concat_ws(' ', customer_id, coalesce(club_tier, 'none'), 'until ' || club_tier_until,
            club_points_to_next_tier || ' to the next'), ', ' ORDER BY customer_id) FROM guest);
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('segment.now', before, true);
END $$;
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome

-- only members have tiers; what was bought before counts
INSERT INTO orders VALUES (1, 1, 600), (2, 2, 300);
SELECT * FROM tiers('2026-03-10 12:00+01');
SELECT segment.join_program('club', 1, 'A-1'), segment.join_program('club', 2, 'B-2');
SELECT * FROM tiers('2026-03-10 12:00+01');
SELECT segment.create_audience('golden', 'club.tier = "gold"'), segment.create_audience('almost', 'club.points_to_next_tier < 100');
SELECT segment.create_audience('gone', 'club.tier is not set and did club_step where tier = "gold" in last 90 days');

-- 1050 within one year: gold until the end of the next
SET segment.now = '2026-05-01 12:00+02';
INSERT INTO orders VALUES (3, 1, 450);
SELECT * FROM tiers('2026-05-01 12:00+02');
SELECT * FROM golden;
SELECT * FROM segment.tier_steps('club', 1);
-- she buys 700 more in the year in which she is gold: silver for a year after it, then nothing
SET segment.now = '2027-02-01 12:00+01';
INSERT INTO orders VALUES (4, 1, 700), (5, 2, 450);
SELECT * FROM segment.tier_steps('club', 1);
SELECT * FROM almost ORDER BY 1;
SELECT * FROM tiers('2027-12-31 23:59:59.999999+01', '2028-01-01 00:00+01', '2028-12-31 23:59:59.999999+01', '2029-01-01 00:00+01');
SELECT segment.next_change('golden', 1), segment.forecast('golden', '2027-12-31 12:00+01'), segment.forecast('golden', '2028-01-01');
SELECT depth, filter, value, holds, next_change FROM segment.explain('golden', 1);
SELECT jsonb_pretty(segment.card('club', 1) - ARRAY['held', 'pending', 'expiring']);

-- reached by an order that is refunded the day after: taken, from now on
SET segment.now = '2027-06-01 12:00+02';
INSERT INTO orders VALUES (6, 2, 900);
SELECT * FROM segment.tier_steps('club', 2);
SET segment.now = '2027-06-02 12:00+02';
UPDATE orders SET status = 'refunded' WHERE order_id = 6;
SELECT * FROM segment.tier_steps('club', 2);
-- or kept until its hold ends
SELECT segment.alter_tiering('club', returns => 'keep');
INSERT INTO orders VALUES (7, 2, 900);
SET segment.now = '2027-06-03 12:00+02';
DELETE FROM orders WHERE order_id = 7;
SELECT * FROM segment.tier_steps('club', 2);
SELECT * FROM segment_data.guest_club_kept;
-- what is undone in one transaction is not kept
SELECT segment.join_program('club', 3, 'C-3');
SET segment.now = '2027-06-03 13:00+02';
BEGIN;
INSERT INTO orders VALUES (90, 3, 5000);
DELETE FROM orders WHERE order_id = 90;
COMMIT;
SELECT * FROM segment_data.guest_club_kept;
-- whatever he does next
INSERT INTO orders VALUES (8, 2, 1);
SELECT * FROM segment.tier_steps('club', 2) WHERE NOT due;
-- a refund that is a row of less than nothing is the same
INSERT INTO orders VALUES (9, 3, 1200);
SELECT segment.alter_tiering('club', returns => 'reassess');
SET segment.now = '2027-06-04 12:00+02';
INSERT INTO orders VALUES (10, 3, -400);
SELECT * FROM segment.tier_steps('club', 3);
INSERT INTO orders VALUES (11, 3, -1), (12, 3, -300);
SELECT * FROM segment.tier_steps('club', 3);
-- but what was reached in another year stays: it was not that which is taken back
INSERT INTO orders VALUES (13, 3, 701);
SET segment.now = '2028-02-01 12:00+01';
INSERT INTO orders VALUES (14, 3, -50);
SELECT * FROM segment.tier_steps('club', 3) WHERE at > '2027-06-04';
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify('guest');

-- the feed is the same, however often it was asked for
SELECT sum(folded) > 0 AS folded FROM segment.tick();
SELECT audience, key, change, at, cause FROM segment.transition WHERE audience <> 'almost' ORDER BY seq;

-- one tier at a time, with a month of grace; month ends and leap days
SELECT segment.alter_tiering('club', period => 'last 12 months', hold => '6 months', downgrade => 'one', grace => '1 month');
SELECT hold, downgrade, grace, returns FROM segment.tiering;
SELECT trait, definition FROM segment.trait WHERE trait = 'club_qualified';
SET segment.now = '2028-08-31 12:00+02';
INSERT INTO orders VALUES (20, 4, 2000);
SELECT segment.join_program('club', 4, 'D-4');
SELECT * FROM segment.tier_steps('club', 4);
-- who buys within the grace keeps it: 2000 are still in the period
SET segment.now = '2029-03-20 12:00+01';
INSERT INTO orders VALUES (21, 4, 1);
SELECT * FROM segment.tier_steps('club', 4);
SET segment.now = '2029-09-30 12:00+02';
SELECT * FROM tiers('2029-10-20 12:00:00+02', '2029-10-20 11:59:59.999999+02');
BEGIN;
SELECT segment.alter_tiering('club', downgrade => 'never');
SELECT * FROM segment.tier_steps('club', 4);
ROLLBACK;
SELECT segment.alter_tiering('club', downgrade => 'reassess', grace => 'none', hold => '12 months');

-- a threshold that rises takes no tier away before its hold ends; one that falls gives it
SELECT segment.alter_tier('club', 'gold', 3000);
INSERT INTO orders VALUES (30, 5, 2999), (31, 6, 600);
SELECT segment.join_program('club', 5, 'E-5'), segment.join_program('club', 6, 'F-6');
SELECT * FROM tiers('2029-09-30 12:00+02');
SELECT segment.create_tier('club', 'ruby', 2000, below => 'gold');
SELECT * FROM tiers('2029-09-30 12:00+02');
SELECT segment.alter_tier('club', 'gold', 2500), segment.alter_tier('club', 'silver', 601);
SELECT * FROM tiers('2029-09-30 12:00+02');
SELECT segment.drop_tier('club', 'gold');
SELECT * FROM tiers('2029-09-30 12:00+02');
-- a tier from 0 on is that of all members
SELECT segment.create_tier('club', 'bronze', 0, below => 'silver');
SELECT * FROM tiers('2029-09-30 12:00+02');
-- who leaves has none, and who comes back has what it would be
SELECT segment.leave_program('club', 5);
SELECT * FROM segment.tier_steps('club', 5);
SELECT club_tier, club_points_to_next_tier, club_qualified > 0 AS qualified FROM guest WHERE customer_id = 5;
SELECT card->'tier' AS tier, card->'next_tier' AS next_tier, card->'to_next_tier' AS to_next_tier FROM segment.card('club', 5) AS card;
SELECT segment.join_program('club', 5);
SELECT * FROM segment.tier_steps('club', 5);
SELECT * FROM segment.verify_program('club');

-- a wrong step is found
SET segment.capture = off;
UPDATE segment_data.guest_club_step SET until = until + interval '1 day' WHERE key = 5 AND tier = 'ruby';
DELETE FROM segment_data.guest_club_step WHERE key = 6;
INSERT INTO segment_data.guest_club_step VALUES (1, '2029-12-01', 'gold', '2030-12-01', 0, '-infinity');
RESET segment.capture;
SELECT problem, key, thing, stored, expected FROM segment.verify_program('club') ORDER BY 2, 3;
-- and mended when the events of the customer are read again
SET client_min_messages = warning;
SELECT segment.rebuild('guest');
RESET client_min_messages;
INSERT INTO orders VALUES (32, 1, 1, 'paid', '2029-09-01'), (33, 5, 1, 'paid', '2029-09-01'), (34, 6, 1, 'paid', '2029-09-01');
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify('guest');

-- renamed, what customers qualify by is the same
SELECT segment.rename_source('orders', 'receipts');
INSERT INTO orders VALUES (40, 6, 2000);
SELECT * FROM tiers('2029-09-30 12:00+02');
SELECT definition FROM segment.trait WHERE trait = 'club_qualified';

-- what is earned, and visits
SELECT segment.create_program('stamps', unit => 'stamps', pending => '1 day');
SELECT segment.create_tiering('stamps', period => 'so far', hold => '12 months'), segment.create_tier('stamps', 'friend', 10);
SELECT segment.join_program('stamps', 1, 'S-1'), segment.earn('stamps', 1, 12) AS movement;
SELECT stamps_tier, stamps_qualified FROM guest WHERE customer_id = 1;
SELECT * FROM segment.tier_steps('stamps', 1);
SELECT segment.reverse('stamps', 1, 3) AS movement;
SELECT * FROM segment.tier_steps('stamps', 1);
SELECT definition FROM segment.trait WHERE trait = 'stamps_qualified';
SELECT segment.alter_tiering('stamps', qualify => 'count(receipts where amount > 100)', period => 'last 1 month');
SELECT segment.alter_tier('stamps', 'friend', 1);
SELECT segment.join_program('stamps', 6, 'S-6');
SELECT * FROM segment.tier_steps('stamps', 6);
-- live: nothing is held, and nothing stored
SELECT segment.drop_tiering('stamps');
SELECT segment.create_tiering('stamps', 'count(receipts)', period => 'last 1 month', hold => 'none');
SELECT segment.create_tier('stamps', 'friend', 1), segment.create_tier('stamps', 'best "friend"', 2);
SELECT trait, definition FROM segment.trait WHERE trait ~ '^stamps_.*(tier|qualified)' ORDER BY position;
SELECT customer_id, stamps_tier, stamps_points_to_next_tier FROM guest WHERE stamps_qualified > 0 ORDER BY 1;
SELECT segment.create_audience('friends', 'stamps.tier = "friend"');
SELECT segment.next_change('friends', 1);
SELECT segment.card('stamps', 6) ->> 'tier' AS tier, segment.card('stamps', 6) ->> 'next_tier' AS next_tier, segment.card('stamps', 1) ->> 'next_tier' AS next_of_one;
SELECT segment.drop_tier('stamps', 'best "friend"');
SELECT customer_id, stamps_tier, stamps_points_to_next_tier FROM guest WHERE stamps_qualified > 0 ORDER BY 1;

-- what cannot be
\pset format unaligned
\pset tuples_only on
SELECT what, outcome('SELECT segment.' || what) FROM unnest(ARRAY[
    $$create_tiering('club')$$, $$create_tiering('clu')$$, $$create_tiering('club', 'avg(receipts.amount)')$$,
    $$create_tiering('club', 'amount')$$, $$create_tiering('club', 'sum(receipts.amount in last 3 days)')$$,
    $$create_tiering('club', 'sum(club_step.next)')$$, $$create_tiering('club', period => 'next year')$$,
    $$create_tiering('club', hold => 'a while')$$, $$create_tiering('club', hold => '12 monts')$$, $$create_tiering('club', hold => '1 hour')$$,
    $$create_tiering('club', hold => 'after 1 month without activity')$$, $$create_tiering('club', downgrade => 'two')$$,
    $$create_tiering('club', returns => 'debt')$$, $$create_tiering('club', grace => 'some')$$,
    $$alter_tiering('club', hold => 'none')$$, $$alter_tiering('stamps', hold => '1 year')$$,
    $$create_tier('club', 'gold', 1000)$$, $$create_tier('club', 'gold', 2000)$$, $$create_tier('club', 'ruby', 9000)$$,
    $$create_tier('club', 'gold', 100, below => 'rubi')$$, $$create_tier('club', 'gold', 100, below => 'ruby')$$,
    $$create_tier('club', 'gold', 2000, below => 'ruby')$$, $$create_tier('club', 'gold', -1, below => 'bronze')$$,
    $$create_tier('club', 'gold', 'NaN')$$, $$create_tier('club', 'gold', NULL)$$, $$alter_tier('club', 'silver', 2000)$$,
    $$alter_tier('club', 'golden', 1)$$, $$drop_tier('club', 'ruby red')$$, $$drop_tier('stamps', 'friend')$$,
    $$drop_tiering('club')$$, $$tier_steps('stamps', 1)$$]) AS what;
SELECT outcome(statement) FROM unnest(ARRAY['UPDATE segment_data.guest_club_step SET tier = tier', 'DELETE FROM segment_data.guest_club_kept',
    'UPDATE segment.tier SET threshold = 1', $$SELECT segment.drop_trait('club_tier')$$]) AS statement;
-- an event writes ahead what follows upon each end of a hold, so there are not too many
SELECT what, outcome('SELECT segment.' || what) FROM unnest(ARRAY[
    $$create_tiering('club', period => 'last 500 years', hold => '1 day')$$, $$alter_tiering('club', hold => '3 days')$$,
    $$alter_tiering('club', period => 'this year', hold => 'end of this day')$$,
    $$alter_trait('club_qualified', 'sum(receipts.amount in last 500 years)')$$,
    $$alter_tiering('club', period => 'last 100 years', hold => '1 day', downgrade => 'never')$$, $$alter_tiering('club', downgrade => 'reassess')$$,
    $$alter_tiering('club', period => 'last 12 months', hold => '12 months', downgrade => 'reassess')$$]) AS what;
BEGIN;
SELECT DISTINCT outcome(format('SELECT segment.create_tier(''club'', ''tier %1$s'', 10000 * %1$s)', n)) FROM generate_series(1, 101) n ORDER BY 1;
ROLLBACK;
\pset tuples_only off
\pset format aligned

-- what customers qualify by has another name, and nobody followed it
SET segment.capture = off;
ALTER TABLE orders RENAME amount TO total;
RESET segment.capture;
SELECT problem, stored FROM segment.verify_program('club');
ALTER TABLE orders RENAME total TO amount;
SELECT problem, stored FROM segment.verify_program('club');

-- without what customers qualify by, orders are taken as ever
SET client_min_messages = warning;
SELECT segment.detach_source('receipts', cascade => true);
RESET client_min_messages;
SELECT problem, stored FROM segment.verify_program('club');
INSERT INTO orders VALUES (50, 6, 2000);
SELECT customer_id, club_tier FROM guest ORDER BY 1;
SET client_min_messages = warning;
SELECT segment.drop_tiering('club', cascade => true);
-- a hold that is shorter than the period: what follows upon its end is not held yet
SELECT segment.create_tiering('club', period => 'this year', hold => '1 month'), segment.create_tier('club', 'gold', 100);
SELECT segment.join_program('club', 90) IS NOT NULL AS joined;
SELECT segment.earn('club', 90, 150) IS NOT NULL AS earned;
SELECT count(*), min(until) FROM segment.tier_steps('club', 90) WHERE tier = 'gold';
SET segment.now = '2029-10-10 12:00+02';
SELECT segment.earn('club', 90, 1) IS NOT NULL AS earned;
SELECT count(*), min(until) FILTER (WHERE at >= segment.now()) FROM segment.tier_steps('club', 90) WHERE tier = 'gold';
SELECT club_tier, club_tier_until FROM guest WHERE customer_id = 90;
SELECT * FROM segment.verify_program('club');
SELECT segment.drop_program('club', cascade => true);
SELECT segment.drop_population('guest', cascade => true);
SELECT (SELECT count(*) FROM segment.tiering) AS tierings, (SELECT count(*) FROM segment.tier) AS tiers;
SELECT relname FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace AND relname ~ '^guest';
DROP SCHEMA shop_tiers CASCADE;
