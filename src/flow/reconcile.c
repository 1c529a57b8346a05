/*-------------------------------------------------------------------------
 *
 * reconcile.c
 *	  Write what the sources say now into the profiles that differ from it.
 *
 *		orders			profile			written
 *		7	sum 15		7	s4 12		7	s4 = 15
 *		8	sum 20		8	s4 20
 *		9	sum  5		-				9, a new profile
 *
 * The values are those of a backfill, and the comparison is that of verify().
 * A rebuild writes all profiles; here rows that are as they should be are not
 * touched, so that a table whose rows have got another form costs a reading.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/base.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

static char *equality(Oid type);
static char *expected_list(List *columns);
static char *assignment_list(List *columns);
static char *any_differs(List *columns);

void
reconcile_source(const Source *source)
{
	const Population *population = source->population;
	const char *key = pstrdup(quote_identifier(population->key));
	char	   *base = population_base_name(population);
	List	   *unbound;
	List	   *names = trait_stored_binding(source, &unbound);
	List	   *columns;
	char	   *query = trait_source_query(source, names, &columns);

	population_write(population,
					 psprintf("INSERT INTO %s (%s) SELECT key FROM (%s) AS q"
							  " ORDER BY key ON CONFLICT (%s) DO NOTHING",
							  base, key, query, key));
	if (columns == NIL)
		return;
	population_write(population,
					 psprintf("UPDATE %s AS profile SET %s FROM"
							  " (SELECT profile.%s AS profile_key%s"
							  " FROM %s AS profile LEFT JOIN (%s) AS q"
							  " ON profile.%s = q.key WHERE %s) AS e"
							  " WHERE profile.%s = e.profile_key",
							  base, assignment_list(columns), key,
							  expected_list(columns), base, query, key,
							  any_differs(columns), key));
}

void
reconcile_rows(const Population *population)
{
	const char *key = pstrdup(quote_identifier(population->key));
	char	   *base = population_base_name(population);
	StringInfoData sources;
	ListCell   *lc;

	initStringInfo(&sources);
	appendStringInfo(&sources, "SELECT %s AS key, 0::bigint AS source_rows"
					 " FROM %s", key, base);
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;

		if (source->missing == NULL)
			appendStringInfo(&sources, " UNION ALL"
							 " SELECT key, source_rows::bigint FROM (%s) AS s",
							 trait_source_query(source, NIL, &columns));
	}
	population_write(population,
					 psprintf("UPDATE %s AS profile"
							  " SET source_rows = q.source_rows FROM"
							  " (SELECT key,"
							  " sum(source_rows)::bigint AS source_rows"
							  " FROM (%s) AS u GROUP BY key) AS q"
							  " WHERE profile.%s = q.key"
							  " AND profile.source_rows <> q.source_rows",
							  base, sources.data, key));
}

/*
 * expected_list() is what the columns should be: of a profile without rows the
 * initial values.
 */
static char *
expected_list(List *columns)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, columns)
	{
		const TraitColumn *column = lfirst(lc);

		appendStringInfo(&list,
						 ", CASE WHEN q.key IS NULL THEN %s ELSE q.%s END AS %s",
						 column->initial, column->name, column->name);
	}
	return list.data;
}

/* assignment_list() makes SQL that sets them so: s4 = e.s4, ... */
static char *
assignment_list(List *columns)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, columns)
	{
		const TraitColumn *column = lfirst(lc);

		appendStringInfo(&list, "%s%s = e.%s", list.len > 0 ? ", " : "",
						 column->name, column->name);
	}
	return list.data;
}

/* any_differs() says whether a profile's values are not as they should be. */
static char *
any_differs(List *columns)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	appendStringInfoString(&list, "false");
	foreach(lc, columns)
	{
		const TraitColumn *column = lfirst(lc);
		char	   *stored = trait_column_compared(column, "profile");
		char	   *expected = trait_column_compared(column, "q");

		if (stored != NULL)
			appendStringInfo(&list, " OR (%s)",
							 values_differ(column, psprintf("(%s)", stored),
										   psprintf("(CASE WHEN q.key IS NULL"
													" THEN %s ELSE %s END)",
													column->initial,
													expected)));
	}
	return list.data;
}

/*
 * A cast of a user's type to text may be a user's function, so such a value is
 * printed instead.
 */
char *
value_as_text(Oid type, const char *value)
{
	return type < FirstNormalObjectId ? psprintf("%s::text", value) :
		psprintf("CASE WHEN %s IS DISTINCT FROM NULL"
				 " THEN pg_catalog.format('%%s', %s) END", value, value);
}

/*
 * What was computed differs by the equality of its type: the sums 1.50 and 1.5
 * do not.  What is a value of the source is to look like it.
 */
char *
values_differ(const TraitColumn *column, const char *a, const char *b)
{
	Oid			type = column->type;
	char	   *equal;

	if (column->is_value)
		return psprintf("(%s) COLLATE pg_catalog.\"C\" IS DISTINCT FROM"
						" (%s) COLLATE pg_catalog.\"C\"",
						value_as_text(type, a), value_as_text(type, b));

	/* the sum of floats depends, in its last digits, on the order of rows */
	if (type == FLOAT8OID)
		return psprintf("%s IS DISTINCT FROM %s AND"
						" (abs(segment.subtract(%s, %s)) <="
						" segment.multiply(1e-9, greatest(abs(%s), abs(%s))))"
						" IS NOT TRUE",
						a, b, a, b, a, b);

	equal = equality(type);
	if (equal == NULL)
		return psprintf("%s IS DISTINCT FROM %s",
						value_as_text(type, a), value_as_text(type, b));
	return psprintf("(%s IS NULL) <> (%s IS NULL)"
					" OR NOT (%s OPERATOR(%s) %s)", a, b, a, equal, b);
}

/*
 * equality() names the equality of a type for OPERATOR(); NULL if it has none.
 * A type of ours has one, but is not made to be sorted or hashed.
 */
static char *
equality(Oid type)
{
	Oid			equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;

	if (!OidIsValid(equal))
		equal = OpernameGetOprid(list_make2(makeString(SEGMENT_SCHEMA),
											makeString("=")),
								 type, type);
	return OidIsValid(equal) ? operator_name(equal) : NULL;
}
