/*-------------------------------------------------------------------------
 *
 * dependencies.c
 *	  What is it made of, and what is made of it?
 *
 *		SELECT * FROM segment.dependencies('total_spend');
 *
 *		relation | depth | kind		| name
 *		uses	 |	   1 | source	| orders
 *		used by	 |	   1 | audience | vip
 *		used by	 |	   2 | audience | lapsed_vip		in audience vip and ...
 *
 * An audience with an aggregate in its filter uses the source itself.
 *
 * A name may be that of a source, of a trait and of an audience; it stands for
 * all three.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "profile/profile.h"
#include "flow/depend.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_dependencies);

static List *things_named(const Population *population, const char *name);
pg_noreturn static void refuse_unknown(const Population *population,
									   const char *name);
static void put_things(ReturnSetInfo *result, const char *relation,
					   List *things);

/*
 * dependencies(object, population) -> (relation, depth, kind, name)
 */
Datum
segment_dependencies(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *name;
	List	   *start;

	population = population_reader(population);
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	name = NameStr(*PG_GETARG_NAME(0));
	start = things_named(population, name);
	if (start == NIL)
		refuse_unknown(population, name);
	put_things(result, "uses", things_used(population, start));
	put_things(result, "used by", things_using(population, start));
	return (Datum) 0;
}

/* things_named() lists the things (Thing *) of that name. */
static List *
things_named(const Population *population, const char *name)
{
	List	   *things = NIL;

	if (source_by_name(population, name) != NULL)
		things = things_add(things, THING_SOURCE, name, 0);
	if (trait_by_name(population, name) != NULL)
		things = things_add(things, THING_TRAIT, name, 0);
	if (audience_by_name(population, name) != NULL)
		things = things_add(things, THING_AUDIENCE, name, 0);
	return things;
}

/* refuse_unknown() is the error that nothing has that name. */
static void
refuse_unknown(const Population *population, const char *name)
{
	List	   *known = list_copy(source_names(population));
	const char *nearest;
	ListCell   *lc;

	known = list_concat(known, trait_names(population));
	foreach(lc, audience_list(population))
		known = lappend(known, ((Audience *) lfirst(lc))->name);
	nearest = nearest_name(name, known);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no source, trait or audience \"%s\" in population \"%s\"",
					name, population->name),
			 nearest ? errhint("Perhaps you meant %s.",
							   quote_literal_cstr(nearest)) : 0));
}

/* put_things() returns a row for each thing. */
static void
put_things(ReturnSetInfo *result, const char *relation, List *things)
{
	static const char *const kinds[] = {"source", "trait", "audience"};
	ListCell   *lc;

	foreach(lc, things)
	{
		const Thing *thing = lfirst(lc);
		Datum		values[4];
		bool		isnull[4] = {false, false, false, false};

		values[0] = CStringGetTextDatum(relation);
		values[1] = Int32GetDatum(thing->depth);
		values[2] = CStringGetTextDatum(kinds[thing->kind]);
		values[3] = name_datum(thing->name);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
}
