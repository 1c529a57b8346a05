/*-------------------------------------------------------------------------
 *
 * build.c
 *	  Which profiles has a build reached?
 *
 * A build fills columns of all profiles while events go on (flow/build.c).
 * Column s0 says, for each profile, which build was the last to do so:
 *
 *		customer_id | s7	| s0
 *		1			| 40	| 3		build 3 has filled s7
 *		2			| NULL	| 2		not yet
 *		9			| 0		| 3		inserted since build 3 began: by default
 *
 * The column stays, so that the next build, number 4, has nothing to empty.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"

#include "base/base.h"
#include "profile/columns.h"

void
population_begin_build(const Population *population, int32 number)
{
	if (population_column(population, PROFILE_BUILD_COLUMN) ==
		InvalidAttrNumber)
	{
		columns_alter(population, "ADD COLUMN %s integer",
					  PROFILE_BUILD_COLUMN);
		CommandCounterIncrement();
		CreateComments(population->oid, RelationRelationId,
					   population_column(population, PROFILE_BUILD_COLUMN),
					   "number of the build that has filled stored traits of the profile last");
	}
	columns_alter(population, "ALTER COLUMN %s SET DEFAULT %d",
				  PROFILE_BUILD_COLUMN, number);
	CommandCounterIncrement();
	population_changed(population);
}
