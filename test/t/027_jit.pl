# What reads a whole population is not compiled by the server's JIT, whatever it
# seems to cost: of a dozen sources there are hundreds of expressions, and to
# compile them takes a minute.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('jit');
$node->init;
$node->append_conf('postgresql.conf', "
	shared_preload_libraries = 'auto_explain'
	auto_explain.log_min_duration = 0
	auto_explain.log_nested_statements = on
	auto_explain.log_analyze = on
	jit = on
	jit_above_cost = 500
	jit_inline_above_cost = -1
	jit_optimize_above_cost = -1");
$node->start;
plan skip_all => 'the server has no JIT' if $node->safe_psql('postgres', 'SELECT pg_jit_available()') ne 't';

# The queries of a statement that were compiled.
sub compiled
{
	my ($statement) = @_;
	my $before = -s $node->logfile;

	$node->safe_psql('postgres', $statement);
	my $log = slurp_file($node->logfile, $before);

	like($log, qr/Query Text:/, "plans are logged of: $statement");
	return join '; ', map { /Query Text: (.*)/ ? $1 : () } grep { /^\s*JIT:/m } split /(?=LOG:  duration)/, $log;
}

$node->safe_psql('postgres', q{CREATE EXTENSION segment;
	CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
	CREATE TABLE orders (customer_id bigint, amount numeric, at timestamptz DEFAULT now());
	CREATE INDEX ON orders (customer_id, at);
	INSERT INTO customers SELECT id, 'town ' || id % 7 FROM generate_series(1, 30000) AS id;
	INSERT INTO orders SELECT id, id % 10 FROM generate_series(1, 30000) AS id});
my $join = 'SELECT count(*) FROM orders JOIN customers USING (customer_id)';
is(compiled($join), $join, 'another query is compiled');
$node->safe_psql('postgres', q{SELECT segment.create_population('profile');
	SELECT segment.attach_source('customers');
	SELECT segment.attach_source('orders', at => 'at')});
for my $statement (
	q{SELECT segment.create_traits('{"spend": "sum(orders.amount)", "city": "customers.city", "recent": "count(orders in last 30 days)"}')},
	'SELECT segment.rebuild()',
	'SELECT count(*) FROM segment.verify()')
{
	is(compiled($statement), '', $statement);
}
done_testing;
