# Do rules grant, under their caps, what a simulator grants that goes through the
# rows one by one?
#
# Random statements insert, change, move to other customers and other days, and delete
# visits, several at a time; rules with other factors and caps a day, a week, a month or
# ever get new versions meanwhile.  Two of the three tables are partitioned by time.
#
# The simulator knows rows and what each has earned; periods are told by date_trunc() in
# the population's zone, and times lie where clocks are set, and where days, weeks and
# months end.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/earning.pl

use strict;
use warnings;

use Oracle;
use POSIX qw(floor ceil);

my $seed = $ENV{SEED} // 20260327;
my $steps = $ENV{STEPS} // 200;
my $zone = 'Europe/Copenhagen';
my @customers = (1 .. 3);
my @times = map { "2024-$_" } ('03-30 22:59:59.999999+00', '03-30 23:00+00', '03-31 00:30+00', '03-31 01:00+00', '03-31 21:59:59+00', '03-31 22:00+00',
	'04-01 10:00+00', '04-07 21:59+00', '04-07 22:00+00', '10-26 21:59:59+00', '10-26 22:00+00', '10-27 00:30+00', '10-27 01:30+00', '10-27 22:59:59.999999+00',
	'10-27 23:00+00', '10-31 22:59+00', '10-31 23:00+00');
my ($now, %period, %row, %grant, %rule, %was);

srand $seed;
print "# seed $seed, $steps steps for each rounding\n";
sql("CREATE EXTENSION segment; SET TimeZone = 'UTC'; SET client_min_messages = warning;");
simulate($_) for qw(down nearest up);
done();

