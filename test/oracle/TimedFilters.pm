# TimedFilters: a filter, and what a person who never heard of segment would write
#
# Filters that time may change are drawn from a grammar that writes each of them twice,
# for segment and as a condition in SQL:
#
#	(count(orders in last 36 hours) >= 2) and (birthday in next 2 weeks)
#
#	(SELECT count(*) FROM orders AS e WHERE e.customer_id = k.customer_id
#		AND ordered_at > now - interval '36 hours' AND ordered_at <= now) >= 2 AND ...
#
# The condition is one over a row k of naive.customer at the instant "now".  PLACE in
# it is the time zone that in_place() fills in; naive.eager(now) are the members of
# another audience, and naive.recent(k.customer_id, now) is the value of a trait.
#
#	use TimedFilters;
#
#	filters_of('Europe/Copenhagen', '2028-03-20 12:00+00', @special);
#	($filter, $condition) = random_filter(2, 'faithful', 'quiet');
#
# of a zone, with windows around an instant, and with others that matter there.

package TimedFilters;

use strict;
use warnings;

use Exporter 'import';

use Oracle;

our @EXPORT = qw(filters_of random_filter in_place in_words @traits @spans @periods @cities);

# the time of an event, and conditions over a row, behind "where" and behind "of"
my %times = (orders => 'ordered_at', visits => 'visited_at AT TIME ZONE PLACE', clicks => first_instant('clicked_on'));
my %conditions = (
	orders => [ [ 'units > 4', 'units > 4' ], [ 'store = "Harbour"', "store = 'Harbour'" ], [ 'amount between 2 and 9', 'amount BETWEEN 2 AND 9' ] ],
	visits => [ [ 'seconds >= 5', 'seconds >= 5' ] ],
	clicks => [ [ 'target = "Station"', "target = 'Station'" ] ]);

my %kinds = (
	orders => [ [ 'store "Harbour"', "store = 'Harbour'" ], [ 'units 4', 'units = 4' ] ],
	visits => [ [ 'seconds 5', 'seconds = 5' ] ],
	clicks => [ [ 'target "Station"', "target = 'Station'" ] ]);

our @spans = ('90 seconds', '45 minutes', '36 hours', '1 day', '1 day', '30 days', '2 weeks', '1 month', '1 month', '2 months', '1 quarter', '1 year');
my @day_spans = grep { !/second|minute|hour/ } @spans;
our @periods = qw(day week month quarter year);
our @cities = qw(Harbour Station Campus);

my $today = day_at('now');

# where it is, which instants matter there, and which windows are in use
my ($zone, @special, @windows);

# name, type, and one definition or more, the second of each pair a condition over
# naive.customer AS k at the instant "now"
our @traits = (
	[ city => 'text', [ 'customers.city', 'k.city' ] ],
	[ birthday => 'date', [ 'customers.birthday', 'k.birthday' ] ],
	[ signup => 'timestamptz', [ 'customers.signup', 'k.signup' ] ],
	[ renewal => 'timestamp', [ 'customers.renewal', 'k.renewal' ] ],
	[ spent => 'numeric', [ 'sum(orders.amount)', of('orders', 'coalesce(sum(amount), 0)') ],
		[ 'sum(orders.amount in this month)', of('orders', 'coalesce(sum(amount), 0)', period('month', 0)) ] ],
	[ recent => 'bigint', [ 'count(orders in last 30 days)', of('orders', 'count(*)', calendar('30 days')) ],
		[ 'count(visits in last 1 week)', of('visits', 'count(*)', calendar('7 days')) ],
		[ 'count(orders)', of('orders', 'count(*)') ] ],
	[ last_order_at => 'timestamptz', [ 'max(orders.ordered_at)', of('orders', 'max(ordered_at)') ],
		[ 'max(orders.ordered_at in last 1 year)', of('orders', 'max(ordered_at)', calendar('1 year')) ] ],
	[ last_seen => 'timestamp', [ 'max(visits.visited_at)', of('visits', 'max(visited_at)') ] ],
	[ active => 'boolean', [ 'did visits in last 7 days', of('visits', 'count(*) > 0', calendar('7 days')) ],
		[ 'signup more than 30 days ago', "coalesce(" . plus('k.signup', '30 days') . " < now, false)" ] ],
	[ idle => 'interval', [ 'now - last_order_at', trait_elapsed('last_order_at') ], [ 'now - signup', trait_elapsed('signup') ] ],
	[ age => 'numeric', [ 'floor(days_between(birthday, today) / 365.25)', "floor(($today - k.birthday) / 365.25)" ] ],
	[ growth => 'numeric', [ 'recent - count(orders between 60 days and 30 days ago)',
			trait('recent') . ' - ' . of('orders', 'count(*)', calendar('60 days', '30 days')) ] ]);

