-- Which filters does an event evaluate, of the many that there are?  It looks up
-- what it changes: thresholds, values, elements of lists, and the ratio or the
-- difference of two traits.
CREATE SCHEMA many;
SET search_path = many;
CREATE TABLE orders (order_id serial PRIMARY KEY, customer_id bigint, ordered_at timestamptz, amount numeric, item text);
CREATE INDEX ON orders (customer_id, ordered_at);
SELECT segment.create_population('customers', timezone => 'UTC') \g /dev/null
SELECT segment.attach_source('orders', at => 'ordered_at') \g /dev/null
SELECT segment.create_trait('spend', 'sum(orders.amount)') \g /dev/null
SELECT segment.create_trait('order_count', 'count(orders)') \g /dev/null
SELECT segment.create_trait('biggest', 'max(orders.amount)') \g /dev/null
SELECT segment.create_trait('items', 'list(distinct orders.item)') \g /dev/null
INSERT INTO orders (customer_id, ordered_at, amount, item) VALUES (1, '2026-05-01', 40, 'tea'), (1, '2026-05-02', 20, 'milk');

-- eighty filters: the factor, the summand, the word or the number is another
CREATE PROCEDURE define_many() LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. 20 LOOP
        PERFORM segment.create_audience(('ratio_' || n)::name, format('spend > order_count * %s', n * 5)::segment.filter, view => false);
        PERFORM segment.create_audience(('difference_' || n)::name, format('biggest + %s <= spend', n * 10)::segment.filter, view => false);
        PERFORM segment.create_audience(('has_' || n)::name, format('items contains "item %s"', n)::segment.filter, view => false);
        PERFORM segment.create_audience(('above_' || n)::name, format('spend >= %s', n * 10)::segment.filter, view => false);
    END LOOP;
END $$;
CALL define_many();

-- how many filters does a statement evaluate, before and after it, and which
-- audiences have another size then?
CREATE FUNCTION evaluated(statement text) RETURNS TABLE (filters bigint, differ text) LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
    sizes text[] := ARRAY(SELECT s::text FROM segment.sizes() s);
BEGIN
    before := segment.filters_evaluated();
    EXECUTE statement;
    filters := segment.filters_evaluated() - before;
    SELECT CASE WHEN count(*) > 10 THEN count(*) || ' audiences' ELSE string_agg(audience, ', ' ORDER BY audience COLLATE "C") END INTO differ FROM segment.sizes() s WHERE s::text <> ALL (sizes);
    RETURN NEXT;
END $$;

-- sixty in two orders: the ratio goes from 30 to 30.33, the difference to 51
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount, item) VALUES (1, '2026-05-03', 31, 'tea') $$);
-- and the ratio to 26.5, the difference to 66; someone has a new item
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount, item) VALUES (1, '2026-05-04', 15, 'item 7') $$);
SELECT * FROM evaluated($$ UPDATE orders SET item = 'item 8' WHERE item = 'item 7' $$);
-- exactly at a factor: that is evaluated, and does not hold
SELECT * FROM evaluated($$ UPDATE orders SET amount = 9 WHERE item = 'item 8' $$);
-- no money at all, and less than that: the comparison turns round with a sign
SELECT segment.create_audience('turned', 'order_count > spend * 2', view => false);
SELECT segment.create_audience('turned_less', 'order_count > spend * -2', view => false);
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount) VALUES (2, '2026-05-01', 0) $$);
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount) VALUES (2, '2026-05-01', -3) $$);
-- a number too small for float8, and one that is none
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount) VALUES (3, '2026-05-01', 1e-400), (3, '2026-05-01', -2e-400) $$);
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount) VALUES (4, '2026-05-01', 'NaN') $$);
SELECT * FROM evaluated($$ DELETE FROM orders WHERE customer_id IN (2, 3, 4) $$);
SELECT * FROM segment.verify();

-- audiences come and go, and the index of the others is not built anew
CREATE TEMPORARY TABLE built AS SELECT ident FROM pg_backend_memory_contexts WHERE name = 'segment audience index';
SELECT segment.drop_audience('has_9');
SELECT segment.drop_audience('ratio_4');
SELECT segment.create_audience('has_nine', 'items contains any ("item 9", "item 10")', view => false);
SELECT segment.create_audience('both', 'items contains all ("item 9", "item 10")', view => false);
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount, item) VALUES (1, '2026-05-05', 1, 'item 9') $$);
SELECT * FROM evaluated($$ INSERT INTO orders (customer_id, ordered_at, amount, item) VALUES (1, '2026-05-05', 1, 'item 10') $$);
SELECT * FROM evaluated($$ DELETE FROM orders WHERE item = 'item 9' $$);
SELECT count(*) FROM pg_backend_memory_contexts JOIN built USING (ident) WHERE name = 'segment audience index';
SELECT * FROM segment.verify();

