-- trait: conditions over the same values of a window keep each event of a
-- statement once, and it says whom it concerns
SET client_min_messages = warning;
CREATE SCHEMA shared;
SET search_path = shared;

CREATE TABLE orders (order_id integer PRIMARY KEY, customer_id bigint, ordered_at timestamptz, amount numeric, points integer);
CREATE INDEX ON orders (customer_id, ordered_at);
SELECT segment.create_population('shopper');
SELECT segment.attach_source('orders', at => 'ordered_at');
-- more than a number has bits; some always say the same
SELECT count(*) FROM segment.create_traits((SELECT json_object_agg('over_' || e,
    format('sum(orders.amount where amount > %s in last 30 days)', e)) FROM generate_series(1, 70) AS e));
SELECT segment.create_trait('recent', 'count(orders in last 30 days)');
SELECT segment.create_trait('cheap', 'count(orders where amount <= 35 in last 30 days)');
SELECT segment.create_trait('longer', 'min(orders.amount where amount > 1000 in last 60 days)');
SELECT segment.create_trait('saved', 'sum(orders.points so far)');
SELECT segment.create_trait('savings', 'count(orders where points > 2 so far)');
SELECT segment.create_trait('most', 'max(orders.points in last 30 days)');
SET segment.now = '2026-05-20 12:00+00';

-- customers of whom it is not so
CREATE VIEW wrong AS
SELECT customer_id FROM shopper AS s FULL JOIN (
    SELECT customer_id, count(*) FILTER (WHERE counts) AS recent,
        coalesce(sum(amount) FILTER (WHERE counts AND amount > 35), 0) AS over_35,
        coalesce(sum(amount) FILTER (WHERE counts AND amount > 70), 0) AS over_70,
        coalesce(sum(points) FILTER (WHERE ordered_at <= segment.now()), 0) AS saved
    FROM orders, LATERAL (SELECT ordered_at <= segment.now() AND
        segment.now() < ordered_at + interval '30 days' AS counts) AS c
    GROUP BY customer_id) AS o USING (customer_id)
WHERE (s.recent, s.over_35, s.over_70, s.saved) IS DISTINCT FROM
    (o.recent, o.over_35, o.over_70, o.saved);

-- in no order of time, some twice at one instant
INSERT INTO orders SELECT e, e % 5, timestamptz '2026-05-22 12:00+00' - e * 7 % 50 * interval '1 day', e * 13 % 80, e % 4
FROM generate_series(1, 300) AS e;
SELECT customer_id, recent, cheap, over_1, over_35, over_64, over_65, over_70, longer, saved, savings, most
FROM shopper ORDER BY customer_id;
SELECT * FROM segment.verify();
TABLE wrong;

-- what an update takes and gives back comes to nothing for some
UPDATE orders SET amount = 80 - amount, points = 4 - points WHERE order_id % 3 = 0;
SELECT customer_id, recent, cheap, over_1, over_35, over_64, over_65, over_70, longer, saved, savings, most
FROM shopper ORDER BY customer_id;
SELECT * FROM segment.verify();
TABLE wrong;
DELETE FROM orders WHERE order_id % 4 = 1;
SELECT * FROM segment.verify();
TABLE wrong;

-- the same from temporary files, and of a customer with very many at once
SET segment.statement_memory = 0;
INSERT INTO orders SELECT e, e % 7, timestamptz '2026-05-22 12:00+00' - e * 7 % 50 * interval '1 day', e * 13 % 80, e % 4
FROM generate_series(1001, 1300) AS e;
SELECT * FROM segment.verify();
TABLE wrong;
INSERT INTO orders SELECT e, 1, timestamptz '2026-05-22 12:00+00' - e * 7 % 5000 * interval '1 hour', e * 13 % 80, e % 4
FROM generate_series(2001, 6000) AS e;
SELECT * FROM segment.verify();
TABLE wrong;
UPDATE orders SET amount = amount + 1 WHERE order_id > 4000;
DELETE FROM orders WHERE order_id BETWEEN 2001 AND 4000;
SELECT customer_id, recent, cheap, over_1, over_35, over_64, over_65, over_70, longer, saved, savings, most
FROM shopper ORDER BY customer_id;
SELECT * FROM segment.verify();
TABLE wrong;

DROP VIEW wrong;
SELECT segment.drop_population('shopper', cascade => true);
DROP SCHEMA shared CASCADE;
