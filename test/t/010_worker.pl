# Who keeps the feed current when nobody calls tick()?  Two shops in one server,
# each in a database of its own, and a worker for each: it comes with the
# extension and goes with it, survives whatever kills it, is in nobody's way,
# and sleeps while nothing happens.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('shops');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'segment'
segment.naptime = '10ms'
restart_after_crash = on
max_prepared_transactions = 2
});
$node->start;

# A shop with an audience of those who spend more than 100.
sub open_shop
{
	my ($database) = @_;

	$node->safe_psql($database, q{
		CREATE EXTENSION segment;
		CREATE TABLE orders (customer_id bigint, amount numeric, at timestamptz DEFAULT now());
		CREATE INDEX ON orders (customer_id, at);
		SELECT segment.create_population('profile', timezone => 'UTC');
		SELECT segment.attach_source('orders', at => 'at');
		SELECT segment.create_trait('spent', 'sum(orders.amount)');
		SELECT segment.create_audience('vip', 'spent > 100')});
	return;
}

# Ask until the answer is 't'.
sub comes_true
{
	my ($database, $query, $name) = @_;

	ok($node->poll_query_until($database, $query), $name);
	return;
}

# Process number of the worker of a database, once it runs and has looked.
sub worker_of
{
	my ($database) = @_;
	my $worker = qq{FROM segment.stat_worker
		WHERE database = '$database' AND pid IS NOT NULL AND last_tick IS NOT NULL};

	$node->poll_query_until('shop', "SELECT count(*) = 1 $worker")
	  or die "there is no worker for $database";
	return $node->safe_psql('shop', "SELECT pid $worker");
}

# Sessions count together how often they evaluate a filter.
sub is_counted
{
	my ($database, $name) = @_;
	my $evaluated = 'SELECT evaluated FROM segment.stat_audience';
	my $before = $node->safe_psql($database, $evaluated);

	$node->safe_psql($database, 'INSERT INTO orders VALUES (-1, 101)');
	$node->safe_psql($database, 'DELETE FROM orders WHERE customer_id = -1');
	is($node->safe_psql($database, $evaluated), $before + 2, $name);
	return;
}

# A purchase of 200 by a new customer is told in the feed without being asked.
my $customer = 0;
sub purchase_is_told
{
	my ($database, $name) = @_;

	$customer++;
	$node->safe_psql($database, "INSERT INTO orders VALUES ($customer, 200)");
	comes_true($database, qq{
		SELECT count(*) = 1 FROM segment.transition
		WHERE audience = 'vip' AND key = '$customer' AND change = 'entered'}, $name);
	return;
}

my $all_workers = q{SELECT string_agg(database, ' ' ORDER BY database)
	FROM segment.stat_worker WHERE pid IS NOT NULL};

# ---- it comes with the extension, in each database ----

$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('postgres', 'CREATE DATABASE restaurant');
open_shop('shop');
open_shop('restaurant');
my $pid = worker_of('shop');
isnt($pid, worker_of('restaurant'), 'a worker for each database');
is($node->safe_psql('shop', $all_workers), 'restaurant shop',
	'and none where the extension is not');
is($node->safe_psql('shop', qq{
		SELECT backend_type || ', ' || application_name || ', ' || datname
		FROM pg_stat_activity WHERE pid = $pid}),
	'segment worker, segment worker: shop, shop', 'it says who it is');

# ---- it folds after a commit, and says so ----

my $listener = $node->background_psql('shop');
$listener->query_safe('LISTEN segment_transition');
purchase_is_told('shop', 'a purchase is in the feed');
my $heard = '';
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	$heard .= $listener->query('SELECT pg_sleep(0.1)');
	last if $heard =~ /notification/;
}
like($heard, qr/notification "segment_transition" with payload "profile"/,
	'and whoever listens is told');
$listener->quit;
comes_true('shop', q{
	SELECT pending.count = 0 AND folded = 1
	FROM segment.stat_worker, (SELECT count(*) FROM segment_data.profile_toggle) pending
	WHERE database = 'shop'}, 'nothing is left to be folded');
purchase_is_told('restaurant', 'in the other database, too');
is($node->safe_psql('shop', 'SELECT segment.size($$vip$$)'), '1', 'the two do not mix');
is_counted('shop', 'sessions count what they evaluate together');

