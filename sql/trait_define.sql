-- Traits: attributes, aggregates and formulas; what they are stored as; errors.
CREATE SCHEMA shop_trait;
SET search_path = shop_trait, public;

CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, born date, tags text[], extra jsonb);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, pieces int,
                     status text, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES
    (1, 'Aarhus', '1990-02-28', '{vegan,tea}', '{"size": "M"}'),
    (2, 'Odense', NULL, NULL, NULL);
INSERT INTO orders VALUES
    (1, 1, 10.50, 1, 'paid', '2026-05-01 10:00+00'),
    (2, 1, 30, 3, 'paid', '2026-05-03 10:00+00'),
    (3, 1, 7, 1, 'open', '2026-05-02 10:00+00'),
    (4, 3, NULL, NULL, NULL, NULL);
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');

-- one of each
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('tags', 'customers.tags');
SELECT segment.create_trait('orders', 'count(orders)', description => 'how often');
SELECT segment.create_trait('paid', 'count(orders where status = "paid")');
SELECT segment.create_trait('spend', 'sum(orders.amount)');
SELECT segment.create_trait('pieces', 'sum(orders.pieces)');
SELECT segment.create_trait('average', 'avg(orders.amount)');
SELECT segment.create_trait('smallest', 'min(orders.amount)');
SELECT segment.create_trait('largest', 'max(orders.amount)');
SELECT segment.create_trait('first_status', 'first(orders.status)');
SELECT segment.create_trait('last_status', 'last(orders.status)');
SELECT segment.create_trait('statuses', 'list(distinct orders.status)');
SELECT segment.create_trait('kinds', 'count(distinct orders.status)');
SELECT segment.create_trait('usual_status', 'most_frequent(orders.status)');
SELECT segment.create_trait('spread', 'stddev(orders.amount)');
SELECT segment.create_trait('has_open', 'exists(orders where status = "open")');
SELECT segment.create_trait('piece_price', 'sum(orders.amount * orders.pieces) / pieces');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');
SELECT segment.create_trait('idle', 'now - last_order_at');
SELECT segment.create_trait('home', 'coalesce(city, "?")');
SET segment.now = '2026-05-04 10:00+00';
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
\x on
SELECT * FROM profile ORDER BY 1;
\x off
RESET segment.now;

-- what is kept for them: shared by equal definition
SELECT stored, source, definition FROM segment.stored_trait ORDER BY length(stored), stored;
\d+ profile

-- what is wrong is said at once
SELECT segment.create_trait('spend', 'count(orders)');
SELECT segment.create_trait('customer_id', 'count(orders)');
SELECT segment.create_trait('x', 'sum(ordrs.amount)');
SELECT segment.create_trait('x', 'sum(orders.amont)');
SELECT segment.create_trait('x', 'summ(orders.amount)');
SELECT segment.create_trait('x', '"city"');
SELECT segment.create_trait('x', 'coalesce("city", "?")');
SELECT segment.create_trait('x', 'sum(orders.status)');
SELECT segment.create_trait('x', 'sum(orders)');
SELECT segment.create_trait('x', 'list(orders.status)');
SELECT segment.create_trait('x', 'orders.status');
SELECT segment.create_trait('x', 'customers.town');
SELECT segment.create_trait('x', 'first(customers.city)');
SELECT segment.create_trait('x', 'max(orders.amount where status > 3)');
SELECT segment.create_trait('x', 'count(orders where ordered_at > now)');
SELECT segment.create_trait('x', 'spent + 1');
SELECT segment.create_trait('x', 'city + 1');
SELECT segment.create_trait('x', 'x + 1');
SELECT segment.create_trait('x', NULL);
SELECT segment.create_trait('x', 'sum(orders.amount');
SELECT segment.create_trait('', 'count(orders)');

-- a trait in use stays, unless its users go with it
SELECT segment.create_audience('big_spenders', 'spend > 40');
SELECT segment.drop_trait('pieces');
SELECT segment.drop_trait('spend');
SELECT segment.drop_trait('spnd');
SELECT segment.drop_trait('last_order_at', cascade => true);
-- stored columns go with their last user: sum(amount) is still the average's
SELECT segment.drop_trait('spend', cascade => true);
SELECT segment.drop_trait('orders');
SELECT definition FROM segment.stored_trait ORDER BY 1;
SELECT customer_id, average, home FROM profile ORDER BY 1;
SELECT count(*) FROM segment.audience;

-- a new definition, for whoever uses it too; a circle is refused
SELECT segment.alter_trait('city', 'upper(customers.city)');
SELECT customer_id, home FROM profile ORDER BY 1;
SELECT segment.alter_trait('city', 'customers.born');
SELECT segment.alter_trait('city', 'home');
SELECT segment.alter_trait('city', description => 'where they live');
SELECT col_description('profile'::regclass, 2);
SELECT segment.alter_trait('ctiy', 'customers.city');
SELECT customer_id, home FROM profile ORDER BY 1;

-- grants survive the view's being made again; other views over it are not dropped
CREATE ROLE regress_segment_reader;
GRANT SELECT ON profile TO regress_segment_reader;
SELECT segment.drop_trait('spread');
SELECT has_table_privilege('regress_segment_reader', 'profile', 'SELECT');
CREATE VIEW mine AS SELECT customer_id, average FROM profile;
SELECT segment.drop_trait('kinds');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT * FROM mine ORDER BY 1;
DROP VIEW mine;

SELECT * FROM segment.verify();
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_trait CASCADE;
DROP ROLE regress_segment_reader;
