-- A series keeps events in the order of time, with or without values.  Ada's
-- and Ben's orders; what is asked between two instants; text, bytes and errors
-- of the type; and how many bytes an event takes.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS segment;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

CREATE TABLE series_orders (customer text, store text, amount numeric, pieces int, seconds float8, at timestamptz);
INSERT INTO series_orders VALUES
    ('Ada', 'Odense', 12.50, 2, 1.5, '2026-05-03 09:30+00'),
    ('Ada', 'Aarhus', 7, 1, 0.25, '2026-05-01 12:00+00'),
    ('Ada', 'Aarhus', 7, 1, 0.25, '2026-05-01 12:00+00'),
    ('Ada', NULL, 1.00, NULL, 2, '2026-05-04 09:00+00'),
    ('Ada', 'Ribe', 99, 9, 9, NULL),
    ('Ben', 'Odense', 'NaN', 3, 'NaN', '2026-05-04 09:00+00'),
    ('Ben', 'Aarhus', 1.5, 3, 1e300, '2026-05-04 09:00+00'),
    ('Ben', 'Aarhus', 1.50, 3, 1e300, '2026-05-04 09:00+00'),
    ('Cid', NULL, NULL, NULL, NULL, '2026-05-04 09:00+00'),
    ('Dot', 'Ribe', 1, 1, 1, NULL);

-- what has no time or no value has no part; without any there is no series
SELECT customer, segment.series_of(at) AS times FROM series_orders GROUP BY customer ORDER BY customer;
SELECT customer, segment.series_of(at, store) AS stores FROM series_orders GROUP BY customer ORDER BY customer;
SELECT customer, segment.series_of(at, amount) AS amounts FROM series_orders GROUP BY customer ORDER BY customer;

-- all that can be asked, of no series too, without bounds
\x on
SELECT customer, segment.series_count(stores, NULL, NULL, NULL) AS count,
       segment.series_distinct(stores, NULL, NULL, NULL) AS "distinct",
       segment.series_values(stores, NULL, NULL, NULL, NULL::text) AS "values",
       segment.series_most_frequent(stores, NULL, NULL, NULL, NULL::text) AS most_frequent,
       segment.series_first(stores, NULL, NULL, NULL, NULL::text) AS first,
       segment.series_last(stores, NULL, NULL, NULL, NULL::text) AS last,
       segment.series_min(amounts, NULL, NULL, NULL, NULL::numeric) AS min,
       segment.series_max(amounts, NULL, NULL, NULL, NULL::numeric) AS max,
       segment.series_sum(amounts, NULL, NULL, NULL) AS sum,
       segment.series_squares(amounts, NULL, NULL, NULL) AS squares,
       segment.series_sum(pieces, NULL, NULL, NULL) AS pieces,
       segment.series_squares(pieces, NULL, NULL, NULL) AS squares_of_pieces,
       segment.series_sum_float(seconds, NULL, NULL, NULL) AS seconds,
       segment.series_squares_float(seconds, NULL, NULL, NULL) AS squares_of_seconds
FROM (SELECT customer, segment.series_of(at, store) AS stores, segment.series_of(at, amount) AS amounts,
             segment.series_of(at, pieces) AS pieces, segment.series_of(at, seconds) AS seconds
      FROM series_orders GROUP BY customer) t
ORDER BY customer;
\x off

-- the window and the time of the question; without a window all count, at infinity
-- too
WITH s AS (SELECT '{-infinity, -infinity, 2026-05-01 12:00+00, 2026-05-03 09:30+00, infinity}'::segment.series AS s)
SELECT during, now, segment.series_count(s, during, 'UTC', now), segment.window_after(during, 'UTC', now)
FROM (VALUES
    (NULL, timestamptz '2026-05-04 00:00+00'), ('since "-infinity"', '2026-05-04 00:00+00'), ('since "4714-11-24 00:00:00 BC"', '2026-05-04 00:00+00'),
    ('since "infinity"', '2026-05-04 00:00+00'), ('before "infinity"', '2026-05-04 00:00+00'), ('before "-infinity"', '2026-05-04 00:00+00'),
    ('before "2026-05-03 09:30"', '2026-05-04 00:00+00'), ('before "2026-05-03 09:30"', '2026-05-01 12:00+00'),
    ('in last 163800 seconds', '2026-05-03 09:30+00'), ('in last 163800 seconds', '2026-05-03 09:29:59.999999+00'),
    ('between 46 hours and 1 hour ago', '2026-05-03 09:30+00'),
    ('in this month', '2026-05-02 00:00+00'), ('in last month', '2026-06-02 00:00+00'), ('in last 5000 years', '2026-05-04 00:00+00'),
    ('in last 1 month', '4714-11-25 00:00+00 BC')) v(during, now), s;
