# Has each line of an order earned what it earns now, whatever has changed?
#
# Random statements, some several in one transaction and some several in one statement
# (data-modifying WITH), insert, change and delete orders, lines and products, in any
# order.  After each of them what each line has earned is the number that a naive join of
# the tables gives, for those that happened after the rule was made.
#
#	SEED=4711 STEPS=2000 perl -Itest/oracle test/oracle/earning_linked.pl

use strict;
use warnings;

use Oracle;

my $seed = $ENV{SEED} // 20260510;
my $steps = $ENV{STEPS} // 200;
my ($next_order, $next_line) = (1, 1);

srand $seed;
print "# seed $seed, $steps steps\n";
sql("CREATE EXTENSION segment;
	SET TimeZone = 'UTC';
	SET client_min_messages = warning;
	SET segment.now = '2026-05-10 10:00+00';
	CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, status text, ordered_at timestamptz);
	CREATE INDEX ON orders (customer_id, ordered_at);
	CREATE TABLE products (id integer PRIMARY KEY, category text, points numeric);
	CREATE TABLE lines (line bigint PRIMARY KEY, order_id bigint, product_id integer, amount numeric);
	CREATE INDEX ON lines (order_id);
	CREATE INDEX ON lines (product_id);
	INSERT INTO products VALUES (1, 'tea', 1), (2, 'skin', 2), (3, 'tea', 0.5), (4, 'skin', 1);
	SELECT segment.create_population('guest', timezone => 'UTC');
	SELECT segment.attach_source('orders', at => 'ordered_at');
	SELECT segment.attach_source('lines', through => 'orders', link => 'order_id', look_up => '{\"product\": \"products using product_id\"}');
	SELECT segment.create_program('club');
	SELECT segment.join_program('club', k, k::text) FROM generate_series(1, 4) AS k;
	SELECT segment.create_earning('club', 'value', 'lines.amount * product.points where orders.status = \"paid\"', ref => 'line');
	SELECT segment.create_earning('club', 'tea', 'lines.amount * 2 where product.category = \"tea\"', ref => 'line', cap => 1000000000, per => 'month');
	CREATE VIEW naive AS
		SELECT 'value' AS rule, line, customer_id, floor(amount * points)::bigint AS points FROM lines l JOIN orders o ON o.id = order_id JOIN products p ON p.id = product_id
		WHERE status = 'paid' AND ordered_at >= '2026-05-10 10:00+00' AND customer_id <= 4
		UNION ALL SELECT 'tea', line, customer_id, floor(amount * 2)::bigint FROM lines l JOIN orders o ON o.id = order_id JOIN products p ON p.id = product_id
		WHERE category = 'tea' AND ordered_at >= '2026-05-10 10:00+00' AND customer_id <= 4;
	CREATE VIEW wrong AS
		SELECT rule, line, n.points AS ought, g.points AS is FROM (SELECT * FROM naive WHERE points <> 0) AS n
		FULL JOIN (SELECT rule, ref::bigint AS line, key AS customer_id, points FROM segment_data.guest_club_granted WHERE points <> 0) AS g USING (rule, line, customer_id)
		WHERE n.points IS DISTINCT FROM g.points;");
for my $step (1 .. $steps)
{
	my $what = rand() < 0.2 ? with() : join ' ', map { "$_;" } rand() < 0.2 ? ('BEGIN', map({ change() } 1 .. 3), pick('COMMIT', 'COMMIT', 'ROLLBACK')) : (change());

	sql("SET segment.now = '" . value("SELECT timestamptz '2026-05-10 10:00+00' + $step * interval '1 hour'") . "';\n$what");
	my @wrong = rows('SELECT * FROM wrong');

	next if !@wrong;
	ok_if(0, "step $step: $what: " . join('; ', map { join ' ', @{$_} } @wrong));
	last;
}
ok_if(value('SELECT count(*) FROM wrong') == 0, value("SELECT count(*) FROM segment_data.guest_club_granted WHERE points <> 0") . ' grants are what naive joins say');
ok_if(value('SELECT bool_and(coalesce(club_balance, 0) = coalesce((SELECT sum(points) FROM naive n WHERE n.customer_id = g.customer_id), 0)) FROM guest AS g') eq 't', 'and balances their sums');
ok_if(value("SELECT count(*) FROM segment.verify_program('club')") == 0, 'verify_program() finds nothing');
ok_if(value("SELECT count(*) FROM segment.verify('guest')") == 0, 'verify() finds nothing');
done();

# A statement that changes one of the tables.
sub change
{
	my $order = 'order_id = ' . (1 + int rand $next_order);
	my $line = 'line BETWEEN ' . (1 + int rand $next_line) . ' AND ' . (1 + int rand $next_line);
	my $product = 1 + int rand 4;

	my $kind = pick_weighted(order => 5, lines => 8, customer => 3, status => 3, at => 1, delete_order => 1, amount => 3, move => 3, product => 2, delete_line => 1,
		upsert => 4, delete_product => 1);

	return new_order() if $kind eq 'order';
	return new_lines() if $kind eq 'lines';
	return "UPDATE orders SET customer_id = " . pick(1 .. 5) . ' WHERE id = ' . (1 + int rand $next_order) if $kind eq 'customer';
	return "UPDATE orders SET status = '" . pick('paid', 'open') . "' WHERE id % 3 = " . int rand 3 if $kind eq 'status';
	return "UPDATE orders SET ordered_at = '2026-05-" . pick('11', '30') . "' WHERE ordered_at >= '2026-05-10 10:00+00' AND id = " . (1 + int rand $next_order) if $kind eq 'at';
	return 'DELETE FROM orders WHERE id = ' . (1 + int rand $next_order) if $kind eq 'delete_order';
	return 'UPDATE lines SET amount = ' . pick(0, 0.5, 3.75, 12, -4, 'NULL') . " WHERE $line" if $kind eq 'amount';
	return "UPDATE lines SET $order WHERE line = " . (1 + int rand $next_line) if $kind eq 'move';
	return "UPDATE lines SET product_id = $product WHERE line = " . (1 + int rand $next_line) if $kind eq 'product';
	return 'DELETE FROM lines WHERE line = ' . (1 + int rand $next_line) if $kind eq 'delete_line';
	return "DELETE FROM products WHERE id = $product" if $kind eq 'delete_product';
	return "INSERT INTO products VALUES ($product, '" . pick('tea', 'skin') . "', " . pick(1, 2, 0.5) . ') ON CONFLICT (id) DO UPDATE SET points = excluded.points, category = excluded.category';
}

sub new_order
{
	return 'INSERT INTO orders VALUES (' . join(', ', rand() < 0.8 ? $next_order++ : 1 + int rand 3 + $next_order, pick(1 .. 5), "'" . pick('paid', 'open') . "'", 'segment.now()') . ') ON CONFLICT DO NOTHING';
}

sub new_lines
{
	return 'INSERT INTO lines VALUES ' . join ', ', map { '(' . join(', ', $next_line++, 1 + int rand($next_order + 2), 1 + int rand 4, pick(1, 2.5, 10, 0)) . ')' } 1 .. 1 + int rand 4;
}

# Several changes by one statement, of tables that differ.
sub with
{
	my %changed;
	my @all = grep { /^(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)/ && !$changed{$1}++ } map { change() } 1 .. 3;

	return 'WITH ' . join(', ', map { "c$_ AS ($all[$_])" } 0 .. $#all) . ' SELECT;';
}
