# Does a ledger that is written ahead say what a simulator says that goes through
# time step by step?
#
# The simulator knows batches of points that wait, are good, and expire; holds that
# lapse; debts.  It goes from one instant at which something happens by itself to
# the next, and knows nothing of lots, entries and what is written ahead.  For each
# program, with its expiry, pending time and return policy, random customers earn,
# spend, hold, settle, release, give, are corrected and get back, at random instants: at
# ends of months, on leap days, where clocks are set, and beside the very instants
# at which something expires.  After each step the view has the balance that the
# simulator has, now and at instants to come, and a request is refused if the
# simulator refuses it; in the end so it was at each instant that was, by plain SQL
# over the entries.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/loyalty.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260131;
my $steps = $ENV{STEPS} // 150;
my $zone = 'Europe/Copenhagen';
my @customers = (1 .. 4);
my @programs = (
	{ name => 'plain', expires => 'never', pending => 'none', returns => 'debt' },
	{ name => 'year', expires => 'after 12 months', pending => 'none', returns => 'debt' },
	{ name => 'month', expires => 'after 1 month', pending => '3 days', returns => 'debt' },
	{ name => 'quarter', expires => 'after 1 month to the end of quarter', pending => '14 days', returns => 'forgive' },
	{ name => 'yearly', expires => 'end of next year', pending => '1 month', returns => 'pending only' },
	{ name => 'weekly', expires => 'end of this week', pending => '36 hours', returns => 'debt' },
	{ name => 'idle', expires => 'after 2 weeks without activity', pending => '2 days', returns => 'debt' },
);
# local times at which something is special
my @special = ('2024-02-28 23:59:59', '2024-02-29 00:00', '2024-02-29 12:00', '2024-03-30 02:30', '2024-03-31 03:30', '2024-03-31 23:00', '2024-04-30 12:00',
	'2024-06-30 23:59:59.999999', '2024-07-01 00:00', '2024-10-26 02:30', '2024-10-27 02:30', '2024-12-31 23:59', '2025-01-01 00:00', '2025-01-31 12:00',
	'2025-02-28 12:00', '2025-03-29 02:30');
my (%count, $now);

