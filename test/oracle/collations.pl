# Are equal values one value, whatever they look like, and is the right one
# shown?
#
# Customers and their visits have columns of types and collations in which
# values are equal that do not look the same: text under collations that ignore
# case or accents, citext, padded text, numbers of several scales, both zeros,
# spans of 24 hours and of a day, jsonb, and arrays of such.
#
#	visits.cased	tea  TEA  cake		count(distinct visits.cased)	2
#	(ignores case)						list(distinct visits.cased)		{cake,TEA}
#
# All aggregates over them, with windows and without, and audiences that
# compare them, are asked after every random statement; and naive SQL is, which
# groups and sorts by the column, and of equal values takes the one whose text
# is smallest.  What is shown has to look the same.  Rows go as they came,
# change into what is equal and looks different, and come again in another
# order; now and then all is computed anew.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/collations.pl
#
# On the first difference a script is printed that shows it, made as short as
# SHRINK seconds can make it.

use strict;
use warnings;
use utf8;

use Oracle;

use constant CUSTOMERS => 6;
use constant STEPS_OF_A_ROUND => 40;
use constant COLUMNS_OF_A_ROUND => 4;

my $seed = $ENV{SEED} // 20260817;
my $steps = $ENV{STEPS} // 160;
my $patience = $ENV{SHRINK} // 60;

my @words = ('tea', 'Tea', 'TEA', 'tea ', 'téa', 'TÉA', 'cake', 'Cake', 'CAKE  ', 'zebra', 'Ähre', 'ahre', '');
my @numbers = qw(1 1.0 1.00 2 2.50 2.5 -0.5 0 0.00 100000000000000000000 NaN 0.100000 0.1);

# name, type, its collation if that is no default, and values as text
my @all_columns = (
	[ 'plain', 'text', undef, @words ],
	[ 'bytes', 'text', '"C"', @words ],
	[ 'cased', 'text', 'letters.cased', @words ],
	[ 'accents', 'text', 'letters."Base"', @words ],
	[ 'coded', 'varchar(12)', 'letters.cased', @words ],
	[ 'padded', 'bpchar', undef, @words ],
	[ 'filled', 'char(8)', 'letters.cased', @words ],
	[ 'citext', 'citext', undef, @words ],
	[ 'number', 'numeric', undef, @numbers ],
	[ 'ratio', 'double precision', undef, qw(0 -0 1 1.5 NaN Infinity -0.0) ],
	[ 'span', 'interval', undef, '1 day', '24:00', '1 month', '30 days', '720:00', '00:00' ],
	[ 'json', 'jsonb', undef, '[1]', '[1.0]', '"a"', '"A"', '{"a": 1.50}', '{"a": 1.5}', 'null' ],
	[ 'numbers', 'numeric[]', undef, '{1,2.0}', '{1.0,2}', '{}', '{1.00,2}', '{3}', '{NULL}' ],
	[ 'tags', 'text[]', 'letters.cased', '{tea,Cake}', '{TEA,cake}', '{tea}', '{Tea}', '{}', '{NULL,tea}' ],
);

# what is asked of a column: how it begins in the name of the trait, the
# aggregate, and naive SQL over "one", the values that count, and "each", those
# that are equal as one
my @asked = (
	[ n => 'count(distinct COLUMN)', 'SELECT count(*) FROM each' ],
	[ l => 'list(distinct COLUMN)', 'SELECT coalesce(array_agg(shown ORDER BY shown), \'{}\') FROM each' ],
	[ f => 'most_frequent(COLUMN)', 'SELECT shown FROM each ORDER BY n DESC, latest DESC NULLS LAST, shown LIMIT 1' ],
	[ i => 'min(COLUMN)', 'SELECT value FROM one ORDER BY value, looks LIMIT 1' ],
	[ a => 'max(COLUMN)', 'SELECT value FROM one ORDER BY value DESC, looks LIMIT 1' ],
	[ s => 'first(COLUMN)', 'SELECT value FROM one WHERE at IS NOT NULL ORDER BY at, value, looks LIMIT 1' ],
	[ e => 'last(COLUMN)', 'SELECT value FROM one WHERE at IS NOT NULL ORDER BY at DESC, value, looks LIMIT 1' ],
);
my $window = 'in last 10 days';
my $in_window = "at > segment.now() - interval '10 days' AND at <= segment.now()";

