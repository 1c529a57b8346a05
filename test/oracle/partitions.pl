# Are rows counted once, whatever table of a tree a statement names?
#
# Three trees: visits, partitioned by time and then by page, clicks, which
# inherit, and bills with lines that go through them, both partitioned.  Columns
# of the tables below have orders of their own, and dropped ones between them.
# Random statements write through the top, a table in the middle or a leaf, and
# move rows; random DDL makes, attaches, detaches, truncates and drops tables.
# After each of them, and after whole transactions, profiles are compared with
# naive SQL over the top, and verify() has nothing to say.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/partitions.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260613;
my $steps = $ENV{STEPS} // 400;
my $next_table = 0;

srand $seed;
print "# SEED=$seed STEPS=$steps\n";

# the columns of each table at the top, with their types
my %columns = (
	visits => [ [ account => 'bigint' ], [ at => 'timestamptz' ], [ page => 'text' ], [ seconds => 'integer' ] ],
	clicks => [ [ account => 'bigint' ], [ at => 'timestamptz' ], [ what => 'text' ] ],
	bills => [ [ id => 'integer' ], [ account => 'bigint' ], [ at => 'timestamptz' ], [ paid => 'boolean' ] ],
	lines => [ [ bill => 'integer' ], [ price => 'integer' ], [ kind => 'text' ] ],
);

sql(q{
CREATE EXTENSION IF NOT EXISTS segment;
SET client_min_messages = error;
SET segment.now = '2026-06-15 12:00+00';
CREATE TABLE visits (account bigint, at timestamptz, page text, seconds integer) PARTITION BY RANGE (at);
CREATE TABLE clicks (account bigint, at timestamptz, what text);
CREATE TABLE bills (id integer PRIMARY KEY, account bigint, at timestamptz, paid boolean) PARTITION BY RANGE (id);
CREATE TABLE lines (bill integer, price integer, kind text) PARTITION BY LIST (kind);
CREATE INDEX ON visits (account, at);
CREATE INDEX ON bills (account, at);
CREATE INDEX ON lines (bill);
});
# what a partition of the top may hold
my %slots = (
	visits => [
		[ 'old', "FOR VALUES FROM (MINVALUE) TO ('2026-04-01+00')" ], [ 'april', "FOR VALUES FROM ('2026-04-01+00') TO ('2026-05-01+00')" ],
		[ 'may', "FOR VALUES FROM ('2026-05-01+00') TO ('2026-06-01+00')" ], [ 'june', "FOR VALUES FROM ('2026-06-01+00') TO ('2026-07-01+00')" ],
		[ 'rest', 'DEFAULT' ] ],
	bills => [ map { [ "b$_", 'FOR VALUES FROM (' . $_ * 10 . ') TO (' . ($_ + 1) * 10 . ')' ] } 0 .. 3 ],
	lines => [ map { [ "k$_", "FOR VALUES IN ('$_')" ] } qw(a b c) ],
);
# slot -> table, of partitions; what tables that inherit are right below
my %attached;
my %inheriting;

