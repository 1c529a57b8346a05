# Are aggregates over windows of time what naive SQL says, whatever the time?
#
# Orders, visits and clicks, whose times are instants, local times and days,
# feed two populations in different zones and years, of which another seed draws
# others.  Every aggregate is asked over every window, in one of the two; another
# seed may turn them round.  Random statements write events at times that matter:
# now, in the future, just inside or outside of a window, where clocks are set, in
# hours that come twice, on the last days of months and on a leap day.  Between
# them, and without any write, the clock jumps forward, to such times again, and to
# when the span of a window has passed since an event, and the microsecond before.
# Traits over some of the windows go and come again, so that the series that all
# of them share becomes shorter and longer.  After each step all traits of all
# profiles are compared with views written by hand, and now and then verify() has
# to have nothing to say.
#
# A setting for tests makes the columns of a series so short that tens of events are
# merged from one into the next, and have blocks, as thousands do otherwise.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/windows.pl
#
# The first difference is printed, and behind it the script that leads to it.

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20240229;
my $steps = $ENV{STEPS} // 90;

# pairs of zones, and a year in which something is to be seen there
my @places = (
	[ 'Europe/Copenhagen', 'America/New_York', 2024 ], [ 'America/Sao_Paulo', 'Africa/Cairo', 2014 ], [ 'Asia/Tehran', 'America/Havana', 2020 ],
	[ 'Pacific/Apia', 'America/St_Johns', 2011 ], [ 'Australia/Lord_Howe', 'Asia/Beirut', 2024 ], [ 'Africa/Casablanca', 'Asia/Kathmandu', 2024 ],
	[ 'Europe/Copenhagen', 'America/Havana', 2027 ]);
srand $seed;
my ($one, $other, $year) = @{ $seed == 20240229 ? $places[0] : pick(@places) };
my $next = $year + 1;
my $leap = $year % 4 == 0 ? "$year-02-29" : "$year-02-28";
my %zones = (here => $one, there => $other);

# Windows, and the condition that a person would write.
my @windows = (
	[ 'in last 90 seconds', clock('90 seconds') ],
	[ 'in last 36 hours', clock('36 hours') ],
	[ 'in last 1 day', calendar('1 day') ],
	[ 'in last 30 days', calendar('30 days') ],
	[ 'in last 2 weeks', calendar('14 days') ],
	[ 'in last 1 month', calendar('1 month') ],
	[ 'in last 1 quarter', calendar('3 months') ],
	[ 'in last 1 year', calendar('1 year') ],
	[ 'between 60 days and 30 days ago', calendar('60 days', '30 days') ],
	[ 'between 2 months and 1 week ago', calendar('2 months', '7 days') ],
	[ 'between 1 month and 30 days ago', calendar('1 month', '30 days') ],
	[ 'between 1 day and 1 hour ago', "EVENT + interval '1 hour' <= ASKED AND ASKED < " . plus('EVENT', '1 day') ],
	[ "since \"$leap\"", 'EVENT >= ' . day_start("date '$leap'") . ' AND EVENT <= ASKED' ],
	[ "since \"$year-03-31 02:30\"", "EVENT >= timestamp '$year-03-31 02:30' AT TIME ZONE PLACE AND EVENT <= ASKED" ],
	[ 'since "-infinity"', 'EVENT <= ASKED' ],
	[ "before \"$year-11-03 01:30\"", "EVENT < timestamp '$year-11-03 01:30' AT TIME ZONE PLACE AND EVENT <= ASKED" ],
	[ "before \"$year-11-05\"", 'EVENT < ' . day_start("date '$year-11-05'") . ' AND EVENT <= ASKED' ],
	[ "before \"$year-05-01 12:00+00\"", "EVENT < timestamptz '$year-05-01 12:00+00' AND EVENT <= ASKED" ],
	(map { [ "in this $_", period($_, 0) ], [ "in last $_", period($_, -1) ] }
		qw(day week month quarter year)),
	[ 'so far', 'EVENT <= ASKED' ],
	[ 'to come', "EVENT > ASKED AND EVENT < 'infinity'" ],
	[ 'in next 36 hours', coming('36 hours') ],
	[ 'in next 1 day', coming('1 day') ],
	[ 'in next 30 days', coming('30 days') ],
	[ 'in next 1 month', coming('1 month') ],
	[ 'in next day', period('day', 1) ],
	[ 'in next month', period('month', 1) ],
);

