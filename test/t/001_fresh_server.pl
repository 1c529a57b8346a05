# A server as it comes from initdb: what does segment ask of it?  Nothing: no
# preloading, no restart.  It is there after a crash, it is not for everybody
# to install, and when it is dropped nothing of it stays.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('fresh');
$node->init;
$node->start;

my $objects = q{
	SELECT count(*) FROM pg_depend d JOIN pg_namespace n
	ON refclassid = 'pg_namespace'::regclass AND refobjid = n.oid
	WHERE nspname IN ('segment', 'segment_data')};

is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'),
	'', 'nothing is preloaded');
$node->safe_psql('postgres', 'CREATE EXTENSION segment');
is($node->safe_psql('postgres', 'SELECT segment.now() = now()'),
	't', 'it answers in the session that created it');
is($node->safe_psql('postgres', 'SELECT count(*) FROM segment.stat_worker'),
	'0', 'nobody works in the background');

$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT segment.now() = now()'),
	't', 'it answers after a crash');

$node->safe_psql('postgres', q{CREATE ROLE clerk LOGIN;
	CREATE DATABASE branch OWNER clerk});
my ($status, $out, $err) = $node->psql('branch', 'CREATE EXTENSION segment',
	extra_params => [ '-U', 'clerk' ]);
isnt($status, 0, 'the owner of a database may not install it');
like($err, qr/permission denied to create extension "segment"/, 'and is told so');

$node->safe_psql('postgres', 'DROP EXTENSION segment');
is($node->safe_psql('postgres', $objects), '0', 'nothing stays when it is dropped');
$node->safe_psql('postgres', 'CREATE EXTENSION segment');
is($node->safe_psql('postgres', 'SELECT segment.now() = now()'),
	't', 'and it can come back');

$node->stop;
done_testing();
