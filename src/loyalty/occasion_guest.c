/*-------------------------------------------------------------------------
 *
 * occasion_guest.c
 *	  Who has entered an audience that earns, and who has left one again?
 *
 *		fold		transitions 17 to 25 of the feed
 *			17	customer 7 entered has_birthday, 3 May		7 2026-01-01: 50
 *			25	customer 9 entered has_ordered				9: 50; and 7, who
 *														brought 9 along, 100
 *
 * What has earned is known by the customer and the first day of the period, so
 * that an occasion is granted once, however often anybody ticks, enters and
 * leaves.  The transitions that an edited filter makes earn nothing.
 *
 * Who leaves the audience of referrals again, as by a refund, while the points
 * are pending, gives them back, and so does the referrer.  For that points are
 * counted from the instant at which the audience was entered, whenever that is
 * folded.
 *
 * Locks.  A fold waits for nobody who has locked the profiles of a population
 * as a whole (flow_fold_population), so it may lock some of them here, in the
 * order of their keys, as a statement of events does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "flow/flow.h"
#include "loyalty/occasion_private.h"

/* Whoever entered or left. */
typedef struct Entrant
{
	Datum		key;
	char	   *who;
	char	   *audience;
	bool		entered;
	TimestampTz at;
} Entrant;

/* population, first, last, program: who entered and left, in which order? */
static const char *const entrants_sql =
	"SELECT f.key::{key}, t.audience::name, t.entered, f.at"
	" FROM segment.feed f CROSS JOIN LATERAL"
	" unnest(coalesce(f.audiences, ARRAY[f.audience]),"
	" coalesce(f.entered, ARRAY[f.change = 'entered'])) WITH ORDINALITY"
	" AS t (audience, entered, n) WHERE f.population = $1::text"
	" AND f.seq BETWEEN $2 AND $3 AND f.members IS NULL"
	" AND f.cause IN ('event', 'time') AND t.audience IN (SELECT"
	" o.audience::text FROM segment.occasion o WHERE o.population = $1"
	" AND o.program = $4) ORDER BY f.seq, t.n";

static const FlowInterest *interest(const Source *source);
static void folded(const Population *population, int64 first, int64 last);
static List *occasions_of(const Population *population, const char *program);
static List *read_entrants(const Program *program, int64 first, int64 last);
static void grant(const Program *program, List *occasions, List *entrants);
static List *add_changes(const Program *program, const Occasion *occasion,
						 const Entrant *entrant, List *changes);
static List *add_change(const Occasion *occasion, const Entrant *entrant,
						RowChange change, List *changes);
static char *ref_of(const Program *program, const Occasion *occasion,
					const Entrant *entrant);
static bool is_pending(const Program *program, const Occasion *occasion,
					   const Entrant *entrant, const char *ref,
					   List *changes);
static RowChange *find_change(List *changes, const char *rule,
							  const char *ref);
static void lock_profiles(const Population *population, List *changes);
static int	by_key(const ListCell *a, const ListCell *b);

/* by_key() compares keys of this population. */
static const Population *sorted = NULL;

static const FlowGuest guest = {
	.name = "loyalty occasions",
	.interest = interest,
	.folded = folded,
};

void
occasion_guest_init(void)
{
	flow_register_guest(&guest);
}

/* Rows of sources are of no interest.  Of a FlowGuest. */
static const FlowInterest *
interest(const Source *source)
{
	return NULL;
}

/* The feed went on: who earns by that?  Of a FlowGuest. */
static void
folded(const Population *population, int64 first, int64 last)
{
	ListCell   *lc;

	foreach(lc, program_names(population))
	{
		List	   *occasions = occasions_of(population, lfirst(lc));
		const Program *program = occasions == NIL ? NULL :
			program_find(population, lfirst(lc));
		List	   *entrants = program == NULL ? NIL :
			read_entrants(program, first, last);

		if (entrants != NIL)
			grant(program, occasions, entrants);
	}
}

/* occasions_of() lists the occasions (Occasion *) of a program. */
static List *
occasions_of(const Population *population, const char *program)
{
	List	   *occasions = NIL;
	ListCell   *lc;

	foreach(lc, occasions_read(population))
		if (strcmp(((Occasion *) lfirst(lc))->program, program) == 0)
			occasions = lappend(occasions, lfirst(lc));
	return occasions;
}

/*
 * read_entrants() reads who entered and left audiences of a program's
 * occasions (Entrant *), in the order in which it happened.
 */
static List *
read_entrants(const Program *program, int64 first, int64 last)
{
	const Population *population = program->population;
	List	   *entrants = NIL;
	Datum		values[] = {
		name_datum(population->name), Int64GetDatum(first),
		Int64GetDatum(last), name_datum(program->name),
	};

	(void) catalog_execute(program_sql(program, entrants_sql), 4,
						   (Oid[]) {NAMEOID, INT8OID, INT8OID, NAMEOID},
						   values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Entrant    *entrant = palloc(sizeof(Entrant));
		bool		isnull;
		Datum		key = result_value(i, 1, &isnull);

		entrant->key = profile_key_copy(population, key);
		entrant->who = profile_key_text(population, key);
		entrant->audience =
			pstrdup(NameStr(*DatumGetName(result_value(i, 2, &isnull))));
		entrant->entered = DatumGetBool(result_value(i, 3, &isnull));
		entrant->at = DatumGetTimestampTz(result_value(i, 4, &isnull));
		entrants = lappend(entrants, entrant);
	}
	return entrants;
}

