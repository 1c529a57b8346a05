-- flow: a statement that changes more than memory holds.  Rows that it has no
-- room for are sorted in temporary files; what comes of them is the same.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA spill;
SET search_path = spill;

CREATE TABLE orders (
    order_id integer PRIMARY KEY,
    customer text,
    ordered_at timestamptz,
    amount numeric,
    drink text
);
CREATE INDEX ON orders (customer, ordered_at);
CREATE TABLE carts (cart_id integer, customer text, started_at timestamptz);
CREATE INDEX ON carts (customer, started_at);
SELECT segment.create_population('spilled', 'customer', 'text');
SELECT segment.attach_source('orders', 'customer', 'ordered_at');
SELECT segment.attach_source('carts', 'customer', 'started_at');
SELECT segment.create_trait('carts', 'count(carts)');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('paid', 'sum(1000 / orders.amount where amount != 0)');
SELECT segment.create_trait('biggest', 'max(orders.amount)');
SELECT segment.create_trait('latest', 'last(orders.drink)');
SELECT segment.create_trait('week', 'sum(orders.amount in last 7 days)');
SELECT segment.create_trait('drinks', 'list(distinct orders.drink)');
SELECT segment.create_audience('frequent', 'orders > 4');
SET segment.now = '2026-05-20 12:00+00';

CREATE VIEW raw AS
SELECT e AS order_id, 'customer ' || e * 7919 % 2003 AS customer,
    timestamptz '2026-05-20 12:00+00' - e % 400 * interval '1 hour' AS ordered_at,
    (e % 13)::numeric AS amount, repeat('drink ', e % 5) AS drink
FROM generate_series(1, 10000) AS e;

CREATE FUNCTION files() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_ls_tmpdir()
    WHERE name LIKE format('pgsql_tmp%s.%%', pg_backend_pid())
$$;
CREATE FUNCTION wrong() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT v::text FROM segment.verify() AS v
    UNION ALL
    SELECT format('%s orders, not %s', p.orders, o.orders)
    FROM spilled AS p FULL JOIN
        (SELECT customer, count(*) AS orders FROM orders WHERE customer IS NOT NULL
         GROUP BY customer) AS o USING (customer)
    WHERE nullif(p.orders, 0) IS DISTINCT FROM o.orders
$$;

-- memory for no customer
SET segment.statement_memory = 0;
INSERT INTO orders TABLE raw;
SELECT count(*), sum(orders) FROM spilled;
SELECT wrong();
UPDATE orders SET customer = 'customer ' || order_id % 1009, amount = amount + 1
WHERE order_id % 3 = 0;
SELECT wrong();
DELETE FROM orders WHERE order_id % 4 = 1;
SELECT wrong();

-- some customers fit
SET segment.statement_memory = '200kB';
INSERT INTO orders TABLE raw ON CONFLICT (order_id)
DO UPDATE SET amount = excluded.amount, customer = excluded.customer;
SELECT wrong();
SELECT count(*), sum(orders) FROM spilled;

-- customers who wait for their orders to be read: more at a time, as what was
-- read of those before took little memory
RESET segment.statement_memory;
DELETE FROM orders WHERE order_id % 5 = 2;
SELECT wrong();
UPDATE orders SET amount = 0 WHERE amount > 9;
SELECT wrong();

-- more conditions than one column of a spilled row tells apart
SELECT count(*) FROM segment.create_traits((SELECT json_object_agg('over ' || e,
    format('count(orders where amount > %s)', e / 10.0)) FROM generate_series(1, 130) AS e));
SET segment.statement_memory = 0;
INSERT INTO orders SELECT order_id + 20000, customer, ordered_at, amount, drink FROM raw
WHERE order_id % 3 = 0;
SELECT wrong();
SELECT customer, orders, "over 1", "over 64", "over 65", "over 128", "over 130"
FROM spilled ORDER BY orders DESC, customer LIMIT 2;
SELECT count(*) FROM generate_series(1, 130) AS e, segment.drop_trait('over ' || e);
DELETE FROM orders WHERE order_id > 20000;

-- TRUNCATE among other writes of its batch
SET segment.statement_memory = 0;
CREATE FUNCTION start_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders VALUES (30000, 'customer 3', segment.now(), 5, 'before');
    TRUNCATE orders;
    INSERT INTO orders SELECT * FROM raw WHERE order_id % 2 = 0;
    RETURN NULL;
END $$;
CREATE TRIGGER a_start_again AFTER INSERT ON carts
    FOR EACH STATEMENT EXECUTE FUNCTION start_again();
INSERT INTO carts VALUES (1, 'customer 3', segment.now());
SELECT * FROM segment.verify();
SELECT count(*), sum(orders) FROM spilled;
DROP TRIGGER a_start_again ON carts;

