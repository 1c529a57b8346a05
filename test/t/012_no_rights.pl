# Whoever has no rights gets nothing, changes nothing, and is in nobody's way.
#
# A role that was granted nothing calls every function of the extension, while
# somebody is in the middle of a purchase.  Each call must be refused for want
# of rights, or do no harm; none may wait for the purchase or keep a lock that
# would make the next one wait; and in the end everything is as it was.
#
# Functions are taken from the catalog: a new one must be added to the list
# below, which says how it is called.  One that is IMMUTABLE sees nothing but
# its arguments, so it needs not be there.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

# ---- how they are called, and what is to come of it -------------------------

# Refused: permission denied, must be owner.
my %refused = (
	'size(name,name)' => q{size('vip', 'profile')},
	'sizes(name)' => q{sizes('profile')},
	'members(name,name)' => q{members('vip', 'profile') AS m (k bigint)},
	'is_member(name,bigint,name)' => q{is_member('vip', 1, 'profile')},
	'is_member(name,uuid,name)' => q{is_member('vip', gen_random_uuid(), 'profile')},
	'is_member(name,text,name)' => q{is_member('vip', '1', 'profile')},
	'audiences(bigint,name)' => q{audiences(1, 'profile')},
	'audiences(uuid,name)' => q{audiences(gen_random_uuid(), 'profile')},
	'audiences(text,name)' => q{audiences('1', 'profile')},
	'explain(name,bigint,name)' => q{explain('vip', 1, 'profile')},
	'explain(name,uuid,name)' => q{explain('vip', gen_random_uuid(), 'profile')},
	'explain(name,text,name)' => q{explain('vip', '1', 'profile')},
	'next_change(name,bigint,name)' => q{next_change('lapsed', 1, 'profile')},
	'next_change(name,uuid,name)' => q{next_change('lapsed', gen_random_uuid(), 'profile')},
	'next_change(name,text,name)' => q{next_change('lapsed', '1', 'profile')},
	'forecast(name,timestamp with time zone,name)' => q{forecast('lapsed', now() + interval '1 day', 'profile')},
	'forecast(name,text,name)' => q{forecast('lapsed', '2100-01-01'::text, 'profile')},
	'overlap(name,name,name)' => q{overlap('vip', 'local', 'profile')},
	'overlaps(name[],name)' => q{overlaps(NULL, 'profile')},
	'what_if(name,filter,name,bigint)' => q{what_if('vip', 'total_spend > 1', 'profile')},
	'count_where(filter,name)' => q{count_where('total_spend > 1', 'profile')},
	'dependencies(name,name)' => q{dependencies('total_spend', 'profile')},
	'verify(name)' => q{verify('profile')},
	'rebuild(name)' => q{rebuild('profile')},
	'create_population(name,name,text,text)' => q{create_population('mine')},
	'drop_population(name,boolean)' => q{drop_population('profile', true)},
	'attach_source(regclass,name,name,name,name,filter,boolean,name,text,jsonb)' => q{attach_source('orders', at => 'ordered_at', population => 'profile', name => 'again')},
	'attach_source(text,name,name,name,name,filter,boolean,name,text,jsonb)' => q{attach_source('orders'::text, at => 'ordered_at', population => 'profile', name => 'again')},
	'detach_source(name,name,boolean)' => q{detach_source('orders', 'profile', true)},
	'create_trait(name,text,name,text)' => q{create_trait('mine', 'count(orders)', 'profile')},
	'create_traits(json,name)' => q{create_traits('{"mine": "count(orders)"}'::json, 'profile')},
	'create_traits(text,name)' => q{create_traits('{"mine": "count(orders)"}'::text, 'profile')},
	'abandon_build(name)' => q{abandon_build('profile')},
	'alter_trait(name,text,name,text)' => q{alter_trait('total_spend', 'count(orders)', 'profile')},
	'drop_trait(name,name,boolean)' => q{drop_trait('total_spend', 'profile', true)},
	'create_audience(name,filter,name,boolean,text)' => q{create_audience('mine', 'count(orders) > 1', 'profile', false)},
	'create_audiences(json,name,boolean)' => q{create_audiences('{"mine": "count(orders) > 1"}'::json, 'profile', false)},
	'create_audiences(text,name,boolean)' => q{create_audiences('{"mine": "count(orders) > 1"}'::text, 'profile', false)},
	'alter_audience(name,filter,name,text)' => q{alter_audience('vip', 'total_spend > 1', 'profile')},
	'drop_audience(name,name,boolean)' => q{drop_audience('vip', 'profile', true)},
	'rename_trait(name,name,name)' => q{rename_trait('total_spend', 'paid', 'profile')},
	'rename_audience(name,name,name)' => q{rename_audience('vip', 'mine', 'profile')},
	'move_source(name,regclass,name)' => q{move_source('orders', 'orders', 'profile')},
	'move_source(name,text,name)' => q{move_source('orders', 'orders'::text, 'profile')},
	'rename_source(name,name,name)' => q{rename_source('orders', 'purchases', 'profile')},
	'create_consumer(name,name,boolean)' => q{create_consumer('mine', 'profile')},
	'poll(name,bigint,interval,boolean)' => q{poll('mailer')},
	'poll(name,bigint,text,boolean)' => q{poll('mailer', 1, '1 minute'::text)},
	'transitions(name,bigint,bigint,boolean)' => q{transitions('profile')},
	'feed_members(name,bigint,bigint,text,boolean)' => q{feed_members('profile')},
	'ack(name,bigint)' => q{ack('mailer', 1)},
	'drop_consumer(name)' => q{drop_consumer('mailer')},
	'trim_feed(interval,boolean,name)' => q{trim_feed('0', true, 'profile')},
	'trim_feed(text,boolean,name)' => q{trim_feed('0'::text, true, 'profile')},
	'create_program(name,text,text,text,text,text,bigint,text,name)' => q{create_program('other', population => 'profile')},
	'alter_program(name,text,text,text,text,text,bigint,text,name)' => q{alter_program('club', bonus => 7, population => 'profile')},
	'drop_program(name,boolean,name)' => q{drop_program('club', true, 'profile')},
	'join_program(name,bigint,text,name,text)' => q{join_program('club', 1, population => 'profile')},
	'join_program(name,uuid,text,name,text)' => q{join_program('club', gen_random_uuid(), population => 'profile')},
	'join_program(name,text,text,name,text)' => q{join_program('club', '1', population => 'profile')},
	'leave_program(name,bigint,name)' => q{leave_program('club', 1, 'profile')},
	'leave_program(name,uuid,name)' => q{leave_program('club', gen_random_uuid(), 'profile')},
	'leave_program(name,text,name)' => q{leave_program('club', '1', 'profile')},
	'member_key(name,text,name)' => q{member_key('club', 'A-1', 'profile')},
	'earn(name,bigint,bigint,text,text,text,text,text,name)' => q{earn('club', 1, 5, population => 'profile')},
	'earn(name,uuid,bigint,text,text,text,text,text,name)' => q{earn('club', gen_random_uuid(), 5, population => 'profile')},
	'earn(name,text,bigint,text,text,text,text,text,name)' => q{earn('club', '1', 5, population => 'profile')},
	'redeem(name,bigint,bigint,text,text,text,name)' => q{redeem('club', 1, 5, population => 'profile')},
	'redeem(name,uuid,bigint,text,text,text,name)' => q{redeem('club', gen_random_uuid(), 5, population => 'profile')},
	'redeem(name,text,bigint,text,text,text,name)' => q{redeem('club', '1', 5, population => 'profile')},
	'hold(name,bigint,bigint,timestamp with time zone,text,text,name)' => q{hold('club', 1, 5, now() + interval '1 hour', population => 'profile')},
	'hold(name,uuid,bigint,timestamp with time zone,text,text,name)' => q{hold('club', gen_random_uuid(), 5, now() + interval '1 hour', population => 'profile')},
	'hold(name,text,bigint,timestamp with time zone,text,text,name)' => q{hold('club', '1', 5, now() + interval '1 hour', population => 'profile')},
	'hold(name,bigint,bigint,text,text,text,name)' => q{hold('club', 1, 5, '1 hour'::text, population => 'profile')},
	'hold(name,uuid,bigint,text,text,text,name)' => q{hold('club', gen_random_uuid(), 5, '1 hour'::text, population => 'profile')},
	'hold(name,text,bigint,text,text,text,name)' => q{hold('club', '1', 5, '1 hour'::text, population => 'profile')},
	'settle(name,bigint,bigint,text,text,name)' => q{settle('club', 2, population => 'profile')},
	'release(name,bigint,text,name)' => q{release('club', 2, population => 'profile')},
	'reverse(name,bigint,bigint,text,text,name)' => q{reverse('club', 1, population => 'profile')},
	'adjust(name,bigint,bigint,text,text,text,name)' => q{adjust('club', 1, 5, 'no', population => 'profile')},
	'adjust(name,uuid,bigint,text,text,text,name)' => q{adjust('club', gen_random_uuid(), 5, 'no', population => 'profile')},
	'adjust(name,text,bigint,text,text,text,name)' => q{adjust('club', '1', 5, 'no', population => 'profile')},
	'give(name,bigint,bigint,bigint,text,text,name)' => q{give('club', 1, 1, 5, population => 'profile')},
	'give(name,uuid,uuid,bigint,text,text,name)' => q{give('club', gen_random_uuid(), gen_random_uuid(), 5, population => 'profile')},
	'give(name,text,text,bigint,text,text,name)' => q{give('club', '1', '1', 5, population => 'profile')},
	'statement(name,bigint,name)' => q{statement('club', 1, 'profile')},
	'statement(name,uuid,name)' => q{statement('club', gen_random_uuid(), 'profile')},
	'statement(name,text,name)' => q{statement('club', '1', 'profile')},
	'why(name,bigint,name)' => q{why('club', 1, 'profile')},
	'card(name,bigint,name)' => q{card('club', 1, 'profile')},
	'card(name,uuid,name)' => q{card('club', gen_random_uuid(), 'profile')},
	'card(name,text,name)' => q{card('club', '1', 'profile')},
	'liability(name,timestamp with time zone,name)' => q{liability('club', population => 'profile')},
	'liability(name,text,name)' => q{liability('club', '2100-01-01'::text, 'profile')},
	'program_report(name,text,bigint,name)' => q{program_report('club', population => 'profile')},
	'create_tiering(name,text,text,text,text,text,text,name)' => q{create_tiering('club', population => 'profile')},
	'alter_tiering(name,text,text,text,text,text,text,name)' => q{alter_tiering('club', population => 'profile')},
	'drop_tiering(name,boolean,name)' => q{drop_tiering('club', true, 'profile')},
	'create_tier(name,name,numeric,name,text,name)' => q{create_tier('club', 'ruby', 200, population => 'profile')},
	'alter_tier(name,name,numeric,text,name)' => q{alter_tier('club', 'gold', 200, population => 'profile')},
	'drop_tier(name,name,name)' => q{drop_tier('club', 'gold', 'profile')},
	'tier_steps(name,bigint,name)' => q{tier_steps('club', 1, 'profile')},
	'tier_steps(name,uuid,name)' => q{tier_steps('club', gen_random_uuid(), 'profile')},
	'tier_steps(name,text,name)' => q{tier_steps('club', '1', 'profile')},
	'create_earning(name,name,text,text,name,text,text,text,text,bigint,text,boolean,name)' => q{create_earning('club', 'mine', 'orders.amount', ref => 'id', population => 'profile')},
	'end_earning(name,name,name)' => q{end_earning('club', 'mine', 'profile')},
	'what_if_earning(name,text,text,text,bigint,text,name)' => q{what_if_earning('club', 'orders.amount', population => 'profile')},
	'create_reward(name,name,bigint,bigint,bigint,text,text,text,text,text,boolean,text,name)' => q{create_reward('club', 'cup', 5, population => 'profile')},
	'alter_reward(name,name,bigint,bigint,bigint,text,text,text,text,text,boolean,text,name)' => q{alter_reward('club', 'mug', 7, population => 'profile')},
	'drop_reward(name,name,name)' => q{drop_reward('club', 'mug', 'profile')},
	'redeem_reward(name,bigint,name,text,text,name)' => q{redeem_reward('club', 1, 'mug', population => 'profile')},
	'redeem_reward(name,uuid,name,text,text,name)' => q{redeem_reward('club', gen_random_uuid(), 'mug', population => 'profile')},
	'redeem_reward(name,text,name,text,text,name)' => q{redeem_reward('club', '1', 'mug', population => 'profile')},
	'use_voucher(name,text,text,text,name)' => q{use_voucher('club', 'V-1', population => 'profile')},
	'cancel_voucher(name,text,text,text,name)' => q{cancel_voucher('club', 'V-1', population => 'profile')},
	'create_occasion(name,name,name,bigint,text,text,text,name)' => q{create_occasion('club', 'mine', 'vip', 5, population => 'profile')},
	'create_referral(name,name,bigint,bigint,text,text,name)' => q{create_referral('club', 'vip', 5, 5, population => 'profile')},
	'end_occasion(name,name,name)' => q{end_occasion('club', 'mine', 'profile')},
	'verify_program(name,name)' => q{verify_program('club', 'profile')},
);

