-- The type segment.filter: stored, compared, indexed, combined, sent and
-- received; and bytes that no filter is made of.
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS segment;
RESET client_min_messages;
SET search_path = segment, public;

-- equal means: the same canonical text
SELECT 'a <> 1'::filter = 'not (a = 1.0)'::filter AS equal,
    'a = 1'::filter = 'a = "1"'::filter AS text_is_no_number,
    'a and b'::filter = 'b and a'::filter AS order_matters,
    'a = 1'::filter <> 'a = 2'::filter AS differ,
    filter_hash('a<>1') = filter_hash('a != 1') AS same_hash,
    filter_hash_extended('a<>1', 7) = filter_hash_extended('a != 1', 7) AS same_long_hash,
    filter_hash_extended('a', 0) <> filter_hash_extended('a', 7) AS seeded;

-- an order, though one without a meaning
SELECT count(*) AS pairs,
    bool_and((a < b) = (b > a) AND (a <= b) = NOT (a > b) AND (a >= b) = (filter_cmp(a, b) >= 0)
        AND (a = b) = (filter_cmp(a, b) = 0)) AS total
FROM generate_series(1, 20) AS m, generate_series(1, 20) AS n,
    LATERAL (SELECT ('x > ' || m)::filter AS a, ('x > ' || n)::filter AS b) AS pair;

-- Ada saves her filters in a table
CREATE TABLE saved (name text, filter filter);
INSERT INTO saved VALUES
    ('vip', 'total_spend > 500'), ('locals', 'city = ''Aarhus'''), ('also vip', 'total_spend>500.00'),
    ('lapsed', 'last_order_at more than 60 days ago'), ('unknown', NULL);
SELECT filter, count(*), min(name) FROM saved GROUP BY filter ORDER BY min(name);
SELECT DISTINCT filter::text FROM saved ORDER BY 1;
CREATE UNIQUE INDEX ON saved (filter) WHERE name <> 'also vip';
CREATE INDEX ON saved USING hash (filter);
INSERT INTO saved VALUES ('copy', 'city="Aarhus"');
SET enable_seqscan = off;
SELECT name FROM saved WHERE filter = 'not not total_spend > 500' ORDER BY name;
EXPLAIN (COSTS OFF) SELECT name FROM saved WHERE filter = 'a';
RESET enable_seqscan;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT a.name, b.name FROM saved a JOIN saved b USING (filter) WHERE a.name < b.name;
RESET enable_nestloop;
RESET enable_mergejoin;
DROP TABLE saved;

-- long filters are compressed and moved out of line like any value
CREATE TABLE long_filters AS
SELECT n, ('a in (' || string_agg('"' || md5(i::text) || '"', ',') || ')')::filter AS filter
FROM (VALUES (10), (1000), (20000)) AS v (n), generate_series(1, n) AS i GROUP BY n;
SELECT n, pg_column_size(filter) > 30 * n AS stored, length(filter::text) - 34 * n - 2 * (n - 1) AS rest,
    filter::text::filter = filter AS same FROM long_filters ORDER BY n;
DROP TABLE long_filters;

-- filters combine
SELECT 'a > 1'::filter & 'b or c' AS both, 'a > 1'::filter | 'b and c' AS either, ! 'a = 1'::filter AS neither;
SELECT 'a and b'::filter & 'c and d' AS flat, 'a or b'::filter | 'c' AS also_flat, ! ! 'a'::filter AS twice,
    ! ('a'::filter & 'b') AS around;
SELECT ('did order where a'::filter & 'b')::text = '(did order where a) and b' AS parenthesised;
SELECT NULL::filter & 'a' IS NULL AS strict;

