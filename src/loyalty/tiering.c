/*-------------------------------------------------------------------------
 *
 * tiering.c
 *	  Which tiers has a program, and how does one come to them?
 *
 *		segment.tiering		club: hold 12 months, downgrade one
 *		segment.tier		silver 500, gold 1000
 *		segment.trait		club_qualified: sum(orders.amount in this year)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "trait/trait.h"
#include "loyalty/tier_private.h"

/* The arguments of a FILTER_AGGREGATE. */
#define ARG_SOURCE		0
#define ARG_VALUE		1
#define ARG_WHERE		2
#define ARG_WINDOW		3

static void free_plans(void *tiering);
static bool read_tiering(Tiering *tiering);
static void read_tiers(Tiering *tiering);
static int	compare_tiers(const void *a, const void *b);
static void read_qualify(Tiering *tiering);
static SPIPlanPtr make_plan(const Tiering *tiering, TierStatement statement);
static char *events_sql(const Tiering *tiering);
static char *tables_sql(const Tiering *tiering, const char *sql);

Tiering *
tiering_find(const Population *population, const char *program)
{
	Tiering    *tiering = palloc0(sizeof(Tiering));
	MemoryContextCallback *callback;

	tiering->population = population;
	tiering->program = pstrdup(program);
	tiering->zone = pg_tzset(population->timezone);
	if (!read_tiering(tiering))
		return NULL;
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = free_plans;
	callback->arg = tiering;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	read_tiers(tiering);
	read_qualify(tiering);
	return tiering;
}

Tiering *
tiering_must_find(const Population *population, const char *program)
{
	Tiering    *tiering = tiering_find(population, program);

	if (tiering != NULL)
		return tiering;
	if (program_find(population, program) == NULL)
		program_refuse_unknown(population, program);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("program \"%s\" has no tiering", program),
			 errhint("Create it with segment.create_tiering().")));
}

/* read_tiering() reads the row of segment.tiering; false if there is none. */
static bool
read_tiering(Tiering *tiering)
{
	const Population *population = tiering->population;
	Program    *program = program_find(population, tiering->program);
	CatalogScan scan;
	bool		found;

	if (program == NULL)
		return false;
	tiering->member = program->tables[MEMBER_TABLE];
	catalog_begin_one(&scan, "tiering", population->name, tiering->program);
	found = catalog_next(&scan);
	if (found)
	{
		tiering->hold_text = catalog_get_text(&scan, "hold");
		tiering->downgrade_text = catalog_get_text(&scan, "downgrade");
		tiering->grace_text = catalog_get_text(&scan, "grace");
		tiering->returns_text = catalog_get_text(&scan, "returns");
		tiering->step = catalog_get_oid(&scan, "step", REGCLASSOID);
		tiering->kept = catalog_get_oid(&scan, "kept", REGCLASSOID);
	}
	catalog_end(&scan);
	if (!found)
		return false;
	tiering->live = strcmp(tiering->hold_text, NO_HOLD) == 0;
	if (!tiering->live)
		tiering->hold = hold_parse(tiering->hold_text);
	tiering->grace = span_parse(tiering->grace_text, "grace", true);
	tiering->downgrade =
		strcmp(tiering->downgrade_text, "one") == 0 ? DOWNGRADE_ONE :
		strcmp(tiering->downgrade_text, "never") == 0 ? DOWNGRADE_NEVER :
		DOWNGRADE_REASSESS;
	tiering->keep = strcmp(tiering->returns_text, "keep") == 0;
	return true;
}

/* read_tiers() reads the tiers, in the order of their thresholds. */
static void
read_tiers(Tiering *tiering)
{
	CatalogScan scan;
	List	   *tiers = NIL;
	ListCell   *lc;

	catalog_begin(&scan, "tier", tiering->population->name);
	while (catalog_next(&scan))
	{
		Tier	   *tier;
		bool		isnull;

		if (strcmp(catalog_get_text(&scan, "program"), tiering->program) != 0)
			continue;
		tier = palloc(sizeof(Tier));
		tier->name = catalog_get_text(&scan, "tier");
		tier->description = catalog_get_optional(&scan, "description");
		tier->threshold = datumCopy(catalog_get(&scan, "threshold",
												NUMERICOID, &isnull),
									false, -1);
		tiers = lappend(tiers, tier);
	}
	catalog_end(&scan);

	tiering->ntiers = list_length(tiers);
	tiering->tiers = palloc(sizeof(Tier) * (tiering->ntiers + 1));
	foreach(lc, tiers)
		tiering->tiers[foreach_current_index(lc) + 1] =
			*(const Tier *) lfirst(lc);
	qsort(tiering->tiers + 1, tiering->ntiers, sizeof(Tier), compare_tiers);
}

