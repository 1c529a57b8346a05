/*-------------------------------------------------------------------------
 *
 * guest.c
 *	  A guest of the corridor that tells what it sees, for test/t/022_guests.pl.
 *
 * Is linked with all of segment into a library that the test lets its server
 * load in place of segment.so.
 *
 *		orders	gives twice the amount, if that is positive, and the note
 *		lines	gives twice the price
 *		earned	gives the points, if guest.circle is on
 *
 * For each profile that it visits it writes a row to public.seen, and to
 * public.earned what the rows come to; for each transition that a fold has
 * appended, one to public.told.  "rich" is a filter that it asks of the row as
 * it was before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "filter/filter.h"
#include "flow/flow.h"

/* A turn of the guest. */
typedef struct Turn
{
	const Population *population;
	MemoryContext memory;
	StringInfoData seen;		/* rows of VALUES */
	StringInfoData earned;
} Turn;

static const FlowInterest *interest(const Source *source);
static void *begin(const Population *population);
static void visit(void *turn, const FlowVisit *visit);
static void end(void *turn);
static void folded(const Population *population, int64 first, int64 last);

static bool circle(void);
static char *trait_text(const Population *population, TupleTableSlot *row,
						const char *operand);

static const FlowGuest guest = {
	.name = "the guest",
	.interest = interest,
	.begin = begin,
	.visit = visit,
	.end = end,
	.folded = folded,
};

__attribute__((constructor)) static void
come(void)
{
	flow_register_guest(&guest);
}

static const FlowInterest *
interest(const Source *source)
{
	static const struct
	{
		const char *source;
		const char *value;
		const char *where;
	}			known[] = {
		{"orders", "amount * 2", "amount > 0 and note != \"secret\""},
		{"lines", "price * 2", NULL},
		{"earned", "points", NULL},
	};

	for (int i = 0; i < lengthof(known); i++)
	{
		FilterScope *scope;
		MemoryContext old;
		FlowInterest *made;
		List	   *values;
		Expr	   *where = NULL;

		if (strcmp(source->name, known[i].source) != 0 ||
			(i == 2 && !circle()))
			continue;
		old = MemoryContextSwitchTo(TopTransactionContext);
		scope = source_scope(source, NULL);
		values = list_make1(filter_compile_operand(
								filter_parse_operand(known[i].value, NULL),
								scope));
		if (i == 0)
			values = lappend(values, filter_compile_operand(
								filter_parse_operand("note", NULL), scope));
		if (known[i].where != NULL)
			where = filter_compile(filter_parse(known[i].where, NULL), scope);
		made = flow_interest(source, values, where,
							 unconstify(char *, known[i].source));
		MemoryContextSwitchTo(old);
		return made;
	}
	return NULL;
}

static bool
circle(void)
{
	const char *set = GetConfigOption("guest.circle", true, false);

	return set != NULL && strcmp(set, "on") == 0;
}

static void *
begin(const Population *population)
{
	Turn	   *turn = palloc(sizeof(Turn));

	turn->population = population;
	turn->memory = CurrentMemoryContext;
	initStringInfo(&turn->seen);
	initStringInfo(&turn->earned);
	return turn;
}

static void
visit(void *context, const FlowVisit *visit)
{
	Turn	   *turn = context;
	const Population *population = turn->population;
	Numeric		sum = int64_to_numeric(0);
	char	   *key = profile_key_text(population, visit->key);
	StringInfoData unknown;
	ListCell   *lc;

	for (int i = 0; i < visit->nrows; i++)
	{
		const FlowRow *row = &visit->rows[i];

		if (row->isnull[0])
			continue;
		sum = row->sign > 0 ?
			numeric_add_opt_error(sum, DatumGetNumeric(row->values[0]), NULL) :
			numeric_sub_opt_error(sum, DatumGetNumeric(row->values[0]), NULL);
	}
	initStringInfo(&unknown);
	foreach(lc, visit->unknown)
		appendStringInfo(&unknown, "%s ", (char *) lfirst(lc));
	appendStringInfo(&turn->seen, "%s(%s, %s, %s, %s, %d, %s)",
					 turn->seen.len > 0 ? ", " : "", key,
					 trait_text(population, visit->before, "total"),
					 trait_text(population, visit->after, "total"),
					 trait_text(population, visit->before, "in audience rich"),
					 visit->nrows, quote_literal_cstr(unknown.data));
	appendStringInfo(&turn->earned, "%s(%s, %s)",
					 turn->earned.len > 0 ? ", " : "", key,
					 DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(sum))));
}

/* What an operand is over a profile's row, as SQL. */
static char *
trait_text(const Population *population, TupleTableSlot *row,
		   const char *operand)
{
	FilterScope *scope;
	Expr	   *expr;
	ExprContext *econtext;
	Datum		value;
	bool		isnull;
	char	   *text;
	Oid			output;
	bool		varlena;

	if (row == NULL)
		return "NULL";
	scope = filter_relation_scope(population->oid, 1);
	expr = filter_compile_operand(filter_source_parse_definition(operand).tree,
								  scope);
	econtext = CreateStandaloneExprContext();
	econtext->ecxt_scantuple = row;
	value = ExecEvalExprSwitchContext(ExecInitExpr(expression_planner(expr),
												   NULL),
									  econtext, &isnull);
	getTypeOutputInfo(exprType((Node *) expr), &output, &varlena);
	text = isnull ? "NULL" :
		quote_literal_cstr(OidOutputFunctionCall(output, value));
	FreeExprContext(econtext, true);
	return text;
}

static void
end(void *context)
{
	Turn	   *turn = context;

	(void) population_write(turn->population,
							psprintf("INSERT INTO public.seen (customer_id,"
									 " before, after, rich, rows, unknown)"
									 " SELECT customer_id::bigint,"
									 " before::numeric, after::numeric,"
									 " rich::boolean, rows, unknown"
									 " FROM (VALUES %s) AS v (customer_id,"
									 " before, after, rich, rows, unknown)",
									 turn->seen.data));
	(void) population_write(turn->population,
							psprintf("INSERT INTO public.earned"
									 " (customer_id, points)"
									 " SELECT * FROM (VALUES %s) AS v (k, p)"
									 " WHERE p <> 0 ORDER BY k",
									 turn->earned.data));
}

static void
folded(const Population *population, int64 first, int64 last)
{
	(void) population_write(population,
							psprintf("INSERT INTO public.told"
									 " SELECT seq, audience, key, change, cause"
									 " FROM segment.transition"
									 " WHERE population = %s"
									 " AND seq BETWEEN " INT64_FORMAT
									 " AND " INT64_FORMAT,
									 quote_literal_cstr(population->name),
									 first, last));
}
