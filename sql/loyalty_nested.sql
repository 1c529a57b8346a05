-- Statements within statements: what happens to a program, or to its orders, while
-- orders are on their way to earn points and tiers.
CREATE SCHEMA shop_nested;
SET search_path = shop_nested, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now(), task text);
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club');
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 1000);
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id');
SELECT segment.join_program('club', 1, 'A'), segment.join_program('club', 2, 'B');
CREATE VIEW guests AS SELECT customer_id, club_balance, club_tier, club_points_to_next_tier AS missing FROM guest WHERE customer_id < 10 ORDER BY 1;
CREATE VIEW wrong AS SELECT problem, key FROM segment.verify_program('club') UNION ALL SELECT definition, key FROM segment.verify('guest');

-- a trigger of the shop that runs after each row, before what the statement did is counted
CREATE FUNCTION run_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.task IS NOT NULL THEN
        EXECUTE NEW.task;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_task AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION run_task();
-- orders of an order, one of them undone
INSERT INTO orders VALUES (1, 1, 300, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (11, 1, 30), (12, 2, 40)$$),
    (2, 2, 400, DEFAULT, $$DO 'BEGIN INSERT INTO shop_nested.orders VALUES (13, 2, 5000); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN DELETE FROM shop_nested.orders WHERE order_id = 12; END'$$);
SELECT * FROM guests;
SELECT * FROM wrong;
-- thresholds that change: those count that there are when the statement ends
INSERT INTO orders VALUES (3, 1, 100, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (14, 2, 1)$$), (4, 1, 100, DEFAULT, $$SELECT segment.alter_tier('club', 'silver', 600)$$);
SELECT * FROM guests;
SELECT * FROM wrong;
INSERT INTO orders VALUES (5, 1, 50, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (15, 2, 250)$$), (6, 2, 1, DEFAULT, $$SELECT segment.alter_tiering('club', 'count(orders)')$$),
    (7, 2, 1, DEFAULT, $$SELECT segment.alter_tier('club', 'silver', 6), segment.alter_tier('club', 'gold', 8)$$);
SELECT * FROM guests;
SELECT * FROM wrong;
-- a rule that is made, changed and ended counts for the statements that begin after it
INSERT INTO orders VALUES (20, 1, 10, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (16, 1, 1)$$),
    (21, 1, 10, DEFAULT, $$SELECT segment.create_earning('club', 'orders', 'orders.amount * 100', ref => 'order_id')$$), (22, 1, 10, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (17, 1, 1)$$);
SELECT * FROM guests;
INSERT INTO orders VALUES (23, 1, 1);
SELECT * FROM guests;
SELECT * FROM wrong;
-- tiers and a program that go
BEGIN;
DROP VIEW guests;
INSERT INTO orders VALUES (30, 1, 10, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (31, 1, 1)$$), (32, 1, 10, DEFAULT, $$SELECT segment.drop_tiering('club', cascade => true)$$);
SELECT customer_id, club_balance FROM guest ORDER BY 1;
ROLLBACK;
BEGIN;
DROP VIEW guests;
INSERT INTO orders VALUES (30, 1, 10, DEFAULT, $$INSERT INTO shop_nested.orders VALUES (31, 1, 1)$$), (32, 1, 10, DEFAULT, $$SELECT segment.drop_program('club', cascade => true)$$);
SELECT * FROM guest ORDER BY 1;
ROLLBACK;
INSERT INTO orders VALUES (30, 1, 10), (31, 2, 10);
SELECT * FROM guests;
SELECT * FROM wrong;

-- commits between statements of one procedure
CREATE PROCEDURE year() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6 LOOP
        INSERT INTO orders VALUES (100 + i, 1, 10), (200 + i, 2, 10);
        PERFORM segment.alter_tier('club', 'gold', 20 + i), segment.create_earning('club', 'orders', 'orders.amount * ' || i, ref => 'order_id');
        DELETE FROM orders WHERE order_id = 200 + i;
        IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
        UPDATE orders SET amount = 20 WHERE order_id = 100 + i;
    END LOOP;
END $$;
CALL year();
SELECT * FROM guests;
SELECT * FROM wrong;
-- what is stored beside the table of orders is gone when TRUNCATE is done
CREATE TABLE notes (note text PRIMARY KEY, customer_id bigint, points bigint, at timestamptz DEFAULT segment.now());
CREATE INDEX ON notes (customer_id, at);
ALTER TABLE notes ALTER note SET STORAGE EXTERNAL;
SELECT segment.attach_source('notes', at => 'at');
SELECT segment.create_earning('club', 'notes', 'notes.points', ref => 'note');
INSERT INTO notes SELECT string_agg(md5(i::text), ''), 1, 1000 FROM generate_series(1, 80) AS i;
SELECT * FROM guests;
TRUNCATE notes;
SELECT * FROM guests;
SELECT * FROM wrong;

