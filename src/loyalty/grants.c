/*-------------------------------------------------------------------------
 *
 * grants.c
 *	  What has a row earned so far, and what does a change of it move?
 *
 *		order 7 comes, 120.50		raw 120.50, 120 points are granted
 *		order 7 is 80 now			raw 80.00, 40 points are taken back
 *		order 7 is deleted			raw 0, 80 points are taken back
 *
 * The version of the rule that has granted goes on to count, and so do the
 * terms of its lot: a rule that is changed today does not rewrite yesterday. A
 * row that was there before the rule was made, or before the customer joined,
 * has no grant and gets none by a change.  Nor does one that came when the
 * condition of the rule did not hold: for a row of a source with links, of
 * which only what it is now is known, a grant of no version says so.
 *
 * A row may earn less than nothing, as a cancellation does: that is taken from
 * what the customer has, and of the rest the program says what becomes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "loyalty/reward_private.h"
#include "loyalty/rules_private.h"
#include "loyalty/tables.h"

/* What a row has earned by one rule so far. */
typedef struct Grant
{
	Account    *account;
	int			place;			/* its number among those of the statement */
	const char *rule;
	const char *ref;
	bool		there;			/* is it written? */
	int32		version;		/* 0: there is none, or its condition did
								 * not hold */
	Numeric		raw;
	int64		points;
	int64		movement;		/* 0: none */
	bool		is_others;		/* of another customer */
	struct Grant *first;		/* of the rows of several customers that have
								 * its ref; itself in most cases */
	bool		taken;			/* one of these has got the grant */
	TimestampTz at;				/* DT_NOEND: its rule has no cap */
	Movement   *made;			/* that grants now, or NULL */
} Grant;

static List *read_grants(Ledger *ledger, List *rows);
static void find_repeated(List *grants);
static int	by_ref(const ListCell *a, const ListCell *b);
static void read_grant(Ledger *ledger, Grant *grant);
static void take_grant(const Ledger *ledger, Grant *grant,
					   const TupleTableSlot *row);
static int64 reversed_by_hand(Ledger *ledger, int64 movement);
static int	apply_customer(Ledger *ledger, List *grants, List *rows,
						   int first);
static bool waits_for_others(Ledger *ledger, const Grant *grant,
							 List *changes);
static bool apply_row(Caps *caps, Grant *grant, List *changes);
static Numeric raw_of(const Grant *grant, List *changes);
static bool points_of(Caps *caps, Grant *grant, const RowChange *last,
					  Numeric raw, int64 *points);
static const RowChange *granting_change(const Ledger *ledger,
										const Account *account, List *changes);
static const RowChange *counting_change(const Grant *grant, List *changes);
static void grant_new(Ledger *ledger, Grant *grant, const RowChange *last,
					  int64 points);
static TimestampTz terms_of(const Ledger *ledger, const RowChange *last,
							TimestampTz *active_at);
static bool is_good_still(const Ledger *ledger, const RowChange *change);
static void move_difference(Ledger *ledger, Grant *grant,
							const RowChange *last, int64 points);
static void set_grant(Rows *rows, int row, const Grant *grant);
static void write_grants(Ledger *ledger, List *grants, bool there);
static bool whole_points(Ledger *ledger, Numeric raw, int64 *points);
static bool round_points(const Program *program, Numeric raw, int64 *points);
static bool numeric_is_same(Numeric a, Numeric b);
static Numeric sum_of(List *changes, int32 version);

