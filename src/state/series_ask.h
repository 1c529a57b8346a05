/*-------------------------------------------------------------------------
 *
 * series_ask.h
 *	  The events of a series that a call asks about, private to this room.
 *
 *		series_ask(fcinfo, &question)
 *		while (series_answer(&question, &entry)) ...
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SERIES_ASK_H
#define SEGMENT_SERIES_ASK_H

#include "state/series.h"

/* Which events does a call ask about? */
typedef struct SeriesQuestion
{
	SeriesReader reader;
	const Window *window;		/* NULL: all of them */
	TimestampTz now;
	const WindowRange *range;
	bool		empty;			/* there is no series */
} SeriesQuestion;

/* The total of these events, as in SeriesTotal. */
typedef struct RangeTotal
{
	bool		any;			/* are there any, and the rest of this? */
	int64		sum;
	bool		least_known;
	bool		most_known;
} RangeTotal;

/* Begin with the arguments series, window, timezone, now of a call. */
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
 * Find the total of the events that count: that of the series, less the events
 * that have left the window, mostly few or none.  False if this cannot tell.
 */
extern bool series_answer_total(const SeriesQuestion *question,
								RangeTotal *total);

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

/* Find the next event that counts; false if there are no more. */
static inline bool
series_answer(SeriesQuestion *question, SeriesEntry *entry)
{
	if (question->empty)
		return false;
	while (series_next(&question->reader, entry))
	{
		if (entry->at > question->range->last)
			return false;
		if (series_event_counts(question, entry->at))
			return true;
	}
	return false;
}

#endif							/* SEGMENT_SERIES_ASK_H */
