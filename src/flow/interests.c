/*-------------------------------------------------------------------------
 *
 * interests.c
 *	  Which values of a source's rows do guests of the corridor want?
 *
 *		guest	wants of orders			of the row with order_id 7, amount 10
 *		rules	amount * 1.5, order_id	15.0, 7
 *		tiers	amount					10
 *
 * The values are computed when a row comes or goes, and kept beside the deltas
 * of its profile until guests visit that; where memory has no room for them,
 * they are packed into one value, which is spilled with the row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/interests.h"

/* The values that one guest wants of a row, among those that all want. */
typedef struct PackedRow
{
	int64		interest;		/* index in Interests */
	char		values[FLEXIBLE_ARRAY_MEMBER];	/* a MinimalTuple */
} PackedRow;

/* An error context: which guest evaluates a row of which source? */
typedef struct Evaluating
{
	const Interests *interests;
	const Interest *interest;
	ErrorContextCallback callback;
} Evaluating;

static MinimalTuple evaluate(const Interests *interests,
							 const Interest *interest, TupleTableSlot *row);
static void in_evaluation(void *evaluating);
static bool same_values(const FlowInterest *what, MinimalTuple a,
						MinimalTuple b);

FlowInterest *
flow_interest(const Source *source, List *values, Expr *where, void *owner)
{
	FlowInterest *interest = palloc0(sizeof(FlowInterest));
	ListCell   *lc;

	interest->owner = owner;
	interest->nvalues = list_length(values);
	interest->values = palloc(sizeof(ExprState *) * interest->nvalues);
	interest->desc = CreateTemplateTupleDesc(interest->nvalues);
	interest->econtext = CreateStandaloneExprContext();
	foreach(lc, values)
	{
		Expr	   *value = source_row_expr(source, lfirst(lc));
		int			i = foreach_current_index(lc);

		TupleDescInitEntry(interest->desc, i + 1, NULL,
						   exprType((Node *) value), -1, 0);
		pull_varattnos((Node *) value, 1, &interest->columns);
		interest->values[i] =
			ExecInitExpr(expression_planner(copyObject(value)), NULL);
	}
	if (where != NULL)
	{
		where = source_row_expr(source, where);
		pull_varattnos((Node *) where, 1, &interest->columns);
		interest->where =
			ExecInitExpr(expression_planner(copyObject(where)), NULL);
	}
	return interest;
}

bool
interests_read_column(const Interests *interests, AttrNumber attno)
{
	for (int i = 0; i < interests->count; i++)
		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber,
						  interests->each[i].what->columns))
			return true;
	return false;
}

bool
interests_same(const Interests *interests, TupleTableSlot *went,
			   TupleTableSlot *came)
{
	bool		same = true;

	for (int i = 0; i < interests->count && same; i++)
	{
		const Interest *interest = &interests->each[i];
		MinimalTuple before = evaluate(interests, interest, went);
		MinimalTuple after = evaluate(interests, interest, came);

		same = before == NULL || after == NULL ? before == after :
			same_values(interest->what, before, after);
		if (before != NULL)
			pfree(before);
		if (after != NULL)
			pfree(after);
	}
	return same;
}

