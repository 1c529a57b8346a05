/*-------------------------------------------------------------------------
 *
 * series_ask.h
 *	  The events of a series that a call asks about, private to this room.
 *
 *		series_ask(fcinfo, &question)
 *		while (series_answer(&question)) ...	question.cursor.event
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SERIES_ASK_H
#define SEGMENT_SERIES_ASK_H

#include "state/series.h"

/* Which events does a call ask about? */
typedef struct SeriesQuestion
{
	SeriesCursor cursor;
	const Window *window;		/* NULL: all of them */
	TimestampTz now;
	const WindowRange *range;
	WindowRange from_settled;	/* the range, where some are settled */
	bool		empty;			/* there is no series */
} SeriesQuestion;

/* How many events count, and what their values come to. */
typedef struct RangeTotal
{
	int64		count;
	bool		known;			/* if not, the others mean nothing */
	int64		sum;			/* as in SeriesTotal */
	int			scale;			/* most digits that one shows; -1: no value */
	bool		mixed;			/* do they show different numbers of digits? */
} RangeTotal;

/*
 * Begin with the arguments series, window, timezone, now of a call, and as the
 * sixth, if it has so many, the time before which events are settled.
 */
extern void series_ask(FunctionCallInfo fcinfo, SeriesQuestion *question);

/*
 * The same for a call with one more argument, of the type that the values are
 * of, which may be a domain over it.  Returns that type.
 */
extern Oid	series_ask_values(FunctionCallInfo fcinfo,
							  SeriesQuestion *question);

/* The order of the values, under the collation of the call. */
extern const ValueOrder *series_order(FunctionCallInfo fcinfo,
									  TypeCacheEntry *type);

/*
 * Find the total of the events that count, without reading those between the
 * edges of the window.  The values are of no interest unless 'with_values'.
 */
extern void series_answer_total(const SeriesQuestion *question,
								bool with_values, RangeTotal *total);

/* Do all events from one instant to another certainly count? */
static inline bool
series_surely_count(const SeriesQuestion *question, TimestampTz first,
					TimestampTz last)
{
	return first >= question->range->sure_first &&
		last <= question->range->sure_last;
}

/*
 * Memory for a call that returns nothing that lies in it, and calls none of
 * its kind; it is empty, and stays allocated from call to call.
 */
extern MemoryContext series_scratch(void);

/* The events that went, in order; those after the window may be missing. */
extern SeriesEvent *series_removed(const SeriesQuestion *question,
								   int *nremoved);

/* The number of the first of these that went at or after an instant. */
extern int	series_removed_from(const SeriesEvent *removed, int nremoved,
								TimestampTz at);

/* Does an event of that time count? */
static inline bool
series_event_counts(const SeriesQuestion *question, TimestampTz at)
{
	const WindowRange *range = question->range;

	if (at >= range->sure_first && at <= range->sure_last)
		return true;
	return at >= range->first && at <= range->last &&
		window_counts(question->window, at, question->now);
}

/*
 * Find the next event that counts, which is in cursor.event; false if there
 * are no more.
 */
static inline bool
series_answer(SeriesQuestion *question)
{
	if (question->empty)
		return false;
	while (series_cursor_next(&question->cursor))
	{
		TimestampTz at = question->cursor.event.entry.at;

		if (at > question->range->last)
			return false;
		if (series_event_counts(question, at))
			return true;
	}
	return false;
}

#endif							/* SEGMENT_SERIES_ASK_H */
