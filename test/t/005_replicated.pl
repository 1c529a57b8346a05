# Rows that arrive by logical replication count: those that a subscription
# copies, those that it applies, and those that the subscriber writes itself.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $orders = q{CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, kind text, amount numeric, at timestamptz);
	CREATE INDEX ON orders (customer_id, at);};

my $shop = PostgreSQL::Test::Cluster->new('shop');
$shop->init(allows_streaming => 'logical');
$shop->start;
$shop->safe_psql('postgres', $orders . q{
	CREATE PUBLICATION orders FOR TABLE orders;
	INSERT INTO orders SELECT i, i % 5, 'web', i, '2026-05-01' FROM generate_series(1, 50) AS i});

my $reader = PostgreSQL::Test::Cluster->new('reader');
$reader->init;
$reader->start;
$reader->safe_psql('postgres', 'CREATE EXTENSION segment;' . $orders . q{
	SELECT segment.create_population('profile', timezone => 'UTC');
	SELECT segment.attach_source('orders', at => 'at', replicated => true);
	SELECT segment.attach_source('orders', at => 'at', name => 'calls', filter => 'kind = "call"');
	SELECT segment.create_trait('orders', 'count(orders)');
	SELECT segment.create_trait('spend', 'sum(orders.amount)');
	SELECT segment.create_trait('largest', 'max(orders.amount)');
	SELECT segment.create_trait('smallest_call', 'min(calls.amount)');
	SELECT segment.create_audience('big', 'largest > 45');
	CREATE VIEW naive AS SELECT customer_id, count(*) AS orders, sum(amount) AS spend, max(amount) AS largest,
		min(amount) FILTER (WHERE kind = 'call') AS smallest_call FROM orders WHERE customer_id IS NOT NULL GROUP BY 1;
	CREATE VIEW wrong AS SELECT 'stored', t::text FROM (TABLE profile EXCEPT TABLE naive) AS t
		UNION ALL SELECT 'naive', t::text FROM (TABLE naive EXCEPT TABLE profile) AS t
		UNION ALL SELECT 'verify', v::text FROM segment.verify() AS v
		UNION ALL SELECT 'big', k::text FROM (SELECT customer_id FROM naive WHERE largest > 45 EXCEPT TABLE big) AS k});
$reader->safe_psql('postgres', "CREATE SUBSCRIPTION orders CONNECTION '" . $shop->connstr . " dbname=postgres' PUBLICATION orders");
$reader->wait_for_subscription_sync($shop, 'orders');
is($reader->safe_psql('postgres', 'SELECT sum(orders) FROM profile'), 50, 'what is copied counts');
is($reader->safe_psql('postgres', 'TABLE wrong'), '', 'as naive SQL says');
is($reader->safe_psql('postgres', 'SELECT bool_and(captured) FROM segment.stat_source'), 't', 'all is captured');

applied('inserts', q{INSERT INTO orders VALUES (51, 1, 'call', 51, '2026-05-02'), (52, 6, 'call', 7, '2026-05-02'), (53, NULL, 'web', 7, '2026-05-02')});
applied('a largest that goes', 'DELETE FROM orders WHERE id IN (51, 50, 45, 40)');
applied('many updates of one customer', q{UPDATE orders SET amount = 100 - amount, kind = 'call' WHERE customer_id = 2});
applied('other customers', 'UPDATE orders SET customer_id = customer_id + 1 WHERE id % 3 = 0');
applied('several statements', q{BEGIN; INSERT INTO orders VALUES (60, 7, 'call', 3, '2026-05-02'); UPDATE orders SET amount = 9 WHERE id = 60;
	SAVEPOINT a; DELETE FROM orders; ROLLBACK TO a; DELETE FROM orders WHERE id = 1; COMMIT});
applied('what was rolled back', q{BEGIN; DELETE FROM orders; ROLLBACK; INSERT INTO orders VALUES (61, 8, 'web', 3, '2026-05-02')});
$reader->safe_psql('postgres', q{INSERT INTO orders SELECT i, i % 4, 'call', i, '2026-05-01' FROM generate_series(1001, 1040) AS i
	ON CONFLICT (id) DO NOTHING});
