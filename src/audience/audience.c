/*-------------------------------------------------------------------------
 *
 * audience.c
 *	  Which audiences are there, and what does "in audience" stand for?
 *
 *		vip			total_spend > 500
 *		lapsed_vip	in audience vip and last_order_at more than 60 days ago
 *
 * A filter over profiles may mention an audience.  It is expanded, not looked
 * up: the filter of vip is compiled in the place where it is mentioned, for
 * the same row and the same instant, so there is no order in which audiences
 * would have to be evaluated.  Definitions cannot go in circles (define.c).
 *
 * The filter room does not know what a profile is.  It asks filter_row_hook,
 * which is set here, of every named row type it meets:
 *
 *		public.profile			names are the view's columns
 *		segment_data.profile	names are traits, computed from what is stored;
 *								aggregates are stored themselves
 *		anything else			not ours
 *
 * and for both of ours adds what makes a row a profile: its key, its time
 * zone and its audiences.
 *
 * A row of the view does not have what an aggregate is read from.  There, an
 * audience with aggregates is not expanded: whether the profile is a member is
 * asked by its key, of the base table and under the snapshot of the query, of
 * which the row of the view is, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "audience/audience_private.h"
#include "base/base.h"
#include "trait/trait.h"

/* The definitions of one population. */
typedef struct AudienceSet
{
	Oid			base;			/* hash key */
	CacheSlot	slot;			/* holds the list */
	List	   *audiences;		/* Audience *, by name */
	const Audience **by_number;
	int			count;
	bool		any_stored;
} AudienceSet;

/* Names of a profile's row, be it the view's or the base table's. */
typedef struct ProfileScope
{
	FilterScope scope;
	FilterScope *names;			/* who knows the columns or traits */
	const Population *population;
	bool		of_view;
} ProfileScope;

static Cache *audience_sets = NULL;

static FilterScope *profile_scope(FilterRow *row);
static Expr *scope_column(FilterScope *scope, const char *name);
static List *scope_names(FilterScope *scope);
static Expr *scope_path(FilterScope *scope, const FilterNode *column);
static Expr *scope_aggregate(FilterScope *scope, const FilterNode *aggregate);
static Expr *scope_audience(FilterScope *scope, const FilterNode *in_audience);
static bool reads_sources(const Population *population,
						  const FilterNode *filter);
static Expr *ask_membership(ProfileScope *profile, const Audience *audience);
static Expr *key_as_text(ProfileScope *profile);
static List *users_of_stored(const Population *population,
							 const FilterNode *stored);
static List *all_populations(void);
static List *audience_names(const Population *population);
pg_noreturn static void unknown_audience(const char *name, const Population *population,
										 List *candidates, const char *text,
										 const FilterNode *mention);
static void name_audience(void *name);
static AudienceSet *audience_set(const Population *population);
static List *audience_read(const Population *population);
static const Audience *audience_read_one(const Population *population,
										 const char *name);
static Audience *audience_row(CatalogScan *scan);
static int	compare_numbers(const void *a, const void *b);
static bool made_of(const void *entry, Oid relid);

void
audience_init(void)
{
	static const CacheKind sets = {
		.name = "segment audiences",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(AudienceSet),
		.slot = offsetof(AudienceSet, slot),
		.made_of = made_of,
	};
	audience_sets = cache_create(&sets);
	filter_row_hook = profile_scope;
	trait_users_hook = users_of_stored;
	audience_index_init();
	audience_ask_init();
}

/* ---- definitions ---- */

List *
audience_list(const Population *population)
{
	return audience_set(population)->audiences;
}

/*
 * From the list if that is at hand.  Reading it anew for one name would make
 * defining the next of thousands of audiences cost as much as all of them.
 */
