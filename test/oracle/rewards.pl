# Do rewards, vouchers and stock do what a simulator says that goes through time step
# by step?
#
# The simulator knows batches of points, which expire, a debt, and vouchers; a shelf
# with so many of each reward on it.  It knows nothing of lots, entries and what is
# written ahead.  Random customers earn, spend, get rewards, use vouchers, have them
# cancelled, and give back what they earned, at random instants: at ends of months
# and weeks, on leap days, where clocks are set, and at the very instants at which a
# batch or a voucher expires.  Some rewards come by themselves, as soon as their
# price is reached.  After each step all balances, vouchers and stocks are those of
# the simulator, now and at an instant to come, and a request is refused if the
# simulator refuses it, for the same reason.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/rewards.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260229;
my $steps = $ENV{STEPS} // 150;
my $zone = 'Europe/Copenhagen';
my @customers = (1 .. 4);
my @programs = (
	{ name => 'month', expires => "+ interval '1 month'", terms => 'after 1 month', returns => 'debt' },
	{ name => 'ever', terms => 'never', returns => 'forgive' },
	{ name => 'kind', expires => "+ interval '2 weeks'", terms => 'after 2 weeks', returns => 'pending only' },
);
# what SQL says of the instant $1, in the zone of the session
my %rewards = (
	mug => { price => 15, stock => 4, most => 2, period => 'this month', counts => "at >= date_trunc('month', now)", expires => "at + interval '1 month'",
		terms => 'after 1 month', least => 20 },
	cup => { price => 5, most => 3, period => 'last 10 days', counts => "at + interval '10 days' > now", expires => "date_trunc('week', at) + interval '1 week'",
		terms => 'end of this week' },
	bag => { price => 8, stock => 10, most => 1, period => 'last 1 month', counts => "at + interval '1 month' > now",
		expires => "date_trunc('quarter', at + interval '1 day') + interval '3 months'", terms => 'after 1 day to the end of quarter', lucky => 1 },
	coffee => { price => 90, stock => 12, auto => 1, expires => "at + interval '3 weeks'", terms => 'after 3 weeks' },
	dinner => { price => 200, auto => 1, most => 1, period => 'this week', counts => "at >= date_trunc('week', now)", terms => 'never' },
);
# local times at which something is special
my @special = ('2024-02-28 23:59:59', '2024-02-29 00:00', '2024-02-29 12:00', '2024-03-30 02:30', '2024-03-31 03:30', '2024-03-31 23:59:59.999999',
	'2024-04-01 00:00', '2024-04-30 12:00', '2024-06-30 23:59:59.999999', '2024-07-01 00:00', '2024-10-26 02:30', '2024-10-27 02:30', '2024-10-27 12:00');
my (%count, $now, %shelf, %account);

