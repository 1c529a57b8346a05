/*-------------------------------------------------------------------------
 *
 * trait_dotted.c
 *	  Is one name with a dot that of a trait, or of a column?
 *
 *		club.balance			club_balance, if there is such a trait
 *		customers.city			column city of source customers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "base/base.h"
#include "trait/trait_private.h"

FilterNode *
trait_of_dotted(const Population *population, const FilterNode *name)
{
	char	   *joined = dotted_joined(name);

	if (dotted_is_column(population, name) ||
		(source_by_name(population, name->text) == NULL &&
		 trait_by_name(population, name->text) != NULL) ||
		trait_by_name(population, joined) == NULL)
		return NULL;
	return filter_node_with(FILTER_COLUMN, joined, name->location,
							name->nargs - 1,
							name->nargs == 1 ? NULL : name->args + 1);
}

bool
dotted_is_column(const Population *population, const FilterNode *name)
{
	const Source *source = source_by_name(population, name->text);

	if (source == NULL)
		return false;
	for (int i = 0; i < source->nlinks && name->nargs > 1; i++)
		if (strcmp(source->links[i].name, name->args[0]->text) == 0)
			return true;
	return get_attnum(source->relid,
					  name->args[0]->text) > InvalidAttrNumber;
}

char *
dotted_joined(const FilterNode *name)
{
	return psprintf("%s_%s", name->text, name->args[0]->text);
}
