/*-------------------------------------------------------------------------
 *
 * kept.c
 *	  Does a statement take away a table that we keep?
 *
 *		DROP TABLE segment_data.profile_toggle			refused
 *		DROP TABLE segment_data.profile_club_lot		refused: program "club"
 *														is kept in it
 *		ALTER TABLE segment_data.profile_club_lot
 *			ALTER remaining TYPE numeric				refused
 *			ADD CHECK (remaining < 1000)				is the owner's business
 *
 * CASCADE drops no such table either: it would take away what customers have.
 * But it goes with its population, and where our triggers were dropped before:
 * that is how pg_restore --clean takes a database apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"

void
kept_check_dropped(const GuardStatement *statement)
{
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);
		const char *instead;
		char	   *keeper;

		if (object->address.classId != RelationRelationId ||
			object->address.objectSubId != 0 ||
			!had_triggers(statement, object))
			continue;
		keeper = flow_keeper(object->address.objectId, &instead);
		if (keeper != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop table %s because %s is kept in it",
							object->identity, keeper),
					 errhint("%s", instead)));
	}
}

void
kept_check_altered(const GuardStatement *statement)
{
	ListCell   *lc;

	if (!IsA(statement->tree, AlterTableStmt) &&
		!IsA(statement->tree, RenameStmt))
		return;
	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId == RelationRelationId &&
			get_rel_relkind(object->address.objectId) == RELKIND_RELATION)
			flow_keeper_check(object->address.objectId);
	}
}