# Harmless: they answer, with nothing, or with what anybody may know.
my %harmless = (
	'now()' => q{now() IS NOT NULL},
	'tick(bigint)' => q{tick()},
	'source_status()' => q{source_status() WHERE rows IS NOT NULL},
	'worker_status()' => q{worker_status()},
	'audience_status()' => q{audience_status() WHERE transitions < 0},
	'filters_evaluated()' => q{filters_evaluated() AS f WHERE f > 0},
	'definition_id(name,name)' => q{definition_id('profile', 'vip') AS n WHERE n < 1},
	'filter_sql(filter,regclass,text)' => q{filter_sql('amount > 1', 'orders') IS NULL},
	'filter_sql(filter,text,text)' => q{filter_sql('amount > 1', 'orders'::text) IS NULL},
	'matches(record,filter)' => q{matches(ROW(1, 2), 'f1 = 2')},
	'add(timestamp with time zone,interval)' => q{add(now(), NULL) IS NULL},
	'subtract(timestamp with time zone,interval)' => q{subtract(now(), NULL) IS NULL},
	'local_time(timestamp with time zone)' => q{local_time(NULL) IS NULL},
	'instant(timestamp without time zone)' => q{instant(NULL::timestamp) IS NULL},
	'date_add(timestamp with time zone,interval)' => q{date_add('2026-05-01', '1 month') IS NULL},
	'day_start(date)' => q{day_start('2026-05-01') IS NULL},
	'local_day(timestamp with time zone)' => q{local_day('2026-05-01') IS NULL},
	'tally_in(cstring)' => q{tally_size(NULL::text::segment.tally) IS NULL},
	'tally_out(tally)' => q{tally_size(NULL)},
	'tally_send(tally)' => q{tally_send(NULL)},
	'series_in(cstring)' => q{series_count(NULL::text::segment.series, NULL, NULL, NULL)},
	'series_out(series)' => q{series_count(NULL, NULL, NULL, NULL)},
	'series_send(series)' => q{series_send(NULL)},
	'series_tail(series)' => q{series_tail(NULL)},
	'series_body(series)' => q{series_body(NULL)},
	'tally_tail(tally)' => q{tally_tail(NULL)},
	'tally_body(tally)' => q{tally_body(NULL)},
);
my $nothing = qr/\A[tf0\s]*\z/;