# From now on, filters are those of a place and a time.
sub filters_of
{
	my $start;

	($zone, $start, @special) = @_;
	@windows = windows_around($start);
	return;
}

# Each rule returns a filter and the condition that means the same, at the instant
# "now", for a row of naive.customer AS k.  A condition that is NULL does not hold.
sub random_filter
{
	my ($depth, @others) = @_;
	my $what = rand();
	my (@filters, @conditions);

	return random_reference(@others) if @others && $what > 0.92;
	return random_leaf() if $depth == 0 || $what < 0.25;
	for (1 .. 2 + int rand 2)
	{
		my ($filter, $condition) = random_filter($depth - 1, @others);

		push @filters, "($filter)";
		push @conditions, "($condition)";
	}
	return ("not $filters[0]", "$conditions[0] IS NOT TRUE") if $what < 0.4;
	return (join(' and ', @filters), join(' AND ', @conditions)) if $what < 0.6;
	return (join(' or ', @filters), join(' OR ', @conditions)) if $what < 0.8;
	return ('at least 2 of (' . join(', ', @filters) . ')', join(' + ', map { "($_ IS TRUE)::int" } @conditions) . ' >= 2');
}

sub random_reference
{
	my $name = pick(@_);
	my $not = pick('', '', 'not ');

	return ("${not}in audience $name", "${not}EXISTS (SELECT FROM naive.$name(now) AS m WHERE m = k.customer_id)");
}

sub random_leaf
{
	my $kind = pick(qw(number number number number did did text time time time time day day clock choice choice trait plain));

	return __PACKAGE__->can("random_$kind\_leaf")->();
}

# How often, how much.
sub random_number_leaf
{
	my ($number, $sql) = random_number_operand();
	my ($other, $other_sql) = random_number_operand();
	my $constant = pick(0, 1, 1, 1, 2, 2, 3, 5, 8, 12.5);
	my $compare = random_compare();

	return pick_pair(
		([ "$number $compare $constant", "$sql $compare $constant" ]) x 5,
		[ "$number != $constant", "($sql = $constant) IS NOT TRUE" ],
		[ "$number between $constant and 10", "$sql BETWEEN $constant AND 10" ],
		[ "$number in (1, 2, $constant)", "$sql IN (1, 2, $constant)" ],
		[ "$number is set", "$sql IS NOT NULL" ],
		[ "$number $compare $other", "$sql $compare $other_sql" ]);
}

sub random_number_operand
{
	my ($source, $where, $condition) = random_rows(pick('orders', 'orders', 'visits'));
	my $column = $source eq 'orders' ? pick('amount', 'units') : 'seconds';

	return pick_pair(
		([ "count($source$where)", of($source, 'count(*)', $condition) ]) x 3,
		[ "sum($source.$column$where)", of($source, "coalesce(sum($column), 0)", $condition) ],
		[ "avg($source.$column$where)", of($source, "avg($column)", $condition) ],
		[ "min($source.$column$where)", of($source, "min($column)", $condition) ],
		[ "max($source.$column$where)", of($source, "max($column)", $condition) ],
		[ "count(distinct $source.$column$where)", of($source, "count(DISTINCT $column)", $condition) ],
		[ "last($source.$column$where)", nth($source, $column, 'DESC', $condition) ],
		[ "first($source.$column$where)", nth($source, $column, '', $condition) ]);
}

