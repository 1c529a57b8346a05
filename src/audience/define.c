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
 *		SELECT the keys of the stored members of vip; or, where the reader's
 *		snapshot does not show that they are stored, of those for whom the
 *		filter holds
 *
 * The view asks for the audience by name.  So it never changes, whatever
 * becomes of the filter.  The number of the definition is looked up when the
 * view is read; and the planner puts the filter of the day in its place, as a
 * changed definition invalidates the base table and all plans over it.
 *
 * Each filter an audience is given is a definition with a number of its own,
 * and members are stored under that (storage.c).  The corridor locks, folds
 * what is pending, calls us, and has membership decided (decide.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audience/audience_private.h"
#include "time/curve.h"
#include "base/base.h"

static Expr *check_filter(const Population *population, const char *name,
						  const char *text);
static void check_cycle(const Population *population, const char *name,
						const FilterNode *filter, List *path, List **seen);
static void note_facts(const char *name, AudienceFacts facts);
static FilterNode *rename_audience(const Population *population,
								   const FilterNode *filter,
								   const char *old, const char *new);
static void check_view_name(const char *schema, const char *name);
static Oid	create_view(const Population *population, const char *name,
						const char *schema);
static void comment_view(const Population *population, Oid view,
						 const char *text, const char *description);
static char *view_name(Oid view);
static void definitions_changed(const Population *population);

void
audience_check(const Population *population, const char *name,
			   const char *filter, bool is_new)
{
	if (is_new)
		audience_check_name(population, name);
	(void) check_filter(population, name, filter);
}

void
audience_define(const Population *population, const char *name,
				const char *filter, const char *description,
				const char *schema)
{
	Expr	   *expr;
	Oid			relation = InvalidOid;
	AudienceFacts facts;

	audience_check_name(population, name);
	expr = check_filter(population, name, filter);
	facts = audience_describe(population, expr);
	note_facts(name, facts);
	membership_make(population);
	membership_follow_owner(population);

	if (schema != NULL)
	{
		relation = create_view(population, name, schema);
		comment_view(population, relation, filter, description);
	}
	catalog_execute("INSERT INTO segment.audience"
					" (population, audience, filter, view, description,"
					" definition_id, stored, time_dependent, matches_empty)"
					" VALUES ($1, $2, $3::segment.filter, $4, $5, $6, $7, $8, $9)",
					9, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, REGCLASSOID, TEXTOID,
							   INT4OID, BOOLOID, BOOLOID, BOOLOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   CStringGetTextDatum(filter), ObjectIdGetDatum(relation),
							   description ? CStringGetTextDatum(description) : (Datum) 0,
							   Int32GetDatum(membership_new_definition(population)),
							   BoolGetDatum(facts.stored), BoolGetDatum(facts.time_dependent),
							   BoolGetDatum(facts.matches_empty)},
					(bool[]) {false, false, false, !OidIsValid(relation),
							  description == NULL, false, false, false, false});
	definitions_changed(population);
}

void
audience_redefine(const Population *population, const char *name,
				  const char *filter, const char *description)
{
	const Audience *audience = audience_by_name(population, name);
	char	   *text = filter_print(audience->filter);

	if (filter != NULL)
	{
		(void) check_filter(population, name, filter);
		text = pstrdup(filter);
	}
	if (description == NULL)
		description = audience->description;
	else if (description[0] == '\0')
		description = NULL;
	membership_follow_owner(population);
	catalog_execute("UPDATE segment.audience"
					" SET filter = $3::segment.filter, description = $4"
					" WHERE population = $1 AND audience = $2",
					4, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   CStringGetTextDatum(text),
							   description ? CStringGetTextDatum(description) : (Datum) 0},
					(bool[]) {false, false, false, description == NULL});
	comment_view(population, audience->view, text, description);
	definitions_changed(population);
}

void
audience_rename(const Population *population, const char *name,
				const char *new_name)
{
	const Audience *audience = audience_by_name(population, name);
	char	   *view = view_name(audience->view);

	audience_check_name(population, new_name);
	if (view != NULL && strcmp(get_rel_name(audience->view), name) == 0)
	{
		Oid			schema = get_rel_namespace(audience->view);

		check_view_name(get_namespace_name(schema), new_name);
		population_execute(population,
						   psprintf("ALTER VIEW %s RENAME TO %s", view,
									quote_identifier(new_name)));
		CommandCounterIncrement();
	}
	catalog_execute("UPDATE segment.audience SET audience = $3"
					" WHERE population = $1 AND audience = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   name_datum(new_name)},
					NULL);
	audience_rewrite(population, rename_audience, name, new_name);
	/* the view asks for the audience by its name */
	if (view != NULL)
		population_execute(population,
						   psprintf("CREATE OR REPLACE VIEW %s%s AS %s",
									view_name(audience->view),
									view_options(audience->view),
									audience_members_sql(population, new_name)));
	definitions_changed(population);
}

void
audience_rewrite(const Population *population, DefinitionRewrite rewrite,
				 const char *old, const char *new)
{
	List	   *audiences;
	ListCell   *lc;

	definitions_changed(population);
	audiences = audience_list(population);
	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);
		char	   *before = filter_print(audience->filter);
		char	   *text = filter_print(rewrite(population, audience->filter,
												old, new));

		if (strcmp(text, before) == 0)
			continue;
		catalog_execute("UPDATE segment.audience SET filter = $3::segment.filter"
						" WHERE population = $1 AND audience = $2",
						3, (Oid[]) {NAMEOID, NAMEOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(audience->name),
								   CStringGetTextDatum(text)},
						NULL);
		comment_view(population, audience->view, text, audience->description);
	}
	definitions_changed(population);
}

