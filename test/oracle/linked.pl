# Are lines counted for the customer who has their order, with what order,
# product and store are, whatever changes, and in whatever order?
#
# Lines go through orders, and these through customers, who have the account
# that is the key; products are looked up by lines, and stores by two columns of
# orders.
# Random statements and transactions write one table or several at once, and
# after each of them all profiles are compared with naive joins, and verify()
# has nothing to say.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/linked.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260607;
my $steps = $ENV{STEPS} // 400;
my $next_id = 100;

srand $seed;
print "# SEED=$seed STEPS=$steps\n";

sql(q{
CREATE EXTENSION IF NOT EXISTS segment;
SET client_min_messages = error;
CREATE TABLE customers (id int PRIMARY KEY, account bigint, since timestamptz, note text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, store_id int, land text, status text, at timestamptz, note text);
CREATE TABLE products (code text PRIMARY KEY, category text, stock int);
CREATE TABLE stores (id int, land varchar(9), city text, PRIMARY KEY (land, id));
CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint, product text, amount numeric, note text);
CREATE INDEX ON customers (account, since);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (store_id);
CREATE INDEX ON order_lines (order_id);
INSERT INTO order_lines SELECT i, i % 12, 'p' || i % 4, i % 7 FROM generate_series(1, 40) AS i;
INSERT INTO orders SELECT i, i % 7, i % 3, CASE WHEN i % 2 = 0 THEN 'dk' ELSE 'no' END, 'paid', '2026-05-01'::timestamptz + i * interval '1 day' FROM generate_series(1, 8) AS i;
SELECT segment.create_population('shopper', key => 'account', timezone => 'UTC');
SELECT segment.attach_source('customers', at => 'since');
SELECT segment.attach_source('orders', at => 'at', through => 'customers', link => 'customer_id',
	look_up => '{"store": "stores using store_id, land = id, land"}');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', look_up => '{"item": "products using product"}');
SELECT segment.attach_source('order_lines', through => 'orders', link => 'order_id', name => 'paid_lines',
	filter => 'orders.status = "paid" and amount > 1');
SELECT segment.create_trait('customers', 'count(customers)');
SELECT segment.create_trait('orders', 'count(orders)');
SELECT segment.create_trait('lines', 'count(order_lines)');
SELECT segment.create_trait('spent', 'sum(order_lines.amount where orders.status = "paid")');
SELECT segment.create_trait('tea', 'sum(order_lines.amount where item.category = "tea" and store.city = "Ribe")');
SELECT segment.create_trait('largest', 'max(paid_lines.amount)');
SELECT segment.create_trait('paid', 'count(paid_lines)');
SELECT segment.create_trait('categories', 'list(distinct order_lines.item.category)');
SELECT segment.create_trait('last_at', 'max(order_lines.orders.at)');
SELECT segment.create_audience('buyers', 'spent > 10', view => false);
CREATE VIEW line AS SELECT c.account, l.amount, o.status, o.at, p.category, s.city FROM order_lines l JOIN orders o ON o.id = l.order_id
	JOIN customers c ON c.id = o.customer_id LEFT JOIN products p ON p.code = l.product LEFT JOIN stores s ON (s.id, s.land) = (o.store_id, o.land);
CREATE VIEW naive AS SELECT k.account, k.customers,
	(SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.account = k.account) AS orders,
	count(l.account) AS lines, coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0) AS spent,
	coalesce(sum(amount) FILTER (WHERE category = 'tea' AND city = 'Ribe'), 0) AS tea,
	max(amount) FILTER (WHERE status = 'paid' AND amount > 1) AS largest,
	count(*) FILTER (WHERE status = 'paid' AND amount > 1) AS paid,
	coalesce(array_agg(DISTINCT category ORDER BY category) FILTER (WHERE category IS NOT NULL), '{}') AS categories,
	max(at) AS last_at
	FROM (SELECT account, count(*) AS customers FROM customers WHERE account IS NOT NULL GROUP BY account) k
	LEFT JOIN line l USING (account) GROUP BY k.account, k.customers;
CREATE VIEW wrong AS SELECT 'stored', t::text FROM (TABLE shopper EXCEPT ALL TABLE naive) AS t
	UNION ALL SELECT 'naive', t::text FROM (TABLE naive EXCEPT ALL TABLE shopper) AS t
	UNION ALL SELECT 'verify', v::text FROM segment.verify() AS v
	UNION ALL SELECT 'buyers', b::text FROM ((SELECT account FROM naive WHERE spent > 10 EXCEPT SELECT account FROM segment.members('buyers') AS m(account bigint))
		UNION ALL (SELECT account FROM segment.members('buyers') AS m(account bigint) EXCEPT SELECT account FROM naive WHERE spent > 10)) AS b;
});

my $checked = 0;
my $refused = 0;
my @script;

