/*-------------------------------------------------------------------------
 *
 * kind_window.c
 *	  Until when do the same events count in a window?
 *
 *		series_count(events, 'in last 30 days', 'Europe/Copenhagen', now)
 *
 * The value is the same until an event enters the window, or leaves it
 * (state/event.c).  A window that counts or sums may be given a margin: a
 * value within the margin is no change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "time/time_private.h"
#include "trait/trait.h"

/* What is noted of a window. */
typedef struct NotedWindow
{
	WindowKind	kind;
	const FilterWindow *during;
} NotedWindow;

/* Is the node a call that reads the events of a window as of now? */
static bool
window_recognise(TimeExpr *expr, const TimeCall *call)
{
	FuncExpr   *function = (FuncExpr *) expr->node;
	char	   *during;
	char	   *zone;
	NotedWindow *window;

	if (!IsA(function, FuncExpr) || !trait_is_window(function))
		return false;
	during = constant_text(lsecond(call->args));
	zone = constant_text(lthird(call->args));
	if (during == NULL || zone == NULL || !is_constant(expr->args[0]) ||
		expr->args[3]->kind != &kind_now)
		return false;
	window = palloc(sizeof(NotedWindow));
	window->kind = trait_window_kind(function);
	window->during = filter_window_read(during, zone);
	expr->noted = window;
	return true;
}

bool
time_expr_takes_margin(const TimeExpr *expr)
{
	return expr->kind == &kind_window &&
		((const NotedWindow *) expr->noted)->kind != WINDOW_OTHER;
}

/* Until an event comes or goes. */
static void
window_stable(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	const NotedWindow *window = expr->noted;
	TimestampTz change;
	bool		isnull;
	Datum		series = time_expr_value(expr->args[0], search->econtext,
										 search->from, &isnull);

	if (isnull)
		return;
	if (search->margin != NULL &&
		trait_window_keeps(window->kind, window->during, series,
						   search->margin, search->from, until))
		return;
	change = trait_window_changes(window->during, series, search->from,
								  search->coarse);
	*until = Min(*until, change);
}

const TimeKind kind_window = {
	.name = "window",
	.recognise = window_recognise,
	.stable = window_stable,
	.predictable = args_trend_is_known,
};
