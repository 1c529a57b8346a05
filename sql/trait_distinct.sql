-- A customer with many different values: they are in three columns, tail, middle and
-- body, and long ones have a directory.  A setting for tests makes all of these short,
-- so that some hundred events cross every border.  Ada and Ben buy, early and late,
-- change their minds, and take all back; after each step all that is kept is what
-- naive SQL says.
CREATE SCHEMA shop_distinct;
SET search_path = shop_distinct, public;
SET timezone = 'UTC';
SET jit = off;
LOAD 'segment';
SET segment.series_tail = 48;
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE orders (id serial PRIMARY KEY, customer text, at timestamptz, product int, store text,
                     city text COLLATE ignore_case, price numeric);
CREATE INDEX ON orders (customer, at);
SET segment.now = '2026-05-01 12:00+00';
SELECT segment.create_population('distinct_values', key => 'customer', key_type => 'text', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');

-- what is asked of each kind of value, and the same by hand (by min(): 18 sorts by two
-- collations of one column as by the first alone)
CREATE TABLE asked (trait text, definition text, naive text);
INSERT INTO asked SELECT format('%s_%s', a.name, v.name), format(a.definition, v.value), format(a.naive, v.value, v.shown, v.type)
FROM (VALUES
    ('number', 'count(distinct orders.%s)', 'SELECT count(DISTINCT %1$s) FROM orders AS o WHERE o.customer = c '),
    ('list', 'list(distinct orders.%s)', 'SELECT coalesce(array_agg(shown ORDER BY v), ''{}'') FROM (SELECT min(%2$s::text COLLATE "C")::%3$s AS shown, %1$s AS v FROM orders AS o WHERE o.customer = c AND %1$s IS NOT NULL GROUP BY %1$s) AS each'),
    ('usual', 'most_frequent(orders.%s)', 'SELECT (array_agg(shown ORDER BY n DESC, latest DESC NULLS LAST, v))[1] FROM (SELECT min(%2$s::text COLLATE "C")::%3$s AS shown, %1$s AS v, count(*) AS n, max(at) AS latest FROM orders AS o WHERE o.customer = c AND %1$s IS NOT NULL GROUP BY %1$s) AS each')) AS a(name, definition, naive),
    (VALUES ('product', 'product', 'product', 'int'), ('store', 'store', 'store', 'text'), ('city', 'city', 'city COLLATE "C"', 'text'),
            ('price', 'price', 'price', 'numeric')) AS v(name, value, shown, type);
SELECT count(segment.create_trait(trait, definition)) FROM asked;
SELECT segment.create_audience('varied', 'number_product > 150');
SELECT segment.create_audience('local', 'usual_store = "store 1"');

-- what differs: for a customer, which traits are not what is asked by hand; and which
-- columns are not what their text says
CREATE FUNCTION differences() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT customer, to_jsonb(p) AS kept FROM distinct_values AS p LOOP
        RETURN QUERY EXECUTE (
            SELECT string_agg(format($f$SELECT format('%%s of %%s is %%s and should be %%s', %2$L, %1$L, %3$L, v #>> '{}')
                FROM (SELECT to_jsonb((%4$s))) AS n(v) WHERE %3$L IS DISTINCT FROM v #>> '{}'$f$,
                c.customer, trait, c.kept ->> trait, replace(naive, '= c ', format('= %L ', c.customer))), ' UNION ALL ')
            FROM asked);
    END LOOP;
    RETURN QUERY SELECT format('verify: %s', v) FROM segment.verify() AS v;
    RETURN QUERY SELECT format('%s is there: %s', customer, n) FROM (SELECT customer, count(*) AS n FROM orders GROUP BY customer) AS o
        FULL JOIN distinct_values AS p USING (customer) WHERE o.customer IS NULL OR p.customer IS NULL;
    RETURN QUERY SELECT format('%s of %s', key, value) FROM segment_data.distinct_values AS p, jsonb_each_text(to_jsonb(p))
        WHERE value ~ '^(int4|text|numeric){' AND value <> value::segment.tally::text;
END $$;

CREATE FUNCTION draw(step int, which int, below int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8(step::bigint * 1000003 + which) & 1073741823) % below $$;

-- where it is
CREATE VIEW used AS
SELECT customer, count(*) FILTER (WHERE key ~ '_body') AS bodies, count(*) FILTER (WHERE key ~ '_middle') AS middles,
       count(*) FILTER (WHERE value ~ ' of [0-9]+$') AS parts, count(*) FILTER (WHERE value ~ '": 0') > 0 AS some_gone
FROM segment_data.distinct_values AS p, jsonb_each_text(to_jsonb(p)) WHERE value ~ '^(int4|text|numeric){' GROUP BY customer;
CREATE TABLE seen AS SELECT * FROM used;

CREATE PROCEDURE take_steps(first int, last int) LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    FOR step IN first..last LOOP
        CASE draw(step, 0, 10)
        WHEN 0, 1, 2, 3, 4 THEN
            INSERT INTO orders (customer, at, product, store, city, price)
            SELECT CASE draw(step, n, 4) WHEN 0 THEN 'Ben' ELSE 'Ada' END,
                CASE draw(step, 1, 4) WHEN 0 THEN segment.now() - draw(step, 10 + n, 60 * 24 * 60) * interval '1 minute'
                    ELSE segment.now() - draw(step, 30 + n, 90) * interval '1 minute' END,
                draw(step, 40 + n, 400) - 200, 'store ' || draw(step, 50 + n, 9) || repeat('.', draw(step, 55 + n, 30)),
                CASE draw(step, 60 + n, 3) WHEN 0 THEN 'CITY ' WHEN 1 THEN 'City ' ELSE 'city ' END || draw(step, 70 + n, 90),
                nullif(round(draw(step, 80 + n, 900) / 10.0, 1 + draw(step, 90 + n, 2)), 7)
            FROM generate_series(1, CASE WHEN draw(step, 2, 3) = 0 THEN 1 + draw(step, 3, 40) ELSE 1 + draw(step, 3, 4) END) AS n;
        WHEN 5 THEN
            UPDATE orders SET product = product + 1, price = price + 0.5 WHERE id % 23 = draw(step, 1, 23);
        WHEN 6 THEN
            UPDATE orders SET at = at - interval '1 hour', city = upper(city) WHERE id % 37 = draw(step, 1, 37);
        WHEN 7 THEN
            DELETE FROM orders WHERE id % 29 = draw(step, 1, 29);
        WHEN 8 THEN
            -- all of a value, and the latest of another
            DELETE FROM orders WHERE product = (SELECT usual_product FROM distinct_values WHERE customer = 'Ada');
            DELETE FROM orders WHERE id = (SELECT id FROM orders WHERE customer = 'Ada' ORDER BY at DESC, id LIMIT 1);
        ELSE
            PERFORM set_config('segment.now', (segment.now() + draw(step, 1, 24 * 60) * interval '1 minute')::text, false);
        END CASE;
        INSERT INTO seen SELECT * FROM used;
        SELECT d INTO wrong FROM differences() AS d LIMIT 1;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'after step %: %', step, wrong;
        END IF;
    END LOOP;
END $$;
CALL take_steps(1, 110);

-- how much is where: body, middle and tail were all used, and some values have gone
SELECT customer, count(*) > 100 AS many FROM orders GROUP BY customer ORDER BY customer;
SELECT bool_or(bodies > 0) AS bodies, bool_or(middles > 0) AS middles, bool_or(parts > 2) AS parts, bool_or(some_gone) AS some_gone FROM seen;

-- a statement that meets many values of one customer, and one that takes them back
INSERT INTO orders (customer, at, product, store, city, price)
SELECT 'Ada', segment.now(), n, 'store ' || n, 'city ' || n, n FROM generate_series(1, 3000) AS n;
SELECT count(*) FROM differences();
DELETE FROM orders WHERE customer = 'Ada' AND product % 3 = 0;
SELECT count(*) FROM differences();
SELECT number_product, number_store, number_city, number_price, usual_store FROM distinct_values WHERE customer = 'Ada';
-- read anew, as a whole
SELECT segment.rebuild('distinct_values');
SELECT count(*) FROM differences();
SELECT customer, bodies, middles FROM used WHERE customer = 'Ada';
CALL take_steps(111, 130);
-- the last value goes
DELETE FROM orders WHERE customer = 'Ada' AND product % 7 > 0;
UPDATE orders SET product = NULL, store = NULL, city = NULL, price = NULL WHERE customer = 'Ada';
SELECT count(*) FROM differences();
SELECT count(*) FROM used WHERE customer = 'Ada';
INSERT INTO orders (customer, at, store) VALUES ('Ada', segment.now(), 'store 7');
SELECT count(*) FROM differences();
SELECT number_product, list_store FROM distinct_values WHERE customer = 'Ada';
DROP VIEW used;
SELECT segment.drop_population('distinct_values', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_distinct CASCADE;