$node->safe_psql('shop', q{BEGIN; INSERT INTO orders VALUES (900, 200); ROLLBACK;
	BEGIN; SAVEPOINT s; INSERT INTO orders VALUES (901, 200); ROLLBACK TO s; COMMIT});
purchase_is_told('shop', 'a purchase after some that were rolled back');
is($node->safe_psql('shop', q{SELECT count(*) FROM segment.transition WHERE key IN ('900', '901')}),
	'0', 'of which nothing is told');

$node->safe_psql('shop', q{BEGIN; INSERT INTO orders VALUES (902, 200);
	PREPARE TRANSACTION 'later'});
purchase_is_told('shop', 'a purchase while another is prepared');
$node->safe_psql('shop', q{COMMIT PREPARED 'later'});
comes_true('shop', q{SELECT count(*) = 1 FROM segment.transition WHERE key = '902'},
	'which is told when it is committed');

# ---- time is told, too, and nobody does anything ----

$node->safe_psql('shop', q{SELECT segment.create_audience('eager', 'did orders in last 2 seconds')});
$node->safe_psql('shop', q{INSERT INTO orders VALUES (903, 1)});
comes_true('shop', q{
	SELECT count(*) = 2 FROM segment.transition WHERE audience = 'eager' AND key = '903'},
	'who comes goes after two seconds');
is($node->safe_psql('shop', q{
		SELECT string_agg(concat_ws(' ', change, cause, at - (SELECT o.at FROM orders o WHERE customer_id = 903)), ', ' ORDER BY seq)
		FROM segment.transition WHERE audience = 'eager' AND key = '903'}),
	'entered event 00:00:00, left time 00:00:02', 'to the microsecond, whenever that is told');
is($node->safe_psql('shop', 'SELECT count(*) FROM segment_data.profile WHERE wake_at IS NOT NULL'),
	'0', 'and nobody is to be woken any more');
$node->safe_psql('shop', q{SELECT segment.drop_audience('eager')});

my $idle = q{SELECT wakeups FROM segment.stat_worker WHERE database = 'restaurant'};
my $nobody_due = 'SELECT count(wake_at) = 0 FROM segment_data.profile';
$node->safe_psql('restaurant', q{
	SELECT segment.create_trait('last_at', 'max(orders.at)');
	SELECT segment.create_audience('hungry', 'last_at more than 2 seconds ago')});
comes_true('restaurant', $nobody_due, 'whoever ate is hungry again');
my $before = $node->safe_psql('shop', $idle);
$node->safe_psql('restaurant', 'INSERT INTO orders VALUES (900, 1)');
comes_true('restaurant', q{
	SELECT count(*) = 1 FROM segment.transition t JOIN orders o ON o.customer_id::text = t.key
	WHERE key = '900' AND audience = 'hungry' AND t.cause = 'time' AND t.at = o.at + interval '2.000001 seconds'},
	'and whoever eats will be');
comes_true('restaurant', $nobody_due, 'which is written down');
cmp_ok($node->safe_psql('shop', $idle) - $before, '<=', 8, 'by a worker that sleeps meanwhile');

# ---- an idle database costs nothing, and has audiences that time changes ----

my $since = $node->safe_psql('shop', 'SELECT now()');
$before = $node->safe_psql('shop', $idle);
purchase_is_told('shop', "one of many purchases: $_") for 1 .. 10;
my $after = $node->safe_psql('shop', $idle);
my $minutes = $node->safe_psql('shop',
	"SELECT ceil(extract(epoch FROM clock_timestamp() - '$since') / 60)");
cmp_ok($after - $before, '<=', $minutes,
	'while one shop is busy, the other wakes up once a minute');
is($node->safe_psql('shop',
		"SELECT pid FROM segment.stat_worker WHERE database = 'restaurant'"),
	worker_of('restaurant'), 'and is there all the time');

# ---- many commits between two ticks are folded together ----

