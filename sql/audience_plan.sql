-- Plans: the planner knows how many members an audience has, now.
CREATE SCHEMA shop_plan;
SET search_path = shop_plan;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;

CREATE TABLE customers (customer_id bigint PRIMARY KEY, points integer, city text, seen timestamptz, born timestamptz);
INSERT INTO customers
SELECT c, c, CASE WHEN c % 2 = 0 THEN 'Aarhus' ELSE 'Odense' END, '2026-01-01', '2026-01-01'::timestamptz + c * interval '1 second'
FROM generate_series(1, 20000) AS c;
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('seen', 'customers.seen');
SELECT segment.create_trait('born', 'customers.born');
SELECT segment.create_audience('few', 'points <= 10');
SELECT segment.create_audience('several', 'points > 5 and points <= 1005');
SELECT segment.create_audience('most', 'points > 1000');
SELECT segment.create_audience('nobody', 'points < 0');
-- one that is not stored: nobody knows when it changes
SELECT segment.create_audience('odd', 'points > 19000 and now - seen > now - born');
SELECT base FROM segment.population WHERE population = 'profile' \gset
VACUUM ANALYZE customers;
VACUUM ANALYZE :base;

-- Do as many rows come as the planner expects, within twice as many?
CREATE FUNCTION expected(query text) RETURNS float LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
CREATE FUNCTION planned(query text) RETURNS TABLE (rows bigint, as_expected boolean) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) AS q', planned.query) INTO rows;
    as_expected := expected(query) BETWEEN greatest(rows, 1) / 2.0 AND greatest(rows, 1) * 2.0;
    RETURN NEXT;
END $$;
SELECT q.query, planned.* FROM unnest(ARRAY[
    'SELECT * FROM few', 'SELECT * FROM several', 'SELECT * FROM most', 'SELECT * FROM nobody',
    'SELECT * FROM most LIMIT 10', 'SELECT * FROM most WHERE customer_id = 1500',
    'SELECT c.* FROM few JOIN customers c USING (customer_id)', 'SELECT c.* FROM several JOIN customers c USING (customer_id)',
    'SELECT c.* FROM most JOIN customers c USING (customer_id)',
    'SELECT * FROM customers c WHERE EXISTS (SELECT FROM most m WHERE m.customer_id = c.customer_id)',
    'SELECT * FROM customers c WHERE NOT EXISTS (SELECT FROM most m WHERE m.customer_id = c.customer_id)',
    'SELECT * FROM customers c WHERE customer_id IN (SELECT customer_id FROM few)']) WITH ORDINALITY AS q (query, n),
    planned(q.query)
ORDER BY n;
SELECT audience FROM segment.audience WHERE NOT stored;
SELECT rows, expected('SELECT * FROM odd') BETWEEN 200 AND 1000 AS guessed FROM planned('SELECT * FROM odd');

-- two views joined: nested, overlapping, disjoint; all ways to join them
-- (since 18 the planner makes one scan of two)
SELECT segment.create_audience('overlapping', 'points > 800 and points <= 1300');
SELECT segment.create_audience('apart', 'points > 5000 and points <= 7000');
SELECT q.query, planned.* FROM unnest(ARRAY[
    'SELECT * FROM few JOIN most USING (customer_id)', 'SELECT * FROM few JOIN several USING (customer_id)',
    'SELECT * FROM several JOIN overlapping USING (customer_id)', 'SELECT * FROM overlapping JOIN several USING (customer_id)',
    'SELECT * FROM most JOIN apart USING (customer_id)', 'SELECT * FROM several JOIN apart USING (customer_id)',
    'SELECT * FROM overlapping LEFT JOIN several USING (customer_id)',
    'SELECT * FROM overlapping WHERE customer_id IN (SELECT customer_id FROM several)',
    'SELECT * FROM overlapping AS o WHERE NOT EXISTS (SELECT FROM several AS s WHERE s.customer_id = o.customer_id)',
    'SELECT * FROM several JOIN overlapping USING (customer_id) JOIN customers USING (customer_id)'])
    WITH ORDINALITY AS q (query, n), planned(q.query)
ORDER BY n;

-- three and four views joined: what all of them share is known, too
SELECT q.query, planned.* FROM unnest(ARRAY[
    'SELECT * FROM several JOIN overlapping USING (customer_id) JOIN most USING (customer_id)',
    'SELECT * FROM most JOIN several USING (customer_id) JOIN overlapping USING (customer_id)',
    'SELECT * FROM few JOIN several USING (customer_id) JOIN apart USING (customer_id)',
    'SELECT * FROM overlapping a JOIN overlapping b USING (customer_id) JOIN several USING (customer_id)',
    'SELECT * FROM overlapping JOIN most USING (customer_id) JOIN several USING (customer_id) JOIN most m USING (customer_id)'])
    WITH ORDINALITY AS q (query, n), planned(q.query)
ORDER BY n;

-- an audience in a filter: its condition tells how many rows come where the
-- planner has statistics of it, else its size does
SELECT segment.create_audience('top', 'points * 3 > 59800');
SELECT q.query, planned.* FROM unnest(ARRAY[
    'SELECT * FROM profile AS p WHERE p @@ ''in audience several''',
    'SELECT * FROM profile AS p WHERE p @@ ''in audience several and city = "Odense"''',
    'SELECT * FROM profile AS p WHERE p @@ ''in audience top''',
    'SELECT * FROM profile AS p WHERE p @@ ''in audience top and city = "Odense"''',
    'SELECT * FROM profile AS p WHERE p @@ ''not in audience top''',
    'SELECT * FROM profile AS p WHERE p @@ ''in audience top and in audience most''']) WITH ORDINALITY AS q (query, n),
    planned(q.query)
