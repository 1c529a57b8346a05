-- Rewards of a coffee club: a mug for 100 points, as a voucher that is used once;
-- and a card of stamps, on which nine coffees buy one.
CREATE SCHEMA shop_rewards;
SET search_path = shop_rewards, public;
SET timezone = 'UTC';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Ben'), (3, 'Cleo');
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, coffees int, ordered_at timestamptz NOT NULL DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, ordered_at);
SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers'), segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_program('club', expires => 'after 12 months');
SELECT segment.join_program('club', i, 'C-' || i) FROM generate_series(1, 2) AS i;
SELECT segment.earn('club', 1, 300), segment.earn('club', 2, 1000);
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
-- a reward, and what it makes
SELECT segment.create_reward('club', 'mug', 100, stock => 3, expires => 'after 1 month', description => 'a blue one');
-- codes are random, so they are called by the movement that paid for them
CREATE FUNCTION code(movement bigint) RETURNS text LANGUAGE sql AS $$SELECT code FROM segment_data.guest_club_voucher AS v WHERE v.movement = code.movement$$;
CREATE VIEW vouchers AS SELECT movement, reward, key, price, auto, issued_at, expires_at, ended, ended_at, used_ref, used_by IS NOT NULL AS by
FROM segment_data.guest_club_voucher;
SELECT reward, price, stock, stocked, most, period, valid_from, valid_until, condition, expires, auto, description FROM segment.reward;
SELECT source, relation, key, at FROM segment.source WHERE source ~ 'voucher' ORDER BY 1;
SELECT trait, definition FROM segment.trait WHERE trait = 'club_vouchers';

-- it is bought, by those points that expire soonest; a request that comes twice is done once
SELECT segment.earn('club', 1, 50, expires => '2026-01-31') AS movement;
SELECT length(code) AS digits, movement, expires_at FROM segment.redeem_reward('club', 1, 'mug', ref => 'till 4', token => 'mug 1');
SELECT code = code(movement) AS same, movement, expires_at FROM segment.redeem_reward('club', 1, 'mug', ref => 'till 4', token => 'mug 1');
SELECT segment.redeem_reward('club', 2, 'mug', token => 'mug 1');
SELECT entry, points, kind, at, lot FROM segment.why('club', 4);
SELECT at, kind, points, ref, note FROM segment.statement('club', 1) WHERE kind = 'redeem';
SELECT customer_id, club_balance, club_vouchers FROM guest ORDER BY 1;
SELECT * FROM vouchers;
SELECT stock, stocked FROM segment.reward;

-- it is used once; who comes with it again is told when and for what it was
SELECT segment.use_voucher('club', '4539148803436467');
SELECT segment.use_voucher('club', '4539148803436468');
SET segment.now = '2026-01-10 10:00+00';
SELECT * FROM segment.use_voucher('club', code(4), ref => 'receipt 9', token => 'use 1');
SELECT * FROM segment.use_voucher('club', code(4), ref => 'receipt 9', token => 'use 1');
SELECT outcome($$SELECT segment.use_voucher('club', code(4), ref => 'receipt 10')$$);
SELECT outcome($$SELECT segment.use_voucher('club', code(4), ref => 'receipt 10', token => 'use 1')$$);
SELECT outcome($$SELECT segment.use_voucher('club', code(4), ref => 'receipt 9', token => 'mug 1')$$);
SELECT outcome($$SELECT segment.cancel_voucher('club', code(4))$$), outcome($$SELECT segment.reverse('club', 4)$$);
SELECT * FROM vouchers;

-- one that is cancelled gives points and stock back; so does its movement
SELECT movement FROM segment.redeem_reward('club', 1, 'mug');
SELECT movement FROM segment.redeem_reward('club', 1, 'mug');
SELECT segment.redeem_reward('club', 2, 'mug');
SELECT stock FROM segment.reward;
SELECT outcome($$SELECT segment.reverse('club', 5, 50)$$);
SELECT segment.cancel_voucher('club', code(5), note => 'broken') AS movement, segment.reverse('club', 6) AS reversed;
SELECT outcome($$SELECT segment.cancel_voucher('club', code(5))$$), outcome($$SELECT segment.use_voucher('club', code(5))$$);
SELECT movement, kind, points, reverses, note FROM segment_data.guest_club_movement WHERE key = 1 ORDER BY 1;
SELECT customer_id, club_balance, club_vouchers FROM guest ORDER BY 1;
SELECT stock, stocked FROM segment.reward;

