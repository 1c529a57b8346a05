-- A tally keeps which values were there, how often, and when last.  Ada's and
-- Ben's orders are counted by store; then text, bytes and errors of the type.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS segment;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

CREATE TABLE tally_orders (customer text, store text, amount numeric, at timestamptz);
INSERT INTO tally_orders VALUES
    ('Ada', 'Aarhus', 3.50, '2026-05-01 09:00+00'),
    ('Ada', 'Odense', 4.00, '2026-05-02 09:00+00'),
    ('Ada', 'Aarhus', 3.5, NULL),
    ('Ada', NULL, 1.00, '2026-05-03 09:00+00'),
    ('Ben', 'Odense', NULL, '2026-05-04 09:00+00'),
    ('Ben', 'Aarhus', 'NaN', '2026-05-04 09:00+00'),
    ('Cid', NULL, NULL, NULL);

-- without a value there is no tally, and nothing is asked of it in vain
SELECT customer, segment.tally_agg(store, at) AS stores
FROM tally_orders GROUP BY customer ORDER BY customer;

SELECT customer, segment.tally_size(stores) AS size,
       segment.tally_values(stores, NULL::text) AS stores,
       segment.tally_most_frequent(stores, NULL::text) AS favourite
FROM (SELECT customer, segment.tally_agg(store, at) AS stores
      FROM tally_orders GROUP BY customer) t
ORDER BY customer;

-- values are told apart by their order, not by how they look: 3.50 is 3.5, and of
-- both that is shown whose text comes first
SELECT segment.tally_size(t), segment.tally_values(t, NULL::numeric), segment.tally_most_frequent(t, NULL::numeric), t AS of
FROM (SELECT segment.tally_agg(amount, at) FROM tally_orders WHERE customer = 'Ada') AS a(t);
SELECT segment.tally_size(t), segment.tally_values(t, NULL::float8), t AS of
FROM (SELECT segment.tally_agg(v, NULL) FROM unnest('{0,-0,NaN,1,0}'::float8[]) v) AS a(t);
SELECT segment.tally_size(t), segment.tally_values(t, NULL::bpchar), t AS of
FROM (SELECT segment.tally_agg(v, NULL) FROM unnest('{"x ",x,y}'::text[]::bpchar[]) v) AS a(t);
SELECT segment.tally_size(t), segment.tally_values(t, NULL::jsonb), t AS of
FROM (SELECT segment.tally_agg(v, NULL) FROM unnest('{[1.0],[1],[1.00]}'::jsonb[]) v) AS a(t);
-- and under a collation for which case makes no difference
CREATE COLLATION tally_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT segment.tally_size(t), segment.tally_values(t, NULL::text), segment.tally_most_frequent(t, NULL::text),
       segment.tally_size(t COLLATE "C") AS size_c, segment.tally_most_frequent(t COLLATE "C", NULL::text) AS most_frequent_c, t AS of
FROM (SELECT segment.tally_agg(v COLLATE tally_ci, NULL) FROM unnest('{Tea,cake,TEA,tea,cake,tea,cake}'::text[]) v) AS a(t);

-- favourites: most rows, then the most recent, then the smallest; a row
-- without a time is older than any other, even one of -infinity
SELECT segment.tally_most_frequent(t, NULL::text) AS favourite, t AS of
FROM (VALUES
    ('text{"a": 1 @ 2026-05-09, "b": 2 @ 2026-05-01}'::segment.tally),
    ('text{"a": 2 @ 2026-05-01, "b": 2 @ 2026-05-02}'),
    ('text{"a": 2 @ 2026-05-02, "b": 2 @ 2026-05-02}'),
    ('text{"a": 2, "b": 2 @ -infinity}'),
    ('text{"a": 2 @ infinity, "b": 2 @ 2026-05-02}')) v(t);

-- the oracle: naive SQL over generated orders
CREATE TABLE tally_many AS
SELECT i % 37 AS customer, 'store ' || i * i % 23 AS store,
       CASE WHEN i % 5 > 0 THEN timestamptz '2026-01-01 00:00+00' + i * 7919 % 1000 * interval '1 hour' END AS at
