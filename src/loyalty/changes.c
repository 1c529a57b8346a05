/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  What rows of a statement have earned is kept until the statement ends.
 *
 *		visit 7		order 1 came, order 2 is another customer's now
 *		visit 9		order 2 came
 *
 *		club		left	7: order 2
 *					others	7: order 1		9: order 2
 *
 * What is no customer's any more is taken first: an order that another
 * customer has now leaves the one before it comes to the other.
 *
 * Memory.  A COPY may bring a million rows.  They are kept in tuplestores,
 * which have work_mem and then a file, and granted some customers at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "loyalty/rules_private.h"

/* About how many changes are granted at once, of whole customers. */
#define MOST_AT_ONCE	2000

/* The columns of what is kept. */
enum
{
	CHANGE_RULE,				/* the address of a Rule of this session */
	CHANGE_KEY,
	CHANGE_REF,
	CHANGE_AMOUNT,
	CHANGE_HAPPENED,
	CHANGE_AT,
	CHANGE_FLAGS,
#define CHANGE_COLUMNS	(CHANGE_FLAGS + 1)
};

/* Flags of a change. */
#define FLAG_WENT		1
#define FLAG_IS			2
#define FLAG_FILLS		4
#define FLAG_CONDITION	8

/* The changes of rows of one program. */
typedef struct ProgramChanges
{
	const char *program;
	Tuplestorestate *left;		/* rows that are no row of the customer's */
	Tuplestorestate *others;
} ProgramChanges;

struct Changes
{
	const Population *population;
	MemoryContext context;
	TupleDesc	desc;
	List	   *programs;		/* ProgramChanges * */
};

static ProgramChanges *of_program(Changes *changes, const char *program);
static void put(Changes *changes, Tuplestorestate *store,
				const RowChange *change);
static void grant_all(Changes *changes, const char *program,
					  Tuplestorestate *store);
static RowChange *take(const Changes *changes, TupleTableSlot *slot);
static void grant(const Changes *changes, const char *program, List *some);
static int	by_customer(const ListCell *a, const ListCell *b);
static int	by_row(const ListCell *a, const ListCell *b);
static bool same_row(const RowChange *a, const RowChange *b);

Changes *
changes_begin(const Population *population)
{
	Changes    *changes = palloc0(sizeof(Changes));
	Oid			types[CHANGE_COLUMNS] = {INT8OID, population->key_type,
	TEXTOID, NUMERICOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID};

	changes->population = population;
	changes->context = CurrentMemoryContext;
	changes->desc = CreateTemplateTupleDesc(CHANGE_COLUMNS);
	for (int i = 0; i < CHANGE_COLUMNS; i++)
		TupleDescInitEntry(changes->desc, i + 1, NULL, types[i], -1, 0);
	return changes;
}

void
changes_keep(Changes *changes, List *of_customer)
{
	int			count = list_length(of_customer);

	list_sort(of_customer, by_row);
	for (int i = 0; i < count;)
	{
		const RowChange *first = list_nth(of_customer, i);
		ProgramChanges *program = of_program(changes, first->rule->program);
		bool		came = false;
		int			next = i;

		for (; next < count &&
			 same_row(first, list_nth(of_customer, next)); next++)
			came |= !((RowChange *) list_nth(of_customer, next))->went;
		for (; i < next; i++)
			put(changes, came ? program->others : program->left,
				list_nth(of_customer, i));
	}
}

void
changes_keep_all(Changes *changes, List *all)
{
	const RowChange *last = NULL;
	List	   *of_customer = NIL;
	ListCell   *lc;

	list_sort(all, by_customer);
	foreach(lc, all)
	{
		const RowChange *change = lfirst(lc);

		if (last != NULL && strcmp(last->who, change->who) != 0)
		{
			changes_keep(changes, of_customer);
			of_customer = NIL;
		}
		of_customer = lappend(of_customer, lfirst(lc));
		last = change;
	}
	changes_keep(changes, of_customer);
}

void
changes_grant(Changes *changes)
{
	ListCell   *lc;

	foreach(lc, changes->programs)
	{
		const ProgramChanges *one = lfirst(lc);

		grant_all(changes, one->program, one->left);
	}
	foreach(lc, changes->programs)
	{
		const ProgramChanges *one = lfirst(lc);

		grant_all(changes, one->program, one->others);
	}
}

/* of_program() finds or adds the changes of rows of a program. */
static ProgramChanges *
of_program(Changes *changes, const char *program)
{
	ProgramChanges *made;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, changes->programs)
		if (strcmp(((ProgramChanges *) lfirst(lc))->program, program) == 0)
			return lfirst(lc);
	old = MemoryContextSwitchTo(changes->context);
	made = palloc(sizeof(ProgramChanges));
	made->program = pstrdup(program);
	made->left = tuplestore_begin_heap(false, false, work_mem);
	made->others = tuplestore_begin_heap(false, false, work_mem);
	changes->programs = lappend(changes->programs, made);
	MemoryContextSwitchTo(old);
	return made;
}