check('at first');
for my $step (1 .. $steps)
{
	my @statements = map { statement() } 1 .. pick(1, 1, 1, 2, 4);

	@script = @statements == 1 ? @statements : ('BEGIN', @statements, pick('COMMIT', 'COMMIT', 'ROLLBACK'));
	if (rand() < 0.1 && @statements > 1)
	{
		splice @script, 2, 0, 'SAVEPOINT a';
		splice @script, 4, 0, 'ROLLBACK TO a';
	}
	for my $sql (@script)
	{
		my $error = attempt("$sql;");

		next unless defined $error;
		die "$error\n$sql\n" unless $error =~ /23505|25P02|21000|3B001/;
		$refused++;
		attempt('ROLLBACK;') if @script > 1;
		last;
	}
	check("step $step");
}
ok_if(1, "$checked comparisons after $steps steps, $refused statements refused");
done();

sub check
{
	my ($when) = @_;
	my @wrong = rows('SELECT * FROM wrong');

	$checked++;
	return unless @wrong;
	print join("\n", "# $when:", @script, map { "# @$_" } @wrong), "\n";
	ok_if(0, "naive joins agree $when (SEED=$seed)");
	done();
	exit 1;
}

sub statement
{
	return sprintf('WITH a AS (%s RETURNING 1), b AS (%s RETURNING 1) %s', change('orders'), change(pick('customers', 'products', 'stores')), change('order_lines'))
		if rand() < 0.15;
	return 'TRUNCATE ' . pick('orders', 'products', 'stores', 'order_lines', 'customers, orders') if rand() < 0.02;
	return change(pick('order_lines', 'order_lines', 'orders', 'orders', 'customers', 'products', 'stores'));
}

sub change
{
	my ($table) = @_;
	my $kind = rand();
	my $count = pick(1, 1, 2, 5);

	if ($kind < 0.45)
	{
		my $conflict = rand() < 0.5 ? 'DO NOTHING' : 'DO UPDATE SET ' . assignment($table);
		my $key = $table eq 'products' ? 'code' : $table eq 'stores' ? 'id, land' : 'id';
		my %seen;

		return "INSERT INTO $table VALUES " . join(', ', grep { /^\((.*?),/ && !$seen{$1}++ } map { row($table) } 1 .. $count)
			. " ON CONFLICT ($key) $conflict";
	}
	return "UPDATE $table SET " . assignment($table) . ' WHERE ' . condition($table) if $kind < 0.8;
	return "DELETE FROM $table WHERE " . condition($table);
}

sub row
{
	my ($table) = @_;

	return "(" . join(', ', id('customers'), account(), at(), 'NULL') . ")" if $table eq 'customers';
	return "(" . join(', ', id('orders'), id('customers'), id('stores'), land(), status(), at(), 'NULL') . ")" if $table eq 'orders';
	return "(" . join(', ', product(), category(), 1) . ")" if $table eq 'products';
	return "(" . join(', ', id('stores'), pick(q{'dk'}, q{'no'}), city()) . ")" if $table eq 'stores';
	return "(" . join(', ', rand() < 0.6 ? $next_id++ : 1 + int rand 40, id('orders'), product(), amount(), 'NULL') . ")";
}

sub assignment
{
	my ($table) = @_;

	return pick('account = ' . account(), 'account = ' . account(), 'since = ' . at(), "note = 'x'") if $table eq 'customers';
	return pick('customer_id = ' . id('customers'), 'store_id = ' . id('stores'), 'land = ' . land(), 'status = ' . status(), 'at = ' . at(), "note = 'x'")
		if $table eq 'orders';
	return pick('category = ' . category(), 'stock = 5') if $table eq 'products';
	return 'city = ' . city() if $table eq 'stores';
	return pick('order_id = ' . id('orders'), 'product = ' . product(), 'amount = ' . amount(), "note = 'x'",
		'order_id = ' . id('orders') . ', amount = ' . amount());
}

sub condition
{
	my ($table) = @_;

	return 'code = ' . product() if $table eq 'products';
	return "$table.id % 3 = " . int(rand 3) if rand() < 0.2;
	return "$table.id = " . ($table eq 'order_lines' ? 1 + int rand($next_id) : id($table));
}

sub id { my ($table) = @_; return $table eq 'orders' ? int rand 14 : $table eq 'stores' ? int rand 4 : int rand 8; }
sub account { return rand() < 0.1 ? 'NULL' : int rand 5; }
sub land { return pick(q{'dk'}, q{'dk'}, q{'no'}, 'NULL'); }
sub at { return rand() < 0.1 ? 'NULL' : sprintf "'2026-05-%02d'::timestamptz", 1 + int rand 20; }
sub status { return pick(q{'paid'}, q{'paid'}, q{'open'}, 'NULL'); }
sub product { return q{'p} . int(rand 5) . q{'}; }
sub category { return pick(q{'tea'}, q{'cup'}, 'NULL'); }
sub city { return pick(q{'Ribe'}, q{'Odense'}); }
sub amount { return rand() < 0.1 ? 'NULL' : int rand 9; }