# Aggregates over orders, and the same over the orders of one profile in one
# window, which are called o and have their time as at.
my @order_traits = (
	[ rows => 'count(orders W)', 'count(*)' ],
	[ spent => 'sum(orders.amount W)', 'coalesce(sum(amount), 0)' ],
	[ units => 'sum(orders.units where store = "Harbour" W)', "coalesce(sum(units) FILTER (WHERE store = 'Harbour'), 0)" ],
	[ seconds => 'sum(orders.seconds W)', 'coalesce(sum(seconds), 0)' ],
	[ average => 'avg(orders.amount W)', 'avg(amount)' ],
	[ smallest => 'min(orders.amount W)', 'min(amount)' ],
	[ latest => 'max(orders.ordered_at W)', 'max(at)' ],
	[ spread => 'stddev(orders.amount W)', 'stddev(amount)' ],
	[ wait => 'stddev(orders.seconds W)', 'stddev(seconds)' ],
	[ bulk => 'exists(orders where units >= 8 W)', 'coalesce(bool_or(units >= 8), false)' ],
	[ twice => 'did orders where units > 2 at least 2 times W', 'count(*) FILTER (WHERE units > 2) >= 2' ],
	[ never => 'did not orders W', 'count(*) = 0' ],
	[ first_store => 'first(orders.store W)',
		'(array_agg(store ORDER BY at, store) FILTER (WHERE store IS NOT NULL))[1]' ],
	[ last_amount => 'last(orders.amount W)',
		'(array_agg(amount ORDER BY at DESC, amount) FILTER (WHERE amount IS NOT NULL))[1]' ],
	[ prices => 'count(distinct orders.amount W)', 'count(DISTINCT amount)' ],
	[ stores => 'list(distinct orders.store W)',
		"coalesce(array_agg(DISTINCT store ORDER BY store) FILTER (WHERE store IS NOT NULL), '{}')" ],
	[ favourite => 'most_frequent(orders.store W)', favourite('store') ],
);

my @visit_traits = (
	[ visits => 'count(visits W)', 'count(*)' ],
	[ score => 'sum(visits.score W)', 'coalesce(sum(score), 0)' ],
	[ last_page => 'last(visits.page W)',
		'(array_agg(page ORDER BY at DESC, page) FILTER (WHERE page IS NOT NULL))[1]' ],
);

my @click_traits = (
	[ clicks => 'count(clicks where target is set W)', 'count(target)' ],
	[ targets => 'list(distinct clicks.target W)',
		"coalesce(array_agg(DISTINCT target ORDER BY target) FILTER (WHERE target IS NOT NULL), '{}')" ],
);

# quotients and roots, whose last digits depend on the scale of what is divided
my %rounded = map { $_ => 1 } qw(average spread wait);

my $tables = q{
CREATE TABLE orders (
	order_id integer PRIMARY KEY,
	customer_id bigint,
	ordered_at timestamptz,
	store text,
	amount numeric,
	units integer,
	seconds double precision
);
CREATE TABLE visits (visit_id integer PRIMARY KEY, customer_id bigint, visited_at timestamp, page text, score bigint);
CREATE TABLE clicks (click_id integer PRIMARY KEY, customer_id bigint, clicked_on date, target text);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON visits (customer_id, visited_at);
CREATE INDEX ON clicks (customer_id, clicked_on);
};

# where clocks are set, months end, and a year has a day more
my @special;