static int
compare_tiers(const void *a, const void *b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 ((const Tier *) a)->threshold,
											 ((const Tier *) b)->threshold));
}

/*
 * read_qualify() finds out what customers qualify by: whoever owns the
 * population may have changed the trait, or detached the source.
 */
static void
read_qualify(Tiering *tiering)
{
	const Population *population = tiering->population;
	char	   *name = psprintf("%s_qualified", tiering->program);
	const Trait *trait = trait_by_name(population, name);
	const FilterNode *node = trait == NULL ? NULL : trait->definition;
	const Source *source;

	if (node == NULL || node->op != FILTER_AGGREGATE || node->detail != 0 ||
		(strcmp(node->text, "sum") != 0 && strcmp(node->text, "count") != 0) ||
		node->args[ARG_WINDOW]->op == FILTER_NONE)
	{
		tiering->trouble =
			psprintf("trait \"%s\" is no sum of events within a period", name);
		return;
	}
	source = source_by_name(population, node->args[ARG_SOURCE]->text);
	if (source == NULL || source->at_attno == InvalidAttrNumber ||
		(source_trouble(source) != NULL))
	{
		tiering->trouble = source == NULL || source_trouble(source) == NULL ?
			psprintf("trait \"%s\" reads no source of events", name) :
			source_trouble(source);
		return;
	}
	tiering->qualify = filter_parse_operand(trait->text, NULL);
	tiering->window = filter_window(tiering->qualify->args[ARG_WINDOW],
									population->timezone);
	if (!tiering->live && tiering->downgrade != DOWNGRADE_NEVER)
		tiering->trouble = hold_trouble(&tiering->hold, tiering->window);
	if (tiering->trouble == NULL)
		tiering->source = source_copy(source);
}

/* ---- tiers ---- */

int
tier_number(const Tiering *tiering, const char *name)
{
	for (int i = 1; i <= tiering->ntiers; i++)
		if (strcmp(tiering->tiers[i].name, name) == 0)
			return i;
	return 0;
}

const char *
tier_name(const Tiering *tiering, int number)
{
	return number <= 0 ? "" : tiering->tiers[number].name;
}

int
tier_reached(const Tiering *tiering, Datum sum)
{
	for (int i = tiering->ntiers; i > 0; i--)
	{
		Datum		threshold = tiering->tiers[i].threshold;

		if (DatumGetBool(DirectFunctionCall2(numeric_ge, sum, threshold)))
			return i;
	}
	return 0;
}

/* ---- what an event counts for ---- */

Expr *
tiering_value(const Tiering *tiering)
{
	const FilterNode *value = tiering->qualify->args[ARG_VALUE];

	if (value->op == FILTER_NONE ||
		strcmp(tiering->qualify->text, "count") == 0)
		return NULL;
	return filter_compile_operand(value, source_scope(tiering->source, NULL));
}

/* A value that is counted must be set. */
Expr *
tiering_where(const Tiering *tiering)
{
	FilterNode *where = tiering->qualify->args[ARG_WHERE];
	FilterNode *value = tiering->qualify->args[ARG_VALUE];
	List	   *conditions = NIL;

	if (where->op != FILTER_NONE)
		conditions = lappend(conditions, filter_of_as_where(where));
	if (value->op != FILTER_NONE)
	{
		FilterNode **args = palloc_array(FilterNode *, 1);

		args[0] = value;
		conditions = lappend(conditions,
							 filter_node_with(FILTER_IS_SET, NULL, -1, 1,
											  args));
	}
	if (conditions == NIL)
		return NULL;
	return filter_compile(list_length(conditions) == 1 ?
						  linitial(conditions) :
						  filter_combine(FILTER_AND, conditions),
						  source_scope(tiering->source, NULL));
}

/* ---- statements ---- */

/*
 * Steps that go: keys, at; and that come, or are others now: keys, at, tiers,
 * until, next, ahead.  One statement, so that profiles are visited once.
 */
static const char *const write_sql =
	"WITH gone AS (DELETE FROM {step} AS s"
	" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
	" AS g (key, at) WHERE s.key = g.key AND s.at = g.at)"
	" INSERT INTO {step} AS s (key, at, tier, until, next, ahead)"
	" SELECT * FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4),"
	" pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7),"
	" pg_catalog.unnest($8)) AS c (key, at, tier, until, next, ahead)"
	" ON CONFLICT (key, at) DO UPDATE SET tier = excluded.tier,"
	" until = excluded.until, next = excluded.next, ahead = excluded.ahead";