for my $top (sort keys %slots)
{
	sql("$_;") for map { create_partition($top, $_) } @{ $slots{$top} };
}
sql(q{
INSERT INTO visits SELECT i % 7, '2026-06-30'::timestamptz - i * interval '3 days', (ARRAY['home','shop'])[i % 2 + 1], i FROM generate_series(1, 40) i;
INSERT INTO bills SELECT i, i % 5, '2026-06-01', i % 3 = 0 FROM generate_series(0, 30) i ON CONFLICT DO NOTHING;
INSERT INTO lines SELECT i % 35, i, (ARRAY['a','b','c'])[i % 3 + 1] FROM generate_series(1, 60) i;
SELECT segment.create_population('shopper', key => 'account', timezone => 'UTC');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.attach_source('visits', at => 'at', name => 'shopping', filter => 'page = "shop"');
SELECT segment.attach_source('clicks', at => 'at');
SELECT segment.attach_source('bills', at => 'at');
SELECT segment.attach_source('lines', through => 'bills', link => 'bill = id');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_trait('longest', 'max(visits.seconds)');
SELECT segment.create_trait('recent', 'sum(visits.seconds in last 30 days)');
SELECT segment.create_trait('shopped', 'sum(shopping.seconds)');
SELECT segment.create_trait('last_page', 'list(distinct visits.page)');
SELECT segment.create_trait('clicks', 'count(clicks where what != "x")');
SELECT segment.create_trait('clicked', 'max(clicks.at)');
SELECT segment.create_trait('bills', 'count(bills where paid)');
SELECT segment.create_trait('spent', 'sum(lines.price where bills.paid)');
SELECT segment.create_trait('dearest', 'max(lines.price)');
SELECT segment.create_audience('buyers', 'spent > 50 or visits > 4', view => false);
CREATE VIEW naive AS SELECT a.account, coalesce(v.visits, 0) AS visits, v.longest, coalesce(v.recent, 0)::numeric AS recent,
	coalesce(v.shopped, 0)::numeric AS shopped, coalesce(v.pages, '{}') AS last_page, coalesce(c.clicks, 0) AS clicks, c.clicked,
	coalesce(b.bills, 0) AS bills, coalesce(l.spent, 0)::numeric AS spent, l.dearest
	FROM (SELECT account FROM visits UNION SELECT account FROM clicks UNION SELECT account FROM bills) a
	LEFT JOIN (SELECT account, count(*) AS visits, max(seconds) AS longest, sum(seconds) FILTER (WHERE page = 'shop') AS shopped,
		sum(seconds) FILTER (WHERE at <= segment.now() AND at + '30 days' > segment.now()) AS recent,
		array_agg(DISTINCT page ORDER BY page) FILTER (WHERE page IS NOT NULL) AS pages FROM visits GROUP BY 1) v USING (account)
	LEFT JOIN (SELECT account, count(*) FILTER (WHERE what IS DISTINCT FROM 'x') AS clicks, max(at) AS clicked FROM clicks GROUP BY 1) c USING (account)
	LEFT JOIN (SELECT account, count(*) FILTER (WHERE paid) AS bills FROM bills GROUP BY 1) b USING (account)
	LEFT JOIN (SELECT account, sum(price) FILTER (WHERE paid) AS spent, max(price) AS dearest FROM lines JOIN bills ON bills.id = bill GROUP BY 1) l USING (account)
	WHERE a.account IS NOT NULL;
CREATE VIEW wrong AS SELECT 'stored', t::text FROM (TABLE shopper EXCEPT ALL TABLE naive) AS t
	UNION ALL SELECT 'naive', t::text FROM (TABLE naive EXCEPT ALL TABLE shopper) AS t
	UNION ALL SELECT 'verify', v::text FROM segment.verify() AS v
	UNION ALL SELECT 'captured', source FROM segment.stat_source WHERE NOT captured
	UNION ALL SELECT 'buyers', b::text FROM ((SELECT account FROM naive WHERE spent > 50 OR visits > 4
			EXCEPT SELECT account FROM segment.members('buyers') AS m(account bigint))
		UNION ALL (SELECT account FROM segment.members('buyers') AS m(account bigint) EXCEPT SELECT account FROM naive WHERE spent > 50 OR visits > 4)) AS b;
});

my $checked = 0;
my $refused = 0;
my @script;