void
grants_apply(const Program *program, List *changes)
{
	Ledger	   *ledger = ledger_begin_as_owner(program);
	List	   *rows = NIL;		/* lists of RowChange * */
	List	   *grants;
	const RowChange *last = NULL;
	ListCell   *lc;

	ledger->space = list_length(changes);
	ledger->accounts = palloc0(sizeof(Account) * ledger->space);
	foreach(lc, changes)
	{
		RowChange  *change = lfirst(lc);
		bool		same = last != NULL && strcmp(last->who, change->who) == 0;

		/* what no index takes is known by nothing, and earns nothing */
		if (strlen(change->ref) > MOST_INDEXED)
			continue;
		if (!same)
			ledger_add_account(ledger, change->key)->now =
				Max(clock_now(), change->at);
		if (same && strcmp(last->rule->name, change->rule->name) == 0 &&
			strcmp(last->ref, change->ref) == 0)
			llast(rows) = lappend(llast(rows), change);
		else
			rows = lappend(rows, list_make1(change));
		last = change;
	}
	if (rows == NIL)
	{
		ledger_end(ledger);
		return;
	}
	ledger_read_locked(ledger);
	grants = read_grants(ledger, rows);
	for (int i = 0; i < list_length(grants);)
		i = apply_customer(ledger, grants, rows, i);
	lots_write(ledger);
	write_grants(ledger, grants, true);
	write_grants(ledger, grants, false);
	rewards_end(ledger, true);
	ledger_end(ledger);
}

/*
 * apply_customer() applies the changes of rows of one customer, the first of
 * which has that number; returns that of the next customer's.  Where a row
 * gets no grant, NULL takes its place.
 */
static int
apply_customer(Ledger *ledger, List *grants, List *rows, int first)
{
	Account    *account = ((Grant *) list_nth(grants, first))->account;
	Caps		caps = {ledger, account};
	bool	   *waits;
	int			next = first;

	while (next < list_length(grants) &&
		   ((Grant *) list_nth(grants, next))->account == account)
		next++;
	ledger->at = account->now;
	waits = palloc(sizeof(bool) * (next - first));
	for (int i = first; i < next; i++)
		waits[i - first] = waits_for_others(ledger, list_nth(grants, i),
											list_nth(rows, i));
	for (int pass = 0; pass < 2; pass++)
		for (int i = first; i < next; i++)
		{
			Grant	   *grant = list_nth(grants, i);

			if (waits[i - first] != (pass == 1))
				continue;
			if (apply_row(&caps, grant, list_nth(rows, i)))
				grant->first->taken = true;
			else
				lfirst(list_nth_cell(grants, i)) = NULL;
		}
	return next;
}

/*
 * waits_for_others() says whether a row earns more by a rule with a cap: what
 * other rows of the statement give back is left for it.
 */
static bool
waits_for_others(Ledger *ledger, const Grant *grant, List *changes)
{
	const RowChange *last = counting_change(grant, changes);
	int64		points;

	if (last == NULL)
		last = linitial(changes);
	if (last->rule->cap == 0)
		return false;
	return grant->version == 0 || grant->is_others ||
		(whole_points(ledger, raw_of(grant, changes), &points) &&
		 points > grant->points);
}

/*
 * apply_row() moves points by the changes of one row, for one rule, and notes
 * that in its grant; false if there is none.
 */
static bool
apply_row(Caps *caps, Grant *grant, List *changes)
{
	Ledger	   *ledger = caps->ledger;
	const RowChange *granting;
	int64		points;

	if (grant->first->taken)
		return false;
	if (grant->version != 0 && !grant->is_others)
	{
		const RowChange *last = counting_change(grant, changes);
		Numeric		raw = raw_of(grant, changes);

		if (last == NULL || !points_of(caps, grant, last, raw, &points))
			return false;
		grant->raw = raw;
		if (points != grant->points)
			move_difference(ledger, grant, last, points);
		return true;
	}
	granting = granting_change(ledger, grant->account, changes);
	if (granting == NULL || (grant->is_others && grant->points != 0))
		return false;
	if (grant->there && !grant->is_others && !granting->fills)
		return false;			/* its condition did not hold */
	if (!granting->condition && !granting->is)
		return false;
	grant->version = 0;
	grant->movement = 0;
	grant->points = 0;
	grant->raw = int64_to_numeric(0);
	grant->at = DT_NOEND;
	if (!granting->condition)
		return true;
	grant->version = granting->rule->version;
	if (granting->since != 0 && !is_good_still(ledger, granting))
		return false;
	if (!points_of(caps, grant, granting, sum_of(changes, grant->version),
				   &points))
		return false;
	grant->raw = sum_of(changes, grant->version);
	if (points != 0)
		grant_new(ledger, grant, granting, points);
	return true;
}

