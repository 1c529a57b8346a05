/*-------------------------------------------------------------------------
 *
 * tiering_define.c
 *	  Tierings are made, changed and dropped.
 *
 *		SELECT segment.create_tiering('club', 'earned', period => 'this year',
 *									  hold => 'end of next year');
 *
 * makes, where tiers are held, the tables profile_club_step and
 * profile_club_kept for the population's owner, attaches the steps as source
 * club_step, and defines traits:
 *
 *		club_qualified				sum(club_entry.points ... in this year)
 *		club_tier					nullif(last(club_step.tier so far), "")
 *		club_tier_until				nullif(last(club_step.until so far), ...)
 *		club_points_to_next_tier	case when club_left_at is not set then
 *									nullif(last(club_step.next so far), 0)
 *									- club_qualified end
 *
 * Where nothing is held, there is only the first: the tiers make the others
 * (tier_define.c).
 *
 * Whatever is defined, the steps of all customers are computed anew, while
 * nobody else writes their profiles; and nobody loses by that a tier whose
 * hold has not ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "trait/trait.h"
#include "loyalty/tier_private.h"

SEGMENT_FUNCTION(segment_create_tiering);
SEGMENT_FUNCTION(segment_alter_tiering);
SEGMENT_FUNCTION(segment_drop_tiering);

/* What is asked for of a tiering. */
typedef struct Asked
{
	char	   *program;
	bool		creates;
	char	   *qualify;		/* or NULL, as all that follows: what it is */
	char	   *period;
	char	   *hold;
	char	   *downgrade;
	char	   *grace;
	char	   *returns;
} Asked;

/* Traits; %s is the name of the program. */
typedef struct TraitForm
{
	const char *name;
	const char *definition;
	const char *description;
} TraitForm;

#define QUALIFIED	"qualified"
#define TIER		"tier"
#define TO_NEXT		"points_to_next_tier"

static const TraitForm held_traits[] = {
	{TIER, "nullif(last(%s_step.tier so far), \"\")",
	"the tier that the customer has; missing: none"},
	{"tier_until", "nullif(last(%s_step.until so far), \"infinity\")",
	"until when the customer holds the tier; missing: it does not end, or there is none"},
	{TO_NEXT, "case when %1$s_left_at is not set then"
		" nullif(last(%1$s_step.next so far), 0) - %1$s_qualified end",
	"what is missing to the next tier; missing: there is none above, or the customer has left"},
};

static const char *const trait_names_of_tiers[] = {TO_NEXT, "tier_until",
TIER, QUALIFIED};

static char *optional_text(FunctionCallInfo fcinfo, int argument);
static FlowKept make_tiering(const Population *population, void *context);
static FlowKept change_tiering(const Population *population, void *context);
static void check_program(const Population *population, const char *program);
static void check_terms(const Population *population, Asked *asked,
						const Window *window);
static void check_ends(const Asked *asked, const Terms *hold,
					   const Window *window);
static void write_tiering(const Population *population, const Asked *asked,
						  Oid step, Oid kept);
static Oid	make_table(const Population *population, const char *program,
					   bool of_steps);
static FlowTrait *flow_trait(const char *program, const char *name,
							 const char *definition, const char *description);
static FlowTrait *qualified_trait(const Asked *asked);
static void unmake_tiering(const Population *population, void *context);
static void delete_tiering(const char *population, const char *program);

/* ---- tierings ---- */

/*
 * create_tiering(program, qualify, period, hold, downgrade, grace, returns,
 *				  population)
 */
Datum
segment_create_tiering(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 7);
	char	   *name = pstrdup(population->name);
	Asked		asked = {.creates = true};

	asked.program = name_argument(fcinfo, 0, "program");
	asked.qualify = optional_text(fcinfo, 1);
	asked.period = optional_text(fcinfo, 2);
	asked.hold = optional_text(fcinfo, 3);
	asked.downgrade = optional_text(fcinfo, 4);
	asked.grace = optional_text(fcinfo, 5);
	asked.returns = optional_text(fcinfo, 6);
	if (asked.qualify == NULL)
		asked.qualify = "earned";
	if (asked.period == NULL)
		asked.period = "last 12 months";
	if (asked.hold == NULL)
		asked.hold = "12 months";
	if (asked.downgrade == NULL)
		asked.downgrade = "reassess";
	if (asked.grace == NULL)
		asked.grace = "none";
	if (asked.returns == NULL)
		asked.returns = "reassess";
	/* what is asked for mentions the program */
	population_check_owner(population);
	check_program(population, asked.program);
	check_terms(population, &asked, NULL);
	flow_keep(population, "create_tiering", make_tiering, &asked);
	tiering_update_all(name, asked.program);
	PG_RETURN_VOID();
}