FROM generate_series(1, 2000) i;
SELECT count(*) AS customers,
       count(*) FILTER (WHERE segment.tally_size(t) = size) AS same_size,
       count(*) FILTER (WHERE segment.tally_values(t, NULL::text) = stores) AS same_values,
       count(*) FILTER (WHERE segment.tally_most_frequent(t, NULL::text) = favourite) AS same_favourite,
       count(*) FILTER (WHERE t::text = written) AS same_text
FROM (SELECT customer, segment.tally_agg(store, at) AS t FROM tally_many GROUP BY customer) maintained
JOIN (SELECT customer, count(*) AS size, array_agg(store ORDER BY store) AS stores,
             (array_agg(store ORDER BY n DESC, latest DESC NULLS LAST, store))[1] AS favourite,
             'text{' || string_agg(format('"%s": %s', store, n) || coalesce(' @ ' || latest, ''), ', ' ORDER BY store) || '}' AS written
      FROM (SELECT customer, store, count(*) AS n, max(at) AS latest
            FROM tally_many GROUP BY customer, store) s
      GROUP BY customer) naive USING (customer);

-- more values than fit at first, and many rows of few values
SELECT segment.tally_size(segment.tally_agg(i, NULL)) AS distinct_numbers,
       segment.tally_values(segment.tally_agg(i % 3, NULL), NULL::int) AS remainders,
       segment.tally_agg(i % 3, NULL) AS counted
FROM generate_series(1, 10000) i;

