-- Drivers differ in the types that they give to their parameters: none, text,
-- varchar, the type of a column.  Each can call every function, and match rows.
CREATE SCHEMA shop_typed;
SET search_path = shop_typed, public;
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE customers (customer_id bigint PRIMARY KEY, city text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, amount numeric, ordered_at timestamptz);
CREATE INDEX ON orders (customer_id, ordered_at);
CREATE TABLE visits (id int, customer_id bigint, seen timestamptz);
CREATE INDEX ON visits (customer_id, seen);
INSERT INTO customers VALUES (1, 'Aarhus'), (2, 'Odense');
INSERT INTO orders SELECT i, 1 + i % 2, i, '2026-05-01' FROM generate_series(1, 20) AS i;
SELECT segment.create_population('profile');
SELECT segment.attach_source('customers');
SELECT segment.attach_source('orders', at => 'ordered_at');
SELECT segment.create_trait('city', 'customers.city');
SELECT segment.create_trait('spent', 'sum(orders.amount)');
SELECT segment.create_audience('big', 'spent > 100');
SELECT segment.create_audience('local', 'city = "Aarhus"');
SELECT segment.create_consumer('crm');
SELECT segment.create_program('club'), segment.create_program('visits');
SELECT segment.create_tiering('club'), segment.create_tier('club', 'gold', 100);
SELECT segment.join_program('club', 1, 'A-1'), segment.join_program('club', 3, 'A-3');
SELECT segment.earn('club', 1, 100), segment.hold('club', 1, 10, '1 year');
SELECT segment.create_earning('club', 'bonus', 'orders.amount', ref => 'id');
SELECT segment.create_reward('club', 'mug', 5), segment.create_reward('club', 'cup', 5);
DO $$ BEGIN PERFORM segment.redeem_reward('club', 1, 'mug'); END $$;
SET segment.capture = off;
UPDATE segment_data.profile_club_voucher SET code = 'V-1';
RESET segment.capture;
SELECT segment.create_occasion('club', 'birthday', 'local', 5);