-- on the wire: a version, and the text
SELECT filter_send('a<>1 and b');
CREATE TEMP TABLE received (filter filter);
CREATE FUNCTION pg_temp.receive(bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    stream bytea := '\x5047434f50590aff0d0a00' || '\x0000000000000000'::bytea || '\x0001'
        || int4send(length(bytes)) || bytes || '\xffff';
    octal text;
    result text;
    message text;
    detail text;
BEGIN
    SELECT string_agg('\' || lpad(((b >> 6) & 7)::text || ((b >> 3) & 7)::text || (b & 7)::text, 3, '0'), '' ORDER BY i)
    INTO octal
    FROM generate_series(0, length(stream) - 1) AS i, LATERAL get_byte(stream, i) AS b;
    TRUNCATE received;
    EXECUTE format('COPY received FROM PROGRAM %L (FORMAT binary)', 'printf ''' || octal || '''');
    SELECT r.filter::text INTO result FROM received r;
    RETURN result;
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(detail, ''));
END $$;
SELECT pg_temp.receive(filter_send(f)) FROM (VALUES ('a<>1 and b'::filter), ('æ = "ø"')) AS v (f);
SELECT what, pg_temp.receive(bytes) FROM (VALUES
    ('as sent', '\x01'::bytea || 'a >  1'), ('nothing', ''), ('no text', '\x01'), ('cut off', '\x01'::bytea || 'a > '),
    ('another version', '\x02'::bytea || 'a'), ('our own bytes', '\x0101000000'), ('a zero byte', '\x01610062')) AS v (what, bytes);

-- Bytes on disk may be damaged.  Only a superuser can make such values.
BEGIN;
CREATE CAST (bytea AS filter) WITHOUT FUNCTION;
CREATE CAST (filter AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION pg_temp.damaged(bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
BEGIN
    RETURN bytes::filter::text;
EXCEPTION WHEN data_corrupted THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN message || ' | ' || detail;
END $$;
SELECT 'orders > 3'::filter::bytea;
SELECT what, pg_temp.damaged(bytes::bytea) FROM (VALUES
    ('as written', '\x01180002010000066f72646572730400000133'),
    ('empty', '\x'), ('another version', '\x02010000016101'), ('version alone', '\x01'),
    ('unknown op', '\x01ff000000'), ('nothing but none', '\x01000000'), ('an operand', '\x010400000131'),
    ('cut off', '\x011800020100'), ('a byte too many', '\x0101000001610a'),
    ('unknown detail', '\x010101000161'), ('absurd number of arguments', '\x013700ffffffff0f'),
    ('number of arguments in too many bytes', '\x01010080000161'), ('too few arguments', '\x0118000101000001610400'),
    ('absurd length of text', '\x01010000ffffffff0f61'), ('empty name', '\x0101000000'),
    ('zero byte in a text', '\x010100000100'),
    ('number that is none', '\x0118000201000001610400000178'), ('number not canonical', '\x01180002010000016104000002' || '3031'),
    ('and of one', '\x01370001010000' || '0161'), ('and in and', '\x0137000237000201000001610100000161' || '0100000161'),
    ('not of not', '\x0139000139000101000001' || '61'), ('argument of a wrong kind', '\x011800020100000161370002010000016101000001' || '61'),
    ('span of nothing', '\x01280002010000016109030001' || '30'), ('in this hour', '\x012c0201010000' || '0161')
    ) AS v (what, bytes);
-- each filter with any one byte changed is refused, or is another filter
SELECT count(*) AS tried, count(*) FILTER (WHERE t LIKE 'filter is corrupted%') > 0 AS some_refused,
    bool_and(t LIKE 'filter is corrupted%' OR t::filter::bytea = changed) AS all_sound
FROM (VALUES ('city in ("Aarhus", "Odense") and not (orders > 3 or x between 1 and now)'::filter),
        ('sum(orders.price * quantity where paid = true in last 30 days) > 100'),
        ('did not order where (paid) at least 2 times between 2 months and 1 day ago'),
        ('did a in next 3 days or did b to come or did c so far or did d in next week'),
        ('at least 1 of (x in this week, anniversary of y in last 3 days, bucket("s") < 5, in audience z)')) AS v (f),
    LATERAL (SELECT f::bytea AS bytes) AS b,
    generate_series(0, length(bytes) - 1) AS place,
    unnest(ARRAY[0, 1, 2, 3, 4, 5, 7, 9, 15, 22, 40, 55, 56, 57, 58, 59, 127, 128, 255]) AS new,
    LATERAL (SELECT set_byte(bytes, place, new) AS changed) AS c,
    LATERAL pg_temp.damaged(changed) AS t;
-- and cut off anywhere it is refused
SELECT count(*) AS tried, count(*) FILTER (WHERE pg_temp.damaged(substr(bytes, 1, n)) NOT LIKE 'filter is corrupted%') AS accepted
FROM (SELECT 'did not order where (paid) at least 2 times between 2 months and 1 day ago'::filter::bytea AS bytes) AS f,
    generate_series(0, length(bytes) - 1) AS n;
ROLLBACK;
