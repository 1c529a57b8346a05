/*-------------------------------------------------------------------------
 *
 * trait_values.c
 *	  Can an operand have the value with which a definition compares it?
 *
 *		club.tier = "goldd"		never: it is "silver" or "gold"
 *		club.tier >= "silver"	tiers are not in the order of their letters
 *		band = "hihg"			never, where band is
 *								case when spend > 100 then "high" else "low" end
 *
 * A column of an enum refuses such a value when it is compiled.  Here it is
 * text, and values come and go with tiers and rewards: so only whoever writes
 * a definition is told, and what is defined goes on to bind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* So many values an error lists. */
#define MOST_LISTED		20

TraitValuesHook trait_values_hook = NULL;

/* Where a comparison stands. */
typedef struct Place
{
	const Population *population;
	const char *text;			/* of the definition */
	const char *source;			/* names are its columns; NULL: traits */
} Place;

static bool visit(const FilterNode *node, void *place);
static void check_equal(const Place *place, const FilterNode *operand,
						const FilterNode *literal);
static void check_order(const Place *place, const FilterNode *node);
static const TraitValues *values_of(const Place *place,
									const FilterNode *node,
									const char *asked);
static const TraitValues *values_of_column(const Place *place,
										   const FilterNode *name,
										   const char *asked);
static const TraitValues *values_of_all(const Place *place,
										const FilterNode *const *nodes,
										int count, const char *asked);
static const TraitValues *values_without(const TraitValues *values,
										 const FilterNode *literal);
pg_noreturn static void refuse_value(const Place *place,
									 const FilterNode *operand,
									 const FilterNode *literal,
									 const TraitValues *values);
static char *list_text(const TraitValues *values, const char *last);
static char *as_list(const FilterNode *node, const TraitValues *values);
static int	rank_of(const TraitValues *values, const FilterNode *literal);

void
trait_check_values(const Population *population,
				   const FilterSource *definition)
{
	Place		place = {population, definition->text};

	filter_walk(definition->tree, visit, &place);
}

/* visit() checks a comparison.  A FilterVisit. */
static bool
visit(const FilterNode *node, void *context)
{
	const Place *place = context;
	Place		inside = *place;

	switch (node->op)
	{
		case FILTER_AGGREGATE:
		case FILTER_DID:
			inside.source = node->args[0]->text;
			for (int i = 1; i < node->nargs; i++)
				filter_walk(node->args[i], visit, &inside);
			return false;
		case FILTER_EQ:
			check_equal(place, node->args[0], node->args[1]);
			check_equal(place, node->args[1], node->args[0]);
			return true;
		case FILTER_OF:
			check_equal(place, node->args[0], node->args[1]);
			return true;
		case FILTER_IN:
			for (int i = 1; i < node->nargs; i++)
				check_equal(place, node->args[0], node->args[i]);
			return true;
		case FILTER_LT:
		case FILTER_LE:
		case FILTER_GT:
		case FILTER_GE:
		case FILTER_BETWEEN:
			check_order(place, node);
			return true;
		default:
			return true;
	}
}

/* check_equal() refuses a literal that the operand never is. */
static void
check_equal(const Place *place, const FilterNode *operand,
			const FilterNode *literal)
{
	const TraitValues *values;

	if (literal->op != FILTER_STRING || operand->op == FILTER_STRING)
		return;
	values = values_of(place, operand, literal->text);
	if (values != NULL && !names_contain(values->values, literal->text))
		refuse_value(place, operand, literal, values);
}

/* check_order() refuses to compare by letters what has another order. */
static void
check_order(const Place *place, const FilterNode *node)
{
	const FilterNode *operand = node->args[0];
	const FilterNode *literal = node->args[1];
	const TraitValues *values;
	char	   *meant;

	if (operand->op == FILTER_STRING)
	{
		operand = node->args[1];
		literal = node->args[0];
	}
	if (literal->op != FILTER_STRING || operand->op == FILTER_STRING)
		return;
	values = values_of(place, operand, literal->text);
	if (values == NULL || !values->ordered)
		return;
	for (int i = 0; i < node->nargs; i++)
		if (node->args[i]->op == FILTER_STRING &&
			!names_contain(values->values, node->args[i]->text))
			refuse_value(place, operand, node->args[i], values);
	meant = as_list(node, values);
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("values of %s are not compared by their order",
					filter_print(operand)),
			 errdetail("They would be by their letters. From the lowest to the highest they are %s.",
					   list_text(values, " and ")),
			 meant != NULL ? errhint("Write: %s", meant) : 0,
			 filter_position(place->text, literal)));
}

/* as_list() is what a comparison by order means, or NULL: nothing. */
static char *
as_list(const FilterNode *node, const TraitValues *values)
{
	bool		swapped = node->args[0]->op == FILTER_STRING;
	const FilterNode *operand = node->args[swapped ? 1 : 0];
	int			low = rank_of(values, node->args[swapped ? 0 : 1]);
	int			first = 0;
	int			last = list_length(values->values) - 1;
	FilterNode **args;
	int			nargs = 0;

	if (node->op == FILTER_BETWEEN)
	{
		if (node->args[2]->op != FILTER_STRING)
			return NULL;
		first = low;
		last = rank_of(values, node->args[2]);
	}
	else if ((node->op == FILTER_GT || node->op == FILTER_GE) != swapped)
		first = node->op == FILTER_GT || node->op == FILTER_LT ? low + 1 : low;
	else
		last = node->op == FILTER_GT || node->op == FILTER_LT ? low - 1 : low;
	if (first > last)
		return NULL;

	args = palloc_array(FilterNode *, last - first + 2);
	args[nargs++] = unconstify(FilterNode *, operand);
	for (int i = first; i <= last; i++)
		args[nargs++] = filter_node(FILTER_STRING,
									list_nth(values->values, i), -1);
	return filter_print(filter_node_with(nargs == 2 ? FILTER_EQ : FILTER_IN,
										 NULL, -1, nargs, args));
}

