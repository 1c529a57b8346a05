# Oracle: has each customer the tier that a plain simulation gives?
#
# Programs of every combination of period, downgrade, grace and returns, with holds and
# measures drawn at random, are fed the same orders: of today, of the past and of the future,
# refunded, changed, taken back, withdrawn as a row of less than nothing.  Customers leave and
# come back; thresholds are changed.
#
#	now			day by day, and onto the instants at which something ends
#	simulation	all events of a customer, from the first to the last: what is the sum at
#				each instant (added up anew), what is held because of it, and until when?
#	compared	tier, until when, and what is missing to the next, at the instant, and at
#				the edges of what the simulation says of the future
#
# What a tier was reached by and no longer stands, is kept or taken as the program says: the
# simulation remembers what was kept, as it cannot be told from the rows.
#
# The same happens in another population, in which nothing is folded until the end: the two
# feeds must tell the same.  At the end of each round verify_program() finds nothing.
#
#	SEED=4711 STEPS=40 perl -Itest/oracle test/oracle/tiers.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // int rand 1_000_000;
my $steps = $ENV{STEPS} // 30;
my $at_once = 6;
my $never = 9_000_000_000_000_000;
my @customers = (1 .. 5);
my @zones = ('Europe/Copenhagen', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'UTC');
my @measures = (
	[ 'sum(orders.amount where status = "paid")', "SELECT customer_id, at, amount FROM orders WHERE status = 'paid'" ],
	[ 'count(orders where status = "paid")', "SELECT customer_id, at, 1 FROM orders WHERE status = 'paid'" ],
	[ 'earned', "SELECT key, at, points FROM segment_data.often_%s_entry WHERE kind IN ('earn', 'return', 'forgive')" ]);
my @holds = ([ '12 months' => span => '12 months' ], [ '3 months' => span => '3 months' ], [ '30 days' => span => '30 days' ],
	[ '1 day' => span => '1 day' ], [ 'end of next year' => end => year => 2 ], [ 'end of this year' => end => year => 1 ],
	[ 'end of this month' => end => month => 1 ], [ 'after 6 months to the end of quarter' => to_end => '6 months', 'quarter' ],
	[ 'never' => 'never' ]);
my %periods = ('this year' => [ calendar => 'year' ], 'this quarter' => [ calendar => 'quarter' ],
	'last 12 months' => [ rolling => '12 months' ], 'last 1 month' => [ rolling => '1 month' ], 'so far' => ['ever']);
my @graces = ('none', '14 days', '1 month');

srand $seed;
my $zone = pick(@zones);
my $year = pick(2023, 2024, 2027);
my ($now, $orders, @programs, %memo, %record, %kept, %in, %movements, $lasted);
my $role_made = 0;
my %seen = (compared => 0, ahead => 0, kept => 0, falls => 0);

ask_all();

# a role is not of the database alone, and would be there another time
END
{
	my $status = $?;

	attempt("ROLLBACK;\nRESET ROLE;\nDROP OWNED BY tiers_often CASCADE;\nDROP ROLE tiers_often;\n") if $role_made;
	$? = $status;
}

