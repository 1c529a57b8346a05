-- Until when points are good: what can be written, and what comes of it in the
-- population's time zone, at month ends, on leap days and where clocks change.
CREATE SCHEMA shop_terms;
SET search_path = shop_terms, public;
SET timezone = 'Europe/Copenhagen';
SET datestyle = 'ISO';
SET segment.now = '2024-01-01 12:00+01';
CREATE TABLE customers (customer_id bigint PRIMARY KEY);
INSERT INTO customers VALUES (1);
SELECT segment.create_population('guest', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('customers');
CREATE TABLE calls (id bigint PRIMARY KEY, customer_id bigint, points int, at timestamptz);
CREATE INDEX ON calls (customer_id, at);
SELECT segment.attach_source('calls', at => 'at');
\getenv abs_srcdir PG_ABS_SRCDIR
\set outcome :abs_srcdir '/test/outcome.sql'
\i :outcome
\pset format unaligned
\pset tuples_only on

-- how terms are kept
SELECT segment.create_program('club');
CREATE FUNCTION kept(expires text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.alter_program('club', expires => kept.expires);
    RETURN (SELECT p.expires FROM segment.program AS p);
END $$;
SELECT terms, kept(terms) FROM unnest(ARRAY['never', 'After 1 DAY', 'after 90 minutes', 'after 24 months', 'after 3 months to the end of quarter',
    'after 2 weeks without activity', 'end of this year', 'end of next week']) AS terms;
SELECT terms, outcome(format('SELECT segment.alter_program(''club'', expires => %L)', terms)) FROM unnest(ARRAY['', 'sometime', 'after', 'after 0 days',
    'after -3 days', 'after 1.5 days', 'after 5 fortnights', 'after 60001 months', 'after 3 months to the end of hour', 'after 3 months to the end',
    'after 3 months without', 'end of last year', 'end of next hour', 'never ever', '2026-01-31']) AS terms;
SELECT outcome(format('SELECT segment.alter_program(''club'', %s)', what)) FROM unnest(ARRAY['pending => ''soon''', 'pending => ''0 days''', 'rounding => ''off''',
    'returns => ''no''', 'unit => ''''', 'bonus => -1']) AS what;

-- 1,000 points are earned at an instant; when do they expire?
SELECT segment.join_program('club', 1, 'x');
CREATE FUNCTION granted(at timestamptz, terms text) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM set_config('segment.now', at::text, false);
    number := segment.earn('club', 1, 1000, expires => terms);
    RETURN (SELECT expires_at FROM segment_data.guest_club_lot WHERE movement = number);
END $$;
CREATE FUNCTION expiry(at timestamptz, terms text, pending text) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM segment.alter_program('club', expires => terms, pending => expiry.pending);
    RETURN granted(at, NULL);
END $$;
SELECT at, terms, pending, expiry(at, terms, pending) FROM (VALUES
    ('2024-02-29 12:00+01'::timestamptz, 'after 1 year', 'none'), ('2024-02-29 12:00+01', 'after 4 years', 'none'), ('2024-03-31 12:00+02', 'after 1 month', 'none'),
    ('2025-03-29 02:30+01', 'after 1 day', 'none'), ('2025-03-29 12:00+01', 'after 24 hours', 'none'), ('2025-10-25 02:30+02', 'after 1 day', 'none'),
    ('2025-10-26 01:30+02', 'end of this day', 'none'), ('2025-10-27 00:00+01', 'end of this week', 'none'), ('2025-11-02 23:59+01', 'end of this week', 'none'),
    ('2025-11-03 12:00+01', 'after 12 months to the end of quarter', 'none'), ('2025-11-03 12:00+01', 'end of next year', 'none'),
    ('2025-12-31 23:30+01', 'end of this year', 'none'), ('2025-12-31 23:30+01', 'end of this year', '1 hour'), ('2025-12-31 23:30+01', 'after 1 month', '14 days'),
    ('2026-01-31 12:00+01', 'after 1 month to the end of month', 'none'), ('2026-02-01 12:00+01', 'never', 'none')) AS t (at, terms, pending);
-- of one grant only
SELECT segment.alter_program('club', expires => 'never', pending => 'none');
SELECT terms, granted('2026-02-03 12:00+01', terms)
FROM unnest(ARRAY['2026-03-29', '2026-03-29 12:00', '2026-03-29 12:00+00', 'end of this month', 'after 2 days']) AS terms;
SELECT outcome(format('SELECT segment.earn(''club'', 1, 1, %s)', what)) FROM unnest(ARRAY['expires => ''2026-02-01''', 'expires => ''2026-01-31''',
    'expires => ''2026-02-10'', pending => ''1 month''', 'expires => ''infinity''', 'expires => ''31st of March''', 'pending => ''2026-03-01''']) AS what;

-- bad input
SELECT outcome('SELECT ' || call) FROM unnest(ARRAY[
    $$segment.earn('club', 1, 0)$$, $$segment.earn('club', 1, -5)$$, $$segment.earn('club', 1, NULL)$$, $$segment.earn('club', NULL::bigint, 5)$$,
    $$segment.earn('club', 1, 9223372036854775807)$$, $$segment.earn('club', 1, 1, token => '')$$, $$segment.earn('club', 2, 5)$$, $$segment.earn('clubs', 1, 5)$$, $$segment.earn(NULL, 1, 5)$$,
    $$segment.redeem('club', 1, 0)$$, $$segment.hold('club', 1, 1, '0 minutes')$$, $$segment.hold('club', 1, 1, 'tomorrow')$$,
    $$segment.hold('club', 1, 1, segment.now())$$, $$segment.hold('club', 1, 1, 'infinity'::timestamptz)$$, $$segment.hold('club', 1, 1, NULL::text)$$,
    $$segment.settle('club', 1)$$, $$segment.release('club', 999)$$, $$segment.reverse('club', 999)$$, $$segment.adjust('club', 1, 0, 'x')$$,
    $$segment.adjust('club', 1, 5, NULL)$$, $$segment.adjust('club', 1, 5, '')$$, $$segment.give('club', 1, 1, 5)$$, $$segment.give('club', 1, 2, 5)$$,
    $$segment.join_program('club', 2, 'x')$$, $$segment.join_program('club', 1, 'y')$$, $$segment.leave_program('club', 2)$$,
    $$segment.create_program('club')$$, $$segment.create_program('My Club')$$, $$segment.create_program('')$$, $$segment.create_program(repeat('x', 60))$$,
    $$segment.alter_program('clap')$$, $$segment.alter_program('club', unit => 'stars')$$, $$segment.drop_program('clubb')$$,
    $$segment.program_report('club', 'fortnight')$$, $$segment.program_report('club', 'month', 0)$$, $$segment.rename_source('club_entry', 'x')$$]) AS call;
-- activity keeps points that are set aside for longer than their lot was good for
BEGIN;
SELECT segment.create_program('visits', expires => 'after 10 days without activity');
SELECT segment.join_program('visits', 1, 'A'), segment.earn('visits', 1, 100), segment.hold('visits', 1, 40, '30 days') > 0 AS held;
SELECT set_config('segment.now', (segment.now() + interval '9 days')::text, true) IS NULL, segment.earn('visits', 1, 1) FROM generate_series(1, 4);
SELECT visits_balance, outcome($$SELECT segment.redeem('visits', 1, 105)$$) FROM guest;
SELECT segment.redeem('visits', 1, 104) > 0 AS spent;
SELECT visits_balance FROM guest;
SELECT kind, points, balance FROM segment.statement('visits', 1);
-- also where nothing else is left of the lot
SELECT segment.join_program('visits', 2, 'B') AS code, segment.earn('visits', 2, 100) AS earned, segment.hold('visits', 2, 100, '30 days') AS held \gset
SELECT set_config('segment.now', (segment.now() + interval '9 days')::text, true) IS NULL, segment.earn('visits', 2, 1) > 0 AS earned FROM generate_series(1, 2);
SELECT segment.release('visits', :held) > 0 AS released;
SELECT kind, points, balance, due FROM segment.statement('visits', 2);
SELECT * FROM segment.verify_program('visits');
ROLLBACK;
-- a hold until an instant or a day, as a text too
SELECT count(segment.hold('club', 1, 1, until)) FROM unnest(ARRAY['2 hours', '2026-02-10', '2026-02-10 12:00', '2026-02-10 12:00+00']) AS until;
SELECT until - segment.now() FROM segment_data.guest_club_hold ORDER BY movement DESC LIMIT 4;
-- whatever a hint proposes is taken as it is printed
CREATE FUNCTION undone(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE EXCEPTION 'undone';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT segment.create_audience('everybody', 'true');
CREATE TEMPORARY TABLE tried AS
SELECT call, proposed[1] AS proposed, undone(format('SELECT segment.' || call, proposed[1])) AS outcome FROM unnest(ARRAY[
    $$earn('club', 1, 1, expires => %L)$$, $$earn('club', 1, 1, pending => %L)$$, $$adjust('club', 1, 1, 'x', expires => %L)$$,
    $$hold('club', 1, 1, until => %L)$$, $$create_program('other', expires => %L)$$, $$create_program('other', pending => %L)$$,
    $$create_earning('club', 'calls', 'calls.points', ref => 'id', expires => %L)$$,
    $$create_earning('club', 'calls', 'calls.points', ref => 'id', valid_from => %L)$$,
    $$create_earning('club', 'calls', 'calls.points', ref => 'id', valid_until => %L)$$,
    $$create_earning('club', 'calls', 'calls.points', ref => 'id', cap => 5, per => %L)$$,
    $$create_occasion('club', 'o', 'everybody', 5, expires => %L)$$, $$create_occasion('club', 'o', 'everybody', 5, per => %L)$$,
    $$create_reward('club', 'cup', 1, expires => %L)$$, $$create_reward('club', 'cup', 1, most => 1, period => %L)$$,
    $$create_reward('club', 'cup', 1, valid_until => %L)$$, $$create_tiering('club', hold => %L)$$, $$create_tiering('club', period => %L)$$,
    $$create_tiering('club', grace => %L)$$, $$create_tiering('club', downgrade => %L)$$, $$create_tiering('club', returns => %L)$$,
    $$program_report('club', period => %L)$$, $$what_if_earning('club', 'calls.points', period => %L)$$]) WITH ORDINALITY AS c (call, n),
    regexp_matches(split_part(outcome(format('SELECT segment.' || call, 'soon')), 'HINT:', 2), '''([^'']+)''', 'g') WITH ORDINALITY AS p (proposed, m) ORDER BY n, m;
SELECT count(*) > 70 AS many, count(DISTINCT call) FROM tried;
SELECT * FROM tried WHERE outcome <> 'undone';
-- many points of one customer
BEGIN;
SELECT outcome(format('SELECT segment.earn(''club'', 1, %s), segment.earn(''club'', 1, %1$s), club_balance FROM guest', (2::numeric ^ 62)::bigint));
SELECT * FROM segment.verify_program('club');
-- a unit that nobody has can be changed
ROLLBACK;
SET segment.now = '2040-01-01 12:00+01';
SELECT (SELECT club_balance FROM guest), outcome($$SELECT segment.redeem('club', 1, (SELECT club_balance::bigint FROM guest))$$);
SELECT outcome($$SELECT segment.alter_program('club', unit => 'stars')$$);
SELECT unit FROM segment.program;
\pset format aligned
\pset tuples_only off
SET client_min_messages = warning;
SELECT segment.drop_population('guest', cascade => true);
DROP SCHEMA shop_terms CASCADE;