SELECT after, segment.series_after('text{"a" @ -infinity, "b" @ 2026-05-01 12:00+00, "c" @ 2026-05-03 09:30+00}', after)
FROM (VALUES (timestamptz '-infinity'), ('2026-05-01 12:00+00'), ('2026-05-03 09:30+00'), ('infinity'), (NULL)) v(after);

-- ties: most rows, then the most recent, then the smallest; of one instant the smallest
SELECT segment.series_most_frequent(t, NULL, NULL, NULL, NULL::text) AS favourite,
       segment.series_first(t, NULL, NULL, NULL, NULL::text) AS first,
       segment.series_last(t, NULL, NULL, NULL, NULL::text) AS last, t AS of
FROM (VALUES
    ('text{"a" @ 2026-05-09, "b" @ 2026-05-01, "b" @ 2026-05-02}'::segment.series),
    ('text{"a" @ 2026-05-01, "b" @ 2026-05-02}'),
    ('text{"b" @ 2026-05-01, "a" @ 2026-05-01}')) v(t);

-- the oracle: the same aggregates of the server over the events of the window
CREATE TABLE series_many AS
SELECT i % 7 AS customer, timestamptz '2026-01-01 00:00+00' + i * 7919 % 1000 * interval '1 hour' AS at,
       i * i % 23 AS number, 
       CASE WHEN i % 3 = 0 THEN i % 1009 / 7.0 ELSE round(i * 37 % 1009 / 100.0, 2) END AS amount,
       round(i * 91 % 1009 / 100.0 - 5, 2) AS price, i * 3 % 17 / 4.0::float8 AS seconds,
       'store ' || i * i % 11 AS store
FROM generate_series(1, 1000) i;
SELECT count(*) AS asked,
       count(*) FILTER (WHERE segment.series_count(n, during, 'UTC', b) = count) AS same_count,
       count(*) FILTER (WHERE segment.series_sum(n, during, 'UTC', b) = sum_n) AS same_sum_of_numbers,
       count(*) FILTER (WHERE segment.series_sum(m, during, 'UTC', b)::text = sum_m::text) AS same_sum_of_amounts,
       count(*) FILTER (WHERE segment.series_sum(p, during, 'UTC', b)::text = sum_p::text) AS same_sum_of_prices,
       count(*) FILTER (WHERE segment.series_squares(m, during, 'UTC', b)::text = squares_m::text) AS same_squares,
       count(*) FILTER (WHERE segment.series_sum_float(f, during, 'UTC', b) = sum_f) AS same_sum_of_floats,
       count(*) FILTER (WHERE segment.series_min(m, during, 'UTC', b, NULL::numeric) IS NOT DISTINCT FROM min) AS same_min,
       count(*) FILTER (WHERE segment.series_max(m, during, 'UTC', b, NULL::numeric) IS NOT DISTINCT FROM max) AS same_max,
       count(*) FILTER (WHERE segment.series_min(n, during, 'UTC', b, NULL::int) IS NOT DISTINCT FROM min_n
           AND segment.series_max(n, during, 'UTC', b, NULL::int) IS NOT DISTINCT FROM max_n) AS same_edges_of_numbers,
       count(*) FILTER (WHERE segment.series_min(p, during, 'UTC', b, NULL::numeric)::text IS NOT DISTINCT FROM min_p::text
           AND segment.series_max(p, during, 'UTC', b, NULL::numeric)::text IS NOT DISTINCT FROM max_p::text) AS same_edges_of_prices,
       count(*) FILTER (WHERE segment.series_first(t, during, 'UTC', b, NULL::text) IS NOT DISTINCT FROM first) AS same_first,
       count(*) FILTER (WHERE segment.series_last(t, during, 'UTC', b, NULL::text) IS NOT DISTINCT FROM last) AS same_last,
       count(*) FILTER (WHERE segment.series_distinct(t, during, 'UTC', b) = stores) AS same_distinct,
       count(*) FILTER (WHERE segment.series_values(t, during, 'UTC', b, NULL::text) = list) AS same_values
