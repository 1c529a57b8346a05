# A database of one byte a letter, whose locale knows capital letters beyond
# ASCII: the server folds the names of columns there, and so do filters.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# the locale is made for this test, where the system has what it takes
my $locales = PostgreSQL::Test::Utils::tempdir();
plan skip_all => 'this system cannot make the locale da_DK'
  if system("localedef -i da_DK -f ISO-8859-1 '$locales/da_DK.iso88591' >/dev/null 2>&1") != 0;
$ENV{LOCPATH} = $locales;

my $node = PostgreSQL::Test::Cluster->new('letters');
$node->init(extra => [ '--locale=da_DK.iso88591', '--encoding=LATIN1', '--lc-messages=C' ]);
$node->start;

sub answer
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', "SET client_encoding = 'UTF8'; $sql");
}

answer(q{
	CREATE EXTENSION segment;
	CREATE TABLE KØB (nr int, BELØB int, "Ærø" int, vare text);
	INSERT INTO køb VALUES (1, 5, 2, 'ØL'), (2, 7, 3, 'te');
});
is(answer('SELECT nr FROM køb WHERE beløb > 6'), '2', 'the server folds letters of this locale');
is(answer(q{SELECT nr FROM køb k WHERE k @@ 'BELØB > 6'}), '2', 'and so does a filter');
is(answer(q{SELECT nr FROM køb k WHERE k @@ '`Ærø` > 2'}), '2', 'but for a name in backquotes');
is(answer(q{SELECT 'BELØB > 6 and `Ærø` = `ærø`'::segment.filter}), 'beløb > 6 and `Ærø` = ærø',
	'the canonical text quotes what would be folded');
is(answer(q{SELECT count(*) FROM køb k WHERE k @@ 'lower(vare) = "øl" and vare ilike "øl"'}), '1',
	'letters are those of the locale');

done_testing();
