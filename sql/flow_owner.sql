-- What the owner hangs on the base table: it runs as the owner, whoever acts,
-- and is in nobody's way.
CREATE SCHEMA shop_owner;
SET search_path = shop_owner, public;
CREATE ROLE regress_segment_analyst;
CREATE ROLE regress_segment_app;
GRANT USAGE, CREATE ON SCHEMA shop_owner TO regress_segment_analyst;
GRANT USAGE ON SCHEMA shop_owner TO regress_segment_app;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
GRANT SELECT, TRIGGER ON orders TO regress_segment_analyst;
GRANT INSERT, UPDATE, DELETE, SELECT ON orders TO regress_segment_app;
SET segment.now = '2026-05-01 12:00+00';
SET ROLE regress_segment_analyst;
SELECT segment.create_population('owned', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_audience('recent', 'count(orders in last 7 days) > 0', view => false);

-- an audit trigger, for each kind of change; names in it are looked up in
-- pg_catalog alone, as the app may have put its own in their place
CREATE TABLE audit (n int GENERATED ALWAYS AS IDENTITY, what text, key bigint, orders text, who name, seen bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_owner.audit (what, key, orders, who, seen)
    SELECT tg_op || ' ' || tg_when, coalesce(new.customer_id, old.customer_id),
           format('%s to %s', old.source_rows, new.source_rows), current_user,
           (SELECT count(*) FROM shop_owner.owned WHERE orders = new.source_rows);
    PERFORM set_config('search_path', 'nowhere', false);
    RETURN new;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON segment_data.owned FOR EACH ROW EXECUTE FUNCTION note();

-- the app inserts, updates and deletes, and has no right on any of that
SET ROLE regress_segment_app;
INSERT INTO orders VALUES (1, 1, 10, '2026-05-01 11:00+00'), (2, 2, 20, '2026-05-01 11:00+00');
INSERT INTO orders VALUES (3, 1, 30, '2026-05-01 12:00+00');
UPDATE orders SET customer_id = 3 WHERE id = 3;
DELETE FROM orders WHERE id = 3;
SHOW search_path;
RESET ROLE;
SELECT * FROM audit ORDER BY n;
TRUNCATE audit;

-- time passes; whoever ticks, also in a function, and with nothing to do
SET segment.now = '2026-06-01 12:00+00';
SELECT swept, due FROM segment.tick();
SELECT what, key, who FROM audit ORDER BY key;
SHOW search_path;
SELECT swept, due FROM segment.tick();
-- and what is defined, by a superuser
TRUNCATE audit;
SELECT segment.create_trait('largest', 'max(orders.amount)');
SELECT segment.create_audience('big', 'largest > 15');
SELECT segment.rebuild();
SELECT DISTINCT who FROM audit;
SELECT * FROM segment.verify();
SHOW search_path;

-- a failed statement, and one that was caught, leave nothing to be fired later
TRUNCATE audit;
DO $$
BEGIN
    INSERT INTO orders VALUES (4, 4, 40, '2026-06-01 12:00+00');
    RAISE EXCEPTION 'taken back';
EXCEPTION WHEN OTHERS THEN
    INSERT INTO orders VALUES (5, 5, 50, '2026-06-01 12:00+00');
END $$;
BEGIN;
SAVEPOINT one;
INSERT INTO orders VALUES (6, 6, 60, 'infinity');
INSERT INTO orders VALUES (6, 6, 60, 'infinity');
ROLLBACK TO one;
INSERT INTO orders VALUES (7, 7, 70, '2026-06-01 12:00+00');
COMMIT;
SELECT what, key FROM audit ORDER BY n;
DROP TRIGGER note ON segment_data.owned;

-- a trigger that is declared deferred fires at the end of the statement: at the
-- end of the transaction it could not run as its owner any more
TRUNCATE audit;
CREATE CONSTRAINT TRIGGER later AFTER INSERT OR UPDATE OR DELETE ON segment_data.owned
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
BEGIN;
INSERT INTO orders VALUES (8, 8, 80, '2026-06-01 12:00+00');
SELECT what, key, who FROM audit ORDER BY n;
COMMIT;
TRUNCATE audit;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
SELECT segment.create_trait('first_at', 'min(orders.at)');
SELECT segment.rebuild();
SELECT DISTINCT what, who FROM audit;
COMMIT;
SELECT segment.drop_trait('first_at');
DROP TRIGGER later ON segment_data.owned;

-- what a trigger says is said with whose it is
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER refuse AFTER UPDATE OR DELETE ON segment_data.owned FOR EACH ROW EXECUTE FUNCTION refuse();
SET ROLE regress_segment_app;
DELETE FROM orders WHERE id = 8;
RESET ROLE;
DROP TRIGGER refuse ON segment_data.owned;
-- names that are not qualified are not found
CREATE FUNCTION careless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES ('?'); RETURN new; END $$;
CREATE TRIGGER careless AFTER UPDATE ON segment_data.owned FOR EACH ROW EXECUTE FUNCTION careless();
INSERT INTO orders VALUES (9, 8, 80, '2026-06-01 12:00+00');
DROP TRIGGER careless ON segment_data.owned;

-- a trigger may fill the owner's columns, and change nothing else
ALTER TABLE segment_data.owned ADD changed timestamptz, ADD twice bigint GENERATED ALWAYS AS (source_rows * 2) STORED,
    ADD CHECK (source_rows >= 0);
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.changed := segment.now(); RETURN new; END $$;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON segment_data.owned FOR EACH ROW EXECUTE FUNCTION fill();
INSERT INTO orders VALUES (10, 1, 10, '2026-06-01 12:00+00'), (11, 11, 11, '2026-06-01 12:00+00');
SELECT customer_id, changed = segment.now() AS changed, twice FROM segment_data.owned WHERE customer_id IN (1, 11) ORDER BY 1;
SELECT customer_id FROM big ORDER BY 1;
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE current_setting('shop.spoil', true)
    WHEN 'key' THEN new.customer_id := 99;
    WHEN 'ord' THEN new.ord := 99;
    WHEN 'trait' THEN new.s6 := 99;
    WHEN 'wake' THEN new.wake_at := NULL;
    WHEN 'null' THEN RETURN NULL;
    ELSE NULL;
    END CASE;
    RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END;
END $$;
CREATE TRIGGER spoil BEFORE INSERT OR UPDATE OR DELETE ON segment_data.owned FOR EACH ROW EXECUTE FUNCTION spoil();
INSERT INTO orders VALUES (12, 12, 12, '2026-06-01 12:00+00');
SET shop.spoil = 'key';
INSERT INTO orders VALUES (13, 13, 13, '2026-06-01 12:00+00');
\set VERBOSITY terse
INSERT INTO orders VALUES (13, 12, 13, '2026-06-01 12:00+00');
SET shop.spoil = 'ord';
INSERT INTO orders VALUES (13, 13, 13, '2026-06-01 12:00+00');
INSERT INTO orders VALUES (13, 12, 13, '2026-06-01 12:00+00');
SET shop.spoil = 'trait';
INSERT INTO orders VALUES (13, 13, 13, '2026-06-01 12:00+00');
INSERT INTO orders VALUES (13, 12, 13, '2026-06-01 12:00+00');
SET shop.spoil = 'wake';
INSERT INTO orders VALUES (13, 13, 13, '2026-06-01 12:00+00');
INSERT INTO orders VALUES (13, 12, 13, '2026-06-01 12:00+00');
SET shop.spoil = 'null';
INSERT INTO orders VALUES (13, 13, 13, '2026-06-01 12:00+00');
INSERT INTO orders VALUES (13, 12, 13, '2026-06-01 12:00+00');
DELETE FROM orders WHERE id = 12;
SET segment.now = '2026-07-01 12:00+00';
SELECT swept FROM segment.tick();
RESET shop.spoil;
SELECT swept FROM segment.tick();
SELECT * FROM segment.verify();
DROP TRIGGER spoil ON segment_data.owned;
SELECT segment.drop_population('owned', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_owner CASCADE;
DROP ROLE regress_segment_analyst, regress_segment_app;