/*
 * alter_tiering(program, qualify, period, hold, downgrade, grace, returns,
 *				 population)
 *
 * What is not given stays.
 */
Datum
segment_alter_tiering(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 7);
	char	   *name = pstrdup(population->name);
	Asked		asked = {0};

	asked.program = name_argument(fcinfo, 0, "program");
	asked.qualify = optional_text(fcinfo, 1);
	asked.period = optional_text(fcinfo, 2);
	asked.hold = optional_text(fcinfo, 3);
	asked.downgrade = optional_text(fcinfo, 4);
	asked.grace = optional_text(fcinfo, 5);
	asked.returns = optional_text(fcinfo, 6);
	flow_keep(population, "alter_tiering", change_tiering, &asked);
	tiering_update_all(name, asked.program);
	PG_RETURN_VOID();
}

/*
 * drop_tiering(program, cascade, population)
 */
Datum
segment_drop_tiering(PG_FUNCTION_ARGS)
{
	char	   *program = name_argument(fcinfo, 0, "program");
	const Population *population = population_argument(fcinfo, 2);
	FlowUnkept	unkept = {
		.function = "drop_tiering",
		.kind = "tiering of program",
		.name = program,
		.cascade = flag_argument(fcinfo, 1),
	};

	population_check_owner(population);
	(void) tiering_must_find(population, program);
	unkept.sources = tier_sources(population, program);
	unkept.traits = tier_traits(program);
	flow_unkeep(population, &unkept, unmake_tiering, program);
	PG_RETURN_VOID();
}

/* An argument that may be left out, in small letters but for names. */
static char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return NULL;
	return argument == 1 ? text_argument(fcinfo, argument) :
		lower_text(fcinfo, argument);
}

/* make_tiering() makes the tables of a tiering.  A FlowMake. */
static FlowKept
make_tiering(const Population *population, void *context)
{
	const Asked *asked = context;
	const char *program = asked->program;
	bool		live = strcmp(asked->hold, NO_HOLD) == 0;
	FlowKept	kept = {NIL};
	Oid			step = InvalidOid;
	FlowSource *source;

	check_program(population, program);
	if (tiering_find(population, program) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("program \"%s\" has a tiering already", program),
				 errhint("Change it with segment.alter_tiering().")));
	kept.traits = list_make1(qualified_trait(asked));
	if (live)
	{
		write_tiering(population, asked, InvalidOid, InvalidOid);
		return kept;
	}
	step = make_table(population, program, true);
	write_tiering(population, asked, step,
				  make_table(population, program, false));
	source = palloc0(sizeof(FlowSource));
	source->relid = step;
	source->name = psprintf("%s_step", program);
	source->key = "key";
	source->at = "at";
	kept.sources = list_make1(source);
	for (int i = 0; i < lengthof(held_traits); i++)
	{
		const TraitForm *form = &held_traits[i];

		kept.traits = lappend(kept.traits,
							  flow_trait(program, form->name,
										 form->definition,
										 form->description));
	}
	kept.still = true;
	return kept;
}

/* change_tiering() changes one.  A FlowMake. */
static FlowKept
change_tiering(const Population *population, void *context)
{
	Asked	   *asked = context;
	Tiering    *tiering = tiering_must_find(population, asked->program);
	FlowKept	kept = {.still = true};
	bool		qualifies = asked->qualify != NULL || asked->period != NULL;

	if (asked->hold != NULL &&
		tiering->live != (strcmp(asked->hold, NO_HOLD) == 0))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 tiering->live ?
				 errmsg("tiers of program \"%s\" are not held",
						asked->program) :
				 errmsg("tiers of program \"%s\" are held", asked->program),
				 errhint("Drop the tiering with segment.drop_tiering(), and create another one.")));
	if (asked->qualify == NULL || asked->period == NULL)
	{
		char	   *qualify;
		char	   *period;
		const Trait *trait =
			trait_by_name(population, psprintf("%s_" QUALIFIED,
											   asked->program));

		if (trait != NULL && qualifies)
		{
			qualified_parts(trait->definition, &qualify, &period);
			asked->qualify = asked->qualify ? asked->qualify : qualify;
			asked->period = asked->period ? asked->period : period;
		}
		else if (trait == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("what customers of program \"%s\" qualify by was dropped",
							asked->program),
					 errhint("Give both qualify and period.")));
	}
	asked->hold = asked->hold ? asked->hold : tiering->hold_text;
	asked->downgrade = asked->downgrade ? asked->downgrade :
		tiering->downgrade_text;
	asked->grace = asked->grace ? asked->grace : tiering->grace_text;
	asked->returns = asked->returns ? asked->returns : tiering->returns_text;
	check_terms(population, asked, tiering->window);
	write_tiering(population, asked, tiering->step, tiering->kept);
	if (!qualifies)
		return kept;
	if (trait_by_name(population,
					  psprintf("%s_" QUALIFIED, asked->program)) == NULL)
		kept.traits = list_make1(qualified_trait(asked));
	else
		kept.redefined = list_make1(qualified_trait(asked));
	return kept;
}

