# Do the movements say all there is to know of a ledger?
#
# Tills and orders do whatever comes to one population, which is ticked after each
# step.  Then a program that is empty, of another population, gets the same orders,
# and of what tills did nothing but the movements, one after the other, each at its
# instant; it is ticked once, at the end.  Both ledgers, the tiers and the feeds are
# the same then.  By plain SQL over the entries: at a thousand random instants, past
# and to come, balances and what is owed to customers are sums of what happened so
# far; no lot has more or less than was granted when it has expired; and what is held
# comes back or is spent.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/ledger_replay.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20261130;
my $steps = $ENV{STEPS} // 400;
my $instants = $ENV{INSTANTS} // 1000;
my $customers = 5;
my $zone = 'Europe/Copenhagen';
my @populations = ('first', 'again');
my (@done, %count);

srand $seed;
print "# seed $seed, $steps steps\n";
sql("CREATE EXTENSION segment;
	SET TimeZone = '$zone';
	SET DateStyle = 'ISO, YMD';
	SET client_min_messages = warning;
	SET segment.feed_retention = '1000 d';
	SET segment.now = '2026-01-20 10:00+01';");
for my $population (@populations)
{
	sql("CREATE TABLE orders_$population (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz);
		CREATE INDEX ON orders_$population (customer_id, at);
		SELECT segment.create_population('$population', timezone => '$zone', key => 'customer_id', key_type => 'bigint');
		SELECT segment.attach_source('orders_$population', at => 'at', name => 'orders', population => '$population');
		SELECT segment.create_program('club', expires => 'after 2 months', pending => '2 days', population => '$population');
		SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'last 3 months', hold => '1 month', returns => 'keep', population => '$population');
		SELECT segment.create_tier('club', 'silver', 100, population => '$population'), segment.create_tier('club', 'gold', 300, population => '$population');
		SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id', population => '$population');
		SELECT segment.create_earning('club', 'golden', 'orders.amount * 0.5', 'club.tier = \"gold\"', ref => 'order_id', population => '$population');
		SELECT segment.create_audience('${population}_golden', 'club.tier = \"gold\"', population => '$population'),
			segment.create_audience('${population}_rich', 'club.balance > 150', population => '$population'),
			segment.create_audience('${population}_spender', 'did club_entry where kind = \"redeem\" in last 14 days', population => '$population'),
			segment.create_audience('${population}_almost', 'club.points_to_next_tier < 50 and club.balance > 20', population => '$population');
		SELECT segment.join_program('club', i, 'C' || i, population => '$population') FROM generate_series(1, $customers) AS i;");
}

# ---- once ----------------------------------------------------------------------

my $now = value("SELECT segment.now()");
my $last = value("SELECT coalesce(max(movement), 0) FROM segment_data.first_club_movement");
for my $step (1 .. $steps)
{
	my $span = pick('1 second', '10 minutes', '5 hours', '1 day', '1 day', '3 days', '1 week', rand() < 0.1 ? '1 month' : '2 days');

	$now = value("SELECT timestamptz '$now' + interval '$span'");
	sql("SET segment.now = '$now';");
	my $order = step($step);
	my $until = value("SELECT coalesce(max(movement), 0) FROM segment_data.first_club_movement");

	push @done, { at => $now, order => $order, from => $last, to => $until };
	$last = $until;
	sql("SELECT segment.tick();");
}
print '# ', join(', ', map { "$count{$_} $_" } sort keys %count), "\n";

# ---- and again: orders, and nothing but movements ------------------------------

my %again;		# numbers of movements
for my $done (@done)
{
	sql("SET segment.now = '$done->{at}';");
	sql($done->{order} =~ s/\borders_first\b/orders_again/gr) if defined $done->{order};
	my @movements = rows("SELECT m.movement, m.key, m.kind, m.points, m.reverses, m.note, h.until
		FROM segment_data.first_club_movement m LEFT JOIN segment_data.first_club_hold h USING (movement)
		WHERE m.movement > $done->{from} AND m.movement <= $done->{to} AND m.rule IS NULL ORDER BY 1");
	while (my $movement = shift @movements)
	{
		my ($number, $key, $kind, $points, $reverses, $note, $until) = map { $_ eq "(null)" ? undef : $_ } @$movement;
		my $of = $reverses ? $again{$reverses} // reversed_grant($reverses) : 0;
		my $some = abs $points;
		my $call = $kind eq 'earn' ? "earn('club', $key, $some"
		  : $kind eq 'redeem' ? "redeem('club', $key, $some"
		  : $kind eq 'hold' ? "hold('club', $key, $some, timestamptz '$until'"
		  : $kind eq 'settle' ? "settle('club', $of, $some"
		  : $kind eq 'release' ? "release('club', $of"
		  : $kind eq 'reverse' ? "reverse('club', $of, $some"
		  : $kind eq 'adjust' ? "adjust('club', $key, $points, '$note'"
		  : $kind eq 'gift' ? "give('club', $key, " . (shift @movements)->[1] . ", $some" : die "what is $kind?";

		$again{$number} = value("SELECT segment.$call, population => 'again')");
	}
}
sql("SET segment.now = '$now'; SELECT segment.tick();");

# ---- the same ------------------------------------------------------------------

# tables whose numbers are those of their order, which is what two ledgers share
my %tables = (
	movement => 'SELECT rank() OVER (ORDER BY movement), key, kind, points, at, ref, note, rule, version,
		(SELECT count(*) FROM segment_data.%1$s_club_movement o WHERE o.movement <= m.reverses) FROM segment_data.%1$s_club_movement m ORDER BY 1',
	lot => 'SELECT rank() OVER (ORDER BY lot), key, granted, remaining, active_at, expires_at FROM segment_data.%1$s_club_lot ORDER BY 1',
	entry => 'SELECT (SELECT count(*) FROM segment_data.%1$s_club_movement o WHERE o.movement <= e.movement),
		(SELECT count(*) FROM segment_data.%1$s_club_lot l WHERE l.lot <= e.lot), key, points, kind, contra, at FROM segment_data.%1$s_club_entry e ORDER BY 1, 2, 7, 5, 4, 6',
	hold => 'SELECT (SELECT count(*) FROM segment_data.%1$s_club_movement o WHERE o.movement <= h.movement), key, points, until, state FROM segment_data.%1$s_club_hold h ORDER BY 1',
	granted => 'SELECT rule, ref, key, version, raw, points FROM segment_data.%1$s_club_granted ORDER BY 1, 2',
	member => 'SELECT * FROM segment_data.%1$s_club_member ORDER BY 1',
	step => 'SELECT * FROM segment_data.%1$s_club_step ORDER BY 1, 2',
	kept => 'SELECT * FROM segment_data.%1$s_club_kept ORDER BY 1, 2, 3',
	profile => 'SELECT * FROM %1$s ORDER BY 1',
	transition => q{SELECT row_number() OVER (ORDER BY seq), substr(audience, length('%1$s') + 2), key, change, at, cause
		FROM segment.transition WHERE population = '%1$s' ORDER BY 1},
);
for my $table (sort keys %tables)
{
	my ($first, $again) = map { sql(sprintf($tables{$table}, $_) . ';') } @populations;
	my $rows = grep { /\S/ } split /\n/, $first;

	ok_if($first eq $again && $rows > 0, "$table: $rows rows are the same again");
	next if $first eq $again;
	my @first = split /\n/, $first;
	my @again = split /\n/, $again;
	my ($i) = grep { ($first[$_] // '') ne ($again[$_] // '') } 0 .. $#first;
	print "# first: $first[$i]\n# again: ", $again[$i] // 'none', "\n" if defined $i;
}

# ---- what must be true of any ledger -------------------------------------------

for my $population (@populations)
{
	my ($entry, $lot) = map { "segment_data.${population}_club_$_" } qw(entry lot);
	my $differ = 0;
	my $liable = 0;
	my $held = 0;

	my $times = $population eq 'first' ? $instants : 20;

	sql("CREATE TEMP TABLE statement AS SELECT key, s.at, s.balance, row_number() OVER (PARTITION BY key) AS n
		FROM segment_data.${population}_club_member, segment.statement('club', key::text, '$population') AS s;");
	for (1 .. $times)
	{
		# a view answers for now and what is to come, a statement for what was, too
		my $past = rand() < 0.5;
		my $instant = value($past ? "SELECT timestamptz '2026-01-20 10:00+01' + " . rand() . " * (timestamptz '$now' - '2026-01-20 10:00+01')"
			: "SELECT timestamptz '$now' + " . rand() . " * interval '4 months'");
		my $balances = $past ? "(SELECT DISTINCT ON (key) key AS customer_id, balance AS club_balance FROM statement WHERE at <= '$instant' ORDER BY key, n DESC)" : $population;

		sql("SET segment.now = '$instant';") if !$past;
		$differ += value("SELECT count(*) FROM $balances AS b FULL JOIN (SELECT key, sum(points) AS points FROM $entry WHERE at <= '$instant' GROUP BY key) AS e
			ON key = customer_id WHERE coalesce(club_balance, 0) <> coalesce(points, 0)");
		$held += value("SELECT count(*) FROM (SELECT sum(points) AS held FROM $entry WHERE at <= '$instant' AND contra = 'held') AS e WHERE held > 0");
	}
	sql('DROP TABLE statement;');
	sql("SET segment.now = '$now';");
	for my $months (0 .. 6)
	{
		$liable += value("SELECT (SELECT coalesce(sum(points), 0) FROM segment.liability('club', segment.now() + interval '$months months', population => '$population') WHERE kind <> 'held')
			<> (SELECT coalesce(sum(points), 0) FROM $entry WHERE at <= segment.now() + interval '$months months')")
		  eq 't';
	}
	ok_if($differ == 0, "$population: at $times random instants balances are the sums of entries so far");
	ok_if($held == 0, "$population: and never comes more back than was held");
	ok_if($liable == 0, "$population: what is owed to customers is the sum of entries, now and in months");
	for my $question (
		[ 'a lot has nothing when it has expired', "SELECT lot FROM $entry WHERE lot IS NOT NULL GROUP BY 1 HAVING sum(points) <> 0" ],
		[ 'a lot never has less than nothing, or more than was granted', "SELECT lot FROM (SELECT lot, sum(sum(points)) OVER (PARTITION BY lot ORDER BY at) AS points
			FROM $entry GROUP BY lot, at) AS e JOIN $lot USING (lot) WHERE points < 0 OR points > granted" ],
		[ 'what is left is what was granted, less what was drawn', "SELECT lot FROM $lot JOIN $entry USING (lot) WHERE expires_at > segment.now()
			GROUP BY lot, remaining HAVING remaining <> -sum(points) FILTER (WHERE contra = 'expired')
				AND NOT EXISTS (SELECT FROM segment_data.${population}_club_hold h WHERE h.key = min($entry.key) AND state = 'open')" ],
		[ 'in the end nothing is held', "SELECT 1 FROM $entry WHERE contra = 'held' HAVING sum(points) <> 0" ],
		[ 'verify_program() finds nothing', "SELECT * FROM segment.verify_program('club', '$population')" ],
		[ 'verify() finds nothing', "SELECT * FROM segment.verify('$population')" ])
	{
		ok_if(value("SELECT count(*) FROM ($question->[1]) AS q") == 0, "$population: $question->[0]");
	}
}
done();

# One thing that a customer, a till or the shop does.  An order's statement, if it is one.
sub step
{
	my ($step) = @_;
	my $who = 1 + int rand $customers;
	my $points = 1 + int rand 120;
	my $what = pick_weighted(earn => 9, redeem => 5, hold => 6, settle => 4, release => 2, reverse => 4, adjust => 2, give => 2, order => 9, correct => 3, refund => 2);
	my $order = $what eq 'order' ? "INSERT INTO orders_first VALUES ($step, $who, " . pick($points, "$points.50", -int($points / 4)) . ", '$now')"
	  : $what eq 'correct' ? "UPDATE orders_first SET amount = $points WHERE order_id = (SELECT max(order_id) FROM orders_first WHERE customer_id = $who)"
	  : $what eq 'refund' ? "DELETE FROM orders_first WHERE order_id = (SELECT max(order_id) FROM orders_first WHERE customer_id = $who)" : undef;

	$count{$what}++;
	if (defined $order)
	{
		sql("$order;");
		return "$order;";
	}
	my $of = $what =~ /settle|release/ ? "SELECT movement FROM segment_data.first_club_hold WHERE key = $who AND state = 'open' ORDER BY 1 DESC LIMIT 1"
	  : "SELECT movement FROM segment_data.first_club_movement WHERE key = $who AND kind IN ('earn', 'redeem', 'settle', 'adjust') AND (kind <> 'earn' OR points > 0) ORDER BY movement DESC OFFSET " . int(rand 4) . ' LIMIT 1';
	my ($movement) = $what =~ /settle|release|reverse/ ? map { $_->[0] } rows($of) : 0;

	return if !defined $movement;
	my $other = 1 + $who % $customers;
	my $call = $what eq 'hold' ? "hold('club', $who, $points, '" . pick('1 hour', '2 days', '10 days') . "'"
	  : $what eq 'settle' ? "settle('club', $movement" . pick('', ', 1')
	  : $what eq 'release' ? "release('club', $movement"
	  : $what eq 'reverse' ? "reverse('club', $movement" . pick('', ', 1')
	  : $what eq 'adjust' ? "adjust('club', $who, " . ($points - 60 || 1) . ", 'why'"
	  : $what eq 'give' ? "give('club', $who, $other, $points" : "$what('club', $who, $points";
	my $error = attempt("SELECT segment.$call, population => 'first');");

	return if !defined $error;
	die $error if $error !~ /cannot spend|has ended|is reversed already/;
	$count{refused}++;
	return;
}

# What a rule has granted has no movement of its own here: it is the one of the same row.
sub reversed_grant
{
	my ($number) = @_;

	return value("SELECT a.movement FROM (SELECT movement, rank() OVER (ORDER BY movement) AS n FROM segment_data.again_club_movement) AS a
		WHERE n = (SELECT count(*) FROM segment_data.first_club_movement WHERE movement <= $number)");
}
