/*-------------------------------------------------------------------------
 *
 * definitions_write.c
 *	  Make, change and drop an audience.
 *
 *		SELECT segment.create_audience('vip', 'total_spend > 500');
 *
 * stores the filter in segment.audience, after it has bound to the traits
 * there are, and makes the view vip (member_view.c).
 *
 * Each filter an audience is given is a definition with an id of its own, and
 * members are stored under that.  The corridor locks, folds what is pending,
 * calls us, and has membership decided (decide.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "audience/statistics.h"
#include "base/base.h"

static void note_facts(const char *name, AudienceFacts facts);
static void insert_row(const Population *population,
					   const Audience *audience, const FilterNode *filter);

void
audience_define(const Population *population, const char *name,
				const FilterSource *filter, const char *description,
				const char *schema)
{
	Audience	made = {
		.name = unconstify(char *, name),
		.description = unconstify(char *, description),
	};
	Expr	   *expr;
	AudienceFacts facts;

	audience_check_name(population, name);
	expr = check_filter(population, name, filter);
	facts = audience_describe(population, expr);
	note_facts(name, facts);
	membership_make(population);

	if (schema != NULL)
	{
		made.view = member_view_create(population, name, schema);
		member_view_comment(population, made.view, filter->text,
							description);
	}
	made.stored = facts.stored;
	made.time_dependent = facts.time_dependent;
	made.matches_empty = facts.matches_empty;
	made.definition_id = membership_new_definition(population);
	insert_row(population, &made, filter->tree);
	membership_changed(population);
}

/* insert_row() inserts a row into segment.audience. */
static void
insert_row(const Population *population, const Audience *audience,
		   const FilterNode *filter)
{
	bool		described = audience->description != NULL;
	Oid			types[] = {NAMEOID, NAMEOID, catalog_type("filter"),
		REGCLASSOID, TEXTOID, INT4OID, BOOLOID, BOOLOID, BOOLOID};
	Datum		values[] = {
		name_datum(population->name),
		name_datum(audience->name),
		PointerGetDatum(filter_pack(filter)),
		ObjectIdGetDatum(audience->view),
		described ? CStringGetTextDatum(audience->description) : (Datum) 0,
		Int32GetDatum(audience->definition_id),
		BoolGetDatum(audience->stored),
		BoolGetDatum(audience->time_dependent),
		BoolGetDatum(audience->matches_empty),
	};
	bool		isnull[lengthof(values)] = {false};

	isnull[3] = !OidIsValid(audience->view);
	isnull[4] = !described;
	catalog_execute("INSERT INTO segment.audience"
					" (population, audience, filter, view, description,"
					" definition_id, stored, time_dependent, matches_empty)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7,"
					" $8, $9)",
					lengthof(values), types, values, isnull);
}

void
audience_redefine(const Population *population, const char *name,
				  const FilterSource *filter, const char *description)
{
	const Audience *audience = audience_by_name(population, name);
	const FilterNode *tree = filter != NULL ? filter->tree :
		audience_filter(audience);
	const char *text = filter != NULL ? filter->text : filter_print(tree);

	if (filter != NULL)
		(void) check_filter(population, name, filter);
	if (description == NULL)
		description = audience->description;
	else if (description[0] == '\0')
		description = NULL;
	catalog_execute("UPDATE segment.audience"
					" SET filter = $3, description = $4"
					" WHERE population = $1 AND audience = $2",
					4, (Oid[]) {NAMEOID, NAMEOID, catalog_type("filter"),
						TEXTOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   PointerGetDatum(filter_pack(tree)),
							   description ?
							   CStringGetTextDatum(description) : (Datum) 0},
					(bool[]) {false, false, false, description == NULL});
	member_view_comment(population, audience->view, text, description);
	definitions_changed(population);
}

void
audience_rename(const Population *population, const char *name,
				const char *new_name)
{
	Oid			view = audience_by_name(population, name)->view;

	audience_check_name(population, new_name);
	member_view_rename(population, view, name, new_name);
	catalog_execute("UPDATE segment.audience SET audience = $3"
					" WHERE population = $1 AND audience = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   name_datum(new_name)},
					NULL);
	audience_rewrite(population, definition_rename_audience,
					 &(NameChange) {name, new_name});
	/* the view asks for the audience by its name */
	member_view_replace(population, view, new_name);
	definitions_changed(population);
}

