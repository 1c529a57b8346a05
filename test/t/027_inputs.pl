# Whatever a function is given, it answers, or says in its own words what is
# wrong with it: it does not crash, and says nothing of the server's insides.
#
# Functions and their arguments are taken from the catalog, so a new one is
# called, too.  What an argument is given in an ordinary call follows from its
# name, else from its type; each argument in turn is given what nobody would.
# What one call has done is undone before the next.  Where nothing can be
# written, in a transaction that only reads and on a standby, each argument is
# given what is ordinary, and NULL.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

# What an argument of that name is given in an ordinary call, of all functions
# or of one.
my %ordinary = (
	'create_reward.reward' => q{'cup'}, 'create_occasion.occasion' => q{'visit'}, 'create_tier.tier' => q{'silver'},
	'create_earning.rule' => q{'other'}, 'create_tiering.program' => q{'plain'}, 'join_program.key' => q{2},
	'use_voucher.code' => q{'V-1'}, 'cancel_voucher.code' => q{'V-1'}, 'settle.movement' => q{2}, 'release.movement' => q{2},
	'attach_source.source' => q{'visits'}, 'attach_source.at' => q{'at'}, 'alter_trait.name' => q{'city'},
	'rename_trait.name' => q{'city'}, 'drop_trait.name' => q{'per_order'}, 'alter_audience.name' => q{'vip'},
	'rename_audience.name' => q{'vip'}, 'drop_audience.name' => q{'lapsed'}, 'drop_consumer.name' => q{'mailer'},
	'alter_program.name' => q{'club'}, 'drop_program.name' => q{'plain'}, 'drop_population.name' => q{'profile'},
	'rename_source.name' => q{'orders'}, 'create_earning.ref' => q{'id'},

	population => q{'profile'}, program => q{'club'}, audience => q{'vip'},
	source => q{'orders'}, trait => q{'city'}, consumer => q{'mailer'},
	reward => q{'mug'}, tier => q{'gold'}, rule => q{'bonus'},
	occasion => q{'birthday'}, key => q{1}, receiver => q{3}, filter => q{'total_spend > 1'},
	definition => q{'count(orders)'}, amount => q{'orders.amount'}, code => q{'A-1'},
	movement => q{1}, points => q{1}, zone => q{'Europe/Copenhagen'}, timezone => q{'Europe/Copenhagen'},
	during => q{'in last 30 days'}, traits => q{'{"n": "count(orders)"}'}, filters => q{'{"n": "count(orders) > 1"}'},
);

