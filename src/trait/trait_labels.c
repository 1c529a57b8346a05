/*-------------------------------------------------------------------------
 *
 * trait_labels.c
 *	  What does a definition say when a label of an enum has another name?
 *
 *		count(orders where status = "paid") > 3 and state = "paid"
 *
 * A definition is bound in two places: what it needs stored over the rows of
 * a source, and the rest over the profile.  Each is bound with the label
 * (filter/compile_label.c), whether or not the other works; all that is found
 * is replaced.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* A definition, or a part of it, to be bound by an attempt. */
typedef struct Binding
{
	const Population *population;
	const FilterNode *definition;
	FilterLabel *label;
	RelabelBind bind;
	List	   *needed;			/* FilterNode *, what is stored of it */
} Binding;

static void find_needed(void *binding);
static void attempt_with_label(Binding *binding);
static void bind_with_label(void *binding);
static void bind_now(void *binding);
static void bind_stored(const Population *population,
						const FilterNode *definition);
static void bind_trait(const Population *population,
					   const FilterNode *definition);

FilterNode *
definition_relabel(const Population *population, const FilterNode *definition,
				   const void *label)
{
	return definition_relabel_with(population, definition, label, bind_trait);
}

FilterNode *
definition_relabel_with(const Population *population,
						const FilterNode *definition, const void *label,
						RelabelBind bind)
{
	FilterLabel found = *(const FilterLabel *) label;
	Binding		binding = {population, definition, &found, bind};
	ListCell   *lc;

	/* what a window is stored as is no definition that needs anything */
	if (attempt(find_needed, &binding) != NULL)
		binding.needed = list_make1(unconstify(FilterNode *, definition));
	found.found = NIL;
	attempt_with_label(&binding);
	binding.bind = bind_stored;
	foreach(lc, binding.needed)
	{
		binding.definition = lfirst(lc);
		attempt_with_label(&binding);
	}
	return filter_relabel(definition, &found);
}

/* find_needed() finds what a definition needs stored.  An Attempt. */
static void
find_needed(void *context)
{
	Binding    *binding = context;

	binding->needed = stored_needed(binding->population, binding->definition,
									NULL);
}

static void
attempt_with_label(Binding *binding)
{
	(void) attempt(bind_with_label, binding);
}

/* bind_with_label() binds with the label.  An Attempt. */
static void
bind_with_label(void *binding)
{
	filter_with_label(((Binding *) binding)->label, bind_now, binding);
}

static void
bind_now(void *context)
{
	const Binding *binding = context;

	binding->bind(binding->population, binding->definition);
}

/* bind_stored() binds what is stored to its source: a RelabelBind. */
static void
bind_stored(const Population *population, const FilterNode *definition)
{
	BoundTrait	bound;

	stored_bind(stored_source(population, definition, NULL), definition, NULL,
				&bound);
}

/* bind_trait() binds the definition of a trait: a RelabelBind. */
static void
bind_trait(const Population *population, const FilterNode *definition)
{
	FilterScope *row = filter_column_scope(population->oid, 1);

	(void) filter_compile_operand(definition,
								  definition_scope(population, row, NULL));
}
