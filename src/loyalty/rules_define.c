/*-------------------------------------------------------------------------
 *
 * rules_define.c
 *	  Rules are made, changed and ended.
 *
 *		create_earning('club', 'orders', 'orders.amount where status = "paid"',
 *					   ref => 'order_id')
 *
 * A rule that is there already gets another version, from which on rows that
 * come are granted; what the version before has granted follows that one.  So
 * a rule is not dropped, but ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "filter/filter.h"
#include "flow/flow.h"
#include "loyalty/occasion_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_earning);
SEGMENT_FUNCTION(segment_end_earning);

static const Source *check_rule(const Program *program, Rule *rule,
								const char *amount);
static void check_ref(const Source *source, const Rule *rule);
static char *unique_column(const Source *source);
static bool knows_rows(const Source *source, const char *column);
static void validity_arguments(FunctionCallInfo fcinfo,
							   const Program *program, Rule *rule,
							   bool backfill);
static void check_name(const Program *program, const char *name);
static FlowKept make_rule(const Population *population, void *context);
static int64 end_rule(const Program *program, const char *rule,
					  TimestampTz at);
static void insert_rule(const Program *program, const Rule *rule);

/*
 * create_earning(program, rule, amount, condition, ref, pending, expires,
 *				  valid_from, valid_until, cap, per, backfill, population)
 *	-> version
 */
Datum
segment_create_earning(PG_FUNCTION_ARGS)
{
	const Program *program = program_of_definer(fcinfo, 12, "create_earning");
	char	   *population = pstrdup(program->population->name);
	char	   *amount = text_argument(fcinfo, 2);
	bool		backfill = flag_argument(fcinfo, 11);
	Rule		rule = {0};
	const Source *source;
	ListCell   *lc;

	rule.program = program->name;
	rule.name = name_argument(fcinfo, 1, "rule");
	check_given_name(rule.name, "a rule");
	if (amount == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the amount of rule \"%s\" must be given",
						rule.name),
				 errhint("For example amount => 'orders.amount'.")));
	rule.condition = note_argument(fcinfo, 3);
	rule.ref = PG_ARGISNULL(4) ? NULL : NameStr(*PG_GETARG_NAME(4));
	rule.pending = note_argument(fcinfo, 5);
	rule.expires = note_argument(fcinfo, 6);
	validity_arguments(fcinfo, program, &rule, backfill);
	rule_cap(&rule, PG_ARGISNULL(9) ? 0 : PG_GETARG_INT64(9),
			 !PG_ARGISNULL(9),
			 PG_ARGISNULL(10) ? NULL : lower_text(fcinfo, 10));
	rule.version = 1;
	foreach(lc, rules_read(program->population))
	{
		const Rule *other = lfirst(lc);

		if (strcmp(other->program, program->name) == 0 &&
			strcmp(other->name, rule.name) == 0)
			rule.version = Max(rule.version, other->version + 1);
	}
	if (backfill && rule.condition != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rule \"%s\" with a condition cannot be backfilled",
						rule.name),
				 errdetail("The condition is asked of profiles as they were before each row, and these are not kept."),
				 errhint("Leave out condition, or backfill.")));
	check_name(program, rule.name);
	source = check_rule(program, &rule, amount);
	if (backfill)
	{
		backfill_lock(source);
		flow_keep(program->population, "create_earning", make_rule, &rule);
		program = program_find(population_by_name(population), rule.program);
		backfill_earning(program, &rule);
	}
	else
	{
		SPI_connect();
		(void) make_rule(program->population, &rule);
		SPI_finish();
	}
	PG_RETURN_INT32(rule.version);
}

/* check_name() refuses a name that an occasion bears. */
static void
check_name(const Program *program, const char *name)
{
	ListCell   *lc;

	foreach(lc, occasions_read(program->population))
	{
		const Occasion *one = lfirst(lc);

		if (strcmp(one->program, program->name) == 0 &&
			strcmp(one->name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("program \"%s\" has an occasion \"%s\"",
							program->name, name),
					 errhint("Choose another name.")));
	}
}

/*
 * make_rule() writes a version, and ends the one before; nobody is to write
 * profiles until the transaction ends.  A FlowMake.
 */
static FlowKept
make_rule(const Population *population, void *context)
{
	const Rule *rule = context;
	const Program *program = program_find(population, rule->program);
	FlowKept	kept = {.still = true};

	(void) end_rule(program, rule->name, Max(rule->valid_from, clock_now()));
	insert_rule(program, rule);
	population_changed(population);
	CommandCounterIncrement();
	return kept;
}

/*
 * end_earning(program, rule, population)
 */
Datum
segment_end_earning(PG_FUNCTION_ARGS)
{
	const Program *program = program_of_definer(fcinfo, 2, "end_earning");
	char	   *rule = name_argument(fcinfo, 1, "rule");

	SPI_connect();
	if (end_rule(program, rule, clock_now()) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("program \"%s\" has no rule \"%s\" that has not ended",
						program->name, rule),
				 errhint("Table segment.earning lists the rules.")));
	population_changed(program->population);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * check_rule() refuses a rule that does not bind, or that could fail later,
 * and gives its amount the form in which it is kept.  Returns its source.
 */
