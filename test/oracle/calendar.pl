# Do filters and windows keep to the calendar and the clock of any place?
#
# The rules, as a person would state them in the session of somebody who lives
# there (SET TimeZone), and as this script does:
#
#	t in last s			t <= now and now < t + s
#	t less than s ago	t <= now and now <= t + s
#	t more than s ago	t + s < now
#	t in next s			now < t and t - s <= now
#	between a and b ago	t + b <= now and now < t + a
#
#	a day begins at the first instant that bears its date or a later one; weeks,
#	months, quarters and years begin with their first day
#
# In the first part random times, and instants at which they are asked about,
# are drawn in random zones: around the instants at which clocks are set there,
# at the ends of months and on leap days, and beside t + s and t - s, to the
# microsecond.  What a filter is compiled to, with segment.now() replaced by
# such an instant, has to be what the rule says, of instants, local times and
# dates; and so has what a series of events comes to in a window.
#
# The second part goes over every zone of the server's database and every
# change of its clocks from 1990 to 2040, and compares the local days there,
# and what is made of them, with the dates that the server shows.
#
#	SEED=4711 STEPS=200 perl -Itest/oracle test/oracle/calendar.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20280229;
my $steps = $ENV{STEPS} // 40;

# where midnight comes twice or never, an hour is half as long, a day was
# skipped
my @zones = ('Europe/Copenhagen', 'America/New_York', 'America/Sao_Paulo', 'Africa/Cairo', 'Asia/Tehran', 'Pacific/Apia',
	'Australia/Lord_Howe', 'America/Havana', 'Asia/Beirut', 'America/St_Johns', 'Africa/Casablanca', 'Pacific/Kwajalein',
	'Asia/Kathmandu', 'America/Scoresbysund', 'Antarctica/Troll');
my @spans = ('90 seconds', '45 minutes', '1 hour', '36 hours', '1 day', '2 days', '30 days', '1 week', '2 weeks', '1 month', '2 months',
	'1 quarter', '11 months', '1 year', '4 years');
my @day_spans = grep { !/second|minute|hour/ } @spans;
my @periods = qw(day week month quarter year);
my %seen = (pairs => 0, held => 0);

srand $seed;
compare_rules();
compare_days();
done();

# The rules -------------------------------------------------------------------