FROM (SELECT customer, segment.series_of(at, number) AS n, segment.series_of(at, amount) AS m,
             segment.series_of(at, price) AS p, segment.series_of(at, seconds) AS f, segment.series_of(at, store) AS t
      FROM series_many GROUP BY customer) kept
JOIN (SELECT customer, a, b, during, count(at), coalesce(sum(number), 0) AS sum_n, coalesce(sum(amount), 0) AS sum_m,
             coalesce(sum(amount * amount), 0) AS squares_m, coalesce(sum(seconds), 0) AS sum_f, min(amount), max(amount),
             coalesce(sum(price), 0) AS sum_p, min(price) AS min_p, max(price) AS max_p, min(number) AS min_n, max(number) AS max_n,
             (array_agg(store ORDER BY at, store))[1] AS first, (array_agg(store ORDER BY at DESC, store))[1] AS last,
             count(DISTINCT store) AS stores, coalesce(array_agg(DISTINCT store ORDER BY store) FILTER (WHERE at IS NOT NULL), '{}') AS list
      FROM generate_series(0, 6) AS c(customer) CROSS JOIN generate_series(-3, 45, 3) d
      CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01 00:00+00' + d * interval '1 day' AS a,
                                 timestamptz '2026-01-01 00:00+00' + (d + d % 8) * interval '1 day' AS b,
                                 format(CASE WHEN d % 8 > 0 THEN 'in last %s hours' ELSE 'before "-infinity"' END, d % 8 * 24) AS during) w
      LEFT JOIN (SELECT customer AS who, at, number, amount, price, seconds, store FROM series_many) m
          ON who = customer AND at > a AND at <= b
      GROUP BY customer, a, b, during) naive USING (customer);

