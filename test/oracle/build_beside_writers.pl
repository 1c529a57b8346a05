# Are definitions that are built beside writers right, whatever becomes of them?
#
# In each round several sessions write at once: they insert, update, move and
# delete orders and clicks, late ones too, in transactions that may be rolled
# back, and fold what they have changed.  Meanwhile something is attached,
# created or altered concurrently.  The session that does so is killed now and
# then, and the build goes on in another one, or is abandoned.  Afterwards naive
# SQL agrees on profiles, traits and members, verify() has nothing to say, and
# whoever follows the feed knows the same members.
#
#	SEED=4711 STEPS=200 perl -Itest/oracle test/oracle/build_beside_writers.pl

use strict;
use warnings;

use File::Temp 'tempfile';
use Oracle;
use Time::HiRes 'sleep';

my $seed = $ENV{SEED} // 20261130;
my $rounds = $ENV{STEPS} // 25;
my $writers = 3;
my $customers = 60;

srand $seed;
print "# SEED=$seed STEPS=$rounds\n";

# traits and filters, and what they are by hand over the orders of customer k
my %trait = (
	'count(orders)' => 'count(o.id)',
	'sum(orders.amount)' => 'coalesce(sum(o.amount), 0)',
	'sum(orders.amount where status = "paid")' => q{coalesce(sum(o.amount) FILTER (WHERE o.status = 'paid'), 0)},
	'max(orders.amount)' => 'max(o.amount)',
	'count(distinct orders.status)' => 'count(DISTINCT o.status)',
	'count(orders in last 30 days)' => q{count(o.id) FILTER (WHERE o.at <= segment.now() AND o.at + interval '30 days' > segment.now())},
	'sum(orders.amount in last 60 days)' =>
	  q{coalesce(sum(o.amount) FILTER (WHERE o.at <= segment.now() AND o.at + interval '60 days' > segment.now()), 0)},
	'count(clicks)' => '(SELECT count(*) FROM clicks c WHERE c.customer_id = k.customer_id)',
);
my %audience = (
	'sum(orders.amount) > 50' => 'total > 50',
	'count(orders) between 2 and 5' => 'n BETWEEN 2 AND 5',
	'max(orders.at) more than 20 days ago' => q{last_at + interval '20 days' < segment.now()},
	'count(orders in last 30 days) > 1' => 'lately > 1',
	't1 > 20' => 't1 > 20',
	'not in audience a1 and count(orders) > 1' => 'NOT (A1) AND n > 1',
);
my $day = 0;
my $done = 0;
my $abandoned = 0;
my $killed = 0;

