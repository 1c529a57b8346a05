/*-------------------------------------------------------------------------
 *
 * caps.c
 *	  How much may a rule still grant a customer in a period?
 *
 *		create_earning('club', 'visits', '10 ...', cap => 20, per => 'day')
 *
 *		visit a		Monday 9:00		10 points
 *		visit b		Monday 12:00	10 points
 *		visit c		Monday 18:00	nothing: the 20 of Monday are granted
 *		visit a is taken back		its 10 are free again for visit d
 *
 * A row counts for the period in which it happened, in the population's time
 * zone; not for that in which it was written.  What other rows of the period
 * have is asked once for each customer, rule and period of a statement, which
 * has locked the customer: so two statements never pass a cap together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "loyalty/rules_private.h"

/* What a rule has granted for a period. */
typedef struct Room
{
	const char *rule;
	TimestampTz from;
	TimestampTz until;
	int64		granted;
} Room;

/* A row got points, or lost them, which are not written yet. */
typedef struct Move
{
	const char *rule;
	TimestampTz at;
	int64		points;
} Move;

static Room *find_room(Caps *caps, const Rule *rule, TimestampTz at);
static void period_of(const Ledger *ledger, const Rule *rule, TimestampTz at,
					  Room *room);
static bool is_in(const Room *room, const char *rule, TimestampTz at);

int64
cap_allows(Caps *caps, const Rule *rule, TimestampTz at, int64 points)
{
	Room	   *room;

	if (points <= 0)
		return points;
	room = find_room(caps, rule, at);
	return Min(points, Max(rule->cap - room->granted, 0));
}

void
cap_note(Caps *caps, const char *rule, TimestampTz at, int64 points)
{
	Move	   *move = palloc(sizeof(Move));
	ListCell   *lc;

	*move = (Move) {rule, at, points};
	caps->moves = lappend(caps->moves, move);
	foreach(lc, caps->rooms)
	{
		Room	   *room = lfirst(lc);

		if (is_in(room, rule, at))
			room->granted += points;
	}
}

bool
cap_same_period(const Ledger *ledger, const Rule *rule, TimestampTz a,
				TimestampTz b)
{
	Room		room;

	period_of(ledger, rule, a, &room);
	return is_in(&room, rule->name, b);
}

/* find_room() is the period of a rule in which an instant is. */
static Room *
find_room(Caps *caps, const Rule *rule, TimestampTz at)
{
	Room	   *room = palloc(sizeof(Room));
	Datum		values[4];
	bool		isnull;
	ListCell   *lc;

	period_of(caps->ledger, rule, at, room);
	foreach(lc, caps->rooms)
	{
		Room	   *known = lfirst(lc);

		if (strcmp(known->rule, rule->name) == 0 &&
			known->from == room->from && known->until == room->until)
			return known;
	}
	values[0] = caps->account->key;
	values[1] = CStringGetTextDatum(rule->name);
	values[2] = TimestampTzGetDatum(room->from);
	values[3] = TimestampTzGetDatum(room->until);
	(void) ledger_execute(caps->ledger->program, ASK_CAPPED, values, NULL);
	room->granted = DatumGetInt64(result_value(0, 1, &isnull));
	if (isnull)
		room->granted = 0;
	SPI_freetuptable(SPI_tuptable);
	foreach(lc, caps->moves)
	{
		const Move *move = lfirst(lc);

		if (is_in(room, move->rule, move->at))
			room->granted += move->points;
	}
	caps->rooms = lappend(caps->rooms, room);
	return room;
}

/* period_of() says which period of a rule an instant is in. */
static void
period_of(const Ledger *ledger, const Rule *rule, TimestampTz at, Room *room)
{
	pg_tz	   *zone = ledger->program->zone;
	CalendarUnit unit;

	room->rule = rule->name;
	room->from = DT_NOBEGIN;
	room->until = DT_NOEND;
	if (period_parse(rule->per, &unit))
	{
		DateADT		day = calendar_day(zone, at);

		room->from =
			calendar_day_start(zone, calendar_period_start(unit, day, 0));
		room->until =
			calendar_day_start(zone, calendar_period_start(unit, day, 1));
	}
}

/* is_in() says whether points of a rule count for a period. */
static bool
is_in(const Room *room, const char *rule, TimestampTz at)
{
	return strcmp(room->rule, rule) == 0 && room->from <= at &&
		at < room->until;
}