void
audience_rewrite(const Population *population, DefinitionRewrite rewrite,
				 const void *change)
{
	List	   *audiences;
	ListCell   *lc;

	definitions_changed(population);
	audiences = audience_list(population);
	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);
		const FilterNode *filter = audience_filter(audience);
		char	   *before = filter_print(filter);
		char	   *text = rewritten_text(rewrite(population, filter, change));

		if (strcmp(text, before) == 0)
			continue;
		catalog_execute("UPDATE segment.audience"
						" SET filter = $3::segment.filter"
						" WHERE population = $1 AND audience = $2",
						3, (Oid[]) {NAMEOID, NAMEOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(audience->name),
								   CStringGetTextDatum(text)},
						NULL);
		member_view_comment(population, audience->view, text,
							audience->description);
	}
	definitions_changed(population);
}

/* rename_in_audience() rewrites "in audience <old>". */
static FilterNode *
rename_in_audience(const FilterNode *node, void *context)
{
	const NameChange *change = context;

	if (node->op != FILTER_IN_AUDIENCE || strcmp(node->text, change->old) != 0)
		return NULL;
	return filter_node(FILTER_IN_AUDIENCE, change->new, node->location);
}

FilterNode *
definition_rename_audience(const Population *population,
						   const FilterNode *filter, const void *change)
{
	return filter_rewrite(filter, rename_in_audience,
						  unconstify(void *, change));
}

void
audience_forget(const Population *population, const char *name)
{
	const Audience *audience = audience_by_name(population, name);

	/* the row first: an invalidation between the two must not find half */
	catalog_execute("DELETE FROM segment.audience"
					" WHERE population = $1 AND audience = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name)},
					NULL);
	if (audience != NULL)
	{
		member_view_drop(population, audience->view, name);
		statistics_forget(population->oid, audience->definition_id);
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
		membership_redefine(population, audience->definition_id,
							definition_id);
		statistics_forget(population->oid, audience->definition_id);
		catalog_execute("UPDATE segment.audience"
						" SET definition_id = $3, stored = $4,"
						" time_dependent = $5, matches_empty = $6"
						" WHERE population = $1 AND audience = $2",
						6, (Oid[]) {NAMEOID, NAMEOID, INT4OID, BOOLOID,
									BOOLOID, BOOLOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(audience->name),
								   Int32GetDatum(definition_id),
								   BoolGetDatum(facts.stored),
								   BoolGetDatum(facts.time_dependent),
								   BoolGetDatum(facts.matches_empty)},
						NULL);
	}
	definitions_changed(population);
}

/*
 * Sessions compare versions of rows (definition_cache.c), so each row gets a
 * new one.
 */
void
audience_compile_anew(const Population *population)
{
	catalog_execute("UPDATE segment.audience SET filter = filter"
					" WHERE population = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	definitions_changed(population);
	cache_distrust(population->oid);
}

void
audience_begin_building(const Population *population, const char *name,
						TimestampTz at)
{
	const MembershipTables *tables = membership_tables(population);

	audience_set_building(population, name, true);
	membership_decided(population, Max(at, tables->decided_at));
}

void
audience_set_building(const Population *population, const char *name,
					  bool building)
{
	catalog_execute("UPDATE segment.audience SET building = $3"
					" WHERE population = $1 AND audience = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, BOOLOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   BoolGetDatum(building)},
					NULL);
	definitions_changed(population);
}

void
audience_lock(const Population *population)
{
	LockRelationOid(population->oid, ExclusiveLock);
	membership_lock(population);
}

/* note_facts() tells the owner that members will not be stored. */
static void
note_facts(const char *name, AudienceFacts facts)
{
	if (!facts.stored)
		ereport(NOTICE,
				(errmsg("members of audience \"%s\" are not stored, and the "
						"feed does not show them",
						name),
				 errdetail("It is not known when its filter changes with time, so it is evaluated on all profiles whenever it is asked for."),
				 errhint("Compare what moves with the clock with something that does not, or count in days: days_between(joined, today).")));
}

/*
 * Plans that have an audience's filter in them are of the base table, as are
 * all caches of audiences.
 */
void
definitions_changed(const Population *population)
{
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
}
