/*-------------------------------------------------------------------------
 *
 * occasion_define.c
 *	  Occasions are made and ended.
 *
 *		create_occasion('club', 'birthday', 'has_birthday', 50)
 *		create_referral('club', 'has_ordered', 100, 50)
 *
 * One that has ended can be made again: who has earned by it already in the
 * period does not earn once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "loyalty/occasion_private.h"

SEGMENT_FUNCTION(segment_create_occasion);
SEGMENT_FUNCTION(segment_create_referral);
SEGMENT_FUNCTION(segment_end_occasion);

static void check_occasion(const Program *program, Occasion *occasion);
static void check_name(const Program *program, const Occasion *occasion);
static void write_occasion(const Program *program, const Occasion *occasion);

/*
 * create_occasion(program, occasion, audience, points, per, pending, expires,
 *				   population)
 */
Datum
segment_create_occasion(PG_FUNCTION_ARGS)
{
	const Program *program = program_of_definer(fcinfo, 7, "create_occasion");
	Occasion	made = {.name = name_argument(fcinfo, 1, "occasion")};

	check_given_name(made.name, "an occasion");
	made.audience = name_argument(fcinfo, 2, "audience");
	made.points = points_argument(fcinfo, 3, false);
	made.per = PG_ARGISNULL(4) ? "year" : lower_text(fcinfo, 4);
	made.pending = note_argument(fcinfo, 5);
	made.expires = note_argument(fcinfo, 6);
	check_occasion(program, &made);
	write_occasion(program, &made);
	PG_RETURN_VOID();
}

/*
 * create_referral(program, audience, referrer_points, friend_points, pending,
 *				   expires, population)
 */
Datum
segment_create_referral(PG_FUNCTION_ARGS)
{
	const Program *program = program_of_definer(fcinfo, 6, "create_referral");
	Occasion	made = {.name = REFERRAL, .per = "ever"};

	made.audience = name_argument(fcinfo, 1, "audience");
	made.referrer = points_argument(fcinfo, 2, false);
	made.points = points_argument(fcinfo, 3, false);
	made.pending = note_argument(fcinfo, 4);
	made.expires = note_argument(fcinfo, 5);
	check_occasion(program, &made);
	write_occasion(program, &made);
	PG_RETURN_VOID();
}

/*
 * end_occasion(program, occasion, population)
 */
Datum
segment_end_occasion(PG_FUNCTION_ARGS)
{
	const Program *program = program_of_definer(fcinfo, 2, "end_occasion");
	char	   *name = name_argument(fcinfo, 1, "occasion");

	SPI_connect();
	catalog_execute("UPDATE segment.occasion SET valid_until = $4"
					" WHERE population = $1 AND program = $2"
					" AND occasion = $3 AND valid_until > $4",
					4, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TIMESTAMPTZOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name), name_datum(name),
							   TimestampTzGetDatum(clock_now())}, NULL);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("program \"%s\" has no occasion \"%s\" that has not ended",
						program->name, name),
				 errhint("Table segment.occasion lists the occasions.")));
	SPI_finish();
	PG_RETURN_VOID();
}

/* check_occasion() refuses an occasion that could not earn. */
static void
check_occasion(const Program *program, Occasion *occasion)
{
	const Population *population;
	const Audience *audience = audience_find(occasion->audience,
											 program->population->name,
											 &population);
	CalendarUnit unit;

	check_name(program, occasion);
	if (!audience->stored)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known when somebody enters audience \"%s\"",
						audience->name),
				 errdetail("Its members are not stored."),
				 errhint("Give it a filter of which it is known when it changes.")));
	if (strcmp(occasion->per, "ever") != 0 &&
		!period_parse(occasion->per, &unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is no period of an occasion",
						quote_literal_cstr(occasion->per)),
				 errhint("Write 'day', 'week', 'month', 'quarter', 'year' or 'ever'.")));
	(void) program_pending(program, occasion->pending);
	(void) program_terms(program, occasion->expires, NULL);
}

/*
 * check_name() refuses a name that a rule bears, or an occasion that has not
 * ended: what has earned is known by it.
 */
static void
check_name(const Program *program, const Occasion *occasion)
{
	bool		taken = false;
	ListCell   *lc;

	foreach(lc, rules_read(program->population))
	{
		const Rule *rule = lfirst(lc);

		taken |= strcmp(rule->program, program->name) == 0 &&
			strcmp(rule->name, occasion->name) == 0;
	}
	foreach(lc, occasions_read(program->population))
	{
		const Occasion *one = lfirst(lc);

		taken |= strcmp(one->program, program->name) == 0 &&
			strcmp(one->name, occasion->name) == 0 &&
			one->valid_until > clock_now();
	}
	if (taken)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("program \"%s\" has a rule or occasion \"%s\" already",
						program->name, occasion->name),
				 errhint("Choose another name, or end the occasion first, with segment.end_occasion().")));
}

/* write_occasion() writes the row of an occasion. */
static void
write_occasion(const Program *program, const Occasion *occasion)
{
	SPI_connect();
	catalog_execute("INSERT INTO segment.occasion (population, program,"
					" occasion, audience, points, referrer, per, pending,"
					" expires, valid_from, valid_until) VALUES ($1, $2, $3,"
					" $4, $5, $6, $7, $8, $9, $10, 'infinity')"
					" ON CONFLICT (population, program, occasion) DO UPDATE"
					" SET audience = excluded.audience,"
					" points = excluded.points, referrer = excluded.referrer,"
					" per = excluded.per, pending = excluded.pending,"
					" expires = excluded.expires,"
					" valid_from = excluded.valid_from,"
					" valid_until = excluded.valid_until",
					10, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, NAMEOID, INT8OID,
								INT8OID, TEXTOID, TEXTOID, TEXTOID,
								TIMESTAMPTZOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name),
							   name_datum(occasion->name),
							   name_datum(occasion->audience),
							   Int64GetDatum(occasion->points),
							   Int64GetDatum(occasion->referrer),
							   CStringGetTextDatum(occasion->per),
							   text_datum(occasion->pending),
							   text_datum(occasion->expires),
							   TimestampTzGetDatum(clock_now())},
					(bool[]) {false, false, false, false, false, false, false,
							  occasion->pending == NULL,
							  occasion->expires == NULL, false});
	SPI_finish();
}
