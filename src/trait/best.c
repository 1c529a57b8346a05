/*-------------------------------------------------------------------------
 *
 * best.c
 *	  Which row is the best, after some came and some went?
 *
 * The state holds the best row V, but neither how many rows equal it nor which
 * row is next.  The delta holds the best row that came, a (n of them), and the
 * best that went, r (m of them).  That is often enough, here for max:
 *
 *		V = 50		came 30				nothing went: greatest(50, 30) = 50
 *		V = 50		went 20				worse than V, so V is still there: 50
 *		V = 50		went 50, came 60	60 is better than all there was: 60
 *		V = 50		went 50, came 50	an UPDATE of something else: 50
 *		V = 50		went 50, came 40	is there another 50, a 45?  unknown
 *
 * Why this is right, also when rows come and go within one batch.  Think of
 * the rows as numbers of copies per distinct row (which might even be below
 * zero for a while, if a batch came in several deltas).  The invariant is
 *
 *		there are copies of V, and none (exactly zero) of any better row;
 *		where V is missing, there is none of any row.
 *
 * - Nothing went: the better of V and a has copies, and no better row does.
 * - r is worse than V: copies of V and better rows only increased; as above.
 * - r is V or better, or V is missing, and then:
 *   - a is better than r: no copy of a or better went, none better than a
 *     came, and there were none: a.
 *   - a equals r, and both are better than V: there was no copy, so there are
 *     n - m now.  If positive: a.  If not, the next best is not known.
 *   - a and r equal V: there was at least one copy, so there is one if n >= m,
 *     and nothing better came: V.  If n < m, the number of copies is unknown.
 *   - a is worse than r, or nothing came: copies of the best row may have
 *     vanished: unknown.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "trait/best.h"

static inline int
three_way(int64 a, int64 b)
{
	return (a > b) - (a < b);
}

/* Positive if row a is better than row b, negative if worse, 0 if equal. */
static inline int
best_compare(const AggregateInput *input, BestOrder order,
			 Datum value_a, TimestampTz at_a, Datum value_b, TimestampTz at_b)
{
	int			difference;
	int64		fixed_a;
	int64		fixed_b;
	int			scale;

	if (order == BEST_EARLIEST && at_a != at_b)
		return at_a < at_b ? 1 : -1;
	if (order == BEST_LATEST && at_a != at_b)
		return at_a > at_b ? 1 : -1;

	/* the order of the type, and a shorter way there for the most frequent */
	switch (input->type)
	{
		case INT4OID:
		case DATEOID:
			difference = three_way(DatumGetInt32(value_a),
								   DatumGetInt32(value_b));
			break;
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			difference = three_way(DatumGetInt64(value_a),
								   DatumGetInt64(value_b));
			break;
		case NUMERICOID:
			if (fixed_from_numeric(value_a, &fixed_a, &scale) &&
				fixed_from_numeric(value_b, &fixed_b, &scale))
			{
				difference = three_way(fixed_a, fixed_b);
				break;
			}
			/* FALLTHROUGH */
		default:
			difference = DatumGetInt32(FunctionCall2Coll(input->compare,
														 input->collation,
														 value_a, value_b));
			break;
	}

	if (difference != 0)
		return (difference > 0) == (order == BEST_LARGEST) ? 1 : -1;
	if (input->alike ||
		datum_image_eq(value_a, value_b, input->typbyval, input->typlen))
		return 0;
	return -looks_compare(input->type, value_a, value_b);
}

void
best_note(const AggregateInput *input, BestOrder order, BestRow *best,
		  Datum value, TimestampTz at, MemoryContext memory)
{
	if (best->times > 0)
	{
		int			compared = best_compare(input, order, value, at,
											best->value, best->at);

		if (compared <= 0)
		{
			if (compared == 0)
				best->times++;
			return;
		}
		if (!input->typbyval)
			pfree(DatumGetPointer(best->value));
	}

	best->value = input_copy(input, value, memory);
	best->at = at;
	best->times = 1;
}

BestVerdict
best_decide(const AggregateInput *input, BestOrder order,
			const BestRow *state, const BestDelta *delta)
{
	const BestRow *came = &delta->came;
	const BestRow *went = &delta->went;
	int			went_to_state = 1;	/* how what went compares with the state */
	int			came_to_went;

	if (went->times > 0 && state != NULL)
		went_to_state = best_compare(input, order, went->value, went->at,
									 state->value, state->at);

	if (went->times == 0 || went_to_state < 0)
	{
		if (came->times == 0)
			return BEST_STAYS;
		if (state == NULL ||
			best_compare(input, order, came->value, came->at,
						 state->value, state->at) > 0)
			return BEST_ADDED;
		return BEST_STAYS;
	}

	if (came->times == 0)
		return BEST_UNKNOWN;

	came_to_went = best_compare(input, order, came->value, came->at,
								went->value, went->at);
	if (came_to_went > 0)
		return BEST_ADDED;
	if (came_to_went < 0)
		return BEST_UNKNOWN;
	if (went_to_state == 0)
		return came->times >= went->times ? BEST_STAYS : BEST_UNKNOWN;
	return came->times > went->times ? BEST_ADDED : BEST_UNKNOWN;
}

void
input_check(const AggregateInput *input, const char *aggregate, bool ordered)
{
	if (!OidIsValid(input->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s needs a value", aggregate)));

	if (get_typtype(input->type) == TYPTYPE_PSEUDO || input->typlen == -2)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of a value of type %s cannot be kept",
						aggregate, format_type_be(input->type)),
				 errdetail("A column cannot be of this type.")));

	if (ordered && input->compare == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s needs values that have an order, and type %s has none",
						aggregate, format_type_be(input->type)),
				 errdetail("Type %s has no default btree operator class.",
						   format_type_be(input->type))));
}

FmgrInfo *
type_compare(Oid type)
{
	TypeCacheEntry *entry = NULL;

	if (OidIsValid(type))
		entry = lookup_type_cache(type, TYPECACHE_CMP_PROC_FINFO);
	if (entry == NULL || !OidIsValid(entry->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("values of type %s have no order",
						OidIsValid(type) ? format_type_be(type) : "unknown"),
				 errdetail("The type has no default btree operator class.")));
	return &entry->cmp_proc_finfo;
}

Datum
input_copy(const AggregateInput *input, Datum value, MemoryContext memory)
{
	MemoryContext old;

	if (input->typbyval)
		return value;

	if (input->typlen == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));

	old = MemoryContextSwitchTo(memory);
	value = datumCopy(value, false, input->typlen);
	MemoryContextSwitchTo(old);
	return value;
}

ValueOrder
type_order(Oid type, Oid collation)
{
	return value_order(lookup_type_cache(getBaseType(type),
										 TYPECACHE_CMP_PROC_FINFO),
					   collation);
}