-- Every function of the surface, with all of its arguments; 's' are those for
-- which a string is written, with what is written.
CREATE TABLE call (function text, args text[], kinds text);
INSERT INTO call VALUES
    ('abandon_build', '{profile}', 's'),
    ('ack', '{crm,0}', 'si'),
    ('alter_audience', '{big,spent > 110,profile,the big ones}', 'ssss'),
    ('alter_trait', '{spent,sum(orders.amount),profile,all of it}', 'ssss'),
    ('attach_source', '{visits,customer_id,seen,profile,seen,id > 0,false}', 'ssssssb'),
    ('audiences', '{1,profile}', 'ss'), ('audiences', '{1,profile}', 'is'),
    ('count_where', '{spent > 100,profile}', 'ss'),
    ('create_audience', '{small,spent < 10,profile,true,the small ones}', 'sssbs'),
    ('create_audiences', '{"{\"few\": \"spent < 10\"}",profile,true}', 'ssb'),
    ('create_consumer', '{mail,profile,true}', 'ssb'),
    ('create_population', '{other,customer_id,bigint,Europe/Copenhagen}', 'ssss'),
    ('create_trait', '{orders,count(orders),profile,how many}', 'ssss'),
    ('create_traits', '{"{\"orders\": \"count(orders)\"}",profile}', 'ss'),
    ('dependencies', '{spent,profile}', 'ss'),
    ('detach_source', '{orders,profile,true}', 'ssb'),
    ('drop_audience', '{big,profile,false}', 'ssb'),
    ('drop_consumer', '{crm}', 's'),
    ('drop_population', '{profile,true}', 'sb'),
    ('drop_trait', '{spent,profile,true}', 'ssb'),
    ('explain', '{big,1,profile}', 'sss'), ('explain', '{big,1,profile}', 'sis'),
    ('filter_sql', '{amount > 5,orders,Europe/Copenhagen}', 'sss'),
    ('filter_traits', '{amount > 5}', 's'),
    ('filter_tree', '{amount > 5}', 's'),
    ('forecast', '{big,2100-01-01,profile}', 'sss'),
    ('is_member', '{big,1,profile}', 'sss'), ('is_member', '{big,1,profile}', 'sis'),
    ('members', '{big,profile}', 'ss'),
    ('next_change', '{big,1,profile}', 'sss'), ('next_change', '{big,1,profile}', 'sis'),
    ('now', '{}', ''),
    ('overlap', '{big,local,profile}', 'sss'),
    ('overlaps', '{"{big,local}",profile}', 'as'),
    ('poll', '{crm,10,1 minute,true}', 'sisb'),
    ('rebuild', '{profile}', 's'),
    ('rename_audience', '{big,great,profile}', 'sss'),
    ('move_source', '{orders,orders,profile}', 'sss'),
    ('rename_source', '{orders,purchases,profile}', 'sss'),
    ('rename_trait', '{spent,paid,profile}', 'sss'),
    ('size', '{big,profile}', 'ss'),
    ('sizes', '{profile}', 's'),
    ('tick', '{10}', 'i'),
    ('transitions', '{profile,5,10,true}', 'siib'),
    ('trim_feed', '{1 day,false,profile}', 'sbs'),
    ('verify', '{profile}', 's'),
    ('what_if', '{big,spent > 150,profile,10}', 'sssi'),
    ('create_program', '{other,stamps,after 1 month,1 day,up,forgive,5,of the other kind,profile}', 'ssssssiss'),
    ('alter_program', '{club,points,after 1 month,1 day,up,forgive,5,of the same kind,profile}', 'ssssssiss'),
    ('drop_program', '{club,true,profile}', 'sbs'),
    ('join_program', '{club,2,77,profile,A-1}', 'sssss'), ('join_program', '{club,2,77,profile,A-1}', 'sisss'),
    ('create_occasion', '{club,visit,big,5,day,1 day,never,profile}', 'sssissss'), ('create_referral', '{club,big,5,5,1 day,never,profile}', 'ssiisss'),
    ('end_occasion', '{club,birthday,profile}', 'sss'),
    ('leave_program', '{club,1,profile}', 'sss'), ('leave_program', '{club,1,profile}', 'sis'),
    ('member_key', '{club,A-1,profile}', 'sss'),
    ('earn', '{club,1,5,review,t1,1 day,never,good,profile}', 'ssissssss'), ('earn', '{club,1,5,review,t1,1 day,never,good,profile}', 'siissssss'),
    ('redeem', '{club,1,5,wine,t2,red,profile}', 'ssissss'), ('redeem', '{club,1,5,wine,t2,red,profile}', 'siissss'),
    ('hold', '{club,1,5,1 hour,wine,t3,profile}', 'ssissss'), ('hold', '{club,1,5,1 hour,wine,t3,profile}', 'siissss'),
    ('settle', '{club,2,5,wine,t4,profile}', 'siisss'),
    ('release', '{club,2,t5,profile}', 'siss'),
    ('reverse', '{club,1,5,t6,no,profile}', 'siisss'),
    ('adjust', '{club,1,-5,no,t7,never,profile}', 'ssissss'), ('adjust', '{club,1,5,no,t7,never,profile}', 'siissss'),
    ('give', '{club,1,3,5,t8,kind,profile}', 'sssisss'), ('give', '{club,1,3,5,t8,kind,profile}', 'siiisss'),
    ('statement', '{club,1,profile}', 'sss'), ('statement', '{club,1,profile}', 'sis'),
    ('why', '{club,1,profile}', 'sis'),
    ('card', '{club,1,profile}', 'sss'), ('card', '{club,1,profile}', 'sis'),
    ('liability', '{club,2100-01-01,profile}', 'sss'),
    ('program_report', '{club,month,3,profile}', 'ssis'),
    ('verify_program', '{club,profile}', 'ss'),
    ('create_reward', '{club,tea,5,10,1,this month,2026-01-01,2100-01-01,spent > 5,after 1 month,false,green,profile}', 'ssiiisssssbss'),
    ('alter_reward', '{club,mug,5,10,1,this month,2026-01-01,2100-01-01,spent > 5,after 1 month,false,blue,profile}', 'ssiiisssssbss'),
    ('drop_reward', '{club,cup,profile}', 'sss'),
    ('redeem_reward', '{club,1,mug,wine,t9,profile}', 'ssssss'), ('redeem_reward', '{club,1,mug,wine,t9,profile}', 'sissss'),
    ('use_voucher', '{club,V-1,wine,t10,profile}', 'sssss'),
    ('cancel_voucher', '{club,V-1,t11,no,profile}', 'sssss'),
    ('create_tiering', '{visits,count(orders),this year,1 month,one,1 day,keep,profile}', 'ssssssss'),
    ('alter_tiering', '{club,count(orders),this year,1 month,one,1 day,keep,profile}', 'ssssssss'),
    ('drop_tiering', '{club,true,profile}', 'sbs'),
    ('create_tier', '{club,silver,50,gold,of the second kind,profile}', 'ssisss'),
    ('alter_tier', '{club,gold,50,of the first kind,profile}', 'ssiss'),
    ('drop_tier', '{club,gold,profile}', 'sss'),
    ('tier_steps', '{club,1,profile}', 'sss'), ('tier_steps', '{club,1,profile}', 'sis'),
    ('create_earning', '{club,orders,orders.amount,spent > 5,id,1 day,never,2099-01-01,2100-01-01,10,day,false,profile}', 'sssssssssisbs'),
    ('what_if_earning', '{club,orders.amount,"",month,10,day,profile}', 'ssssiss'),
    ('end_earning', '{club,bonus,profile}', 'sss');

