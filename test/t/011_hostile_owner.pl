# Whoever owns a population gains nothing from it.
#
# Bob owns one, fed by the shop's orders, and hangs code of his on whatever is
# his: the base table, the tables of members, the view, types.  The code writes
# down as whom it runs, and tries to get at what others may do, now or after it
# has ended.  Then a superuser, the shop and a reader do whatever they can with
# the population, and a background worker keeps its feed.  The code must never
# have run as anybody but Bob, and never have got anything.
#
#	vehicle		what Bob hangs where			CHECK (bob.yes('check'))
#	path		what the others do				SELECT segment.rebuild()
#
# A vehicle says whether it must have run at all: so that this test notices if
# it has tried nothing.  VEHICLES='index|domain' tries these alone.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('hostile');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'segment'
segment.databases = 'nowhere'
segment.naptime = '10ms'
log_line_prefix = '%p '
log_statement = none
log_min_error_statement = panic
});
$node->start;

# ---- who there is, and what Bob's code does ---------------------------------

$node->safe_psql('postgres', q{
CREATE EXTENSION segment;
CREATE ROLE bob LOGIN;
CREATE ROLE shop LOGIN;
CREATE ROLE reader LOGIN;
CREATE SCHEMA bob AUTHORIZATION bob;
CREATE SCHEMA shop AUTHORIZATION shop;
GRANT USAGE ON SCHEMA bob TO PUBLIC;
GRANT USAGE ON SCHEMA shop TO bob;
-- somebody was so kind, for an index of his own
GRANT CREATE ON SCHEMA segment_data TO bob;
SET ROLE shop;
CREATE TABLE shop.secret (word text);
INSERT INTO shop.secret VALUES ('sesame');
CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz);
CREATE INDEX ON shop.orders (customer_id, at);
INSERT INTO shop.orders SELECT k, k, 10 * k, now() - interval '1 day' FROM generate_series(1, 5) AS k;
GRANT SELECT, TRIGGER ON shop.orders TO bob;
SET ROLE bob;
CREATE TABLE bob.loot (word text);
CREATE TABLE bob.bomb (n int);
});

