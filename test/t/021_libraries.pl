# What other extensions bring along is no concern of ours: a library that
# exports the names that ours has inside, or those of a library of bitmaps,
# loaded before it or after it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('libraries');
$node->init;
$node->start;

my $tell = q{SELECT segment.size('spenders'), count(*), segment.is_member('spenders', 7),
	(SELECT in_both FROM segment.overlap('spenders', 'early')) FROM spenders};
my $open = q{CREATE EXTENSION segment;
	CREATE TABLE orders (customer_id bigint, amount numeric, at timestamptz DEFAULT now());
	CREATE INDEX ON orders (customer_id, at);
	SELECT segment.create_population('profile');
	SELECT segment.attach_source('orders', at => 'at');
	SELECT segment.create_trait('spend', 'sum(orders.amount)');
	INSERT INTO orders SELECT id, id % 10 FROM generate_series(1, 1000) AS id;
	SELECT segment.create_audience('spenders', 'spend > 6');
	SELECT segment.create_audience('early', 'customer_id <= 100');
	INSERT INTO orders VALUES (1, 10);
	SELECT folded FROM segment.tick();
	SELECT folded FROM segment.rebuild(), segment.tick();};

# C of a library in which each of these names is a function that nobody may
# call.
sub poison
{
	my (@names) = @_;
	my $source = qq{#include "postgres.h"\n#include "fmgr.h"\nPG_MODULE_MAGIC;\n};

	$source .= qq{PGDLLEXPORT __attribute__((visibility("default"))) void $_(void);\n}
	  . qq{void $_(void) { abort(); }\n} for @names;
	return $source;
}

sub compile
{
	my ($name, $source) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . "/$name";
	# a server that was copied does not know where the headers are
	my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
	my %config = map { $_ => `$pg_config --$_` =~ s/\n//r } qw(cc includedir-server cppflags);

	append_to_file("$path.c", $source);
	my $command = "$config{cc} $config{cppflags} -I'$config{'includedir-server'}'"
	  . " -w -fPIC -shared -o '$path.so' '$path.c'";
	return system("$command >'$path.log' 2>&1") == 0 ? "$path.so" : undef;
}

# what CRoaring exports, as far as anybody would call it for sets of profiles
my @of_library = qw(roaring_init_memory_hook);
push @of_library, map { "roaring_bitmap_$_" }
  qw(create create_with_capacity add add_checked remove remove_checked contains copy
	 free get_cardinality and and_cardinality and_inplace or or_cardinality or_inplace
	 xor xor_inplace andnot andnot_inplace to_uint32_array run_optimize equals
	 portable_size_in_bytes portable_serialize portable_deserialize
	 portable_deserialize_safe portable_deserialize_size flip_inplace from_range);
# what our own files call each other by
my %not_ours = map { $_ => 1 } qw(Pg_magic_func _PG_init);
my @of_ours = grep { !/^segment_/ && !/^pg_finfo_/ && !$not_ours{$_} }
  map { /^\S+ [TDBRC] (\w+)$/ ? $1 : () } `nm -g --defined-only src/*.o src/*/*.o 2>/dev/null`;

SKIP:
{
	my $library = compile('poison', poison(@of_library, @of_ours));

	skip 'there is no compiler, or no header of the server', 4 if !defined $library;
	cmp_ok(scalar(@of_library) + scalar(@of_ours), '>', 30, 'many names are exported twice');
	for my $first ('theirs', 'ours')
	{
		my $load = "LOAD '$library'";

		$node->safe_psql('postgres', 'CREATE DATABASE poisoned');
		my $output = $node->safe_psql('poisoned', $first eq 'theirs' ?
			"$load; $open $tell" :
			"CREATE EXTENSION segment; SELECT segment.now() IS NULL; DROP EXTENSION segment;
			$load; $open $tell");

		like($output, qr/^301\|301\|t\|31$/m, "$first comes first: all is as it was");
		$node->safe_psql('postgres', 'DROP DATABASE poisoned');
	}
	unlike(slurp_file($node->logfile), qr/was terminated by signal/, 'nothing crashed');
}

SKIP:
{
	skip 'this server has no extension "roaringbitmap"', 1
	  if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions
		WHERE name = 'roaringbitmap'}) eq '0';
	my $output = $node->safe_psql('postgres', "CREATE EXTENSION roaringbitmap;
		SELECT rb_cardinality(rb_build('{1,2,3}')); $open $tell;
		SELECT rb_cardinality(rb_build('{1,2,3}') | rb_build('{4}'));
		DROP EXTENSION segment CASCADE; DROP EXTENSION roaringbitmap; DROP TABLE orders");

	like($output, qr/^301\|301\|t\|31\n4$/m, 'beside extension "roaringbitmap"');
}

$node->stop;
done_testing();
