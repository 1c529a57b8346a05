-- A customer with many events: those of a window are in three columns, tail, middle
-- and body, and long ones have a directory.  A setting for tests makes all of these
-- short, so that some hundred events cross every border.  Ada and Ben buy, early and
-- late, change their minds, and time passes; after each step all that is kept is what
-- naive SQL says.
CREATE SCHEMA shop_parts;
SET search_path = shop_parts, public;
SET timezone = 'UTC';
SET jit = off;
LOAD 'segment';
SET segment.series_tail = 64;
CREATE TABLE orders (id serial PRIMARY KEY, customer text, at timestamptz, amount numeric(10,2), price numeric,
                     pieces int, seconds float8, store text);
CREATE INDEX ON orders (customer, at);
SET segment.now = '2026-05-01 12:00+00';
SELECT segment.create_population('parts', key => 'customer', key_type => 'text', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('orders', at => 'at');

-- each aggregate over each window, and the same by hand
CREATE TABLE asked (trait text, definition text, naive text);
INSERT INTO asked SELECT format('%s_%s', a.name, w.name), replace(a.definition, 'W', w.window), format('SELECT %s FROM orders AS o WHERE o.customer = c AND %s', a.naive, w.condition)
FROM (VALUES
    ('rows', 'count(orders W)', 'count(*)'),
    ('spent', 'sum(orders.amount W)', 'coalesce(sum(amount), 0)'),
    ('paid', 'sum(orders.price W)', 'coalesce(sum(price), 0)'),
    ('pieces', 'sum(orders.pieces W)', 'coalesce(sum(pieces), 0)'),
    ('seconds', 'sum(orders.seconds W)', 'coalesce(sum(seconds), 0)'),
    ('least', 'min(orders.amount W)', 'min(amount)'),
    ('most', 'max(orders.amount W)', 'max(amount)'),
    ('dearest', 'max(orders.price W)', '(array_agg(price ORDER BY price DESC, price::text COLLATE "C"))[1]'),
    ('fewest', 'min(orders.pieces W)', 'min(pieces)'),
    ('first', 'first(orders.store W)', '(array_agg(store ORDER BY at, store))[1]'),
    ('last', 'last(orders.store W)', '(array_agg(store ORDER BY at DESC, store))[1]'),
    ('last_amount', 'last(orders.amount W)', '(array_agg(amount ORDER BY at DESC, amount))[1]'),
    ('stores', 'list(distinct orders.store W)', 'coalesce(array_agg(DISTINCT store ORDER BY store), ''{}'')'),
    ('prices', 'count(distinct orders.price W)', 'count(DISTINCT price)')) AS a(name, definition, naive),
    (VALUES
    ('month', 'in last 30 days', $$o.at <= segment.now() AND segment.now() < (o.at AT TIME ZONE 'Europe/Copenhagen' + interval '30 days') AT TIME ZONE 'Europe/Copenhagen'$$),
    ('hours', 'in last 100 hours', $$o.at <= segment.now() AND segment.now() < o.at + interval '100 hours'$$),
    ('past', 'between 20 days and 10 days ago', $$(o.at AT TIME ZONE 'Europe/Copenhagen' + interval '10 days') AT TIME ZONE 'Europe/Copenhagen' <= segment.now() AND segment.now() < (o.at AT TIME ZONE 'Europe/Copenhagen' + interval '20 days') AT TIME ZONE 'Europe/Copenhagen'$$),
    ('week', 'in last week', $$o.at AT TIME ZONE 'Europe/Copenhagen' >= date_trunc('week', segment.now() AT TIME ZONE 'Europe/Copenhagen') - interval '7 days' AND o.at AT TIME ZONE 'Europe/Copenhagen' < date_trunc('week', segment.now() AT TIME ZONE 'Europe/Copenhagen')$$),
    ('since', 'since "2026-04-20"', $$o.at >= timestamptz '2026-04-20 00:00+02' AND o.at <= segment.now()$$)) AS w(name, "window", condition);
SELECT count(segment.create_trait(trait, definition)) FROM asked;
SELECT segment.create_audience('busy', 'rows_month > 60 and spent_hours > 100');
SELECT segment.create_audience('few', 'spent_month < 900 or rows_past > 30');

-- what differs: for a customer, which traits are not what is asked by hand
CREATE FUNCTION differences() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT customer, to_jsonb(p) AS kept FROM parts AS p LOOP
        RETURN QUERY EXECUTE (
            SELECT string_agg(format($f$SELECT format('%%s of %%s is %%s and should be %%s', %2$L, %1$L, %3$L, v #>> '{}')
                FROM (SELECT to_jsonb((%4$s))) AS n(v) WHERE %3$L IS DISTINCT FROM v #>> '{}'$f$,
                c.customer, trait, c.kept ->> trait, replace(naive, '= c ', format('= %L ', c.customer))), ' UNION ALL ')
            FROM asked);
    END LOOP;
    RETURN QUERY SELECT format('verify: %s', v) FROM segment.verify() AS v;
END $$;

CREATE FUNCTION draw(step int, which int, below int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8(step::bigint * 1000003 + which) & 1073741823) % below $$;

CREATE PROCEDURE take_steps(first int, last int) LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    FOR step IN first..last LOOP
        CASE draw(step, 0, 10)
        WHEN 0, 1, 2, 3 THEN
            INSERT INTO orders (customer, at, amount, price, pieces, seconds, store)
            SELECT CASE draw(step, n, 4) WHEN 0 THEN 'Ben' ELSE 'Ada' END,
                CASE WHEN draw(step, 1, 3) = 0 THEN segment.now() - draw(step, 10 + n, 60 * 24 * 60) * interval '1 minute'
                    WHEN draw(step, 1, 7) = 1 THEN segment.now() + draw(step, 20 + n, 3000) * interval '1 minute'
                    ELSE segment.now() - draw(step, 30 + n, 90) * interval '1 minute' END,
                draw(step, 40 + n, 2000) / 100.0, round(draw(step, 50 + n, 2000) / 100.0, draw(step, 60 + n, 3)),
                draw(step, 70 + n, 30), draw(step, 80 + n, 40) / 4.0, 'store ' || draw(step, 90 + n, 9)
            FROM generate_series(1, CASE WHEN draw(step, 2, 3) = 0 THEN 1 + draw(step, 3, 40) ELSE 1 + draw(step, 3, 4) END) AS n;
        WHEN 4 THEN
            UPDATE orders SET amount = amount + 1, price = price + 0.5, pieces = pieces + 1 WHERE id % 23 = draw(step, 1, 23);
        WHEN 5 THEN
            UPDATE orders SET at = at - interval '1 hour', store = 'store ' || draw(step, 2, 9) WHERE id % 37 = draw(step, 1, 37);
        WHEN 6 THEN
            DELETE FROM orders WHERE id % 29 = draw(step, 1, 29);
        WHEN 7 THEN
            DELETE FROM orders AS o USING (SELECT customer, max(amount) AS most, min(pieces) AS fewest FROM orders GROUP BY customer) AS edge
            WHERE o.customer = edge.customer AND (o.amount = edge.most OR o.pieces = edge.fewest AND draw(step, 1, 2) = 0);
        ELSE
            PERFORM set_config('segment.now', (segment.now() + draw(step, 1, 24 * 60) * interval '1 minute')::text, false);
        END CASE;
        SELECT d INTO wrong FROM differences() AS d LIMIT 1;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'after step %: %', step, wrong;
        END IF;
    END LOOP;
END $$;
CALL take_steps(1, 110);

-- how much is where: body, middle and tail were all used
SELECT customer, count(*) > 100 AS many FROM orders GROUP BY customer ORDER BY customer;
SELECT customer, count(*) FILTER (WHERE key ~ '_body' AND value <> 'null') > 5 AS bodies,
       count(*) FILTER (WHERE key ~ '_middle' AND value <> 'null') > 5 AS middles,
       count(*) FILTER (WHERE value #>> '{}' ~ ' less ') > 2 AS with_removed
FROM segment_data.parts AS p, jsonb_each(to_jsonb(p)) WHERE customer = 'Ada' GROUP BY customer;
SELECT segment.drop_population('parts', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_parts CASCADE;