sql(q{
CREATE EXTENSION IF NOT EXISTS segment;
SET client_min_messages = error;
SET segment.now = '2026-05-15 00:00:00+00';
SET segment.feed_retention = -1;
CREATE SEQUENCE ids;
CREATE TABLE orders (id bigint PRIMARY KEY DEFAULT nextval('ids'), customer_id bigint, amount numeric, status text, at timestamptz);
CREATE TABLE clicks (id bigint PRIMARY KEY DEFAULT nextval('ids'), customer_id bigint, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON clicks (customer_id, at);
} . "INSERT INTO orders (customer_id, amount, status, at) SELECT 1 + i % $customers, i % 37, (ARRAY['paid', 'open', 'sent'])[1 + i % 3],
	'2026-05-01'::timestamptz + i * interval '1 hour' FROM generate_series(1, 300) AS i;
INSERT INTO clicks (customer_id, at) SELECT 1 + i * 2 % ($customers + 20), '2026-05-01' FROM generate_series(1, 200) AS i;
SELECT segment.create_population('shop', key => 'customer_id', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('t1', 'sum(orders.amount)');
SELECT segment.create_audience('a1', 'count(orders) between 2 and 5');
SELECT segment.create_audience('a2', 't1 > 20');
");

for my $round (1 .. $rounds)
{
	my $what = build();

	$day += pick(0, 1, 1, 7);
	my $now = value("SELECT ('2026-05-15 00:00:00+00'::timestamptz + interval '$day days')::text");

	$ENV{PGOPTIONS} = "-c client_min_messages=error -c segment.feed_retention=-1 -c segment.now=" . $now =~ s/ /\\ /r;
	sql("SET segment.now = '$now';");
	my @running = map { background(writer_script()) } 1 .. $writers;

	my $outcome = take_to_its_end($what);

	waitpid $_, 0 for @running;
	check("round $round ($what: $outcome)");
}
ok_if(1, "$rounds rounds, $done built, $killed times killed, $abandoned abandoned");
done();

# What is to be built: a CALL.
sub build
{
	my $trait = pick('t1', 't2', 't3');
	my $definition = pick(grep { !/clicks/ } sort keys %trait);
	my $name = pick('a1', 'a2', 'a3');
	my $filter = pick($name eq 'a1' ? grep({ !/t1|a1/ } sort keys %audience) : sort keys %audience);
	my $choice = rand;

	return damage() if $choice < 0.1;
	if ($choice < 0.25)
	{
		sql("SELECT segment.detach_source('clicks', cascade => true);") if exists_in('source', 'clicks');
		return "attach_source_concurrently('clicks', at => 'at')";
	}
	if ($choice < 0.6)
	{
		return "alter_trait_concurrently('$trait', '$definition')" if exists_in('trait', $trait);
		return "create_traits_concurrently(json_build_object('$trait', '$definition'))";
	}
	return "alter_audience_concurrently('$name', '$filter')" if exists_in('audience', $name);
	return "create_audience_concurrently('$name', '$filter', view => false)";
}

# Rows are written past capture, so that profiles must be computed anew.
sub damage
{
	sql(join "\n", 'SET segment.capture = off;', (map { my $one = statement(); $one =~ /tick/ ? () : "$one;" } 1 .. 8), 'RESET segment.capture;');
	return 'rebuild_concurrently()';
}

sub exists_in
{
	my ($table, $name) = @_;

	return value("SELECT count(*) FROM segment.$table WHERE $table = '$name'") > 0;
}

# Run a build, kill it now and then, and go on with it or abandon it.
sub take_to_its_end
{
	my ($what) = @_;

	for (;;)
	{
		my $builder = background("CALL segment.$what;");

		if (rand() < 0.6)
		{
			my $tries = 0;

			sleep 0.002 until $tries++ > 500 or value('SELECT count(*) FROM segment.progress WHERE running') > 0;
			sleep rand 0.06;
			my $how = pick('cancel', 'terminate');

			$killed += value("SELECT count(pg_${how}_backend(pid)) FROM segment.progress JOIN segment.build USING (population) WHERE running");
		}
		waitpid $builder, 0;
		last if value("SELECT count(*) FROM segment.progress WHERE phase NOT IN ('done', 'abandoned')") == 0;
		if (rand() < 0.3)
		{
			sql('SELECT segment.abandon_build();' . ($what =~ /^rebuild/ ? 'SELECT segment.rebuild();' : ''));
			$abandoned++;
			return 'abandoned';
		}
	}
	$done++;
	return 'done';
}

# A psql that runs a script: its process.
sub background
{
	my ($script) = @_;
	my ($file, $name) = tempfile(UNLINK => 1);
	my $child;

	print $file $script, "\n";
	close $file;
	$child = fork // die "cannot fork: $!";
	if ($child == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null' unless $ENV{SHOW};
		exec 'psql', '-X', '-q', '-f', $name or die "cannot run psql: $!";
	}
	return $child;
}

# What one session writes in a round.
sub writer_script
{
	my @script;

	for (1 .. 40)
	{
		my @statements = map { statement() } 1 .. pick(1, 1, 1, 3);

		push @script, @statements == 1 ? @statements : ('BEGIN', @statements, pick('COMMIT', 'COMMIT', 'ROLLBACK'));
	}
	return join ";\n", @script, '';
}

sub statement
{
	my $who = 1 + int rand $customers + 20;
	my $other = 1 + int rand $customers + 20;
	my $late = sprintf q{segment.now() - interval '%d hours'}, rand 1500;
	my $status = pick('paid', 'open', 'sent');

	return pick(
		"INSERT INTO orders (customer_id, amount, status, at) VALUES ($who, 7, '$status', $late)",
		"INSERT INTO orders (customer_id, amount, status, at) SELECT i, 3, '$status', segment.now() FROM generate_series($who, $who + 3) AS i",
		"UPDATE orders SET amount = amount + 1, status = '$status' WHERE customer_id = $who",
		"UPDATE orders SET customer_id = $other WHERE id = (SELECT min(id) FROM orders WHERE customer_id = $who)",
		"DELETE FROM orders WHERE customer_id = $who",
		"DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE customer_id IN ($who, $other) ORDER BY amount DESC LIMIT 2)",
		"INSERT INTO clicks (customer_id, at) VALUES ($who, $late), ($other, segment.now())",
		"UPDATE clicks SET customer_id = $other WHERE customer_id = $who",
		"DELETE FROM clicks WHERE customer_id = $who",
		'SELECT segment.tick()');
}

# Naive SQL over what is defined now.
sub naive
{
	my @traits = rows('SELECT trait, definition FROM segment.trait ORDER BY position');
	my $columns = join '', map { ", $trait{$_->[1]} AS $_->[0]" } @traits;
	my $keys = join ' UNION ', map { "SELECT DISTINCT customer_id FROM $_->[0] WHERE customer_id IS NOT NULL" } rows('SELECT source FROM segment.source');

	return "SELECT k.customer_id$columns, count(o.id) AS n, sum(o.amount) AS total, max(o.at) AS last_at,
		$trait{'count(orders in last 30 days)'} AS lately
		FROM ($keys) AS k LEFT JOIN orders o USING (customer_id) GROUP BY k.customer_id";
}

sub check
{
	my ($when) = @_;
	my $naive = naive();
	my @traits = map { $_->[0] } rows('SELECT trait FROM segment.trait ORDER BY position');
	my $columns = join ', ', 'customer_id', @traits;
	my %filter = map { @$_ } rows('SELECT audience, filter::text FROM segment.audience');
	my @wrong;

	sql('SELECT segment.tick();');
	push @wrong, map { "stored @$_" } rows("SELECT * FROM (SELECT $columns FROM shop EXCEPT ALL SELECT $columns FROM ($naive) AS n) AS d LIMIT 5");
	push @wrong, map { "naive @$_" } rows("SELECT * FROM (SELECT $columns FROM ($naive) AS n EXCEPT ALL SELECT $columns FROM shop) AS d LIMIT 5");
	push @wrong, map { "verify @$_" } rows('SELECT * FROM segment.verify() LIMIT 5');
	for my $name (sort keys %filter)
	{
		my $condition = $audience{ $filter{$name} };
		my $members = "SELECT m.m::text AS key FROM segment.members('$name') AS m(m bigint)";

		die "what is the filter $filter{$name}?\n" unless defined $condition;
		$condition =~ s/\(A1\)/coalesce(($audience{$filter{a1}}), false)/;
		push @wrong, map { "$name @$_" } rows("SELECT coalesce(m.key, n.key), m.key IS NOT NULL FROM ($members) AS m
			FULL JOIN (SELECT customer_id::text AS key FROM ($naive) AS n WHERE $condition) AS n ON m.key = n.key
			WHERE m.key IS NULL OR n.key IS NULL LIMIT 5");
		push @wrong, map { "feed of $name @$_" } rows("SELECT coalesce(m.key, f.key), m.key IS NOT NULL FROM ($members) AS m
			FULL JOIN (SELECT key FROM (SELECT DISTINCT ON (key) key, change FROM segment.transition WHERE audience = '$name'
				ORDER BY key, seq DESC) AS last WHERE change = 'entered') AS f ON m.key = f.key
			WHERE m.key IS NULL OR f.key IS NULL LIMIT 5");
	}
	ok_if(!@wrong, $when) or print map { "# $_\n" } @wrong;
	return unless @wrong;
	done();
	exit 1;
}
