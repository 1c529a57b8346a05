# pg_partman maintains an attached table: it makes partitions, moves rows out of
# the default one, detaches and drops old ones, and undoes all of that, and
# traits are what naive SQL says after each of these.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('partman');
$node->init;
$node->start;
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_partman'}) eq '0')
{
	$node->stop;
	plan skip_all => 'pg_partman is not installed';
}

$node->safe_psql('postgres', <<'END');
CREATE EXTENSION segment;
CREATE SCHEMA partman;
CREATE EXTENSION pg_partman SCHEMA partman;
CREATE TABLE visits (customer_id bigint, at timestamptz NOT NULL, seconds integer) PARTITION BY RANGE (at);
CREATE INDEX ON visits (customer_id, at);
CREATE VIEW naive AS SELECT customer_id, count(*) AS visits, sum(seconds)::numeric AS seconds, max(seconds) AS longest,
	coalesce(sum(seconds) FILTER (WHERE at <= segment.now() AND at + '90 days' > segment.now()), 0)::numeric AS recent
	FROM visits GROUP BY 1;
END
my $version = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_partman'});
my $kind = $version =~ /^4/ ? q{p_type => 'native', p_interval => '1 month'} : q{p_interval => '1 month'};

diag("pg_partman $version");
$node->safe_psql('postgres', <<"END");
SELECT partman.create_parent(p_parent_table => 'public.visits', p_control => 'at', $kind, p_premake => 2,
	p_start_partition => (now() - interval '8 months')::text);
INSERT INTO visits SELECT n % 7, date_trunc('month', now()) - interval '8 months' + n * interval '29 hours', n FROM generate_series(1, 200) n;
INSERT INTO visits SELECT n % 3, now() + interval '6 months' + n * interval '20 days', n FROM generate_series(1, 6) n;
SELECT segment.create_population('visitor', timezone => 'UTC');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_trait('seconds', 'sum(visits.seconds)');
SELECT segment.create_trait('longest', 'max(visits.seconds)');
SELECT segment.create_trait('recent', 'sum(visits.seconds in last 90 days)');
SELECT segment.create_audience('keen', 'visits > 28');
END
is(wrong(), '', 'all is well when the table is attached');
cmp_ok(rows_in_default(), '>', 0, 'some rows are in the default partition');

# rows move out of the default partition, into some that are made for them
my $before = partitions();
$node->safe_psql('postgres', q{CALL partman.partition_data_proc('public.visits')});
is(rows_in_default(), 0, 'the default partition is empty');
cmp_ok(partitions(), '>', $before, 'as there are more partitions');
is(wrong(), '', 'nothing is counted twice');

# maintenance makes partitions ahead
$before = partitions();
$node->safe_psql('postgres', q{UPDATE partman.part_config SET premake = 5 WHERE parent_table = 'public.visits';
	CALL partman.run_maintenance_proc()});
cmp_ok(partitions(), '>', $before, 'maintenance makes partitions');
$node->safe_psql('postgres', q{INSERT INTO visits SELECT n % 9, now() - n * interval '10 days', 1000 + n FROM generate_series(-15, 15) n});
is(wrong(), '', 'rows of these count');
is($node->safe_psql('postgres', 'SELECT captured FROM segment.stat_source'), 't', 'all partitions have triggers');

# retention detaches the oldest partitions, and drops others
my $rows = rows();
$node->safe_psql('postgres', q{UPDATE partman.part_config SET retention = '6 months', retention_keep_table = true WHERE parent_table = 'public.visits';
	CALL partman.run_maintenance_proc()});
cmp_ok(rows(), '<', $rows, 'retention has detached partitions');
is(wrong(), '', 'their rows do not count any more');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgname ~ '^segment_' AND NOT EXISTS
	(SELECT FROM pg_partition_tree('visits') WHERE relid = tgrelid) AND tgrelid::regclass::text !~ '^segment'}), '0', 'and they have no triggers');
$rows = rows();
$node->safe_psql('postgres', q{UPDATE partman.part_config SET retention = '3 months', retention_keep_table = false WHERE parent_table = 'public.visits';
	CALL partman.run_maintenance_proc()});
cmp_ok(rows(), '<', $rows, 'retention has dropped partitions');
is(wrong(), '', 'their rows do not count any more');

# partitioning is undone: rows go to a table that is no source
$node->safe_psql('postgres', q{CREATE TABLE kept (LIKE visits); CALL partman.undo_partition_proc('public.visits', p_target_table => 'public.kept', p_keep_table => false)});
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM kept'), '>', 0, 'partitioning is undone');
is(wrong(), '', 'rows that are elsewhere do not count');
$node->stop;
done_testing();

# '' if traits, members and verify() agree with naive SQL
sub wrong
{
	return $node->safe_psql('postgres', q{
		SELECT 'stored ' || v::text FROM (TABLE visitor EXCEPT TABLE naive) v
		UNION ALL SELECT 'naive ' || n::text FROM (TABLE naive EXCEPT TABLE visitor) n
		UNION ALL SELECT 'keen ' || k::text FROM (TABLE keen EXCEPT SELECT customer_id FROM naive WHERE visits > 28) k
		UNION ALL SELECT 'not keen ' || k::text FROM (SELECT customer_id FROM naive WHERE visits > 28 EXCEPT TABLE keen) k
		UNION ALL SELECT 'verify ' || v::text FROM segment.verify() v});
}

sub rows { return $node->safe_psql('postgres', 'SELECT count(*) FROM visits'); }
sub rows_in_default { return $node->safe_psql('postgres', 'SELECT count(*) FROM visits_default'); }
sub partitions { return $node->safe_psql('postgres', q{SELECT count(*) FROM pg_partition_tree('visits')}); }
