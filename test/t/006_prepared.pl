# Events in transactions that are prepared now and committed later, perhaps
# after the server was killed: they count from when they are committed.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('prepared');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;
Shop::open_in($node, 'postgres');

# one session prepares an order of Dan's and one of a new customer, and goes on
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN;' . Shop::buys(4, 900) . 'SAVEPOINT here;' . Shop::buys(8, 1)
	. 'ROLLBACK TO here;' . Shop::buys(7, 800));
is($session->query_safe(q{SELECT string_agg(customer_id::text, ' ' ORDER BY customer_id) FROM vip}), '1 2 4 7', 'orders count in their transaction');
$session->query_safe(q{PREPARE TRANSACTION 'orders'});
is($session->query_safe(q{SELECT string_agg(customer_id::text, ' ' ORDER BY customer_id) FROM vip}), '1 2', 'and not when it is prepared');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');
$session->query_safe(Shop::buys(3, 600));
is(Shop::members($node, 'postgres', 'vip'), '1 2 3', 'events of others count meanwhile');
is(tick(), '2 folded, 0 pending', 'a fold takes them, and does not wait');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');

# whoever needs that it ends is told so
my ($status, $out, $err) = $node->psql('postgres',
	q{SET lock_timeout = '10ms'; SELECT segment.create_audience('rich', 'total_spend > 700')});
like($err, qr/canceling statement due to lock timeout/, 'a new audience waits for it');
($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '10ms';" . Shop::buys(4, 1));
like($err, qr/canceling statement due to lock timeout/, 'and so do other events of the same customer');

$node->stop('immediate');
$session->quit;
$node->start;
is(Shop::members($node, 'postgres', 'vip'), '1 2 3', 'it survives a crash, still prepared');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');
$node->safe_psql('postgres', q{COMMIT PREPARED 'orders'});
is(Shop::members($node, 'postgres', 'vip'), '1 2 3 4 7', 'committed, it counts');
is(Shop::pending($node, 'postgres'), '5', 'and is pending');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');
is(tick(), '5 folded, 0 pending', 'the next fold takes it');
is(tick(), '0 folded, 0 pending', 'once');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');
is($node->safe_psql('postgres', q{SELECT segment.create_audience('rich', 'total_spend > 700')}), '2', 'and there can be a new audience');

# what is given up has never been
$node->safe_psql('postgres', 'BEGIN;' . Shop::buys(3, 900) . q{TRUNCATE customers; PREPARE TRANSACTION 'mistake'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'mistake'});
is(Shop::members($node, 'postgres', 'local'), '1 4', 'what is rolled back has never been');
is(tick(), '0 folded, 0 pending', 'and leaves nothing to fold');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');

# an acknowledgement goes with the work that it is for
$node->safe_psql('postgres', q{SELECT segment.create_consumer('crm', from_start => true)});
$node->safe_psql('postgres', q{BEGIN; SELECT * FROM segment.poll('crm', 2); SELECT segment.ack('crm', 2); PREPARE TRANSACTION 'letters'});
($status, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '10ms'; SELECT * FROM segment.poll('crm', 2)});
like($err, qr/canceling statement due to lock timeout/, 'another poll waits');
$node->safe_psql('postgres', q{COMMIT PREPARED 'letters'});
is($node->safe_psql('postgres', q{SELECT seq FROM segment.poll('crm', 2)}), "3\n4", 'and is given what follows');

# a fold notifies, and the server cannot prepare that
$node->safe_psql('postgres', Shop::buys(9, 900));
($status, $out, $err) = $node->psql('postgres', q{BEGIN; SELECT * FROM segment.tick(); PREPARE TRANSACTION 'fold'});
like($err, qr/cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY/, 'a fold cannot be prepared');
is(Shop::wrong($node, 'postgres'), '', 'nothing is wrong');

$node->stop;
done_testing();

sub tick
{
	return $node->safe_psql('postgres',
		q{SELECT format('%s folded, %s pending', folded, pending) FROM segment.tick()});
}