const Audience *
audience_by_name(const Population *population, const char *name)
{
	const AudienceSet *set = cache_find(audience_sets, &population->base);
	int			low = 0;
	int			high;

	if (set == NULL)
		return audience_read_one(population, name);

	high = list_length(set->audiences);
	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const Audience *audience = list_nth(set->audiences, middle);
		int			order = strcmp(audience->name, name);

		if (order == 0)
			return audience;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const Audience *
audience_by_definition(const Population *population, int32 definition_id)
{
	const AudienceSet *set = audience_set(population);
	Audience	sought = {.definition_id = definition_id};
	const Audience *key = &sought;
	const Audience **found = bsearch(&key, set->by_number, set->count,
									 sizeof(Audience *), compare_numbers);

	return found == NULL ? NULL : *found;
}

bool
audience_any_stored(const Population *population)
{
	return audience_set(population)->any_stored;
}

const Audience *
audience_find(const char *name, const char *population_name,
			  const Population **population)
{
	const Audience *found = NULL;
	List	   *candidates = NIL;
	StringInfoData homes;
	int			count = 0;
	const char *first = NULL;
	ListCell   *lc;

	if (population_name != NULL)
	{
		*population = population_by_name(population_name);
		found = audience_by_name(*population, name);
		if (found == NULL)
			unknown_audience(name, *population, audience_names(*population), NULL, NULL);
		return found;
	}

	initStringInfo(&homes);
	foreach(lc, all_populations())
	{
		const Population *home = population_find(lfirst(lc));
		const Audience *audience;

		if (home == NULL)
			continue;
		audience = audience_by_name(home, name);
		if (audience == NULL)
		{
			candidates = list_concat(candidates, audience_names(home));
			continue;
		}
		if (count++ == 0)
			first = home->name;
		appendStringInfo(&homes, "%s\"%s\"", homes.len > 0 ? ", " : "",
						 home->name);
		found = audience;
		*population = home;
	}

	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("there are %d audiences \"%s\"", count, name),
				 errdetail("Populations %s have one each.", homes.data),
				 errhint("Say which one you mean, for example population => %s.",
						 quote_literal_cstr(first))));
	if (count == 0)
		unknown_audience(name, NULL, candidates, NULL, NULL);
	return found;
}

const Audience *
audience_for_reader(const char *name, const char *population_name,
					const Population **population)
{
	const Audience *audience = audience_find(name, population_name, population);
	uint64		changes = cache_begin();

	*population = population_reader(*population);
	/* it may have been changed or dropped while we waited */
	if (changes != cache_begin())
		audience = audience_find(name, (*population)->name, population);
	return audience;
}

/* Names (char *) in order; an error if there is no population at all. */
static List *
all_populations(void)
{
	List	   *names = population_names();

	if (names == NIL)
		(void) population_by_name(NULL);
	return names;
}

static List *
audience_names(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		names = lappend(names, ((Audience *) lfirst(lc))->name);
	return names;
}

/*
 * 'mention' is where the filter 'text' names it; NULL if a function was called
 * with it.
 */
static void
unknown_audience(const char *name, const Population *population,
				 List *candidates, const char *text,
				 const FilterNode *mention)
{
	const char *nearest = nearest_name(name, candidates);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("audience \"%s\" does not exist", name),
			 population ? errdetail_plural("Population \"%s\" has %d audience.",
										   "Population \"%s\" has %d audiences.",
										   list_length(candidates),
										   population->name,
										   list_length(candidates)) : 0,
			 nearest == NULL ? 0 : mention != NULL ?
			 errhint("Perhaps you meant: %s", filter_name(nearest)) :
			 errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)),
			 mention != NULL ? filter_position(text, mention) : 0));
}

/* ---- who uses what ---- */

List *
audience_filters(const Population *population)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		filters = lappend(filters, ((Audience *) lfirst(lc))->filter);
	return filters;
}

/* The audiences whose filter 'used' finds the name in. */
static List *
users_of(const Population *population, const char *name,
		 List *(*used) (const Population *, const FilterNode *))
{
	List	   *users = NIL;
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);
		bool		found = false;

		foreach(one, used(population, audience->filter))
			found |= strcmp(lfirst(one), name) == 0;
		if (found)
			users = lappend(users, audience->name);
	}
	return users;
}

static List *
audiences_used(const Population *population, const FilterNode *filter)
{
	return audience_names_used(filter);
}

