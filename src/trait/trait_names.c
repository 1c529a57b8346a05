/*-------------------------------------------------------------------------
 *
 * trait_names.c
 *	  Which trait does a name with a dot mean?
 *
 *		club.balance > 500		club_balance > 500, the trait
 *		customers.city			column city of source customers
 *		customers.home.city		column city of the row that it refers to
 *		payload.size			key size of the jsonb trait payload
 *
 * A definition is stored with the name of the trait.  So it means the same
 * whichever sources and traits are added later, and a trait that is renamed
 * is found in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* Names to be resolved, of a definition with a text. */
typedef struct Resolving
{
	const Population *population;
	const char *text;
	bool		found;			/* there is one to be resolved */
} Resolving;

static bool find_dotted(const FilterNode *node, void *resolving);
static FilterNode *resolve_name(const FilterNode *node, void *resolving);
pg_noreturn static void refuse_name(const Resolving *resolving,
									const FilterNode *name);
static char *nearest_meant(const Population *population,
						   const FilterNode *name);

FilterSource
trait_names_resolved(const Population *population, FilterSource definition)
{
	Resolving	resolving = {population, definition.text};
	FilterNode *tree;

	filter_walk(definition.tree, find_dotted, &resolving);
	trait_check_values(population, &definition);
	if (!resolving.found)
		return definition;
	tree = filter_rewrite(definition.tree, resolve_name, &resolving);
	return filter_source_parse_definition(filter_print(tree));
}

/*
 * Note whether a trait is meant by a name with a dot, and refuse a name that
 * means nothing: a FilterVisit.  Names in an aggregate are those of its
 * source.
 */
static bool
find_dotted(const FilterNode *node, void *context)
{
	Resolving  *resolving = context;
	const Population *population = resolving->population;

	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		return false;
	if (node->op != FILTER_COLUMN || node->nargs == 0)
		return true;
	if (trait_of_dotted(population, node) != NULL)
		resolving->found = true;
	else if (!dotted_is_column(population, node) &&
			 trait_by_name(population, node->text) == NULL &&
			 strcmp(node->text, population->key) != 0)
		refuse_name(resolving, node);
	return true;
}

/* A name of a trait for one with a dot, or NULL: a FilterReplace. */
static FilterNode *
resolve_name(const FilterNode *node, void *context)
{
	const Resolving *resolving = context;

	/* a replacement is not visited: names inside are those of the source */
	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
	{
		FilterNode *copy = palloc(sizeof(FilterNode));

		*copy = *node;
		return copy;
	}
	return node->op != FILTER_COLUMN || node->nargs == 0 ? NULL :
		trait_of_dotted(resolving->population, node);
}

/* refuse_name() raises the error that a name means nothing. */
static void
refuse_name(const Resolving *resolving, const FilterNode *name)
{
	char	   *meant = nearest_meant(resolving->population, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("neither column \"%s\" of a source \"%s\" nor trait \"%s\" exists",
					name->args[0]->text, name->text, dotted_joined(name)),
			 errdetail("The filter is applied to population \"%s\".",
					   resolving->population->name),
			 meant != NULL ? errhint("Perhaps you meant: %s", meant) : 0,
			 filter_position(resolving->text, name)));
}

/*
 * nearest_meant() returns the nearest name as it is written in a filter, or
 * NULL: of a column of the source, of a trait with this dot or without it, of
 * one behind the name of the population, or of a source.
 */
static char *
nearest_meant(const Population *population, const FilterNode *name)
{
	const Source *source = source_by_name(population, name->text);
	const char *key = filter_name(name->args[0]->text);
	List	   *traits = list_copy(trait_names(population));
	const char *nearest;

	if (source != NULL)
	{
		FilterScope *columns = filter_column_scope(source->relid, 1);

		nearest = nearest_name(name->args[0]->text, columns->names(columns));
		if (nearest != NULL)
			return psprintf("%s.%s", filter_name(name->text),
							filter_name(nearest));
	}
	nearest = nearest_name(dotted_joined(name), traits);
	if (nearest == NULL && strcmp(name->text, population->name) == 0)
		nearest = nearest_name(name->args[0]->text, traits);
	if (nearest != NULL)
		return filter_name(nearest);
	nearest = nearest_name(name->text,
						   list_concat(traits, source_names(population)));
	if (nearest == NULL || strcmp(nearest, name->text) == 0)
		return NULL;
	source = source_by_name(population, nearest);
	if (source != NULL)
	{
		FilterScope *columns = filter_column_scope(source->relid, 1);
		const char *column = nearest_name(name->args[0]->text,
										  columns->names(columns));

		if (column != NULL)
			key = filter_name(column);
	}
	return psprintf("%s.%s", filter_name(nearest), key);
}
