-- Audiences: who is in them, in whatever way one asks, and why.
CREATE SCHEMA shop_ask;
SET search_path = shop_ask;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-05-01 12:00+02';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, city text, newsletter boolean);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES
    (1, 'Ada', 'Aarhus', true), (2, 'Ben', 'Odense', false), (3, 'Cleo', NULL, NULL);
INSERT INTO orders VALUES
    (1, 1, 600, '2026-04-20 10:00+02'), (2, 2, 700, '2026-01-05 10:00+01'),
    (3, 2, 20, '2026-01-06 10:00+01'), (4, 3, 10, '2026-04-28 10:00+02'),
    (5, 4, NULL, '2026-04-28 10:00+02');
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('newsletter', 'customers.newsletter');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('total_spend', 'sum(orders.amount)');
SELECT segment.create_trait('average_order', 'avg(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');

-- the filter, and the same written by hand over the customer's own tables
CREATE TABLE expected (audience name, filter segment.filter, naive text);
INSERT INTO expected VALUES
    ('vip', 'total_spend > 500',
     'coalesce(sum(o.amount), 0) > 500'),
    ('lapsed', 'last_order_at more than 60 days ago',
     'max(o.ordered_at) < timestamptz ''2026-05-01 12:00+02'' - interval ''60 days'''),
    ('lapsed_vip', 'in audience vip and in audience lapsed',
     'coalesce(sum(o.amount), 0) > 500 and max(o.ordered_at) < timestamptz ''2026-05-01 12:00+02'' - interval ''60 days'''),
    ('not_vip', 'not in audience vip',
     'not coalesce(sum(o.amount), 0) > 500'),
    ('not_lapsed', 'not in audience lapsed',
     '(max(o.ordered_at) < timestamptz ''2026-05-01 12:00+02'' - interval ''60 days'') is not true'),
    ('abroad', 'city != "Aarhus"',
     'min(c.city) is distinct from ''Aarhus'''),
    ('subscribers', 'newsletter',
     'bool_or(c.newsletter)'),
    ('quiet', 'not newsletter and orders >= 1',
     'bool_or(c.newsletter) is not true and count(o.id) >= 1'),
    ('two of three', 'at least 2 of (newsletter, total_spend > 500, city is not set)',
     'coalesce(bool_or(c.newsletter)::int, 0) + (coalesce(sum(o.amount), 0) > 500)::int + (min(c.city) is null)::int >= 2'),
    ('above average', 'total_spend > average_order',
     'coalesce(sum(o.amount), 0) > avg(o.amount)'),
    ('some', 'customer_id in (1, 3, 99)', 'k.customer_id in (1, 3, 99)'),
    ('all', 'true', 'true'),
    ('none', 'false', 'false');
SELECT audience, segment.create_audience(audience, filter, view => false)
FROM expected ORDER BY audience IN ('lapsed_vip', 'not_vip', 'not_lapsed'), audience;