# a series that it shares with no other window
my $brief = 'count(orders where order_id > 0 in last 1 day)';

my %kinds = (insert => 26, update => 14, move => 4, delete => 8, delete_old => 3, truncate => 1, clock => 34,
	several => 4, turn => 8, anew => 3);
my $next_id = 1;
my @script;
my %seen = (counted => 0, forgotten => 0, merged => 0);
my $tail = $ENV{TAIL} // ($seed == 20240229 ? 32 : pick(8, 16, 32, 64, 128, 1024));

go_over_history();

sub go_over_history
{
	print "# seed $seed, $steps steps, in $one and $other, $year\n";
	sql("CREATE EXTENSION segment;\nSET TimeZone = 'UTC';\nSET jit = off;\nLOAD 'segment';\nSET segment.series_tail = $tail;\n");
	@special = map { special_instants($_) } sort values %zones;
	step(set_clock("timestamptz '$year-01-20 12:00+00'") . $tables . join '', map { days_of($_, $year - 3 . '-01-01', $year + 5 . '-01-01') } sort values %zones);
	# half of what is asked is defined over events that are there already
	define_half(0);
	step(random_insert()) for 1 .. 6;
	define_half(1);
	step("SELECT segment.create_trait('brief', '$brief', population => 'here');\n");
	prepare($_) for sort keys %zones;

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
	ok_if($seen{counted} > 5 * $steps && $seen{forgotten} > 0,
		"of which $seen{counted} counts were above zero; $seen{forgotten} profiles kept fewer orders than there are");
	ok_if($seen{merged} > $steps || $tail > 32, "and $seen{merged} series had a body, with tails of $tail bytes");
	done();
}

sub step
{
	my ($text) = @_;

	push @script, $text;
	sql($text);
	return;
}

# Populations, and every other window's traits.
sub define_half
{
	my ($half) = @_;

	for my $population (sort keys %zones)
	{
		if ($half == 0)
		{
			step("SELECT segment.create_population('$population', timezone => '$zones{$population}');\n");
			step("SELECT segment.attach_source('orders', at => 'ordered_at', population => '$population');
SELECT segment.attach_source('visits', at => 'visited_at', population => '$population');
SELECT segment.attach_source('clicks', at => 'clicked_on', population => '$population');\n");
		}
		for my $trait (traits($population))
		{
			next if int($trait->{window} / 2) % 2 != $half;
			step("SELECT segment.create_trait('$trait->{name}', '$trait->{definition}', population => '$population');\n");
		}
	}
	return;
}

# Every aggregate over every window; visits and clicks are asked over some.
sub traits
{
	my ($population) = @_;
	my @traits;

	for my $window (windows_of($population))
	{
		my @asked = @order_traits;

		push @asked, @visit_traits if $window % 4 < 2;
		push @asked, @click_traits if $window % 4 > 1;
		push @traits,
		  {
			name => "w${window}_$_->[0]",
			aggregate => $_->[0],
			window => $window,
			definition => $_->[1] =~ s/W(?=\)|$)/$windows[$window][0]/r,
			naive => $_->[2]
		  }
		  for @asked;
	}
	return @traits;
}

sub windows_of
{
	my ($population) = @_;

	return grep { ($_ + $seed + ($population eq 'there')) % 2 == 0 } 0 .. $#windows;
}