$node->safe_psql('postgres', q{
SET ROLE bob;
CREATE FUNCTION bob.attack(vehicle text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    way text;
BEGIN
    -- in a session of his own Bob may do as he may
    IF session_user = 'bob' THEN
        RETURN;
    END IF;
    RAISE LOG 'attack: % as %', vehicle, current_user;
    -- one bomb is enough
    FOREACH way IN ARRAY array_remove(ARRAY[
        'ALTER ROLE bob SUPERUSER',
        'GRANT shop TO bob',
        'INSERT INTO bob.loot SELECT word FROM shop.secret',
        'GRANT SELECT ON shop.secret TO bob',
        'SET ROLE postgres',
        'SET ROLE shop',
        'SET SESSION AUTHORIZATION postgres',
        'RESET SESSION AUTHORIZATION',
        'RESET ROLE',
        'CREATE TEMP TABLE left_behind (n int) ON COMMIT DROP',
        'DECLARE left_behind CURSOR WITH HOLD FOR SELECT bob.attack(''cursor'')',
        'PREPARE left_behind AS SELECT bob.attack(''prepared'')',
        'LISTEN left_behind',
        'INSERT INTO bob.bomb VALUES (1)'],
        CASE vehicle WHEN 'bomb' THEN 'INSERT INTO bob.bomb VALUES (1)' END)
    LOOP
        BEGIN
            EXECUTE way;
            RAISE LOG 'gained: % by % as %', way, vehicle, current_user;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    -- These tables may carry this very code, which is enough once.  What is
    -- called while a statement of ours is planned may write in its stead, but
    -- then that statement is refused, and undoes it.
    IF current_setting('bob.forges', true) IS DISTINCT FROM 'yes' THEN
        PERFORM set_config('bob.forges', 'yes', false);
        FOREACH way IN ARRAY ARRAY[
            'UPDATE segment_data.p SET source_rows = 7',
            'UPDATE segment_data.p_club_lot SET remaining = granted',
            'DELETE FROM segment_data.p_club_movement']
        LOOP
            BEGIN
                EXECUTE way;
                INSERT INTO bob.loot VALUES (way);
            EXCEPTION WHEN OTHERS THEN
                NULL;
            END;
        END LOOP;
        PERFORM set_config('bob.forges', 'no', false);
    END IF;
    PERFORM set_config('search_path', 'bob', false);
    PERFORM set_config('segment.feed_retention', '0', false);
END $$;
CREATE FUNCTION bob.row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bob.attack(tg_argv[0]);
    RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END;
END $$;
CREATE CONSTRAINT TRIGGER bomb AFTER INSERT ON bob.bomb DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION bob.row('bomb');

-- the same, for where nothing but an immutable function is taken
CREATE FUNCTION bob.yes(vehicle text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM bob.attack(vehicle); RETURN true; END $$;
CREATE FUNCTION bob.number(vehicle text, n bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM bob.attack(vehicle); RETURN n; END $$;
CREATE FUNCTION bob.same(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM bob.attack('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE FUNCTION bob.same(bigint, bigint) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM bob.attack('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;

-- a table of his own, with types of his own
CREATE TYPE bob.mood AS ENUM ('glad', 'sad');
CREATE DOMAIN bob.word AS text;
CREATE TYPE bob.pair AS (a bob.word, b bigint);
CREATE TABLE bob.visits (id bigint PRIMARY KEY, customer_id bigint, at timestamptz, mood bob.mood);
CREATE INDEX ON bob.visits (customer_id, at);
INSERT INTO bob.visits VALUES (1, 1, now(), 'glad'), (2, 2, now(), 'sad');
CREATE TABLE bob.people (customer_id bigint PRIMARY KEY, mood bob.mood, note json);
INSERT INTO bob.people VALUES (1, 'glad', '{}');
-- nobody else writes this one, as that alone would be to call the domain's checks
CREATE TABLE bob.terms (id bigint PRIMARY KEY, customer_id bigint UNIQUE, at timestamptz,
    word bob.word, words bob.word[], pair bob.pair);
INSERT INTO bob.terms VALUES (1, 1, now(), 'a', '{a}', '(a,1)'), (2, 2, now(), 'b', '{b}', '(b,2)');
GRANT ALL ON ALL TABLES IN SCHEMA bob TO shop, reader;
RESET ROLE;
-- the shop thinks that an enum does no harm
ALTER TABLE shop.orders ADD mood bob.mood DEFAULT 'glad';
});

# A population as Bob would have it, and whose it is.
sub define_population
{
	my ($owner) = @_;

	$node->safe_psql('postgres', qq{
SET ROLE $owner;
SET search_path = bob, pg_catalog;
SELECT segment.create_population('p', timezone => 'UTC');
RESET ROLE;
SELECT segment.attach_source('shop.orders', at => 'at');
SET ROLE $owner;
} . q{
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.attach_source('people');
SELECT segment.attach_source('terms', name => 'said');
SELECT segment.attach_source('terms', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_trait('last_order_at', 'max(orders.at)');
SELECT segment.create_trait('order_moods', 'list(distinct orders.mood)');
SELECT segment.create_trait('glad_orders', 'count(orders where mood = "glad")');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_trait('mood', 'people.mood');
SELECT segment.create_trait('moods', 'list(distinct visits.mood)');
SELECT segment.create_trait('word', 'said.word');
SELECT segment.create_trait('words', 'said.words');
SELECT segment.create_trait('note', 'people.note');
SELECT segment.create_audience('vip', 'spent > 25');
SELECT segment.create_audience('glad', 'mood = "glad"');
SELECT segment.create_audience('lapsed', 'last_order_at more than 2 days ago');
SELECT segment.create_audience('recent', 'count(orders in last 1 day) > 0 and not in audience lapsed');
GRANT SELECT ON p, vip, glad, lapsed, recent TO shop, reader;
});
	return;
}

# A program of Bob's, with tiers, rules, rewards and an occasion; the shop is
# its till.
sub define_ledger
{
	$node->safe_psql('postgres', q{
SET ROLE bob;
SET search_path = bob, pg_catalog;
SELECT segment.create_program('club', expires => 'after 1 year', bonus => 10);
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => '1 month');
SELECT segment.create_tier('club', 'silver', 20), segment.create_tier('club', 'gold', 60);
SELECT segment.create_earning('club', 'orders', 'orders.amount where mood = "glad"', 'spent > 0 or word = "a"', ref => 'id');
SELECT segment.create_earning('club', 'capped', 'visits.id', ref => 'id', cap => 100, per => 'day');
SELECT segment.create_reward('club', 'mug', 5, condition => 'in audience vip or club.tier is set');
SELECT segment.create_reward('club', 'stamp', 30, auto => true);
SELECT segment.create_occasion('club', 'entered', 'vip', 3);
SELECT segment.create_referral('club', 'recent', 2, 1);
GRANT SELECT, INSERT, UPDATE ON segment_data.p_club_movement TO shop;
GRANT SELECT ON segment_data.p_club_movement TO reader;
});
	return;
}

# ---- vehicles ---------------------------------------------------------------

# name => {on: what Bob does, off: how it ends, runs: must it have run?
# refused: he may not, but it may have come past the guard
# source: it hangs on what Bob feeds into somebody else's population, too}
my $base = 'segment_data.p';
my @vehicles = (
	default => {
		on => "ALTER TABLE $base ADD hostile bigint;
			ALTER TABLE $base ALTER hostile SET DEFAULT bob.number('default', 0)",
		off => "ALTER TABLE $base DROP hostile",
		runs => 1,
	},
	check => {
		on => "ALTER TABLE $base ADD CONSTRAINT hostile CHECK (bob.yes('check'))",
		off => "ALTER TABLE $base DROP CONSTRAINT hostile",
		runs => 1,
	},
	(map { trigger_vehicle(@$_) }
		['before row', 'BEFORE', 'ROW'], ['after row', 'AFTER', 'ROW'],
		['before statement', 'BEFORE', 'STATEMENT'], ['after statement', 'AFTER', 'STATEMENT']),
	deferred => {
		on => "CREATE CONSTRAINT TRIGGER hostile AFTER INSERT OR UPDATE OR DELETE ON $base
			DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bob.row('deferred')",
		off => "DROP TRIGGER hostile ON $base",
		runs => 1,
	},
	'expression index' => {
		on => "CREATE INDEX hostile ON $base (bob.number('expression index', customer_id))",
		off => 'DROP INDEX segment_data.hostile',
		runs => 1,
	},
	# the server computes what is constant in it wherever the index is opened
	'constant index' => {
		on => "CREATE INDEX hostile ON $base ((bob.number('constant index', 0)))",
		off => 'DROP INDEX segment_data.hostile',
		runs => 1,
	},
	'partial index' => {
		on => "CREATE INDEX hostile ON $base (wake_at) WHERE bob.yes('partial index')",
		off => 'DROP INDEX segment_data.hostile',
		runs => 1,
	},
	generated => {
		on => "ALTER TABLE $base ADD hostile bigint GENERATED ALWAYS AS (bob.number('generated', customer_id)) STORED",
		off => "ALTER TABLE $base DROP hostile",
		runs => 1,
	},
	rule => {
		on => "CREATE RULE hostile AS ON DELETE TO $base DO ALSO SELECT bob.attack('rule')",
		off => "DROP RULE hostile ON $base",
		refused => 1,
	},
	operator => {
		on => 'CREATE OPERATOR bob.= (LEFTARG = text, RIGHTARG = text, FUNCTION = bob.same);
			CREATE OPERATOR bob.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = bob.same)',
		off => 'DROP OPERATOR bob.= (text, text); DROP OPERATOR bob.= (bigint, bigint)',
		source => 1,
	},
	function => {
		on => q{CREATE FUNCTION bob.now() RETURNS timestamptz LANGUAGE plpgsql AS
			'BEGIN PERFORM bob.attack(''function''); RETURN pg_catalog.now(); END';
			CREATE FUNCTION bob.capture_after() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM bob.attack(''function''); RETURN NULL; END';
			CREATE FUNCTION bob.lower(text) RETURNS text LANGUAGE plpgsql AS
			'BEGIN PERFORM bob.attack(''function''); RETURN $1; END'},
		off => 'DROP FUNCTION bob.now, bob.capture_after, bob.lower',
		source => 1,
	},
	cast => {
		on => q{CREATE FUNCTION bob.mood_text(bob.mood) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
			'BEGIN PERFORM bob.attack(''cast''); RETURN ''glad''; END';
			CREATE FUNCTION bob.pair_text(bob.pair) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
			'BEGIN PERFORM bob.attack(''cast''); RETURN ''x''; END';
			CREATE CAST (bob.mood AS text) WITH FUNCTION bob.mood_text AS IMPLICIT;
			CREATE CAST (bob.pair AS text) WITH FUNCTION bob.pair_text AS IMPLICIT},
		off => 'DROP FUNCTION bob.mood_text, bob.pair_text CASCADE',
		source => 1,
	},
	domain => {
		on => "ALTER DOMAIN bob.word ADD CONSTRAINT hostile CHECK (bob.yes('domain')) NOT VALID",
		off => 'ALTER DOMAIN bob.word DROP CONSTRAINT hostile',
		source => 1,
	},
	view => {
		on => q{CREATE OR REPLACE FUNCTION bob.hostile_view(name text) RETURNS void LANGUAGE plpgsql AS $$
			DECLARE
				definition text := rtrim(pg_get_viewdef(('bob.' || name)::regclass), ';');
			BEGIN
				EXECUTE format('CREATE OR REPLACE VIEW bob.%I AS SELECT v.* FROM (%s) AS v WHERE bob.yes(%L)',
					name, definition, 'view');
			END $$;
			SELECT bob.hostile_view('p'), bob.hostile_view('vip')},
		off => 'DROP FUNCTION bob.hostile_view',
	},
	'members trigger' => {
		on => q{DO $$ DECLARE t regclass; BEGIN
			FOR t IN SELECT unnest(ARRAY[chunks, toggles]) FROM segment.membership LOOP
				EXECUTE format('CREATE TRIGGER hostile BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION bob.row(%L)', t, 'members trigger');
				EXECUTE format('ALTER TABLE %s ADD CONSTRAINT hostile CHECK (bob.yes(%L)) NOT VALID', t, 'members trigger');
			END LOOP; END $$},
		off => q{DO $$ DECLARE t regclass; BEGIN
			FOR t IN SELECT unnest(ARRAY[chunks, toggles]) FROM segment.membership LOOP
				EXECUTE format('DROP TRIGGER hostile ON %s', t);
				EXECUTE format('ALTER TABLE %s DROP CONSTRAINT hostile', t);
			END LOOP; END $$},
	},
	'members policy' => {
		on => q{DO $$ DECLARE t regclass; BEGIN
			FOR t IN SELECT unnest(ARRAY[chunks, toggles]) FROM segment.membership LOOP
				EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
				EXECUTE format('CREATE POLICY hostile ON %s USING (bob.yes(%L))', t, 'members policy');
			END LOOP; END $$},
		off => q{DO $$ DECLARE t regclass; BEGIN
			FOR t IN SELECT unnest(ARRAY[chunks, toggles]) FROM segment.membership LOOP
				EXECUTE format('DROP POLICY hostile ON %s', t);
				EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', t);
			END LOOP; END $$},
	},
	'source policy' => {
		on => "ALTER TABLE bob.terms ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
			CREATE POLICY hostile ON bob.terms USING (bob.yes('source policy'))",
		off => 'DROP POLICY hostile ON bob.terms;
			ALTER TABLE bob.terms DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY',
		source => 1,
	},
	'source index' => {
		on => "CREATE INDEX hostile ON bob.terms ((bob.number('source index', 0)))",
		off => 'DROP INDEX bob.hostile',
		runs => 1,
	},
);

# What Bob hangs on each table of his ledger, which goes with his population.
push @vehicles, map { ledger_vehicle(@$_) }
	[ 'row' => 'CREATE TRIGGER hostile BEFORE INSERT OR UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION bob.row(%2$L)' ],
	[ 'statement' => 'CREATE TRIGGER hostile AFTER INSERT OR UPDATE ON %1$s FOR EACH STATEMENT EXECUTE FUNCTION bob.row(%2$L)' ],
	# refused, as it would run when we act as Bob no more
	[ 'deferred' => 'CREATE CONSTRAINT TRIGGER hostile AFTER INSERT ON %1$s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bob.row(%2$L)', 0 ],
	[ 'check' => 'ALTER TABLE %1$s ADD CONSTRAINT hostile CHECK (bob.yes(%2$L)) NOT VALID' ],
	[ 'default' => 'ALTER TABLE %1$s ADD hostile bigint DEFAULT bob.number(%2$L, 0)' ],
	[ 'generated' => 'ALTER TABLE %1$s ADD hostile bigint GENERATED ALWAYS AS (bob.number(%2$L, 0)) STORED' ],
	[ 'index' => 'CREATE INDEX ON %1$s ((bob.number(%2$L, 0)))' ],
	[ 'partial index' => 'CREATE INDEX ON %1$s ((1)) WHERE bob.yes(%2$L)' ],
	[ 'policy' => 'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY hostile ON %1$s USING (bob.yes(%2$L))', 0 ],
	# the server takes no INSERT ... ON CONFLICT of a member then
	[ 'rule' => 'CREATE RULE hostile AS ON INSERT TO %1$s DO ALSO SELECT bob.attack(%2$L)', 0, 1 ];

sub ledger_vehicle
{
	my ($kind, $ddl, $runs, $refused) = @_;
	my $name = "ledger $kind";

	return ($name => {
		on => qq{DO \$\$ DECLARE t regclass; BEGIN
			FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace AND relname ~ '^p_club_' AND relkind = 'r' LOOP
				EXECUTE format('$ddl', t, '$name');
			END LOOP; END \$\$},
		off => 'SELECT 1',
		runs => $runs // 1,
		refused => $refused,
		ledger => 1,
	});
}

sub trigger_vehicle
{
	my ($name, $when, $level) = @_;

	return ($name => {
		on => "CREATE TRIGGER hostile $when INSERT OR UPDATE OR DELETE ON $base
			FOR EACH $level EXECUTE FUNCTION bob.row('$name')",
		off => "DROP TRIGGER hostile ON $base",
		runs => 1,
	});
}

# ---- paths ------------------------------------------------------------------

# What whoever may write rows does.  All that is done here is done with Bob's
# schema in front of search_path, so what is no business of ours is qualified.
my @events = (
	q{INSERT INTO shop.orders VALUES (100, 100, 50, pg_catalog.now())},
	q{INSERT INTO shop.orders VALUES (101, 1, 50, pg_catalog.now() - interval '1 day' + interval '1 second')},
	q{UPDATE shop.orders SET amount = 1 WHERE id > 99},
	q{DELETE FROM shop.orders WHERE id > 99},
	q{INSERT INTO bob.people (customer_id, mood, note) VALUES (7, 'sad', '[]')},
	q{UPDATE bob.people SET mood = 'glad' WHERE customer_id > 6},
	q{DELETE FROM bob.people WHERE customer_id > 6},
	q{INSERT INTO bob.visits (id, customer_id, at, mood) VALUES (7, 7, pg_catalog.now(), 'sad')},
	q{DELETE FROM bob.visits WHERE id > 6},
	q{TRUNCATE bob.visits},
	q{INSERT INTO bob.visits (id, customer_id, at, mood) VALUES (1, 1, pg_catalog.now(), 'glad'), (2, 2, pg_catalog.now(), 'sad')},
);

# What a till does, and what the rows of the shop's orders earn there.
my @till = (
	q{SELECT segment.join_program('club', 1, 'one')},
	q{SELECT segment.join_program('club', 2, 'two', referred_by => 'one')},
	@events[0 .. 3],
	q{INSERT INTO bob.visits (id, customer_id, at, mood) VALUES (7, 1, pg_catalog.now(), 'sad')},
	q{DELETE FROM bob.visits WHERE id > 6},
	q{SELECT segment.earn('club', 1, 100, token => 'a')},
	q{SELECT segment.earn('club', 1, 100, token => 'a')},
	q{SELECT segment.redeem('club', 1, 2)},
	q{SELECT segment.hold('club', 1, 3)},
	q{SELECT segment.settle('club', (segment.card('club', 1)->'held'->0->>'movement')::bigint, 1)},
	q{SELECT segment.hold('club', 1, 3)},
	q{SELECT segment.release('club', (segment.card('club', 1)->'held'->0->>'movement')::bigint)},
	q{SELECT segment.give('club', 1, 2, 2)},
	q{SELECT segment.reverse('club', max(movement)) FROM segment.statement('club', 1) WHERE kind = 'redeem'},
	q{SELECT segment.adjust('club', 1, 2, 'x')},
	q{SELECT * FROM segment.redeem_reward('club', 1, 'mug')},
	q{SELECT segment.use_voucher('club', segment.card('club', 1)->'vouchers'->0->>'code')},
	q{SELECT segment.cancel_voucher('club', segment.card('club', 1)->'vouchers'->0->>'code')},
	q{SELECT segment.leave_program('club', 2)},
	q{SELECT segment.card('club', 1)},
	q{SELECT * FROM segment.statement('club', 1)},
	q{SELECT * FROM segment.why('club', 1)},
	q{SELECT * FROM segment.liability('club')},
	q{SELECT * FROM segment.program_report('club')},
	q{SELECT * FROM segment.tier_steps('club', 1)},
	q{SELECT * FROM segment.what_if_earning('club', 'orders.amount')},
	q{SELECT * FROM segment.verify_program('club')},
	q{SELECT segment.member_key('club', 'one')},
);
my @terms = (
	q{SELECT segment.alter_program('club', pending => '1 day', unit => 'stars')},
	q{SELECT segment.create_earning('club', 'orders', 'orders.amount * 2', ref => 'id', valid_from => '2000-01-01', backfill => true)},
	q{SELECT segment.end_earning('club', 'orders')},
	q{SELECT segment.alter_tier('club', 'gold', 50)},
	q{SELECT segment.alter_tiering('club', period => 'last 12 months')},
	q{SELECT segment.alter_reward('club', 'mug', stock => 3)},
	q{SELECT segment.drop_reward('club', 'mug')},
	q{SELECT * FROM segment.tick()},
	q{SELECT segment.rebuild()},
	q{SELECT segment.drop_tiering('club', cascade => true)},
	q{SELECT segment.drop_program('club', cascade => true)},
);

# What a reader may ask.
my @questions = (
	q{SELECT segment.size('vip'), segment.size('lapsed')},
	q{SELECT * FROM segment.sizes()},
	q{SELECT * FROM segment.members('vip') AS m (k bigint)},
	q{SELECT * FROM segment.members('recent') AS m (k bigint)},
	q{SELECT segment.is_member('vip', 1), segment.is_member('recent', 1)},
	q{SELECT * FROM segment.audiences(1)},
	q{SELECT * FROM segment.explain('vip', 1)},
	q{SELECT * FROM segment.explain('glad', 1)},
	q{SELECT * FROM segment.explain('recent', 1)},
	q{SELECT * FROM segment.what_if('vip', 'spent > 1')},
	q{SELECT * FROM segment.what_if('glad', 'mood = "sad"')},
	q{SELECT * FROM segment.what_if('glad', 'lower(mood) = "sad"')},
	q{SELECT segment.next_change('lapsed', 1)},
	q{SELECT segment.forecast('lapsed', pg_catalog.now() + interval '3 days')},
	q{SELECT segment.count_where('spent > 10 and word = "a"')},
	q{SELECT segment.count_where('words contains "a"')},
	q{SELECT segment.count_where('words = "{a}"')},
	q{SELECT segment.count_where('mood = word')},
	q{SELECT segment.count_where('in audience vip and not in audience lapsed')},
	q{SELECT * FROM segment.overlap('vip', 'lapsed')},
	q{SELECT * FROM segment.overlaps()},
	q{SELECT * FROM segment.dependencies('spent')},
	q{SELECT segment.filter_sql('words = "{a}"', 'segment_data.p')},
	q{SELECT segment.filter_sql('pair = "(a,1)"', 'bob.terms')},
	q{SELECT segment.filter_sql('lower(mood) = "x"', 'bob.visits')},
	q{SELECT * FROM segment.stat_source},
	q{SELECT * FROM segment.stat_consumer},
	q{SELECT count(*) FROM segment.transition},
	q{SELECT segment.create_consumer('hers', from_start => true)},
	q{SELECT count(*) FROM segment.poll('hers')},
	q{SELECT segment.ack('hers', 1)},
	q{SELECT segment.drop_consumer('hers')},
);

# What needs more rights than a reader's.  The clock is set, so that there is
# something due at each step.
my @definitions = (
	q{SELECT * FROM segment.tick(1)},
	q{SELECT * FROM segment.tick()},
	q{SELECT segment.create_trait('biggest', 'max(orders.amount)')},
	q{SELECT segment.create_trait('sad', 'count(visits where mood = "sad")')},
	q{SELECT segment.create_trait('lowered', 'lower(people.mood)')},
	q{SELECT segment.create_trait('paired', 'count(terms where pair = "(a,1)")')},
	q{SELECT segment.create_trait('worded', 'count(terms where word = "a")')},
	q{SELECT segment.create_trait('last_word', 'last(terms.word)')},
	q{SELECT segment.create_trait('last_mood', 'last(visits.mood)')},
	q{SELECT segment.alter_trait('biggest', 'min(orders.amount)')},
	q{SELECT segment.rename_trait('biggest', 'smallest')},
	q{SELECT segment.rename_trait('mood', 'humour')},
	q{SELECT segment.rename_trait('humour', 'mood')},
	q{SELECT segment.rename_source('said', 'told')},
	q{SELECT segment.rename_source('told', 'said')},
	q{SELECT segment.rename_audience('vip', 'best')},
	q{SELECT segment.rename_audience('best', 'vip')},
	q{SELECT segment.drop_trait('smallest')},
	q{SELECT segment.create_audience('big', 'sum(orders.amount in last 30 days) > 10 and word != "b"')},
	q{SELECT segment.create_audience('worded', 'words contains "a"')},
	q{SELECT segment.create_audience('listed', 'words = "{a}"')},
	q{SELECT segment.create_audience('paired', 'count(terms where pair = "(a,1)") > 0')},
	q{SELECT segment.alter_audience('big', 'max(orders.amount) > 10')},
	q{SELECT segment.alter_audience('glad', 'spent > 20 or mood = "sad"')},
	q{SELECT segment.alter_audience('big', description => 'x')},
	q{SELECT segment.drop_audience('big')},
	q{SELECT segment.drop_audience('worded')},
	q{SELECT segment.detach_source('people', cascade => true)},
	q{SELECT segment.attach_source('bob.people')},
	q{SELECT segment.create_trait('mood', 'people.mood')},
	q{SELECT segment.detach_source('said', cascade => true)},
	q{SELECT segment.attach_source('bob.terms', name => 'said')},
	q{SELECT segment.create_trait('word', 'said.word')},
	q{SELECT segment.create_trait('words', 'said.words')},
	q{SELECT segment.create_audience('glad', 'mood = "glad"')},
	q{SELECT * FROM segment.verify()},
	q{SET segment.capture = off},
	q{UPDATE bob.visits SET mood = 'glad' WHERE id > 1},
	q{UPDATE bob.people SET note = '2', mood = 'sad'},
	q{RESET segment.capture},
	q{SELECT * FROM segment.verify()},
	q{SELECT segment.rebuild()},
	q{SELECT * FROM segment.verify()},
	q{SELECT segment.trim_feed('0')},
);

# ---- trying it --------------------------------------------------------------

# Do all of that as somebody, one statement after the other, whatever fails.
# Before each stands in the log what it is, after it what it left behind.
sub try_paths
{
	my ($who, @paths) = @_;
	my $script = qq{SET search_path = bob, pg_catalog;\nSET client_min_messages = error;\n};

	for my $path (@paths)
	{
		(my $quoted = $path) =~ s/'/''/g;
		$script .= qq{DO 'BEGIN RAISE LOG \$\$path: $who: $quoted\$\$; END';\n};
		$script .= "$path;\n";
		$script .= q{DO 'BEGIN RAISE LOG $$left: % % % %$$, current_user, session_user,
			pg_catalog.current_setting($$search_path$$), pg_catalog.current_setting($$segment.feed_retention$$); END';} . "\n";
	}
	$node->psql('postgres', $script, on_error_stop => 0, extra_params => ['-U', $who]);
	return;
}

# What the log says since an offset: attacks by vehicle, and what was wrong.
sub read_log
{
	my ($offset) = @_;
	my (%runs, @wrong, %path);

	for my $line (split /\n/, slurp_file($node->logfile, $offset))
	{
		my ($pid, $what, $rest) = $line =~ /^(\d+) LOG:  (path|attack|gained|left): (.*)$/
		  or next;
		my $where = $path{$pid} // 'a worker';

		if ($what eq 'path')
		{
			$path{$pid} = $rest;
		}
		elsif ($what eq 'attack')
		{
			$rest =~ /^(.*) as (.*)$/;
			$runs{$1}++;
			push @wrong, "$rest: $where" if $2 ne 'bob';
		}
		elsif ($what eq 'gained')
		{
			push @wrong, "gained $rest: $where";
		}
		else
		{
			my ($who) = $where =~ /^(\w+):/;

			push @wrong, "left behind $rest: $where"
			  if $rest ne "$who $who bob, pg_catalog 30d";
		}
	}
	my %once;
	return (\%runs, grep { !$once{$_}++ } @wrong);
}

sub feed_worker
{
	my ($databases) = @_;

	$node->append_conf('postgresql.conf', "segment.databases = '$databases'");
	$node->reload;
	return;
}

# A worker sweeps who is due and folds what is pending.
sub try_worker
{
	my ($vehicle) = @_;

	$node->safe_psql('postgres', q{
		INSERT INTO shop.orders VALUES (200, 3, 70, now() - interval '1 day' + interval '200 ms')});
	feed_worker('postgres');

	# whoever plans a query over Bob's table runs what is constant in his
	# indexes, so Bob has to look himself
	local $ENV{PGUSER} = 'bob';
	ok($node->poll_query_until('postgres', q{
		SELECT NOT EXISTS (SELECT FROM segment_data.p WHERE wake_at <= clock_timestamp())
		   AND NOT EXISTS (SELECT FROM segment_data.p_toggle)
		   AND EXISTS (SELECT FROM segment.stat_worker WHERE pid IS NOT NULL AND last_tick IS NOT NULL)
		   AND (SELECT wake_at > now() + interval '1 hour' FROM segment_data.p WHERE customer_id = 3)}),
		"$vehicle: a worker keeps the feed");
	is($node->safe_psql('postgres', q{SELECT last_error FROM segment.stat_worker}), '',
		"$vehicle: and nothing is in its way");
	delete local $ENV{PGUSER};
	# with a cast of Bob's, the server takes the operators of his type for
	# ambiguous
	$node->psql('postgres', q{DELETE FROM shop.orders WHERE id = 200});
	feed_worker('nowhere');
	$node->poll_query_until('postgres', 'SELECT NOT EXISTS (SELECT FROM segment.stat_worker WHERE pid IS NOT NULL)');
	return;
}

sub try_vehicle
{
	my ($vehicle_name, $vehicle, $owner) = @_;
	my $name = $owner eq 'bob' ? $vehicle_name : "$vehicle_name for $owner";

	define_population($owner);
	define_ledger() if $vehicle->{ledger};
	if ($vehicle->{refused})
	{
		isnt($node->psql('postgres', $vehicle->{on}, extra_params => ['-U', 'bob']), 0, "$name: is refused");
		$node->safe_psql('postgres', "ALTER EVENT TRIGGER segment_guard_command DISABLE;
			SET SESSION AUTHORIZATION bob; $vehicle->{on}; RESET SESSION AUTHORIZATION;
			ALTER EVENT TRIGGER segment_guard_command ENABLE");
	}
	else
	{
		$node->safe_psql('postgres', $vehicle->{on}, extra_params => ['-U', 'bob']);
	}
	my $offset = -s $node->logfile;
	if ($vehicle->{ledger})
	{
		try_paths('shop', @till);
		try_paths('postgres', @till, @terms);
	}
	else
	{
		try_paths('postgres', @events, @questions, @definitions);
		try_paths('shop', @events, @questions);
		try_paths('reader', @questions);
		try_worker($name) if $owner eq 'bob';
	}
	try_paths('postgres', @events, q{SELECT segment.drop_population('p', cascade => true)});

	my ($runs, @wrong) = read_log($offset);
	is(join("\n", @wrong), '', "$name: ran as Bob or not at all, gained nothing, left nothing behind");
	if ($vehicle->{runs})
	{
		cmp_ok($runs->{$vehicle_name} // 0, '>', 0, "$name: and it did run");
	}
	else
	{
		is($runs->{$vehicle_name} // 0, 0, "$name: it was never called");
	}
	is($node->safe_psql('postgres', q{
		SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'), (SELECT count(*) FROM bob.loot),
		       pg_has_role('bob', 'shop', 'USAGE'), has_table_privilege('bob', 'shop.secret', 'SELECT'),
		       (SELECT count(*) FROM segment.population)}),
		'f|0|f|f|0', "$name: Bob is who he was");
	# the next one is to be seen for itself
	$node->safe_psql('postgres', 'ALTER ROLE bob NOSUPERUSER; REVOKE shop FROM bob;
		REVOKE ALL ON shop.secret FROM bob; TRUNCATE bob.loot;
		DELETE FROM shop.orders WHERE id > 99');
	# types and sources outlive the population
	$node->psql('postgres', $vehicle->{off}, extra_params => ['-U', 'bob']);
	$node->psql('postgres', 'DROP VIEW IF EXISTS bob.p, bob.vip, bob.glad, bob.lapsed, bob.recent CASCADE');
	return;
}

while (my ($name, $vehicle) = splice(@vehicles, 0, 2))
{
	next if $ENV{VEHICLES} && $name !~ /$ENV{VEHICLES}/;
	try_vehicle($name, $vehicle, 'bob');
	try_vehicle($name, $vehicle, 'postgres') if $vehicle->{source};
}

done_testing();
