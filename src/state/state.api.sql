-- reading a tally

CREATE OR REPLACE FUNCTION segment.tally_size(tally segment.tally)
RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_size';
COMMENT ON FUNCTION segment.tally_size(segment.tally) IS
    'number of distinct values; 0 for a tally that is NULL';

CREATE OR REPLACE FUNCTION segment.tally_values(tally segment.tally, type anyelement)
RETURNS anyarray
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_values';
COMMENT ON FUNCTION segment.tally_values(segment.tally, anyelement) IS
    'the distinct values, smallest first; the second argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.tally_most_frequent(tally segment.tally, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_most_frequent';
COMMENT ON FUNCTION segment.tally_most_frequent(segment.tally, anyelement) IS
    'the value with the most rows; of a tie the most recent, then the smallest; the second argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.tally_joined(tail segment.tally, middle segment.tally, body segment.tally)
RETURNS segment.tally
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_joined';
COMMENT ON FUNCTION segment.tally_joined(segment.tally, segment.tally, segment.tally) IS
    'the values of a tally that is kept in three columns; null if there are none';

CREATE OR REPLACE FUNCTION segment.tally_tail(tally segment.tally)
RETURNS segment.tally
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_tail';
COMMENT ON FUNCTION segment.tally_tail(segment.tally) IS
    'the tally if it is short, to be kept where it is written at each event; else one without values that says how many it has';

CREATE OR REPLACE FUNCTION segment.tally_body(tally segment.tally)
RETURNS segment.tally
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_state_long';
COMMENT ON FUNCTION segment.tally_body(segment.tally) IS
    'the tally if it is long, to be kept where it is rarely written; else null';

-- reading a series: the events that count in a window at some time; of all if the
-- window is null

CREATE OR REPLACE FUNCTION segment.series_joined(tail segment.series, middle segment.series, body segment.series)
RETURNS segment.series
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_joined';
COMMENT ON FUNCTION segment.series_joined(segment.series, segment.series, segment.series) IS
    'the events of a series that is kept in three columns; null if there are none';

CREATE OR REPLACE FUNCTION segment.series_tail(series segment.series)
RETURNS segment.series
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_short';
COMMENT ON FUNCTION segment.series_tail(segment.series) IS
    'the series if it is short, to be kept where it is written at each event; else null';

CREATE OR REPLACE FUNCTION segment.series_body(series segment.series)
RETURNS segment.series
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_state_long';
COMMENT ON FUNCTION segment.series_body(segment.series) IS
    'the series if it is long, to be kept where it is rarely written; else null';

CREATE OR REPLACE FUNCTION segment.series_after(series segment.series, after timestamptz)
RETURNS segment.series
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_after';
COMMENT ON FUNCTION segment.series_after(segment.series, timestamptz) IS
    'the events after that time; null if there are none';

CREATE OR REPLACE FUNCTION segment.series_count(series segment.series, during text, timezone text, now timestamptz)
RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_count';
COMMENT ON FUNCTION segment.series_count(segment.series, text, text, timestamptz) IS
    'number of the events that count';

CREATE OR REPLACE FUNCTION segment.series_distinct(series segment.series, during text, timezone text, now timestamptz)
RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_distinct';
COMMENT ON FUNCTION segment.series_distinct(segment.series, text, text, timestamptz) IS
    'number of different values of the events that count';

CREATE OR REPLACE FUNCTION segment.series_sum(series segment.series, during text, timezone text, now timestamptz)
RETURNS numeric
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_sum';
COMMENT ON FUNCTION segment.series_sum(segment.series, text, text, timestamptz) IS
    'sum of the whole or numeric values of the events that count; 0 without such events';

CREATE OR REPLACE FUNCTION segment.series_count(series segment.series, during text, timezone text, now timestamptz, settled bigint, until timestamptz)
RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_count_settled';
COMMENT ON FUNCTION segment.series_count(segment.series, text, text, timestamptz, bigint, timestamptz) IS
    'number of the events that count, from a time on, and of those that are settled before it';

CREATE OR REPLACE FUNCTION segment.series_sum(series segment.series, during text, timezone text, now timestamptz, settled numeric, until timestamptz)
RETURNS numeric
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_sum_settled';
COMMENT ON FUNCTION segment.series_sum(segment.series, text, text, timestamptz, numeric, timestamptz) IS
    'sum of the whole or numeric values of the events that count, from a time on, and of those that are settled before it';

CREATE OR REPLACE FUNCTION segment.series_squares(series segment.series, during text, timezone text, now timestamptz)
RETURNS numeric
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_squares';
COMMENT ON FUNCTION segment.series_squares(segment.series, text, text, timestamptz) IS
    'sum of the squares of the whole or numeric values of the events that count; 0 without such events';

CREATE OR REPLACE FUNCTION segment.series_sum_float(series segment.series, during text, timezone text, now timestamptz)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_sum_float';
COMMENT ON FUNCTION segment.series_sum_float(segment.series, text, text, timestamptz) IS
    'sum of the floating-point values of the events that count; 0 without such events';

CREATE OR REPLACE FUNCTION segment.series_squares_float(series segment.series, during text, timezone text, now timestamptz)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_squares_float';
COMMENT ON FUNCTION segment.series_squares_float(segment.series, text, text, timestamptz) IS
    'sum of the squares of the floating-point values of the events that count; 0 without such events';

CREATE OR REPLACE FUNCTION segment.series_min(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_min';
COMMENT ON FUNCTION segment.series_min(segment.series, text, text, timestamptz, anyelement) IS
    'the smallest value of the events that count; the last argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_max(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_max';
COMMENT ON FUNCTION segment.series_max(segment.series, text, text, timestamptz, anyelement) IS
    'the largest value of the events that count; the last argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_first(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_first';
COMMENT ON FUNCTION segment.series_first(segment.series, text, text, timestamptz, anyelement) IS
    'the value of the earliest event that counts; of a tie the smallest; the last argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_last(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_last';
COMMENT ON FUNCTION segment.series_last(segment.series, text, text, timestamptz, anyelement) IS
    'the value of the latest event that counts; of a tie the smallest; the last argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_values(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyarray
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_values';
COMMENT ON FUNCTION segment.series_values(segment.series, text, text, timestamptz, anyelement) IS
    'the different values of the events that count, smallest first; the last argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_most_frequent(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_most_frequent';
COMMENT ON FUNCTION segment.series_most_frequent(segment.series, text, text, timestamptz, anyelement) IS
    'the value with the most events that count; of a tie the most recent, then the smallest; the last argument gives only the type: NULL::text';

CREATE OR REPLACE FUNCTION segment.window_after(during text, timezone text, now timestamptz)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_window_after';
COMMENT ON FUNCTION segment.window_after(text, text, timestamptz) IS
    'the time up to which events count in the window neither now nor later; NULL if there is no such time';

