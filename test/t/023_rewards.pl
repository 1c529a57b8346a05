
# A restore forgets no voucher and no stock, and issues none twice; what a till does
# with vouchers in two phases is done or not.

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
	CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, coffees int, ordered_at timestamptz NOT NULL DEFAULT now());
	CREATE INDEX ON orders (customer_id, ordered_at);
	SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
	SELECT segment.attach_source('customers'), segment.attach_source('orders', at => 'ordered_at');
	SELECT segment.create_program('card', unit => 'stamps');
	SELECT segment.create_audience('regulars', 'count(orders so far) > 0');
	SELECT segment.create_earning('card', 'coffee', 'orders.coffees', ref => 'id');
	SELECT segment.join_program('card', i) FROM generate_series(1, 20) AS i;
	SELECT segment.create_reward('card', 'coffee', 9, auto => true, expires => 'after 1 month', stock => 1000);
	SELECT segment.create_reward('card', 'mug', 3, stock => 30, most => 2, period => 'this year', condition => 'in audience regulars', description => 'it''s blue');
	INSERT INTO orders SELECT i, i, 2 * i FROM generate_series(1, 20) AS i;
	GRANT SELECT, INSERT ON segment_data.guest_card_movement TO till});
$node->safe_psql('postgres', q{
	SELECT segment.redeem_reward('card', i, 'mug', token => 'mug ' || i) FROM generate_series(1, 20) AS i WHERE (2 * i) % 9 > 3;
	SELECT segment.use_voucher('card', code, 'receipt ' || movement, token => 'use ' || movement) FROM segment_data.guest_card_voucher WHERE key % 3 = 0;
	SELECT segment.cancel_voucher('card', code) FROM segment_data.guest_card_voucher WHERE key % 3 = 1 AND reward = 'mug'});

my $before = everything('postgres');
my $dump = $node->basedir . '/shop.sql';

like($before, qr/\bused\b/, 'some vouchers were used');
like($before, qr/\bcancelled\b/, 'some were cancelled');
is(wrong('postgres'), '', 'all agrees');
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'it is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'copy', '-f', $dump ], 'and restored');
is(everything('copy'), $before, 'with all that was there');
is(wrong('copy'), '', 'all agrees');

# it goes on where it was
my ($movement) = split /\|/, $node->safe_psql('copy', q{SELECT movement, key FROM segment_data.guest_card_voucher WHERE reward = 'mug' ORDER BY 1 LIMIT 1});
my $key = $node->safe_psql('copy', qq{SELECT key FROM segment_data.guest_card_voucher WHERE movement = $movement});
is($node->safe_psql('copy', qq{SET ROLE till; SELECT movement FROM segment.redeem_reward('card', $key, 'mug', token => 'mug $key')}), $movement, 'a token is remembered');
my ($code, $ref) = split /\|/, $node->safe_psql('copy', q{SELECT code, used_ref FROM segment_data.guest_card_voucher WHERE ended = 'used' ORDER BY movement LIMIT 1});
$node->psql('copy', qq{SET ROLE till; SELECT segment.use_voucher('card', '$code')}, stderr => \my $refused);
like($refused, qr/was used already.*for "\Q$ref\E"/s, 'and so is what was used');
$node->safe_psql('copy', q{INSERT INTO orders VALUES (100, 1, 16)});
is($node->safe_psql('copy', q{SELECT card_balance, card_vouchers FROM guest WHERE customer_id = 1}), '0|2', 'stamps turn into coffees');
$node->psql('copy', q{UPDATE segment_data.guest_card_voucher SET ended = 'used'}, stderr => \$refused);
like($refused, qr/cannot update table .*Use segment\.redeem_reward\(\)/s, 'the copy is protected, too');
$node->psql('copy', q{SELECT segment.drop_audience('regulars')}, stderr => \$refused);
like($refused, qr/used by reward "mug" of program "card"/, 'the audience is in use');
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

# two phases: the stock waits with the rest
$node->safe_psql('postgres', q{SELECT segment.earn('card', i, 8 - card_balance::int) FROM generate_series(18, 20) AS i JOIN guest ON customer_id = i WHERE card_balance < 8});
my $left = $node->safe_psql('postgres', q{SELECT stock FROM segment.reward WHERE reward = 'coffee'});
$node->safe_psql('postgres', q{BEGIN; INSERT INTO orders VALUES (200, 20, 1); PREPARE TRANSACTION 'a'});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', q{SELECT card_balance FROM guest WHERE customer_id = 20}), 8, 'not yet');
$node->safe_psql('postgres', q{COMMIT PREPARED 'a'});
$node->safe_psql('postgres', q{BEGIN; INSERT INTO orders VALUES (201, 19, 1); PREPARE TRANSACTION 'b'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'b'});
is($node->safe_psql('postgres', q{SELECT customer_id, card_balance FROM guest WHERE customer_id > 18 ORDER BY 1}), "19|8\n20|0", 'a prepared order has its coffee, or it has not');
is($node->safe_psql('postgres', q{SELECT stock FROM segment.reward WHERE reward = 'coffee'}), $left - 1, 'one coffee less is left');
$code = $node->safe_psql('postgres', q{SELECT max(code) FROM segment_data.guest_card_voucher WHERE ended = 'expired'});
$node->safe_psql('postgres', qq{BEGIN; SELECT segment.use_voucher('card', '$code', 'two phases'); PREPARE TRANSACTION 'c'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'c'});
$node->psql('postgres', qq{SELECT segment.use_voucher('card', '$code')}, stderr => \$refused);
like($refused, qr/was used already.*for "two phases"/s, 'a prepared use is one');
is(wrong('postgres'), '', 'all agrees after a crash');
$node->stop;
done_testing();

# All that is kept and shown.
sub everything
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
		SELECT customer_id, card_balance, card_vouchers FROM guest ORDER BY 1;
		SELECT segment.card('card', i) - 'spendable' FROM generate_series(1, 20) AS i;
		TABLE segment.program ORDER BY 1, 2;
		TABLE segment.reward ORDER BY 1, 2, 3;
		TABLE segment_data.guest_card_voucher ORDER BY movement;
		SELECT relname, relacl FROM pg_class WHERE relname ~ '^guest_card' AND relkind = 'r' ORDER BY 1;
		SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'segment_data.guest_card_voucher'::regclass ORDER BY 1});
}

sub wrong
{
	my ($database) = @_;

	return $node->safe_psql($database, q{SELECT * FROM segment.verify_program('card'); SELECT * FROM segment.verify()});
}