static const Source *
check_rule(const Program *program, Rule *rule, const char *amount_text)
{
	const Population *population = program->population;
	const Source *source = rule_source(population, rule, amount_text);
	Expr	   *amount;
	Expr	   *ref;

	rule_bind(source, rule, &amount, &ref);
	check_ref(source, rule);
	(void) program_pending(program, rule->pending);
	(void) program_terms(program, rule->expires, NULL);
	rule->condition = condition_kept(population, rule->condition);
	(void) rule_condition(population, rule);
	return source;
}

/* check_ref() refuses a column by which a row is not known again. */
static void
check_ref(const Source *source, const Rule *rule)
{
	char	   *column;

	if (rule->ref != NULL && knows_rows(source, rule->ref))
		return;
	column = unique_column(source);
	ereport(ERROR,
			(rule->ref == NULL ? errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED) :
			 errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 rule->ref == NULL ?
			 errmsg("the ref of rule \"%s\" must be given", rule->name) :
			 errmsg("column \"%s\" of source \"%s\" may have one value in several rows",
					rule->ref, source->name),
			 rule->ref == NULL ?
			 errdetail("A row is known again by it, when it changes or goes.") :
			 source_is_unique(source, rule->ref, InvalidOid) ?
			 errdetail("A row is known again by it, and each partition may have its own numbers: these come from no sequence.") :
			 errdetail("A row is known again by it, and no unique index on it says so."),
			 column != NULL ?
			 errhint("Use ref => %s.", quote_literal_cstr(column)) :
			 errhint("Name a column with a unique index of its own. In a partitioned table the index may have the partition key, too, if the column is a uuid or numbered by a sequence.")));
}

/*
 * unique_column() is a column by which rows can be known again, of a type that
 * each session writes in the same way; or NULL.
 */
static char *
unique_column(const Source *source)
{
	char	   *column;

	for (AttrNumber i = 1;
		 (column = get_attname(source->relid, i, true)) != NULL; i++)
	{
		Oid			type = get_atttype(source->relid, i);

		if ((type == INT4OID || type == INT8OID || type == NUMERICOID ||
			 type == TEXTOID || type == VARCHAROID || type == UUIDOID) &&
			knows_rows(source, column))
			return column;
	}
	return NULL;
}

/*
 * knows_rows() says whether each row has a value of its own in a column, also
 * where an index can say so of each partition only: the numbers of receipts
 * may begin anew every day, those of a sequence do not.
 */
static bool
knows_rows(const Source *source, const char *column)
{
	return source_is_unique(source, column, InvalidOid) &&
		(!source_is_parted(source, column) ||
		 source_is_numbered(source, column));
}

/* validity_arguments() takes from when and until when a version grants. */
static void
validity_arguments(FunctionCallInfo fcinfo, const Program *program, Rule *rule,
				   bool backfill)
{
	TimestampTz now = clock_now();
	char	   *from = note_argument(fcinfo, 7);
	char	   *until = note_argument(fcinfo, 8);

	rule->valid_from = from == NULL ? (backfill ? DT_NOBEGIN : now) :
		instant_parse(from, "valid_from", program->zone, false);
	rule->valid_until = until == NULL ? DT_NOEND :
		instant_parse(until, "valid_until", program->zone, true);
	if (rule->valid_from < now && !backfill)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule \"%s\" cannot be valid from an instant that is gone",
						rule->name),
				 errdetail("Rows earn that come while it is valid."),
				 errhint("Leave out valid_from: the rule is valid from now on; or let those earn that are there, with backfill => true.")));
	if (rule->valid_until <= rule->valid_from ||
		(rule->valid_until <= now && !backfill))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule \"%s\" would never be valid", rule->name),
				 errhint("Let valid_until be later than valid_from, and than now.")));
}

/*
 * end_rule() ends versions that would grant from an instant on; returns how
 * many there were.
 */
static int64
end_rule(const Program *program, const char *rule, TimestampTz at)
{
	catalog_execute("UPDATE segment.earning"
					" SET valid_until = greatest(valid_from, $4)"
					" WHERE population = $1 AND program = $2 AND rule = $3"
					" AND valid_until > $4",
					4, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TIMESTAMPTZOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name), name_datum(rule),
							   TimestampTzGetDatum(at)}, NULL);
	return SPI_processed;
}

/* insert_rule() writes the row of a version. */
static void
insert_rule(const Program *program, const Rule *rule)
{
	catalog_execute("INSERT INTO segment.earning (population, program, rule,"
					" version, source, amount, condition, ref, pending,"
					" expires, valid_from, valid_until, cap, per) VALUES ($1,"
					" $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
					" $14)",
					14, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, INT4OID, NAMEOID,
								TEXTOID, TEXTOID, NAMEOID, TEXTOID, TEXTOID,
								TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID,
								TEXTOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name),
							   name_datum(rule->name),
							   Int32GetDatum(rule->version),
							   name_datum(rule->source),
							   CStringGetTextDatum(rule->amount),
							   text_datum(rule->condition),
							   name_datum(rule->ref),
							   text_datum(rule->pending),
							   text_datum(rule->expires),
							   TimestampTzGetDatum(rule->valid_from),
							   TimestampTzGetDatum(rule->valid_until),
							   Int64GetDatum(rule->cap),
							   text_datum(rule->per)},
					(bool[]) {false, false, false, false, false, false,
							  rule->condition == NULL, false,
							  rule->pending == NULL, rule->expires == NULL,
							  false, false, rule->per == NULL,
							  rule->per == NULL});
}