srand $seed;
print "# seed $seed, $steps steps for each program\n";
sql("CREATE EXTENSION segment;
	SET TimeZone = '$zone';
	SET DateStyle = 'ISO, YMD';
	SET segment.now = '2024-01-30 10:00+01';
	SET client_min_messages = warning;
	CREATE TABLE customers (customer_id bigint PRIMARY KEY);
	INSERT INTO customers SELECT generate_series(1, " . @customers . ");");
@special = map { at("timestamptz '$_'") } @special;
simulate($_) for grep { !$ENV{PROGRAM} || $_->{name} eq $ENV{PROGRAM} } @programs;
print '# ', join(', ', map { "$count{$_} $_" } sort keys %count), "\n";
done();

sub simulate
{
	my ($program) = @_;
	my $name = $program->{name};
	my %account = map { $_ => { key => $_, batches => [], holds => [], debt => 0 } } @customers;
	my (@movements, @holds, @was);

	$now = at("timestamptz '2024-01-30 10:00'");
	set_now($now);
	sql("SELECT segment.create_population('guest', timezone => '$zone');
		SELECT segment.attach_source('customers');
		SELECT segment.create_program('$name', expires => '$program->{expires}', pending => '$program->{pending}', returns => '$program->{returns}');");
	sql("SELECT segment.join_program('$name', $_, '$_');") for @customers;
	for my $step (1 .. $steps)
	{
		$now = next_instant($now, values %account);
		set_now($now);
		advance($_, $now) for values %account;

		my ($what, $who) = step($program, \%account, \@movements, \@holds);
		my $fine = 1;

		for my $key (@customers)
		{
			my $got = value("SELECT ${name}_balance FROM guest WHERE customer_id = $key");
			my $expected = balance($account{$key});

			push @was, [ $key, $now, $expected ];
			$fine &&= $got == $expected || ok_if(0, "$name, step $step: $what: $key has $got, and should have $expected");
		}
		for my $instant (map { later($account{$who}) } 1 .. 2)
		{
			my $then = copy($account{$who});

			advance($then, $instant);
			set_now($instant);
			my $got = value("SELECT ${name}_balance FROM guest WHERE customer_id = $who");
			my $expected = balance($then);

			$fine &&= $got == $expected
			  || ok_if(0, "$name, step $step: $what: at " . in_text($instant) . " $who has $got, and should have $expected");
		}
		set_now($now);
		if (!$fine)
		{
			my $customer = $account{$who};

			print "# ", in_text($_->{active}), ' to ', defined $_->{expires} ? in_text($_->{expires}) : 'ever', ": $_->{left} are left\n"
			  for grep { !$_->{dead} } @{ $customer->{batches} };
			print "# $_->{points} are held until ", in_text($_->{until}), "\n" for grep { $_->{open} } @{ $customer->{holds} };
			print "# $customer->{debt} are owed\n";
			print sql("SELECT e.* FROM segment_data.guest_${name}_entry e WHERE key = $who AND lot IN (SELECT lot FROM segment_data.guest_${name}_entry WHERE at > segment.now()) ORDER BY lot, movement, entry;") if $ENV{ENTRIES};
			print sql("SELECT lot, granted, remaining, active_at, expires_at FROM segment_data.guest_${name}_lot WHERE key = $who AND expires_at > segment.now() ORDER BY 1;");
			last;
		}
	}
	my $differ = value("SELECT count(*) FROM (VALUES " . join(', ', map { "($_->[0], $_->[1], $_->[2])" } @was) . ") AS w (key, at, balance)
		WHERE balance <> (SELECT coalesce(sum(points), 0) FROM segment_data.guest_${name}_entry AS e
			WHERE e.key = w.key AND e.at <= 'epoch'::timestamptz + w.at * interval '1 microsecond')");
	ok_if($differ == 0, "$name: " . @was . ' balances that were are those of the entries');
	ok_if(value("SELECT count(*) FROM segment.verify_program('$name')") == 0, "$name: verify_program() finds nothing");
	ok_if(value("SELECT count(*) FROM segment.verify('guest')") == 0, "$name: verify() finds nothing");
	ok_if(value("SELECT count(*) FROM (SELECT FROM segment_data.guest_${name}_entry e JOIN segment_data.guest_${name}_lot l USING (lot)
		GROUP BY lot, expires_at HAVING sum(points) <> 0 AND expires_at < 'infinity') AS x") == 0, "$name: what a lot has is what expires of it");
	sql("SELECT segment.drop_population('guest', cascade => true);");
	return;
}

# ---- what customers and tills do ---------------------------------------------

# One request, of the program and of the simulator: what it was, and of whom.
sub step
{
	my ($program, $account, $movements, $holds) = @_;
	my $name = $program->{name};
	my $idle = $name eq 'idle';
	my $who = pick(@customers);
	my $customer = $account->{$who};
	my $points = 1 + int rand(pick(10, 10, 100, 1000));
	my $what = pick_weighted(earn => 8, redeem => 6, hold => 5, settle => 5, release => 3, give => 2, adjust => 2, $idle ? () : (reverse => 6));

	$points = 1 + int rand(300) if $what eq 'earn';
	if ($what =~ /redeem|hold|give|adjust/ && available($customer) > 0 && rand() < 0.8)
	{
		$points = rand() < 0.3 ? available($customer) : 1 + int rand(available($customer));
	}
	if ($what eq 'earn')
	{
		my $number = call("SELECT segment.earn('$name', $who, $points)");
		my $active = at("'epoch'::timestamptz + $now * interval '1 microsecond'" . ($program->{pending} eq 'none' ? '' : " + interval '$program->{pending}'"));

		touch($program, $customer);
		push @$movements, { number => $number, kind => 'earn', who => $who, left => $points, batch => grant($customer, $points, $active, expiry($program, $active)) };
	}
	elsif ($what eq 'redeem')
	{
		my $number = call("SELECT segment.redeem('$name', $who, $points)");

		return ("$what $points", $who) if !agree($name, $number, available($customer) >= $points, "$what $points of " . available($customer));
		push @$movements, { number => $number, kind => 'redeem', who => $who, left => $points, shares => spend($customer, $points) };
		touch($program, $customer);
	}
	elsif ($what eq 'hold')
	{
		my $span = pick('15 minutes', '1 hour', '2 days', '10 days', '1 month');
		# a debt that arises while points are held is the one thing that waits for a request
		return ('nothing', $who) if $customer->{debt} > 0;
		my $number = call("SELECT segment.hold('$name', $who, $points, '$span')");

		return ("$what $points", $who) if !agree($name, $number, available($customer) >= $points, "$what $points of " . available($customer));
		touch($program, $customer);
		push @{ $customer->{holds} }, { number => $number, until => at("'epoch'::timestamptz + $now * interval '1 microsecond' + interval '$span'"),
			points => $points, shares => spend($customer, $points), open => 1 };
		push @$holds, [ $who, $customer->{holds}[-1] ];
	}
	elsif ($what =~ /settle|release/)
	{
		return ('nothing', $who) if !@$holds;
		my @open = grep { $_->[1]{open} } @$holds;
		($who, my $hold) = @{ @open && rand() < 0.9 ? pick(@open) : pick(@$holds) };
		my $settled = $what eq 'settle' ? 1 + int rand($hold->{points}) : 0;
		my $number = call($what eq 'settle' ? "SELECT segment.settle('$name', $hold->{number}, $settled)" : "SELECT segment.release('$name', $hold->{number})");

		return ($what, $who) if !agree($name, $number, $hold->{open}, "$what of a hold that is " . ($hold->{open} ? 'open' : 'over'));
		$hold->{open} = 0;
		my $movement = { number => $number, kind => 'redeem', who => $who, left => $settled, shares => [] };
		my $rest = $settled;
		for my $share (sort { earlier($a->[0], $b->[0]) } @{ $hold->{shares} })
		{
			my $spent = $rest < $share->[1] ? $rest : $share->[1];

			$share->[0]{left} += $share->[1] - $spent;
			$rest -= $spent;
			push @{ $movement->{shares} }, [ $share->[0], $spent ] if $spent;
		}
		pay($account->{$who});
		push @$movements, $movement if $settled;
		$what .= " $settled of $hold->{points}";
	}
	elsif ($what eq 'give')
	{
		my $to = pick(grep { $_ != $who } @customers);
		my $number = call("SELECT segment.give('$name', $who, $to, $points)");

		return ("$what $points", $who) if !agree($name, $number, available($customer) >= $points, "$what $points of " . available($customer));
		grant($account->{$to}, $_->[1], $now, $_->[0]{expires}) for @{ spend($customer, $points) };
		touch($program, $customer);
	}
	elsif ($what eq 'adjust')
	{
		my $less = rand() < 0.5;
		my $number = call("SELECT segment.adjust('$name', $who, " . ($less ? -$points : $points) . ", 'why')");

		return ("$what -$points", $who) if !agree($name, $number, !$less || available($customer) >= $points, "$what -$points of " . available($customer));
		push @$movements, $less
		  ? { number => $number, kind => 'redeem', who => $who, left => $points, shares => spend($customer, $points) }
		  : { number => $number, kind => 'earn', who => $who, left => $points, batch => grant($customer, $points, $now, expiry($program, $now)) };
		$what .= $less ? " -$points" : " $points";
	}
	elsif ($what eq 'reverse')
	{
		return ('nothing', $who) if !@$movements;
		my $movement = $movements->[-1 - int rand(@$movements > 10 ? 10 : @$movements)];

		$who = $movement->{who};
		# see above
		return ('nothing', $who) if $movement->{kind} eq 'earn' && grep { $_->{open} } @{ $account->{$who}{holds} };
		my $some = rand() < 0.5 ? 1 + int rand($movement->{left} || 1) : $movement->{left};
		my $number = call("SELECT segment.reverse('$name', $movement->{number}" . ($some ? ", $some" : '') . ")");

		return ("$what of $movement->{kind}", $who) if !agree($name, $number, $movement->{left} > 0, "$what of $movement->{kind}, of which $movement->{left} are left");
		$movement->{left} -= $some;
		$movement->{kind} eq 'earn' ? take_back($program, $account->{$who}, $movement->{batch}, $some) : give_back($account->{$who}, $movement, $some);
		$what .= " $some of $movement->{kind} $movement->{number}";
	}
	$count{ (split / /, $what)[0] }++;
	return ("$what $points", $who);
}

# The number of a movement; undef if it was refused for want of points and such.
sub call
{
	my ($query) = @_;
	my ($function) = $query =~ /segment\.(\w+)/;
	my $error = attempt("$query \\gset made_");

	return value("SELECT :made_$function") if !defined $error;
	return if $error =~ /cannot spend|has ended|is reversed already/;
	die $error;
}

# Has the program done what the simulator can do, and no more?  False if neither.
sub agree
{
	my ($name, $number, $possible, $what) = @_;

	die "$name, at " . in_text($now) . ": $what: " . ($possible ? 'refused' : 'done') . "\n" if defined $number != !!$possible;
	$count{refused}++ if !$possible;
	return $possible;
}

# ---- the simulator -----------------------------------------------------------

sub grant
{
	my ($customer, $points, $active, $expires) = @_;
	my $batch = { left => $points, active => $active, expires => $expires, dead => 0, n => scalar @{ $customer->{batches} } };

	push @{ $customer->{batches} }, $batch;
	pay($customer);
	return $batch;
}

# Those that can be spent now, the soonest to expire first.
sub good
{
	my ($customer) = @_;

	return sort { earlier($a, $b) } grep { !$_->{dead} && $_->{active} <= $customer->{now} } @{ $customer->{batches} };
}

sub earlier
{
	my ($one, $other) = @_;

	return ($one->{expires} // 9e18) <=> ($other->{expires} // 9e18) || $one->{n} <=> $other->{n};
}

sub available
{
	my ($customer) = @_;
	my $sum = 0;

	$sum += $_->{left} for good($customer);
	return $sum;
}

sub balance
{
	my ($customer) = @_;

	return available($customer) - $customer->{debt};
}

sub spend
{
	my ($customer, $points) = @_;
	my @shares;

	for my $batch (good($customer))
	{
		my $some = $points < $batch->{left} ? $points : $batch->{left};

		$batch->{left} -= $some;
		$points -= $some;
		push @shares, [ $batch, $some ] if $some;
	}
	return \@shares;
}

sub pay
{
	my ($customer) = @_;

	for my $batch (good($customer))
	{
		my $some = $customer->{debt} < $batch->{left} ? $customer->{debt} : $batch->{left};

		$batch->{left} -= $some;
		$customer->{debt} -= $some;
	}
	return;
}

sub take_back
{
	my ($program, $customer, $batch, $points) = @_;
	my $policy = $program->{returns};

	if ($policy ne 'pending only' || $batch->{active} > $now)
	{
		my $own = $points < $batch->{left} ? $points : $batch->{left};

		$batch->{left} -= $own;
		$points -= $own;
	}
	return if $policy ne 'debt';
	$points -= $_->[1] for @{ spend($customer, $points) };
	$customer->{debt} += $points;
	return;
}

sub give_back
{
	my ($customer, $movement, $points) = @_;

	for my $share (sort { earlier($b->[0], $a->[0]) } @{ $movement->{shares} })
	{
		my $some = $points < $share->[1] ? $points : $share->[1];

		$share->[0]{left} += $some;
		$share->[1] -= $some;
		$points -= $some;
	}
	pay($customer);
	return;
}

# Activity: what has not expired is good for so long again, what is set aside included.
sub touch
{
	my ($program, $customer) = @_;

	return if $program->{name} ne 'idle';
	my %aside = map { ($_->[0] => 1) } map { @{ $_->{shares} } } grep { $_->{open} } @{ $customer->{holds} };
	for my $batch (grep { !$_->{dead} && ($_->{left} > 0 || $aside{$_}) } @{ $customer->{batches} })
	{
		my $expires = expiry($program, $batch->{active} > $now ? $batch->{active} : $now);

		$batch->{expires} = $expires if $expires > $batch->{expires};
	}
	return;
}

# All that time does up to an instant, one instant after the other.
sub advance
{
	my ($customer, $to) = @_;

	for my $instant (sort { $a <=> $b } grep { $_ > ($customer->{now} // 0) && $_ <= $to } turns($customer))
	{
		$customer->{now} = $instant;
		$_->{dead} = 1 for grep { defined $_->{expires} && $_->{expires} <= $instant } @{ $customer->{batches} };
		for my $hold (grep { $_->{open} && $_->{until} <= $instant } @{ $customer->{holds} })
		{
			$hold->{open} = 0;
			$_->[0]{left} += $_->[1] for @{ $hold->{shares} };
		}
		pay($customer);
	}
	$customer->{now} = $to;
	return;
}

# The instants at which something happens by itself.
sub turns
{
	my ($customer) = @_;

	return ((map { ($_->{active}, $_->{expires} // ()) } @{ $customer->{batches} }), map { $_->{until} } grep { $_->{open} } @{ $customer->{holds} });
}

sub copy
{
	my ($customer) = @_;
	my %new = map { ($_ => {%$_}) } @{ $customer->{batches} };

	return { %$customer, batches => [ map { $new{$_} } @{ $customer->{batches} } ],
		holds => [ map { +{ %$_, shares => [ map { [ $new{ $_->[0] }, $_->[1] ] } @{ $_->{shares} } ] } } grep { $_->{open} } @{ $customer->{holds} } ] };
}

# ---- time ---------------------------------------------------------------------

# An instant after the last one: beside one at which something happens, or not.
sub next_instant
{
	my ($last, @accounts) = @_;
	my @turns = grep { $_ > $last + 1 && $_ < $last + 40 * 86400e6 } (map { turns($_) } @accounts), @special;

	return pick(map { ($_, $_ - 1, $_ + 1) } pick(@turns)) + 0 if @turns && rand() < 0.3;
	return $last + 1 + int rand(pick(60e6, 3600e6, 86400e6, 3 * 86400e6));
}

# One that is to come, of a customer.
sub later
{
	my ($customer) = @_;
	my @turns = grep { $_ > $now + 1 } turns($customer);

	return @turns && rand() < 0.8 ? pick(@turns) + pick(-1, 0, 1) : $now + int rand(100 * 86400e6);
}

sub at
{
	my ($instant) = @_;

	return value("SELECT (extract(epoch FROM $instant) * 1000000)::bigint");
}

sub in_text
{
	my ($instant) = @_;

	return value("SELECT 'epoch'::timestamptz + $instant * interval '1 microsecond'");
}

sub set_now
{
	my ($instant) = @_;

	sql("SELECT set_config('segment.now', ('epoch'::timestamptz + $instant * interval '1 microsecond')::text, false);");
	return;
}

# When what becomes active at an instant expires; undef is never.
sub expiry
{
	my ($program, $active) = @_;
	my $t = "('epoch'::timestamptz + $active * interval '1 microsecond')";
	my %sql = (
		plain => undef,
		year => "$t + interval '12 months'",
		month => "$t + interval '1 month'",
		quarter => "date_trunc('quarter', $t + interval '1 month') + interval '3 months'",
		yearly => "date_trunc('year', $t) + interval '2 years'",
		weekly => "date_trunc('week', $t) + interval '7 days'",
		idle => "$t + interval '14 days'",
	);

	return defined $sql{ $program->{name} } ? at($sql{ $program->{name} }) : undef;
}