sub random_did_leaf
{
	my $not = pick('', '', 'not ');
	my ($source, undef, $condition, $where, $window) = random_rows(pick(qw(orders visits clicks)));
	my ($times, $count) = pick_pair([ '', '>= 1' ], [ '', '>= 1' ], [ ' at least 2 times', '>= 2' ], [ ' at most 1 times', '<= 1' ],
		[ ' exactly 1 times', '= 1' ]);
	my $sql = of($source, "count(*) $count", $condition);

	return ("did $not$source$where$times$window", $not ? "NOT $sql" : $sql);
}

sub random_text_leaf
{
	my ($source, $column) = pick_pair([ 'orders', 'store' ], [ 'clicks', 'target' ]);
	my (undef, $where, $condition) = random_rows($source);
	my $city = pick(@cities);

	return pick_pair(
		[ "first($source.$column$where) = \"$city\"", nth($source, $column, '', $condition) . " = '$city'" ],
		[ "last($source.$column$where) = \"$city\"", nth($source, $column, 'DESC', $condition) . " = '$city'" ],
		[ "list(distinct $source.$column$where) contains \"$city\"", of($source, "bool_or($column = '$city')", $condition) ],
		[ "exists($source$where)", of($source, 'count(*) > 0', $condition) ],
		[ "not exists($source.$column$where)", of($source, "count($column) = 0", $condition) ]);
}

# A time of the profile, beside the clock.
sub random_time_leaf
{
	my ($time, $sql, $type) = @{ random_time_operand() };
	my $span = pick($type eq 'date' ? @day_spans : @spans);
	my $days = pick(@day_spans);
	my $day = random_date();
	my ($compare, $sign, $n) = (random_compare(), pick('+', '-'), int rand 60);
	# what stands for an instant, and when the span has passed since, and will pass until then
	my ($at, $now) = $type eq 'date' ? ($sql, $today) : (instant_of($type, $sql), 'now');
	my ($later, $earlier) = map { $type eq 'date' ? "($sql $_ interval '" . in_words($span) . "')::date" : shifted('timestamptz', $at, $_, $span) } '+', '-';
	my $its_day = day_of($type, $sql);
	my @leaves = (
		([ "$time in last $span", "$at <= $now AND $now < $later" ]) x 3,
		[ "$time not in last $span", "($at <= $now AND $now < $later) IS NOT TRUE" ],
		([ "$time in next $span", "$now < $at AND $earlier <= $now" ]) x 2,
		([ "$time more than $span ago", "$later < $now" ]) x 2,
		([ "$time less than $span ago", "$at <= $now AND $now <= $later" ]) x 2,
		([ random_period_leaf($time, $sql, $type) ]) x 3,
		[ "$time $compare today", "$sql $compare " . of_local($type, $today) ],
		[ "$time $compare today $sign $days", "$sql $compare " . from_today($type, $sign, $days) ],
		[ "$time $compare \"$day\"", "$its_day $compare date '$day'" ],
		[ "$time between \"$day\" and today", "$its_day >= date '$day' AND $sql <= " . of_local($type, $today) ],
		[ "days_between($time, today) $compare $n", finite($sql, "$today - $its_day") . " $compare $n" ],
		[ "days_between($time, today) * -1.5 $compare -$n", finite($sql, "($today - $its_day) * -1.5") . " $compare -$n" ],
		[ "$n - days_between(today, $time) / 7 $compare 4", finite($sql, "$n - ($its_day - $today) / 7.0") . " $compare 4" ]);

	push @leaves,
	  [ "$time $compare now", "$at $compare now" ],
	  [ "$time $compare now $sign $span", "$at $compare " . from_now('timestamptz', $sign, $span) ],
	  [ "$time $sign $span $compare now", instant_of($type, shifted($type, $sql, $sign, $span)) . " $compare now" ],
	  [ "now - $time $compare $span", finite($sql, of_instant($type, 'now') . " - $sql") . " $compare interval '" . in_words($span) . "'" ]
	  if $type ne 'date';
	push @leaves,
	  [ "$time between now - $span and now + 1 day", "$sql BETWEEN " . from_now($type, '-', $span) . ' AND ' . from_now($type, '+', '1 day') ],
	  [ "greatest($time, now - 1 month) $compare signup", "greatest($sql, " . from_now($type, '-', '1 month') . ") $compare k.signup" ],
	  [ "greatest($time, now - 1 month) in last $span", after_moving("greatest($sql, " . from_now($type, '-', '1 month') . ')', $span) ],
	  [ "coalesce($time, now) $compare now - $span", "coalesce($sql, now) $compare " . from_now($type, '-', $span) ],
	  [ "coalesce(now - $time, idle) $compare $span", 'coalesce(' . finite($sql, "now - $sql") . ', ' . trait('idle') . ") $compare interval '" . in_words($span) . "'" ],
	  [ "now - $time $compare idle", finite($sql, "now - $sql") . " $compare " . trait('idle') ]
	  if $type eq 'timestamptz';
	return pick_pair(@leaves);
}

