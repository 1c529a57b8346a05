-- Every function once, on a population as small as can be: for servers that
-- look closely and are slow (make check-slow).
CREATE SCHEMA once;
SET search_path = once;
SET segment.now = '2026-05-10 12:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Ribe');
INSERT INTO orders VALUES (1, 1, 10, '2026-05-01 12:00+00');

SELECT segment.create_population('once', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('orders_30d', 'count(orders in last 30 days)');
SELECT segment.create_audience('spender', 'spend >= 20');
SELECT segment.create_audience('active', 'orders_30d > 0 and city = "Aarhus"');
SELECT segment.create_consumer('reader', 'once');

-- what events do, and time
INSERT INTO orders VALUES (2, 1, 15, '2026-05-02 12:00+00'), (3, 2, 40, '2026-05-03 12:00+00');
UPDATE orders SET amount = 5 WHERE id = 3;
DELETE FROM orders WHERE id = 1;
SELECT segment.size('spender'), segment.size('active');
SELECT segment.tick();
SET segment.now = '2026-07-10 12:00+00';
SELECT segment.tick();
SELECT audience, key, change FROM segment.poll('reader') ORDER BY seq;
SELECT segment.ack('reader', 5);
SELECT segment.trim_feed('0 seconds', population => 'once');

-- who asks
SELECT * FROM once ORDER BY 1;
INSERT INTO orders VALUES (4, 1, 15, '2026-07-09 12:00+00');
SELECT * FROM active;
SELECT segment.is_member('spender', 1), segment.next_change('active', 1);
SELECT * FROM segment.audiences(1);
SELECT * FROM segment.explain('active', 1);
SELECT segment.count_where('spend > 10', 'once');
SELECT * FROM segment.members('active') AS m(customer_id bigint);
SELECT * FROM segment.sizes('once');
SELECT * FROM segment.overlap('active', 'spender');
SELECT * FROM segment."overlaps"(population => 'once');
SELECT * FROM segment.what_if('active', 'spend > 10');
SELECT * FROM segment.dependencies('spend', 'once');
SELECT source, rows, captured FROM segment.stat_source WHERE population = 'once' ORDER BY 1;
SELECT segment.forecast('active', '2026-09-01 12:00+00');

-- what changes
SELECT segment.alter_trait('spend', 'max(orders.amount)');
SELECT segment.alter_audience('active', 'count(orders in last 7 days) > 0');
SELECT segment.rename_trait('spend', 'largest');
SELECT segment.rename_audience('active', 'fresh');
SELECT segment.rename_source('orders', 'sales');
SELECT audience, filter FROM segment.audience WHERE population = 'once' ORDER BY 1;
SELECT segment.rebuild('once');
SELECT * FROM segment.verify('once');
SELECT segment.drop_trait('city');
SELECT segment.drop_audience('fresh');
SELECT segment.detach_source('sales', cascade => true);
SELECT segment.drop_consumer('reader');
SELECT segment.drop_population('once', cascade => true);
DROP SCHEMA once CASCADE;
