/*-------------------------------------------------------------------------
 *
 * guests.c
 *	  What do guests of the corridor see, and when may they write?
 *
 *		INSERT INTO orders (customer_id, amount) VALUES (7, 10), (9, 5), (7, 2)
 *
 *		contribution.c	interests_keep	the values that a guest wants, beside
 *										the delta: profile 7: +10, +2
 *		apply_profile.c	guests_visit	profile 7, as it was and as it is
 *						guests_visit	profile 9
 *		apply_batch.c	guests_end		INSERT INTO club_entry ...
 *										which is a statement like any other:
 *										counted in, folded, applied (mostly
 *										with what it is because of)
 *
 * A guest sees rows whether or not a trait reads them, also those of a
 * TRUNCATE; where memory has no room for rows they are spilled with what the
 * traits need of them (spilled_rows.c).  Of a profile that is read again from
 * a source with links nobody knows what its rows were: the guest is told so.
 *
 * Circles.  What a guest writes may be a row of a source in which guests take
 * an interest.  That ends by itself, or after MOST_TURNS with an error.
 *
 * Replication.  Where rows are applied that came by logical replication, the
 * triggers of what guests write would be silent: it is written as what
 * happened here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow.h"
#include "flow/flow_private.h"

/* The most rooms that are guests. */
#define MOST_GUESTS		8

/* The most turns of guests that are begun because of one another. */
#define MOST_TURNS		32

struct FlowInterest
{
	void	   *owner;
	ExprState  *where;			/* NULL: all rows */
	int			nvalues;
	ExprState **values;
	TupleDesc	desc;			/* of the values */
	Bitmapset  *columns;		/* of the joined row, as pull_varattnos() */
	ExprContext *econtext;
};

/* The interest of one guest. */
typedef struct Interest
{
	int			guest;
	const FlowInterest *what;
} Interest;

struct Interests
{
	const Source *source;
	int			count;
	Interest	each[FLEXIBLE_ARRAY_MEMBER];
};

/* What a guest wants of a row. */
struct GuestRow
{
	GuestRow   *next;
	const Interest *interest;
	int			sign;
	MinimalTuple values;
};

/* The values that one guest wants of a row, among those that all want. */
typedef struct PackedRow
{
	int64		interest;		/* index in Interests */
	char		values[FLEXIBLE_ARRAY_MEMBER];	/* a MinimalTuple */
} PackedRow;

struct GuestTurns
{
	const Population *population;
	List	   *contributions;
	int			round;
	MemoryContext context;
	bool		begun[MOST_GUESTS];
	void	   *turns[MOST_GUESTS];	/* what begin() returned */
};

/* An error context: which guest evaluates a row of which source? */
typedef struct Evaluating
{
	const Interests *interests;
	const Interest *interest;
	ErrorContextCallback callback;
} Evaluating;

/* Set when the library is loaded. */
static const FlowGuest *guests[MOST_GUESTS];
static int	nguests = 0;

/* How many turns have begun, and not ended, because of one another? */
static int	depth = 0;

/* Transitions of which guests are to be told; 'first' is 0 without any. */
static struct
{
	Oid			population;
	int64		first;
	int64		last;
	SubTransactionId subid;		/* in which the first was noted */
}			noted;

static MinimalTuple evaluate(const Interests *interests,
							 const Interest *interest, TupleTableSlot *row);
static void in_evaluation(void *evaluating);
static bool same_values(const FlowInterest *what, MinimalTuple a,
						MinimalTuple b);
static void show(GuestTurns *turns, int guest, ProfileDeltas profile,
				 FlowVisit *visit);
static void deform(const GuestRow *row, FlowRow *visible);
static void check_depth(int begun);
static void let_write(const FlowGuest *guest, const Population *population,
					  void *turn, int64 first, int64 last);

void
flow_register_guest(const FlowGuest *guest)
{
	if (nguests == MOST_GUESTS)
		elog(ERROR, "too many guests");
	guests[nguests++] = guest;
}

/* ---- what guests want of rows ---- */

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

const Interests *
interests_of(const Source *source)
{
	Interests  *interests = NULL;

	for (int i = 0; i < nguests; i++)
	{
		const FlowInterest *what = guests[i]->interest(source);

		if (what == NULL)
			continue;
		if (interests == NULL)
		{
			interests = palloc0(offsetof(Interests, each) +
								sizeof(Interest) * nguests);
			interests->source = source;
		}
		interests->each[interests->count++] = (Interest) {i, what};
	}
	return interests;
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
			   guests[evaluating->interest->guest]->name,
			   evaluating->interests->source->name);
}

/* ---- turns ---- */

