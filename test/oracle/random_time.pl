# Does time alone ever make an answer wrong?
#
# Customers, orders, visits and clicks feed three populations, which differ only in
# how often somebody ticks:
#
#	often		after every statement
#	seldom		now and then, a few profiles and changes at a time
#	once		when all is over
#
# Random statements write events that are late, due, to come or without a time, a few
# days' orders one by one, or by the clock of somebody who is behind, or load again in
# one transaction what was there, of which nothing may be told;
# audiences come, change and go; and between them, without any write, the clock
# jumps forward: to where an event comes due or leaves a window, where clocks are
# set, a month ends or a year has a day more, or a microsecond beside it.  Every few
# statements it is another place and another year's history, and many events are such
# that a span since them ends in an hour that comes twice or never, or with a month.
#
# Audiences are drawn from a grammar that writes each filter twice: for segment, and
# as a function over the tables, of the instant at which it is asked:
#
#	(count(orders in last 36 hours) >= 2) and (birthday in next 2 weeks)
#
#	naive.eager(now)	SELECT ... WHERE (SELECT count(*) FROM orders ...
#						AND ordered_at > now - interval '36 hours' ...) >= 2 AND ...
#
# After every statement all populations have to give the members of naive SQL, in all
# ways to ask for them, swept or not.  After every tick the feed, replayed, has them
# too; and after a jump it has to tell what happened on the way: at many instants
# between, and at those that it tells of and a microsecond before each, who is in by
# the feed is who is in by naive SQL.  In the end the three have told the same.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/random_time.pl
#
# On the first difference a script is printed that leads to it, made as short as
# SHRINK seconds can make it.  PLANT=1 makes naive SQL wrong at the end of a window,
# to see that happen.

use strict;
use warnings;

use Oracle;
use TimedFilters;

use constant CUSTOMERS => 8;
# and one more who does nothing but order, now and again
use constant REGULAR => CUSTOMERS + 1;
use constant STEPS_OF_A_ROUND => 40;

my $seed = $ENV{SEED} // 20280229;
my $steps = $ENV{STEPS} // 240;
my $patience = $ENV{SHRINK} // 60;

# populations, and their owners; what is in {{ }} is done for each of them, called COPY
my @copies = qw(often seldom once);
# where, and years of which something is to be seen there: midnights that come twice or
# never, days that do not come, leap years
my @places = ([ 'Europe/Copenhagen', 2027, 2028 ], [ 'America/New_York', 2028 ], [ 'Australia/Lord_Howe', 2028 ], [ 'Asia/Kathmandu', 2028 ],
	[ 'Africa/Casablanca', 2028 ], [ 'UTC', 2028 ], [ 'America/Havana', 2027, 2028 ], [ 'Asia/Beirut', 2028 ], [ 'America/Sao_Paulo', 2016, 2018 ],
	[ 'Africa/Cairo', 2010, 2014, 2028 ], [ 'Asia/Tehran', 2020 ], [ 'Pacific/Apia', 2011 ], [ 'America/St_Johns', 2008, 2010 ]);

my $tables = q{
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, birthday date, signup timestamptz, renewal timestamp);
CREATE TABLE orders (order_id integer PRIMARY KEY, customer_id bigint, ordered_at timestamptz, store text, amount numeric,
	units integer);
CREATE TABLE visits (visit_id integer PRIMARY KEY, customer_id bigint, visited_at timestamp, seconds integer);
CREATE TABLE clicks (click_id integer PRIMARY KEY, customer_id bigint, clicked_on date, target text);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE INDEX ON visits (customer_id, visited_at);
CREATE INDEX ON clicks (customer_id, clicked_on);
};

my @names = qw(eager faithful curious thrifty quiet regular);

# columns that are written at random, behind the key and what tells a row from others
my %columns = (
	customers => [ city => \&random_city, birthday => \&random_birthday, signup => \&random_time, renewal => \&random_local_time ],
	orders => [ ordered_at => \&random_time, store => \&random_city, amount => \&random_number, units => \&random_number ],
	visits => [ visited_at => \&random_local_time, seconds => \&random_number ],
	clicks => [ clicked_on => \&random_day, target => \&random_city ]);
my %identity = (customers => 'customer_id', orders => 'order_id', visits => 'visit_id', clicks => 'click_id');

# of a round: where, when it begins, which instants matter there, and by name
# the conditions of the audiences, in which naive.eager(now) is another one
my ($zone, $year, $start, @special, %audiences);
# times that were written in it, of which some come again
my @times;
# what was done in it, and the statements of that when it was done last
my (@history, @performed);
# the clock before the last jump, if nothing was written since
my $jumped_from;
my $next_id = 1;

my $home = $ENV{PGDATABASE} // 'postgres';
my %kinds = (write => 30, clock => 40, define => 12, several => 9, reload => 8, behind => 5, days => 3, trait => 3, truncate => 0.7,
	rebuild => 0.5);
my %seen = (time => 0, instants => 0);

go_over_histories();

sub go_over_histories
{
	my $done = 0;
	my $wrong;

	srand $seed;
	print "# seed $seed, $steps steps\n";
	attempt("CREATE ROLE $_;") for @copies;
	until ($done >= $steps || $wrong)
	{
		begin_round();
		$wrong = failure_of(
			sub {
				begin_history();
				do { step(++$done) } until $done >= $steps || $done % STEPS_OF_A_ROUND == 0;
				1 while act_tick('seldom', 10);
				compare_all();
			});
		ok_if(0, "$done steps of seed $seed, in $zone: $wrong->{text}") if $wrong;
		$wrong ? report($wrong) : note_what_was_seen();
	}
	leave();
	done() if $wrong;
	ok_if(1, "$steps steps of seed $seed, compared after each");
	ok_if($seen{time} > $steps / 4 && $seen{instants} > $steps,
		"time alone caused $seen{time} transitions, looked at from $seen{instants} instants");
	done();
}

