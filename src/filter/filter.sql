-- the type filter: a predicate over the columns of a row, written as text
CREATE TYPE segment.filter;

CREATE FUNCTION segment.filter_in(cstring)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_in';

CREATE FUNCTION segment.filter_out(segment.filter)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_out';

CREATE FUNCTION segment.filter_recv(internal)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_recv';

CREATE FUNCTION segment.filter_send(segment.filter)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_send';

CREATE TYPE segment.filter (
    INPUT = segment.filter_in,
    OUTPUT = segment.filter_out,
    RECEIVE = segment.filter_recv,
    SEND = segment.filter_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE segment.filter IS
    'predicate over the columns of a row, such as ''city in ("Aarhus", "Odense") and orders > 3''';

-- equality and order: of the canonical form
CREATE FUNCTION segment.filter_eq(segment.filter, segment.filter)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_eq';

CREATE FUNCTION segment.filter_ne(segment.filter, segment.filter)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_ne';

CREATE FUNCTION segment.filter_lt(segment.filter, segment.filter)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_lt';

CREATE FUNCTION segment.filter_le(segment.filter, segment.filter)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_le';

CREATE FUNCTION segment.filter_gt(segment.filter, segment.filter)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_gt';

CREATE FUNCTION segment.filter_ge(segment.filter, segment.filter)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_ge';

CREATE FUNCTION segment.filter_cmp(segment.filter, segment.filter)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_cmp';

CREATE FUNCTION segment.filter_hash(segment.filter)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_hash';

CREATE FUNCTION segment.filter_hash_extended(segment.filter, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_hash_extended';

CREATE OPERATOR segment.= (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_eq,
    COMMUTATOR = OPERATOR(segment.=), NEGATOR = OPERATOR(segment.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR segment.= (segment.filter, segment.filter) IS 'same canonical form';

CREATE OPERATOR segment.<> (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_ne,
    COMMUTATOR = OPERATOR(segment.<>), NEGATOR = OPERATOR(segment.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR segment.<> (segment.filter, segment.filter) IS 'different canonical form';

CREATE OPERATOR segment.< (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_lt,
    COMMUTATOR = OPERATOR(segment.>), NEGATOR = OPERATOR(segment.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR segment.< (segment.filter, segment.filter) IS 'before in the order of indexes';

CREATE OPERATOR segment.<= (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_le,
    COMMUTATOR = OPERATOR(segment.>=), NEGATOR = OPERATOR(segment.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR segment.<= (segment.filter, segment.filter) IS 'not after in the order of indexes';

CREATE OPERATOR segment.> (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_gt,
    COMMUTATOR = OPERATOR(segment.<), NEGATOR = OPERATOR(segment.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR segment.> (segment.filter, segment.filter) IS 'after in the order of indexes';

CREATE OPERATOR segment.>= (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_ge,
    COMMUTATOR = OPERATOR(segment.<=), NEGATOR = OPERATOR(segment.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR segment.>= (segment.filter, segment.filter) IS 'not before in the order of indexes';

CREATE OPERATOR CLASS segment.filter_btree_ops
DEFAULT FOR TYPE segment.filter USING btree AS
    OPERATOR 1 segment.<,
    OPERATOR 2 segment.<=,
    OPERATOR 3 segment.=,
    OPERATOR 4 segment.>=,
    OPERATOR 5 segment.>,
    FUNCTION 1 segment.filter_cmp(segment.filter, segment.filter);
COMMENT ON OPERATOR CLASS segment.filter_btree_ops USING btree IS
    'order of filters by their bytes, for indexes, DISTINCT and sorting';

CREATE OPERATOR CLASS segment.filter_hash_ops
DEFAULT FOR TYPE segment.filter USING hash AS
    OPERATOR 1 segment.=,
    FUNCTION 1 segment.filter_hash(segment.filter),
    FUNCTION 2 segment.filter_hash_extended(segment.filter, bigint);
COMMENT ON OPERATOR CLASS segment.filter_hash_ops USING hash IS
    'equality of filters by their bytes, for hashing';

-- filters combine
CREATE FUNCTION segment.filter_and(segment.filter, segment.filter)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_and';

CREATE FUNCTION segment.filter_or(segment.filter, segment.filter)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_or';

CREATE FUNCTION segment.filter_not(segment.filter)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_not';

CREATE OPERATOR segment.& (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_and
);
COMMENT ON OPERATOR segment.& (segment.filter, segment.filter) IS 'both filters hold';

CREATE OPERATOR segment.| (
    LEFTARG = segment.filter, RIGHTARG = segment.filter, FUNCTION = segment.filter_or
);
COMMENT ON OPERATOR segment.| (segment.filter, segment.filter) IS 'at least one of the filters holds';

CREATE OPERATOR segment.! (
    RIGHTARG = segment.filter, FUNCTION = segment.filter_not
);
COMMENT ON OPERATOR segment.! (NONE, segment.filter) IS 'the filter does not hold';

-- the rule trees of query builders
CREATE FUNCTION segment.filter_to_jsonb(segment.filter)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_to_jsonb';

CREATE FUNCTION segment.filter_from_jsonb(jsonb)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_from_jsonb';

CREATE CAST (segment.filter AS jsonb) WITH FUNCTION segment.filter_to_jsonb(segment.filter);
COMMENT ON CAST (segment.filter AS jsonb) IS 'the rule tree that query builders exchange';

CREATE CAST (jsonb AS segment.filter) WITH FUNCTION segment.filter_from_jsonb(jsonb) AS IMPLICIT;
COMMENT ON CAST (jsonb AS segment.filter) IS 'from the rule tree that query builders exchange';

CREATE FUNCTION segment.filter_from_json(json)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_from_json';

CREATE CAST (json AS segment.filter) WITH FUNCTION segment.filter_from_json(json) AS IMPLICIT;
COMMENT ON CAST (json AS segment.filter) IS 'from the rule tree that query builders exchange';

-- A driver may give its parameters a type.  Whoever has one of these types and
-- wants a filter means its text: nothing else takes a filter but functions and
-- operators of this extension, so no other query is read differently.
CREATE FUNCTION segment.filter_from_text(text)
RETURNS segment.filter
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_filter_from_text';

CREATE CAST (text AS segment.filter) WITH FUNCTION segment.filter_from_text(text) AS IMPLICIT;
COMMENT ON CAST (text AS segment.filter) IS 'the filter that the text means';

CREATE CAST (varchar AS segment.filter) WITH FUNCTION segment.filter_from_text(text) AS IMPLICIT;
COMMENT ON CAST (varchar AS segment.filter) IS 'the filter that the text means';

CREATE CAST (bpchar AS segment.filter) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (bpchar AS segment.filter) IS 'the filter that the text means';

CREATE CAST (name AS segment.filter) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (name AS segment.filter) IS 'the filter that the text means';

-- row @@ filter -----------------------------------------------------------

CREATE FUNCTION segment.matches_support(internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'segment_matches_support';
COMMENT ON FUNCTION segment.matches_support(internal) IS
    'planner support of segment.matches: replaces the call by conditions of the server';

CREATE FUNCTION segment.matches("row" record, filter segment.filter)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50
SUPPORT segment.matches_support
AS 'MODULE_PATHNAME', 'segment_matches';
COMMENT ON FUNCTION segment.matches(record, segment.filter) IS
    'does the row match the filter? true or false; NULL only if the row or the filter is NULL itself';

-- In pg_catalog, unlike all else, so that  WHERE o @@ '...'  needs no
-- search_path: an operator cannot be written with its schema and still be
-- read.  Its left side is a record, for which the server has no @@ of its own.
CREATE OPERATOR pg_catalog.@@ (
    LEFTARG = record,
    RIGHTARG = segment.filter,
    FUNCTION = segment.matches,
    RESTRICT = pg_catalog.contsel,
    JOIN = pg_catalog.contjoinsel
);
COMMENT ON OPERATOR pg_catalog.@@ (record, segment.filter) IS
    'row matches filter';
