/*-------------------------------------------------------------------------
 *
 * read.c
 *	  What do a customer, a till and an owner ask of a program?
 *
 *		statement(42)		what has come in and gone out, and will
 *		why(7)				the entries of movement 7, and their lots
 *		card(42)			what the till shows, in one call
 *		liability()			what customers have at an instant, now or to come
 *		program_report()	what was earned, redeemed and lost, by period
 *
 * All is read under the snapshot of the caller's statement, as the
 * population's owner, after the caller's right was checked (program.c).  The
 * tables have names of their own in each program, so the SQL is put together
 * here (program_sql).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "loyalty/reward_private.h"
#include "loyalty/tier_private.h"

SEGMENT_FUNCTION(segment_statement);
SEGMENT_FUNCTION(segment_why);
SEGMENT_FUNCTION(segment_card);
SEGMENT_FUNCTION(segment_liability);
SEGMENT_FUNCTION(segment_liability_text);
SEGMENT_FUNCTION(segment_program_report);

static const char *const statement_sql =
	"SELECT g.at, g.kind, g.movement, g.points,"
	" sum(g.points) OVER (ORDER BY g.at, g.first), g.at <= $2,"
	" m.ref, m.rule::name, m.note, m.by::name, m.made_at"
	" FROM (SELECT e.at, CASE WHEN e.contra = 'expired' THEN 'expire'"
	" ELSE e.kind END AS kind, CASE WHEN e.contra <> 'expired'"
	" AND (e.kind <> 'release' OR e.at = made.at) THEN e.movement END"
	" AS movement, sum(e.points) AS points,"
	" min(ARRAY[e.movement, e.entry]) AS first"
	" FROM {entry} e JOIN {movement} made USING (movement)"
	" WHERE e.key = $1 GROUP BY 1, 2, 3"
	" HAVING sum(e.points) <> 0) AS g"
	" LEFT JOIN {movement} m ON m.movement = g.movement"
	" ORDER BY g.at, g.first";

static const char *const why_sql =
	"SELECT e.entry, e.points, e.kind, e.contra, e.at, e.lot,"
	" l.movement, l.active_at, l.expires_at, m.key::text, m.ref,"
	" m.rule::name, m.version, m.token, m.reverses, m.note, m.by::name,"
	" m.made_at"
	" FROM {movement} m JOIN {entry} e USING (key, movement)"
	" LEFT JOIN {lot} l ON l.lot = e.lot"
	" WHERE m.movement = $1 ORDER BY e.entry";

static const char *const card_sql =
	"SELECT jsonb_build_object('program', $3, 'unit', $4, 'key', $1,"
	" 'member', m.key IS NOT NULL AND m.left_at IS NULL,"
	" 'code', m.code, 'joined_at', m.joined_at, 'balance', b.balance,"
	" 'spendable', greatest(b.balance, 0), 'pending', b.pending,"
	" 'held', (SELECT coalesce(jsonb_agg(jsonb_build_object("
	"'movement', h.movement, 'points', h.points, 'until', h.until)"
	" ORDER BY h.until, h.movement), '[]') FROM {hold} h"
	" WHERE h.key = $1 AND h.state = 'open' AND h.until > $2),"
	" 'expiring', b.expiring)"
	" FROM (SELECT coalesce(sum(o.points) FILTER (WHERE o.at <= $2), 0)"
	" AS balance, coalesce(jsonb_agg(jsonb_build_object("
	"'points', o.pending, 'at', o.at) ORDER BY o.at)"
	" FILTER (WHERE o.at > $2 AND o.pending <> 0), '[]') AS pending,"
	" coalesce(jsonb_agg(jsonb_build_object("
	"'points', o.expiring, 'at', o.at) ORDER BY o.at)"
	" FILTER (WHERE o.at > $2 AND o.expiring <> 0), '[]') AS expiring"
	/* by instants to come; what was is one */
	" FROM (SELECT greatest(e.at, $2) AS at, sum(e.points) AS points,"
	" sum(e.points) FILTER (WHERE e.contra NOT IN ('expired', 'held'))"
	" AS pending,"
	" -sum(e.points) FILTER (WHERE e.contra = 'expired') AS expiring"
	" FROM {entry} e WHERE e.key = $1 GROUP BY 1) AS o) AS b"
	" LEFT JOIN {member} m ON m.key = $1";