# The server itself lets nobody call them: they take what SQL cannot write, or
# are triggers.
my %uncallable = map { $_ => 1 } (
	'tally_recv(internal)', 'series_recv(internal)',
	'capture_before()', 'capture_after()', 'capture_row()', 'refuse_write()',
	'guard_command()', 'guard_drop()', 'guard_rewrite()', 'guard_start()',
);

# ---- the shop, and a purchase that is not finished --------------------------

my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init;
$node->start;
Shop::open_in($node, 'postgres');
$node->safe_psql('postgres', q{
	SELECT segment.create_consumer('mailer', from_start => true);
	SELECT segment.create_program('club');
	SELECT segment.create_tiering('club'), segment.create_tier('club', 'gold', 100);
	SELECT segment.join_program('club', 1, 'A-1'), segment.earn('club', 1, 100), segment.hold('club', 1, 10, '1 hour');
	SELECT segment.create_reward('club', 'mug', 5);
	CREATE ROLE nobody LOGIN;
	CREATE ROLE stranger LOGIN;
	CREATE SCHEMA strange AUTHORIZATION stranger;
	SELECT segment.tick()});

my $before = everything();
my $purchase = $node->background_psql('postgres');
$purchase->query_safe('BEGIN');
$purchase->query_safe(Shop::buys(1, 1000));