/* trait_users_hook: the audiences whose filter itself needs a stored trait. */
static List *
users_of_stored(const Population *population, const FilterNode *stored)
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (trait_needs(population, audience->filter, stored))
			users = lappend(users, psprintf("audience \"%s\"", audience->name));
	}
	return users;
}

List *
audience_users_of_trait(const Population *population, const char *trait)
{
	return users_of(population, trait, trait_names_used);
}

List *
audience_users_of_audience(const Population *population, const char *name)
{
	return users_of(population, name, audiences_used);
}

List *
audience_users_of_source(const Population *population, const char *source)
{
	return users_of(population, source, trait_sources_used);
}

static bool
collect_audience(const FilterNode *node, void *context)
{
	List	  **names = context;

	if (node->op != FILTER_IN_AUDIENCE)
		return true;
	if (!names_contain(*names, node->text))
		*names = lappend(*names, node->text);
	return false;
}

List *
audience_names_used(const FilterNode *filter)
{
	List	   *names = NIL;

	filter_walk(filter, collect_audience, &names);
	list_sort(names, compare_names);
	return names;
}

/* ---- binding ---- */

Expr *
audience_bind(const Population *population, const FilterNode *filter,
			  const char *text)
{
	FilterScope *scope = filter_relation_scope(population->base, 1);

	scope->text = text;
	return filter_compile(filter, scope);
}

AudienceFacts
audience_bind_named(const Population *population, const Audience *audience)
{
	AudienceFacts facts;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = name_audience,
		.arg = audience->name,
	};

	error_context_stack = &callback;
	facts = audience_describe(population,
							  audience_bind(population, audience->filter, NULL));
	error_context_stack = callback.previous;
	return facts;
}

/* An audience to be bound. */
typedef struct BindOne
{
	const Population *population;
	const FilterNode *filter;
} BindOne;

static void
bind_one(void *arg)
{
	const BindOne *one = arg;

	(void) audience_bind(one->population, one->filter, NULL);
}

char *
audience_unbound(const Population *population, const Audience *audience)
{
	BindOne		one = {population, audience->filter};
	ErrorData  *error = attempt(bind_one, &one);

	return error == NULL ? NULL : error->message;
}

List *
audience_binding(const Population *population, List *names)
{
	List	   *binding = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		const Audience *audience = audience_by_name(population, lfirst(lc));

		if (audience != NULL && audience_unbound(population, audience) == NULL)
			binding = lappend(binding, lfirst(lc));
	}
	return binding;
}

List *
audiences_answering(const Population *population, List *audiences, bool evaluated)
{
	OwnersQuestion question;
	AudienceIndex *index = NULL;
	List	   *answering = NIL;
	ListCell   *lc;

	foreach(lc, audiences)
	{
		Audience   *audience = lfirst(lc);
		const char *reason = NULL;

		if (index == NULL && (evaluated || audience->time_dependent || !audience->stored))
		{
			question_begin(&question, population);
			index = audience_index(population);
			question_end(&question);
		}
		if (evaluated || audience->time_dependent || !audience->stored)
			reason = index_broken(index, index_place(index, audience->name));
		if (reason == NULL)
			answering = lappend(answering, audience);
		else
			ereport(WARNING,
					(errmsg("audience \"%s\" is broken, and nobody knows its members",
							audience->name),
					 errdetail("Its filter fails: %s.", reason),
					 errhint("Give it another filter with segment.alter_audience(), drop it, or undo the change.")));
	}
	return answering;
}

static void
name_audience(void *name)
{
	errcontext("filter of audience \"%s\"", (const char *) name);
}

/* ---- the row of a profile ---- */

/*
 * filter_row_hook: is this the row of a profile?
 */
