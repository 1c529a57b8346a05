# Every hint can be followed.  Those that the scripts of sql/ are expected to
# print are looked up in a table here, which says how each is tried; what is
# to be typed is typed as it is printed.  A hint that is not in the table
# fails the test, and so does a line of the table without a hint.
#
# What a hint promises is shown by stories: a statement that fails with it, the
# hint, and the statement that works when it was followed.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

# How a hint is tried:
#
#	filter		what is captured is a filter, or an operand of one
#	window		it is the window of an aggregate
#	value		it is a value in SQL, a name or a string
#	argument	it is an argument of a function, by its name
#	setting		it is a value of a setting
#	sql			it is a statement, or a call of a function
#	advice		it says what to do, but not what to type
my @table = (
	[ filter => qr/^Write(?:, for example)?: (?!SELECT )(.*)$/ ],
	[ filter => qr/^For each value once, write: (.*)$/ ],
	[ filter => qr/^Compare it with a value, or write: (.*)\.$/ ],
	[ filter => qr/^Compare what moves with the clock .* count in days: (.*)\.$/ ],
	[ filter => qr/^A number of days is written with its unit: (.*)\.$/ ],
	[ filter => qr/^Say which one or how many, for example (.*)\.$/ ],
	[ filter => qr/^Write a whole number, such as: (.*)\.$/ ],
	[ filter => qr/^Write a span, such as (.*)\.$/ ],
	[ filter => qr/^Write it in quotes: (.*)\.$/ ],
	[ filter => qr/^Write the time of day, too: (.*)\.$/ ],
	[ filter => qr/^Write a date in quotes, such as (.*)\.$/ ],
	[ filter => qr/^Write now or today without quotes, such as: (.*)\.$/ ],
	[ filter => qr/^For example '(total_spend > 500|sum\(orders.amount\)|orders.amount)'\.$/ ],
	[ filter => qr/^For the same from each row write, for example: (.*)$/ ],
	[ filter => qr/^A string is written in quotes(?:, as in)?: (.*)$/ ],
	[ filter => qr/^A (?:column|trait) is written without these quotes: (.*)$/ ],
	[ filter => qr/^Perhaps you meant (".*")\.$/ ],
	[ window => qr/^Perhaps you meant: (between .* ago)$/ ],
	# an amount, which is no filter
	[ advice => qr/^Perhaps you meant: orders\.amount where gift$/ ],
	[ filter => qr/^Perhaps you meant: (.*)$/ ],

	[ value => qr/^Perhaps you meant ('.*')\.$/ ],
	[ value => qr/^For example ('30 days')\.$/ ],
	[ value => qr/^For example ('\{"orders": "count\(orders\)"\}')\.$/ ],
	[ value => qr/^For example ('\{"vip": "total_spend > 500"\}')\.$/ ],
	[ value => qr/^A filter that holds for everybody is written: (.*)$/ ],
	[ setting => qr/^Write it with its zone, for example "(.*)"\.$/ ],

	[ argument => qr/^Say which one(?: you mean)?, for example (population => '.*')\.$/ ],
	[ argument => qr/^See pg_timezone_names for the names, for example (timezone => '.*')\.$/ ],
	[ argument => qr/^Give a place, for example (timezone => '[^']*')(?:\.$|, or a distance: 'Etc\/GMT-2' is two hours ahead of UTC\.$)/ ],
	[ argument => qr/^For example (lease => '.*')\.$/ ],
	[ argument => qr/^Use (ref => '.*')\.$/ ],
	[ argument => qr/^To attach another table, give it another name with (name => '.*')\.$/ ],
	[ argument => qr/, or make the audience without a view: (view => false)\.$/ ],
	[ argument => qr/^Write ((?:rounding|returns|period|downgrade) => '\w+')(?:, '\w+')* or '[\w ]+'\.$/ ],
	[ argument => qr/^Write(?:, for example,)? ((?:bonus => 0|periods => 12))(?: for none)?\.$/ ],
	[ argument => qr/^For example ((?:until|unit) => '[\w ]+')\.$/ ],
	[ argument => qr/^Give it as (period => '[\w ]+')\.$/ ],
	[ argument => qr/^(?|Write, for example, (hold => '[\w ]+')|For example (threshold => 500))\.$/ ],
	[ argument => qr/^Choose a longer hold or a shorter period; .*: (hold => 'none')$/ ],
	[ argument => qr/^Write (below => '.*'), if it is to be below that one\.$/ ],
	[ argument => qr/^For example ((?:until|unit|amount) => '[\w. ]+')\.$/ ],
	[ argument => qr/^Name a column of whole numbers, texts or uuids with (ref => '\.\.\.')\.$/ ],
	[ advice => qr/^Name a column with a unique index of its own\. In a partitioned table the index may have the partition key, too, if the column is a uuid or numbered by a sequence\.$/ ],
	[ advice => qr/^Give each of them a value of its own, or leave out backfill => true\.$/ ],
	[ argument => qr/^Say why with (note => '\.\.\.')\.$/ ],
	[ argument => qr/^(?:Drop these first, or use|Use) (cascade => true) to drop them too[.;]/ ],

	[ value => qr/^Write, for example, ('[\w ]+')(?:, '[\w ]+')*(?:,? or '\w+')?\.$/ ],
	[ value => qr/^Write, for example, ('this year'), 'last 12 months' or 'so far'\.$/ ],
	[ value => qr/^Write, for example, ('earned'), 'sum\(.*\)' or 'count\(visits\)'\.$/ ],
	[ value => qr/^Write, for example, ('this month'), 'last 30 days' or 'so far'\.$/ ],
	[ argument => qr/^Give a number of \w+, for example (price => 100)\.$/ ],
	[ argument => qr/^Write(?:,|) (?|(stock => -1) if there is no end of it|(most => 0) for any number|for example, (expires => '[\w ]+'))\.$/ ],
	[ sql => qr/^Use (segment.join_program\(.*\))\.$/, sub { "SELECT $_[0]" } ],
	[ sql => qr/^Give the population away, and it goes along: (ALTER VIEW .* OWNER TO .*)$/ ],
	[ sql => qr/^Let the owner of the table own the population, too, .*: (ALTER ROLE .* BYPASSRLS)$/ ],
	[ sql => qr/^Write: (SELECT .*)$/ ],
	[ sql => qr/^(GRANT SELECT ON .*;)$/ ],
	[ sql => qr/^Ask its owner for (GRANT SELECT ON .*)\.$/, sub { "$_[0] TO PUBLIC" } ],
	[ sql => qr/^(CREATE (?:UNIQUE )?INDEX ON .*;)$/ ],
	[ argument => qr/^Write it so: (look_up => '.*')$/ ],
	[ sql => qr/^Make it again: (CREATE INDEX ON .*)$/ ],
	[ sql => qr/^To make it anew, write: (REINDEX INDEX CONCURRENTLY .*)$/ ],
	[ advice => qr/^Give it a default, or let it be NULL\.$/ ],
	[ advice => qr/^Use a trigger: it may see each row that is written\.$/ ],
	[ advice => qr/^To have the same columns, write: CREATE TABLE \.\.\. \(LIKE .*\)$/ ],
	[ advice => qr/^Return the row unchanged, or use an AFTER trigger\.$/ ],
	[ sql => qr/^For a table of events, name its time with at => '\.\.\.'\. Otherwise: (CREATE UNIQUE INDEX ON .*;)$/ ],
	[ sql => qr/^Run (SELECT segment.rebuild\(.*?\))/ ],
	[ sql => qr/^Give it another filter .* undo the change and run (SELECT segment.rebuild\(.*?\);)$/ ],
	[ sql => qr/^Drop these first, and create them again afterwards: (DROP .*;)$/ ],
	[ sql => qr/ with (segment.(?:rebuild|detach_source)\(.*\))\.$/, sub { "SELECT $_[0]" } ],
	[ sql => qr/^To make these triggers anew, and count what was written meanwhile: (SELECT segment\.move_source\(.*\);)$/ ],
	[ sql => qr/^Let it inherit from one of them only: (ALTER TABLE .*;)$/ ],
	[ sql => qr/^Detach it first with (segment.detach_source\(.*\)); cascade => true drops/, sub { "SELECT $_[0]" } ],
	[ sql => qr/^(?:Change the rows of the attached tables|Use segment\..*\)(?:, which add what makes up for it)?)\. To restore data, a superuser may (SET segment.capture = off)\.$/ ],

	[ advice => qr/^segment\.(?:card\(\) tells what can be spent, and when|statement\(\) lists the movements of a customer)\.$/ ],
	[ advice => qr/^(?:Spend|Reverse|Settle) at most \d+(?:, and use segment.redeem\(\) for the rest)?\.$/ ],
	[ advice => qr/^Use segment.(?:adjust\(\), or do again what was reversed|redeem\(\) to spend what the customer has now|redeem\(\) to spend points, and segment.reverse\(\) to take back a movement)\.$/ ],
	[ advice => qr/^Give (?:a token, if the same request may come twice|each request a token of its own, or none|another code, or none: then one is made)\.$/ ],
	[ advice => qr/^Give (?:a later expires, or a shorter pending|a number of points that is not 0, less than 0 to take some away|the number that segment.hold\(\) returned)\.$/ ],
	[ advice => qr/^(?:Leave out expires|Name another receiver|Let the rows of a table of orders earn|Table segment.(?:earning lists the rules|occasion lists the occasions)|Leave out referred_by|Give the code of the member who has brought the customer along, or leave out referred_by|Choose another name, or end the occasion first, with segment.end_occasion\(\)|Give it a filter of which it is known when it changes|To change the code, use segment.leave_program\(\) first)\.$/ ],
	[ advice => qr/^(?:Create (?:it|another program) with segment.create_program|Change it with segment.alter_program|Drop the (?:program with segment.drop_program|population with segment.drop_population))\(\)\.$/ ],
	[ advice => qr/^(?:Create a trait of another name that is made of it|Give it something to qualify by with segment\.alter_tiering\(\), or drop it with segment\.drop_tiering\(\))\.$/ ],
	[ advice => qr/^(?:Write 'day', 'week', 'month', 'quarter', 'year' or 'ever'|Let valid_until be later than valid_from, and than now)\.$/ ],
	[ argument => qr/^For example (cap => 100), per => 'day'\.$/ ],
	[ argument => qr/^Leave out valid_from: the rule is valid from now on; or let those earn that are there, with (backfill => true)\.$/ ],
	[ advice => qr/^(?:Leave out condition, or backfill|Leave out condition: the rule would have granted at most what is computed then|Write 'day', 'week', 'month', 'quarter' or 'year')\.$/ ],
	[ value => qr/^Write, for example, ('[\w ]+')(?:, '[\w -]+')* or '(?:never|[\d-]+ 12:00)'\.$/ ],
	[ value => qr/^Write, for example, ('[\d-]+') or '[\d-]+ 12:00'\.$/ ],
	[ advice => qr/^(?:Create it with segment\.create_reward|Change it with segment\.alter_reward)\(\)\.$/ ],
	[ advice => qr/^Once there are more, use segment\.alter_reward\('.*', '.*', stock => \.\.\.\)\.$/ ],
	[ advice => qr/^segment\.card\(\) lists the vouchers of a customer\.$/ ],
	[ advice => qr/^Use a partitioned table\.$/ ],
	[ advice => qr/^Give a later valid_until\.$/ ],
	[ advice => qr/^segment\.card\(\) tells which tier a customer has\.$/ ],
	[ advice => qr/^(?:Change it with segment\.alter_tier(?:ing)?|Create it with segment\.create_tier)\(\)\.$/ ],
	[ advice => qr/^Drop the tiering with segment\.drop_tiering\(\)(?:, and create another one)?\.$/ ],
	[ advice => qr/^(?:Change tier ".*" first|A tier from 0 on is that of all members|Choose another source than ".*")\.$/ ],
	[ advice => qr/^Use what segment\.pack_members\(\) returns\.$/ ],
	[ advice => qr/^Acknowledge the last seq that segment.poll\(\) returned\.$/ ],
	[ advice => qr/^Ask for an instant before the year \d+\.$/ ],
	[ advice => qr/^Ask for segment.now\(\) or later; the feed tells what has been\.$/ ],
	[ advice => qr/^Ask its owner to attach it, or for GRANT TRIGGER\.$/ ],
	[ advice => qr/^Attach a table with segment.attach_source\(\)\.$/ ],
	[ argument => qr/^A unique index of a partitioned table has its partition key, too: .* ((?:link|look_up) => '.*')\.$/ ],
	[ argument => qr/^Name as many on both sides, for example ((?:link|look_up) => '.*')\.$/ ],
	[ argument => qr/^Name both, for example ((?:link|look_up) => '.*')\.$/ ],
	[ argument => qr/^Name a column of the table, or one of another look-up, as in (look_up => '.*')$/ ],
	[ advice => qr/^Attach its table under another name, without a filter, and go through that\.$/ ],
	[ advice => qr/^Attach the table of the parents to this population first\.$/ ],
	[ advice => qr/^Give both columns of a link the same (?:type|collation)\.$/ ],
	[ advice => qr/^Link by columns of type bigint, .* whose collation is deterministic\.$/ ],
	[ advice => qr/^Name a time of the lines with at => '\.\.\.'\.$/ ],
	[ advice => qr/^Give the look-up(?:, or the source of the parents,)? another name\.$/ ],
	[ advice => qr/^Leave out key\.$/ ],
	[ advice => qr/^Link tables without a circle\.$/ ],
	[ advice => qr/^Name (?:it with link|the source of the parents with through) => '\.\.\.'\.$/ ],
	[ advice => qr/^Attach by a column whose collation is deterministic, / ],
	[ advice => qr/^Attach the table that the rows are written to\.$/ ],
	[ advice => qr/^Attach the table that the view reads, and use where / ],
	[ advice => qr/^Attach the table with its time column as at, or leave out the window\.$/ ],
	[ advice => qr/^Begin with the lowest bound, and give each bound one value\.$/ ],
	[ advice => qr/^Call it in a READ COMMITTED transaction\.$/ ],
	[ advice => qr/^Change it with segment.alter_(?:trait|audience)\(\)\.$/ ],
	[ advice => qr/^Choose another name\.$/ ],
	[ advice => qr/^(?:Make another unique index first, or use|Use) DROP \.\.\. CASCADE to drop the dependent objects too\.$/ ],
	[ advice => qr/^Give the table the columns and unique indexes that the old one has\.$/ ],
	[ advice => qr/^Alter or drop it first\.$/ ],
	[ advice => qr/^Detach the sources that segment\.source shows without a table\.$/ ],
	[ advice => qr/^Run the statement in a READ COMMITTED transaction\.$/ ],
	[ advice => qr/^Choose another name, or drop it with segment.drop_consumer\(\)\.$/ ],
	[ advice => qr/^Choose another name, or set search_path to another schema\.$/ ],
	[ advice => qr/^First alter the traits and audiences that use it\.$/ ],
	[ advice => qr/^In a transaction use segment\.(?:create_traits|create_audience|alter_trait|alter_audience|attach_source|rebuild)\(\)\.$/ ],
	[ advice => qr/^Create one on its key, or use segment\.rebuild\(\)\.$/ ],
	[ advice => qr/^Use segment\.alter_trait\(\), while nobody has to wait for it\.$/ ],
	[ advice => qr/^A description alone is changed by segment\.alter_audience\(\)\.$/ ],
	[ advice => qr/^Create (?:it|one|a consumer of your own) with segment.create_(?:consumer|population)\(\)\.$/ ],
	[ advice => qr/^Compare the whole text, with = or in, or search a column / ],
	[ advice => qr/^Define a trait (?:that counts )?with segment.create_trait\(\)(?: and use its name)?(?:, or an audience with segment.create_audience\(\))?\.$/ ],
	[ advice => qr/^Drop traits (?:and audiences )?that are not needed any more\./ ],
	[ advice => qr/^Drop the trigger and attach the table with segment.attach_source\(\)\.$/ ],
	[ advice => qr/^Enable all triggers .* begin with "segment_".*, or none of them\.$/ ],
	[ advice => qr/^Events that have a value can be counted without it: count\(\.\.\. where \.\.\. is set \.\.\.\)\.$/ ],
	[ advice => qr/^Give a filter, a description or both\.$/ ],
	[ advice => qr/^Give a number from 0 on, or NULL for all\.$/ ],
	[ advice => qr/^Give a positive number, or nothing for all that is due and pending\.$/ ],
	[ advice => qr/^Give it another filter with segment.alter_audience\(\), drop it, or undo the change\.$/ ],
	[ advice => qr/^Give n a value of 1 or more\.$/ ],
	[ advice => qr/^Give the key another name; a source's column may keep its own\.$/ ],
	[ advice => qr/^Give the key of the source a unique index, or attach the source with an event time\.$/ ],
	[ advice => qr/^In a (?:series|tally), write a type of pg_catalog as in pg_type, / ],
	[ advice => qr/^Its rows can vanish without a trigger\. Use an ordinary table\.$/ ],
	[ advice => qr/^Keep an expression of another type, or add a column of another type to the source\.$/ ],
	[ advice => qr/^Make it a STORED generated column(?:, or write its expression into the filter)?\.$/ ],
	[ advice => qr/^Name a column of type .*, or attach the table to another population\.$/ ],
	[ advice => qr/^Nest it less deeply, and do not build traits and audiences on others in a long chain\.$/ ],
	[ advice => qr/^Only jsonb has keys\.$/ ],
	[ advice => qr/^Attach ".*": the rows of all tables below it are its rows\. / ],
	[ advice => qr/^Move its rows into an ordinary table, or keep it apart from / ],
	[ advice => qr/^For a table of events, name its time with at => '\.\.\.'\. Otherwise use a partitioned table\.$/ ],
	[ advice => qr/^Other tables inherit from it, and no index is unique across them\. / ],
	[ advice => qr/^Return the row unchanged, except for columns that you have added, / ],
	[ advice => qr/^Rows that change elsewhere fire no trigger here: copy them / ],
	[ advice => qr/^Set search_path to a schema in which you may create\.$/ ],
	[ advice => qr/^Undo the change of columns, their types, or indexes\.$/ ],
	[ advice => qr/^Times inside jsonb are only text: give them a column of their own\.$/ ],
	# the server's own, where somebody writes to a view
	[ advice => qr/^To enable (?:deleting from|updating) the view, provide an INSTEAD OF / ],
	[ advice => qr/^Alter or drop the traits and audiences that need it, or undo the change of the table\.$/ ],
	[ advice => qr/^Undo the change of table .*, or alter or drop what needs this: / ],
	[ advice => qr/^Use a column of type .*\.$/ ],
	[ advice => qr/^Use bigint, integer, numeric, uuid or text\.$/ ],
	[ advice => qr/^Join with (?:lower\(\.\.\.\) of a column of type citext|a cast of the column to text)\.$/ ],
	[ advice => qr/^Use the audience in another audience, or its filter in the trait\.$/ ],
	[ advice => qr/^Use whole days or a longer unit\.$/ ],
	[ advice => qr/^Whole and numeric values are summed by series_sum, / ],
	[ advice => qr/^Write a shorter key, or NULL: a row without a key belongs to nobody\.$/ ],
	[ advice => qr/^Write \\\\ for a backslash\.$/ ],
	[ advice => qr/^Write all (?:bounds|values) as numbers, or all as strings\.$/ ],
	[ advice => qr/^Write the day without a time\.$/ ],
);

my $node = PostgreSQL::Test::Cluster->new('hints');
$node->init;
$node->start;
Shop::open_in($node, 'postgres');

# every argument that a hint names is one of some function
my %arguments = map { $_ => 1 } split /\n/, answer(q{
	SELECT DISTINCT unnest(proargnames) FROM pg_proc WHERE pronamespace = 'segment'::regnamespace});
my %functions = map { $_ => 1 } split /\n/, answer(q{
	SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'segment'::regnamespace});

my %hints;
for my $file (glob "$FindBin::RealBin/../../expected/*.out")
{
	open my $expected, '<:raw', $file or die "$file: $!\n";
	while (my $line = <$expected>)
	{
		$hints{$1} = 1 if $line =~ /^HINT:  (.*)$/;
	}
}
cmp_ok(scalar(keys %hints), '>', 100, 'there are hints to try');

my %used;
for my $hint (sort keys %hints)
{
	my ($row) = grep { $hint =~ $table[$_][1] } 0 .. $#table;

	if (!defined $row)
	{
		fail("not in the table of $0: $hint");
		next;
	}
	$used{$row} = 1;
	my ($kind, $pattern, $as) = @{ $table[$row] };
	my ($text) = $hint =~ $pattern;
	$text = $as->($text) if defined $as;
	my $problem = try_hint($kind, $text);
	while (!$problem && $hint =~ /segment\.(\w+)\(/g)
	{
		$problem = "there is no function $1" if !$functions{$1};
	}
	is($problem, '', "$kind: $hint");
}
is(join("\n", map { $table[$_][1] } grep { !$used{$_} } 0 .. $#table), '',
	'each line of the table stands for a hint');

# '' if it could be typed as it is
sub try_hint
{
	my ($kind, $text) = @_;

	return '' if $kind eq 'advice';
	if ($kind eq 'filter' || $kind eq 'window')
	{
		my @ways = $kind eq 'window' ? "count(events $text) > 0" :
		  ($text, "($text) is set", "x = $text", "now - $text < now");

		for my $way (@ways)
		{
			return '' if complaint('SELECT ' . literal($way) . '::segment.filter') eq '';
		}
		return "\"$text\" is no part of a filter";
	}
	return complaint("SELECT $text") if $kind eq 'value';
	return complaint("SET segment.now = \"$text\"") if $kind eq 'setting';
	if ($kind eq 'argument')
	{
		my ($name, $value) = $text =~ /^(\w+) => (.*)$/;

		return "no function has an argument \"$name\"" if !$arguments{$name};
		return complaint("SELECT $value");
	}
	# it may fail for what is not there, but not because it was not understood
	my $problem = complaint("BEGIN; $text");
	return $problem =~ /syntax error|does not exist.*No function matches|is not unique/s ? $problem : '';
}

# ---- stories ---------------------------------------------------------------

answer(q{
	CREATE TABLE visits (id int, customer_id bigint, "at" timestamptz, "Odd page" text);
	CREATE TABLE letters (customer_id bigint, city text);
	CREATE ROLE regress_segment_reader;
	GRANT USAGE ON SCHEMA public TO regress_segment_reader;
	SELECT segment.create_consumer('o''brien');
});

# a name in a filter, in a definition, and as an argument
story('a trait', q{SELECT segment.count_where('totl_spend > 500')},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.count_where('$_[0] > 500')" });
answer(q{SELECT segment.create_trait('Odd name', 'customers.name'); SELECT segment.create_trait('in', 'customers.city')});
story('a trait in backquotes', q{SELECT segment.count_where('`Odd nme` = "Ada"')},
	qr/^Perhaps you meant: (.*)$/, sub { qq{SELECT segment.count_where('$_[0] = "Ada"')} });
story('one that is a keyword', q{SELECT segment.count_where('inn = "Aarhus"')},
	qr/^Perhaps you meant: (.*)$/, sub { qq{SELECT segment.count_where('$_[0] = "Aarhus"')} });
story('a source', q{SELECT segment.create_audience('x', 'did order', view => false)},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.create_audience('x', 'did $_[0]', view => false)" });
story('a column of a source', q{SELECT segment.create_trait('y', 'sum(orders.amont)')},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.create_trait('y', 'sum(orders.$_[0])')" });
story('an aggregate', q{SELECT segment.create_trait('z', 'summ(orders.amount)')},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.create_trait('z', '$_[0]')" });
story('another word for one', q{SELECT segment.create_trait('a', 'mean(orders.amount)')},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.create_trait('a', '$_[0]')" });
story('an audience in a filter', q{SELECT segment.count_where('in audience vpi')},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.count_where('in audience $_[0]')" });
story('an audience', q{SELECT segment.size('vpi')},
	qr/^Perhaps you meant (.*)\.$/, sub { "SELECT segment.size($_[0])" });
story('a population', q{SELECT segment.sizes('profil')},
	qr/^Perhaps you meant (.*)\.$/, sub { "SELECT segment.sizes($_[0])" });
story('a consumer', q{SELECT segment.poll('o''brian')},
	qr/^Perhaps you meant (.*)\.$/, sub { "SELECT segment.poll($_[0])" });
story('what has dependencies', q{SELECT segment.dependencies('total_spent')},
	qr/^Perhaps you meant (.*)\.$/, sub { "SELECT segment.dependencies($_[0])" });

# quotes
story('a name in double quotes', q{SELECT segment.count_where('"total_spend" > 500')},
	qr/^Write: (.*)$/, sub { "SELECT segment.count_where('$_[0]')" });
story('a trait in double quotes', q{SELECT segment.create_trait('b', '"total_spend"')},
	qr/^Write: (.*)$/, sub { "SELECT segment.create_trait('b', '$_[0]')" });
story('one on the other side', q{SELECT segment.count_where('orders > "orders_30d"')},
	qr/^A trait is written without these quotes: (.*)$/, sub { "SELECT segment.count_where('orders > $_[0]')" });
story('a number beside text', q{SELECT segment.count_where('city = 8000')},
	qr/^Write it in quotes: (.*)\.$/, sub { "SELECT segment.count_where('city = $_[0]')" });
story('text where a condition should be', q{SELECT segment.count_where('city')},
	qr/, or write: (.*)\.$/, sub { "SELECT segment.count_where('$_[0]')" });
story('another way to say it', q{SELECT segment.count_where('last_order_at in the last 30 days')},
	qr/^Write: (.*)$/, sub { "SELECT segment.count_where('$_[0]')" });
story('null', q{SELECT segment.count_where('city is null')},
	qr/^Write: (.*)$/, sub { "SELECT segment.count_where('$_[0]')" });
story('spans the wrong way round', q{SELECT segment.create_trait('c', 'count(orders between 30 days and 60 days ago)')},
	qr/^Perhaps you meant: (.*)$/, sub { "SELECT segment.create_trait('c', 'count(orders $_[0])')" });
story('a list of everything', q{SELECT segment.create_trait('d', 'list(orders.product)')},
	qr/, write: (.*)$/, sub { "SELECT segment.create_trait('d', '$_[0]')" });
story('distinct where it means nothing', q{SELECT segment.create_trait('e', 'max(distinct orders.amount)')},
	qr/^Write: (.*)$/, sub { "SELECT segment.create_trait('e', '$_[0]')" });
story('one of many events', q{SELECT segment.create_trait('f', 'orders.product')},
	qr/, for example (.*)\.$/, sub { "SELECT segment.create_trait('f', '$_[0]')" });
story('a rule tree as text', q{SELECT '{"field": "city"}'::segment.filter},
	qr/^A rule tree is cast from jsonb: (.*)$/, sub { "SELECT $_[0]" });

# rule trees
story('a rule tree of another kind', q{SELECT segment.count_where('{"$and": [{"city": "Aarhus"}]}'::jsonb)},
	qr/^Rules are written: (.*)$/, sub { "SELECT segment.count_where($_[0])" });
story('an empty rule tree', q{SELECT segment.count_where('{"combinator": "and", "rules": []}'::jsonb)},
	qr/^A filter that holds for everybody is written: (.*)$/, sub { "SELECT segment.count_where($_[0])" });
story('a key that is unknown', q{SELECT segment.count_where('{"did": "orders", "atleast": 3}'::jsonb)},
	qr/^Perhaps you meant (".*")\.$/, sub { "SELECT segment.create_audience('i', '{\"did\": \"orders\", $_[0]: 3}'::jsonb, view => false)" });

# statements
story('members', q{SELECT * FROM segment.members('vip') AS m(who text)},
	qr/^Write: (.*)$/, sub { $_[0] });
story('several rows of a customer', q{SELECT segment.attach_source('letters')},
	qr/Otherwise: (.*)$/, sub { "$_[0] SELECT segment.attach_source('letters')" });
story('no index', q{SELECT segment.attach_source('visits', at => 'at')},
	qr/^(CREATE INDEX .*)$/,
	sub { "$_[0] SELECT segment.detach_source('visits'); SELECT segment.attach_source('visits', at => 'at')" });
story('a table twice', q{SELECT segment.attach_source('visits', at => 'at')},
	qr/ with (name => '.*')\.$/, sub { "SELECT segment.attach_source('visits', at => 'at', $_[0])" });
story('what is in use', q{SELECT segment.drop_trait('total_spend')},
	qr/ use (cascade => true) /, sub { "BEGIN; SELECT segment.drop_trait('total_spend', $_[0]); ROLLBACK" });
answer(q{CREATE SCHEMA "Our views"; CREATE VIEW "Our views"."by city" AS SELECT city FROM profile; SELECT segment.create_trait('town', 'city'); SELECT segment.create_audience('of town', 'town = "Aarhus"')});
answer(q{CREATE VIEW "Our views".towns AS SELECT town FROM profile});
story('a view of the user in the way', q{SELECT segment.drop_trait('town', cascade => true)},
	qr/^Drop these first, and create them again afterwards: (.*)$/,
	sub { "BEGIN; SET client_min_messages = error; $_[0] SELECT segment.drop_trait('town', cascade => true); ROLLBACK" });
story('no right to read', q{SET ROLE regress_segment_reader; SELECT segment.size('vip')},
	qr/^Ask its owner for (.*)\.$/,
	sub { "$_[0] TO regress_segment_reader; SET ROLE regress_segment_reader; SELECT segment.size('vip')" });
answer(q{CREATE TABLE taken (x int)});
story('a name that is taken', q{SELECT segment.create_audience('taken', 'orders > 1')},
	qr/without a view: (.*)\.$/, sub { "SELECT segment.create_audience('taken', 'orders > 1', $_[0])" });
story('a lease', q{SELECT segment.poll('o''brien', lease => '-1 second')},
	qr/^For example (.*)\.$/, sub { "SELECT segment.poll('o''brien', $_[0])" });
story('a zone', q{SELECT segment.create_population('other', timezone => 'Copenhagen')},
	qr/, for example (timezone => .*)\.$/, sub { "BEGIN; SELECT segment.create_population('other', $_[0]); ROLLBACK" });
story('a table of the extension', q{DELETE FROM segment_data.profile},
	qr/ (SET segment.capture = off)\.$/, sub { "BEGIN; $_[0]; DELETE FROM segment_data.profile; ROLLBACK" });
story('a snapshot that is too old',
	q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT segment.rebuild(); COMMIT},
	qr/ a (READ COMMITTED) transaction\.$/, sub { "BEGIN ISOLATION LEVEL $_[0]; SELECT segment.rebuild(); COMMIT" });
answer(q{
	CREATE TABLE guests (customer_id bigint PRIMARY KEY);
	SELECT segment.create_population('o''neill', 'customer_id');
	SELECT segment.attach_source('guests', population => 'o''neill');
	SET session_replication_role = replica;
	DROP TABLE segment_data."o'neill" CASCADE});
story('what is left of a population', q{INSERT INTO guests VALUES (1)},
	qr/: (SELECT segment.drop_population\(.*\))\.$/, sub { "$_[0]; INSERT INTO guests VALUES (1)" });
story('a distance', q{SELECT segment.create_population('other', timezone => '+02:00')},
	qr/, or a distance: ('.*') is two hours ahead of UTC\.$/,
	sub { "BEGIN; SELECT segment.create_population('other', timezone => $_[0]); ROLLBACK" });
story('an abbreviation', q{SELECT segment.create_population('other', timezone => 'CET')},
	qr/, for example (timezone => .*)\.$/, sub { "BEGIN; SELECT segment.create_population('other', $_[0]); ROLLBACK" });
answer(q{SELECT segment.create_population('o''hara')});
story('which population', q{SELECT segment.sizes()},
	qr/^Say which one, for example (.*)\.$/, sub { "SELECT segment.sizes($_[0])" });

done_testing();

# story NAME, STATEMENT, PATTERN, FOLLOW: the statement fails, or succeeds with
# a NOTICE, with a hint that the pattern matches; what FOLLOW makes of what it
# captures works, without a hint.
sub story
{
	my ($name, $statement, $pattern, $follow) = @_;
	my ($stdout, $stderr);

	$node->psql('postgres', $statement, stdout => \$stdout, stderr => \$stderr);
	my ($hint) = $stderr =~ /HINT:  (.*)/;
	like($hint // $stderr, $pattern, "$name: the hint");
	my ($text) = ($hint // '') =~ $pattern;
	return if !defined $text;

	is(complaint($follow->($text)), '', "$name: it can be followed");
}

# What psql writes to stderr, '' if all is well; it was asked to cascade.
sub complaint
{
	my ($sql) = @_;
	my $stderr;

	$node->psql('postgres', $sql, stdout => \my $stdout, stderr => \$stderr,
		extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);
	$stderr =~ s/^.*NOTICE:  drop cascades .*\n?//mg;
	return $stderr;
}

sub answer
{
	return $node->safe_psql('postgres', $_[0]);
}

sub literal
{
	my ($text) = @_;

	return 'E\'' . $text =~ s/([\\'])/$1$1/gr . "'";
}
