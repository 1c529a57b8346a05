# Is it true when next_change() says that nothing happens until then?
#
# Profiles with orders, renewals, visits and birthdays, many of them where clocks
# are set, at the ends of months, on leap days and in the future, or such that a span
# since them ends there, belong to two populations in different zones, of which another
# seed draws others.  Random filters over them
# are asked for the next change of each profile.  Then the clock is set to many
# instants until that change, to the microsecond before it and to the change
# itself, and the filter is evaluated there: before it has to be what it was, and
# then it must not be, however far away that is.  Where there is to be none, it has to
# be the same at all of them.  The clock is set to instants at which a time has just passed a span, or a
# calendar turns, as that is where something could be missed.
#
# forecast() is compared with count_where() once the clock is there, and explain()
# has to say of the whole filter what next_change() says.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/next_change.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20240229;
my $steps = $ENV{STEPS} // 150;

# pairs of zones, and a year in which something is to be seen there
my @places = (
	[ 'Europe/Copenhagen', 'America/New_York', 2024 ], [ 'America/Sao_Paulo', 'Africa/Cairo', 2014 ], [ 'Asia/Tehran', 'America/Havana', 2020 ],
	[ 'Pacific/Apia', 'America/St_Johns', 2011 ], [ 'Australia/Lord_Howe', 'Asia/Beirut', 2024 ], [ 'Africa/Casablanca', 'Asia/Kathmandu', 2024 ],
	[ 'Europe/Copenhagen', 'America/Havana', 2027 ]);
srand $seed;
my ($one, $other, $year) = @{ $seed == 20240229 ? $places[0] : pick(@places) };
my $next = $year + 1;
my %zones = (here => $one, there => $other);
my @spans = ('90 seconds', '36 hours', '1 day', '30 days', '2 weeks', '1 month', '1 quarter', '1 year', '45 minutes', '2 months');
my @day_spans = grep { !/second|minute|hour/ } @spans;
my @periods = qw(day week month quarter year);
my @times = qw(last_order_at renewal_at seen signed_up birthday);
my $format = "'YYYY-MM-DD HH24:MI:SS.US'";

# where clocks are set, months end, and a year has a day more
my @special;

my %windows = (w_hours => 'in last 36 hours', w_day => 'in last 1 day', w_30d => 'in last 30 days',
	w_month => 'in last 1 month', w_year => 'in last 1 year', w_between => 'between 2 months and 1 month ago',
	w_mixed => 'between 1 day and 1 hour ago', w_this_month => 'in this month', w_last_week => 'in last week',
	w_quarter => 'in last 1 quarter', w_overlap => 'between 1 month and 30 days ago',
	w_to_come => 'to come', w_coming_hours => 'in next 36 hours', w_coming_day => 'in next 1 day',
	w_coming_30d => 'in next 30 days', w_coming_month => 'in next 1 month', w_next_month => 'in next month', w_so_far => 'so far',
	w_since => "since \"$year-03-31 02:30\"", w_before => "before \"$year-11-03 01:30\"");

my %seen = (changes => 0, never => 0, samples => 0);

ask_many();

sub ask_many
{
	print "# seed $seed, $steps filters, in $one and $other, $year\n";
	prepare();
	for my $step (1 .. $steps)
	{
		my ($population) = pick(sort keys %zones);
		my $filter = random_filter(int rand 3);
		my $wrong;

		new_rows() if $step % 10 == 1;
		sql("SELECT set_config('segment.now', (" . random_clock() . ")::text, false);");
		$wrong = difference($population, $filter);
		next if !defined $wrong;
		ok_if(0, "step $step of seed $seed: $wrong");
		done();
	}
	ok_if(1, "$steps filters of seed $seed are the same until they change");
	ok_if($seen{changes} > $steps && $seen{never} > $steps,
		"$seen{changes} profiles were to change and $seen{never} never, by $seen{samples} samples");
	done();
}

