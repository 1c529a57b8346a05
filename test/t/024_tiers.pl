# Rules and tiers survive what happens to servers: a dump neither earns twice nor loses
# a step, a standby answers what a till asks, rows that arrive by logical replication
# earn where the rules are, and two phases and a crash do all of an order or nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\nsegment.now = '2026-03-01 10:00+00'");
$node->start;
my $shop = q{
	CREATE EXTENSION segment;
	SET segment.now = '2026-02-01 10:00+00';
	CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz);
	CREATE INDEX ON orders (customer_id, at);
	SELECT segment.create_population('guest', timezone => 'UTC');
	SELECT segment.attach_source('orders', at => 'at', replicated => REPLICATED);
	SELECT segment.create_program('club', expires => 'after 1 year');
	SELECT segment.create_program('stars');
	SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'this year', hold => 'end of next year', returns => 'keep');
	SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 1000, description => 'it''s free');
	SELECT segment.create_tiering('stars', period => 'last 12 months', hold => '12 months');
	SELECT segment.create_tier('stars', 'blue', 50);
	SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'order_id');
	SELECT segment.create_earning('club', 'golden', 'orders.amount * 0.5', 'club.tier = "gold"', ref => 'order_id', pending => '7 days');
	SELECT segment.create_earning('stars', 'visits', 'orders.amount * 0.1', ref => 'order_id');
	SELECT segment.join_program('club', i, 'C' || i), segment.join_program('stars', i, 'S' || i) FROM generate_series(1, 20) AS i;
	SELECT segment.create_audience('golden', 'club.tier = "gold"')};
$node->safe_psql('postgres', $shop =~ s/REPLICATED/false/r);
$node->safe_psql('postgres', q{
	SET segment.now = '2026-02-01 10:00+00';
	INSERT INTO orders SELECT i, i, 60 * i, '2026-02-01 10:00+00' FROM generate_series(1, 20) AS i;
	RESET segment.now;
	INSERT INTO orders SELECT 100 + i, i, 10, '2026-03-01 10:00+00' FROM generate_series(1, 20) AS i;
	UPDATE orders SET amount = 300 WHERE order_id = 20;
	DELETE FROM orders WHERE order_id IN (9, 19);
	SELECT segment.redeem('club', 18, 100)});

my $before = everything('postgres');
my $archive = $node->basedir . '/shop.dump';
is(wrong('postgres'), '', 'all is well');
like($before, qr/gold\|2028-01-01/, 'somebody is gold');
like($node->safe_psql('postgres', 'TABLE segment_data.guest_club_kept'), qr/^19\|.*gold/m, 'and somebody was let keep it');

# whole, rows first, and by two jobs
$node->command_ok([ 'pg_dump', '-Fc', '-f', $archive, 'postgres' ], 'it is dumped');
for my $way ([ [] ], [ ['--section=pre-data'], ['--section=data'], ['--section=post-data'] ], [ ['--jobs=2'] ])
{
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS copy');
	$node->safe_psql('postgres', 'CREATE DATABASE copy');
	$node->command_ok([ 'pg_restore', '-d', 'copy', @$_, $archive ], "restored @$_") for @$way;
	is(everything('copy'), $before, 'with all that was there');
	is(wrong('copy'), '', 'all agrees');
}

# the copy goes on where the shop was
for my $database (qw(postgres copy))
{
	$node->safe_psql($database, q{
		INSERT INTO orders VALUES (200, 18, 100, '2026-03-01 10:00+00'), (201, 7, 100, '2026-03-01 10:00+00');
		DELETE FROM orders WHERE order_id = 18;
		UPDATE orders SET amount = 20 WHERE order_id = 103});
	is(wrong($database), '', "all agrees after more orders in $database");
}
is(everything('copy'), everything('postgres'), 'both do the same');

# the standby has all that a till and an owner ask
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', q{INSERT INTO orders VALUES (202, 6, 700, '2026-03-01 10:00+00')});
$node->wait_for_catchup($standby);
my $asked = q{
	SELECT segment.card('club', 6), segment.card('stars', 6);
	SELECT * FROM segment.statement('club', 6);
	SELECT * FROM segment.tier_steps('club', 6);
	SELECT * FROM segment.liability('club', '2027-01-01');
	SELECT * FROM segment.verify_program('club'); SELECT * FROM segment.verify_program('stars');
	SELECT customer_id, club_balance, club_tier, stars_balance, stars_tier FROM guest ORDER BY 1;
	SELECT * FROM golden ORDER BY 1};
is($standby->safe_psql('postgres', $asked), $node->safe_psql('postgres', $asked), 'a standby answers the same');
$standby->psql('postgres', q{SELECT segment.redeem('club', 6, 1)}, stderr => \my $refused);
like($refused, qr/read-only/, 'but nothing is spent there');