is($reader->safe_psql('postgres', 'TABLE wrong'), '', 'statements of the subscriber');
$reader->safe_psql('postgres', q{INSERT INTO orders SELECT i, 9, 'call', i, '2026-05-01' FROM generate_series(1030, 1050) AS i
	ON CONFLICT (id) DO UPDATE SET amount = 1; DELETE FROM orders WHERE id > 1000 AND amount > 20});
is($reader->safe_psql('postgres', 'TABLE wrong'), '', 'conflicts, and deletes of many rows');
$reader->safe_psql('postgres', q{MERGE INTO orders USING generate_series(1, 60) AS i ON id = i
	WHEN MATCHED AND i % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET amount = amount + 1
	WHEN NOT MATCHED THEN INSERT VALUES (i, 3, 'web', i, '2026-05-01')});
is($reader->safe_psql('postgres', 'TABLE wrong'), '', 'a merge');
applied('TRUNCATE', 'TRUNCATE orders');
is($reader->safe_psql('postgres', 'SELECT count(*) FROM profile'), 0, 'ends all profiles');
applied('and goes on', q{INSERT INTO orders VALUES (1, 1, 'web', 1, '2026-05-01')});

# what is applied fires no ordinary trigger, on profiles either
$reader->safe_psql('postgres', q{
	CREATE TABLE audit (fired text);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (tg_argv[0]); RETURN NULL; END $$;
	CREATE TRIGGER ordinary AFTER INSERT OR UPDATE ON segment_data.profile FOR EACH ROW EXECUTE FUNCTION note('ordinary');
	CREATE TRIGGER always AFTER INSERT OR UPDATE ON segment_data.profile FOR EACH ROW EXECUTE FUNCTION note('always');
	ALTER TABLE segment_data.profile ENABLE ALWAYS TRIGGER always});
applied('an order of an audited profile', q{INSERT INTO orders VALUES (70, 1, 'web', 2, '2026-05-01')});
is($reader->safe_psql('postgres', q{SELECT string_agg(fired, ' ' ORDER BY fired) FROM audit}), 'always', 'of the audit triggers one that always fires');
$reader->safe_psql('postgres', q{TRUNCATE audit; INSERT INTO orders VALUES (71, 1, 'web', 2, '2026-05-01')});
is($reader->safe_psql('postgres', q{SELECT string_agg(fired, ' ' ORDER BY fired) FROM audit}), 'always ordinary', 'both by an order of the subscriber');
$shop->safe_psql('postgres', 'DELETE FROM orders WHERE id = 70');
$reader->safe_psql('postgres', 'DELETE FROM orders WHERE id = 71; DROP TRIGGER ordinary ON segment_data.profile; DROP TRIGGER always ON segment_data.profile');

# without replicated => true it is said that rows are missed, and can be mended
$reader->safe_psql('postgres', q{SELECT segment.create_population('other', timezone => 'UTC')});
my (undef, undef, $notice) = $reader->psql('postgres', q{SELECT segment.attach_source('orders', at => 'at', population => 'other')});
like($notice, qr/table "orders" is in a subscription.*HINT:  Attach it with replicated => true/s, 'a table in a subscription says so');
is($reader->safe_psql('postgres', q{SELECT captured FROM segment.stat_source WHERE population = 'other'}), 'f', 'and shows it');
(undef, undef, $notice) = $reader->psql('postgres', q{SELECT segment.attach_source('orders', at => 'at', name => 'again', population => 'other', replicated => true)});
unlike($notice, qr/subscription/, 'the hint works');
is($reader->safe_psql('postgres', q{SELECT bool_and(captured) FROM segment.stat_source WHERE population = 'other'}), 't', 'for both sources of the table');
$shop->safe_psql('postgres', q{INSERT INTO orders SELECT i, i % 5, 'web', i, '2026-05-01' FROM generate_series(2, 20) AS i});
$shop->wait_for_catchup('orders');
is($reader->safe_psql('postgres', q{SELECT * FROM segment.verify('other')}), '', 'rows count in both populations');

