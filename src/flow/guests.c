/*-------------------------------------------------------------------------
 *
 * guests.c
 *	  What do guests of the corridor see, and when may they write?
 *
 *		INSERT INTO orders (customer_id, amount) VALUES (7, 10), (9, 5), (7, 2)
 *
 *		interests.c		interests_keep	the values that a guest wants, beside
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

#include "access/xact.h"
#include "commands/trigger.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/interests.h"

/* The most rooms that are guests. */
#define MOST_GUESTS		8

/* The most turns of guests that are begun because of one another. */
#define MOST_TURNS		32

struct GuestTurns
{
	const Population *population;
	List	   *contributions;
	int			round;
	MemoryContext context;
	bool		begun[MOST_GUESTS];
	void	   *turns[MOST_GUESTS];	/* what begin() returned */
};

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

static void show(GuestTurns *turns, int guest, ProfileDeltas profile,
				 FlowVisit *visit);
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

const Interests *
guests_interests(const Source *source)
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
		interests->each[interests->count++] = (Interest) {guests[i], what};
	}
	return interests;
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
			visit->nrows += row->interest->guest == guests[guest];
		for (int k = 0; one->delta->reread && interests != NULL &&
			 k < interests->count; k++)
			if (interests->each[k].guest == guests[guest])
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
			if (row->interest->guest == guests[guest])
				interest_show(row, &rows[count++]);
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
	bool		replica;

	check_depth(depth);
	before = guest->pins && first == 0 ?
		act_as_owner_unpinned(population->oid) :
		act_as_owner(population->oid);
	replica = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;
	if (replica && before.settings == 0)
		before.settings = NewGUCNestLevel();
	if (replica)
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
