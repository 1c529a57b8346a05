-- Many rows of one statement earn: what they earn is kept in a file and granted some
-- customers at a time, and comes to the same as by naive SQL.
CREATE SCHEMA shop_many;
SET search_path = shop_many, public;
SET timezone = 'UTC';
SET work_mem = '64kB';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id text, amount numeric, at timestamptz DEFAULT segment.now());
SELECT segment.create_population('many', key_type => 'text', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at', population => 'many');
SELECT segment.create_program('club', expires => 'after 1 year', population => 'many');
SELECT segment.create_program('stamps', population => 'many');
SELECT count(segment.join_program('club', 'customer ' || c, population => 'many')), count(segment.join_program('stamps', 'customer ' || c, population => 'many')) FROM generate_series(1, 1500) AS c;
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id', population => 'many');
SELECT segment.create_earning('club', 'large', 'orders.amount * 2 where amount > 90', ref => 'order_id', population => 'many');
SELECT segment.create_earning('stamps', 'orders', 'orders.amount * 0 + 1', ref => 'order_id', population => 'many');
CREATE VIEW wrong AS
SELECT customer_id, club_balance, stamps_balance, points, stamps FROM many LEFT JOIN (
    SELECT customer_id, sum(trunc(amount) + CASE WHEN amount > 90 THEN trunc(amount * 2) ELSE 0 END) AS points, count(*) AS stamps
    FROM orders GROUP BY customer_id) AS naive USING (customer_id)
WHERE club_balance <> coalesce(points, 0) OR stamps_balance <> coalesce(stamps, 0);
INSERT INTO orders SELECT i, 'customer ' || (1 + (hashint8(i) & 1023)), 10.3 + i % 90 FROM generate_series(1, 6000) AS i;
SELECT * FROM wrong;
SELECT count(*) AS members, sum(club_balance) AS points, sum(stamps_balance) AS stamps FROM many;
-- orders that are other customers' now, and of other amounts
UPDATE orders SET customer_id = 'customer ' || (1 + (hashint8(order_id + 1) & 1023)), amount = amount + 7 WHERE order_id % 2 = 0;
SELECT * FROM wrong;
SELECT sum(club_balance) AS points, sum(stamps_balance) AS stamps FROM many;
DELETE FROM orders WHERE order_id % 3 = 0;
SELECT * FROM wrong;
-- very many rows of one customer: they are granted at once, and what they lose is
-- taken out of the lots that they were granted into, as long as these have it
INSERT INTO orders SELECT i, 'customer 1500', 20 + i % 90 FROM generate_series(10001, 10400) AS i;
UPDATE orders SET amount = amount - 10 WHERE order_id > 10000;
SELECT * FROM wrong;
SELECT segment.redeem('club', 'customer 1500', 20000, population => 'many') > 0 AS redeemed;
UPDATE orders SET amount = amount + 20 * (order_id % 3 - 1) WHERE order_id > 10000;
SELECT club_balance - points AS points, stamps_balance - stamps AS stamps FROM wrong;
SELECT count(*) AS lots, sum(remaining) - (SELECT club_balance FROM many WHERE customer_id = 'customer 1500') AS more
FROM segment_data.many_club_lot WHERE key = 'customer 1500' AND remaining > 0;
DELETE FROM orders WHERE order_id > 10000;
SELECT club_balance, stamps_balance FROM wrong;
SELECT segment.earn('club', 'customer 1500', 20000, population => 'many') > 0 AS made_up_for;
-- refunds of one customer, each of which empties some of very many lots; they change,
-- and go, and so does what they were taken from
INSERT INTO orders SELECT i, 'customer 1499', 20 + i % 90 FROM generate_series(20001, 20400) AS i;
INSERT INTO orders SELECT i, 'customer 1499', -40 - i % 9 FROM generate_series(20401, 20800) AS i;
SELECT * FROM wrong;
UPDATE orders SET amount = amount + 10 * (order_id % 3 - 1) WHERE order_id > 20400;
SELECT * FROM wrong;
DELETE FROM orders WHERE order_id > 20400 AND order_id % 2 = 0;
SELECT * FROM wrong;
DELETE FROM orders WHERE order_id % 5 > 0 AND order_id > 20000;
SELECT * FROM wrong;
TRUNCATE orders;
SELECT * FROM wrong;
SELECT sum(club_balance) AS points, sum(stamps_balance) AS stamps FROM many;
SELECT p.name, v.problem FROM (VALUES ('club'), ('stamps')) AS p(name), segment.verify_program(p.name::name, 'many') AS v;
SELECT definition FROM segment.verify('many');
-- very many steps of one customer come and go
SELECT segment.create_tiering('club', 'sum(orders.amount)', 'last 1 day', '1 day', population => 'many');
SELECT segment.create_tier('club', 'gold', 5, population => 'many');
INSERT INTO orders SELECT i, 'customer 1500', 10, '2027-01-01'::timestamptz + i * interval '10 days' FROM generate_series(1, 2000) AS i;
SELECT count(*) FROM segment_data.many_club_step WHERE key = 'customer 1500';
DELETE FROM orders WHERE order_id > 1;
SELECT count(*) FROM segment_data.many_club_step WHERE key = 'customer 1500';
SET client_min_messages = warning;
DROP VIEW wrong;
SELECT segment.drop_population('many', cascade => true);
DROP SCHEMA shop_many CASCADE;
