-- Who defines a program, who serves customers, who corrects, who only reads: grants
-- on the table of movements, which nobody writes by SQL all the same.
CREATE SCHEMA shop_rights;
SET search_path = shop_rights, public;
SET timezone = 'UTC';
SET segment.now = '2026-01-01 10:00+00';
CREATE ROLE regress_club_owner;
CREATE ROLE regress_till;
CREATE ROLE regress_office;
CREATE ROLE regress_analyst;
GRANT ALL ON SCHEMA shop_rights TO regress_club_owner;
GRANT USAGE ON SCHEMA shop_rights TO regress_till, regress_office, regress_analyst;
SET ROLE regress_club_owner;
CREATE TABLE customers (customer_id uuid PRIMARY KEY, name text);
INSERT INTO customers VALUES ('00000000-0000-0000-0000-00000000000a', 'Ada'), ('00000000-0000-0000-0000-00000000000b', 'Ben');
SELECT segment.create_population('guest', key_type => 'uuid', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.create_program('club');
SELECT segment.join_program('club', '00000000-0000-0000-0000-00000000000b', 'B');
SELECT segment.create_reward('club', 'mug', 10);
GRANT SELECT ON segment_data.guest_club_movement TO regress_analyst;
GRANT SELECT, INSERT ON segment_data.guest_club_movement TO regress_till;
GRANT SELECT, UPDATE ON segment_data.guest_club_movement TO regress_office;
RESET ROLE;
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
CREATE FUNCTION tried() RETURNS TABLE (call text, outcome text) LANGUAGE sql AS $$
SELECT call, outcome('SELECT segment.' || call) FROM unnest(ARRAY[
    $c$create_program('other', population => 'guest')$c$, $c$alter_program('club', bonus => 5)$c$,
    $c$join_program('club', '00000000-0000-0000-0000-00000000000a')$c$, $c$earn('club', '00000000-0000-0000-0000-00000000000a', 100)$c$,
    $c$redeem('club', '00000000-0000-0000-0000-00000000000a'::uuid, 10)$c$, $c$hold('club', '00000000-0000-0000-0000-00000000000a', 10)$c$,
    $c$give('club', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', 10)$c$,
    $c$adjust('club', '00000000-0000-0000-0000-00000000000b', 10, 'x')$c$, $c$reverse('club', 1)$c$, $c$leave_program('club', '00000000-0000-0000-0000-00000000000b')$c$,
    $c$statement('club', '00000000-0000-0000-0000-00000000000a')$c$, $c$card('club', '00000000-0000-0000-0000-00000000000a')$c$, $c$why('club', 1)$c$,
    $c$liability('club')$c$, $c$program_report('club')$c$, $c$verify_program('club')$c$, $c$member_key('club', 'x')$c$,
    $c$create_reward('club', 'cup', 5)$c$, $c$alter_reward('club', 'mug', price => 5)$c$, $c$drop_reward('club', 'mug')$c$,
    $c$redeem_reward('club', '00000000-0000-0000-0000-00000000000b'::uuid, 'mug')$c$, $c$use_voucher('club', 'x')$c$, $c$cancel_voucher('club', 'x')$c$]) AS call
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA shop_rights TO PUBLIC;
SET ROLE regress_till;
SELECT * FROM tried();
SELECT outcome('INSERT INTO segment_data.guest_club_movement (key, kind, points, at, made_at, by) VALUES (gen_random_uuid(), ''earn'', 5, now(), now(), ''me'')'),
    outcome('SELECT FROM segment_data.guest_club_lot'), outcome('SELECT FROM guest');
SET ROLE regress_office;
SELECT * FROM tried();
SELECT outcome('UPDATE segment_data.guest_club_movement SET points = 1000');
SET ROLE regress_analyst;
SELECT * FROM tried();
RESET ROLE;
-- who did it is written down; the tables are the owner's
SELECT kind, points, by FROM segment_data.guest_club_movement ORDER BY movement;
SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace AND relname ~ '^guest_club' AND relkind = 'r' ORDER BY 1;
-- a role that may do nothing gets the hint how
REVOKE ALL ON segment_data.guest_club_movement FROM regress_analyst;
SET ROLE regress_analyst;
SELECT segment.card('club', '00000000-0000-0000-0000-00000000000a');
RESET ROLE;

-- what an owner hangs on the ledger runs as the owner
SET ROLE regress_club_owner;
CREATE TABLE seen (who name);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop_rights.seen VALUES (current_user); RETURN NEW; END $$;
CREATE TRIGGER see AFTER INSERT ON segment_data.guest_club_movement FOR EACH ROW EXECUTE FUNCTION see();
SET ROLE regress_till;
SELECT segment.earn('club', '00000000-0000-0000-0000-00000000000a', 5) > 0 AS earned;
RESET ROLE;
SELECT * FROM seen;

-- a population is given away as a whole, by its view or its base table: what the till writes is the new owner's
SET ROLE regress_club_owner;
DROP TRIGGER see ON segment_data.guest_club_movement;
SELECT segment.create_tiering('club'), segment.create_tier('club', 'gold', 100);
SELECT segment.create_audience('golden', 'club.tier = "gold"');
RESET ROLE;
ALTER TABLE segment_data.guest_club_lot OWNER TO regress_office;
ALTER VIEW golden OWNER TO regress_office;
CREATE VIEW owners AS SELECT DISTINCT relowner::regrole AS owner FROM pg_class
    WHERE relkind IN ('r', 'v', 'S') AND (relnamespace = 'segment_data'::regnamespace AND relname ~ '^guest' OR oid IN ('guest'::regclass, 'golden'::regclass));
SELECT * FROM owners;
GRANT regress_office TO regress_club_owner;
GRANT CREATE ON SCHEMA shop_rights TO regress_office;
SET ROLE regress_club_owner;
ALTER VIEW guest OWNER TO regress_office;
RESET ROLE;
SELECT * FROM owners;
GRANT SELECT ON customers TO regress_office;
SET ROLE regress_till;
SELECT segment.earn('club', '00000000-0000-0000-0000-00000000000a', 200) > 0 AS earned;
SELECT segment.redeem('club', '00000000-0000-0000-0000-00000000000a'::uuid, 20) > 0 AS redeemed;
SELECT segment.card('club', '00000000-0000-0000-0000-00000000000a') -> 'balance' AS balance;
SET ROLE regress_office;
SELECT customer_id FROM golden;
SELECT segment.create_audience('silver', 'club.balance > 10'), segment.rebuild();
SELECT * FROM segment.verify_program('club');
RESET ROLE;
ALTER TABLE segment_data.guest OWNER TO regress_club_owner;
SELECT * FROM owners;
REASSIGN OWNED BY regress_club_owner TO regress_analyst;
SELECT * FROM owners;
SET ROLE regress_till;
SELECT segment.redeem('club', '00000000-0000-0000-0000-00000000000a'::uuid, 20) > 0 AS redeemed;
RESET ROLE;
-- past the event triggers: rebuild mends it
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER TABLE segment_data.guest OWNER TO regress_office;
ALTER EVENT TRIGGER segment_guard_command ENABLE;
SET client_min_messages = warning;
SELECT segment.rebuild();
SELECT * FROM owners;
DROP VIEW owners;
SET client_min_messages = warning;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_rights CASCADE;
DROP OWNED BY regress_club_owner, regress_till, regress_office, regress_analyst;
DROP ROLE regress_club_owner, regress_till, regress_office, regress_analyst;
