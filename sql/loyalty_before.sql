-- What a rule asks of a customer is what was true before the statement: the order by
-- which Ada becomes gold earns as those of silver do.
CREATE SCHEMA shop_before;
SET search_path = shop_before, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-03-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_program('club');
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 1000);
SELECT segment.create_audience('regulars', 'spent >= 1000 and club.tier = "gold"');
SELECT segment.create_earning('club', 'all', 'orders.amount', ref => 'order_id');
SELECT segment.create_earning('club', 'gold', 'orders.amount * 0.5', 'club.tier = "gold"', ref => 'order_id');
SELECT segment.create_earning('club', 'not_yet', 'orders.amount * 10', 'club.tier is not set', ref => 'order_id');
SELECT segment.create_earning('club', 'regulars', 'orders.amount * 2', 'in audience regulars', ref => 'order_id');
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
CREATE VIEW earned AS SELECT key AS customer, ref, string_agg(rule || ' ' || points, ', ' ORDER BY rule) AS by
    FROM segment_data.guest_club_granted GROUP BY key, ref ORDER BY key, ref::bigint;
CREATE VIEW guests AS SELECT customer_id, club_tier, spent, club_balance FROM guest ORDER BY 1;
CREATE VIEW wrong AS SELECT problem, key FROM segment.verify_program('club') UNION ALL SELECT definition, key FROM segment.verify('guest');

-- nobody is anything before the first statement, whatever it brings
INSERT INTO orders VALUES (1, 1, 400), (2, 1, 700), (3, 2, 600);
TABLE earned;
TABLE guests;
-- now Ada is gold, and Ben is silver: until he reaches gold by this
INSERT INTO orders VALUES (4, 1, 10), (5, 2, 500);
INSERT INTO orders VALUES (6, 1, 10), (7, 2, 10);
TABLE earned;
TABLE guests;
-- statements of one transaction stand one after the other
BEGIN;
SELECT segment.join_program('club', 3, 'C');
INSERT INTO orders VALUES (8, 3, 1000);
INSERT INTO orders VALUES (9, 3, 10);
COMMIT;
SELECT * FROM earned WHERE customer = 3;
-- and so do those that a trigger makes: this one is part of the statement that fires it
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_before.orders SELECT order_id + 100, customer_id, 10 FROM came WHERE order_id < 100;
    RETURN NULL;
END $$;
CREATE TRIGGER again AFTER INSERT ON orders REFERENCING NEW TABLE AS came FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION again();
SELECT segment.join_program('club', 4, 'D');
INSERT INTO orders VALUES (10, 4, 1000);
SELECT * FROM earned WHERE customer = 4;
DROP TRIGGER again ON orders;
TABLE wrong;

-- the order by which Ben reached gold is refunded the day after: his tier goes, not what
-- he has earned by others meanwhile, and he earns no more of it
SET segment.now = '2026-03-02 10:00+00';
DELETE FROM orders WHERE order_id = 5;
TABLE guests;
SELECT * FROM segment.tier_steps('club', 2);
SELECT * FROM earned WHERE customer = 2;
INSERT INTO orders VALUES (11, 2, 20);
-- an order that is corrected, and so makes him gold again, earns as it did
UPDATE orders SET amount = 450 WHERE order_id = 11;
SELECT * FROM earned WHERE customer = 2;
INSERT INTO orders VALUES (12, 2, 20);
SELECT * FROM earned WHERE customer = 2 AND ref = '12';
-- the refund and the next order in one statement: he is gold as it begins
WITH gone AS (DELETE FROM orders WHERE order_id = 11) INSERT INTO orders VALUES (13, 2, 20);
SELECT * FROM earned WHERE customer = 2 AND ref IN ('11', '13');
TABLE guests;
TABLE wrong;

-- time that has passed before the statement has passed for what is asked, too: the hold
-- of gold ends with the next year, and what is bought at that instant is bought by nobody of gold
SET segment.now = '2027-12-31 23:59:59.999999+00';
INSERT INTO orders VALUES (20, 1, 10);
SET segment.now = '2028-01-01 00:00:00+00';
INSERT INTO orders VALUES (21, 1, 10), (22, 3, 10);
SELECT * FROM earned WHERE ref IN ('20', '21', '22');
TABLE guests;
TABLE wrong;

-- what a cancellation has taken is not given back by hand, as the row goes on to say it
INSERT INTO orders VALUES (30, 1, -30);
SELECT segment.reverse('club', movement, 1) FROM segment_data.guest_club_movement WHERE ref = '30' AND rule = 'all';
UPDATE orders SET amount = 0 WHERE order_id = 30;
SELECT * FROM earned WHERE ref = '30';
TABLE wrong;
DROP VIEW earned, guests, wrong;
SET client_min_messages = warning;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_before CASCADE;
