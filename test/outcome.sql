\set ECHO none
-- outcome(statement): what becomes of a statement, in the words that psql would
-- print, so that a query can try many.  A voucher's code is any sixteen digits.
--
-- A script gets it in its own schema, and its expected output is without this:
--
--		\getenv abs_srcdir PG_ABS_SRCDIR
--		\set outcome :abs_srcdir '/test/outcome.sql'
--		\i :outcome
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN regexp_replace(
        concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, 'DETAIL:  ' || nullif(detail, ''), 'HINT:  ' || nullif(hint, '')),
        '"\d{16}"', '"<code>"', 'g');
END $$;
\set ECHO all
