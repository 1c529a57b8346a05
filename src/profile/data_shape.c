/*-------------------------------------------------------------------------
 *
 * data_shape.c
 *	  What must not become of a table that we keep, whatever it is for?
 *
 *		ALTER TABLE segment_data.profile SET UNLOGGED	a crash would empty it,
 *														and not the sources
 *		CREATE RULE ... ON UPDATE TO segment_data.profile DO INSTEAD NOTHING
 *														our UPDATE would do
 *														nothing
 *		ALTER TABLE segment_data.profile INHERIT other	UPDATE other writes its
 *														rows, and fires none of
 *														its triggers
 *		CREATE TABLE other () INHERITS (segment_data.profile)
 *														rows of the one are
 *														shown as the other's
 *		ALTER TABLE segment_data.profile OF type		columns are called as
 *														the type's, from now on
 *		ALTER SEQUENCE segment_data.profile_ord_seq RESTART
 *														numbers come again
 *
 * None of these would be noticed before somebody asks verify().  The guard
 * asks here (guard/kept.c); what is the business of one kind of tables, base,
 * members or ledgers, is asked of those that keep them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "profile/profile.h"

static const char *unfit(Relation relation, const char **why,
						 const char **instead);

void
data_table_check(Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	const char *why;
	const char *instead = NULL;
	const char *what = unfit(relation, &why, &instead);

	if (what != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table %s cannot %s", relation_name(relid), what),
				 errdetail("%s", why),
				 instead == NULL ? 0 :
				 errhint("%s", instead)));
	table_close(relation, AccessShareLock);
}

/*
 * unfit() says what became of a table that it must not be, in words that
 * follow "cannot"; and in *why what would come of it, and in *instead what to
 * do instead, if anything.  NULL: it may.
 */
static const char *
unfit(Relation relation, const char **why, const char **instead)
{
	Oid			relid = RelationGetRelid(relation);

	if (relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
	{
		*why = "After a crash it would be empty, and the attached tables would not.";
		return "be unlogged";
	}
	if (relation->rd_rules != NULL)
	{
		*why = "Extension \"segment\" writes it, and would not know what a rule makes of that.";
		*instead = "Use a trigger: it may see each row that is written.";
		return "have rules";
	}
	if (has_superclass(relid))
	{
		*why = "Statements on the table above would write its rows, too.";
		return "be a partition, or inherit from another table";
	}
	if (find_inheritance_children(relid, NoLock) != NIL)
	{
		*why = "Rows of the table below would count as its rows.";
		*instead = psprintf("To have the same columns, write: CREATE TABLE ... (LIKE %s)",
							relation_name(relid));
		return "be inherited from";
	}
	if (OidIsValid(relation->rd_rel->reloftype))
	{
		*why = "Its columns would get other names with those of the type.";
		return "be a typed table";
	}
	return NULL;
}

void
data_table_check_sequence(Oid relid, const List *options)
{
	Oid			table;
	int32		column;

	if (get_rel_relkind(relid) == RELKIND_SEQUENCE &&
		sequenceIsOwned(relid, DEPENDENCY_INTERNAL, &table, &column) &&
		data_table_is_guarded(table))
		data_table_check_numbers(table, get_attname(table, column, false),
								 options);
}

void
data_table_check_numbers(Oid relid, const char *column, const List *options)
{
	bool		harmless = options != NIL;
	ListCell   *lc;

	foreach(lc, options)
		harmless &= strcmp(lfirst_node(DefElem, lc)->defname, "cache") == 0;
	if (!harmless)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot alter how column \"%s\" of table %s is numbered",
						column, relation_name(relid)),
				 errdetail("Extension \"segment\" uses no number twice.")));
}
