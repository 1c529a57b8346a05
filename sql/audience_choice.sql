-- Tiers and states of customers: case and band in traits and audiences, when
-- they change by time alone, and where their thresholds lie.
CREATE SCHEMA shop_choice;
SET search_path = shop_choice;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-03-01 12:00+00';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, joined_at timestamptz);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, status text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
-- Ada spends, Ben has lapsed, Cleo is new
INSERT INTO customers VALUES (1, 'Aarhus', '2025-01-01'), (2, 'Odense', '2025-06-01'), (3, NULL, '2026-02-27 12:00+00');
INSERT INTO orders VALUES (1, 1, 1500, 'paid', '2025-04-01 12:00+00'), (2, 1, 600, 'paid', '2026-02-10 12:00+00'),
    (3, 1, 90, 'open', '2026-02-20 12:00+00'), (4, 2, 700, 'paid', '2025-12-01 12:00+00');
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('joined_at', 'customers.joined_at');
SELECT segment.create_trait('spent', 'sum(case when orders.status = "paid" then orders.amount else 0 end in last 12 months)');
SELECT segment.create_trait('tier', 'band(spent, 0, "bronze", 500, "silver", 2000, "gold")');
SELECT segment.create_trait('state', 'case when did orders in last 30 days then "active" when did orders then "lapsed" else "new" end');
SELECT segment.create_trait('waits', 'case when state = "new" then now - joined_at when city = "Odense" then now - (joined_at + 200 days) end');
SELECT trait, definition FROM segment.trait ORDER BY 1;
SELECT * FROM profile ORDER BY 1;

SELECT segment.create_audience('gold', 'tier = "gold"');
SELECT segment.create_audience('not_gold', 'tier != "gold"');
SELECT segment.create_audience('middle', 'tier in ("silver")');
SELECT segment.create_audience('lapsed', 'state = "lapsed"');
SELECT segment.create_audience('patient', 'waits > 5 days');
SELECT segment.create_audience('danes', 'case when city = "Aarhus" then "J" when city = "Odense" then "F" else "?" end in ("F", "?")');
SELECT segment.create_audience('both', 'case when in audience lapsed then 2 when not did orders then 1 else 0 end > 0');
-- members of all of them are stored: it is known when each may change
SELECT audience, stored FROM segment.audience ORDER BY 1;
SELECT a.audience, c.customer_id, segment.is_member(a.audience, c.customer_id) AS member, segment.next_change(a.audience, c.customer_id)
FROM segment.audience a, customers c ORDER BY 1, 2;
SELECT depth, filter, value, holds, next_change FROM segment.explain('both', 2);
SELECT depth, filter, value, holds, next_change FROM segment.explain('gold', 1);
SELECT * FROM segment.dependencies('tier');

-- an order that passes a threshold, one that does not, and time
INSERT INTO orders VALUES (5, 2, 1299, 'paid', segment.now()), (6, 3, 3000, 'open', segment.now());
SELECT * FROM profile ORDER BY 1;
UPDATE orders SET status = 'paid', amount = 1300 WHERE id IN (5, 6);
SELECT audience, segment.size(audience) FROM segment.audience ORDER BY 1;
SET segment.now = '2026-12-15 12:00+00';
SELECT sum(folded) > 0 AS folded FROM segment.tick();
SELECT audience, key, change, at, cause FROM segment.transition WHERE cause IN ('event', 'time') ORDER BY seq;
SELECT * FROM profile ORDER BY 1;
SELECT * FROM segment.verify();

-- names are followed
SELECT segment.rename_trait('spent', 'revenue');
SELECT segment.rename_audience('lapsed', 'gone');
SELECT definition FROM segment.trait WHERE trait = 'tier';
SELECT filter FROM segment.audience WHERE audience = 'both';
SELECT segment.create_trait('bad', 'band(city, 0, 1)');
SELECT segment.create_trait('bad', 'band(revenue, 500, "silver", 0, "bronze")');
SELECT segment.create_trait('bad', 'band(revenue, 0, "bronze", 500, 1)');
SELECT segment.create_trait('bad', 'band(revenue, 0, "bronze", 500)');
SELECT segment.create_trait('bad', 'width_bucket(revenue, 0, 1000, 5)');
SELECT segment.create_trait('bad', 'band(revenue, 0, "bronze", 500, city)');
SELECT segment.create_trait('bad', 'case city when "Aarhus" then 1 end');
SELECT segment.create_trait('bad', 'case when in audience gone then 1 end');
SELECT segment.drop_trait('tier');
SET client_min_messages = warning;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_choice CASCADE;
