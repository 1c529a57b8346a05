-- counted values: the state of list(distinct ...), count(distinct ...) and most_frequent;
-- written at each event, so it is not compressed (external): that would take most of the time
CREATE TYPE segment.tally;

CREATE FUNCTION segment.tally_in(cstring)
RETURNS segment.tally
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_in';
COMMENT ON FUNCTION segment.tally_in(cstring) IS
    'input of type tally';

CREATE FUNCTION segment.tally_out(segment.tally)
RETURNS cstring
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_out';
COMMENT ON FUNCTION segment.tally_out(segment.tally) IS
    'output of type tally';

CREATE FUNCTION segment.tally_recv(internal)
RETURNS segment.tally
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_recv';
COMMENT ON FUNCTION segment.tally_recv(internal) IS
    'binary input of type tally';

CREATE FUNCTION segment.tally_send(segment.tally)
RETURNS bytea
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_send';
COMMENT ON FUNCTION segment.tally_send(segment.tally) IS
    'binary output of type tally';

CREATE TYPE segment.tally (
    INPUT = segment.tally_in,
    OUTPUT = segment.tally_out,
    RECEIVE = segment.tally_recv,
    SEND = segment.tally_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external,
    COLLATABLE = true
);
COMMENT ON TYPE segment.tally IS
    'distinct values of one type, each with its number of rows and its latest time: text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}';

CREATE FUNCTION segment.tally_equal(segment.tally, segment.tally)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_equal';
COMMENT ON FUNCTION segment.tally_equal(segment.tally, segment.tally) IS
    'do both have the same values, with the same numbers and latest times?';

CREATE FUNCTION segment.tally_differs(segment.tally, segment.tally)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_tally_differs';
COMMENT ON FUNCTION segment.tally_differs(segment.tally, segment.tally) IS
    'do the two differ in a value, a number or a latest time?';

CREATE OPERATOR segment.= (
    LEFTARG = segment.tally, RIGHTARG = segment.tally,
    FUNCTION = segment.tally_equal,
    COMMUTATOR = OPERATOR(segment.=), NEGATOR = OPERATOR(segment.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR segment.= (segment.tally, segment.tally) IS
    'the same values, with the same numbers and latest times';

CREATE OPERATOR segment.<> (
    LEFTARG = segment.tally, RIGHTARG = segment.tally,
    FUNCTION = segment.tally_differs,
    COMMUTATOR = OPERATOR(segment.<>), NEGATOR = OPERATOR(segment.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR segment.<> (segment.tally, segment.tally) IS
    'a different value, number or latest time';

-- events in order: the state of all aggregates over a window of time; packed already, so
-- the server would compress it in vain at each event (external)
CREATE TYPE segment.series;

CREATE FUNCTION segment.series_in(cstring)
RETURNS segment.series
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_in';
COMMENT ON FUNCTION segment.series_in(cstring) IS
    'input of type series';

CREATE FUNCTION segment.series_out(segment.series)
RETURNS cstring
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_out';
COMMENT ON FUNCTION segment.series_out(segment.series) IS
    'output of type series';

CREATE FUNCTION segment.series_recv(internal)
RETURNS segment.series
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_recv';
COMMENT ON FUNCTION segment.series_recv(internal) IS
    'binary input of type series';

CREATE FUNCTION segment.series_send(segment.series)
RETURNS bytea
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_send';
COMMENT ON FUNCTION segment.series_send(segment.series) IS
    'binary output of type series';

CREATE TYPE segment.series (
    INPUT = segment.series_in,
    OUTPUT = segment.series_out,
    RECEIVE = segment.series_recv,
    SEND = segment.series_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external,
    COLLATABLE = true
);
COMMENT ON TYPE segment.series IS
    'events in the order of time, with values of one type or without values: numeric{"12.50" @ 2026-05-01 12:00:00+00}';

CREATE FUNCTION segment.series_equal(segment.series, segment.series)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_equal';
COMMENT ON FUNCTION segment.series_equal(segment.series, segment.series) IS
    'do both have the same values at the same times?';

CREATE FUNCTION segment.series_differs(segment.series, segment.series)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_series_differs';
COMMENT ON FUNCTION segment.series_differs(segment.series, segment.series) IS
    'do the two differ in a value or a time?';

CREATE OPERATOR segment.= (
    LEFTARG = segment.series, RIGHTARG = segment.series,
    FUNCTION = segment.series_equal,
    COMMUTATOR = OPERATOR(segment.=), NEGATOR = OPERATOR(segment.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR segment.= (segment.series, segment.series) IS
    'the same values at the same times';

CREATE OPERATOR segment.<> (
    LEFTARG = segment.series, RIGHTARG = segment.series,
    FUNCTION = segment.series_differs,
    COMMUTATOR = OPERATOR(segment.<>), NEGATOR = OPERATOR(segment.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR segment.<> (segment.series, segment.series) IS
    'a different value or time';

