-- What nobody at a till, no tenant and no name may bring about.
-- not in LATIN1: Japanese letters
SET client_encoding = 'UTF8';
CREATE SCHEMA shop_hostile;
SET search_path = shop_hostile, public;
SET timezone = 'UTC';
SET segment.now = '2026-01-01 10:00+00';
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, share float8, at timestamptz DEFAULT segment.now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('guest', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_program('club', expires => 'after 1 year'), segment.create_program('idle', expires => 'after 1 year without activity');
SELECT segment.create_earning(p, 'orders', 'orders.amount', ref => 'order_id'), segment.create_earning(p, 'capped', 'orders.share', ref => 'order_id', cap => 10, per => 'day')
    FROM unnest('{club,idle}'::name[]) AS p;
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'last 12 months'), segment.create_tier('club', 'gold', 1e100);
SELECT segment.join_program(p, c, 'code ' || c) FROM unnest('{club,idle}'::name[]) AS p, generate_series(1, 2) AS c;

-- however much a till grants, and takes back, orders come in
SELECT p, outcome(format('SELECT segment.%s', replace(call, '$p', quote_literal(p)))) FROM unnest('{club,idle}'::name[]) AS p, unnest(ARRAY[
    'alter_program($p, bonus => 4611686018427387905)', 'earn($p, 1, 4611686018427387905)', 'earn($p, 1, 4611686018427387904)',
    'earn($p, 1, 4611686018427387904)', 'adjust($p, 1, 4611686018427387904, ''x'')', 'earn($p, 2, 4611686018427387904, pending => ''1 day'')',
    'earn($p, 2, 4611686018427387904, pending => ''2 days'')', 'give($p, 1, 2, 4611686018427387904)', 'redeem($p, 2, 4611686018427387904)',
    'reverse($p, max(movement)) FROM segment_data.guest_' || 'club_movement']) AS call ORDER BY 1;
SET segment.now = '2026-01-10 10:00+00';
INSERT INTO orders VALUES (1, 1, 4503599627370496, 1e15), (2, 2, 4503599627370496, 1e15);
UPDATE orders SET amount = -amount;
DELETE FROM orders;
-- whatever is in a row
INSERT INTO orders SELECT 100 + row_number() OVER (), 1 + row_number() OVER () % 2, a, s, t FROM (VALUES ('NaN'::numeric, 'NaN'::float8), ('Infinity', '-Infinity'), (1e130000, 1e308), (4611686018427387904, 5e-324), (-1e30, NULL), (0.9999, 1e300)) AS v(a, s),
    unnest('{infinity,-infinity,294276-12-31 23:59:59.999999+00,4714-11-24 00:00:00+00 BC,NULL,2026-01-05 10:00+00}'::timestamptz[]) AS t;
UPDATE orders SET amount = share, share = 3;
DELETE FROM orders WHERE order_id % 2 = 0;
SELECT p, problem, stored FROM unnest('{club,idle}'::name[]) AS p, segment.verify_program(p);
SELECT definition FROM segment.verify();
-- texts that no index takes: at a till an error, in a row nothing is earned
CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql AS $$ SELECT left(string_agg(md5(i::text), ''), bytes) FROM generate_series(1, bytes / 32 + 1) AS i $$;
SELECT outcome(format('SELECT segment.%s', call)) FROM unnest(ARRAY['earn(''club'', 1, 1, token => shop_hostile.noise(2601))', 'earn(''club'', 1, 1, token => shop_hostile.noise(2600))',
    'earn(''club'', 1, 1, ref => shop_hostile.noise(100000))', 'join_program(''club'', 3, code => shop_hostile.noise(2601))', 'join_program(''club'', 3, code => shop_hostile.noise(2600))']) AS call;
CREATE TABLE letters (letter bytea PRIMARY KEY, customer_id bigint, amount numeric DEFAULT 1, at timestamptz DEFAULT segment.now());
CREATE INDEX ON letters (customer_id, at);
SELECT segment.attach_source('letters', at => 'at');
SELECT segment.create_earning('club', repeat('l', 63)::name, 'letters.amount', ref => 'letter');
INSERT INTO letters SELECT decode(noise(2 * bytes), 'hex'), 1 FROM unnest('{10,1299,1300,2600}'::int[]) AS bytes;
-- in whatever way a session writes bytes
SET bytea_output = 'escape';
UPDATE letters SET amount = 2;
RESET bytea_output;
SELECT length(ref), points FROM segment_data.guest_club_granted WHERE rule ~ 'lll' ORDER BY 1;
DELETE FROM letters;