# two phases, and a crash between them
$node->safe_psql('postgres', q{BEGIN; INSERT INTO orders VALUES (300, 1, 1000, '2026-03-01 10:00+00'); PREPARE TRANSACTION 'a'});
$node->safe_psql('postgres', q{BEGIN; INSERT INTO orders VALUES (301, 2, 1000, '2026-03-01 10:00+00'); SELECT segment.earn('club', 2, 5); PREPARE TRANSACTION 'b'});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM golden WHERE customer_id < 3'), 0, 'what is prepared has not happened yet');
$node->safe_psql('postgres', q{COMMIT PREPARED 'a'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'b'});
is($node->safe_psql('postgres', 'SELECT customer_id, club_balance, club_tier FROM guest WHERE customer_id < 3 ORDER BY 1'),
	"1|1070|gold\n2|130|", 'of two prepared orders one was placed');
is(wrong('postgres'), '', 'all agrees after a crash');
$node->wait_for_catchup($standby);
$standby->promote;
is($standby->safe_psql('postgres', q{INSERT INTO orders VALUES (302, 1, 1, '2026-03-01 10:00+00'); SELECT club_balance FROM guest WHERE customer_id = 1}),
	1071, 'a standby that is promoted goes on');
is($standby->safe_psql('postgres', q{SELECT * FROM segment.verify_program('club')}), '', 'and all agrees there');
$standby->stop;

# Rows that arrive by logical replication earn where the rules are: once, and neither
# movements nor steps have to be replicated.
my $branch = PostgreSQL::Test::Cluster->new('branch');
$branch->init;
$branch->append_conf('postgresql.conf', "segment.now = '2026-03-01 10:00+00'");
$branch->start;
$branch->safe_psql('postgres', $shop =~ s/REPLICATED/true/r);
$node->safe_psql('postgres', 'CREATE PUBLICATION orders FOR TABLE orders');
$branch->safe_psql('postgres', "CREATE SUBSCRIPTION shop CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION orders");
$branch->wait_for_subscription_sync($node, 'shop');
$node->safe_psql('postgres', q{
	INSERT INTO orders VALUES (400, 4, 2000, '2026-03-01 10:00+00');
	INSERT INTO orders VALUES (401, 4, 100, '2026-03-01 10:00+00'), (402, 5, 1, '2026-03-01 10:00+00');
	UPDATE orders SET amount = 1990 WHERE order_id = 400;
	DELETE FROM orders WHERE order_id = 402});
$node->wait_for_catchup('shop');
is($branch->safe_psql('postgres', 'SELECT order_id, amount FROM orders ORDER BY 1'),
	$node->safe_psql('postgres', 'SELECT order_id, amount FROM orders ORDER BY 1'), 'the orders have arrived');
my $earned = q{
	SELECT key, sum(points) FROM segment_data.guest_club_movement WHERE rule = 'orders' AND (ref::int >= 400 OR key = 12) GROUP BY 1 ORDER BY 1;
	SELECT customer_id, club_tier, club_tier_until FROM guest WHERE customer_id IN (4, 12) ORDER BY 1};
is($branch->safe_psql('postgres', $earned), $node->safe_psql('postgres', $earned), 'and have earned there');
is($branch->safe_psql('postgres', q{SELECT * FROM segment.verify_program('club'); SELECT * FROM segment.verify_program('stars'); SELECT * FROM segment.verify()}), '', 'all agrees there');
$branch->stop;
$node->stop;
done_testing();

# All that is kept and shown.
sub everything
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
		TABLE segment.program ORDER BY 1, 2;
		SELECT population, program, hold, downgrade, grace, returns FROM segment.tiering ORDER BY 1, 2;
		SELECT * FROM segment.tier ORDER BY 1, 2, 4;
		SELECT population, program, rule, version, source, amount, condition, ref, pending, valid_from, valid_until FROM segment.earning ORDER BY 1, 2, 3, 4;
		TABLE segment_data.guest_club_step ORDER BY 1, 2;
		TABLE segment_data.guest_club_kept ORDER BY 1, 2;
		TABLE segment_data.guest_stars_step ORDER BY 1, 2;
		SELECT rule, ref, key, version, raw, points FROM segment_data.guest_club_granted ORDER BY 1, 2;
		SELECT key, kind, points, at, ref, rule, version FROM segment_data.guest_club_movement ORDER BY movement;
		SELECT key, points, kind, contra, at FROM segment_data.guest_club_entry ORDER BY 1, 5, 3, 2;
		SELECT customer_id, club_balance, club_tier, club_tier_until, club_points_to_next_tier, stars_balance, stars_tier FROM guest ORDER BY 1;
		SELECT segment.card('club', i) FROM generate_series(1, 20) AS i;
		SELECT * FROM golden ORDER BY 1});
}

sub wrong
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
		SELECT * FROM segment.verify_program('club'); SELECT * FROM segment.verify_program('stars'); SELECT * FROM segment.verify()});
}
