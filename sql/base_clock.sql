-- base: what time is it?  The transaction's start, unless the clock is frozen.
SELECT segment.now() = now() AS transaction_start;

SET segment.now = '2026-02-28 23:59:59.999999+00';
SELECT segment.now() AT TIME ZONE 'UTC' AS frozen;

RESET segment.now;
SELECT segment.now() = now() AS transaction_start;

-- what is no instant is refused, and the clock goes on
SET segment.now = 'yesterdayish';
SELECT segment.now() = now() AS transaction_start;

-- nor are the ends of the calendar: what is asked about is often earlier or later
SET segment.now = '294276-12-31 00:00:00+00';
SET segment.now = '0999-12-31 23:59:59.999999+00';
SET segment.now = '1000-01-01 00:00:00+00';
SELECT segment.now() AT TIME ZONE 'UTC' AS frozen;
SET segment.now = '274235-01-01 00:00:00+00';
SELECT segment.now() AT TIME ZONE 'UTC' AS frozen;
RESET segment.now;

-- however it is written, it is kept in one form, which needs no zone's name
CREATE FUNCTION kept(setting text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('segment.now', setting, true);
    RETURN current_setting('segment.now');
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'refused';
END $$;
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SELECT setting, kept(setting)
FROM unnest(ARRAY['2027-01-05T12:00:00Z', '2027-01-05 12:00:00 UTC',
    '2027-01-05 12:00 CET', '2027-07-05 12:00 Europe/Copenhagen',
    '5 January 2027 12:00:00.25-03:30', '1066-10-14 09:00+00', '02026-05-01 12:00:00.000001+00',
    '20270105T120000+01']) AS setting;
-- nor does it depend on the session's zone, or on the day on which it is set
SELECT setting, kept(setting)
FROM unnest(ARRAY['2027-01-05 12:00', '2027-01-05', 'now', 'tomorrow 12:00+00',
    'infinity', 'epoch', '-infinity', '12:00+00', '2027-02-30 12:00:00+00',
    '2027-01-05 12:00:00+00 ', '2027-01-05 12:00:00+00 AD', ' ']) AS setting;
SET segment.now = '2027-01-05 12:00';
RESET datestyle;

-- over the whole calendar: as the server prints it, as it is kept, as it is read
SET datestyle = 'ISO';
SET timezone = 'UTC';
CREATE TABLE instants AS
    SELECT '1000-01-01 00:00:00+00'::timestamptz +
        n * interval '30000 days 1 hour 1.234567 seconds' AS at, '' AS elsewhere
    FROM generate_series(0, 3326) AS n;
SET timezone = 'America/St_Johns';
UPDATE instants SET elsewhere = at::text;
SET timezone = 'UTC';
SELECT count(*), max(at),
    count(*) FILTER (WHERE kept(at::text) = at::text) AS fixed,
    count(*) FILTER (WHERE kept(elsewhere) = at::text) AS the_same,
    count(*) FILTER (WHERE kept(elsewhere)::timestamptz = at) AS read_back
FROM instants;
DROP TABLE instants;
RESET timezone;
RESET datestyle;
RESET segment.now;

-- parallel workers are told of it before they know zones or abbreviations
CREATE TABLE ticks AS SELECT FROM generate_series(1, 1000);
SELECT set_config(name, 'on', false) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SET segment.now = '2027-01-05T12:00:00Z';
SELECT DISTINCT segment.now() AT TIME ZONE 'UTC' AS frozen FROM ticks;
SET segment.now = '2027-01-05 12:00:00 EST';
SELECT DISTINCT segment.now() AT TIME ZONE 'UTC' AS frozen FROM ticks;
CREATE FUNCTION on_new_year() RETURNS timestamptz LANGUAGE sql
SET segment.now = '2028-01-01 00:00 CET'
AS 'SELECT DISTINCT segment.now() FROM ticks';
SELECT on_new_year() AT TIME ZONE 'UTC' AS frozen;
SELECT set_config(name, 'off', false) FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
RESET segment.now;
DROP FUNCTION on_new_year, kept;
DROP TABLE ticks;

-- only a superuser may stop it
CREATE ROLE clerk;
SET ROLE clerk;
SET segment.now = '2026-01-01 00:00:00+00';
RESET ROLE;
DROP ROLE clerk;