check('at first');
for my $step (1 .. $steps)
{
	# what DDL did to these is undone with the transaction
	my %attached_before = map { my $top = $_; ($top => { %{ $attached{$top} } }) } keys %attached;
	my %inheriting_before = %inheriting;
	my $failed = 0;
	my @statements = rand() < 0.05 ? detach_concurrently() : ();
	my $ends;

	if (!@statements)
	{
		@statements = map { rand() < 0.25 ? ddl() : statement() } 1 .. pick(1, 1, 1, 2, 4);
		$ends = pick('COMMIT', 'COMMIT', 'ROLLBACK') if @statements > 1 || rand() < 0.2;
	}
	@script = defined $ends ? ('BEGIN', @statements, $ends) : @statements;
	for my $sql (@script)
	{
		my $error = attempt("$sql;");

		next unless defined $error;
		# a row for which there is no partition, or that another one holds;
		# two actions of MERGE on a row
		die "$error\n$sql\n" unless $error =~ /23514|25P02|21000|23505|42P17/;
		$refused++;
		$failed = 1;
		attempt('ROLLBACK;') if defined $ends;
		last;
	}
	if ($failed || (defined $ends && $ends eq 'ROLLBACK'))
	{
		%attached = %attached_before;
		%inheriting = %inheriting_before;
	}
	check("step $step");
}
ok_if(1, "$checked comparisons after $steps steps, $refused statements refused");
done();

sub check
{
	my ($when) = @_;
	my @wrong = rows('SELECT * FROM wrong');

	$checked++;
	return unless @wrong;
	print join("\n", "# $when:", @script, map { "# @$_" } @wrong), "\n";
	ok_if(0, "naive SQL agrees $when (SEED=$seed)");
	done();
	exit 1;
}

# ---- tables ----------------------------------------------------------------

# the columns of a table, in an order of its own, one dropped; and how they get
# to be like that
sub shuffled
{
	my ($top) = @_;
	my @own = sort { rand() <=> 0.5 } (@{ $columns{$top} }, [ dropped => 'integer' ]);

	return join(', ', map { "$_->[0] $_->[1]" . ($_->[0] eq 'id' ? ' NOT NULL' : '') } @own);
}

sub new_name
{
	return 't' . ++$next_table;
}

# statements that make a partition for a slot and attach it
sub create_partition
{
	my ($top, $slot) = @_;
	my ($key, $bound) = @$slot;
	my $name = new_name();

	$attached{$top}{$key} = $name;
	return "CREATE TABLE $name PARTITION OF $top $bound" if rand() < 0.3;
	if ($top eq 'visits' && rand() < 0.4)
	{
		my $home = new_name();

		return ("CREATE TABLE $name (" . shuffled($top) . ') PARTITION BY LIST (page)', "ALTER TABLE $name DROP dropped",
			"CREATE TABLE $home (" . shuffled($top) . ')', "ALTER TABLE $home DROP dropped",
			"ALTER TABLE $name ATTACH PARTITION $home FOR VALUES IN ('home')", "CREATE TABLE ${home}_rest PARTITION OF $name DEFAULT",
			"ALTER TABLE $top ATTACH PARTITION $name $bound");
	}
	return ("CREATE TABLE $name (" . shuffled($top) . ')', "ALTER TABLE $name DROP dropped", fill($top, $key, $name),
		"ALTER TABLE $top ATTACH PARTITION $name $bound");
}

# rows that are there before the table is attached
sub fill
{
	my ($top, $key, $name) = @_;

	return () if rand() < 0.5;
	return map { insert($name, $top, within($top, $key)) } 1 .. pick(1, 2);
}

# a row that belongs into a slot
sub within
{
	my ($top, $key) = @_;
	my %row = row($top);

	$row{kind} = "'" . substr($key, 1) . "'" if $top eq 'lines';
	$row{id} = substr($key, 1) * 10 + int(rand(10)) if $top eq 'bills';
	$row{at} = { old => "'2026-03-%02d+00'", april => "'2026-04-%02d+00'", may => "'2026-05-%02d+00'", june => "'2026-06-%02d+00'",
		rest => "'2026-08-%02d+00'" }->{$key} if $top eq 'visits';
	$row{at} = sprintf($row{at}, 1 + int(rand(28))) if $top eq 'visits';
	return %row;
}