-- A function that is called for each row, here by an operator that only a superuser can
-- make: one that writes orders would have the rows counted anew that are being counted.
DROP VIEW guests, wrong;
SELECT segment.drop_population('guest', cascade => true);
CREATE VIEW wrong AS SELECT problem, key FROM segment.verify_program('club') UNION ALL SELECT definition, key FROM segment.verify('guest');
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE audit (said text);
CREATE FUNCTION state_equal(state, state) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_nested.audit VALUES ('asked');
    IF current_setting('shop.writes', true) = 'careful' THEN
        BEGIN
            INSERT INTO shop_nested.sales VALUES (100, 'a guest with a long name', 10, 'paid');
        EXCEPTION WHEN object_in_use THEN
            INSERT INTO shop_nested.audit VALUES (SQLERRM);
        END;
    ELSIF current_setting('shop.writes', true) = 'careless' THEN
        INSERT INTO shop_nested.sales VALUES (100, 'a guest with a long name', 10, 'paid');
    END IF;
    RETURN enum_cmp($1, $2) = 0;
END $$;
CREATE FUNCTION state_before(state, state) RETURNS boolean LANGUAGE sql RETURN enum_lt($1, $2);
CREATE FUNCTION state_compare(state, state) RETURNS integer LANGUAGE sql RETURN enum_cmp($1, $2);
CREATE OPERATOR = (LEFTARG = state, RIGHTARG = state, FUNCTION = state_equal);
CREATE OPERATOR < (LEFTARG = state, RIGHTARG = state, FUNCTION = state_before);
CREATE OPERATOR CLASS state_order DEFAULT FOR TYPE state USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 state_compare(state, state);
CREATE TABLE sales (sale_id bigint PRIMARY KEY, guest text, amount numeric, state state, at timestamptz DEFAULT segment.now());
CREATE INDEX ON sales (guest, at);
SELECT segment.create_population('guest', key => 'guest', key_type => 'text', timezone => 'UTC');
SELECT segment.attach_source('sales', key => 'guest', at => 'at');
SELECT segment.create_program('club');
SELECT segment.create_earning('club', 'sales', 'sales.amount where state = "paid"', ref => 'sale_id');
SELECT segment.join_program('club', 'a guest with a long name') IS NOT NULL AS joined;
SET shop.writes = 'careless';
INSERT INTO sales SELECT i, 'a guest with a long name', 1, 'paid' FROM generate_series(1, 3) AS i;
SET shop.writes = 'careful';
INSERT INTO sales SELECT i, 'a guest with a long name', 1, 'paid' FROM generate_series(1, 3) AS i;
RESET shop.writes;
SELECT DISTINCT said FROM audit ORDER BY 1;
INSERT INTO sales VALUES (4, 'a guest with a long name', 1, 'paid');
SELECT guest, club_balance FROM guest;

-- the cast of a type to text belongs to whoever owns the type: nobody else calls it
CREATE TYPE number AS ENUM ('one', 'two');
CREATE FUNCTION number_text(number) RETURNS text LANGUAGE sql AS $$INSERT INTO shop_nested.audit VALUES (session_user) RETURNING said$$;
CREATE CAST (number AS text) WITH FUNCTION number_text(number);
CREATE TABLE visits (number number PRIMARY KEY, guest text, points integer DEFAULT 5, at timestamptz DEFAULT segment.now());
CREATE INDEX ON visits (guest, at);
SELECT segment.attach_source('visits', key => 'guest', at => 'at');
SELECT segment.create_earning('club', 'visits', 'visits.points', ref => 'number');
INSERT INTO visits VALUES ('one', 'a guest with a long name');
-- nor may a function write that is called for the profile of each customer
SELECT segment.create_trait('mood', 'last(sales.state)');
SELECT segment.create_earning('club', 'happy', 'visits.points', 'mood = "paid"', ref => 'number');
SET shop.writes = 'careless';
INSERT INTO visits VALUES ('two', 'a guest with a long name');
RESET shop.writes;
INSERT INTO visits VALUES ('two', 'a guest with a long name');
SELECT rule, ref, points FROM segment_data.guest_club_granted ORDER BY 1, 2;
SELECT count(*) FROM audit WHERE said = session_user;
SELECT * FROM wrong;
SET client_min_messages = warning;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_nested CASCADE;
