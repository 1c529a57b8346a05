CREATE OR REPLACE FUNCTION segment.now()
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_now';
COMMENT ON FUNCTION segment.now() IS
    'the clock of traits and audiences: the transaction''s start, or the setting segment.now';

CREATE OR REPLACE FUNCTION segment.refuse_write()
RETURNS trigger
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_refuse_write';
COMMENT ON FUNCTION segment.refuse_write() IS
    'trigger on the tables that the extension keeps: it refuses writes other than those by events and by functions of the extension, which the argument names; the owner may insert into the tables of definitions and of the feed, as a restore does';

-- days and spans of time, for what filters are compiled to -------------------

CREATE OR REPLACE FUNCTION segment.date_add(at timestamptz, span interval, timezone text)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_date_add';
COMMENT ON FUNCTION segment.date_add(timestamptz, interval, text) IS
    'the instant plus the span, as the server adds them in that time zone; infinity beyond the end of time';

CREATE OR REPLACE FUNCTION segment.date_add(at timestamptz, span interval)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_date_add';
COMMENT ON FUNCTION segment.date_add(timestamptz, interval) IS
    'the instant plus the span, as the server adds them in the time zone of the session; infinity beyond the end of time';

CREATE OR REPLACE FUNCTION segment.local_day(at timestamptz, timezone text)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_day';
COMMENT ON FUNCTION segment.local_day(timestamptz, text) IS
    'the local day of the instant in that time zone; a day begins at the first instant that has its date';

CREATE OR REPLACE FUNCTION segment.local_day(at timestamptz)
RETURNS date
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_day';
COMMENT ON FUNCTION segment.local_day(timestamptz) IS
    'the local day of the instant in the time zone of the session';

CREATE OR REPLACE FUNCTION segment.day_start(day date, timezone text)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_day_start';
COMMENT ON FUNCTION segment.day_start(date, text) IS
    'the first instant that has the date, or a later date, in that time zone';

CREATE OR REPLACE FUNCTION segment.day_start(day date)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_day_start';
COMMENT ON FUNCTION segment.day_start(date) IS
    'the first instant that has the date, or a later date, in the time zone of the session';

CREATE OR REPLACE FUNCTION segment.day_ago(day date, span interval)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_day_ago';
COMMENT ON FUNCTION segment.day_ago(date, interval) IS
    'the last day that lies at least so many days or months before the given day';
