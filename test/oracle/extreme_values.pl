# Does any value make a statement fail, or an answer wrong?
#
# Events and customers have the extreme values of each type: the ends of the
# calendar, infinite times, numbers with 131,072 digits, NaN, spans of 290,000
# years, odd texts, numbers inside jsonb that are none.  Random definitions go
# over them with every operator, function, aggregate and window.  No statement
# may fail, and all of these must be the same:
#
#	-  what is kept while the events come and go, and what rebuild() makes of it,
#	-  filters of rows, of profiles, and members that are stored, as time passes,
#	-  naive SQL, where each operation of the server that raises an error because
#	   of a value is missing.
#
#	SEED=4711 STEPS=200 perl -Itest/oracle test/oracle/extreme_values.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260601;
my $steps = $ENV{STEPS} // 60;
my $zone = 'Europe/Copenhagen';
my $now = '2026-05-20 12:00:00+00';

# A filter of rows knows no zone but that of the session, for which the server
# has casts and operators that come nearer to the ends of the calendar.
my $of_row = "current_setting('naive.of_row', true) = 'on'";

# The server's operators, with NULL for an error because of a value.  Two
# things are ours: what is divided by zero is missing for NaN, too, and there
# is no difference to a time that is infinite.
my @safe = (
	(map {
		my $type = $_;
		([ add => "a $type, b $type", $type, 'a + b' ], [ subtract => "a $type, b $type", $type, 'a - b' ],
		 [ multiply => "a $type, b $type", $type, 'a * b' ], [ divide => "a $type, b $type", $type, 'CASE WHEN b <> 0 THEN a / b END' ],
		 [ root => "a $type", $type, "CASE WHEN a >= 0 THEN sqrt(a) END" ],
		 [ floor => "a $type", $type, 'floor(a)' ], [ ceil => "a $type", $type, 'ceil(a)' ]) } 'numeric', 'float8'),
	[ float => 'a numeric', 'float8', 'a::float8' ],
	[ round => 'a numeric, digits int', 'numeric', 'round(a, digits)' ],
	[ add => 'a interval, b interval', 'interval', 'a + b' ],
	[ subtract => 'a interval, b interval', 'interval', 'a - b' ],
	[ add => 'a timestamp, b interval', 'timestamp', 'a + b' ],
	[ subtract => 'a timestamp, b interval', 'timestamp', 'a - b' ],
	(map {
		my ($name, $sign) = @$_;
		[ $name => 'a timestamptz, b interval', 'timestamptz',
			"CASE WHEN date_trunc('day', b) = '0' OR $of_row THEN a $sign b
			 ELSE ((a AT TIME ZONE '$zone' $sign date_trunc('day', b)) AT TIME ZONE '$zone') $sign (b - date_trunc('day', b)) END" ]
	} [ add => '+' ], [ subtract => '-' ]),
	[ local => 'a timestamptz', 'timestamp', "CASE WHEN $of_row THEN a::timestamp ELSE a AT TIME ZONE '$zone' END" ],
	[ local => 'a date', 'timestamp', 'a::timestamp' ],
	[ local => 'a timestamp', 'timestamp', 'a' ],
	# days are known beyond the local times, too
	[ day => 'a timestamptz', 'date', "CASE WHEN isfinite(a) AND a > '294276-12-20' THEN ((a - interval '10 days') AT TIME ZONE '$zone')::date + 10
		ELSE (a AT TIME ZONE '$zone')::date END" ],
	[ day => 'a timestamp', 'date', 'a::date' ],
	[ day => 'a date', 'date', 'a' ],
	[ instant => 'a timestamp', 'timestamptz', "CASE WHEN $of_row THEN a::timestamptz ELSE a AT TIME ZONE '$zone' END" ],
	[ instant => 'a date', 'timestamptz', "CASE WHEN $of_row THEN a::timestamptz ELSE a::timestamp AT TIME ZONE '$zone' END" ],
	[ instant => 'a timestamptz', 'timestamptz', 'a' ],
	[ elapsed => 'a timestamp, b timestamp', 'interval', elapsed() ],
	[ elapsed => 'a timestamptz, b timestamptz', 'interval', elapsed() ],
	[ days => 'a date, b date', 'int', 'CASE WHEN isfinite(a) AND isfinite(b) THEN b - a END' ],
	[ json_number => 'a jsonb', 'numeric', "CASE WHEN jsonb_typeof(a) = 'number' THEN a::numeric END" ],
	[ json_text => 'a jsonb', 'text', "CASE WHEN jsonb_typeof(a) NOT IN ('object', 'array', 'null') THEN a #>> '{}' END" ],
	[ sum => 'a numeric[]', 'numeric', '(SELECT coalesce(sum(x), 0) FROM unnest(a) AS x)' ]);

# The sum of floating-point values, as if it were exact, and how exact it has
# to be.
my $float_sums = q{
CREATE FUNCTION naive.sum(a float8[]) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	IF 'NaN' = ANY (a) OR ('Infinity' = ANY (a) AND '-Infinity' = ANY (a)) THEN
		RETURN 'NaN';
	ELSIF 'Infinity' = ANY (a) OR '-Infinity' = ANY (a) THEN
		RETURN (SELECT x FROM unnest(a) AS x WHERE x IN ('Infinity', '-Infinity') LIMIT 1);
	END IF;
	RETURN (SELECT coalesce(sum(x::text::numeric), 0) FROM unnest(a) AS x)::text::float8;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;
CREATE FUNCTION naive.same(a anyelement, b anyelement, scale numeric) RETURNS boolean LANGUAGE sql AS
	$$ SELECT a IS NOT DISTINCT FROM b OR coalesce(abs(a::text::numeric - b::text::numeric) <= 1e-9 * scale, false) $$;
};

sub elapsed
{
	# the server takes what is too long for a span for a negative one
	return 'CASE WHEN isfinite(a) AND isfinite(b)
		AND (extract(epoch FROM a) - extract(epoch FROM b)) * 1000000 BETWEEN -9223372036854775808 AND 9223372036854775807 THEN a - b END';
}

# What there is in a row of either kind, and the values of it.
my @columns = (
	[ s => 'smallint', [ 0, 1, 2, -1, 32767, -32768 ] ],
	[ i => 'integer', [ 0, 1, 2, 3, -1, 2147483647, -2147483648 ] ],
	[ b => 'bigint', [ 0, 1, 5, -1, '9223372036854775807', '-9223372036854775808' ] ],
	[ n => 'numeric', [ 0, 1, '2.50', '-0.5', '1e-16383', '9e131071', '-9e131071', '1e65536', "repeat('9', 131072)::numeric",
			"repeat('9', 131072)::numeric + 0.5", "'NaN'", "'Infinity'", "'-Infinity'", '1e400', '1e-400' ] ],
	[ f => 'float8', [ 0, "'-0'", 1, '0.25', '-3', '1e308', '1.5e308', '-1.5e308', '1e200', '5e-324', '1e-200', "'NaN'", "'Infinity'", "'-Infinity'" ] ],
	[ r => 'real', [ 0, 1, '0.5', 65536, '-0.25', "'NaN'", "'Infinity'", "'-Infinity'" ] ],
	[ at => 'timestamptz', [ map { s/(:\d\d(\.\d+)?)(?= BC|'$)/$1+00/r } moments('2026-05-10 12:00', '2026-05-19 12:00', '2026-03-29 01:30', '2026-10-25 00:30', '2027-01-01 00:00') ] ],
	[ local => 'timestamp', [ moments('2026-05-20 14:00', '2026-03-29 02:30', '2026-10-25 02:30') ] ],
	[ d => 'date', [ "'-infinity'", "'infinity'", "'4714-11-24 BC'", "'4714-11-25 BC'", "'294276-12-31'", "'294277-01-01'", "'5874897-12-31'",
			"'2026-05-20'", "'2024-02-29'", "'0001-01-01'" ] ],
	[ sp => 'interval', [ map { "'$_'" } '0', '1 day', '36 hours', '1 month', '-1 month 1 day', '1 microsecond', '5000 years', '-6000 years', '292000 years',
			'-290000 years', '178956970 years 7 months', '-178956970 years -7 months', '2147483647 days', '-2147483647 days', '9223372036854775807 microseconds',
			'-9223372036854775807 microseconds', '2147483647 months 2147483647 days 2562047788 hours' ] ],
	[ t => 'text', [ "''", "'a'", "'A b'", "'%'", "E'\\\\'", "'42'", "'1e400'", "repeat('x', 3000)", "U&'\\00e6\\00f8\\+01F600'", "E'\\n'" ] ],
	[ j => 'jsonb', [ map { "'$_'" } '{"x": 1, "y": "a"}', '{"x": 2.5}', '{"x": 1e400}', '{"x": -1e131071}', '{"x": "12", "y": 3}', '{"x": "1e999999"}', '{"x": null}',
			'{"x": [1, 2]}', '{"x": {"y": 1}}', '{"x": true, "y": false}', '{}', '[]', '[{"x": 1}]', 'null', '"x"', '1e131071' ] ],
	[ flag => 'boolean', [ 'true', 'false' ] ],
	[ tags => 'text[]', [ "'{}'", "'{a}'", "'{a,b,NULL}'", "'{NULL}'", "'{{a,b},{c,d}}'" ] ]);

sub moments
{
	my (@ordinary) = @_;

	return map { "'$_'" } '-infinity', 'infinity', '4714-11-24 00:00 BC', '4714-11-26 00:00 BC', '294276-12-31 23:59:59.999999', '294276-12-29 00:00', '1000-01-01', @ordinary;
}

my $failed = 0;

# ---- random expressions ----
#
# Each is a filter, the SQL that means the same, and a type.  @c is a column in
# the filter, #c in SQL.

sub node
{
	my ($filter, $sql, $type) = @_;

	return { filter => $filter, sql => $sql, type => $type };
}

sub number
{
	my ($depth) = @_;
	my $kind = $depth <= 0 || rand() < 0.3 ? 'leaf' : pick(qw(operator operator operator function function choice));
	my ($a, $b);

	return number_leaf() if $kind eq 'leaf';
	if ($kind eq 'operator')
	{
		my ($sign, $name) = @{ pick([ '+', 'add' ], [ '-', 'subtract' ], [ '*', 'multiply' ], [ '/', 'divide' ]) };
		my $type;

		($a, $b) = (number($depth - 1), rand() < 0.2 ? literal() : number($depth - 1));
		$type = $a->{json} || $b->{json} ? 'numeric' : $a->{type} eq 'float8' || $b->{type} eq 'float8' ? 'float8' : 'numeric';
		return node("($a->{filter} $sign $b->{filter})", "naive.$name(" . as($a, $type) . ', ' . as($b, $type) . ')', $type);
	}
	$a = number($depth - 1);
	if ($kind eq 'choice')
	{
		my $name = pick(qw(least greatest coalesce nullif));
		my $type;

		$b = number($depth - 1);
		# jsonb alone would be compared as jsonb
		return $a if $a->{json} && $b->{json};
		$type = $a->{json} || $b->{json} ? 'numeric' : $a->{type} eq 'float8' || $b->{type} eq 'float8' ? 'float8' : 'numeric';
		return node("$name($a->{filter}, $b->{filter})", "$name(" . as($a, $type) . ', ' . as($b, $type) . ')', $type);
	}
	$kind = pick(qw(abs floor ceil round digits sqrt));
	return node("abs($a->{filter})", "abs($a->{sql})", $a->{type}) if $kind eq 'abs';
	return node("sqrt($a->{filter})", "naive.root($a->{sql})", $a->{type}) if $kind eq 'sqrt';
	return node("$kind($a->{filter})", "naive.$kind($a->{sql})", $a->{type}) if $kind =~ /floor|ceil/;
	return node("round($a->{filter})", 'naive.round(' . as($a, 'numeric') . ', 0)', 'numeric') if $kind eq 'round';
	$b = pick(0, 1, 2, 5, 300, 32767);
	return node("round($a->{filter}, $b)", 'naive.round(' . as($a, 'numeric') . ", $b)", 'numeric');
}

sub number_leaf
{
	my $column = pick(qw(s i b n n n f f r j length days field));

	return node("\@$column", "#$column\::numeric", 'numeric') if $column =~ /^[sibn]$/;
	return node("\@$column", "#$column\::float8", 'float8') if $column =~ /^[fr]$/;
	return { %{ node('@j.x', "naive.json_number(#j -> 'x')", 'numeric') }, json => 1 } if $column eq 'j';
	return node('length(@t)', 'length(#t)::numeric', 'numeric') if $column eq 'length';
	if ($column eq 'days')
	{
		my ($a, $b) = (time_leaf(), time_leaf());

		return node("days_between($a->{filter}, $b->{filter})", "naive.days(naive.day($a->{sql}), naive.day($b->{sql}))::numeric", 'numeric')
		  if rand() < 0.5;
		$a = time_of(1);
		return node("days_between($a->{filter}, \"2026-05-20\")", "naive.days(naive.day($a->{sql}), '2026-05-20')::numeric", 'numeric');
	}
	my ($name, $field) = @{ pick([ year => 'year' ], [ month => 'month' ], [ day => 'day' ], [ week => 'week' ], [ quarter => 'quarter' ], [ hour => 'hour' ], [ weekday => 'isodow' ]) };
	my $time = time_of(1);

	my $of = $field eq 'hour' ? 'local' : 'day';

	return node("$name($time->{filter})", "extract($field FROM naive.$of($time->{sql}))", 'numeric');
}

sub literal
{
	my $number = pick(0, 1, 2, '0.5', 100, '12345678901234567890', '1' . '0' x 400);

	return node($number, "$number\::numeric", 'numeric');
}

sub as
{
	my ($number, $type) = @_;

	return $number->{sql} if $number->{type} eq $type;
	return $type eq 'float8' ? "naive.float($number->{sql})" : "$number->{sql}::numeric";
}

sub time_leaf
{
	my ($column, $type) = @{ pick([ at => 'timestamptz' ], [ local => 'timestamp' ], [ d => 'date' ]) };

	return node("\@$column", "#$column", $type);
}

sub time_of
{
	my ($depth) = @_;
	my $time = time_leaf();
	my ($sign, $name) = @{ pick([ '+', 'add' ], [ '-', 'subtract' ]) };

	return $time if $depth <= 0 || rand() < 0.4;
	$time = time_of($depth - 1);
	my $of = $time->{type} eq 'date' ? "naive.local($time->{sql})" : $time->{sql};
	my $type = $time->{type} eq 'date' ? 'timestamp' : $time->{type};

	if (rand() < 0.5)
	{
		my $span = pick('1 day', '36 hours', '1 month', '5000 years');

		return node("($time->{filter} $sign $span)", "naive.$name($of, interval '$span')", $type)
		  unless $time->{type} eq 'date' && $span !~ /hour/;
		return node("($time->{filter} $sign $span)", "naive.$name($of, interval '$span')::date", 'date');
	}
	my $span = span($depth - 1);

	return node("($time->{filter} $sign $span->{filter})", "naive.$name($of, $span->{sql})", $type);
}

sub span
{
	my ($depth) = @_;
	my ($sign, $name) = @{ pick([ '+', 'add' ], [ '-', 'subtract' ]) };

	return node('@sp', '#sp', 'interval') if $depth <= 0 || rand() < 0.5;
	if (rand() < 0.5)
	{
		my ($a, $b) = (span($depth - 1), span($depth - 1));

		return node("($a->{filter} $sign $b->{filter})", "naive.$name($a->{sql}, $b->{sql})", 'interval');
	}
	my ($a, $b) = (time_of($depth - 1), time_of($depth - 1));
	my $kind = $a->{type} eq 'timestamptz' && $b->{type} eq 'timestamptz' ? 'instant' : 'local';

	return node("($a->{filter} - $b->{filter})", "naive.elapsed(naive.$kind($a->{sql}), naive.$kind($b->{sql}))", 'interval');
}

# What holds, with SQL that is true, false or NULL.
sub condition
{
	my ($depth, $clock) = @_;

	if ($depth > 0 && rand() < 0.4)
	{
		my ($a, $b) = (condition($depth - 1, $clock), condition($depth - 1, $clock));
		my $kind = pick(qw(and or not));

		return node("not ($a->{filter})", "(($a->{sql}) IS NOT TRUE)", 'boolean') if $kind eq 'not';
		return node("(($a->{filter}) $kind ($b->{filter}))", "(($a->{sql}) $kind ($b->{sql}))", 'boolean');
	}
	my $kind = pick(qw(number number number time time span text array json set), $clock ? qw(clock clock clock) : ());

	return __PACKAGE__->can("$kind\_condition")->();
}

sub comparison { return pick('<', '<=', '>', '>=', '=') }

sub number_condition
{
	my ($a, $sign) = (number(2), comparison());
	my ($b, $type);

	# beside a value inside jsonb, which may be of any kind
	return node("$a->{filter} $sign 5", "$a->{sql} $sign 5", 'boolean') if $a->{json};
	if (rand() < 0.4)
	{
		$b = pick(0, 1, '2.5', 1000000);
		return node("$a->{filter} $sign $b", "$a->{sql} $sign $b", 'boolean');
	}
	return node("$a->{filter} between 0 and 1000", "$a->{sql} BETWEEN 0 AND 1000", 'boolean') if rand() < 0.2;
	return node("$a->{filter} in (0, 1, 2.5)", "$a->{sql} IN (0, 1, 2.5)", 'boolean') if rand() < 0.2;
	$b = number(1);
	$type = $b->{json} ? 'numeric' : $a->{type} eq 'float8' || $b->{type} eq 'float8' ? 'float8' : 'numeric';
	return node("$a->{filter} $sign $b->{filter}", as($a, $type) . " $sign " . as($b, $type), 'boolean');
}

sub time_condition
{
	my ($a, $b, $sign) = (time_of(2), time_of(1), comparison());

	return node("$a->{filter} before \"2026-05-20\"", before($a), 'boolean') if rand() < 0.2;
	return node("$a->{filter} $sign $b->{filter}", "$a->{sql} $sign $b->{sql}", 'boolean')
	  if $a->{type} eq $b->{type} || ($a->{type} ne 'timestamptz' && $b->{type} ne 'timestamptz');
	return node("$a->{filter} $sign $b->{filter}", "naive.local($a->{sql}) $sign naive.local($b->{sql})", 'boolean');
}

sub before
{
	my ($time) = @_;

	return $time->{type} eq 'timestamptz' ? "$time->{sql} < timestamp '2026-05-20' AT TIME ZONE '$zone'" : "$time->{sql} < date '2026-05-20'";
}

sub span_condition
{
	my ($a, $b, $sign) = (span(2), span(1), comparison());

	return node("$a->{filter} $sign $b->{filter}", "$a->{sql} $sign $b->{sql}", 'boolean') if rand() < 0.5;
	return node("$a->{filter} $sign 3 days", "$a->{sql} $sign interval '3 days'", 'boolean');
}

sub text_condition
{
	my $text = pick('@t', 'lower(@t)', 'trim(@t)', 'upper(@t)');
	my $sql = $text =~ s/\@/#/r =~ s/trim/btrim/r;

	return @{ pick(
		[ node("$text contains \"a\"", "strpos($sql, 'a') > 0", 'boolean') ],
		[ node("$text starts with \"x\"", "$sql ^@ 'x'", 'boolean') ],
		[ node("$text ends with \"b\"", "right($sql, 1) = 'b'", 'boolean') ],
		[ node("$text like \"%_\"", "$sql LIKE '%_'", 'boolean') ],
		[ node("$text ilike \"A%\"", "$sql ILIKE 'A%'", 'boolean') ],
		[ node("$text matches \"^x+\$\"", "$sql ~ '^x+\$'", 'boolean') ],
		[ node("$text in (\"\", \"42\")", "$sql IN ('', '42')", 'boolean') ],
		[ node("$text > \"A\"", "$sql > 'A'", 'boolean') ]) }[0];
}

sub array_condition
{
	return @{ pick(
		[ node('@tags contains "a"', "#tags \@> '{a}'", 'boolean') ],
		[ node('@tags contains any ("b", "c")', "#tags && '{b,c}'", 'boolean') ],
		[ node('@tags is empty', 'coalesce(cardinality(#tags), 0) = 0', 'boolean') ]) }[0];
}

sub json_condition
{
	my $sign = comparison();

	return @{ pick(
		[ node("\@j.x $sign 2", "naive.json_number(#j -> 'x') $sign 2", 'boolean') ],
		[ node("\@j.x $sign \@n", "naive.json_number(#j -> 'x') $sign #n", 'boolean') ],
		[ node("\@j.x $sign \@f", "naive.json_number(#j -> 'x') $sign #f::numeric", 'boolean') ],
		[ node("\@j.y = \@t", "naive.json_text(#j -> 'y') = #t", 'boolean') ],
		[ node("\@j.y = \"a\"", "naive.json_text(#j -> 'y') = 'a'", 'boolean') ],
		[ node("\@j.x in (1, 2.5, \"12\", true)", "#j -> 'x' IN ('1', '2.5', '\"12\"', 'true')", 'boolean') ]) }[0];
}

sub set_condition
{
	my $a = pick(number(2), time_of(2), span(2));

	return node("$a->{filter} is set", "$a->{sql} IS NOT NULL", 'boolean') unless $a->{json};
	return node("$a->{filter} is set", "nullif(#j -> 'x', 'null') IS NOT NULL", 'boolean');
}

# What moves with the clock, beside what a row holds.
sub clock_condition
{
	my ($a, $s, $sign) = (time_of(1), span(0), comparison());
	my $when = "timestamptz 'NOW'";
	my $of = $a->{type} eq 'date' ? "naive.day($when)" : $when;

	return @{ pick(
		[ node("now + \@sp $sign \"2026-05-20 12:00\"", "naive.add($when, #sp) $sign timestamptz '2026-05-20 12:00 Europe/Copenhagen'", 'boolean') ],
		[ node("now - \@sp $sign \@at", "naive.subtract($when, #sp) $sign #at", 'boolean') ],
		[ node("now + \@sp is set", "naive.add($when, #sp) IS NOT NULL", 'boolean') ],
		[ node("\@at + \@sp $sign now", "naive.add(#at, #sp) $sign $when", 'boolean') ],
		[ node("now - \@at $sign 3 days", "naive.elapsed($when, #at) $sign interval '3 days'", 'boolean') ],
		[ node("now - \@at $sign \@sp", "naive.elapsed($when, #at) $sign #sp", 'boolean') ],
		[ node("$a->{filter} $sign today", "$a->{sql} $sign " . ($a->{type} eq 'timestamptz' ? "naive.instant(naive.local($when)::date)" : "naive.local($when)::date"), 'boolean') ],
		[ node("days_between(\@d, today) * \@n $sign 5", "naive.multiply(naive.days(#d, naive.day($when))::numeric, #n) $sign 5", 'boolean') ],
		[ node("days_between(\@at, today) + \@n > 0", "naive.add(naive.days(naive.day(#at), naive.day($when))::numeric, #n) > 0", 'boolean') ],
		[ node("$a->{filter} in last 3 days", later($a, '3 days') . " > $of AND " . later($a, '0 days') . " <= $of", 'boolean') ],
		[ node("$a->{filter} more than 1 month ago", later($a, '1 month') . " < $of", 'boolean') ]) }[0];
}

# The time and a span: a day, or an instant.
sub later
{
	my ($time, $span) = @_;

	return $time->{type} eq 'date' ? "naive.add(naive.local($time->{sql}), interval '$span')::date" :
		"naive.add(naive.instant($time->{sql}), interval '$span')";
}

sub in_filter { my ($node, $prefix) = @_; return $node->{filter} =~ s/\@/$prefix/gr }
sub in_query { my ($node, $alias) = @_; return $node->{sql} =~ s/#/$alias./gr }

# ---- random definitions ----

# A trait: its definition, its value for profile k at an instant, and what a
# sum of floating-point values has to be exact to.
sub aggregate
{
	my $where = rand() < 0.3 ? condition(1) : undef;
	my ($window, $within) = rand() < 0.3 ? @{ pick([ ' in last 30 days', clock_window('30 days') ], [ ' in last 5000 years', clock_window('5000 years') ],
		[ ' since "2026-05-15"', "instant >= timestamp '2026-05-15' AT TIME ZONE '$zone' AND instant <= timestamptz 'NOW'" ]) } : ('', 'true');
	my $name = pick(qw(count sum sum sum avg min max stddev first last most_frequent list distinct exists));

	# a sum so far is missing, too, where what is settled is too large
	($window, $within) = @{ pick([ ' so far', "instant <= timestamptz 'NOW'" ], [ ' to come', "instant > timestamptz 'NOW' AND instant < 'infinity'" ]) }
	  if $window && $name !~ /sum|avg|stddev/ && rand() < 0.5;
	my $kind = $name =~ /sum|avg|stddev/ ? 'number' : pick(qw(number number time span text));
	my $value = $kind eq 'number' ? number(2) : $kind eq 'time' ? time_of(2) : $kind eq 'span' ? span(2) : node('lower(@t)', 'lower(#t)', 'text');
	my $type = $value->{type};
	my ($filter, $sql, $scale);

	# jsonb is no value of an aggregate, and windows keep no spans
	$value = node("($value->{filter} + 0)", "naive.add($value->{sql}, 0)", 'numeric') if $value->{json};
	$filter = in_filter($value, 'ev.') . (defined $where ? ' where ' . in_filter($where, '') : '') . $window;
	my $rows = "(SELECT " . in_query($value, 'e') . " AS v, naive.instant(e.at) AS instant, e.id FROM ev AS e WHERE e.who = k.who"
	  . (defined $where ? ' AND (' . in_query($where, 'e') . ')' : '') . ") AS r WHERE v IS NOT NULL" . ($window ? " AND $within" : '');
	my $all = "coalesce(array_agg(v), '{}')";

	if ($name eq 'distinct') { ($filter, $sql) = ("count(distinct $filter)", "SELECT count(DISTINCT v) FROM $rows") }
	elsif ($name eq 'list') { ($filter, $sql) = ("list(distinct $filter)", "SELECT coalesce(array_agg(DISTINCT v ORDER BY v), '{}') FROM $rows") }
	elsif ($name eq 'exists') { ($filter, $sql) = ("exists($filter)", "SELECT count(*) > 0 FROM $rows") }
	elsif ($name eq 'most_frequent')
	{
		($filter, $sql) = ("most_frequent($filter)",
			"SELECT v FROM (SELECT v, count(*) AS n, max(instant) AS last FROM $rows GROUP BY v) AS f ORDER BY n DESC, last DESC NULLS LAST, v LIMIT 1");
	}
	elsif ($name eq 'first' || $name eq 'last')
	{
		my $order = $name eq 'last' ? 'DESC' : '';

		($filter, $sql) = ("$name($filter)", "SELECT v FROM $rows AND instant IS NOT NULL ORDER BY instant $order, v LIMIT 1");
	}
	elsif ($name eq 'sum') { ($filter, $sql) = ("sum($filter)", "SELECT naive.sum($all) FROM $rows") }
	elsif ($name eq 'avg') { ($filter, $sql) = ("avg($filter)", "SELECT naive.divide(naive.sum($all), count(*)::$type) FROM $rows") }
	elsif ($name eq 'stddev')
	{
		# missing where a square is, or anything else on the way
		$sql = "SELECT CASE WHEN count(v) = count(naive.multiply(v, v)) THEN naive.root(naive.divide(
				greatest(s, naive.subtract(s, s)), (count(*) * (count(*) - 1))::$type)) END
			FROM (SELECT v, naive.subtract(naive.multiply(count(*) OVER ()::$type, naive.sum(array_agg(naive.multiply(v, v)) OVER ())),
				naive.multiply(naive.sum(array_agg(v) OVER ()), naive.sum(array_agg(v) OVER ()))) AS s FROM $rows) AS r GROUP BY s";
		$filter = "stddev($filter)";
	}
	else { ($filter, $sql) = ("$name($filter)", "SELECT $name(v) FROM $rows") }

	$scale = "SELECT sum(abs(v)::text::numeric) FROM $rows AND v::text NOT IN ('NaN', 'Infinity', '-Infinity')"
	  if $type eq 'float8' && $name =~ /sum|avg|stddev/;
	# how many digits a division has depends on how many zeros were added up
	$scale = 'SELECT abs(expected) / 1000' if $type eq 'numeric' && $name =~ /avg|stddev/;
	return { filter => $filter, sql => "($sql)", list => $name eq 'list' ? "::$type\[]" : '', scale => $scale, loose => $type eq 'float8' && $name eq 'stddev' };
}

sub clock_window
{
	my ($span) = @_;

	return "naive.add(instant, interval '$span') > timestamptz 'NOW' AND instant <= timestamptz 'NOW'";
}

sub at_now { my ($sql) = @_; return $sql =~ s/'NOW'/'$now'/gr }

# ---- statements ----

sub random_row
{
	my ($id) = @_;
	my @values = map { rand() < 0.15 ? 'NULL' : pick(@{ $_->[2] }) } @columns;

	return '(' . join(', ', $id, 1 + int rand 4, @values) . ')';
}

sub random_statement
{
	my $id = int rand 40;
	my ($column, undef, $values) = @{ pick(@columns) };
	my $value = pick('NULL', @$values);
	my $rows = join ', ', map { random_row($_) } grep { rand() < 0.4 } $id .. $id + 9;

	return pick_weighted(
		($rows ? "DELETE FROM ev WHERE id BETWEEN $id AND $id + 9; INSERT INTO ev VALUES $rows" : "DELETE FROM ev WHERE id = $id"), 40,
		"UPDATE ev SET $column = $value WHERE id % 5 = $id % 5", 15,
		"UPDATE ev SET who = 1 + id % 4 WHERE id < $id", 5,
		"DELETE FROM ev WHERE id BETWEEN $id AND $id + 3", 15,
		"TRUNCATE ev", 1,
		"DELETE FROM cu WHERE who = 1 + $id % 4; INSERT INTO cu VALUES " . (random_row(1 + $id % 4) =~ s/^\((\d+), \d+/($1, 0/r), 25,
		"UPDATE cu SET $column = $value", 10);
}

sub random_clock
{
	my $later = pick('1 microsecond', '1 hour', '1 day', '3 days', '20 days', '1 month', '40 years', '3000 years');

	$now = value("SELECT least(timestamptz '$now' + interval '$later', timestamptz '260000-01-01 00:00+00')");
	return sql("SET segment.now = '$now';");
}

# ---- the history ----

srand $seed;
print "# seed $seed, $steps steps\n";
sql("SET timezone = '$zone'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET segment.now = '$now';
	CREATE EXTENSION segment; CREATE SCHEMA naive; $float_sums");
for my $function (@safe)
{
	my ($name, $arguments, $type, $body) = @$function;

	sql("CREATE FUNCTION naive.$name($arguments) RETURNS $type LANGUAGE plpgsql STRICT AS \$\$
		BEGIN RETURN $body; EXCEPTION WHEN data_exception THEN RETURN NULL; END \$\$;");
}
my $row = join ', ', map { "$_->[0] $_->[1]" } @columns;
sql("CREATE TABLE ev (id int PRIMARY KEY, who bigint, $row);
	CREATE INDEX ON ev (who, at);
	CREATE TABLE cu (who bigint PRIMARY KEY, unused int, $row);
	SELECT segment.create_population('profile', key => 'who', timezone => '$zone');
	SELECT segment.attach_source('ev', at => 'at');
	SELECT segment.attach_source('cu');
	INSERT INTO cu (who) SELECT generate_series(1, 4);");
sql("SELECT segment.create_trait('$_->[0]', 'cu.$_->[0]');") for @columns;

my (@traits, @audiences, @filters);
for my $no (1 .. 24)
{
	my $trait = aggregate();
	my $error = attempt("SELECT segment.create_trait('trait_$no', \$f\$$trait->{filter}\$f\$);");

	die "$error\n$trait->{filter}\n" if defined $error;
	push @traits, { %$trait, name => "trait_$no" };
}
for my $no (1 .. 16)
{
	my $condition = condition(1, 1);
	my $error = attempt("SELECT segment.create_audience('audience_$no', \$f\$" . in_filter($condition, '') . "\$f\$, view => false);");

	die "$error\n$condition->{filter}\n" if defined $error;
	push @audiences, { %$condition, name => "audience_$no" };
	$condition = condition(2);
	push @filters, { %$condition, filter => in_filter($condition, '') };
}

for my $step (1 .. $steps)
{
	my $statement = random_statement();
	my $error = attempt("$statement;");

	fail("step $step: $error\n$statement") if defined $error;
	random_clock() if rand() < 0.25;
	$error = attempt("SELECT segment.tick();");
	fail("step $step, at $now: $error") if defined $error;
	check("step $step") or last;
	if ($step % 20 == 0)
	{
		sources_are_whole("step $step");
		sql("SELECT segment.rebuild();");
		check("step $step, rebuilt") or last;
	}
}
ok_if(!$failed, "$steps steps of seed $seed, " . @traits . ' traits, ' . @audiences . ' audiences and ' . @filters . ' filters of rows');
sql("SELECT segment.drop_population('profile', cascade => true); DROP SCHEMA naive CASCADE;") unless $failed;
done();

# Everything that can be asked, against naive SQL; true if it is the same.
sub check
{
	my ($when) = @_;

	for my $trait (@traits)
	{
		my $name = $trait->{name};
		my $same = $trait->{loose} ? "($name IS NULL) = (expected IS NULL)" :
			$trait->{scale} ? "naive.same($name, expected, scale)" : "$name$trait->{list} IS NOT DISTINCT FROM expected";
		my $scale = $trait->{scale} ? "($trait->{scale})" : 'NULL::numeric';

		differs("$when: $name is $trait->{filter}",
			at_now("SELECT who, left($name\::text, 60), left(expected::text, 60), at FROM (SELECT k.who, p.$name, expected, $scale AS scale, 0 AS at
				FROM profile AS p JOIN cu AS k USING (who) CROSS JOIN LATERAL $trait->{sql} AS r(expected)) AS c WHERE NOT ($same)"));
	}
	for my $audience (@audiences)
	{
		my $holds = at_now(in_query($audience, 'k'));
		my $filter = in_filter($audience, '');

		differs("$when at $now: $audience->{name} is $filter",
			"SELECT who, is_member::text, coalesce(expected, false)::text, matches FROM (SELECT k.who, segment.is_member('$audience->{name}', k.who), ($holds) AS expected,
				p @@ \$f\$$filter\$f\$ AS matches FROM profile AS p JOIN cu AS k USING (who)) AS c
			WHERE is_member <> coalesce(expected, false) OR matches <> coalesce(expected, false)");
	}
	sql("SET naive.of_row = 'on';");
	for my $filter (@filters)
	{
		differs("$when: filter of rows $filter->{filter}",
			"SELECT id, matches::text, coalesce(expected, false)::text, 0 FROM (SELECT id, e @@ \$f\$$filter->{filter}\$f\$ AS matches,
				(" . in_query($filter, 'e') . ") AS expected FROM ev AS e) AS c WHERE matches <> coalesce(expected, false)");
	}
	sql("SET naive.of_row = 'off';");
	return !$failed;
}

sub differs
{
	my ($what, $query) = @_;
	my @rows = eval { rows("$query LIMIT 3") };

	return fail("$what\n$@") if $@;
	return unless @rows;
	return fail("$what\n# " . join("\n# ", map { "of $_->[0] it is $_->[1], not $_->[2] ($_->[3])" } @rows));
}

sub fail
{
	my ($what) = @_;

	$failed++;
	return ok_if(0, $what);
}
