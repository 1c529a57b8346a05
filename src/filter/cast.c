/*-------------------------------------------------------------------------
 *
 * cast.c
 *	  Which filter does a text or a rule tree of another type mean?
 *
 *		PREPARE ask(text) AS SELECT * FROM orders o WHERE o @@ $1;
 *
 * Casts stand where a query has a value of another type: a parameter that a
 * driver has given a type, a column.  Where the value is known to the planner
 * it is cast once.  Elsewhere the same value comes with every row, so each
 * call site keeps the last one:
 *
 *		fn_extra -> {what was read, the filter}
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "filter/filter_private.h"

SEGMENT_FUNCTION(segment_filter_from_text);
SEGMENT_FUNCTION(segment_filter_from_json);
SEGMENT_FUNCTION(segment_filter_from_jsonb);

typedef FilterNode *(*ReadFilter) (struct varlena *value);

typedef struct LastCast
{
	MemoryContext context;		/* of what follows; reset with each value */
	struct varlena *value;
	Filter	   *filter;			/* NULL if reading it has failed */
} LastCast;

static Datum cast_once(FunctionCallInfo fcinfo, ReadFilter read);
static FilterNode *read_text(struct varlena *value);
static FilterNode *read_json(struct varlena *value);
static FilterNode *read_jsonb(struct varlena *value);

Datum
segment_filter_from_text(PG_FUNCTION_ARGS)
{
	return cast_once(fcinfo, read_text);
}

Datum
segment_filter_from_json(PG_FUNCTION_ARGS)
{
	return cast_once(fcinfo, read_json);
}

Datum
segment_filter_from_jsonb(PG_FUNCTION_ARGS)
{
	return cast_once(fcinfo, read_jsonb);
}

/* The result lives until the call site has another value or is gone. */
static Datum
cast_once(FunctionCallInfo fcinfo, ReadFilter read)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	LastCast   *last;
	Filter	   *filter;
	MemoryContext caller;

	if (fcinfo->flinfo == NULL)
		PG_RETURN_POINTER(filter_pack(read(value)));

	last = fcinfo->flinfo->fn_extra;
	if (last == NULL)
	{
		last = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(LastCast));
		last->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt,
											  "segment last cast",
											  ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = last;
	}
	if (last->filter != NULL &&
		VARSIZE_ANY(last->value) == VARSIZE_ANY(value) &&
		memcmp(last->value, value, VARSIZE_ANY(value)) == 0)
		PG_RETURN_POINTER(last->filter);

	filter = filter_pack(read(value));

	last->filter = NULL;
	MemoryContextReset(last->context);
	caller = MemoryContextSwitchTo(last->context);
	last->value = palloc(VARSIZE_ANY(value));
	memcpy(last->value, value, VARSIZE_ANY(value));
	last->filter = palloc(VARSIZE(filter));
	memcpy(last->filter, filter, VARSIZE(filter));
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(last->filter);
}

static FilterNode *
read_text(struct varlena *value)
{
	return filter_parse(text_to_cstring((text *) value), NULL);
}

static FilterNode *
read_json(struct varlena *value)
{
	char	   *json = text_to_cstring((text *) value);
	Datum		jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));

	return read_jsonb((struct varlena *) DatumGetPointer(jsonb));
}

static FilterNode *
read_jsonb(struct varlena *value)
{
	return filter_from_json(&DatumGetJsonbP(PointerGetDatum(value))->root);
}
