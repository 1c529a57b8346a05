/*-------------------------------------------------------------------------
 *
 * so_far.c
 *	  How many events are due, and what do their values come to: count and sum
 *	  of "so far".
 *
 *		sum(entries.points so far)
 *
 *		state: segment.series of the events that are not due, or not for long,
 *		in three columns (windowed.c); the sum of all others; and the instant
 *		before which events are among those.  On 10 May 12:00:
 *
 *			{600 @ 9 May 15:00, -600 @ 1 January 2028}	500		9 May 12:00
 *
 *		20 on 10 May 13:00
 *			{600 @ 9 May, 20 @ 10 May, -600 ...}		500		9 May 12:00
 *		20 on 11 May 12:00
 *			{20 @ 10 May, 20 @ 11 May, -600 ...}		1100	10 May 12:00
 *		one of 30 on 1 May goes
 *			the same									1070	the same
 *
 * So a customer with thousands of entries costs what is to come costs.  What
 * is due stays due, and so is not told apart any more: an event that comes
 * late is added, and one that goes is subtracted.  An event is settled a day
 * after its time at the earliest, because a question may be asked as of a time
 * that is earlier than the last event (WINDOW_KEPT_LONGER); and when the
 * profile has another one, at most once a day (SETTLED_EVERY).
 *
 * The series may still hold events that are settled, until the column that
 * they are in is written for another reason: whoever reads it begins at the
 * instant.  If the clock is set back, what is settled stays settled.
 *
 * A sum is missing if it is too large for a numeric, or what is settled is.
 *
 * What cannot be subtracted exactly is not settled: floating-point values,
 * whose sum keeps all events.  NaN and infinities are as in sum.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "trait/windowed.h"

/*
 * To settle events is to read the series from its beginning, so it is not done
 * at each event.
 */
#define SETTLED_EVERY	USECS_PER_DAY

/* the columns behind those of the series */
enum
{
	SETTLED = STATE_COLUMNS,
	UNTIL,
	SO_FAR_COLUMNS,
};

/* What becomes of the number of settled events, or of their sum. */
typedef struct Settling
{
	int64		count;
	ExactTotal	sum;
	bool		retracted;		/* something went */
} Settling;

static bool count_settles(const AggregateInput *input);
static bool sum_settles(const AggregateInput *input);
static int	so_far_columns(const Aggregate *self, const AggregateInput *input,
						   AggregateColumn *columns);
static Oid	so_far_keeps(const Aggregate *self, const AggregateInput *input);
static AggregateResult so_far_apply(const Aggregate *self,
									const AggregateInput *input,
									const void *delta, const TimeRange *kept,
									Datum *state, bool *isnull);
static int	settle_changes(const WindowDelta *window, SeriesChange *changes,
						   int nchanges, TimestampTz until,
						   Settling *settling);
static bool add_count(const Settling *settling, Datum *settled);
static bool add_sum(const Settling *settling, Datum *settled);
static void so_far_sql(const Aggregate *self, const AggregateInput *input,
					   const AggregateSql *pieces, int column, StringInfo out);

const Aggregate aggregate_count_so_far = {
	.name = "count",
	.joined = "series_joined",
	.settles = count_settles,
	.columns = so_far_columns,
	.keeps = so_far_keeps,
	.delta_size = sizeof(WindowDelta),
	.accumulate = window_accumulate,
	.apply = so_far_apply,
	.sql = so_far_sql,
};

const Aggregate aggregate_sum_so_far = {
	.name = "sum",
	.joined = "series_joined",
	.settles = sum_settles,
	.columns = so_far_columns,
	.keeps = so_far_keeps,
	.delta_size = sizeof(WindowDelta),
	.accumulate = window_accumulate,
	.apply = so_far_apply,
	.sql = so_far_sql,
};

static bool
count_settles(const AggregateInput *input)
{
	return true;
}

/* Exact values can be subtracted again. */
static bool
sum_settles(const AggregateInput *input)
{
	return sum_type(input) == NUMERICOID;
}

/* A series; the number or sum of what is settled, and before which instant. */
static int
so_far_columns(const Aggregate *self, const AggregateInput *input,
			   AggregateColumn *columns)
{
	static const AggregateInput times = {0};
	bool		counted = self == &aggregate_count_so_far;
	int			count = aggregate_window.columns(&aggregate_window,
												 counted ? &times : input,
												 columns);

	if (!self->settles(input))
		return count;
	columns[SETTLED] = (AggregateColumn) {
		.suffix = "_settled",
		.type = counted ? INT8OID : NUMERICOID,
		.initial = "0",
	};
	columns[UNTIL] = (AggregateColumn) {
		.suffix = "_until",
		.type = TIMESTAMPTZOID,
	};
	return SO_FAR_COLUMNS;
}

/* The events are kept, with their values unless they are counted. */
static Oid
so_far_keeps(const Aggregate *self, const AggregateInput *input)
{
	return self == &aggregate_count_so_far ? InvalidOid : input->type;
}

/*
 * Settle what is due by now, add or subtract what came or went of that, and
 * change the series by the rest.
 */
