/*-------------------------------------------------------------------------
 *
 * rules_reader.c
 *	  Rules follow the names that they mention, and say whether they bind.
 *
 *		amount		sum(orders.amount where status = "paid")
 *		ref			count(orders.order_id): the column in words that follow it
 *		condition	in audience regulars
 *
 * All versions follow, as each goes on to count what it has granted.  The
 * condition of one that has ended is needed no more.  Where something that a
 * version reads is dropped by a cascade, the version ends, and what it has
 * granted stays.
 *
 * What tiers qualify by is a trait, which follows by itself; but it is looked
 * up by its name, which therefore stays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "filter/filter.h"
#include "flow/flow.h"
#include "loyalty/rules_private.h"
#include "loyalty/tier_private.h"

/* A rule to be bound, for attempt(). */
typedef struct Checked
{
	const Population *population;
	const Rule *rule;
} Checked;

static int	by_name(const ListCell *a, const ListCell *b);
static List *list_rules(const Population *population);
static FilterNode *ref_definition(const FilterNode *amount, const char *ref);
static void write_rule(const Population *population,
					   const FlowDefinition *definition);
static void lose_rule(const Population *population,
					  const FlowDefinition *definition);
static void bind_rule(const Population *population,
					  const FlowDefinition *definition);
static const Source *bind_parts(const Population *population,
								const FlowDefinition *definition);
static void check_refs(const Population *population, const Rule *rule,
					   const Source *source);
static void check_rule(void *checked);
static List *list_tierings(const Population *population);
static bool has_tiers(const Population *population, const char *program);
static void write_tiering(const Population *population,
						  const FlowDefinition *definition);
static void lose_tiering(const Population *population,
						 const FlowDefinition *definition);
static void bind_tiering(const Population *population,
						 const FlowDefinition *definition);

static const FlowReader rules = {
	.list = list_rules,
	.write = write_rule,
	.lose = lose_rule,
	.bind = bind_rule,
};

static const FlowReader tierings = {
	.list = list_tierings,
	.write = write_tiering,
	.lose = lose_tiering,
	.bind = bind_tiering,
};

void
rules_reader_init(void)
{
	flow_register_reader(&rules);
	flow_register_reader(&tierings);
}

/* ---- rules ---- */

/* list_rules() lists all versions of rules.  Of a FlowReader. */
static List *
list_rules(const Population *population)
{
	List	   *list = NIL;
	TimestampTz now = clock_now();
	ListCell   *lc;

	foreach(lc, rules_read(population))
	{
		Rule	   *rule = lfirst(lc);
		FlowDefinition *definition;
		FilterNode *amount;

		if (rule->lost)
			continue;
		amount = filter_source_parse_definition(rule->amount).tree;
		definition = palloc0(sizeof(FlowDefinition));
		definition->ended = rule->valid_until <= now;
		definition->name = definition->ended ?
			psprintf("version %d of %s", rule->version, earning_rule_text(rule)) :
			earning_rule_text(rule);
		definition->part_of = psprintf("program %s", rule->program);
		definition->definitions = list_make2(amount,
											 ref_definition(amount,
															rule->ref));
		definition->ref_of = amount->args[0]->text;
		definition->ref = rule->ref;
		if (rule->condition != NULL)
			definition->filters =
				list_make1(filter_source_parse(rule->condition).tree);
		definition->own = rule;
		list = lappend(list, definition);
	}
	list_sort(list, by_name);
	return list;
}

/* by_name() is one order, whatever that of the rows.  For list_sort(). */
static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(((const FlowDefinition *) lfirst(a))->name,
				  ((const FlowDefinition *) lfirst(b))->name);
}

/* ref_definition() is count(<source>.<ref>). */
static FilterNode *
ref_definition(const FilterNode *amount, const char *ref)
{
	FilterNode **args = palloc_array(FilterNode *, 4);

	args[0] = amount->args[0];
	args[1] = filter_node(FILTER_COLUMN, ref, -1);
	args[2] = filter_node(FILTER_NONE, NULL, -1);
	args[3] = filter_node(FILTER_NONE, NULL, -1);
	return filter_node_with(FILTER_AGGREGATE, "count", -1, 4, args);
}

