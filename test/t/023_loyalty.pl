# A restore neither earns twice nor forgets a lot; a crash loses nothing that was
# committed; what was granted on a ledger is granted in the copy.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION segment;
	CREATE ROLE till;
	CREATE TABLE customers (customer_id bigint PRIMARY KEY);
	INSERT INTO customers SELECT generate_series(1, 20);
	SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
	SELECT segment.attach_source('customers');
	SELECT segment.create_program('club', expires => 'after 1 year', pending => '1 day', bonus => 10, description => 'it''s ours');
	SELECT segment.create_program('visits', unit => 'visits', expires => 'after 3 months without activity');
	SELECT segment.join_program('club', i), segment.join_program('visits', i) FROM generate_series(1, 20) AS i;
	SELECT segment.earn('club', i, 100 * i, pending => 'none', token => 'earn ' || i), segment.earn('visits', i, i) FROM generate_series(1, 20) AS i;
	SELECT segment.redeem('club', i, 50 * i), segment.hold('club', i, i, '1 day') FROM generate_series(1, 20) AS i;
	SELECT segment.reverse('club', movement, 3) FROM segment_data.guest_club_movement WHERE kind = 'earn' AND points > 1000 ORDER BY 1;
	SELECT segment.give('club', 1, 2, 5);
	SELECT segment.create_audience('rich', 'club.balance > 500');
	CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, at timestamptz DEFAULT now());
	CREATE INDEX ON orders (customer_id, at);
	CREATE TABLE lines (line bigint PRIMARY KEY, order_id bigint, amount numeric);
	CREATE INDEX ON lines (order_id);
	SELECT segment.attach_source('orders', at => 'at'), segment.attach_source('lines', through => 'orders', link => 'order_id');
	SELECT segment.create_audience('ordered', 'did orders');
	SELECT segment.create_earning('visits', 'lines', 'lines.amount', ref => 'line'), segment.create_earning('visits', 'orders', 'orders.id', ref => 'id', cap => 50, per => 'month'),
		segment.create_earning('visits', 'rich', 'orders.id * 2', 'in audience rich', ref => 'id');
	SELECT segment.create_referral('visits', 'ordered', 7, 3);
	SELECT segment.join_program('visits', 21, 'friend', referred_by => (SELECT code FROM segment_data.guest_visits_member WHERE key = 4));
	INSERT INTO orders SELECT i, i FROM generate_series(1, 25) AS i;
	INSERT INTO orders SELECT 100 + i, 20 FROM generate_series(1, 3) AS i;
	INSERT INTO lines SELECT i, i, 2 * i FROM generate_series(1, 25) AS i;
	SELECT segment.tick();
	GRANT SELECT, INSERT ON segment_data.guest_club_movement TO till});

my $before = everything('postgres');
my $dump = $node->basedir . '/shop.sql';

$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'it is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'copy', '-f', $dump ], 'and restored');
is(everything('copy'), $before, 'with all that was there');
is(wrong('copy'), '', 'all agrees');

# it goes on where it was
is($node->safe_psql('copy', q{SELECT segment.earn('club', 3, 300, pending => 'none', token => 'earn 3')}),
	$node->safe_psql('postgres', q{SELECT movement FROM segment_data.guest_club_movement WHERE token = 'earn 3'}), 'a token is remembered');
cmp_ok($node->safe_psql('copy', q{SELECT segment.earn('club', 3, 7)}), '>',
	$node->safe_psql('postgres', q{SELECT max(movement) FROM segment_data.guest_club_movement}), 'numbers go on');
$node->safe_psql('copy', q{SET ROLE till; SELECT segment.redeem('club', 3, 7)});
is($node->safe_psql('copy', q{SELECT club_balance FROM guest WHERE customer_id = 3}),
	$node->safe_psql('postgres', q{SELECT club_balance - 7 FROM guest WHERE customer_id = 3}), 'the till serves in the copy');