# ---- every function ---------------------------------------------------------

my @functions = split /\n/, $node->safe_psql('postgres', q{
	SELECT p.proname || '(' || replace(oidvectortypes(p.proargtypes), ', ', ',') || ')'
	FROM pg_proc p WHERE p.pronamespace = 'segment'::regnamespace AND p.provolatile <> 'i' AND p.prokind <> 'p' ORDER BY 1});
s/segment\.//g for @functions;

for my $function (@functions)
{
	if ($refused{$function})
	{
		is_refused('nobody', $refused{$function}, $function);
	}
	elsif ($harmless{$function})
	{
		is_harmless('nobody', $harmless{$function}, $function);
	}
	else
	{
		ok($uncallable{$function}, "$function is in a list of this test");
	}
	delete $refused{$function};
	delete $harmless{$function};
}
is(join(' ', sort(keys %refused, keys %harmless)), '', 'all that is in the lists is there');

# ---- every procedure: it may commit, so it is called outside a block --------

my %called = (
	'alter_audience_concurrently(name,filter,name,text)' => q{alter_audience_concurrently('vip', 'count(orders) > 1', 'profile')},
	'alter_trait_concurrently(name,text,name,text)' => q{alter_trait_concurrently('spent', 'count(orders)', 'profile')},
	'attach_source_concurrently(regclass,name,name,name,name,filter,boolean)' => q{attach_source_concurrently('orders'::regclass, population => 'profile')},
	'attach_source_concurrently(text,name,name,name,name,filter,boolean)' => q{attach_source_concurrently('orders'::text, population => 'profile')},
	'rebuild_concurrently(name)' => q{rebuild_concurrently('profile')},
	'create_audience_concurrently(name,filter,name,boolean,text)' => q{create_audience_concurrently('mine', 'count(orders) > 1', 'profile')},
	'create_traits_concurrently(json,name)' => q{create_traits_concurrently('{"mine": "count(orders)"}'::json, 'profile')},
	'create_traits_concurrently(text,name)' => q{create_traits_concurrently('{"mine": "count(orders)"}'::text, 'profile')},
);
for my $procedure (split /\n/, $node->safe_psql('postgres', q{
	SELECT p.proname || '(' || replace(oidvectortypes(p.proargtypes), ', ', ',') || ')'
	FROM pg_proc p WHERE p.pronamespace = 'segment'::regnamespace AND p.prokind = 'p' ORDER BY 1}))
{
	my $err;

	$procedure =~ s/segment\.//g;
	$node->psql('postgres', "CALL segment.$called{$procedure}", stderr => \$err, extra_params => ['-U', 'nobody']);
	like($err, qr/must be owner of population/, "$procedure: refused");
}
is(everything(), $before, 'and nothing has changed');