/* rank_of() says at which place a literal is among the values. */
static int
rank_of(const TraitValues *values, const FilterNode *literal)
{
	int			rank = 0;

	while (strcmp(list_nth(values->values, rank), literal->text) != 0)
		rank++;
	return rank;
}

/*
 * values_of() says which texts an operand can be, or 'asked' at least; NULL:
 * any.
 */
static const TraitValues *
values_of(const Place *place, const FilterNode *node, const char *asked)
{
	TraitValues *values;

	check_stack_depth();
	switch (node->op)
	{
		case FILTER_STRING:
			values = palloc0(sizeof(TraitValues));
			values->values = list_make1(node->text);
			return values;
		case FILTER_COLUMN:
			return values_of_column(place, node, asked);
		case FILTER_CASE:
			return values_of_all(place,
								 (const FilterNode *const *) node->args,
								 node->nargs, asked);
		case FILTER_WHEN:
			return values_of(place, node->args[1], asked);
		case FILTER_FUNCTION:
			if (strcmp(node->text, "coalesce") == 0)
				return values_of_all(place,
									 (const FilterNode *const *) node->args,
									 node->nargs, asked);
			if (strcmp(node->text, "nullif") == 0 && node->nargs == 2)
				return values_without(values_of(place, node->args[0], asked),
									  node->args[1]);
			return NULL;
		case FILTER_AGGREGATE:
			if (node->args[1]->op == FILTER_COLUMN &&
				(strcmp(node->text, "last") == 0 ||
				 strcmp(node->text, "first") == 0 ||
				 strcmp(node->text, "min") == 0 ||
				 strcmp(node->text, "max") == 0))
			{
				Place		inside = *place;

				inside.source = node->args[0]->text;
				return values_of_column(&inside, node->args[1], asked);
			}
			return NULL;
		default:
			return NULL;
	}
}

/* values_of_column() says which texts a column, or a trait, can be. */
static const TraitValues *
values_of_column(const Place *place, const FilterNode *name,
				 const char *asked)
{
	const Population *population = place->population;
	Place		outside = {population};
	const TraitValues *values = NULL;
	const Trait *trait;

	if (place->source != NULL)
	{
		const char *column = name->nargs == 0 ? name->text :
			name->nargs == 1 && strcmp(name->text, place->source) == 0 ?
			name->args[0]->text : NULL;

		return column == NULL || trait_values_hook == NULL ? NULL :
			trait_values_hook(population, place->source, column, asked);
	}
	if (name->nargs > 0)
	{
		const FilterNode *meant = trait_of_dotted(population, name);

		if (meant == NULL && name->nargs == 1 && trait_values_hook != NULL)
			return trait_values_hook(population, name->text,
									 name->args[0]->text, asked);
		name = meant;
	}
	if (name == NULL || name->nargs > 0)
		return NULL;
	trait = trait_by_name(population, name->text);
	if (trait == NULL)
		return NULL;
	if (trait_values_hook != NULL)
		values = trait_values_hook(population, NULL, trait->name, asked);
	return values != NULL ? values :
		values_of(&outside, trait->definition, asked);
}

/* values_of_all() says which texts one of several can be. */
static const TraitValues *
values_of_all(const Place *place, const FilterNode *const *nodes, int count,
			  const char *asked)
{
	TraitValues *all = palloc0(sizeof(TraitValues));

	for (int i = 0; i < count; i++)
	{
		const TraitValues *values;
		ListCell   *lc;

		/* missing, as there is no ELSE */
		if (nodes[i]->op == FILTER_NONE)
			continue;
		values = values_of(place, nodes[i], asked);
		if (values == NULL)
			return NULL;
		foreach(lc, values->values)
			all->values = names_add(all->values, lfirst(lc));
		all->create = values->create ? values->create : all->create;
	}
	return all;
}

/* values_without() leaves out one that is missing instead. */
static const TraitValues *
values_without(const TraitValues *values, const FilterNode *literal)
{
	TraitValues *others;
	ListCell   *lc;

	if (values == NULL || literal->op != FILTER_STRING)
		return values;
	others = palloc(sizeof(TraitValues));
	*others = *values;
	others->values = NIL;
	foreach(lc, values->values)
		if (strcmp(lfirst(lc), literal->text) != 0)
			others->values = lappend(others->values, lfirst(lc));
	return others;
}

/* refuse_value() raises the error that an operand is never that literal. */
static void
refuse_value(const Place *place, const FilterNode *operand,
			 const FilterNode *literal, const TraitValues *values)
{
	const char *nearest = nearest_name(literal->text, values->values);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s is never %s", filter_print(operand),
					filter_print(literal)),
			 values->values == NIL ? 0 :
			 errdetail("It is %s.", list_text(values, " or ")),
			 nearest != NULL ?
			 errhint("Perhaps you meant %s.",
					 filter_print(filter_node(FILTER_STRING, nearest, -1))) :
			 values->create != NULL ? errhint("%s", values->create) : 0,
			 filter_position(place->text, literal)));
}

/* list_text() lists values, such as "silver", "gold" or "ruby". */
static char *
list_text(const TraitValues *values, const char *last)
{
	int			count = list_length(values->values);
	int			listed = count > MOST_LISTED ? MOST_LISTED : count;
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < listed; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "" :
						 i == count - 1 ? last : ", ",
						 filter_print(filter_node(FILTER_STRING,
												  list_nth(values->values, i),
												  -1)));
	if (listed < count)
		appendStringInfo(&text, ", or one of %d others", count - listed);
	return text.data;
}
