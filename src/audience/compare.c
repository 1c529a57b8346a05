/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  How large are audiences, what do they share, and what if?
 *
 *		sizes()					vip 2, local 3
 *		overlap('vip', 'local')	2 and 3; in both 1, in either 4, ...
 *		overlaps()				the same for each pair
 *		what_if('vip', 'total_spend > 750')
 *								entering 0 {}, leaving 1 {17}, staying 1 {40}
 *
 * Sizes are sums of numbers that are stored beside the bitmaps.  What is
 * shared is computed from bitmaps, each read once, however many pairs it is
 * part of; so are toggles that wait for a fold, and profiles that are due, for
 * all audiences together.
 * Profiles that are due are counted as they are now (due_members.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_sizes);
SEGMENT_FUNCTION(segment_overlap);
SEGMENT_FUNCTION(segment_overlaps);
SEGMENT_FUNCTION(segment_what_if);

/* size_a, size_b, in_both, in_either, only_a, only_b, jaccard */
#define OVERLAP_COLUMNS	7

static int64 *stored_sizes(const Population *population, List *audiences);
static const Audience *audience_of(List *audiences, int i);
static bool share_stored(const Population *population, const Audience *a,
						 const Audience *b, MembershipShare *share);
static void overlap_values(const MembershipShare *share, Datum *values,
						   bool *isnull);
static List *audiences_named(const Population *population, ArrayType *names);
static char *what_if_sql(const Population *population,
						 const Audience *audience, const char *filter,
						 const char *limit);

/*
 * sizes(population) -> (audience, size), by name
 */
Datum
segment_sizes(PG_FUNCTION_ARGS)
{
	const char *home = optional_name_argument(fcinfo, 0);
	const Population *population = population_by_name(home);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *all;
	List	   *audiences;
	int64	   *sizes;
	int64	   *more;
	ListCell   *lc;
	int			count;
	int			i = 0;

	population = population_reader(population);
	InitMaterializedSRF(fcinfo, 0);
	all = audience_list(population);
	audiences = audiences_answering(population, all, false);
	count = list_length(audiences);
	sizes = stored_sizes(population, audiences);
	more = palloc(sizeof(int64) * Max(count, 1));
	due_count(population, audiences, GetActiveSnapshot(), more);
	foreach(lc, all)
	{
		const Audience *audience = lfirst(lc);
		int64		size;
		Datum		values[2] = {0};
		bool		isnull[2] = {false, true};

		CHECK_FOR_INTERRUPTS();
		values[0] = name_datum(audience->name);
		/* 'audiences' is a part of 'all', in the same order */
		if (i < count && list_nth(audiences, i) == audience)
		{
			size = audience->stored ? sizes[i] : -1;
			size = size >= 0 ? size + more[i] :
				audience_size(population, audience, GetActiveSnapshot());
			values[1] = Int64GetDatum(size);
			isnull[1] = false;
			i++;
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	return (Datum) 0;
}

/* stored_sizes() returns the sizes without profiles that are due, or -1. */
static int64 *
stored_sizes(const Population *population, List *audiences)
{
	int			count = list_length(audiences);
	int32	   *definition_ids = palloc(sizeof(int32) * Max(count, 1));
	int64	   *sizes = palloc(sizeof(int64) * Max(count, 1));
	ListCell   *lc;

	foreach(lc, audiences)
		definition_ids[foreach_current_index(lc)] =
			((const Audience *) lfirst(lc))->definition_id;
	membership_sizes(population, definition_ids, count, GetActiveSnapshot(),
					 sizes);
	return sizes;
}

/*
 * overlap(a, b, population) -> one row
 */
Datum
segment_overlap(PG_FUNCTION_ARGS)
{
	const Population *population;
	const char *home = optional_name_argument(fcinfo, 2);
	const Audience *a;
	const Audience *b;
	MembershipShare share;
	Datum		values[OVERLAP_COLUMNS];
	bool		isnull[OVERLAP_COLUMNS];
	TupleDesc	desc;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	a = audience_for_reader(NameStr(*PG_GETARG_NAME(0)), home, &population);
	b = audience_by_name(population, NameStr(*PG_GETARG_NAME(1)));
	if (b == NULL)
		b = audience_find(NameStr(*PG_GETARG_NAME(1)), population->name,
						  &population);
	if (!share_stored(population, a, b, &share))
	{
		List	   *pair = list_make2(unconstify(Audience *, a),
									  unconstify(Audience *, b));
		MemberSet  *sets[2];

		audiences_members(population, pair, GetActiveSnapshot(), sets);
		share.size_a = members_count(sets[0]);
		share.size_b = members_count(sets[1]);
		share.in_both = members_count_both(sets[0], sets[1]);
	}
	overlap_values(&share, values, isnull);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, isnull)));
}

/* share_stored() returns false if what is stored is not the whole answer. */
static bool
share_stored(const Population *population, const Audience *a,
			 const Audience *b, MembershipShare *share)
{
	Snapshot	snapshot = GetActiveSnapshot();

	if (!a->stored || !b->stored)
		return false;
	if ((a->time_dependent || b->time_dependent) &&
		due_any(population, snapshot))
		return false;
	return membership_share(population, a->definition_id, b->definition_id,
							snapshot, share);
}

/*
 * overlaps(audiences, population) -> a row for each pair, in the order given
 */