# in last, of a time that moves itself
sub after_moving
{
	my ($time, $span) = @_;

	return "(SELECT t <= now AND now < " . shifted('timestamptz', 't', '+', $span) . " FROM (SELECT $time AS t) AS m)";
}

sub random_time_operand
{
	my ($source, $where, $condition) = random_rows('orders');

	return pick(
		([ 'signup', 'k.signup', 'timestamptz' ]) x 2,
		([ 'last_order_at', trait('last_order_at'), 'timestamptz' ]) x 2,
		[ "max(orders.ordered_at$where)", of('orders', 'max(ordered_at)', $condition), 'timestamptz' ],
		[ 'renewal', 'k.renewal', 'timestamp' ],
		[ 'last_seen', trait('last_seen'), 'timestamp' ],
		[ 'birthday', 'k.birthday', 'date' ],
		[ 'min(clicks.clicked_on)', of('clicks', 'min(clicked_on)'), 'date' ]);
}

sub random_period_leaf
{
	my ($time, $sql, $type) = @_;
	my ($which, $shift) = pick_pair([ 'this', 0 ], [ 'last', -1 ], [ 'next', 1 ]);
	my ($from, $to, $unit) = period_bounds($type, $shift);

	return ("$time in $which $unit", "$sql >= $from AND $sql < $to");
}

# The first day of a period that is so many after this one, of that type, that of the
# next, and its name.
sub period_bounds
{
	my ($type, $shift) = @_;
	my $unit = pick(@periods);
	my $length = $unit eq 'quarter' ? '3 months' : "1 $unit";

	return (
		(map { of_local($type, "(date_trunc('$unit', $today\::timestamp) + $_ * interval '$length')::date") } $shift, $shift + 1), $unit);
}

# Days that come round.
sub random_day_leaf
{
	my ($time, $sql) = pick_pair([ 'birthday', 'k.birthday' ], [ 'birthday', 'k.birthday' ], [ 'signup', day_of('timestamptz', 'k.signup') ]);
	my $span = pick(grep { !/year/ } @day_spans);
	my $interval = "interval '" . in_words($span) . "'";
	my ($from, $to, $unit) = period_bounds('date', 0);

	return pick_pair(
		[ "anniversary of $time today", anniversary($sql, "a = $today") ],
		[ "anniversary of $time in last $span", anniversary($sql, "a <= $today AND $today < (a + $interval)::date") ],
		[ "anniversary of $time in next $span", anniversary($sql, "$today < a AND (a - $interval)::date <= $today") ],
		[ "anniversary of $time in this $unit", anniversary($sql, "a >= $from AND a < $to") ]);
}

# Does one of the anniversaries of a day meet the condition, as a?
sub anniversary
{
	my ($day, $condition) = @_;

	return finite($day, "EXISTS (SELECT FROM generate_series(1, extract(year FROM $today)::int - extract(year FROM $day)::int + 2) AS age,
		LATERAL (SELECT ($day + age * interval '1 year')::date AS a) AS a WHERE $condition)");
}