/* write_rule() writes a rule whose texts have changed.  Of a FlowReader. */
static void
write_rule(const Population *population, const FlowDefinition *definition)
{
	const Rule *rule = definition->own;
	const FilterNode *amount = linitial(definition->definitions);
	const FilterNode *ref = lsecond(definition->definitions);
	bool		always = definition->filters == NIL;
	char	   *condition = always ? NULL :
		filter_print(linitial(definition->filters));

	catalog_execute("UPDATE segment.earning SET source = $5, amount = $6,"
					" ref = $7, condition = $8 WHERE population = $1"
					" AND program = $2 AND rule = $3 AND version = $4",
					8, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, INT4OID, NAMEOID,
								TEXTOID, NAMEOID, TEXTOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(rule->program),
							   name_datum(rule->name),
							   Int32GetDatum(rule->version),
							   name_datum(amount->args[0]->text),
							   CStringGetTextDatum(filter_print(amount)),
							   name_datum(ref->args[1]->text),
							   always ? (Datum) 0 :
							   CStringGetTextDatum(condition)},
					(bool[]) {false, false, false, false, false, false, false,
							  always});
	population_changed(population);
}

/* lose_rule() ends a version of a rule.  Of a FlowReader. */
static void
lose_rule(const Population *population, const FlowDefinition *definition)
{
	const Rule *rule = definition->own;

	catalog_execute("UPDATE segment.earning SET lost_at = $5,"
					" valid_until = least(valid_until, $5)"
					" WHERE population = $1 AND program = $2 AND rule = $3"
					" AND version = $4",
					5, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, INT4OID,
								TIMESTAMPTZOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(rule->program),
							   name_datum(rule->name),
							   Int32GetDatum(rule->version),
							   TimestampTzGetDatum(clock_now())},
					NULL);
	population_changed(population);
	ereport(NOTICE,
			(errmsg("drop cascades to %s", definition->name),
			 errdetail("It has ended, and what it has granted stays.")));
}

/*
 * bind_rule() is an error if a rule does not bind, or does not know again what
 * has earned.  Of a FlowReader.
 */
static void
bind_rule(const Population *population, const FlowDefinition *definition)
{
	check_refs(population, definition->own,
			   bind_parts(population, definition));
}

/* bind_parts() is an error if a rule does not bind; returns its source. */
static const Source *
bind_parts(const Population *population, const FlowDefinition *definition)
{
	const Rule *rule = definition->own;
	const Source *source = source_by_name(population, rule->source);
	Expr	   *amount;
	Expr	   *ref;

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist", rule->source)));
	source_check(source);
	rule_bind(source, rule, &amount, &ref);
	if (!definition->ended)
		(void) rule_condition(population, rule);
	return source;
}

/*
 * check_refs() is an error if a row that has earned is not known again: as no
 * index is unique, or as its column is of another type: what was 007 as a text
 * is 7 as a number.
 */
static void
check_refs(const Population *population, const Rule *rule,
		   const Source *source)
{
	const Program *program = program_find(population, rule->program);
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(rule->name)};
	Actor		before;
	Oid			type;
	int32		typmod;
	Oid			collation;
	char	   *sql;

	if (program == NULL)
		return;
	if (!source_is_unique(source, rule->ref, InvalidOid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" may have one value in several rows",
						rule->ref)));
	get_atttypetypmodcoll(source->relid, get_attnum(source->relid, rule->ref),
						  &type, &typmod, &collation);
	sql = psprintf("SELECT ref, now FROM {granted} AS g,"
				   " LATERAL (SELECT g.ref::%s::pg_catalog.text AS now) AS n"
				   " WHERE rule = $1 AND raw <> 0"
				   " AND ref COLLATE \"C\" <> now COLLATE \"C\" LIMIT 1",
				   format_type_extended(type, typmod,
										FORMAT_TYPE_TYPEMOD_GIVEN |
										FORMAT_TYPE_FORCE_QUALIFY));
	before = act_as_owner(population->oid);
	if (SPI_execute_with_args(program_sql(program, sql), 1, types, values,
							  NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read what rule \"%s\" has granted",
			 rule->name);
	act_as_before(before);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a row that has earned is known as \"%s\", and would be \"%s\"",
						SPI_getvalue(SPI_tuptable->vals[0],
									 SPI_tuptable->tupdesc, 1),
						SPI_getvalue(SPI_tuptable->vals[0],
									 SPI_tuptable->tupdesc, 2))));
}

