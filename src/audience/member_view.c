/*-------------------------------------------------------------------------
 *
 * member_view.c
 *	  The view of an audience: the keys of its members.
 *
 *		CREATE VIEW vip AS
 *		SELECT the keys of the stored members of vip; or, where the reader's
 *		snapshot does not show that they are stored, of those for whom the
 *		filter holds
 *
 * The view asks for the audience by name.  So it never changes, whatever
 * becomes of the filter: the id of the definition is looked up when the view
 * is read, and the planner puts in the filter of the day, as a changed
 * definition invalidates the base table and all plans over it.
 *
 * The view belongs to the population's owner, who may drop it at any time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audience/members_of.h"
#include "base/base.h"

static void check_view_name(const char *schema, const char *name);
static char *view_name(Oid view);

Oid
member_view_create(const Population *population, const char *name,
				   const char *schema)
{
	Oid			schema_oid = get_namespace_oid(schema, false);
	Oid			owner = relation_owner(population->oid);
	char	   *view = quote_qualified_identifier(schema, name);

	check_view_name(schema, name);
	if (object_aclcheck(NamespaceRelationId, schema_oid, owner,
						ACL_CREATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema \"%s\"", schema),
				 errdetail("The view of the audience would belong to role \"%s\", who owns the population and may not create there.",
						   GetUserNameFromId(owner, false)),
				 errhint("Set search_path to another schema, or make the audience without a view: view => false.")));

	population_execute(population,
					   psprintf("CREATE VIEW %s AS %s", view,
								audience_members_sql(population, name)));
	population_execute(population,
					   psprintf("COMMENT ON COLUMN %s.%s IS 'key of a profile that is a member now'",
								view, quote_identifier(population->key)));
	return get_relname_relid(name, schema_oid);
}

/* check_view_name() is an error if a relation has that name in the schema. */
static void
check_view_name(const char *schema, const char *name)
{
	if (OidIsValid(get_relname_relid(name, get_namespace_oid(schema, false))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation %s already exists",
						quote_qualified_identifier(schema, name)),
				 errdetail("An audience shows itself as a view of its name."),
				 errhint("Choose another name or another schema, or make the audience without a view: view => false.")));
}

void
member_view_comment(const Population *population, Oid view,
					const char *filter, const char *description)
{
	char	   *name = view_name(view);

	if (name == NULL)
		return;
	if (description != NULL)
		filter = psprintf("%s: %s", description, filter);
	population_execute(population,
					   psprintf("COMMENT ON VIEW %s IS %s", name,
								quote_literal_cstr(filter)));
}

void
member_view_rename(const Population *population, Oid view, const char *name,
				   const char *new_name)
{
	char	   *old = view_name(view);

	if (old == NULL || strcmp(get_rel_name(view), name) != 0)
		return;
	check_view_name(get_namespace_name(get_rel_namespace(view)), new_name);
	population_execute(population,
					   psprintf("ALTER VIEW %s RENAME TO %s", old,
								quote_identifier(new_name)));
	CommandCounterIncrement();
}

void
member_view_replace(const Population *population, Oid view,
					const char *audience)
{
	char	   *name = view_name(view);

	if (name == NULL)
		return;
	population_execute(population,
					   psprintf("CREATE OR REPLACE VIEW %s%s AS %s", name,
								view_options(view),
								audience_members_sql(population, audience)));
}

void
member_view_drop(const Population *population, Oid view, const char *audience)
{
	char	   *name = view_name(view);

	if (name == NULL)
		return;
	relation_refuse_dependents(view, InvalidAttrNumber,
							   psprintf("audience \"%s\"", audience));
	population_execute(population, psprintf("DROP VIEW %s", name));
}

/* view_name() returns NULL if there is no view (any more). */
static char *
view_name(Oid view)
{
	char	   *schema;

	if (!OidIsValid(view) || get_rel_relkind(view) != RELKIND_VIEW)
		return NULL;
	schema = get_namespace_name(get_rel_namespace(view));
	return quote_qualified_identifier(schema, get_rel_name(view));
}
