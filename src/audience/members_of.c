/*-------------------------------------------------------------------------
 *
 * members_of.c
 *	  Who are the members of an audience, as a snapshot shows it?
 *
 *		stored		chunks XOR toggles; for profiles that are due the filter is
 *					evaluated instead (due_members.c)
 *		not stored, or not yet when the snapshot was taken
 *					the filter is evaluated on the rows
 *
 * The answer contains what the caller's own transaction did, and under
 * REPEATABLE READ nothing newer than the rest of that transaction sees.
 *
 * audience_members_sql() says the same as a query, which views of audiences
 * are made of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "audience/definitions.h"
#include "audience/index.h"
#include "audience/members_of.h"
#include "base/base.h"

static MemberSet *members_where(const Population *population,
								const char *condition);
static bool needs_filter(const Audience *audience, bool evaluated);

/* ---- as sets and numbers ---- */

MemberSet *
audience_members(const Population *population, const Audience *audience,
				 Snapshot snapshot)
{
	MemberSet  *set;

	audiences_members(population,
					  list_make1(unconstify(Audience *, audience)), snapshot,
					  &set);
	return set;
}

void
audiences_members(const Population *population, List *audiences,
				  Snapshot snapshot, MemberSet **sets)
{
	int			count = list_length(audiences);
	int32	   *stored = palloc(sizeof(int32) * Max(count, 1));
	ListCell   *lc;

	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);

		stored[foreach_current_index(lc)] =
			audience->stored ? audience->definition_id : NOT_STORED;
	}
	membership_read_several(population, stored, count, snapshot, sets);
	due_correct(population, audiences, snapshot, sets);
	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);
		MemberSet **set = &sets[foreach_current_index(lc)];

		if (*set == NULL)
			*set = members_where(population,
								 audience_holds_sql(audience->name));
	}
	pfree(stored);
}

/* members_where() returns those for whom a condition in SQL is true. */
static MemberSet *
members_where(const Population *population, const char *condition)
{
	MemberSet  *set = members_create();
	char	   *sql = psprintf("SELECT profile.ord FROM %s WHERE %s",
							   profiles_sql(population), condition);
	OwnersQuestion question;
	Portal		portal;

	question_begin(&question, population);
	portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, true,
									   0);
	do
	{
		SPI_cursor_fetch(portal, true, 1000);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			Datum		ord = SPI_getbinval(SPI_tuptable->vals[i],
											SPI_tuptable->tupdesc, 1,
											&isnull);

			members_add(set, DatumGetInt64(ord));
		}
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	question_end(&question);
	return set;
}

int64
audience_size(const Population *population, const Audience *audience,
			  Snapshot snapshot)
{
	int64		size = audience->stored ?
		membership_size(population, audience->definition_id, snapshot) : -1;
	int64		more;

	if (size < 0)
		return audience_count_where(population,
									audience_holds_sql(audience->name));
	due_count(population, list_make1(unconstify(Audience *, audience)),
			  snapshot, &more);
	return size + more;
}

int64
audience_count(const Population *population, const char *name)
{
	int64		count;

	PushActiveSnapshot(GetLatestSnapshot());
	count = audience_size(population, audience_by_name(population, name),
						  GetActiveSnapshot());
	PopActiveSnapshot();
	return count;
}

int64
audience_count_where(const Population *population, const char *condition)
{
	OwnersQuestion question;
	char	   *sql;
	int64		count;
	bool		isnull;

	question_begin(&question, population);
	sql = psprintf("SELECT count(*) FROM %s WHERE %s",
				   profiles_sql(population), condition);
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										SPI_tuptable->tupdesc, 1, &isnull));
	question_end(&question);
	return count;
}

List *
audiences_answering(const Population *population, List *audiences,
					bool evaluated)
{
	OwnersQuestion question;
	AudienceIndex *index = NULL;
	List	   *answering = NIL;
	ListCell   *lc;

	foreach(lc, audiences)
	{
		Audience   *audience = lfirst(lc);
		const char *reason = NULL;

		if (needs_filter(audience, evaluated))
		{
			if (index == NULL)
			{
				question_begin(&question, population);
				index = audience_index(population);
				question_end(&question);
			}
			reason = index_broken(index, index_place(index, audience->name));
		}
		if (reason == NULL)
			answering = lappend(answering, audience);
		else
			ereport(WARNING,
					(errmsg("audience \"%s\" is broken, and nobody knows its members",
							audience->name),
					 errdetail("Its filter fails: %s.", reason),
					 errhint("Give it another filter with segment.alter_audience(), drop it, or undo the change.")));
	}
	return answering;
}

/* needs_filter() tells whether it takes the filter to know the members. */
static bool
needs_filter(const Audience *audience, bool evaluated)
{
	return evaluated || audience->time_dependent || !audience->stored;
}

/* ---- as SQL ---- */

char *
audience_holds_sql(const char *audience)
{
	FilterNode *filter = filter_node(FILTER_IN_AUDIENCE, audience, -1);

	/* profile.*, not profile: the key may be called so */
	return psprintf("profile.* OPERATOR(pg_catalog.@@) %s::segment.filter",
					quote_literal_cstr(filter_print(filter)));
}

char *
audience_members_sql(const Population *population, const char *audience)
{
	const MembershipTables *tables = membership_tables(population);
	char	   *chunks = relation_name(tables->chunks);
	/* the arguments that tell the planner what it is about */
	char	   *names = psprintf("%s, %s",
								 quote_literal_cstr(population->name),
								 quote_literal_cstr(audience));
	/* in a query of its own it is asked once, not for each row */
	char	   *id = psprintf("(SELECT segment.definition_id(%s))", names);
	const char *due = "profile.wake_at OPERATOR(pg_catalog.<=) segment.now()";
	char	   *members;
	char	   *last;

	/* NULL if the snapshot does not show the members of this definition */
	members = psprintf("(SELECT segment.pack_members("
					   "pg_catalog.array_agg(c.chunk),"
					   " pg_catalog.array_agg(c.members),"
					   " ARRAY(SELECT t.ord FROM %s AS t"
					   " WHERE segment.is_toggled(t.toggles, %s)))"
					   " FROM %s AS c"
					   " WHERE c.definition_id OPERATOR(pg_catalog.=) %s"
					   " AND c.chunk OPERATOR(pg_catalog.>=) (%d))",
					   relation_name(tables->toggles), id, chunks, id,
					   MEMBERS_STORED);
	/* NULL if it does */
	last = psprintf("(SELECT pg_catalog.max(p.ord) FROM %s AS p"
					" WHERE NOT EXISTS (SELECT FROM %s AS c"
					" WHERE c.definition_id OPERATOR(pg_catalog.=) %s"
					" AND c.chunk OPERATOR(pg_catalog.=) (%d)))",
					population_base_name(population), chunks, id,
					MEMBERS_STORED);

	return psprintf("SELECT profile.%s FROM %s"
					" WHERE segment.is_stored_member(%s, %s, profile.ord)"
					" AND (%s) IS NOT TRUE"
					" OR (%s OR segment.is_evaluated(%s, %s, profile.ord))"
					" AND %s",
					quote_identifier(population->key),
					view_source_sql(population->oid), names, members, due,
					due, names, last, audience_holds_sql(audience));
}