-- time ends a voucher by itself: at the very instant it is none any more, whatever
-- has happened to it, and no filter, forecast or feed says otherwise
SELECT segment.create_audience('holders', 'club.vouchers > 0');
SELECT movement, expires_at FROM segment.redeem_reward('club', 2, 'mug');
SELECT movement, expires_at FROM segment.redeem_reward('club', 2, 'mug');
SELECT * FROM segment.use_voucher('club', code(10));
SELECT segment.tick();
SELECT segment.next_change('holders', 2), segment.forecast('holders', '2026-02-10 10:00+00'::timestamptz);
SET segment.now = '2026-02-10 09:59:59.999999+00';
SELECT club_vouchers, segment.is_member('holders', 2) FROM guest WHERE customer_id = 2;
SET segment.now = '2026-02-10 10:00+00';
SELECT club_vouchers, segment.is_member('holders', 2) FROM guest WHERE customer_id = 2;
SELECT outcome($$SELECT segment.use_voucher('club', code(9))$$);
SELECT segment.tick();
SELECT key, change, at, cause FROM segment.transitions('guest') WHERE audience = 'holders' ORDER BY seq;
-- whoever was too late may get the points back all the same
SET segment.now = '2026-02-11 10:00+00';
SELECT segment.cancel_voucher('club', code(9)) AS movement;
SELECT movement, ended, ended_at FROM vouchers WHERE key = 2 ORDER BY 1;
SELECT customer_id, club_balance, club_vouchers FROM guest ORDER BY 1;
-- vouchers are sources as others are
SELECT segment.create_audience('had_a_mug', 'did club_voucher where reward = "mug" in last 60 days') AS had,
    segment.create_audience('used', 'did club_voucher_end where ended = "used" so far') AS used,
    segment.create_audience('cancelled', 'count(club_voucher_end where ended = "cancelled" so far) = 2') AS cancelled;

-- who may have it, how often, when
SELECT segment.create_audience('regulars', 'count(orders in last 30 days) >= 2');
SELECT segment.alter_reward('club', 'mug', price => 10, stock => -1, most => 2, period => 'this month', valid_from => '2026-02-12', valid_until => '2026-03-31',
    condition => 'in audience regulars and club.balance < 900', description => '');
SELECT reward, price, stock, stocked, most, period, valid_from, valid_until, condition, expires, auto, description FROM segment.reward;
SELECT segment.redeem_reward('club', 2, 'mug');
SET segment.now = '2026-02-11 23:00+00';
SELECT segment.redeem_reward('club', 2, 'mug');
INSERT INTO orders SELECT i, 2, 1 FROM generate_series(1, 2) AS i;
SELECT segment.redeem_reward('club', 2, 'mug');
SELECT segment.redeem('club', 2, 200) AS movement;
SELECT outcome($$SELECT segment.redeem_reward('club', 2, 'mug')$$) FROM generate_series(1, 3);
SELECT segment.cancel_voucher('club', max(code)) AS movement FROM segment_data.guest_club_voucher WHERE key = 2 AND ended = 'expired';
SET segment.now = '2026-02-28 22:59+00';
SELECT outcome($$SELECT segment.redeem_reward('club', 2, 'mug')$$) FROM generate_series(1, 2);
SET segment.now = '2026-02-28 23:00+00';
SELECT movement FROM segment.redeem_reward('club', 2, 'mug');
-- they were ordered 30 days ago
SET segment.now = '2026-03-13 23:00+00';
SELECT segment.redeem_reward('club', 2, 'mug');
SELECT segment.alter_reward('club', 'mug', condition => '', most => 0);
SET segment.now = '2026-03-31 21:59:59+00';
SELECT movement FROM segment.redeem_reward('club', 2, 'mug');
SET segment.now = '2026-03-31 22:00+00';
SELECT segment.redeem_reward('club', 2, 'mug');