-- what that has cost each audience, by this session
SELECT audience, evaluated, conditions, milliseconds > 0 AS took_time, transitions
FROM segment.stat_audience WHERE audience ~ '(_8|has_|both|turned)' ORDER BY transitions DESC, audience COLLATE "C" LIMIT 8;
-- a condition that cannot be looked up counts for one of those who have it; another filter begins anew
SELECT segment.create_audience('teatime', 'biggest > 8 and min(orders.item) like "t_a"', view => false);
SELECT segment.create_audience('tea', 'min(orders.item) like "t_a"', view => false);
SELECT segment.alter_audience('has_8', 'items contains "item 8" and biggest > 5');
INSERT INTO orders (customer_id, ordered_at, amount, item) VALUES (1, '2026-05-06', 1, 'item 11'), (5, '2026-05-06', 9, 'tea');
SELECT audience, evaluated, conditions, transitions
FROM segment.stat_audience WHERE audience IN ('has_8', 'tea', 'teatime') ORDER BY audience;

SET client_min_messages = warning;
SELECT segment.drop_population('customers', cascade => true);

-- numbers with a floating point are looked up in the same way, alone and beside
-- others: three hundred filters
CREATE TABLE people (customer_id bigint PRIMARY KEY, score float8, age float8, points real, visits integer, amount numeric);
SELECT segment.create_population('walkers', timezone => 'UTC') \g /dev/null
SELECT segment.attach_source('people') \g /dev/null
SELECT segment.create_traits(json_object_agg(name, 'people.' || name))
FROM unnest(ARRAY['score', 'age', 'points', 'visits', 'amount']) AS name \g /dev/null
INSERT INTO people VALUES (1, 30, 40, 30, 40, 40);
CREATE TEMPORARY TABLE compared AS
SELECT *, format('%s_%s', form, n) AS name, format(filter, n / 100.0) AS condition
FROM generate_series(1, 50) AS i, LATERAL (VALUES (i * 3)) AS factor(n), (VALUES ('less', 'score < age * %s'), ('reverse', '%s * visits <= score'),
    ('more', 'score > amount * %s'), ('real', 'points >= age * %s'), ('sum', 'score - %s > age'), ('same', 'score = age * %s')) AS f(form, filter);
SELECT count(segment.create_audience(name::name, condition::segment.filter, view => false)) FROM compared;
-- a ratio goes from 0.75, which is a factor, to 0.76, and then, with others, to 0.78
SELECT * FROM evaluated($$ UPDATE people SET score = 30.4 $$);
SELECT * FROM evaluated($$ UPDATE people SET score = 31.2, age = 40, visits = 40 $$);
-- right at a factor, and as near as a float8 can be; far away, too small, too large, and no number
CREATE FUNCTION all_right(new_score float8, new_age float8, new_amount numeric DEFAULT 40) RETURNS TABLE (filters bigint, right_answers bigint, members bigint) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := segment.filters_evaluated();
BEGIN
    UPDATE people SET score = new_score, age = new_age, amount = new_amount, points = 30, visits = 7;
    filters := segment.filters_evaluated() - before;
    SELECT count(*) FILTER (WHERE segment.is_member(name::name, 1::bigint) = holds), count(*) FILTER (WHERE holds) INTO right_answers, members
    FROM compared, LATERAL (SELECT n / 100.0::float8 AS factor) AS f,
        LATERAL (SELECT CASE form WHEN 'less' THEN new_score < new_age * factor WHEN 'reverse' THEN (n / 100.0 * 7)::float8 <= new_score
            WHEN 'more' THEN new_score > (new_amount * (n / 100.0))::float8 WHEN 'real' THEN 30::real >= new_age * factor
            WHEN 'sum' THEN new_score - factor > new_age ELSE new_score = new_age * factor END AS holds) AS naive;
    RETURN NEXT;
END $$;
SELECT * FROM all_right(30, 40);
SELECT * FROM all_right(30.000000000000004, 40);
SELECT * FROM all_right(0.3, 0.1);
SELECT * FROM all_right(0.30000000000000004, 0.1);
SELECT * FROM all_right(0.21, 0.7);
SELECT * FROM all_right(0.20999999999999996, 0.7);
SELECT * FROM all_right(-30, -40, -0.1);
SELECT * FROM all_right(0, 0, 0);
SELECT * FROM all_right(4e-320, 5e-320);
SELECT * FROM all_right(1e300, 1.1e300, 1e305);
SELECT * FROM all_right('infinity', 'infinity', 'infinity');
SELECT * FROM all_right('NaN', 2, 'NaN');
SELECT * FROM all_right(1, 2, 3);
SELECT * FROM segment.verify();
SELECT segment.drop_population('walkers', cascade => true);
DROP SCHEMA many CASCADE;
