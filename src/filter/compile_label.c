/*-------------------------------------------------------------------------
 *
 * compile_label.c
 *	  Which literals of a filter are a label of an enum?
 *
 *		ALTER TYPE state RENAME VALUE 'paid' TO 'settled'
 *
 *		status = "paid"		a label, if status is of that type
 *		note = "paid"		not, if note is text
 *
 * Only the compiler knows which literal is of which type.  So the filter is
 * compiled as if the old label were there still, and literals are collected
 * where they are read (literal.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/compile_private.h"

static FilterLabel *current = NULL;

static FilterNode *relabel(const FilterNode *node, void *label);

void
filter_with_label(FilterLabel *label, void (*work) (void *arg), void *arg)
{
	FilterLabel *outer = current;

	current = label;
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		current = outer;
	}
	PG_END_TRY();
}

const char *
label_text(const FilterNode *literal, Oid type)
{
	if (current == NULL || current->type != type ||
		literal->op != FILTER_STRING ||
		strcmp(literal->text, current->old) != 0)
		return literal->text;
	current->found = lappend(current->found,
							 unconstify(FilterNode *, literal));
	return current->new;
}

FilterNode *
filter_relabel(const FilterNode *filter, const FilterLabel *label)
{
	return filter_rewrite(filter, relabel, unconstify(FilterLabel *, label));
}

/* relabel() is the new label for one that was found.  A FilterReplace. */
static FilterNode *
relabel(const FilterNode *node, void *context)
{
	const FilterLabel *label = context;

	return !list_member_ptr(label->found, node) ? NULL :
		filter_node(FILTER_STRING, label->new, node->location);
}
