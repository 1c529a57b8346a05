# Who installs, who dumps, who restores: none of them need be a superuser.
#
# A database belongs to Clara.  The extension is installed by her, or for her
# by a superuser.  She dumps the database, as does an auditor who may read all
# data, and restores it into another database of hers, without an error or a
# warning.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('roles');
$node->init;
$node->start;
my $dumps = $PostgreSQL::Test::Utils::tmp_check;
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

# names that have to be quoted
$node->safe_psql('postgres', <<'END');
CREATE ROLE "Clara M." LOGIN;
CREATE ROLE auditor LOGIN;
GRANT pg_read_all_data TO auditor;
CREATE ROLE ada LOGIN;
CREATE ROLE "new owner" LOGIN;
CREATE ROLE guest LOGIN;
END
my $clara = 'Clara M.';

my %installers = ('by_herself' => $clara, 'by_superuser' => $superuser);
for my $how (sort keys %installers)
{
	my $installer = $installers{$how};

	new_database($how);
	asked($how, $installer, 'CREATE EXTENSION segment');
	nobody_gained($how, $installer);
	dumped_and_restored($how, 'fresh', 0);

	Shop::open_in($node, $how, $clara);
	asked($how, $clara, <<'END');
SELECT segment.create_consumer('crm', from_start => true);
SELECT * FROM segment.tick();
INSERT INTO orders (customer_id, amount) VALUES (4, 501);
CREATE VIEW lapsed_names AS SELECT p.customer_id, p.city FROM profile p JOIN lapsed USING (customer_id);
END
	is(Shop::wrong($node, $how), '', "$how: all is well");
	dumped_and_restored($how, 'shop', 1);
}

another_owner();
new_owner_of_database();
reassigned();
lost();
planted();

$node->stop;
done_testing();

# What was installed has no superuser's rights, and nobody but the installer
# makes anything in our schemas.
sub nobody_gained
{
	my ($database, $installer) = @_;

	is($node->safe_psql($database, <<'END'), $installer, "$database: tables, views and schemas belong to whoever installed it");
SELECT DISTINCT pg_get_userbyid(owner)
FROM (SELECT 'pg_class'::regclass, oid, relowner FROM pg_class
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace) AS o (classid, objid, owner)
JOIN pg_depend USING (classid, objid)
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'segment')
END
	is($node->safe_psql($database, q{SELECT count(*) FROM pg_proc WHERE prosecdef AND probin LIKE '%segment'}),
		'0', "$database: no function runs with its owner's rights");
	for my $role ('ada', 'guest', 'auditor')
	{
		refused($database, $role, $_, qr/permission denied for schema/)
			for 'CREATE TABLE segment.x ()', 'CREATE TABLE segment_data.x ()';
	}
	refused($database, 'guest', "SELECT * FROM $_", qr/permission denied for table/)
		for 'segment.feed', 'segment.feed_counter', 'segment.consumer';
}