# What those of a type are given, first in an ordinary call.
my @names = ('new', '', ' ', 'no such', 'x"y', q{o'hare}, 'a.b', 'x' x 255, "\x{c3}\x{86}r\x{c3}\x{b8}", "a\nb", 'NaN', '-1',
	'infinity', '%s%n', '$1', ';', '1 day', '-1 day', '178000000 years', 'in last 30 days', '294276-12-31', '4714-11-24 BC');
my @numbers = (1, 0, -1);
my @times = ('2026-05-01', 'infinity', '-infinity', '294276-12-31 23:59:59', '4713-01-01 BC', '0001-01-01');
my @trees = ('{"n": "true"}', '{}', '[]', 'null', '1', '"x"', '{"": ""}', '{"a": null}', '{"a": {"b": []}}', '{"a": "b", "a": "b"}',
	'[[[]]]', '{"combinator": "and", "rules": [{}]}');
my %given = (
	name => \@names,
	text => \@names,
	bpchar => \@names,
	varchar => \@names,
	cstring => \@names,
	bigint => [ @numbers, '9223372036854775807', '-9223372036854775808', '4294967296' ],
	integer => [ @numbers, '2147483647', '-2147483648' ],
	smallint => [ @numbers, '32767', '-32768' ],
	oid => [ '1259', '0', '4294967295' ],
	numeric => [ @numbers, 'NaN', 'Infinity', '-Infinity', '1e1000', '-1e-1000' ],
	'double precision' => [ @numbers, 'NaN', 'Infinity', '-Infinity', '1e308', '-1e-307' ],
	boolean => [ 'true', 'false' ],
	'timestamp with time zone' => \@times,
	'timestamp without time zone' => \@times,
	date => [ @times, '5874897-12-31' ],
	interval => [ '1 day', '0', '-1 day', '178000000 years', '-178000000 years', '2147483647 days', '2540400000 hours' ],
	'name[]' => [ '{vip,local}', '{}', '{NULL}', '{{vip,local},{local,vip}}', '[5:6]={vip,local}', '{"",vip}', '{vip,vip}' ],
	'text[]' => [ '{vip,local}', '{}', '{NULL}', '{{vip,local},{local,vip}}', '[5:6]={vip,local}', '{""}' ],
	regclass => [ 'orders', '0', '4294967295', 'pg_class', 'orders_pkey', 'profile', 'segment.population', 'segment_data.profile', 'theirs', 'strange' ],
	regtype => [ 'bigint', '0', '4294967295', 'record', 'anyelement', 'cstring' ],
	'segment.filter' => [ 'total_spend > 1', 'true', 'no_such > 1', 'in audience no_such', 'count(no_such) > 1', 'total_spend > "x"' ],
	'segment.series' => [ '{"2026-05-01 00:00:00+00": 1}', '{}' ],
	'segment.tally' => [ '{}' ],
	json => \@trees,
	jsonb => \@trees,
	uuid => [ '00000000-0000-0000-0000-000000000001', 'ffffffff-ffff-ffff-ffff-ffffffffffff' ],
	bytea => [ '', '\\\\x00', '\\\\xffffffffffffffffff', '\\\\x01000000000000' ],
	anyelement => [ '1', '' ],
	'bigint[]' => [ '{1}', '{}', '{NULL}', '{{1},{2}}', '{0,-1,9223372036854775807}', '{2,1,1}' ],
	'bytea[]' => [ '{}', '{NULL}', '{""}' ],
	anyarray => [ '{1}', '{}', '{{1},{2}}', '{NULL}' ],
	record => [ '(1)' ],
);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
Shop::open_in($primary, 'postgres');
$primary->safe_psql('postgres', q{
	SELECT segment.create_consumer('mailer', from_start => true);
	SELECT segment.create_program('club');
	SELECT segment.create_tiering('club'), segment.create_tier('club', 'gold', 100);
	SELECT segment.join_program('club', 1, 'A-1'), segment.join_program('club', 3, 'A-3');
	SELECT segment.earn('club', 1, 100), segment.hold('club', 1, 10, '1 hour');
	SELECT segment.create_reward('club', 'mug', 5);
	SELECT segment.create_earning('club', 'bonus', 'orders.amount', ref => 'id');
	SELECT segment.create_occasion('club', 'birthday', 'local', 5);
	SELECT segment.create_program('plain');
	SELECT segment.redeem_reward('club', 1, 'mug');
	SET segment.capture = off;
	UPDATE segment_data.profile_club_voucher SET code = 'V-1';
	RESET segment.capture;
	CREATE TABLE visits (customer_id bigint, at timestamptz);
	CREATE INDEX ON visits (customer_id, at);
	CREATE ROLE stranger;
	CREATE TABLE theirs (customer_id bigint PRIMARY KEY, at timestamptz);
	ALTER TABLE theirs OWNER TO stranger;
	CREATE VIEW strange AS SELECT 1 AS customer_id;
	CREATE TABLE given (type text, value text, ordinary bool);
	CREATE TABLE ordinary (name text, value text)});
insert('given', map { my $type = $_; my $n = 0; map { [ $type, $_, $n++ == 0 ? 'true' : 'false' ] } @{$given{$type}} } keys %given);
insert('ordinary', map { [ $_, $ordinary{$_} =~ s/^'(.*)'$/$1/r ] } keys %ordinary);

$primary->safe_psql('postgres', <<'END');
-- Each argument of each function, with what it is given in an ordinary call.  An
-- argument that may be left out is left out there.
CREATE TABLE argument AS
SELECT p.oid, p.oid::regprocedure::text AS function, p.proname, p.prokind, n, format_type(t.type, NULL) AS type,
    CASE p.prokind WHEN 'a' THEN NULL ELSE names[n] END AS name, -- an aggregate's cannot be named
    coalesce(o.own, false) AS own, n > p.pronargs - p.pronargdefaults AS optional, (p.proargmodes IS NOT NULL AND p.prorettype = 'record'::regtype) AS returns_row,
    coalesce('''' || replace(coalesce(o.value, g.value), '''', '''''') || '''', 'NULL') AS ordinary
FROM pg_proc AS p
    CROSS JOIN LATERAL (SELECT array_agg(a ORDER BY i) AS names
        FROM unnest(p.proargnames, coalesce(p.proargmodes, array_fill('i'::"char", ARRAY[coalesce(cardinality(p.proargnames), 0)]))) WITH ORDINALITY AS u (a, m, i)
        WHERE m IN ('i', 'b', 'v')) AS named
    CROSS JOIN LATERAL unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, n)
    LEFT JOIN LATERAL (SELECT value, o.name LIKE '%.%' AS own FROM ordinary AS o
        WHERE o.name IN (names[n], p.proname || '.' || names[n]) AND format_type(t.type, NULL) !~ 'timestamp|interval|uuid'
        ORDER BY own DESC LIMIT 1) AS o ON true
    LEFT JOIN given AS g ON g.type = format_type(t.type, NULL) AND g.ordinary
WHERE p.pronamespace = 'segment'::regnamespace AND p.prokind IN ('f', 'p', 'a')
    AND p.prorettype <> ALL ('{trigger,event_trigger,internal}'::regtype[]) AND NOT 'internal'::regtype = ANY (p.proargtypes);

-- A call of a function, in which one argument is given another value.
CREATE FUNCTION call_of(called oid, other bigint, given text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE prokind WHEN 'p' THEN 'CALL ' WHEN 'a' THEN 'SELECT ' ELSE 'SELECT * FROM ' END || format('segment.%I(', proname)
        || string_agg(coalesce(quote_ident(name) || ' => ', '') ||
            CASE n WHEN other THEN given ELSE ordinary END
            || CASE WHEN type ~ '^any' THEN CASE type WHEN 'anyarray' THEN '::int[]' ELSE '::int' END
                WHEN type = 'record' THEN '' ELSE '::' || type END, ', ' ORDER BY n)
            FILTER (WHERE NOT optional OR n = other OR name IS NULL OR name = 'population' OR own)
        || ')' || CASE proname WHEN 'members' THEN ' AS m (key bigint)' ELSE '' END
    FROM argument WHERE oid = called GROUP BY proname, prokind
$$;
CREATE VIEW call AS
SELECT a.function, call_of(a.oid, a.n, g.value) AS call, g.ordinary
FROM argument AS a CROSS JOIN LATERAL (SELECT 'NULL' AS value, true AS ordinary
    UNION ALL SELECT quote_literal(value), given.ordinary FROM given WHERE type = a.type) AS g
WHERE (a.type <> 'record' OR g.value = 'NULL') AND (a.name IS DISTINCT FROM 'population' OR g.value IN ('NULL', '''no such''', '''x"y'''));

-- How each ends; or each with what is ordinary and with NULL.
CREATE FUNCTION tried(all_values bool) RETURNS TABLE (function text, call text, state text, message text) LANGUAGE plpgsql AS $$
BEGIN
    FOR function, call IN SELECT c.function, c.call FROM call AS c WHERE all_values OR c.ordinary ORDER BY 1, 2 LOOP
        BEGIN
            EXECUTE call;
            RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ001';
        EXCEPTION WHEN OTHERS THEN
            state := CASE SQLSTATE WHEN 'ZZ001' THEN 'ok' ELSE SQLSTATE END;
            message := SQLERRM;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
END
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

is($primary->safe_psql('postgres', q{SELECT DISTINCT type FROM argument WHERE type NOT IN (SELECT type FROM given)}), '',
	'this test has values of each type of argument');
is(try($primary, '', 'true'), '', 'each function answers, or says what is wrong');
says(@$_) for [ q{create_tiering('; no')} => 'program "; no" does not exist in population "profile"' ],
	[ q{create_traits('[1]'::json)} => 'traits is not a json object' ],
	[ q{create_audiences('1'::json)} => 'filters is not a json object' ],
	[ q{create_earning('club', '', 'orders.amount', ref => 'id')} => 'the name of a rule must not be empty' ],
	[ q{create_occasion('club', '', 'vip', 1)} => 'the name of an occasion must not be empty' ],
	[ q{create_tier('club', '', 500)} => 'the name of a tier must not be empty' ],
	[ q{alter_reward('club', 'mug', stock => 9223372036854775807)} => 'the stock of reward "mug" must not be more than 4611686018427387904' ],
	[ q{transitions(n => -1)} => 'cannot list -1 transitions' ];
is(try($primary, 'SET default_transaction_read_only = on;', 'false'), '', 'so it does where nothing may be written');
is(try($standby, '', 'false'), '', 'and on a standby');
is(Shop::wrong($primary, 'postgres'), '', 'all is as it was');
unlike(slurp_file($_->logfile), qr/terminated by signal|PANIC|TRAP/, 'and nothing has crashed') for $primary, $standby;
done_testing();

# The calls that end in the server's words for what should not happen.
sub try
{
	my ($node, $set, $all_values) = @_;

	return $node->safe_psql('postgres', qq{
		SET client_min_messages = error;
		SET statement_timeout = '10min';
		$set
		SELECT DISTINCT ON (function, message) call, state, message FROM tried($all_values)
		WHERE state LIKE 'XX%' AND message NOT LIKE '% are damaged' OR state = '57014' OR message ~* 'cache lookup|open relation|unrecognized node|unexpected|invalid memory'
		ORDER BY function, message, call});
}

# What a call says that is refused, in our words.
sub says
{
	my ($call, $says) = @_;
	my $err;

	$primary->psql('postgres', "SELECT * FROM segment.$call", stderr => \$err);
	like($err, qr/ERROR:  \Q$says\E$/m, $call);
}

sub insert
{
	my ($table, @rows) = @_;

	$primary->safe_psql('postgres', "INSERT INTO $table VALUES "
			. join(', ', map { '(' . join(', ', map { my $v = s/'/''/gr; "'$v'" } @$_) . ')' } @rows));
}