/* Tiers that are kept: keys, at, tiers, until. */
static const char *const keep_sql =
	"INSERT INTO {kept} AS p (key, at, tier, until)"
	" SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4)) AS c (key, at, tier, until)"
	" ON CONFLICT (key, at, tier) DO UPDATE"
	" SET until = greatest(p.until, excluded.until)";

uint64
tiering_execute(Tiering *tiering, TierStatement statement,
				const Datum *values)
{
	int			level = settings_pin_all_rows();
	bool		writes = statement != TIER_EVENTS;
	int			result;

	if (tiering->plans[statement] == NULL)
		tiering->plans[statement] = make_plan(tiering, statement);
	if (writes)
	{
		flow_postpone_no_more_for(statement == TIER_WRITE ? tiering->step :
								  tiering->kept);
		protected_write_begin();
	}
	/* not read-only: it sees what was committed when it begins */
	result = SPI_execute_plan(tiering->plans[statement],
							  unconstify(Datum *, values), NULL, false, 0);
	if (writes)
		protected_write_end();
	if (result < 0)
		elog(ERROR, "could not read or write steps of program \"%s\": %s",
			 tiering->program, SPI_result_code_string(result));
	AtEOXact_GUC(true, level);
	return SPI_processed;
}

/* make_plan() plans a statement, for all values of its arguments. */
static SPIPlanPtr
make_plan(const Tiering *tiering, TierStatement statement)
{
	Oid			keys = get_array_type(tiering->population->key_type);
	Oid			types[TIER_STATEMENTS][8] = {
		[TIER_EVENTS] = {keys},
		[TIER_WRITE] = {keys, TIMESTAMPTZARRAYOID, keys, TIMESTAMPTZARRAYOID,
		TEXTARRAYOID, TIMESTAMPTZARRAYOID, NUMERICARRAYOID,
		TIMESTAMPTZARRAYOID},
		[TIER_KEEP] = {keys, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
		TIMESTAMPTZARRAYOID},
	};
	static const int counts[] = {
		[TIER_EVENTS] = 1,
		[TIER_WRITE] = 8,
		[TIER_KEEP] = 4,
	};
	char	   *sql = statement == TIER_EVENTS ? events_sql(tiering) :
		tables_sql(tiering, statement == TIER_WRITE ? write_sql : keep_sql);
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, counts[statement],
										  types[statement],
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	return plan;
}

/* free_plans() frees what a tiering has prepared. */
static void
free_plans(void *arg)
{
	Tiering    *tiering = arg;

	for (int i = 0; i < TIER_STATEMENTS; i++)
		if (tiering->plans[i] != NULL)
			SPI_freeplan(tiering->plans[i]);
}

/* events_sql() reads the events of customers: their keys are $1. */
static char *
events_sql(const Tiering *tiering)
{
	const Source *source = tiering->source;
	const Population *population = tiering->population;
	List	   *context = source_deparse_context(source);
	Expr	   *value = tiering_value(tiering);
	Expr	   *where = tiering_where(tiering);
	char	   *key = source_key_sql(source);
	int			level = settings_pin();
	StringInfoData condition;
	char	   *at;
	char	   *counted;

	initStringInfo(&condition);
	appendStringInfoString(&condition,
						   profile_key_any_sql(population, key,
											   source->key_type, "$1"));
	if (where != NULL)
		appendStringInfo(&condition, " AND (%s)",
						 deparse_expression((Node *) where, context, true,
											true));
	at = deparse_expression((Node *) source_time(source), context, true, true);
	counted = value == NULL ? "1" :
		deparse_expression((Node *) value, context, true, true);
	AtEOXact_GUC(true, level);
	return psprintf("SELECT %s, (%s)::pg_catalog.timestamptz,"
					" (%s)::pg_catalog.numeric%s",
					profile_key_sql(population, key, source->key_type), at,
					counted, source_from_sql(source, condition.data));
}

/* tables_sql() puts the names of the tables into SQL. */
static char *
tables_sql(const Tiering *tiering, const char *sql)
{
	const struct
	{
		const char *name;
		Oid			relid;
	}			tables[] = {
		{"{kept}", tiering->kept},
		{"{step}", tiering->step},
	};
	StringInfoData text;

	initStringInfo(&text);
	while (*sql != '\0')
	{
		bool		found = false;

		for (int i = 0; i < lengthof(tables) && !found; i++)
		{
			int			length = strlen(tables[i].name);

			if (strncmp(sql, tables[i].name, length) != 0)
				continue;
			appendStringInfoString(&text, relation_name(tables[i].relid));
			sql += length;
			found = true;
		}
		if (!found)
			appendStringInfoChar(&text, *sql++);
	}
	return text.data;
}
