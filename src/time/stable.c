/*-------------------------------------------------------------------------
 *
 * stable.c
 *	  For how long does the value of an expression stay the same?
 *
 *		last_order_at + 1 month < now and orders > 3
 *
 *		orders > 3			for ever
 *		the comparison		until the clock crosses the value (monotone.c)
 *		and					until then; or if one side is false for longer, as
 *							long as that
 *
 * An answer is never too late.  It is exact for a comparison of one monotone
 * expression with a value, for a window that counts events, and for an
 * anniversary.  Other answers may be early, an instant at which nothing
 * changes after all:
 *
 *	-  Several conditions together change no sooner than the first of them.
 *	   But a side that is false under "and", or true under "or", decides alone
 *	   while it lasts.
 *	-  A field of a time, such as month(now), may change at each turn of it.
 *	-  A window that is summed, or whose values are looked at, may change at
 *	   each event that comes or goes.
 *	-  A monotone expression of which is not known where it may cross the
 *	   value is followed over so many turns, and no further.
 *	-  Two monotone expressions that are compared with each other and jump,
 *	   such as numbers of days, may change whenever one of them jumps.
 *	-  Whatever else is done to a time that moves, such as comparing it with
 *	   another that rises all the time, may change a microsecond later: nothing
 *	   else is certain.
 *
 * A caller that only wants to know when to look again asks
 * time_expr_stable_at_least_until().  Far from the value a monotone expression
 * is then not followed, nor even evaluated, and the answer is the first
 * instant at which it may be near.  A window that counts or sums may go as far
 * as the caller's margin.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"

#include "base/base.h"
#include "time/time_private.h"

static TimestampTz answer(TimeExpr *expr, const TimeSearch *search,
						  TupleTableSlot *row, TimestampTz most);

TimestampTz
time_expr_stable_until(TimeExpr *expr, ExprContext *econtext,
					   TupleTableSlot *row, TimestampTz from)
{
	TimeSearch	search = {econtext, from, false};

	return answer(expr, &search, row, DT_NOEND);
}

TimestampTz
time_expr_stable_at_least_until(TimeExpr *expr, const TimeQuestion *question)
{
	TimeSearch	search = {
		question->econtext, question->from, true, question->margin
	};

	return answer(expr, &search, question->row, question->most);
}

/* Search on a row, and forget what the search evaluated. */
static TimestampTz
answer(TimeExpr *expr, const TimeSearch *search, TupleTableSlot *row,
	   TimestampTz most)
{
	TimestampTz until = Min(most, CLOCK_END);
	MemoryContext old;

	if (is_constant(expr) || search->from >= CLOCK_END)
		return most;
	search->econtext->ecxt_scantuple = row;
	old = MemoryContextSwitchTo(search->econtext->ecxt_per_tuple_memory);
	stable_until(expr, search, &until);
	MemoryContextSwitchTo(old);
	ResetExprContext(search->econtext);
	return until >= CLOCK_END ? most : until;
}