# a table that is partitioned here, or there, or both
$shop->safe_psql('postgres', q{
	CREATE TABLE visits (id int PRIMARY KEY, customer_id bigint, page text);
	CREATE TABLE calls (id int, customer_id bigint, minutes int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE calls_1 PARTITION OF calls FOR VALUES FROM (0) TO (100);
	CREATE TABLE calls_2 PARTITION OF calls FOR VALUES FROM (100) TO (200);
	CREATE PUBLICATION more FOR TABLE visits, calls;
	INSERT INTO visits SELECT i, i % 3, 'home' FROM generate_series(1, 20) i});
$reader->safe_psql('postgres', q{
	CREATE TABLE visits (id int PRIMARY KEY, customer_id bigint, page text) PARTITION BY RANGE (id);
	CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (100);
	CREATE TABLE visits_2 (page text, gone int, customer_id bigint, id int NOT NULL);
	ALTER TABLE visits_2 DROP gone;
	ALTER TABLE visits ATTACH PARTITION visits_2 FOR VALUES FROM (100) TO (200);
	CREATE TABLE calls (minutes int, id int, customer_id bigint, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE calls_1 PARTITION OF calls FOR VALUES FROM (0) TO (100);
	CREATE TABLE calls_2 (customer_id bigint, minutes int, id int NOT NULL);
	ALTER TABLE calls ATTACH PARTITION calls_2 FOR VALUES FROM (100) TO (200);
	ALTER TABLE visits ADD at timestamptz;
	ALTER TABLE calls ADD at timestamptz;
	SELECT segment.create_population('caller', timezone => 'UTC');
	SELECT segment.attach_source('visits', at => 'at', replicated => true, population => 'caller');
	SELECT segment.attach_source('calls', at => 'at', replicated => true, population => 'caller');
	SELECT segment.create_trait('homes', 'count(visits where page = "home")', 'caller');
	SELECT segment.create_trait('longest', 'max(calls.minutes)', 'caller')});
$reader->safe_psql('postgres', "CREATE SUBSCRIPTION more CONNECTION '" . $shop->connstr . " dbname=postgres' PUBLICATION more");
$reader->wait_for_subscription_sync($shop, 'more');
for my $sql (
	'INSERT INTO visits SELECT i, i % 4, \'home\' FROM generate_series(90, 110) i',
	'INSERT INTO calls SELECT i, i % 4, i FROM generate_series(90, 110) i',
	'UPDATE visits SET id = id + 120, customer_id = customer_id + 1 WHERE id < 10',
	'UPDATE calls SET id = id - 50 WHERE id > 105; UPDATE calls SET minutes = 1 WHERE minutes > 100',
	'DELETE FROM visits WHERE id > 100; TRUNCATE calls_1')
{
	$shop->safe_psql('postgres', $sql);
	$shop->wait_for_catchup('more');
	is($reader->safe_psql('postgres', q{SELECT * FROM segment.verify('caller')}), '', "in partitions: $sql");
}
is($reader->safe_psql('postgres', q{SELECT (SELECT sum(homes) FROM caller) = (SELECT count(*) FROM visits WHERE page = 'home') AND count(*) > 0 FROM visits}),
	't', 'rows of partitions have arrived');
is($reader->safe_psql('postgres', q{SELECT bool_and(captured) FROM segment.stat_source WHERE population = 'caller'}), 't', 'all of them are captured');
$reader->safe_psql('postgres', q{SELECT segment.create_population('deaf', timezone => 'UTC'); SELECT segment.attach_source('visits', at => 'at', population => 'deaf')});
is($reader->safe_psql('postgres', q{SELECT captured FROM segment.stat_source WHERE population = 'deaf'}), 'f', 'not by triggers of statements');

# a restore that enables all triggers makes them ordinary ones: that is seen
$reader->safe_psql('postgres', 'ALTER TABLE orders DISABLE TRIGGER ALL; ALTER TABLE orders ENABLE TRIGGER ALL');
is($reader->safe_psql('postgres', q{SELECT bool_or(captured) FROM segment.stat_source WHERE population <> 'caller'}), 'f', 'triggers that do not always fire are not enough');

$reader->stop;
$shop->stop;
done_testing();

sub applied
{
	my ($what, $sql) = @_;

	$shop->safe_psql('postgres', $sql);
	$shop->wait_for_catchup('orders');
	is($reader->safe_psql('postgres', 'TABLE wrong'), '', $what);
	return;
}
