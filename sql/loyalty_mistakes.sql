-- What is written by mistake is told when it is written: values that cannot be, amounts
-- that are no numbers, times that are none.  And what a row says, no INSERT fails by it.
CREATE SCHEMA shop_mistakes;
SET search_path = shop_mistakes, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, euros money, pieces int, weight float8, points jsonb, gift boolean, city text,
    at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club');
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => 'end of next year');
SELECT segment.create_audience('early', 'club.tier = "gold"');
SELECT segment.create_tier('club', 'silver', 100), segment.create_tier('club', 'gold', 500), segment.create_tier('club', 'amber', 900);
SELECT segment.create_reward('club', 'mug', 50);

-- tiers, kinds of entries, ends of vouchers and rewards are known
SELECT segment.create_audience('a', 'club.tier = "goldd"');
SELECT segment.create_audience('a', 'club_tier not in ("gold", "platinum")');
SELECT segment.create_audience('a', 'did club_step of tier "sliver"');
SELECT segment.create_audience('a', 'last(club_step.tier so far) = "Amber"');
SELECT segment.create_audience('a', 'did club_entry where kind = "redeemed"');
SELECT segment.create_audience('a', 'sum(club_entry.points where club_entry.contra != "expire" to come) > 5');
SELECT segment.create_audience('a', 'did club_voucher_end where ended = "usd"');
SELECT segment.create_audience('a', 'did club_voucher of reward "mugg"');
SELECT segment.create_reward('club', 'cup', 50, condition => 'club.tier = "glod"');
SELECT segment.create_earning('club', 'x', 'orders.amount', 'club.tier = "glod"', ref => 'order_id');
SELECT segment.count_where('club.tier = "glod"');
-- and so is what a trait is made of
SELECT segment.create_trait('size', 'case when sum(orders.amount) > 1000 then "large" else coalesce(club.tier, "none") end');
SELECT segment.create_audience('a', 'size = "larg"');
SELECT segment.create_audience('large', 'size = "large" or size = "none" or size = "gold" or not size = "silver"');
-- from the lowest to the highest is not from a to z
SELECT segment.create_audience('a', 'club.tier >= "gold"');
SELECT segment.create_audience('a', '"gold" > club.tier');
SELECT segment.create_audience('a', 'club.tier between "silver" and "gold"');
SELECT segment.create_audience('a', 'club.tier > "amber"');
SELECT segment.create_audience('high', 'club.tier in ("gold", "amber")');
-- where tiers are not held they are known, too
SELECT segment.create_program('live');
SELECT segment.create_tiering('live', hold => 'none');
SELECT segment.create_tier('live', 'small', 10), segment.create_tier('live', 'big', 20);
SELECT segment.create_audience('a', 'live.tier = "bgi"');
SELECT segment.create_audience('a', 'live.tier < "big"');
-- a tier that is dropped: what asks for it goes on, what was is still asked for
INSERT INTO orders (order_id, customer_id, amount) VALUES (1, 1, 950);
SELECT segment.join_program('club', 1, '1');
INSERT INTO orders (order_id, customer_id, amount) VALUES (2, 1, 10);
SELECT customer_id, club_tier, size FROM guest;
SELECT segment.create_reward('club', 'jewel', 50, condition => 'club.tier = "amber"');
SET segment.now = '2026-01-02 10:00+00';
SELECT segment.drop_tier('club', 'amber');
SELECT customer_id, club_tier, size FROM guest;
SELECT segment.create_audience('a', 'club.tier = "amber"');
SELECT segment.create_audience('had_been', 'did club_step where tier = "amber"');
SELECT segment.alter_reward('club', 'jewel', price => 60);
SELECT segment.count_where('in audience high'), segment.count_where('in audience had_been');