/* put() keeps a change. */
static void
put(Changes *changes, Tuplestorestate *store, const RowChange *change)
{
	Datum		values[CHANGE_COLUMNS] = {
		Int64GetDatum((int64) (intptr_t) change->rule),
		change->key,
		CStringGetTextDatum(change->ref),
		NumericGetDatum(change->amount),
		TimestampTzGetDatum(change->happened),
		TimestampTzGetDatum(change->at),
		Int32GetDatum((change->went ? FLAG_WENT : 0) |
					  (change->is ? FLAG_IS : 0) |
					  (change->fills ? FLAG_FILLS : 0) |
					  (change->condition ? FLAG_CONDITION : 0)),
	};
	bool		isnull[CHANGE_COLUMNS] = {false};

	tuplestore_putvalues(store, changes->desc, values, isnull);
}

/* grant_all() grants what is kept, of some customers at a time. */
static void
grant_all(Changes *changes, const char *program, Tuplestorestate *store)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(changes->desc,
													&TTSOpsMinimalTuple);
	MemoryContext portion = AllocSetContextCreate(CurrentMemoryContext,
												  "segment earning rows",
												  ALLOCSET_DEFAULT_SIZES);
	const char *who = NULL;		/* the last one of 'some' */
	List	   *some = NIL;

	/* what is read from a file outlives a portion */
	while (tuplestore_gettupleslot(store, true, false, slot))
	{
		MemoryContext old = MemoryContextSwitchTo(portion);
		RowChange  *change = take(changes, slot);

		CHECK_FOR_INTERRUPTS();
		if (list_length(some) >= MOST_AT_ONCE &&
			strcmp(who, change->who) != 0)
		{
			grant(changes, program, some);
			MemoryContextReset(portion);
			some = NIL;
			change = take(changes, slot);
		}
		some = lappend(some, change);
		who = change->who;
		MemoryContextSwitchTo(old);
	}
	MemoryContextSwitchTo(portion);
	if (some != NIL)
		grant(changes, program, some);
	MemoryContextSwitchTo(changes->context);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(portion);
	tuplestore_end(store);
}

/* take() is a change that was kept, in the current context. */
static RowChange *
take(const Changes *changes, TupleTableSlot *slot)
{
	RowChange  *change = palloc0(sizeof(RowChange));
	const Datum *values = slot->tts_values;
	int			flags;

	slot_getallattrs(slot);
	flags = DatumGetInt32(values[CHANGE_FLAGS]);
	change->rule = (Rule *) (intptr_t) DatumGetInt64(values[CHANGE_RULE]);
	change->key = profile_key_copy(changes->population, values[CHANGE_KEY]);
	change->who = profile_key_text(changes->population, values[CHANGE_KEY]);
	change->ref = TextDatumGetCString(values[CHANGE_REF]);
	change->amount = DatumGetNumericCopy(values[CHANGE_AMOUNT]);
	change->went = (flags & FLAG_WENT) != 0;
	change->is = (flags & FLAG_IS) != 0;
	change->fills = (flags & FLAG_FILLS) != 0;
	change->condition = (flags & FLAG_CONDITION) != 0;
	change->happened = DatumGetTimestampTz(values[CHANGE_HAPPENED]);
	change->at = DatumGetTimestampTz(values[CHANGE_AT]);
	return change;
}

/* grant() grants what rows of some customers earn. */
static void
grant(const Changes *changes, const char *program, List *some)
{
	const Program *found = program_find(changes->population, program);

	if (found != NULL)
		grants_apply(found, some);
}

/* by_customer() orders changes by customer.  For list_sort(). */
static int
by_customer(const ListCell *a, const ListCell *b)
{
	return strcmp(((RowChange *) lfirst(a))->who,
				  ((RowChange *) lfirst(b))->who);
}

/* by_row() orders a customer's changes by rule and ref.  For list_sort(). */
static int
by_row(const ListCell *a, const ListCell *b)
{
	const RowChange *one = lfirst(a);
	const RowChange *other = lfirst(b);
	int			order = strcmp(one->rule->program, other->rule->program);

	if (order == 0)
		order = strcmp(one->rule->name, other->rule->name);
	if (order == 0)
		order = strcmp(one->ref, other->ref);
	return order;
}

/* same_row() says whether two changes are of one row and rule. */
static bool
same_row(const RowChange *a, const RowChange *b)
{
	return strcmp(a->rule->program, b->rule->program) == 0 &&
		strcmp(a->rule->name, b->rule->name) == 0 &&
		strcmp(a->ref, b->ref) == 0;
}
