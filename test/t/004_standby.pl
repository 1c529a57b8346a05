# A standby that can be read: members, sizes and views are those of the moment
# that it has replayed, before and after a fold.  What writes is refused there,
# and works once it is promoted.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
Shop::open_in($primary, 'postgres');
$primary->safe_psql('postgres', q{SELECT segment.create_consumer('crm', from_start => true)});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

replayed();
is(Shop::answers($standby, 'postgres'), Shop::answers($primary, 'postgres'), 'the standby answers as the primary');
is(Shop::wrong($standby, 'postgres'), '', 'and nothing is wrong there');

# weeks later time has changed much, and there nobody can write it down
Shop::days_later($primary, 70, sub {
	cmp_ok(Shop::due($standby, 'postgres'), '>', 0, 'some are due on the standby');
	is(Shop::members($standby, 'postgres', 'lapsed'), '1 2 3', 'and known to be lapsed');
	is(Shop::wrong($standby, 'postgres'), '', 'nothing is wrong');
});

# Dan buys; a session that was there before sees it, one in a transaction does not
my $reader = $standby->background_psql('postgres');
my $patient = $standby->background_psql('postgres');
my $question = q{SELECT concat_ws(', ', 'size ' || segment.size('vip'), 'view ' || (SELECT count(*) FROM vip),
	'Dan ' || segment.is_member('vip', 4), 'told ' || (SELECT last FROM segment.feed_counter))};
is($reader->query_safe($question), 'size 2, view 2, Dan false, told 10', 'two are very important');
$patient->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
$patient->query_safe($question);
$primary->safe_psql('postgres', Shop::buys(4, 900));
replayed();
is($reader->query_safe($question), 'size 3, view 3, Dan true, told 10', 'an order on the primary counts, once replayed');
is(Shop::wrong($standby, 'postgres'), '', 'and nothing is wrong');
is($patient->query_safe($question), 'size 2, view 2, Dan false, told 10', 'not for a snapshot from before');

# the primary is ahead
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'})
	or die 'replay was not paused';
$primary->safe_psql('postgres', 'SELECT * FROM segment.tick()');
is(Shop::pending($primary, 'postgres') . ', ' . Shop::pending($standby, 'postgres'), '0, 3', 'a fold on the primary is not replayed');
is($reader->query_safe($question), 'size 3, view 3, Dan true, told 10', 'the standby answers as of what it has replayed');
is(Shop::wrong($standby, 'postgres'), '', 'and nothing is wrong');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
replayed();
is($reader->query_safe($question), 'size 3, view 3, Dan true, told 13', 'and then of what came');
is(Shop::answers($standby, 'postgres'), Shop::answers($primary, 'postgres'), 'as the primary');
is(Shop::wrong($standby, 'postgres'), '', 'and nothing is wrong');
is($patient->query_safe($question), 'size 2, view 2, Dan false, told 10', 'not for a snapshot from before');
$primary->safe_psql('postgres', q{SELECT segment.alter_audience('vip', 'total_spend > 650')});
replayed();
is($reader->query_safe($question), 'size 2, view 2, Dan true, told 16', 'another filter, other members');
# which filter an audience has is known at once: of the three, Ben spent so much
is($patient->query_safe($question), 'size 1, view 1, Dan false, told 10', 'a snapshot from before keeps its customers');
$patient->quit;

# definitions arrive as well
$primary->safe_psql('postgres', q{SELECT segment.create_audience('tea', 'products contains "tea"');
	SELECT segment.drop_audience('lapsed')});
replayed();
is($reader->query_safe(q{SELECT segment.size('tea'), (SELECT count(*) FROM tea), to_regclass('lapsed')}), '4|4|',
	'a new audience has members, one that was dropped is gone');

# what writes
for my $refused (
	[ q{SELECT * FROM segment.poll('crm')}, 'segment.poll()' ],
	[ q{SELECT segment.ack('crm', 1)}, 'segment.ack()' ],
	[ q{SELECT * FROM segment.tick()}, 'segment.tick()' ])
{
	my ($statement, $name) = @$refused;
	my ($status, $out, $err) = $standby->psql('postgres', $statement);

	like($err, qr/ERROR:  cannot execute \Q$name\E in a read-only transaction/, "$name is refused");
}
my ($status, $out, $err) = $standby->psql('postgres', q{SELECT segment.create_audience('x', 'true')});
like($err, qr/ERROR:  cannot .* (during recovery|recovery is in progress)/, 'so is a definition');
($status, $out, $err) = $standby->psql('postgres', Shop::buys(3, 900));
like($err, qr/ERROR:  cannot execute INSERT in a read-only transaction/, 'and an order');

# the standby takes over
$primary->safe_psql('postgres', Shop::buys(3, 1000));
replayed();
$primary->stop('immediate');
$standby->promote;
is($reader->query_safe(q{SELECT segment.size('vip')}), '3', 'a session that was there answers on');
is(Shop::wrong($standby, 'postgres'), '', 'nothing is wrong after the promotion');
$standby->safe_psql('postgres', Shop::buys(7, 800));
is($reader->query_safe(q{SELECT string_agg(customer_id::text, ' ' ORDER BY customer_id) FROM vip}), '2 3 4 7', 'events count');
is($standby->safe_psql('postgres', 'SELECT folded, pending FROM segment.tick()'), '5|0', 'and are folded with what was pending');
is($standby->safe_psql('postgres', 'SELECT folded, pending FROM segment.tick()'), '0|0', 'once');
is($standby->safe_psql('postgres', q{SELECT count(*) = max(seq) FROM segment.poll('crm', 1000)}), 't', 'the consumer polls');
is(Shop::wrong($standby, 'postgres'), '', 'and all is well');
$reader->quit;
Shop::days_later($standby, 70, sub {
	is($standby->safe_psql('postgres', 'SELECT swept > 0, due, pending FROM segment.tick()'), 't|0|0', 'whoever is due is swept');
	is(Shop::members($standby, 'postgres', 'regular'), '', 'and no regular');
	is(Shop::wrong($standby, 'postgres'), '', 'and all is well');
});

$standby->stop;
done_testing();

sub replayed
{
	$primary->wait_for_catchup($standby, 'replay');
}
