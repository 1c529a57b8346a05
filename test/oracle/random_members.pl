# Are the stored members of random audiences those that naive SQL finds?
#
# Three tables feed a population.  Four sessions write to them at random, each
# in transactions of its own with savepoints, and others fold, define and go
# back on it in between:
#
#	session 1	BEGIN; INSERT INTO orders ...
#	session 3	SELECT * FROM segment.tick(3);
#	session 1	SAVEPOINT here; DELETE FROM customers ...; ROLLBACK TO here;
#	session 2	SELECT segment.alter_audience('loyal', ...);
#	session 1	COMMIT;
#
# Audiences are drawn from a grammar that writes each filter twice, once for
# segment and once as a condition over the tables.  After every step both are
# compared, in all ways to ask for members, as a session sees them that has
# nothing open and as the one that has just acted sees them.  Now and then
# everything is folded: then who replays the feed from its start must have the
# members too; and of events the feed tells what each transaction came to, once
# for a customer and an audience or not at all, as naive SQL says before and after
# its commit.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/random_members.pl
#
# Where SEED is odd, the population belongs to a role that may do no more than
# own it, and has a trigger on the base table that keeps a copy of it: the copy
# must be equal, and the trigger must have run as that role.
#
# No two sessions that are open touch the same customer, and who defines waits
# for the others to end: nobody waits for a lock, and who does fails.
#
# The first difference is printed with the statements of all sessions, as few as
# SHRINK seconds can make them.

use strict;
use warnings;

use Oracle;

use constant WRITERS => 4;
use constant CUSTOMERS => 24;

my $seed = $ENV{SEED} // 20261125;
my $steps = $ENV{STEPS} // 250;
my $patience = $ENV{SHRINK} // 60;
my $audited = $seed % 2;
my $owner = 'random_members_owner';

my $tables = q{
CREATE TYPE mood AS ENUM ('glum', 'merry');
CREATE TABLE customers (
	customer_id bigint PRIMARY KEY,
	city text,
	credit numeric,
	newsletter boolean,
	tags text[],
	mood mood GENERATED ALWAYS AS (CASE WHEN credit > 4 THEN 'merry'::mood WHEN credit IS NOT NULL THEN 'glum' END) STORED
);
CREATE TABLE orders (
	order_id integer PRIMARY KEY,
	customer_id bigint,
	ordered_at timestamptz,
	store text,
	amount numeric,
	units integer
);
CREATE TABLE visits (visit_id integer PRIMARY KEY, customer_id bigint, visited_at timestamptz, seconds integer);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON visits (customer_id, visited_at);
};

# name, what it is for a customer of whom there is nothing to tell, and one
# definition or more: in segment's words and in SQL
my @traits = (
	[ city => undef, [ 'customers.city', of_customers('city') ] ],
	[ credit => undef, [ 'customers.credit', of_customers('credit') ] ],
	[ newsletter => undef, [ 'customers.newsletter', of_customers('newsletter') ] ],
	[ tags => undef, [ 'customers.tags', of_customers('tags') ] ],
	[ mood => undef, [ 'customers.mood', of_customers('mood') ] ],
	[ order_count => '0', [ 'count(orders)', of('orders', 'count(*)') ],
		[ 'count(orders where units > 4)', of('orders', 'count(*)', 'units > 4') ] ],
	[ spent => '0', [ 'sum(orders.amount)', of('orders', 'sum(amount)') ],
		[ 'sum(orders.amount where store = "Harbour" or units >= 5)',
			of('orders', 'sum(amount)', "store = 'Harbour' OR units >= 5") ] ],
	[ biggest => undef, [ 'max(orders.amount)', of('orders', 'max(amount)') ],
		[ 'min(orders.amount)', of('orders', 'min(amount)') ] ],
	[ bulk => 'false', [ 'exists(orders where units >= 8)', of('orders', 'bool_or(units >= 8)') ] ],
	[ stores => "'{}'", [ 'list(distinct orders.store)',
			of('orders', 'array_agg(DISTINCT store ORDER BY store)', 'store IS NOT NULL') ] ],
	[ last_order_at => undef, [ 'max(orders.ordered_at)', of('orders', 'max(ordered_at)') ] ],
	[ visit_count => '0', [ 'count(visits)', of('visits', 'count(*)') ] ],
	[ seconds => '0', [ 'sum(visits.seconds)', of('visits', 'sum(seconds)') ] ],
);

# formulas over these
my @formulas = (
	[ per_visit => 'spent / visit_count', 'spent / nullif(visit_count, 0)' ],
	[ home => 'coalesce(city, "?")', "coalesce(city, '?')" ],
);

my @names = qw(loyal lapsed local curious thrifty generous quiet regular);
my @cities = qw(Harbour Station Campus Online);

# what each session knows: the audiences it sees, by name
#
#	filter, condition	"{loyal}" stands for the condition of that audience
#	view				has it a view?
#	uses				audiences that the filter mentions
#	clock				is the clock part of it?  Then the feed is not asked for it
my %committed;

# what each session has open: undef, or
#
#	audiences	those it sees, where it has changed them
#	folds		has it folded, and does the fold still stand?
#	mixed		has it folded or defined, whatever became of it?
#	savepoints	copies of these, innermost last
my @open;

# customer => the session that has it to itself until it ends
my %claimed;

# what events did since all was folded: "audience key" => changes, one of each
# transaction; and whether some cannot be told apart: a transaction did more than
# write
my %expected;
my $mixed;
# up to where the feed was compared with that, and who is in what now, if known
my $compared = 0;
my $members;
my $transactions = 0;
# is there a label that filters name and nobody knows?
my $broken = 0;

my $setup = setup_script();
my @history;	 # steps, each a list of what was done: session, kind, text, ...
my $next_id = 1;
my $next_savepoint = 1;
my %most = (profiles => 0, members => 0, audiences => 0, transitions => 0, open => 0);
my %kinds = (
	begin => 9,
	clock => 3,
	write => 30,
	reload => 4,
	savepoint => 4,
	back => 4,
	end => 5,
	caught => 2,
	tick => 9,
	settle => 3,
	define => 9,
	define_within => 4,
	trait => 1,
	truncate => 1,
	refused => 2,
	rebuild => 0.4,
	broken => 1,
	crowd => 0.4);

go_over_history();

sub go_over_history
{
	srand $seed;
	print "# seed $seed, $steps steps, sessions 1 to ${\WRITERS} and 0, who only looks\n";
	begin_again();
	for my $step (1 .. $steps)
	{
		my $kind = pick_weighted(map { $_ => $kinds{$_} } sort keys %kinds);
		my $wrong;

		push @history, [];
		$wrong = failure_of(sub { step($kind); compare_now($step) });
		next unless defined $wrong;

		ok_if(0, "step $step of seed $seed ($kind): $wrong");
		report($wrong);
		done();
	}
	ok_if(1, "$steps steps of seed $seed, compared after each");
	ok_if($most{profiles} > 15 && $most{audiences} > 4 && $most{members} > 20 && $most{transitions} > 100 && $most{open} > 2,
		"of up to $most{profiles} profiles with $most{members} memberships in $most{audiences} audiences,"
		  . " $most{open} sessions open at once, and $most{transitions} transitions in all");
	ok_if($transactions > $steps / 4, "what $transactions transactions came to is what the feed tells of them");
	done();
}

sub step
{
	my ($kind) = @_;

	__PACKAGE__->can("step_$kind")->(1 + int rand WRITERS);
	return;
}

# Steps ---------------------------------------------------------------------

sub step_begin
{
	my ($session) = @_;

	return step_write($session) if $open[$session];
	act($session, 'begin', 'BEGIN;');
	write_at_random($session) for 1 .. int rand 3;
	return;
}

# Clocks differ, and are put back.  No instant in these hours is one at which
# the clock changes a membership.
sub step_clock
{
	my ($session) = @_;

	act($session, 'clock', sprintf "SET segment.now = '2026-05-03 12:%02d+00';", int rand 60);
	return;
}

sub step_write
{
	my ($session) = @_;

	write_at_random($session);
	return;
}