# of a round: its columns, its audiences (name, filter, condition), how it
# begins, and what was done in it
my (@columns, @audiences, $setup, @history);
my $next_id;
my %most = (visits => 0, equal => 0, members => 0);
my %kinds = (insert => 20, update => 14, delete => 9, reload => 5, transaction => 6, clock => 6, truncate => 0.6, rebuild => 1);

go_over_histories();

sub go_over_histories
{
	srand $seed;
	leave_out_what_is_not_there();
	print "# seed $seed, $steps steps, columns " . join(', ', map { $_->[0] } @all_columns) . "\n";
	for my $step (1 .. $steps)
	{
		my ($kind, $wrong);

		begin_round() if $step % STEPS_OF_A_ROUND == 1;
		$kind = pick_weighted(map { $_ => $kinds{$_} } sort keys %kinds);
		push @history, __PACKAGE__->can("random_$kind")->();
		$wrong = failure_of($history[-1]);
		note_what_is_there() if !defined $wrong && $step % 5 == 0;
		next unless defined $wrong;

		ok_if(0, "step $step of seed $seed ($kind): $wrong");
		report($wrong);
		done();
	}
	ok_if(1, "$steps steps of seed $seed, compared after each");
	ok_if($most{visits} > 20 && $most{equal} > 10 && $most{members} > 5,
		"of up to $most{visits} visits with $most{equal} values that are equal to others and look different,"
		  . " and $most{members} memberships");
	done();
}

