/*-------------------------------------------------------------------------
 *
 * hold.c
 *	  Populations that a statement concerns are held before it locks a table.
 *
 *		DROP OWNED BY ada CASCADE	locks all that is ada's, in an order of the
 *									server's: base tables, sources, views ...
 *
 *		1.	populations that read any of it, against those who define
 *		2.	of those that go, all else, as drop_population() does
 *
 * Both in the order of names, so that two such statements do not wait for each
 * other.  While a definition waits for tables it holds no more than what is
 * held first here (lock_affected.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lmgr.h"

#include "base/base.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "profile/profile.h"

void
flow_hold(List *names, const List *bases)
{
	List	   *going = NIL;
	ListCell   *lc;

	foreach(lc, names == NIL && bases == NIL ? NIL : population_names())
	{
		const char *name = lfirst(lc);
		Oid			base = population_base(name);
		const Population *population;

		if (list_member_oid(bases, base))
		{
			/* what is built, or broken, can be dropped, too */
			LockRelationOid(base, ShareUpdateExclusiveLock);
			going = lappend_oid(going, base);
		}
		else if (names_contain(names, name) &&
				 (population = population_find(name)) != NULL)
			(void) hold_definitions(population);
	}
	foreach(lc, going)
		population_lock_all(lfirst_oid(lc));
}