-- the keys that the customer's own tables say are in an audience
CREATE FUNCTION naive(condition text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    result bigint[];
BEGIN
    EXECUTE format('SELECT array_agg(customer_id ORDER BY customer_id) FROM ('
        ' SELECT k.customer_id FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM orders) k'
        ' LEFT JOIN customers c USING (customer_id) LEFT JOIN orders o USING (customer_id)'
        ' WHERE k.customer_id IS NOT NULL'
        ' GROUP BY k.customer_id HAVING %s) m', condition) INTO result;
    RETURN coalesce(result, '{}');
END $$;

-- a literal that is only a date is that whole day, beside traits, aggregates and formulas;
-- the same as a rule tree
SELECT f, segment.count_where(f::segment.filter) AS asked, segment.count_where(f::segment.filter::jsonb::segment.filter) AS tree,
    cardinality(naive('coalesce(' || condition || ', false)')) AS naive
FROM (VALUES
    ('last_order_at <= "2026-04-20"', 'day <= ''2026-04-20'''), ('last_order_at > "2026-04-20"', 'day > ''2026-04-20'''),
    ('last_order_at = "2026-04-20"', 'day = ''2026-04-20'''), ('last_order_at != "2026-04-20"', '(day = ''2026-04-20'') is not true'),
    ('last_order_at in ("2026-04-20", "2026-01-06")', 'day in (''2026-04-20'', ''2026-01-06'')'),
    ('last_order_at not in ("2026-04-20", "2026-01-06")', '(day in (''2026-04-20'', ''2026-01-06'')) is not true'),
    ('last_order_at between "2026-01-06" and "2026-04-20"', 'day between ''2026-01-06'' and ''2026-04-20'''),
    ('max(orders.ordered_at) >= "2026-04-20"', 'day >= ''2026-04-20'''), ('max(orders.ordered_at) <= "2026-04-28"', 'day <= ''2026-04-28'''),
    ('coalesce(last_order_at, now) < "2026-04-28"', 'day < ''2026-04-28'''), ('"2026-04-20" >= last_order_at', 'day <= ''2026-04-20''')) v(f, sql),
    replace(sql, 'day', '(max(o.ordered_at) at time zone ''Europe/Copenhagen'')::date') AS condition;

-- every way to ask gives that answer
CREATE FUNCTION answers(audience name, filter segment.filter)
RETURNS TABLE (way text, answer bigint[]) LANGUAGE sql AS $$
    SELECT 'members', ARRAY(SELECT k FROM segment.members(audience) AS m(k bigint) ORDER BY 1)
    UNION ALL
    SELECT 'is_member', ARRAY(SELECT k FROM generate_series(0, 10) k WHERE segment.is_member(audience, k) ORDER BY 1)
    UNION ALL
    SELECT 'audiences', ARRAY(SELECT k FROM generate_series(0, 10) k WHERE audience IN (SELECT segment.audiences(k)) ORDER BY 1)
    UNION ALL
    SELECT 'explain', ARRAY(SELECT customer_id FROM profile
                            WHERE (SELECT e.holds FROM segment.explain(audience, customer_id) e WHERE depth = 0) ORDER BY 1)
    UNION ALL
    SELECT 'filter', ARRAY(SELECT customer_id FROM profile p WHERE p @@ filter ORDER BY 1)
    UNION ALL
    SELECT 'size', CASE WHEN segment.size(audience) = segment.count_where(filter)
                   THEN ARRAY(SELECT k FROM segment.members(audience) AS m(k bigint) ORDER BY 1 LIMIT segment.size(audience)) END
$$;
CREATE VIEW wrong AS
SELECT e.audience, a.way, a.answer, naive(e.naive) AS naive
FROM expected e, answers(e.audience, e.filter) a
WHERE a.answer IS DISTINCT FROM naive(e.naive);
SELECT audience, naive(naive) FROM expected ORDER BY audience;
SELECT * FROM wrong;

-- at once, in the transaction that changes something, and not after rollback
BEGIN;
INSERT INTO orders VALUES (6, 4, 5000, '2026-05-01 09:00+02'), (7, 5, 1, '2025-05-01 09:00+02');
UPDATE customers SET city = 'Aarhus' WHERE customer_id = 3;
DELETE FROM orders WHERE id = 2;
SELECT audience, naive(naive) FROM expected WHERE audience IN ('vip', 'lapsed', 'abroad') ORDER BY audience;
SELECT * FROM wrong;
SELECT segment.audiences(5);
ROLLBACK;
SELECT segment.audiences(5);
SELECT segment.audiences(4);
SELECT * FROM wrong;

-- time passes, and nobody has to do anything
SET segment.now = '2026-06-19 09:59+02';
SELECT segment.size('lapsed');
SET segment.now = '2026-06-19 10:01+02';
SELECT segment.size('lapsed'), segment.is_member('lapsed', 1);
SET segment.now = '2026-05-01 12:00+02';

-- why
SELECT repeat('  ', depth) || filter AS filter, value, holds FROM segment.explain('lapsed_vip', 1);
SELECT repeat('  ', depth) || filter AS filter, value, holds FROM segment.explain('two of three', 3);
SELECT repeat('  ', depth) || filter AS filter, value, holds FROM segment.explain('quiet', 2);
SELECT repeat('  ', depth) || filter AS filter, value, holds FROM segment.explain('above average', 4);
SELECT repeat('  ', depth) || filter AS filter, value, holds FROM segment.explain('not_vip', 4);
SELECT repeat('  ', depth) || filter AS filter, value, holds FROM segment.explain('all', 4);
SELECT segment.create_audience('everything',
    'not (city in ("Aarhus", "Odense") or not (orders > 1 and in audience vip))
     or bucket("trial") < 101 and (total_spend / orders between 1 and 1000 or now > last_order_at)', view => false);
SELECT depth, filter, CASE WHEN filter LIKE 'bucket%' THEN (value::float8 BETWEEN 0 AND 100)::text ELSE value END AS value, holds
FROM segment.explain('everything', 2);
SELECT * FROM segment.explain('vip', 77);
SELECT * FROM segment.explain('vip', 'seven');
SELECT * FROM segment.explain('vpi', 1);
SELECT * FROM segment.explain('vip', NULL::bigint);

-- in every row, the parts explain the whole
SELECT e.audience, p.customer_id, n.filter, n.holds
FROM expected e, profile p, segment.explain(e.audience, p.customer_id) n
WHERE n.holds IS NULL
   OR n.holds <> (SELECT q @@ n.filter::segment.filter FROM profile q WHERE q.customer_id = p.customer_id);

-- where an audience is not yet worth a name
SELECT segment.count_where('orders > 1 and not in audience lapsed'), segment.count_where('not (orders > 1 and not in audience lapsed)');
SELECT segment.count_where('ordrs > 1');
SELECT segment.count_where('orders > "one"');
SELECT segment.count_where('city = Aarhus');
SELECT segment.count_where('Aarhus = "Aarhus"');
SELECT segment.count_where('profile.city = "Aarhus"');
SELECT segment.count_where('last_order_at > 30 days');
SELECT segment.count_where('last_order_at > 2026-05-01');
SELECT segment.count_where('orders.ordered_at > 5');
SELECT t @@ 'tags = "tea"' FROM (SELECT ARRAY['tea'] AS tags) AS t;
SELECT segment.count_where('in audience lapsed_vp');
SELECT segment.count_where(NULL);

-- keys that nobody has, and the shape of members
SELECT segment.is_member('vip', 77), segment.is_member('vip', '2'), segment.is_member('vip', 2::int),
       segment.is_member('vip', NULL::bigint), segment.size(NULL);
SELECT segment.is_member('vip', 'two');
SELECT segment.is_member('vip', '7f9c24e8-3b12-4d8e-9a53-1f0b6c2d5e4a'::uuid);
SELECT segment.audiences(77);
SELECT * FROM segment.members('vip') AS m(customer_id text);
SELECT * FROM segment.members('vip') AS m(a bigint, b bigint);
SELECT segment.members('vip');
SELECT * FROM segment.members('two of three') AS someone(k bigint) ORDER BY k;

-- joined, grouped, beside an outer join, from a prepared statement
SELECT c.name, segment.is_member('vip', c.customer_id) AS vip FROM customers c ORDER BY 1;
SELECT c.name, m.k IS NOT NULL AS vip
FROM customers c LEFT JOIN segment.members('vip') AS m(k bigint) ON m.k = c.customer_id ORDER BY 1;
SELECT c.name, p @@ 'in audience vip' AS vip
FROM customers c LEFT JOIN profile p ON p.customer_id = c.customer_id AND p.city = 'Aarhus' ORDER BY 1;
PREPARE who(segment.filter) AS SELECT customer_id FROM profile p WHERE p @@ $1 ORDER BY 1;
EXECUTE who('in audience vip');
EXECUTE who('in audience lapsed_vip');

-- in parallel workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT name FROM customers WHERE segment.is_member('vip', customer_id);
BEGIN;
INSERT INTO orders VALUES (8, 3, 5000, '2026-05-01 09:00+02');
SELECT count(*) FROM customers WHERE segment.is_member('vip', customer_id);
SELECT count(*) FROM customers WHERE 'vip' IN (SELECT segment.audiences(customer_id));
SELECT count(*) FROM customers WHERE EXISTS (SELECT FROM segment.explain('vip', customer_id) WHERE holds);
SELECT segment.size('vip'), segment.count_where('in audience vip');
ROLLBACK;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- an earlier snapshot sees the earlier members, by today's definition
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT segment.size('vip');
INSERT INTO orders VALUES (8, 3, 5000, '2026-05-01 09:00+02');
SELECT segment.size('vip'), segment.is_member('vip', 3);
SELECT * FROM wrong;
ROLLBACK;

-- a reader needs the view and nothing else; an owner's rights do not leak
CREATE ROLE ask_reader;
GRANT USAGE ON SCHEMA shop_ask TO ask_reader;
SET ROLE ask_reader;
SELECT segment.size('vip');
SELECT segment.count_where('true');
SELECT segment.is_member('vip', 2);
SELECT segment.audiences(2);
SELECT * FROM segment.members('vip') AS m(k bigint);
SELECT * FROM segment.explain('vip', 2);
RESET ROLE;
GRANT SELECT ON profile TO ask_reader;
SET ROLE ask_reader;
SELECT segment.size('vip'), segment.count_where('true'), segment.is_member('vip', 2);
SELECT segment.audiences(1);
SELECT * FROM segment.members('lapsed_vip') AS m(k bigint);
SELECT filter, value, holds FROM segment.explain('vip', 2);
SELECT * FROM segment_data.profile;
SELECT count(*) FROM orders;
SELECT current_user;
RESET ROLE;

-- several populations: an audience is found by its name, if there is one such
CREATE TABLE shops (shop uuid PRIMARY KEY, city text);
CREATE TABLE tills (profile integer PRIMARY KEY, till integer);
CREATE TABLE brands (brand text PRIMARY KEY, country text);
INSERT INTO shops VALUES ('7f9c24e8-3b12-4d8e-9a53-1f0b6c2d5e4a', 'Aarhus'), ('00000000-0000-0000-0000-000000000001', 'Odense');
INSERT INTO tills VALUES (10, 1), (20, 2);
INSERT INTO brands VALUES ('Peter''s', 'DK'), ('Pauls', 'DE');
SELECT segment.create_population('shop', 'shop', 'uuid');
SELECT segment.create_population('till', 'profile', 'integer');
SELECT segment.create_population('brand', 'brand', 'text');
SELECT segment.attach_source('shops', population => 'shop');
SELECT segment.attach_source('tills', population => 'till');
SELECT segment.attach_source('brands', population => 'brand');
SELECT segment.create_trait('city', 'shops.city', 'shop');
SELECT segment.create_trait('country', 'brands.country', 'brand');
SELECT segment.create_audience('local', 'city = "Aarhus"', 'shop');
SELECT segment.create_audience('early', 'profile < 15', 'till');
SELECT segment.create_audience('danish', 'country = "DK"', 'brand');
SELECT segment.create_audience('vip', 'bucket("trial") >= 0', 'shop', view => false);
SELECT segment.create_audience('x', 'true');
SELECT segment.create_audience('x', 'in audience early', 'shop');
-- a key may be called as our own alias of the base table
SELECT * FROM local, early, danish;
SELECT segment.is_member('local', '7f9c24e8-3b12-4d8e-9a53-1f0b6c2d5e4a'),
       segment.is_member('local', '7f9c24e8-3b12-4d8e-9a53-1f0b6c2d5e4a'::uuid),
       segment.is_member('early', 10), segment.is_member('early', '20'),
       segment.is_member('danish', 'Peter''s'), segment.is_member('danish', 'Pauls');
SELECT segment.is_member('early', 10000000000);
SELECT segment.is_member('danish', 5);
SELECT * FROM segment.members('danish') AS m(brand bigint);
SELECT * FROM segment.members('danish') AS m(brand text);
SELECT segment.audiences('Peter''s', 'brand');
SELECT filter, value, holds FROM segment.explain('early', 20);
SELECT filter, value, holds FROM segment.explain('danish', 'Pauls');
SELECT segment.size('vip');
SELECT segment.size('vip', 'shop'), segment.size('vip', population => 'profile');
SELECT segment.size('vip', 'till');
SELECT segment.size('dannish');
SELECT segment.count_where('true');
SELECT segment.audiences(1);
SELECT segment.drop_audience('vip');

SELECT segment.drop_population('shop', cascade => true);
SELECT segment.drop_population('till', cascade => true);
SELECT segment.drop_population('brand', cascade => true);
SELECT segment.drop_population('profile', cascade => true);
SELECT segment.size('vip');
SET client_min_messages = warning;
DROP SCHEMA shop_ask CASCADE;
DROP ROLE ask_reader;