static AggregateResult
so_far_apply(const Aggregate *self, const AggregateInput *input,
			 const void *delta, const TimeRange *kept, Datum *state,
			 bool *isnull)
{
	WindowDelta *window = unconstify(void *, delta);
	bool		counted = self == &aggregate_count_so_far;
	Settling	settling = {0};
	TimeRange	due;			/* in the series, and settled now */
	TimeRange	rest;
	SeriesChange *changes;
	int			nchanges;

	if (!self->settles(input))
		return aggregate_window.apply(&aggregate_window, input, delta, kept,
									  state, isnull);
	if (window->nrows == 0)
		return AGGREGATE_UNCHANGED;
	changes = window_changes(window, input->step, &nchanges);
	if (nchanges == 0)
		return AGGREGATE_UNCHANGED;
	/* a sum is missing where it was too large */
	if (isnull[SETTLED])
		return AGGREGATE_RECOMPUTE;

	due.from = isnull[UNTIL] ? PG_INT64_MIN :
		DatumGetTimestampTz(state[UNTIL]);
	rest.from = due.from;
	rest.to = kept->to;
	/* once a day is often enough */
	if (isnull[UNTIL] || kept->from - due.from >= SETTLED_EVERY)
		rest.from = Max(kept->from, due.from);
	due.to = rest.from - 1;
	if (due.from <= due.to)
		settling.count = series_total_between(state, isnull, &due, counted ?
											  NULL : &settling.sum,
											  CurrentMemoryContext);
	nchanges = settle_changes(window, changes, nchanges, rest.from, &settling);
	if (!(counted ? add_count(&settling, &state[SETTLED]) :
		  add_sum(&settling, &state[SETTLED])))
		return AGGREGATE_RECOMPUTE;
	state[UNTIL] = TimestampTzGetDatum(rest.from);
	isnull[UNTIL] = false;
	if (nchanges > 0 &&
		series_change(window->type, changes, nchanges, &rest, state,
					  isnull) == SERIES_UNKNOWN)
		return AGGREGATE_RECOMPUTE;
	return AGGREGATE_CHANGED;
}

/*
 * settle_changes() settles the changes before an instant, and returns how many
 * are left.
 */
static int
settle_changes(const WindowDelta *window, SeriesChange *changes, int nchanges,
			   TimestampTz until, Settling *settling)
{
	int			nsettled = 0;

	while (nsettled < nchanges && changes[nsettled].entry.at < until)
	{
		const SeriesChange *change = &changes[nsettled++];

		settling->count += change->times;
		settling->retracted |= change->times < 0;
		if (window->type != NULL)
			series_add_value(window->type, &change->entry, change->times,
							 &settling->sum, CurrentMemoryContext);
	}
	memmove(changes, changes + nsettled,
			(nchanges - nsettled) * sizeof(SeriesChange));
	return nchanges - nsettled;
}

/* Add to the number of settled events; false if it cannot be right. */
static bool
add_count(const Settling *settling, Datum *settled)
{
	int64		count;

	if (pg_add_s64_overflow(DatumGetInt64(*settled), settling->count,
							&count) || count < 0)
		return false;
	*settled = Int64GetDatum(count);
	return true;
}

/* Add to the sum of settled events; false if only the source can tell it. */
static bool
add_sum(const Settling *settling, Datum *settled)
{
	Numeric		before = DatumGetNumeric(*settled);
	Numeric		came;
	Numeric		after;
	bool		error = false;

	if (settling->retracted &&
		(settling->sum.special || numeric_is_nan(before) ||
		 numeric_is_inf(before)))
		return false;
	if (!total_of_numerics(&settling->sum, &came))
		return false;
	after = numeric_add_opt_error(before, came, &error);
	if (error)
		return false;
	*settled = NumericGetDatum(after);
	return true;
}

/* SQL of one of the columns. */
static void
so_far_sql(const Aggregate *self, const AggregateInput *input,
		   const AggregateSql *pieces, int column, StringInfo out)
{
	const Aggregate *settled = self == &aggregate_count_so_far ?
		&aggregate_count : &aggregate_sum;
	AggregateSql part = *pieces;

	if (!self->settles(input))
	{
		aggregate_window.sql(&aggregate_window, input, pieces, column, out);
		return;
	}
	if (column == UNTIL)
	{
		appendStringInfoString(out, pieces->settled);
		return;
	}
	part.condition = psprintf("(%s) AND (%s) OPERATOR(pg_catalog.%s) (%s)",
							  pieces->condition, pieces->at,
							  column == SETTLED ? "<" : ">=",
							  pieces->settled);
	if (self == &aggregate_count_so_far && column != SETTLED &&
		part.value != NULL)
	{
		part.condition = psprintf("%s AND (%s) IS NOT NULL", part.condition,
								  part.value);
		part.value = NULL;
	}
	part.filter = psprintf(" FILTER (WHERE %s)", part.condition);
	if (column == SETTLED)
		settled->sql(settled, input, &part, 0, out);
	else
		aggregate_window.sql(&aggregate_window, input, &part, column, out);
}