-- errors that are caught leave no files behind, wherever they happen
CREATE FUNCTION caught(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN others THEN
        RETURN format('%s; files: %s', SQLERRM, files());
    END;
    RETURN format('no error; files: %s', files());
END $$;
SET work_mem = '64kB';
SELECT caught('INSERT INTO orders SELECT order_id + 50000, customer, ordered_at, amount, drink FROM raw');
SELECT caught($$WITH one AS (INSERT INTO orders SELECT order_id + 70000, customer,
    ordered_at, amount, drink FROM raw RETURNING order_id) SELECT sum(1 / (order_id - 80000)) FROM one$$);
SET segment.capture = off;
INSERT INTO orders VALUES (90000, 'customer 5 unknown', now(), 1, NULL);
SET segment.capture = on;
SELECT caught('DELETE FROM orders WHERE order_id >= 50000');
SET segment.capture = off;
DELETE FROM orders WHERE order_id = 90000;
SET segment.capture = on;

-- a subtransaction that ends before its batch does
CREATE FUNCTION buy_as_well() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        INSERT INTO orders SELECT order_id + 100000 * NEW.cart_id, customer,
            ordered_at, amount, drink FROM raw;
        PERFORM 1 / (NEW.cart_id - 3);
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    RETURN NEW;
END $$;
CREATE TRIGGER buy_as_well AFTER INSERT ON carts
    FOR EACH ROW EXECUTE FUNCTION buy_as_well();
INSERT INTO carts SELECT e, 'customer ' || e + 10, segment.now() FROM generate_series(2, 4) AS e;
SELECT wrong();
SELECT count(*), sum(orders) FROM spilled;
SELECT files();

SELECT segment.drop_population('spilled', cascade => true);

-- TRUNCATE of the only source: profiles say how many rows each loses, so a row
-- that was never counted does not matter; but where others are to be counted in
-- the same batch, or another source keeps profiles, each row is read
CREATE TABLE taps (guest text, tapped_at timestamptz, beers integer);
SELECT segment.create_population('drinkers', 'guest', 'text');
SELECT segment.attach_source('taps', 'guest', 'tapped_at');
SELECT segment.create_trait('beers', 'sum(taps.beers)', 'drinkers');
SELECT segment.create_audience('thirsty', 'beers > 20', 'drinkers');
CREATE FUNCTION tap() RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO taps SELECT 'guest ' || e % 700, segment.now(), e % 7
    FROM generate_series(1, 5000) AS e;
    SELECT count(*) FROM segment_data.drinkers
$$;
CREATE VIEW left_over AS
SELECT (SELECT count(*) FROM drinkers) AS profiles,
    segment.size('thirsty', 'drinkers') AS members,
    (SELECT count(*) FROM segment.verify('drinkers')) AS wrong;
SET segment.statement_memory = 0;
SELECT tap();
TRUNCATE taps;
TABLE left_over;
RESET segment.statement_memory;
SELECT tap();
SET segment.capture = off;
INSERT INTO taps VALUES ('guest 1', segment.now(), 1), ('nobody', segment.now(), 1);
SET segment.capture = on;
BEGIN;
INSERT INTO taps VALUES ('guest 2', segment.now(), 50), ('guest 800', segment.now(), 50);
TRUNCATE taps;
TABLE left_over;
INSERT INTO taps VALUES ('guest 3', segment.now(), 50);
TABLE left_over;
ROLLBACK;
SELECT segment.rebuild('drinkers');
TABLE left_over;

-- while a batch is being applied the server refuses it
CREATE FUNCTION last_orders() RETURNS trigger LANGUAGE plpgsql
SET search_path = spill AS $$
BEGIN
    INSERT INTO taps VALUES ('guest 4', segment.now(), 50), ('guest 900', segment.now(), 50);
    TRUNCATE taps;
    RETURN NULL;
END $$;
CREATE TRIGGER last_orders AFTER UPDATE ON segment_data.drinkers
    FOR EACH ROW WHEN (NEW.guest = 'guest 5') EXECUTE FUNCTION last_orders();
INSERT INTO taps VALUES ('guest 5', segment.now(), 50), ('guest 6', segment.now(), 50);
TABLE left_over;
DROP TRIGGER last_orders ON segment_data.drinkers;

-- with another source
SELECT segment.attach_source('carts', 'customer', 'started_at', population => 'drinkers');
TRUNCATE taps;
SELECT count(*) = (SELECT count(DISTINCT customer) FROM carts) AS same FROM drinkers;
TABLE left_over;
DROP VIEW left_over;
SELECT segment.drop_population('drinkers', cascade => true);
DROP SCHEMA spill CASCADE;