# A server may know no ICU, or not be told to bring citext.
sub leave_out_what_is_not_there
{
	my $icu = defined attempt("BEGIN; CREATE COLLATION pg_temp.x (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ROLLBACK;");
	my $citext = value("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'") == 0;

	attempt('ROLLBACK;');
	@all_columns = grep { !($icu && ($_->[2] // '') =~ /letters/) && !($citext && $_->[1] eq 'citext') } @all_columns;
	return;
}

# Rounds ----------------------------------------------------------------------

sub begin_round
{
	my %left = map { $_->[0] => $_ } @all_columns;

	# columns of one type with several collations can be compared with each
	# other
	@columns = rand() < 0.4 ? grep { defined } map { delete $left{$_} } qw(bytes cased accents) : ();
	push @columns, map { delete $left{ pick(sort keys %left) } } @columns + 1 .. COLUMNS_OF_A_ROUND;
	@audiences = map { [ "a$_", random_filter() ] } 1 .. 8;
	@history = ();
	$next_id = 1;
	$setup = setup_script();
	begin_again();
	return;
}

sub begin_again
{
	disconnect();
	sql("SET client_min_messages = error;
		DROP EXTENSION IF EXISTS segment CASCADE; DROP SCHEMA IF EXISTS segment_data, letters CASCADE;
		DROP SCHEMA public CASCADE; CREATE SCHEMA public;
		SET client_min_messages = warning;");
	sql($setup);
	return;
}

sub setup_script
{
	my $columns = join ', ', map { "$_->[0] $_->[1]" . (defined $_->[2] ? " COLLATE $_->[2]" : '') } @columns;
	my $script = "CREATE EXTENSION segment;\nSET segment.now = '2026-05-20 12:00+00';\nSET TimeZone = 'UTC';\nCREATE SCHEMA letters;\n";

	$script .= "CREATE COLLATION letters.cased (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION letters.\"Base\" (provider = icu, locale = 'und-u-ks-level1', deterministic = false);\n" if $columns =~ /letters/;
	$script .= "CREATE EXTENSION citext;\n" if $columns =~ /citext/;
	$script .= "CREATE TABLE customers (customer_id bigint PRIMARY KEY, $columns);
CREATE TABLE visits (visit_id bigint PRIMARY KEY, customer_id bigint, at timestamptz, $columns);
CREATE INDEX ON visits (customer_id, at);\n";

	# the naive half: nothing but the tables
	$script .= "CREATE VIEW naive AS SELECT k.customer_id" . join('', map { ",\n\t$_->[2] AS $_->[0]" } all_traits()) . "
FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM visits) AS k LEFT JOIN customers AS c USING (customer_id)
WHERE k.customer_id IS NOT NULL;\n";

	# half of the time the collations are on the path of whoever defines
	$script .= "SET search_path = public, letters;\n" if rand() < 0.5;
	$script .= "SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('visits', at => 'at');\n";
	$script .= "SELECT segment.create_trait('$_->[0]', \$t\$$_->[1]\$t\$);\n" for all_traits();
	$script .= "SELECT segment.create_audience('$_->[0]', \$f\$$_->[1]\$f\$);\n" for @audiences;
	return $script . "SET search_path = public;\n";
}

# Name, definition and naive SQL of what is asked of the columns of this round.
sub all_traits
{
	my @traits;

	for my $column (@columns)
	{
		my $name = $column->[0];

		push @traits, [ "own_$name", "customers.$name", "c.$name" ];
		for my $asked (@asked)
		{
			my ($letter, $definition, $query) = @$asked;

			# there are no arrays of arrays
			next if $letter eq 'l' && $column->[1] =~ /\[\]/;
			push @traits,
			  [ "${letter}_$name", $definition =~ s/COLUMN/visits.$name/r, naive_query($name, 'true', $query) ],
			  [ "w${letter}_$name", $definition =~ s/COLUMN/visits.$name $window/r, naive_query($name, $in_window, $query) ];
		}
	}
	return @traits;
}

sub naive_query
{
	my ($column, $condition, $query) = @_;

	return "(WITH one AS (SELECT $column AS value, at, format('%s', $column) COLLATE \"C\" AS looks FROM visits AS v
			WHERE v.customer_id = k.customer_id AND $column IS NOT NULL AND $condition),
		each AS (SELECT DISTINCT ON (value) value AS shown, count(*) OVER w AS n, max(at) OVER w AS latest FROM one
			WINDOW w AS (PARTITION BY value) ORDER BY value, looks)
		$query)";
}

# Filters ---------------------------------------------------------------------

# A filter over the columns of this round, and the same as a condition over
# naive.
sub random_filter
{
	my @those = grep { $_->[1] !~ /interval|jsonb|numeric\[\]/ } @columns;
	my ($one, $other);
	my ($filter, $condition);

	@those = ([ $columns[0][0], 'count' ]) unless @those;
	($one, $other) = (pick(@those), pick(@those));
	($filter, $condition) =
	    $one->[1] eq 'count' ? random_count($one)
	  : $one->[1] eq 'text[]' ? random_contains("own_$one->[0]", $one)
	  : $one->[1] =~ /numeric|double/ ? random_number_filter($one)
	  : rand() < 0.5 && $other->[1] eq 'text' && $one->[1] eq 'text' ? random_pair($one, $other)
	  : random_text_filter($one);
	return ("not ($filter)", "($condition) IS NOT TRUE") if rand() < 0.2;
	return ($filter, $condition);
}

sub random_count
{
	my ($column) = @_;
	my $trait = pick('n', 'wn') . "_$column->[0]";
	my $n = 1 + int rand 3;

	return ("$trait = $n", "$trait = $n");
}

sub random_number_filter
{
	my ($column) = @_;
	my $trait = pick(qw(own f i a s e wf wi wa ws we)) . "_$column->[0]";
	my ($low, $high) = sort { $a <=> $b } map { pick(0, 1, 1.5, 2, 2.5, '2.50', '1.0') } 1 .. 2;

	return @{ pick(
		[ "$trait = $low", "$trait = $low" ],
		[ "$trait in ($low, $high, 7)", "$trait IN ($low, $high, 7)" ],
		[ "$trait != $high", "($trait = $high) IS NOT TRUE" ],
		[ "$trait > $low", "$trait > $low" ],
		[ "$trait between $low and $high", "$trait BETWEEN $low AND $high" ],
		[ "l_$column->[0] contains $low", "EXISTS (SELECT FROM unnest(l_$column->[0]) AS u(v) WHERE v = $low)" ],
		[ random_count($column) ]) };
}

sub random_text_filter
{
	my ($column) = @_;
	my ($name, $type) = @$column;
	my $trait = pick(qw(own own f i a s e wf wi wa ws we)) . "_$name";
	my ($one, $two) = map { pick(@words) } 1 .. 2;
	my $literal = sub { "'$_[0]'::" . ($type =~ /char\(8\)/ ? 'bpchar' : $type =~ /varchar/ ? 'text' : $type) };
	my @many = (map { "word $_" } 1 .. 300);

	return @{ pick(
		[ "$trait = \"$one\"", "$trait = " . $literal->($one) ],
		[ "$trait = \"$one\"", "$trait = " . $literal->($one) ],
		[ "\"$one\" != $trait", "($trait = " . $literal->($one) . ') IS NOT TRUE' ],
		[ "$trait in (\"$one\", \"$two\")", "$trait IN (" . $literal->($one) . ', ' . $literal->($two) . ')' ],
		[ "$trait in (\"$one\", " . join(', ', map { "\"$_\"" } @many) . ')', "$trait = " . $literal->($one) ],
		[ "$trait > \"$one\"", "$trait > " . $literal->($one) ],
		[ "$trait between \"$one\" and \"$two\"", "$trait BETWEEN " . $literal->($one) . ' AND ' . $literal->($two) ],
		[ "$trait is empty", "$trait IS NULL OR $trait = " . $literal->('') ],
		[ "count(visits where $name = \"$one\") >= 1",
			"EXISTS (SELECT FROM visits AS v WHERE v.customer_id = naive.customer_id AND v.$name = " . $literal->($one) . ')' ],
		[ "last(visits.$name in last 3 days) = \"$two\"", "(SELECT $name FROM visits AS v WHERE v.customer_id = naive.customer_id AND $name IS NOT NULL
			AND at > segment.now() - interval '3 days' AND at <= segment.now() ORDER BY at DESC, $name LIMIT 1) = " . $literal->($two) ],
		[ random_contains(pick('l', 'wl') . "_$name", $column) ],
		[ random_count($column) ]) };
}

# Of lists, and of columns that are arrays.
sub random_contains
{
	my ($trait, $column) = @_;
	my $type = $column->[1] =~ s/\[\]//r =~ s/char\(8\)/bpchar/r =~ s/varchar\(12\)/text/r;
	my ($one, $two) = map { pick(@words) } 1 .. 2;
	my ($has_one, $has_two) = map { "EXISTS (SELECT FROM unnest($trait) AS u(v) WHERE v = '$_'::$type)" } $one, $two;

	return @{ pick(
		[ "$trait contains \"$one\"", $has_one ],
		[ "$trait contains any (\"$one\", \"$two\")", "$has_one OR $has_two" ],
		[ "$trait contains all (\"$one\", \"$two\")", "$has_one AND $has_two" ]) };
}

# Two columns: the first collation that is no default decides.
sub random_pair
{
	my ($one, $other) = @_;
	my ($left, $right) = ("own_$one->[0]", "own_$other->[0]");
	my $collation = $one->[2] // $other->[2];
	my $under = defined $collation ? " COLLATE $collation" : '';
	my $word = pick(@words);

	return @{ pick(
		[ "$left = $right", "$left = $right$under" ],
		[ "$left < $right", "$left < $right$under" ],
		[ "coalesce($left, $right) = \"$word\"", "coalesce($left, $right$under) = '$word'" ],
		[ "nullif($left, $right) is set", "nullif($left, $right$under) IS NOT NULL" ],
		[ "greatest($left, $right) > \"$word\"", "greatest($left$under, $right$under) > '$word'" ]) };
}

# Comparisons -----------------------------------------------------------------

# What is wrong after a step, or undef.
sub failure_of
{
	my ($text) = @_;
	my $error = attempt($text);
	my @differences;

	return (split /\n/, $error)[0] if defined $error;
	@differences = eval { rows(difference_query()) };
	return (split /\n/, $@)[0] if $@;
	return unless @differences;
	return join '; ', map { "@$_" } @differences;
}

# One query that gives a row for each thing that is not as it should be.
sub difference_query
{
	my @parts;

	for my $trait (all_traits())
	{
		my ($name) = @$trait;

		push @parts, "SELECT '$name', coalesce(p.customer_id, n.customer_id)::text, format('%s', p.$name), format('%s', n.$name) FROM p FULL JOIN n USING (customer_id)
	WHERE p.customer_id IS NULL OR n.customer_id IS NULL OR (p.$name IS NULL) <> (n.$name IS NULL)
		OR format('%s', p.$name) COLLATE \"C\" <> format('%s', n.$name) COLLATE \"C\"";
	}
	for my $audience (@audiences)
	{
		my ($name, $filter, $condition) = @$audience;

		for my $way ("SELECT customer_id FROM $name", "SELECT k FROM segment.members('$name') AS m(k bigint)",
			"SELECT customer_id FROM segment_data.profile AS p WHERE p \@\@ \$f\$$filter\$f\$")
		{
			push @parts, "SELECT '$name', string_agg(k::text, '+' ORDER BY k), string_agg(e::text, '+' ORDER BY e), \$f\$$filter\$f\$
	FROM ($way) AS g(k) FULL JOIN (SELECT customer_id FROM n AS naive WHERE $condition) AS x(e) ON k = e HAVING count(k) <> count(*) OR count(e) <> count(*)";
		}
	}
	push @parts, "SELECT 'verify', v::text, NULL, NULL FROM segment.verify() AS v";
	return "WITH p AS MATERIALIZED (SELECT * FROM profile), n AS MATERIALIZED (SELECT * FROM naive)\n"
	  . join("\nUNION ALL\n", @parts) . "\nLIMIT 5";
}

sub note_what_is_there
{
	my ($visits, $members) = @{ (rows('SELECT (SELECT count(*) FROM visits), (SELECT sum(size) FROM segment.sizes())'))[0] };
	my $equal = value('SELECT ' . join ' + ', map { "(SELECT count(DISTINCT format('%s', $_->[0]) COLLATE \"C\") - count(DISTINCT $_->[0]) FROM visits)" } @columns);

	$most{visits} = $visits if $visits > $most{visits};
	$most{equal} = $equal if $equal > $most{equal};
	$most{members} = $members if $members > $most{members};
	return;
}

# Telling what happened -------------------------------------------------------

sub report
{
	my ($wrong) = @_;
	my @script = @history;
	my $fails = sub {
		my ($found, $last);

		begin_again();
		for my $text (@_)
		{
			return 1 if defined attempt($text) && $wrong =~ /^ERROR/;
		}
		$found = failure_of('');
		return defined $found && ($found =~ /^ERROR/) == ($wrong =~ /^ERROR/);
	};

	# not even all of it: whatever it was, it does not come back
	@script = shortest(time + $patience, $fails, @script) if $fails->(@script);
	print "-- seed $seed: $wrong\n-- " . @script . ' of ' . @history . " steps remain\n$setup";
	print "-- step\n$_" for @script;
	print "-- what differs now\n" . difference_query() . ";\n";
	return;
}

# Random steps ----------------------------------------------------------------

sub random_insert
{
	return rand() < 0.3 ? "INSERT INTO customers VALUES (" . join(', ', random_customer(), random_values()) . ")
	ON CONFLICT (customer_id) DO UPDATE SET " . join(', ', map { "$_->[0] = excluded.$_->[0]" } @columns) . ";\n"
	  : 'INSERT INTO visits VALUES ' . join(",\n\t", map { '(' . join(', ', $next_id++, random_customer(), random_time(), random_values()) . ')' } 1 .. 1 + int rand 6) . ";\n";
}

# Into another value, or into one that looks different.
sub random_update
{
	my $table = pick(qw(customers visits visits visits));
	my $column = pick(@columns);

	return "UPDATE visits SET at = " . random_time() . ', customer_id = ' . random_customer() . ' WHERE ' . random_where('visits') . ";\n" if rand() < 0.15;
	return "UPDATE $table SET $column->[0] = " . random_value($column) . ' WHERE ' . random_where($table) . ";\n";
}

sub random_delete
{
	my $table = pick(qw(customers visits visits visits visits));

	return "DELETE FROM $table WHERE " . random_where($table) . ";\n";
}

# All rows of somebody, in another order.
sub random_reload
{
	my $whose = 'customer_id = ' . random_customer();

	return "BEGIN;\nCREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM visits WHERE $whose;
DELETE FROM visits WHERE $whose;\nINSERT INTO visits SELECT * FROM kept ORDER BY md5((visit_id + " . int(rand 100) . ")::text);\nCOMMIT;\n";
}

sub random_transaction
{
	return "BEGIN;\n" . random_write() . "SAVEPOINT here;\n" . random_write() . pick("ROLLBACK TO here;\n", "RELEASE here;\n")
	  . random_write() . pick("COMMIT;\n", "COMMIT;\n", "ROLLBACK;\n");
}

sub random_write
{
	return __PACKAGE__->can('random_' . pick(qw(insert update delete)))->();
}

sub random_clock
{
	return "SELECT set_config('segment.now', (segment.now() + interval '" . pick('5 hours', '1 day', '3 days') . "')::text, false);\n";
}

sub random_truncate
{
	return 'TRUNCATE ' . pick('visits', 'customers', 'visits, customers') . ";\n" . join '', map { random_insert() } 1 .. 4;
}

sub random_rebuild
{
	return "SELECT segment.rebuild();\n";
}

sub random_customer
{
	return 1 + int rand CUSTOMERS;
}

sub random_values
{
	return map { random_value($_) } @columns;
}

sub random_value
{
	my (undef, $type, undef, @values) = @{ $_[0] };

	return rand() < 0.08 ? 'NULL' : "'" . pick(@values) . "'::" . ($type =~ /char\(8\)/ ? 'bpchar' : $type);
}

# Some at the same instant, some that leave the window before long.
sub random_time
{
	return 'NULL' if rand() < 0.06;
	return sprintf "segment.now() - interval '%d hours'", pick(0, 0, 24, 24, 48, 100, 238, 239, 240, 300, -5);
}

sub random_where
{
	my ($table) = @_;
	my $column = pick(@columns);
	my $id = $table eq 'visits' ? 'visit_id' : 'customer_id';
	my $modulus = 2 + int rand 5;

	# those that look just so, those that are equal, or any
	return "format('%s', $column->[0]) COLLATE \"C\" = format('%s', " . random_value($column) . ") COLLATE \"C\" AND $id % 2 = 0" if rand() < 0.3;
	return "$column->[0] = " . random_value($column) . " AND $id % 3 = 0" if rand() < 0.3;
	return 'customer_id = ' . random_customer() . " AND $id % 2 = 1" if rand() < 0.5;
	return "$id % $modulus = " . int rand $modulus;
}