/*
 * check_terms() checks what is asked for, and writes it as we keep it.
 * 'window' is that of a tiering that is there, or NULL.
 */
static void
check_terms(const Population *population, Asked *asked, const Window *window)
{
	static const char *const downgrades[] = {"reassess", "one", "never", NULL};
	static const char *const policies[] = {"keep", "reassess", NULL};
	bool		holds = strcmp(asked->hold, NO_HOLD) != 0;
	Terms		hold;
	Interval	grace;

	if (holds)
	{
		hold = hold_parse(asked->hold);
		asked->hold = terms_text(&hold);
	}
	asked->downgrade = one_of(asked->downgrade, "downgrade", downgrades);
	asked->returns = one_of(asked->returns, "returns", policies);
	grace = span_parse(asked->grace, "grace", true);
	asked->grace = span_text(&grace);
	if (asked->qualify != NULL && asked->period != NULL)
	{
		(void) qualified_definition(asked->program, asked->qualify,
									asked->period);
		window = filter_window(period_window(asked->period),
							   population->timezone);
	}
	if (holds && window != NULL)
		check_ends(asked, &hold, window);
}

/* check_ends() refuses a hold that ends too often within the period. */
static void
check_ends(const Asked *asked, const Terms *hold, const Window *window)
{
	const char *trouble = hold_trouble(hold, window);

	if (trouble != NULL && strcmp(asked->downgrade, "never") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", trouble),
				 errdetail("Each event writes ahead what follows upon these ends."),
				 errhint("Choose a longer hold or a shorter period; or let a tier be what the sum reaches now: hold => '%s'",
						 NO_HOLD)));
}

/* check_program() refuses a program that is missing, or whose name is long. */
static void
check_program(const Population *population, const char *program)
{
	int			most = NAMEDATALEN - 2 - (int) strlen(TO_NEXT);

	if (program_find(population, program) == NULL)
		program_refuse_unknown(population, program);
	if (strlen(program) > most)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name of program \"%s\" is too long for tiers",
						program),
				 errdetail("Traits begin with it, so it may have %d bytes.",
						   most),
				 errhint("Create the program with a shorter name.")));
}

/* write_tiering() writes the row of segment.tiering. */
static void
write_tiering(const Population *population, const Asked *asked, Oid step,
			  Oid kept)
{
	bool		live = !OidIsValid(step);

	catalog_execute("INSERT INTO segment.tiering (population, program, hold,"
					" downgrade, grace, returns, step, kept)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
					" ON CONFLICT (population, program) DO UPDATE"
					" SET hold = excluded.hold,"
					" downgrade = excluded.downgrade,"
					" grace = excluded.grace, returns = excluded.returns",
					8, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID, TEXTOID,
							   TEXTOID, REGCLASSOID, REGCLASSOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(asked->program),
							   CStringGetTextDatum(asked->hold),
							   CStringGetTextDatum(asked->downgrade),
							   CStringGetTextDatum(asked->grace),
							   CStringGetTextDatum(asked->returns),
							   ObjectIdGetDatum(step),
							   ObjectIdGetDatum(kept)},
					(bool[]) {false, false, false, false, false, false, live,
							  live});
	population_changed(population);
	CommandCounterIncrement();
}

/* make_table() makes one of the tables, for the population's owner. */
static Oid
make_table(const Population *population, const char *program, bool of_steps)
{
	static const char *const comments[][3] = {
		{"key", "key of the customer", "key of the customer"},
		{"at", "from when on the customer has the tier",
		"from when on the tier is kept"},
		{"tier", "name of the tier; empty: none", "name of the tier"},
		{"until", "until when it is held; infinity: it does not end",
		"until when it is kept"},
		{"next", "threshold of the tier above; 0: there is none", NULL},
		{"ahead", "time of the last event that was known; of the future or not",
		NULL},
	};
	const char *label = of_steps ? "step" : "kept";
	Oid			schema = get_namespace_oid(SEGMENT_DATA_SCHEMA, false);
	char	   *name = ChooseRelationName(population->name, NULL,
										  psprintf("%s_%s", program, label),
										  schema, false);
	char	   *key = format_type_be_qualified(population->key_type);
	char	   *comment;
	Oid			relid;

	relid = data_table_create(name,
							  psprintf("(key %s, at timestamptz,"
									   " tier text NOT NULL,"
									   " until timestamptz NOT NULL,"
									   " %s)", key, of_steps ?
									   "next numeric NOT NULL,"
									   " ahead timestamptz NOT NULL,"
									   " PRIMARY KEY (key, at)" :
									   "PRIMARY KEY (key, at, tier)"),
							  NULL);
	comment = psprintf("%s of program \"%s\" of population \"%s\"", of_steps ?
					   "steps of customers from tier to tier" :
					   "tiers that customers keep", program,
					   population->name);
	catalog_execute(psprintf("COMMENT ON TABLE %s IS %s",
							 relation_name(relid),
							 quote_literal_cstr(comment)),
					0, NULL, NULL, NULL);
	for (int i = 0; i < lengthof(comments); i++)
	{
		const char *one = comments[i][of_steps ? 1 : 2];

		if (one != NULL)
			catalog_execute(psprintf("COMMENT ON COLUMN %s.%s IS %s",
									 relation_name(relid), comments[i][0],
									 quote_literal_cstr(one)),
							0, NULL, NULL, NULL);
	}
	data_table_give(relid, relation_owner(population->oid));
	return relid;
}

