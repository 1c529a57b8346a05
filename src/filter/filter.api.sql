-- the type's functions are made in filter.sql, before the type is complete
COMMENT ON FUNCTION segment.filter_in(cstring) IS 'I/O';
COMMENT ON FUNCTION segment.filter_out(segment.filter) IS 'I/O';
COMMENT ON FUNCTION segment.filter_recv(internal) IS 'I/O';
COMMENT ON FUNCTION segment.filter_send(segment.filter) IS 'I/O';
COMMENT ON FUNCTION segment.filter_eq(segment.filter, segment.filter) IS
    'implementation of = operator';
COMMENT ON FUNCTION segment.filter_ne(segment.filter, segment.filter) IS
    'implementation of <> operator';
COMMENT ON FUNCTION segment.filter_lt(segment.filter, segment.filter) IS
    'implementation of < operator';
COMMENT ON FUNCTION segment.filter_le(segment.filter, segment.filter) IS
    'implementation of <= operator';
COMMENT ON FUNCTION segment.filter_gt(segment.filter, segment.filter) IS
    'implementation of > operator';
COMMENT ON FUNCTION segment.filter_ge(segment.filter, segment.filter) IS
    'implementation of >= operator';
COMMENT ON FUNCTION segment.filter_cmp(segment.filter, segment.filter) IS
    'less-equal-greater of canonical forms';
COMMENT ON FUNCTION segment.filter_hash(segment.filter) IS 'hash';
COMMENT ON FUNCTION segment.filter_hash_extended(segment.filter, bigint) IS 'hash with a seed';
COMMENT ON FUNCTION segment.filter_and(segment.filter, segment.filter) IS
    'the filter that holds where both hold; implementation of & operator';
COMMENT ON FUNCTION segment.filter_or(segment.filter, segment.filter) IS
    'the filter that holds where at least one holds; implementation of | operator';
COMMENT ON FUNCTION segment.filter_not(segment.filter) IS
    'the filter that holds where this one does not; implementation of ! operator';
COMMENT ON FUNCTION segment.filter_to_jsonb(segment.filter) IS
    'the rule tree that query builders exchange; implementation of the cast';
COMMENT ON FUNCTION segment.filter_from_jsonb(jsonb) IS
    'the filter of a query builder''s rule tree; implementation of the cast';
COMMENT ON FUNCTION segment.filter_from_text(text) IS
    'the filter that the text means; implementation of the cast';
COMMENT ON FUNCTION segment.filter_from_json(json) IS
    'the filter of a query builder''s rule tree; implementation of the cast';

