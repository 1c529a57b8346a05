# The cluster is moved by pg_upgrade: from the oldest server that is here to the
# next one, and so on to that which is tested, and from there to another of the
# same release.  Whatever one asks, the answer is that of before, and it goes on
# from there.
#
# SEGMENT_OLDER_SERVERS are the directories of the older servers, which have
# segment, too: "/usr/lib/postgresql/15 /usr/lib/postgresql/17".  A server whose
# minor release is too old for what another writes is not moved to from there,
# but from one before: pg_upgrade leaves the old cluster as it was.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my @servers = (split(' ', $ENV{SEGMENT_OLDER_SERVERS} // ''), undef, undef);
my $number = 0;

my $node = cluster(shift @servers);
$node->start;
Shop::open_in($node, 'postgres');
# names that are compared by bytes, whatever the database thinks of letters
$node->safe_psql('postgres', <<'END');
CREATE SCHEMA books;
CREATE COLLATION books.shelf (provider = libc, locale = 'C');
CREATE TABLE loans (customer_id bigint, title text COLLATE books.shelf, author text COLLATE "POSIX", since timestamptz);
CREATE ROLE clerk;
GRANT SELECT, INSERT, DELETE ON loans TO clerk;
CREATE INDEX ON loans (customer_id);
INSERT INTO loans SELECT v.*, now() FROM (VALUES (1, 'Zebra', 'b'), (1, 'apple', 'a'), (2, 'pear', 'C')) AS v;
SELECT segment.attach_source('loans', at => 'since');
END
# the marketing people see who is in an audience, and nothing else
$node->safe_psql('postgres', <<'END');
SELECT segment.create_trait('first_title', 'min(loans.title)');
SELECT segment.create_trait('titles', 'list(distinct loans.title)');
SELECT segment.create_trait('last_author', 'max(loans.author)');
SELECT segment.create_consumer('crm', from_start => true);
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm', 3);
CREATE ROLE marketing;
GRANT SELECT ON vip TO marketing;
CREATE VIEW letters AS SELECT v.*, p.city FROM vip v JOIN profile p USING (customer_id);
END
$node->safe_psql('postgres', Shop::buys(4, 900));
# and a club, in which much is still to come
$node->safe_psql('postgres', <<'END');
CREATE ROLE till;
SELECT segment.create_program('club', expires => 'after 12 months', pending => '14 days', bonus => 10);
SELECT segment.create_tiering('club', 'sum(orders.amount)', period => 'last 12 months', hold => '6 months', returns => 'keep');
SELECT segment.create_tier('club', 'silver', 500), segment.create_tier('club', 'gold', 900);
SELECT segment.create_earning('club', 'orders', 'orders.amount', 'city = "Aarhus" or orders > 0', ref => 'id', cap => 5000, per => 'day');
SELECT segment.create_reward('club', 'mug', 5, stock => 100, expires => 'after 3 months'), segment.create_reward('club', 'stamp', 40, auto => true);
SELECT segment.create_occasion('club', 'best', 'vip', 7, per => 'ever'), segment.create_referral('club', 'local', 3, 2);
SELECT segment.create_audience('silver', 'club.tier = "silver" or club.pending > 300');
GRANT SELECT, INSERT ON segment_data.profile_club_movement TO till;
SELECT segment.join_program('club', 1, 'Ada'), segment.join_program('club', 2, 'Ben'), segment.join_program('club', 3, 'Cleo', referred_by => 'Ada');
SELECT segment.earn('club', 1, 100, pending => 'none', token => 'once', ref => 'review');
SELECT segment.hold('club', 1, 4, '30 days'), segment.hold('club', 1, 4, '90 days');
SELECT segment.redeem_reward('club', 1, 'mug', token => 'a mug');
SELECT segment.leave_program('club', 2);
END
$node->safe_psql('postgres', q{UPDATE customers SET city = 'Aarhus' WHERE customer_id = 3;} . Shop::buys(1, 200) . Shop::buys(3, 30) . 'SELECT * FROM segment.tick()');
$node->safe_psql('postgres', 'UPDATE orders SET amount = 50 WHERE customer_id = 1 AND amount = 200');
is(titles($node, 'customer_id = 1'), 'Zebra|{Zebra,apple}|b', 'titles stand in the order of the shelf');
is(wrong($node), '', 'all is well');