# The question whether a population is what it should be, planned once.
sub prepare
{
	my ($population) = @_;
	my $zone = $zones{$population};
	my (@got, @expected, @joins);

	for my $trait (traits($population))
	{
		my $rounded = $rounded{ $trait->{aggregate} } ? sub { "round(($_[0])::numeric, 6)" } : sub { $_[0] };

		push @got, $rounded->($trait->{name}) . " AS $trait->{name}";
		push @expected, $rounded->("w$trait->{window}" . source_of($trait) . ".$trait->{aggregate}") . " AS $trait->{name}";
	}
	for my $window (windows_of($population))
	{
		push @joins, naive_window($window, 'orders', 'ordered_at', $zone, @order_traits);
		push @joins, naive_window($window, 'visits', "visited_at AT TIME ZONE '$zone'", $zone, @visit_traits)
		  if $window % 4 < 2;
		push @joins, naive_window($window, 'clicks', in_sql('CASE WHEN isfinite(clicked_on) THEN ' . day_start('clicked_on') . ' ELSE clicked_on::timestamptz END', 'EVENT', 'ASKED', $zone), $zone, @click_traits)
		  if $window % 4 > 1;
	}
	local $" = ",\n\t";
	step("SET join_collapse_limit = 1;\nCREATE VIEW naive_$population AS SELECT k.customer_id,\n\t@expected
FROM (SELECT customer_id FROM orders UNION SELECT customer_id FROM visits UNION SELECT customer_id FROM clicks) AS k
@{[ join qq(\n), @joins ]}
WHERE k.customer_id IS NOT NULL;
PREPARE difference_$population AS
WITH got AS MATERIALIZED (SELECT customer_id,\n\t@got FROM $population),
	expected AS MATERIALIZED (SELECT * FROM naive_$population)
SELECT coalesce(g.customer_id, e.customer_id), name, v.got, v.expected
FROM got AS g FULL JOIN expected AS e USING (customer_id),
	LATERAL (SELECT coalesce(a.key, b.key) AS name, a.value AS got, b.value AS expected
		FROM jsonb_each(to_jsonb(g)) AS a FULL JOIN jsonb_each(to_jsonb(e)) AS b USING (key)) AS v
WHERE v.got IS DISTINCT FROM v.expected LIMIT 1;\n");
	return;
}

sub source_of
{
	my ($trait) = @_;

	return 'visits' if grep { $_->[0] eq $trait->{aggregate} } @visit_traits;
	return 'clicks' if grep { $_->[0] eq $trait->{aggregate} } @click_traits;
	return 'orders';
}

# The events of a source that count in a window, aggregated for one profile.
sub naive_window
{
	my ($window, $table, $at, $zone, @traits) = @_;
	my $condition = in_sql($windows[$window][1], 'at', 'segment.now()', $zone);
	my $columns = join ', ', map { "$_->[2] AS $_->[0]" } @traits;

	$columns =~ s/FAVOURITES/(SELECT *, $at AS at FROM $table) AS f WHERE f.customer_id = k.customer_id AND $condition/g;
	return "CROSS JOIN LATERAL (SELECT $columns
	FROM (SELECT *, $at AS at FROM $table) AS o
	WHERE o.customer_id = k.customer_id AND $condition) AS w$window$table";
}

sub favourite
{
	my ($column) = @_;

	return "(SELECT $column FROM FAVOURITES AND $column IS NOT NULL"
	  . " GROUP BY $column ORDER BY count(*) DESC, max(at) DESC, $column LIMIT 1)";
}

