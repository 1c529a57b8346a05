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
    SSPACE = 1024,
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
    SSPACE = 128,
    FINALFUNC = segment.sum_result_numeric,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.sum_agg(numeric) IS
    'the sum of the values; 0 without values, NULL if the sum is out of range';

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
    SSPACE = 128,
    FINALFUNC = segment.sum_result_float8,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.sum_agg(float8) IS
    'the sum of the values; 0 without values, NULL if the sum is out of range';

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
    SSPACE = 1024,
    FINALFUNC = segment.series_result,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.series_of(timestamptz) IS
    'the series of the times that are not null; null if there are none';

CREATE OR REPLACE AGGREGATE segment.series_of(at timestamptz, value anyelement) (
    SFUNC = segment.series_step,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = segment.series_result,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.series_of(timestamptz, anyelement) IS
    'the series of the rows whose value and time are not null; null if there are none';

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
    SSPACE = 128,
    FINALFUNC = segment.edge_value,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.first_agg(anyelement, timestamptz) IS
    'the value of the earliest row that has a value and a time; of a tie the smallest value';

CREATE OR REPLACE AGGREGATE segment.last_agg(value anyelement, at timestamptz) (
    SFUNC = segment.last_step,
    STYPE = internal,
    SSPACE = 128,
    FINALFUNC = segment.edge_value,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.last_agg(anyelement, timestamptz) IS
    'the value of the latest row that has a value and a time; of a tie the smallest value';

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
    SSPACE = 128,
    FINALFUNC = segment.attribute_value,
    FINALFUNC_EXTRA,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE segment.attribute_agg(anyelement) IS
    'the value of the only row; an error if there are several rows';

