-- Audiences: what create, alter and drop do, and what they refuse.
CREATE SCHEMA shop_audience;
SET search_path = shop_audience;
SET segment.now = '2026-05-01 12:00+02';

CREATE TABLE customers (customer_id bigint PRIMARY KEY, name text, city text, likes jsonb);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO customers VALUES
    (1, 'Ada', 'Aarhus', '{"roast": "dark"}'),
    (2, 'Ben', 'Odense', NULL),
    (3, 'Cleo', NULL, NULL);
INSERT INTO orders VALUES
    (1, 1, 600, '2026-04-20 10:00+02'),
    (2, 2, 700, '2026-01-05 10:00+01'),
    (3, 3, 10, '2026-04-28 10:00+02');
SELECT segment.create_population('profile', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('likes', 'customers.likes');
SELECT segment.create_trait('total_spend', 'sum(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)');

-- an audience is a view of its name; one may be made of others
SELECT segment.create_audience('vip', 'total_spend >= 500', description => 'treat them well');
SELECT segment.create_audience('lapsed_vip',
    'in audience vip and last_order_at more than 60 days ago');
SELECT segment.create_audience('dark roast', 'likes.roast = "dark"');
SELECT segment.create_audience('elsewhere', 'not (in audience vip) and city is not set', view => false);
SELECT audience, filter, view, description FROM segment.audience ORDER BY audience;
SELECT * FROM vip ORDER BY customer_id;
SELECT * FROM lapsed_vip;
SELECT * FROM "dark roast";
SELECT obj_description('vip'::regclass), col_description('vip'::regclass, 1),
       obj_description('lapsed_vip'::regclass);

-- in a filter, the planner sees what an audience stands for
EXPLAIN (COSTS OFF) SELECT count(*) FROM profile p WHERE p @@ 'in audience vip or city = "Aarhus"';
-- a plan as all servers print it: what a subquery returned is "$", 18 tells what
-- is disabled, and since 17 a column that is never null is not asked
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        CONTINUE WHEN line ~ '^ *(Disabled: true|Index Cond: \(ord IS NOT NULL\))$';
        line := regexp_replace(line, ' \(returns [$0-9,]*\)$', '');
        RETURN NEXT regexp_replace(line, '\$[0-9]+|\(InitPlan [0-9]+\)\.col1', '$', 'g');
    END LOOP;
END $$;
-- its view reads the stored members, or evaluates the filter where they are not
SELECT plan('SELECT * FROM vip');

-- altering changes what others see of it, in plans that are made already too
PREPARE members_of_lapsed AS SELECT customer_id FROM lapsed_vip ORDER BY 1;
EXECUTE members_of_lapsed;
SELECT segment.alter_audience('vip', 'total_spend >= 650');
SELECT * FROM vip;
SELECT segment.alter_audience('vip', 'total_spend < 0');
EXECUTE members_of_lapsed;
SELECT segment.is_member('lapsed_vip', 2);
BEGIN;
SELECT segment.alter_audience('vip', 'total_spend >= 500', description => 'the best');
EXECUTE members_of_lapsed;
SELECT segment.is_member('lapsed_vip', 2);
ROLLBACK;
EXECUTE members_of_lapsed;
SELECT segment.is_member('lapsed_vip', 2);
SELECT segment.alter_audience('vip', 'total_spend >= 500');
SELECT segment.alter_audience('vip', description => 'the best');
SELECT obj_description('vip'::regclass);
SELECT segment.alter_audience('vip', description => '');
SELECT obj_description('vip'::regclass), description FROM segment.audience WHERE audience = 'vip';
SELECT segment.alter_audience('vip');

-- what does not bind is said at once, and changes nothing
SELECT segment.create_audience('x', 'total_spent > 5');
SELECT segment.create_audience('x', 'city > 5');
SELECT segment.create_audience('x', 's4 = "Aarhus"');
SELECT segment.create_audience('x', 'city = "Aarhus" and in audience lapsd_vip');
SELECT segment.create_audience('x', 'count(ordrs) > 3');
SELECT segment.create_audience('x', 'did oders in last 30 days');
SELECT segment.create_audience('x', 'city =');
SELECT segment.alter_audience('vip', 'total_spent > 5');
SELECT segment.alter_audience('vpi', 'total_spend > 5');
SELECT segment.alter_audience('lapsedvip', 'total_spend > 5');
SELECT filter FROM segment.audience WHERE audience = 'vip';
SELECT count(*) FROM segment.audience;

-- names
SELECT segment.create_audience('vip', 'total_spend > 5');
SELECT segment.create_audience('orders', 'total_spend > 5');
SELECT segment.create_audience('profile', 'total_spend > 5');
SELECT segment.create_audience('orders', 'total_spend > 5', view => false);
SELECT segment.create_audience('', 'total_spend > 5');
SELECT segment.create_audience(NULL, 'total_spend > 5');
SELECT segment.create_audience('x', NULL);
SELECT segment.create_audience('x', 'true', 'profil');
SELECT segment.drop_audience('orders');
SET search_path = nowhere;
SELECT segment.create_audience('x', 'true');
SET search_path = shop_audience;

-- no audience is made of itself
SELECT segment.create_audience('snake', 'city = "Aarhus" or in audience snake');
SELECT segment.alter_audience('vip', 'in audience vip');
SELECT segment.alter_audience('vip', 'not in audience lapsed_vip');
SELECT segment.create_audience('loyal', 'in audience lapsed_vip and in audience vip', view => false);
SELECT segment.alter_audience('vip', 'city = "Aarhus" and (in audience elsewhere or in audience loyal)');

-- a trait in use keeps its name and type
SELECT segment.drop_trait('total_spend');
SELECT segment.drop_trait('likes');
SELECT segment.alter_trait('total_spend', 'customers.city');

-- what is in use is not dropped
SELECT segment.drop_audience('vip');
SELECT segment.drop_audience('loyal');
CREATE VIEW mine AS SELECT count(*) FROM lapsed_vip;
SELECT segment.drop_audience('vip', cascade => true);
DROP VIEW mine;
SELECT segment.drop_audience('vip', cascade => true);
SELECT audience, view FROM segment.audience;
SELECT to_regclass('vip'), to_regclass('lapsed_vip');
SELECT segment.drop_audience('vip');

-- nor is what stands behind a list of two hundred words, or deep in a filter; nothing
-- is left of what they count
SELECT segment.create_audience('base', 'total_spend > 1', view => false),
    segment.create_audience('deep', 'not (city = "Aarhus" or at least 1 of (city = "Odense", in audience base))', view => false);
SELECT segment.create_audience('listed', format('city in (%s) or count(orders in last 3 days) > 1 or in audience base',
    string_agg(format('"city %s"', n), ', '))::segment.filter, view => false) FROM generate_series(1, 200) AS n;
SELECT segment.drop_audience('base');
SELECT count(*) FROM segment.stored_trait WHERE definition LIKE '%3 days%';
SELECT segment.drop_audience('base', cascade => true);
SELECT count(*) FROM segment.stored_trait WHERE definition LIKE '%3 days%';

-- the view is its owner's to rename, to move and to drop
ALTER VIEW "dark roast" RENAME TO dark;
SELECT segment.alter_audience('dark roast', 'likes.roast in ("dark", "very dark")');
SELECT obj_description('dark'::regclass);
DROP VIEW dark;
SELECT segment.alter_audience('dark roast', 'likes.roast = "dark"', description => 'still here');
SELECT segment.size('dark roast');
SELECT segment.drop_audience('dark roast');

-- only the owner of the population defines; whoever may read it asks
SELECT segment.create_audience('everybody', 'true', view => false);
CREATE ROLE audience_owner;
CREATE ROLE audience_reader;
GRANT USAGE ON SCHEMA shop_audience TO audience_owner, audience_reader;
SET ROLE audience_reader;
SELECT segment.create_audience('x', 'true');
SELECT segment.alter_audience('everybody', 'false');
SELECT segment.drop_audience('everybody');
INSERT INTO segment.audience VALUES ('profile', 'x', 'true');
RESET ROLE;

-- the view belongs to the owner of the population, whoever makes it
GRANT SELECT ON customers, orders TO audience_owner;
ALTER VIEW profile OWNER TO audience_owner;
SELECT segment.create_audience('big', 'total_spend >= 500');
SELECT segment.create_audience('big', 'total_spend >= 500', view => false);
SELECT segment.drop_audience('big');
GRANT CREATE ON SCHEMA shop_audience TO audience_owner;
SELECT segment.create_audience('big', 'total_spend >= 500');
SELECT relowner::regrole FROM pg_class WHERE oid = 'big'::regclass;
SET ROLE audience_owner;
SELECT segment.alter_audience('big', 'total_spend >= 650');
SELECT segment.create_audience('small', 'not in audience big');
RESET ROLE;

-- and may be read by whom it is granted to, with or without the rest
GRANT SELECT ON big TO audience_reader;
SET ROLE audience_reader;
SELECT * FROM big;
SELECT * FROM small;
SELECT segment.size('big');
RESET ROLE;

-- a population takes its audiences with it
SELECT segment.drop_population('profile');
SELECT segment.drop_population('profile', cascade => true);
SELECT count(*) FROM segment.audience;
SELECT to_regclass('big');

SET client_min_messages = warning;
DROP SCHEMA shop_audience CASCADE;
DROP ROLE audience_owner, audience_reader;
