-- reading a tally

CREATE OR REPLACE FUNCTION segment.tally_size(tally segment.tally)
RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_size';
COMMENT ON FUNCTION segment.tally_size(segment.tally) IS
    'number of distinct values; 0 without a tally';

CREATE OR REPLACE FUNCTION segment.tally_values(tally segment.tally, type anyelement)
RETURNS anyarray
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_values';
COMMENT ON FUNCTION segment.tally_values(segment.tally, anyelement) IS
    'the distinct values, smallest first; the second argument only says of which type they are: NULL::text';

CREATE OR REPLACE FUNCTION segment.tally_most_frequent(tally segment.tally, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_most_frequent';
COMMENT ON FUNCTION segment.tally_most_frequent(segment.tally, anyelement) IS
    'the value with most rows, then the most recent, then the smallest; the second argument only says of which type it is: NULL::text';

-- reading a series: the events that count in a window at some time; of all if the
-- window is null

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
    'sum of the whole or numeric values of the events that count; 0 without any';

CREATE OR REPLACE FUNCTION segment.series_squares(series segment.series, during text, timezone text, now timestamptz)
RETURNS numeric
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_squares';
COMMENT ON FUNCTION segment.series_squares(segment.series, text, text, timestamptz) IS
    'sum of the squares of the whole or numeric values of the events that count; 0 without any';

CREATE OR REPLACE FUNCTION segment.series_sum_float(series segment.series, during text, timezone text, now timestamptz)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_sum_float';
COMMENT ON FUNCTION segment.series_sum_float(segment.series, text, text, timestamptz) IS
    'sum of the floating-point values of the events that count; 0 without any';

CREATE OR REPLACE FUNCTION segment.series_squares_float(series segment.series, during text, timezone text, now timestamptz)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_squares_float';
COMMENT ON FUNCTION segment.series_squares_float(segment.series, text, text, timestamptz) IS
    'sum of the squares of the floating-point values of the events that count; 0 without any';

CREATE OR REPLACE FUNCTION segment.series_min(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_min';
COMMENT ON FUNCTION segment.series_min(segment.series, text, text, timestamptz, anyelement) IS
    'the smallest value of the events that count; the last argument only says of which type it is: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_max(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_max';
COMMENT ON FUNCTION segment.series_max(segment.series, text, text, timestamptz, anyelement) IS
    'the largest value of the events that count; the last argument only says of which type it is: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_first(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_first';
COMMENT ON FUNCTION segment.series_first(segment.series, text, text, timestamptz, anyelement) IS
    'the value of the earliest event that counts, of several the smallest; the last argument only says of which type it is: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_last(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_last';
COMMENT ON FUNCTION segment.series_last(segment.series, text, text, timestamptz, anyelement) IS
    'the value of the latest event that counts, of several the smallest; the last argument only says of which type it is: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_values(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyarray
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_values';
COMMENT ON FUNCTION segment.series_values(segment.series, text, text, timestamptz, anyelement) IS
    'the different values of the events that count, smallest first; the last argument only says of which type they are: NULL::text';

CREATE OR REPLACE FUNCTION segment.series_most_frequent(series segment.series, during text, timezone text, now timestamptz, type anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_most_frequent';
COMMENT ON FUNCTION segment.series_most_frequent(segment.series, text, text, timestamptz, anyelement) IS
    'the value with most events that count, then the most recent, then the smallest; the last argument only says of which type it is: NULL::text';

-- the aggregates of traits as SQL aggregates, for any type with an order

CREATE OR REPLACE FUNCTION segment.tally_step(internal, anyelement, timestamptz)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_step';
COMMENT ON FUNCTION segment.tally_step(internal, anyelement, timestamptz) IS
    'one row of tally_agg';

CREATE OR REPLACE FUNCTION segment.tally_result(internal, anyelement, timestamptz)
RETURNS segment.tally
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_result';
COMMENT ON FUNCTION segment.tally_result(internal, anyelement, timestamptz) IS
    'the result of tally_agg';

CREATE OR REPLACE AGGREGATE segment.tally_agg(value anyelement, at timestamptz) (
    SFUNC = segment.tally_step,
    STYPE = internal,
    FINALFUNC = segment.tally_result,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.tally_agg(anyelement, timestamptz) IS
    'the tally of the values that are not null; null if there are none';

CREATE OR REPLACE FUNCTION segment.sum_step(internal, numeric)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_sum_step_numeric';
COMMENT ON FUNCTION segment.sum_step(internal, numeric) IS
    'one row of sum_agg';

CREATE OR REPLACE FUNCTION segment.sum_result_numeric(internal)
RETURNS numeric
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_sum_result_numeric';
COMMENT ON FUNCTION segment.sum_result_numeric(internal) IS
    'the result of sum_agg';

CREATE OR REPLACE AGGREGATE segment.sum_agg(value numeric) (
    SFUNC = segment.sum_step,
    STYPE = internal,
    FINALFUNC = segment.sum_result_numeric,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.sum_agg(numeric) IS
    'the sum of the values; 0 without any, NULL where it is out of range';

CREATE OR REPLACE FUNCTION segment.sum_step(internal, float8)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_sum_step_float8';
COMMENT ON FUNCTION segment.sum_step(internal, float8) IS
    'one row of sum_agg';

CREATE OR REPLACE FUNCTION segment.sum_result_float8(internal)
RETURNS float8
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_sum_result_float8';
COMMENT ON FUNCTION segment.sum_result_float8(internal) IS
    'the result of sum_agg';

CREATE OR REPLACE AGGREGATE segment.sum_agg(value float8) (
    SFUNC = segment.sum_step,
    STYPE = internal,
    FINALFUNC = segment.sum_result_float8,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.sum_agg(float8) IS
    'the sum of the values; 0 without any, NULL where it is out of range';

CREATE OR REPLACE FUNCTION segment.series_step(internal, timestamptz)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_time_step';
COMMENT ON FUNCTION segment.series_step(internal, timestamptz) IS
    'one row of series_of, without a value';

CREATE OR REPLACE FUNCTION segment.series_step(internal, timestamptz, anyelement)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_step';
COMMENT ON FUNCTION segment.series_step(internal, timestamptz, anyelement) IS
    'one row of series_of';

CREATE OR REPLACE FUNCTION segment.series_result(internal)
RETURNS segment.series
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_result';
COMMENT ON FUNCTION segment.series_result(internal) IS
    'the result of series_of';

CREATE OR REPLACE AGGREGATE segment.series_of(at timestamptz) (
    SFUNC = segment.series_step,
    STYPE = internal,
    FINALFUNC = segment.series_result,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.series_of(timestamptz) IS
    'the series of the times that are not null; null if there are none';

CREATE OR REPLACE AGGREGATE segment.series_of(at timestamptz, value anyelement) (
    SFUNC = segment.series_step,
    STYPE = internal,
    FINALFUNC = segment.series_result,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.series_of(timestamptz, anyelement) IS
    'the series of the values that are not null, at times that are not; null if there are none';

CREATE OR REPLACE FUNCTION segment.smaller(anyelement, anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_smaller';
COMMENT ON FUNCTION segment.smaller(anyelement, anyelement) IS
    'the smaller of two values in the order of their type';

CREATE OR REPLACE FUNCTION segment.larger(anyelement, anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_larger';
COMMENT ON FUNCTION segment.larger(anyelement, anyelement) IS
    'the larger of two values in the order of their type';

CREATE OR REPLACE AGGREGATE segment.min_agg(value anyelement) (
    SFUNC = segment.smaller,
    STYPE = anyelement,
    COMBINEFUNC = segment.smaller,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.min_agg(anyelement) IS
    'the smallest value that is not null, for any type with an order';

CREATE OR REPLACE AGGREGATE segment.max_agg(value anyelement) (
    SFUNC = segment.larger,
    STYPE = anyelement,
    COMBINEFUNC = segment.larger,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.max_agg(anyelement) IS
    'the largest value that is not null, for any type with an order';

CREATE OR REPLACE FUNCTION segment.first_step(internal, anyelement, timestamptz)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_first_step';
COMMENT ON FUNCTION segment.first_step(internal, anyelement, timestamptz) IS
    'one row of first_agg';

CREATE OR REPLACE FUNCTION segment.last_step(internal, anyelement, timestamptz)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_last_step';
COMMENT ON FUNCTION segment.last_step(internal, anyelement, timestamptz) IS
    'one row of last_agg';

CREATE OR REPLACE FUNCTION segment.edge_value(internal, anyelement, timestamptz)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_edge_value';
COMMENT ON FUNCTION segment.edge_value(internal, anyelement, timestamptz) IS
    'the result of first_agg and last_agg';

CREATE OR REPLACE AGGREGATE segment.first_agg(value anyelement, at timestamptz) (
    SFUNC = segment.first_step,
    STYPE = internal,
    FINALFUNC = segment.edge_value,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.first_agg(anyelement, timestamptz) IS
    'the value of the earliest row that has a value and a time; of several, the smallest';

CREATE OR REPLACE AGGREGATE segment.last_agg(value anyelement, at timestamptz) (
    SFUNC = segment.last_step,
    STYPE = internal,
    FINALFUNC = segment.edge_value,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.last_agg(anyelement, timestamptz) IS
    'the value of the latest row that has a value and a time; of several, the smallest';

CREATE OR REPLACE FUNCTION segment.attribute_step(internal, anyelement)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_attribute_step';
COMMENT ON FUNCTION segment.attribute_step(internal, anyelement) IS
    'one row of attribute_agg';

CREATE OR REPLACE FUNCTION segment.attribute_value(internal, anyelement)
RETURNS anyelement
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_attribute_value';
COMMENT ON FUNCTION segment.attribute_value(internal, anyelement) IS
    'the result of attribute_agg';

CREATE OR REPLACE AGGREGATE segment.attribute_agg(value anyelement) (
    SFUNC = segment.attribute_step,
    STYPE = internal,
    FINALFUNC = segment.attribute_value,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.attribute_agg(anyelement) IS
    'the value of the only row; an error if there are several';