sub ddl
{
	my $top = pick('visits', 'visits', 'bills', 'lines', 'clicks');
	my $kind = rand();

	if ($top eq 'clicks')
	{
		my @names = sort keys %inheriting;

		if (!@names || $kind < 0.3)
		{
			my $name = new_name();

			$inheriting{$name} = 'clicks';
			return join('; ', "CREATE TABLE $name (" . shuffled($top) . ')', "ALTER TABLE $name DROP dropped",
				(map { insert($name, $top, row($top)) } 1 .. pick(0, 1, 2)), "ALTER TABLE $name INHERIT clicks");
		}
		my $name = pick(@names);
		if ($kind < 0.5)
		{
			my $child = new_name();

			$inheriting{$child} = $name;
			delete $inheriting{$name};		# it cannot go alone any more
			return "CREATE TABLE $child (extra text) INHERITS ($name)";
		}
		return "TRUNCATE $name" if $kind < 0.6;
		my $parent = delete $inheriting{$name};
		return pick("ALTER TABLE $name NO INHERIT $parent", "DROP TABLE $name");
	}

	my @free = grep { !exists $attached{$top}{ $_->[0] } } @{ $slots{$top} };
	my @taken = sort keys %{ $attached{$top} };
	return join('; ', create_partition($top, pick(@free))) if @free && ($kind < 0.5 || !@taken);
	return statement() if !@taken;

	my $key = pick(@taken);
	my $name = $attached{$top}{$key};
	return "TRUNCATE $name" if $kind < 0.6;
	delete $attached{$top}{$key};
	return "DROP TABLE $name" if $kind < 0.8;
	# it comes back at once, or is written apart from its tree
	my ($slot) = grep { $_->[0] eq $key } @{ $slots{$top} };
	if ($kind < 0.9)
	{
		$attached{$top}{$key} = $name;
		return join('; ', "ALTER TABLE $top DETACH PARTITION $name", insert($name, $top, within($top, $key)),
			"DELETE FROM $name WHERE account = 3", "ALTER TABLE $top ATTACH PARTITION $name $slot->[1]") if $top ne 'lines';
		return "ALTER TABLE $top DETACH PARTITION $name; ALTER TABLE $top ATTACH PARTITION $name $slot->[1]";
	}
	return "ALTER TABLE $top DETACH PARTITION $name";
}

sub detach_concurrently
{
	my $top = pick('visits', 'bills', 'lines');
	my @taken = grep { $_ ne 'rest' } sort keys %{ $attached{$top} };

	return () if !@taken || exists $attached{$top}{rest};
	my $key = pick(@taken);
	my $name = delete $attached{$top}{$key};
	return "ALTER TABLE $top DETACH PARTITION $name CONCURRENTLY";
}

# ---- rows ------------------------------------------------------------------

# the top, or one of the tables below it, which have the same columns by name
sub some_table
{
	my ($top) = @_;

	return $top if rand() < 0.5;
	my @below = $top eq 'clicks' ? sort keys %inheriting : map { $attached{$top}{$_} } sort keys %{ $attached{$top} };
	return @below ? pick(@below) : $top;
}