static const char *const liability_sql =
	"SELECT CASE WHEN o.lot IS NULL THEN 'owed by customers'"
	" WHEN l.expires_at = 'infinity' THEN 'never expires'"
	" ELSE 'expires' END,"
	" CASE WHEN l.expires_at < 'infinity' THEN date_trunc('month',"
	" l.expires_at AT TIME ZONE $2)::date END,"
	" sum(o.points), count(DISTINCT o.key)"
	" FROM (SELECT e.key, e.lot, sum(e.points) AS points FROM {entry} e"
	" WHERE e.at <= $1 GROUP BY e.key, e.lot HAVING sum(e.points) <> 0) AS o"
	" LEFT JOIN {lot} l ON l.lot = o.lot GROUP BY 1, 2"
	" UNION ALL SELECT 'held', NULL, -sum(h.points), count(*)"
	" FROM (SELECT e.key, sum(e.points) AS points FROM {entry} e"
	" WHERE e.at <= $1 AND e.contra = 'held'"
	" GROUP BY e.key HAVING sum(e.points) <> 0) AS h HAVING count(*) > 0"
	" ORDER BY 1, 2";

static const char *const report_sql =
	"WITH period AS (SELECT p AS start, p + $2 AS next FROM generate_series("
	"date_trunc($1, $4 AT TIME ZONE $3) - $2 * ($5 - 1),"
	" $4 AT TIME ZONE $3, $2) AS p),"
	" entries AS (SELECT date_trunc($1, e.at AT TIME ZONE $3) AS start,"
	" sum(e.points) FILTER (WHERE e.contra = 'issued') AS earned,"
	" -sum(e.points) FILTER (WHERE e.contra IN ('returned', 'forgiven'))"
	" AS returned,"
	" -sum(e.points) FILTER (WHERE e.contra = 'redeemed') AS redeemed,"
	" -sum(e.points) FILTER (WHERE e.contra = 'expired') AS expired,"
	" sum(e.points) FILTER (WHERE e.contra = 'adjusted') AS adjusted,"
	" sum(e.points) AS net FROM {entry} e GROUP BY 1),"
	" actions AS (SELECT date_trunc($1, m.at AT TIME ZONE $3) AS start,"
	" count(DISTINCT m.key) AS active FROM {movement} m"
	" WHERE m.kind IN ('earn', 'redeem', 'settle') GROUP BY 1),"
	" vouchers AS (SELECT date_trunc($1, o.at AT TIME ZONE $3) AS start,"
	" sum(o.issued) AS issued, sum(o.used) AS used,"
	" sum(o.expired) AS expired FROM (%s) AS o (at, issued, used, expired)"
	" GROUP BY 1)"
	" SELECT p.start AT TIME ZONE $3, p.next AT TIME ZONE $3 <= $4,"
	" coalesce(e.earned, 0), coalesce(e.returned, 0),"
	" coalesce(e.redeemed, 0), coalesce(e.expired, 0),"
	" coalesce(e.adjusted, 0),"
	" coalesce((SELECT sum(b.net) FROM entries b WHERE b.start <= p.start),"
	" 0), coalesce(a.active, 0),"
	" round(e.redeemed / nullif(e.earned, 0), 4),"
	" round(e.expired / nullif(e.earned, 0), 4),"
	" coalesce(v.issued, 0), coalesce(v.used, 0), coalesce(v.expired, 0)"
	" FROM period p LEFT JOIN entries e USING (start)"
	" LEFT JOIN actions a USING (start) LEFT JOIN vouchers v USING (start)"
	" ORDER BY p.start";

/* What becomes of vouchers, where there are some, for the report. */
static const char *const vouchers_sql =
	"SELECT issued_at, 1, 0, 0 FROM {voucher} WHERE ended <> 'cancelled'"
	" UNION ALL SELECT ended_at, 0, (ended = 'used')::int,"
	" (ended = 'expired')::int FROM {voucher} WHERE ended <> 'cancelled'"
	" AND ended_at < 'infinity'";
static const char *const no_vouchers_sql =
	"SELECT NULL::timestamptz, 0, 0, 0 WHERE false";

/* The name of the time zone in which days are days. */
static const char *
zone_name(const Program *program)
{
	return program->population->timezone;
}

/*
 * statement(program, key, population)
 */