/* same_values() says whether what is wanted of two rows is the same. */
static bool
same_values(const FlowInterest *what, MinimalTuple a, MinimalTuple b)
{
	HeapTupleData left = {
		.t_len = a->t_len + MINIMAL_TUPLE_OFFSET,
		.t_data = (HeapTupleHeader) ((char *) a - MINIMAL_TUPLE_OFFSET),
	};
	HeapTupleData right = {
		.t_len = b->t_len + MINIMAL_TUPLE_OFFSET,
		.t_data = (HeapTupleHeader) ((char *) b - MINIMAL_TUPLE_OFFSET),
	};

	for (int i = 0; i < what->nvalues; i++)
	{
		Form_pg_attribute att = TupleDescAttr(what->desc, i);
		bool		left_isnull;
		bool		right_isnull;
		Datum		left_value = heap_getattr(&left, i + 1, what->desc,
											  &left_isnull);
		Datum		right_value = heap_getattr(&right, i + 1, what->desc,
											   &right_isnull);

		if (left_isnull != right_isnull ||
			(!left_isnull && !datum_image_eq(left_value, right_value,
											 att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

void
interests_keep(const Interests *interests, TupleTableSlot *row, int sign,
			   MemoryContext memory, GuestRow **rows)
{
	MemoryContext old = MemoryContextSwitchTo(memory);

	for (int i = 0; i < interests->count; i++)
	{
		const Interest *interest = &interests->each[i];
		MinimalTuple values = evaluate(interests, interest, row);
		GuestRow   *kept;

		if (values == NULL)
			continue;
		kept = palloc(sizeof(GuestRow));
		*kept = (GuestRow) {*rows, interest, sign, values};
		*rows = kept;
	}
	MemoryContextSwitchTo(old);
}

bool
interests_pack(const Interests *interests, TupleTableSlot *row, Datum *packed)
{
	StringInfoData bytes;
	bool		any = false;

	/* aligned from the start of the value on, with its header */
	initStringInfo(&bytes);
	appendStringInfoSpaces(&bytes, MAXALIGN(VARHDRSZ));
	for (int i = 0; i < interests->count; i++)
	{
		MinimalTuple values = evaluate(interests, &interests->each[i], row);
		int64		number = i;

		if (values == NULL)
			continue;
		appendBinaryStringInfo(&bytes, (char *) &number, sizeof(number));
		appendBinaryStringInfo(&bytes, (char *) values, values->t_len);
		appendStringInfoSpaces(&bytes, MAXALIGN(bytes.len) - bytes.len);
		pfree(values);
		any = true;
	}
	if (!any)
	{
		pfree(bytes.data);
		return false;
	}
	SET_VARSIZE(bytes.data, bytes.len);
	*packed = PointerGetDatum(bytes.data);
	return true;
}

void
interests_unpack(const Interests *interests, Datum packed, int sign,
				 MemoryContext memory, GuestRow **rows)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	/* a copy with a header of four bytes, and aligned */
	struct varlena *value = (struct varlena *) DatumGetPointer(packed);
	Size		size = VARHDRSZ + VARSIZE_ANY_EXHDR(value);
	char	   *bytes = palloc(size);
	Size		at = MAXALIGN(VARHDRSZ);

	memcpy(bytes + VARHDRSZ, VARDATA_ANY(value), size - VARHDRSZ);
	while (at < size)
	{
		PackedRow  *one = (PackedRow *) (bytes + at);
		GuestRow   *kept = palloc(sizeof(GuestRow));
		MinimalTuple values = (MinimalTuple) one->values;

		*kept = (GuestRow) {*rows, &interests->each[one->interest], sign,
			values};
		*rows = kept;
		at += MAXALIGN(offsetof(PackedRow, values) + values->t_len);
	}
	MemoryContextSwitchTo(old);
}

void
interest_show(const GuestRow *row, FlowRow *visible)
{
	const FlowInterest *what = row->interest->what;
	Datum	   *values = palloc(sizeof(Datum) * what->nvalues);
	bool	   *isnull = palloc(sizeof(bool) * what->nvalues);
	HeapTupleData tuple = {
		.t_len = row->values->t_len + MINIMAL_TUPLE_OFFSET,
		.t_data = (HeapTupleHeader) ((char *) row->values -
									 MINIMAL_TUPLE_OFFSET),
	};

	heap_deform_tuple(&tuple, what->desc, values, isnull);
	*visible = (FlowRow) {what->owner, row->sign, values, isnull};
}

/*
 * evaluate() is what a guest wants of a row, in the current context; NULL if
 * it does not want the row.
 */
static MinimalTuple
evaluate(const Interests *interests, const Interest *interest,
		 TupleTableSlot *row)
{
	const FlowInterest *what = interest->what;
	ExprContext *econtext = what->econtext;
	Evaluating	evaluating = {
		.interests = interests,
		.interest = interest,
		.callback = {
			.previous = error_context_stack,
			.callback = in_evaluation,
			.arg = &evaluating,
		},
	};
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	MinimalTuple result = NULL;
	bool		wanted = true;
	bool		isnull;

	error_context_stack = &evaluating.callback;
	econtext->ecxt_scantuple = row;
	if (what->where != NULL)
	{
		Datum		holds = ExecEvalExpr(what->where, econtext, &isnull);

		wanted = !isnull && DatumGetBool(holds);
	}
	if (wanted)
	{
		Datum	   *values = palloc(sizeof(Datum) * what->nvalues);
		bool	   *nulls = palloc(sizeof(bool) * what->nvalues);

		for (int i = 0; i < what->nvalues; i++)
		{
			Form_pg_attribute att = TupleDescAttr(what->desc, i);

			values[i] = ExecEvalExpr(what->values[i], econtext, &nulls[i]);
			/* TRUNCATE takes what is stored out of line along with the row */
			if (!nulls[i] && att->attlen == -1 &&
				VARATT_IS_EXTERNAL(DatumGetPointer(values[i])))
			{
				struct varlena *stored =
					(struct varlena *) DatumGetPointer(values[i]);

				values[i] = PointerGetDatum(detoast_external_attr(stored));
			}
		}
		MemoryContextSwitchTo(old);
		result = heap_form_minimal_tuple(what->desc, values, nulls, 0);
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(econtext);
	error_context_stack = evaluating.callback.previous;
	return result;
}

/* in_evaluation() says whose expression fails.  An error context callback. */
static void
in_evaluation(void *arg)
{
	const Evaluating *evaluating = arg;

	errcontext("%s, for a row of source \"%s\"",
			   evaluating->interest->guest->name,
			   evaluating->interests->source->name);
}