# What is wrong, or undef.
sub difference
{
	my ($verify) = @_;

	for my $population (sort keys %zones)
	{
		my @differences = rows("EXECUTE difference_$population");

		if (@differences)
		{
			my ($key, $name, $got, $expected) = @{ $differences[0] };
			my ($trait) = grep { $_->{name} eq $name } traits($population);

			return "$population, customer $key, "
			  . ($trait ? $trait->{definition} : $name)
			  . ": $got, and should be $expected, at "
			  . value('SELECT segment.now()');
		}
		if ($verify)
		{
			my @wrong = rows("SELECT * FROM segment.verify('$population')");

			return "$population, verify(): @{$wrong[0]}" if @wrong;
		}
	}
	if ($verify)
	{
		my ($counted, $forgotten) = @{
			(rows("SELECT (SELECT count(*) FROM here, jsonb_each(to_jsonb(here)) AS t
					WHERE t.key LIKE '%\\_rows' AND t.value > '0'),
				(SELECT count(*) FROM segment_data.here AS p
					WHERE (SELECT count(*) FROM orders AS o WHERE o.customer_id = p.customer_id)
						> segment.series_count(" . joined(value("SELECT stored FROM segment.stored_trait
							WHERE population = 'here' AND definition = '$brief'"))
					. ', NULL, NULL, NULL))'))[0]
		};

		$seen{counted} += $counted;
		$seen{forgotten} += $forgotten;
		$seen{merged} += value("SELECT count(*) FROM segment_data.here AS p, jsonb_each(to_jsonb(p)) AS t
			WHERE t.key LIKE '%\\_body' AND t.value <> 'null'");
	}
	return;
}

# A series in its three columns.
sub joined
{
	my ($stored) = @_;

	return "segment.series_joined(p.$stored, p.${stored}_middle, p.${stored}_body)";
}

# Random steps ----------------------------------------------------------------

# Where clocks are set there, and the days on which months end or a month ago is the
# same day as on others.
sub special_instants
{
	my ($there) = @_;

	return map { $_->[0] } rows("SELECT t FROM (SELECT t, (t AT TIME ZONE '$there') - lag(t AT TIME ZONE '$there') OVER (ORDER BY t) AS step
		FROM generate_series(timestamptz '$year-01-01 00:00+00', timestamptz '$next-06-01 00:00+00', '30 min') AS t) AS s WHERE step <> interval '30 min'
	UNION SELECT (month + day) AT TIME ZONE '$there' FROM generate_series(timestamp '$year-02-01', '$next-06-01', '1 month') AS month,
		unnest('{0,-1 day,-2 days,-3 days,12:00}'::interval[]) AS day
	UNION SELECT (timestamp '$leap' + n) AT TIME ZONE '$there' FROM unnest('{0,1 day,23:59:59.999999}'::interval[]) AS n ORDER BY 1");
}

sub random_clock
{
	return set_clock(
		pick_weighted(
			"segment.now() + interval '1 microsecond' * " . int(rand 3e9) => 2,
			"segment.now() + interval '1 minute' * " . int(rand 3000) => 3,
			"segment.now() + interval '1 hour' * " . int(rand 400) => 3,
			"segment.now() + interval '1 day' * " . int(rand 40) => 1,
			next_special() => 3,
			next_event(0) => 3,
			next_event(int rand 4) => 3));
}

sub set_clock
{
	my ($instant) = @_;

	return "SELECT set_config('segment.now', ($instant)::text, false);\n";
}

# The next instant at which something is different about time, or beside it.
sub next_special
{
	my $list = join ', ', map { "'$_'" } @special;

	return "SELECT coalesce(min(s + d), segment.now() + interval '1 day')
	FROM unnest(ARRAY[$list]::timestamptz[]) AS s, unnest('{-15 h,-30 min,-1 us,0,1 us,30 min,3 h}'::interval[]) AS d
	WHERE s + d > segment.now()";
}

# The next instants at which an order comes due or leaves a window, or beside it.
sub next_event
{
	my ($offset) = @_;
	my $zone = pick(sort values %zones);

	return "coalesce((SELECT t + d
	FROM orders, unnest('{0,36:00,1 day,14 days,30 days,1 mon,2 mon,3 mon,1 year,-36:00,-1 day,-30 days,-1 mon}'::interval[]) AS s,
		LATERAL (SELECT (ordered_at AT TIME ZONE '$zone' + s) AT TIME ZONE '$zone' AS t) AS t,
		unnest('{-1 us,0,1 us}'::interval[]) AS d
	WHERE isfinite(ordered_at) AND t + d > segment.now() ORDER BY 1 OFFSET $offset LIMIT 1), segment.now() + interval '1 hour')";
}

sub random_insert
{
	my $table = pick(qw(orders orders orders visits clicks));
	my @rows = map { '(' . join(', ', random_row($table)) . ')' } 1 .. 1 + int(rand(rand() < 0.3 ? 20 : 3));

	return "INSERT INTO $table VALUES\n\t" . join(",\n\t", @rows) . ";\n";
}

