CREATE OR REPLACE FUNCTION segment.now()
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_now';
COMMENT ON FUNCTION segment.now() IS
    'the instant as of which traits and audiences are answered: the transaction''s start, or the setting segment.now';

CREATE OR REPLACE FUNCTION segment.refuse_write()
RETURNS trigger
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'segment_refuse_write';
COMMENT ON FUNCTION segment.refuse_write() IS
    'trigger on the tables that the extension keeps: they are written by its functions and by events; else only their owner may insert into those of definitions and feed, as a restore does; the argument says by which functions';

-- days and spans of time, for what filters are compiled to -------------------

CREATE OR REPLACE FUNCTION segment.date_add(at timestamptz, span interval, timezone text)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_date_add';
COMMENT ON FUNCTION segment.date_add(timestamptz, interval, text) IS
    'the instant and the span, added as the server does in that time zone; infinity beyond the end of time';

CREATE OR REPLACE FUNCTION segment.date_add(at timestamptz, span interval)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_date_add';
COMMENT ON FUNCTION segment.date_add(timestamptz, interval) IS
    'the instant and the span, added in the time zone of the session; infinity beyond the end of time';

CREATE OR REPLACE FUNCTION segment.local_day(at timestamptz, timezone text)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_day';
COMMENT ON FUNCTION segment.local_day(timestamptz, text) IS
    'the day in which the instant is in that time zone; a day begins at the first instant that bears its date';

CREATE OR REPLACE FUNCTION segment.local_day(at timestamptz)
RETURNS date
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_day';
COMMENT ON FUNCTION segment.local_day(timestamptz) IS
    'the day in which the instant is in the time zone of the session';

CREATE OR REPLACE FUNCTION segment.day_start(day date, timezone text)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_day_start';
COMMENT ON FUNCTION segment.day_start(date, text) IS
    'the first instant that bears the date, or a later one, in that time zone';

CREATE OR REPLACE FUNCTION segment.day_start(day date)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_day_start';
COMMENT ON FUNCTION segment.day_start(date) IS
    'the first instant that bears the date, or a later one, in the time zone of the session';

CREATE OR REPLACE FUNCTION segment.day_ago(day date, span interval)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_day_ago';
COMMENT ON FUNCTION segment.day_ago(date, interval) IS
    'the last day from which on so many days or months have passed on the given day';
