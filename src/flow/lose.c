/*-------------------------------------------------------------------------
 *
 * lose.c
 *	  A statement has dropped what definitions read.
 *
 *		ALTER TABLE orders DROP amount			refused, with the list of what
 *												reads it
 *		ALTER TABLE orders DROP amount CASCADE	traits and audiences that
 *												mention it go, and all that is
 *												made of them
 *		DROP TABLE orders CASCADE				its sources go, and those that
 *												go through them
 *		DROP INDEX products_pkey				refused, where a link needs it
 *
 * It is gone when we are called, in the same statement: an error brings it
 * back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/definer.h"
#include "flow/depend.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/readers.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

/* What of a population reads what is lost.  Names are char *. */
typedef struct Readers
{
	List	   *sources;		/* those that cannot do without it */
	List	   *traits;
	List	   *audiences;
	List	   *others;			/* as readers_names() */
} Readers;

static Readers find_readers(const Population *population,
							const FlowLoss *loss);
static bool cannot_do_without(const Source *source, const FlowLoss *loss,
							  const SourceColumn *column);
static ReadThing thing_lost(const FlowLoss *loss, const SourceColumn *column);
static bool is_read(const Readers *readers);
static void refuse(List *names, const FlowLoss *loss);
static void append_readers(StringInfo list, const Population *population,
						   const FlowLoss *loss);
static void append_names(StringInfo list, const char *kind, List *names,
						 const Population *population, const FlowLoss *loss);
static void cascade_to(const char *name, const FlowLoss *loss);
static void tell_rooms(Definer *definer, const FlowLoss *loss);
static void detach_with_heirs(Definer *definer, const char *name);
static void drop_mentions(Definer *definer, const Readers *readers);
static const Source *find_uncaptured(const Population *population, Oid relid);

void
flow_lose(const FlowLoss *loss, bool cascade)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, source_populations(loss->relid))
	{
		const Population *population = population_find(lfirst(lc));
		Readers		readers;

		if (population == NULL)
			continue;
		readers = find_readers(population, loss);
		if (is_read(&readers))
			names = lappend(names, pstrdup(population->name));
	}
	if (names != NIL && !cascade)
		refuse(names, loss);
	foreach(lc, names)
		cascade_to(lfirst(lc), loss);
}

const char *
flow_lacks_unique(Oid relid)
{
	/* as if an index were lost that the table has not */
	FlowLoss	loss = {.relid = relid,.index = relid};
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));
		Readers		readers;
		const char *name;

		if (population == NULL)
			continue;
		readers = find_readers(population, &loss);
		if (!is_read(&readers))
			continue;
		name = readers.sources == NIL ? linitial(readers.others) :
			psprintf("source \"%s\"", (char *) linitial(readers.sources));
		return psprintf("%s of population \"%s\"", name, population->name);
	}
	return NULL;
}

/* find_readers() finds what of a population reads it. */
static Readers
find_readers(const Population *population, const FlowLoss *loss)
{
	SourceColumn column = source_column(population, loss->relid, loss->column,
										NULL);
	Readers		readers = {NIL};
	ReadThing	thing;
	ListCell   *lc;

	foreach(lc, column.sources)
	{
		const Source *source = lfirst(lc);

		if (cannot_do_without(source, loss, &column))
			readers.sources = lappend(readers.sources, source->name);
	}
	/* one order, whatever that of the rows of our tables */
	list_sort(readers.sources, compare_names);
	if (!OidIsValid(loss->index))
	{
		readers.traits = trait_users_of_column(population, &column);
		readers.audiences = audience_users_of_column(population, &column);
	}
	thing = thing_lost(loss, &column);
	readers.others = readers_names(population, &thing);
	return readers;
}

/* cannot_do_without() says whether a source needs what is lost. */
static bool
cannot_do_without(const Source *source, const FlowLoss *loss,
				  const SourceColumn *column)
{
	if (OidIsValid(loss->index))
		return source_lacks_unique(source, loss->relid, loss->index);
	return loss->column == NULL || source_needs_column(source, column) != NULL;
}

/* thing_lost() is what rooms to the right may read of it. */
static ReadThing
thing_lost(const FlowLoss *loss, const SourceColumn *column)
{
	return OidIsValid(loss->index) ? (ReadThing) {.unique = loss} :
		(ReadThing) {.column = column};
}

static bool
is_read(const Readers *readers)
{
	return readers->sources != NIL || readers->traits != NIL ||
		readers->audiences != NIL || readers->others != NIL;
}

/* refuse() raises the error that lists who reads it, in these populations. */
static void
refuse(List *names, const FlowLoss *loss)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, names)
		append_readers(&list, population_find(lfirst(lc)), loss);
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop %s because other objects depend on it",
					loss->what),
			 errdetail_internal("%s", list.data),
			 OidIsValid(loss->index) ?
			 errhint("Make another unique index first, or use DROP ... CASCADE to drop the dependent objects too.") :
			 errhint("Use DROP ... CASCADE to drop the dependent objects too.")));
}

