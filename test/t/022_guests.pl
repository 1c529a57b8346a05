# Guests of the corridor: a room to the right sees the rows of statements and
# the profiles that they touch, and writes in the same transaction.
#
# The guest is test/guest/guest.c, which is linked with all of segment into a
# library of the test's own.  For each order it gives twice the amount as
# points; what it has given must be twice what the orders come to, whatever was
# done to them and by whatever way it came.

use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $src = dirname(__FILE__) . '/../..';
my @objects = glob("$src/src/*.o $src/src/*/*.o");
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my $library = PostgreSQL::Test::Utils::tempdir() . '/segment_guest';
my $compiler = $ENV{CC} // 'cc';

plan skip_all => 'segment was not built here' if @objects < 100;
plan skip_all => "there is no compiler \"$compiler\""
  if system("command -v $compiler >/dev/null") != 0;

my $headers = `$pg_config --includedir-server`;
chomp $headers;
is(system("$compiler -Wall -Werror -fPIC -fvisibility=hidden -I$headers -I$src/src"
		  . " -c -o $library.o $src/test/guest/guest.c"
		  . " && $compiler -shared -o $library.so $library.o @objects -lm"), 0,
	'a library with a guest is built');

my $node = PostgreSQL::Test::Cluster->new('guests');
$node->init;
$node->start;

sub does
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', "SET segment.now = '2026-05-01 12:00Z';\n$sql");
}

does('CREATE EXTENSION segment');
does("UPDATE pg_proc SET probin = '$library' WHERE probin LIKE '%segment%'");
does(<<'END');
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, note text DEFAULT '',
    remark text, at timestamptz DEFAULT '2026-05-01 10:00Z');
CREATE TABLE lines (id int PRIMARY KEY, order_id int, price numeric);
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON lines (order_id);
CREATE TABLE earned (customer_id bigint, points numeric, at timestamptz DEFAULT '2026-05-01 11:00Z');
CREATE INDEX ON earned (customer_id, at);
CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY, customer_id bigint, before numeric, after numeric,
    rich boolean, rows int, unknown text);
CREATE TABLE told (seq bigint, audience name, key text, change text, cause text);
SELECT segment.create_population('profile', key => 'customer_id', key_type => 'bigint');
SELECT segment.attach_source('orders', at => 'at', replicated => true);
SELECT segment.attach_source('earned', at => 'at');
SELECT segment.attach_source('lines', through => 'orders', link => 'order_id');
SELECT segment.create_trait('total', 'sum(orders.amount)');
SELECT segment.create_trait('points', 'sum(earned.points)');
SELECT segment.create_trait('prices', 'sum(lines.price)');
SELECT segment.create_audience('rich', 'total > 100');
SELECT segment.create_audience('collector', 'points > 1000');
END

# What the guest saw since it was last asked.
sub seen
{
	my $rows = $node->safe_psql('postgres', <<'END');
SELECT customer_id, before, after, rich, rows, unknown FROM seen ORDER BY n;
END
	$node->safe_psql('postgres', 'TRUNCATE seen');
	return $rows;
}

# Customers whose points are not twice their orders; and what verify() finds.
sub wrong
{
	return $node->safe_psql('postgres', <<'END');
SELECT customer_id, given, due
FROM (SELECT customer_id, sum(points) AS given FROM earned GROUP BY 1) e
FULL JOIN (SELECT customer_id, 2 * sum(amount) AS due FROM orders
           WHERE customer_id IS NOT NULL AND amount > 0 AND note <> 'secret' GROUP BY 1) o USING (customer_id)
WHERE coalesce(given, 0) <> coalesce(due, 0);
SELECT * FROM segment.verify('profile');
SELECT customer_id, p.points, e.points
FROM profile p FULL JOIN (SELECT customer_id, sum(points) AS points FROM earned GROUP BY 1) e USING (customer_id)
WHERE coalesce(p.points, 0) <> coalesce(e.points, 0);
END
}

does(q{INSERT INTO orders VALUES (1, 7, 10), (2, 9, 5), (3, 7, 100)});
is(seen(), "7||110||2|\n9||5||1|", 'two new profiles, in the order of keys');
is(does('SELECT customer_id, total, points FROM profile ORDER BY 1'), "7|110|220\n9|5|10",
	'what it writes is an event in the same transaction');
is(wrong(), '', 'points are right');

does(q{UPDATE orders SET amount = amount + 1 WHERE customer_id = 7});
is(seen(), '7|110|112|t|4|', 'an update: two rows went, two came; before, Ada was rich');
does(q{UPDATE orders SET remark = 'x'});
is(seen(), '', 'a column that nobody reads');
does(q{UPDATE orders SET note = 'gift' WHERE id = 2});
is(seen(), '9|5|5|f|2|', 'a column that only the guest reads');
does(q{UPDATE orders SET customer_id = 9 WHERE id = 1});
is(seen(), "7|112|101|t|1|\n9|5|16|f|1|", 'an order that turns out to be of another');
does(q{UPDATE orders SET note = 'secret' WHERE id = 3});
is(seen(), '7|101|101|t|1|', 'a row that it does not want any more');
does(q{DELETE FROM orders WHERE id = 1});
is(seen(), '9|16|5|f|1|', 'a row that is gone');
does(q{INSERT INTO orders VALUES (4, NULL, 5), (5, 11, -5)});
is(seen(), '', 'rows of nobody, and rows that it never wanted');
is(wrong(), '', 'points are right');

