/*-------------------------------------------------------------------------
 *
 * scope.c
 *	  What do names, and "in audience", mean in a filter over a profile's row?
 *
 *		in audience vip and city = 'Berlin'
 *
 *		in audience vip		total_spend > 500, compiled where vip is mentioned
 *		city				the trait, computed from what is stored
 *
 * A filter over profiles may mention an audience.  It is expanded, not looked
 * up: the filter of vip is compiled in the position where it is mentioned, for
 * the same row and the same instant, so there is no order in which audiences
 * would have to be evaluated.  Definitions cannot go in circles
 * (check_filter.c).
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
 * asked by its key, of the base table and under the snapshot of the query, to
 * which the row of the view belongs, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/lsyscache.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "base/base.h"
#include "trait/trait.h"

/*
 * The names of a profile's row, be it the view's or the base table's.
 *
 * 'row' knows the columns.  For the base table 'names' are the traits over
 * them, else 'row' itself; callbacks of 'names' must get that back, so this
 * scope stands before it and hands their calls on.
 */
typedef struct ProfileScope
{
	FilterScope scope;
	FilterScope *row;
	FilterScope *names;
	const Population *population;
	bool		of_view;
	struct NameValues *known;	/* what names have turned out to stand for */
} ProfileScope;

/* The compiled values of names, for the next filter in the same scope. */
typedef struct NameValues
{
	MemoryContext context;
	List	   *names;			/* char * */
	List	   *values;			/* Expr * */
} NameValues;

static FilterScope *profile_scope(FilterRow *row);
static Expr *scope_column(FilterScope *scope, const char *name);
static List *scope_names(FilterScope *scope);
static FilterScope *traits_in_text(const ProfileScope *profile);
static Expr *scope_path(FilterScope *scope, const FilterNode *column);
static Expr *scope_aggregate(FilterScope *scope, const FilterNode *aggregate);
static Expr *scope_audience(FilterScope *scope, const FilterNode *in_audience);
static bool reads_sources(const Population *population,
						  const FilterNode *filter);
static Expr *ask_membership(ProfileScope *profile, const Audience *audience);
static Expr *key_as_text(ProfileScope *profile);

void
scope_init(void)
{
	filter_row_hook = profile_scope;
}

/* profile_scope() makes the scope of a profile's row; NULL for other rows. */
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

	names = relid == population->oid ?
		trait_scope(population, &row->scope) : &row->scope;
	profile = palloc0(sizeof(ProfileScope));
	profile->row = &row->scope;
	profile->names = names;
	profile->population = population;
	profile->of_view = relid != population->oid;
	profile->known = palloc0(sizeof(NameValues));
	profile->known->context = CurrentMemoryContext;
	profile->scope.subject = psprintf("population \"%s\"", population->name);
	profile->scope.noun = "trait";
	profile->scope.column = scope_column;
	profile->scope.names = scope_names;
	profile->scope.path = scope_path;
	profile->scope.aggregate = scope_aggregate;
	profile->scope.audience = scope_audience;
	profile->scope.timezone = population->timezone;
	profile->scope.key = key_as_text(profile);
	return &profile->scope;
}

/*
 * scope_column() compiles what a name stands for once, and returns a copy of
 * it each time: thousands of filters may be compiled in one scope.
 */
static Expr *
scope_column(FilterScope *scope, const char *name)
{
	FilterScope *names = ((ProfileScope *) scope)->names;
	NameValues *known = ((ProfileScope *) scope)->known;
	MemoryContext old;
	Expr	   *value;
	ListCell   *lc;
	ListCell   *found;

	forboth(lc, known->names, found, known->values)
		if (strcmp(lfirst(lc), name) == 0)
			return copyObject(lfirst(found));
	value = names->column(names, name);
	if (value == NULL)
		return NULL;
	old = MemoryContextSwitchTo(known->context);
	known->names = lappend(known->names, pstrdup(name));
	known->values = lappend(known->values, copyObject(value));
	MemoryContextSwitchTo(old);
	return value;
}

