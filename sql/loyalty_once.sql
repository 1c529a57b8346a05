-- An order that earns writes its profile once, by what it is and by all that it earns;
-- and whatever looks at the profile meanwhile finds what it found when it was twice.
CREATE SCHEMA shop_once;
SET search_path = shop_once, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET segment.now = '2026-01-01 10:00+00';
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)'), segment.create_trait('largest', 'max(orders.amount)');
SELECT segment.create_program('club', expires => 'after 1 year');
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id');
SELECT segment.join_program('club', c, 'C' || c) FROM generate_series(1, 9) AS c;
SELECT segment.create_audience('rich', 'club.balance >= 100'), segment.create_audience('big_spenders', 'spent >= 100 and club.balance >= 100');
CREATE VIEW guests AS SELECT customer_id, spent, largest, club_balance AS points FROM guest ORDER BY 1;
CREATE VIEW wrong AS SELECT problem, key FROM segment.verify_program('club') UNION ALL SELECT definition, key FROM segment.verify('guest');
-- how often are profiles written by a statement?
CREATE FUNCTION writes(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint := pg_stat_get_xact_tuples_updated('segment_data.guest'::regclass);
BEGIN
    EXECUTE statement;
    RETURN pg_stat_get_xact_tuples_updated('segment_data.guest'::regclass) - before;
END $$;

-- one customer, who is kept; several, who are locked and found again; most of them new
SELECT writes($$INSERT INTO orders VALUES (1, 1, 100)$$);
SELECT writes($$INSERT INTO orders VALUES (2, 1, 10), (3, 2, 20), (4, 3, 30), (5, 1, 40)$$);
SELECT writes($$INSERT INTO orders SELECT 100 + c, c, c FROM generate_series(1, 30) AS c$$);
SELECT * FROM guests WHERE customer_id < 12;
SELECT * FROM wrong;
-- both audiences are entered by one visit
SELECT audience, key, change, cause FROM segment.transition WHERE key = '1' ORDER BY seq;
SELECT segment.tick();
SELECT audience, key, change, cause FROM segment.transition WHERE key = '1' ORDER BY seq;
-- what changes and goes: a largest order is read again, an order is another customer's
SELECT writes($$UPDATE orders SET amount = 99 WHERE order_id = 1$$);
SELECT writes($$UPDATE orders SET customer_id = 2 WHERE order_id = 1$$);
SELECT writes($$UPDATE orders SET amount = amount + 1 WHERE customer_id < 4$$);
SELECT writes($$DELETE FROM orders WHERE order_id IN (1, 3)$$);
SELECT writes($$DELETE FROM orders WHERE customer_id = 4$$);
SELECT * FROM guests WHERE customer_id < 5;
SELECT * FROM wrong;
-- a statement that is two
SELECT writes($$WITH gone AS (DELETE FROM orders WHERE order_id = 2 RETURNING *) INSERT INTO orders SELECT 6, customer_id, amount + 1 FROM gone$$);
SELECT * FROM guests WHERE customer_id = 1;

-- tiers by what was paid, and by points
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('club', 'silver', 150), segment.create_tier('club', 'gold', 1000);
SELECT segment.create_program('stars', expires => 'never');
SELECT segment.join_program('stars', c, 'S' || c) FROM generate_series(1, 9) AS c;
SELECT segment.create_earning('stars', 'stars', 'orders.amount * 2', 'spent < 300 and club.tier = "silver"', ref => 'order_id');
SELECT segment.create_tiering('stars', 'sum(stars_entry.points where kind = "earn")', period => 'this year', hold => 'end of next year');
SELECT segment.create_tier('stars', 'bright', 100), segment.create_tier('stars', 'dazzling', 500);
CREATE VIEW tiers AS SELECT customer_id, spent, club_balance AS points, club_tier, stars_balance AS stars, stars_tier FROM guest ORDER BY 1;
SELECT * FROM tiers WHERE customer_id = 1;
-- orders earn points and stars; what was paid makes club_tier, and stars make stars_tier:
-- it is one write, and conditions are asked of the profile as it was before it
SELECT writes($$INSERT INTO orders VALUES (10, 1, 150)$$);
SELECT * FROM tiers WHERE customer_id = 1;
SELECT writes($$INSERT INTO orders VALUES (11, 1, 60)$$);
SELECT * FROM tiers WHERE customer_id = 1;
SELECT writes($$INSERT INTO orders VALUES (12, 1, 10)$$);
SELECT * FROM tiers WHERE customer_id = 1;
-- of several customers entries come after orders, as tiers want to know of them
SELECT writes($$INSERT INTO orders VALUES (13, 2, 200), (14, 3, 250), (15, 4, 900)$$);
SELECT writes($$INSERT INTO orders VALUES (16, 2, 60), (17, 3, 10)$$);
SELECT * FROM tiers WHERE customer_id < 5;
SELECT writes($$DELETE FROM orders WHERE order_id IN (10, 14)$$);
SELECT * FROM tiers WHERE customer_id < 5;
SELECT * FROM wrong;
SELECT problem, key FROM segment.verify_program('stars');

-- a reward by itself, whose condition is what the order has made true; and one without
SELECT segment.create_reward('club', 'mug', 100, auto => true, condition => 'largest >= 500');
SELECT writes($$INSERT INTO orders VALUES (20, 5, 499)$$);
SELECT writes($$INSERT INTO orders VALUES (21, 5, 500)$$);
SELECT reward, key, price FROM segment_data.guest_club_voucher ORDER BY movement;
SELECT * FROM tiers WHERE customer_id = 5;
SELECT segment.alter_reward('club', 'mug', condition => '');
SELECT writes($$INSERT INTO orders VALUES (22, 6, 120)$$);
SELECT reward, key, price FROM segment_data.guest_club_voucher WHERE key = 6;
SELECT writes($$DELETE FROM orders WHERE order_id = 22$$);
SELECT * FROM tiers WHERE customer_id = 6;
SELECT * FROM wrong;
SELECT segment.drop_reward('club', 'mug');

-- triggers that the owner has put on ledgers, steps and profiles find the order in the profile
CREATE TABLE found (n int GENERATED ALWAYS AS IDENTITY, what text, spent numeric, points bigint);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_once.found (what, spent, points) SELECT TG_TABLE_NAME, g.spent, g.club_balance FROM shop_once.guest g WHERE customer_id = 7;
    RETURN NULL;
END $$;
CREATE TRIGGER look AFTER INSERT ON segment_data.guest_club_movement FOR EACH ROW EXECUTE FUNCTION look();
SELECT writes($$INSERT INTO orders VALUES (30, 7, 10)$$);
DROP TRIGGER look ON segment_data.guest_club_movement;
CREATE TRIGGER look AFTER INSERT OR UPDATE ON segment_data.guest_club_step FOR EACH ROW EXECUTE FUNCTION look();
SELECT writes($$INSERT INTO orders VALUES (31, 7, 200)$$);
DROP TRIGGER look ON segment_data.guest_club_step;
CREATE TRIGGER look AFTER UPDATE ON segment_data.guest FOR EACH ROW EXECUTE FUNCTION look();
SELECT writes($$INSERT INTO orders VALUES (32, 7, 5)$$);
DROP TRIGGER look ON segment_data.guest;
SELECT what, spent, points FROM found ORDER BY n;
-- and so do functions that their constraints and indexes call
BEGIN;
CREATE FUNCTION looked(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_once.found (what, spent, points) SELECT looked.what, g.spent, g.club_balance FROM shop_once.guest g WHERE customer_id = 7;
    RETURN true;
END $$;
CREATE FUNCTION looked_at(key bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM shop_once.looked('index'); RETURN key; END $$;
TRUNCATE found;
-- and those of domains, wherever one stands
CREATE DOMAIN seen AS bigint CHECK (shop_once.looked('domain'));
SAVEPOINT plain;
ALTER TABLE segment_data.guest_club_step ADD CONSTRAINT looked CHECK (key::shop_once.seen > 0) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK TO plain;
ALTER TABLE segment_data.guest_club_step ADD seen shop_once.seen;
TRUNCATE found;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK TO plain;
-- which functions of the server's call unseen: they read a domain inside another type, or
-- one that is told by its name; or a table, by name
TRUNCATE found;
ALTER TABLE segment_data.guest_club_step ADD CONSTRAINT looked CHECK (('{' || key || '}')::shop_once.seen[] IS NOT NULL) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK TO plain;
TRUNCATE found;
SELECT CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'shop_once.looked(''domain'')'
    ELSE 'pg_input_is_valid(key::text, ''shop_once.seen'')' END AS reads_a_type \gset
ALTER TABLE segment_data.guest_club_step ADD CONSTRAINT looked CHECK (:reads_a_type) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK TO plain;
TRUNCATE found;
CREATE VIEW peek AS SELECT shop_once.looked('view') AS seen;
ALTER TABLE segment_data.guest_club_step ADD CONSTRAINT looked CHECK (table_to_xml('shop_once.peek', false, false, '') IS NOT NULL) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK TO plain;
-- and a row of which a domain is a field
TRUNCATE found;
CREATE TYPE pair AS (a shop_once.seen, b bigint);
ALTER TABLE segment_data.guest_club_step ADD CONSTRAINT looked CHECK ((jsonb_populate_record(NULL::shop_once.pair, jsonb_build_object('a', key))).b IS NULL) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK TO plain;
ALTER TABLE segment_data.guest_club_step ADD CONSTRAINT looked CHECK (shop_once.looked('step')) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (91, 7, 800)$$);
ALTER TABLE segment_data.guest_club_step DROP CONSTRAINT looked;
CREATE INDEX looked ON segment_data.guest_club_kept (shop_once.looked_at(key));
SELECT segment.alter_tiering('club', returns => 'keep');
SET LOCAL segment.now = '2026-03-02 10:00+00';
SELECT writes($$DELETE FROM orders WHERE order_id = 91$$);
DROP INDEX segment_data.looked;
ALTER TABLE segment_data.guest_club_movement ADD CONSTRAINT looked CHECK (shop_once.looked('movement')) NOT VALID;
SELECT writes($$INSERT INTO orders VALUES (92, 7, 1)$$);
SELECT what, spent, points FROM found ORDER BY n;
ROLLBACK;
SELECT * FROM wrong;

-- and may define something
CREATE FUNCTION define() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.create_trait('smallest', 'min(orders.amount)');
    INSERT INTO shop_once.orders VALUES (34, NEW.key, 3);
    RETURN NULL;
END $$;
CREATE TRIGGER define AFTER INSERT ON segment_data.guest_club_movement FOR EACH ROW WHEN (NEW.points = 4) EXECUTE FUNCTION define();
INSERT INTO orders VALUES (33, 7, 4);
DROP TRIGGER define ON segment_data.guest_club_movement;
-- or spend what has just been earned
CREATE FUNCTION spend() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_once.orders VALUES (36, NEW.key, 6);
    PERFORM segment.redeem('club', NEW.key, (SELECT club_balance::bigint FROM shop_once.guest WHERE customer_id = NEW.key));
    RETURN NULL;
END $$;
CREATE TRIGGER spend AFTER INSERT ON segment_data.guest_club_movement FOR EACH ROW WHEN (NEW.points = 7) EXECUTE FUNCTION spend();
INSERT INTO orders VALUES (35, 7, 7);
DROP TRIGGER spend ON segment_data.guest_club_movement;
SELECT customer_id, spent, smallest, club_balance FROM guest WHERE customer_id = 7;
SELECT * FROM wrong;

-- an error while guests write, that is caught: nothing of it is left, and what comes next is right
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.points > 1000 THEN
        RAISE 'too many points';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON segment_data.guest_club_entry FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE segment_data.guest_stars_entry ADD CONSTRAINT few CHECK (points < 400);
DO $$
BEGIN
    INSERT INTO shop_once.orders VALUES (40, 8, 5000);
EXCEPTION WHEN raise_exception THEN
    INSERT INTO shop_once.orders VALUES (41, 8, 150);
END $$;
DROP TRIGGER refuse ON segment_data.guest_club_entry;
DO $$
BEGIN
    INSERT INTO shop_once.orders VALUES (42, 8, 210);
EXCEPTION WHEN check_violation THEN
    INSERT INTO shop_once.orders VALUES (43, 8, 190);
END $$;
SELECT * FROM tiers WHERE customer_id = 8;
BEGIN;
SAVEPOINT a;
INSERT INTO orders VALUES (44, 9, 5);
ROLLBACK TO a;
SELECT writes($$INSERT INTO orders VALUES (44, 9, 6)$$);
COMMIT;
SELECT * FROM tiers WHERE customer_id = 9;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT writes($$INSERT INTO orders VALUES (45, 9, 6)$$), writes($$INSERT INTO orders VALUES (46, 9, 6), (47, 31, 1), (48, 32, 1)$$);
COMMIT;
SELECT * FROM tiers WHERE customer_id IN (9, 31);
-- all of it goes
TRUNCATE orders;
SELECT * FROM tiers WHERE customer_id IN (1, 9, 31);
SELECT * FROM wrong;
SELECT problem, key FROM segment.verify_program('stars');
DROP VIEW tiers;
SELECT segment.drop_program('stars', cascade => true);
SET client_min_messages = warning;
DROP VIEW guests, wrong;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_once CASCADE;