ORDER BY n;

-- few members are found by their numbers, one key is looked up, and the first
-- of many are returned without looking for the rest
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        -- since 17 a column that is never null is not asked
        CONTINUE WHEN line ~ 'ord IS NOT NULL';
        RETURN NEXT regexp_replace(line, '\$[0-9]+|\(InitPlan [0-9]+\)\.col1', '$', 'g');
    END LOOP;
END $$;
SELECT plan FROM plan('SELECT c.* FROM few JOIN customers c USING (customer_id)') AS plan WHERE plan ~ 'Cond: ' AND plan ~ 'ord|customer_id';
SELECT plan FROM plan('SELECT * FROM most WHERE customer_id = 1500') AS plan WHERE plan ~ 'Index Cond: \(customer_id';
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan ~ 'Parallel Seq Scan' AS parallel FROM plan('SELECT count(*) FROM most') AS plan WHERE plan ~ 'profile$';
SELECT count(*) FROM most;
SET max_parallel_workers_per_gather = 0;

-- so it does while changes wait for a fold, and when they are folded
UPDATE customers SET points = 3 WHERE customer_id BETWEEN 10001 AND 10500;
SELECT * FROM planned('SELECT * FROM few');
SELECT count(*) FROM segment.members('few') AS m(k bigint) JOIN few ON customer_id = k;
SELECT * FROM segment.tick();
SELECT * FROM planned('SELECT * FROM few');
SELECT * FROM planned('SELECT * FROM most');

-- a plan that is kept stays right when the size is another
PREPARE members_of_few AS SELECT count(*), sum(customer_id) FROM few;
EXECUTE members_of_few;
UPDATE customers SET points = 3 WHERE customer_id > 11000;
EXECUTE members_of_few;
SELECT * FROM segment.tick();
EXECUTE members_of_few;
SELECT segment.alter_audience('few', 'points > 3');
EXECUTE members_of_few;
SELECT * FROM planned('SELECT * FROM few');

-- the size is nobody's who may not read the profiles
CREATE ROLE plan_stranger;
GRANT USAGE ON SCHEMA shop_plan TO plan_stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA shop_plan TO plan_stranger;
SET ROLE plan_stranger;
CREATE TEMP TABLE mine AS SELECT c AS ord FROM generate_series(1, 20000) AS c;
ANALYZE mine;
SELECT expected($$SELECT * FROM mine WHERE segment.is_stored_member('profile', 'few', '\x0000000000000000', ord)$$) AS default;
SELECT expected('SELECT * FROM shop_plan.few');
RESET ROLE;
GRANT SELECT ON most TO plan_stranger;
SET ROLE plan_stranger;
SELECT * FROM planned('SELECT * FROM shop_plan.most');
-- who may read one audience does not learn the size of another
SELECT expected($$SELECT * FROM shop_plan.most WHERE segment.is_stored_member('profile', 'several', '\x', customer_id)$$)
    = expected($$SELECT * FROM shop_plan.most WHERE segment.is_member('several', customer_id, 'profile')$$) AS default;
RESET ROLE;
-- who may read the population does
SELECT * FROM planned($$SELECT * FROM profile WHERE segment.is_member('several', customer_id)$$);

-- what the view is made of refuses what is no packed members
SELECT segment.ords(segment.pack_members('{-1}', '{""}', '{17,40}'));
SELECT segment.pack_members('{}', '{}', '{17}') IS NULL AS not_stored;
SELECT segment.is_stored_member('p', 'a', segment.pack_members('{-1}', '{""}', '{17,40}'), ord)
FROM generate_series(16, 17) AS ord;
SELECT segment.ords('\x00');
SELECT segment.ords('\x000000000000000000');
SELECT segment.ords('\x00000000000000000000000000000000ff00000000000000');
-- a thousand chunks of which all are members are a few bytes, and too much for an array
\set all_of_chunk '\'\\x013b300100030000ffff0100ffff01000000ffff01000000ffff\''
SELECT length(members) < 100000 AS short, segment.is_stored_member('p', 'a', members, 134000000) AS member
FROM segment.pack_members((SELECT array_agg(n) FROM generate_series(-1, 1024) AS n),
                          (SELECT array_agg(:all_of_chunk::bytea) FROM generate_series(-1, 1024)), NULL) AS members;
SELECT segment.ords(segment.pack_members((SELECT array_agg(n) FROM generate_series(-1, 1024) AS n),
                                         (SELECT array_agg(:all_of_chunk::bytea) FROM generate_series(-1, 1024)), NULL));

-- a table that somebody has altered makes plans worse, not errors
SELECT chunks FROM segment.membership WHERE population = 'profile' \gset
SET segment.capture = off;
CREATE INDEX meddled ON :chunks ((size + 1));
RESET segment.capture;
SELECT rows FROM planned('SELECT * FROM few');
SET client_min_messages = warning;
DROP INDEX segment_data.meddled;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_plan CASCADE;
DROP TABLE mine;
DROP ROLE plan_stranger;