static List *
scope_names(FilterScope *scope)
{
	FilterScope *names = ((ProfileScope *) scope)->names;

	return names->names(names);
}

/*
 * traits_in_text() makes a scope of traits whose errors point into the text
 * that this scope is compiled from.  Only the base table's scope has such.
 */
static FilterScope *
traits_in_text(const ProfileScope *profile)
{
	FilterScope *traits = trait_scope(profile->population, profile->row);

	traits->text = profile->scope.text;
	return traits;
}

/*
 * scope_path() returns the value of a name with a dot; NULL for a key of a
 * column.  The view shows traits, but no attributes.
 */
static Expr *
scope_path(FilterScope *scope, const FilterNode *column)
{
	ProfileScope *profile = (ProfileScope *) scope;
	FilterScope *traits;

	if (profile->of_view)
	{
		FilterNode *trait = trait_of_dotted(profile->population, column);

		return trait == NULL ? NULL :
			filter_compile_operand_pinned(trait, scope);
	}
	traits = traits_in_text(profile);
	return traits->path(traits, column);
}

/* scope_aggregate() refuses an aggregate over a row of the view. */
static Expr *
scope_aggregate(FilterScope *scope, const FilterNode *aggregate)
{
	ProfileScope *profile = (ProfileScope *) scope;
	FilterScope *traits;

	if (profile->of_view)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot be asked of a row of view \"%s\"",
						filter_print(aggregate),
						get_rel_name(profile->population->view)),
				 errdetail("The view shows named traits, not what they are computed from."),
				 errhint("Define a trait with segment.create_trait() and use its name, or an audience with segment.create_audience()."),
				 filter_position(scope->text, aggregate)));
	traits = traits_in_text(profile);
	return traits->aggregate(traits, aggregate);
}

/*
 * scope_audience() compiles the filter of an audience for this row.  Errors
 * within must not point into the text of the filter around it.
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
	{
		Mention		mention = {scope->text, in_audience};

		unknown_audience(in_audience->text, inner.population,
						 audience_names(inner.population), &mention);
	}
	if (inner.of_view && inner.scope.key != NULL &&
		reads_sources(inner.population, audience_filter(audience)))
		return ask_membership(&inner, audience);

	callback.previous = error_context_stack;
	callback.callback = in_filter_of_audience;
	callback.arg = audience->name;
	error_context_stack = &callback;

	inner.scope.text = NULL;
	expr = filter_compile_pinned(audience_filter(audience), &inner.scope);

	error_context_stack = callback.previous;
	return scope->planned ? plan_sized(inner.population, audience, expr) :
		expr;
}

/*
 * reads_sources() tells whether there is an aggregate in the filter, or in an
 * audience that it mentions.
 */
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

		if (audience != NULL &&
			reads_sources(population, audience_filter(audience)))
			return true;
	}
	return false;
}

/* ask_membership() calls segment.is_member('keen', key, 'profile'). */
static Expr *
ask_membership(ProfileScope *profile, const Audience *audience)
{
	Oid			types[] = {NAMEOID, TEXTOID, NAMEOID};
	List	   *function = list_make2(makeString(SEGMENT_SCHEMA),
									  makeString("is_member"));
	List	   *args = list_make3(name_const(audience->name),
								  copyObject(profile->scope.key),
								  name_const(profile->population->name));

	return (Expr *) makeFuncExpr(LookupFuncName(function, 3, types, false),
								 BOOLOID, args, InvalidOid,
								 DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
}

/*
 * key_as_text() returns the key as text, independent of any setting of the
 * session: for BUCKET, and to ask for a member.  NULL if the row has no key:
 * the view may have been replaced by one without it.
 */
static Expr *
key_as_text(ProfileScope *profile)
{
	Expr	   *key = scope_column(&profile->scope, profile->population->key);
	CoerceViaIO *cast;

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