-- a new function belongs there, or here, where those are that compiled filters,
-- views, triggers, types and operators call
CREATE VIEW called AS
SELECT proname::text AS function FROM pg_proc
WHERE pronamespace = 'segment'::regnamespace AND prokind = 'f'
    AND (proname !~ '^(filter|series|tally)_' OR proname IN ('filter_sql', 'filter_traits', 'filter_tree'))
    AND proname NOT IN (
        'add', 'as_float8', 'attribute_step', 'attribute_value', 'audience_status', 'definition_id', 'bucket', 'calendar_part', 'capture_after',
        'capture_before', 'capture_row', 'ceil', 'clock_part', 'date_add', 'day_ago', 'day_start', 'days_between', 'divide', 'edge_value',
        'elapsed', 'feed_members', 'feed_members_support', 'filters_evaluated', 'first_step', 'floor', 'guard_command', 'guard_drop', 'guard_rewrite', 'guard_start', 'has_anniversary', 'instant', 'is_evaluated', 'is_stored_member',
        'is_toggled', 'json_boolean', 'json_number', 'json_text', 'larger', 'last_step', 'local_day', 'local_time', 'matches',
        'matches_support', 'member_support', 'multiply', 'ords', 'pack_members', 'refuse_write', 'round', 'sized', 'smaller',
        'source_status', 'square_root', 'subtract', 'sum_result_float8', 'sum_result_numeric', 'sum_step', 'window_after',
        'worker_status');
SELECT DISTINCT function AS not_in_the_list FROM called WHERE function NOT IN (SELECT function FROM call) ORDER BY 1;
SELECT DISTINCT function AS no_function FROM call WHERE function NOT IN (SELECT function FROM called) ORDER BY 1;