sub compare_rules
{
	print "# seed $seed, $steps places\n";
	sql("CREATE EXTENSION segment;\nSET jit = off;\nSET DateStyle = 'ISO, YMD';
-- with the days of both instants
CREATE TABLE probe (t timestamptz, l timestamp, d date, n timestamptz, td date, nd date);
CREATE TABLE turn (at timestamptz);
CREATE TABLE clock (v timestamptz PRIMARY KEY, day date);
-- the day of an instant: the latest date that there has been by then
CREATE FUNCTION day(u timestamptz) RETURNS date LANGUAGE sql STABLE AS
	'SELECT day FROM clock WHERE v <= u ORDER BY v DESC LIMIT 1';
CREATE FUNCTION day_start(d date) RETURNS timestamptz LANGUAGE sql STABLE AS
	'SELECT min(v) FROM clock WHERE day >= d';\n");
	for my $step (1 .. $steps)
	{
		my $zone = rand() < 0.7 ? pick(@zones) : value("SELECT name FROM pg_timezone_names WHERE name !~ '^posix' AND name NOT IN (SELECT abbrev FROM pg_timezone_abbrevs) ORDER BY md5(name || $seed || $step) LIMIT 1");
		my $span = pick(@spans);
		my $wrong;

		go_to($zone, $span);
		$wrong = wrong_filter($zone, $span) // wrong_window($zone, $span);
		next if !defined $wrong;
		ok_if(0, "step $step of seed $seed, in $zone: $wrong");
		return;
	}
	ok_if(1, "$steps places of seed $seed keep to the rules");
	ok_if($seen{held} > $seen{pairs} / 20, "in $seen{pairs} comparisons, of which $seen{held} were true");
	return;
}

# Live there, around an instant that matters, with times that do.
sub go_to
{
	my ($zone, $span) = @_;
	my $year = pick(1993, 2004, 2010, 2011, 2014, 2016, 2018, 2021, 2023, 2024, 2028);
	my $interval = in_words($span);
	my $turn;

	sql("SET TimeZone = '$zone';\nSELECT setseed(" . rand() . ");\nTRUNCATE turn, probe, clock;
INSERT INTO turn SELECT t FROM (SELECT t, t::timestamp - lag(t::timestamp) OVER (ORDER BY t) AS step
	FROM generate_series(timestamptz '$year-01-01 00:00+00', timestamptz '$year-12-31 23:00+00', '30 min') AS t) AS s WHERE step <> interval '30 min'
UNION SELECT t FROM unnest('{$year-01-31,$year-02-28,$year-03-01,$year-03-31,$year-04-30,$year-12-31,2024-02-29,2028-02-29}'::timestamptz[]) AS t;\n");
	# where they are set more often than not
	$turn = value("SELECT at FROM turn ORDER BY (extract(minute FROM at) = 0 AND extract(hour FROM at) = 0)::int * " . int(rand 2) . ", md5(at::text || $seed || " . rand() . ") LIMIT 1");
	# dates around the turn, around when the span has passed since, and had to
	# pass until then
	sql("INSERT INTO clock SELECT v, max(v::date) OVER (ORDER BY v) FROM (
	SELECT DISTINCT v FROM (VALUES (timestamptz '$turn'), (timestamptz '$turn' + interval '$interval'), (timestamptz '$turn' - interval '$interval')) AS c(at),
		generate_series(date_trunc('hour', at) - interval '6 days', at + interval '6 days', '1 min') AS v
) AS m;
INSERT INTO probe SELECT t, t::timestamp + (CASE WHEN random() < 0.3 THEN (random() * 2 - 1) * interval '2 hours' ELSE '0' END), day(t), n, day(t), day(n) FROM (
	SELECT t, unnest(ARRAY[t, t + interval '$interval', t - interval '$interval', t + interval '1 day', t - interval '1 day', n]) + nudge AS n
	FROM (SELECT timestamptz '$turn' + b + (random() * 2 - 1) * near AS t, n.at + (random() * 2 - 1) * interval '40 hours' AS n
		FROM unnest('{0,0,1 us,-1 us,1 hour,-1 hour,30 min,-30 min,1 day,-1 day,2 days,-2 days,3 days}'::interval[]) AS b,
			unnest('{0,90 min,1 day}'::interval[]) AS near,
			(VALUES (timestamptz '$turn'), (timestamptz '$turn' + interval '$interval'), (timestamptz '$turn' - interval '$interval')) AS n(at)) AS e,
		unnest('{0,1 us,-1 us}'::interval[]) AS nudge) AS p
WHERE EXISTS (SELECT FROM clock WHERE v > n - interval '30 hours' AND v <= n - interval '29 hours') AND EXISTS (SELECT FROM clock WHERE v > n AND v <= n + interval '1 hour');
ANALYZE;\n");
	return;
}

sub in_words
{
	return $_[0] =~ s/1 quarter/3 months/r;
}

# Filters over columns t, l and d, and what they mean.
sub wrong_filter
{
	my ($zone, $span) = @_;
	my $interval = "interval '" . in_words($span) . "'";
	my $here = "'$zone'";
	my @filters = (
		map({ span_filters(@$_, $span, $interval) } [ 't', 't' ], [ 'l', "(l AT TIME ZONE $here)" ]),
		(grep { $_ eq $span } @day_spans) ? day_filters('d', $span, $interval) : (),
		map({ period_filters($_) } @periods), literal_filters(), field_filters());

	for (@filters)
	{
		my ($filter, $condition) = @$_;
		my ($all, $held, @wrong) = answers($zone, $filter, $condition);

		$seen{pairs} += $all;
		$seen{held} += $held;
		return "\"$filter\" of t = $wrong[0], l = $wrong[1], d = $wrong[2] at $wrong[3] is $wrong[4]; $wrong[5] of $all are wrong" if @wrong;
	}
	return;
}

sub answers
{
	my ($zone, $filter, $condition) = @_;
	my $sql = value("SELECT replace(segment.filter_sql(\$f\$$filter\$f\$, 'probe', '$zone'), 'segment.now()', 'n')");
	my @answers = rows("WITH a AS (SELECT *, coalesce($sql, false) AS got, coalesce($condition, false) AS expected FROM probe)
		SELECT count(*), count(*) FILTER (WHERE expected), NULL, NULL, NULL, NULL, NULL, NULL FROM a
		UNION ALL (SELECT NULL, NULL, t::text, l::text, d::text, n::text, got::text, (SELECT count(*) FROM a WHERE got <> expected)::text FROM a WHERE got <> expected LIMIT 1)");

	return (@{ $answers[0] }[ 0, 1 ], @answers > 1 ? @{ $answers[1] }[ 2 .. 7 ] : ());
}

sub span_filters
{
	my ($column, $t, $span, $interval) = @_;

	return (
		[ "$column in last $span", "$t <= n AND n < $t + $interval" ],
		[ "$column not in last $span", "NOT ($t <= n AND n < $t + $interval)" ],
		[ "$column in next $span", "n < $t AND $t - $interval <= n" ],
		[ "$column more than $span ago", "$t + $interval < n" ],
		[ "$column less than $span ago", "$t <= n AND n <= $t + $interval" ],
		[ "$column <= now", "$t <= n" ]);
}

sub day_filters
{
	my ($column, $span, $interval) = @_;
	my ($later, $earlier) = map { "($column $_ $interval)::date" } '+', '-';

	return (
		[ "$column in last $span", "$column <= nd AND nd < $later" ],
		[ "$column in next $span", "nd < $column AND $earlier <= nd" ],
		[ "$column more than $span ago", "$later < nd" ],
		[ "$column less than $span ago", "$column <= nd AND nd <= $later" ],
		[ "anniversary of $column in last $span", anniversary("a <= nd AND nd < (a + $interval)::date") ],
		[ "anniversary of $column in next $span", anniversary("nd < a AND (a - $interval)::date <= nd") ]);
}

sub anniversary
{
	return "EXISTS (SELECT FROM generate_series(1, 12) AS y, LATERAL (SELECT (d + y * interval '1 year')::date AS a) AS a WHERE $_[0])";
}

sub period_filters
{
	my ($unit) = @_;
	my $length = $unit eq 'quarter' ? '3 months' : "1 $unit";
	my @filters;

	for (([ 'last', -1 ], [ 'this', 0 ], [ 'next', 1 ]))
	{
		my ($which, $shift) = @$_;
		my ($from, $to) = map { "(date_trunc('$unit', nd::timestamp) + $_ * interval '$length')::date" } $shift, $shift + 1;

		push @filters, [ "t in $which $unit", "td >= $from AND td < $to" ], [ "d in $which $unit", "d >= $from AND d < $to" ],
		  [ "l in $which $unit", "l::date >= $from AND l::date < $to" ];
	}
	push @filters, [ "anniversary of t in this $unit", anniversary("date_trunc('$unit', a::timestamp) = date_trunc('$unit', nd::timestamp)") =~ s/\(d \+/(td +/r ];
	return @filters;
}

# A literal that is only a date is that whole day.
sub literal_filters
{
	my @days = map { $_->[0] } rows("SELECT DISTINCT td FROM probe ORDER BY 1");
	my ($one, $other) = (pick(@days), pick(@days));
	my $list = join ', ', map { "\"$_\"" } $one, $other, '1999-12-31';
	my @filters;

	for my $day ($one, $other)
	{
		for (([ 't', 'td' ], [ 'l', 'l::date' ], [ 'd', 'd' ]))
		{
			my ($column, $its) = @$_;

			push @filters, map { [ "$column $_ \"$day\"", "$its $_ date '$day'" ] } '<', '<=', '=', '>=', '>';
			push @filters, [ "$column != \"$day\"", "$its <> date '$day'" ], [ "\"$day\" < $column", "$its > date '$day'" ],
			  [ "$column on \"$day\"", "$its = date '$day'" ], [ "$column before \"$day\"", "$its < date '$day'" ],
			  [ "$column after \"$day\"", "$its > date '$day'" ],
			  [ "$column between \"$one\" and \"$other\"", "$its BETWEEN date '$one' AND date '$other'" ],
			  [ "$column in ($list)", "$its IN ('$one', '$other', '1999-12-31')" ],
			  [ "$column not in (\"$day\")", "$its <> date '$day'" ];
		}
	}
	return @filters;
}

sub field_filters
{
	return (
		[ 't >= today', 'td >= nd' ], [ 't < today', 'td < nd' ], [ 'd = today', 'd = nd' ],
		[ 't < today + 2 days', 'td < nd + 2' ],
		[ 'days_between(t, today) = 1', 'nd - td = 1' ], [ 'days_between(t, now) > 0', 'nd > td' ],
		[ 'anniversary of t today', anniversary('a = nd') =~ s/\(d \+/(td +/r ],
		map { [ "$_->[0](t) = $_->[0](now)", "extract($_->[1] FROM td) = extract($_->[1] FROM nd)" ] }
			[ 'year', 'year' ], [ 'quarter', 'quarter' ], [ 'month', 'month' ], [ 'week', 'week' ], [ 'day', 'day' ], [ 'weekday', 'isodow' ]);
}

# Series of times, asked over windows at each instant.
sub wrong_window
{
	my ($zone, $span) = @_;
	my $interval = "interval '" . in_words($span) . "'";
	my @windows = (
		[ "in last $span", "t <= n AND n < t + $interval" ],
		[ 'between 2 months and 30 days ago', "t + interval '30 days' <= n AND n < t + interval '2 months'" ],
		[ 'between 1 month and 1 week ago', "t + interval '7 days' <= n AND n < t + interval '1 month'" ],
		[ 'between 1 day and 1 hour ago', "t + interval '1 hour' <= n AND n < t + interval '1 day'" ],
		[ 'between 1 month and 30 days ago', "t + interval '30 days' <= n AND n < t + interval '1 month'" ]);

	for my $unit (@periods)
	{
		my $length = $unit eq 'quarter' ? '3 months' : "1 $unit";

		push @windows, [ "in this $unit", "t <= n AND date_trunc('$unit', td::timestamp) = date_trunc('$unit', nd::timestamp)" ],
		  [ "in last $unit", "date_trunc('$unit', td::timestamp) + interval '$length' = date_trunc('$unit', nd::timestamp)" ];
	}
	for (@windows)
	{
		my ($window, $condition) = @$_;
		my @wrong = rows("WITH few AS MATERIALIZED (SELECT n, nd FROM (SELECT DISTINCT n, nd FROM probe) AS p ORDER BY md5(n::text || $seed) LIMIT 60),
	e AS MATERIALIZED (SELECT t, td, row_number() OVER (ORDER BY t)::int AS v FROM (SELECT DISTINCT t, td FROM probe ORDER BY t LIMIT 100) AS p),
	s AS MATERIALIZED (SELECT segment.series_of(t) AS times, segment.series_of(t, v) AS numbers FROM e),
	a AS (SELECT n, segment.series_count(times, '$window', '$zone', n) AS count, segment.series_sum(numbers, '$window', '$zone', n) AS sum,
		segment.series_max(numbers, '$window', '$zone', n, NULL::int) AS max, segment.series_first(numbers, '$window', '$zone', n, NULL::int) AS first,
		segment.window_after('$window', '$zone', n) AS after FROM few, s),
	x AS (SELECT n, count(t) AS count, coalesce(sum(v), 0) AS sum, max(v) AS max, (array_agg(v ORDER BY t) FILTER (WHERE t IS NOT NULL))[1] AS first, min(t) AS least
		FROM few LEFT JOIN e ON $condition GROUP BY n)
	SELECT n, a.count, x.count, a.sum, x.sum, a.max, x.max, a.first, x.first, after, least FROM a JOIN x USING (n)
	WHERE a.count <> x.count OR a.sum <> x.sum OR a.max IS DISTINCT FROM x.max OR a.first IS DISTINCT FROM x.first OR after >= least LIMIT 1");

		$seen{pairs} += 60;
		return "the events \"$window\" at $wrong[0][0] come to @{$wrong[0]}[1 .. 10]" if @wrong;
	}
	return;
}

# Local days ------------------------------------------------------------------

sub compare_days
{
	my ($zones, $turns, $pairs) = (0, 0, 0);
	my %wrong;

	# what is not near to a midnight is sampled
	find_changes();
	ok_if(value('SELECT count(*) FROM change') > 15000,
		value('SELECT count(*) FROM change') . ' changes of clocks in ' . value('SELECT count(*) FROM zone') . ' zones');
	no_difference('local_day()', "SELECT name, u, segment.local_day(u, name), day FROM shown WHERE u > at - interval '20 hours' AND segment.local_day(u, name) <> day");
	no_difference('day_start()', "SELECT name, day, segment.day_start(day, name), first FROM (
			SELECT name, at, day, min(u) AS first FROM shown GROUP BY name, at, day) AS d
		WHERE first > at - interval '20 hours' AND segment.day_start(day, name) <> first");
	no_difference('a day that there was not', "SELECT name, day, segment.day_start(day + 1, name), segment.day_start(day + 2, name) FROM (
			SELECT name, at, day, lead(day) OVER (PARTITION BY name, at ORDER BY day) AS next FROM (SELECT DISTINCT name, at, day FROM shown) AS d) AS d
		WHERE next > day + 1 AND segment.day_start(day + 1, name) <> segment.day_start(day + 2, name)");
	no_difference('a zone without changes', "SELECT name, u FROM zone, generate_series(timestamptz '1990-01-01 00:00+00', '2041-01-01 00:00+00', '1001 hours') AS u
		WHERE NOT EXISTS (SELECT FROM change AS c WHERE c.name = zone.name) AND segment.local_day(u, name) <> (u AT TIME ZONE name)::date");
	for (rows('SELECT DISTINCT name FROM shown ORDER BY 1'))
	{
		my ($zone) = @$_;
		my ($all, @numbers) = @{ (rows(question_about_days($zone)))[0] };

		$zones++;
		$pairs += $all;
		$wrong{ (day_rules())[$_][0] } //= "$numbers[$_] of $all in $zone" for grep { $numbers[$_] > 0 } 0 .. $#numbers;
	}
	ok_if(!%wrong, %wrong ? join('; ', map { "\"$_\": $wrong{$_}" } sort keys %wrong)
		: 'all words for days agree with the dates of ' . $zones . " places, for $pairs pairs of instants");
	return;
}

# Of zones with the same history, one is enough.
sub find_changes
{
	sql("SET TimeZone = 'UTC';
-- AT TIME ZONE takes abbreviations for such
CREATE TABLE zone AS SELECT name FROM pg_timezone_names WHERE name NOT IN (SELECT abbrev FROM pg_timezone_abbrevs);
-- from fortnight to fortnight, and then nearer
CREATE TABLE change AS
WITH RECURSIVE near AS (
	SELECT name, before, after FROM (
		SELECT name, lag(t) OVER w AS before, t AS after, t AT TIME ZONE name - t AT TIME ZONE 'UTC' AS here,
			lag(t AT TIME ZONE name - t AT TIME ZONE 'UTC') OVER w AS was
		FROM zone, generate_series(timestamptz '1990-01-01 00:00+00', '2041-01-01 00:00+00', '14 days') AS t WINDOW w AS (PARTITION BY name ORDER BY t)) AS fortnight
	WHERE here <> was
	UNION ALL
	SELECT name, CASE WHEN same THEN middle ELSE before END, CASE WHEN same THEN after ELSE middle END FROM (
		SELECT *, middle AT TIME ZONE name - middle AT TIME ZONE 'UTC' = before AT TIME ZONE name - before AT TIME ZONE 'UTC' AS same
		FROM (SELECT *, before + date_trunc('second', (after - before) / 2) AS middle FROM near WHERE after - before > interval '1 s') AS n) AS m)
SELECT DISTINCT name, after AS at, after AT TIME ZONE name AS local FROM near WHERE after - before <= interval '1 s';
CREATE INDEX ON change (name);
-- what the server shows, each hour, beside the change and at midnights, and the latest
-- date that it has shown
CREATE TABLE shown AS
SELECT name, at, u, max(date) OVER (PARTITION BY name, at ORDER BY u) AS day, date FROM (
	SELECT DISTINCT name, at, u, (u AT TIME ZONE name)::date AS date FROM change,
		LATERAL (SELECT at + step * interval '1 hour' FROM generate_series(-45, 45) AS step
			UNION SELECT at + beside FROM unnest('{-1 s,-1 us,0,1 us,1 min}'::interval[]) AS beside
			UNION SELECT ((at AT TIME ZONE name)::date + n)::timestamp AT TIME ZONE name + beside
				FROM generate_series(-1, 2) AS n, unnest('{-1 us,0,1 us,-1 hour,1 hour,-30 min,-1 day,1 min,-1 min}'::interval[]) AS beside) AS v(u)
	WHERE name IN (SELECT min(name) FROM (SELECT name, array_agg(at ORDER BY at) AS ats, array_agg(local ORDER BY at) AS locals
			FROM change GROUP BY name) AS history GROUP BY ats, locals)
		AND u BETWEEN at - interval '45 hours' AND at + interval '45 hours') AS s;
CREATE INDEX ON shown (name);
ANALYZE;\n");
	return;
}

# Words for days, about an instant t as of another one, n, and what they mean
# of their days.
sub day_rules
{
	return (
		[ 't in this day', 'day = today' ], [ 't in last day', 'day = today - 1' ], [ 't in next day', 'day = today + 1' ],
		(map { [ "t in this $_", "date_trunc('$_', day::timestamp) = date_trunc('$_', today::timestamp)" ] } qw(week month quarter year)),
		[ 't >= today', 'day >= today' ], [ 't < today + 1 day', 'day <= today' ],
		[ 'days_between(t, now) = 1', 'today - day = 1' ], [ 'days_between(today, t) = 1', 'day - today = 1' ],
		[ 'day(t) = day(now) and month(t) = month(now) and year(t) = year(now)', 'day = today' ],
		[ 'weekday(t) = weekday(today)', 'extract(isodow FROM day) = extract(isodow FROM today)' ],
		[ 'week(t) = week(now)', 'extract(week FROM day) = extract(week FROM today)' ],
		[ 'anniversary of d today', 'day = today' ],
		[ 'anniversary of d in next 1 day', 'day = today + 1' ],
		[ 'anniversary of d in last 1 day', 'day = today' ]);
}

# How many pairs there are in a zone, and of how many each of the words says
# something else.  What is only a date, in literals, is compared with days by
# SQL of its own.
sub question_about_days
{
	my ($zone) = @_;
	my @rules = day_rules();
	my $got = join ",\n", map { "coalesce($_, false)" } map { $_->[0] } rows(join ' UNION ALL ', map {
		"SELECT replace(segment.filter_sql(\$f\$$rules[$_][0]\$f\$, 'probe', '$zone'), 'segment.now()', 'n'), $_" } 0 .. $#rules);
	my $expected = join ",\n", map { $_->[1] } @rules;

	return "SELECT count(*), " . join(', ', map { "count(*) FILTER (WHERE got[$_] <> expected[$_])" } 1 .. @rules) . "
	FROM (SELECT ARRAY[$got] AS got, ARRAY[$expected] AS expected FROM (
		SELECT u AS t, u AT TIME ZONE '$zone' AS l, (day - interval '4 years')::date AS d, day, n, today
		FROM (SELECT *, ARRAY[u, lead(u) OVER w, lead(u, 11) OVER w] AS us, ARRAY[day, lead(day) OVER w, lead(day, 11) OVER w] AS days
			FROM shown WHERE name = '$zone'
				AND (abs(extract(epoch FROM (at AT TIME ZONE '$zone')::time - '12:00'::time)) > 10.9 * 3600 OR hashtext(at::text || name) % 100 = 0)
			WINDOW w AS (PARTITION BY at ORDER BY u)) AS s, LATERAL unnest(us, days) AS o(n, today)
		WHERE u > at - interval '20 hours' AND n IS NOT NULL AND day::text !~ '02-29') AS pair) AS answer";
}

sub no_difference
{
	my ($what, $query) = @_;
	my @rows = rows("$query LIMIT 3");

	ok_if(!@rows, @rows ? "$what: " . join('; ', map { "@$_" } @rows) : "$what is what the server shows");
	return;
}