# An aggregate's traits over some windows go, the longest perhaps among them, and
# come again in another order, with an event between: the others share a series.
sub random_anew
{
	my $population = pick(sort keys %zones);
	my @traits = traits($population);
	my $aggregate = pick(map { $_->{aggregate} } @traits);
	my @gone = grep { $_->{aggregate} eq $aggregate && rand() < 0.6 } @traits;
	my $text = join '', map { "SELECT segment.drop_trait('$_->{name}', population => '$population');\n" } @gone;

	$text .= random_insert() . random_clock();
	for my $trait (sort { $a->{order} <=> $b->{order} } map { { %$_, order => rand() } } @gone)
	{
		$text .= "SELECT segment.create_trait('$trait->{name}', '$trait->{definition}', population => '$population');\n";
	}
	return $text;
}

# Events that are just too old, written where a calendar is about to turn: the
# window may reach back to them again.
sub random_turn
{
	my @rows;

	for (1 .. 8)
	{
		my $zone = pick(sort values %zones);
		my $start = pick('36 hours', '1 day', '30 days', '14 days', '1 month', '3 months', '1 year');
		my $back = int rand pick(60, 1500);
		my @row = random_row('orders');

		$row[2] = "(segment.now() AT TIME ZONE '$zone' - interval '$start' - interval '$back min') AT TIME ZONE '$zone'";
		push @rows, '(' . join(', ', @row) . ')';
	}
	# before that instant and behind it, and never back in time
	return "SELECT set_config('turn.at', (" . next_turn() . ")::text, false);\n"
	  . set_clock("current_setting('turn.at')::timestamptz - interval '" . (1 + int rand pick(60, 60, 1200)) . " min'")
	  . "INSERT INTO orders VALUES\n\t" . join(",\n\t", @rows) . ";\n"
	  . set_clock("current_setting('turn.at')::timestamptz + interval '" . int(rand 60) . " min'");
}

sub next_turn
{
	my $list = join ', ', map { "'$_'" } @special;

	return "SELECT coalesce(min(s), segment.now() + interval '1 day')
	FROM unnest(ARRAY[$list]::timestamptz[]) AS s WHERE s > segment.now() + interval '20 hours'";
}

sub random_update
{
	my $table = pick(qw(orders orders orders visits clicks));
	my %sets = (
		orders => [ 'amount = ' . random_number(), 'amount = amount + 0.5', 'store = ' . random_text(),
			'units = ' . random_units(), 'ordered_at = ' . random_time(), "ordered_at = ordered_at - interval '1 day'",
			"ordered_at = ordered_at + interval '1 microsecond', seconds = 2.25", 'seconds = units' ],
		visits => [ 'page = ' . random_text(), 'score = ' . random_units(), "visited_at = " . random_time() . " AT TIME ZONE 'UTC'" ],
		clicks => [ 'target = ' . random_text(), "clicked_on = (" . random_time() . ")::date", 'clicked_on = clicked_on + 1' ]);

	return "UPDATE $table SET " . pick(@{ $sets{$table} }) . ' WHERE ' . random_where($table) . ";\n";
}

sub random_move
{
	my $table = pick(qw(orders visits clicks));

	return "UPDATE $table SET customer_id = " . pick(random_key(), 'customer_id + 1') . ' WHERE ' . random_where($table) . ";\n";
}

sub random_delete
{
	my $table = pick(qw(orders orders visits clicks));

	return "DELETE FROM $table WHERE " . random_where($table) . ";\n";
}

# as who keeps nothing for ever does
sub random_delete_old
{
	return pick(
		"DELETE FROM orders WHERE ordered_at < segment.now() - interval '" . pick(10, 40, 100) . " days';\n",
		"DELETE FROM visits WHERE visited_at < segment.now() AT TIME ZONE 'UTC' - interval '20 days';\n",
		"DELETE FROM clicks WHERE clicked_on < segment.now()::date - 10;\n");
}

