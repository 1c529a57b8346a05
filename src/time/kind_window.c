/*-------------------------------------------------------------------------
 *
 * kind_window.c
 *	  Until when do the same events count in a window?
 *
 *		series_count(events, 'in last 30 days', 'Europe/Copenhagen', now)
 *
 * The value is the same until an event enters the window, or leaves it
 * (state/window_change.c).  A window that counts or sums may be given a
 * margin: a value within the margin is no change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/filter.h"
#include "time/time_private.h"
#include "trait/trait.h"

/* What is noted of the call. */
typedef struct WindowCall
{
	WindowKind	kind;
	const Window *window;
} WindowCall;

/* Is the node a call that reads the events of a window as of now? */
static bool
window_recognise(TimeExpr *expr, const TimeCall *call)
{
	FuncExpr   *function = (FuncExpr *) expr->node;
	char	   *during;
	char	   *zone;
	WindowCall *noted;

	if (!IsA(function, FuncExpr) || !trait_is_window(function))
		return false;
	during = constant_text(lsecond(call->args));
	zone = constant_text(lthird(call->args));
	if (during == NULL || zone == NULL || !is_constant(expr->args[0]) ||
		expr->args[3]->kind != &kind_now)
		return false;
	noted = palloc(sizeof(WindowCall));
	noted->kind = trait_window_kind(function);
	noted->window = filter_window_read(during, zone);
	expr->noted = noted;
	return true;
}

bool
time_expr_takes_margin(const TimeExpr *expr)
{
	return expr->kind == &kind_window &&
		((const WindowCall *) expr->noted)->kind != WINDOW_OTHER;
}

/* Until an event comes or goes. */
static void
window_stable(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	const WindowCall *noted = expr->noted;
	TimestampTz change;
	bool		isnull;
	Datum		series = time_expr_value(expr->args[0], search->econtext,
										 search->from, &isnull);

	if (isnull)
		return;
	if (search->margin != NULL &&
		window_keeps_margin(noted->kind, noted->window, series,
							search->margin, search->from, until))
		return;
	change = window_next_change(noted->window, series, search->from,
								search->coarse);
	*until = Min(*until, change);
}

const TimeKind kind_window = {
	.name = "window",
	.recognise = window_recognise,
	.stable = window_stable,
	.predictable = args_trend_is_known,
};