/* raw_of() is what a row with a grant comes to after some changes. */
static Numeric
raw_of(const Grant *grant, List *changes)
{
	Numeric		sum = sum_of(changes, grant->version);

	return ((RowChange *) linitial(changes))->is ? sum :
		numeric_add_opt_error(grant->raw, sum, NULL);
}

/*
 * points_of() is how many points a row earns that comes to 'raw' now, by the
 * rule of its last change; false for more than a movement may have: these earn
 * nothing.
 */
static bool
points_of(Caps *caps, Grant *grant, const RowChange *last, Numeric raw,
		  int64 *points)
{
	const Rule *rule = last->rule;
	TimestampTz at = last->went ? grant->at : last->happened;

	if (!whole_points(caps->ledger, raw, points))
		return false;
	if (rule->cap == 0)
	{
		if (rule->linked)
			grant->at = at;
		return true;
	}
	if (grant->at != DT_NOEND && numeric_is_same(raw, grant->raw) &&
		cap_same_period(caps->ledger, rule, at, grant->at))
		*points = grant->points;
	else
	{
		if (grant->points != 0)
			cap_note(caps, grant->rule, grant->at, -grant->points);
		*points = cap_allows(caps, rule, at, *points);
		cap_note(caps, grant->rule, at, *points);
	}
	grant->at = at;
	return true;
}

/*
 * counting_change() is the last change of a row in the eyes of the version
 * that has granted: one by which it came, if there is one; NULL if the version
 * follows it no more.
 */
static const RowChange *
counting_change(const Grant *grant, List *changes)
{
	const RowChange *last = NULL;
	ListCell   *lc;

	foreach(lc, changes)
	{
		const RowChange *change = lfirst(lc);

		if (change->rule->version == grant->version &&
			(last == NULL || last->went))
			last = change;
	}
	return last;
}

/*
 * granting_change() is the change by which a row without a grant gets one, if
 * its condition holds; NULL if it gets none.
 */
static const RowChange *
granting_change(const Ledger *ledger, const Account *account, List *changes)
{
	const RowChange *last = NULL;
	ListCell   *lc;

	if (!account->joined || !TIMESTAMP_IS_NOEND(account->left_at))
		return NULL;
	foreach(lc, changes)
	{
		const RowChange *change = lfirst(lc);
		const Rule *rule = change->rule;
		TimestampTz when = ledger->at;

		if (change->went && !change->is)
			return NULL;
		if (change->is)
			when = change->happened;
		if (change->went || (change->is && !change->fills &&
							 when < account->joined_at))
			continue;
		if (rule->valid_from <= when && rule->valid_until > when &&
			(last == NULL || rule->version > last->rule->version))
			last = change;
	}
	return last;
}

/*
 * read_grants() reads what rows have earned so far (Grant *), each a list of
 * its changes by a rule.
 */
static List *
read_grants(Ledger *ledger, List *rows)
{
	Account    *account = ledger->accounts;
	const char *who = NULL;
	List	   *grants = NIL;
	List	   *parted = NIL;
	ListCell   *lc;

	foreach(lc, rows)
	{
		const RowChange *first = linitial(lfirst(lc));
		Grant	   *grant = palloc0(sizeof(Grant));

		/* accounts are in the order of rows */
		if (who != NULL && strcmp(who, first->who) != 0)
			account++;
		who = first->who;
		grant->account = account;
		grant->rule = first->rule->name;
		grant->ref = first->ref;
		grant->place = foreach_current_index(lc);
		grant->first = grant;
		read_grant(ledger, grant);
		grants = lappend(grants, grant);
		if (first->rule->parted)
			parted = lappend(parted, grant);
	}
	find_repeated(parted);
	return grants;
}