sub random_truncate
{
	return 'TRUNCATE ' . pick('orders', 'visits, clicks') . ";\n";
}

# Two writes and a jump of the clock in one transaction, which may not have been.
sub random_several
{
	return "BEGIN;\n" . random_insert() . random_update() . "SAVEPOINT here;\n" . random_delete()
	  . pick("ROLLBACK TO here;\n", '') . random_clock() . random_insert() . "COMMIT;\n" if rand() < 0.7;
	return "BEGIN;\n" . random_insert() . random_delete() . "ROLLBACK;\n";
}

sub random_row
{
	my ($table) = @_;
	my $id = $next_id++;

	return ($id, random_key(), random_time(), random_text(), random_number(), random_units(), random_seconds())
	  if $table eq 'orders';
	return ($id, random_key(), random_time() . " AT TIME ZONE 'UTC'", random_text(), random_units())
	  if $table eq 'visits';
	return ($id, random_key(), '(' . random_time() . ')::date', random_text());
}

sub random_where
{
	my ($table) = @_;
	my %identity = (orders => 'order_id', visits => 'visit_id', clicks => 'click_id');
	my $modulus = 2 + int rand 9;

	return "customer_id = " . (1 + int rand 9) if rand() < 0.3;
	return pick('units > 4', 'ordered_at > segment.now()', "ordered_at > segment.now() - interval '1 day'",
		'ordered_at = (SELECT max(ordered_at) FROM orders AS m WHERE m.customer_id = orders.customer_id)')
	  if $table eq 'orders' && rand() < 0.3;
	return "$identity{$table} % $modulus = " . int rand $modulus;
}

sub random_key
{
	return rand() < 0.05 ? 'NULL' : 1 + int rand 9;
}

# An instant that some window may care for.
sub random_time
{
	my $zone = pick(sort values %zones);
	my $local = "(segment.now() AT TIME ZONE '$zone')";
	my $span = pick('36 hours', '1 day', '30 days', '14 days', '1 month', '3 months', '1 year', '60 days', '2 months', '7 days');
	my $unit = pick(qw(day week month quarter year));
	my $nudge = pick('0', '0', '1 microsecond', '-1 microsecond', '1 hour', '-1 hour');

	return 'NULL::timestamptz' if rand() < 0.04;
	return pick("'infinity'::timestamptz", "'-infinity'::timestamptz") if rand() < 0.04;
	return '(' . pick_weighted(
		"segment.now()" => 2,
		"segment.now() - interval '1 minute' * " . int(rand 60000) => 5,
		"segment.now() + interval '1 minute' * " . int(rand 30000) => 2,
		"($local - interval '$span') AT TIME ZONE '$zone'" => 4,
		"date_trunc('$unit', $local) AT TIME ZONE '$zone'" => 2,
		"timestamptz '" . pick(@special) . "'" => 3,
		# so that the span ends where clocks are set, or a month does
		"(timestamptz '" . pick(@special) . "' AT TIME ZONE '$zone' - interval '$span') AT TIME ZONE '$zone' + interval '1 minute' * " . (int(rand 300) - 150) => 4) . " + interval '$nudge')";
}

sub random_text
{
	return rand() < 0.12 ? 'NULL' : pick(map { "'$_'" } qw(Harbour Station Campus Online));
}

sub random_number
{
	return 'NULL' if rand() < 0.1;
	return pick("'NaN'::numeric", "'Infinity'::numeric", '123456789012345.678901', '-0.00001') if rand() < 0.02;
	return pick((int(rand 40) - 4) / 2, sprintf '%.2f', rand 20);
}

sub random_units
{
	return rand() < 0.1 ? 'NULL' : int rand 10;
}

sub random_seconds
{
	return rand() < 0.15 ? 'NULL' : int(rand 80) / 4;
}
