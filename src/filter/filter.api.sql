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

CREATE OR REPLACE FUNCTION segment.filter_tree(filter segment.filter,
    OUT depth integer, OUT node text, OUT text text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'segment_filter_tree';
COMMENT ON FUNCTION segment.filter_tree(segment.filter) IS
    'what the parser understood: every part of the filter, parents first';