/* in audience vip */
static FilterNode *
rename_in_audience(const FilterNode *node, void *names)
{
	const char *const *old_and_new = names;

	if (node->op != FILTER_IN_AUDIENCE || strcmp(node->text, old_and_new[0]) != 0)
		return NULL;
	return filter_node(FILTER_IN_AUDIENCE, old_and_new[1], node->location);
}

/* A DefinitionRewrite. */
static FilterNode *
rename_audience(const Population *population, const FilterNode *filter,
				const char *old, const char *new)
{
	const char *names[] = {old, new};

	return filter_rewrite(filter, rename_in_audience, names);
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
	if (view != NULL)
	{
		relation_refuse_dependents(audience->view, InvalidAttrNumber,
								   psprintf("audience \"%s\"", name));
		population_execute(population, psprintf("DROP VIEW %s", view));
	}
	definitions_changed(population);
}

void
audience_refresh(const Population *population, List *names)
{
	ListCell   *lc;

	if (names == NIL)
		return;
	foreach(lc, names)
	{
		const Audience *audience = audience_by_name(population, lfirst(lc));
		AudienceFacts facts = audience_bind_named(population, audience);
		int32		definition_id;

		if (audience->stored)
			note_facts(audience->name, facts);
		definition_id = membership_new_definition(population);
		membership_redefine(population, audience->definition_id, definition_id);
		catalog_execute("UPDATE segment.audience"
						" SET definition_id = $3, stored = $4, time_dependent = $5, matches_empty = $6"
						" WHERE population = $1 AND audience = $2",
						6, (Oid[]) {NAMEOID, NAMEOID, INT4OID, BOOLOID, BOOLOID, BOOLOID},
						(Datum[]) {name_datum(population->name), name_datum(audience->name),
								   Int32GetDatum(definition_id), BoolGetDatum(facts.stored),
								   BoolGetDatum(facts.time_dependent),
								   BoolGetDatum(facts.matches_empty)},
						NULL);
	}
	definitions_changed(population);
}

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
		const Audience *audience = list_nth(audience_list(population), lfirst_int(lc));
		const char *reason = index_broken(index, lfirst_int(lc));

		catalog_execute("UPDATE segment.audience SET stored = false"
						" WHERE population = $1 AND audience = $2 AND stored",
						2, (Oid[]) {NAMEOID, NAMEOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(audience->name)},
						NULL);
		/* another transaction may have been first */
		if (SPI_processed == 0)
			continue;
		membership_suspend(population, audience->definition_id);
		if (!names_contain(mended, audience->name))
			ereport(WARNING,
					(errmsg("audience \"%s\" is broken, and its members are not kept from now on",
							audience->name),
					 errdetail("Its filter fails: %s.", reason),
					 errhint("Give it another filter with segment.alter_audience(), or undo the change and run SELECT segment.rebuild(%s);",
							 quote_literal_cstr(population->name))));
	}
	if (index_broken_places(index) != NIL)
		definitions_changed(population);
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

void
audience_lock(const Population *population)
{
	LockRelationOid(population->base, ExclusiveLock);
	membership_lock(population);
}

AudienceFacts
audience_describe(const Population *population, Expr *filter)
{
	AudienceFacts facts;
	EState	   *estate = CreateExecutorState();
	ProfileTable *table = profile_open(population);
	ExprContext *econtext = GetPerTupleExprContext(estate);

	facts.time_dependent = contain_mutable_functions((Node *) filter);
	facts.stored = !facts.time_dependent ||
		time_expr_is_predictable(time_expr_make(filter_as_value(copyObject(filter)), true));
	econtext->ecxt_scantuple = profile_blank(table);
	facts.matches_empty = ExecQual(ExecPrepareQual(list_make1(filter), estate), econtext);
	profile_close(table);
	FreeExecutorState(estate);
	return facts;
}

/* What its owner should know. */
static void
note_facts(const char *name, AudienceFacts facts)
{
	if (!facts.stored)
		ereport(NOTICE,
				(errmsg("members of audience \"%s\" are not stored, and the feed does not tell of them",
						name),
				 errdetail("It is not known when its filter changes with time, so it is evaluated on all profiles whenever it is asked for."),
				 errhint("Compare what moves with the clock with something that does not, or count in days: days_between(joined, today).")));
}

static void
definitions_changed(const Population *population)
{
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
}

void
audience_check_name(const Population *population, const char *name)
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
static Expr *
check_filter(const Population *population, const char *name, const char *text)
{
	FilterNode *filter = filter_parse(text, NULL);
	List	   *seen = NIL;
	Shallow		shallow;
	Expr	   *bound;

	shallow_begin(&shallow, psprintf("audience \"%s\"", name));
	check_cycle(population, name, filter, list_make1(unconstify(char *, name)),
				&seen);
	bound = audience_bind(population, filter, text);
	shallow_end(&shallow);
	return bound;
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

static Oid
create_view(const Population *population, const char *name,
			const char *schema)
{
	Oid			schema_oid = get_namespace_oid(schema, false);
	Oid			owner = relation_owner(population->base);
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