-- what cannot be is refused, and leaves nothing
SELECT segment.create_reward('club', 'mug', 5);
SELECT segment.create_reward('clubs', 'cup', 5);
SELECT segment.create_reward('club', '', 5);
SELECT segment.create_reward('club', 'cup', 0);
SELECT segment.create_reward('club', 'cup', NULL);
SELECT segment.create_reward('club', 'cup', 5, stock => -2);
SELECT segment.create_reward('club', 'cup', 5, most => -1);
SELECT segment.create_reward('club', 'cup', 5, most => 1, period => 'the month');
SELECT segment.create_reward('club', 'cup', 5, expires => 'soon');
SELECT segment.create_reward('club', 'cup', 5, expires => '2027-01-01');
SELECT segment.create_reward('club', 'cup', 5, expires => 'after 2 months without activity');
SELECT segment.create_reward('club', 'cup', 5, valid_until => 'tomorrow');
SELECT segment.create_reward('club', 'cup', 5, valid_from => '2026-05-01', valid_until => '2026-04-30');
SELECT segment.create_reward('club', 'cup', 5, condition => 'in audience vips');
SELECT segment.create_reward('club', 'cup', 5, condition => 'balance > 5');
SELECT segment.alter_reward('club', 'mog', price => 5);
SELECT segment.drop_reward('club', 'mog');
SELECT segment.redeem_reward('club', 1, 'mog');
SELECT segment.alter_reward('club', 'mug', price => 5000, valid_until => 'infinity');
SELECT segment.earn('club', 2, 7, pending => '1 day') IS NOT NULL AS earned, segment.hold('club', 2, 8, '1 hour') IS NOT NULL AS held;
SELECT segment.redeem_reward('club', 2, 'mug');
SELECT segment.redeem_reward('club', 3, 'mug');
SELECT segment.use_voucher('club', NULL);
SELECT count(*) FROM segment.reward;
SELECT * FROM segment.verify_program('club');
SELECT * FROM segment.verify('guest');

-- a reward that is dropped can be had no more; what was got can be used
SELECT segment.alter_reward('club', 'mug', price => 5);
SELECT movement AS last FROM segment.redeem_reward('club', 2, 'mug') \gset
SELECT segment.drop_reward('club', 'mug');
SELECT segment.redeem_reward('club', 2, 'mug');
SELECT * FROM segment.use_voucher('club', code(:last), 'receipt 11');

-- stamps: nine coffees buy one
SELECT segment.create_program('card', unit => 'stamps');
SELECT segment.join_program('card', i, 'S-' || i) FROM generate_series(1, 2) AS i;
SELECT segment.create_earning('card', 'coffee', 'orders.coffees', ref => 'id');
SELECT segment.create_reward('card', 'coffee', 9, auto => true, expires => 'after 1 month');
CREATE VIEW cards AS SELECT customer_id, card_balance, card_vouchers FROM guest WHERE customer_id < 3 ORDER BY 1;
INSERT INTO orders VALUES (10, 1, 8), (11, 2, 1);
TABLE cards;
INSERT INTO orders VALUES (12, 1, 1), (13, 2, 19);
TABLE cards;
SELECT key, movement, reward, price, auto FROM segment_data.guest_card_voucher ORDER BY movement;
-- a coffee that is refunded takes its stamp; if there is none left, a voucher that
-- was not used yet goes first
UPDATE orders SET coffees = 17 WHERE id = 13;
TABLE cards;
UPDATE orders SET coffees = 16 WHERE id = 13;
TABLE cards;
SELECT movement, key, kind, points, rule, reverses, note FROM segment_data.guest_card_movement WHERE key = 2 ORDER BY 1;
-- one that was used stays used, and the stamp is owed
SELECT count(*) FROM (SELECT segment.use_voucher('card', code) FROM segment_data.guest_card_voucher WHERE ended = 'expired') AS used;
UPDATE orders SET coffees = 0 WHERE id = 12;
TABLE cards;
INSERT INTO orders VALUES (14, 1, 10);
TABLE cards;
-- whoever comes to it otherwise, too: by earning, by what is given back, as a gift
SELECT segment.earn('card', 2, 1) IS NOT NULL AS earned;
TABLE cards;
SELECT segment.earn('card', 1, 8) IS NOT NULL AS earned;
SELECT segment.redeem('card', 1, 5) AS redeemed \gset
SELECT segment.earn('card', 1, 5) IS NOT NULL AS earned;
TABLE cards;
SELECT segment.reverse('card', :redeemed) IS NOT NULL AS reversed;
TABLE cards;
SELECT segment.hold('card', 1, 4, '1 hour') AS hold \gset
SELECT segment.earn('card', 1, 5) IS NOT NULL AS earned;
TABLE cards;
SELECT segment.release('card', :hold) IS NOT NULL AS released;
TABLE cards;
SELECT segment.earn('card', 1, 8) IS NOT NULL AS earned, segment.earn('card', 2, 8) IS NOT NULL AS earned;
SELECT segment.give('card', 1, 2, 2) IS NOT NULL AS given;
TABLE cards;
-- one that is cancelled by hand leaves its stamps, until the next one comes
SELECT segment.cancel_voucher('card', code) IS NOT NULL AS cancelled FROM segment_data.guest_card_voucher WHERE key = 2 AND ended = 'expired' AND ended_at > segment.now() LIMIT 1;
TABLE cards;
SELECT segment.earn('card', 2, 1) IS NOT NULL AS earned;
TABLE cards;
-- an order never fails: there is no coffee any more, the limit is reached, or the
-- condition does not bind any more
SELECT segment.alter_reward('card', 'coffee', stock => 1);
INSERT INTO orders VALUES (20, 1, 30);
TABLE cards;
SELECT stock, stocked FROM segment.reward WHERE program = 'card';
SELECT segment.alter_reward('card', 'coffee', stock => -1, most => 1, period => 'last 30 days');
INSERT INTO orders VALUES (21, 1, 1);
TABLE cards;
SELECT segment.alter_reward('card', 'coffee', most => 0);
SELECT segment.create_trait('thirst', 'sum(orders.coffees)');
SELECT segment.alter_reward('card', 'coffee', condition => 'thirst > 1');
INSERT INTO orders VALUES (22, 1, 1);
TABLE cards;
SET segment.capture = off;
UPDATE segment.reward SET condition = 'thrist > 1' WHERE reward = 'coffee';
RESET segment.capture;
INSERT INTO orders VALUES (23, 1, 9);
TABLE cards;
SELECT segment.redeem_reward('card', 1, 'coffee');
SELECT * FROM segment.verify_program('card');
SELECT segment.alter_reward('card', 'coffee', price => 10);
SELECT segment.alter_reward('card', 'coffee', condition => 'thirst > 1 and in audience regulars');