sub ask_all
{
	my @combinations = map { my $p = $_; map { my $d = $_; map { my $g = $_; map { [ $p, $d, $g, $_ ] } qw(keep reassess) } @graces }
		qw(reassess one never) } sort keys %periods;

	print "# seed $seed, $steps steps, in $zone, from $year\n";
	sql(qq{CREATE EXTENSION segment;
SET TimeZone = '$zone';
SET jit = off;
SET segment.feed_retention = -1;
CREATE ROLE tiers_often;
GRANT ALL ON SCHEMA public TO tiers_often;
CREATE FUNCTION us(t timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	\$\$ SELECT CASE t WHEN 'infinity' THEN $never ELSE (extract(epoch FROM t) * 1000000)::bigint END \$\$;
CREATE FUNCTION instant(us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	\$\$ SELECT timestamptz '1970-01-01 00:00+00' + us * interval '1 microsecond' \$\$;
});
	$role_made = 1;
	@combinations = sort { $a->[4] <=> $b->[4] } map { [ @$_, rand ] } @combinations;
	while (@combinations)
	{
		one_round(splice @combinations, 0, $at_once);
	}
	ok_if($seen{kept} > 0 && $seen{falls} > 0, "$seen{compared} tiers compared, $seen{ahead} of the future; $seen{kept} kept, $seen{falls} lost");
	$role_made = 0;
	sql("DROP OWNED BY tiers_often;\nDROP ROLE tiers_often;\n");
	done();
}

# ---- what happens ----

sub one_round
{
	my @combinations = @_;
	my $number = 0;

	(%record, %kept, %in, %movements) = ();
	$now = us("'$year-" . pick('01-10 09:00', '02-27 12:00', '10-30 10:00', '12-30 12:00') . "'");
	turn_to($now);
	sql("CREATE TABLE orders (order_id int PRIMARY KEY, customer_id bigint, amount numeric, status text, at timestamptz);
CREATE INDEX ON orders (customer_id);
ALTER TABLE orders OWNER TO tiers_often;\n");
	$orders = 0;
	@programs = map { make_program(++$number, @$_) } @combinations;
	for my $population (qw(often once))
	{
		sql(($population eq 'often' ? "SET ROLE tiers_often;\n" : '') . "SELECT segment.create_population('$population', timezone => '$zone');
RESET ROLE;
SELECT segment.attach_source('orders', at => 'at', population => '$population');\n");
		define($population, $_) for @programs;
	}
	act() for 1 .. $steps;
	for my $population (qw(often once))
	{
		for my $program (@programs)
		{
			my $wrong = value("SELECT coalesce(string_agg(v::text, '; '), 'nothing') FROM segment.verify_program('$program->{name}', '$population') v");

			ok_if(0, "seed $seed: $program->{told} of \"$population\": $wrong") if $wrong ne 'nothing';
		}
	}
	sql("SELECT segment.tick();\nSET ROLE tiers_often;\nSELECT segment.tick();\nRESET ROLE;\n");
	my $feeds = value("SELECT string_agg(feed, ' ') FROM (SELECT md5(string_agg(substr(audience, 6) || key || change || at::text, ','
		ORDER BY at, key, audience, seq)) AS feed FROM segment.transition GROUP BY population) AS f");
	my ($one, $other) = split / /, $feeds;

	print "# ", join("\n# ", map { join ' ', @$_ } rows("(SELECT 'often', substr(audience,6), key, change, at, cause FROM segment.transition WHERE population = 'often'
		EXCEPT SELECT 'often', substr(audience,6), key, change, at, cause FROM segment.transition WHERE population = 'once')
		UNION ALL (SELECT 'once', substr(audience,6), key, change, at, cause FROM segment.transition WHERE population = 'once'
		EXCEPT SELECT 'once', substr(audience,6), key, change, at, cause FROM segment.transition WHERE population = 'often') ORDER BY 5")), "\n" unless $one eq $other;
	ok_if(defined $other && $one eq $other, "seed $seed: " . join(', ', map { $_->{told} } @programs) . ': feeds are the same');
	sql("SET client_min_messages = error;
SELECT segment.drop_population(p, cascade => true) FROM unnest('{often,once}'::text[]) p;
DROP TABLE orders;\n");
	return;
}

sub make_program
{
	my ($number, $period, $downgrade, $grace, $returns) = @_;
	# a hold may end a hundred times within the period
	my ($hold) = pick(grep { $_->[0] ne '1 day' || $period !~ /year|12 months/ } @holds);
	my ($measure) = pick(@measures);
	my %program = (name => "p$number", period => $period, downgrade => $downgrade, grace => $grace, returns => $returns,
		hold => $hold, measure => $measure);
	my $unit = $measure->[0] =~ /count/ ? 1 : 100;

	$program{tiers} = [ [ '', -1 ], (rand() < .3 ? [ base => 0 ] : ()), [ silver => 2 * $unit ], [ gold => 4 * $unit ], [ platinum => 7 * $unit ] ];
	$program{told} = "[$measure->[0] $period hold $hold->[0] $downgrade grace $grace $returns]";
	return \%program;
}

sub define
{
	my ($population, $program) = @_;
	my $name = $program->{name};

	sql("SELECT segment.create_program('$name', population => '$population');
SELECT segment.create_tiering('$name', '$program->{measure}[0]', '$program->{period}', '$program->{hold}[0]', '$program->{downgrade}',
	'$program->{grace}', '$program->{returns}', '$population');\n");
	for my $tier (@{ $program->{tiers} })
	{
		next if $tier->[0] eq '';
		sql("SELECT segment.create_tier('$name', '$tier->[0]', $tier->[1], population => '$population');
SELECT segment.create_audience('" . substr($population, 0, 4) . "_${name}_$tier->[0]', '$name.tier = \"$tier->[0]\"', '$population');\n");
	}
	return;
}

# Something happens, now; and sometimes the other population is left to itself.
sub act
{
	my @done = ();
	my @concerned = @customers;
	my $defined = 0;
	my ($customer) = pick(@customers);
	my $what = rand;

	pass_time();
	if ($what < .12 || !%in)
	{
		for my $program (@programs)
		{
			my $member = $in{ $program->{name} }{$customer};
			my $function = $member && rand() < .3 ? 'leave' : 'join';

			push @done, map { "SELECT segment.${function}_program('$program->{name}', $customer, population => '$_')" } qw(often once);
			$in{ $program->{name} }{$customer} = $function eq 'join';
		}
	}
	elsif ($what < .18)
	{
		push @done, change_threshold();
		$defined = 1;
	}
	elsif ($what < .35)
	{
		push @done, earn_or_reverse($customer);
	}
	else
	{
		push @done, random_order();
	}
	sql(join '', map { "$_;\n" } @done);
	happened($_, $defined) for @programs;
	sql("SET ROLE tiers_often;\nSELECT segment.tick();\nRESET ROLE;\n") if rand() < .4;
	compare_now();
	compare_ahead() if rand() < .5;
	return;
}

# One statement, for one customer or for several.
sub random_order
{
	my $what = rand;
	my ($customer) = pick(@customers);

	return 'INSERT INTO orders VALUES ' . join(', ', map { ++$orders; "($orders, $_, " . pick(60, 150, 300) . ", 'paid', instant($now))" } @customers)
	  if $what > .95;
	return "UPDATE orders SET status = CASE status WHEN 'paid' THEN 'refunded' ELSE 'paid' END WHERE order_id % 3 = 0" if $what > .93;

	my $amount = pick(10, 60, 100, 150, 200, 250, 400, 800);
	my $at = $now;

	if ($what < .6 || $orders == 0)
	{
		$at -= int rand 400 * 86_400_000_000 if rand() < .2;
		$at += int rand 200 * 86_400_000_000 if rand() < .1;
		$at = pick(edges()) if rand() < .15;
		$amount = -$amount if rand() < .12;
		$orders++;
		return "INSERT INTO orders VALUES ($orders, $customer, $amount, '" . (rand() < .9 ? 'paid' : 'open') . "', instant($at))";
	}
	my $order = 1 + int rand $orders;

	return $what < .72 ? "UPDATE orders SET status = CASE status WHEN 'paid' THEN 'refunded' ELSE 'paid' END WHERE order_id = $order" :
	  $what < .85 ? "UPDATE orders SET amount = $amount WHERE order_id = $order" :
	  $what < .9 ? "UPDATE orders SET customer_id = $customer WHERE order_id = $order" :
	  "DELETE FROM orders WHERE order_id = $order";
}

sub earn_or_reverse
{
	my ($customer) = @_;
	my @done = ();

	for my $program (grep { $_->{measure}[0] eq 'earned' && $in{ $_->{name} }{$customer} } @programs)
	{
		my $name = $program->{name};
		my $earned = $movements{$name} // [];

		if (@$earned && rand() < .3)
		{
			my $movement = splice @$earned, int rand @$earned, 1;

			push @done, map { "SELECT segment.reverse('$name', $movement, population => '$_')" } qw(often once);
			next;
		}
		my $points = pick(50, 100, 200, 400);
		my ($movement) = value("SELECT segment.earn('$name', $customer, $points, population => 'often')");

		push @{ $movements{$name} }, $movement;
		push @done, "SELECT segment.earn('$name', $customer, $points, population => 'once')";
	}
	return @done ? @done : ('SELECT 1');
}

sub change_threshold
{
	my ($program) = pick(@programs);
	my @tiers = @{ $program->{tiers} };
	my $number = 1 + int rand $#tiers;
	my ($below, $above) = ($tiers[ $number - 1 ][1], $number < $#tiers ? $tiers[ $number + 1 ][1] : $tiers[$number][1] * 2 + 2);
	my $threshold = $below + 1 + int rand($above - $below - 1);

	return 'SELECT 1' if $threshold >= $above || $tiers[$number][1] == 0 || $threshold <= 0;
	$tiers[$number][1] = $threshold;
	return map { "SELECT segment.alter_tier('$program->{name}', '$tiers[$number][0]', $threshold, population => '$_')" } qw(often once);
}

sub pass_time
{
	my $what = rand;
	my @edges = grep { $_ > $now + 1 } edges();

	# each thing has an instant of its own: what is undone at once is not kept
	$now++;
	return turn_to($now) if $what < .15;
	$now = $what < .5 && @edges ? pick(@edges) + pick(-1, 0, 0, 0, 1) : $now + int rand 60 * 86_400_000_000;
	turn_to($now);
	return;
}

# Instants at which something begins or ends, as the simulation says.
sub edges
{
	my @edges = map { $_->[0] } map { @$_ } map { values %$_ } values %record;

	push @edges, period_end($now, 'year', 1), period_end($now, 'month', 1);
	return grep { $_ > $now - 500 * 86_400_000_000 && $_ < $now + 3000 * 86_400_000_000 } @edges;
}

sub turn_to
{
	my ($us) = @_;

	sql("SELECT set_config('segment.now', instant($us)::text, false);\n");
	return;
}

# ---- the simulation ----

# What has happened changes what customers have from now on.
sub happened
{
	my ($program, $defined) = @_;
	my $name = $program->{name};
	my %events;

	push @{ $events{ $_->[0] } }, [ $_->[1], $_->[2] ]
	  for rows(events_sql($program));
	for my $customer (@customers)
	{
		my $steps = [ [ -$never, 0, $never ] ];
		my $had = at_instant($record{$name}{$customer}, $now - 1);
		my $is = at_instant($record{$name}{$customer}, $now);

		# what begins at this instant is not kept
		$had = $is if $had && $is->[1] <= $had->[1];

		if ($in{$name}{$customer})
		{
			my @kept = @{ $kept{$name}{$customer} // [] };
			my $has;

			$steps = simulate($program, $events{$customer} // [], \@kept);
			$has = at_instant($steps, $now);
			if (($defined || $program->{returns} eq 'keep') && $had && $had->[1] >= $has->[1] &&
				($had->[1] > $has->[1] || $had->[2] > $has->[2]) && with_grace($program, $had->[2]) > $now)
			{
				push @kept, [ $now, $had->[1], $had->[2] ];
				$kept{$name}{$customer} = \@kept;
				$steps = simulate($program, $events{$customer} // [], \@kept);
				$seen{kept}++;
			}
		}
		elsif (!$record{$name}{$customer})
		{
			next;
		}
		$record{$name}{$customer} = $steps;
	}
	return;
}

# Steps of a customer: from when on, which tier, until when.
sub simulate
{
	my ($program, $events, $kept) = @_;
	my @tiers = @{ $program->{tiers} };
	my $base = $tiers[1][1] == 0 ? 1 : 0;
	my @given = ();		# tier, at, until, by a sum?
	my @steps = ([ -$never, $base, $never ]);
	my $last = -$never;
	my $count = 0;

	while ($count++ < 5000)
	{
		my ($at, $tier, $until) = @{ $steps[-1] };
		my $end = $tier > $base ? with_grace($program, $until) : $never;
		my ($next) = sort { $a <=> $b } grep { $_ > $last } $end, map { $_->[0] } @$events, @$kept;
		my $net = 0;

		last if !defined $next || $next >= $never;
		$last = $next;
		$net += $_->[1] for grep { $_->[0] == $next } @$events;
		my $sum = sum_at($program, $events, $next);
		my $reached = (grep { $tiers[$_][1] <= $sum } 1 .. $#tiers)[-1] // 0;

		if ($net < 0 && $program->{returns} eq 'reassess')
		{
			@given = grep { !($_->[3] && $_->[0] > $reached && in_period($program, $_->[1], $next)) } @given;
		}
		if ($net > 0)
		{
			push @given, map { [ $_, $next, hold_end($program, $next), 1 ] } $base + 1 .. $reached;
		}
		push @given, map { [ $_->[1], $next, $_->[2], 0 ] } grep { $_->[0] == $next && $_->[1] > 0 } @$kept;

		# the hold that ends is not followed by one that has begun meanwhile
		if ($end <= $next && !grep { $_->[0] == $tier && with_grace($program, $_->[2]) > $next } @given)
		{
			my $renewed = renewed_hold($program, $until, $next);

			$renewed = $never if $reached >= $tier && stands_still($program, $events, $next);
			push @given, map { [ $_, $next, $renewed, 1 ] } $base + 1 .. $reached;
			push @given, [ $tier - 1, $next, $renewed, 0 ]
			  if $program->{downgrade} eq 'one' && $tier - 1 > $base && $reached < $tier - 1;
			$seen{falls}++;
		}
		my ($best) = sort { $b <=> $a } map { $_->[0] } grep { with_grace($program, $_->[2]) > $next && $_->[0] > $base } @given;
		my $held = $never;

		if (defined $best)
		{
			($held) = sort { $b <=> $a } map { $_->[2] } grep { $_->[0] == $best } @given;
		}
		$best //= $base;
		push @steps, [ $next, $best, $held ];
	}
	return \@steps;
}

# What counts, of whom and when.
sub events_sql
{
	my ($program) = @_;
	my $measure = $program->{measure}[1] =~ s/%s/$program->{name}/r;

	return "SELECT customer_id, us(at), amount FROM ($measure) AS e (customer_id, at, amount)";
}

sub sum_at
{
	my ($program, $events, $at) = @_;
	my $sum = 0;

	$sum += $_->[1] for grep { in_period($program, $_->[0], $at) } @$events;
	return $sum;
}

# Does an event count at an instant?
sub in_period
{
	my ($program, $event, $at) = @_;

	return $event <= $at && leaves($program, $event) > $at;
}

sub leaves
{
	my ($program, $event) = @_;
	my ($kind, $span) = @{ $periods{ $program->{period} } };

	return $kind eq 'ever' ? $never : $kind eq 'rolling' ? after($event, $span) : period_end($event, $span, 1);
}

# Will no event come or go any more?
sub stands_still
{
	my ($program, $events, $at) = @_;

	return !grep { $_->[0] > $at || (leaves($program, $_->[0]) > $at && leaves($program, $_->[0]) < $never) } @$events;
}

sub hold_end
{
	my ($program, $at) = @_;
	my (undef, $kind, $one, $other) = @{ $program->{hold} };

	return $never if $program->{downgrade} eq 'never' || $kind eq 'never';
	return $kind eq 'span' ? after($at, $one) : $kind eq 'end' ? period_end($at, $one, $other) : period_end(after($at, $one), $other, 1);
}

sub renewed_hold
{
	my ($program, $until, $at) = @_;
	my $end = hold_end($program, $until - ($program->{hold}[1] eq 'span' ? 0 : 1));

	return $end > $at ? $end : hold_end($program, $at);
}

sub with_grace
{
	my ($program, $until) = @_;

	return $program->{grace} eq 'none' || $until >= $never ? $until : after($until, $program->{grace});
}

# The last step that has begun at an instant.
sub at_instant
{
	my ($steps, $at) = @_;

	return undef unless $steps;
	return (grep { $_->[0] <= $at } @$steps)[-1];
}

# ---- the calendar, as the server has it ----

sub us
{
	my ($time) = @_;

	return value("SELECT us($time)");
}

sub after
{
	my ($at, $span) = @_;

	return $memo{"$at $span"} //= us("instant($at) + interval '$span'");
}

sub period_end
{
	my ($at, $unit, $number) = @_;
	my $span = $unit eq 'quarter' ? 3 * $number . ' months' : "$number $unit";

	return $memo{"$at $unit $number"} //= us("(date_trunc('$unit', instant($at) AT TIME ZONE '$zone') + interval '$span') AT TIME ZONE '$zone'");
}

# ---- the comparison ----

sub compare_now
{
	compare_at($now);
	return;
}

# At the edges of what is to come, and anywhere.
sub compare_ahead
{
	my @edges = grep { $_ > $now } edges();

	for my $at (@edges ? (map { $_ - 1, $_ } pick(@edges), pick(@edges)) : (), $now + int rand 800 * 86_400_000_000)
	{
		next if $at <= $now;
		$seen{ahead}++;
		turn_to($at);
		compare_at($at);
	}
	turn_to($now);
	return;
}

sub compare_at
{
	my ($at) = @_;

	for my $program (@programs)
	{
		my $name = $program->{name};
		my %events;
		my @expected = ();

		push @{ $events{ $_->[0] } }, [ $_->[1], $_->[2] ]
		  for rows(events_sql($program));
		for my $customer (@customers)
		{
			my $step = at_instant($record{$name}{$customer}, $at) or next;
			my ($tier, $until) = @$step[1, 2];
			my $above = $in{$name}{$customer} ? $program->{tiers}[ $tier + 1 ] : undef;
			my $missing = $above && $above->[1] > 0 ? $above->[1] - sum_at($program, $events{$customer} // [], $at) : 'none';

			push @expected, join ' ', $customer, $program->{tiers}[$tier][0] || 'none', $until >= $never ? 'none' : $until, $missing;
			$seen{compared}++;
		}
		my $expected = join '; ', @expected;
		for my $population (qw(often once))
		{
			my $got = join '; ', map { join ' ', @$_ } rows("SELECT customer_id, coalesce(${name}_tier, 'none'),
				coalesce(us(${name}_tier_until)::text, 'none'), coalesce(trim_scale(${name}_points_to_next_tier)::text, 'none')
				FROM $population WHERE ${name}_joined_at IS NOT NULL ORDER BY 1");

			next if $got eq $expected;
			ok_if(0, "seed $seed, at $at (" . value("SELECT instant($at)") . "), now $now, $program->{told} in \"$population\":\n# is       $got\n# expected $expected");
			print "# $_: ", join(', ', map { '[' . join(' ', @$_) . ']' } @{ $events{$_} // [] }), "; kept ",
			  join(', ', map { '[' . join(' ', @$_) . ']' } @{ $kept{$name}{$_} // [] }), "; ",
			  join(', ', map { '[' . join(' ', @$_) . ']' } @{ $record{$name}{$_} // [] }), "\n" for @customers;
			done();
		}
	}
	return;
}
