/*-------------------------------------------------------------------------
 *
 * trait_rename.c
 *	  A trait or a source gets another name: what do definitions say then?
 *
 *		rename_trait('spend', 'revenue')
 *		rename_source('orders', 'sales')
 *
 *		average_order	spend / count(orders)	revenue / count(sales)
 *		stored trait	count(orders)			count(sales)
 *
 * Only names change, in the canonical text of the definitions that mention
 * them: stored values and members stay as they were.  Within an aggregate
 * names are those of its source's columns, which stay.
 *
 * A name with keys, such as extra.size, is an attribute if there is a source
 * extra, else a key of a trait.  So a name that would turn one into the other
 * is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* What is renamed. */
typedef struct Renaming
{
	const Population *population;
	const NameChange *change;
} Renaming;

static FilterNode *copy_with_text(const FilterNode *node, const char *text);
static FilterNode *rename_trait_in(const FilterNode *node, void *context);
static FilterNode *rename_source_in(const FilterNode *node, void *context);
static bool find_keys(const FilterNode *node, void *context);
static void rewrite_traits(const Population *population,
						   DefinitionRewrite rewrite, const void *change);
static void rewrite_stored(const Population *population,
						   DefinitionRewrite rewrite, const void *change);

/* ---- names in a definition ---- */

FilterNode *
definition_rename_trait(const Population *population,
						const FilterNode *definition, const void *change)
{
	Renaming	renaming = {population, change};

	return filter_rewrite(definition, rename_trait_in, &renaming);
}

/* A node with the new name of a trait, or NULL: a FilterReplace. */
static FilterNode *
rename_trait_in(const FilterNode *node, void *context)
{
	const Renaming *renaming = context;

	/* a replacement is not visited: names inside are those of the source */
	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		return copy_with_text(node, node->text);
	if (node->op != FILTER_COLUMN ||
		strcmp(node->text, renaming->change->old) != 0 ||
		(node->nargs > 0 &&
		 source_by_name(renaming->population, node->text) != NULL))
		return NULL;
	return copy_with_text(node, renaming->change->new);
}

FilterNode *
definition_rename_source(const Population *population,
						 const FilterNode *definition, const void *change)
{
	Renaming	renaming = {population, change};

	return filter_rewrite(definition, rename_source_in, &renaming);
}

/* A node with the new name of a source, or NULL: a FilterReplace. */
static FilterNode *
rename_source_in(const FilterNode *node, void *context)
{
	const Renaming *renaming = context;

	if (node->op == FILTER_COLUMN && node->nargs > 0 &&
		strcmp(node->text, renaming->change->old) == 0)
		return copy_with_text(node, renaming->change->new);
	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
	{
		FilterNode *copy = copy_with_text(node, node->text);

		if (strcmp(node->args[0]->text, renaming->change->old) == 0)
		{
			copy->args = palloc(sizeof(FilterNode *) * node->nargs);
			memcpy(copy->args, node->args, sizeof(FilterNode *) * node->nargs);
			copy->args[0] = copy_with_text(node->args[0],
										   renaming->change->new);
		}
		return copy;
	}
	return NULL;
}

static FilterNode *
copy_with_text(const FilterNode *node, const char *text)
{
	FilterNode *copy = palloc(sizeof(FilterNode));

	*copy = *node;
	copy->text = text != NULL ? pstrdup(text) : NULL;
	return copy;
}

/* Does a definition mention the name with keys behind it? */
typedef struct Keys
{
	const char *name;
	bool		found;
} Keys;

bool
definition_has_keys_of(const FilterNode *definition, const char *name)
{
	Keys		keys = {name, false};

	filter_walk(definition, find_keys, &keys);
	return keys.found;
}

/*
 * Note in the Keys whether the node is the name, with keys behind it; a
 * visitor of filter_walk().  Names within an aggregate are those of columns.
 */
static bool
find_keys(const FilterNode *node, void *context)
{
	Keys	   *keys = context;

	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		return false;
	keys->found |= node->op == FILTER_COLUMN && node->nargs > 0 &&
		strcmp(node->text, keys->name) == 0;
	return true;
}

/* ---- in the catalog ---- */

void
trait_rename(const Population *population, const char *name,
			 const char *new_name)
{
	trait_check_name(population, new_name);
	view_rename_column(population, name, new_name);
	catalog_execute("UPDATE segment.trait SET trait = $3"
					" WHERE population = $1 AND trait = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   name_datum(new_name)},
					NULL);
	rewrite_traits(population, definition_rename_trait,
				   &(NameChange) {name, new_name});
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_rename_source(const Population *population, const char *name,
					const char *new_name)
{
	NameChange	change = {name, new_name};

	rewrite_stored(population, definition_rename_source, &change);
	catalog_execute("UPDATE segment.stored_trait SET source = $3"
					" WHERE population = $1 AND source = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   name_datum(new_name)},
					NULL);
	rewrite_traits(population, definition_rename_source, &change);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_rewrite(const Population *population, DefinitionRewrite rewrite,
			  const void *change)
{
	/* a definition that has to bind for it needs the stored ones as before */
	rewrite_traits(population, rewrite, change);
	rewrite_stored(population, rewrite, change);
	CommandCounterIncrement();
	population_changed(population);
}

char *
rewritten_text(const FilterNode *definition)
{
	char	   *text = filter_print(definition);

	if (!filter_equal(definition, filter_parse_definition(text, NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("the new name would change what a definition means"),
				 errdetail("It would say: %s", text),
				 errhint("Choose another name.")));
	return text;
}

/* Rewrite the definitions of all traits that mention a name. */
static void
rewrite_traits(const Population *population, DefinitionRewrite rewrite,
			   const void *change)
{
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);
		char	   *text = rewritten_text(rewrite(population,
												  trait->definition, change));

		if (strcmp(text, trait->text) == 0)
			continue;
		catalog_execute("UPDATE segment.trait SET definition = $3"
						" WHERE population = $1 AND trait = $2",
						3, (Oid[]) {NAMEOID, NAMEOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(trait->name),
								   CStringGetTextDatum(text)},
						NULL);
		view_comment_trait(population, trait, text);
	}
}

/* Rewrite the definitions of the stored traits that mention a name. */
static void
rewrite_stored(const Population *population, DefinitionRewrite rewrite,
			   const void *change)
{
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);
		char	   *text = rewritten_text(rewrite(population,
												  stored->definition, change));

		if (strcmp(text, stored->text) != 0)
			stored_write_definition(population, stored->name, text);
	}
}