# Dumped by each who may, restored by the database's owner in each way.
sub dumped_and_restored
{
	my ($database, $what, $is_shop) = @_;
	my $dump;

	for my $role ($superuser, $clara, 'auditor')
	{
		my $by = "$dumps/$database.$what." . ($role =~ s/\W//gr);

		quiet("$database: $what is dumped by $role", 'pg_dump', '-f', "$by.sql", connection($database, $role));
		quiet("$database: $what is dumped by $role for pg_restore", 'pg_dump', '-Fc', '-f', "$by.dump", connection($database, $role));
		$dump = without_key(slurp_file("$by.sql")) if !defined $dump;
		is(without_key(slurp_file("$by.sql")), $dump, "$database: $what is the same dump");
	}
	unlike($dump, qr/^(GRANT|REVOKE|ALTER (SCHEMA|TABLE|VIEW) segment(_data)?\b\S* OWNER).*/m,
		"$database: $what says nothing of rights that the extension brings") if !$is_shop;

	my $from = "$dumps/$database.$what." . ($clara =~ s/\W//gr);
	for my $way (
		[ 'psql', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$from.sql" ],
		[ 'pg_restore', 'pg_restore', '-e', "$from.dump" ],
		[ 'jobs', 'pg_restore', '-e', '-j2', "$from.dump" ],
		[ 'no_owner', 'pg_restore', '-e', '--no-owner', "$dumps/$database.$what.auditor.dump" ],
		[ 'no_acl', 'pg_restore', '-e', '--no-owner', '--no-privileges', "$from.dump" ])
	{
		my ($name, @command) = @$way;

		next if !$is_shop && $name =~ /^no_/;
		my $copy = "${database}_${what}_$name";

		new_database($copy);
		quiet("$copy: is restored by its owner", @command, connection($copy, $clara));
		nobody_gained($copy, $clara);
		next if !$is_shop;
		is(Shop::answers($node, $copy), Shop::answers($node, $database), "$copy: answers as before");
		is(Shop::wrong($node, $copy), '', "$copy: nothing is wrong");
		refused($copy, $clara, 'DELETE FROM profile', qr/cannot delete from view "profile"/);
		refused($copy, $clara, $_, qr/cannot \S+ (from |into )?table segment_data\.\S+\s.*HINT: /s)
			for 'UPDATE segment_data.profile SET source_rows = 0', 'TRUNCATE segment_data.profile_toggle',
			'INSERT INTO segment_data.profile_chunk VALUES (1, 0, 0, NULL)', 'DELETE FROM segment_data.profile';
		asked($copy, $clara, Shop::buys(3, 900) . q{
			SELECT segment.create_trait('n', 'count(orders where amount > 100)');
			SELECT segment.create_audience('big', 'n > 0');
			SELECT * FROM segment.tick();
			SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm');});
		is(Shop::wrong($node, $copy), '', "$copy: and it goes on");
		asked($copy, $clara, q{DROP VIEW lapsed_names; SELECT segment.drop_population('profile', cascade => true);
			DROP EXTENSION segment});
		pass("$copy: and all can be dropped");
	}
}

# A population of somebody else's: the usual rules of roles.
sub another_owner
{
	my $database = 'by_herself';

	# what the installer grants by default is not what others want
	asked($database, $clara, q{
		ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO guest;
		ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO guest;
		ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM "Clara M.";
		CREATE SCHEMA hers; GRANT CREATE, USAGE ON SCHEMA hers TO ada;});
	asked($database, 'ada', <<'END');
SET search_path = hers;
CREATE TABLE guests (guest bigint PRIMARY KEY, name text);
INSERT INTO guests VALUES (1, 'Eve'), (2, 'Finn');
SELECT segment.create_population('cards', key => 'guest', timezone => 'UTC');
SELECT segment.attach_source('hers.guests', population => 'cards');
SELECT segment.create_trait('name', 'guests.name', 'cards');
SELECT segment.create_audience('eves', 'name = "Eve"', 'cards');
INSERT INTO guests VALUES (3, 'Eve');
SELECT * FROM segment.tick();
END
	is(Shop::wrong($node, $database), '', 'ada: all is well');
	is($node->safe_psql($database, <<'END'), '', 'ada: nobody else has a right on what is kept for her');
SELECT oid::regclass, relacl FROM pg_class WHERE relnamespace = 'segment_data'::regnamespace
AND pg_get_userbyid(relowner) = 'ada' AND EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner)
UNION ALL SELECT oid::regclass, relacl FROM pg_class WHERE relname ~ '^cards' AND pg_get_userbyid(relowner) <> 'ada'
END
	refused($database, $clara, 'SELECT count(*) FROM segment_data.cards', qr/permission denied/);
	# nor by putting a view of hers in the place of ada's
	refused($database, $clara, q{BEGIN;
		CREATE VIEW mine AS SELECT 1::bigint AS guest;
		ALTER TABLE segment.population DISABLE TRIGGER segment_read_only;
		UPDATE segment.population SET view = 'mine' WHERE population = 'cards';
		SELECT segment.count_where('true', 'cards');}, qr/permission denied for population "cards"/);

	refused_command('clara may not dump what is ada\'s', qr/permission denied for table guests/,
		'pg_dump', '-f', "$dumps/no.sql", connection($database, $clara));
	for my $role ($superuser, 'auditor')
	{
		my $file = "$dumps/ada." . ($role =~ s/\W//gr);

		quiet("$role dumps ada's too", 'pg_dump', '-Fc', '-f', $file, connection($database, $role));
		new_database("ada_as_$role");
		quiet("a superuser restores $role\'s dump, whosever it is", 'pg_restore', '-e', $file, connection("ada_as_$role", $superuser));
		is($node->safe_psql("ada_as_$role", q{SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname ~ '^cards' GROUP BY 1}),
			'ada', 'and it is hers again');
		asked("ada_as_$role", 'ada', q{INSERT INTO hers.guests VALUES (4, 'Eve'); SELECT segment.create_audience('finns', 'name = "Finn"', 'cards', view => false)});
		is(Shop::wrong($node, "ada_as_$role"), '', 'and nothing is wrong');

		new_database("clara_as_$role");
		quiet("clara restores $role\'s dump as hers", 'pg_restore', '-e', '--no-owner', '--no-privileges', $file, connection("clara_as_$role", $clara));
		asked("clara_as_$role", $clara, q{INSERT INTO hers.guests VALUES (4, 'Eve'); SELECT * FROM segment.tick()});
		is(Shop::wrong($node, "clara_as_$role"), '', 'and nothing is wrong');
	}
}

# The database gets another owner, who dumps it from now on.
sub new_owner_of_database
{
	for my $database ('by_herself_fresh_psql', 'by_superuser')
	{
		my $is_shop = $database eq 'by_superuser';

		$node->safe_psql('postgres', qq{ALTER DATABASE $database OWNER TO "new owner"});
		$node->safe_psql('postgres', qq{GRANT "$clara" TO "new owner"}) if $is_shop;
		quiet("$database: is dumped by its new owner", 'pg_dump', '-f', "$dumps/new.sql", connection($database, 'new owner'));
		$node->safe_psql('postgres', qq{REVOKE "$clara" FROM "new owner"}) if $is_shop;
		refused($database, $clara, 'SELECT * FROM segment.feed', qr/permission denied/) if $is_shop;
	}
}

# All that is somebody's becomes another's, and works as before.
sub reassigned
{
	my $database = 'by_herself';

	$node->safe_psql($database, qq{GRANT CREATE ON SCHEMA public TO "new owner", guest});
	$node->safe_psql($database, qq{REASSIGN OWNED BY "$clara" TO "new owner"});
	is(Shop::wrong($node, $database), '', 'reassigned: nothing is wrong');
	nobody_gained($database, 'new owner');
	asked($database, 'new owner', Shop::buys(2, 5) . q{
		SELECT segment.create_trait('n', 'count(orders where amount > 100)', 'profile');
		SELECT segment.create_audience('big', 'n > 0', 'profile');
		SELECT segment.alter_audience('vip', 'total_spend > 400', 'profile');
		SELECT segment.rebuild('profile'); SELECT * FROM segment.tick();});
	asked($database, 'guest', q{SELECT segment.create_population('of_guest'); SELECT segment.drop_population('of_guest')});
	is(Shop::wrong($node, $database), '', 'reassigned: and it goes on');
	is($node->safe_psql($database, q{SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class, segment.membership m
		WHERE population = 'profile' AND pg_class.oid IN (chunks, toggles)}), 'new owner', 'reassigned: members too');
	quiet('reassigned: it is dumped by a superuser', 'pg_dump', '-f', "$dumps/reassigned.sql", connection($database, $superuser));
	asked($database, 'new owner', q{DROP VIEW lapsed_names; SELECT segment.drop_population('profile', cascade => true)});
}

# A role goes with all that it owns, and the population that it made of
# somebody else's table.
sub lost
{
	my $database = 'lost';

	new_database($database);
	asked($database, $clara, <<'END');
CREATE EXTENSION segment;
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint, at timestamptz DEFAULT now());
CREATE INDEX ON orders (customer_id);
INSERT INTO orders (customer_id) VALUES (1), (1), (2);
GRANT SELECT, TRIGGER ON orders TO ada;
CREATE SCHEMA hers; GRANT CREATE, USAGE ON SCHEMA hers TO ada;
SELECT segment.create_population('profile', timezone => 'UTC');
SELECT segment.attach_source('orders', at => 'at');
SELECT segment.create_trait('n', 'count(orders)');
SELECT segment.create_audience('seldom', 'n = 1');
END
	asked($database, 'ada', <<'END');
SET search_path = hers;
SELECT segment.create_population('cards', timezone => 'UTC');
SELECT segment.attach_source('public.orders', at => 'at', population => 'cards');
SELECT segment.create_trait('n', 'count(orders)', 'cards');
SELECT segment.create_audience('often', 'n > 1', 'cards');
END
	asked($database, 'ada', 'BEGIN; DROP OWNED BY ada CASCADE; ROLLBACK');
	is($node->safe_psql($database, 'BEGIN; DROP OWNED BY ada CASCADE; INSERT INTO orders (customer_id) VALUES (3);'
		  . q{ SELECT (SELECT count(*) FROM segment.population), (SELECT count(*) FROM segment.source),
			(SELECT count(*) FROM segment.trait), (SELECT count(*) FROM segment.audience); ROLLBACK}), '1|1|1|1',
		'lost: the population goes with its base table, and its triggers with it');

	# where the event triggers do not fire
	$node->safe_psql($database, 'SET session_replication_role = replica; DROP OWNED BY ada CASCADE');
	is($node->safe_psql($database, q{SELECT population FROM segment.tick()}), 'profile', 'lost: others are folded');
	is($node->safe_psql($database, q{SELECT population FROM segment.stat_source}), 'profile', 'lost: and shown');
	my $says = qr/the base table of population "cards" does not exist any more.*HINT: .*SELECT segment\.drop_population\('cards'\)/s;
	refused($database, $clara, 'INSERT INTO orders (customer_id) VALUES (1)', $says);
	refused($database, $clara, q{SELECT segment.create_trait('x', '1', 'cards')}, $says);
	refused($database, 'ada', q{SELECT segment.drop_population('cards')}, qr/must be owner of extension "segment"/);
	asked($database, $clara, q{SELECT segment.drop_population('cards'); INSERT INTO orders (customer_id) VALUES (1)});
	is($node->safe_psql($database, q{SELECT (SELECT count(*) FROM segment.population), (SELECT count(*) FROM segment.source),
		(SELECT count(*) FROM segment.trait), (SELECT count(*) FROM segment.audience), (SELECT count(*) FROM segment.feed WHERE population = 'cards')}),
		'1|1|1|1|0', 'lost: nothing is left of it');
	is(Shop::wrong($node, $database), '', 'lost: and nothing is wrong');
}

# A schema of our name that is there already is not taken over.
sub planted
{
	for my $schema ('segment', 'segment_data')
	{
		my $database = "planted_$schema";

		new_database($database);
		$node->safe_psql($database, qq{GRANT CREATE ON DATABASE $database TO guest});
		asked($database, 'guest', qq{CREATE SCHEMA $schema; GRANT ALL ON SCHEMA $schema TO PUBLIC;
			CREATE FUNCTION $schema.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'});
		for my $role ($clara, $superuser, 'guest')
		{
			refused($database, $role, 'CREATE EXTENSION segment', qr/schema "$schema" already exists/);
		}
		is($node->safe_psql($database, qq{SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname IN ('segment', 'segment_data')}),
			'guest', "$database: it stays whose it was");
		$node->safe_psql($database, "DROP SCHEMA $schema CASCADE");
		asked($database, $clara, 'CREATE EXTENSION segment');
		nobody_gained($database, $clara);
	}
}

sub new_database
{
	$node->safe_psql('postgres', qq{CREATE DATABASE $_[0] OWNER "$clara"});
}

sub connection
{
	my ($database, $role) = @_;

	return ('-U', $role, '-d', $node->connstr($database));
}

# What a role asks must succeed.
sub asked
{
	my ($database, $role, $sql) = @_;

	return $node->safe_psql($database, $sql, extra_params => [ '-U', $role ]);
}

# What a role asks must be refused.
sub refused
{
	my ($database, $role, $sql, $why) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql, extra_params => [ '-U', $role ], on_error_stop => 1);

	like($err, $why, "$database: $role may not: " . (split(/\n/, $sql))[-1]);
}

# A command that succeeds and has nothing to say.
sub quiet
{
	my ($name, @command) = @_;
	my ($out, $err) = run_command(\@command);

	is("$?$out$err", '0', $name);
}

sub refused_command
{
	my ($name, $why, @command) = @_;
	my ($out, $err) = run_command(\@command);

	ok($? != 0, $name);
	like($err, $why, "$name, and is told");
}

# Newer releases put a key into each dump.
sub without_key
{
	return join("\n", grep { !/^\\(un)?restrict / } split(/\n/, $_[0]));
}
