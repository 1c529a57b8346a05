/*-------------------------------------------------------------------------
 *
 * window_argument.c
 *	  Which window does a call ask about?
 *
 *		series_count(s7, 'in last 30 days', 'Europe/Copenhagen', now)
 *						 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
 *
 * The two arguments are almost always constants.  So the window is read once,
 * and stays with the call as long as they do not change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/base.h"
#include "state/state.h"
#include "state/window_argument.h"

/* The window of the last call, and what it was read from. */
typedef struct WindowArgument
{
	Window		window;
	bool		constant;		/* no later call can have another */
	text	   *given[2];
} WindowArgument;

WindowReadHook window_read_hook = NULL;

static bool same_text(const text *a, const text *b);

SEGMENT_FUNCTION(segment_window_after);

const Window *
window_argument(FunctionCallInfo fcinfo, int which, void **remembered)
{
	WindowArgument *last = *remembered;
	text	   *given[2];
	Window	   *window;
	MemoryContext old;

	if (last != NULL && last->constant)
		return &last->window;
	if (PG_ARGISNULL(which) || PG_ARGISNULL(which + 1))
		return NULL;
	for (int i = 0; i < 2; i++)
		given[i] = PG_GETARG_TEXT_PP(which + i);
	if (last != NULL && same_text(given[0], last->given[0]) &&
		same_text(given[1], last->given[1]))
		return &last->window;

	window = window_read_hook(text_to_cstring(given[0]),
							  text_to_cstring(given[1]));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	last = palloc(sizeof(WindowArgument));
	last->window = *window;
	last->constant = get_fn_expr_arg_stable(fcinfo->flinfo, which) &&
		get_fn_expr_arg_stable(fcinfo->flinfo, which + 1);
	for (int i = 0; i < 2; i++)
		last->given[i] = DatumGetTextPCopy(PointerGetDatum(given[i]));
	MemoryContextSwitchTo(old);
	*remembered = last;
	return &last->window;
}

static bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/*
 * segment.window_after(window, timezone, now): events up to the result count
 * neither now nor later; NULL if there is no such time.
 */
Datum
segment_window_after(PG_FUNCTION_ARGS)
{
	const Window *window = window_argument(fcinfo, 0,
										   &fcinfo->flinfo->fn_extra);
	TimestampTz first = window_range(window, PG_GETARG_TIMESTAMPTZ(2))->first;

	if (TIMESTAMP_IS_NOBEGIN(first))
		PG_RETURN_NULL();
	if (TIMESTAMP_IS_NOEND(first))
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	PG_RETURN_TIMESTAMPTZ(first > MIN_TIMESTAMP ? first - 1 : DT_NOBEGIN);
}
