# Are the members of audiences that count in their filters those of naive SQL?
#
# Filters are drawn from a grammar that writes each of them twice, once for
# segment and once as a condition over the tables:
#
#	(count(orders where units > 4 in last 30 days) >= 2) and (did not visits in this month)
#
#	(SELECT count(*) FROM orders AS e WHERE e.customer_id = k.customer_id AND
#		units > 4 AND ordered_at > ... ) >= 2 AND ...
#
# Random statements write events at times that matter, audiences and traits come,
# change and go, also in transactions that are taken back, and between them,
# without any write, the clock jumps forward: to where an event comes due or
# leaves a window, or beside it.  After every step the members of all audiences
# are compared, in all ways to ask for them.  In the end nobody needs anything,
# and nothing is left.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/inline_aggregates.pl
#
# The first difference is printed, and behind it the script that leads to it.

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260501;
my $steps = $ENV{STEPS} // 400;

my $zone = 'Europe/Copenhagen';

# Windows, and the condition that a person would write.
my @windows = (
	[ 'in last 90 seconds', clock('90 seconds') ],
	[ 'in last 36 hours', clock('36 hours') ],
	[ 'in last 1 day', calendar('1 day') ],
	[ 'in last 30 days', calendar('30 days') ],
	[ 'in last 1 month', calendar('1 month') ],
	[ 'between 60 days and 30 days ago', calendar('60 days', '30 days') ],
	[ 'between 2 months and 1 week ago', calendar('2 months', '7 days') ],
	[ 'since "2026-03-29"', "EVENT >= timestamp '2026-03-29' AT TIME ZONE '$zone' AND EVENT <= ASKED" ],
	[ 'before "2026-05-01 12:00+00"', "EVENT < timestamptz '2026-05-01 12:00+00' AND EVENT <= ASKED" ],
	map { [ "in this $_", period($_, 0) ], [ "in last $_", period($_, -1) ] } qw(day month quarter));

my %times = (orders => 'ordered_at', visits => 'visited_at');

# conditions over a row of a source
my %conditions = (
	orders => [
		[ 'units > 4', 'units > 4' ],
		[ 'store = "Harbour"', "store = 'Harbour'" ],
		[ 'store != "Station"', "(store = 'Station') IS NOT TRUE" ],
		[ 'amount between 2 and 9', 'amount BETWEEN 2 AND 9' ],
		[ 'units is not set', 'units IS NULL' ] ],
	visits => [ [ 'seconds >= 5', 'seconds >= 5' ], [ 'seconds in (1, 2, 3)', 'seconds IN (1, 2, 3)' ] ]);

my $tables = q{
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, credit numeric);
CREATE TABLE orders (
	order_id integer PRIMARY KEY,
	customer_id bigint,
	ordered_at timestamptz,
	store text,
	amount numeric,
	units integer
);
CREATE TABLE visits (visit_id integer PRIMARY KEY, customer_id bigint, visited_at timestamptz, seconds integer);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON visits (customer_id, visited_at);
};

# traits that filters mention, and others that share what is stored
my %traits = (
	spent => [ 'sum(orders.amount)', 'coalesce((SELECT sum(amount) FROM orders AS e WHERE e.customer_id = k.customer_id), 0)' ],
	city => [ 'customers.city', 'c.city' ],
	recent => [ 'count(orders in last 30 days)', aggregate('orders', 'count(*)', $windows[3][1]) ]);
my @sharing = ('count(orders where units > 4)', 'avg(orders.amount in last 1 month)', 'did visits in last 1 day',
	'max(orders.amount)', 'count(visits)');

my @names = qw(eager faithful curious thrifty quiet regular);
my @cities = qw(Harbour Station Campus);

# audiences: filter, and condition, in which "{eager}" stands for that of another
my %audiences;
my %kinds = (write => 30, clock => 22, define => 16, several => 8, tick => 6, trait => 3, truncate => 1, rebuild => 0.5);
my $next_id = 1;
my @script;
my %seen = (members => 0, not_members => 0, stored => 0, by_clock => 0);

go_over_history();

