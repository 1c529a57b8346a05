/*-------------------------------------------------------------------------
 *
 * tier_read.c
 *	  What one may ask about tiers.
 *
 *		tier_steps('club', 42)		gold since 9 March, until 9 March next
 *									year; silver from then on ...
 *		card('club', 42)			tier, until when, the next one, and what is
 *									missing to it
 *		verify_program('club')		a step that is not as it ought to be
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "trait/trait.h"
#include "loyalty/tier_private.h"

SEGMENT_FUNCTION(segment_tier_steps);

static char *trait_column(const Program *program, const char *name);
static void bind(void *tiering);
static void tell_difference(const Tiering *tiering, Datum key,
							const TierStep *stored, const TierStep *expected,
							void *context);
static Datum step_text(const Tiering *tiering, const TierStep *step,
					   bool *isnull);

/*
 * tier_steps(program, key, population)
 */
Datum
segment_tier_steps(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_READ);
	Datum		key = customer_argument(fcinfo, 1, program);
	const Tiering *tiering = tiering_find(program->population, program->name);

	if (tiering == NULL || tiering->live)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tiers of program \"%s\" are not held",
						program->name),
				 errhint("segment.card() tells which tier a customer has.")));
	program_answer(fcinfo, program,
				   psprintf("SELECT at, nullif(tier, ''),"
							" nullif(until, 'infinity'), at <= $2 FROM %s"
							" WHERE key = $1 ORDER BY at",
							sql_verbatim(relation_name(tiering->step))), 2,
				   (Oid[]) {program->population->key_type, TIMESTAMPTZOID},
				   (Datum[]) {key, TimestampTzGetDatum(clock_now())});
	return (Datum) 0;
}

/* Connected to SPI, as the population's owner. */
Datum
tier_card(const Program *program, Datum key)
{
	const Population *population = program->population;
	char	   *sql;
	bool		isnull;

	if (tiering_find(population, program->name) == NULL)
		return (Datum) 0;
	sql = psprintf("SELECT jsonb_build_object('tier', v.tier,"
				   " 'tier_until', v.until, 'qualified', v.qualified,"
				   " 'next_tier', (SELECT t.tier FROM segment.tier t"
				   " WHERE t.population = $2 AND t.program = $3"
				   " AND t.threshold = v.qualified + v.missing),"
				   " 'to_next_tier', v.missing)"
				   " FROM (SELECT) AS one LEFT JOIN (SELECT %s AS tier,"
				   " %s AS until, %s AS qualified, %s AS missing FROM %s AS p"
				   " WHERE p.%s = $1) AS v ON true",
				   trait_column(program, "tier"),
				   trait_column(program, "tier_until"),
				   trait_column(program, "qualified"),
				   trait_column(program, "points_to_next_tier"),
				   population_view_name(population),
				   quote_identifier(population->key));
	if (SPI_execute_with_args(sql, 3, (Oid[]) {population->key_type, NAMEOID,
							  NAMEOID},
							  (Datum[]) {key, name_datum(population->name),
										 name_datum(program->name)},
							  NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a tier of program \"%s\"",
			 program->name);
	return result_value(0, 1, &isnull);
}

/* trait_column() is the column of a trait in the view, or NULL as SQL. */
static char *
trait_column(const Program *program, const char *name)
{
	char	   *trait = psprintf("%s_%s", program->name, name);

	return trait_by_name(program->population, trait) == NULL ?
		psprintf("NULL::%s", strcmp(name, "tier") == 0 ? "text" :
				 strcmp(name, "tier_until") == 0 ? "timestamptz" :
				 "numeric") :
		psprintf("p.%s", quote_identifier(trait));
}

void
tier_verify(FunctionCallInfo fcinfo, const Program *program)
{
	Tiering    *tiering = tiering_find(program->population, program->name);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	OwnersQuestion question;
	const char *trouble;

	if (tiering == NULL)
		return;
	trouble = tiering->trouble;
	if (trouble == NULL)
	{
		ErrorData  *error = attempt(bind, tiering);

		trouble = error == NULL ? NULL : error->message;
	}
	if (trouble != NULL)
	{
		Datum		values[5] = {
			CStringGetTextDatum("what customers qualify by cannot be read")
		};
		bool		nulls[5] = {false, true, true, false, true};

		values[3] = CStringGetTextDatum(trouble);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	if (trouble != NULL || tiering->live)
		return;
	question_begin(&question, program->population);
	tier_compare_all(tiering, tell_difference, result);
	question_end(&question);
}

/* bind() binds what customers qualify by.  An Attempt. */
static void
bind(void *tiering)
{
	(void) tiering_value(tiering);
	(void) tiering_where(tiering);
}

/* tell_difference() appends a row.  A TierDifference. */
static void
tell_difference(const Tiering *tiering, Datum key, const TierStep *stored,
				const TierStep *expected, void *context)
{
	ReturnSetInfo *result = context;
	const TierStep *step = stored != NULL ? stored : expected;
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum("a step is not what events and tiers make it");
	values[1] = CStringGetTextDatum(profile_key_text(tiering->population,
													 key));
	values[2] = CStringGetTextDatum(psprintf("step %s",
											 timestamptz_to_str(step->at)));
	values[3] = step_text(tiering, stored, &nulls[3]);
	values[4] = step_text(tiering, expected, &nulls[4]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* step_text() is a step in words. */
static Datum
step_text(const Tiering *tiering, const TierStep *step, bool *isnull)
{
	const char *tier;

	*isnull = step == NULL;
	if (step == NULL)
		return (Datum) 0;
	tier = step->tier < 0 ? "unknown tier" : step->tier == 0 ? "no tier" :
		tier_name(tiering, step->tier);
	return CStringGetTextDatum(TIMESTAMP_NOT_FINITE(step->until) ?
							   pstrdup(tier) :
							   psprintf("%s until %s", tier,
										timestamptz_to_str(step->until)));
}