-- any type with an order, written with its schema unless it is the server's
CREATE SCHEMA "Tally shop";
CREATE TYPE "Tally shop"."Mood" AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN tally_name AS varchar(10) CHECK (VALUE <> '');
SELECT segment.tally_agg(v, NULL) FROM unnest('{happy,sad,happy}'::"Tally shop"."Mood"[]) v;
-- (arrays of an enum stand in the order of its labels' OIDs)
SELECT replace(segment.tally_agg(ARRAY[v], NULL)::text, '{"{happy}": 2, "{sad}": 1}', '{"{sad}": 1, "{happy}": 2}') AS tally
FROM unnest('{happy,sad,happy}'::"Tally shop"."Mood"[]) v;
SELECT segment.tally_agg(v, NULL) FROM unnest('{x,y,x}'::tally_name[]) v;
SELECT pg_typeof(segment.tally_values(t, NULL::tally_name)), segment.tally_values(t, NULL::tally_name)
FROM (SELECT segment.tally_agg(v, NULL) AS t FROM unnest('{x,y,x}'::tally_name[]) v) s;
SELECT segment.tally_agg(v, NULL) FROM unnest(ARRAY['quote " in', 'back \ slash', 'brace } comma ,', '', 'two
lines']) v GROUP BY v ORDER BY v COLLATE "C";
SELECT segment.tally_agg(v, NULL) FROM unnest('{t,f,t}'::boolean[]) v;
SELECT segment.tally_agg(v, NULL) FROM unnest('{00000000-0000-0000-0000-000000000002,00000000-0000-0000-0000-000000000001}'::uuid[]) v;
SELECT segment.tally_agg(v, NULL) FROM unnest('{1 day,24 hours,-1 day}'::interval[]) v;
SELECT segment.tally_agg(v, v) FROM unnest('{-infinity,infinity,1900-01-01 00:00:00.000001+00}'::timestamptz[]) v;

-- the text depends on no setting of the session, and any text is read back
SET DateStyle = 'German, DMY';
SET TimeZone = 'Asia/Kathmandu';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SET search_path = 'Tally shop', pg_catalog;
WITH t(tally) AS (
    SELECT segment.tally_agg(v, v) FROM unnest('{2026-02-01 12:00+00,2026-01-02 12:00+00}'::timestamptz[]) v
    UNION ALL SELECT segment.tally_agg(v, NULL) FROM unnest('{2026-02-01,2026-01-02}'::date[]) v
    UNION ALL SELECT segment.tally_agg(v, NULL) FROM unnest('{1 day 02:00,-1 mon}'::interval[]) v
    UNION ALL SELECT segment.tally_agg(v, NULL) FROM unnest('{0.1,1e300}'::float8[]) v
    UNION ALL SELECT segment.tally_agg(v, NULL) FROM unnest('{a,\\x00}'::bytea[]) v
    UNION ALL SELECT segment.tally_agg(v, NULL) FROM unnest('{happy}'::"Mood"[]) v)
SELECT tally, tally::text::segment.tally OPERATOR(segment.=) tally AS again FROM t ORDER BY tally::text COLLATE "C";
RESET search_path;
RESET DateStyle;
SET TimeZone = 'UTC';
RESET IntervalStyle;
RESET extra_float_digits;
RESET bytea_output;

-- equal is what holds the same, and what looks different is not
SELECT 'numeric{"1.50": 2}'::segment.tally OPERATOR(segment.=) 'numeric{"1.50": 2}' AS same,
       'numeric{"1.50": 2}'::segment.tally OPERATOR(segment.=) 'numeric{"1.5": 2}' AS looks,
       'numeric{"1.5": 2}'::segment.tally OPERATOR(segment.=) 'numeric{"1.5": 3}' AS rows,
       'int4{"1": 2}'::segment.tally OPERATOR(segment.=) 'int8{"1": 2}' AS type,
       'int4{"1": 2}'::segment.tally OPERATOR(segment.<>) 'int4{"1": 2 @ 2026-01-01}' AS times;

-- input: entries in any order, spaces where one likes, and what is there twice added up
SELECT ' text { "tea" : 1 , "cake":2@2026-05-01 12:00+02 } '::segment.tally;
SELECT '"int4"[]{"{2}": 1, "{1,5}": 9}'::segment.tally;
SELECT 'text{"tea": 1, "tea": 2 @ 2026-05-01}'::segment.tally;
SELECT 'numeric{"1.5": 1, "1.50": 2}'::segment.tally;

-- and what is wrong with each of these
SELECT ''::segment.tally;
SELECT 'text'::segment.tally;
SELECT 'text{}'::segment.tally;
SELECT 'text{tea: 1}'::segment.tally;
SELECT 'text{"tea: 1}'::segment.tally;
SELECT 'text{"tea\'::segment.tally;
SELECT 'text{"tea" 1}'::segment.tally;
SELECT 'text{"tea": 0}'::segment.tally;
SELECT 'text{"tea": -1}'::segment.tally;
SELECT 'text{"tea": 9223372036854775807}'::segment.tally;
SELECT 'text{"tea": 4611686018427387903}'::segment.tally;
SELECT 'text{"tea": 1 @}'::segment.tally;
SELECT 'text{"tea": 1 @ soon}'::segment.tally;
SELECT 'text{"tea": 1 "cake": 2}'::segment.tally;
SELECT 'text{"tea": 1,}'::segment.tally;
SELECT 'text{"tea": 1} and more'::segment.tally;
SELECT 'int4{"one": 1}'::segment.tally;
SELECT 'integer{"1": 1}'::segment.tally;
SELECT 'Text{"1": 1}'::segment.tally;
SELECT '"text'::segment.tally;
SELECT 'nowhere.text{"1": 1}'::segment.tally;
SELECT 'text[{"1": 1}'::segment.tally;
SELECT 'json{"{}": 1}'::segment.tally;
SELECT 'record{"(1)": 1}'::segment.tally;
SELECT 'cstring{"1": 1}'::segment.tally;
SELECT segment.tally_agg('{}'::json, NULL);
SELECT segment.tally_values('text{"tea": 1}', NULL::int);
SELECT segment.tally_most_frequent('text{"tea": 1}', NULL::varchar);

-- the bytes: written once, they must be read for ever.  A cast for the test
-- alone shows and takes them raw.
CREATE CAST (segment.tally AS bytea) WITHOUT FUNCTION;
CREATE CAST (bytea AS segment.tally) WITHOUT FUNCTION;
SELECT 'text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}'::segment.tally::bytea AS text,
       'int4{"-2": 1 @ 2000-01-01 00:00:00+00, "7": 70 @ 1999-12-31 23:59:59.999999+00}'::segment.tally::bytea AS int4;
SELECT '\x01190000000202037465610780c0c8ece2eff90205766567616e'::bytea::segment.tally AS text,
       '\x0117000000020300feffffff8d010107000000'::bytea::segment.tally AS int4;

-- what is not a tally is found out, and what to do is said
SELECT '\x'::bytea::segment.tally;
SELECT '\x04190000000102037465'::bytea::segment.tally;
SELECT '\x01190000000002037465'::bytea::segment.tally;
SELECT '\x011900000001020474656100'::bytea::segment.tally;
SELECT '\x0119000000010203746561'::bytea::segment.tally AS "the same without NUL";
SELECT '\x0119000000010205746561'::bytea::segment.tally;
SELECT '\x01190000000100037465'::bytea::segment.tally;
SELECT '\x011900000001020363617400'::bytea::segment.tally;
SELECT '\x01190000000202017a020161'::bytea::segment.tally;
SELECT '\x011900000002020161020161'::bytea::segment.tally;
SELECT '\x0119000000ffffffff0f020161'::bytea::segment.tally;
SELECT '\x011900000001ffffffffffffffffffff01020161'::bytea::segment.tally;
SELECT '\x0119000000018200020161'::bytea::segment.tally;
SELECT '\x01190000000102ffffffff0f61'::bytea::segment.tally;
SELECT '\x01190000000103ffffffffffffffffff010161'::bytea::segment.tally;
SELECT '\x01ffffff7f0102037465'::bytea::segment.tally;
SELECT '\x01720000000102037465'::bytea::segment.tally;
SELECT segment.tally_size('\x01190000000002037465'::bytea::segment.tally);

-- cut short anywhere, or with any byte changed behind the type, it is refused
-- or still a tally; nothing worse
DO $$
DECLARE
    bytes bytea := ('text{"": 1, "cake": 300 @ 2026-05-01 12:00:00+00, "tea": 1 @ -infinity, "'
                    || repeat('long ', 50) || '": 2}')::segment.tally::bytea;
    cut int := 0;
    refused int := 0;
    accepted int := 0;
BEGIN
    FOR i IN 0 .. length(bytes) - 1 LOOP
        BEGIN
            PERFORM substring(bytes for i)::segment.tally::text;
            RAISE EXCEPTION 'accepted the first % bytes', i;
        EXCEPTION WHEN data_corrupted THEN
            cut := cut + 1;
        END;
    END LOOP;
    ASSERT cut = length(bytes);
    FOR i IN 5 .. length(bytes) - 1 LOOP
        FOR change IN 1 .. 255 BY 7 LOOP
            BEGIN
                PERFORM set_byte(bytes, i, get_byte(bytes, i) # change)::segment.tally::text::segment.tally;
                accepted := accepted + 1;
            EXCEPTION WHEN data_corrupted THEN
                refused := refused + 1;
            END;
        END LOOP;
    END LOOP;
    ASSERT refused > 0 AND accepted > 0;
END $$;

-- a long tally has a directory, and one that is kept in three columns has changes in the
-- first two: what the first says holds
LOAD 'segment';
SET segment.series_tail = 16;
SELECT 'int4{"1": 1, "2": 4 @ 2000-01-01 00:00:00.000001+00, "3": 1, "4": 5, "5": 5 @ 1999-12-31 23:59:59.999999+00, "6": 1, "7": 1, "8": 1}'::segment.tally::bytea AS long,
       'int4{"7": 0, "9": 2} of 130'::segment.tally::bytea AS changes, 'int4{} of 9'::segment.tally::bytea AS none;
CREATE TABLE tally_columns (tail segment.tally, middle segment.tally, body segment.tally);
INSERT INTO tally_columns VALUES
    ('text{"d": 0, "e": 2} of 8', 'text{"a": 0, "d": 5, "j": 1} of 9', 'text{"a": 7, "b": 1, "c": 3, "d": 4, "e": 9, "f": 1, "g": 1, "h": 3 @ 2026-05-01, "i": 1}'),
    ('text{} of 2', NULL, 'text{"a": 1, "b": 2}'), ('text{"b": 1, "c": 1} of 3', 'text{"a": 1} of 1', NULL), ('text{"a": 1}', NULL, NULL), (NULL, NULL, NULL);
SELECT segment.tally_joined(tail, middle, body), segment.tally_size(segment.tally_joined(tail, middle, body)) AS size,
       segment.tally_values(segment.tally_joined(tail, middle, body), NULL::text) AS values,
       segment.tally_most_frequent(segment.tally_joined(tail, middle, body), NULL::text) AS favourite FROM tally_columns ORDER BY tail::text COLLATE "C";
SELECT segment.tally_joined(tail, middle, body) OPERATOR(segment.=) segment.tally_joined(tail, middle, body)::text::segment.tally AS same
FROM tally_columns WHERE tail IS NOT NULL ORDER BY tail::text COLLATE "C";
SELECT t, segment.tally_tail(t), segment.tally_body(t) FROM (VALUES ('int4{"1": 1}'::segment.tally), ('text{"four": 4, "three": 3, "two": 2}')) AS v(t);
SELECT 'int4{"7": 0}'::segment.tally;
SELECT 'int4{"7": 0} of 0'::segment.tally;
SELECT 'int4{"7": 0} of'::segment.tally;
SELECT 'int4{"7": 0} of 1 and more'::segment.tally;
SELECT 'int4{"7": 0,} of 1'::segment.tally;
SELECT 'int4{} of 1'::segment.tally OPERATOR(segment.=) 'int4{} of 2' AS same;
SELECT segment.tally_size(segment.tally_joined('int4{"1": 1}', 'text{"1": 1}', NULL));
SELECT segment.tally_joined('int4{"1": 1}', NULL, 'text{"1": 1}');
SELECT '\x0217000000020202'::bytea::segment.tally;
SELECT '\x0317000000000000'::bytea::segment.tally;

-- these, too, are refused or still tallies, whatever is changed in them, by whoever asks
DO $$
DECLARE
    long bytea := (SELECT segment.tally_agg('value ' || v || repeat('.', v), CASE WHEN v % 3 > 0 THEN timestamptz '2026-01-01' + v * interval '1 day' END) FROM generate_series(1, 12) v)::segment.tally::bytea;
    changes bytea := 'text{"value 1": 0, "value 2": 7, "value 3": 0 @ 2026-01-01 00:00+00, "value 4": 1, "value 5": 2, "value 6": 1, "value 7": 1, "value 8": 9} of 17'::segment.tally::bytea;
    bytes bytea;
    refused int := 0;
    accepted int := 0;
BEGIN
    ASSERT get_byte(long, 0) = 2 AND get_byte(changes, 0) = 3;
    FOREACH bytes IN ARRAY ARRAY[long, changes] LOOP
        FOR i IN 0 .. length(bytes) - 1 LOOP
            BEGIN
                PERFORM substring(bytes for i)::segment.tally::text;
                RAISE EXCEPTION 'accepted the first % bytes', i;
            EXCEPTION WHEN data_corrupted THEN
                NULL;
            END;
        END LOOP;
        FOR i IN 5 .. length(bytes) - 1 LOOP
            FOR change IN 1 .. 255 BY 7 LOOP
                BEGIN
                    PERFORM set_byte(bytes, i, get_byte(bytes, i) # change)::segment.tally::text::segment.tally,
                        segment.tally_most_frequent(set_byte(bytes, i, get_byte(bytes, i) # change)::segment.tally, NULL::text),
                        segment.tally_values(segment.tally_joined(changes::segment.tally, NULL, set_byte(bytes, i, get_byte(bytes, i) # change)::segment.tally), NULL::text);
                    accepted := accepted + 1;
                EXCEPTION WHEN data_corrupted THEN
                    refused := refused + 1;
                END;
            END LOOP;
        END LOOP;
    END LOOP;
    ASSERT refused > 0 AND accepted > 0;
END $$;
RESET segment.series_tail;
DROP TABLE tally_columns;
DROP CAST (segment.tally AS bytea);
DROP CAST (bytea AS segment.tally);

-- the wire: a version byte, then the text
SELECT segment.tally_send('text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}');
CREATE TABLE tally_sent (tally segment.tally);
INSERT INTO tally_sent
SELECT segment.tally_agg(v || repeat('x', 1000), NULL) FROM generate_series(1, 100) v
UNION ALL SELECT segment.tally_agg(amount, at) FROM tally_orders
UNION ALL SELECT NULL;
CREATE TABLE tally_received (LIKE tally_sent);
COPY tally_sent TO PROGRAM 'cat > tally_sent' (FORMAT binary);
COPY tally_received FROM PROGRAM 'cat tally_sent; rm tally_sent' (FORMAT binary);
SELECT count(*) AS rows, count(tally) AS tallies,
       count(*) FILTER (WHERE tally::text IN (SELECT tally::text FROM tally_sent)) AS as_sent,
       sum(segment.tally_size(tally)) AS "values"
FROM tally_received;

-- and what nobody may send: another version, no text, half of one, a NUL
CREATE TABLE tally_bytes (bytes bytea);
INSERT INTO tally_bytes VALUES ('\x02' || 'text{"tea": 1}'::bytea);
COPY tally_bytes TO PROGRAM 'cat > tally_sent' (FORMAT binary);
COPY tally_received FROM PROGRAM 'cat tally_sent; rm tally_sent' (FORMAT binary);
UPDATE tally_bytes SET bytes = '';
COPY tally_bytes TO PROGRAM 'cat > tally_sent' (FORMAT binary);
COPY tally_received FROM PROGRAM 'cat tally_sent; rm tally_sent' (FORMAT binary);
UPDATE tally_bytes SET bytes = '\x01' || 'text{"tea"'::bytea;
COPY tally_bytes TO PROGRAM 'cat > tally_sent' (FORMAT binary);
COPY tally_received FROM PROGRAM 'cat tally_sent; rm tally_sent' (FORMAT binary);
UPDATE tally_bytes SET bytes = '\x01' || 'text{"t'::bytea || '\x00' || 'a": 1}'::bytea;
COPY tally_bytes TO PROGRAM 'cat > tally_sent' (FORMAT binary);
COPY tally_received FROM PROGRAM 'cat tally_sent; rm tally_sent' (FORMAT binary);

-- the other aggregates of traits as SQL: any type with an order, arrays too
SELECT customer, segment.min_agg(store) AS min, segment.max_agg(store) AS max,
       segment.first_agg(store, at) AS first, segment.last_agg(store, at) AS last,
       segment.first_agg(ARRAY[store, customer], at) AS first_array
FROM tally_orders GROUP BY customer ORDER BY customer;
SELECT segment.min_agg(v) AS min, segment.max_agg(v) AS max FROM unnest('{t,f,t}'::boolean[]) v;
SELECT segment.min_agg(v) FROM (VALUES ('{}'::json), ('[]')) j(v);
SELECT segment.last_agg(v, now()) FROM (VALUES ('{}'::json), ('[]')) j(v);
SELECT segment.attribute_agg(store) AS "one", segment.attribute_agg(amount) AS missing
FROM tally_orders WHERE customer = 'Cid' OR (store = 'Oslo');
SELECT segment.attribute_agg(amount) FROM tally_orders WHERE customer = 'Ben';

DROP COLLATION tally_ci;
DROP TABLE tally_orders, tally_many, tally_sent, tally_received, tally_bytes;
DROP DOMAIN tally_name;
DROP TYPE "Tally shop"."Mood";
DROP SCHEMA "Tally shop";