# One statement, and the ticks that follow it.
sub step
{
	my ($number) = @_;
	my $kind = pick_weighted(map { $_ => $kinds{$_} } sort keys %kinds);

	act($kind =~ /^(clock|reload)$/ ? $kind : 'write', __PACKAGE__->can("random_$kind")->());
	compare_answers(0, @copies);
	act_tick('often');
	compare_answers(0, 'often');
	compare_feed('often');
	compare_instants() if defined $jumped_from;
	if (rand() < 0.2)
	{
		act_tick('seldom', pick(1, 3, 10, undef));
		compare_answers(0, 'seldom');
	}
	compare_stored() if $number % 5 == 0;
	return;
}

sub act
{
	my ($kind, $text, %more) = @_;
	my $done = { kind => $kind, text => $text, %more };

	push @history, $done;
	return perform($done);
}

sub act_tick
{
	my ($copy, $budget) = @_;

	return act('tick', tick_text($copy, $budget), copy => $copy, budget => $budget);
}

sub tick_text
{
	my ($copy, $budget) = @_;

	return as_owner($copy, 'SELECT * FROM segment.tick(' . ($budget // '') . ');');
}

# Do what history says; all that is random has been drawn before.  Of a tick, what it
# leaves.
sub perform
{
	my ($done) = @_;
	my $text = for_each_copy($done->{text});
	my $before = instant('segment.now()');

	return perform_reload($done) if $done->{kind} eq 'reload';
	push @performed, $text;
	return perform_tick($done, $text) if $done->{kind} eq 'tick';
	sql($text);
	$jumped_from = $done->{kind} eq 'clock' ? $before : undef;
	return;
}

# What a transaction has undone itself is not told, though what time had done is.
sub perform_reload
{
	my ($done) = @_;
	my $told = "SELECT count(*) FROM segment.transition WHERE population = '$copies[0]' AND cause = 'event'";
	my $tick = { kind => 'tick', copy => $copies[0], text => tick_text($copies[0]) };
	my $before;

	perform($tick);
	$before = value($told);
	perform({ %$done, kind => 'write' });
	perform($tick);
	differ('a reload is told of', $told) if value($told) != $before;
	return;
}

sub perform_tick
{
	my ($done, $text) = @_;
	my ($copy, $budget) = @$done{ 'copy', 'budget' };
	my ($swept, $due, $folded, $pending, $overdue);
	# what happened at one instant is folded as a whole
	my $at_once = REGULAR * @names;

	# who does without a copy, to make a script shorter
	return 0 unless grep { $_ eq $copy } @copies;
	(undef, $swept, $due, $folded, $pending) = @{ (rows($text =~ s/;\n\z//r))[0] };
	# with a budget, it is of those from where the session's sweeps stand that it tells
	$overdue = value("SELECT count(*) FROM segment_data.$copy WHERE wake_at <= segment.now()");
	differ("tick(@{[$budget // '']}) of $copy sweeps $swept and leaves $due, who are $overdue, folds $folded and leaves $pending")
	  if $due > $overdue
	  || ($swept == 0 && $due != $overdue)
	  || (defined $budget ? $swept > $budget || $folded > 10 * $budget + $at_once || ($due > 0 && $swept < $budget) : $overdue + $pending > 0);
	return $due + $pending;
}

# Comparisons ---------------------------------------------------------------------

# Whatever was done, and then nothing more.
sub compare_all
{
	compare_answers(1, @copies);
	compare_stored();
	perform({ kind => 'tick', copy => $_, text => tick_text($_) }) for @copies;
	compare_instants() if defined $jumped_from;
	compare_feed(@copies);
	compare_answers(1, @copies);
	compare_stored();
	compare_copies();
	return;
}

# A query that is to give none: it dies of the rows.
sub no_row
{
	my ($what, $query) = @_;
	my @rows = rows($query);

	differ("$what: " . join('; ', map { "@$_" } @rows), $query) if @rows;
	return;
}

sub differ
{
	my ($text, $query) = @_;

	die { text => $text, query => $query };
}

# The audiences that naive SQL knows of.
sub audiences_there
{
	return map { $_->[0] } rows("SELECT proname FROM pg_proc WHERE pronamespace = 'naive'::regnamespace AND proretset
	AND pronargs = 1 ORDER BY 1");
}

# SQL for (audience, key) of all members, as of that instant.
sub naive_members
{
	my ($at, @those) = @_;

	return join "\n\tUNION ALL ", "SELECT NULL::text AS audience, NULL::bigint AS key WHERE false",
	  map { "SELECT '$_', key FROM naive.$_($at) AS key" } @those;
}

# What is asked of these populations, in all ways or in some, and what is to be
# answered: two bags that are the same.
sub compare_answers
{
	my ($all, @of) = @_;
	my @those = audiences_there() or return;
	my $list = '(VALUES ' . join(', ', map { "('$_')" } @those) . ') AS l(a)';
	my $pairs = '(VALUES ' . join(', ', map { "('$_->[0]', '$_->[1]')" } some_pairs($all, @those)) . ') AS p(a, b)';
	my $keys = $all ? 'generate_series(0::bigint, ' . (CUSTOMERS + 1) . ') AS q(k)' : '(VALUES (' . (1 + int rand CUSTOMERS) . '::bigint)) AS q(k)';
	my $later = "segment.now() + interval '" . int(rand 90 * 24 * 60) . " minutes'";
	my $asked = pick(@those);
	my $size_of = '(SELECT count(*) FROM member WHERE audience = a)';
	my %ways = (
		'members()' => [ "SELECT a, k FROM $list, segment.members(a, COPY) AS m(k bigint)", 'TABLE member' ],
		'the view' => [ join(' UNION ALL ', map { "SELECT '$_', customer_id FROM SCHEMA.$_" } @those), 'TABLE member' ],
		'sizes()' => [ 'SELECT audience::text, size FROM segment.sizes(COPY)', "SELECT a, $size_of FROM $list" ],
		'size()' => [ "SELECT a, segment.size(a, COPY) FROM $list", "SELECT a, $size_of FROM $list" ],
		'audiences()' => [ "SELECT a::text, k FROM $keys, segment.audiences(k, COPY) AS a", "SELECT audience, k FROM $keys, member WHERE key = k" ],
		'is_member()' => [ "SELECT a, k, segment.is_member(a, k, COPY) FROM $keys, $list",
			"SELECT a, k, EXISTS (SELECT FROM member WHERE audience = a AND key = k) FROM $keys, $list" ],
		'overlap()' => [ "SELECT a, b, o.in_both, o.only_a, o.only_b FROM $pairs, segment.overlap(a, b, COPY) AS o",
			"SELECT a, b, n, $size_of - n, (SELECT count(*) FROM member WHERE audience = b) - n FROM $pairs,
	LATERAL (SELECT count(*) AS n FROM member AS m JOIN member AS o USING (key) WHERE m.audience = a AND o.audience = b) AS n" ],
		'count_where()' => [ "SELECT a, b, segment.count_where(format('in audience %s and not in audience %s', a, b)::segment.filter, COPY) FROM $pairs",
			"SELECT a, b, (SELECT count(*) FROM (SELECT key FROM member WHERE audience = a EXCEPT SELECT key FROM member WHERE audience = b) AS e) FROM $pairs" ],
		'forecast()' => [ "SELECT '$asked', $later, segment.forecast('$asked', $later, COPY)", "SELECT '$asked', $later, count(*) FROM naive.$asked($later)" ],
		'explain()' => [ "SELECT '$asked', p.customer_id FROM SCHEMA.SCHEMA AS p, segment.explain('$asked', p.customer_id, COPY) AS e
	WHERE depth = 0 AND holds", "SELECT * FROM member WHERE audience = '$asked'" ]);
	my @asked = grep { $all || !/forecast|explain/ || rand() < 0.2 } sort keys %ways;
	my @questions = map { my $copy = $_; map { [ $copy, $_ ] } @asked } @of;

	# one by one, a difference is easier to read
	compare_ways(naive_members('segment.now()', @those), \%ways, $_) for $all ? (map { [$_] } @questions) : [@questions];
	return;
}

sub compare_ways
{
	my ($members, $ways, $questions) = @_;
	my ($got, $expected) = map {
		my $half = $_;
		join "\n\tUNION ALL ", map {
			my ($copy, $way) = @$_;
			"SELECT '$copy', '$way', w::text FROM (" . ($ways->{$way}[$half] =~ s/\bCOPY\b/'$copy'/gr =~ s/\bSCHEMA\b/$copy/gr) . ') AS w'
		} @$questions
	} 0, 1;

	no_row('answers', "WITH member AS MATERIALIZED ($members),
got (population, way, answer) AS MATERIALIZED ($got),
expected (population, way, answer) AS MATERIALIZED ($expected)
SELECT population, way, 'says', answer, 'at', segment.now() FROM (TABLE got EXCEPT ALL TABLE expected) AS d
UNION ALL SELECT population, way, 'should say', answer, 'at', segment.now() FROM (TABLE expected EXCEPT ALL TABLE got) AS d
LIMIT 8");
	return;
}

sub some_pairs
{
	my ($all, @those) = @_;

	return map { my $a = $_; map { [ $a, $_ ] } grep { $_ ne $a } @those } @those if $all && @those > 1;
	return [ pick(@those), pick(@those) ];
}

# The feed makes sense, and who replays it has the members.
sub compare_feed
{
	my @of = @_;
	my $list = join ', ', map { "'$_'" } @of;

	no_row('the feed', "WITH feed AS MATERIALIZED (SELECT *, lag(change, 1, 'left') OVER w AS was, lag(at) OVER w AS earlier,
		lag(cause) OVER w AS because, lead(seq) OVER w IS NULL AS last
	FROM segment.transition WHERE population IN ($list) WINDOW w AS (PARTITION BY population, audience, key ORDER BY seq)),
expected AS MATERIALIZED (SELECT population, m.audience, key::text
	FROM (" . naive_members('segment.now()', audiences_there()) . ") AS m JOIN segment.audience AS a USING (audience)
	WHERE a.population IN ($list) AND a.stored),
got AS MATERIALIZED (SELECT f.population, audience, key FROM feed AS f LEFT JOIN segment.audience AS a USING (population, audience)
	WHERE last AND change = 'entered' AND a.stored IS DISTINCT FROM false)
SELECT population, audience, key, 'is still in by the feed' FROM (TABLE got EXCEPT TABLE expected) AS d
UNION ALL SELECT population, audience, key, 'is not in by the feed' FROM (TABLE expected EXCEPT TABLE got) AS d
UNION ALL SELECT population, audience, key, concat_ws(' ', seq, change, at, cause, 'after', was, earlier, because) FROM feed
	WHERE change = was OR at < earlier OR (at = earlier AND cause = 'time' AND because = 'time') OR at > segment.now()
		OR cause <> ALL ('{event,time,create,edit,drop,rebuild}')
LIMIT 8");
	return;
}

# What the feed tells of the last jump is what happened, at many instants.
sub compare_instants
{
	my @those = audiences_there();
	my $transitions = "SELECT audience, key, change, at, cause, lead(at, 1, 'infinity') OVER (PARTITION BY audience, key ORDER BY seq) AS until
	FROM segment.transition JOIN segment.audience AS a USING (population, audience) WHERE population = '$copies[0]' AND a.stored";
	my $instants = "SELECT at FROM (SELECT at FROM naive.instants('$jumped_from', segment.now()) AS at ORDER BY hashtext(at::text || $seed) LIMIT 30) AS i
	UNION SELECT t FROM feed, LATERAL (VALUES (at), (at - interval '1 us')) AS v(t)
	WHERE cause = 'time' AND at > '$jumped_from'";

	no_row('time', "WITH feed AS MATERIALIZED ($transitions),
instant AS MATERIALIZED ($instants),
expected AS MATERIALIZED (SELECT at, m.* FROM instant, LATERAL (" . naive_members('at', @those) . ") AS m
	WHERE m.audience IN (SELECT audience FROM segment.audience WHERE population = '$copies[0]' AND stored)),
got AS MATERIALIZED (SELECT i.at, audience::text, key::bigint FROM instant AS i JOIN feed AS f ON f.at <= i.at AND i.at < f.until
	WHERE change = 'entered')
SELECT audience, key, 'is in by the feed at', at FROM (TABLE got EXCEPT TABLE expected) AS d
UNION ALL SELECT audience, key, 'is not in by the feed at', at FROM (TABLE expected EXCEPT TABLE got) AS d
LIMIT 8") if @those;
	$seen{instants} += value("WITH feed AS ($transitions) SELECT count(*) FROM ($instants) AS i");
	return;
}

# What is kept is what the sources say, and nobody sleeps too long.
sub compare_stored
{
	for my $copy (@copies)
	{
		no_row("verify('$copy')", "SELECT * FROM segment.verify('$copy')");
		no_row("wake_at of $copy", "SELECT customer_id, audience, wake_at, change
	FROM segment_data.$copy, segment.audience AS a, segment.next_change(audience, customer_id, '$copy') AS change
	WHERE a.population = '$copy' AND a.stored AND coalesce(wake_at, 'infinity') > segment.now() AND change < coalesce(wake_at, 'infinity')");
	}
	return;
}

# The feeds of all copies tell the same, of each profile in the same order.
sub compare_copies
{
	my ($often, @others) = @copies;

	for my $copy (@others)
	{
		my ($one, $other) = map { "(SELECT audience, key, array_agg(concat_ws(' ', change, at, cause) ORDER BY seq) AS told
	FROM segment.transition WHERE population = '$_' GROUP BY audience, key)" } $often, $copy;

		no_row("feeds of $often and $copy", "SELECT audience, key, n, o.told[n], c.told[n]
FROM $one AS o FULL JOIN $other AS c USING (audience, key),
	LATERAL (SELECT min(n) AS n FROM generate_series(1, greatest(cardinality(o.told), cardinality(c.told))) AS n
		WHERE o.told[n] IS DISTINCT FROM c.told[n]) AS first
WHERE o.told IS DISTINCT FROM c.told ORDER BY o.told[n] LIMIT 8");
	}
	return;
}

sub note_what_was_seen
{
	$seen{time} += value("SELECT count(*) FROM segment.transition WHERE population = 'often' AND cause = 'time'");
	return;
}

# Telling what happened -----------------------------------------------------------

# What it died of, or undef: { text, query that shows it }.
sub failure_of
{
	my ($code) = @_;

	return if eval { $code->(); 1 };
	return ref $@ ? $@ : { text => $@ =~ /^(.*)/ ? $1 : 'it died of nothing' };
}

# Print a script that leads there, as short as can be found in time.
sub report
{
	my ($wrong) = @_;
	my $until = time + $patience;
	my $kind = kind_of($wrong);
	my $fails = sub { kind_of(failure_again(@_)) eq $kind };
	my @script = @history;

	# not even all of it: whatever it was, it does not come back
	if ($fails->(@script))
	{
		with_fewer_copies($fails, @script);
		@script = shortest($until, $fails, @script);
	}
	$wrong = failure_again(@script) // $wrong;

	print "-- seed $seed: $wrong->{text}\n-- " . @script . ' of ' . @history . " statements remain\n";
	print join('', map { "CREATE ROLE $_;\n" } @copies), for_each_copy(setup_script()), @performed;
	print "$wrong->{query};\n" if defined $wrong->{query};
	return;
}

# It may go wrong without all three.
sub with_fewer_copies
{
	my ($fails, @script) = @_;
	my @all = @copies;

	for my $fewer ((map { [$_] } @all), [ @all[ 0, 1 ] ], [ @all[ 0, 2 ] ], \@all)
	{
		@copies = @$fewer;
		make_start();
		return if @copies == @all || $fails->(@script);
	}
	return;
}

# Two failures are the same if both are differences, or the same error.
sub kind_of
{
	my ($wrong) = @_;

	return 'none' unless $wrong;
	return $wrong->{text} =~ /^([A-Z]+:  .{30})/ ? $1 : 'difference';
}

# Without its statements a history may make no sense: then it fails otherwise.
sub failure_again
{
	my @script = @_;

	begin_again();
	return failure_of(sub { perform($_) for @script; compare_all(); });
}

# Rounds ----------------------------------------------------------------------------

# Another place, and another year of it.
sub begin_round
{
	%audiences = ();
	@history = @times = ();
	($zone, my @years) = @{ pick(@places) };
	$year = pick(@years);
	@special = special_instants();
	$start = instant("timestamptz '" . pick(@special) . "' - interval '1 minute' * " . int rand 3000);
	filters_of($zone, $start, @special);
	make_start();
	begin_again();
	return;
}

sub begin_history
{
	act('write', define_trait('create', @$_[ 0 .. 2 ])) for @traits;
	act('write', random_insert(pick(sort keys %columns))) for 1 .. 16;
	act('write', random_define()) for 1 .. 5;
	return;
}

# The database in which a round begins, with the populations in use.
sub make_start
{
	in_home("DROP DATABASE IF EXISTS ${home}_start; CREATE DATABASE ${home}_start;");
	$ENV{PGDATABASE} = "${home}_start";
	sql(for_each_copy(setup_script()));
	return;
}

# Back to the start.
sub begin_again
{
	in_home("DROP DATABASE IF EXISTS ${home}_now; CREATE DATABASE ${home}_now TEMPLATE ${home}_start;");
	$ENV{PGDATABASE} = "${home}_now";
	@performed = ();
	$jumped_from = undef;
	sql(session_settings());
	return;
}

sub in_home
{
	my ($text) = @_;

	disconnect();
	$ENV{PGDATABASE} = $home;
	sql("SET client_min_messages = warning; $text");
	disconnect();
	return;
}

sub leave
{
	in_home("DROP DATABASE IF EXISTS ${home}_now; DROP DATABASE IF EXISTS ${home}_start;");
	# unless somebody else is at it, too
	attempt("DROP ROLE $_;") for qw(often seldom once);
	return;
}

sub session_settings
{
	return "SET TimeZone = 'UTC';\nSET segment.feed_retention = -1;\nSET segment.now = '$start';\n";
}

sub setup_script
{
	my $special = join ', ', map { "'$_'" } @special;
	my $intervals = join ', ', map { ("'" . in_words($_) . "'", "'-" . in_words($_) . "'") } @spans, '7 days', '60 days', '0 days';
	my $script = "CREATE EXTENSION segment;\n" . session_settings() . "$tables
-- the naive half: nothing but the tables
" . days_of($zone, $year - 3 . '-01-01', $year + 6 . '-01-01') . "CREATE VIEW naive.customer AS SELECT customer_id, city, birthday, signup, renewal
FROM (SELECT customer_id FROM customers UNION SELECT customer_id FROM orders UNION SELECT customer_id FROM visits
	UNION SELECT customer_id FROM clicks) AS k LEFT JOIN customers AS c USING (customer_id)
WHERE customer_id IS NOT NULL;

-- instants at which something may be different
CREATE VIEW naive.moment (at) AS
SELECT ordered_at FROM orders UNION SELECT visited_at AT TIME ZONE '$zone' FROM visits
UNION SELECT starts FROM clicks JOIN naive.days ON day = clicked_on
UNION SELECT signup FROM customers UNION SELECT renewal AT TIME ZONE '$zone' FROM customers
UNION SELECT unnest(ARRAY[$special]::timestamptz[]);
CREATE FUNCTION naive.instants(after timestamptz, until timestamptz) RETURNS SETOF timestamptz LANGUAGE sql STABLE AS \$\$
SELECT DISTINCT t FROM (
	SELECT unnest(ARRAY[at + s, (at AT TIME ZONE '$zone' + s) AT TIME ZONE '$zone']) AS at
	FROM naive.moment, unnest(ARRAY[$intervals]::interval[]) AS s WHERE isfinite(at)
	UNION ALL SELECT starts FROM naive.days WHERE starts BETWEEN after - interval '1 day' AND until
	UNION ALL SELECT generate_series(date_trunc('hour', after), least(until, after + interval '2 days'), '1 hour')) AS i,
	LATERAL (VALUES (at - interval '1 us'), (at), (at + interval '1 us')) AS beside(t)
WHERE t > after AND t <= until
\$\$;
";
	return $script . join('', map { "GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA public TO $_;\nCREATE SCHEMA $_ AUTHORIZATION $_;\n" } @copies)
	  . "{{SELECT segment.create_population(COPY, timezone => '$zone');
SELECT segment.attach_source('customers', population => COPY);
SELECT segment.attach_source('orders', at => 'ordered_at', population => COPY);
SELECT segment.attach_source('visits', at => 'visited_at', population => COPY);
SELECT segment.attach_source('clicks', at => 'clicked_on', population => COPY);}}\n";
}

# Where clocks are set, months begin, a year has a day more, and others have not.
sub special_instants
{
	my @turns = rows("SELECT t FROM (SELECT t, (t AT TIME ZONE '$zone') - lag(t AT TIME ZONE '$zone') OVER (ORDER BY t) AS step
		FROM generate_series(timestamptz '" . ($year - 1) . "-09-01 00:00+00', '" . ($year + 1) . "-06-01 00:00+00', '30 min') AS t) AS s WHERE step <> interval '30 min' ORDER BY t");
	# the first days of months and the last, as several have the same day a month ago
	my @days = rows("SELECT (month + day) AT TIME ZONE '$zone' FROM generate_series(timestamp '" . ($year - 1) . "-10-01', '" . ($year + 1) . "-04-01', '1 month') AS month,
		unnest('{0,-1 day,-2 days,-3 days}'::interval[]) AS day ORDER BY 1");

	# half of them where clocks are set, if they are
	@days = grep { rand() < (@turns ? 0.12 : 0.3) } @days;
	return map { instant("timestamptz '$_->[0]'") } @turns, @days;
}

# Statements of one owner, and of each.
sub as_owner
{
	my ($copy, $text) = @_;

	return "SET ROLE $copy;\n$text\nRESET ROLE;\n";
}

sub for_each_copy
{
	my ($text) = @_;

	return $text =~ s/\{\{(.*?)\}\}\n/join '', map { as_owner($_, $1 =~ s{\bCOPY\b}{'$_'}gr) } @copies/gser;
}

# Random steps ----------------------------------------------------------------------

# An audience comes, changes or goes, and those that are made of it with it.
sub random_define
{
	my @there = sort keys %audiences;
	my @free = grep { !$audiences{$_} } @names;
	my $what = rand();
	my @gone;

	return define('create', pick(@free)) if @there < 2 || @free && $what > 0.55;
	return define('alter', pick(@there)) if $what > 0.25;
	@gone = with_users(pick(@there));
	delete @audiences{@gone};
	return '{{' . join("\n", map { "SELECT segment.drop_audience('$_', COPY);" } @gone) . "}}\n"
	  . join '', map { "DROP FUNCTION naive.$_;\n" } @gone;
}

sub define
{
	my ($verb, $name) = @_;
	my %circle = map { $_ => 1 } with_users($name);
	my @others = grep { !$circle{$_} } sort keys %audiences;
	my ($filter, $condition);

	# one that time will change, if a few tries find it
	for (1 .. 4)
	{
		($filter, $condition) = random_filter(pick(0, 0, 1, 2), @others);
		last if is_lively($condition);
	}
	$audiences{$name} = $condition;
	$condition =~ s/<= now\b/< now/ if $ENV{PLANT};
	return "{{SELECT segment.${verb}_audience('$name', \$f\$$filter\$f\$, COPY);}}
CREATE OR REPLACE FUNCTION naive.$name(now timestamptz) RETURNS SETOF bigint LANGUAGE sql STABLE AS \$\$
SELECT k.customer_id FROM naive.customer AS k WHERE " . in_place($condition) . "\n\$\$;\n";
}

# Will anybody enter or leave before long?  What is not defined yet may not be asked.
sub is_lively
{
	my ($condition) = @_;

	return eval {
		value("SELECT count(*) FROM (SELECT FROM naive.customer AS k, unnest('{0,2 h,2 days,10 days,35 days}'::interval[]) AS s,
	LATERAL (SELECT segment.now() + s AS now) AS i WHERE " . in_place($condition) . ' GROUP BY k.customer_id HAVING count(*) < 5) AS c') > 0;
	};
}

# An audience, behind all that are made of it.
sub with_users
{
	my ($name) = @_;
	my %seen;

	return grep { !$seen{$_}++ } (map { with_users($_) } grep { $audiences{$_} =~ /naive\.$name\(now\)/ } sort keys %audiences), $name;
}

# A trait is defined otherwise: its audiences are decided again.
sub random_trait
{
	my ($name, $type, @definitions) = @{ pick(grep { @$_ > 3 } @traits) };

	return define_trait('alter', $name, $type, pick(@definitions));
}

sub define_trait
{
	my ($verb, $name, $type, $definition) = @_;

	return "{{SELECT segment.${verb}_trait('$name', '$definition->[0]', COPY);}}
CREATE OR REPLACE FUNCTION naive.$name(key bigint, now timestamptz) RETURNS $type LANGUAGE sql STABLE AS \$\$
SELECT " . in_place($definition->[1]) . " FROM naive.customer AS k WHERE customer_id = key\n\$\$;\n";
}

sub random_rebuild
{
	return "{{SELECT segment.rebuild(COPY);}}\n";
}

sub random_truncate
{
	return 'TRUNCATE ' . pick(qw(orders visits clicks customers)) . ";\n" . random_write();
}

# Writes, a definition and a jump of the clock in one transaction, which may not
# have been, or only in part.
sub random_several
{
	my %before = %audiences;
	my $text = "BEGIN;\n" . random_write();
	my $what = rand();

	if ($what < 0.4)
	{
		$text .= pick(random_write(), random_clock(), random_define()) . random_write() . "ROLLBACK;\n";
		%audiences = %before;
		return $text;
	}
	if ($what < 0.6)
	{
		$text .= "SAVEPOINT here;\n" . pick(random_write(), random_define()) . random_write() . "ROLLBACK TO here;\n";
		%audiences = %before;
	}
	$text .= random_define() if rand() < 0.2;
	return $text . (rand() < 0.5 ? random_clock() : '') . random_write() . "COMMIT;\n";
}

# What is known of somebody goes and comes again in one transaction: all, so that the
# profile ends and another begins, or some; or it is changed and changed back.
sub random_reload
{
	my $key = 1 + int rand CUSTOMERS;
	my @tables = rand() < 0.6 ? sort keys %columns : pick(sort keys %columns);
	my $keep = join '', map { "CREATE TEMP TABLE kept_$_ ON COMMIT DROP AS SELECT * FROM $_ WHERE customer_id = $key;\n" } @tables;
	my $remove = join '', map { "DELETE FROM $_ WHERE customer_id = $key;\n" } @tables;
	my $again = join '', map { "INSERT INTO $_ TABLE kept_$_;\n" } rand() < 0.5 ? @tables : reverse @tables;

	return "BEGIN;\nUPDATE orders SET amount = - amount, units = units + 1 WHERE customer_id = $key;
UPDATE orders SET amount = - amount, units = units - 1 WHERE customer_id = $key;\nCOMMIT;\n" if rand() < 0.2;
	return "BEGIN;\n$keep" . pick(
		$remove . $again,
		$remove . $again . $remove . $again,
		"SAVEPOINT here;\n$remove$again" . "RELEASE here;\n",
		"${remove}SAVEPOINT here;\n${again}ROLLBACK TO here;\n$again") . "COMMIT;\n";
}

# A few days as they mostly are: of one customer order after order, each at its time.
sub random_days
{
	my $now = instant('segment.now()');
	my $pause = pick(20, 200, 600);
	my $text = '';

	for (1 .. 5 + int rand 10)
	{
		$now = instant("timestamptz '$now' + interval '1 minute' * " . int rand $pause);
		$text .= "SET segment.now = '$now';\nINSERT INTO orders (order_id, customer_id, ordered_at, store, amount, units) VALUES ("
		  . join(', ', $next_id++, REGULAR, "'$now'", random_city(), random_number(), random_number()) . ");\n";
	}
	return $text;
}

# Two statements, the second of somebody whose clock is behind: of what has just been
# decided, be it for a customer or for all, it comes after that.
sub random_behind
{
	my ($now, $earlier) = (instant('segment.now()'), instant("segment.now() - interval '1 minute' * " . int rand pick(60, 3000, 60000)));
	my @free = grep { !$audiences{$_} } @names;
	my $key = 1 + int rand CUSTOMERS;
	my ($first, $then);

	if (rand() < 0.6)
	{
		$first = define(@free ? ('create', pick(@free)) : ('alter', pick(@names)));
		$then = rand() < 0.3 ? random_define() : random_write();
	}
	else
	{
		$first = 'INSERT INTO orders (order_id, customer_id, ordered_at, amount) VALUES (' . $next_id++ . ", $key, '$now', 1);\n";
		$then = random_write_of($key);
	}
	return "${first}SET segment.now = '$earlier';\n${then}SET segment.now = '$now';\n";
}

# What is written of one customer.
sub random_write_of
{
	my ($key) = @_;
	my $table = pick(qw(orders orders visits clicks customers));
	my %column = @{ $columns{$table} };
	my $name = pick(sort keys %column);
	my $value = $column{$name}->();

	return "DELETE FROM $table WHERE customer_id = $key;\n" if rand() < 0.2;
	return "UPDATE $table SET $name = $value WHERE customer_id = $key;\n" if rand() < 0.5 || $table eq 'customers';
	return "INSERT INTO $table ($identity{$table}, customer_id, $name) VALUES (" . $next_id++ . ", $key, $value);\n";
}

sub random_clock
{
	return "SET segment.now = '" . random_later() . "';\n";
}

# Later than now: where something is different, or beside it, or anywhere.
sub random_later
{
	my $next = sub {
		my ($offset) = @_;

		return "coalesce((SELECT at FROM naive.instants(segment.now(), segment.now() + interval '60 days') AS at ORDER BY at OFFSET $offset LIMIT 1),
			segment.now() + interval '1 day')";
	};
	my $special = join ', ', map { "'$_'" } @special;
	my ($nudge, $some) = (pick('0', '0', '-1 us', '1 us'), pick(0, 0, int rand 6));

	return instant(pick_weighted(
		"coalesce((SELECT change FROM (SELECT segment.next_change(audience, customer_id, 'once') + interval '$nudge' AS change
			FROM segment.audience, naive.customer WHERE population = 'once') AS c WHERE change > segment.now()
			AND change < segment.now() + interval '100 days' ORDER BY 1 OFFSET $some LIMIT 1), segment.now() + interval '1 hour')" => 14,
		$next->(0) => 1,
		$next->(int rand 6) => 2,
		$next->(int rand 200) => 2,
		"segment.now() + interval '1 microsecond' * " . (1 + int rand 3e9) => 2,
		"segment.now() + interval '1 minute' * " . int(1 + rand 3000) => 2,
		"segment.now() + interval '1 day' * " . int(1 + rand 20) => 1,
		"segment.now() + interval '1 month' * " . int(1 + rand 3) => 0.5,
		"coalesce((SELECT min(s + n) FROM unnest(ARRAY[$special]::timestamptz[]) AS s, unnest('{-1 us,0,1 us,-30 min,30 min,-1 hour,1 hour,-90 min,90 min,8 hours,20 hours}'::interval[]) AS n
			WHERE s + n > segment.now()), segment.now() + interval '3 days')" => 4));
}

# An expression for an instant, as text that stands for it anywhere.
sub instant
{
	return value("SELECT CASE WHEN isfinite(t) THEN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00') ELSE t::text END
	FROM (SELECT ($_[0])::timestamptz) AS i(t)");
}

sub random_write
{
	my $table = pick(qw(orders orders visits clicks customers));
	my $what = rand();
	my $key = 1 + int rand CUSTOMERS;

	return random_insert($table) if $what < 0.6;
	return "UPDATE $table SET " . random_set($table) . ' WHERE ' . random_where($table) . ";\n" if $what < 0.83;
	return "DELETE FROM $table WHERE " . random_where($table) . ";\n" if $what < 0.91;

	# all that is known of somebody, at once or one after the other
	return join '', map { "DELETE FROM $_ WHERE customer_id = $key;\n" } sort keys %columns if $what < 0.94;
	return 'WITH ' . join(', ', map { "gone_$_ AS (DELETE FROM $_ WHERE customer_id = $key)" } qw(clicks orders customers))
	  . "\nDELETE FROM visits WHERE customer_id = $key;\n";
}

sub random_insert
{
	my ($table) = @_;
	my %column = @{ $columns{$table} };
	my @names = sort keys %column;
	my $many = $table =~ /orders|visits/ && rand() < 0.1;
	my $one = random_key();
	my @rows;

	# so many of one customer that a series says what they come to
	for (1 .. ($many ? 9 + int rand 5 : $table eq 'customers' ? 1 : 1 + int rand 4))
	{
		my @key = $table eq 'customers' ? 1 + int rand CUSTOMERS : ($next_id++, $many ? $one : random_key());

		push @rows, '(' . join(', ', @key, map { $column{$_}->() } @names) . ')';
	}
	return "INSERT INTO $table (" . join(', ', ($table eq 'customers' ? () : $identity{$table}), 'customer_id', @names) . ") VALUES\n\t"
	  . join(",\n\t", @rows)
	  . ($table eq 'customers' ? "\n\tON CONFLICT (customer_id) DO UPDATE SET city = excluded.city, signup = excluded.signup" : '') . ";\n";
}

sub random_set
{
	my ($table) = @_;
	my %column = @{ $columns{$table} };
	my $name = pick(sort keys %column);

	return 'customer_id = ' . random_key() if $table ne 'customers' && rand() < 0.2;
	return "ordered_at = ordered_at + interval '1 day'" if $table eq 'orders' && rand() < 0.1;
	return "$name = " . $column{$name}->();
}

sub random_where
{
	my ($table) = @_;
	my $modulus = 2 + int rand 7;

	return 'customer_id = ' . (1 + int rand CUSTOMERS) if rand() < 0.5;
	return "$identity{$table} % $modulus = " . int rand $modulus;
}

sub random_key
{
	return rand() < 0.04 ? 'NULL' : 1 + int rand CUSTOMERS;
}

# An instant that some filter may care for.
sub random_time
{
	my $local = "(segment.now() AT TIME ZONE '$zone')";
	my $span = in_words(pick(@spans, '7 days', '60 days'));
	my $nudge = pick('0', '0', '1 microsecond', '-1 microsecond', '1 hour', '-1 hour');

	return 'NULL' if rand() < 0.04;
	return pick("'infinity'", "'-infinity'") if rand() < 0.03;
	return pick(@times) if @times && rand() < 0.1;
	push @times, "'" . instant('(' . pick_weighted(
		'segment.now()' => 2,
		"segment.now() - interval '1 minute' * " . int(rand 60000) => 4,
		"segment.now() + interval '1 minute' * " . int(rand 30000) => 3,
		"($local - interval '$span') AT TIME ZONE '$zone'" => 3,
		"date_trunc('" . pick(@periods) . "', $local) AT TIME ZONE '$zone'" => 2,
		"timestamptz '" . pick(@special) . "'" => 2,
		# so that the span ends where clocks are set, or a month does
		"(" . next_special() . " AT TIME ZONE '$zone' - interval '$span') AT TIME ZONE '$zone' + interval '1 minute' * " . (int(rand 300) - 150) => 8) . ") + interval '$nudge'") . "'";
	return $times[-1];
}

# The next instant that matters, or any.
sub next_special
{
	my $list = join ', ', map { "'$_'" } @special;
	my $any = "timestamptz '" . pick(@special) . "'";

	return rand() < 0.2 ? $any : "coalesce((SELECT min(s) FROM unnest(ARRAY[$list]::timestamptz[]) AS s WHERE s > segment.now()), $any)";
}

# Some of these hours do not come, and others twice.
sub random_local_time
{
	my $time = random_time();
	my $nudge = rand() < 0.2 ? pick('30 min', '-30 min', '-1 us') : '0';

	return $time if $time =~ /NULL|infinity/;
	return "'" . value("SELECT timestamptz $time AT TIME ZONE '$zone' + interval '$nudge'") . "'";
}

sub random_day
{
	my $time = random_time();

	return $time if $time =~ /NULL|infinity/;
	return "'" . value("SELECT (timestamptz $time AT TIME ZONE '$zone')::date") . "'";
}

sub random_birthday
{
	my $day = random_day();

	return 'NULL' if $day =~ /NULL|infinity/;
	return pick("'2000-02-29'", "'1996-02-29'", "'1999-02-28'", "'1999-03-01'") if rand() < 0.25;
	return "'" . value("SELECT (date $day - interval '" . int(rand 50) . " years')::date") . "'";
}

sub random_city
{
	return rand() < 0.12 ? 'NULL' : pick(map { "'$_'" } @cities);
}

sub random_number
{
	return rand() < 0.1 ? 'NULL' : int(rand 12) - 1;
}