my $busy = q{SELECT wakeups FROM segment.stat_worker WHERE database = 'shop'};
$before = $node->safe_psql('shop', $busy);
$node->append_conf('postgresql.conf', "segment.naptime = '1h'\n");
$node->reload;
comes_true('shop', "SELECT ($busy) > $before", 'it hears of a longer nap');
$node->safe_psql('shop', "INSERT INTO orders VALUES ($_, 200)") for 1001 .. 1005;
is($node->safe_psql('shop', 'SELECT count(*) FROM segment_data.profile_toggle'),
	'5', 'what comes during the nap waits');
$node->append_conf('postgresql.conf', "segment.naptime = '10ms'\n");
$node->reload;
comes_true('shop', q{SELECT count(*) = 5 FROM segment.transition WHERE key LIKE '100_'},
	'and is told when it ends');

# ---- whatever ends it, it is started again ----

$node->safe_psql('shop', "SELECT pg_terminate_backend($pid)");
comes_true('shop', qq{
	SELECT count(*) = 1 FROM segment.stat_worker WHERE database = 'shop' AND pid <> $pid},
	'a worker that is terminated is started again');
purchase_is_told('shop', 'and goes on');

$node->safe_psql('shop', q{
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'segment launcher'});
$pid = worker_of('shop');
$node->safe_psql('shop', "SELECT pg_terminate_backend($pid)");
comes_true('shop', qq{
	SELECT count(*) = 1 FROM segment.stat_worker WHERE database = 'shop' AND pid <> $pid},
	'so is the launcher, which goes on starting workers');
is($node->safe_psql('shop', q{
		SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'segment worker'}),
	'2', 'and knows those that are there');

$pid = worker_of('shop');
my $log = -s $node->logfile;
kill 'KILL', $pid;
# psql breaks off, and the test with it, when there is nobody to connect to
$node->wait_for_log(qr/database system is ready to accept connections/, $log);
comes_true('shop', qq{
	SELECT count(*) = 1 FROM segment.stat_worker WHERE database = 'shop' AND pid <> $pid},
	'one that is killed comes back with the server');
purchase_is_told('shop', 'and goes on');
worker_of('restaurant');

# ---- one population in trouble does not stop the others ----

$node->safe_psql('shop', q{
	CREATE TABLE visits (visitor_id bigint, pages bigint, at timestamptz DEFAULT now());
	CREATE INDEX ON visits (visitor_id, at);
	SELECT segment.create_population('anonymous', key => 'visitor_id', timezone => 'UTC');
	SELECT segment.attach_source('visits', at => 'at', population => 'anonymous');
	SELECT segment.create_trait('pages', 'sum(visits.pages)', 'anonymous');
	SELECT segment.create_audience('curious', 'pages > 5', 'anonymous');
	INSERT INTO visits VALUES (1, 10)});
comes_true('shop', q{
	SELECT count(*) = 1 FROM segment.transition WHERE population = 'anonymous'},
	'two populations in one database');
my $chunks = $node->safe_psql('shop',
	q{SELECT chunks FROM segment.membership WHERE population = 'anonymous'});
$log = -s $node->logfile;
$node->safe_psql('shop', qq{
	SET segment.capture = off;
	UPDATE $chunks SET members = '\\x01ff' WHERE size > 0;
	RESET segment.capture;
	INSERT INTO visits VALUES (2, 10)});
comes_true('shop', q{
	SELECT last_error IS NOT NULL FROM segment.stat_worker WHERE database = 'shop'},
	'damage is noted');
$node->wait_for_log(qr/CONTEXT:.*fold of population "anonymous"/, $log);
pass('with the population, in the log');
purchase_is_told('shop', 'the other population goes on');
is($node->safe_psql('restaurant', q{
		SELECT count(last_error) FROM segment.stat_worker}), '0',
	'what went wrong is not shown in another database');
$node->safe_psql('shop', q{SELECT segment.rebuild('anonymous')});
$node->safe_psql('shop', 'INSERT INTO visits VALUES (3, 10)');
comes_true('shop', q{
	SELECT count(*) = 3 FROM segment.transition WHERE population = 'anonymous'},
	'and when it is mended, this one does, too');

# ---- nor does an audience that is broken, which the worker meets itself ----