# the clusters that there were, each as it was in the end
my @left = leave($node, 0);
for my $server (@servers)
{
	my ($before, $way) = move_to($server);
	next if !defined $before;

	$node = $before->{to};
	$node->start;
	is(answers($node), $before->{answers}, "$way: it answers as before");
	is(definitions($node), $before->{definitions}, "$way: what is defined, and who may see it, is as before");
	is(wrong($node), '', "$way: nothing is wrong");
	is(Shop::pending($node, 'postgres'), $before->{pending}, "$way: what was pending is pending");

	# a till goes on, and knows what was asked for
	is($node->safe_psql('postgres', qq{SET ROLE till; SELECT segment.earn('club', 1, 100, pending => 'none', token => 'once', ref => 'review'), segment.redeem('club', 1, 1, token => 'on $number') > 10}),
		$node->safe_psql('postgres', q{SELECT movement FROM segment_data.profile_club_movement WHERE token = 'once'}) . '|t', "$way: a token is known, and numbers go on");
	$node->safe_psql('postgres', q{SET ROLE till; SELECT segment.earn('club', 1, 6, pending => 'none')});
	is($node->safe_psql('postgres', q{SET ROLE till; SELECT reward FROM segment.redeem_reward('club', 1, 'mug') AS got, segment.use_voucher('club', got.code)}),
		'mug', "$way: a reward is had, and used");
	$node->safe_psql('postgres', 'UPDATE orders SET amount = amount + 1 WHERE customer_id = 3');

	# somebody new buys much on each server, and Ada a little
	my $customer = 20 + $number;
	$node->safe_psql('postgres', Shop::buys($customer, 800) . Shop::buys(1, 1));
	is($node->safe_psql('postgres', "SELECT segment.is_member('vip', $customer), total_spend FROM profile WHERE customer_id = $customer"),
		't|800', "$way: events count");
	is(wrong($node), '', "$way: and nothing is wrong");
	push @left, leave($node, $before->{moves} + 1);
}
my $moves = $left[-1]{moves};
$node->start;

# of the shelf, the clerk knows nothing
$node->safe_psql('postgres', Shop::buys(7, 800) . q{SET ROLE clerk; DELETE FROM loans WHERE title = 'Zebra'; INSERT INTO loans VALUES (2, 'Pear', 'D', now())});
is(titles($node, 'customer_id < 3'), "apple|{apple}|a\nPear|{Pear,pear}|D", 'titles stand in the order of the shelf');
is(wrong($node), '', 'and nothing is wrong');
is($node->safe_psql('postgres', q{SET ROLE marketing; SELECT count(*) FROM vip}), 4 + $moves, 'marketing sees the audience');
my ($status, $out, $error) = $node->psql('postgres', 'SET ROLE marketing; SELECT * FROM profile');
like($error, qr/permission denied for view profile/, 'and no profiles');
is($node->safe_psql('postgres', 'SELECT pending FROM segment.tick()'), '0', 'they are folded');
is($node->safe_psql('postgres', q{SELECT segment.create_audience('new', 'orders > 0')}), 5 + $moves, 'there can be a new audience');
is($node->safe_psql('postgres', q{SELECT min(seq) FROM segment.poll('crm')}), '4', 'the consumer goes on');
is(Shop::days_later($node, 60, sub {
	$node->safe_psql('postgres', 'SELECT count(*) FROM segment.tick()');
	$node->safe_psql('postgres', q{SET ROLE till; SELECT segment.redeem('club', 1, 20)});
	return wrong($node);
}), '', 'and time passes, and makes points active');

$node->stop;
done_testing();

# A new cluster of the server in this directory, or of the one that is tested.
sub cluster
{
	my ($directory) = @_;
	my $cluster = PostgreSQL::Test::Cluster->new('server' . ++$number,
		defined $directory ? (install_path => $directory) : ());

	# what initdb does by itself depends on the release
	$cluster->init(extra => ['--data-checksums']);
	return $cluster;
}

sub release
{
	my ($cluster) = @_;

	return $cluster->config_data('--version') =~ s/^PostgreSQL (\d+).*/$1/rs;
}

# Stop a cluster, which was moved so many times, and tell what it was like.
sub leave
{
	my ($cluster, $moves) = @_;
	my %state = (cluster => $cluster, moves => $moves, answers => answers($cluster),
		definitions => definitions($cluster), pending => Shop::pending($cluster, 'postgres'));

	$cluster->stop;
	return \%state;
}