/* grant() grants what those earn who entered, and takes back from others. */
static void
grant(const Program *program, List *occasions, List *entrants)
{
	List	   *changes = NIL;
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, entrants)
		foreach(one, occasions)
		{
			const Entrant *entrant = lfirst(lc);
			const Occasion *occasion = lfirst(one);

			if (strcmp(occasion->audience, entrant->audience) == 0 &&
				(entrant->entered || occasion->referrer > 0))
				changes = add_changes(program, occasion, entrant, changes);
		}
	if (changes == NIL)
		return;
	sorted = program->population;
	list_sort(changes, by_key);
	lock_profiles(program->population, changes);
	grants_apply(program, changes);
}

/* add_changes() adds what an occasion makes of an entrant. */
static List *
add_changes(const Program *program, const Occasion *occasion,
			const Entrant *entrant, List *changes)
{
	RowChange	change = {.key = entrant->key,.who = entrant->who};
	Datum		referrer;
	bool		isnull;

	change.ref = ref_of(program, occasion, entrant);
	change.amount = int64_to_numeric(occasion->points);
	if (occasion->referrer == 0)
		return add_change(occasion, entrant, change, changes);

	if (!entrant->entered &&
		!is_pending(program, occasion, entrant, change.ref, changes))
		return changes;
	if (ledger_execute(program, ASK_REFERRER, &entrant->key, NULL) == 0)
		return changes;
	referrer = profile_key_copy(program->population,
								result_value(0, 1, &isnull));
	changes = add_change(occasion, entrant, change, changes);
	change.key = referrer;
	change.who = profile_key_text(program->population, referrer);
	change.ref = psprintf("for %s", entrant->who);
	change.amount = int64_to_numeric(occasion->referrer);
	return add_change(occasion, entrant, change, changes);
}

/*
 * add_change() adds a change that says what an occasion comes to now, in place
 * of an earlier one of the same fold.
 */
static List *
add_change(const Occasion *occasion, const Entrant *entrant, RowChange change,
		   List *changes)
{
	Rule	   *rule = palloc0(sizeof(Rule));
	RowChange  *known = find_change(changes, occasion->name, change.ref);

	rule->program = occasion->program;
	rule->name = occasion->name;
	rule->version = 1;
	rule->pending = occasion->pending;
	rule->expires = occasion->expires;
	rule->valid_from = occasion->valid_from;
	rule->valid_until = occasion->valid_until;
	rule->linked = true;
	change.rule = rule;
	change.is = true;
	change.went = !entrant->entered;
	if (change.went)
		change.amount = int64_to_numeric(0);
	change.happened = entrant->at;
	change.since = entrant->at;
	change.condition = true;
	if (known != NULL)
	{
		*known = change;
		return changes;
	}
	known = palloc(sizeof(RowChange));
	*known = change;
	return lappend(changes, known);
}

/* ref_of() is what an occasion of a customer and period is known by. */
static char *
ref_of(const Program *program, const Occasion *occasion,
	   const Entrant *entrant)
{
	CalendarUnit unit;
	DateADT		day;
	int			year;
	int			month;
	int			day_of_month;

	if (!period_parse(occasion->per, &unit))
		return entrant->who;
	day = calendar_period_start(unit, calendar_day(program->zone,
												   entrant->at), 0);
	/* written in one way, whatever the session's is */
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &day_of_month);
	return psprintf("%s %04d-%02d-%02d", entrant->who, year, month,
					day_of_month);
}

/*
 * is_pending() says whether points of an occasion are not active yet when
 * somebody leaves again: those that an earlier transition of the same fold
 * grants, or that are granted already.
 */
static bool
is_pending(const Program *program, const Occasion *occasion,
		   const Entrant *entrant, const char *ref, List *changes)
{
	Datum		values[] = {
		CStringGetTextDatum(occasion->name), CStringGetTextDatum(ref),
	};
	Interval	span = program_pending(program, occasion->pending);
	const RowChange *change = find_change(changes, occasion->name, ref);
	TimestampTz since;
	bool		isnull;

	if (change != NULL)
	{
		if (change->went)
			return false;
		since = change->happened;
	}
	else if (ledger_execute(program, ASK_GRANTED_AT, values, NULL) > 0)
		since = DatumGetTimestampTz(result_value(0, 1, &isnull));
	else
		return false;
	return entrant->at < calendar_add(program->zone, since, &span);
}

/* find_change() is the change of that rule and ref, or NULL. */
static RowChange *
find_change(List *changes, const char *rule, const char *ref)
{
	ListCell   *lc;

	foreach(lc, changes)
	{
		RowChange  *change = lfirst(lc);

		if (strcmp(change->rule->name, rule) == 0 &&
			strcmp(change->ref, ref) == 0)
			return change;
	}
	return NULL;
}

/*
 * lock_profiles() locks the customers of changes, which are in the order of
 * keys, and says as of when each was decided last.
 */
static void
lock_profiles(const Population *population, List *changes)
{
	ProfileTable *table = profile_open(population);
	const RowChange *last = NULL;
	ListCell   *lc;

	foreach(lc, changes)
	{
		RowChange  *change = lfirst(lc);

		if (last != NULL && strcmp(last->who, change->who) == 0)
			change->at = last->at;
		else
		{
			TupleTableSlot *row = profile_lock(table, change->key);

			change->at = row == NULL ? clock_now() :
				profile_evaluated_at(population, row);
		}
		last = change;
	}
	profile_close(table);
	CommandCounterIncrement();
}

/* by_key() orders changes by key, rule and ref.  For list_sort(). */
static int
by_key(const ListCell *a, const ListCell *b)
{
	const RowChange *one = lfirst(a);
	const RowChange *other = lfirst(b);
	int			order = profile_key_compare(sorted, one->key, other->key);

	if (order == 0)
		order = strcmp(one->rule->name, other->rule->name);
	return order != 0 ? order : strcmp(one->ref, other->ref);
}
