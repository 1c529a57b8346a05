/*-------------------------------------------------------------------------
 *
 * rules_backfill.c
 *	  Rows that were there before their rule: what do they earn, or would?
 *
 *		create_earning(..., backfill => true)
 *			who writes the source is waited for, and waits; so do all others
 *			who write profiles
 *			rows of members, customer by customer, in the order of their times
 *			those that have no grant get one
 *
 *		what_if_earning('club', 'orders.amount')
 *			the same in one query, which writes nothing
 *
 * Points of a row that was there are counted from its time: by that they are
 * active, and expire; what would have expired by now is not granted, nor is it
 * later.  They are there from now on, as nobody has had them before: the
 * ledger does not change what was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "loyalty/rules_private.h"

SEGMENT_FUNCTION(segment_what_if_earning);

/* About how many rows are granted at once, of whole customers. */
#define ROWS_AT_ONCE	10000

static void check_parted(const RowsAsked *asked);
static char *members_rows_sql(const RowsAsked *asked);
static int	whole_customers(List *rows);
static List *changes_of(const RowsAsked *asked, List *rows);
static char *what_if_sql(const RowsAsked *asked, const char *period);
static char *capped_sql(const RowsAsked *asked, const char *earned);
static const char *points_sql(const Program *program);

/* ---- backfill ---- */

void
backfill_lock(const Source *source)
{
	ListCell   *lc;

	foreach(lc, source_tables(source))
		LockRelationOid(lfirst_oid(lc), ShareRowExclusiveLock);
}

void
backfill_earning(const Program *program, Rule *rule)
{
	RowsAsked	asked = {program, NULL, list_make1(rule)};
	MemoryContext chunk;
	MemoryContext old;
	Actor		before = act_as_owner(program->population->oid);
	List	   *rows = NIL;
	Portal		cursor;
	bool		ended = false;
	int			level;

	asked.source = source_by_name(program->population, rule->source);
	rule->linked = asked.source->nlinks > 0;
	SPI_connect();
	source_check_readable(asked.source);
	level = settings_pin_all_rows();
	check_parted(&asked);
	cursor = SPI_cursor_open_with_args(NULL, members_rows_sql(&asked), 0,
									   NULL, NULL, NULL, true, 0);
	AtEOXact_GUC(true, level);
	chunk = AllocSetContextCreate(CurrentMemoryContext,
								  "segment backfill of a rule",
								  ALLOCSET_DEFAULT_SIZES);
	while (!ended)
	{
		int			whole;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(chunk);
		SPI_cursor_fetch(cursor, true, ROWS_AT_ONCE);
		ended = SPI_processed == 0;
		rows = list_concat(rows, rules_rows_take(&asked));
		SPI_freetuptable(SPI_tuptable);
		whole = ended ? list_length(rows) : whole_customers(rows);
		if (whole > 0)
		{
			List	   *some = list_copy(rows);

			rows = list_copy_tail(rows, whole);
			grants_apply(program,
						 changes_of(&asked, list_truncate(some, whole)));
		}
		MemoryContextSwitchTo(old);
		if (rows == NIL)
			MemoryContextReset(chunk);
	}
	SPI_cursor_close(cursor);
	SPI_finish();
	act_as_before(before);
}

/*
 * check_parted() refuses to let rows earn by one ref that several partitions
 * have: of what is there nobody knows which of them was meant.
 */
static void
check_parted(const RowsAsked *asked)
{
	const Rule *rule = linitial(asked->rules);

	if (!source_is_parted(asked->source, rule->ref))
		return;
	if (SPI_execute(psprintf("SELECT min(ref) FROM (%s) AS rows"
							 " GROUP BY ref COLLATE \"C\""
							 " HAVING count(*) > 1 LIMIT 1",
							 members_rows_sql(asked)), false, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read the rows of source \"%s\"",
			 asked->source->name);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("several rows of source \"%s\" have \"%s\" in column \"%s\"",
						asked->source->name,
						SPI_getvalue(SPI_tuptable->vals[0],
									 SPI_tuptable->tupdesc, 1),
						rule->ref),
				 errdetail("A row is known again by it."),
				 errhint("Give each of them a value of its own, or leave out backfill => true.")));
}

/* members_rows_sql() reads the rows of members, by customer and time. */
static char *
members_rows_sql(const RowsAsked *asked)
{
	const Source *source = asked->source;
	char	   *key = profile_key_sql(source->population,
									  source_key_sql(source),
									  source->key_type);
	char	   *condition = psprintf("EXISTS (SELECT FROM %s AS m"
									 " WHERE m.key = %s"
									 " AND m.left_at IS NULL)",
									 program_sql(asked->program, "{member}"),
									 key);

	return psprintf("%s ORDER BY 1, 2, 3", rules_rows_sql(asked, condition));
}

/*
 * whole_customers() is how many rows there are of customers of whom the list
 * has all rows: all but the last customer's.
 */
static int
whole_customers(List *rows)
{
	int			whole = list_length(rows) - 1;
	const SourceRow *last = rows == NIL ? NULL : llast(rows);

	while (whole > 0 &&
		   strcmp(((SourceRow *) list_nth(rows, whole - 1))->who,
				  last->who) == 0)
		whole--;
	return Max(whole, 0);
}

