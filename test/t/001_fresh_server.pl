# A server as it comes from initdb: what does segment ask of it?  Nothing: no
# preloading, no restart, no superuser.  It is there after a crash, and when it is
# dropped nothing of it stays.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('fresh');
$node->init;
$node->start;

my $objects = q{
	SELECT (SELECT count(*) FROM pg_namespace WHERE nspname IN ('segment', 'segment_data'))
		+ (SELECT count(*) FROM pg_proc WHERE probin LIKE '%segment')
		+ (SELECT count(*) FROM pg_operator WHERE oprname = '@@' AND oprleft = 'record'::regtype)};

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

# whoever may create in a database may install it, and no other
$node->safe_psql('postgres', q{CREATE ROLE clerk LOGIN;
	CREATE ROLE guest LOGIN;
	CREATE DATABASE branch OWNER clerk});
my ($status, $out, $err) = $node->psql('branch', 'CREATE EXTENSION segment',
	extra_params => [ '-U', 'guest' ]);
isnt($status, 0, 'a guest of a database may not install it');
like($err, qr/permission denied to create extension "segment"/, 'and is told so');
($status, $out, $err) = $node->psql('branch', 'CREATE EXTENSION segment; SELECT segment.now() = now()',
	extra_params => [ '-U', 'clerk' ]);
is("$status$out$err", '0t', 'the owner of a database may');

$node->safe_psql('postgres', 'DROP EXTENSION segment');
is($node->safe_psql('postgres', $objects), '0', 'nothing stays when it is dropped');
$node->safe_psql('postgres', 'CREATE EXTENSION segment');
is($node->safe_psql('postgres', 'SELECT segment.now() = now()'),
	't', 'and it can come back');

$node->stop;
done_testing();
