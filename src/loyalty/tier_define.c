/*-------------------------------------------------------------------------
 *
 * tier_define.c
 *	  Tiers are made, changed and dropped.
 *
 *		SELECT segment.create_tier('club', 'silver', 500);
 *		SELECT segment.create_tier('club', 'gold', 1000);
 *		SELECT segment.create_tier('club', 'ruby', 700, below => 'gold');
 *
 * Where tiers are held, the steps of all customers are computed anew.  Where
 * nothing is held, the tier and what is missing to the next are formulas:
 *
 *		club_tier		case when club_qualified >= 1000 then "gold" ... end
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "trait/trait.h"
#include "loyalty/tier_private.h"

SEGMENT_FUNCTION(segment_create_tier);
SEGMENT_FUNCTION(segment_alter_tier);
SEGMENT_FUNCTION(segment_drop_tier);

/* So many tiers a program may have. */
#define MOST_TIERS		100

/* What is asked for of a tier. */
typedef struct AskedTier
{
	char	   *program;
	char	   *tier;
	bool		creates;
	bool		drops;
	bool		has_threshold;
	Datum		threshold;
	char	   *below;			/* or NULL */
	char	   *description;	/* or NULL */
} AskedTier;

static FlowKept change_tier(const Population *population, void *context);
static void add_live_traits(const Population *population,
							const Tiering *tiering, FlowKept *kept);
static char *live_case(const Tiering *tiering, bool to_next);
static void check_tier(const Tiering *tiering, const AskedTier *asked);
static void check_order(const Tiering *tiering, const AskedTier *asked,
						int number);
static int	compare(Datum a, Datum b);
static void write_tier(const Population *population, const AskedTier *asked);
static char *numeric_text(Datum number);

/*
 * create_tier(program, tier, threshold, below, description, population)
 */
Datum
segment_create_tier(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 5);
	char	   *name = pstrdup(population->name);
	AskedTier	asked = {.creates = true};

	asked.program = name_argument(fcinfo, 0, "program");
	asked.tier = name_argument(fcinfo, 1, "tier");
	check_given_name(asked.tier, "a tier");
	asked.has_threshold = !PG_ARGISNULL(2);
	asked.threshold = asked.has_threshold ? PG_GETARG_DATUM(2) : (Datum) 0;
	asked.below = PG_ARGISNULL(3) ? NULL : name_argument(fcinfo, 3, "tier");
	asked.description = text_argument(fcinfo, 4);
	flow_keep(population, "create_tier", change_tier, &asked);
	tiering_update_all(name, asked.program);
	PG_RETURN_VOID();
}

/*
 * alter_tier(program, tier, threshold, description, population)
 */
Datum
segment_alter_tier(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 4);
	char	   *name = pstrdup(population->name);
	AskedTier	asked = {0};

	asked.program = name_argument(fcinfo, 0, "program");
	asked.tier = name_argument(fcinfo, 1, "tier");
	asked.has_threshold = !PG_ARGISNULL(2);
	asked.threshold = asked.has_threshold ? PG_GETARG_DATUM(2) : (Datum) 0;
	asked.description = text_argument(fcinfo, 3);
	flow_keep(population, "alter_tier", change_tier, &asked);
	tiering_update_all(name, asked.program);
	PG_RETURN_VOID();
}

/*
 * drop_tier(program, tier, population)
 */
Datum
segment_drop_tier(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 2);
	char	   *name = pstrdup(population->name);
	AskedTier	asked = {.drops = true};

	asked.program = name_argument(fcinfo, 0, "program");
	asked.tier = name_argument(fcinfo, 1, "tier");
	flow_keep(population, "drop_tier", change_tier, &asked);
	tiering_update_all(name, asked.program);
	PG_RETURN_VOID();
}

/* change_tier() makes, changes or drops a tier.  A FlowMake. */
static FlowKept
change_tier(const Population *population, void *context)
{
	const AskedTier *asked = context;
	FlowKept	kept = {.still = true};
	Tiering    *tiering = tiering_must_find(population, asked->program);

	check_tier(tiering, asked);
	write_tier(population, asked);
	tiering = tiering_must_find(population, asked->program);
	if (!tiering->live)
		return kept;
	if (tiering->ntiers == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" is the last tier of program \"%s\"",
						asked->tier, asked->program),
				 errhint("Drop the tiering with segment.drop_tiering().")));
	add_live_traits(population, tiering, &kept);
	return kept;
}

/* add_live_traits() adds those of tiers that are not held. */
static void
add_live_traits(const Population *population, const Tiering *tiering,
				FlowKept *kept)
{
	static const char *const forms[][2] = {
		{"tier", "the tier that the customer reaches; missing: none"},
		{"points_to_next_tier",
		"what is missing to the next tier; missing: there is none above"},
	};

	for (int i = 0; i < lengthof(forms); i++)
	{
		FlowTrait  *trait = palloc0(sizeof(FlowTrait));

		trait->name = psprintf("%s_%s", tiering->program, forms[i][0]);
		trait->definition = live_case(tiering, i == 1);
		trait->description = forms[i][1];
		if (trait_by_name(population, trait->name) == NULL)
			kept->traits = lappend(kept->traits, trait);
		else
			kept->redefined = lappend(kept->redefined, trait);
	}
}