# ---- and who has a population of their own, but no rights on the shop's
# tables -----

$node->safe_psql('postgres', q{SELECT segment.create_population('mine')},
	extra_params => ['-U', 'stranger'], connstr => connstr_with_path('strange'));
is_refused('stranger', q{attach_source('orders', at => 'ordered_at', population => 'mine')},
	'attaching a table of others');
is_refused('stranger', q{detach_source('orders', 'profile')}, 'detaching it from another population');
is_harmless('stranger', q{tick()}, 'ticking');
is_harmless('stranger', q{rebuild('mine')}, 'rebuilding');
$node->safe_psql('postgres', q{GRANT TRIGGER ON orders TO stranger});
is_refused('stranger', q{attach_source('orders', at => 'ordered_at', population => 'mine')},
	'attaching what the owner of the population may not read');
$node->safe_psql('postgres', q{REVOKE TRIGGER ON orders FROM stranger;
	SELECT segment.drop_population('mine')});

# Rights that are taken away: what reads the table is refused before it is
# locked.
$node->safe_psql('postgres', q{GRANT TRIGGER, SELECT ON orders TO stranger});
$purchase->query_safe('COMMIT');
$node->safe_psql('postgres', q{
	SELECT segment.create_population('mine');
	SELECT segment.attach_source('orders', at => 'ordered_at', population => 'mine');
}, extra_params => ['-U', 'stranger'], connstr => connstr_with_path('strange'));
$node->safe_psql('postgres', q{REVOKE ALL ON orders FROM stranger});
$purchase->query_safe('BEGIN');
$purchase->query_safe(Shop::buys(1, -1000));
for my $call (q{create_trait('spent', 'sum(orders.amount)', 'mine')},
	q{create_audience('big', 'count(orders) > 1', 'mine', false)}, q{rebuild('mine')})
{
	is_refused('stranger', $call, "without the right to read the source any more: $call");
}
$purchase->query_safe('COMMIT');
$purchase->quit;
$node->safe_psql('postgres', q{SELECT segment.drop_population('mine', true);
	DELETE FROM orders WHERE abs(amount) = 1000;
	SELECT segment.tick()});