/*
 * find_repeated() finds rows whose ref several customers have, each in another
 * partition: one of them earns.
 */
static void
find_repeated(List *grants)
{
	Grant	   *last = NULL;
	ListCell   *lc;

	list_sort(grants, by_ref);
	foreach(lc, grants)
	{
		Grant	   *grant = lfirst(lc);

		if (last != NULL && strcmp(last->ref, grant->ref) == 0 &&
			strcmp(last->rule, grant->rule) == 0)
			grant->first = last->first;
		last = grant;
	}
}

/* by_ref() orders grants by ref, rule and customer.  For list_sort(). */
static int
by_ref(const ListCell *a, const ListCell *b)
{
	const Grant *one = lfirst(a);
	const Grant *other = lfirst(b);
	int			order = strcmp(one->ref, other->ref);

	if (order == 0)
		order = strcmp(one->rule, other->rule);
	return order != 0 ? order : one->place - other->place;
}

/* read_grant() reads what a row has earned, if it is there. */
static void
read_grant(Ledger *ledger, Grant *grant)
{
	MemoryContext old = ledger_scratch(ledger);
	TupleTableSlot *row;

	grant->at = DT_NOEND;
	ledger_seek(ledger, GRANTED_BY_REF, CStringGetTextDatum(grant->ref),
				CStringGetTextDatum(grant->rule));
	row = ledger_next(ledger, GRANTED_BY_REF);
	ledger_unscratch(ledger, old);
	if (row != NULL)
		take_grant(ledger, grant, row);
}

/* take_grant() takes a grant from its row. */
static void
take_grant(const Ledger *ledger, Grant *grant, const TupleTableSlot *row)
{
	bool		isnull;
	Datum		at;

	grant->there = true;
	grant->is_others =
		profile_key_compare(ledger->population,
							ledger_value(row, GRANTED_KEY, &isnull),
							grant->account->key) != 0;
	grant->version = DatumGetInt32(ledger_value(row, GRANTED_VERSION,
												&isnull));
	grant->raw = DatumGetNumericCopy(ledger_value(row, GRANTED_RAW, &isnull));
	grant->points = ledger_int64(row, GRANTED_POINTS);
	grant->movement = ledger_int64(row, GRANTED_MOVEMENT);
	at = ledger_value(row, GRANTED_AT, &isnull);
	if (!isnull)
		grant->at = DatumGetTimestampTz(at);
}

/* reversed_by_hand() is how many points of a movement were. */
static int64
reversed_by_hand(Ledger *ledger, int64 movement)
{
	int64		points = 0;
	TupleTableSlot *row;
	bool		isnull;

	ledger_seek(ledger, MOVEMENTS_BY_REVERSED, Int64GetDatum(movement),
				(Datum) 0);
	while ((row = ledger_next(ledger, MOVEMENTS_BY_REVERSED)) != NULL)
	{
		(void) ledger_value(row, MOVEMENT_RULE, &isnull);
		if (isnull)
			points -= ledger_int64(row, MOVEMENT_POINTS);
	}
	return points;
}

/* grant_new() grants points, or takes them if they are less than nothing. */
static void
grant_new(Ledger *ledger, Grant *grant, const RowChange *last, int64 points)
{
	Movement   *movement = lots_move(ledger, grant->account, "earn", points,
									 grant->ref, NULL);

	movement->rule = grant->rule;
	movement->version = grant->version;
	grant->made = movement;
	grant->points = points;
	lots_touch(ledger, movement);
	if (points > 0)
	{
		TimestampTz active_at;
		TimestampTz expires_at = terms_of(ledger, last, &active_at);

		(void) lot_grant(ledger, movement, points, "earn", "issued",
						 active_at, expires_at);
	}
	else
		take_back(ledger, movement, 0, -points, "return", "returned");
}

