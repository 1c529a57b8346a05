-- Databases are not all in UTF-8.  The letters here are in UTF8, in EUC_JP and
-- in LATIN1, and are two, three or one bytes there: in each of them the same
-- filters are read, the same names found, and the same places pointed at.
SET client_encoding = 'UTF8';
CREATE SCHEMA shop_encoding;
SET search_path = shop_encoding, public;
SET jit = off;
SET segment.now = '2026-11-01 12:00+00';
CREATE TABLE kunder (nøgle text PRIMARY KEY, "By" text, mærker text[], data jsonb);
CREATE TABLE køb (nr int PRIMARY KEY, nøgle text, beløb numeric, købt timestamptz);
CREATE INDEX ON køb (nøgle, købt);
INSERT INTO kunder VALUES
    ('Åse', 'København', '{rød,grøn}', '{"størrelse": "æg"}'), ('Bjørn', 'Århus', '{grå}', '{"størrelse": "ål"}'),
    ('Cæcilie', 'Ærø', '{}', NULL), ('Ditte', NULL, NULL, '{"størrelse": "stor"}');

-- names, as they are written and with letters changed
SELECT segment.create_population('købere', key => 'nøgle', key_type => 'text', timezone => 'Europe/Copenhagen');
SELECT segment.attach_source('kunder');
SELECT segment.attach_source('køb', at => 'købt');
SELECT segment.create_trait('by', 'kunder.`By`');
SELECT segment.create_trait('mærker', 'kunder.mærker');
SELECT segment.create_trait('data', 'kunder.data');
SELECT segment.create_trait('forbrug', 'sum(køb.beløb where beløb > 0)');
SELECT segment.create_trait('beløb', 'list(distinct køb.nøgle)');
INSERT INTO køb VALUES (1, 'Åse', 12.5, '2026-10-31 12:00+00'), (2, 'Bjørn', 7, '2026-09-01 12:00+00'), (3, 'Åse', 2, NULL);
SELECT * FROM købere ORDER BY nøgle COLLATE "C";
SELECT segment.create_trait('fejl', 'sum(kob.beløb)');
SELECT segment.create_trait('fejl', 'sum(køb.belob)');

-- filters: text, and what is said of it
SELECT f AS written, nøgle FROM købere k, unnest(ARRAY[
    'by = "København"', 'by contains "ø"', 'by starts with "Å"', 'by ends with "rø"', 'by like "_rø"', 'by matches "^.rø$"',
    'by in ("Ærø", "Århus")', 'mærker contains "grå"', 'mærker contains any ("rød", "blå")', 'data.størrelse = "æg"',
    'data.`størrelse` in ("ål", "stor")', 'length(by) = 5', 'nøgle > "Å"', 'by ilike "ærø" or by ilike "Ærø"'])
    WITH ORDINALITY AS t (f, n)
WHERE k @@ f::segment.filter ORDER BY n, nøgle COLLATE "C";
-- where the server takes two letters for the same, we do
SELECT count(*) AS compared, count(*) FILTER (WHERE k @@ format('by ilike "%s"', pattern)::segment.filter
    IS DISTINCT FROM coalesce(by ILIKE pattern, false)) AS differ
FROM købere k, unnest(ARRAY['KØBENHAVN', 'københavn', 'ærø', '%ø%', '_RHUS', 'århus', 'ÅRHUS']) AS pattern;
-- words are folded as in SQL
SELECT 'Nøgle = 1 and NØGLE = 2 and `Nøgle` = 3 and æ.Ø = "Å"'::segment.filter;
SELECT segment.filter_traits('Ærø > 1 and ærø > 2');
CREATE TEMP TABLE folded AS SELECT 1 AS ÆRØ, 2 AS KØbt, 3 AS "Å";
SELECT attname, f @@ (format('%s = %s', written, attnum)::segment.filter) AS found
FROM folded f, pg_attribute, unnest(ARRAY['ÆRØ', 'KØbt', '`Å`']) WITH ORDINALITY AS t (written, n)
WHERE attrelid = 'folded'::regclass AND attnum = n ORDER BY n;

-- carets and numbers of characters
SELECT text::segment.filter FROM (VALUES (lower('CITY = ''ø'' AND ORDERS < > 3'))) AS t (text);
SELECT 'æøå = "ø" # 1'::segment.filter;
SELECT segment.filter_sql(text::segment.filter, 'købere') FROM (VALUES (lower('BY = ''ø'' and forbrg > 3'))) AS t (text);
SELECT segment.filter_sql('by = "ø" and data.ø > 3 and grøn(by) > 1', 'købere');
SELECT ('a = 1 ' || repeat('ø', 100))::segment.filter;

