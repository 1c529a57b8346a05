/*-------------------------------------------------------------------------
 *
 * attribute.c
 *	  The value of the profile's one row in an attribute source.
 *
 *		customers.city		state: the column's type, NULL without a row
 *
 *		INSERT 'Aarhus'				came 'Aarhus'
 *		UPDATE to 'Odense'			went 'Aarhus', came 'Odense'
 *		DELETE						went 'Odense'
 *
 * The triggers of one statement do not always fire in the order in which rows
 * changed: a user's own trigger may delete the row that was just inserted
 * before our trigger for the insertion fires, and then "went x, came x" means
 * that there is no row.  So a change is believed only if it fits the state:
 * the value that went is the one that the state holds.  In the example the
 * state holds none, as the profile had no row, so that x does not fit (and if
 * x is missing itself, the result is missing either way).  After a change that
 * does not fit, the source is read again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datum.h"

#include "base/base.h"
#include "trait/best.h"

typedef struct AttributeDelta
{
	int64		came;
	int64		went;
	Datum		came_value;		/* of the first that came */
	Datum		went_value;		/* of the first that went */
	bool		came_null;
	bool		went_null;
} AttributeDelta;

static int	attribute_columns(const Aggregate *self,
							  const AggregateInput *input,
							  AggregateColumn *columns);
static void attribute_accumulate(const Aggregate *self,
								 const AggregateInput *input, void *delta,
								 const AggregateRow *row,
								 MemoryContext memory);
static AggregateResult attribute_apply(const Aggregate *self,
									   const AggregateInput *input,
									   const void *delta,
									   const TimeRange *kept, Datum *state,
									   bool *isnull);
static void attribute_sql(const Aggregate *self, const AggregateInput *input,
						  const AggregateSql *pieces, int column,
						  StringInfo out);
static bool same_value(const AggregateInput *input, Datum a, bool a_null,
					   Datum b, bool b_null);

const Aggregate aggregate_attribute = {
	.name = "attribute",
	.is_value = true,
	.columns = attribute_columns,
	.delta_size = sizeof(AttributeDelta),
	.accumulate = attribute_accumulate,
	.apply = attribute_apply,
	.sql = attribute_sql,
};

SEGMENT_FUNCTION(segment_attribute_step);
SEGMENT_FUNCTION(segment_attribute_value);

/* The state is the value itself. */
static int
attribute_columns(const Aggregate *self, const AggregateInput *input,
				  AggregateColumn *columns)
{
	input_check(input, "an attribute", false);

	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = input->type,
		.collation = input->collation,
	};
	return 1;
}

/*
 * Remember the first row that came and the first that went; count the others.
 */
static void
attribute_accumulate(const Aggregate *self, const AggregateInput *input,
					 void *delta, const AggregateRow *row,
					 MemoryContext memory)
{
	AttributeDelta *attribute = delta;
	int64		times = row->sign > 0 ? ++attribute->came : ++attribute->went;
	Datum		value = row->value;

	/* after a second one the source is read again, whatever the values */
	if (times > 1)
		return;
	if (!row->isnull)
		value = input_copy(input, value, memory);

	if (row->sign > 0)
	{
		attribute->came_value = value;
		attribute->came_null = row->isnull;
	}
	else
	{
		attribute->went_value = value;
		attribute->went_null = row->isnull;
	}
}

/* Take the value that came, if the one that went is that of the state. */
static AggregateResult
attribute_apply(const Aggregate *self, const AggregateInput *input,
				const void *delta, const TimeRange *kept, Datum *state,
				bool *isnull)
{
	const AttributeDelta *attribute = delta;
	bool		came = attribute->came > 0;

	if (attribute->came == 0 && attribute->went == 0)
		return AGGREGATE_UNCHANGED;
	if (attribute->came > 1 || attribute->went > 1)
		return AGGREGATE_RECOMPUTE;

	/* does it fit?  nothing was there, or the value that went was */
	if (attribute->went == 0 ? !isnull[0] :
		!same_value(input, state[0], isnull[0],
					attribute->went_value, attribute->went_null))
		return AGGREGATE_RECOMPUTE;

	if (same_value(input, state[0], isnull[0],
				   attribute->came_value, !came || attribute->came_null))
		return AGGREGATE_UNCHANGED;

	isnull[0] = !came || attribute->came_null;
	state[0] = isnull[0] ? (Datum) 0 :
		input_copy(input, attribute->came_value, CurrentMemoryContext);
	return AGGREGATE_CHANGED;
}

static void
attribute_sql(const Aggregate *self, const AggregateInput *input,
			  const AggregateSql *pieces, int column, StringInfo out)
{
	appendStringInfo(out, "%s.attribute_agg(%s)%s",
					 SEGMENT_SCHEMA, pieces->value, pieces->filter);
}

/* Are two values the same bytes, or both missing? */
static bool
same_value(const AggregateInput *input, Datum a, bool a_null,
		   Datum b, bool b_null)
{
	if (a_null || b_null)
		return a_null && b_null;
	return datum_image_eq(a, b, input->typbyval, input->typlen);
}

/* The row of a profile, as attribute_agg() meets it. */
typedef struct AttributeRow
{
	Datum		value;
	bool		isnull;
} AttributeRow;

/* One step of attribute_agg: (internal, anyelement) -> internal */
Datum
segment_attribute_step(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	AttributeRow *row;
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "attribute_agg is called as an aggregate only");

	if (!PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("a profile has more than one row in an attribute source"),
				 errdetail("It is not known which of the values is that of "
						   "the profile."),
				 errhint("Give the key of the source a unique index, or attach the source with an event time.")));

	row = MemoryContextAllocZero(memory, sizeof(AttributeRow));
	row->isnull = PG_ARGISNULL(1);
	if (!row->isnull)
	{
		TypeCacheEntry *entry = lookup_type_cache(type, 0);
		AggregateInput input = {
			.type = type,
			.typlen = entry->typlen,
			.typbyval = entry->typbyval,
		};

		row->value = input_copy(&input, PG_GETARG_DATUM(1), memory);
	}
	PG_RETURN_POINTER(row);
}

/* The end of attribute_agg: (internal, anyelement) -> anyelement */
Datum
segment_attribute_value(PG_FUNCTION_ARGS)
{
	AttributeRow *row = PG_ARGISNULL(0) ? NULL :
		(AttributeRow *) PG_GETARG_POINTER(0);

	if (row == NULL || row->isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(row->value);
}
