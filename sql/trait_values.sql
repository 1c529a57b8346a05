-- trait: no value of a row makes the statement fail that brings it
CREATE SCHEMA shop_values;
SET search_path = shop_values;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET extra_float_digits = 0;
SET segment.now = '2026-06-01 12:00+00';

CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, small smallint, pieces int, units bigint, price numeric, weight float8, grams real,
                     at timestamptz, local timestamp, day date, took interval, note text, payload jsonb);
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait(name, definition) FROM (VALUES
    ('orders', 'count(orders)'),
    ('revenue', 'sum(orders.price * orders.units)'),
    ('cube', 'max(orders.price * orders.price * orders.price)'),
    ('ratio', 'min(orders.units / orders.pieces)'),
    ('total', 'sum(orders.price)'),
    ('grown', 'sum(orders.weight)'),
    ('force', 'sum(orders.weight * orders.weight)'),
    ('fits', 'count(orders where round(price) > 0)'),
    ('spread', 'stddev(orders.price)'),
    ('average', 'avg(orders.price)'),
    ('spread_of_weight', 'stddev(orders.weight)'),
    ('recent_spread', 'stddev(orders.weight in last 30 days)'),
    ('recent', 'sum(orders.price in last 30 days)'),
    ('done', 'max(orders.at + orders.took)'),
    ('longest', 'max(orders.took + orders.took)'),
    ('delay', 'max(orders.local - orders.day)'),
    ('late', 'count(orders where day + 1 month > at)'),
    ('big', 'sum(orders.payload.size * 1)'),
    ('size', 'max(orders.payload.size * orders.weight)'),
    ('root', 'max(sqrt(orders.price))')) AS t(name, definition);
SELECT segment.create_audience('keen', 'revenue > 1000 and total / (orders - 1) > 3');
SELECT segment.create_audience('heavy', 'sum(orders.price * orders.weight) > 1 or did orders where at + took > local and price / pieces < weight');