srand $seed;
print "# seed $seed, $steps steps for each program\n";
sql("CREATE EXTENSION segment;
	SET TimeZone = '$zone';
	SET DateStyle = 'ISO, YMD';
	SET segment.now = '2024-01-30 10:00+01';
	SET client_min_messages = warning;
	CREATE TABLE customers (customer_id bigint PRIMARY KEY, lucky boolean);
	INSERT INTO customers SELECT i, i % 2 = 0 FROM generate_series(1, " . @customers . ") AS i;");
@special = map { instant("timestamptz '$_'") } @special;
simulate($_) for grep { !$ENV{PROGRAM} || $_->{name} eq $ENV{PROGRAM} } @programs;
print '# ', join(', ', map { "$count{$_} $_" } sort keys %count), "\n";
done();

sub simulate
{
	my ($program) = @_;
	my $name = $program->{name};
	my (@grants, @vouchers);

	%account = map { $_ => { key => $_, batches => [], debt => 0, vouchers => [] } } @customers;
	%shelf = map { $_ => $rewards{$_}{stock} } grep { defined $rewards{$_}{stock} } keys %rewards;
	set_now(instant("timestamptz '2024-01-30 10:00'"));
	sql("SELECT segment.create_population('guest', timezone => '$zone');
		SELECT segment.attach_source('customers');
		SELECT segment.create_trait('lucky', 'customers.lucky');
		SELECT segment.create_audience('lucky_ones', 'lucky');
		SELECT segment.create_program('$name', expires => '$program->{terms}', returns => '$program->{returns}');");
	for my $reward (sort keys %rewards)
	{
		my $r = $rewards{$reward};

		sql("SELECT segment.create_reward('$name', '$reward', $r->{price}, expires => '$r->{terms}'"
			  . (defined $r->{stock} ? ", stock => $r->{stock}" : '') . ($r->{most} ? ", most => $r->{most}, period => '$r->{period}'" : '')
			  . ($r->{auto} ? ', auto => true' : '') . ($r->{lucky} ? ", condition => 'in audience lucky_ones'" : '')
			  . ($r->{least} ? ", condition => '$name.balance >= $r->{least}'" : '') . ');');
	}
	sql("SELECT segment.join_program('$name', $_, '$_');") for @customers;
	for my $step (1 .. $steps)
	{
		set_now(next_instant());
		my $what = step($program, \@grants, \@vouchers);
		my $fine = agrees($name, "step $step: $what", $now);
		my $then = next_instant();

		if ($fine)
		{
			my $before = $now;

			set_now($then);
			$fine = agrees($name, "step $step: $what: at " . in_text($then), $then);
			set_now($before);
		}
		last if !$fine;
	}
	my %got = map { $_->[0] => "$_->[1] $_->[2] $_->[3]" } rows("SELECT movement, reward, ended, (extract(epoch FROM nullif(ended_at, 'infinity')) * 1000000)::bigint
		FROM segment_data.guest_${name}_voucher");
	my %expected = map { $_->{movement} => "$_->{reward} " . ($_->{ended} // 'expired') . ' ' . ($_->{ended_at} // $_->{expires} // '(null)') } @vouchers;
	my @differ = grep { ($got{$_} // 'none') ne ($expected{$_} // 'none') } sort { $a <=> $b } keys %{ { %got, %expected } };

	print "# $_: ", $got{$_} // 'none', ', and should be ', $expected{$_} // 'none', "\n" for @differ;
	ok_if(!@differ, "$name: " . keys(%got) . ' vouchers ended as they should');
	ok_if(value("SELECT count(*) FROM segment.verify_program('$name')") == 0, "$name: verify_program() finds nothing");
	ok_if(value("SELECT count(*) FROM segment.verify('guest')") == 0, "$name: verify() finds nothing");
	sql("SELECT segment.drop_population('guest', cascade => true);");
	return;
}

# Are balances, vouchers and stocks those of the simulator, as of an instant?
sub agrees
{
	my ($name, $what, $at) = @_;
	my %got = map { $_->[0] => "$_->[1] $_->[2]" } rows("SELECT customer_id, ${name}_balance, ${name}_vouchers FROM guest");
	my %stock = map { $_->[0] => $_->[1] } rows('SELECT reward, stock FROM segment.reward WHERE stock IS NOT NULL');
	my $fine = 1;

	for my $key (@customers)
	{
		my $expected = balance($account{$key}, $at) . ' ' . grep { is_open($_, $at) } @{ $account{$key}{vouchers} };

		$fine &&= $got{$key} eq $expected || ok_if(0, "$name, $what: $key has $got{$key}, and should have $expected");
	}
	for my $reward (keys %shelf)
	{
		$fine &&= $stock{$reward} == $shelf{$reward} || ok_if(0, "$name, $what: of $reward $stock{$reward} are left, and should be $shelf{$reward}");
	}
	return $fine;
}

# ---- what customers and tills do ---------------------------------------------

# One request, of the program and of the simulator.
sub step
{
	my ($program, $grants, $vouchers) = @_;
	my $name = $program->{name};
	my $who = pick(@customers);
	my $customer = $account{$who};
	my $what = pick_weighted(earn => 8, spend => 1, reward => 9, use => 5, cancel => 3, back => 3, stock => 1);
	my $why;

	if ($what eq 'earn')
	{
		my $points = 1 + int rand pick(20, 60, 100, 300);
		my $number = call("SELECT movement AS number FROM segment.earn('$name', $who, $points) AS movement");
		my $batch = { left => $points, expires => $program->{expires} ? instant("at $program->{expires}") : undef, n => scalar @{ $customer->{batches} } };

		push @{ $customer->{batches} }, $batch;
		push @$grants, { number => $number, who => $who, left => $points, batch => $batch };
		pay($customer);
		issue($program, $customer, $vouchers);
		$what .= " $points";
	}
	elsif ($what eq 'spend')
	{
		my $points = 1 + int rand 30;

		call("SELECT movement AS number FROM segment.redeem('$name', $who, $points) AS movement", available($customer, $now) < $points && 'cannot spend');
		spend($customer, $points) if available($customer, $now) >= $points;
		$what .= " $points";
	}
	elsif ($what eq 'reward')
	{
		my $reward = pick(sort keys %rewards);
		my $number;

		$why = refusal($customer, $reward);
		$number = call("SELECT movement AS number FROM segment.redeem_reward('$name', $who, '$reward')", $why);
		get($customer, $reward, $number, 0, $vouchers) if !$why;
		$what .= " $reward";
	}
	elsif ($what eq 'use' || $what eq 'cancel')
	{
		return 'nothing' if !@$vouchers;
		# mostly one that can be used
		my @some = grep { rand() < 0.1 || is_open($_, $now) } @$vouchers;
		my $voucher = @some ? pick(@some) : $vouchers->[-1];
		my $code = "(SELECT code FROM segment_data.guest_${name}_voucher WHERE movement = $voucher->{movement})";

		$customer = $voucher->{customer};
		if ($what eq 'use')
		{
			$why = ($voucher->{ended} // '') eq 'used' ? 'was used already' : $voucher->{ended} ? 'was cancelled' : is_open($voucher, $now) ? undef : 'has expired';
			call("SELECT 0 AS number FROM segment.use_voucher('$name', $code)", $why);
			@$voucher{qw(ended ended_at)} = ('used', $now) if !$why;
		}
		else
		{
			my $way = rand() < 0.5 ? "cancel_voucher('$name', $code)" : "reverse('$name', $voucher->{movement})";

			$why = !$voucher->{ended} ? undef : $voucher->{ended} eq 'used' ? 'cannot be cancelled' : 'is reversed already';
			call("SELECT movement AS number FROM segment.$way AS movement", $why);
			if (!$why)
			{
				put_back($voucher);
				issue($program, $customer, $vouchers) if !$voucher->{auto};
			}
		}
		$what .= " $voucher->{reward} $voucher->{movement}";
	}
	elsif ($what eq 'back')
	{
		return 'nothing' if !@$grants;
		my $grant = $grants->[-1 - int rand(@$grants > 10 ? 10 : @$grants)];
		my $points = $grant->{left} && 1 + int rand $grant->{left};

		call("SELECT movement AS number FROM segment.reverse('$name', $grant->{number}" . ($points ? ", $points" : '') . ') AS movement',
			$grant->{left} == 0 && 'is reversed already');
		take_back($program, $account{ $grant->{who} }, $grant, $points);
		issue($program, $account{ $grant->{who} }, $vouchers) if $points;
		$what .= " $points of $grant->{number}";
	}
	else
	{
		my $reward = pick(sort keys %shelf);

		$shelf{$reward} = int rand 8;
		sql("SELECT segment.alter_reward('$name', '$reward', stock => $shelf{$reward});");
		$what .= " $shelf{$reward} $reward";
	}
	$count{ (split / /, $what)[0] . ($why ? ": $why" : '') }++;
	return "$what of $customer->{key}";
}

# The number that a query returns; undef if it is refused, as it should be.
sub call
{
	my ($query, $why) = @_;
	my $error = attempt("$query \\gset");

	if ($why)
	{
		return if defined $error && $error =~ /\Q$why\E/;
		die 'at ' . in_text($now) . ": $query: should be refused: $why; " . ($error // 'done') . "\n";
	}
	die 'at ' . in_text($now) . ": $query: $error\n" if defined $error;
	return value('SELECT :number');
}

# ---- the simulator -----------------------------------------------------------

# Why a customer cannot have a reward now; undef if that is possible.
sub refusal
{
	my ($customer, $reward) = @_;
	my $r = $rewards{$reward};

	return 'may not have' if $r->{lucky} && $customer->{key} % 2 || $r->{least} && balance($customer, $now) < $r->{least};
	return 'often enough' if had($customer, $reward) >= ($r->{most} || 9e9);
	return 'out of stock' if defined $shelf{$reward} && $shelf{$reward} == 0;
	return 'cannot spend' if available($customer, $now) < $r->{price};
	return;
}

# How many of a reward a customer has had in its period.
sub had
{
	my ($customer, $reward) = @_;
	my @issued = map { $_->{issued} } grep { $_->{reward} eq $reward && ($_->{ended} // '') ne 'cancelled' } @{ $customer->{vouchers} };

	return 0 if !@issued || !$rewards{$reward}{most};
	return value("SELECT count(*) FROM (SELECT 'epoch'::timestamptz + i * interval '1 microsecond' AS at, 'epoch'::timestamptz + $now * interval '1 microsecond' AS now
		FROM unnest(ARRAY[" . join(', ', @issued) . "]::bigint[]) AS i) AS x WHERE $rewards{$reward}{counts}");
}

# A customer gets a reward.
sub get
{
	my ($customer, $reward, $movement, $auto, $vouchers) = @_;
	my $r = $rewards{$reward};
	my $voucher = { customer => $customer, reward => $reward, movement => $movement, auto => $auto, issued => $now, shares => spend($customer, $r->{price}),
		expires => $r->{expires} && instant($r->{expires}) };

	$shelf{$reward}-- if defined $shelf{$reward};
	push @{ $customer->{vouchers} }, $voucher;
	push @$vouchers, $voucher;
	$count{issued}++ if $auto;
	return;
}

# Points turn into what comes by itself, the dearest first.
sub issue
{
	my ($program, $customer, $vouchers) = @_;
	my @numbers = map { $_->[0] } rows("SELECT movement FROM segment_data.guest_$program->{name}_voucher WHERE movement > "
		  . (@$vouchers ? $vouchers->[-1]{movement} : 0) . ' ORDER BY 1');

	for my $reward (sort { $rewards{$b}{price} <=> $rewards{$a}{price} } grep { $rewards{$_}{auto} } keys %rewards)
	{
		while (!defined refusal($customer, $reward))
		{
			get($customer, $reward, shift(@numbers) // -1, 1, $vouchers);
		}
	}
	return;
}

# A voucher is cancelled.
sub put_back
{
	my ($voucher) = @_;

	$voucher->{ended_at} = defined $voucher->{expires} && $voucher->{expires} < $now ? $voucher->{expires} : $now;
	$voucher->{ended} = 'cancelled';
	$shelf{ $voucher->{reward} }++ if defined $shelf{ $voucher->{reward} };
	$_->[0]{left} += $_->[1] for @{ $voucher->{shares} };
	pay($voucher->{customer});
	return;
}

# What was earned is taken back: from what is left of it, from what else there is,
# and from what has turned into vouchers by itself.
sub take_back
{
	my ($program, $customer, $grant, $points) = @_;

	$grant->{left} -= $points;
	return if $program->{returns} eq 'pending only';
	while (1)
	{
		for my $batch ($grant->{batch}, $program->{returns} eq 'debt' ? good($customer, $now) : ())
		{
			my $some = $batch->{left} < $points ? $batch->{left} : $points;

			$batch->{left} -= $some;
			$points -= $some;
		}
		# those first that these points have paid for
		my ($last) = sort { paid($b, $grant) <=> paid($a, $grant) || $b->{movement} <=> $a->{movement} }
		  grep { paid($_, $grant) || $program->{returns} eq 'debt' && grep { !defined $_->[0]{expires} || $_->[0]{expires} > $now } @{ $_->{shares} } }
		  grep { $_->{auto} && is_open($_, $now) } @{ $customer->{vouchers} };

		last if $points == 0 || !$last;
		put_back($last);
		$count{'taken from vouchers'}++;
	}
	$customer->{debt} += $points if $program->{returns} eq 'debt';
	return;
}

# Have points of a grant paid for a voucher?
sub paid
{
	my ($voucher, $grant) = @_;

	return (grep { $_->[0] == $grant->{batch} } @{ $voucher->{shares} }) ? 1 : 0;
}

sub is_open
{
	my ($voucher, $at) = @_;

	return !defined $voucher->{ended} && (!defined $voucher->{expires} || $voucher->{expires} > $at);
}

# Those that can be spent, the soonest to expire first.
sub good
{
	my ($customer, $at) = @_;

	return sort { ($a->{expires} // 9e18) <=> ($b->{expires} // 9e18) || $a->{n} <=> $b->{n} }
	  grep { !defined $_->{expires} || $_->{expires} > $at } @{ $customer->{batches} };
}

sub available
{
	my ($customer, $at) = @_;
	my $sum = 0;

	$sum += $_->{left} for good($customer, $at);
	return $sum;
}

sub balance
{
	my ($customer, $at) = @_;

	return available($customer, $at) - $customer->{debt};
}

sub spend
{
	my ($customer, $points) = @_;
	my @shares;

	for my $batch (good($customer, $now))
	{
		my $some = $batch->{left} < $points ? $batch->{left} : $points;

		$batch->{left} -= $some;
		$points -= $some;
		push @shares, [ $batch, $some ] if $some;
	}
	die "the simulator spends what is not there\n" if $points;
	return \@shares;
}

# Debts are paid by what there is.
sub pay
{
	my ($customer) = @_;
	my $some = available($customer, $now);

	$some = $customer->{debt} if $some > $customer->{debt};
	spend($customer, $some);
	$customer->{debt} -= $some;
	return;
}

# ---- time --------------------------------------------------------------------

# Microseconds of an instant in SQL, in which "at" is now.
sub instant
{
	my ($sql) = @_;
	my $at = $now // 0;

	return value("SELECT (extract(epoch FROM $sql) * 1000000)::bigint FROM (SELECT 'epoch'::timestamptz + $at * interval '1 microsecond' AS at) AS x");
}

sub in_text
{
	my ($at) = @_;

	return value("SELECT 'epoch'::timestamptz + $at * interval '1 microsecond'");
}

sub set_now
{
	($now) = @_;
	sql("SELECT set_config('segment.now', ('epoch'::timestamptz + $now * interval '1 microsecond')::text, false);");
	return;
}

# A later instant: soon, or when something expires or is special.
sub next_instant
{
	my @ends = sort { $a <=> $b } grep { $_ > $now }
	  map { $_->{expires} // 0 } map { @{ $_->{batches} }, @{ $_->{vouchers} } } values %account;
	my ($special) = grep { $_ > $now } @special;
	my $kind = pick_weighted(none => 5, soon => 8, days => 3, end => 3, special => 1);

	return $now if $kind eq 'none';
	return $ends[0] - int rand 2 if $kind eq 'end' && @ends && $ends[0] > $now + 1;
	return $special if $kind eq 'special' && defined $special && $special < $now + 40 * 86400e6;
	return $now + 1 + int rand($kind eq 'days' ? 6 * 86400e6 : 86400e6 / 2);
}
