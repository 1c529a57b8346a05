# Sixteen tills do whatever comes, to few customers, while the server is killed again
# and again: no point is lost, spent twice or made of nothing, and nobody deadlocks.
# make check-slow does it a million times (OPERATIONS, KILLS, SEED).

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $operations = $ENV{OPERATIONS} // 4000;
my $kills = $ENV{KILLS} // 3;
my $tills = 16;
my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_connections = 50\nmax_wal_size = 2GB");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION segment;
	CREATE TABLE orders (order_id bigserial PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT segment.now());
	CREATE INDEX ON orders (customer_id, at);
	SET segment.now = '2026-01-01 00:00+00';
	SELECT segment.create_population('guest', timezone => 'UTC');
	SELECT segment.attach_source('orders', at => 'at');
	SELECT segment.create_program('club', expires => 'after 20 days', pending => '1 hour', bonus => 10);
	SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'last 3 months', hold => '1 month');
	SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 1000);
	SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id');
	SELECT segment.create_earning('club', 'golden', 'orders.amount * 0.5', 'club.tier = "gold"', ref => 'order_id', pending => 'none');
	SELECT segment.create_audience('golden', 'club.tier = "gold"'), segment.create_audience('rich', 'club.balance > 200');
	SELECT segment.join_program('club', i) FROM generate_series(1, 40) AS i;

	-- what was done, in the transaction that did it
	CREATE TABLE done (what text, customer bigint, movement bigint);
	CREATE SEQUENCE minute;
	CREATE FUNCTION anyone_of(customer bigint, what text[], dice int) RETURNS bigint LANGUAGE sql AS
		'SELECT movement FROM segment_data.guest_club_movement WHERE key = $1 AND kind = ANY ($2) ORDER BY movement DESC OFFSET $3 % 5 LIMIT 1';
	CREATE FUNCTION serve(dice int, customer bigint, other bigint, points bigint) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		what text := CASE WHEN dice < 20 THEN 'earn' WHEN dice < 40 THEN 'redeem' WHEN dice < 48 THEN 'hold' WHEN dice < 52 THEN 'settle'
			WHEN dice < 56 THEN 'release' WHEN dice < 60 THEN 'reverse' WHEN dice < 63 THEN 'adjust' WHEN dice < 68 THEN 'give'
			WHEN dice < 82 THEN 'buy' WHEN dice < 86 THEN 'correct' WHEN dice < 90 THEN 'refund' WHEN dice < 92 THEN 'leave' WHEN dice < 94 THEN 'join'
			WHEN dice < 99 THEN 'buy and spend' ELSE 'tick' END;
		made bigint;
	BEGIN
		PERFORM set_config('segment.now', ('2026-01-01 00:00+00'::timestamptz + nextval('minute') * interval '1 minute')::text, true);
		BEGIN
			CASE what
			WHEN 'earn' THEN made := segment.earn('club', customer, points, pending => CASE WHEN dice % 2 = 0 THEN 'none' END);
			WHEN 'redeem' THEN made := segment.redeem('club', customer, points);
			WHEN 'hold' THEN made := segment.hold('club', customer, points, '30 minutes');
			WHEN 'settle' THEN made := segment.settle('club', anyone_of(customer, '{hold}', points::int));
			WHEN 'release' THEN made := segment.release('club', anyone_of(customer, '{hold}', points::int));
			WHEN 'reverse' THEN made := segment.reverse('club', anyone_of(customer, '{earn,redeem,settle,adjust}', points::int), CASE WHEN dice % 2 = 0 THEN 1 END);
			WHEN 'adjust' THEN made := segment.adjust('club', customer, points - 30, 'correction');
			WHEN 'give' THEN made := segment.give('club', customer, other, points);
			WHEN 'buy' THEN INSERT INTO orders (customer_id, amount) VALUES (customer, points), (other, points + 0.5);
			WHEN 'correct' THEN UPDATE orders SET amount = points WHERE order_id = (SELECT max(order_id) FROM orders WHERE customer_id = customer);
			WHEN 'refund' THEN DELETE FROM orders WHERE order_id = (SELECT max(order_id) FROM orders WHERE customer_id = customer);
			WHEN 'leave' THEN PERFORM segment.leave_program('club', customer);
			WHEN 'join' THEN PERFORM segment.join_program('club', customer);
			WHEN 'buy and spend' THEN
				INSERT INTO orders (customer_id, amount) VALUES (customer, points);
				made := segment.redeem('club', customer, points);
			ELSE PERFORM segment.tick(100);
			END CASE;
		EXCEPTION WHEN check_violation OR object_not_in_prerequisite_state OR no_data_found OR feature_not_supported OR null_value_not_allowed OR invalid_parameter_value THEN
			RETURN SQLSTATE;
		END;
		INSERT INTO done VALUES (what, customer, made);
		RETURN what;
	END $$});