sub simulate
{
	my ($rounding) = @_;
	my $next = 1;

	(%row, %grant, %rule) = ();
	$now = 0;
	set_clock();
	# rows without a time are in the last partition
	sql('CREATE TABLE visits (visit bigserial, customer_id bigint, points numeric, at timestamptz)'
		. ($rounding eq 'down' ? '; ALTER TABLE visits ADD PRIMARY KEY (visit);'
			: " PARTITION BY RANGE (at); ALTER TABLE visits ADD UNIQUE (visit, at);
			CREATE TABLE visits_spring PARTITION OF visits FOR VALUES FROM (MINVALUE) TO ('2024-03-31 00:30+00');
			CREATE TABLE visits_summer PARTITION OF visits FOR VALUES FROM ('2024-03-31 00:30+00') TO ('2024-10-27 00:30+00');
			CREATE TABLE visits_autumn PARTITION OF visits DEFAULT;"));
	sql("CREATE INDEX ON visits (customer_id, at);
		SELECT segment.create_population('guest', timezone => '$zone');
		SELECT segment.attach_source('visits', at => 'at');
		SELECT segment.create_program('club', rounding => '$rounding');");
	sql("SELECT segment.join_program('club', $_, '$_');") for @customers;
	new_version('plain', 0);
	new_version($_, 1) for qw(a b c);
	for my $step (1 .. $steps)
	{
		my (%old, %new, $what);

		$now++;
		set_clock();
		new_version(pick(qw(a b c)), 1) if rand() < 0.05;
		%old = %row;
		%new = %row;
		if (rand() < 0.55 || !%row)
		{
			my @made = map { $next++ } 1 .. 1 + int rand 4;

			$new{$_} = new_row() for @made;
			$what = 'INSERT INTO visits VALUES ' . join(', ', map { "($_, " . in_row($new{$_}) . ')' } @made);
		}
		elsif (rand() < 0.3)
		{
			my @gone = some_of(keys %row);

			delete @new{@gone};
			$what = 'DELETE FROM visits WHERE visit IN (' . join(', ', @gone) . ')';
		}
		else
		{
			my @changed = some_of(keys %row);

			for (@changed)
			{
				my $to = new_row();

				$new{$_} = { %{ $row{$_} } };
				$new{$_}{points} = $to->{points} if rand() < 0.7;
				$new{$_}{at} = $to->{at} if rand() < 0.3;
				$new{$_}{who} = $to->{who} if rand() < 0.2;
			}
			$what = 'UPDATE visits AS v SET customer_id = n.who, points = n.points, at = n.at FROM (VALUES '
			  . join(', ', map { "($_, " . in_row($new{$_}) . ')' } @changed) . ') AS n (visit, who, points, at) WHERE v.visit = n.visit';
		}
		sql("$what;");
		%row = %new;
		grant_all($rounding, \%old, \%new);
		my %is = map { ("$_->[0] $_->[1]" => "$_->[2] $_->[3]") } rows('SELECT rule, ref, key, points FROM segment_data.guest_club_granted');
		my %ought = map { my $name = $_; map { ("$name $_" => "$grant{$name}{$_}{who} $grant{$name}{$_}{points}") } keys %{ $grant{$name} } } keys %grant;
		my @wrong = grep { ($is{$_} // 'none') ne ($ought{$_} // 'none') } sort keys %{ { %is, %ought } };

		if (@wrong)
		{
			ok_if(0, "$rounding, step $step: $what: $_ has " . ($is{$_} // 'none') . ', and should have ' . ($ought{$_} // 'none')) for @wrong;
			last;
		}
	}
	my %sum = map { $_ => 0 } @customers;

	for my $name (keys %grant)
	{
		$sum{ $_->{who} } += $_->{points} for values %{ $grant{$name} };
	}
	my $balances = value("SELECT string_agg(club_balance::text, ' ' ORDER BY customer_id) FROM guest");

	ok_if($balances eq join(' ', @sum{@customers}), "$rounding: balances are $balances, and rows have earned @sum{@customers}");
	ok_if(value("SELECT count(*) FROM segment.verify_program('club')") == 0, "$rounding: verify_program() finds nothing");
	ok_if(value("SELECT count(*) FROM segment.verify('guest')") == 0, "$rounding: verify() finds nothing");
	sql("SELECT segment.drop_population('guest', cascade => true); DROP TABLE visits;");
	return;
}

# ---- what happens ---------------------------------------------------------------

sub set_clock
{
	sql("SET segment.now = '" . value("SELECT timestamptz '2024-11-01 10:00+00' + $now * interval '7 hours'") . q{';});
	return;
}

sub new_version
{
	my ($name, $capped) = @_;
	my $version = { factor => pick(0.5, 1, 1.5, 2), cap => $capped ? pick(5, 10, 25, 60) : 0, per => pick(qw(day day week month quarter year ever)) };

	sql("SELECT segment.create_earning('club', '$name', 'visits.points * $version->{factor}', ref => 'visit'"
		. ($capped ? ", cap => $version->{cap}, per => '$version->{per}'" : '') . ');');
	push @{ $rule{$name} }, $version;
	return;
}

sub new_row
{
	return { who => pick(@customers), points => pick(undef, 0, map({ 1 + int rand 15 } 1 .. 8), map({ (1 + int rand 40) / 4 } 1 .. 4), -int rand 20), at => pick(@times, undef) };
}

sub in_row
{
	my ($row) = @_;

	return join(', ', $row->{who}, $row->{points} // 'NULL::numeric', defined $row->{at} ? "timestamptz '$row->{at}'" : 'NULL::timestamptz');
}

sub some_of
{
	my @all = sort { $a <=> $b } @_;
	my %some = map { pick(@all) => 1 } 1 .. 1 + int rand 4;

	return sort { $a <=> $b } keys %some;
}

# ---- the simulator --------------------------------------------------------------

# What all rules make of the rows, which were as in one hash, and are as in another.
sub grant_all
{
	my ($rounding, $old, $new) = @_;
	my $clock = value("SELECT segment.now()");

	for my $name (sort keys %rule)
	{
		# first what is no customer's any more
		for my $ref (keys %{$old})
		{
			my $held = $grant{$name}{$ref};

			next if !$held || $held->{who} != $old->{$ref}{who};
			my $stays = $new->{$ref} && $new->{$ref}{who} == $held->{who} && defined $new->{$ref}{points};

			@{$held}{qw(raw points)} = (0, 0) if !$stays;
		}
		my @waiting;

		for my $ref (sort keys %{$new})
		{
			my $row = $new->{$ref};
			my $before = $old->{$ref};
			my $held = $grant{$name}{$ref};
			my $stayed = $before && $before->{who} == $row->{who};

			next if $stayed && same($row, $before);
			next if !defined $row->{points};
			if (!$held || $held->{who} != $row->{who})
			{
				next if $stayed && defined $before->{points};
				$held = $grant{$name}{$ref} = { who => $row->{who}, version => $#{ $rule{$name} }, raw => 0, points => 0 };
			}
			push @waiting, [ $ref, $held ];
		}
		# those that give back, then those that want more
		for my $more (0, 1)
		{
			for my $one (@waiting)
			{
				my ($ref, $held) = @{$one};
				my $version = $rule{$name}[ $held->{version} ];
				my $raw = $new->{$ref}{points} * $version->{factor};
				my $wanted = rounded($rounding, $raw);
				my $wants = $one->[2] //= !exists $held->{at} || $wanted > $held->{points} ? 1 : 0;

				next if $wants != $more;
				my $at = $new->{$ref}{at} // $clock;
				my $same = exists $held->{at} && $raw == $held->{raw} && in_period($version, $at) eq in_period($version, $held->{at});

				if ($version->{cap} && !$same && $wanted > 0)
				{
					my $others = 0;

					for my $other (keys %{ $grant{$name} })
					{
						my $that = $grant{$name}{$other};

						$others += $that->{points} if $other ne $ref && $that->{who} == $held->{who} && exists $that->{at}
						  && in_period($version, $that->{at}) eq in_period($version, $at);
					}
					my $room = $version->{cap} > $others ? $version->{cap} - $others : 0;

					$wanted = $room if $wanted > $room;
				}
				$held->{points} = $wanted if !$version->{cap} || !$same;
				@{$held}{qw(raw at)} = ($raw, $at);
			}
		}
	}
	return;
}

sub same
{
	my ($a, $b) = @_;

	return ($a->{points} // 'none') eq ($b->{points} // 'none') && ($a->{at} // 'none') eq ($b->{at} // 'none') ? 1 : 0;
}

sub rounded
{
	my ($rounding, $raw) = @_;
	my $size = abs $raw;

	$size = $rounding eq 'down' ? floor($size) : $rounding eq 'up' ? ceil($size) : floor($size + 0.5);
	return $raw < 0 ? -$size : $size;
}

# The period of a version in which a time is.
sub in_period
{
	my ($version, $at) = @_;

	return 'ever' if $version->{per} eq 'ever';
	return $period{"$version->{per} $at"} //= value("SELECT date_trunc('$version->{per}', timestamptz '$at' AT TIME ZONE '$zone')");
}