# The clock alone.
sub random_clock_leaf
{
	my $compare = random_compare();
	my $local = '(now AT TIME ZONE PLACE)';
	my $at = pick(@special);
	my $day = random_date();
	my $year = substr $day, 0, 4;
	my $days_since = pick(0, 3, 31, 400);

	return pick_pair(
		(map { [ "$_->[0](today) $compare $_->[2]", "extract($_->[1] FROM $today) $compare $_->[2]" ] }
			[ 'month', 'month', 1 + int rand 12 ], [ 'day', 'day', 1 + int rand 31 ], [ 'quarter', 'quarter', 1 + int rand 4 ],
			[ 'week', 'week', 1 + int rand 53 ], [ 'year', 'year', $year ]),
		[ "quarter(now) in (1, 3) and day(now) > 28", "extract(quarter FROM $today) IN (1, 3) AND extract(day FROM $today) > 28" ],
		[ "year(today) - year(birthday) $compare 20", "extract(year FROM $today) - extract(year FROM k.birthday) $compare 20" ],
		[ 'weekday(now) in (6, 7)', "extract(isodow FROM $today) IN (6, 7)" ],
		[ "hour(now) $compare 12", "extract(hour FROM $local) $compare 12" ],
		# of a time that falls while the clock rises
		[ "month(renewal - (now - signup)) $compare 6", "extract(month FROM k.renewal - " . finite('k.signup', 'now - k.signup') . ") $compare 6" ],
		[ "day(renewal - (now - signup)) > 15", "extract(day FROM k.renewal - " . finite('k.signup', 'now - k.signup') . ") > 15" ],
		[ "hour(renewal - (now - signup)) $compare 9", "extract(hour FROM k.renewal - " . finite('k.signup', 'now - k.signup') . ") $compare 9" ],
		[ "now $compare \"$at\"", "now $compare timestamptz '$at'" ],
		[ "now $compare \"$day\"", "$today $compare date '$day'" ],
		[ "now in (\"$day\", \"$year-03-01\", \"$at\")", "$today IN ('$day', '$year-03-01') OR now = timestamptz '$at'" ],
		[ "now before \"$day\"", "$today < date '$day'" ],
		[ "now on \"$day\"", "$today = date '$day'" ],
		[ "today after \"$day\"", "$today > date '$day'" ]);
}

# The date of an instant that matters, or the one before or after it.
sub random_date
{
	my $at = pick(@special);

	return value("SELECT (timestamptz '$at' AT TIME ZONE '$zone')::date + " . (int(rand 3) - 1));
}

sub random_trait_leaf
{
	my $compare = random_compare();
	my $constant = pick(0, 1, 2, 3, 5);
	my $span = pick(@spans);

	return pick_pair(
		[ "recent $compare $constant", trait('recent') . " $compare $constant" ],
		[ "growth $compare $constant", trait('growth') . " $compare $constant" ],
		[ "spent $compare $constant", trait('spent') . " $compare $constant" ],
		[ "idle $compare $span", trait('idle') . " $compare interval '" . in_words($span) . "'" ],
		[ "age $compare " . 10 * $constant, trait('age') . " $compare " . 10 * $constant ],
		[ 'active', trait('active') ]);
}