/* changes_of() makes changes of rows, for grants_apply(). */
static List *
changes_of(const RowsAsked *asked, List *rows)
{
	const Population *population = asked->program->population;
	ProfileTable *table = profile_open(population);
	List	   *changes = NIL;
	const SourceRow *last = NULL;
	TimestampTz at = clock_now();
	bool		timed = source_time(asked->source) != NULL;
	ListCell   *lc;

	foreach(lc, rows)
	{
		const SourceRow *row = lfirst(lc);
		RowChange  *change;

		if (last == NULL || strcmp(last->who, row->who) != 0)
		{
			TupleTableSlot *profile = profile_lock(table, row->key);

			at = profile == NULL ? clock_now() :
				profile_evaluated_at(population, profile);
		}
		last = row;
		if (row->amounts[0] == NULL ||
			(timed && TIMESTAMP_NOT_FINITE(row->happened)))
			continue;
		change = palloc0(sizeof(RowChange));
		change->rule = linitial(asked->rules);
		change->key = row->key;
		change->who = row->who;
		change->ref = row->ref;
		change->amount = row->amounts[0];
		change->is = true;
		change->fills = true;
		change->at = at;
		change->happened = timed ? row->happened : Max(at, clock_now());
		change->since = change->happened;
		change->condition = true;
		changes = lappend(changes, change);
	}
	profile_close(table);
	CommandCounterIncrement();
	return changes;
}

/* ---- what if ---- */

/*
 * what_if_earning(program, amount, condition, period, cap, per, population)
 *	-> (period, rows, customers, points)
 */
Datum
segment_what_if_earning(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 6, PROGRAM_READ);
	char	   *amount = text_argument(fcinfo, 1);
	char	   *period = PG_ARGISNULL(3) ? "month" : lower_text(fcinfo, 3);
	Rule		rule = {.name = "what if"};
	RowsAsked	asked = {program, NULL, list_make1(&rule)};
	CalendarUnit unit;
	Expr	   *value;
	Expr	   *ref;

	if (amount == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the amount of a rule must be given"),
				 errhint("For example amount => 'orders.amount'.")));
	if (note_argument(fcinfo, 2) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("what a rule with a condition would have granted is not known"),
				 errdetail("The condition is asked of profiles as they were before each row, and these are not kept."),
				 errhint("Leave out condition: the rule would have granted at most what is computed then.")));
	if (!period_parse(period, &unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is no period", quote_literal_cstr(period)),
				 errhint("Write 'day', 'week', 'month', 'quarter' or 'year'.")));
	rule_cap(&rule, PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4),
			 !PG_ARGISNULL(4),
			 PG_ARGISNULL(5) ? NULL : lower_text(fcinfo, 5));
	asked.source = rule_source(program->population, &rule, amount);
	source_check_readable(asked.source);
	rule_bind(asked.source, &rule, &value, &ref);
	program_answer(fcinfo, program,
				   sql_verbatim(what_if_sql(&asked, period)), 0, NULL, NULL);
	return (Datum) 0;
}

/*
 * what_if_sql() adds up what the rows of members would earn, by periods.
 */
static char *
what_if_sql(const RowsAsked *asked, const char *period)
{
	char	   *zone =
		quote_literal_cstr(asked->source->population->timezone);
	char	   *earned = psprintf("SELECT key, at, ref, %s AS points"
								  " FROM (%s) AS read WHERE isfinite(at)",
								  points_sql(asked->program),
								  members_rows_sql(asked));

	return psprintf("SELECT pg_catalog.date_trunc(%s, at AT TIME ZONE %s)"
					" AT TIME ZONE %s, count(*) FILTER (WHERE points <> 0),"
					" count(DISTINCT key) FILTER (WHERE points <> 0),"
					" coalesce(sum(points), 0) FROM (%s) AS granted"
					" GROUP BY 1 ORDER BY 1",
					quote_literal_cstr(period), zone, zone,
					capped_sql(asked, earned));
}

/*
 * capped_sql() is what rows are granted that earn points, of the rule's cap;
 * as if they had come in the order of their times.
 *
 * A row is granted what the cap has left, one that earns less than nothing
 * leaves more of it: so what is granted in a period is what was earned, less
 * the most by which that has ever been above the cap, up to then.
 */
static char *
capped_sql(const RowsAsked *asked, const char *earned)
{
	const Rule *rule = linitial(asked->rules);
	const char *zone = asked->source->population->timezone;
	char	   *same;

	if (rule->cap == 0)
		return pstrdup(earned);
	same = strcmp(rule->per, "ever") == 0 ? "key" :
		psprintf("key, pg_catalog.date_trunc(%s, at AT TIME ZONE %s)",
				 quote_literal_cstr(rule->per), quote_literal_cstr(zone));
	return psprintf("SELECT key, at, points"
					" + greatest(0, max(above) OVER (w ROWS BETWEEN"
					" UNBOUNDED PRECEDING AND 1 PRECEDING))"
					" - greatest(0, max(above) OVER (w ROWS"
					" UNBOUNDED PRECEDING)) AS points"
					" FROM (SELECT key, at, ref, points, sum(points) OVER"
					" (PARTITION BY %s ORDER BY at, ref"
					" ROWS UNBOUNDED PRECEDING) - " INT64_FORMAT " AS above"
					" FROM (%s) AS earned) AS summed"
					" WINDOW w AS (PARTITION BY %s ORDER BY at, ref)",
					same, rule->cap, earned, same);
}

/* points_sql() is how many points amount1 comes to: as grants.c counts. */
static const char *
points_sql(const Program *program)
{
	const char *size = strcmp(program->rounding, "nearest") == 0 ?
		"round(abs(amount1))" : strcmp(program->rounding, "up") == 0 ?
		"ceil(abs(amount1))" : "floor(abs(amount1))";

	return psprintf("CASE WHEN abs(amount1) <= " INT64_FORMAT
					" THEN sign(amount1) * %s END", MOST_OF_ROW, size);
}