sub go_over_history
{
	srand $seed;
	print "# seed $seed, $steps steps\n";
	sql("CREATE EXTENSION segment;\nSET TimeZone = 'UTC';\nSET jit = off;\nSET client_min_messages = warning;\n");
	step(days_of($zone, '2025-01-01', '2031-01-01') . set_clock("timestamptz '2026-03-20 12:00+00'") . $tables . "
SELECT segment.create_population('profile', timezone => '$zone');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.attach_source('visits', at => 'visited_at');
" . join '', map { "SELECT segment.create_trait('$_', '$traits{$_}[0]');\n" } sort keys %traits);
	step(random_write()) for 1 .. 12;
	step(random_definition()) for 1 .. 4;

	for my $number (1 .. $steps)
	{
		my $kind = pick_weighted(map { $_ => $kinds{$_} } sort keys %kinds);
		my $wrong;

		step(__PACKAGE__->can("random_$kind")->());
		$wrong = difference($number % 5 == 0);
		next if !defined $wrong;
		ok_if(0, "step $number of seed $seed ($kind): $wrong");
		print "-- seed $seed\n$_" for @script;
		done();
	}
	ok_if(1, "$steps steps of seed $seed, compared after each");
	ok_if($seen{members} > $steps && $seen{not_members} > $steps && $seen{stored} > 0 && $seen{by_clock} > 0,
		"$seen{members} memberships and $seen{not_members} of those who are none,"
		  . " in $seen{stored} audiences that events change and $seen{by_clock} that time changes too");
	leave_nothing();
	done();
}

# Everybody goes: is anything left that they needed?
sub leave_nothing
{
	step("SELECT segment.drop_trait(trait) FROM segment.trait WHERE trait = 'shared';\n");
	step("SELECT segment.drop_audience(audience, cascade => true) FROM segment.audience WHERE audience = '$_';\n")
	  for @names;
	ok_if(value('SELECT count(*) FROM segment.stored_trait') == keys %traits, 'without audiences there is what traits need');
	step("SELECT segment.drop_trait('$_');\n") for sort keys %traits;
	ok_if(value('SELECT count(*) FROM segment.stored_trait') == 0, 'without traits there is nothing');
	ok_if(value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'segment_data.profile'::regclass
		AND attnum > 0 AND NOT attisdropped AND attname ~ '^s[0-9]'") == 0, 'and no column');
	return;
}

sub step
{
	my ($text) = @_;

	push @script, $text;
	sql($text);
	return;
}

# What is wrong, or undef.
sub difference
{
	my ($verify) = @_;

	for my $name (sort keys %audiences)
	{
		my $condition = expanded($name);
		my ($wrong, $members, $others, $stored) = @{
			(rows("WITH naive AS MATERIALIZED (SELECT k.customer_id, (SELECT $condition) IS TRUE AS holds
	FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM orders UNION SELECT customer_id FROM visits) AS k
		LEFT JOIN customers AS c USING (customer_id)
	WHERE k.customer_id IS NOT NULL),
	answers AS (
		SELECT 'members' AS way, k AS customer_id FROM segment.members('$name') AS m(k bigint)
		UNION ALL SELECT 'is_member', customer_id FROM naive WHERE segment.is_member('$name', customer_id)
		UNION ALL SELECT 'audiences', customer_id FROM naive WHERE '$name' IN (SELECT segment.audiences(customer_id))
		UNION ALL SELECT 'base table', customer_id FROM segment_data.profile AS p WHERE p @@ 'in audience $name'
		UNION ALL SELECT 'view', customer_id FROM profile AS p WHERE p @@ 'in audience $name'
		UNION ALL SELECT 'explain', customer_id FROM naive, segment.explain('$name', customer_id) AS e WHERE depth = 0 AND e.holds)
SELECT (SELECT string_agg(way || CASE WHEN a IS NULL THEN ' lacks ' ELSE ' has ' END || customer_id, ', ')
		FROM answers AS a FULL JOIN
			(SELECT customer_id, way FROM naive, unnest('{members,is_member,audiences,base table,view,explain}'::text[]) AS way
				WHERE holds) AS n USING (way, customer_id)
		WHERE a IS NULL OR n IS NULL),
	count(*) FILTER (WHERE holds), count(*) FILTER (WHERE NOT holds),
	(SELECT NOT time_dependent FROM segment.audience WHERE audience = '$name')
FROM naive"))[0] };
		my ($size, $count) = @{
			(rows("SELECT segment.size('$name'), segment.count_where('in audience $name')"))[0] };

		return "$name ($audiences{$name}{filter}): $wrong, at " . value('SELECT segment.now()')
		  if $wrong ne '(null)';
		return "$name ($audiences{$name}{filter}): $members members, but size() says $size and count_where() $count"
		  if $size != $members || $count != $members;
		$seen{members} += $members;
		$seen{not_members} += $others;
		$seen{ $stored eq 't' ? 'stored' : 'by_clock' }++;
	}
	if ($verify)
	{
		my @wrong = rows('SELECT * FROM segment.verify()');

		return "verify(): @{$wrong[0]}" if @wrong;
	}
	return;
}

# The condition without mention of other audiences.
sub expanded
{
	my ($name) = @_;
	my $condition = $audiences{$name}{condition};

	1 while $condition =~ s/\{(\w+)\}/($audiences{$1}{condition})/;
	return $condition;
}

# Filters -----------------------------------------------------------------------

# Each rule returns a filter and the condition that means the same.
sub random_filter
{
	my ($depth, @others) = @_;
	my $what = rand();
	my (@filters, @conditions);

	return random_reference(@others) if @others && $what > 0.9;
	return random_leaf() if $depth == 0 || $what < 0.2;
	for (1 .. 2)
	{
		my ($filter, $condition) = random_filter($depth - 1, @others);

		push @filters, "($filter)";
		push @conditions, "($condition)";
	}
	return ("not $filters[0]", "$conditions[0] IS NOT TRUE") if $what < 0.35;
	return (join(' and ', @filters), join(' AND ', @conditions)) if $what < 0.6;
	return (join(' or ', @filters), join(' OR ', @conditions));
}

sub random_reference
{
	my $name = pick(@_);

	return ("in audience $name", "{$name}") if rand() < 0.6;
	return ("not in audience $name", "{$name} IS NOT TRUE");
}

sub random_leaf
{
	my ($number, $sql) = random_number_operand();
	my $operator = pick('<', '<=', '>', '>=', '=');
	my $constant = pick(0, 1, 1, 2, 2, 3, 5, 8, 12.5, 20);
	my ($other, $other_sql) = random_number_operand();
	my $city = pick(@cities);
	my @leaves = (
		([ "$number $operator $constant", "$sql $operator $constant" ]) x 4,
		[ "$number != $constant", "($sql = $constant) IS NOT TRUE" ],
		[ "$number between $constant and 10", "$sql BETWEEN $constant AND 10" ],
		[ "$number $operator $other", "$sql $operator $other_sql" ],
		[ "$number > spent / 2", "$sql > $traits{spent}[1] / 2" ],
		[ "recent >= $constant", "$traits{recent}[1] >= $constant" ],
		[ "$number is set", "$sql IS NOT NULL" ],
		[ "customers.city = \"$city\"", "c.city = '$city'" ],
		[ "customers.credit > $constant and city is set", "c.credit > $constant AND c.city IS NOT NULL" ]);

	return random_did() if rand() < 0.25;
	return random_text_leaf() if rand() < 0.2;
	return @{ pick(@leaves) };
}

# A number that is counted, and the same in SQL.
sub random_number_operand
{
	my ($source, $where, $condition) = random_rows();
	my $column = $source eq 'orders' ? pick('amount', 'units') : 'seconds';

	return @{
		pick(
			([ "count($source$where)", aggregate($source, 'count(*)', $condition) ]) x 3,
			[ "count($source.$column$where)", aggregate($source, "count($column)", $condition) ],
			[ "sum($source.$column$where)", aggregate($source, "coalesce(sum($column), 0)", $condition) ],
			[ "avg($source.$column$where)", aggregate($source, "avg($column)", $condition) ],
			[ "min($source.$column$where)", aggregate($source, "min($column)", $condition) ],
			[ "max($source.$column$where)", aggregate($source, "max($column)", $condition) ],
			[ "count(distinct $source.$column$where)", aggregate($source, "count(DISTINCT $column)", $condition) ],
			[
				"last($source.$column$where)",
				aggregate($source, "(array_agg($column ORDER BY $times{$source} DESC, $column))[1]",
					"$condition AND $column IS NOT NULL AND $times{$source} IS NOT NULL")
			]) };
}

sub random_text_leaf
{
	my ($source, $where, $condition) = random_rows('orders');
	my $store = pick(@cities);

	return @{
		pick(
			[
				"first(orders.store$where) = \"$store\"",
				aggregate('orders', '(array_agg(store ORDER BY ordered_at, store))[1]',
					"$condition AND store IS NOT NULL AND ordered_at IS NOT NULL") . " = '$store'"
			],
			[ "list(distinct orders.store$where) contains \"$store\"", aggregate('orders', "bool_or(store = '$store')", $condition) ],
			[ "exists(orders$where)", aggregate('orders', 'count(*) > 0', $condition) ],
			[ "not exists(orders.store$where)", aggregate('orders', 'count(store) = 0', $condition) ],
			[ "max(orders.ordered_at$where) is not set", aggregate('orders', 'max(ordered_at) IS NULL', $condition) ]) };
}

sub random_did
{
	my $not = rand() < 0.4 ? 'not ' : '';
	my ($source, undef, $condition, $where, $window) = random_rows();
	my ($times, $count) = @{
		pick([ '', '>= 1' ], [ '', '>= 1' ], [ ' at least 2 times', '>= 2' ], [ ' at most 1 times', '<= 1' ],
			[ ' exactly 1 times', '= 1' ]) };
	my $sql = aggregate($source, "count(*) $count", $condition);

	return ("did $not$source$where$times$window", $not ? "NOT $sql" : $sql);
}

# A source, what an aggregate says behind it, and the condition for its rows.
sub random_rows
{
	my $source = $_[0] // pick('orders', 'orders', 'visits');
	my ($where, $condition) = ('', 'true');
	my ($window, $within) = ('', 'true');

	if (rand() < 0.4)
	{
		($where, $condition) = @{ pick(@{ $conditions{$source} }) };
		$where = " where $where";
	}
	if (rand() < 0.55)
	{
		($window, $within) = @{ pick(@windows) };
		$window = " $window";
	}
	return ($source, "$where$window", "($condition) AND $within", $where, $window);
}

# An aggregate over the rows of one customer.
sub aggregate
{
	my ($source, $aggregate, $condition) = @_;

	$condition = in_sql($condition, $times{$source}, 'segment.now()', $zone);
	return "(SELECT $aggregate FROM $source AS e WHERE e.customer_id = k.customer_id AND $condition)";
}

# Random steps --------------------------------------------------------------------

sub random_define
{
	return random_definition();
}

# An audience comes, changes or goes, and those that are made of it with it.
sub random_definition
{
	my @there = sort keys %audiences;
	my @free = grep { !$audiences{$_} } @names;
	my $what = rand();
	my $name;

	if (@there > 2 && $what < 0.25)
	{
		$name = pick(@there);
		delete $audiences{$_} for $name, users_of($name);
		return "SELECT segment.drop_audience('$name', cascade => true);\n";
	}
	if (@there > 1 && ($what < 0.55 || !@free))
	{
		$name = pick(@there);
		define($name);
		return "SELECT segment.alter_audience('$name', \$f\$$audiences{$name}{filter}\$f\$);\n";
	}
	$name = pick(@free);
	define($name);
	return "SELECT segment.create_audience('$name', \$f\$$audiences{$name}{filter}\$f\$, view => false);\n";
}

sub define
{
	my ($name) = @_;
	my %circle = map { $_ => 1 } $name, users_of($name);
	my ($filter, $condition) = random_filter(int rand 3, grep { !$circle{$_} } sort keys %audiences);

	$audiences{$name} = { filter => $filter, condition => $condition };
	return;
}

sub users_of
{
	my ($name) = @_;
	my @users = grep { $audiences{$_}{condition} =~ /\{$name\}/ } sort keys %audiences;

	return map { ($_, users_of($_)) } @users;
}

# A trait that needs what an audience may need, too, comes or changes or goes.
sub random_trait
{
	my $definition = pick(@sharing);

	return "SELECT segment.create_trait('shared', '$definition');\n"
	  if value("SELECT count(*) FROM segment.trait WHERE trait = 'shared'") == 0;
	return rand() < 0.5
	  ? "SELECT segment.drop_trait('shared');\n"
	  : "SELECT segment.alter_trait('shared', '$definition');\n";
}

# Writes, a definition and a jump of the clock in one transaction, which may not
# have been, or only in part.
sub random_several
{
	my %before = %audiences;
	my $text = "BEGIN;\n" . random_write();
	my $what = rand();

	if ($what < 0.4)
	{
		$text .= random_definition() . random_write() . "ROLLBACK;\n";
		%audiences = %before;
		return $text;
	}
	if ($what < 0.7)
	{
		$text .= "SAVEPOINT here;\n" . random_definition() . random_write() . "ROLLBACK TO here;\n" . random_write();
		%audiences = %before;
	}
	return $text . random_definition() . random_clock() . random_write() . "COMMIT;\n";
}

sub random_tick
{
	return 'SELECT * FROM segment.tick(' . pick('', '', 1, 5) . ");\n";
}

sub random_truncate
{
	return 'TRUNCATE ' . pick('orders', 'visits', 'customers') . ";\n" . random_write();
}

sub random_rebuild
{
	return "SELECT segment.rebuild();\n";
}

# Forward, now and then to where an event comes due or leaves a window.
sub random_clock
{
	return set_clock(
		pick(
			"segment.now() + interval '1 second' * " . int(rand 100),
			"segment.now() + interval '1 minute' * " . int(rand 3000),
			"segment.now() + interval '1 hour' * " . int(rand 300),
			"(date_trunc('month', segment.now() AT TIME ZONE '$zone') + interval '1 month') AT TIME ZONE '$zone'",
			(next_event()) x 4));
}

sub next_event
{
	my ($table, $at) = @{ pick([ 'orders', 'ordered_at' ], [ 'visits', 'visited_at' ]) };

	return "SELECT coalesce(min(t + d), segment.now() + interval '1 hour')
	FROM $table, unnest('{0,90 s,36:00,1 day,7 days,30 days,60 days,1 mon,2 mon}'::interval[]) AS s,
		LATERAL (SELECT ($at AT TIME ZONE '$zone' + s) AT TIME ZONE '$zone' AS t) AS t,
		unnest('{-1 us,0,1 us}'::interval[]) AS d
	WHERE isfinite($at) AND t + d > segment.now()";
}

sub set_clock
{
	my ($instant) = @_;

	return "SELECT set_config('segment.now', ($instant)::text, false);\n";
}

sub random_write
{
	my $table = pick(qw(orders orders visits customers));
	my $what = rand();

	return random_insert($table) if $what < 0.55;
	return "UPDATE $table SET " . random_set($table) . ' WHERE ' . random_where($table) . ";\n" if $what < 0.8;
	return "UPDATE $table SET customer_id = " . random_key() . ' WHERE ' . random_where($table) . ";\n"
	  if $what < 0.85 && $table ne 'customers';
	return "DELETE FROM $table WHERE " . random_where($table) . ";\n";
}

sub random_insert
{
	my ($table) = @_;
	my @rows;

	return 'INSERT INTO customers VALUES (' . (1 + int rand 12) . ', ' . random_city() . ', ' . random_number() . ")
	ON CONFLICT (customer_id) DO UPDATE SET city = excluded.city;\n"
	  if $table eq 'customers';
	for (1 .. 1 + int rand 4)
	{
		my $id = $next_id++;

		push @rows,
		  $table eq 'orders'
		  ? "($id, " . join(', ', random_key(), random_time(), random_city(), random_number(), random_units()) . ')'
		  : "($id, " . join(', ', random_key(), random_time(), random_units()) . ')';
	}
	return "INSERT INTO $table VALUES\n\t" . join(",\n\t", @rows) . ";\n";
}

sub random_set
{
	my ($table) = @_;
	my %sets = (
		customers => [ 'city = ' . random_city(), 'credit = ' . random_number() ],
		orders => [
			'amount = ' . random_number(), 'amount = amount + 0.5', 'store = ' . random_city(), 'units = ' . random_units(),
			'ordered_at = ' . random_time(), "ordered_at = ordered_at + interval '1 day'" ],
		visits => [ 'seconds = ' . random_units(), 'visited_at = ' . random_time() ]);

	return pick(@{ $sets{$table} });
}

sub random_where
{
	my ($table) = @_;
	my %identity = (customers => 'customer_id', orders => 'order_id', visits => 'visit_id');
	my $modulus = 2 + int rand 7;

	return 'customer_id = ' . (1 + int rand 12) if rand() < 0.5;
	return "$identity{$table} % $modulus = " . int rand $modulus;
}

sub random_key
{
	return rand() < 0.04 ? 'NULL' : 1 + int rand 12;
}

# An instant that some window may care for.
sub random_time
{
	my $local = "(segment.now() AT TIME ZONE '$zone')";
	my $span = pick('36 hours', '1 day', '30 days', '7 days', '1 month', '60 days', '2 months');
	my $unit = pick(qw(day month quarter));
	my $nudge = pick('0', '0', '1 microsecond', '-1 microsecond', '1 hour');

	return 'NULL::timestamptz' if rand() < 0.04;
	return '(' . pick(
		'segment.now()',
		("segment.now() - interval '1 minute' * " . int(rand 80000)) x 4,
		("segment.now() + interval '1 minute' * " . int(rand 20000)) x 2,
		("($local - interval '$span') AT TIME ZONE '$zone'") x 2,
		"date_trunc('$unit', $local) AT TIME ZONE '$zone'") . " + interval '$nudge')";
}

sub random_city
{
	return rand() < 0.12 ? 'NULL' : pick(map { "'$_'" } @cities);
}

sub random_number
{
	return rand() < 0.1 ? 'NULL' : (int(rand 40) - 4) / 2;
}

sub random_units
{
	return rand() < 0.1 ? 'NULL' : int rand 10;
}