static FilterScope *
profile_scope(FilterRow *row)
{
	Oid			relid = get_typ_typrelid(row->type);
	const Population *population;
	ProfileScope *profile;
	FilterScope *names;

	if (!OidIsValid(relid))
		return NULL;
	population = population_by_relation(relid);
	if (population == NULL)
		return NULL;

	names = relid == population->base ?
		trait_scope(population, &row->scope) : &row->scope;

	/* the callbacks of 'names' must get that back, so we stand before it */
	profile = palloc0(sizeof(ProfileScope));
	profile->names = names;
	profile->population = population;
	profile->of_view = relid != population->base;
	profile->scope.subject = psprintf("population \"%s\"", population->name);
	profile->scope.noun = "trait";
	profile->scope.column = scope_column;
	profile->scope.names = scope_names;
	profile->scope.path = names->path != NULL ? scope_path : NULL;
	profile->scope.aggregate = scope_aggregate;
	profile->scope.audience = scope_audience;
	profile->scope.timezone = population->timezone;
	profile->scope.key = key_as_text(profile);
	return &profile->scope;
}

static Expr *
scope_column(FilterScope *scope, const char *name)
{
	FilterScope *names = ((ProfileScope *) scope)->names;

	return names->column(names, name);
}

static List *
scope_names(FilterScope *scope)
{
	FilterScope *names = ((ProfileScope *) scope)->names;

	return names->names(names);
}

static Expr *
scope_path(FilterScope *scope, const FilterNode *column)
{
	FilterScope *names = ((ProfileScope *) scope)->names;

	names->text = scope->text;
	return names->path(names, column);
}

static Expr *
scope_aggregate(FilterScope *scope, const FilterNode *aggregate)
{
	ProfileScope *profile = (ProfileScope *) scope;
	FilterScope *names = profile->names;

	if (profile->of_view)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot be asked of a row of view \"%s\"",
						filter_print(aggregate),
						get_rel_name(profile->population->view)),
				 errdetail("The view shows named traits, not what they are computed from."),
				 errhint("Define a trait with segment.create_trait() and use its name, or an audience with segment.create_audience()."),
				 filter_position(scope->text, aggregate)));
	names->text = scope->text;
	return names->aggregate(names, aggregate);
}

/*
 * in audience vip: the filter of vip, for this row.
 *
 * Errors within must not point into the text of the filter around it.
 */
static Expr *
scope_audience(FilterScope *scope, const FilterNode *in_audience)
{
	ProfileScope inner = *(ProfileScope *) scope;
	const Audience *audience = audience_by_name(inner.population,
												in_audience->text);
	ErrorContextCallback callback;
	Expr	   *expr;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (audience == NULL)
		unknown_audience(in_audience->text, inner.population,
						 audience_names(inner.population),
						 scope->text, in_audience);
	if (inner.of_view && inner.scope.key != NULL &&
		reads_sources(inner.population, audience->filter))
		return ask_membership(&inner, audience);

	callback.previous = error_context_stack;
	callback.callback = name_audience;
	callback.arg = audience->name;
	error_context_stack = &callback;

	inner.scope.text = NULL;
	expr = filter_compile_pinned(audience->filter, &inner.scope);

	error_context_stack = callback.previous;
	return expr;
}

/* Is there an aggregate in the filter, or in an audience that it mentions? */
static bool
reads_sources(const Population *population, const FilterNode *filter)
{
	ListCell   *lc;

	check_stack_depth();
	if (trait_sources_used(population, filter) != NIL)
		return true;
	foreach(lc, audience_names_used(filter))
	{
		const Audience *audience = audience_by_name(population, lfirst(lc));

		if (audience != NULL && reads_sources(population, audience->filter))
			return true;
	}
	return false;
}

/* segment.is_member('keen', key, 'profile') */
static Expr *
ask_membership(ProfileScope *profile, const Audience *audience)
{
	Oid			types[] = {NAMEOID, TEXTOID, NAMEOID};
	Oid			function = LookupFuncName(list_make2(makeString(SEGMENT_SCHEMA),
													 makeString("is_member")),
										  3, types, false);
	Const	   *name = makeConst(NAMEOID, -1, C_COLLATION_OID, NAMEDATALEN,
								 name_datum(audience->name), false, false);
	Const	   *home = makeConst(NAMEOID, -1, C_COLLATION_OID, NAMEDATALEN,
								 name_datum(profile->population->name), false, false);

	return (Expr *) makeFuncExpr(function, BOOLOID,
								 list_make3(name, copyObject(profile->scope.key), home),
								 InvalidOid, DEFAULT_COLLATION_OID,
								 COERCE_EXPLICIT_CALL);
}