# one round after another, each until enough is done and the server is killed
my $script = $node->basedir . '/serve.sql';
append_to_file($script, "\\set dice random(1, 99)\n\\set customer random(1, 40)\n\\set other random(1, 40)\n\\set points random(1, 60)\nSELECT serve(:dice, :customer, :other, :points);\n");
my $seed = $ENV{SEED} // 1;
my $share = int($operations / ($kills + 1));
for my $round (1 .. $kills + 1)
{
	my $last = $round > $kills;
	my $before = $node->safe_psql('postgres', 'SELECT last_value FROM minute');
	my $said = $node->basedir . "/said.$round";
	my $tills_pid = serve($last ? 1 + int($share / $tills) : 1_000_000, $seed * 1000 + $round, $said);

	if ($last)
	{
		waitpid($tills_pid, 0);
		is($?, 0, 'the last round ends by itself') or diag(slurp_file($said));
		last;
	}
	$node->poll_query_until('postgres', sprintf('SELECT last_value > %d FROM minute', $before + $share))
		or die 'the tills do nothing: ' . slurp_file($said);
	if ($round % 2)
	{
		my $till = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT serve' ORDER BY pid LIMIT 1});
		kill 9, $till;
	}
	else
	{
		$node->kill9;
	}
	waitpid($tills_pid, 0);
	unlike(slurp_file($said), qr/ERROR/, "tills are disturbed by nothing but the kill in round $round");
	# what the dead one has left must be gone before there can be another
	if ($round % 2 == 0)
	{
		my $tries = 0;
		1 until PostgreSQL::Test::Utils::system_log('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, 'start') == 0 or ++$tries > 100;
		$node->_update_pid(1);
	}
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
	right("after kill $round");
}
right('in the end');
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT what) FROM done'), '>=', 14, 'all of it was done');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM segment_data.guest_club_step'), '>', 0, 'tiers were reached');

# of twenty who redeem the last 100 points at once, one gets them
$node->safe_psql('postgres', q{
	TRUNCATE done;
	SELECT segment.create_program('cash');
	SELECT segment.join_program('cash', 1);
	SELECT segment.earn('cash', 1, 100);
	CREATE FUNCTION get() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO done VALUES ('got', 1, segment.redeem('cash', 1, 100));
	EXCEPTION WHEN check_violation THEN
		INSERT INTO done VALUES ('refused', 1, NULL);
	END $$});
my $get = $node->basedir . '/get.sql';
append_to_file($get, "SELECT get();\n");
$node->command_ok([ 'pgbench', '-n', '-c', 20, '-j', 2, '-t', 1, '-f', $get, '-h', $node->host, '-p', $node->port, 'postgres' ], 'twenty tills redeem');
is($node->safe_psql('postgres', 'SELECT what, count(*) FROM done GROUP BY 1 ORDER BY 1'), "got|1\nrefused|19", 'one of them gets it');
is($node->safe_psql('postgres', q{SELECT club.points FROM (SELECT sum(points) AS points FROM segment_data.guest_cash_entry) AS club}), 0, 'nothing is left');

$node->stop;
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nobody has met in a deadlock');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9)/, 'and nothing else has crashed');
done_testing();

# Sixteen tills begin to serve, so many customers each; what they say goes to a file.
sub serve
{
	my ($customers, $of_seed, $file) = @_;
	my $pid = fork();

	return $pid if $pid;
	open(STDOUT, '>', $file) or die "$file: $!";
	open(STDERR, '>&', \*STDOUT) or die "$file: $!";
	exec('pgbench', '-n', '-c', $tills, '-j', 2, '-t', $customers, '-f', $script, "--random-seed=$of_seed",
		'-h', $node->host, '-p', $node->port, 'postgres') or die "pgbench: $!";
}

# Is all as it must be?  By SQL that shares nothing with the room.
sub right
{
	my ($when) = @_;

	is($node->safe_psql('postgres', q{
		SELECT 'spent twice', lot, remaining FROM segment_data.guest_club_lot WHERE remaining < 0 OR remaining > granted;
		SELECT 'not ended', lot, sum(points) FROM segment_data.guest_club_entry WHERE lot IS NOT NULL GROUP BY 2 HAVING sum(points) <> 0;
		SELECT 'not done', d.* FROM done d LEFT JOIN segment_data.guest_club_movement m USING (movement) WHERE d.movement IS NOT NULL AND m.movement IS NULL;
		SELECT 'done by nobody', m.movement, m.kind FROM segment_data.guest_club_movement m LEFT JOIN done d USING (movement)
			WHERE d.movement IS NULL AND m.rule IS NULL AND m.kind <> 'gift' AND m.movement > 40;
		SELECT set_config('segment.now', ('2026-01-01 00:00+00'::timestamptz + last_value * interval '1 minute')::text, false) IS NULL AS late FROM minute \gset
		SELECT 'less than nothing', lot, at FROM (SELECT lot, at, sum(points) OVER (PARTITION BY lot ORDER BY at) AS left_over
			FROM (SELECT lot, at, sum(points) AS points FROM segment_data.guest_club_entry WHERE lot IS NOT NULL GROUP BY 1, 2) AS e) AS e WHERE left_over < 0 AND at >= segment.now();
		SELECT 'balance', customer_id, club_balance, points FROM guest LEFT JOIN (SELECT key, sum(points) AS points FROM segment_data.guest_club_entry
			WHERE at <= segment.now() GROUP BY key) AS e ON key = customer_id WHERE club_balance <> coalesce(points, 0);
		SELECT * FROM segment.verify_program('club');
		SELECT * FROM segment.verify()}), '', "all is right $when");
}