# A value that conditions choose, or the band in which a number lies.
sub random_choice_leaf
{
	my ($filter, $condition) = random_leaf();
	my ($second, $second_condition) = random_leaf();
	my ($number, $sql) = random_number_operand();
	my ($other, $other_sql) = random_number_operand();
	my ($compare, $constant, $span) = (random_compare(), pick(0, 1, 2, 5), pick(@spans));
	my $band = "band($number, 0, \"none\", 2, \"some\", 5, \"many\")";
	my $time = "CASE WHEN $condition THEN k.signup ELSE " . trait('last_order_at') . ' END';
	my $word = "CASE WHEN $condition THEN 'a' WHEN $second_condition THEN 'b' ELSE 'c' END";
	my $elapsed = "CASE WHEN $condition THEN (" . finite('k.signup', 'now - k.signup') . ') ELSE ' . trait('idle') . ' END';

	return pick_pair(
		[ "case when $filter then $number when $second then $other else 1 end $compare $constant",
			"CASE WHEN $condition THEN $sql WHEN $second_condition THEN $other_sql ELSE 1 END $compare $constant" ],
		[ "case when $filter then \"a\" when $second then \"b\" end != \"a\"",
			"(CASE WHEN $condition THEN 'a' WHEN $second_condition THEN 'b' END = 'a') IS NOT TRUE" ],
		[ "case when $filter then \"a\" when $second then \"b\" else \"c\" end in (\"b\", \"c\")", "$word IN ('b', 'c')" ],
		[ "case when $number > 2 then 1 when $number > 4 then 2 else 3 end $compare $constant",
			"CASE WHEN $sql > 2 THEN 1 WHEN $sql > 4 THEN 2 ELSE 3 END $compare $constant" ],
		[ "case when $filter then now - signup else idle end $compare $span", "$elapsed $compare interval '" . in_words($span) . "'" ],
		[ "case when $filter then signup else last_order_at end in last $span", after_moving($time, $span) ],
		([ "$band = \"some\"", "$sql >= 2 AND $sql < 5" ]) x 2,
		[ "$band != \"some\"", "($sql >= 2 AND $sql < 5) IS NOT TRUE" ],
		[ "$band in (\"none\", \"many\")", "$sql >= 0 AND $sql < 2 OR $sql >= 5" ],
		[ "$band is set", "$sql >= 0" ]);
}

sub random_plain_leaf
{
	my $city = pick(@cities);

	return pick_pair(
		[ "city = \"$city\"", "k.city = '$city'" ],
		[ "customers.city != \"$city\"", "(k.city = '$city') IS NOT TRUE" ],
		[ 'renewal is set', 'k.renewal IS NOT NULL' ],
		(map { [ "signup before \"$_\"", day_of('timestamptz', 'k.signup') . " < date '$_'" ] } random_date()),
		[ 'customer_id > 4', 'k.customer_id > 4' ]);
}

sub random_compare
{
	return pick('<', '<=', '>', '>=', '=');
}

sub windows_around
{
	my ($at) = @_;
	my ($since, $before) = (pick(@special), pick(@special));
	my @days = map { value("SELECT to_char(timestamptz '$at' AT TIME ZONE '$zone' + interval '$_ days', 'YYYY-MM-DD')") } -40, 2, 30;

	return (
		(map { [ "in last $_", /second|minute|hour/ ? clock($_) : calendar(in_words($_)) ] } @spans),
		[ 'so far', 'EVENT <= ASKED' ],
		[ 'to come', "EVENT > ASKED AND EVENT < 'infinity'" ],
		(map { [ "in next $_", coming(in_words($_)) ] } @spans),
		(map { [ "in next $_", period($_, 1) ] } 'day', 'month'),
		[ 'between 60 days and 30 days ago', calendar('60 days', '30 days') ],
		[ 'between 2 months and 1 week ago', calendar('2 months', '7 days') ],
		[ 'between 1 month and 30 days ago', calendar('1 month', '30 days') ],
		[ 'between 1 day and 1 hour ago', "EVENT + interval '1 hour' <= ASKED AND ASKED < " . plus('EVENT', '1 day') ],
		[ "since \"$days[0]\"", 'EVENT >= ' . day_start("date '$days[0]'") . ' AND EVENT <= ASKED' ],
		[ "since \"$days[1] 02:30\"", "EVENT >= timestamp '$days[1] 02:30' AT TIME ZONE PLACE AND EVENT <= ASKED" ],
		[ "since \"$since\"", "EVENT >= timestamptz '$since' AND EVENT <= ASKED" ],
		[ "before \"$before\"", "EVENT < timestamptz '$before' AND EVENT <= ASKED" ],
		[ "before \"$days[2]\"", 'EVENT < ' . day_start("date '$days[2]'") . ' AND EVENT <= ASKED' ],
		[ "before \"$days[1] 12:00+00\"", "EVENT < timestamptz '$days[1] 12:00+00' AND EVENT <= ASKED" ],
		map { [ "in this $_", period($_, 0) ], [ "in last $_", period($_, -1) ] } @periods);
}