/* ---- traits ---- */

/* flow_trait() is a trait of a program, whose name is %s in its definition. */
static FlowTrait *
flow_trait(const char *program, const char *name, const char *definition,
		   const char *description)
{
	FlowTrait  *trait = palloc0(sizeof(FlowTrait));
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = definition; *c != '\0';)
	{
		int			length = strncmp(c, "%1$s", 4) == 0 ? 4 :
			strncmp(c, "%s", 2) == 0 ? 2 : 0;

		if (length > 0)
			appendStringInfoString(&text, program);
		else
			appendStringInfoChar(&text, *c);
		c += Max(length, 1);
	}
	trait->name = psprintf("%s_%s", program, name);
	trait->definition = text.data;
	trait->description = description;
	return trait;
}

/* qualified_trait() is the trait of what customers qualify by. */
static FlowTrait *
qualified_trait(const Asked *asked)
{
	FlowTrait  *trait = palloc0(sizeof(FlowTrait));

	trait->name = psprintf("%s_" QUALIFIED, asked->program);
	trait->definition = qualified_definition(asked->program, asked->qualify,
											 asked->period);
	trait->description = "what the customer has to reach a tier by";
	return trait;
}

/* ---- steps ---- */

void
tiering_update_all(const char *population, const char *program)
{
	const Population *home = population_by_name(population);
	Tiering    *tiering = tiering_find(home, program);
	Actor		before;

	if (tiering == NULL || tiering->live)
		return;
	before = act_as_owner(home->oid);
	SPI_connect();
	tier_update_all(tiering, true);
	SPI_finish();
	act_as_before(before);
}

/* ---- what goes ---- */

List *
tier_sources(const Population *population, const char *program)
{
	const Tiering *tiering = tiering_find(population, program);

	return tiering == NULL || tiering->live ? NIL :
		list_make1(psprintf("%s_step", program));
}

List *
tier_traits(const char *program)
{
	List	   *traits = NIL;

	for (int i = 0; i < lengthof(trait_names_of_tiers); i++)
		traits = lappend(traits, psprintf("%s_%s", program,
										  trait_names_of_tiers[i]));
	return traits;
}

/* unmake_tiering() drops the tables.  A FlowUnmake. */
static void
unmake_tiering(const Population *population, void *context)
{
	ListCell   *lc;

	foreach(lc, tiering_forget(population, context))
	{
		relation_refuse_dependents(lfirst_oid(lc), InvalidAttrNumber,
								   psprintf("the tiering of program \"%s\"",
											(char *) context));
		population_execute(population,
						   psprintf("DROP TABLE %s",
									relation_name(lfirst_oid(lc))));
	}
}

List *
tiering_forget(const Population *population, const char *program)
{
	List	   *tables = NIL;
	CatalogScan scan;

	catalog_begin_one(&scan, "tiering", population->name, program);
	if (catalog_next(&scan))
	{
		Oid			step = catalog_get_oid(&scan, "step", REGCLASSOID);
		Oid			kept = catalog_get_oid(&scan, "kept", REGCLASSOID);

		if (OidIsValid(step) && relation_name(step) != NULL)
			tables = lappend_oid(tables, step);
		if (OidIsValid(kept) && relation_name(kept) != NULL)
			tables = lappend_oid(tables, kept);
	}
	catalog_end(&scan);
	delete_tiering(population->name, program);
	population_changed(population);
	return tables;
}

/* delete_tiering() deletes the rows of definitions. */
static void
delete_tiering(const char *population, const char *program)
{
	static const char *const deletes[] = {
		"DELETE FROM segment.tier WHERE population = $1 AND program = $2",
		"DELETE FROM segment.tiering WHERE population = $1 AND program = $2",
	};

	for (int i = 0; i < lengthof(deletes); i++)
		catalog_execute(deletes[i], 2, (Oid[]) {NAMEOID, NAMEOID},
						(Datum[]) {name_datum(population),
								   name_datum(program)}, NULL);
}
