# Oracle: does segment say what naive SQL says?
#
# An oracle script knows a history, what segment is told about it, and the same
# questions asked by hand over the raw tables:
#
#	use Oracle;
#
#	compare('after loading', {
#		view => 'shopper', key => 'customer_id', key_type => 'bigint',
#		traits => [ [ orders => 'count(orders)' ], ... ],
#		audiences => [ [ regular => 'orders > 3', 'orders > 3' ], ... ],
#		naive => 'SELECT customer_id, count(*) AS orders
#			FROM orders GROUP BY customer_id' });
#
#	ok - after loading: 23570 profiles agree on 12 traits
#	ok - after loading: regular has 5142 members
#
# or tell() it whole, with what happens to its tables.
#
# Of an audience we know the filter and, last, the condition that a person who
# never heard of segment would write over the naive answer.
#
# All statements go to one psql, a session that lives as long as the script;
# session(2) sends what follows to another one.  A statement that fails ends the
# script, and so does the death of a psql.
#
# For those who draw histories at random there are pick() and pick_weighted(), the
# windows of time in SQL, and shortest(), which makes a script that fails short.

package Oracle;

use strict;
use warnings;

use Exporter 'import';
use IPC::Open2;

our @EXPORT = qw(sql attempt rows value session ok_if tell compare
  sources_are_whole data_set skip disconnect done
  pick pick_weighted clock calendar coming period plus days_of day_at day_start in_sql shortest);

my %sessions;	 # by number: the process, and what leads to and from it
my $session = 0;
my $statements = 0;
my $compared = 0;
my $failed = 0;

# no text of ours has it
use constant FIELD => "\x1f";

# Run statements and psql commands; dies with what the server said.
sub sql
{
	my ($text) = @_;
	my ($output, $error) = send_to_psql($text);

	die "$error\nSTATEMENT:\n$text\n" if defined $error;
	return $output;
}

# Run statements that may fail: the error, or undef if there was none.
sub attempt
{
	my ($text) = @_;
	my ($output, $error) = send_to_psql($text);

	return $error;
}

# The answer of a query, one array of fields per row; NULL is "(null)".
sub rows
{
	my ($query) = @_;

	return map { [ split FIELD, $_, -1 ] } split /\n/, sql("$query;");
}

sub value
{
	my ($query) = @_;
	my @rows = rows($query);

	die "not one value: $query\n" unless @rows == 1 and @{ $rows[0] } == 1;
	return $rows[0][0];
}

# Statements go to the session of this number from now on.
sub session
{
	($session) = @_;
	return;
}

# One comparison.
sub ok_if
{
	my ($holds, $what) = @_;

	$compared++;
	$failed++ unless $holds;
	print $holds ? "ok" : "not ok", " - $what\n";
	return $holds;
}

# The directory of real histories, if it has what the script needs.
sub data_set
{
	my ($name) = @_;

	skip('SEGMENT_DATA names no directory of real histories')
	  unless defined $ENV{SEGMENT_DATA} and -d $ENV{SEGMENT_DATA};
	skip("there is no \"$name\" in the directory of real histories")
	  unless -d "$ENV{SEGMENT_DATA}/$name";
	skip('there is no xz to decompress real histories')
	  unless grep { -x "$_/xz" } split /:/, $ENV{PATH};
	return;
}

sub skip
{
	print "$_[0]\n";
	exit 77;
}

# Leave all sessions: the next statement begins another one.
sub disconnect
{
	for my $left (values %sessions)
	{
		close $left->{to};
		waitpid $left->{psql}, 0;
	}
	%sessions = ();
	return;
}

# The end of a script.
sub done
{
	disconnect();
	print "$compared comparisons, $failed differ\n";
	exit($failed || !$compared ? 1 : 0);
}