is(Shop::wrong($node, 'postgres'), '', 'all is well');

done_testing();

# ---- how it is found out ----------------------------------------------------

# A call as a role, which does not wait long: what psql says, with SQLSTATEs.
# Of the extension's own tables, the lock of whoever writes or locks rows of
# them is in nobody's way: a definition locks the row of its own population.  Nor
# is that of a table which the call has made and dropped.
sub call
{
	my ($role, $call) = @_;
	my ($out, $err);
	my $list = $call =~ /^(?:now|matches|tally_|series_|filter_sql|rebuild|add|subtract|local_|instant|date_add|day_start)/ ? "SELECT segment.$call" : "SELECT * FROM segment.$call";

	$node->psql('postgres', qq{
		\\set VERBOSITY verbose
		SET lock_timeout = '100ms';
		BEGIN;
		$list;
		SELECT 'lock', locktype, relation::regclass, mode FROM pg_locks
		WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'
		  AND mode <> 'AccessShareLock' AND locktype <> 'transactionid'
		  AND CASE locktype
			WHEN 'relation' THEN relation IN (SELECT c.oid FROM pg_class c WHERE NOT pg_has_role(c.relowner, 'USAGE')
				AND NOT (c.relnamespace = 'segment'::regnamespace AND mode IN ('RowShareLock', 'RowExclusiveLock')))
			WHEN 'object' THEN classid <> 'pg_type'::regclass OR objid IN (SELECT oid FROM pg_type)
			ELSE true END;
		COMMIT},
		stdout => \$out, stderr => \$err, extra_params => ['-U', $role], on_error_stop => 0);
	return ($out, $err);
}

sub is_refused
{
	my ($role, $call, $name) = @_;
	my ($out, $err) = call($role, $call);

	like($err, qr/ERROR:  42501: (?:permission denied|must be owner|the owner of population "mine" may not read)/,
		"$name: refused");
	return;
}

sub is_harmless
{
	my ($role, $call, $name) = @_;
	my ($out, $err) = call($role, $call);

	is($err, '', "$name: no error");
	like($out, $nothing, "$name: tells nothing, and leaves no lock in anybody's way")
	  if $role eq 'nobody';
	unlike($out, qr/^lock/m, "$name: no lock in anybody's way");
	return;
}

# All that could have changed.
sub everything
{
	my $tables = $node->safe_psql('postgres', q{
		SELECT string_agg(format('SELECT %L, t::text FROM %s AS t', c.oid::regclass, c.oid::regclass), ' UNION ALL ' ORDER BY c.oid)
		FROM pg_class c WHERE c.relkind = 'r'
		  AND c.relnamespace IN ('segment'::regnamespace, 'segment_data'::regnamespace)
		  AND c.relname NOT LIKE '%toggle' AND c.relname NOT IN ('feed', 'feed_counter', 'profile')});

	return $node->safe_psql('postgres', "$tables ORDER BY 1, 2") . "\n"
	  . $node->safe_psql('postgres', q{
		SELECT customer_id, source_rows FROM segment_data.profile ORDER BY 1;
		SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('public', 'segment', 'segment_data', 'strange') AND c.relkind IN ('r', 'v') ORDER BY 1, 2;
		SELECT tgrelid::regclass, tgname FROM pg_trigger ORDER BY 1, 2});
}

sub connstr_with_path
{
	my ($schema) = @_;

	return $node->connstr('postgres') . " options='-c search_path=$schema,public'";
}