-- Prepare a call with these types, execute it, and undo what it has done: NULL
-- if it worked.
CREATE FUNCTION problem(function text, args text[], kinds text, string text, number text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    types text[] := '{}';
    params text[] := '{}';
    call text;
BEGIN
    FOR i IN 1 .. length(kinds) LOOP
        types := types || CASE substr(kinds, i, 1)
            WHEN 's' THEN string WHEN 'a' THEN CASE string WHEN 'unknown' THEN string ELSE string || '[]' END
            WHEN 'i' THEN number ELSE 'boolean' END;
        params := params || ('$' || i);
    END LOOP;
    call := CASE WHEN function = 'members' THEN format('SELECT * FROM segment.members(%s) AS m(k bigint)', array_to_string(params, ', '))
        ELSE format('SELECT * FROM segment.%I(%s)', function, array_to_string(params, ', ')) END;
    EXECUTE format('PREPARE typed%s AS %s', '(' || nullif(array_to_string(types, ', '), '') || ')', call);
    BEGIN
        EXECUTE format('EXECUTE typed%s',
            (SELECT '(' || nullif(string_agg(quote_literal(a), ', ' ORDER BY n), '') || ')' FROM unnest(args) WITH ORDINALITY AS u (a, n)));
        RAISE EXCEPTION 'undo' USING ERRCODE = 'P0002';
    EXCEPTION WHEN no_data_found THEN
        NULL;
    END;
    EXECUTE 'DEALLOCATE typed';
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        EXECUTE 'DEALLOCATE typed';
    EXCEPTION WHEN invalid_sql_statement_name THEN
        NULL;
    END;
    RETURN SQLERRM;
END $$;
SELECT string, number, count(*) AS calls, count(*) FILTER (WHERE problem IS NOT NULL) AS failed
FROM unnest(ARRAY['unknown', 'text', 'varchar', 'varchar(50)', 'name', 'bpchar']) WITH ORDINALITY AS s (string, i),
    unnest(ARRAY['unknown', 'smallint', 'integer', 'bigint']) WITH ORDINALITY AS n (number, j),
    call, LATERAL problem(function, args, kinds, string, number) AS problem
WHERE number = 'unknown' OR kinds LIKE '%i%'
GROUP BY 1, 2, i, j ORDER BY i, j;
SELECT function, string, number, problem
FROM unnest(ARRAY['unknown', 'text', 'varchar', 'varchar(50)', 'name', 'bpchar']) WITH ORDINALITY AS s (string, i),
    unnest(ARRAY['unknown', 'smallint', 'integer', 'bigint']) WITH ORDINALITY AS n (number, j),
    call, LATERAL problem(function, args, kinds, string, number) AS problem
WHERE problem IS NOT NULL ORDER BY 1, i, j;

-- The types of before are taken, too: columns of catalogs, times, spans.
SELECT segment.size(a) FROM segment.audiences(1) AS a ORDER BY 1;
SELECT relname, segment.filter_sql('customer_id = 1', relname) AS by_name, segment.filter_sql('customer_id = 1', oid::regclass) AS by_oid
FROM pg_class WHERE relnamespace = 'shop_typed'::regnamespace AND relname IN ('customers', 'orders') ORDER BY 1;
SELECT n, segment.filter_sql('customer_id = 1', 'customers') AS constant, segment.forecast('big', '2100-01-01') FROM generate_series(1, 3) AS n;
SELECT segment.forecast('big', NULL::text) IS NULL AS null, segment.filter_sql(NULL, 'customers'::text) IS NULL AS null;
SELECT segment.forecast('big', timestamptz '2100-01-01') AS instant, segment.forecast('big', timestamp '2100-01-01') AS local,
    segment.forecast('big', now() + interval '1 day') AS tomorrow, segment.forecast('big', '2100-01-01') AS literal,
    segment.forecast(at => '2100-01-01', audience => 'big') AS named;
SELECT segment.trim_feed() AS none, segment.trim_feed(NULL) AS null, segment.trim_feed(interval '1 day') AS span, segment.trim_feed('1 day') AS literal,
    segment.trim_feed(age => '1 day', force => true) AS named;
SELECT count(*) FROM segment.poll('crm') UNION ALL SELECT count(*) FROM segment.poll('crm', 5)
UNION ALL SELECT count(*) FROM segment.poll('crm', lease => '1 minute') UNION ALL SELECT count(*) FROM segment.poll('crm', lease => interval '1 minute')
UNION ALL SELECT count(*) FROM segment.poll('crm', 5, interval '1 minute') ORDER BY 1;
SELECT segment.forecast('big', 'soon');
SELECT segment.poll('crm', 5, 'long');
SELECT segment.attach_source('nowhere');
SELECT segment.create_population('other', key_type => 'bignum');

-- an audience from a rule tree; from an empty one it is nobody's wish
PREPARE define(text, jsonb) AS SELECT segment.create_audience($1, $2, view => false);
EXECUTE define('tree', '{"combinator": "and", "rules": [{"field": "spent", "operator": ">", "value": "100"}]}');
EXECUTE define('empty', '{"combinator": "and", "rules": []}');
EXECUTE define('muted', '{"combinator": "and", "rules": [{"field": "spent", "operator": ">", "value": 100, "muted": true}]}');
EXECUTE define('everybody', '{"constant": true}');
SELECT audience, filter FROM segment.audience WHERE audience IN ('tree', 'empty', 'muted', 'everybody') ORDER BY 1;
DEALLOCATE define;

-- row @@ $1
CREATE FUNCTION ask(type text, written text, mode text) RETURNS TABLE (plan text, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    EXECUTE format('PREPARE asked(%s) AS SELECT count(*) FROM orders o WHERE o @@ $1', type);
    PERFORM set_config('plan_cache_mode', mode, true);
    FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) EXECUTE asked(%L)', written) LOOP
        plan := coalesce(substring(line FROM '(?:Filter|Cond): (.*)'), plan);
    END LOOP;
    EXECUTE format('EXECUTE asked(%L)', written) INTO rows;
    EXECUTE 'DEALLOCATE asked';
    RETURN NEXT;
END $$;
SELECT type, mode, a.* FROM (VALUES (1, 'unknown', 'amount > 15'), (2, 'text', 'amount > 15'), (3, 'varchar', 'amount > 15'),
        (4, 'name', 'amount > 15'), (5, 'bpchar', 'amount > 15'), (6, 'segment.filter', 'amount > 15'),
        (7, 'jsonb', '{"field": "amount", "operator": ">", "value": 15}'), (8, 'json', '{"field": "amount", "operator": ">", "value": 15}'))
        AS v (n, type, written), unnest(ARRAY['force_custom_plan', 'force_generic_plan']) AS mode, ask(type, written, mode) AS a ORDER BY mode, n;
-- where many rows bring their own, each is read
CREATE TABLE question (n int, text text, tree jsonb);
INSERT INTO question SELECT i, 'amount > ' || i, jsonb_build_object('field', 'amount', 'operator', '>', 'value', i) FROM generate_series(17, 20) AS i;
INSERT INTO question VALUES (21, NULL, NULL), (22, 'amount > 18', '{"field": "amount", "operator": ">", "value": 18}');
SELECT n, count(*) FILTER (WHERE o @@ text) AS text, count(*) FILTER (WHERE o @@ tree) AS tree, count(*) FILTER (WHERE o @@ text::varchar) AS varchar
FROM question, orders o GROUP BY n ORDER BY n;
SELECT count(*) FROM orders o, question q WHERE n >= 21 AND (o @@ q.text) IS NULL;
-- a column of another type becomes one of filters, and what it holds is checked
CREATE TABLE saved (filter segment.filter);
INSERT INTO saved SELECT text FROM question WHERE text IS NOT NULL ORDER BY n;
INSERT INTO saved SELECT tree FROM question WHERE tree IS NOT NULL ORDER BY n LIMIT 1;
SELECT filter FROM saved ORDER BY filter::text COLLATE "C";
INSERT INTO saved SELECT 'amount >' FROM question;
INSERT INTO saved SELECT text || ' >' FROM question;
-- and other queries mean what they meant
SELECT 'fat cats'::text @@ 'cat'::text AS text, to_tsvector('fat cats') @@ 'cat'::tsquery AS vector, 'a'::text = 'a'::varchar AS equal,
    'a'::text || 'b'::name AS joined, '{"a": 1}'::jsonb @@ '$.a == 1' AS path;
SET search_path = segment, shop_typed, public;
SELECT 'b'::text > 'a'::varchar AS greater, 'a'::name = 'a'::text AS equal, 'x'::bpchar <> 'x '::text AS bpchar;
SELECT 'amount > 1'::filter = 'amount  >  1'::text AS canonical, 'amount > 1'::text & 'amount < 5'::varchar AS both;
RESET search_path;
SET search_path = shop_typed, public;
SELECT segment.drop_population('profile', cascade => true);
DROP SCHEMA shop_typed CASCADE;
