/*-------------------------------------------------------------------------
 *
 * lost.c
 *	  What is left of a population whose base table is gone?
 *
 *		DROP TABLE segment_data.profile;	or DROP OWNED BY its owner
 *		INSERT INTO orders ...				ERROR: the base table of population
 *											"profile" does not exist any more
 *		SELECT segment.drop_population('profile');
 *
 * Definitions are left, triggers on tables that are not the population's
 * owner's, whose writers they now stop, and perhaps views and members.  Nobody
 * owns the population any more, so the owner of the extension's tables removes
 * it; what is another role's is left to that role.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "flow/flow.h"
#include "flow/flow_private.h"

static void drop_relation(Oid relid);

void
drop_lost_population(const Population *population)
{
	static const char *const definitions[] = {
		"DELETE FROM segment.audience WHERE population = $1",
		"DELETE FROM segment.membership WHERE population = $1",
		"DELETE FROM segment.trait WHERE population = $1",
		"DELETE FROM segment.stored_trait WHERE population = $1",
		"DELETE FROM segment.population WHERE population = $1",
	};
	List	   *relations = list_make1_oid(population->view);
	Datum		name = name_datum(population->name);
	ListCell   *lc;

	check_read_committed("drop_population");
	if (!object_ownercheck(RelationRelationId, catalog_relation("population"),
						   GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of extension \"segment\" to drop population \"%s\"",
						population->name),
				 errdetail("Its base table does not exist any more, and with it went whoever owned it.")));

	foreach(lc, audience_list(population))
		relations = lappend_oid(relations, ((Audience *) lfirst(lc))->view);
	relations = list_concat(relations, membership_relations(population));

	SPI_connect();
	foreach(lc, source_names(population))
		source_detach(source_by_name(population, lfirst(lc)));
	feed_forget(population);
	for (int i = 0; i < lengthof(definitions); i++)
		catalog_execute(definitions[i], 1, (Oid[]) {NAMEOID}, &name, NULL);
	foreach(lc, relations)
		drop_relation(lfirst_oid(lc));
	SPI_finish();
}

/* If it is there, and the user may drop it. */
static void
drop_relation(Oid relid)
{
	char		kind = get_rel_relkind(relid);

	if (kind != RELKIND_VIEW && kind != RELKIND_RELATION)
		return;
	if (object_ownercheck(RelationRelationId, relid, GetUserId()))
		catalog_execute_as_user(psprintf("DROP %s %s",
										 kind == RELKIND_VIEW ? "VIEW" : "TABLE",
										 relation_name(relid)),
								0, NULL, NULL, NULL);
	else
		ereport(NOTICE,
				(errmsg("%s stays: it belongs to role \"%s\"",
						relation_name(relid),
						GetUserNameFromId(relation_owner(relid), false))));
}