/*
 * The key as text, independent of any setting of the session: for BUCKET, and
 * to ask for a member.
 */
static Expr *
key_as_text(ProfileScope *profile)
{
	Expr	   *key = scope_column(&profile->scope, profile->population->key);
	CoerceViaIO *cast;

	/* somebody may have replaced the view by one without the key */
	if (key == NULL || exprType((Node *) key) == TEXTOID)
		return key;

	cast = makeNode(CoerceViaIO);
	cast->arg = key;
	cast->resulttype = TEXTOID;
	cast->resultcollid = DEFAULT_COLLATION_OID;
	cast->coerceformat = COERCE_EXPLICIT_CAST;
	cast->location = -1;
	return (Expr *) cast;
}

/* ---- the cache ---- */

static AudienceSet *
audience_set(const Population *population)
{
	AudienceSet *set = cache_find(audience_sets, &population->base);
	AudienceSet made = {population->base};
	MemoryContext context;
	MemoryContext old;
	List	   *audiences;
	const Audience **by_number;
	uint64		begun = cache_begin();
	ListCell   *lc;

	if (set != NULL)
		return set;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment audiences",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	audiences = audience_read(population);
	by_number = palloc(sizeof(Audience *) * Max(list_length(audiences), 1));
	foreach(lc, audiences)
		by_number[foreach_current_index(lc)] = lfirst(lc);
	qsort(by_number, list_length(audiences), sizeof(Audience *), compare_numbers);
	MemoryContextSwitchTo(old);

	made.audiences = audiences;
	made.by_number = by_number;
	made.count = list_length(audiences);
	foreach(lc, audiences)
		made.any_stored |= ((Audience *) lfirst(lc))->stored;
	return cache_put(audience_sets, &made, context, begun);
}

static int
compare_audiences(const ListCell *a, const ListCell *b)
{
	return strcmp(((Audience *) lfirst(a))->name, ((Audience *) lfirst(b))->name);
}

static List *
audience_read(const Population *population)
{
	CatalogScan scan;
	List	   *audiences = NIL;

	catalog_begin(&scan, "audience", population->name);
	while (catalog_next(&scan))
		audiences = lappend(audiences, audience_row(&scan));
	catalog_end(&scan);

	list_sort(audiences, compare_audiences);
	return audiences;
}

/* Kept until the end of the transaction, as everything that is handed out. */
static const Audience *
audience_read_one(const Population *population, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	CatalogScan scan;
	const Audience *audience = NULL;

	catalog_begin_one(&scan, "audience", population->name, name);
	if (catalog_next(&scan))
		audience = audience_row(&scan);
	catalog_end(&scan);
	MemoryContextSwitchTo(old);
	return audience;
}

static Audience *
audience_row(CatalogScan *scan)
{
	Audience   *audience = palloc0(sizeof(Audience));
	bool		isnull;
	Datum		value;

	audience->name = catalog_get_text(scan, "audience");
	audience->description = catalog_get_optional(scan, "description");
	value = catalog_get(scan, "view", REGCLASSOID, &isnull);
	audience->view = isnull ? InvalidOid : DatumGetObjectId(value);
	value = catalog_get(scan, "filter", catalog_type("filter"), &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("audience \"%s\" has no filter", audience->name)));
	audience->filter = filter_unpack((Filter *) PG_DETOAST_DATUM(value));
	audience->definition_id = DatumGetInt32(catalog_get(scan, "definition_id", INT4OID, &isnull));
	audience->stored = DatumGetBool(catalog_get(scan, "stored", BOOLOID, &isnull));
	audience->time_dependent = DatumGetBool(catalog_get(scan, "time_dependent", BOOLOID, &isnull));
	audience->matches_empty = DatumGetBool(catalog_get(scan, "matches_empty", BOOLOID, &isnull));
	return audience;
}

static int
compare_numbers(const void *a, const void *b)
{
	int32		left = (*(const Audience *const *) a)->definition_id;
	int32		right = (*(const Audience *const *) b)->definition_id;

	return left < right ? -1 : left > right;
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const AudienceSet *) entry)->base == relid;
}
