# The setting segment.now, wherever it comes from: the session, the client's
# options, a role, a database, a function, the configuration file.  It is read
# when a server or a session starts, when the configuration is loaded again,
# also in a failed transaction, and by parallel workers, which restore settings
# before they know time zones or abbreviations.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %instants = (
	'2027-01-05T12:00:00Z' => '2027-01-05 12:00:00',
	'2027-01-05 12:00:00 UTC' => '2027-01-05 12:00:00',
	'2027-01-05 12:00 EST' => '2027-01-05 17:00:00',
	'2027-07-05 12:00 Europe/Copenhagen' => '2027-07-05 10:00:00');

my $node = PostgreSQL::Test::Cluster->new('clock');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION segment;
	CREATE TABLE ticks AS SELECT FROM generate_series(1, 1000);
	CREATE ROLE clerk LOGIN SUPERUSER;
});
my $parallel = $node->safe_psql('postgres', q{SELECT name FROM pg_settings
	WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});

my $seen = q{SELECT DISTINCT (segment.now() AT TIME ZONE 'UTC')::text FROM ticks};
my $seen_by_both = "SET $parallel = on; $seen; SET $parallel = off; $seen";

# A session sees the instant, itself and in its parallel workers.
sub sees
{
	my ($instant, $name, %session) = @_;
	my ($before, $user) = ($session{before} // q{}, $session{user});
	my $output;

	local $ENV{PGOPTIONS} = $session{options} // q{};
	$node->psql('postgres', "$before; $seen_by_both;", stdout => \$output,
		extra_params => [ defined $user ? ('-U', $user) : () ]);
	is($output, "$instant\n$instant", $name);
	return;
}

for my $spoken (sort keys %instants)
{
	my $instant = $instants{$spoken};
	my $escaped = $spoken =~ s/ /\\ /gr;
	my $elsewhere = q{SET timezone = 'Asia/Tokyo'};

	sees($instant, "$spoken: set by a session",
		before => "SET segment.now = '$spoken'");
	sees($instant, "$spoken: set in another zone",
		before => "$elsewhere; SET segment.now = '$spoken'");
	sees($instant, "$spoken: an option of the client",
		options => "-c segment.now=$escaped");

	$node->safe_psql('postgres', "ALTER DATABASE postgres SET segment.now = '$spoken'");
	sees($instant, "$spoken: of the database");
	sees($instant, "$spoken: of the database, seen in another zone", before => $elsewhere);
	$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET segment.now');

	$node->safe_psql('postgres', "ALTER ROLE clerk SET segment.now = '$spoken'");
	sees($instant, "$spoken: of the role", user => 'clerk');
	$node->safe_psql('postgres', 'ALTER ROLE clerk RESET segment.now');

	$node->safe_psql('postgres', qq{
		CREATE FUNCTION frozen_now() RETURNS text LANGUAGE sql
			SET segment.now = '$spoken' AS \$\$ $seen \$\$});
	is($node->safe_psql('postgres', "SET $parallel = on; SELECT frozen_now()"), $instant,
		"$spoken: of a function");
	$node->safe_psql('postgres', 'DROP FUNCTION frozen_now()');

	# loaded while a transaction has failed: it counts for the next
	my $output;
	$node->append_conf('postgresql.conf', "segment.now = '$spoken'");
	$node->psql('postgres', "SELECT pg_backend_pid() AS pid, segment.now() \\gset
		\\setenv PID :pid
		BEGIN;
		SELECT 1 / 0;
		\\! kill -HUP \$PID
		SELECT 'the transaction has failed';
		ROLLBACK;
		$seen_by_both;", on_error_stop => 0, stdout => \$output);
	is($output, "$instant\n$instant", "$spoken: loaded in a failed transaction");

	$node->restart;
	sees($instant, "$spoken: of the configuration");
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'segment'");
	$node->restart;
	sees($instant, "$spoken: of the configuration, where the library is preloaded");
	$node->append_conf('postgresql.conf', "segment.now = ''\nshared_preload_libraries = ''");
	$node->restart;
}

# what cannot be read is told, and the server starts all the same
$node->append_conf('postgresql.conf', "segment.now = '2027-01-05 12:00'");
$node->restart;
like($node->safe_psql('postgres', 'SELECT segment.now() = now()'), qr/t/,
	'a clock without a zone does not stand still');
$node->append_conf('postgresql.conf', "segment.now = ''");

unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC|TRAP/, 'nothing crashed');
$node->stop;
done_testing();
