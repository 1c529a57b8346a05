# The server dies while customers buy, while a fold is half done, and while an
# audience is being made.  What was committed is there when it is back, what
# was not has never been, and the feed tells each change once.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
Shop::open_in($node, 'postgres');
$node->safe_psql('postgres', q{SELECT segment.create_consumer('crm', from_start => true)});
is(tick(), '0 folded, 0 pending', 'the shop opens');
is(Shop::wrong($node, 'postgres'), '', 'and all is well');

# Cleo's order is committed, that of Dan is not
$node->safe_psql('postgres', Shop::buys(3, 600));
my $dan = $node->background_psql('postgres');
$dan->query_safe('BEGIN;' . Shop::buys(4, 900) . q{SELECT segment.is_member('vip', 4)});
forced_out();
$node->stop('immediate');
leave($dan);
$node->start;
is(Shop::members($node, 'postgres', 'vip'), '1 2 3', 'a committed order counts after an immediate stop, another does not');
is(Shop::wrong($node, 'postgres'), '', 'members are those of the filter');
is(tick(), '2 folded, 0 pending', 'what was pending is folded');
is(tick(), '0 folded, 0 pending', 'once');
is(last_told(), '3 entered regular', 'and told');
is(Shop::wrong($node, 'postgres'), '', 'and all is well');

# a fold that has moved members into the bitmaps, and is about to tell
$node->safe_psql('postgres', Shop::buys(4, 900));
in_the_middle('SELECT * FROM segment.tick()', \&stop_and_start);
is(Shop::pending($node, 'postgres'), '3', 'a fold cut off by an immediate stop took nothing');
is(Shop::wrong($node, 'postgres'), '', 'members are those of the filter');
in_the_middle('SELECT * FROM segment.tick()', \&kill_and_start);
is(Shop::pending($node, 'postgres'), '3', 'nor did one whose server was killed');
is(Shop::wrong($node, 'postgres'), '', 'members are those of the filter');
in_the_middle('SELECT * FROM segment.tick()', \&kill_backend);
is(Shop::pending($node, 'postgres'), '3', 'nor did one whose session was killed');
is(Shop::wrong($node, 'postgres'), '', 'members are those of the filter');
is(tick(), '3 folded, 0 pending', 'the next fold takes it');
is(tick(), '0 folded, 0 pending', 'once');
is(Shop::wrong($node, 'postgres'), '', 'and all is well');

# a fold that was done, but for the commit
$node->safe_psql('postgres', Shop::buys(5, 900));
my $folder = $node->background_psql('postgres');
like($folder->query_safe('BEGIN; SELECT folded, pending FROM segment.tick()'), qr/^2\|0$/m, 'a fold is done, and not committed');
forced_out();
kill_and_start();
leave($folder);
is(tick(), '2 folded, 0 pending', 'it is done again');
is(Shop::wrong($node, 'postgres'), '', 'and all is well');

# an audience in the making
my $numbers = q{SELECT last_definition_id FROM segment.membership};
my $before = $node->safe_psql('postgres', $numbers);
$node->safe_psql('postgres', Shop::buys(6, 900));
for my $end (\&stop_and_start, \&kill_and_start, \&kill_backend)
{
	in_the_middle(q{SELECT segment.create_audience('rich', 'total_spend > 800')}, $end);
	is($node->safe_psql('postgres', q{SELECT count(*), to_regclass('rich') FROM segment.audience WHERE audience = 'rich'}),
		'0|', 'an audience that was not made in time is not there, nor its view');
	is(Shop::wrong($node, 'postgres'), '', 'and all is well');
}
is($node->safe_psql('postgres', $numbers), $before, 'it left no number');
is($node->safe_psql('postgres', q{SELECT segment.create_audience('rich', 'total_spend > 800')}), '3', 'it can be made');
is($node->safe_psql('postgres', 'SELECT string_agg(customer_id::text, \' \' ORDER BY customer_id) FROM rich'), '4 5 6', 'with its members');
is(Shop::pending($node, 'postgres'), '0', 'what was pending is folded before');
is(Shop::wrong($node, 'postgres'), '', 'and all is well');

# the consumer was there all the time
is($node->safe_psql('postgres', q{SELECT seq FROM segment.poll('crm', 3)}), "1\n2\n3", 'a consumer polls');
kill_and_start();
is($node->safe_psql('postgres', q{SELECT count(*) FROM segment.poll('crm')}), '0', 'its lease survives');
is($node->safe_psql('postgres', q{SELECT segment.ack('crm', 3); SELECT min(seq), count(*) = max(seq) - 3, max(seq) = (SELECT last FROM segment.feed_counter) FROM segment.poll('crm', 1000)}),
	"\n4|t|t", 'and it goes on where it was');

$node->stop;
done_testing();

sub tick
{
	return $node->safe_psql('postgres',
		q{SELECT format('%s folded, %s pending', folded, pending) FROM segment.tick()});
}

# Of the feed, the last change that an event caused.
sub last_told
{
	return $node->safe_psql('postgres', q{SELECT concat_ws(' ', key, change, audience)
		FROM segment.transition WHERE cause = 'event' ORDER BY seq DESC LIMIT 1});
}

# Let a statement begin, stop it where it wants to append to the feed, and end
# the server or the session that runs it.
sub in_the_middle
{
	my ($statement, $end) = @_;
	my $feed = $node->background_psql('postgres');
	my $session = $node->background_psql('postgres');

	$feed->query_safe('BEGIN; SELECT * FROM segment.feed_counter FOR UPDATE');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/begun/, "\\echo begun\n$statement;\n");
	$node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid")
		or die 'it did not wait for the feed';
	forced_out();
	$end->($pid);
	leave($feed);
	leave($session);
}

# What is not committed is on disk, too.
sub forced_out
{
	$node->safe_psql('postgres', 'CHECKPOINT');
}

sub stop_and_start
{
	$node->stop('immediate');
	$node->start;
}

# A killed server is a zombie until somebody reaps it, and its children end
# when they notice.
sub kill_and_start
{
	my $pid = $node->{_pid};

	$node->kill9;
	for (1 .. 300)
	{
		last unless kill(0, $pid);
		select(undef, undef, undef, 0.1);
	}
	for (1 .. 300)
	{
		last if $node->start(fail_ok => 1);
		select(undef, undef, undef, 0.1);
	}
}

# The server ends all other sessions then, and recovers.
sub kill_backend
{
	my ($pid) = @_;

	kill(9, $pid);
	$node->poll_query_until('postgres',
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
		or die 'the server did not come back';
}

# A session whose server has gone.
sub leave
{
	my ($session) = @_;

	eval { $session->quit };
}
