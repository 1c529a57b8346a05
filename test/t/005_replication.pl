# The feed is a table, segment.feed, and can be published as one: a subscriber that has never
# heard of segment keeps a copy, in order, trimmed with the original or kept
# for ever.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $shop = PostgreSQL::Test::Cluster->new('shop');
$shop->init(allows_streaming => 'logical');
$shop->start;
Shop::open_in($shop, 'postgres');
$shop->safe_psql('postgres', <<'END');
CREATE PUBLICATION feed FOR TABLE segment.feed;
CREATE PUBLICATION archive FOR TABLE segment.feed WITH (publish = 'insert');
END

# the copy says in which order its rows came
my $reader = PostgreSQL::Test::Cluster->new('reader');
$reader->init;
$reader->start;
for my $copy ('feed', 'archive')
{
	$reader->safe_psql('postgres', "CREATE DATABASE $copy");
	$reader->safe_psql($copy, <<'END');
CREATE SCHEMA segment;
CREATE TABLE segment.feed (population text, seq bigint, audience text, key text, change text,
    at timestamptz, recorded_at timestamptz, cause text, profiles bigint, members bytea,
    audiences text[], entered boolean[], came bigserial, PRIMARY KEY (population, seq));
END
	$reader->safe_psql($copy, "CREATE SUBSCRIPTION $copy CONNECTION '"
		. $shop->connstr . " dbname=postgres' PUBLICATION $copy");
}
for my $copy ('feed', 'archive')
{
	$reader->wait_for_subscription_sync($shop, $copy, $copy);
	is(rows($reader, $copy), rows($shop, 'postgres'), "$copy: what was told before is copied");
}

# customers buy, and folds tell
$shop->safe_psql('postgres', Shop::buys(4, 900));
$shop->safe_psql('postgres', 'SELECT * FROM segment.tick()');
$shop->safe_psql('postgres', Shop::buys(3, 900) . q{UPDATE customers SET city = 'Odense' WHERE customer_id = 1});
$shop->safe_psql('postgres', 'SELECT * FROM segment.tick(1)');
$shop->safe_psql('postgres', 'SELECT * FROM segment.tick()');
$shop->safe_psql('postgres', q{INSERT INTO customers SELECT k, 'crowd', 'Aarhus' FROM generate_series(101, 1100) AS k});
$shop->safe_psql('postgres', q{BEGIN; SELECT * FROM segment.tick(); ROLLBACK});
$shop->safe_psql('postgres', 'SELECT * FROM segment.tick()');
for my $copy ('feed', 'archive')
{
	$shop->wait_for_catchup($copy);
	is(rows($reader, $copy), rows($shop, 'postgres'), "$copy: has what folds told");
	is($reader->safe_psql($copy, $_), 'f', "$copy: in the order of seq")
		for q{SELECT EXISTS (SELECT FROM (SELECT came, lag(came) OVER (ORDER BY seq) AS before
			FROM segment.feed WHERE seq > 8) AS t WHERE came < before)};
}
is(Shop::wrong($shop, 'postgres'), '', 'all is well in the shop');

# a copy tells what segment tells, by SQL alone
is($reader->safe_psql('feed', q{SELECT population, seq, audience, key, change FROM segment.feed WHERE audience IS NOT NULL AND members IS NULL
		UNION ALL SELECT population, seq - cardinality(audiences) + n, t.audience::name, key, CASE WHEN t.entered THEN 'entered' ELSE 'left' END
		FROM segment.feed, unnest(audiences, entered) WITH ORDINALITY AS t (audience, entered, n) ORDER BY 1, 2}),
	$shop->safe_psql('postgres', q{SELECT population, seq, audience, key, change FROM segment.transition WHERE cause IN ('event', 'time') ORDER BY 1, 2}),
	'a copy tells the same of events and time');
cmp_ok($reader->safe_psql('feed', 'SELECT count(*) FROM segment.feed WHERE audiences IS NOT NULL'), '>', 500, 'some rows are of several audiences');

# what is trimmed
is($shop->safe_psql('postgres', q{SELECT segment.trim_feed('0') > 2000; SELECT count(*) FROM segment.feed}), "t\n0", 'the feed is trimmed');
$shop->safe_psql('postgres', Shop::buys(2, 1));
$shop->safe_psql('postgres', Shop::buys(7, 1000));
$shop->safe_psql('postgres', 'SELECT * FROM segment.tick()');
$shop->wait_for_catchup($_) for 'feed', 'archive';
is(rows($reader, 'feed'), rows($shop, 'postgres'), 'a copy is trimmed with it');
is($reader->safe_psql('archive', 'SELECT sum(n) = max(seq), min(seq - n + 1)
		FROM (SELECT seq, coalesce(profiles, cardinality(audiences), 1) AS n FROM segment.feed) AS f'), 't|1', 'an archive of what is inserted keeps it');
is($reader->safe_psql('archive', 'SELECT max(seq) FROM segment.feed'),
	$shop->safe_psql('postgres', 'SELECT last FROM segment.feed_counter'), 'and goes on');

$reader->stop;
$shop->stop;
done_testing();

sub rows
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, 'SELECT population, seq, audience, key, change, at, recorded_at, cause, profiles, members, audiences, entered
		FROM segment.feed ORDER BY population, seq');
}