-- amounts
SELECT segment.create_earning('club', 'x', '5', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'sum(orders.amount)', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'amount', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'order.amount', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.amuont', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.amount were gift', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.amount in last 3 days', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.amount) + sum(orders.amount', ref => 'order_id');
SELECT segment.create_earning('club', 'x', '', ref => 'order_id');
SELECT segment.create_earning('club', 'x', NULL, ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.euros', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.city', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.points.extra', ref => 'order_id');
SELECT segment.create_earning('club', 'x', 'orders.gift where pieces > 3', ref => 'order_id');
SELECT segment.what_if_earning('club', 'orders.city');
SELECT segment.create_earning('club', 'x', 'orders.amount');
SELECT segment.create_earning('club', 'x', 'orders.amount', ref => 'customer_id');
SELECT segment.create_earning('club', 'x', 'orders.amount', ref => 'orderid');
SELECT segment.create_earning('club', 'x', 'orders.amount', 'balance > 5', ref => 'order_id');
-- times
SELECT segment.create_earning('club', 'x', 'orders.amount', ref => 'order_id', valid_until => '2026-02-30');
SELECT segment.create_earning('club', 'x', 'orders.amount', ref => 'order_id', valid_from => '2026-02-03 25:00');
SELECT segment.create_earning('club', 'x', 'orders.amount', ref => 'order_id', pending => '0 days');
SELECT segment.earn('club', 1, 5, expires => '2026-13-01');
SELECT segment.hold('club', 1, 5, until => '2026-13-01');
SELECT segment.attach_source('orders', at => 'at', name => 'again', look_up => '{"first": "orders using orderid"}');

-- what rows say: fractions, less than nothing, nothing, and what is no number of points
SELECT segment.create_program('up', rounding => 'up'), segment.create_program('nearest', rounding => 'nearest');
SELECT segment.create_earning(p, 'amount', 'orders.amount', ref => 'order_id'), segment.create_earning(p, 'weight', 'orders.weight', ref => 'order_id'),
    segment.create_earning(p, 'pieces', 'orders.pieces * 1000', ref => 'order_id'), segment.create_earning(p, 'json', 'orders.points.extra * 1', ref => 'order_id'),
    segment.create_earning(p, 'share', 'orders.amount / orders.pieces', ref => 'order_id') FROM unnest(ARRAY['club', 'up', 'nearest']) AS p;
SELECT segment.join_program(p, 2, '2') FROM unnest(ARRAY['club', 'up', 'nearest']) AS p;
INSERT INTO orders (order_id, customer_id, amount, pieces, weight, points) VALUES
    (10, 2, 2.5, 2147483647, 2.5, '{"extra": 2.5}'), (11, 2, -2.5, -2147483648, -2.5, '{"extra": "2.5"}'), (12, 2, 'NaN', 0, 'NaN', '{"extra": true}'),
    (13, 2, 'infinity', NULL, '-infinity', '[]'), (14, 2, 1e30, 1, 1e300, '{"extra": 1e200}'), (15, 2, 4503599627370496, 0, 4.9e-324, NULL),
    (16, 2, 4503599627370497, NULL, 0.1, '{"extra": null}');
SELECT ref, rule, max(g.points) FILTER (WHERE p = 'club') AS down, max(g.points) FILTER (WHERE p = 'up') AS up, max(g.points) FILTER (WHERE p = 'nearest') AS nearest
    FROM (SELECT 'club' AS p, ref, rule, points FROM segment_data.guest_club_granted UNION ALL SELECT 'up', ref, rule, points FROM segment_data.guest_up_granted
        UNION ALL SELECT 'nearest', ref, rule, points FROM segment_data.guest_nearest_granted) AS g GROUP BY ref, rule ORDER BY ref, rule;
SELECT problem FROM unnest(ARRAY['club', 'up', 'nearest']) AS p, segment.verify_program(p);
SELECT definition FROM segment.verify('guest');

-- traits that a program has made are the population's: those of its own that are not used
-- may go, or be called differently, and the program works on
SELECT segment.drop_trait('club_tier');
SELECT segment.drop_trait('club_qualified', cascade => false);
SELECT segment.detach_source('orders');
SELECT segment.detach_source('club_entry');
SELECT segment.rename_source('club_entry', 'entries');
SELECT segment.drop_trait('live_balance'), segment.rename_trait('live_pending', 'waiting');
SELECT segment.rename_trait('live_qualified', 'reached');
SELECT segment.join_program('live', 2, '2');
SELECT segment.card('live', 2) - 'joined_at';
SELECT segment.drop_program('live');
SELECT segment.drop_program('live', cascade => true);
SELECT trait FROM segment.trait WHERE trait LIKE 'live%' OR trait = 'waiting' ORDER BY 1;
SET client_min_messages = warning;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_mistakes CASCADE;