/* append_readers() appends a line for each that reads it. */
static void
append_readers(StringInfo list, const Population *population,
			   const FlowLoss *loss)
{
	Readers		readers = find_readers(population, loss);

	append_names(list, "source", readers.sources, population, loss);
	append_names(list, "trait", readers.traits, population, loss);
	append_names(list, "audience", readers.audiences, population, loss);
	append_names(list, NULL, readers.others, population, loss);
}

/*
 * append_names() appends a line for each of one kind; NULL if that is in their
 * names.
 */
static void
append_names(StringInfo list, const char *kind, List *names,
			 const Population *population, const FlowLoss *loss)
{
	ListCell   *lc;

	foreach(lc, names)
		appendStringInfo(list, "%s%s of population \"%s\" depends on %s",
						 list->len > 0 ? "\n" : "", kind == NULL ?
						 (char *) lfirst(lc) :
						 psprintf("%s \"%s\"", kind, (char *) lfirst(lc)),
						 population->name, loss->what);
}

/* cascade_to() drops what of a population reads it. */
static void
cascade_to(const char *name, const FlowLoss *loss)
{
	Definer    *definer = definer_begin_statement(name);
	Readers		readers;
	ListCell   *lc;

	if (definer == NULL)
		return;
	readers = find_readers(population_of(definer), loss);
	if (readers.others != NIL)
		tell_rooms(definer, loss);
	foreach(lc, readers.sources)
		if (source_by_name(population_of(definer), lfirst(lc)) != NULL)
			detach_with_heirs(definer, lfirst(lc));
	/* others may mention the column without being of these sources */
	readers = find_readers(population_of(definer), loss);
	if (readers.traits != NIL || readers.audiences != NIL)
		drop_mentions(definer, &readers);
	definer_end(definer);
}

/* tell_rooms() tells the rooms to the right that read what is lost. */
static void
tell_rooms(Definer *definer, const FlowLoss *loss)
{
	SourceColumn column = source_column(population_of(definer), loss->relid,
										loss->column, NULL);
	ReadThing	thing = thing_lost(loss, &column);

	thing.except = definer->unkept;
	readers_lose(population_of(definer), &thing);
}

/* detach_with_heirs() detaches a source, after those that go through it. */
static void
detach_with_heirs(Definer *definer, const char *asked)
{
	char	   *name = pstrdup(asked);
	ListCell   *lc;

	foreach(lc, source_names(population_of(definer)))
	{
		const Source *source = source_by_name(population_of(definer),
											  lfirst(lc));

		if (source != NULL && source->through != NULL &&
			strcmp(source->through, name) == 0)
			detach_with_heirs(definer, source->name);
	}
	ereport(NOTICE,
			(errmsg("drop cascades to source \"%s\" of population \"%s\"",
					name, definer->population)));
	sources_detach(definer, list_make1(name), NIL);
}

/* drop_mentions() drops traits and audiences. */
static void
drop_mentions(Definer *definer, const Readers *readers)
{
	const Population *population = population_of(definer);
	Affected	affected = {.view = true,.columns = true,.members = true};
	ListCell   *lc;
	ListCell   *one;

	affected.audiences = list_copy(readers->audiences);
	foreach(lc, readers->audiences)
		foreach(one, dependent_audiences(population, THING_AUDIENCE,
										 lfirst(lc)))
			affected.audiences = names_add(affected.audiences, lfirst(one));
	foreach(lc, readers->traits)
		foreach(one, dependent_audiences(population, THING_TRAIT, lfirst(lc)))
			affected.audiences = names_add(affected.audiences, lfirst(one));
	definer_lock(definer, &affected);
	drop_readers(definer, readers->traits, readers->audiences);
	refresh_view(definer);
}

void
flow_warn_uncaptured(Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));
		const Source *source = population == NULL ? NULL :
			find_uncaptured(population, relid);

		if (source != NULL)
			ereport(WARNING,
					(errmsg("rows of table %s are not captured any more for population \"%s\"",
							relation_name(relid), population->name),
					 errdetail("Triggers that report them are disabled or gone."),
					 errhint("To make these triggers anew, and count what was written meanwhile: SELECT segment.move_source(%s, %s, %s);",
							 quote_literal_cstr(source->name),
							 quote_literal_cstr(relation_name(source->relid)),
							 quote_literal_cstr(population->name))));
	}
}

/*
 * find_uncaptured() finds a source of the table that is not captured, if there
 * is one: rather one whose rows these are than one that is linked to it.
 */
static const Source *
find_uncaptured(const Population *population, Oid relid)
{
	const Source *found = NULL;
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source == NULL || !source_is_made_of(source, relid) ||
			source->missing != NULL || source_is_captured(source))
			continue;
		if (found == NULL ||
			(found->relid != relid && source->relid == relid))
			found = source;
	}
	return found;
}