/*
 * terms_of() is until when, and from when on, points are good that a row earns
 * now; of a row that was there when the rule was made both are counted from
 * its time, as those of an occasion, but are not active before they are
 * granted.
 */
static TimestampTz
terms_of(const Ledger *ledger, const RowChange *last, TimestampTz *active_at)
{
	Ledger		then = *ledger;
	const Rule *rule = last->rule;
	bool		idle = ledger->program->terms.idle;
	TimestampTz expires_at;

	if (last->since != 0 && !idle && last->since < ledger->at)
		then.at = last->since;
	*active_at = grant_active_at(&then, rule->pending);
	/* the program may have got such terms after the rule was made */
	expires_at = grant_expires_at(&then, idle ? NULL : rule->expires,
								  *active_at);
	*active_at = Max(*active_at, ledger->at);
	return expires_at;
}

/*
 * is_good_still() says whether points that are counted from an instant that
 * is gone would not have expired by now.
 */
static bool
is_good_still(const Ledger *ledger, const RowChange *change)
{
	TimestampTz active_at;

	return terms_of(ledger, change, &active_at) > active_at;
}

/* move_difference() grants what a row earns more now, or takes it back. */
static void
move_difference(Ledger *ledger, Grant *grant, const RowChange *last,
				int64 points)
{
	Account    *account = grant->account;
	int64		difference = points - grant->points;
	bool		taken = grant->points < 0;
	Movement   *movement;

	if (grant->movement == 0)
	{
		grant_new(ledger, grant, last, points);
		return;
	}
	/* what was reversed by hand is not taken back once more */
	if (difference < 0 && grant->points > 0)
	{
		int64		reversed = reversed_by_hand(ledger, grant->movement);

		difference = (points > 0 ? Max(points - reversed, 0) : points) -
			Max(grant->points - reversed, 0);
	}
	grant->points = points;
	if (difference == 0)
		return;
	movement = lots_move(ledger, account, difference > 0 ? "earn" : "reverse",
						 difference, grant->ref, NULL);
	movement->rule = grant->rule;
	movement->version = grant->version;
	movement->reverses = grant->movement;
	if (difference < 0)
		take_back(ledger, movement, grant->movement, -difference, "return",
				  "returned");
	else
	{
		List	   *lots = lots_granted(ledger, account, grant->movement);
		TimestampTz active_at;
		TimestampTz expires_at = terms_of(ledger, last, &active_at);

		/* what was taken at once is given back at once */
		if (taken)
		{
			active_at = ledger->at;
			expires_at = grant_expires_at(ledger,
										  ledger->program->terms.idle ? NULL :
										  last->rule->expires, active_at);
		}

		/* at the terms of the grant, unless these are over */
		if (lots != NIL)
		{
			const Lot  *lot = linitial(lots);

			if (lot->expires_at > ledger->at)
			{
				active_at = Max(ledger->at, lot->active_at);
				expires_at = lot->expires_at;
			}
		}
		(void) lot_grant(ledger, movement, difference, "earn", "issued",
						 active_at, expires_at);
	}
}

/* write_grants() writes what rows have earned, that are there or are not. */
static void
write_grants(Ledger *ledger, List *grants, bool there)
{
	MemoryContext old = ledger_scratch(ledger);
	List	   *some = NIL;
	Rows	   *rows;
	ListCell   *lc;

	foreach(lc, grants)
		if (lfirst(lc) != NULL && ((Grant *) lfirst(lc))->there == there)
			some = lappend(some, lfirst(lc));
	rows = rows_make(GRANTED_TABLE, list_length(some));
	foreach(lc, some)
		set_grant(rows, foreach_current_index(lc), lfirst(lc));
	if (some != NIL && there)
		rows_update(ledger, rows, GRANTED_BY_REF, 2);
	else if (some != NIL)
		(void) rows_insert(ledger, rows);
	ledger_forget(ledger);
	ledger_unscratch(ledger, old);
}

