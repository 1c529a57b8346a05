# A shop is dumped and restored: whatever one asks, the answer is that of
# before, and it goes on from there.  Dumped again it is the same dump.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->start;
my $dumps = $PostgreSQL::Test::Utils::tmp_check;

# the shop, not all of it folded
$node->safe_psql('postgres', 'CREATE DATABASE shop');
Shop::open_in($node, 'shop');
$node->safe_psql('shop', <<'END');
SELECT segment.create_consumer('crm', from_start => true);
SELECT segment.create_consumer('mail');
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm', 3);
SELECT * FROM segment.poll('crm', 2, '1 day');
SELECT * FROM segment.tick();
INSERT INTO customers VALUES (9, 'Gone', 'Aarhus');
DELETE FROM customers WHERE customer_id = 9;
SELECT segment.drop_audience('regular');
SELECT segment.create_audience('short_lived', 'true');
SELECT segment.drop_audience('short_lived');
SELECT segment.create_audience('regular', 'orders_30d >= 2');
SELECT segment.trim_feed('0', force => true);
INSERT INTO orders (customer_id, amount, product) VALUES (3, 600, 'O''Hara''s "best"'), (NULL, 5, 'x');
SELECT * FROM segment.tick();
INSERT INTO orders (customer_id, amount) VALUES (4, 501);
UPDATE customers SET city = 'Odense' WHERE customer_id = 1;
CREATE MATERIALIZED VIEW letters AS SELECT p.customer_id, p.products FROM profile p JOIN vip USING (customer_id);
CREATE ROLE reader;
GRANT SELECT ON profile, vip TO reader;
END

# beside it a café of somebody else, who likes long names
$node->safe_psql('shop', <<'END');
CREATE ROLE "Café ""Owner""" LOGIN;
CREATE SCHEMA "The Café" AUTHORIZATION "Café ""Owner""";
SET SESSION AUTHORIZATION "Café ""Owner""";
SET search_path = "The Café";
CREATE TABLE "Till's Receipts" ("Guest No" text, "Paid, in kr." numeric, "When?" timestamptz);
CREATE INDEX ON "Till's Receipts" ("Guest No", "When?");
INSERT INTO "Till's Receipts" VALUES ('a "b"', 40, now() - interval '1 day'), ('C''d', 90, now() - interval '1 hour');
SELECT segment.create_population('Guest''s "Card"', key => 'Guest No', key_type => 'text', timezone => 'Asia/Tokyo');
SELECT segment.attach_source('"The Café"."Till''s Receipts"', at => 'When?', population => 'Guest''s "Card"', name => 'Receipts');
SELECT segment.create_trait('Spent 7d', 'sum(`Receipts`.`Paid, in kr.` in last 7 days)', 'Guest''s "Card"');
SELECT segment.create_trait('Spent', 'sum(`Receipts`.`Paid, in kr.`)', 'Guest''s "Card"');
SELECT segment.create_audience('The "Regulars"', '`Spent` > 50', 'Guest''s "Card"', description => 'it''s "them"');
SELECT segment.create_audience('Not They', 'not in audience `The "Regulars"`', 'Guest''s "Card"');
SELECT segment.create_consumer('Mail''s "One"', 'Guest''s "Card"', from_start => true);
INSERT INTO "Till's Receipts" VALUES ('a "b"', 30, now());

-- text with a collation of its own
CREATE COLLATION "Any Case" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
ALTER TABLE "Till's Receipts" ADD "Dish" text COLLATE "Any Case";
UPDATE "Till's Receipts" SET "Dish" = CASE WHEN "Paid, in kr." = 40 THEN 'Soup' ELSE 'SOUP' END;
SELECT segment.create_trait('Dishes', 'list(distinct `Receipts`.`Dish`)', 'Guest''s "Card"');
SELECT segment.create_trait('Dish', 'last(`Receipts`.`Dish`)', 'Guest''s "Card"');
SELECT segment.create_trait('Usual', 'most_frequent(`Receipts`.`Dish` in last 7 days)', 'Guest''s "Card"');
SELECT segment.create_audience('Soup', '`Dish` = "soup" and `Usual` in ("cake", "sOUP")', 'Guest''s "Card"');