sub statement
{
	my $top = pick('visits', 'visits', 'clicks', 'bills', 'lines', 'lines');
	my $kind = rand();
	my $table = some_table($top);

	if ($kind < 0.4)
	{
		return insert($table, $top, row($top)) if $table eq $top;
		my ($key) = grep { $top ne 'clicks' && $attached{$top}{$_} eq $table } keys %{ $attached{$top} // {} };

		return insert($table, $top, defined $key ? within($top, $key) : row($top));
	}
	return "UPDATE $table SET " . change($top) . ' WHERE ' . condition($top) if $kind < 0.65;
	return merge($table, $top) if $kind < 0.8;
	return 'TRUNCATE ' . pick($table, $top, 'bills, lines') if $kind < 0.83;
	return sprintf('WITH a AS (DELETE FROM %s WHERE %s RETURNING 1), b AS (UPDATE %s SET %s WHERE %s) %s', some_table($top),
		condition($top), 'lines', change('lines'), condition('lines'), insert('clicks', 'clicks', row('clicks'))) if $kind < 0.88 && $top ne 'lines';
	return "DELETE FROM $table WHERE " . condition($top);
}

sub merge
{
	my ($table, $top) = @_;
	my %row = row($top);
	my $names = join ', ', sort keys %row;
	my $values = join ', ', map { $row{$_} } sort keys %row;
	my $key = $top eq 'lines' ? 'bill' : $top eq 'bills' ? 'id' : 'account';
	my @actions = ('WHEN MATCHED AND ' . condition($top, 't.') . ' THEN UPDATE SET ' . change($top, 't.'));

	push @actions, 'WHEN MATCHED THEN DELETE' if rand() < 0.4;
	push @actions, "WHEN NOT MATCHED THEN INSERT ($names) VALUES ($values)" if rand() < 0.4 && $table eq $top;
	return sprintf('MERGE INTO %s t USING (VALUES (%s)) AS s (k) ON t.%s = s.k %s', $table, join('), (', distinct($top)), $key,
		join(' ', @actions));
}

sub distinct
{
	my ($top) = @_;
	my %seen;

	return grep { !$seen{$_}++ } map { $top eq 'lines' || $top eq 'bills' ? int(rand(40)) : int(rand(8)) } 1 .. pick(1, 2, 4);
}

sub insert
{
	my ($table, $top, %row) = @_;
	my @names = sort { rand() <=> 0.5 } sort keys %row;
	my $conflict = $top eq 'bills' && $table eq 'bills' ? ' ON CONFLICT (id) DO ' . pick('NOTHING', 'UPDATE SET paid = NOT bills.paid') : '';

	return sprintf('INSERT INTO %s (%s) VALUES (%s)%s', $table, join(', ', @names), join(', ', map { $row{$_} } @names), $conflict);
}

sub row
{
	my ($top) = @_;

	return (account => account(), at => at(), page => page(), seconds => int(rand(100))) if $top eq 'visits';
	return (account => account(), at => at(), what => pick("'x'", "'y'", 'NULL')) if $top eq 'clicks';
	return (id => int(rand(40)), account => account(), at => at(), paid => pick('true', 'false')) if $top eq 'bills';
	return (bill => int(rand(40)), price => int(rand(100)), kind => pick("'a'", "'b'", "'c'"));
}

# an assignment, often of what says in which partition a row is
sub change
{
	my ($top, $of) = (@_, '');

	return pick('at = ' . at(), "at = ${of}at - interval '1 month', seconds = ${of}seconds + 1", 'page = ' . page(), 'account = ' . account(),
		"seconds = ${of}seconds * 2") if $top eq 'visits';
	return pick('at = ' . at(), 'account = ' . account(), "what = 'y'") if $top eq 'clicks';
	return pick("id = (${of}id + 10) % 40", "paid = NOT ${of}paid", 'account = ' . account(), "id = ${of}id + 10, paid = true") if $top eq 'bills';
	return pick("kind = 'a'", "kind = 'b'", "price = ${of}price + 5, kind = 'c'", 'bill = ' . int(rand(40)));
}

sub condition
{
	my ($top, $of) = (@_, '');

	return pick("${of}bill = " . int(rand(40)), "${of}price > 80", "${of}kind = 'a'") if $top eq 'lines';
	return pick("${of}id = " . int(rand(40)), "${of}account = " . int(rand(8))) if $top eq 'bills';
	return pick("${of}account = " . int(rand(8)), "${of}at > '2026-05-20+00'", "${of}account IS NULL");
}

sub account
{
	return rand() < 0.05 ? 'NULL' : int(rand(8));
}

sub at
{
	return sprintf("'2026-%02d-%02d %02d:00+00'", 2 + int(rand(7)), 1 + int(rand(28)), int(rand(24)));
}

sub page
{
	return pick("'home'", "'shop'", "'cart'");
}