CREATE OR REPLACE FUNCTION segment.filter_tree(filter segment.filter,
    OUT depth integer, OUT node text, OUT text text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'segment_filter_tree';
COMMENT ON FUNCTION segment.filter_tree(segment.filter) IS
    'what the parser understood: every part of the filter, parents first';


-- what compiled filters call -------------------------------------------------

CREATE OR REPLACE FUNCTION segment.json_number(value jsonb)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_json_number';
COMMENT ON FUNCTION segment.json_number(jsonb) IS
    'the number in the jsonb, or NULL if it is not a number';

CREATE OR REPLACE FUNCTION segment.json_text(value jsonb)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_json_text';
COMMENT ON FUNCTION segment.json_text(jsonb) IS
    'the string, number or boolean in the jsonb, as text, or NULL if it is none of these';

CREATE OR REPLACE FUNCTION segment.json_boolean(value jsonb)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_json_boolean';
COMMENT ON FUNCTION segment.json_boolean(jsonb) IS
    'the boolean in the jsonb, or NULL if it is not a boolean';

CREATE OR REPLACE FUNCTION segment.elapsed("to" timestamptz, "from" timestamptz)
RETURNS interval
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_elapsed';
COMMENT ON FUNCTION segment.elapsed(timestamptz, timestamptz) IS
    'time from the second instant to the first; NULL where one is infinite';

CREATE OR REPLACE FUNCTION segment.elapsed("to" timestamp, "from" timestamp)
RETURNS interval
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_elapsed_local';
COMMENT ON FUNCTION segment.elapsed(timestamp, timestamp) IS
    'time from the second local time to the first; NULL where one is infinite';

CREATE OR REPLACE FUNCTION segment.days_between("from" date, "to" date)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_days_between';
COMMENT ON FUNCTION segment.days_between(date, date) IS
    'days from the first date to the second; NULL where one is infinite';

CREATE OR REPLACE FUNCTION segment.square_root(number float8)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_square_root_float8';
COMMENT ON FUNCTION segment.square_root(float8) IS
    'square root; NULL for a negative number';

CREATE OR REPLACE FUNCTION segment.square_root(number numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_square_root_numeric';
COMMENT ON FUNCTION segment.square_root(numeric) IS
    'square root; NULL for a negative number';

CREATE OR REPLACE FUNCTION segment.has_anniversary(day date, "from" date, "to" date)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_has_anniversary';
COMMENT ON FUNCTION segment.has_anniversary(date, date, date) IS
    'is there an anniversary of the day between the two other dates, both included? in common years the anniversary of 29 February is 28 February';

CREATE OR REPLACE FUNCTION segment.bucket(salt text, key text)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_bucket';
COMMENT ON FUNCTION segment.bucket(text, text) IS
    'bucket of the key, 0 <= bucket < 100: the same on every server, and independent for each salt';

-- arithmetic: what the server's operators answer, and NULL where they would raise an
-- error

CREATE OR REPLACE FUNCTION segment.add(a numeric, b numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_numeric';
COMMENT ON FUNCTION segment.add(numeric, numeric) IS
    'a + b; NULL where the sum is out of range';

CREATE OR REPLACE FUNCTION segment.subtract(a numeric, b numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_numeric';
COMMENT ON FUNCTION segment.subtract(numeric, numeric) IS
    'a - b; NULL where the difference is out of range';

CREATE OR REPLACE FUNCTION segment.multiply(a numeric, b numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_multiply_numeric';
COMMENT ON FUNCTION segment.multiply(numeric, numeric) IS
    'a * b; NULL where the product is out of range';

CREATE OR REPLACE FUNCTION segment.divide(a numeric, b numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_divide_numeric';
COMMENT ON FUNCTION segment.divide(numeric, numeric) IS
    'a / b; NULL where b is 0 or the quotient is out of range';

CREATE OR REPLACE FUNCTION segment.add(a float8, b float8)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_float8';
COMMENT ON FUNCTION segment.add(float8, float8) IS
    'a + b; NULL where the sum is out of range';

CREATE OR REPLACE FUNCTION segment.subtract(a float8, b float8)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_float8';
COMMENT ON FUNCTION segment.subtract(float8, float8) IS
    'a - b; NULL where the difference is out of range';

CREATE OR REPLACE FUNCTION segment.multiply(a float8, b float8)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_multiply_float8';
COMMENT ON FUNCTION segment.multiply(float8, float8) IS
    'a * b; NULL where the product is out of range';

CREATE OR REPLACE FUNCTION segment.divide(a float8, b float8)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_divide_float8';
COMMENT ON FUNCTION segment.divide(float8, float8) IS
    'a / b; NULL where b is 0 or the quotient is out of range';

CREATE OR REPLACE FUNCTION segment.as_float8(number numeric)
RETURNS float8
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_as_float8';
COMMENT ON FUNCTION segment.as_float8(numeric) IS
    'the number as float8; NULL where it is out of range';

CREATE OR REPLACE FUNCTION segment.floor(number numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_floor';
COMMENT ON FUNCTION segment.floor(numeric) IS
    'the next lower whole number; NULL where that is out of range';

CREATE OR REPLACE FUNCTION segment.ceil(number numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_ceil';
COMMENT ON FUNCTION segment.ceil(numeric) IS
    'the next higher whole number; NULL where that is out of range';

CREATE OR REPLACE FUNCTION segment.round(number numeric)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_round';
COMMENT ON FUNCTION segment.round(numeric) IS
    'the nearest whole number; NULL where that is out of range';

CREATE OR REPLACE FUNCTION segment.round(number numeric, digits integer)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_round_digits';
COMMENT ON FUNCTION segment.round(numeric, integer) IS
    'the nearest number with so many digits after the decimal point; NULL where that is out of range';

CREATE OR REPLACE FUNCTION segment.add(a interval, b interval)
RETURNS interval
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_interval';
COMMENT ON FUNCTION segment.add(interval, interval) IS
    'a + b; NULL where the sum is out of range';

CREATE OR REPLACE FUNCTION segment.subtract(a interval, b interval)
RETURNS interval
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_interval';
COMMENT ON FUNCTION segment.subtract(interval, interval) IS
    'a - b; NULL where the difference is out of range';

CREATE OR REPLACE FUNCTION segment.calendar_part(span interval)
RETURNS interval
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_calendar_part';
COMMENT ON FUNCTION segment.calendar_part(interval) IS
    'the months and days of a span';

CREATE OR REPLACE FUNCTION segment.clock_part(span interval)
RETURNS interval
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_clock_part';
COMMENT ON FUNCTION segment.clock_part(interval) IS
    'the hours, minutes and seconds of a span';

CREATE OR REPLACE FUNCTION segment.add("time" timestamp, span interval)
RETURNS timestamp
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_timestamp';
COMMENT ON FUNCTION segment.add(timestamp, interval) IS
    'the local time plus a span; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.add("time" timestamptz, span interval)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_timestamptz';
COMMENT ON FUNCTION segment.add(timestamptz, interval) IS
    'the instant plus a span, in the time zone of the session; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.add(zone text, "time" timestamptz, span interval)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_in_zone';
COMMENT ON FUNCTION segment.add(text, timestamptz, interval) IS
    'the instant plus a span, in a time zone; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.add(day date, span interval)
RETURNS timestamp
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_add_date';
COMMENT ON FUNCTION segment.add(date, interval) IS
    'the local time at the beginning of a day, plus a span; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.subtract("time" timestamp, span interval)
RETURNS timestamp
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_timestamp';
COMMENT ON FUNCTION segment.subtract(timestamp, interval) IS
    'the local time minus a span; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.subtract("time" timestamptz, span interval)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_timestamptz';
COMMENT ON FUNCTION segment.subtract(timestamptz, interval) IS
    'the instant minus a span, in the time zone of the session; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.subtract(zone text, "time" timestamptz, span interval)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_in_zone';
COMMENT ON FUNCTION segment.subtract(text, timestamptz, interval) IS
    'the instant minus a span, in a time zone; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.subtract(day date, span interval)
RETURNS timestamp
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_subtract_date';
COMMENT ON FUNCTION segment.subtract(date, interval) IS
    'the local time at the beginning of a day, minus a span; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.local_time(zone text, "time" timestamptz)
RETURNS timestamp
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_time_in_zone';
COMMENT ON FUNCTION segment.local_time(text, timestamptz) IS
    'the local time in a time zone; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.local_time("time" timestamptz)
RETURNS timestamp
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_time';
COMMENT ON FUNCTION segment.local_time(timestamptz) IS
    'the local time in the time zone of the session; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.local_time(day date)
RETURNS timestamp
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_local_time_of_date';
COMMENT ON FUNCTION segment.local_time(date) IS
    'the local time at which a day begins; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.instant(zone text, "time" timestamp)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_instant_in_zone';
COMMENT ON FUNCTION segment.instant(text, timestamp) IS
    'the instant of that local time in a time zone; NULL beyond the calendar';

CREATE OR REPLACE FUNCTION segment.instant("time" timestamp)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_instant';
COMMENT ON FUNCTION segment.instant(timestamp) IS
    'the instant of that local time in the time zone of the session; NULL beyond the calendar';

-- windows into a filter -------------------------------------------------------

CREATE OR REPLACE FUNCTION segment.filter_sql(filter segment.filter, relation regclass,
    timezone text DEFAULT NULL)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_sql';
COMMENT ON FUNCTION segment.filter_sql(segment.filter, regclass, text) IS
    'the SQL condition that the filter is compiled to for rows of the relation; a given time zone is compiled in, otherwise that of the relation or of the session is used';

CREATE OR REPLACE FUNCTION segment.filter_sql(filter segment.filter, relation text,
    timezone text DEFAULT NULL)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_sql_text';
COMMENT ON FUNCTION segment.filter_sql(segment.filter, text, text) IS
    'the same, with the name of the relation as text, for parameters and columns';

CREATE OR REPLACE FUNCTION segment.filter_traits(filter segment.filter)
RETURNS SETOF text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5
AS 'MODULE_PATHNAME', 'segment_filter_traits';
COMMENT ON FUNCTION segment.filter_traits(segment.filter) IS
    'the names of columns or traits that the filter uses, in order';
