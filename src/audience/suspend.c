/*-------------------------------------------------------------------------
 *
 * suspend.c
 *	  What becomes of an audience whose filter does not bind any more?
 *
 *		DROP FUNCTION is_vip(text)		the filter of vip calls it
 *
 *		the next event		WARNING: audience "vip" is broken; stored = false,
 *							and its stored members stay as they are
 *		a question			ERROR or WARNING, which says why
 *		rebuild				if the filter binds again: its members are decided
 *							anew, and kept
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "audience/definitions.h"
#include "audience/index.h"
#include "audience/members_of.h"
#include "base/base.h"

static bool suspend(const Population *population, const Audience *audience);

void
audience_suspend(const Population *population, List *mended)
{
	AudienceIndex *index;
	ListCell   *lc;

	if (!audience_any_stored(population))
		return;
	index = audience_index(population);
	foreach(lc, index_broken_places(index))
	{
		const char *name = index_name(index, lfirst_int(lc));
		const Audience *audience = audience_by_name(population, name);

		if (!suspend(population, audience) || names_contain(mended, name))
			continue;
		ereport(WARNING,
				(errmsg("audience \"%s\" is broken, and its members are not kept from now on",
						name),
				 errdetail("Its filter fails: %s.",
						   index_broken(index, lfirst_int(lc))),
				 errhint("Give it another filter with segment.alter_audience(), or undo the change and run SELECT segment.rebuild(%s);",
						 quote_literal_cstr(population->name))));
	}
	if (index_broken_places(index) != NIL)
		definitions_changed(population);
}

/* suspend() returns false if another transaction has done it already. */
static bool
suspend(const Population *population, const Audience *audience)
{
	catalog_execute("UPDATE segment.audience SET stored = false"
					" WHERE population = $1 AND audience = $2 AND stored",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(audience->name)},
					NULL);
	if (SPI_processed == 0)
		return false;
	membership_suspend(population, audience->definition_id);
	return true;
}

void
audience_resume(const Population *population)
{
	List	   *suspended = NIL;
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		if (!((const Audience *) lfirst(lc))->stored)
			suspended = lappend(suspended, lfirst(lc));
	foreach(lc, audiences_answering(population, suspended, true))
		names = lappend(names, ((const Audience *) lfirst(lc))->name);
	audience_refresh(population, names);
}
