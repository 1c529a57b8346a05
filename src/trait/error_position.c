/*-------------------------------------------------------------------------
 *
 * error_position.c
 *	  Where in a definition is an error that has no position of its own?
 *
 *		sum(orders.city) > 100
 *		^
 *		ERROR:  sum of a value of type text is not possible
 *
 * An aggregate does not know where it is written.  While the node is bound, an
 * error context points errors at it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "trait/trait_private.h"

static void point_at_node(void *arg);

void
error_position_begin(ErrorPosition *position, const char *text,
					 const FilterNode *node)
{
	position->text = text;
	position->node = node;
	position->callback.callback = point_at_node;
	position->callback.arg = position;
	position->callback.previous = error_context_stack;
	error_context_stack = &position->callback;
}

void
error_position_end(ErrorPosition *position)
{
	error_context_stack = position->callback.previous;
}

/* Set the position of an error that has none: an error context callback. */
static void
point_at_node(void *arg)
{
	const ErrorPosition *position = arg;

	if (geterrposition() == 0 && getinternalerrposition() == 0)
		(void) filter_position(position->text, position->node);
}