sub prepare
{
	sql(qq{CREATE EXTENSION segment;
SET TimeZone = 'UTC';
SET jit = off;
SET segment.now = '$year-01-20 12:00+00';
CREATE TABLE customers (customer_id bigint PRIMARY KEY, birthday date, renewal_at timestamptz, seen timestamp,
	signed_up date, points integer);
CREATE TABLE orders (order_id serial PRIMARY KEY, customer_id bigint, ordered_at timestamptz, amount numeric);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE FUNCTION members_at(at timestamptz, population text, filter text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	before text := current_setting('segment.now');
	members text;
BEGIN
	PERFORM set_config('segment.now', at::text, true);
	EXECUTE format('SELECT coalesce(string_agg(customer_id::text, '','' ORDER BY customer_id), ''nobody'') FROM %I AS p WHERE p @@ %L',
		population, filter) INTO members;
	PERFORM set_config('segment.now', before, true);
	RETURN members;
END \$\$;
});
	@special = map { special_instants($_) } sort values %zones;
	for my $population (sort keys %zones)
	{
		sql("SELECT segment.create_population('$population', timezone => '$zones{$population}');
SELECT segment.attach_source('customers', population => '$population');
SELECT segment.attach_source('orders', at => 'ordered_at', population => '$population');
SELECT segment.create_trait(t, 'customers.' || t, '$population')
	FROM unnest('{birthday,renewal_at,seen,signed_up,points}'::text[]) AS t;
SELECT segment.create_trait('last_order_at', 'max(orders.ordered_at)', '$population');
SELECT segment.create_trait('idle', 'now - last_order_at', '$population');
SELECT segment.create_trait('latest', 'last(orders.amount in last 30 days)', '$population');\n");
		sql("SELECT segment.create_trait('$_', 'count(orders $windows{$_})', '$population');\n") for sort keys %windows;
	}
	return;
}

# Where clocks are set there, and the days on which months end or a month ago is the
# same day as on others.
sub special_instants
{
	my ($there) = @_;

	return map { $_->[0] } rows("SELECT t FROM (SELECT t, (t AT TIME ZONE '$there') - lag(t AT TIME ZONE '$there') OVER (ORDER BY t) AS step
		FROM generate_series(timestamptz '$year-01-01 00:00+00', timestamptz '$next-04-30 00:00+00', '30 min') AS t) AS s,
		generate_series(1, 3) WHERE step <> interval '30 min'
	UNION ALL SELECT (month + day) AT TIME ZONE '$there' FROM generate_series(timestamp '$year-02-01', '$next-04-01', '2 months') AS month,
		unnest('{0,-1 day,-3 days}'::interval[]) AS day");
}

sub new_rows
{
	my (@customers, @orders);

	for my $key (1 .. 8)
	{
		push @customers, "($key, ("
		  . random_time(1) . ")::date - interval '" . int(rand 40) . " years', " . random_time(1) . ', '
		  . random_time(1) . " AT TIME ZONE 'UTC', (" . random_time(1) . ')::date, ' . int(rand 100) . ')';
		push @orders, map { "($key, " . random_time(0) . ', ' . int(rand 9) . ')' } 1 .. int rand 6;
	}
	sql("SELECT set_config('segment.now', (" . pick(map { "timestamptz '$_'" } @special) . ")::text, false);
TRUNCATE customers, orders;
INSERT INTO customers VALUES " . join(",\n\t", @customers) . ";
INSERT INTO orders (customer_id, ordered_at, amount) VALUES " . join(",\n\t", @orders) . ";\n");
	return;
}

# What is wrong, or undef.
sub difference
{
	my ($population, $filter) = @_;
	my $quoted = "\$f\$$filter\$f\$";
	my $now = value("SELECT to_char(segment.now() AT TIME ZONE 'UTC', $format)");
	my (%next, %at, $solvable);
	my @keys = map { $_->[0] } rows("SELECT customer_id FROM $population ORDER BY 1");

	# the clock was set to any time, and what was decided as of a later one stands until it comes
	sql("SELECT segment.rebuild('$population');");
	sql("SELECT segment.create_audience('asked', $quoted, '$population', view => false);");
	# of what moves all the time nobody can say when it changes
	$solvable = value("SELECT stored FROM segment.audience WHERE audience = 'asked' AND population = '$population'") eq 't';
	$next{ $_->[0] } = $_->[1]
	  for rows("SELECT customer_id, coalesce(to_char(segment.next_change('asked', customer_id, '$population') AT TIME ZONE 'UTC', $format), 'never')
		FROM $population");
	$at{ $_->[0] } = members($_->[1])
	  for rows("WITH instants AS (" . instants($population, grep { $_ ne 'never' } values %next) . ")
		SELECT to_char(at AT TIME ZONE 'UTC', $format), members_at(at, '$population', $quoted) FROM instants ORDER BY at");
	$at{$now} = members(value("SELECT members_at(segment.now(), '$population', $quoted)"));

	for my $key (@keys)
	{
		my $is = $at{$now}{$key} // 0;

		for my $instant (sort keys %at)
		{
			my $then = $at{$instant}{$key} // 0;

			next if $instant lt $now || ($next{$key} eq 'never' && !$solvable);
			$seen{samples}++;
			return "$filter, in $population, customer $key, now $now: at $instant it is "
			  . ($then ? 'true' : 'false') . " already, and not at $next{$key}"
			  if ($next{$key} eq 'never' || $instant lt $next{$key}) && $then != $is;
			return "$filter, in $population, customer $key, now $now: at $next{$key} nothing changes"
			  if $instant eq $next{$key} && $then == $is;
		}
		$seen{ $next{$key} eq 'never' ? 'never' : 'changes' }++;
	}

	my ($instant) = pick(sort keys %at);
	my ($forecast, $explained) = @{
		(rows("SELECT segment.forecast('asked', greatest(timestamptz '$instant+00', segment.now()), '$population'),
			(SELECT count(*) FROM $population AS p, segment.explain('asked', p.customer_id, '$population') AS e
				WHERE e.depth = 0 AND e.next_change IS DISTINCT FROM segment.next_change('asked', p.customer_id, '$population'))"))[0]
	};
	my $count = keys %{ $at{ $instant lt $now ? $now : $instant } };

	sql("SELECT segment.drop_audience('asked', '$population');");
	return "$filter, in $population, now $now: forecast for $instant is $forecast, and $count will be" if $forecast != $count;
	return "$filter, in $population, now $now: explain() says something else $explained times" if $explained != 0;
	return;
}

sub members
{
	return { map { $_ => 1 } grep { $_ ne 'nobody' } split /,/, $_[0] };
}

# Instants to look at: those of the changes, and others that matter.
sub instants
{
	my ($population, @changes) = @_;
	my $zone = "'$zones{$population}'";
	my $special = join ', ', map { "'$_'" } @special;
	my $spans = join ', ', map { "'" . s/1 quarter/3 months/r . "'" } @spans, map { "-$_" } grep { !/quarter/ } @spans;
	my $claimed = @changes
	  ? join ', ', map { "timestamptz '$_+00', timestamptz '$_+00' - interval '1 us'" } @changes
	  : "NULL::timestamptz";

	return "SELECT DISTINCT at FROM unnest(ARRAY[$claimed]) AS c (at) WHERE at >= segment.now()
		UNION SELECT at FROM (SELECT at FROM (
			SELECT (t AT TIME ZONE $zone + s) AT TIME ZONE $zone + n AS at
			FROM (SELECT ordered_at FROM orders UNION SELECT renewal_at FROM customers UNION SELECT seen AT TIME ZONE $zone FROM customers
				UNION SELECT signed_up::timestamp AT TIME ZONE $zone FROM customers
				UNION SELECT unnest(ARRAY[$special]::timestamptz[])) AS e (t),
				unnest(ARRAY[0::text, $spans]::interval[]) AS s, unnest('{-1 us,0,1 us,-1 h,1 h}'::interval[]) AS n
			WHERE isfinite(t)) AS near
			WHERE at >= segment.now() AND at < segment.now() + interval '3 years'
			ORDER BY hashtext(at::text || $seed) LIMIT 40) AS sample
		UNION SELECT segment.now() + n * interval '1 year' + hashtext(n::text || segment.now()::text) * interval '1 second' / 100 FROM unnest('{5,40,400}'::int[]) AS n";
}

# Random filters ----------------------------------------------------------------

sub random_filter
{
	my ($depth) = @_;

	return random_leaf() if $depth == 0;
	return pick_weighted(
		random_filter($depth - 1) . ' and ' . random_leaf() => 2,
		'(' . random_filter($depth - 1) . ' or ' . random_leaf() . ')' => 2,
		'not (' . random_filter($depth - 1) . ')' => 1,
		'at least 2 of (' . join(', ', random_leaf(), random_leaf(), random_leaf()) . ')' => 1);
}

sub random_leaf
{
	my $time = pick(@times);
	my $is_day = $time eq 'birthday' || $time eq 'signed_up';
	my $span = pick($is_day ? @day_spans : @spans);
	my $window = pick(sort keys %windows);
	my $compare = pick('<', '<=', '>', '>=', '=', '!=');

	return pick_weighted(
		"$time in last $span" => 3,
		"$time in next $span" => 2,
		"$time more than $span ago" => 3,
		"$time less than $span ago" => 2,
		"$time $compare now" => 1,
		"$time $compare today" => 2,
		"$time $compare now - $span" => 3,
		"$time $compare today + " . pick(@day_spans) => 2,
		"$time + $span $compare now" => 1,
		"$time between now - $span and now + 1 day" => 1,
		"$time in " . pick('this', 'last', 'next') . ' ' . pick(@periods) => 3,
		"anniversary of $time " . pick('today', 'in next 2 weeks', 'in last 1 month', 'in this ' . pick(@periods)) => 3,
		"$window $compare " . int(rand 4) => 8,
		"latest $compare " . int(rand 9) => 2,
		"idle $compare " . pick('30 days', '36 hours', '1 month') => 2,
		"now - renewal_at $compare idle" => 0,
		"coalesce(idle, 1 day) $compare 2 weeks" => 1,
		"renewal_at - now $compare 1 day" => 1,
		"days_between($time, today) $compare " . int(rand 60) => 1,
		"days_between(birthday, today) / 365.25 $compare " . int(rand 40) => 1,
		"floor(days_between(signed_up, now) * 2 - points) $compare 10" => 1,
		"greatest(last_order_at, now - 1 month) $compare renewal_at" => 1,
		"least(now, seen) $compare signed_up" => 1,
		"month(today) $compare " . int(rand 15) => 1,
		"quarter(now) $compare " . (1 + int rand 4) => 1,
		"year(today) $compare " . ($year + int(rand 4) - 1) => 1,
		"day(today) in (29, 30, 31)" . pick('', ' and month(today) = 2', ' and month(today) in (1, 2)') => 1,
		"year(today) - year(birthday) $compare " . int(rand 50) => 1,
		# of what falls while the clock rises
		"hour(seen - (now - renewal_at)) $compare 12" => 1,
		"month(seen - (now - renewal_at)) $compare 6" => 1,
		"day(seen - (now - renewal_at)) > 20" => 1,
		"days_between(today, signed_up) * -1.5 $compare " . int(rand 60) => 1,
		(int rand 60) . " - days_between($time, today) / 7 $compare 4" => 1,
		"coalesce(now - renewal_at, idle, 1 month) $compare $span" => 1,
		"greatest(last_order_at, now - 1 month) in last $span" => 1,
		"$time $compare \"" . random_date() . "\"" => 2,
		"$time in (\"" . random_date() . "\", \"" . random_date() . "\")" => 1,
		"today $compare \"" . random_date() . "\"" => 1,
		"now $compare \"" . random_date() . "\"" => 1,
		"weekday(now) in (6, 7)" => 1,
		"hour(now) $compare 12 and points > 50" => 1,
		"case when $window > 1 then now - renewal_at else idle end $compare $span" => 2,
		"case when $time in last $span then points when $window > 0 then latest end $compare " . int(rand 60) => 2,
		"case when month(today) = 2 then \"a\" when $window > 1 then \"b\" end != \"a\"" => 1,
		"case when $window > 1 then renewal_at else now - 1 month end in last $span" => 1,
		"band($window, 0, \"none\", 1, \"few\", 3, \"many\") in (\"few\", \"x\")" => 2,
		"band(now - renewal_at, 1 day, 1, 1 month, 2, 1 year, 3) $compare 2" => 2,
		"points > " . int(rand 100) => 1);
}

# The date of an instant that matters, or one beside it.
sub random_date
{
	return value("SELECT (timestamptz '" . pick(@special) . "' AT TIME ZONE 'UTC')::date + " . (int(rand 3) - 1));
}

sub random_clock
{
	return pick_weighted(
		"timestamptz '" . pick(@special) . "' + interval '1 minute' * " . (int(rand 4000) - 2000) => 3,
		"timestamptz '" . pick(@special) . "' + interval '" . pick('0', '-1 us', '1 us', '30 min', '-1 h') . "'" => 2,
		"timestamptz '$year-01-05 10:00+00' + interval '1 minute' * " . int(rand 600000) => 2);
}

sub random_time
{
	my ($missing) = @_;
	my $there = pick(sort values %zones);

	return 'NULL::timestamptz' if $missing && rand() < 0.1;
	return pick("'infinity'::timestamptz", "'-infinity'::timestamptz") if rand() < 0.05;
	return '(' . pick_weighted(
		"timestamptz '" . pick(@special) . "' + interval '" . pick('0', '1 us', '-1 us', '1 h', '-1 h', '1 day', '-30 days') . "'" => 3,
		# so that a span ends where clocks are set, or a month does
		"(timestamptz '" . pick(@special) . "' AT TIME ZONE '$there' - interval '" . (pick(@spans) =~ s/1 quarter/3 months/r) . "') AT TIME ZONE '$there' + interval '1 minute' * "
		  . (int(rand 300) - 150) => 4,
		"timestamptz '$year-01-01 00:00+00' + interval '1 second' * " . int(rand 40e6) => 2) . ')';
}
