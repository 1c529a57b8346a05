# Whoever listens is woken once by each transaction that tells something, and
# by no other.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('notify');
$node->init;
$node->start;
Shop::open_in($node, 'postgres');
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN segment_transition');

happens(Shop::buys(4, 900));
is(heard(), '', 'an event by itself tells nothing');
happens('SELECT * FROM segment.tick()');
is(heard(), 'profile', 'a fold that tells something wakes once');
happens('SELECT * FROM segment.tick()');
is(heard(), '', 'a fold that has nothing to tell does not');
happens(Shop::buys(4, 1) . 'SELECT * FROM segment.tick()');
is(heard(), 'profile', 'a second order makes a regular');
happens(Shop::buys(4, 1));
happens('SELECT * FROM segment.tick()');
is(heard(), '', 'nor one after an event that moved nobody');

happens(q{INSERT INTO customers SELECT k, 'crowd', 'Aarhus' FROM generate_series(1001, 4000) AS k});
happens('SELECT * FROM segment.tick()');
is(heard(), 'profile', 'once for many');
for my $customer (1001, 1002)
{
	happens(Shop::buys($customer, 900));
	happens('SELECT * FROM segment.tick(1)');
}
is(heard(), 'profile profile', 'once for each of two folds');

happens(Shop::buys(1003, 900));
happens('BEGIN; SELECT * FROM segment.tick(); ROLLBACK');
is(heard(), '', 'a fold that is rolled back wakes nobody');
happens('BEGIN; SELECT * FROM segment.tick(); ' . Shop::buys(1004, 900) . ' SELECT * FROM segment.tick(); COMMIT');
is(heard(), 'profile', 'two folds in one transaction wake once');

happens(q{SELECT segment.create_audience('nobody', 'total_spend < 0')});
is(heard(), '', 'an audience that nobody enters wakes nobody');
happens(Shop::buys(1005, 900));
happens(q{SELECT segment.create_audience('rich', 'total_spend > 800')});
is(heard(), 'profile', 'one that somebody enters wakes once, with what was pending');
happens(q{SELECT segment.alter_audience('rich', description => 'well')});
is(heard(), '', 'a description wakes nobody');
happens(q{SELECT segment.alter_audience('rich', 'total_spend > 899')});
is(heard(), '', 'nor does a filter that moves nobody');
happens(q{SELECT segment.drop_audience('rich')});
is(heard(), 'profile', 'one that is dropped wakes');
happens(q{SELECT segment.trim_feed('0')});
is(heard(), '', 'trimming wakes nobody');

# the payload says whose feed it is
happens(<<'END');
CREATE TABLE visits (guest text, at timestamptz);
CREATE INDEX ON visits (guest);
SELECT segment.create_population('Bob''s "Café"', key => 'guest', key_type => 'text', timezone => 'UTC');
SELECT segment.attach_source('visits', at => 'at', population => 'Bob''s "Café"');
SELECT segment.create_trait('visits', 'count(visits)', 'Bob''s "Café"');
SELECT segment.create_audience('often', 'visits >= 2', 'Bob''s "Café"');
INSERT INTO visits VALUES ('Eve', now()), ('Eve', now());
END
happens(Shop::buys(1006, 900));
is(heard(), '', 'nobody is woken yet');
happens('SELECT * FROM segment.tick()');
is(join(' ', sort(split(/ (?=profile)|(?<=profile) /, heard()))), 'Bob\'s "Café" profile', 'one fold of two populations wakes once for each');

$listener->quit;
is(Shop::wrong($node, 'postgres'), '', 'all is well');
$node->stop;
done_testing();

sub happens
{
	$node->safe_psql('postgres', $_[0]);
}

# The payloads that have come since, in order.  The server has sent them when
# the next query of the listener is answered.
sub heard
{
	my $output = $listener->query_safe('SELECT 1');

	return join(' ', $output =~ /^Asynchronous notification "segment_transition" with payload "(.*?)" received/mg);
}
