# Whatever defines, checks or computes again can be cancelled, and a time limit
# holds: within a second, in whichever phase it is.
#
# The work is injected by values: the notes of the rows are so long that one
# look at one of them takes milliseconds, in which nobody can interrupt.  So what
# goes on from row to row, or from profile to profile, without asking whether
# it was cancelled, is late by many of these.  Each statement is cancelled at
# several times.  A machine that has other things to do may be late by itself,
# so a late end is tried again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# milliseconds, and seconds
my @limits = (30, 400);
my ($late, $attempts) = (1, 4);

my $node = PostgreSQL::Test::Cluster->new('cancel');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "max_parallel_workers_per_gather = 0");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION segment;
	CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text, at timestamptz);
	CREATE INDEX ON orders (customer_id, at);
	INSERT INTO orders SELECT i, i, repeat('Ab', 1000000), now() - interval '1 day' * (i % 100) FROM generate_series(1, 300) AS i;
	CREATE TABLE letters (LIKE orders);
	CREATE INDEX ON letters (customer_id, at);
	INSERT INTO letters SELECT id, id + 100, note, at FROM orders;
	ANALYZE;
	SELECT segment.create_population('profile', key_type => 'int');
	SELECT segment.attach_source('orders', at => 'at');
	SELECT segment.create_traits('{"note": "last(orders.note)", "last_at": "max(orders.at)"}');
});

my $slow = q{lower(note) contains "abc"};
my %read = (
	attach_source => [ 'SELECT', q{'letters', at => 'at', filter => 'lower(note) contains "b"'} ],
	attach_source_concurrently => [ 'CALL', q{'letters', at => 'at', filter => 'lower(note) contains "b"'} ],
	create_traits => [ 'SELECT', q{'{"n": "count(orders where lower(note) contains \"b\")"}'} ],
	create_traits_concurrently => [ 'CALL', q{'{"n": "count(orders where lower(note) contains \"b\")"}'} ],
	create_audience => [ 'SELECT', qq{'slow', '$slow'} ],
	create_audience_concurrently => [ 'CALL', qq{'slow', 'last_at more than 10 days ago and not $slow'} ]);
my %read_again = (
	alter_trait => [ 'SELECT', q{'last_at', 'max(orders.at where lower(note) contains "b")'} ],
	alter_trait_concurrently => [ 'CALL', q{'last_at', 'max(orders.at where lower(note) contains "b")'} ],
	alter_audience => [ 'SELECT', qq{'slow', 'not ($slow)'} ],
	alter_audience_concurrently => [ 'CALL', qq{'slow', 'last_at more than 10 days ago and not $slow'} ],
	rebuild => [ 'SELECT', q{} ],
	rebuild_concurrently => [ 'CALL', q{} ],
	verify => [ 'SELECT count(*) FROM', q{} ]);

# run() gives a statement a time limit: how many seconds it was late, and what
# it said.
sub run
{
	my ($statement, $limit) = @_;
	my ($output, $error);
	my $begun = time();
	$node->psql('postgres', "SET statement_timeout = $limit; $statement",
		stdout => \$output, stderr => \$error);
	return (time() - $begun - $limit / 1000, $error);
}

sub ends_in_time
{
	my ($function, $how) = @_;
	my $statement = "$how->[0] segment.$function($how->[1])";

	for my $limit (@limits)
	{
		my ($after, $error);
		for (1 .. $attempts)
		{
			($after, $error) = run($statement, $limit);
			$node->safe_psql('postgres', 'SELECT segment.abandon_build()');
			last if $after < $late;
		}
		like($error, qr/canceling statement due to statement timeout/,
			"$function: cancelled after $limit ms");
		cmp_ok($after, '<', $late, "... and ends in time");
	}
	return;
}

ends_in_time($_, $read{$_}) for sort keys %read;
$node->safe_psql('postgres', qq{
	SELECT segment.create_audience('slow', '$slow');
	SELECT segment.create_trait('n', 'count(orders where lower(note) contains "b")');
});
ends_in_time($_, $read_again{$_}) for sort keys %read_again;

is($node->safe_psql('postgres', q{SELECT count(*) FROM segment.verify()}), '0',
	'nothing of it is left');

done_testing();