-- audiences, with their names in events, the feed and errors
SELECT segment.create_audience('røde', 'mærker contains "rød"');
SELECT segment.create_audience('størst', 'in audience røde and count(køb in last 30 days) > 0', description => 'de største');
SELECT * FROM størst;
SELECT * FROM segment.audiences('Åse');
SELECT filter, value, holds FROM segment.explain('størst', 'Åse');
UPDATE kunder SET mærker = '{rød}' WHERE nøgle = 'Bjørn';
INSERT INTO køb VALUES (4, 'Bjørn', 1, '2026-11-01 11:00+00');
SELECT count(*) FROM segment.tick();
SELECT audience, key, change FROM segment.transition WHERE population = 'købere' AND cause = 'event' ORDER BY seq;
SELECT segment.size('rode');
SELECT * FROM segment.verify();

-- there and back, as text, as a rule tree and on the wire
SELECT filter, filter::text::segment.filter OPERATOR(segment.=) filter AS text,
    filter::jsonb::segment.filter OPERATOR(segment.=) filter AS tree
FROM (VALUES ('by in ("Ærø", "Å") and data.størrelse contains "ø"'::segment.filter), ('did køb where `Ø` = 1')) AS v (filter);
SELECT '{"field": "data.størrelse", "operator": "in", "value": "ø, å\\, æ"}'::jsonb::segment.filter;

-- a customer is in the same bucket in every encoding
SELECT round(segment.bucket('smørrebrød', '42')::numeric, 6) AS salt, round(segment.bucket('s', 'Åse')::numeric, 6) AS key,
    round(segment.bucket(repeat('ø', 2000), 'æ' || repeat('a', 2000))::numeric, 6) AS long;

-- Bytes are refused where the server refuses them as text: in a filter that
-- was sent, and in one and in a series that come from disk.
CREATE FUNCTION pg_temp.accepts(command text, bytes bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command USING bytes;
    RETURN true;
EXCEPTION WHEN data_corrupted OR invalid_binary_representation OR character_not_in_repertoire THEN
    RETURN false;
END $$;
CREATE FUNCTION pg_temp.receive(bytes bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stream bytea := '\x5047434f50590aff0d0a00' || '\x0000000000000000'::bytea || '\x0001'
        || int4send(length(bytes)) || bytes || '\xffff';
    octal text;
BEGIN
    SELECT string_agg('\' || lpad(((b >> 6) & 7)::text || ((b >> 3) & 7)::text || (b & 7)::text, 3, '0'), '' ORDER BY i)
    INTO octal
    FROM generate_series(0, length(stream) - 1) AS i, LATERAL get_byte(stream, i) AS b;
    EXECUTE format('COPY pg_temp.received FROM PROGRAM %L (FORMAT binary)', 'printf ''' || octal || '''');
END $$;
BEGIN;
SELECT set_config('client_encoding', getdatabaseencoding(), true) IS NOT NULL AS sent_as_it_is;
CREATE TEMP TABLE received (filter segment.filter);
CREATE CAST (bytea AS segment.filter) WITHOUT FUNCTION;
CREATE CAST (bytea AS segment.series) WITHOUT FUNCTION;
SELECT count(*) AS tried, bool_or(is_text) AS some_are_text, bool_and(is_text) AS all_are,
    bool_and(is_text = pg_temp.accepts($c$SELECT pg_temp.receive('\x01613d22'::bytea || $1 || '\x22')$c$, bytes)) AS same_as_sent,
    bool_and(is_text = pg_temp.accepts($c$SELECT ('\x01010000'::bytea || set_byte('\x00', 0, length($1)) || $1)::segment.filter::text$c$,
        bytes)) AS same_in_filters,
    bool_and(is_text = pg_temp.accepts($c$SELECT ('\x011900010002'::bytea || set_byte('\x00', 0, length($1)) || $1)::segment.series::text$c$,
        bytes)) AS same_in_series
FROM unnest('{c3a6,ff,c3,8fabb1,e6,e6e6,a1,8e41,41,f8,0041,c3a6ff}'::text[]) AS hex, decode(hex, 'hex') AS bytes,
    LATERAL pg_temp.accepts('SELECT convert_from($1, getdatabaseencoding())', bytes) AS is_text;
ROLLBACK;

SELECT segment.drop_population('købere', cascade => true);
SET client_min_messages = warning;
DROP SCHEMA shop_encoding CASCADE;