-- a condition follows what is renamed, and what it reads does not go without a word
SELECT segment.rename_trait('thirst', 'coffees'), segment.rename_audience('regulars', 'friends');
SELECT condition FROM segment.reward WHERE reward = 'coffee';
SELECT segment.drop_trait('coffees');
SELECT segment.drop_audience('friends');
ALTER TABLE orders RENAME coffees TO cups;
INSERT INTO orders VALUES (24, 1, 1);
TABLE cards;
-- what it counts is kept for it alone
SELECT segment.create_audience('early', 'count(orders where cups > 8 so far) > 1'), segment.alter_reward('card', 'coffee', condition => 'count(orders where cups > 8 so far) > 1 and in audience friends');
SELECT segment.drop_audience('early');
INSERT INTO orders VALUES (25, 1, 9);
TABLE cards;
SELECT segment.drop_audience('friends', cascade => true);
SELECT reward FROM segment.reward WHERE program = 'card';
SELECT segment.create_reward('card', 'coffee', 9, stock => 5, auto => true, expires => 'after 1 month');

-- the till sees what a customer has, and may have: not what is too dear for the
-- moment, but what is not for the customer, or not now
SELECT segment.create_reward('card', 'bag', 100, description => 'of beans');
SELECT segment.create_reward('card', 'grinder', 3, condition => 'card.balance > 1000'), segment.create_reward('card', 'pot', 4, stock => 0),
    segment.create_reward('card', 'spoon', 2, valid_from => '2027-01-01'), segment.create_reward('card', 'saucer', 1, most => 1);
SELECT movement FROM segment.redeem_reward('card', 1, 'saucer');
SELECT jsonb_pretty(jsonb_set(card, '{vouchers}', (SELECT jsonb_agg(v - 'code') FROM jsonb_array_elements(card->'vouchers') AS v)) - 'expiring' - 'held')
FROM segment.card('card', 1) AS card;
SELECT segment.card('card', 3)->'offers' AS offers, segment.card('card', 3)->'vouchers' AS vouchers;
SELECT start, complete, redeemed, vouchers_issued, vouchers_used, vouchers_expired FROM segment.program_report('card', periods => 2);
SELECT start, complete, redeemed, vouchers_issued, vouchers_used, vouchers_expired FROM segment.program_report('club', periods => 4);

