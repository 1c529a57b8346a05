# Every block of SQL in README, OPERATING and LOYALTY is typed as it stands, in
# order, into a database for each document, and is no error.
#
# A document does not tell all that its examples need: tables and rows that a shop
# has anyway.  What stands here before a block, is typed before it; what a reader has
# to fill in, such as the code on a card, is filled in here.  030_readme.pl types the
# chapter of README that has a shop of its own, and looks at the answers.

use strict;
use warnings;

use FindBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $shop = q{
	CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, born date);
	CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint, amount numeric, status text, coffees int, ordered_at timestamptz);
	CREATE INDEX ON orders (customer_id, ordered_at);
	INSERT INTO customers VALUES (42, 'Aarhus', '1990-05-10'), (43, 'Odense', '1985-02-28');
	INSERT INTO orders VALUES (1, 42, 600, 'paid', 2, now() - interval '90 days');
};
my $attached = $shop . q{
	CREATE EXTENSION segment;
	SELECT segment.create_population('profile', key => 'customer_id');
	SELECT segment.attach_source('customers'), segment.attach_source('orders', at => 'ordered_at');
};

# What is typed before the block in which these words stand.
my %before = (
	'README.md' => {
		"create_audience('lapsed_vip', 'total_spend > 500 and last_order_at more than 60 days ago');\n\nSELECT p" => $shop,
		'CREATE TABLE customers' => q{
			DROP EXTENSION segment CASCADE;
			DROP TABLE customers, orders;
		},
		q{link => 'order_id'} => q{
			CREATE TABLE products (product_id bigint PRIMARY KEY, category text);
			CREATE TABLE order_lines (line bigint PRIMARY KEY, order_id bigint REFERENCES orders, product_id bigint, amount numeric);
		},
		q{SELECT * FROM profile WHERE customer_id = 42;} => q{
			INSERT INTO customers VALUES (42, 'Aarhus', '1990-05-10', '{}');
			INSERT INTO orders VALUES (1, 42, 600, 'paid', now() - interval '90 days');
		},
		q{create_audience('keen'} => q{
			CREATE TABLE visits (customer_id bigint, at timestamptz);
			SELECT segment.attach_source('visits', at => 'at');
		},
		q{overlap('vip', 'local')} => q{SELECT segment.create_audience('local', 'city = "Aarhus"')},
	},
	'OPERATING.md' => {
		stat_worker => $attached,
	},
	'LOYALTY.md' => {
		q{create_program('club'} => $attached,
		q{create_earning('club'} => q{SELECT segment.create_audience('regulars', 'count(orders in last 90 days) > 2')},
		q{'anniversary of born today'} => q{SELECT segment.create_trait('born', 'customers.born')},
		q{create_reward('club', 'mug'} => q{
			SELECT segment.create_reward('club', 'cup', 10);
			SELECT segment.earn('club', 42, 2000);
			INSERT INTO orders VALUES (2, 42, 2000, 'paid', 2, now());
		},
		'TO analyst' => 'CREATE ROLE analyst; CREATE ROLE till; CREATE ROLE office',
	},
);

# What a reader fills in: the words, and what psql puts in their place.
my %filled_in = (
	'README.md' => {
		q{segment.ack('mailer', 103);} => q{segment.ack('mailer', max(seq)) FROM segment.transition;},
	},
	'OPERATING.md' => {
		'CREATE TABLE orders_new (…)' => 'CREATE TABLE orders_new (LIKE orders)',
		'SELECT … FROM orders' => 'SELECT * FROM orders',
	},
	'LOYALTY.md' => {
		q{referred_by => '4539148803436467'} => q{referred_by => (SELECT code FROM segment_data.profile_club_member WHERE key = 42)},
		q{use_voucher('club', '4539148803436467'} => q{use_voucher('club', (SELECT min(code) FROM segment_data.profile_club_voucher)},
		q{cancel_voucher('club', '4539148803436467')} =>
			q{cancel_voucher('club', code) FROM segment.redeem_reward('club', 42, 'cup')},
	},
);

# What needs another extension than ours.
my $others = qr/\bcron\.schedule/;

my $node = PostgreSQL::Test::Cluster->new('documents');
$node->init;
$node->start;
for my $document (sort keys %before)
{
	my $database = lc $document =~ s/\.md//r;
	my $text = slurp_file("$FindBin::RealBin/../../$document") =~ s/^### Tables as you have them\n\K.*?(?=^## )//msr;
	my %preparations = %{ $before{$document} };
	my %fillings = %{ $filled_in{$document} // {} };
	my $blocks;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	for my $block ($text =~ /^```sql\n(.*?)^```/msg)
	{
		my ($title) = split /\n/, $block;

		next if $block =~ $others;
		for my $words (grep { index($block, $_) >= 0 } keys %preparations)
		{
			$node->safe_psql($database, delete $preparations{$words});
		}
		for my $words (grep { index($block, $_) >= 0 } keys %fillings)
		{
			my $filling = delete $fillings{$words};

			$block =~ s/\Q$words\E/$filling/g;
		}
		my $stderr;
		my $status = $node->psql($database, $block, stderr => \$stderr,
			extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);

		is($status, 0, "$document: $title") or diag($stderr);
		$blocks++;
	}
	is_deeply([ keys %preparations, keys %fillings ], [], "$document: nothing is prepared for what is gone");
	is($node->safe_psql($database, 'SELECT count(*) FROM segment.verify()'), 0, "$document: and all is right")
	  if $blocks > 1;
}
$node->stop;
done_testing();