-- an everyday order, and then one of each kind that has no result
INSERT INTO orders VALUES (1, 1, 1, 2, 3, 4.50, 0.5, 0.5, '2026-05-20 12:00+00', '2026-05-20 14:00', '2026-05-20', '1 day', 'plain', '{"size": 4}');
CREATE FUNCTION told(OUT t text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT name || ': ' || CASE WHEN length(value) > 40 THEN length(value) || ' digits' ELSE value END
       FROM profile p, jsonb_each_text(to_jsonb(p)) WITH ORDINALITY AS e(name, value, no) WHERE value IS NOT NULL ORDER BY no $$;
SELECT * FROM told();
INSERT INTO orders (id, customer_id, pieces, units, price, at) VALUES (2, 1, 0, 9223372036854775807, 9e131071, '2026-05-21 12:00+00');
INSERT INTO orders (id, customer_id, pieces, units, price, at) VALUES (3, 1, -2147483648, -9223372036854775808, 9e131071, '2026-05-22 12:00+00');
INSERT INTO orders (id, customer_id, weight, at) VALUES (4, 1, 1e308, '2026-05-23 12:00+00'), (5, 1, 1.7e308, '2026-05-24 12:00+00');
INSERT INTO orders (id, customer_id, price, at) VALUES (6, 1, repeat('9', 131072)::numeric + 0.5, '2026-05-25 12:00+00');
INSERT INTO orders (id, customer_id, at, local, day, took) VALUES
    (7, 1, '294276-12-31 23:59+00', '294276-12-31 23:59', '5874897-12-31', '178956970 years 7 months'),
    (8, 1, '4714-11-24 00:00+00 BC', '4714-11-24 00:00 BC', '4714-11-24 BC', '-178956970 years -8 months'),
    (9, 1, 'infinity', '-infinity', 'infinity', '9223372036854775807 microseconds'),
    (10, 1, '-infinity', 'infinity', '-infinity', '2147483647 days');
INSERT INTO orders (id, customer_id, weight, payload, at) SELECT 10 + n, 1, 1e200, p::jsonb, '2026-05-26 12:00+00'
    FROM unnest(ARRAY['{"size": 1e400}', '{"size": "1e400"}', '{"size": [1]}', '{}', '[]', 'null', '{"size": true}', '{"size": 1e131071}']) WITH ORDINALITY AS t(p, n);
SELECT * FROM told();
SELECT * FROM segment.verify();

-- it goes as it came
DELETE FROM orders WHERE id IN (3, 5, 6);
SELECT * FROM told();
SELECT * FROM segment.verify();
DELETE FROM orders WHERE id > 1;
SELECT * FROM told();
SELECT * FROM segment.verify();
SELECT segment.size('keen'), segment.size('heavy');

-- sums come back within the range when what was too large goes, and in any order
TRUNCATE orders;
INSERT INTO orders (id, customer_id, price, weight) VALUES (1, 1, 9e131071, 1.5e308), (2, 1, 9e131071, 1.5e308), (3, 1, -9e131071, -1.5e308);
SELECT round(total / 1e131071, 3) AS total, grown FROM profile;
INSERT INTO orders (id, customer_id, price, weight) VALUES (4, 1, 8e131071, 1e308);
SELECT total, grown FROM profile;
UPDATE orders SET price = 1, weight = 1 WHERE id IN (2, 4);
SELECT total, grown FROM profile;
SELECT * FROM segment.verify();
SELECT segment.rebuild('profile');
SELECT total, grown FROM profile;
SELECT segment.drop_population('profile', cascade => true);

-- types whose comparison has a wider type
CREATE TABLE devices (customer_id bigint PRIMARY KEY, relation oid, number bigint, count int, share float8, short macaddr, long macaddr8);
SELECT segment.create_population('profile');
SELECT segment.attach_source('devices');
SELECT segment.create_trait('wider', 'count(devices where relation < number)');
SELECT segment.create_trait('equal', 'count(devices where short = long)');
SELECT segment.create_trait('above', 'count(devices where count > share)');
INSERT INTO devices VALUES (1, 5, 99999999999, 2, 1.5, '08:00:2b:01:02:03', '08:00:2b:ff:fe:01:02:03'), (2, 5, -1, 1, 1.5, '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
SELECT * FROM profile ORDER BY 1;
SELECT segment.drop_population('profile', cascade => true);

-- what fails in spite of all is the user's own, and the error names it
CREATE TYPE grade AS ENUM ('low', 'high', 'odd');
CREATE FUNCTION grade_text(grade) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF enum_out($1)::text = 'odd' THEN
        RAISE EXCEPTION 'no word for an odd grade';
    END IF;
    RETURN upper(enum_out($1)::text);
END $$;
CREATE CAST (grade AS text) WITH FUNCTION grade_text(grade) AS IMPLICIT;
CREATE FUNCTION odd_cmp(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('shop_values.no_order', true) = 'on' THEN
        RAISE EXCEPTION 'there is no order today';
    END IF;
    RETURN btint4cmp($1, $2);
END $$;
CREATE OPERATOR CLASS odd_ops FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 odd_cmp(int, int);
CREATE TYPE levels AS RANGE (subtype = int, subtype_opclass = odd_ops);
CREATE TABLE sales (id int PRIMARY KEY, customer_id bigint, grade grade, word text, level levels, at timestamptz);
CREATE INDEX ON sales (customer_id);
SELECT segment.create_population('profile');
SELECT segment.attach_source('sales', at => 'at');
SELECT segment.create_trait('exact', 'count(sales where grade = word)');
SELECT segment.create_trait('share', 'count(sales where grade = word) / count(sales)');
SELECT segment.create_trait('top', 'max(sales.level)');
SELECT segment.create_trait('grade', 'last(sales.grade)');
INSERT INTO sales VALUES (1, 1, 'low', 'LOW', '[1,5)', '2026-05-01'), (2, 1, 'high', 'high', '[1,7)', '2026-05-02');
SELECT * FROM profile;
INSERT INTO sales VALUES (3, 1, 'odd', 'odd', '[1,5)', '2026-05-03');
UPDATE sales SET grade = 'odd' WHERE id = 1;
-- of an audience alone
SELECT segment.drop_trait('share'), segment.drop_trait('exact');
SELECT segment.create_audience('exactly', 'did sales where grade = word');
INSERT INTO sales VALUES (3, 1, 'odd', 'odd', '[1,5)', '2026-05-03');
SELECT segment.drop_audience('exactly');
-- of traits
SELECT segment.create_trait('word', 'last(sales.word)');
SELECT segment.create_audience('graded', 'grade = word');
INSERT INTO sales VALUES (3, 1, 'odd', 'odd', '[1,5)', '2026-05-03');
SELECT segment.drop_audience('graded');
-- when it is folded, and when it is read again
SET shop_values.no_order = on;
INSERT INTO sales SELECT 3, customer_id, grade, word, level, '2026-05-03' FROM sales WHERE id = 1;
DELETE FROM sales WHERE id = 2;
RESET shop_values.no_order;
DELETE FROM sales WHERE id = 2;
SELECT * FROM profile;
SELECT segment.drop_population('profile', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_values CASCADE;
