/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Make, change and drop an audience.
 *
 *		SELECT segment.create_audience('vip', 'total_spend > 500');
 *
 * stores the filter in segment.audience, after it has bound to the traits
 * there are, and makes in the current schema, for the population's owner,
 *
 *		CREATE VIEW vip AS
 *		SELECT profile.customer_id FROM segment_data.profile AS profile
 *		WHERE profile.* @@ 'in audience vip'
 *
 * The view asks for the audience by name.  So it never changes, whatever
 * becomes of the filter; the planner puts the filter of the day in its place,
 * and plans made with yesterday's are thrown away, because a changed
 * definition invalidates the base table.  (A prepared statement that another
 * transaction has already used learns of it when that transaction is over, as
 * with any other definition that a plan was made from.)
 *
 * Who defines holds SHARE UPDATE EXCLUSIVE on the base table to the end of
 * the transaction: one definition at a time, while readers and writers go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audience/audience_private.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_create_audience);
SEGMENT_FUNCTION(segment_alter_audience);
SEGMENT_FUNCTION(segment_drop_audience);

static char *name_argument(FunctionCallInfo fcinfo, int argument);
static char *text_argument(FunctionCallInfo fcinfo, int argument);
static void check_new_name(const Population *population, const char *name);
static void check_filter(const Population *population, const char *name,
						 const char *text);
static void check_cycle(const Population *population, const char *name,
						const FilterNode *filter, List *path, List **seen);
static void check_changed(void);
static Oid	create_view(const Population *population, const char *name);
static void comment_view(const Population *population, Oid view,
						 const char *text, const char *description);
static char *view_name(Oid view);
static void drop_audience(const Population *population, const char *name,
						  bool cascade, bool asked);

/*
 * create_audience(name, filter, population, view, description) -> its size
 */
Datum
segment_create_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0);
	const Population *population;
	char	   *text;
	char	   *description;
	Oid			view = InvalidOid;
	int64		size;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the filter of audience \"%s\" must be given", name),
				 errhint("For example 'total_spend > 500'.")));
	text = filter_print(filter_unpack(PG_GETARG_FILTER_PP(1)));
	population = population_by_name(PG_ARGISNULL(2) ? NULL :
									NameStr(*PG_GETARG_NAME(2)));
	description = text_argument(fcinfo, 4);

	population = population_definer(population);
	check_new_name(population, name);
	check_filter(population, name, text);

	SPI_connect();
	if (PG_ARGISNULL(3) || PG_GETARG_BOOL(3))
	{
		view = create_view(population, name);
		comment_view(population, view, text, description);
	}
	catalog_execute("INSERT INTO segment.audience"
					" (population, audience, filter, view, description)"
					" VALUES ($1, $2, $3::segment.filter, $4, $5)",
					5, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, REGCLASSOID, TEXTOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   CStringGetTextDatum(text), ObjectIdGetDatum(view),
							   description ? CStringGetTextDatum(description) : (Datum) 0},
					(bool[]) {false, false, false, !OidIsValid(view),
							  description == NULL});
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
	size = audience_count(population, name);
	SPI_finish();
	PG_RETURN_INT64(size);
}

/*
 * alter_audience(name, filter, population, description) -> its size
 *
 * What is not given stays; an empty description is none.
 */
Datum
segment_alter_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0);
	const Population *population;
	const Audience *audience;
	char	   *text;
	char	   *description;
	int64		size;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("there is nothing to change in audience \"%s\"", name),
				 errhint("Give a filter, a description or both.")));

	(void) audience_find(name, PG_ARGISNULL(2) ? NULL :
						 NameStr(*PG_GETARG_NAME(2)), &population);
	population = population_definer(population);
	audience = audience_find(name, population->name, &population);

	text = PG_ARGISNULL(1) ? audience->text :
		filter_print(filter_unpack(PG_GETARG_FILTER_PP(1)));
	description = PG_ARGISNULL(3) ? audience->description :
		text_argument(fcinfo, 3);
	check_filter(population, name, text);

	SPI_connect();
	catalog_execute("UPDATE segment.audience"
					" SET filter = $3::segment.filter, description = $4"
					" WHERE population = $1 AND audience = $2",
					4, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   CStringGetTextDatum(text),
							   description ? CStringGetTextDatum(description) : (Datum) 0},
					(bool[]) {false, false, false, description == NULL});
	check_changed();
	comment_view(population, audience->view, text, description);
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
	size = audience_count(population, name);
	SPI_finish();
	PG_RETURN_INT64(size);
}

/*
 * drop_audience(name, population, cascade)
 */
Datum
segment_drop_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0);
	const Population *population;

	(void) audience_find(name, PG_ARGISNULL(1) ? NULL :
						 NameStr(*PG_GETARG_NAME(1)), &population);
	population = population_definer(population);
	(void) audience_find(name, population->name, &population);

	SPI_connect();
	drop_audience(population, name, !PG_ARGISNULL(2) && PG_GETARG_BOOL(2), true);
	SPI_finish();
	PG_RETURN_VOID();
}

void
audience_forget(const Population *population, const char *name)
{
	const Audience *audience = audience_by_name(population, name);
	char	   *view = audience ? view_name(audience->view) : NULL;

	/* the row first: an invalidation between the two must not find half */
	catalog_execute("DELETE FROM segment.audience"
					" WHERE population = $1 AND audience = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name)},
					NULL);
	check_changed();
	if (view != NULL)
		population_execute(population, psprintf("DROP VIEW %s", view));
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
}

