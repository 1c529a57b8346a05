/*-------------------------------------------------------------------------
 *
 * trait_columns.c
 *	  Which columns of tables does a definition mention?
 *
 *		count(orders where amount > 10) > 3 and customers.city = "Aarhus"
 *
 *		amount		a column of the row of source orders
 *		city		a column of the row of source customers
 *
 * What names stand for in a row is a matter of its source (mentions.c).  Other
 * names are those of traits, and mention no column by themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* A column that is looked for in a definition. */
typedef struct Mention
{
	const SourceColumn *column;
	bool		found;
} Mention;

static bool find_mention(const FilterNode *node, void *mention);
static FilterNode *rename_mention(const FilterNode *node, void *column);
static FilterNode *copy_with_args(const FilterNode *node);
static FilterNode *behind_source(const FilterNode *node);
static FilterNode *before_source(const FilterNode *node,
								 const FilterNode *name);

bool
definition_reads_column(const FilterNode *definition,
						const SourceColumn *column)
{
	Mention		mention = {column, false};

	filter_walk(definition, find_mention, &mention);
	return mention.found;
}

/* find_mention() notes whether a node mentions the column.  A FilterVisit. */
static bool
find_mention(const FilterNode *node, void *context)
{
	Mention    *mention = context;
	const Source *source;

	switch (node->op)
	{
		case FILTER_AGGREGATE:
		case FILTER_DID:
			source = source_of_column(mention->column, node->args[0]->text);
			for (int i = 1; source != NULL && i < node->nargs; i++)
				mention->found |= source_row_reads(source, node->args[i],
												   mention->column);
			return false;
		case FILTER_COLUMN:
			source = node->nargs == 0 ? NULL :
				source_of_column(mention->column, node->text);
			if (source != NULL)
				mention->found |= source_row_reads(source, behind_source(node),
												   mention->column);
			return false;
		default:
			return true;
	}
}

FilterNode *
definition_rename_column(const Population *population,
						 const FilterNode *definition, const void *column)
{
	return filter_rewrite(definition, rename_mention,
						  unconstify(void *, column));
}

/* rename_mention() is a node with the column's new name.  A FilterReplace. */
static FilterNode *
rename_mention(const FilterNode *node, void *context)
{
	const SourceColumn *column = context;
	const Source *source;
	FilterNode *copy;

	switch (node->op)
	{
		case FILTER_AGGREGATE:
		case FILTER_DID:
			/* a replacement is not visited: these are names of the source's */
			copy = copy_with_args(node);
			source = source_of_column(column, node->args[0]->text);
			for (int i = 1; source != NULL && i < node->nargs; i++)
				copy->args[i] = source_row_rename(source, node->args[i],
												  column);
			return copy;
		case FILTER_COLUMN:
			source = node->nargs == 0 ? NULL :
				source_of_column(column, node->text);
			if (source == NULL)
				return NULL;
			return before_source(node,
								 source_row_rename(source, behind_source(node),
												   column));
		default:
			return NULL;
	}
}

/* copy_with_args() copies a node, with an array of its own for arguments. */
static FilterNode *
copy_with_args(const FilterNode *node)
{
	FilterNode *copy = palloc(sizeof(FilterNode));

	*copy = *node;
	copy->args = palloc_array(FilterNode *, Max(node->nargs, 1));
	memcpy(copy->args, node->args, sizeof(FilterNode *) * node->nargs);
	return copy;
}

/* behind_source() makes city of customers.city: a name in the source's row. */
static FilterNode *
behind_source(const FilterNode *node)
{
	return filter_node_with(FILTER_COLUMN, node->args[0]->text,
							node->args[0]->location, node->nargs - 1,
							node->args + 1);
}

/* before_source() makes the node of it again, with another name. */
static FilterNode *
before_source(const FilterNode *node, const FilterNode *name)
{
	FilterNode *copy = copy_with_args(node);

	copy->args[0] = filter_node_with(node->args[0]->op, name->text,
									 node->args[0]->location,
									 node->args[0]->nargs,
									 node->args[0]->args);
	if (name->nargs > 0)
		memcpy(copy->args + 1, name->args, sizeof(FilterNode *) * name->nargs);
	return copy;
}

List *
trait_users_of_column(const Population *population, const SourceColumn *column)
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		if (definition_reads_column(trait->definition, column))
			users = lappend(users, trait->name);
	}
	return users;
}
