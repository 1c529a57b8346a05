/*-------------------------------------------------------------------------
 *
 * trouble.c
 *	  Which populations failed, and when does the worker try them again?
 *
 *		12:00:00	profile		1 failure	not before 12:00:01
 *		12:00:01	profile		2 failures	not before 12:00:03
 *		12:00:03	profile		went well: forgotten
 *
 * A population that fails is passed over for a pause that doubles with each
 * failure; the others go on.  Kept for the life of the worker.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "utils/memutils.h"
#include "worker/worker_private.h"

#define SHORTEST_PAUSE	USECS_PER_SEC
#define LONGEST_PAUSE	USECS_PER_MINUTE

/* A population that could not be swept or folded. */
typedef struct Trouble
{
	char		population[NAMEDATALEN];
	int			failures;
	TimestampTz next;			/* not before */
} Trouble;

static List *troubles = NIL;	/* Trouble * */

static Trouble *find_trouble(const char *population);

TimestampTz
trouble_next(void)
{
	TimestampTz next = DT_NOEND;
	ListCell   *lc;

	foreach(lc, troubles)
		next = Min(next, ((Trouble *) lfirst(lc))->next);
	return next;
}

bool
trouble_pauses(const char *population, TimestampTz now)
{
	Trouble    *trouble = find_trouble(population);

	return trouble != NULL && trouble->next > now;
}

void
trouble_note(const char *population, TimestampTz now)
{
	Trouble    *trouble = find_trouble(population);

	if (trouble == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		trouble = palloc0(sizeof(Trouble));
		strlcpy(trouble->population, population, NAMEDATALEN);
		troubles = lappend(troubles, trouble);
		MemoryContextSwitchTo(old);
	}
	trouble->next = now +
		Min(LONGEST_PAUSE, SHORTEST_PAUSE << Min(trouble->failures, 10));
	trouble->failures++;
}

void
trouble_forget(const char *population)
{
	Trouble    *trouble = find_trouble(population);

	if (trouble != NULL)
	{
		troubles = list_delete_ptr(troubles, trouble);
		pfree(trouble);
	}
}

void
trouble_forget_others(List *populations)
{
	ListCell   *lc;

	foreach(lc, troubles)
	{
		Trouble    *trouble = lfirst(lc);

		if (!names_contain(populations, trouble->population))
		{
			pfree(trouble);
			troubles = foreach_delete_current(troubles, lc);
		}
	}
}

static Trouble *
find_trouble(const char *population)
{
	ListCell   *lc;

	foreach(lc, troubles)
		if (strcmp(((Trouble *) lfirst(lc))->population, population) == 0)
			return lfirst(lc);
	return NULL;
}
