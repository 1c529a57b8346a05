/*-------------------------------------------------------------------------
 *
 * readers.c
 *	  What do rooms to the right read, by texts of the language?
 *
 *		rule "orders" of program "club"
 *			sum(orders.amount)		a definition: reads source orders
 *			in audience regulars	a filter: reads that audience
 *
 *		ALTER TABLE orders RENAME amount TO total
 *									the room writes sum(orders.total)
 *		drop_audience('regulars')	refused, as the rule uses it; with cascade
 *									the room is told that its rule loses it
 *
 * So names are followed as traits and audiences follow them, and nothing that
 * is read goes without a word.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/flow.h"
#include "flow/readers.h"

/* The most rooms that read. */
#define MOST_READERS	8

/* A definition to be checked, for attempt(). */
typedef struct Checked
{
	const Population *population;
	const FlowReader *reader;
	const FlowDefinition *definition;
} Checked;

/* A name that is looked for in a definition. */
typedef struct Mention
{
	const char *name;
	bool		found;
} Mention;

/* Set when the library is loaded. */
static const FlowReader *readers[MOST_READERS];
static int	nreaders = 0;

static bool goes_with(const FlowDefinition *definition, const char *thing);
static List *using(const Population *population, const ReadThing *thing);
static bool uses(const Population *population, const FilterNode *node,
				 const ReadThing *thing);
static bool find_source(const FilterNode *node, void *mention);
static bool lacks_unique(const Population *population,
						 const FlowDefinition *definition,
						 const FlowLoss *loss);
static List *rewrite_all(const Population *population, List *nodes,
						 DefinitionRewrite rewrite, const void *change,
						 bool *changed);
static void bind(void *checked);

void
flow_register_reader(const FlowReader *reader)
{
	Assert(nreaders < MOST_READERS);
	readers[nreaders++] = reader;
}

List *
readers_filters(const Population *population)
{
	List	   *filters = NIL;

	for (int i = 0; i < nreaders; i++)
	{
		ListCell   *lc;

		foreach(lc, readers[i]->list(population))
			if (!((FlowDefinition *) lfirst(lc))->ended)
				filters = list_concat(filters, ((FlowDefinition *)
												lfirst(lc))->filters);
	}
	return filters;
}

List *
readers_names(const Population *population, const ReadThing *thing)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, using(population, thing))
	{
		const FlowDefinition *definition = lfirst(lc);

		if (!goes_with(definition, thing->except))
			names = names_add(names, definition->name);
	}
	return names;
}

void
readers_lose(const Population *population, const ReadThing *thing)
{
	ListCell   *lc;

	foreach(lc, using(population, thing))
	{
		FlowDefinition *definition = lfirst(lc);

		if (!goes_with(definition, thing->except))
			definition->reader->lose(population, definition);
	}
	CommandCounterIncrement();
}

/*
 * goes_with() says whether a definition is a part of a thing that goes: the
 * "tiering of program club" is one of "program club".
 */
static bool
goes_with(const FlowDefinition *definition, const char *thing)
{
	const char *whole = definition->part_of;
	size_t		longer;

	if (thing == NULL || whole == NULL || strlen(whole) < strlen(thing))
		return false;
	longer = strlen(whole) - strlen(thing);
	return strcmp(whole + longer, thing) == 0 &&
		(longer == 0 || whole[longer - 1] == ' ');
}

/* using() lists the definitions (FlowDefinition *) that use a thing. */
static List *
using(const Population *population, const ReadThing *thing)
{
	List	   *found = NIL;

	for (int i = 0; i < nreaders; i++)
	{
		ListCell   *lc;

		foreach(lc, readers[i]->list(population))
		{
			FlowDefinition *definition = lfirst(lc);
			ListCell   *node;
			bool		used = thing->unique != NULL &&
				lacks_unique(population, definition, thing->unique);

			definition->reader = readers[i];
			foreach(node, definition->definitions)
				used |= uses(population, lfirst(node), thing);
			foreach(node, definition->ended ? NIL : definition->filters)
				used |= uses(population, lfirst(node), thing);
			if (used)
				found = lappend(found, definition);
		}
	}
	return found;
}

/* uses() says whether a definition or filter uses a thing. */
static bool
uses(const Population *population, const FilterNode *node,
	 const ReadThing *thing)
{
	Mention		mention = {thing->source, false};

	if (thing->source != NULL)
		filter_walk(node, find_source, &mention);
	if (mention.found)
		return true;
	if (thing->trait != NULL &&
		names_contain(trait_names_used(population, node), thing->trait))
		return true;
	if (thing->audience != NULL &&
		names_contain(audience_names_used(node), thing->audience))
		return true;
	return thing->column != NULL && definition_reads_column(node,
															thing->column);
}

/* find_source() notes whether a node reads a source.  A FilterVisit. */
static bool
find_source(const FilterNode *node, void *context)
{
	Mention    *mention = context;
	const char *name = NULL;

	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		name = node->args[0]->text;
	else if (node->op == FILTER_COLUMN && node->nargs > 0)
		name = node->text;
	mention->found |= name != NULL && strcmp(name, mention->name) == 0;
	return node->op != FILTER_AGGREGATE && node->op != FILTER_DID;
}

/* lacks_unique() says whether rows are not known again without an index. */
static bool
lacks_unique(const Population *population, const FlowDefinition *definition,
			 const FlowLoss *loss)
{
	const Source *source = definition->ref == NULL ? NULL :
		source_by_name(population, definition->ref_of);

	return source != NULL && source->relid == loss->relid &&
		!source_is_unique(source, definition->ref, loss->index);
}

void
readers_rewrite(const Population *population, DefinitionRewrite of_definition,
				DefinitionRewrite of_filter, const void *change)
{
	for (int i = 0; i < nreaders; i++)
	{
		ListCell   *lc;

		foreach(lc, readers[i]->list(population))
		{
			FlowDefinition *definition = lfirst(lc);
			bool		changed = false;

			definition->definitions =
				rewrite_all(population, definition->definitions,
							of_definition, change, &changed);
			definition->filters =
				rewrite_all(population, definition->filters, of_filter,
							change, &changed);
			if (changed)
				readers[i]->write(population, definition);
		}
	}
	CommandCounterIncrement();
}

/*
 * rewrite_all() rewrites definitions or filters (FilterNode *), and notes
 * whether any is another one now.
 */
static List *
rewrite_all(const Population *population, List *nodes,
			DefinitionRewrite rewrite, const void *change, bool *changed)
{
	List	   *rewritten = NIL;
	ListCell   *lc;

	foreach(lc, nodes)
	{
		FilterNode *node = rewrite(population, lfirst(lc), change);

		*changed |= strcmp(rewritten_text(node),
						   filter_print(lfirst(lc))) != 0;
		rewritten = lappend(rewritten, node);
	}
	return rewritten;
}

void
readers_check(const Population *population, const ReadThing *thing,
			  const char *what)
{
	ListCell   *lc;

	foreach(lc, using(population, thing))
	{
		const FlowDefinition *definition = lfirst(lc);
		Checked		checked = {population, definition->reader, definition};
		ErrorData  *error = attempt(bind, &checked);

		if (error != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot %s because %s of population \"%s\" would not work any more",
							what, definition->name, population->name),
					 errdetail("It fails: %s.", error->message),
					 errhint("Alter or drop it first.")));
	}
}

/* bind() binds a definition of a room.  An Attempt. */
static void
bind(void *context)
{
	const Checked *checked = context;

	checked->reader->bind(checked->population, checked->definition);
}
