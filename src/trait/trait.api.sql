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