GuestTurns *
guests_begin(List *contributions, int round)
{
	GuestTurns *turns;
	ListCell   *lc;
	bool		any = false;

	foreach(lc, contributions)
		any |= ((const Contribution *) lfirst(lc))->interests != NULL;
	if (!any)
		return NULL;
	turns = palloc0(sizeof(GuestTurns));
	turns->population =
		((const Contribution *) linitial(contributions))->source->population;
	turns->contributions = contributions;
	turns->round = round;
	turns->context = AllocSetContextCreate(CurrentMemoryContext,
										   "segment guests",
										   ALLOCSET_DEFAULT_SIZES);
	return turns;
}

void
guests_visit(GuestTurns *turns, ProfileDeltas profile, TupleTableSlot *before,
			 TupleTableSlot *after, TimestampTz at)
{
	for (int i = 0; i < nguests; i++)
	{
		FlowVisit	visit = {
			.key = profile.deltas->key,
			.before = before,
			.after = after,
			.at = at,
		};

		show(turns, i, profile, &visit);
	}
}

/* show() lets a guest visit a profile, if any of it is of interest to it. */
static void
show(GuestTurns *turns, int guest, ProfileDeltas profile, FlowVisit *visit)
{
	FlowRow    *rows;
	int			count = 0;

	for (int i = 0; i < profile.count; i++)
	{
		const ProfileDelta *one = &profile.deltas[i];
		const Contribution *contribution = list_nth(turns->contributions,
													one->contribution);
		const Interests *interests = contribution->interests;

		for (const GuestRow *row = one->rows; row != NULL; row = row->next)
			visit->nrows += row->interest->guest == guest;
		for (int k = 0; one->delta->reread && interests != NULL &&
			 k < interests->count; k++)
			if (interests->each[k].guest == guest)
				visit->unknown =
					list_append_unique_ptr(visit->unknown,
										   interests->each[k].what->owner);
	}
	if (visit->nrows == 0 && visit->unknown == NIL)
		return;

	visit->rows = rows = palloc_extended(sizeof(FlowRow) * visit->nrows,
										 MCXT_ALLOC_HUGE);
	for (int i = 0; i < profile.count; i++)
		for (const GuestRow *row = profile.deltas[i].rows; row != NULL;
			 row = row->next)
			if (row->interest->guest == guest)
				deform(row, &rows[count++]);
	if (!turns->begun[guest])
	{
		MemoryContext old = MemoryContextSwitchTo(turns->context);

		turns->turns[guest] = guests[guest]->begin(turns->population);
		turns->begun[guest] = true;
		MemoryContextSwitchTo(old);
	}
	/* its expressions call functions, too */
	folding_begin();
	guests[guest]->visit(turns->turns[guest], visit);
	folding_end();
}

/* deform() makes a row what a guest sees of it, in the current context. */
static void
deform(const GuestRow *row, FlowRow *visible)
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

void
guests_end(GuestTurns *turns)
{
	MemoryContext old = MemoryContextSwitchTo(turns->context);

	check_depth(depth + turns->round);
	for (int i = 0; i < nguests; i++)
		if (turns->begun[i])
			let_write(guests[i], turns->population, turns->turns[i], 0, 0);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(turns->context);
}

/* check_depth() raises an error if too many turns have begun. */
static void
check_depth(int begun)
{
	if (begun >= MOST_TURNS)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("rows that are written because of other rows lead to more of them without end"),
				 errdetail("They have been written %d times because of one another.",
						   begun)));
}

/*
 * let_write() lets a guest end its turn, or lets it know what was folded
 * ('first' is not 0): as the population's owner, and as if all happened here.
 */
static void
let_write(const FlowGuest *guest, const Population *population, void *turn,
		  int64 first, int64 last)
{
	Actor		before;

	check_depth(depth);
	before = act_as_owner(population->oid);
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		(void) set_config_option("session_replication_role", "origin",
								 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	depth++;
	PG_TRY();
	{
		if (first == 0)
			guest->end(turn);
		else
			guest->folded(population, first, last);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
	act_as_before(before);
	CommandCounterIncrement();
}

/* ---- what was folded ---- */

void
guests_note_folded(const Population *population, int64 first, int64 last)
{
	if (nguests == 0)
		return;
	/* nobody else has appended meanwhile */
	if (noted.first == 0 || noted.population != population->oid)
	{
		noted.population = population->oid;
		noted.first = first;
		noted.subid = GetCurrentSubTransactionId();
	}
	noted.last = last;
}

bool
guests_folded(const char *name)
{
	const Population *population;
	int64		first = noted.first;
	int64		last = noted.last;

	if (first == 0)
		return false;
	noted.first = 0;
	population = population_find(name);
	if (population == NULL || population->oid != noted.population)
		return false;
	for (int i = 0; i < nguests; i++)
		if (guests[i]->folded != NULL)
			let_write(guests[i], population, NULL, first, last);
	return true;
}

void
guests_end_transaction(void)
{
	noted.first = 0;
}

void
guests_discard(SubTransactionId subid)
{
	if (noted.first != 0 && is_within(noted.subid, subid))
		noted.first = 0;
}