$node->safe_psql('shop', q{
	ALTER EVENT TRIGGER segment_guard_command DISABLE;
	CREATE TYPE device AS ENUM ('phone', 'desk');
	ALTER TABLE visits ADD device device;
	SELECT segment.create_audience('phoners', 'last(visits.device) = "phone" and count(visits in last 2 seconds) > 0', 'anonymous');
	SELECT segment.create_audience('just_here', 'count(visits in last 3 seconds) > 0', 'anonymous')});
$log = -s $node->logfile;
$node->safe_psql('shop', q{
	BEGIN;
	INSERT INTO visits VALUES (4, 1, now(), 'phone');
	ALTER TYPE device RENAME VALUE 'phone' TO 'mobile';
	ALTER TABLE segment_data.anonymous SET (fillfactor = 70);
	COMMIT});
comes_true('shop', q{
	SELECT count(*) = 1 FROM segment.transition
	WHERE population = 'anonymous' AND audience = 'just_here' AND key = '4' AND change = 'left'},
	'beside an audience that is broken time goes on');
$node->wait_for_log(qr/WARNING:.*audience "phoners" is broken/, $log);
pass('which is in the log');
is($node->safe_psql('shop', q{SELECT audience FROM segment.audience WHERE NOT stored}), 'phoners', 'and is not kept');

# ---- it goes with the extension, and comes back with it ----

$node->safe_psql('restaurant', q{
	SELECT segment.drop_population('profile', cascade => true);
	DROP EXTENSION segment;
	DROP TABLE orders});
comes_true('shop', "SELECT ($all_workers) = 'shop'",
	'a database without the extension has no worker');
open_shop('restaurant');
purchase_is_told('restaurant', 'with the extension it comes back');

# ---- it is in nobody's way ----

$node->safe_psql('postgres', 'CREATE DATABASE branch TEMPLATE restaurant');
comes_true('shop', "SELECT ($all_workers) = 'branch restaurant shop'",
	'a database is copied though it has a worker, and the copy has one');
purchase_is_told('branch', 'the copy is kept current');
$node->safe_psql('postgres', 'ALTER DATABASE branch RENAME TO cafe');
comes_true('shop', "SELECT ($all_workers) = 'cafe restaurant shop'",
	'a database is renamed');
purchase_is_told('cafe', 'and kept current');
$node->safe_psql('postgres', 'DROP DATABASE cafe');
comes_true('shop', "SELECT ($all_workers) = 'restaurant shop'",
	'a database is dropped');
my $session = $node->background_psql('restaurant');
$session->query_safe('SELECT 1');
my ($status, $out, $err) = $node->psql('postgres', 'DROP DATABASE restaurant');
like($err, qr/There is 1 other session using the database/,
	'a database that is in use is not dropped, and of the worker nothing is said');
$session->quit;
purchase_is_told('restaurant', 'and its worker comes back');
$node->safe_psql('postgres', 'ALTER DATABASE restaurant IS_TEMPLATE true');
comes_true('shop', "SELECT ($all_workers) = 'shop'", 'a template has none');
$node->safe_psql('postgres', 'ALTER DATABASE restaurant IS_TEMPLATE false');
purchase_is_told('restaurant', 'until it is none');

# ---- only some databases ----

$node->append_conf('postgresql.conf', "segment.databases = 'shop, nowhere'\n");
$log = -s $node->logfile;
$node->reload;
comes_true('shop', "SELECT ($all_workers) = 'shop'", 'only a database that is named');
$node->wait_for_log(qr/database "nowhere" cannot have a worker of segment/, $log);
pass('and a name that is wrong is told');
($status, $out, $err) = $node->psql('postgres',
	q{ALTER SYSTEM SET segment.databases = 'shop restaurant'});
like($err, qr/DETAIL:  "shop restaurant" is not a list of names\.\n.*HINT:  Separate/s,
	'or is none');
$node->append_conf('postgresql.conf', "segment.databases = ''\n");
$node->reload;
comes_true('shop', "SELECT ($all_workers) = 'restaurant shop'", 'or all of them');
$node->stop;

# ---- a standby only reads, until it is promoted ----

$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\n");
$node->start;
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', q{
		SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'segment%'}),
	'0', 'nobody works on a standby');
$node->stop;
$standby->promote;
$node = $standby;
worker_of('shop');
purchase_is_told('shop', 'after promotion it works here');

$node->stop;
done_testing();
