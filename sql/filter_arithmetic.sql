-- filter: the arithmetic of filters answers what the server's operators answer,
-- and NULL where they raise an error; for every value there is
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
CREATE SCHEMA sums;
SET search_path = sums;

-- what the server says, NULL for an error because of the values
CREATE FUNCTION server(expression text, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT (' || expression || ')::text' INTO result;
EXCEPTION WHEN data_exception THEN
    NULL;
END $$;
CREATE FUNCTION ours(expression text, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT (' || expression || ')::text' INTO result;
END $$;

CREATE TABLE numerics AS SELECT n::numeric FROM unnest(ARRAY['0', '1', '-1', '0.5', '-0.5', '2.50', '1e-16383', '-1e-16383',
    '3', '12345.6789', '99999999999999999999', '-9223372036854775808', '1e400', '-1e400', '1e-400', '1.7e308', '2e308', '1e65536',
    '1e131071', '-1e131071', '9.9e131071', 'NaN', 'Infinity', '-Infinity']) AS n;
CREATE TABLE floats AS SELECT f::float8 FROM unnest(ARRAY['0', '-0', '1', '-1', '0.1', '3', '1e16', '1e154', '1.4e154', '-1e200', '1e308',
    '1.7976931348623157e308', '-1.7976931348623157e308', '2.2250738585072014e-308', '5e-324', '-5e-324', '1e-200', '1e-154', '1e-162',
    'NaN', 'Infinity', '-Infinity']) AS f;

-- pairs of numbers under each operator; NaN / 0 is the one difference
CREATE TABLE operators (name text, sign text);
INSERT INTO operators VALUES ('add', '+'), ('subtract', '-'), ('multiply', '*'), ('divide', '/');
CREATE FUNCTION compare(expression text, OUT tried bigint, OUT missing bigint, OUT wrong bigint)
LANGUAGE plpgsql AS $$
DECLARE
    one record;
    theirs text;
    mine text;
BEGIN
    tried := 0;
    missing := 0;
    wrong := 0;
    FOR one IN EXECUTE expression LOOP
        theirs := sums.server(one.theirs);
        mine := sums.ours(one.mine);
        tried := tried + 1;
        missing := missing + (mine IS NULL)::integer;
        IF mine IS DISTINCT FROM theirs THEN
            wrong := wrong + 1;
            RAISE NOTICE '% is %, not %', left(one.mine, 100), left(coalesce(mine, 'missing'), 100), left(coalesce(theirs, 'missing'), 100);
        END IF;
    END LOOP;
END $$;

SELECT name, c.* FROM operators, compare(format($$
    SELECT format('%%L::numeric %2$s %%L::numeric', a.n, b.n) AS theirs, format('segment.%1$s(%%L::numeric, %%L::numeric)', a.n, b.n) AS mine
    FROM sums.numerics a, sums.numerics b WHERE NOT ('%2$s' = '/' AND a.n = 'NaN' AND b.n = 0)$$, name, sign)) AS c ORDER BY 1;
SELECT name, c.* FROM operators, compare(format($$
    SELECT format('%%L::float8 %2$s %%L::float8', a.f, b.f) AS theirs, format('segment.%1$s(%%L::float8, %%L::float8)', a.f, b.f) AS mine
    FROM sums.floats a, sums.floats b WHERE NOT ('%2$s' = '/' AND a.f = 'NaN' AND b.f = 0)$$, name, sign)) AS c ORDER BY 1;
SELECT segment.divide('NaN'::numeric, 0), segment.divide('NaN'::float8, 0), segment.divide('NaN'::float8, '-0');

-- one number; those of 131,072 digits are rounded to one digit more
CREATE TABLE roundings AS
    SELECT n FROM numerics
    UNION ALL SELECT (s || repeat('9', 131072) || r)::numeric
    FROM unnest(ARRAY['', '-']) AS s, unnest(ARRAY['', '.4', '.5', '.500001', '.9']) AS r
    UNION ALL SELECT (s || repeat('1', 131071) || '4' || r)::numeric
    FROM unnest(ARRAY['', '-']) AS s, unnest(ARRAY['', '.4', '.5', '.500001', '.9']) AS r
    UNION ALL SELECT ('5' || repeat('9', 65535) || '.' || repeat('9', 16383))::numeric;
SELECT f, c.* FROM unnest(ARRAY['floor', 'ceil', 'round']) AS f, compare(format($$
    SELECT format('%1$s(%%L::numeric)', n) AS theirs, format('segment.%1$s(%%L::numeric)', n) AS mine FROM sums.roundings$$, f)) AS c;
SELECT d, c.* FROM unnest(ARRAY[-32768, -5, -1, 0, 1, 3, 32767]) AS d, compare(format($$
    SELECT format('round(%%L::numeric, %1$s)', n) AS theirs, format('segment.round(%%L::numeric, %1$s)', n) AS mine FROM sums.roundings$$, d)) AS c;
SELECT c.* FROM compare($$
    SELECT format('%L::numeric::float8', n) AS theirs, format('segment.as_float8(%L)', n) AS mine FROM sums.numerics$$) AS c;
-- a root is missing for a negative number
SELECT c.* FROM compare($$
    SELECT format('sqrt(%L::numeric)', n) AS theirs, format('segment.square_root(%L::numeric)', n) AS mine FROM sums.numerics
    UNION ALL SELECT format('sqrt(%L::float8)', f), format('segment.square_root(%L::float8)', f) FROM sums.floats$$) AS c;

-- spans, as text: the server does not read all that it prints
CREATE TABLE spans AS SELECT s FROM unnest(ARRAY['0', '1 microsecond', '-1 microsecond', '1 day', '-1 day', '1 month', '-1 month',
    '1 month -1 day 25 hours', '13 months', '-25 months', '365 days', '5000 years', '-5000 years', '178956970 years 7 months', '-178956970 years -8 months',
    '2147483647 days', '-2147483648 days', '9223372036854775807 microseconds', '-9223372036854775808 microseconds', '2147483647 months 2147483647 days 2562047788 hours',
    '290000 years', '-290000 years', '106000000 days', '-106000000 days', '2530000000 hours']) AS s;
SELECT name, c.* FROM operators, compare(format($$
    SELECT format('%%L::interval %2$s %%L::interval', a.s, b.s) AS theirs, format('segment.%1$s(%%L::interval, %%L::interval)', a.s, b.s) AS mine
    FROM sums.spans a, sums.spans b$$, name, sign)) AS c WHERE name IN ('add', 'subtract') ORDER BY 1;

-- times and spans, in zones of all kinds
CREATE TABLE times AS SELECT t::timestamptz FROM unnest(ARRAY['-infinity', 'infinity', '4714-11-24 00:00:00+00 BC', '4714-11-24 12:00:00+00 BC',
    '4714-11-26 00:00:00+00 BC', '4001-02-29 12:00:00+00 BC', '0001-12-31 23:59:59.999999+00 BC', '1000-01-01 00:00:00+00', '1970-01-01 00:00:00+00',
    '2024-02-29 12:34:56.789012+00', '2024-03-31 00:30:00+00', '2024-03-31 01:30:00+00', '2024-10-27 00:30:00+00', '2024-10-27 01:30:00+00',
    '2026-01-31 23:59:59.999999+00', '274234-12-31 00:00:00+00', '294276-02-29 12:00:00+00', '294276-12-29 12:00:00+00', '294276-12-31 10:00:00+00',
    '294276-12-31 23:59:59.999999+00']) AS t;
CREATE TABLE locals AS SELECT (t AT TIME ZONE 'UTC') AS t FROM times;
CREATE TABLE days AS SELECT d::date FROM unnest(ARRAY['-infinity', 'infinity', '4714-11-24 BC', '4714-11-25 BC', '0001-01-01', '2024-02-29', '2024-03-31',
    '2024-10-27', '294276-12-31', '294277-01-01', '5874897-12-31']) AS d;
CREATE TABLE zones AS SELECT z FROM unnest(ARRAY['UTC', 'Europe/Copenhagen', 'America/St_Johns', 'Pacific/Apia', 'Etc/GMT+12', 'CET']) AS z;
CREATE FUNCTION compare_in_zones(expression text, OUT zone text, OUT tried bigint, OUT missing bigint, OUT wrong bigint)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    FOR zone IN SELECT z FROM sums.zones ORDER BY z COLLATE "C" LOOP
        -- CET is an abbreviation, and a zone only where those of old are installed
        PERFORM set_config('timezone', coalesce((SELECT name FROM pg_timezone_names WHERE name = zone), 'Europe/Brussels'), true);
        SELECT c.tried, c.missing, c.wrong FROM sums.compare(replace(expression, '%zone', quote_literal(zone))) AS c
        INTO tried, missing, wrong;
        PERFORM set_config('timezone', 'UTC', true);
        RETURN NEXT;
    END LOOP;
END $$;
-- of the session, and in the zone that is named (of which the calendar of local times
-- ends where that of instants does).  Of the least span of all the server takes the
-- opposite for itself, so that it adds what it should subtract, and since 17 a span
-- without an opposite is an error for a time without an end, too.
CREATE FUNCTION comparable(sign text, t text, s text) RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT (sign = '-' AND (s LIKE '-9223372036854775808%' OR
        t LIKE '%infinity' AND s IN ('-178956970 years -8 months', '-2147483648 days')))
$$;
SELECT c.* FROM operators, compare_in_zones(format($$
    SELECT format('%%L::timestamptz %2$s %%L::interval', t, s) AS theirs, format('segment.%1$s(%%L::timestamptz, %%L::interval)', t, s) AS mine
    FROM sums.times, sums.spans WHERE sums.comparable('%2$s', t::text, s)$$, name, sign)) AS c
WHERE name IN ('add', 'subtract') ORDER BY name, zone COLLATE "C";
SELECT c.* FROM operators, compare_in_zones(format($$
    SELECT format('%%L::timestamptz %2$s %%L::interval', t, s) AS theirs,
        format('segment.%1$s(%%L, %%L::timestamptz, %%L::interval)', %%zone, t, s) AS mine
    FROM sums.times, sums.spans WHERE sums.comparable('%2$s', t::text, s) AND %%zone <> 'CET'
        AND (NOT isfinite(t) OR t BETWEEN '4714-11-26 00:00:00+00 BC' AND '294276-12-30 00:00:00+00')$$,
    name, sign)) AS c WHERE name IN ('add', 'subtract') ORDER BY name, zone COLLATE "C";
SELECT name, c.* FROM operators, compare(format($$
    SELECT format('%%L::timestamp %2$s %%L::interval', t, s) AS theirs, format('segment.%1$s(%%L::timestamp, %%L::interval)', t, s) AS mine
    FROM sums.locals, sums.spans WHERE sums.comparable('%2$s', t::text, s)
    UNION ALL SELECT format('%%L::date %2$s %%L::interval', d, s) AS theirs, format('segment.%1$s(%%L::date, %%L::interval)', d, s) AS mine
    FROM sums.days, sums.spans WHERE sums.comparable('%2$s', d::text, s)$$, name, sign)) AS c WHERE name IN ('add', 'subtract') ORDER BY 1;
SELECT c.* FROM compare_in_zones($$
    SELECT format('timezone(%L, %L::timestamptz)', %zone, t) AS theirs, format('segment.local_time(%L, %L::timestamptz)', %zone, t) AS mine FROM sums.times
    UNION ALL SELECT format('timezone(%L, %L::timestamp)', %zone, t), format('segment.instant(%L, %L::timestamp)', %zone, t) FROM sums.locals
    UNION ALL SELECT format('%L::timestamptz::timestamp', t), format('segment.local_time(%L::timestamptz)', t) FROM sums.times
    UNION ALL SELECT format('%L::timestamp::timestamptz', t), format('segment.instant(%L::timestamp)', t) FROM sums.locals
    UNION ALL SELECT format('%L::date::timestamp', d), format('segment.local_time(%L::date)', d) FROM sums.days$$) AS c;
-- days have no end that is an error: beyond the calendar all of them are the same
SELECT zone, bool_and((SELECT bool_and(segment.local_day(t, zone) IS NOT NULL) FROM sums.times)) AS days,
    bool_and((SELECT bool_and(segment.day_start(d, zone) IS NOT NULL) FROM sums.days)) AS starts
FROM unnest(ARRAY['UTC', 'Pacific/Apia', 'Etc/GMT+12']) AS z(zone) GROUP BY zone ORDER BY zone;
-- the server takes what is too long for a span for a negative one
SELECT segment.elapsed('294276-12-31'::timestamptz, '4714-11-24 BC'::timestamptz), segment.elapsed('infinity'::timestamptz, now()),
    segment.elapsed('294276-12-31'::timestamp, '2000-01-01'::timestamp), segment.days_between('4714-11-24 BC', '5874897-12-31');
SET client_min_messages = warning;
DROP SCHEMA sums CASCADE;
