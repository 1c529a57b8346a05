/*-------------------------------------------------------------------------
 *
 * define_traits.c
 *	  Several traits at once, by one pass over each source.
 *
 *		SELECT * FROM segment.create_traits('{
 *			"orders": "count(orders)",
 *			"spent":  "sum(orders.amount)",
 *			"basket": "spent / orders"}');
 *
 * reads orders once and writes each profile once, where three calls of
 * create_trait() would do both three times.  A trait may mention those that
 * stand before it, and the view shows them in this order; so the argument is
 * json, which keeps it, and not jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/base.h"
#include "profile/profile.h"
#include "flow/definer.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_traits);
SEGMENT_FUNCTION(segment_create_traits_text);

/*
 * create_traits(traits json, population) -> (trait, type)
 */
Datum
segment_create_traits(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *wishes = traits_of_json(fcinfo, 0);
	Definer    *definer = definer_begin(population_argument(fcinfo, 1),
										"create_traits");
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	traits_define(definer, wishes, false);
	foreach(lc, wishes)
	{
		const TraitWish *wish = lfirst(lc);
		const Population *population = population_of(definer);
		const Trait *trait = trait_by_name(population, wish->name);
		Datum		values[2] = {
			name_datum(wish->name),
			ObjectIdGetDatum(trait_type(population, trait)),
		};
		bool		isnull[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	definer_end(definer);
	return (Datum) 0;
}

/* The same with a text as its first argument. */
Datum
segment_create_traits_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, JSONOID, segment_create_traits);
}

List *
traits_of_json(FunctionCallInfo fcinfo, int argument)
{
	static const char example[] = "'{\"orders\": \"count(orders)\"}'";
	List	   *wishes = NIL;
	ListCell   *lc;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the traits must be given"),
				 errhint("For example %s.", example)));
	foreach(lc, named_values(PG_GETARG_DATUM(argument),
							 "CASE json_typeof(value) WHEN 'string'"
							 " THEN value #>> '{}' END", "traits", example))
	{
		const NamedValue *given = lfirst(lc);
		TraitWish  *wish = palloc0(sizeof(TraitWish));

		wish->name = given->name;
		wish->definition = trait_definition(wish->name, given->isnull ? NULL :
											TextDatumGetCString(given->value));
		wishes = lappend(wishes, wish);
	}
	if (wishes == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no trait to create"),
				 errhint("For example %s.", example)));
	return wishes;
}

List *
named_values(Datum json, const char *value, const char *argument,
			 const char *example)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		type = DirectFunctionCall1(json_typeof, json);
	List	   *list = NIL;

	if (strcmp(TextDatumGetCString(type), "object") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a json object", argument),
				 errhint("For example %s.", example)));
	SPI_connect();
	catalog_execute_as_user(psprintf("SELECT key, %s"
									 " FROM pg_catalog.json_each($1)"
									 " WITH ORDINALITY AS e (key, value, n)"
									 " ORDER BY n", value),
							1, (Oid[]) {JSONOID}, &json, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *name = SPI_getvalue(row, desc, 1);
		MemoryContext old = MemoryContextSwitchTo(caller);
		NamedValue *one = palloc(sizeof(NamedValue));

		/* a name that is too long is cut, as by the server */
		one->name = pnstrdup(name, pg_mbcliplen(name, strlen(name),
												NAMEDATALEN - 1));
		one->value = SPI_getbinval(row, desc, 2, &one->isnull);
		if (!one->isnull)
			one->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(one->value));
		list = lappend(list, one);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return list;
}