# What an aggregate says behind a source, and the condition for its rows.
sub random_rows
{
	my ($source) = @_;
	my ($where, $condition) = rand() < 0.35 ? pick_pair(@{ $conditions{$source} }) : ();
	my ($of, $only) = rand() < 0.2 ? pick_pair(@{ $kinds{$source} }) : ();
	my ($window, $within) = rand() < 0.8 ? pick_pair(@windows) : ();

	$condition = join(' AND ', grep { defined } $only, $condition, $within) || 'true';
	$where = (defined $of ? " of $of" : '') . (defined $where ? " where $where" : '');
	$window = defined $window ? " $window" : '';
	return ($source, "$where$window", $condition, $where, $window);
}

# Words of SQL ---------------------------------------------------------------------

# An aggregate over the rows of one customer.  Where that is, in_place() fills in.
sub of
{
	my ($source, $aggregate, $condition) = @_;

	$condition = defined $condition ? " AND $condition" =~ s/\bEVENT\b/$times{$source}/gr =~ s/\bASKED\b/now/gr : '';
	return "(SELECT $aggregate FROM $source AS e WHERE e.customer_id = k.customer_id$condition)";
}

# The first value by time, or the last.
sub nth
{
	my ($source, $column, $order, $condition) = @_;

	return of($source, "(array_agg($column ORDER BY $times{$source} $order, $column))[1]",
		"$condition AND $column IS NOT NULL AND $times{$source} IS NOT NULL");
}

sub trait
{
	my ($name) = @_;

	return "naive.$name(k.customer_id, now)";
}

sub trait_elapsed
{
	my ($name) = @_;

	return '(SELECT ' . finite('t', 'now - t') . ' FROM ' . trait($name) . ' AS t)';
}

sub in_place
{
	my ($condition) = @_;

	return in_sql($condition, 'EVENT', 'now', $zone);
}

sub in_words
{
	my ($span) = @_;

	return $span =~ s/1 quarter/3 months/r;
}

# An instant as a time of that type, and a day.
sub of_instant
{
	my ($type, $instant) = @_;

	return $type eq 'timestamptz' ? $instant : "($instant AT TIME ZONE PLACE)::$type";
}

sub of_local
{
	my ($type, $day) = @_;

	return $type eq 'timestamptz' ? day_start($day) : "($day)::$type";
}

# The instant that a time of that type stands for, and its day.
sub instant_of
{
	my ($type, $time) = @_;

	return $type eq 'timestamptz' ? $time : "($time AT TIME ZONE PLACE)";
}

sub day_of
{
	my ($type, $time) = @_;

	return "($time)::date" if $type ne 'timestamptz';
	return "CASE WHEN isfinite($time) THEN " . day_at($time) . " ELSE ($time AT TIME ZONE PLACE)::date END";
}

sub first_instant
{
	my ($day) = @_;

	return "CASE WHEN isfinite($day) THEN " . day_start($day) . " ELSE $day\::timestamptz END";
}

# A time of that type, so much later or earlier; the same of now, and of today.
sub shifted
{
	my ($type, $time, $sign, $span) = @_;
	my $interval = "interval '" . in_words($span) . "'";

	return "($time $sign $interval)" if $type eq 'timestamp' || $span =~ /second|minute|hour/;
	return "(($time AT TIME ZONE PLACE $sign $interval) AT TIME ZONE PLACE)";
}

sub from_now
{
	my ($type, $sign, $span) = @_;

	return of_instant($type, shifted('timestamptz', 'now', $sign, $span));
}

sub from_today
{
	my ($type, $sign, $span) = @_;

	return of_local($type, "($today $sign interval '" . in_words($span) . "')::date");
}

# "finite" arithmetic, as the difference to infinity is missing
sub finite
{
	my ($time, $value) = @_;

	return "CASE WHEN isfinite($time) THEN $value END";
}

sub pick_pair
{
	return @{ pick(@_) };
}

1;