/* live_case() is the formula of the tier, or of what is missing to the next */
static char *
live_case(const Tiering *tiering, bool to_next)
{
	const char *qualified = psprintf("%s_qualified", tiering->program);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "case");
	for (int i = 1; i <= tiering->ntiers; i++)
	{
		int			number = to_next ? i : tiering->ntiers + 1 - i;
		char	   *threshold = numeric_text(tiering->tiers[number].threshold);

		if (to_next)
			appendStringInfo(&text, " when %s < %s then %s - %s", qualified,
							 threshold, threshold, qualified);
		else
		{
			FilterNode *name = filter_node(FILTER_STRING,
										   tiering->tiers[number].name, -1);

			appendStringInfo(&text, " when %s >= %s then %s", qualified,
							 threshold, filter_print(name));
		}
	}
	appendStringInfoString(&text, " end");
	return text.data;
}

/* check_tier() refuses a tier that cannot be, or that is not there. */
static void
check_tier(const Tiering *tiering, const AskedTier *asked)
{
	int			number = tier_number(tiering, asked->tier);
	List	   *names = NIL;
	const char *missing = number == 0 && !asked->creates ? asked->tier : NULL;
	const char *nearest;

	for (int i = 1; i <= tiering->ntiers; i++)
		names = lappend(names, tiering->tiers[i].name);
	if (asked->below != NULL && tier_number(tiering, asked->below) == 0)
		missing = asked->below;
	if (missing != NULL)
	{
		nearest = nearest_name(missing, names);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("program \"%s\" has no tier \"%s\"",
						tiering->program, missing),
				 nearest ? errhint("Perhaps you meant %s.",
								   quote_literal_cstr(nearest)) :
				 errhint("Create it with segment.create_tier().")));
	}
	if (asked->creates && number > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("program \"%s\" has a tier \"%s\" already",
						tiering->program, asked->tier),
				 errhint("Change it with segment.alter_tier().")));
	if (asked->creates && tiering->ntiers >= MOST_TIERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("program \"%s\" may have %d tiers",
						tiering->program, MOST_TIERS),
				 errdetail("An event writes ahead how a customer falls from tier to tier.")));
	if (asked->creates && !asked->has_threshold)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the threshold of tier \"%s\" must be given",
						asked->tier),
				 errhint("For example threshold => 500.")));
	if (asked->has_threshold)
		check_order(tiering, asked, number);
}

/*
 * check_order() refuses a threshold that is not between those of the tiers
 * below and above: a new tier is the highest, unless it is put below one.
 */
static void
check_order(const Tiering *tiering, const AskedTier *asked, int number)
{
	Numeric		threshold = DatumGetNumeric(asked->threshold);
	int			above = number > 0 ? number + 1 : asked->below == NULL ?
		tiering->ntiers + 1 : tier_number(tiering, asked->below);
	int			below = number > 0 ? number - 1 : above - 1;
	const Tier *lower = below > 0 ? &tiering->tiers[below] : NULL;
	const Tier *higher = above <= tiering->ntiers ? &tiering->tiers[above] :
		NULL;
	const char *given = numeric_text(asked->threshold);

	if (numeric_is_nan(threshold) || numeric_is_inf(threshold) ||
		compare(asked->threshold, NumericGetDatum(int64_to_numeric(0))) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of tier \"%s\" must be 0 or more, not %s",
						asked->tier, given),
				 errhint("A tier from 0 on is that of all members.")));
	if (lower != NULL && compare(asked->threshold, lower->threshold) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of tier \"%s\" is not above that of tier \"%s\"",
						asked->tier, lower->name),
				 errdetail("Tier \"%s\" begins at %s, and \"%s\" would at %s.",
						   lower->name, numeric_text(lower->threshold),
						   asked->tier, given),
				 asked->creates ?
				 errhint("Write below => %s, if it is to be below that one.",
						 quote_literal_cstr(lower->name)) :
				 errhint("Change tier \"%s\" first.", lower->name)));
	if (higher != NULL && compare(asked->threshold, higher->threshold) >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of tier \"%s\" is not below that of tier \"%s\"",
						asked->tier, higher->name),
				 errdetail("Tier \"%s\" begins at %s, and \"%s\" would at %s.",
						   higher->name, numeric_text(higher->threshold),
						   asked->tier, given),
				 errhint("Change tier \"%s\" first.", higher->name)));
}

/* compare() compares numbers. */
static int
compare(Datum a, Datum b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, b));
}

/* write_tier() writes the row of segment.tier. */
static void
write_tier(const Population *population, const AskedTier *asked)
{
	const char *sql = asked->drops ?
		"DELETE FROM segment.tier"
		" WHERE population = $1 AND program = $2 AND tier = $3" :
		asked->creates ?
		"INSERT INTO segment.tier (population, program, tier, threshold,"
		" description) VALUES ($1, $2, $3, $4, $5)" :
		"UPDATE segment.tier SET threshold = coalesce($4, threshold),"
		" description = coalesce($5, description)"
		" WHERE population = $1 AND program = $2 AND tier = $3";

	catalog_execute(sql, asked->drops ? 3 : 5,
					(Oid[]) {NAMEOID, NAMEOID, NAMEOID, NUMERICOID, TEXTOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(asked->program),
							   name_datum(asked->tier), asked->threshold,
							   text_datum(asked->description)},
					(bool[]) {false, false, false, !asked->has_threshold,
							  asked->description == NULL});
	population_changed(population);
	CommandCounterIncrement();
}

/* numeric_text() is a number as text. */
static char *
numeric_text(Datum number)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, number));
}