-- instants and spans at their ends
SELECT call, outcome(format('SELECT segment.%s', call)) FROM unnest(ARRAY['hold(''club'', 1, 1, timestamptz ''infinity'')', 'hold(''club'', 1, 1, timestamptz ''294276-12-31 23:59:59+00'')',
    'hold(''club'', 1, 1, ''5000 years'')', 'hold(''club'', 1, 1, ''-1 day'')', 'earn(''club'', 1, 1, expires => ''infinity'')', 'earn(''club'', 1, 1, expires => ''294276-12-31'')',
    'earn(''club'', 1, 1, expires => ''0001-01-01 BC'')', 'earn(''club'', 1, 1, pending => ''5000 years'', expires => ''after 5000 years'')', 'liability(''club'', timestamptz ''infinity'')',
    'liability(''club'', timestamptz ''-infinity'')', 'card(''club'', 1)', 'statement(''club'', 1)', 'program_report(''club'', ''month'', 10000)']) AS call;
SET segment.now = '274000-01-01 00:00+00';
SELECT outcome('SELECT segment.earn(''club'', 1, 1)'), outcome('INSERT INTO orders VALUES (1, 1, 1)'), outcome('SELECT segment.card(''club'', 1)');
-- a clock that is set back goes on from what was decided
SET segment.now = '2026-01-10 10:00+00';
SELECT outcome('SELECT segment.redeem(''club'', 2, 1)'), outcome('SELECT segment.earn(''club'', 2, 1)'), outcome('INSERT INTO orders VALUES (2, 2, 1)');
SELECT p, problem, stored FROM unnest('{club,idle}'::name[]) AS p, segment.verify_program(p);
SET client_min_messages = warning;
SELECT segment.drop_population('guest', cascade => true);
DROP TABLE orders, letters;