/* check_rule() is bind_parts() as an Attempt. */
static void
check_rule(void *context)
{
	const Checked *checked = context;
	FlowDefinition definition = {
		.ended = checked->rule->valid_until <= clock_now(),
		.own = unconstify(Rule *, checked->rule),
	};

	(void) bind_parts(checked->population, &definition);
}

void
rules_verify(FunctionCallInfo fcinfo, const Program *program)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	foreach(lc, rules_read(program->population))
	{
		const Rule *rule = lfirst(lc);
		Checked		checked = {program->population, rule};
		ErrorData  *error;
		Datum		values[5] = {0};
		bool		isnull[5] = {false, true, false, false, true};

		if (rule->lost || strcmp(rule->program, program->name) != 0)
			continue;
		error = attempt(check_rule, &checked);
		if (error == NULL)
			continue;
		values[0] =
			CStringGetTextDatum("a rule does not bind, and earns nothing");
		values[2] = CStringGetTextDatum(psprintf("rule %s version %d",
												 rule->name, rule->version));
		values[3] = CStringGetTextDatum(error->message);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
}

/* ---- tierings ---- */

/* list_tierings() lists the traits that tiers need.  Of a FlowReader. */
static List *
list_tierings(const Population *population)
{
	List	   *list = NIL;
	ListCell   *lc;

	foreach(lc, program_names(population))
	{
		const char *program = lfirst(lc);
		FlowDefinition *definition;

		if (!has_tiers(population, program))
			continue;
		definition = palloc0(sizeof(FlowDefinition));
		definition->name = psprintf("the tiering of program \"%s\"", program);
		definition->part_of = psprintf("tiering of program %s", program);
		definition->filters =
			list_make1(filter_node(FILTER_COLUMN,
								   psprintf("%s_qualified", program), -1));
		definition->own = unconstify(char *, program);
		list = lappend(list, definition);
	}
	return list;
}

/* has_tiers() says whether a program has a tiering. */
static bool
has_tiers(const Population *population, const char *program)
{
	CatalogScan scan;
	bool		found;

	catalog_begin_one(&scan, "tiering", population->name, program);
	found = catalog_next(&scan);
	catalog_end(&scan);
	return found;
}

/* write_tiering() refuses to rename the trait.  Of a FlowReader. */
static void
write_tiering(const Population *population, const FlowDefinition *definition)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("trait \"%s_qualified\" cannot be renamed",
					(char *) definition->own),
			 errdetail("Customers of program \"%s\" qualify for tiers by it.",
					   (char *) definition->own),
			 errhint("Create a trait of another name that is made of it.")));
}

/* lose_tiering() says that the tiering is left without.  Of a FlowReader. */
static void
lose_tiering(const Population *population, const FlowDefinition *definition)
{
	ereport(NOTICE,
			(errmsg("nobody qualifies for tiers of program \"%s\" any more",
					(char *) definition->own),
			 errhint("Give it something to qualify by with segment.alter_tiering(), or drop it with segment.drop_tiering().")));
}

/* bind_tiering() is an error if a tiering is in trouble.  Of a FlowReader. */
static void
bind_tiering(const Population *population, const FlowDefinition *definition)
{
	const Tiering *tiering = tiering_find(population, definition->own);

	if (tiering != NULL && tiering->trouble != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s", tiering->trouble)));
}
