/*-------------------------------------------------------------------------
 *
 * tier_terms.c
 *	  What do the arguments of a tiering mean?
 *
 *		qualify		earned						what the program's ledger says
 *					sum(orders.amount where status = "paid")
 *					count(orders)
 *		period		this year					by the calendar
 *					last 12 months
 *					so far
 *		hold		12 months					from when it was reached
 *					end of next year
 *					never						it does not end
 *					none						nothing is held
 *
 * What customers qualify by within the period is a trait as others are:
 *
 *		club_qualified		sum(orders.amount where status = "paid" in this year)
 *
 * It is the only place where that is kept; so it follows when a source or a
 * column gets another name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "parser/scansup.h"
#include "utils/builtins.h"

#include "loyalty/tier_private.h"

/* The arguments of a FILTER_AGGREGATE. */
#define ARG_SOURCE		0
#define ARG_WINDOW		3

/*
 * A hold may end so often within a period: an event writes a step for each of
 * these ends.
 */
#define MOST_ENDS		100

static const char *const period_units[] = {"day", "week", "month", "quarter",
"year"};

static int	shortest_hold(const Terms *hold);
static bool period_is_valid(const char *period);

/* ---- for how long is a tier held? ---- */

Terms
hold_parse(const char *text)
{
	Terms		hold;

	hold = terms_parse(text, "hold", NULL);
	if (hold.kind == TERMS_AFTER &&
		(hold.idle || (hold.span.month == 0 && hold.span.day == 0 &&
					   hold.span.time < USECS_PER_DAY)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 hold.idle ?
				 errmsg("a tier is not held by activity alone") :
				 errmsg("a tier is held for one day at least"),
				 errhint("Write, for example, hold => '12 months'.")));
	return hold;
}

TimestampTz
hold_ends(const Tiering *tiering, TimestampTz at)
{
	if (tiering->downgrade == DOWNGRADE_NEVER)
		return DT_NOEND;
	return Max(terms_apply(&tiering->hold, tiering->zone, at), at + 1);
}

/*
 * A hold that lasts to the end of a period belongs to that period, although it
 * ends when the next one begins: so "end of next year" after a hold that ends
 * with 2027 is the end of 2028.
 */
TimestampTz
hold_renewed(const Tiering *tiering, TimestampTz ended, TimestampTz left)
{
	const Terms *hold = &tiering->hold;
	bool		of_period = hold->kind == TERMS_END_OF || hold->to_end;
	TimestampTz until = hold_ends(tiering, of_period ? ended - 1 : ended);

	return until > left ? until : hold_ends(tiering, left);
}

TimestampTz
grace_ends(const Tiering *tiering, TimestampTz until)
{
	if (TIMESTAMP_NOT_FINITE(until))
		return until;
	return Max(calendar_add(tiering->zone, until, &tiering->grace), until);
}

char *
hold_trouble(const Terms *hold, const Window *window)
{
	WindowDelay leaves = window_leaves_after(window);
	int64		days = leaves.most / USECS_PER_DAY;

	if (hold->kind == TERMS_NEVER || leaves.never ||
		days / shortest_hold(hold) <= MOST_ENDS)
		return NULL;
	return psprintf("hold => '%s' ends up to " INT64_FORMAT " times within the period, which is more than %d times",
					terms_text(hold), days / shortest_hold(hold), MOST_ENDS);
}

/* shortest_hold() is how many days a hold lasts at least, if it ends. */
static int
shortest_hold(const Terms *hold)
{
	static const int days[] = {
		[CALENDAR_DAY] = 1,
		[CALENDAR_WEEK] = 7,
		[CALENDAR_MONTH] = 28,
		[CALENDAR_QUARTER] = 90,
		[CALENDAR_YEAR] = 365,
	};
	const Interval *span = &hold->span;
	int			least = 1;

	if (hold->kind == TERMS_END_OF || hold->to_end)
		least = days[hold->unit];
	if (hold->kind == TERMS_AFTER)
		least = Max(least, span->month * days[CALENDAR_MONTH] + span->day +
					span->time / USECS_PER_DAY);
	return least;
}

/* ---- what does a customer qualify by? ---- */

char *
qualified_definition(const char *program, const char *qualify,
					 const char *period)
{
	FilterNode *window = period_window(period);
	FilterNode *node;

	if (strcmp(qualify, "earned") == 0)
		qualify = psprintf("sum(%s_entry.points where kind in"
						   " (\"earn\", \"return\", \"forgive\"))", program);
	node = filter_parse_operand(qualify, NULL);
	if (node->op != FILTER_AGGREGATE || node->detail != 0 ||
		(strcmp(node->text, "sum") != 0 && strcmp(node->text, "count") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("qualify => %s is neither a sum nor a count of events",
						quote_literal_cstr(qualify)),
				 errhint("Write, for example, 'earned', 'sum(orders.amount where status = \"paid\")' or 'count(visits)'.")));
	if (node->args[ARG_WINDOW]->op != FILTER_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("qualify => %s has a window of its own",
						quote_literal_cstr(qualify)),
				 errhint("Give it as period => %s.",
						 quote_literal_cstr(period))));
	if (strcmp(node->args[ARG_SOURCE]->text,
			   psprintf("%s_step", program)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tiers cannot be reached by tiers"),
				 errhint("Choose another source than \"%s\".",
						 node->args[ARG_SOURCE]->text)));
	node->args[ARG_WINDOW] = window;
	return filter_print(node);
}

void
qualified_parts(const FilterNode *definition, char **qualify, char **period)
{
	FilterNode *node;
	FilterNode **args;
	char	   *window;

	if (definition->op != FILTER_AGGREGATE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what customers qualify by is no sum of events any more"),
				 errhint("Give both qualify and period.")));
	args = palloc_array(FilterNode *, definition->nargs);
	memcpy(args, definition->args, sizeof(FilterNode *) * definition->nargs);
	window = filter_print(args[ARG_WINDOW]);
	args[ARG_WINDOW] = filter_node(FILTER_NONE, NULL, -1);
	node = filter_node_with(FILTER_AGGREGATE, definition->text, -1,
							definition->nargs, args);
	*qualify = filter_print(node);
	*period = strncmp(window, "in ", 3) == 0 ? window + 3 : window;
}

FilterNode *
period_window(const char *period)
{
	char	   *text = downcase_identifier(period, strlen(period), false,
										   false);

	if (!period_is_valid(text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period => %s is not known",
						quote_literal_cstr(period)),
				 errhint("Write, for example, 'this year', 'last 12 months' or 'so far'.")));
	if (strcmp(text, "so far") != 0)
		text = psprintf("in %s", text);
	return filter_parse_operand(psprintf("count(x %s)", text),
								NULL)->args[ARG_WINDOW];
}

/* period_is_valid() says whether a text is a period that we know. */
static bool
period_is_valid(const char *period)
{
	long		count;
	char	   *rest;

	if (strcmp(period, "so far") == 0)
		return true;
	for (int i = 0; i < lengthof(period_units); i++)
		if (strcmp(period, psprintf("this %s", period_units[i])) == 0)
			return true;
	if (strncmp(period, "last ", 5) != 0 ||
		period[5] < '1' || period[5] > '9')
		return false;
	count = strtol(period + 5, &rest, 10);
	for (int i = 0; i < lengthof(period_units); i++)
		if (strcmp(rest, psprintf(" %s", period_units[i])) == 0 ||
			strcmp(rest, psprintf(" %ss", period_units[i])) == 0)
			return count <= 1200;
	return false;
}
