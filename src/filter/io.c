/*-------------------------------------------------------------------------
 *
 * io.c
 *	  The SQL type segment.filter: text, wire, order, and how filters combine.
 *
 *		SELECT 'a <> 1'::segment.filter;		-> a != 1
 *		SELECT 'a > 1'::segment.filter & 'b';	-> a > 1 and b
 *
 * On the wire a filter is a version byte and its canonical text, so that the
 * layout on disk stays ours to change.  Two filters are equal if their bytes
 * are, which is the case if their canonical texts are; the order of the btree
 * class means nothing beyond that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "filter/filter_private.h"

SEGMENT_FUNCTION(segment_filter_in);
SEGMENT_FUNCTION(segment_filter_out);
SEGMENT_FUNCTION(segment_filter_recv);
SEGMENT_FUNCTION(segment_filter_send);
SEGMENT_FUNCTION(segment_filter_eq);
SEGMENT_FUNCTION(segment_filter_ne);
SEGMENT_FUNCTION(segment_filter_lt);
SEGMENT_FUNCTION(segment_filter_le);
SEGMENT_FUNCTION(segment_filter_gt);
SEGMENT_FUNCTION(segment_filter_ge);
SEGMENT_FUNCTION(segment_filter_cmp);
SEGMENT_FUNCTION(segment_filter_hash);
SEGMENT_FUNCTION(segment_filter_hash_extended);
SEGMENT_FUNCTION(segment_filter_and);
SEGMENT_FUNCTION(segment_filter_or);
SEGMENT_FUNCTION(segment_filter_not);

static int	compare(FunctionCallInfo fcinfo);
static Datum combine(FunctionCallInfo fcinfo, FilterOp op);

Datum
segment_filter_in(PG_FUNCTION_ARGS)
{
	FilterNode *node = filter_parse(PG_GETARG_CSTRING(0), fcinfo->context);

	if (node == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(filter_pack(node));
}

Datum
segment_filter_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(filter_print(filter_unpack(PG_GETARG_FILTER_PP(0))));
}

Datum
segment_filter_recv(PG_FUNCTION_ARGS)
{
	char	   *text = wire_receive((StringInfo) PG_GETARG_POINTER(0),
									"filter");

	PG_RETURN_POINTER(filter_pack(filter_parse(text, NULL)));
}

Datum
segment_filter_send(PG_FUNCTION_ARGS)
{
	char	   *text = filter_print(filter_unpack(PG_GETARG_FILTER_PP(0)));

	PG_RETURN_BYTEA_P(wire_send(text));
}

Datum
segment_filter_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

Datum
segment_filter_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

Datum
segment_filter_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

Datum
segment_filter_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

Datum
segment_filter_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

Datum
segment_filter_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

Datum
segment_filter_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(fcinfo));
}

Datum
segment_filter_hash(PG_FUNCTION_ARGS)
{
	Filter	   *filter = PG_GETARG_FILTER_PP(0);

	return hash_any((unsigned char *) VARDATA_ANY(filter),
					VARSIZE_ANY_EXHDR(filter));
}

Datum
segment_filter_hash_extended(PG_FUNCTION_ARGS)
{
	Filter	   *filter = PG_GETARG_FILTER_PP(0);

	return hash_any_extended((unsigned char *) VARDATA_ANY(filter),
							 VARSIZE_ANY_EXHDR(filter), PG_GETARG_INT64(1));
}

Datum
segment_filter_and(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, FILTER_AND);
}

Datum
segment_filter_or(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, FILTER_OR);
}

Datum
segment_filter_not(PG_FUNCTION_ARGS)
{
	FilterNode *node = filter_unpack(PG_GETARG_FILTER_PP(0));

	PG_RETURN_POINTER(filter_pack(filter_negate(node)));
}

/* compare() orders two filters by their bytes: < 0, 0 or > 0. */
static int
compare(FunctionCallInfo fcinfo)
{
	Filter	   *a = PG_GETARG_FILTER_PP(0);
	Filter	   *b = PG_GETARG_FILTER_PP(1);
	int			a_length = VARSIZE_ANY_EXHDR(a);
	int			b_length = VARSIZE_ANY_EXHDR(b);
	int			result = memcmp(VARDATA_ANY(a), VARDATA_ANY(b),
								Min(a_length, b_length));

	if (result == 0)
		result = (a_length > b_length) - (a_length < b_length);
	/* btree support must not leak detoasted copies into the scan */
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

static Datum
combine(FunctionCallInfo fcinfo, FilterOp op)
{
	List	   *filters = list_make2(filter_unpack(PG_GETARG_FILTER_PP(0)),
									 filter_unpack(PG_GETARG_FILTER_PP(1)));

	PG_RETURN_POINTER(filter_pack(filter_combine(op, filters)));
}