# Tell segment a history, and compare after every change of it.
#
# The population is described as for compare(), and beside that by
#
#	tables => 'CREATE TABLE orders ...'		in SQL or commands of psql
#	load => '\\copy orders from ...'
#	profiles => 23570						of which that is known to make so many
#	attach => "SELECT segment.attach_source('orders', ...)"
#	changes => [ [ 'values change' => 'UPDATE orders ...' ], ... ]
#	drop => 'DROP TABLE orders'
#	small => 1								or not: then verify() now and then only
#
# Segment is told either of tables that are full, 'tables first', or of empty
# ones that are then filled, 'segment first'.
sub tell
{
	my ($order, $history) = @_;
	my ($view, $key, $type) = @$history{ 'view', 'key', 'key_type' };

	sql($history->{tables});
	sql("$history->{load}; ANALYZE;") if $order eq 'tables first';
	sql("SELECT segment.create_population('$view', key => '$key',
		key_type => '$type', timezone => '$history->{timezone}');");
	sql($history->{attach});
	sql("SELECT segment.create_trait('$_->[0]', \$t\$$_->[1]\$t\$);")
	  for @{ $history->{traits} };
	sql("SELECT segment.create_audience('$_->[0]', \$f\$$_->[1]\$f\$);")
	  for @{ $history->{audiences} };
	sql("$history->{load}; ANALYZE;") if $order eq 'segment first';

	ok_if(value("SELECT count(*) FROM $view") == $history->{profiles},
		"$order, after loading: there are $history->{profiles} profiles");
	compare("$order, after loading", $history);
	compare_questions("$order, after loading", $history);
	for my $change (@{ $history->{changes} })
	{
		my ($what, $statements) = @$change;

		sql($statements);
		compare("$order, $what", $history);
		sources_are_whole("$order, $what") if $history->{small};
	}
	compare_questions("$order, after all", $history);

	# two ways to say that it could as well be computed anew
	if ($order eq 'tables first')
	{
		sql("SELECT segment.rebuild();");
		compare("$order, rebuilt", $history);
	}
	else
	{
		sources_are_whole("$order, after all");
	}
	sql("SELECT segment.drop_population('$view', cascade => true);
		$history->{drop};");
	return;
}

# Compare all profiles of a population, and all views of its audiences, with the
# naive answer.
#
# 'naive' is a query that gives each profile once, with its key and every
# trait under its name.  'close' names traits that are compared with a relative
# tolerance: they are floating-point numbers, or roots.
sub compare
{
	my ($when, $population) = @_;

	sql("DROP TABLE IF EXISTS pg_temp.naive;
		CREATE TEMP TABLE naive AS $population->{naive};
		ANALYZE naive;");
	compare_traits($when, $population);
	for my $audience (@{ $population->{audiences} })
	{
		my ($name, $filter, $condition) = @$audience;

		compare_members("$when: $name", $population,
			"SELECT $population->{key} FROM $name", $condition);
	}
	return;
}

# After compare(): the same for all other ways to ask for members.
sub compare_questions
{
	my ($when, $population) = @_;

	compare_audience($when, $population, @$_)
	  for @{ $population->{audiences} };
	compare_profiles($when, $population);
	return;
}

sub compare_traits
{
	my ($when, $population) = @_;
	my ($view, $key) = @$population{ 'view', 'key' };
	my @names = map { $_->[0] } @{ $population->{traits} };
	my %differs = map { $_ => trait_differs($population, $_) } @names;
	my $any = join ' OR ',
	  "v.$key IS NULL", "n.$key IS NULL", values %differs;
	my $counts = join ', ', map { "count(*) FILTER (WHERE $differs{$_})" } @names;
	my ($all, $missing, $surplus, @different) = @{
		(
			rows(
				"SELECT count(*),
					count(*) FILTER (WHERE v.$key IS NULL),
					count(*) FILTER (WHERE n.$key IS NULL), $counts
				FROM $view v FULL JOIN naive n ON v.$key = n.$key"))[0]
	};
	my $fine = 1;

	$fine &= $missing == 0 || ok_if(0, "$when: $missing profiles are missing");
	$fine &= $surplus == 0
	  || ok_if(0, "$when: there are $surplus profiles too many");
	for my $i (0 .. $#names)
	{
		next if $different[$i] == 0;
		my ($who, $got, $expected) = @{
			(
				rows(
					"SELECT v.$key, v.$names[$i], n.$names[$i]
					FROM $view v JOIN naive n ON v.$key = n.$key
					WHERE $differs{$names[$i]} ORDER BY v.$key LIMIT 1"))[0]
			  || [ 'absent', '', '' ]
		};
		$fine = 0;
		ok_if(0,
			"$when: $names[$i] of $different[$i] profiles differs, as of $who: $got, and should be $expected"
		);
	}
	ok_if(1, "$when: $all profiles agree on " . @names . ' traits')
	  if $fine;
	return;
}

# The condition under which a trait of profile v is not that of n.
sub trait_differs
{
	my ($population, $name) = @_;
	my ($got, $expected) = ("v.$name", "n.$name");

	return "$got IS DISTINCT FROM $expected"
	  unless grep { $_ eq $name } @{ $population->{close} || [] };
	return "(($got IS NULL) <> ($expected IS NULL)"
	  . " OR (${got}::float8 = 'NaN') <> (${expected}::float8 = 'NaN')"
	  . " OR abs($got - $expected) > 1e-9 * greatest(1, abs($expected)))";
}

# Does a query give each of the profiles for which the condition holds, once?
sub compare_members
{
	my ($what, $population, $query, $condition) = @_;
	my $key = $population->{key};
	my $members = value("SELECT count(*) FROM naive WHERE $condition");
	my ($got, $different, $right) = @{
		(
			rows(
				"SELECT count(*), count(DISTINCT g.member),
					count(*) FILTER (WHERE $key IS NOT NULL AND ($condition))
				FROM ($query) AS g(member) LEFT JOIN naive ON $key = g.member"
			))[0]
	};

	return ok_if(1, "$what has $members members")
	  if $got == $members && $different == $members && $right == $members;
	return ok_if(0,
		"$what has $got members, $different different ones, of whom $right are right, and should have $members"
	);
}

sub compare_audience
{
	my ($when, $population, $audience, $filter, $condition) = @_;
	my ($view, $key, $type) = @$population{ 'view', 'key', 'key_type' };
	my ($all, $members) = @{
		(rows("SELECT count(*), count(*) FILTER (WHERE $condition) FROM naive"))[0]
	};
	my ($size, $where, $complement) = @{
		(
			rows(
				"SELECT segment.size('$audience'),
					segment.count_where(\$f\$$filter\$f\$),
					segment.count_where(\$f\$not ($filter)\$f\$)"))[0]
	};

	compare_members("$when: members('$audience')", $population,
		"SELECT $key FROM segment.members('$audience') AS m($key $type)", $condition);
	compare_members("$when: \@\@ the filter of $audience", $population,
		"SELECT $key FROM $view p WHERE p @@ \$f\$$filter\$f\$", $condition);
	ok_if($size == $members && $where == $members && $where + $complement == $all,
		"$when: $audience has size $size, count_where $where and $complement without, for $members of $all"
	);
	return;
}

# A few profiles, each asked for its audiences.
sub compare_profiles
{
	my ($when, $population) = @_;
	my $key = $population->{key};
	my @audiences = @{ $population->{audiences} };
	my $names = join ', ', map { "'$_->[0]'" } @audiences;
	my $expected = join "\nUNION ALL\n",
	  map { "SELECT $key, '$_->[0]' AS audience FROM few WHERE $_->[2]" } @audiences;
	my ($profiles, $memberships, $listed, $told) = @{
		(
			rows(
				"WITH few AS MATERIALIZED (
					SELECT * FROM naive ORDER BY md5($key\::text) LIMIT 10
				), expected AS MATERIALIZED (
					$expected
				), listed AS MATERIALIZED (
					SELECT few.$key, a::text AS audience FROM few, segment.audiences(few.$key) AS a
				)
				SELECT (SELECT count(*) FROM few), (SELECT count(*) FROM expected),
					(SELECT count(*) FROM ((TABLE listed EXCEPT ALL TABLE expected)
						UNION ALL (TABLE expected EXCEPT ALL TABLE listed)) AS d),
					(SELECT count(*) FROM few, unnest(ARRAY[$names]) AS a
						WHERE segment.is_member(a, few.$key)
						IS DISTINCT FROM EXISTS (SELECT FROM expected e WHERE e.$key = few.$key AND e.audience = a))"
			))[0]
	};

	ok_if($listed == 0 && $told == 0,
		$listed == 0 && $told == 0
		? "$when: $profiles profiles know their $memberships audiences"
		: "$when: of $memberships memberships of $profiles profiles, $listed are wrong in audiences(), $told in is_member()"
	);
	return;
}

# What is stored is what the sources say.
sub sources_are_whole
{
	my ($when) = @_;
	my @differences = rows('SELECT * FROM segment.verify()');

	ok_if(!@differences,
		@differences
		? "$when: verify() finds " . @differences . ", as: @{$differences[0]}"
		: "$when: verify() finds nothing");
	return;
}

# One of these.
sub pick
{
	return $_[ int rand @_ ];
}

# One of these, each as likely as the weight that follows it says.
sub pick_weighted
{
	my @choices = @_;
	my $all = 0;
	my $at;

	for (my $i = 1; $i < @choices; $i += 2)
	{
		$all += $choices[$i];
	}
	$at = rand $all;
	for (my $i = 0; $i < @choices; $i += 2)
	{
		return $choices[$i] if ($at -= $choices[ $i + 1 ]) < 0;
	}
	die 'there is always one';
}

# Windows as a person would write them, of whom in_sql() knows which event, when it
# is asked, and where.  An event that was there at t is in the last s from t on, until
# it is t + s, as the server adds a span there; between one and another ago from the
# one to the other.
sub clock
{
	my ($span) = @_;

	return "EVENT <= ASKED AND ASKED < EVENT + interval '$span'";
}

sub calendar
{
	my ($from, $to) = @_;

	return (defined $to ? plus('EVENT', $to) : 'EVENT') . ' <= ASKED AND ASKED < ' . plus('EVENT', $from);
}

# An instant and a span of days or months, added there.
sub plus
{
	my ($at, $span, $sign) = @_;

	return "(($at AT TIME ZONE PLACE " . ($sign // '+') . " interval '$span') AT TIME ZONE PLACE)";
}

# What is to come within a span.
sub coming
{
	my ($span) = @_;
	my $earlier = $span =~ /second|minute|hour/ ? "EVENT - interval '$span'" : plus('EVENT', $span, '-');

	return "ASKED < EVENT AND $earlier <= ASKED";
}

# The period that is so many after this one: it begins with its first day.
sub period
{
	my ($unit, $shift) = @_;
	my $due = $shift > 0 ? '' : ' AND EVENT <= ASKED';
	my $length = $unit eq 'quarter' ? '3 months' : "1 $unit";
	my ($start, $end) = map { day_start("(date_trunc('$unit', " . day_at('ASKED') . "::timestamp) + $_ * interval '$length')::date") } $shift, $shift + 1;

	return "EVENT >= $start AND EVENT < $end$due";
}

# The days of a place from one instant to another, as SQL that writes them down in
# naive.days: which dates does the server show there, and when for the first time?
sub days_of
{
	my ($zone, $from, $to) = @_;

	return "CREATE SCHEMA IF NOT EXISTS naive;
CREATE TABLE IF NOT EXISTS naive.days (zone text, day date, starts timestamptz, PRIMARY KEY (zone, day), UNIQUE (zone, starts));
INSERT INTO naive.days SELECT '$zone', day, min(u) FROM (
	SELECT u, max((u AT TIME ZONE '$zone')::date) OVER (ORDER BY u) AS day FROM generate_series(timestamptz '$from', timestamptz '$to', '15 min') AS u) AS shown
GROUP BY day;
ANALYZE naive.days;\n";
}

# The day of an instant there, which days_of() knows, and the instant at which a day
# begins.
sub day_at
{
	my ($at) = @_;

	return "(SELECT day FROM naive.days AS d WHERE d.zone = PLACE AND d.starts <= $at ORDER BY d.starts DESC LIMIT 1)";
}

sub day_start
{
	my ($day) = @_;

	return "(SELECT starts FROM naive.days AS d WHERE d.zone = PLACE AND d.day >= $day ORDER BY d.day LIMIT 1)";
}

sub in_sql
{
	my ($condition, $event, $asked, $zone) = @_;

	return $condition =~ s/\bEVENT\b/$event/gr =~ s/\bASKED\b/$asked/gr =~ s/\bPLACE\b/'$zone'/gr;
}

# A script that still fails, without most of what it does not need; each of its
# parts is there or not.  Ends at that time, if not before.
sub shortest
{
	my ($until, $fails, @script) = @_;

	for (my $size = int(@script / 2); $size >= 1; $size = int($size / 2))
	{
		for (my $from = 0; $from + $size <= @script && @script > 1;)
		{
			my @fewer = @script;

			return @script if time > $until;
			splice @fewer, $from, $size;
			if ($fails->(@fewer))
			{
				@script = @fewer;
			}
			else
			{
				$from += $size;
			}
		}
	}
	return @script;
}

# Give psql a text and wait until it has done it: what it printed, and the
# first error if there was one.
sub send_to_psql
{
	my ($text) = @_;
	my $end = '-- done ' . ++$statements . ' --';
	my ($to, $from);
	my @output;
	my $error;

	start_psql() unless defined $sessions{$session};
	($to, $from) = @{ $sessions{$session} }{ 'to', 'from' };
	print $to "$text\n\\echo '$end'\n";
	while (defined(my $line = <$from>))
	{
		chomp $line;
		return (join("\n", @output), $error) if $line eq $end;
		if (defined $error)
		{
			$error .= "\n$line";
		}
		elsif ($line =~ /^(psql:.*?)?(ERROR|FATAL|PANIC):  |^\\copy: |^psql: |^invalid command /)
		{
			$error = $line;
		}
		elsif ($line !~ /^(psql:.*?)?(NOTICE|WARNING|INFO|DETAIL|HINT|CONTEXT|LOCATION):  /)
		{
			push @output, $line;
		}
	}
	disconnect();
	die "psql is gone after:\n$text\n" . join("\n", @output);
}

sub start_psql
{
	my ($psql, $to, $from);
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	# statements that need files, which those of large shops are, and some do not
	my $memory = $ENV{STATEMENT_MEMORY} // ('16kB', '0', '-1', '40kB')[ $session % 4 ];
	local $ENV{PGOPTIONS} =
	  ($ENV{PGOPTIONS} || '') . ' -c client_min_messages=warning -c jit=off'
	  . " -c segment.statement_memory=$memory";

	$SIG{PIPE} = 'IGNORE';
	$psql = open2($from, $to,
		'exec psql -X -q -A -t -v VERBOSITY=verbose -P null="(null)" -F "$(printf "\037")" 2>&1'
	);
	binmode $from, ':encoding(UTF-8)';
	binmode $to, ':encoding(UTF-8)';
	binmode STDOUT, ':encoding(UTF-8)';
	binmode STDERR, ':encoding(UTF-8)';
	$to->autoflush(1);
	STDOUT->autoflush(1);
	$sessions{$session} = { psql => $psql, to => $to, from => $from };
	return;
}

1;