-- verify_program() knows what vouchers and stock ought to be
BEGIN;
SET LOCAL segment.capture = off;
UPDATE segment.reward SET stock = 7 WHERE reward = 'coffee';
UPDATE segment_data.guest_card_voucher SET price = 8 WHERE movement = (SELECT min(movement) FROM segment_data.guest_card_voucher);
UPDATE segment_data.guest_card_voucher SET ended_at = '2026-04-02' WHERE movement = (SELECT min(movement) FROM segment_data.guest_card_voucher WHERE ended = 'expired');
UPDATE segment_data.guest_card_voucher SET ended = 'cancelled' WHERE movement = (SELECT max(movement) FROM segment_data.guest_card_voucher);
SELECT * FROM segment.verify_program('card') ORDER BY 1, 2, 3;
ROLLBACK;
SELECT * FROM segment.verify_program('card');
SELECT * FROM segment.verify('guest');
DROP VIEW vouchers, cards;

-- what is taken back takes the voucher that it has paid for, and no other
SELECT segment.create_program('tea', unit => 'stamps', returns => 'forgive'), segment.join_program('tea', 1, 'T-1'), segment.create_reward('tea', 'pot', 9, auto => true);
SELECT segment.earn('tea', 1, 9) AS first \gset
SELECT segment.earn('tea', 1, 9) AS second \gset
SELECT segment.earn('tea', 1, 3) AS third \gset
SELECT segment.reverse('tea', :first, 2) IS NOT NULL AS reversed;
SELECT movement, ended FROM segment_data.guest_tea_voucher ORDER BY 1;
SELECT tea_balance, tea_vouchers FROM guest WHERE customer_id = 1;
SELECT count(*) FROM (SELECT segment.use_voucher('tea', code) FROM segment_data.guest_tea_voucher WHERE movement = 4) AS used;
SELECT segment.reverse('tea', :second, 2) IS NOT NULL AS reversed;
SELECT tea_balance, tea_vouchers FROM guest WHERE customer_id = 1;
SELECT * FROM segment.verify_program('tea');

-- nobody drops the vouchers themselves; where they are gone all the same, orders come in
BEGIN;
DROP TABLE segment_data.guest_card_voucher;
ROLLBACK;
BEGIN;
SET LOCAL segment.capture = off;
DROP TABLE segment_data.guest_card_voucher CASCADE;
SET LOCAL segment.capture = on;
INSERT INTO orders VALUES (26, 1, 9);
SELECT card_balance FROM guest WHERE customer_id = 1;
SELECT segment.card('card', 1)->'offers' AS offers;
SELECT segment.redeem_reward('card', 1, 'coffee');
ROLLBACK;

-- what time makes active is offered on the card at that very instant, and had at once; or it comes with the next movement
SELECT segment.create_program('wait', unit => 'stamps', pending => '1 day'), segment.join_program('wait', 1, 'W-1'), segment.create_reward('wait', 'pot', 9, auto => true);
SELECT segment.earn('wait', 1, 20) IS NOT NULL AS earned, to_char(segment.now(), 'YYYY-MM-DD HH24:MI:SS') AS now \gset
SELECT set_config('segment.now', (:'now'::timestamptz + interval '1 day' - interval '1 microsecond')::text, false) > '' AS before;
SELECT card->'offers' AS offers, card->'vouchers' AS vouchers FROM segment.card('wait', 1) AS card;
SELECT set_config('segment.now', (:'now'::timestamptz + interval '1 day')::text, false) > '' AS then;
SELECT card->'offers' AS offers, card->'vouchers' AS vouchers FROM segment.card('wait', 1) AS card;
SELECT wait_balance, wait_vouchers FROM guest WHERE customer_id = 1;
SELECT code IS NOT NULL AS code, expires_at FROM segment.redeem_reward('wait', 1, 'pot');
SELECT wait_balance, wait_vouchers FROM guest WHERE customer_id = 1;
SELECT segment.earn('wait', 1, 1) IS NOT NULL AS earned;
SELECT wait_balance, wait_vouchers FROM guest WHERE customer_id = 1;
SELECT reward, auto FROM segment_data.guest_wait_voucher ORDER BY movement;

-- all of it goes with the program, and with the population
SELECT segment.drop_program('club');
SELECT segment.drop_program('club', true);
SELECT program, reward FROM segment.reward ORDER BY 1, 2;
SELECT segment.drop_population('guest', cascade => true);
SELECT count(*) FROM segment.reward;
SELECT relname FROM pg_class WHERE relname ~ 'voucher';
SET client_min_messages = warning;
DROP SCHEMA shop_rewards CASCADE;