/* set_grant() fills in the row of a grant. */
static void
set_grant(Rows *rows, int row, const Grant *grant)
{
	int64		movement = grant->made != NULL ? grant->made->number :
		grant->movement;

	rows_set(rows, row, GRANTED_REF, CStringGetTextDatum(grant->ref));
	rows_set(rows, row, GRANTED_RULE, CStringGetTextDatum(grant->rule));
	rows_set(rows, row, GRANTED_KEY, grant->account->key);
	rows_set(rows, row, GRANTED_VERSION, Int32GetDatum(grant->version));
	rows_set(rows, row, GRANTED_RAW, NumericGetDatum(grant->raw));
	rows_set(rows, row, GRANTED_POINTS, Int64GetDatum(grant->points));
	if (movement != 0)
		rows_set(rows, row, GRANTED_MOVEMENT, Int64GetDatum(movement));
	else
		rows_set_null(rows, GRANTED_MOVEMENT);
	if (!TIMESTAMP_IS_NOEND(grant->at))
		rows_set(rows, row, GRANTED_AT, TimestampTzGetDatum(grant->at));
	else
		rows_set_null(rows, GRANTED_AT);
}

/*
 * whole_points() rounds, as the program says; false for more points than a
 * movement may have: these earn nothing.
 */
static bool
whole_points(Ledger *ledger, Numeric raw, int64 *points)
{
	MemoryContext old = ledger_scratch(ledger);
	bool		countable = round_points(ledger->program, raw, points);

	ledger_unscratch(ledger, old);
	return countable;
}

/* round_points() is whole_points(), which leaves some memory. */
static bool
round_points(const Program *program, Numeric raw, int64 *points)
{
	PGFunction	round = strcmp(program->rounding, "nearest") == 0 ? NULL :
		strcmp(program->rounding, "up") == 0 ? numeric_ceil : numeric_floor;
	Datum		value = NumericGetDatum(raw);
	Datum		zero = NumericGetDatum(int64_to_numeric(0));
	Datum		most = NumericGetDatum(int64_to_numeric(MOST_POINTS));
	Datum		size = DirectFunctionCall1(numeric_abs, value);

	if (DatumGetBool(DirectFunctionCall2(numeric_gt, size, most)))
		return false;
	/* 'down' is towards nothing */
	size = round != NULL ? DirectFunctionCall1(round, size) :
		DirectFunctionCall2(numeric_round, size, Int32GetDatum(0));
	*points = DatumGetInt64(DirectFunctionCall1(numeric_int8, size));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, value, zero)))
		*points = -*points;
	return true;
}

bool
points_countable(Numeric amount)
{
	Datum		size;
	Datum		most = NumericGetDatum(int64_to_numeric(MOST_OF_ROW));

	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		return false;
	size = DirectFunctionCall1(numeric_abs, NumericGetDatum(amount));
	return DatumGetBool(DirectFunctionCall2(numeric_le, size, most));
}

/* numeric_is_same() says whether two numbers are equal. */
static bool
numeric_is_same(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a),
											NumericGetDatum(b)));
}

/* sum_of() adds up what changes of one version come to. */
static Numeric
sum_of(List *changes, int32 version)
{
	Numeric		sum = NULL;
	ListCell   *lc;

	foreach(lc, changes)
	{
		const RowChange *change = lfirst(lc);

		if (change->rule->version != version)
			continue;
		sum = sum == NULL ? change->amount :
			numeric_add_opt_error(sum, change->amount, NULL);
	}
	return sum == NULL ? int64_to_numeric(0) : sum;
}