does(q{INSERT INTO orders VALUES (2, 9, 50), (6, 12, 1) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount;});
is(seen(), "9|5|50|f|2|\n12||1||1|", 'one statement with two kinds of triggers is one visit');
does(q{WITH gone AS (DELETE FROM orders WHERE id = 6 RETURNING *) INSERT INTO orders SELECT 7, customer_id, 8 FROM gone});
is(seen(), '12|1|8|f|2|', 'so is one that writes twice');
does(q{BEGIN; SAVEPOINT a; INSERT INTO orders VALUES (8, 13, 5); ROLLBACK TO a; INSERT INTO orders VALUES (8, 13, 6); COMMIT});
is(seen(), '13||6||1|', 'what is rolled back was never seen');
does(q{DELETE FROM orders WHERE id = 8});
is(seen(), '13|6|0|f|1|', 'a last order');
does(q{INSERT INTO orders VALUES (8, 13, -6)});
is(seen(), '', 'a row that it does not want');
does(q{UPDATE orders SET amount = 6 WHERE id = 8});
is(seen(), '13|-6|6|f|1|', 'and one that it wants now');
does(q{WITH e AS (DELETE FROM earned WHERE customer_id = 13) DELETE FROM orders WHERE id = 8});
is(seen(), '13|6||f|1|', 'and a profile that ends');
does(q{DELETE FROM earned WHERE customer_id = 13});
is(wrong(), '', 'points are right');

# more rows than memory has room for
does(q{SET segment.statement_memory = 64;
	INSERT INTO orders SELECT 1000 + n, n % 3000, n % 7, CASE WHEN n % 5 = 0 THEN 'secret' ELSE '' END FROM generate_series(1, 20000) n});
is(wrong(), '', 'points are right when rows are spilled');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT customer_id) FROM seen'),
	$node->safe_psql('postgres', q{SELECT count(DISTINCT n % 3000), count(DISTINCT n % 3000)
		FROM generate_series(1, 20000) n WHERE n % 7 > 0 AND n % 5 > 0}), 'each profile is visited once');
does(q{SET segment.statement_memory = 64; UPDATE orders SET amount = amount + 1, customer_id = customer_id + 1 WHERE id > 1000});
is(wrong(), '', 'and when as many are changed');
does(q{SET segment.statement_memory = 64; BEGIN; DELETE FROM orders WHERE id % 2 = 0; TRUNCATE orders; INSERT INTO orders VALUES (1, 7, 3); COMMIT});
is(wrong(), '', 'and when all of them go');
is(does('SELECT sum(points) FROM earned'), '6', 'but for one');
seen();

# lines, whose customer is their order's
does(q{INSERT INTO lines VALUES (1, 1, 4), (2, 1, 6), (3, 99, 7)});
is(seen(), '7|3|3|f|2|', 'lines of an order');
does(q{UPDATE orders SET customer_id = 5001 WHERE id = 1});
is(seen(), "5001||3||1|lines \n7|3|0|f|1|lines ", 'another customer for the order: what its lines were is not known');
does(q{TRUNCATE lines});
is(seen(), '5001|3|3|f|0|lines ', 'nor is it after TRUNCATE');
does('TRUNCATE orders');
is(wrong(), '7|20|', 'a TRUNCATE takes back what orders gave, and lines gave the rest');
does('TRUNCATE earned');
seen();

# rows that arrive by logical replication fire triggers for replicas only
does(q{SET session_replication_role = replica; INSERT INTO orders VALUES (1, 7, 30); INSERT INTO orders VALUES (2, 7, 40)});
is(seen(), "7||30||1|\n7|30|70|f|1|", 'rows that a subscription applies');
is(wrong(), '', 'and what the guest writes is captured');

# what a guest writes may be what it is interested in
my ($status, undef, $error) = $node->psql('postgres',
	q{SET guest.circle = on; INSERT INTO orders VALUES (3, 7, 1)});
is($status, 3, 'a circle ends');
like($error, qr/because of other rows lead to more of them without end\nDETAIL:  They have been written 32 times/, 'with an error');
is(wrong(), '', 'and nothing remains of it');
does(q{INSERT INTO orders VALUES (3, 7, 1)});
is(wrong(), '', 'nor in the next statement');

# the feed
does('SELECT segment.tick(); TRUNCATE told');
does(q{INSERT INTO orders VALUES (4, 7, 500), (5, 20, 600)});
does('SELECT segment.tick()');
is(does(q{SELECT count(*), min(seq), max(seq) = (SELECT max(seq) FROM segment.transition) FROM told}),
	does(q{SELECT 4, min(seq), true FROM segment.transition WHERE seq > (SELECT max(seq) - 4 FROM segment.transition)}),
	'a fold tells its transitions');
does('TRUNCATE told');
does('SELECT segment.tick()');
is(does('SELECT count(*) FROM told'), '0', 'and nothing if there are none');
does(q{INSERT INTO orders VALUES (6, 21, 600)});
does(q{SELECT segment.create_audience('big', 'total > 590')});
is(does('SELECT audience, key, change, cause FROM told ORDER BY seq'),
	"rich|21|entered|event\ncollector|21|entered|event\nbig|20|entered|create\nbig|21|entered|create",
	'a definition tells what it folded and decided');
does(q{TRUNCATE told;
	DO $$ BEGIN PERFORM segment.alter_audience('big', 'total > 5'); RAISE 'no'; EXCEPTION WHEN raise_exception THEN END $$;
	SELECT segment.alter_audience('big', 'total > 600')});
is(does('SELECT audience, key, change, cause FROM told ORDER BY seq'),
	"big|20|left|edit\nbig|21|left|edit", 'and not what was rolled back');
is(wrong(), '', 'all is well');
is($node->safe_psql('postgres', q{SELECT segment.drop_audience('big'); SELECT segment.drop_audience('rich'); SELECT segment.drop_audience('collector'); SELECT segment.drop_population('profile', cascade => true)}) =~ /\S/, q{},
	'what the population leaves behind disturbs nobody');

done_testing();