-- what a transaction has undone, which nobody has folded yet
BEGIN;
CREATE TEMP TABLE kept AS SELECT * FROM "Till's Receipts" WHERE "Guest No" = 'C''d';
DELETE FROM "Till's Receipts" WHERE "Guest No" = 'C''d';
INSERT INTO "Till's Receipts" TABLE kept;
COMMIT;
END

is(Shop::pending($node, 'shop'), '10', 'a part is not folded');
is(Shop::wrong($node, 'shop'), '', 'all is well');
my $before = Shop::answers($node, 'shop');
my $readers = privileges('shop');

$node->run_log([ 'pg_dump', '-f', "$dumps/shop.sql", connection('shop') ]);
$node->run_log([ 'pg_dump', '-Fc', '-f', "$dumps/shop.dump", connection('shop') ]);
$node->run_log([ 'pg_dump', '-s', '-f', "$dumps/schema.sql", connection('shop') ]);
$node->run_log([ 'pg_dump', '-a', '--disable-triggers', '-f', "$dumps/data.sql", connection('shop') ]);
$node->run_log([ 'pg_dump', '-a', '-f', "$dumps/rows.sql", connection('shop') ]);
my $dump = slurp_file("$dumps/shop.sql");

restored('by_psql', [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/shop.sql" ]);
restored('by_pg_restore', [ 'pg_restore', '-j2', '-e', "$dumps/shop.dump", '-d' ]);
# data alone leaves materialized views as they are
restored('in_two_parts', [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/schema.sql", '-f', "$dumps/data.sql",
	'-c', 'REFRESH MATERIALIZED VIEW public.letters' ]);
restored('without_capture', [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/schema.sql",
	'-c', 'SET segment.capture = off', '-f', "$dumps/rows.sql", '-c', 'REFRESH MATERIALIZED VIEW public.letters' ]);

# what is broken is dumped like anything else, and mended where it is restored; so are
# the columns that dropped traits have left
$node->safe_psql('postgres', 'CREATE DATABASE broken');
$node->safe_psql('broken', <<'END');
CREATE EXTENSION segment;
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text, favourite color, points int);
CREATE TABLE visits (customer_id bigint, visited_at timestamptz);
CREATE INDEX ON visits (customer_id, visited_at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('visits', at => 'visited_at');
SELECT segment.create_trait('favourite', 'customers.favourite');
SELECT segment.create_trait('likes_red', 'favourite = "red"');
SELECT segment.create_trait('points', 'customers.points');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_audience('reds', 'favourite = "red" and (did visits in last 7 days)');
INSERT INTO customers VALUES (1, 'Aarhus', 'red', 3), (2, 'Odense', 'green', 5);
INSERT INTO visits VALUES (1, now()), (2, now());
CREATE VIEW mine AS SELECT customer_id, visits FROM profile;
SELECT segment.drop_trait('points');
SELECT segment.rename_trait('visits', 'how_often');
ALTER EVENT TRIGGER segment_guard_command DISABLE;
ALTER TYPE color RENAME VALUE 'red' TO 'crimson';
END
$node->safe_psql('broken', 'INSERT INTO visits VALUES (3, now());');
$node->run_log([ 'pg_dump', '-Fc', '-f', "$dumps/broken.dump", connection('broken') ]);
$node->safe_psql('postgres', 'CREATE DATABASE mended');
$node->command_ok([ 'pg_restore', '-j2', '-e', "$dumps/broken.dump", '-d', 'mended' ], 'broken: restores');
is($node->safe_psql('mended', 'SELECT customer_id, likes_red, how_often FROM profile ORDER BY 1'),
	"1|t|1\n2|f|1\n3|f|1", 'broken: shown as before');
is($node->safe_psql('mended', 'SELECT segment.size(audience) FROM segment.audience WHERE stored'), '', 'broken: not kept');
$node->safe_psql('mended', <<'END');
SELECT segment.alter_audience('reds', 'favourite = "crimson" and (did visits in last 7 days)');
SELECT segment.alter_trait('likes_red', 'favourite = "crimson"');
SELECT segment.create_trait('points', 'customers.points');
END
is($node->safe_psql('mended', 'SELECT * FROM reds'), '1', 'broken: mended');
is($node->safe_psql('mended', 'SELECT customer_id, points, likes_red FROM profile ORDER BY 1'),
	"1|3|t\n2|5|f\n3||f", 'broken: what was dropped can be had again');
is($node->safe_psql('mended', 'SELECT * FROM segment.verify()'), '', 'broken: nothing is wrong');
is($node->safe_psql('mended', 'SELECT customer_id, visits FROM mine ORDER BY 1'), "1|1\n2|1\n3|1", 'broken: the view over it too');

# partitions and tables that inherit, whose columns have orders of their own
$node->safe_psql('postgres', 'CREATE DATABASE parted');
$node->safe_psql('parted', <<'END');
CREATE EXTENSION segment;
CREATE TABLE visits (customer_id bigint, at timestamptz, seconds int) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (MINVALUE) TO ('2026-05-01+00') PARTITION BY HASH (customer_id);
CREATE TABLE visits_1_0 PARTITION OF visits_1 FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE visits_1_1 PARTITION OF visits_1 FOR VALUES WITH (modulus 2, remainder 1);
CREATE TABLE visits_2 (gone int, seconds int, at timestamptz, customer_id bigint);
ALTER TABLE visits_2 DROP gone;
CREATE INDEX ON visits (customer_id, at);
CREATE TABLE calls (customer_id bigint, at timestamptz);
CREATE TABLE calls_far (country text, at timestamptz, customer_id bigint);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('visits', at => 'at');
SELECT segment.attach_source('calls', at => 'at');
SELECT segment.create_trait('visits', 'count(visits)');
SELECT segment.create_trait('longest', 'max(visits.seconds)');
SELECT segment.create_trait('calls', 'count(calls)');
ALTER TABLE visits ATTACH PARTITION visits_2 DEFAULT;
ALTER TABLE calls_far INHERIT calls;
INSERT INTO visits SELECT n % 3, '2026-04-25'::timestamptz + n * interval '1 day', n FROM generate_series(1, 12) n;
INSERT INTO calls_far VALUES ('DK', '2026-05-01', 1);
END
$node->run_log([ 'pg_dump', '-Fc', '-f', "$dumps/parted.dump", connection('parted') ]);
$node->run_log([ 'pg_dump', '-s', '-f', "$dumps/parted_schema.sql", connection('parted') ]);
$node->run_log([ 'pg_dump', '-a', '--disable-triggers', '-f', "$dumps/parted_data.sql", connection('parted') ]);
my $parted = q{SELECT customer_id, visits, longest, calls FROM profile ORDER BY 1};
for my $way (
	[ 'parted_whole', 'pg_restore', '-j2', '-e', "$dumps/parted.dump", '-d' ],
	[ 'parted_in_two', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/parted_schema.sql", '-f', "$dumps/parted_data.sql", '-d' ])
{
	my ($database, @command) = @$way;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ @command, $database ], "$database: restores");
	is($node->safe_psql($database, $parted), $node->safe_psql('parted', $parted), "$database: shown as before");
	is($node->safe_psql($database, 'SELECT bool_and(captured) FROM segment.stat_source'), 't', "$database: all tables are captured");
	$node->safe_psql($database, <<'END');
UPDATE visits SET at = at - interval '5 days', seconds = seconds / 2;
INSERT INTO visits_2 (customer_id, at, seconds) VALUES (5, '2026-06-01', 100);
INSERT INTO calls_far (customer_id) VALUES (5);
DROP TABLE visits_1_0;
END
	is($node->safe_psql($database, 'SELECT * FROM segment.verify()'), '', "$database: nothing is wrong");
	is($node->safe_psql($database, "$parted DESC LIMIT 1"), '5|1|100|1', "$database: events count");
}

# lines that have their customer in an order, with what they refer to
$node->safe_psql('postgres', 'CREATE DATABASE linked');
$node->safe_psql('linked', <<'END');
CREATE EXTENSION segment;
CREATE TABLE categories (id int PRIMARY KEY, title text);
CREATE TABLE products (code text PRIMARY KEY, category_id int REFERENCES categories);
CREATE TABLE a_line (id int PRIMARY KEY, order_id bigint, product text, amount numeric);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, status text, at timestamptz);
CREATE INDEX ON orders (customer_id, at);
CREATE INDEX ON a_line (order_id);
CREATE INDEX ON a_line (product);
CREATE INDEX ON products (category_id);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.attach_source('a_line', through => 'orders', link => 'order_id', name => 'lines',
	look_up => '{"item": "products using product", "a_shelf": "categories using item.category_id"}');
SELECT segment.attach_source('a_line', through => 'orders', link => 'order_id', name => 'dear', filter => 'amount > 5');
SELECT segment.create_trait('tea', 'sum(lines.amount where a_shelf.title = "tea" and orders.status = "paid")');
SELECT segment.create_trait('dear', 'count(dear)');
SELECT segment.create_audience('tea_lovers', 'tea > 10');
INSERT INTO categories VALUES (1, 'tea'), (2, 'cup');
INSERT INTO products VALUES ('a', 1), ('b', 2);
INSERT INTO a_line VALUES (1, 1, 'a', 11), (2, 1, 'b', 7), (3, 2, 'a', 9), (4, 9, 'a', 20);
INSERT INTO orders VALUES (1, 1, 'paid', '2026-05-01'), (2, 2, 'paid', '2026-05-02'), (3, 3, 'open', '2026-05-03');
END
$node->run_log([ 'pg_dump', '-Fc', '-f', "$dumps/linked.dump", connection('linked') ]);
$node->run_log([ 'pg_dump', '-s', '-f', "$dumps/linked_schema.sql", connection('linked') ]);
$node->run_log([ 'pg_dump', '-a', '--disable-triggers', '-f', "$dumps/linked_data.sql", connection('linked') ]);
for my $way ([ 'linked_again', 'pg_restore', '-j2', '-e', "$dumps/linked.dump", '-d', 'linked_again' ],
	[ 'linked_parts', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/linked_schema.sql", '-f', "$dumps/linked_data.sql", connection('linked_parts') ])
{
	my ($database, @command) = @$way;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok(\@command, "$database: restores");
	is($node->safe_psql($database, 'SELECT * FROM profile ORDER BY 1'), "1|11|2\n2|9|1\n3|0|0", "$database: shown as before");
	is($node->safe_psql($database, 'SELECT source, rows, rows_without_key, captured FROM segment.stat_source ORDER BY 1'),
		"dear|4|1|t\nlines|4|1|t\norders|3|0|t", "$database: captured, and an orphan is one");
	is($node->safe_psql($database, 'SELECT * FROM tea_lovers; SELECT * FROM segment.verify()'), '1', "$database: nothing is wrong");
	$node->safe_psql($database, q{UPDATE products SET category_id = 1 WHERE code = 'b'; INSERT INTO orders VALUES (9, 3, 'paid', '2026-05-04');
		UPDATE orders SET customer_id = 4 WHERE id = 2});
	is($node->safe_psql($database, 'SELECT * FROM profile ORDER BY 1'), "1|18|2\n3|20|1\n4|9|1", "$database: life goes on");
	is($node->safe_psql($database, 'SELECT * FROM tea_lovers ORDER BY 1; SELECT * FROM segment.verify()'), "1\n3", "$database: nothing is wrong then");
}

# over what is there, which is taken apart object by object
{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';

	$node->command_ok([ 'pg_restore', '--clean', '--if-exists', '-1', "$dumps/linked.dump", '-d', 'linked_again' ], 'linked_again: restores over itself');
}
is($node->safe_psql('linked_again', 'SELECT * FROM profile ORDER BY 1; SELECT * FROM segment.verify()'), "1|11|2\n2|9|1\n3|0|0", 'linked_again: as it was dumped');
is($node->safe_psql('linked_again', 'SELECT source, captured FROM segment.stat_source ORDER BY 1'), "dear|t\nlines|t\norders|t", 'linked_again: and captured');

# a part of a dump: sections are all of it
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(part sections plain_table attached data_left_out schema_alone);
$node->safe_psql('part', <<'END');
CREATE EXTENSION segment;
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, at timestamptz DEFAULT now());
CREATE INDEX ON orders (customer_id, at);
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_audience('vip', 'spent > 100');
SELECT segment.create_program('club');
SELECT segment.create_earning('club', 'orders', 'orders.amount', ref => 'id');
SELECT segment.join_program('club', 1, '1');
INSERT INTO orders VALUES (1, 1, 50), (2, 1, 80), (3, 2, 5);
SELECT * FROM segment.tick();
END
my $asked = 'SELECT customer_id, spent, club_balance FROM profile ORDER BY 1; TABLE vip; SELECT * FROM segment.verify(); SELECT * FROM segment.verify_program(\'club\')';
$node->run_log([ 'pg_dump', '-Fc', '-f', "$dumps/part.dump", connection('part') ]);
$node->command_ok([ 'pg_restore', '-e', "--section=$_", "$dumps/part.dump", '-d', 'sections' ], "sections: $_ restores") for qw(pre-data data post-data);
is($node->safe_psql('sections', $asked), "1|130|130\n2|5|0\n1", 'sections: as it was dumped');

# a table without its population says so, and what to do
$node->run_log([ 'pg_dump', '-t', 'orders', '-f', "$dumps/table.sql", connection('part') ]);
$node->run_log([ 'pg_dump', '-s', '-f', "$dumps/alone.sql", connection('part') ]);
my $first = 'INSERT INTO orders VALUES (4, 1, 1)';
for my $way ([ 'plain_table', 'table', 1 ], [ 'attached', 'table', 1 ], [ 'schema_alone', 'alone', 0 ])
{
	my ($database, $file, $is_bare) = @$way;

	$node->safe_psql($database, 'CREATE EXTENSION segment') if $is_bare;
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/$file.sql", connection($database) ], "$database: restores");
	$node->psql($database, $first, stderr => \my $stderr);
	like($stderr, qr/ERROR:  trigger "segment_profile_before" on "orders" is of population "profile", which does not exist\n/, "$database: what is missing");
	like($stderr, qr/HINT:  Restore the whole dump, attach the table .*, or drop what is left: (DROP TRIGGER .*;)/, "$database: and what to do");
	next if $database eq 'attached';
	my ($drops) = $stderr =~ /drop what is left: (.*)/;
	$node->safe_psql($database, "$drops $first");
	is($node->safe_psql($database, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass"), '0', "$database: it is a table like others");
}
$node->safe_psql('attached', <<"END");
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
$first;
END
is($node->safe_psql('attached', 'TABLE profile ORDER BY 1; SELECT * FROM segment.verify()'), "1|131\n2|5", 'attached: or a source');

# definitions without what is kept for them: it is computed, but for what customers have
$node->run_log([ 'pg_dump', '--exclude-table-data=segment_data.*', '-f', "$dumps/left_out.sql", connection('part') ]);
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/left_out.sql", connection('data_left_out') ], 'data_left_out: restores');
like($node->safe_psql('data_left_out', 'SELECT definition, key FROM segment.verify() ORDER BY 1, 2'), qr/^source_rows\|1$/m, 'data_left_out: what is wrong is told');
$node->safe_psql('data_left_out', 'SELECT segment.rebuild()');
is($node->safe_psql('data_left_out', $asked), "1|130|0\n2|5|0\n1", 'data_left_out: and computed');

$node->stop;
done_testing();

# Restore into a new database; is it the shop?
sub restored
{
	my ($database, $command) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ @$command, $command->[0] eq 'pg_restore' ? $database : connection($database) ],
		"$database: restores");
	$node->run_log([ 'pg_dump', '-f', "$dumps/$database.sql", connection($database) ]);
	is(differences($dump, slurp_file("$dumps/$database.sql")), '', "$database: dumped again it is the same");

	is(Shop::answers($node, $database), $before, "$database: answers as before");
	is(Shop::wrong($node, $database), '', "$database: nothing is wrong");
	is(privileges($database), $readers, "$database: the same may read the same");
	is($node->safe_psql($database, 'SET ROLE reader; SELECT count(*) FROM segment.transition; SELECT segment.size(\'vip\', \'profile\')'),
		$node->safe_psql('shop', 'SET ROLE reader; SELECT count(*) FROM segment.transition; SELECT segment.size(\'vip\', \'profile\')'),
		"$database: a reader is shown the same");
	is($node->safe_psql($database, 'SELECT count(*) FILTER (WHERE captured) = count(*) FROM segment.stat_source'),
		't', "$database: all sources are captured");

	# weeks later, when time has changed what nobody has written down
	Shop::days_later($node, 70, sub {
		cmp_ok(Shop::due($node, $database), '>', 0, "$database: after weeks some are due");
		is(Shop::members($node, $database, 'lapsed'), '1 2 3 4', "$database: and known to be lapsed");
		is(Shop::wrong($node, $database), '', "$database: nothing is wrong");
	});

	# life goes on
	my $state = q{SELECT (SELECT last FROM segment.feed_counter WHERE population = 'profile'),
		(SELECT last_definition_id FROM segment.membership WHERE population = 'profile')};
	my ($told, $number) = split(/\|/, $node->safe_psql($database, $state));
	$node->safe_psql($database, "INSERT INTO customers VALUES (8, 'Eve', 'Aarhus');" . Shop::buys(8, 900));
	is(Shop::members($node, $database, 'vip'), '1 2 3 4 8', "$database: events count");
	is(Shop::wrong($node, $database), '', "$database: and nothing is wrong");
	is($node->safe_psql($database, 'SELECT population, folded, pending FROM segment.tick() ORDER BY 1'),
		qq(Guest's "Card"|4|0\nprofile|11|0), "$database: what was pending is folded with what is new");
	is($node->safe_psql($database, q{SELECT count(*) FROM segment.transition WHERE key = 'C''d' AND cause = 'event'}), '0',
		"$database: what a transaction has undone is not told");
	is($node->safe_psql($database, "SELECT min(seq), count(*) FROM segment.transition WHERE population = 'profile' AND seq > $told"),
		($told + 1) . '|11', "$database: the feed goes on");
	is(Shop::wrong($node, $database), '', "$database: and nothing is wrong");
	is($node->safe_psql($database, q{SELECT segment.create_audience('new', 'orders > 0', 'profile', view => false)}),
		'5', "$database: a new audience has members");
	is($node->safe_psql($database, q{SELECT definition_id FROM segment.audience WHERE audience = 'new'}),
		$number + 1, "$database: and a number that none had");
	is($node->safe_psql($database, q{SELECT seq FROM segment.poll('mail', 1, '1 second')}),
		$node->safe_psql($database, q{SELECT acknowledged + 1 FROM segment.consumer WHERE consumer = 'mail'}),
		"$database: a consumer goes on");
	is($node->safe_psql($database, <<'END'), 't', "$database: a new customer is nobody who was there");
SELECT max(ord) FILTER (WHERE customer_id = 8) > 5 FROM segment_data.profile
END
	Shop::days_later($node, 70, sub {
		is($node->safe_psql($database, q{SELECT swept > 0, due, pending FROM segment.tick() WHERE population = 'profile'}),
			't|0|0', "$database: whoever is due is swept");
		is(Shop::wrong($node, $database), '', "$database: and nothing is wrong");
	});
	$node->safe_psql($database, q{DROP MATERIALIZED VIEW letters;
		SELECT segment.drop_population('profile', cascade => true);
		SELECT segment.drop_population('Guest''s "Card"', cascade => true);
		DROP EXTENSION segment});
	pass("$database: and all can be dropped");
}

sub connection
{
	return ('-d', $node->connstr($_[0]));
}

# Who may read and who owns what is not the extension's own.
sub privileges
{
	return $node->safe_psql($_[0], <<'END');
SELECT c.oid::regclass, pg_get_userbyid(relowner), relacl FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('public', 'segment_data', 'The Café') AND relkind IN ('r', 'v', 'm', 'S') ORDER BY relname, nspname
END
}

# Lines that are in one of two dumps only, and not because of the moment.
sub differences
{
	my %count;
	my ($first, $second) = @_;

	$count{$_}++ for split(/\n/, $first);
	$count{$_}-- for split(/\n/, $second);
	return join("\n", map { ($count{$_} > 0 ? '- ' : '+ ') . $_ }
		grep { $count{$_} != 0 && !/^\\(un)?restrict / } sort keys %count);
}