Datum
segment_statement(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_READ);
	Datum		key = customer_argument(fcinfo, 1, program);

	program_answer(fcinfo, program, statement_sql, 2,
				   (Oid[]) {program->population->key_type, TIMESTAMPTZOID},
				   (Datum[]) {key, TimestampTzGetDatum(clock_now())});
	return (Datum) 0;
}

/*
 * why(program, movement, population)
 */
Datum
segment_why(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_READ);
	int64		movement = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);

	program_answer(fcinfo, program, why_sql, 1, (Oid[]) {INT8OID},
				   (Datum[]) {Int64GetDatum(movement)});
	return (Datum) 0;
}

/*
 * card(program, key, population) -> jsonb
 */
Datum
segment_card(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_READ);
	Datum		key = customer_argument(fcinfo, 1, program);
	OwnersQuestion question;
	MemoryContext old;
	Datum		card;
	Datum		more[2];
	bool		isnull;

	question_begin(&question, program->population);
	if (SPI_execute_with_args(program_sql(program, card_sql), 4,
							  (Oid[]) {program->population->key_type,
									   TIMESTAMPTZOID, TEXTOID, TEXTOID},
							  (Datum[]) {key,
										 TimestampTzGetDatum(clock_now()),
										 CStringGetTextDatum(program->name),
										 CStringGetTextDatum(program->unit)},
							  NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read an account of program \"%s\"",
			 program->name);
	card = result_value(0, 1, &isnull);
	more[0] = tier_card(program, key);
	more[1] = reward_card(program, key);
	for (int i = 0; i < lengthof(more); i++)
		if (more[i] != (Datum) 0)
			card = DirectFunctionCall2(jsonb_concat, card, more[i]);
	old = MemoryContextSwitchTo(caller);
	card = datumCopy(card, false, -1);
	MemoryContextSwitchTo(old);
	question_end(&question);
	PG_RETURN_DATUM(card);
}

/*
 * liability(program, at, population)
 */
Datum
segment_liability(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_READ);
	TimestampTz at = PG_ARGISNULL(1) ? clock_now() :
		PG_GETARG_TIMESTAMPTZ(1);

	program_answer(fcinfo, program, liability_sql, 2,
				   (Oid[]) {TIMESTAMPTZOID, TEXTOID},
				   (Datum[]) {TimestampTzGetDatum(at),
							  CStringGetTextDatum(zone_name(program))});
	return (Datum) 0;
}

/* The same with a text as its second argument. */
Datum
segment_liability_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 1, TIMESTAMPTZOID, segment_liability);
}

/*
 * program_report(program, period, periods, population)
 */
Datum
segment_program_report(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *name;
		Interval	span;
	}			periods[] = {
		{"day", {.day = 1}},
		{"week", {.day = 7}},
		{"month", {.month = 1}},
		{"quarter", {.month = 3}},
		{"year", {.month = 12}},
	};
	const Program *program = program_open(fcinfo, 0, 3, PROGRAM_READ);
	char	   *period = PG_ARGISNULL(1) ? pstrdup("month") :
		text_argument(fcinfo, 1);
	int64		count = PG_ARGISNULL(2) ? 12 : PG_GETARG_INT64(2);
	int			i = 0;

	while (i < lengthof(periods) && strcmp(periods[i].name, period) != 0)
		i++;
	if (i == lengthof(periods))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period => %s is not known",
						quote_literal_cstr(period)),
				 errhint("Write period => 'day', 'week', 'month', 'quarter' or 'year'.")));
	if (count < 1 || count > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("periods must be between 1 and 10000, not "
						INT64_FORMAT, count),
				 errhint("Write, for example, periods => 12.")));
	program_answer(fcinfo, program,
				   psprintf(report_sql,
							OidIsValid(program->tables[VOUCHER_TABLE]) ?
							vouchers_sql : no_vouchers_sql), 5,
				   (Oid[]) {TEXTOID, INTERVALOID, TEXTOID, TIMESTAMPTZOID,
						   INT8OID},
				   (Datum[]) {CStringGetTextDatum(period),
							  IntervalPGetDatum(&periods[i].span),
							  CStringGetTextDatum(zone_name(program)),
							  TimestampTzGetDatum(clock_now()),
							  Int64GetDatum(count)});
	return (Datum) 0;
}