$node->psql('copy', q{UPDATE segment_data.guest_club_entry SET points = 1}, stderr => \my $refused);
like($refused, qr/cannot update table .*only added to/s, 'the copy is protected, too');
# rules and occasions go on to count what they have granted, once
$node->safe_psql('copy', q{UPDATE lines SET amount = amount + 1 WHERE line <= 10; DELETE FROM orders WHERE id = 20; SELECT segment.tick()});
$node->safe_psql('postgres', q{UPDATE lines SET amount = amount + 1 WHERE line <= 10; DELETE FROM orders WHERE id = 20; SELECT segment.tick()});
is($node->safe_psql('copy', 'SELECT rule, ref, key, points FROM segment_data.guest_visits_granted ORDER BY 1, 2'),
	$node->safe_psql('postgres', 'SELECT rule, ref, key, points FROM segment_data.guest_visits_granted ORDER BY 1, 2'), 'rules go on in the copy');
$before = everything('postgres');
is(wrong('copy'), '', 'all agrees again');

# rows first, or last
for my $way (qw(--section=data --jobs=2))
{
	my $archive = $node->basedir . '/shop.dump';

	$node->command_ok([ 'pg_dump', '-Fc', '-f', $archive, 'postgres' ], 'it is dumped as an archive');
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS copy');
	$node->safe_psql('postgres', 'CREATE DATABASE copy');
	$node->command_ok([ 'pg_restore', '-d', 'copy', $_, $archive ], "and restored, $_")
	  for $way =~ /section/ ? qw(--section=pre-data --section=data --section=post-data) : $way;
	is(everything('copy'), $before, 'with all that was there');
	is(wrong('copy'), '', 'all agrees');
}

# in a database of another encoding a request is the same, and so are samples
my $letters = q{SET client_encoding = 'UTF8';
	SELECT segment.earn('club', 5, 7, ref => 'smørrebrød', token => 'kvittering på 7'), (SELECT count(*) FROM guest g WHERE g @@ 'bucket("påske") < 50')};
my $said = $node->safe_psql('postgres', $letters);
$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/letters.dump', 'postgres' ], 'letters are dumped');
$node->safe_psql('postgres', q{CREATE DATABASE letters TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
$node->command_ok([ 'pg_restore', '-e', '-d', 'letters', $node->basedir . '/letters.dump' ], 'and restored in another encoding');
is($node->safe_psql('letters', $letters), $said, 'where a token is remembered, and samples are the same');
is(wrong('letters'), '', 'all agrees');

# two phases
$node->safe_psql('postgres', q{BEGIN; SELECT segment.redeem('club', 20, 100); PREPARE TRANSACTION 'a'});
$node->safe_psql('postgres', q{BEGIN; SELECT segment.redeem('club', 19, 100); PREPARE TRANSACTION 'b'});
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', q{COMMIT PREPARED 'a'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'b'});
my %was = $before =~ /^(19|20)\|(\d+)$/mg;
is($node->safe_psql('postgres', q{SELECT customer_id, club_balance FROM guest WHERE customer_id IN (19, 20) ORDER BY 1}),
	"19|$was{19}\n20|" . ($was{20} - 100), 'a prepared redemption is done, or it is not');
is(wrong('postgres'), '', 'all agrees after a crash');
$node->stop;
done_testing();

# All that is kept and shown.
sub everything
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
		SELECT customer_id, club_balance FROM guest ORDER BY 1;
		SELECT segment.card('club', i) - 'spendable' FROM generate_series(1, 20) AS i;
		TABLE segment.program ORDER BY 1, 2;
		TABLE segment_data.guest_club_member ORDER BY 1;
		TABLE segment_data.guest_club_movement ORDER BY 1;
		TABLE segment_data.guest_club_lot ORDER BY 1;
		TABLE segment_data.guest_club_entry ORDER BY 1, 2;
		TABLE segment_data.guest_club_hold ORDER BY 1;
		TABLE segment_data.guest_visits_lot ORDER BY 1;
		SELECT relname, relacl FROM pg_class WHERE relname ~ '^guest_(club|visits)' AND relkind = 'r' ORDER BY 1;
		SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'segment_data.guest_club_entry'::regclass ORDER BY 1;
		SELECT * FROM rich ORDER BY 1});
}

sub wrong
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
		SELECT * FROM segment.verify_program('club'); SELECT * FROM segment.verify_program('visits'); SELECT * FROM segment.verify()});
}
