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