# Move the newest cluster that can be moved to the server in this directory.
# Returns what that was like, and the way, as "15 to 17".
sub move_to
{
	my ($server) = @_;
	my $way;

	for my $before (reverse @left)
	{
		my $to = cluster($server);
		my $works = move($before->{cluster}, $to);

		$way = release($before->{cluster}) . ' to ' . release($to);
		if ($works || servers_can($before->{cluster}, $server))
		{
			ok($works, "$way: it is moved") or BAIL_OUT('there is nothing to go on with');
			return ({ %$before, to => $to }, $way);
		}
	  SKIP:
		{
			skip "$way: these minor releases of the server cannot, with segment or without", 1;
		}
	}
	return;
}

# pg_upgrade, the newer server's.  It leaves its logs in the current directory.
sub move
{
	my ($from, $to) = @_;
	my $here = getcwd();
	my $work = "$PostgreSQL::Test::Utils::tmp_check/to_$number";

	mkdir $work or die "$work: $!";
	chdir $work;
	my $works = $to->run_log([ 'pg_upgrade', '--no-sync', '-d', $from->data_dir, '-D', $to->data_dir,
		'-b', $from->config_data('--bindir'), '-B', $to->config_data('--bindir'),
		'-s', $to->host, '-p', $from->port, '-P', $to->port ]);
	chdir $here;
	return $works;
}

# Does pg_upgrade move a cluster that has never heard of segment?
sub servers_can
{
	my ($like, $server) = @_;
	my $plain = cluster($like->install_path);

	$plain->start;
	$plain->safe_psql('postgres', 'CREATE TABLE plain (number integer)');
	$plain->stop;
	return move($plain, cluster($server));
}

# What is not as it should be, the club's ledger included.
sub wrong
{
	my ($cluster) = @_;

	return Shop::wrong($cluster, 'postgres') . $cluster->safe_psql('postgres', q{SELECT * FROM segment.verify_program('club')});
}

# All that one can ask, and when each answer changes by itself.
sub answers
{
	my ($cluster) = @_;

	return Shop::answers($cluster, 'postgres') . "\n" . $cluster->safe_psql('postgres', <<'END');
SELECT customer_id, audience, segment.next_change(audience, customer_id)
FROM profile, segment.audience ORDER BY 1, 2;
SELECT * FROM letters ORDER BY 1;
SELECT customer_id, first_title, titles, last_author FROM profile ORDER BY 1;
SELECT customer_id, segment.card('club', customer_id) FROM profile ORDER BY 1;
SELECT customer_id, s.* FROM profile, segment.statement('club', customer_id) AS s ORDER BY 1, at, kind, movement, points;
SELECT customer_id, s.* FROM profile, segment.tier_steps('club', customer_id) AS s ORDER BY 1, at;
SELECT * FROM segment.liability('club', now() + interval '100 days') ORDER BY 1, 2;
SELECT * FROM segment_data.profile_club_voucher ORDER BY movement;
SELECT * FROM segment_data.profile_club_granted ORDER BY rule, ref
END
}

# Definitions, the views that show them, and rights: all but that to maintain,
# which is new in 17.
sub definitions
{
	my ($cluster) = @_;

	return $cluster->safe_psql('postgres', <<'END');
SELECT population, key, key_type, timezone, view FROM segment.population ORDER BY 1;
SELECT population, trait, definition FROM segment.trait ORDER BY 1, 2;
TABLE segment.program ORDER BY program;
TABLE segment.tiering ORDER BY program;
TABLE segment.tier ORDER BY tier;
TABLE segment.earning ORDER BY rule, version;
TABLE segment.reward ORDER BY reward;
TABLE segment.occasion ORDER BY occasion;
SELECT population, audience, filter, description, stored, view FROM segment.audience ORDER BY 1, 2;
SELECT c.oid::regclass::text COLLATE "C", relkind, relowner::regrole,
    (SELECT string_agg(grantee::regrole || ' ' || privilege_type, ', ' ORDER BY grantee::regrole::text, privilege_type)
    FROM aclexplode(relacl) WHERE privilege_type <> 'MAINTAIN')
FROM pg_class c
WHERE relnamespace IN ('public'::regnamespace, 'segment'::regnamespace, 'segment_data'::regnamespace) AND relkind IN ('r', 'v') ORDER BY 1;
SELECT tgrelid::regclass::text COLLATE "C", tgname, tgfoid::regproc, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT extname, extversion FROM pg_extension ORDER BY 1
END
}

sub titles
{
	my ($cluster, $whose) = @_;

	return $cluster->safe_psql('postgres', "SELECT first_title, titles, last_author FROM profile WHERE $whose ORDER BY customer_id");
}
