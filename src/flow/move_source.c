/*-------------------------------------------------------------------------
 *
 * move_source.c
 *	  A source is put onto another table.
 *
 *		move_source('orders', 'orders_new')
 *
 *		source/move.c	may it be this source?  Its triggers
 *		reread.c		does all that reads the source bind?  Profiles that
 *						differ are written
 *
 * A source that has followed its table to another name is known by the name
 * that it was given, too, and gets it back with a table that is called so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "flow/readers.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_move_source);
SEGMENT_FUNCTION(segment_move_source_text);

static const Source *source_to_move(const Population *population,
									const char *name);
static void moved_readers(const Population *population, const char *name,
						  Reread *readers);

/*
 * move_source(source, relation, population)
 */
Datum
segment_move_source(PG_FUNCTION_ARGS)
{
	char	   *asked = name_argument(fcinfo, 0, "source");
	Definer    *definer = definer_begin_as_user(population_argument(fcinfo, 2),
												"move_source");
	Affected	affected = {.view = true,.columns = true,.members = true};
	Reread		readers = {NIL};
	const Source *source;
	char	   *name;
	char	   *given;
	char	   *what;
	ListCell   *lc;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to attach must be given")));
	affected.attached = PG_GETARG_OID(1);
	source = source_to_move(population_of(definer), asked);
	name = pstrdup(source->name);
	given = source->given == NULL ? NULL : pstrdup(source->given);
	source_check_rights(population_of(definer), affected.attached);
	affected.triggers = list_make1(name);
	definer_lock(definer, &affected);
	source_move(source_by_name(population_of(definer), name),
				affected.attached);
	definer_act(definer);

	/* it has the name of its table again, which it was given */
	source = source_by_name(population_of(definer), name);
	if (given != NULL && strcmp(given, source->table_name) == 0 &&
		take_name(source, given))
	{
		name = given;
		source_note_table(source_by_name(population_of(definer), name), NULL);
	}
	moved_readers(population_of(definer), name, &readers);
	what = psprintf("move source \"%s\" to table %s", name,
					relation_name(affected.attached));
	reread_check(population_of(definer), &readers, what);
	foreach(lc, readers.sources)
		readers_check(population_of(definer),
					  &(ReadThing) {.source = lfirst(lc)}, what);
	reread_begun(definer, &readers, NULL);
	definer_end(definer);
	PG_RETURN_VOID();
}

/* The same with a text as its second argument. */
Datum
segment_move_source_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 1, REGCLASSOID, segment_move_source);
}

/*
 * source_to_move() finds a source by its name, or by the one that it was given
 * before it followed its table.
 */
static const Source *
source_to_move(const Population *population, const char *name)
{
	const Source *source = source_by_name(population, name);
	ListCell   *lc;

	foreach(lc, source == NULL ? source_names(population) : NIL)
	{
		const Source *one = source_by_name(population, lfirst(lc));

		if (one->given != NULL && strcmp(one->given, name) == 0)
			source = one;
	}
	if (source == NULL)
		refuse_unknown_source(population, name);
	return source;
}

/*
 * moved_readers() finds what reads a source, and the sources that are linked
 * to its table.
 */
static void
moved_readers(const Population *population, const char *name,
			  Reread *readers)
{
	Oid			relid = source_by_name(population, name)->relid;
	SourceColumn column = source_column(population, relid, NULL, NULL);
	ListCell   *lc;

	readers->rows = true;
	foreach(lc, column.sources)
		readers->sources = lappend(readers->sources,
								   pstrdup(((Source *) lfirst(lc))->name));
	list_sort(readers->sources, compare_names);
	readers->traits = trait_users_of_column(population, &column);
	readers->audiences = audience_users_of_column(population, &column);
	foreach(lc, readers->sources)
	{
		ListCell   *one;

		foreach(one, trait_users_of_source(population, lfirst(lc)))
			readers->traits = names_add(readers->traits, lfirst(one));
		foreach(one, audience_users_of_source(population, lfirst(lc)))
			readers->audiences = names_add(readers->audiences, lfirst(one));
	}
}