static char *
name_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the audience must be given")));
	return NameStr(*PG_GETARG_NAME(argument));
}

/* NULL also for the empty text */
static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *value;

	if (PG_ARGISNULL(argument))
		return NULL;
	value = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	return value[0] == '\0' ? NULL : value;
}

static void
check_new_name(const Population *population, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("an audience needs a name")));
	if (audience_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("audience \"%s\" already exists in population \"%s\"",
						name, population->name),
				 errhint("Change it with segment.alter_audience().")));
}

/*
 * The filter must bind, and not lead back to the audience.  It is parsed from
 * its canonical text, so that errors can point into that.
 */
static void
check_filter(const Population *population, const char *name, const char *text)
{
	FilterNode *filter = filter_parse(text, NULL);
	List	   *seen = NIL;

	check_cycle(population, name, filter, list_make1(unconstify(char *, name)),
				&seen);
	audience_bind(population, filter, text);
}

/*
 * Follow all audiences that the filter mentions.  'path' are the names that
 * led here; 'seen' those that were followed already and did not lead back.
 */
static void
check_cycle(const Population *population, const char *name,
			const FilterNode *filter, List *path, List **seen)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, audience_names_used(filter))
	{
		char	   *used = lfirst(lc);
		const Audience *audience;
		ListCell   *other;
		bool		followed = false;

		if (strcmp(used, name) == 0)
		{
			StringInfoData way;

			initStringInfo(&way);
			foreach(other, path)
				appendStringInfo(&way, "\"%s\" -> ", (char *) lfirst(other));
			appendStringInfo(&way, "\"%s\"", name);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("audience \"%s\" would be defined by itself", name),
					 errdetail("The filters lead in a circle: %s.", way.data)));
		}

		foreach(other, *seen)
			followed |= (strcmp(lfirst(other), used) == 0);
		audience = audience_by_name(population, used);
		if (followed || audience == NULL)
			continue;			/* what does not exist is binding's to say */
		*seen = lappend(*seen, used);
		check_cycle(population, name, audience->filter,
					lappend(list_copy(path), used), seen);
	}
}

/*
 * Definitions are read as they are, but written under the transaction's
 * snapshot, which may be too old to see the row.
 */
static void
check_changed(void)
{
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

static Oid
create_view(const Population *population, const char *name)
{
	char	   *schema = current_schema_name();
	Oid			schema_oid = get_namespace_oid(schema, false);
	Oid			owner = relation_owner(population->base);
	char	   *view = quote_qualified_identifier(schema, name);

	if (OidIsValid(get_relname_relid(name, schema_oid)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation %s already exists", view),
				 errdetail("An audience shows itself as a view of its name."),
				 errhint("Choose another name or another schema, or make the audience without a view: view => false.")));
	if (pg_namespace_aclcheck(schema_oid, owner, ACL_CREATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema \"%s\"", schema),
				 errdetail("The view of the audience would belong to role \"%s\", who owns the population and may not create there.",
						   GetUserNameFromId(owner, false)),
				 errhint("Set search_path to another schema, or make the audience without a view: view => false.")));

	population_execute(population,
					   psprintf("CREATE VIEW %s AS SELECT profile.%s FROM %s WHERE %s",
								view, quote_identifier(population->key),
								audience_profiles_sql(population),
								audience_membership_sql(name)));
	population_execute(population,
					   psprintf("COMMENT ON COLUMN %s.%s IS 'key of a profile that is a member now'",
								view, quote_identifier(population->key)));
	return get_relname_relid(name, schema_oid);
}

static void
comment_view(const Population *population, Oid view, const char *text,
			 const char *description)
{
	char	   *name = view_name(view);

	if (name == NULL)
		return;
	if (description != NULL)
		text = psprintf("%s: %s", description, text);
	population_execute(population,
					   psprintf("COMMENT ON VIEW %s IS %s", name,
								quote_literal_cstr(text)));
}

/* NULL if there is no view, or if its owner has dropped it. */
static char *
view_name(Oid view)
{
	if (!OidIsValid(view) || get_rel_relkind(view) != RELKIND_VIEW)
		return NULL;
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(view)),
									  get_rel_name(view));
}

/*
 * Drop an audience, and with cascade those that are made of it, these first.
 * 'asked' is false for one that the user did not name.
 */
static void
drop_audience(const Population *population, const char *name, bool cascade,
			  bool asked)
{
	List	   *users = audience_users_of_audience(population, name);
	ListCell   *lc;

	check_stack_depth();
	if (users != NIL && !cascade)
	{
		StringInfoData list;

		initStringInfo(&list);
		foreach(lc, users)
			appendStringInfo(&list, "%saudience \"%s\"",
							 list.len > 0 ? ", " : "", (char *) lfirst(lc));
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("audience \"%s\" is in use", name),
				 errdetail("It is used by %s.", list.data),
				 errhint("Drop these first, or use cascade => true to drop them too.")));
	}

	/* one that uses two of them is gone when the second comes to it */
	foreach(lc, users)
		if (audience_by_name(population, lfirst(lc)) != NULL)
			drop_audience(population, lfirst(lc), true, false);

	if (!asked)
		ereport(NOTICE,
				(errmsg("drop cascades to audience \"%s\"", name)));
	audience_forget(population, name);
}
