# The cluster is moved by pg_upgrade, here to another of the same release, by
# the same way as to the next one: whatever one asks, the answer is that of
# before, and it goes on from there.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Cwd;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->start;
Shop::open_in($old, 'postgres');
# names that are compared by bytes, whatever the database thinks of letters
$old->safe_psql('postgres', <<'END');
CREATE SCHEMA books;
CREATE COLLATION books.shelf (provider = libc, locale = 'C');
CREATE TABLE loans (customer_id bigint, title text COLLATE books.shelf, author text COLLATE "POSIX", since timestamptz);
CREATE ROLE clerk;
GRANT SELECT, INSERT, DELETE ON loans TO clerk;
CREATE INDEX ON loans (customer_id);
INSERT INTO loans SELECT v.*, now() FROM (VALUES (1, 'Zebra', 'b'), (1, 'apple', 'a'), (2, 'pear', 'C')) AS v;
SELECT segment.attach_source('loans', at => 'since');
END
$old->safe_psql('postgres', <<'END');
SELECT segment.create_trait('first_title', 'min(loans.title)');
SELECT segment.create_trait('titles', 'list(distinct loans.title)');
SELECT segment.create_trait('last_author', 'max(loans.author)');
SELECT segment.create_consumer('crm', from_start => true);
SELECT segment.ack('crm', max(seq)) FROM segment.poll('crm', 3);
END
$old->safe_psql('postgres', Shop::buys(4, 900));
is($old->safe_psql('postgres', 'SELECT first_title, titles, last_author FROM profile WHERE customer_id = 1'),
	'Zebra|{Zebra,apple}|b', 'titles stand in the order of the shelf');
is(Shop::wrong($old, 'postgres'), '', 'all is well');
my $before = Shop::answers($old, 'postgres');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $here = getcwd();
my $bin = $new->config_data('--bindir');
chdir($PostgreSQL::Test::Utils::tmp_check);
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
	'-s', $new->host, '-p', $old->port, '-P', $new->port ], 'it is moved');
chdir($here);

$new->start;
is(Shop::answers($new, 'postgres'), $before, 'it answers as before');
is(Shop::wrong($new, 'postgres'), '', 'and nothing is wrong');
is(Shop::pending($new, 'postgres'), '3', 'what was pending is pending');
# of the shelf, the clerk knows nothing
$new->safe_psql('postgres', Shop::buys(7, 800) . q{SET ROLE clerk; DELETE FROM loans WHERE title = 'Zebra'; INSERT INTO loans VALUES (2, 'Pear', 'D', now())});
is($new->safe_psql('postgres', 'SELECT customer_id, first_title, titles, last_author FROM profile WHERE customer_id < 3'),
	"1|apple|{apple}|a\n2|Pear|{Pear,pear}|D", 'events count');
is(Shop::wrong($new, 'postgres'), '', 'and nothing is wrong');
is($new->safe_psql('postgres', 'SELECT folded, pending FROM segment.tick()'), '5|0', 'they are folded');
is($new->safe_psql('postgres', q{SELECT segment.create_audience('new', 'orders > 0')}), '5', 'there can be a new audience');
is($new->safe_psql('postgres', q{SELECT min(seq) FROM segment.poll('crm')}), '4', 'the consumer goes on');
is(Shop::wrong($new, 'postgres'), '', 'and all is well');

$new->stop;
done_testing();