# Rows go and come again, some of a customer's or all, and then perhaps a little
# different; with savepoints on the way.
sub step_reload
{
	my ($session) = @_;
	my @keys = claim($session);
	my $whose = 'customer_id IN (' . join(', ', @keys) . ')';
	my @tables = rand() < 0.6 ? qw(customers orders visits) : pick(qw(customers orders visits));
	# what is generated is not given
	my %given = (customers => 'customer_id, city, credit, newsletter, tags');
	my $keep = join '', map { "CREATE TEMP TABLE kept_$_ AS SELECT " . ($given{$_} // '*') . " FROM $_ WHERE $whose;\n" } @tables;
	my $remove = join '', map { "DELETE FROM $_ WHERE $whose;\n" } shuffled(@tables);
	my $again = join '', map { "INSERT INTO $_" . ($given{$_} ? " ($given{$_})" : '') . " TABLE kept_$_;\n" } shuffled(@tables);
	my $forget = join '', map { "DROP TABLE kept_$_;\n" } @tables;
	my $other = rand() < 0.3 ? random_update($tables[0], @keys) : '';

	act($session, 'write', $keep . pick(
		$remove . $again . $other,
		$remove . $again . $other,
		$remove . $again . $remove . $again,
		"SAVEPOINT reload;\n$remove$again$other" . "RELEASE reload;\n",
		"${remove}SAVEPOINT reload;\n$again${other}ROLLBACK TO reload;\n$again",
		"SAVEPOINT reload;\n${remove}ROLLBACK TO reload;\n$remove$again$other") . $forget);
	return;
}

sub step_savepoint
{
	my ($session) = @_;

	act($session, 'begin', 'BEGIN;') unless $open[$session];
	act($session, 'savepoint', 'SAVEPOINT s' . $next_savepoint++ . ';');
	write_at_random($session) if rand() < 0.8;
	return;
}

# Back to a savepoint, or past it.
sub step_back
{
	my ($session) = @_;
	my $state = $open[$session];
	my $depth;

	return step_savepoint($session) unless $state && @{ $state->{savepoints} };
	$depth = int rand @{ $state->{savepoints} };
	if (rand() < 0.75)
	{
		act($session, 'back', "ROLLBACK TO $state->{savepoints}[$depth]{name};", depth => $depth);
	}
	else
	{
		act($session, 'release', "RELEASE $state->{savepoints}[$depth]{name};", depth => $depth);
	}
	return;
}

sub step_end
{
	my ($session) = @_;

	return step_begin($session) unless $open[$session];
	end($session);
	return;
}

# An error, and what came before it in the block is gone.
sub step_caught
{
	my ($session) = @_;
	my @keys = claim($session);
	my ($lost, $kept) = map { random_write(@keys) } 1 .. 2;

	act($session, 'write', "DO \$do\$\nBEGIN\n\tBEGIN\n$lost" . pick("RAISE EXCEPTION 'no';", 'PERFORM 1 / 0;')
		  . "\n\tEXCEPTION WHEN OTHERS THEN\n\t\tNULL;\n\tEND;\n$kept" . "END \$do\$;");
	return;
}

sub step_tick
{
	my ($session) = @_;

	tick($session, pick(undef, 1, 2, 3, 5, 20));
	return;
}

# Everybody ends, everything is folded.
sub step_settle
{
	my ($session) = @_;

	end_others(0);
	tick($session, undef);
	compare_feed();
	act($session, 'ask', "SELECT 'verify', v::text FROM segment.verify() AS v", none => 1);
	return;
}

# While nothing is open, so that the feed can tell what a definition changed; or
# while something is still to be folded.
sub step_define
{
	my ($session) = @_;

	end_others(0);
	act($session, 'define', @{ random_definition(\%committed) }, told => rand() < 0.7);
	return;
}

# Definitions among events, some of which are taken back.
sub step_define_within
{
	my ($session) = @_;

	end_others($session);
	act($session, 'begin', 'BEGIN;') unless $open[$session];
	for (1 .. 2 + int rand 3)
	{
		my $what = rand();

		if ($what < 0.5)
		{
			act($session, 'define', @{ random_definition(audiences_of($session)) });
		}
		elsif ($what < 0.7)
		{
			write_at_random($session);
		}
		elsif ($what < 0.85)
		{
			step_back($session);
		}
		else
		{
			tick($session, pick(undef, 2));
		}
		compare_as($session) if rand() < 0.5;
	}
	end($session);
	return;
}

# A trait is defined otherwise: its audiences are decided again.
sub step_trait
{
	my ($session) = @_;
	my $trait = pick(grep { @$_ > 3 } @traits);
	my $choice = pick(2 .. $#$trait);
	my $text = "SELECT segment.alter_trait('$trait->[0]', \$t\$$trait->[$choice][0]\$t\$);\n"
	  . "CREATE OR REPLACE VIEW naive_$trait->[0] (customer_id, $trait->[0]) AS\n\t$trait->[$choice][1];";

	end_others(0);
	if (rand() < 0.5)
	{
		act($session, 'begin', 'BEGIN;');
		write_at_random($session);
		act($session, 'write', $text);
		write_at_random($session);
		compare_as($session);
		end($session);
		return;
	}
	act($session, 'begin', 'BEGIN;');
	act($session, 'write', $text);
	act($session, 'commit', 'COMMIT;');
	return;
}

# What is not done changes nothing: a statement past the extension, or a
# definition by a snapshot that may be too old.
sub step_refused
{
	my ($session) = @_;
	my $past = pick('UPDATE segment_data.profile SET source_rows = source_rows + 1',
		'DELETE FROM segment_data.profile', 'DELETE FROM segment_data.profile_toggle',
		'UPDATE segment_data.profile_chunk SET size = 0', 'DELETE FROM profile', 'DELETE FROM segment.feed',
		"UPDATE segment.audience SET filter = 'true'", 'UPDATE segment.feed_counter SET last = 0');
	my $old = pick("segment.detach_source('visits', cascade => true)", 'segment.tick()', 'segment.rebuild()',
		"segment.drop_population('profile', cascade => true)");

	if ($open[$session] || rand() < 0.5)
	{
		act($session, 'write', refused($past, 'object_not_in_prerequisite_state'));
		return;
	}
	act($session, 'begin', 'BEGIN ISOLATION LEVEL REPEATABLE READ;');
	act($session, 'write', refused("PERFORM $old", 'feature_not_supported'));
	act($session, 'commit', 'COMMIT;');
	return;
}

sub refused
{
	my ($statement, $condition) = @_;

	return "DO \$do\$\nBEGIN\n\t$statement;\n\tRAISE 'it was not refused';\n"
	  . "EXCEPTION WHEN $condition THEN\n\tNULL;\nEND \$do\$;";
}

sub step_truncate
{
	my ($session) = @_;
	my $text = 'TRUNCATE ' . pick('orders', 'visits', 'customers', 'orders, visits') . ';';

	end_others(0);
	act($session, 'begin', 'BEGIN;');
	write_at_random($session) if rand() < 0.5;
	act($session, 'write', $text);
	write_at_random($session);
	compare_as($session);
	act($session, rand() < 0.5 ? ('commit', 'COMMIT;') : ('rollback', 'ROLLBACK;'));

	# so that something is left to look at
	act($session, 'write', random_insert('customers', map { 1 + int rand CUSTOMERS } 1 .. 12));
	return;
}

sub step_rebuild
{
	my ($session) = @_;

	end_others(0);
	act($session, 'write', 'SELECT segment.rebuild();');
	return;
}

# For a while some filters do not bind, and nobody keeps their members.  Nothing
# else notices, and when it is mended the feed hears what was missed.
sub step_broken
{
	my ($session) = @_;

	end_others(0);
	act($session, 'write', "ALTER TYPE mood RENAME VALUE 'glum' TO 'sad';
ALTER TABLE segment_data.profile SET (fillfactor = 70);");
	write_at_random(1 + int rand WRITERS) for 1 .. 2 + int rand 3;
	tick($session, 5) if rand() < 0.5;
	act($session, 'write', "ALTER TYPE mood RENAME VALUE 'sad' TO 'glum';
ALTER TABLE segment_data.profile SET (fillfactor = 70);");
	# asked for, they are right again at once
	compare_as(0);
	write_at_random($session);
	act($session, 'write', 'SELECT segment.rebuild();');
	return;
}

# Thousands come, and go before long.
sub step_crowd
{
	my ($session) = @_;
	my $size = 4500 + int rand 1000;

	end_others(0);
	act($session, 'write', "INSERT INTO customers SELECT k, (ARRAY['Harbour', 'Station', NULL, 'Campus'])[k % 4 + 1], k % 9, k % 3 = 0, ARRAY['vegan']
	FROM generate_series(1001, 1000 + $size) AS k;
INSERT INTO orders SELECT $next_id + k, k, '2026-04-01', 'Station', k % 50, k % 10 FROM generate_series(1001, 1000 + $size / 2) AS k;");
	$next_id += 1001 + $size;
	compare_as(0);
	tick($session, pick(undef, 1000));
	act($session, 'begin', 'BEGIN;');
	act($session, 'write', 'UPDATE customers SET credit = 20 - credit WHERE customer_id > 1000;');
	compare_as($session);
	end($session);
	tick($session, undef) if rand() < 0.5;
	act($session, 'write', 'DELETE FROM orders WHERE customer_id > 1000;
DELETE FROM customers WHERE customer_id > 1000;');
	return;
}

# What sessions do ----------------------------------------------------------

# Do something, and note it.
sub act
{
	my ($session, $kind, $text, %more) = @_;
	my $done = { session => $session, kind => $kind, text => $text, %more };

	push @{ $history[-1] }, $done;
	perform($done);
	return;
}

sub write_at_random
{
	my ($session) = @_;
	my @keys = claim($session);

	act($session, 'write', random_write(@keys));
	return;
}

sub tick
{
	my ($session, $budget) = @_;

	act($session, 'tick', 'SELECT population, folded, pending FROM segment.tick(' . ($budget // '') . ')',
		budget => $budget);
	return;
}

sub end
{
	my ($session) = @_;

	return unless $open[$session];
	act($session, rand() < 0.65 ? ('commit', 'COMMIT;') : ('rollback', 'ROLLBACK;'));
	return;
}

sub end_others
{
	my ($session) = @_;

	for my $other (1 .. WRITERS)
	{
		end($other) if $other != $session;
	}
	return;
}

# A few customers that are nobody else's, to write to.
sub claim
{
	my ($session) = @_;
	my $free = sub { grep { !defined $claimed{$_} || $claimed{$_} == $session } 1 .. CUSTOMERS };
	my @keys;

	# the others have them all
	end_others($session) unless $free->();
	@keys = map { pick($free->()) } 1 .. 1 + int rand 4;

	$claimed{$_} = $session for $open[$session] ? @keys : ();
	return @keys;
}

# Do what history says, and keep in mind what it means.  Dies of what goes
# wrong; all that is random has been drawn before.
sub perform
{
	my ($done) = @_;
	my ($session, $kind) = @$done{ 'session', 'kind' };
	my $state = $open[$session];

	# before it is locked
	$members //= naive_members() if !$broken && $done->{text} =~ /\bTRUNCATE\b/;
	return perform_transaction($done)
	  if !$done->{noted} && ($kind eq 'commit' || $kind eq 'write' && !$state);
	$members = undef if $kind eq 'define';
	$state->{mixed} = 1
	  if $state && ($kind =~ /^(tick|define)$/ || $done->{text} =~ /\bsegment\.\w+_trait\(/);
	session($session);
	return perform_tick($done) if $kind eq 'tick';
	return perform_question($done) if $kind eq 'ask';
	return perform_told($done) if $done->{told};
	sql($done->{text});
	if ($kind eq 'begin')
	{
		$open[$session] = { savepoints => [] };
	}
	elsif ($kind eq 'commit')
	{
		%committed = %{ $state->{audiences} } if $state->{audiences};
		forget($session);
	}
	elsif ($kind eq 'rollback')
	{
		forget($session);
	}
	elsif ($kind eq 'savepoint')
	{
		push @{ $state->{savepoints} },
		  { name => $done->{text} =~ /(s\d+)/, audiences => $state->{audiences}, folds => $state->{folds} };
	}
	elsif ($kind eq 'back')
	{
		my $then = $state->{savepoints}[ $done->{depth} ];

		@$state{ 'audiences', 'folds' } = @$then{ 'audiences', 'folds' };
		splice @{ $state->{savepoints} }, $done->{depth} + 1;
	}
	elsif ($kind eq 'release')
	{
		splice @{ $state->{savepoints} }, $done->{depth};
	}
	elsif ($kind eq 'define')
	{
		my %audiences = %{ audiences_of($session) };

		delete @audiences{ @{ $done->{dropped} || [] } };
		%audiences = (%audiences, %{ $done->{defined} || {} });
		$state ? $state->{audiences} = \%audiences : (%committed = %audiences);
	}
	return;
}

# What is committed: note what it came to.
sub perform_transaction
{
	my ($done) = @_;
	my $state = $open[ $done->{session} ];
	my $text = $done->{text};
	my (%was, %is);

	# several statements are one transaction
	$text = "BEGIN;\n" . ($text =~ s/;?\s*\z/;\n/r) . 'COMMIT;'
	  if !$state && $text =~ /;\s*\S/ && $text !~ /^DO /;
	if ($broken || $state && $state->{mixed} || $text =~ /\bsegment\.|RENAME VALUE/)
	{
		$broken = 1 if $text =~ /RENAME VALUE 'glum'/;
		$broken = 0 if $text =~ /RENAME VALUE 'sad'/;
		$mixed = 1;
		$members = undef;
		return perform({ %$done, noted => 1 });
	}
	%was = map { $_ => 1 } @{ $members // naive_members() };
	perform({ %$done, text => $text, noted => 1 });
	$members = naive_members();
	%is = map { $_ => 1 } @$members;
	push @{ $expected{$_} }, 'entered' for grep { !$was{$_} } keys %is;
	push @{ $expected{$_} }, 'left' for grep { !$is{$_} } keys %was;
	$transactions++;
	return;
}

sub forget
{
	my ($session) = @_;

	undef $open[$session];
	delete @claimed{ grep { $claimed{$_} == $session } keys %claimed };
	return;
}

# Fold, which one session at a time may do: it passes over what another folds.
sub perform_tick
{
	my ($done) = @_;
	my $session = $done->{session};
	my @others = grep { $_ != $session && $open[$_] && $open[$_]{folds} } 1 .. WRITERS;
	my @rows = rows($done->{text});
	my ($population, $folded, $pending) = @{ $rows[0] || [] };

	differ("tick() gives @{[scalar @rows]} rows for one population, of \"" . ($population // '') . '"')
	  unless @rows == 1 && $population eq 'profile';
	differ("tick() folds $folded beside session @others, who is at it") if @others && $folded != 0;
	differ("tick($done->{budget}) folds $folded and leaves $pending")
	  if !@others && defined $done->{budget} && $folded < $done->{budget} && $pending != 0;
	differ("tick() leaves $pending") if !@others && !defined $done->{budget} && $pending != 0;
	return if @others;

	if ($open[$session])
	{
		$open[$session]{folds} = 1;
	}
	elsif (!defined $done->{budget})
	{
		compare_feed();
	}
	return;
}

# A definition, of which the feed is to tell exactly what it changed.
sub perform_told
{
	my ($done) = @_;
	my ($before, @feed);

	perform({ session => 0, kind => 'tick', text => 'SELECT * FROM segment.tick()' });
	$before = naive_members();
	@feed = feed_rows();
	perform({ %$done, told => 0 });
	compare_new_transitions($before, scalar @feed, $done->{cause});
	return;
}

sub perform_question
{
	my ($done) = @_;
	my @rows = rows($done->{text});

	differ(join '; ', map { "@$_" } @rows) if @rows;
	return;
}

# The audiences that a session sees.
sub audiences_of
{
	my ($session) = @_;

	return $open[$session] && $open[$session]{audiences} || \%committed;
}

# Comparisons ---------------------------------------------------------------

# After a step: who has nothing open, whoever acted last, and now and then
# everybody.
sub compare_now
{
	my ($step) = @_;
	my $session = @{ $history[-1] } ? $history[-1][-1]{session} : 0;
	my @looking = grep { $open[$_] && ($_ == $session || rand() < 0.1) } 1 .. WRITERS;
	my $all = grep { $open[$_] } 1 .. WRITERS;

	compare_as($_) for 0, @looking;
	note_size() if $step % 10 == 0;
	$most{open} = $all if $all > $most{open};
	if ($step % 10 == 0)
	{
		session(0);
		perform_question({ text => "SELECT 'verify', v::text FROM segment.verify() AS v" });
	}
	return;
}

# As one session sees it: the members in all ways to ask, and some questions
# about them; about all of them if $all is set.
sub compare_as
{
	my ($session, $all) = @_;
	my $audiences = audiences_of($session);
	my @found;

	session($session);
	@found = rows(difference_query($audiences, $all));
	differ("in session $session " . join '; ', map { "$_->[0] of $_->[1]: $_->[2] $_->[3]" } @found)
	  if @found;
	return;
}

# One query that gives a row for each thing that is not as it should be.
#
# Two lists of (way to ask, audience, answer) are compared as bags: what
# segment answers, and what follows from the naive conditions.
sub difference_query
{
	my ($audiences, $all) = @_;
	my @those = sort keys %$audiences;
	my @keys = $all ? (0 .. CUSTOMERS + 1) : (1 + int rand CUSTOMERS);
	my (@member, @got, @expected);

	return "SELECT 'sizes()', audience, 'got', size::text FROM segment.sizes()" unless @those;
	for my $name (@those)
	{
		my $audience = $audiences->{$name};
		my $filter = "\$f\$$audience->{filter}\$f\$";
		my $rows = counts($audience->{filter}) ? 'segment_data.profile' : 'profile';

		push @member,
		  "SELECT '$name' AS audience, customer_id FROM naive WHERE " . condition_of($audiences, $name);
		push @got,
		  ways("members('$name')" => $name => "SELECT k FROM segment.members('$name') AS m(k bigint)"),
		  ways('@@ the filter' => $name => "SELECT customer_id FROM $rows p WHERE p \@\@ $filter"),
		  ways('size()' => $name => "SELECT segment.size('$name')"),
		  ways('count_where()' => $name => "SELECT segment.count_where($filter)");
		push @expected,
		  ways("members('$name')" => $name => "SELECT customer_id FROM member WHERE audience = '$name'"),
		  ways('@@ the filter' => $name => "SELECT customer_id FROM member WHERE audience = '$name'"),
		  map { ways($_ => $name => "SELECT count(*) FROM member WHERE audience = '$name'") } 'size()', 'count_where()';
		next unless $audience->{view};
		push @got, ways('the view' => $name => "SELECT customer_id FROM $name");
		push @expected, ways('the view' => $name => "SELECT customer_id FROM member WHERE audience = '$name'");
	}

	push @got, "SELECT 'sizes()', audience::text, size::text FROM segment.sizes()";
	push @expected, "SELECT 'sizes()', a, (SELECT count(*) FROM member m WHERE m.audience = a)::text FROM "
	  . list(@those) . ' AS l(a)';
	push @got, "SELECT 'is_member() ' || k, a, segment.is_member(a, k)::text FROM " . list(@those) . ' AS l(a), ' . list_keys(@keys) . ' AS q(k)';
	push @expected, "SELECT 'is_member() ' || k, a, EXISTS (SELECT FROM member m WHERE m.audience = a AND customer_id = k)::text FROM "
	  . list(@those) . ' AS l(a), ' . list_keys(@keys) . ' AS q(k)';
	push @got, "SELECT 'audiences()', a::text, k::text FROM " . list_keys(@keys) . ' AS q(k), segment.audiences(k) AS a';
	push @expected, "SELECT 'audiences()', audience, customer_id::text FROM member, " . list_keys(@keys) . ' AS q(k) WHERE customer_id = k';
	push_overlaps(\@got, \@expected, $all, @those);
	push_what_if(\@got, \@expected, $audiences);
	if ($audited)
	{
		push @got, "SELECT 'copy', '', c::text FROM copy c";
		push @expected, "SELECT 'copy', '', (ord, customer_id, source_rows, evaluated_at, wake_at)::text FROM segment_data.profile";
	}

	return "WITH naive AS MATERIALIZED (SELECT * FROM public.naive),
member AS MATERIALIZED (\n\t" . join("\n\tUNION ALL ", @member) . "),
got (way, audience, answer) AS MATERIALIZED (\n\t" . join("\n\tUNION ALL ", @got) . "),
expected (way, audience, answer) AS MATERIALIZED (\n\t" . join("\n\tUNION ALL ", @expected) . ")
SELECT way, audience, 'got', answer FROM (TABLE got EXCEPT ALL TABLE expected) AS d
UNION ALL
SELECT way, audience, 'expected', answer FROM (TABLE expected EXCEPT ALL TABLE got) AS d
LIMIT 8";
}

# Two audiences at random, or the matrix of all.
sub push_overlaps
{
	my ($got, $expected, $all, @those) = @_;
	my $columns = '(size_a, size_b, in_both, in_either, only_a, only_b, jaccard)';
	my ($x, $y) = (pick(@those), pick(@those));
	my $pairs = $all
	  ? '(SELECT a, b FROM ' . list(@those) . ' AS l(a), ' . list(@those) . ' AS r(b) WHERE a < b COLLATE "C")'
	  : "(VALUES ('$x', '$y'))";

	push @$got, $all
	  ? "SELECT 'overlaps()', o.a || ' and ' || o.b, concat_ws(' ', o.size_a, o.size_b, o.in_both, o.in_either, o.only_a, o.only_b, round(o.jaccard::numeric, 9))
		FROM segment.overlaps() AS o(a, b, size_a, size_b, in_both, in_either, only_a, only_b, jaccard)"
	  : "SELECT 'overlaps()', '$x and $y', concat_ws(' ', o.size_a, o.size_b, o.in_both, o.in_either, o.only_a, o.only_b, round(o.jaccard::numeric, 9))
		FROM segment.overlap('$x', '$y') AS o$columns";
	push @$expected,
	  "SELECT 'overlaps()', p.a || ' and ' || p.b, concat_ws(' ', s.n, t.n, u.n, s.n + t.n - u.n, s.n - u.n, t.n - u.n,
			round(u.n::numeric / nullif(s.n + t.n - u.n, 0), 9))
		FROM $pairs AS p(a, b)
			CROSS JOIN LATERAL (SELECT count(*) AS n FROM member m WHERE m.audience = p.a) AS s
			CROSS JOIN LATERAL (SELECT count(*) AS n FROM member m WHERE m.audience = p.b) AS t
			CROSS JOIN LATERAL (SELECT count(*) AS n FROM member m JOIN member o USING (customer_id)
				WHERE m.audience = p.a AND o.audience = p.b) AS u";
	return;
}

# One audience with the filter of another, or with a new one.
sub push_what_if
{
	my ($got, $expected, $audiences) = @_;
	my $name = pick(sort keys %$audiences);
	my ($filter, $condition) = random_leaf_of_traits();
	my $was = '(' . condition_of($audiences, $name) . ') IS TRUE';
	my $is = "($condition) IS TRUE";

	push @$got,
	  "SELECT 'what_if(\$f\$$filter\$f\$)', '$name', change || ' ' || size || ' ' || keys::text
		FROM segment.what_if('$name', \$f\$$filter\$f\$, list_keys => 5)";
	push @$expected,
	  "SELECT 'what_if(\$f\$$filter\$f\$)', '$name', change || ' ' || count(naive.customer_id) || ' ' || coalesce((array_agg(naive.customer_id ORDER BY naive.customer_id) FILTER (WHERE naive.customer_id IS NOT NULL))[1:5], '{}')::text
		FROM (VALUES ('entering'), ('leaving'), ('staying')) AS c(change)
			LEFT JOIN naive ON CASE change WHEN 'entering' THEN NOT $was AND $is WHEN 'leaving' THEN $was AND NOT $is ELSE $was AND $is END
		GROUP BY change";
	return;
}

sub ways
{
	my ($way, $audience, $query) = @_;

	$way =~ s/'/''/g;
	return "SELECT '$way', '$audience', x::text FROM ($query) AS w(x)";
}

sub list
{
	return '(VALUES ' . join(', ', map { "('$_')" } @_) . ')';
}

sub list_keys
{
	return '(VALUES ' . join(', ', map { "($_\::bigint)" } @_) . ')';
}

# The condition of an audience, with those of the audiences in it.
sub condition_of
{
	my ($audiences, $name) = @_;

	return $audiences->{$name}{condition} =~ s/\{(\w+)\}/'(' . condition_of($audiences, $1) . ')'/ger;
}

# Who replays the feed from its start has the members, once all is folded; and it
# tells of each transaction what it came to.
sub compare_feed
{
	my @rows = feed_rows();
	my %now = %{ replay(@rows) };
	my %expected = map { $_ => 1 } @{ naive_members() };
	my @missing = sort grep { !$now{$_} } keys %expected;
	my @surplus = sort grep { !$expected{$_} && !of_clock($_) } keys %now;

	differ("who replays the feed does not have $missing[0]") if @missing;
	differ("who replays the feed still has $surplus[0]") if @surplus;
	compare_transactions(@rows);
	return;
}

sub compare_transactions
{
	my %told;
	my $last = @_ ? $_[-1][0] : 0;

	for my $row (grep { $_->[0] > $compared && $_->[4] eq 'event' } @_)
	{
		my $who = "$row->[1] $row->[2]";

		push @{ $told{$who} }, $row->[3] unless of_clock($who);
	}
	for my $who ($mixed ? () : sort keys %{ { %told, %expected } })
	{
		my ($told, $should) = map { join(', ', @{ $_ // [] }) || 'nothing' } $told{$who}, $expected{$who};

		differ("of $who the feed tells: $told; and transactions came to: $should") if $told ne $should;
	}
	($compared, $mixed, %expected) = ($last, 0);
	return;
}

sub feed_rows
{
	my @rows;

	session(0);
	@rows = rows("SELECT seq, audience, key, change, cause FROM segment.transition
		WHERE population = 'profile' ORDER BY seq");
	$most{transitions} = @rows if @rows > $most{transitions};
	return @rows;
}

# "audience key" of all who are in after these transitions.
sub replay
{
	my %now;
	my $last = 0;

	for my $row (@_)
	{
		my ($seq, $audience, $key, $change, $cause) = @$row;
		my $who = "$audience $key";

		differ("transition $seq follows $last") if $seq != ++$last;
		differ("transition $seq says \"$change\"") unless $change =~ /^(entered|left)$/;
		differ("transition $seq is caused by \"$cause\"")
		  unless $cause =~ /^(event|edit|rebuild|rename)$/
		  || $cause eq 'create' && $change eq 'entered'
		  || $cause eq 'drop' && $change eq 'left';
		differ("transition $seq: $who entered, who was in") if $change eq 'entered' && $now{$who};
		differ("transition $seq: $who left, who was not in") if $change eq 'left' && !$now{$who};
		$change eq 'entered' ? $now{$who} = 1 : delete $now{$who};
	}
	return \%now;
}

# What a definition has added to the feed is what it changed, and says why.
sub compare_new_transitions
{
	my ($before, $old, $cause) = @_;
	my %was = map { $_ => 1 } @$before;
	my %is = map { $_ => 1 } @{ naive_members() };
	my @expected = sort +(map { "$_ entered" } grep { !$was{$_} } keys %is),
	  (map { "$_ left" } grep { !$is{$_} } keys %was);
	my @new = grep { $_->[0] > $old && !of_clock("$_->[1] $_->[2]") } feed_rows();
	my @got = sort map { "$_->[1] $_->[2] $_->[3]" } @new;
	my ($other) = grep { $_->[4] ne $cause } @new;

	differ("a definition added \"" . join(', ', @got) . '" to the feed instead of "' . join(', ', @expected) . '"')
	  if "@got" ne "@expected";
	differ("transition $other->[0] is caused by \"$other->[4]\" instead of \"$cause\"") if $other;
	return;
}

# "audience key" of all members that session 0 should see, but for audiences
# that depend on the clock.
sub naive_members
{
	my @those = grep { !$committed{$_}{clock} } sort keys %committed;

	return [] unless @those;
	session(0);
	return [
		map { "$_->[0] $_->[1]" } rows(
			'WITH naive AS MATERIALIZED (SELECT * FROM public.naive) '
			  . join ' UNION ALL ',
			map { "SELECT '$_', customer_id FROM naive WHERE " . condition_of(\%committed, $_) } @those)
	];
}

# Is this "audience key" of an audience that depends on the clock?
sub of_clock
{
	my ($who) = @_;

	return $who =~ /^recent /;
}

sub note_size
{
	my ($profiles, $members);

	session(0);
	($profiles, $members) = @{ (rows('SELECT (SELECT count(*) FROM profile), (SELECT coalesce(sum(size), 0) FROM segment.sizes())'))[0] };
	$most{profiles} = $profiles if $profiles > $most{profiles};
	$most{members} = $members if $members > $most{members};
	$most{audiences} = keys %committed if keys %committed > $most{audiences};
	return;
}

sub differ
{
	die "DIFFERENCE: $_[0]\n";
}

# The first line of what it died of, or undef.
sub failure_of
{
	my ($code) = @_;

	return if eval { $code->(); 1 };
	return $@ =~ /^(.*)/ ? $1 : 'it died of nothing';
}

# Telling what happened -----------------------------------------------------

# Print the statements of all sessions, as few as can be found in time.
sub report
{
	my ($wrong) = @_;
	my $until = time + $patience;
	my @script = shrink($until, kind_of($wrong), @history);

	print "-- seed $seed: $wrong\n";
	print '-- ' . (map { @$_ } @script) . ' of ' . (map { @$_ } @history) . " statements remain\n";
	print $setup;
	print "-- session $_->{session}\n" . ($_->{text} =~ s/;?\s*\z/;\n/r) for map { @$_ } @script;

	still_fails(kind_of($wrong), @script);
	print "-- what the audiences are over view naive\n";
	print "-- $_: " . condition_of(\%committed, $_) . "\n" for sort keys %committed;
	return;
}

# Two failures are the same if both are differences, or the same error.
sub kind_of
{
	my ($wrong) = @_;

	return $wrong =~ /^(DIFFERENCE|\w+:  \w+)/ ? $1 : 'gone';
}

sub shrink
{
	my ($until, $wrong, @script) = @_;
	my $fails = sub { still_fails($wrong, @_) };

	# not even all of it: whatever it was, it does not come back
	return @script unless $fails->(@script);
	@script = shortest($until, $fails, @script);
	return shortest($until, $fails, map { [$_] } map { @$_ } @script);
}

# Without its steps a history may make no sense: then it fails otherwise, or
# somebody waits for a lock.
sub still_fails
{
	my ($wrong, @script) = @_;
	my $found;

	begin_again();
	$found = failure_of(
		sub {
			for my $step (@script)
			{
				perform($_) for @$step;
			}
			compare_as($_, 1) for grep { $_ == 0 || $open[$_] } 0 .. WRITERS;
			for my $session (grep { $open[$_] } 1 .. WRITERS)
			{
				perform({ session => $session, kind => 'commit', text => 'COMMIT;' });
			}
			perform({ session => 0, kind => 'tick', text => 'SELECT * FROM segment.tick()' });
			compare_as(0, 1);
			perform({ session => 0, kind => 'ask', text => "SELECT 'verify', v::text FROM segment.verify() AS v" });
		});
	return defined $found && kind_of($found) eq $wrong;
}

# An empty database, and all sessions fresh.
sub begin_again
{
	disconnect();
	%committed = %claimed = %expected = @open = ();
	$compared = $mixed = $broken = 0;
	$members = undef;
	session(0);
	sql("SET client_min_messages = error;
		DROP EXTENSION IF EXISTS segment CASCADE; DROP SCHEMA IF EXISTS segment_data CASCADE;
		DROP SCHEMA public CASCADE; CREATE SCHEMA public;
		SET client_min_messages = warning;");
	sql($setup);
	for my $session (0 .. WRITERS)
	{
		session($session);
		# nobody should wait, nor hold up a test for long
		sql("SET lock_timeout = '5s'; SET TimeZone = 'UTC'; SET segment.now = '2026-05-03 12:00+00';");
	}
	return;
}

sub setup_script
{
	my $script = "CREATE EXTENSION segment;\nALTER EVENT TRIGGER segment_guard_command DISABLE;\nSET segment.now = '2026-05-03 12:00+00';\nSET TimeZone = 'UTC';\n$tables";
	my $columns = join ', ', map { defined $_->[1] ? "coalesce($_->[0], $_->[1]) AS $_->[0]" : $_->[0] } @traits;
	my $formulas = join ', ', map { "$_->[2] AS $_->[0]" } @formulas;

	# the naive half: nothing but the tables
	$script .= "CREATE VIEW naive_$_->[0] (customer_id, $_->[0]) AS\n\t$_->[2][1];\n" for @traits;
	$script .= "CREATE VIEW naive AS SELECT *, $formulas FROM (
	SELECT customer_id, $columns
	FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM orders
		UNION SELECT customer_id FROM visits) AS k\n";
	$script .= "\tLEFT JOIN naive_$_->[0] USING (customer_id)\n" for @traits;
	$script .= "\tWHERE customer_id IS NOT NULL) AS t;\n";

	$script .= "DO \$\$ BEGIN CREATE ROLE $owner; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$;
GRANT ALL ON SCHEMA public TO $owner;
GRANT SELECT ON customers, orders, visits TO $owner;
SET ROLE $owner;\n" if $audited;
	$script .= "SELECT segment.create_population('profile', timezone => 'UTC');\n";
	$script .= "RESET ROLE;\n" if $audited;
	$script .= "SELECT segment.attach_source('customers');\n";
	$script .= "SELECT segment.attach_source('orders', at => 'ordered_at');\n";
	$script .= "SELECT segment.attach_source('visits', at => 'visited_at');\n";
	$script .= "SELECT segment.create_trait('$_->[0]', \$t\$$_->[2][0]\$t\$);\n" for @traits;
	$script .= "SELECT segment.create_trait('$_->[0]', \$t\$$_->[1]\$t\$);\n" for @formulas;

	# some profiles lie in the first chunk of 131,072, those to come in the second
	$script .= "INSERT INTO customers SELECT k, 'Harbour', k, k % 2 = 0 FROM generate_series(1, 9) AS k;\n";
	$script .= "INSERT INTO customers SELECT k FROM generate_series(100001, 231056) AS k;\n";
	$script .= "DELETE FROM customers WHERE customer_id > 100000;\n";
	$script .= copy_script() if $audited;
	return $script;
}

# What the owner hangs on the base table.
sub copy_script
{
	my $columns = 'ord, customer_id, source_rows, evaluated_at, wake_at';

	return qq{SET ROLE $owner;
CREATE TABLE copy AS SELECT $columns FROM segment_data.profile;
ALTER TABLE copy ADD PRIMARY KEY (ord);
CREATE FUNCTION copy() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
	IF current_user <> '$owner' OR current_setting('search_path') <> 'pg_catalog, pg_temp' THEN
		RAISE EXCEPTION 'a trigger runs as % with %', current_user, current_setting('search_path');
	END IF;
	IF tg_op <> 'INSERT' THEN
		DELETE FROM public.copy WHERE ord = old.ord;
	END IF;
	IF tg_op <> 'DELETE' THEN
		INSERT INTO public.copy VALUES (new.ord, new.customer_id, new.source_rows, new.evaluated_at, new.wake_at);
	END IF;
	RETURN NULL;
END \$\$;
CREATE CONSTRAINT TRIGGER copy AFTER INSERT OR UPDATE OR DELETE ON segment_data.profile
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION copy();
RESET ROLE;
};
}

sub of_customers
{
	my ($column) = @_;

	return "SELECT customer_id, $column FROM customers";
}

sub of
{
	my ($table, $aggregate, $where) = @_;

	return "SELECT customer_id, $aggregate FROM $table"
	  . (defined $where ? " WHERE $where" : '') . ' GROUP BY customer_id';
}

# Random definitions --------------------------------------------------------

# What to say, and what is changed by it: for perform().
sub random_definition
{
	my ($audiences) = @_;
	my @there = sort keys %$audiences;
	my @stored = grep { !$audiences->{$_}{clock} } @there;
	my @free = grep { !$audiences->{$_} } @names;
	my $what = rand();

	return drop_audience($audiences, pick(@there)) if @there > 2 && $what < 0.2;
	return rename_audience($audiences, pick(@stored), pick(@free)) if @stored > 2 && @free && $what < 0.3;
	return alter_audience($audiences, pick(@stored)) if @stored > 2 && ($what < 0.6 || !@free);
	return create_clock_audience($audiences) if $what > 0.95 && !$audiences->{recent};
	return alter_audience($audiences, pick(@stored)) unless @free;
	return create_audience($audiences, pick(@free));
}

sub create_audience
{
	my ($audiences, $name) = @_;
	my $audience = random_audience($audiences, $name);

	$audience->{view} = rand() < 0.7;
	return [
		"SELECT segment.create_audience('$name', \$f\$$audience->{filter}\$f\$"
		  . ($audience->{view} ? '' : ', view => false') . ');',
		cause => 'create',
		defined => { $name => $audience }
	];
}

# The clock is part of its filter.
sub create_clock_audience
{
	my ($audiences) = @_;
	my $audience = random_audience($audiences, 'recent');

	$audience->{filter} = "last_order_at in last 10 days or ($audience->{filter})";
	$audience->{condition} =
	  "last_order_at > timestamptz '2026-04-23 12:00+00' AND last_order_at <= timestamptz '2026-05-03 12:00+00'"
	  . " OR ($audience->{condition})";
	@$audience{ 'view', 'clock' } = (1, 1);
	return [
		"SELECT segment.create_audience('recent', \$f\$$audience->{filter}\$f\$);",
		cause => 'create',
		defined => { recent => $audience }
	];
}

sub alter_audience
{
	my ($audiences, $name) = @_;
	my $audience;

	return [ "SELECT segment.alter_audience('$name', description => 'of $next_id');", cause => 'edit' ]
	  if rand() < 0.1;
	$audience = random_audience($audiences, $name);
	$audience->{view} = $audiences->{$name}{view};
	return [
		"SELECT segment.alter_audience('$name', \$f\$$audience->{filter}\$f\$);",
		cause => 'edit',
		defined => { $name => $audience }
	];
}

sub drop_audience
{
	my ($audiences, $name) = @_;

	return [
		"SELECT segment.drop_audience('$name', cascade => true);",
		cause => 'drop',
		dropped => [ $name, users_of($audiences, $name) ]
	];
}

# Its members leave the one name and enter the other, and whatever mentions it says
# the new one.
sub rename_audience
{
	my ($audiences, $name, $new) = @_;
	my %renamed = ($new => { %{ $audiences->{$name} } });

	for my $user (grep { $audiences->{$_}{uses}{$name} } sort keys %$audiences)
	{
		my %audience = %{ $audiences->{$user} };

		$audience{filter} =~ s/\bin audience $name\b/in audience $new/g;
		$audience{condition} =~ s/\{$name\}/{$new}/g;
		$audience{uses} = { map { $_ => 1 } $audience{condition} =~ /\{(\w+)\}/g };
		$renamed{$user} = \%audience;
	}
	return [
		"SELECT segment.rename_audience('$name', '$new');",
		cause => 'rename',
		dropped => [$name],
		defined => \%renamed
	];
}

# All that are made of an audience, directly or not.
sub users_of
{
	my ($audiences, $name) = @_;
	my @users = grep { $audiences->{$_}{uses}{$name} } sort keys %$audiences;

	return map { ($_, users_of($audiences, $_)) } @users;
}

# A filter, and the same in SQL, for an audience of this name.
sub random_audience
{
	my ($audiences, $name) = @_;
	my %circle = map { $_ => 1 } $name, users_of($audiences, $name);
	my @others = grep { !$circle{$_} && !$audiences->{$_}{clock} } sort keys %$audiences;
	my ($filter, $condition) = random_filter(1 + int rand 3, @others);

	return {
		filter => $filter,
		condition => $condition,
		uses => { map { $_ => 1 } $condition =~ /\{(\w+)\}/g }
	};
}

# The grammar: each rule returns a filter and the condition that means the same.
# A condition that is NULL does not hold; "not" is the complement.
sub random_filter
{
	my ($depth, @others) = @_;
	my $what = rand();
	my (@filters, @conditions);

	return random_reference(@others) if @others && $what > 0.88;
	return random_leaf() if $depth == 0 || $what < 0.15;
	for (1 .. 2 + int rand 2)
	{
		my ($filter, $condition) = random_filter($depth - 1, @others);

		push @filters, "($filter)";
		push @conditions, "($condition)";
	}
	return ("not $filters[0]", "$conditions[0] IS NOT TRUE") if $what < 0.3;
	return (join(' and ', @filters), join(' AND ', @conditions)) if $what < 0.52;
	return (join(' or ', @filters), join(' OR ', @conditions)) if $what < 0.74;
	return random_at_least(\@filters, \@conditions);
}

sub random_at_least
{
	my ($filters, $conditions) = @_;
	my $n = 1 + int rand @$filters;

	return ("at least $n of (" . join(', ', @$filters) . ')',
		join(' + ', map { "($_ IS TRUE)::int" } @$conditions) . " >= $n");
}

sub random_reference
{
	my $name = pick(@_);

	return ("in audience $name", "{$name}") if rand() < 0.6;
	return ("not in audience $name", "{$name} IS NOT TRUE");
}

sub random_leaf
{
	my $kind = pick(qw(number number number number text text list mood boolean time key arithmetic pair constant counting counting));

	return __PACKAGE__->can("random_$kind\_leaf")->();
}

sub random_number_leaf
{
	my $trait = pick(qw(spent spent order_count visit_count credit credit biggest seconds per_visit));
	my ($low, $middle, $high) = sort { $a <=> $b } map { random_constant() } 1 .. 3;
	my $operator = pick(qw(< <= > >= =));

	return pick_pair(
		[ "$trait $operator $middle", "$trait $operator $middle" ],
		[ "$trait $operator $middle", "$trait $operator $middle" ],
		[ "$middle $operator $trait", "$middle $operator $trait" ],
		[ "$trait != $middle", "($trait = $middle) IS NOT TRUE" ],
		[ "$trait between $low and $high", "$trait >= $low AND $trait <= $high" ],
		[ "$trait not between $low and $high", "($trait BETWEEN $low AND $high) IS NOT TRUE" ],
		[ "$trait in ($low, $middle, $high)", "$trait = $low OR $trait = $middle OR $trait = $high" ],
		[ "$trait not in ($low, $high)", "($trait = $low OR $trait = $high) IS NOT TRUE" ],
		[ "$trait is set", "$trait IS NOT NULL" ],
		[ "$trait is not set", "$trait IS NULL" ]);
}

# One that can be asked without a definition: what it is made of is kept.
sub random_leaf_of_traits
{
	my ($filter, $condition);

	do
	{
		($filter, $condition) = random_leaf();
	} while counts($filter);
	return ($filter, $condition);
}

# Does the filter look into the sources itself?  The view cannot be asked then.
sub counts
{
	my ($filter) = @_;

	return $filter =~ /\b(orders|visits|customers)\b/;
}

# Of what is counted in the filter itself.
sub random_counting_leaf
{
	my ($low, $middle, $high) = sort { $a <=> $b } map { random_constant() } 1 .. 3;
	my $operator = pick(qw(< <= > >= =));
	my ($city, $units) = (pick(@cities), pick(3, 6));
	my $of = sub {
		my ($table, $aggregate, $where) = @_;
		return "(SELECT $aggregate FROM $table AS e WHERE e.customer_id = naive.customer_id AND $where)";
	};

	return pick_pair(
		[ "count(orders where store = \"$city\") $operator $middle", $of->('orders', 'count(*)', "store = '$city'") . " $operator $middle" ],
		[ "count(orders where units > $units) in ($low, $high)", $of->('orders', 'count(*)', "units > $units") . " IN ($low, $high)" ],
		[ "sum(orders.amount where units > $units) $operator $middle", $of->('orders', 'coalesce(sum(amount), 0)', "units > $units") . " $operator $middle" ],
		[ "avg(visits.seconds) $operator $middle", $of->('visits', 'avg(seconds)', 'true') . " $operator $middle" ],
		[ "(did orders where store = \"$city\")", $of->('orders', 'count(*) > 0', "store = '$city'") ],
		[ "(did not visits where seconds > $units at least 2 times)", $of->('visits', 'count(*) < 2', "seconds > $units") ],
		[ "customers.city = \"$city\"", "city = '$city'" ],
		[ "max(orders.units) > order_count", $of->('orders', 'max(units)', 'true') . ' > order_count' ],
		[ "list(distinct orders.store where units < $units) contains \"$city\"", $of->('orders', "bool_or(store = '$city')", "units < $units") ]);
}

sub random_text_leaf
{
	my $trait = pick(qw(city city home));
	my ($one, $two) = (pick(@cities), pick(@cities, '?'));

	return pick_pair(
		[ "$trait = \"$one\"", "$trait = '$one'" ],
		[ "\"$one\" = $trait", "$trait = '$one'" ],
		[ "$trait != \"$two\"", "($trait = '$two') IS NOT TRUE" ],
		[ "$trait in (\"$one\", \"$two\")", "$trait = '$one' OR $trait = '$two'" ],
		[ "$trait not in (\"$one\", \"$two\")", "($trait = '$one' OR $trait = '$two') IS NOT TRUE" ],
		[ "$trait starts with \"Ha\"", "left($trait, 2) = 'Ha'" ],
		[ "$trait ends with \"n\"", "right($trait, 1) = 'n'" ],
		[ "$trait contains \"a\"", "strpos($trait, 'a') > 0" ],
		[ "lower($trait) = \"harbour\"", "$trait = 'Harbour'" ],
		[ "$trait is set", "$trait IS NOT NULL" ],
		[ "$trait is empty", "$trait IS NULL OR $trait = ''" ]);
}

sub random_list_leaf
{
	my ($trait, @words) = @{ pick([ 'tags', qw(vegan tea milk) ], [ 'stores', @cities ]) };
	my ($one, $two) = (pick(@words), pick(@words));
	my ($has_one, $has_two) = map { "EXISTS (SELECT FROM unnest($trait) AS e WHERE e = '$_')" } $one, $two;

	return pick_pair(
		[ "$trait contains \"$one\"", $has_one ],
		[ "$trait not contains \"$one\"", "NOT $has_one" ],
		[ "$trait contains any (\"$one\", \"$two\")", "$has_one OR $has_two" ],
		[ "$trait contains all (\"$one\", \"$two\")", "$has_one AND $has_two" ],
		[ "$trait is empty", "NOT EXISTS (SELECT FROM unnest($trait))" ]);
}

# A type whose values get other names: step_broken().
sub random_mood_leaf
{
	return pick_pair(
		[ 'mood = "glum"', "mood = 'glum'" ],
		[ 'mood != "glum"', "(mood = 'glum') IS NOT TRUE" ],
		[ 'mood in ("glum", "merry")', "mood IN ('glum', 'merry')" ]);
}

sub random_boolean_leaf
{
	return pick_pair(
		[ 'newsletter', 'newsletter' ],
		[ 'not newsletter', 'newsletter IS NOT TRUE' ],
		[ 'newsletter is true', 'newsletter IS TRUE' ],
		[ 'newsletter is false', 'newsletter IS FALSE' ],
		[ 'newsletter is not set', 'newsletter IS NULL' ],
		[ 'bulk', 'bulk' ],
		[ 'not bulk', 'NOT bulk' ]);
}

sub random_time_leaf
{
	my $day = pick('2026-03-15', '2026-04-01', '2026-04-02', '2026-04-28');

	return pick_pair(
		[ "last_order_at before \"$day\"", "last_order_at < timestamptz '$day 00:00+00'" ],
		[ "last_order_at after \"$day\"", "last_order_at >= timestamptz '$day 00:00+00' + interval '1 day'" ],
		[ "last_order_at on \"$day\"", "(last_order_at AT TIME ZONE 'UTC')::date = date '$day'" ],
		[ 'last_order_at is set', 'last_order_at IS NOT NULL' ],
		[ 'last_order_at is not set', 'last_order_at IS NULL' ]);
}

# What no event changes, but that somebody comes or goes.
sub random_key_leaf
{
	my @keys = map { 1 + int rand CUSTOMERS } 1 .. 3;

	return pick_pair(
		[ "customer_id in ($keys[0], $keys[1], 99)", "customer_id IN ($keys[0], $keys[1], 99)" ],
		[ "customer_id > $keys[0]", "customer_id > $keys[0]" ],
		[ "customer_id not between $keys[0] and $keys[1]", "customer_id < $keys[0] OR customer_id > $keys[1]" ]);
}

sub random_arithmetic_leaf
{
	my $constant = random_constant();

	return pick_pair(
		[ "spent > credit", 'spent > credit' ],
		[ "order_count >= visit_count", 'order_count >= visit_count' ],
		[ "order_count + visit_count > $constant", "order_count + visit_count > $constant" ],
		[ "spent / order_count >= $constant", "spent / nullif(order_count, 0) >= $constant" ],
		[ "$constant < abs(credit)", "abs(credit) > $constant" ],
		[ "coalesce(credit, $constant) <= 3", "coalesce(credit, $constant) <= 3" ]);
}

# Of two traits, one of which is missing, zero or negative now and then.
sub random_pair_leaf
{
	my ($left, $right) = (pick(qw(spent credit biggest seconds)), pick(qw(order_count visit_count credit seconds)));
	my ($constant, $operator) = (random_constant(), pick(qw(< <= > >= =)));
	my $factor = pick($constant, 1, 0, -2, 0.5);

	return pick_pair(
		[ "$left $operator $right * $factor", "$left $operator $right * $factor" ],
		[ "$factor * $right $operator $left", "$factor * $right $operator $left" ],
		[ "$left $operator $right + $constant", "$left $operator $right + $constant" ],
		[ "$left - $constant $operator $right", "$left - $constant $operator $right" ],
		[ "not $left $operator $right * $factor", "($left $operator $right * $factor) IS NOT TRUE" ],
		[ "$left $operator $right", "$left $operator $right" ]);
}

sub random_constant_leaf
{
	return pick_pair([ 'true', 'true' ], [ 'false', 'false' ]);
}

# Values that traits are likely to have, and to pass.
sub random_constant
{
	return pick(0, 0, 1, 2, 3, 4, 5, 6, 8, 10, 12.5, 20, 30, 0.5);
}

sub pick_pair
{
	return @{ pick(@_) };
}

# Random events, of these customers only --------------------------------------

sub random_write
{
	my (@keys) = @_;
	my $kind = pick(qw(insert insert insert update update update delete delete move merge upsert several gone select));

	return __PACKAGE__->can("random_$kind")->(pick(qw(customers orders orders visits)), @keys);
}

sub random_insert
{
	my ($table, @keys) = @_;

	@keys = distinct(@keys) if $table eq 'customers';
	return "INSERT INTO $table VALUES " . join(', ', map { random_row($table, $_) } @keys)
	  . ($table eq 'customers' ? ' ON CONFLICT DO NOTHING' : '') . ";\n";
}

sub random_select
{
	my ($table, @keys) = @_;
	my $count = 1 + int rand 12;
	my $id = take_id($count);
	my $key = pick(@keys);

	return "INSERT INTO orders SELECT $id + g, $key, " . random_time() . ", " . random_store()
	  . ", g - 3, g FROM generate_series(0, $count - 1) AS g;\n";
}

sub random_update
{
	my ($table, @keys) = @_;

	return "UPDATE $table SET " . random_set($table) . ' WHERE ' . random_where($table, @keys) . ";\n";
}

sub random_delete
{
	my ($table, @keys) = @_;

	return "DELETE FROM $table WHERE " . random_where($table, @keys) . ";\n";
}

# Somebody's events become another's, or nobody's.
sub random_move
{
	my ($table, @keys) = @_;

	$table = 'orders' if $table eq 'customers';
	return "UPDATE $table SET customer_id = " . pick(@keys, @keys, 'NULL') . ' WHERE '
	  . random_where($table, @keys) . ";\n";
}

sub random_upsert
{
	my ($table, @keys) = @_;

	return 'INSERT INTO customers VALUES ' . join(', ', map { random_row('customers', $_) } distinct(@keys))
	  . ' ON CONFLICT (customer_id) DO UPDATE SET ' . random_set('customers') . ";\n";
}

sub random_merge
{
	my ($table, @keys) = @_;
	my $list = join ', ', map { "($_)" } distinct(@keys);

	return "MERGE INTO customers USING (VALUES $list) AS s(k) ON customers.customer_id = s.k
WHEN MATCHED AND s.k % 3 = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET " . random_set('customers') . "
WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'Campus', 4);\n";
}

# Several tables in one statement.
sub random_several
{
	my ($table, @keys) = @_;
	my $id = take_id(1);

	return 'WITH gone AS (DELETE FROM visits WHERE ' . random_where('visits', @keys) . " RETURNING *),
	changed AS (UPDATE customers SET " . random_set('customers') . ' WHERE ' . random_where('customers', @keys) . " RETURNING *)
INSERT INTO orders VALUES ($id, " . pick(@keys) . ', ' . random_time() . ', ' . random_store() . ", 7, (SELECT count(*) FROM gone));\n";
}

# All that is known of somebody goes: the profile ends.
sub random_gone
{
	my ($table, @keys) = @_;
	my $key = pick(@keys);

	return join '', map { "DELETE FROM $_ WHERE customer_id = $key;\n" } shuffled(qw(customers orders visits));
}

sub random_row
{
	my ($table, $key) = @_;

	return "($key, " . join(', ', random_store(), random_number(), random_boolean(), random_tags()) . ')'
	  if $table eq 'customers';
	return '(' . join(', ', take_id(1), $key, random_time(), random_store(), random_number(), random_units()) . ')'
	  if $table eq 'orders';
	return '(' . join(', ', take_id(1), $key, random_time(), random_units()) . ')';
}

sub random_set
{
	my ($table) = @_;
	my %sets = (
		customers => [
			'city = ' . random_store(), 'credit = ' . random_number(), 'credit = customers.credit + 0.5',
			'newsletter = ' . random_boolean(), 'newsletter = NOT customers.newsletter', 'tags = ' . random_tags(),
			'city = ' . random_store() . ', credit = ' . random_number(), 'city = customers.city' ],
		orders => [
			'amount = ' . random_number(), 'amount = orders.amount + 0.5', 'amount = - orders.amount',
			'store = ' . random_store(), 'units = ' . random_units(), 'ordered_at = ' . random_time() ],
		visits => [ 'seconds = ' . random_units(), 'seconds = visits.seconds + 1', 'visited_at = visited_at' ]);

	return pick(@{ $sets{$table} });
}

sub random_where
{
	my ($table, @keys) = @_;
	my $whose = "$table.customer_id IN (" . join(', ', @keys) . ')';
	my %more = (
		customers => [ 'credit > 3', 'newsletter' ],
		orders => [ 'order_id % 2 = 0', 'amount > 5', 'units < 5', 'store = ' . random_store() ],
		visits => [ 'visit_id % 2 = 0', 'seconds > 4' ]);

	return $whose if rand() < 0.6;
	return "$whose AND " . pick(@{ $more{$table} });
}

sub random_time
{
	return 'NULL' if rand() < 0.06;
	return sprintf "'2026-%02d-%02d 1%d:00+00'", pick(3, 4, 4, 5), pick(1, 2, 3, 15, 28), pick(0, 0, 5);
}

sub random_store
{
	return rand() < 0.12 ? 'NULL' : pick(map { "'$_'" } @cities);
}

sub random_number
{
	return 'NULL' if rand() < 0.1;
	return pick("'NaN'", "'Infinity'", "'-Infinity'") if rand() < 0.01;
	return (int(rand 30) - 4) / 2;
}

sub random_units
{
	return rand() < 0.1 ? 'NULL' : int rand 10;
}

sub random_boolean
{
	return pick('true', 'false', 'NULL');
}

sub random_tags
{
	return pick('NULL', "'{}'", "'{vegan}'", "'{vegan,tea}'", "'{tea,milk,tea}'", "'{milk,NULL}'");
}

# Numbers for new rows that no row has yet.
sub take_id
{
	my ($count) = @_;
	my $id = $next_id;

	$next_id += $count;
	return $id;
}

sub distinct
{
	my %seen;

	return grep { !$seen{$_}++ } @_;
}

sub shuffled
{
	my @left = @_;

	return map { splice @left, int(rand @left), 1 } 1 .. @left;
}