Datum
segment_overlaps(PG_FUNCTION_ARGS)
{
	const char *home = optional_name_argument(fcinfo, 1);
	const Population *population = population_by_name(home);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *audiences;
	MemberSet **sets;
	int64	   *sizes;
	int64	   *both;
	Size		count;

	population = population_reader(population);
	InitMaterializedSRF(fcinfo, 0);
	audiences = PG_ARGISNULL(0) ?
		audiences_answering(population, audience_list(population), false) :
		audiences_named(population, PG_GETARG_ARRAYTYPE_P(0));
	count = list_length(audiences);
	sets = palloc(sizeof(MemberSet *) * Max(count, 1));
	sizes = palloc(sizeof(int64) * Max(count, 1));
	both = MemoryContextAllocHuge(CurrentMemoryContext,
								  sizeof(int64) * Max(count * count, 1));
	audiences_members(population, audiences, GetActiveSnapshot(), sets);
	for (int i = 0; i < count; i++)
		sizes[i] = members_count(sets[i]);
	members_count_pairs(sets, count, both);

	for (int i = 0; i < count; i++)
		for (int j = i + 1; j < count; j++)
		{
			Datum		values[2 + OVERLAP_COLUMNS];
			bool		isnull[2 + OVERLAP_COLUMNS] = {false, false};
			MembershipShare share = {
				.size_a = sizes[i],
				.size_b = sizes[j],
				.in_both = both[i * count + j],
			};

			CHECK_FOR_INTERRUPTS();
			values[0] = name_datum(audience_of(audiences, i)->name);
			values[1] = name_datum(audience_of(audiences, j)->name);
			overlap_values(&share, values + 2, isnull + 2);
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 isnull);
		}
	return (Datum) 0;
}

/*
 * what_if(audience, filter, population, list_keys) -> (change, size, keys)
 *
 * Both filters are evaluated on each row, so it needs nothing that is stored
 * and changes nothing.
 */
Datum
segment_what_if(PG_FUNCTION_ARGS)
{
	const Population *population;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const Audience *audience;
	OwnersQuestion question;
	FilterSource filter;
	char	   *sql;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	if (!PG_ARGISNULL(3) && PG_GETARG_INT64(3) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot list " INT64_FORMAT " keys", PG_GETARG_INT64(3)),
				 errhint("Give a number from 0 on, or NULL for all.")));
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name_argument(fcinfo, 2),
								   &population);

	question_begin(&question, population);
	filter = filter_source_unpack(PG_GETARG_FILTER_PP(1));
	filter = trait_names_resolved(population, filter);
	(void) audience_bind(population, filter.tree, filter.text);
	sql = what_if_sql(population, audience, filter.text, PG_ARGISNULL(3) ? "" :
					  psprintf(" LIMIT " INT64_FORMAT, PG_GETARG_INT64(3)));
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[3];
		bool		isnull[3];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
						  values, isnull);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	question_end(&question);
	return (Datum) 0;
}

/* what_if_sql() lists at most 'limit' keys (a clause, maybe empty) each. */
static char *
what_if_sql(const Population *population, const Audience *audience,
			const char *filter, const char *limit)
{
	return psprintf("WITH met AS MATERIALIZED ("
					"SELECT profile.%s AS key, %s AS was,"
					" profile.* OPERATOR(pg_catalog.@@) %s::segment.filter"
					" AS will FROM %s),"
					" moved AS MATERIALIZED (SELECT key,"
					" CASE WHEN was AND will THEN 'staying'"
					" WHEN was THEN 'leaving' ELSE 'entering' END AS change"
					" FROM met WHERE was OR will)"
					" SELECT c.change,"
					" (SELECT pg_catalog.count(*) FROM moved"
					" WHERE moved.change OPERATOR(pg_catalog.=) c.change),"
					" ARRAY(SELECT moved.key::text FROM moved"
					" WHERE moved.change OPERATOR(pg_catalog.=) c.change"
					" ORDER BY moved.key%s)"
					" FROM (VALUES ('entering'), ('leaving'), ('staying'))"
					" AS c (change)",
					quote_identifier(population->key),
					audience_holds_sql(audience->name),
					quote_literal_cstr(filter), profiles_sql(population),
					limit);
}

/* audience_of() returns the i-th of a list of audiences. */
static const Audience *
audience_of(List *audiences, int i)
{
	return list_nth(audiences, i);
}

/* overlap_values() fills in the OVERLAP_COLUMNS of a result. */
static void
overlap_values(const MembershipShare *share, Datum *values, bool *isnull)
{
	int64		in_either = share->size_a + share->size_b - share->in_both;

	memset(isnull, false, sizeof(bool) * OVERLAP_COLUMNS);
	values[0] = Int64GetDatum(share->size_a);
	values[1] = Int64GetDatum(share->size_b);
	values[2] = Int64GetDatum(share->in_both);
	values[3] = Int64GetDatum(in_either);
	values[4] = Int64GetDatum(share->size_a - share->in_both);
	values[5] = Int64GetDatum(share->size_b - share->in_both);
	isnull[6] = in_either == 0;
	if (in_either > 0)
		values[6] = Float8GetDatum((double) share->in_both / in_either);
}

/* audiences_named() finds the audiences in an array of names. */
static List *
audiences_named(const Population *population, ArrayType *names)
{
	List	   *audiences = NIL;
	Datum	   *values;
	bool	   *isnull;
	int			count;

	deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &values, &isnull, &count);
	for (int i = 0; i < count; i++)
		if (!isnull[i])
		{
			const char *name = NameStr(*DatumGetName(values[i]));
			const Population *home;
			const Audience *audience = audience_find(name, population->name,
													 &home);

			audiences = lappend(audiences, unconstify(Audience *, audience));
		}
	return audiences;
}