-- any type with an order; times as they are in no zone but UTC, whatever is set
CREATE SCHEMA "Series shop";
CREATE TYPE "Series shop"."Mood" AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN series_name AS varchar(10) CHECK (VALUE <> '');
SET DateStyle = 'German, DMY';
SET TimeZone = 'Asia/Kathmandu';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = -10;
SET search_path = 'Series shop', pg_catalog;
\pset format unaligned
WITH t(series) AS (
    SELECT segment.series_of(v, v) FROM unnest('{2026-02-01 12:00+00,2026-01-02 12:00:00.000001+00,-infinity,infinity}'::timestamptz[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{2026-02-01,2026-01-02}'::date[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{1 day 02:00,-1 mon}'::interval[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{0.1,1e300,-0,0}'::float8[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{-32768,32767,0}'::int2[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{-2147483648,2147483647}'::int4[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{-9223372036854775808,9223372036854775807}'::int8[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{0,0.00,1.50,1.5,-12345.6789,999999999999.9999,1000000000000,0.00001,1.500000,NaN,-Infinity,1e-30,-0.5}'::numeric[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{t,f}'::boolean[]) v
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest('{00000000-0000-0000-0000-000000000002,00000000-0000-0000-0000-000000000001}'::uuid[]) v
    -- (at one instant they would stand in the order of the labels' OIDs)
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00'::timestamptz + o * interval '1 s', v) FROM unnest('{happy,sad}'::"Mood"[]) WITH ORDINALITY AS u(v, o)
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00'::timestamptz + o * interval '1 s', ARRAY[v]) FROM unnest('{happy,sad}'::"Mood"[]) WITH ORDINALITY AS u(v, o)
    UNION ALL SELECT segment.series_of('2026-01-01 00:00+00', v) FROM unnest(ARRAY['quote " in', 'back \ slash', 'brace } comma ,', '', 'two
lines']) v)
SELECT series, series::text::segment.series OPERATOR(segment.=) series AS again FROM t ORDER BY series::text COLLATE "C";
\pset format aligned
RESET search_path;
RESET DateStyle;
SET TimeZone = 'UTC';
RESET IntervalStyle;
RESET extra_float_digits;
SELECT segment.series_of(v.at, v.value::series_name), pg_typeof(segment.series_last(segment.series_of(v.at, v.value::series_name), NULL, NULL, NULL, NULL::series_name))
FROM (VALUES (timestamptz '2026-05-01 00:00+00', 'x')) v(at, value);

-- equal is what holds the same, and what looks different is not
SELECT 'numeric{"1.50" @ 2026-05-01}'::segment.series OPERATOR(segment.=) 'numeric{"1.50" @ 2026-05-01}' AS same,
       'numeric{"1.50" @ 2026-05-01}'::segment.series OPERATOR(segment.=) 'numeric{"1.5" @ 2026-05-01}' AS looks,
       'int4{"1" @ 2026-05-01}'::segment.series OPERATOR(segment.=) 'int4{"2" @ 2026-05-01}' AS "values",
       'int4{"1" @ 2026-05-01}'::segment.series OPERATOR(segment.=) 'int4{"1" @ 2026-05-01, "1" @ 2026-05-01}' AS number,
       'int4{"1" @ 2026-05-01}'::segment.series OPERATOR(segment.=) 'int8{"1" @ 2026-05-01}' AS type,
       '{2026-05-01}'::segment.series OPERATOR(segment.<>) '{2026-05-02}' AS times,
       '{2026-05-01}'::segment.series OPERATOR(segment.<>) 'int4{"1" @ 2026-05-01}' AS without;

-- input: events in any order, spaces where one likes
SELECT ' text { "tea" @ 2026-05-02 12:00+02 , "cake"@2026-05-01 12:00+02 } '::segment.series;
SELECT '{2026-05-02 12:00+02,2026-05-01, 2026-05-02 10:00+00}'::segment.series;

-- and what is wrong with each of these
SELECT ''::segment.series;
SELECT '{}'::segment.series;
SELECT 'text'::segment.series;
SELECT 'text{}'::segment.series;
SELECT 'text{"tea"}'::segment.series;
SELECT 'text{"tea" @}'::segment.series;
SELECT 'text{"tea" @ soon}'::segment.series;
SELECT 'text{"tea" @ 2026-05-01 "cake" @ 2026-05-02}'::segment.series;
SELECT 'text{"tea" @ 2026-05-01} and more'::segment.series;
SELECT '{2026-05-01,}'::segment.series;
SELECT 'int4{"one" @ 2026-05-01}'::segment.series;
SELECT 'integer{"1" @ 2026-05-01}'::segment.series;
SELECT 'json{"{}" @ 2026-05-01}'::segment.series;
SELECT 'cstring{"1" @ 2026-05-01}'::segment.series;
SELECT segment.series_of(now(), '{}'::json);
SELECT segment.series_max('text{"tea" @ 2026-05-01}', NULL, NULL, NULL, NULL::int);
SELECT segment.series_max('{2026-05-01}', NULL, NULL, NULL, NULL::int);
SELECT segment.series_distinct('{2026-05-01}', NULL, NULL, NULL);
SELECT segment.series_sum('{2026-05-01}', NULL, NULL, NULL);
SELECT segment.series_sum('text{"tea" @ 2026-05-01}', NULL, NULL, NULL);
SELECT segment.series_sum('float8{"1" @ 2026-05-01}', NULL, NULL, NULL);
SELECT segment.series_sum_float('int4{"1" @ 2026-05-01}', NULL, NULL, NULL);

-- the bytes: written once, they must be read for ever.  A cast for the test
-- alone shows and takes them raw.
CREATE CAST (segment.series AS bytea) WITHOUT FUNCTION;
CREATE CAST (bytea AS segment.series) WITHOUT FUNCTION;
SELECT 'numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}'::segment.series::bytea AS numeric,
       'numeric{"1e-9" @ 2026-05-01 12:00:00+00}'::segment.series::bytea AS raw_numeric,
       '{1999-12-31 00:00:00+00, 2000-01-01 00:00:00+00, 2000-01-01 00:00:00+00}'::segment.series::bytea AS days,
       'text{"tea" @ 2000-01-01 00:00:00.000001+00}'::segment.series::bytea AS text,
       'int4{"-2" @ 2000-01-01 00:00:01+00, "70" @ 2000-01-01 00:00:02+00}'::segment.series::bytea AS int4;
SELECT '\x01a40d0302aa1500e0c99a0d02c413aa15000e'::bytea::segment.series AS numeric,
       '\x01a40d04010000c8961c09fd84e803'::bytea::segment.series AS raw_numeric,
       '\x01000403182f1800'::bytea::segment.series AS days,
       '\x01190001000203746561'::bytea::segment.series AS text,
       '\x0117020201000203018c01'::bytea::segment.series AS int4;

-- what is not a series is found out, and what to do is said
SELECT '\x'::bytea::segment.series;
SELECT '\x040000010203'::bytea::segment.series;
SELECT '\x01000001'::bytea::segment.series;
SELECT '\x01000001000200'::bytea::segment.series;
SELECT '\x0100000202'::bytea::segment.series;
SELECT '\x01000000'::bytea::segment.series;
SELECT '\x0100050102'::bytea::segment.series;
SELECT '\x01008002'::bytea::segment.series;
SELECT '\x0100000100fcffffffffffffffff01'::bytea::segment.series;
SELECT '\x0100040100feffffffffffffff7f'::bytea::segment.series;
SELECT '\x010004020002ffffffffffffffffff01'::bytea::segment.series;
SELECT '\x0172000102'::bytea::segment.series;
SELECT '\x01ffffff7f000102'::bytea::segment.series;
SELECT '\x01ffffffffff7f000102'::bytea::segment.series;
SELECT '\x011700010000028080808010'::bytea::segment.series;
SELECT '\x011900010002020061'::bytea::segment.series;
SELECT '\x0119000100020561'::bytea::segment.series;
SELECT '\x0119000200020162000161'::bytea::segment.series;
SELECT '\x01a40d000100000204ffffffffffffffff7f'::bytea::segment.series;
SELECT '\x01a40d000100000206ff'::bytea::segment.series;
SELECT '\x010004020102ffffffffffffffffff01'::bytea::segment.series;
SELECT '\x01000402ffffffffffffffff7f0202'::bytea::segment.series;
SELECT '\x01000403172f1800'::bytea::segment.series;
SELECT '\x01000403192f1800'::bytea::segment.series;

-- of eight and more it is said what they come to, if that can be said
CREATE TABLE series_long AS
SELECT name, ('numeric{' || string_agg(format('"%s" @ 2000-01-%s', value, number), ', ') || '}')::segment.series::bytea AS bytes
FROM (VALUES ('seven', '{2.50,12.50,7.00,7.00,7.00,7.00,7.00}'::text[]), ('eight', '{2.50,12.50,7.00,7.00,7.00,7.00,7.00,0.00}'),
    ('whole', '{-3,-4,0,0,0,0,0,0}'), ('mixed', '{1,1,1,1,1,1,1,1.0}'), ('odd', '{1,1,1,1,1,1,1,1e-9}'), ('not a number', '{1,1,1,1,1,1,1,NaN}')) v(name, list),
    unnest(list) WITH ORDINALITY u(value, number)
GROUP BY name ORDER BY min(array_length(list, 1)), name;
SELECT name, substr(bytes, 1, 13) AS head FROM series_long ORDER BY name;
SELECT name, ('int8{' || string_agg(format('"%s" @ 2000-01-%s', value, number), ', ') || '}')::segment.series::bytea AS int8
FROM (VALUES ('sum', '{1,2,3,4,5,6,7,8}'::text[]), ('greatest', '{9223372036854775807,0,0,0,0,0,0,0}'), ('greater', '{9223372036854775807,1,0,0,0,0,0,0}')) v(name, list),
    unnest(list) WITH ORDINALITY u(value, number)
GROUP BY name ORDER BY name DESC;
-- another sum, another least, another greatest; a scale that there is not; too large
SELECT overlay(bytes PLACING '\x924e' FROM 9)::segment.series FROM series_long WHERE name = 'eight';
SELECT overlay(bytes PLACING '\x01' FROM 11)::segment.series FROM series_long WHERE name = 'eight';
SELECT overlay(bytes PLACING '\xc613' FROM 12)::segment.series FROM series_long WHERE name = 'eight';
SELECT overlay(bytes PLACING '\x02' FROM 8)::segment.series FROM series_long WHERE name = 'eight';
SELECT overlay(bytes PLACING '\x06' FROM 8)::segment.series FROM series_long WHERE name = 'eight';
SELECT overlay(bytes PLACING '\xffffffffffffffff7f' FROM 9 FOR 2)::segment.series FROM series_long WHERE name = 'eight';
SELECT '\x01170401000202060206'::bytea::segment.series;
-- more than the type holds, or so much that a sum of some might be too large
SELECT overlay('int2{"1" @ 2000-01-01, "1" @ 2000-01-02, "1" @ 2000-01-03, "1" @ 2000-01-04, "1" @ 2000-01-05, "1" @ 2000-01-06, "1" @ 2000-01-07, "1" @ 2000-01-08}'::segment.series::bytea
    PLACING '\x100280897a' FROM 8 FOR 3)::segment.series;
SELECT overlay('int8{"1" @ 2000-01-01, "1" @ 2000-01-02, "1" @ 2000-01-03, "1" @ 2000-01-04, "1" @ 2000-01-05, "1" @ 2000-01-06, "1" @ 2000-01-07, "1" @ 2000-01-08}'::segment.series::bytea
    PLACING '\x1002feffffffffffffffff01' FROM 8 FOR 3)::segment.series;
-- the first has no number, and they are said to come to one
SELECT segment.series_sum('\x01a40d030201010e0e0e020700c001000e'::bytea::segment.series, 'since "2000-01-01 00:01:00.000001"', 'UTC', '2030-01-01');
DROP TABLE series_long;

-- cut short anywhere, or with any byte changed behind the type, it is refused
-- or still a series; nothing worse
DO $$
DECLARE
    one segment.series;
    bytes bytea;
    sum text;
    extreme text;
    cut int := 0;
    refused int := 0;
    accepted int := 0;
BEGIN
    FOREACH one IN ARRAY ARRAY[
        ('text{"" @ 2026-05-01 12:00:00+00, "cake" @ 2026-05-01 12:00:00+00, "tea" @ -infinity, "'
         || repeat('long ', 50) || '" @ infinity}'),
        'numeric{"12.50" @ 2026-05-01 12:00:00+00, "1e-20" @ 2026-05-02 12:00:00.5+00, "NaN" @ 2026-05-03, "-7" @ 2026-05-03}',
        'int8{"1234567890123" @ 2026-05-01 12:00:00+00, "-1" @ 2026-05-02 12:00:00+00}',
        'uuid{"00000000-0000-0000-0000-000000000002" @ 2026-05-01, "00000000-0000-0000-0000-000000000001" @ 2026-05-02}',
        '{2026-05-01 12:00:00.000001+00, 2026-05-02 12:00:00+00, 2028-05-02 12:00:00+00}',
        ('numeric{' || (SELECT string_agg(format('"%s.50" @ 2026-05-%s', i * i, i), ', ') FROM generate_series(1, 9) AS i) || '}'),
        ('int2{' || (SELECT string_agg(format('"%s" @ 2026-05-%s', i * i, i), ', ') FROM generate_series(1, 9) AS i) || '}')]::segment.series[]
    LOOP
        bytes := one::bytea;
        -- what the function does not take is refused before it is read
        sum := CASE WHEN one::text ~ '^(numeric|int)' THEN 'segment.series_sum($1, $2, ''UTC'', ''2030-01-01'')' ELSE 'NULL::numeric' END;
        extreme := CASE split_part(one::text, '{', 1) WHEN '' THEN 'NULL, NULL' ELSE
            format('segment.series_min($1, $2, ''UTC'', ''2030-01-01'', NULL::%1$s), segment.series_max($1, $2, ''UTC'', ''2030-01-01'', NULL::%1$s)', split_part(one::text, '{', 1)) END;
        FOR i IN 0 .. length(bytes) - 1 LOOP
            BEGIN
                PERFORM substring(bytes for i)::segment.series::text;
                RAISE EXCEPTION 'accepted the first % bytes', i;
            EXCEPTION WHEN data_corrupted THEN
                cut := cut + 1;
            END;
        END LOOP;
        ASSERT cut = length(bytes);
        cut := 0;
        FOR i IN 3 .. length(bytes) - 1 LOOP
            FOR change IN 1 .. 255 BY 7 LOOP
                BEGIN
                    one := set_byte(bytes, i, get_byte(bytes, i) # change)::segment.series;
                    PERFORM segment.series_count(one, NULL, NULL, NULL);
                    EXECUTE format('SELECT %s, %s', sum, extreme) USING one, 'since "2026-05-02 12:00:00.000001"';
                    PERFORM one::text::segment.series;
                    accepted := accepted + 1;
                EXCEPTION WHEN data_corrupted OR invalid_text_representation OR datetime_field_overflow OR datatype_mismatch THEN
                    refused := refused + 1;
                END;
            END LOOP;
        END LOOP;
    END LOOP;
    ASSERT refused > 0 AND accepted > 0;
END $$;

-- how many bytes an event takes, the head of the series left out: a hundred of
-- them within thirty days, at any microsecond, at whole seconds, by the day
SELECT kind,
       round((length(segment.series_of(at)::bytea) - 5) / 100.0, 1) AS times,
       round((length(segment.series_of(at, pieces)::bytea) - 5) / 100.0, 1) AS int,
       round((length(segment.series_of(at, amount)::bytea) - 5) / 100.0, 1) AS numeric,
       round((length(segment.series_of(at, store)::bytea) - 5) / 100.0, 1) AS text
FROM (SELECT timestamptz '2026-05-01 00:00+00' + i * interval '25913.123457 seconds' AS instant,
             1 + i % 9 AS pieces, round(i * 7919 % 20000 / 100.0, 2) AS amount, (ARRAY['Harbour', 'Station', 'Campus'])[1 + i % 3] AS store
      FROM generate_series(1, 100) i) e,
     LATERAL (VALUES (1, 'any microsecond', instant), (2, 'whole seconds', date_trunc('second', instant)),
                     (3, 'days', date_trunc('day', instant))) k(number, kind, at)
GROUP BY number, kind ORDER BY number;
DROP CAST (segment.series AS bytea);
DROP CAST (bytea AS segment.series);

-- the wire: a version byte, then the text
SELECT segment.series_send('text{"tea" @ 2026-05-01 12:00:00+00}');
CREATE TABLE series_sent (series segment.series);
INSERT INTO series_sent
SELECT segment.series_of(timestamptz '2026-05-01 00:00+00' + v * interval '1 hour', v || repeat('x', 1000)) FROM generate_series(1, 100) v
UNION ALL SELECT segment.series_of(at, amount) FROM series_orders
UNION ALL SELECT segment.series_of(at) FROM series_orders
UNION ALL SELECT NULL;
CREATE TABLE series_received (LIKE series_sent);
COPY series_sent TO PROGRAM 'cat > series_sent' (FORMAT binary);
COPY series_received FROM PROGRAM 'cat series_sent; rm series_sent' (FORMAT binary);
SELECT count(*) AS rows, count(series) AS series,
       count(*) FILTER (WHERE series::text IN (SELECT series::text FROM series_sent)) AS as_sent,
       sum(segment.series_count(series, NULL, NULL, NULL)) AS events
FROM series_received;

-- and what nobody may send: another version, no text, half of one
CREATE TABLE series_bytes (bytes bytea);
INSERT INTO series_bytes VALUES ('\x02' || '{2026-05-01}'::bytea);
COPY series_bytes TO PROGRAM 'cat > series_sent' (FORMAT binary);
COPY series_received FROM PROGRAM 'cat series_sent; rm series_sent' (FORMAT binary);
UPDATE series_bytes SET bytes = '';
COPY series_bytes TO PROGRAM 'cat > series_sent' (FORMAT binary);
COPY series_received FROM PROGRAM 'cat series_sent; rm series_sent' (FORMAT binary);
UPDATE series_bytes SET bytes = '\x01' || '{2026-05-'::bytea;
COPY series_bytes TO PROGRAM 'cat > series_sent' (FORMAT binary);
COPY series_received FROM PROGRAM 'cat series_sent; rm series_sent' (FORMAT binary);

-- changes: events that came, and events that went from another series; joined, what is
-- left.  A long series has a directory, and is read in parts.
SELECT c AS changes, c::text::segment.series OPERATOR(segment.=) c AS again, segment.series_joined(c, b, NULL) AS joined,
       segment.series_count(segment.series_joined(c, b, NULL), NULL, NULL, NULL) AS count, segment.series_sum(segment.series_joined(c, NULL, b), NULL, NULL, NULL) AS sum,
       segment.series_max(segment.series_joined(NULL, c, b), NULL, NULL, NULL, NULL::numeric) AS max, segment.series_last(segment.series_joined(c, NULL, b), NULL, NULL, NULL, NULL::numeric) AS last
FROM unnest(ARRAY['numeric{"9" @ 2026-06-01} less {"7" @ 2026-05-28}', 'numeric{} less {"7" @ 2026-05-28, "12.50" @ 2026-05-02}', 'numeric{} less {"7" @ 2026-05-28}', 'numeric{"7" @ 2026-05-28}']::segment.series[]) AS c,
    CAST('numeric{"12.50" @ 2026-05-02, "7" @ 2026-05-28}' AS segment.series) AS b;
SELECT segment.series_joined('{} less {2026-05-28}', '{2026-05-28, 2026-05-28}', '{2026-05-29}'), segment.series_joined(NULL, NULL, NULL);
SELECT 'numeric{}'::segment.series;
SELECT 'numeric{} less {}'::segment.series;
SELECT '{2026-05-28} less'::segment.series;
SELECT segment.series_joined('{2026-05-28}', 'text{"a" @ 2026-05-28}', NULL);
SELECT segment.series_tail(segment.series_of(at, n)) IS NULL AS long, segment.series_body(segment.series_of(at, n)) IS NULL AS short, count(*)
FROM (SELECT timestamptz '2026-05-01 00:00+00' + n * interval '1 hour' AS at, n FROM generate_series(1, 1000) AS n) AS many GROUP BY n > 50 ORDER BY 1;
CREATE TABLE series_long AS
SELECT segment.series_of(timestamptz '2026-01-01 00:00+00' + n * interval '1 minute', n % 1000) AS whole, segment.series_of(timestamptz '2026-01-01 00:00+00' + n * interval '1 minute') AS times,
    segment.series_of(timestamptz '2026-01-01 00:00+00' + n * interval '1 minute', n / 4.0::float8) AS floats FROM generate_series(1, 50000) AS n;
SELECT during, segment.series_count(times, during, 'UTC', now), segment.series_sum(whole, during, 'UTC', now), segment.series_min(whole, during, 'UTC', now, NULL::int),
       segment.series_max(whole, during, 'UTC', now, NULL::int), segment.series_first(whole, during, 'UTC', now, NULL::int), segment.series_last(floats, during, 'UTC', now, NULL::float8),
       segment.series_sum_float(floats, during, 'UTC', now) AS sum_float
FROM series_long, (VALUES ('in last 100 minutes'), ('in last 20 days'), ('between 10 days and 9 days ago'), ('since "2026-01-30"'), ('in last month'), (NULL)) AS w(during),
     (VALUES (timestamptz '2026-02-01 00:00:30+00')) AS n(now) ORDER BY during;
SELECT count(*) FILTER (WHERE pg_column_size(times) < 100000), count(*) FILTER (WHERE times::text::segment.series OPERATOR(segment.=) times) FROM series_long;

DROP TABLE series_orders, series_long, series_many, series_sent, series_received, series_bytes;
DROP DOMAIN series_name;
DROP TYPE "Series shop"."Mood";
DROP SCHEMA "Series shop";