-- names with everything in them, keys that are text, and texts that look like ours
SET segment.now = '2026-01-01 10:00+00';
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE "or'd""ers {lot}" ("{key}" bigint PRIMARY KEY, "Who" citext, "$1" numeric, at timestamptz DEFAULT segment.now());
CREATE INDEX ON "or'd""ers {lot}" ("Who", at);
SELECT segment.create_population('ga"st''{member}', key => 'who"{entry}', key_type => 'text', timezone => 'UTC');
SELECT segment.attach_source('"or''d""ers {lot}"', name => 'bought', key => 'Who', at => 'at');
SELECT outcome(format('SELECT segment.create_program(%L)', p)) FROM unnest(ARRAY['select', 'クラブ', 'Club', 'cl"ub', '', '1a', repeat('a', 48), repeat('a', 43)]) AS p;
SELECT segment.create_tiering('クラブ', 'sum(bought.`$1`)', period => 'this year'), segment.create_tier('クラブ', 'Sil"ver''{lot}\', 5), segment.create_tier('クラブ', repeat('z', 63)::name, 20);
SELECT segment.create_earning('クラブ', 'ru"le''{key}$1', 'bought.`$1` where `Who` = "ADA"', '`クラブ`.balance >= 0', ref => '{key}', cap => 100, per => 'day');
SELECT segment.create_earning('select', repeat('r', 63)::name, 'bought.`$1`', ref => '{key}');
SELECT segment.create_reward('クラブ', 'm"u''g{lot}$1', 1, condition => '`who"{entry}` != "{member}"'), segment.create_reward('select', repeat('r', 63)::name, 30, auto => true);
SELECT segment.join_program(p, k, c) FROM unnest('{select,クラブ}'::name[]) AS p, (VALUES ('ada', 'c"o''d{lot}|'), ('Bo', '2'), ('', '3'), ('ada|1', '4')) AS v(k, c);
INSERT INTO "or'd""ers {lot}" VALUES (1, 'ADA', 7), (2, 'BO', 25), (3, 'a''d"a{lot}', 50), (4, '', 40);
SELECT * FROM segment.what_if_earning('クラブ', 'bought.`$1`');
SELECT "who""{entry}", "クラブ_balance", "クラブ_tier", select_balance, select_vouchers FROM "ga""st'{member}" ORDER BY "who""{entry}" COLLATE "C";
SELECT outcome(format('SELECT segment.%s', call)) FROM unnest(ARRAY['redeem(''クラブ'', ''ada'', 1, token => ''t"''''{lot}|'', ref => ''{key}'', note => ''$1'')', 'redeem(''クラブ'', ''ada'', 1, token => ''t"''''{lot}|'', ref => ''{lot}'', note => ''$1'')',
    'earn(''クラブ'', ''ada'', 1, ref => ''2|x'', token => ''bars'')', 'earn(''クラブ'', ''ada|1'', 2, ref => ''x'', token => ''bars'')', 'card(''クラブ'', '''')', 'tier_steps(''クラブ'', ''ada'')', 'redeem_reward(''クラブ'', ''ada'', ''m"u''''g{lot}$1'')', 'member_key(''クラブ'', ''c"o''''d{lot}|'')']) AS call;
-- a key that is nearly too long for anything
SELECT outcome('SELECT segment.join_program(''select'', shop_hostile.noise(2650))'), outcome('SELECT segment.join_program(''select'', shop_hostile.noise(2600))') ~ '^done' AS joined;
INSERT INTO "or'd""ers {lot}" VALUES (7, noise(2600), 7);
SELECT length("who""{entry}"), select_balance FROM "ga""st'{member}" WHERE length("who""{entry}") > 1000 ORDER BY 1;
SELECT p, problem, stored FROM unnest('{select,クラブ}'::name[]) AS p, segment.verify_program(p);
SELECT definition FROM segment.verify();
SELECT segment.drop_population('ga"st''{member}', cascade => true);

-- what a rule would have granted is asked of all rows, or not said
CREATE ROLE regress_hostile_shop;
CREATE ROLE regress_hostile_club;
GRANT ALL ON SCHEMA shop_hostile TO regress_hostile_shop, regress_hostile_club;
SET ROLE regress_hostile_shop;
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, tenant text, at timestamptz DEFAULT segment.now());
GRANT SELECT, TRIGGER ON orders TO regress_hostile_club;
SET ROLE regress_hostile_club;
SELECT segment.create_population('guest', timezone => 'UTC');
RESET ROLE;
SELECT segment.attach_source('orders', at => 'at');
SET ROLE regress_hostile_club;
SELECT segment.create_program('club'), segment.join_program('club', 1, '1');
SET ROLE regress_hostile_shop;
INSERT INTO orders VALUES (1, 1, 600, 'a'), (2, 1, 500, 'b');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON orders USING (tenant = 'b');
SET ROLE regress_hostile_club;
SELECT outcome('SELECT points FROM segment.what_if_earning(''club'', ''orders.amount'')');
-- what the owner's constraints call while a statement of ours is under way may
-- no more than the owner: it writes no table of ours, and drops nothing that is
-- read
RESET ROLE;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
SET ROLE regress_hostile_club;
CREATE TABLE cards (card bigint PRIMARY KEY, customer_id bigint UNIQUE);
SELECT segment.attach_source('cards');
CREATE TABLE tried (attempt text, outcome text);
CREATE FUNCTION forge(attempt text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    way text;
BEGIN
    FOREACH way IN ARRAY ARRAY['UPDATE segment_data.guest_club_lot SET remaining = granted', 'DELETE FROM segment_data.guest_club_movement',
        'INSERT INTO segment_data.guest_club_hold VALUES (1, 1, 1, now(), ''open'')', 'UPDATE segment_data.guest SET source_rows = 7', 'DROP TABLE shop_hostile.cards'] LOOP
        INSERT INTO shop_hostile.tried VALUES (attempt, way || ': ' || left(shop_hostile.outcome(way), 20));
    END LOOP;
    RETURN true;
END $$;
SELECT segment.earn('club', 1, 100) AS earned, segment.create_reward('club', 'mug', 5, stock => 9);
ALTER TABLE segment_data.guest_club_movement ADD CHECK (shop_hostile.forge('movement'));
ALTER TABLE segment_data.guest_club_hold ADD CHECK (shop_hostile.forge('hold'));
ALTER TABLE segment_data.guest_club_voucher ADD CHECK (shop_hostile.forge('voucher'));
ALTER TABLE segment_data.guest ADD CHECK (shop_hostile.forge('profile')) NOT VALID;
SELECT segment.redeem('club', 1, 10) AS redeemed, segment.hold('club', 1, 10, '1 day') AS held;
SELECT movement FROM segment.redeem_reward('club', 1, 'mug');
INSERT INTO cards VALUES (1, 1);
SELECT segment.create_trait('card', 'cards.card');
SELECT segment.rebuild('guest');
SELECT attempt, outcome FROM tried GROUP BY 1, 2 ORDER BY 1, 2;
SELECT problem, stored FROM segment.verify_program('club');
SELECT definition FROM segment.verify('guest');
SELECT kind, points FROM segment.statement('club', 1) ORDER BY 1, 2;
RESET ROLE;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_hostile CASCADE;
DROP ROLE regress_hostile_shop, regress_hostile_club;
