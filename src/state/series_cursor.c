/*-------------------------------------------------------------------------
 *
 * series_cursor.c
 *	  Which events has a state that is kept in several columns?
 *
 * A customer's events of a window are in three columns, so that a new event
 * rewrites only the shortest (series_change.c):
 *
 *		s7			"9" @ 1 June, less "7" @ 28 May
 *		s7_middle	"4" @ 30 May, "5" @ 30 May
 *		s7_body		"12.50" @ 2 May, "7" @ 28 May
 *
 *		together	"12.50" @ 2 May, "4" @ 30 May, "5" @ 30 May, "9" @ 1 June
 *
 * For expressions, series_joined(s7, s7_middle, s7_body) stands for all three
 * (joined.c), and a SeriesCursor steps through the parts side by side.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/fixed.h"
#include "state/joined.h"
#include "state/series.h"

static Datum write_net(Datum state);
static void add_part(SeriesCursor *cursor, const PackedSource *source,
					 int sign);
static bool part_ready(SeriesPart *part);
static SeriesPart *earliest_part(SeriesCursor *cursor);

SEGMENT_FUNCTION(segment_series_joined);

/* (series, series, series): the events of all three; NULL if all are NULL */
Datum
segment_series_joined(PG_FUNCTION_ARGS)
{
	return joined_result(fcinfo, write_net);
}

/* The bytes of all columns as one series.  A JoinedWrite. */
static Datum
write_net(Datum state)
{
	return series_write(series_net(state));
}

bool
series_is_joined(Datum state)
{
	return joined_of(state) != NULL;
}

Series *
series_net(Datum state)
{
	Series	   *series = palloc0(sizeof(Series));
	SeriesCursor cursor;
	int64		room = 0;

	series_cursor_begin(&cursor, state);
	for (int i = 0; i < cursor.nparts; i++)
	{
		series_load_all(&cursor.parts[i].reader);
		room += cursor.parts[i].reader.head.nentries;
	}
	series->type = cursor.type;
	series->entries = palloc_extended(Max(room, 1) * sizeof(SeriesEntry),
									  MCXT_ALLOC_HUGE);
	while (series_cursor_next(&cursor))
	{
		CHECK_FOR_INTERRUPTS();

		series->entries[series->nentries++] = cursor.event.entry;
	}
	return series;
}

/* the cursor -------------------------------------------------------------- */

void
series_cursor_none(SeriesCursor *cursor)
{
	cursor->type = NULL;
	cursor->kind = SERIES_TIMES;
	cursor->nparts = 0;
	cursor->any_went = false;
	cursor->last = PG_INT64_MIN;
	cursor->from = PG_INT64_MIN;
	cursor->repeats = 0;
}

void
series_cursor_begin(SeriesCursor *cursor, Datum state)
{
	const Joined *joined = joined_of(state);

	series_cursor_none(cursor);
	if (joined == NULL)
		series_cursor_add(cursor, state);
	else
		for (int i = 0; i < joined->ncolumns; i++)
			series_cursor_add(cursor, joined->columns[i]);
}

void
series_cursor_add(SeriesCursor *cursor, Datum series)
{
	PackedSource came;
	PackedSource went;

	series_sources(series, &came, &went);
	if (came.length > 0)
		add_part(cursor, &came, 1);
	if (went.length > 0)
		add_part(cursor, &went, -1);
}

/* Add events that came, or went if sign < 0. */
static void
add_part(SeriesCursor *cursor, const PackedSource *source, int sign)
{
	SeriesPart *part = &cursor->parts[cursor->nparts];

	if (cursor->nparts == SERIES_PARTS)
		elog(ERROR, "a state has too many parts");
	part->sign = sign;
	part->ready = false;
	part->ended = false;
	series_begin_source(&part->reader, source);
	if (cursor->nparts > 0 && cursor->type != part->reader.head.type)
		packed_corrupted(&part->reader.bytes,
						 "Its values are of several types.");
	cursor->type = part->reader.head.type;
	cursor->kind = part->reader.kind;
	cursor->any_went |= sign < 0;
	if (sign > 0)
		cursor->last = Max(cursor->last, part->reader.last);
	cursor->nparts++;
}

bool
series_cursor_next(SeriesCursor *cursor)
{
	SeriesPart *part;

	if (cursor->repeats > 0)
	{
		cursor->repeats--;
		return true;
	}
	/* mostly there is one part, from which nothing went */
	if (cursor->nparts == 1 && !cursor->any_went)
	{
		SeriesReader *reader = &cursor->parts[0].reader;

		do
			if (!series_next(reader, &cursor->event.entry))
				return false;
		while (cursor->event.entry.at < cursor->from);
		cursor->event.number = reader->number;
		cursor->event.scale = reader->scale;
		return true;
	}

	while ((part = earliest_part(cursor)) != NULL)
	{
		int64		times = 0;

		cursor->event = part->event;
		for (int i = 0; i < cursor->nparts; i++)
		{
			SeriesPart *other = &cursor->parts[i];

			while (part_ready(other) &&
				   series_compare(&other->event.entry,
								  &cursor->event.entry) == 0)
			{
				times += other->sign;
				other->ready = false;
			}
		}
		/* some parts may begin earlier than others: see series_seek() */
		if (times > 0 && cursor->event.entry.at >= cursor->from)
		{
			cursor->repeats = times - 1;
			return true;
		}
	}
	return false;
}

/* The part whose next event is the earliest; NULL if all have ended. */
static SeriesPart *
earliest_part(SeriesCursor *cursor)
{
	SeriesPart *earliest = NULL;

	for (int i = 0; i < cursor->nparts; i++)
	{
		SeriesPart *part = &cursor->parts[i];

		if (part_ready(part) &&
			(earliest == NULL || series_compare(&part->event.entry,
												&earliest->event.entry) < 0))
			earliest = part;
	}
	return earliest;
}

/* Read the next event of a part, if it has not been; false at its end. */
static bool
part_ready(SeriesPart *part)
{
	if (part->ready || part->ended)
		return part->ready;
	part->ready = series_next(&part->reader, &part->event.entry);
	part->ended = !part->ready;
	part->event.number = part->reader.number;
	part->event.scale = part->reader.scale;
	return part->ready;
}

void
series_cursor_seek(SeriesCursor *cursor, TimestampTz from)
{
	cursor->from = from;
	for (int i = 0; i < cursor->nparts; i++)
	{
		SeriesPart *part = &cursor->parts[i];

		if (series_seek(&part->reader, from))
		{
			part->ready = false;
			part->ended = false;
			cursor->repeats = 0;
		}
	}
}

TimestampTz
series_cursor_back(const SeriesCursor *cursor, TimestampTz at)
{
	TimestampTz from = PG_INT64_MIN;

	for (int i = 0; i < cursor->nparts; i++)
	{
		const SeriesPart *part = &cursor->parts[i];
		const SeriesHead *head = &part->reader.head;
		TimestampTz first = head->nblocks == 0 ? part->reader.first :
			head->blocks[series_block_before(head, at)].first;

		if (part->sign > 0 && first < at)
			from = Max(from, first);
	}
	return from;
}

bool
series_ten_thousandths(const SeriesCursor *cursor, int64 *number)
{
	*number = cursor->event.number;
	if (cursor->kind == SERIES_WHOLE)
		return !pg_mul_s64_overflow(*number, fixed_from_scaled(1, 0), number);
	return cursor->kind == SERIES_NUMERIC && cursor->event.scale >= 0;
}
