/*-------------------------------------------------------------------------
 *
 * statements.c
 *	  The SQL by which a program's ledger is read and written.
 *
 *		ledger_execute(program, ASK_ACCOUNT, {42, now}, NULL)
 *
 * A till asks for the same few statements all day, so their plans are kept for
 * the session, by program.  They run as the population's owner, with the
 * permit to write tables of ours (base/protect.c); under READ COMMITTED each
 * sees what was committed when it begins.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

#include "flow/flow.h"
#include "loyalty/loyalty_private.h"
#include "loyalty/tables.h"

/* In the place of a type: that of keys, and an array of it. */
#define KEY_TYPE	0
#define KEY_ARRAY	1

#define MOST_ARGUMENTS	12

typedef struct StatementForm
{
	const char *sql;
	int			nargs;
	Oid			types[MOST_ARGUMENTS];
} StatementForm;

static const StatementForm forms[LEDGER_STATEMENTS] = {
	/* key, at */
	[ASK_SPENDABLE] = {
		"SELECT sum(remaining) FROM {lot}"
		" WHERE key = $1 AND NOT spent AND expires_at > $2"
		" AND active_at <= $2",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	[ASK_PENDING] = {
		"SELECT sum(remaining), max(active_at) FROM {lot}"
		" WHERE key = $1 AND NOT spent AND active_at > $2",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	/* key, at: those that are charged with debts, and with how much */
	[ASK_CHARGED] = {
		"SELECT l.lot, l.granted, l.remaining, l.active_at, l.expires_at,"
		" c.points FROM (SELECT e.lot, (-sum(e.points))::bigint AS points"
		" FROM {entry} e WHERE e.key = $1 AND e.at > $2 AND e.kind = 'debt'"
		" AND e.lot IS NOT NULL GROUP BY e.lot HAVING sum(e.points) <> 0)"
		" AS c JOIN {lot} l USING (lot) ORDER BY l.lot",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	[ASK_HELD] = {
		"SELECT sum(points), max(until) FROM {hold}"
		" WHERE key = $1 AND state = 'open' AND until > $2",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	/* movement */
	[ASK_MOVEMENT] = {
		"SELECT key, kind, points, (SELECT sum(r.points)::bigint"
		" FROM {movement} r WHERE r.reverses = $1)"
		" FROM {movement} WHERE movement = $1",
		1, {INT8OID},
	},
	/* movement: what it and its reversals took out of lots, the last first */
	[ASK_DRAWN] = {
		"SELECT l.lot, l.granted, l.remaining, l.active_at, l.expires_at,"
		" d.drawn FROM (SELECT e.lot, -sum(e.points) AS drawn"
		" FROM {movement} m JOIN {entry} e USING (key, movement)"
		" WHERE m.movement IN (SELECT $1 UNION ALL"
		" SELECT r.movement FROM {movement} r WHERE r.reverses = $1)"
		" AND e.lot IS NOT NULL"
		" AND e.kind IN ('redeem', 'restore', 'adjust')"
		" GROUP BY e.lot) AS d JOIN {lot} l USING (lot)"
		" WHERE d.drawn > 0 ORDER BY l.expires_at DESC, l.lot DESC",
		1, {INT8OID},
	},
	/* key, lot: what open holds have of it */
	[ASK_ASIDE] = {
		"SELECT h.until, (-sum(e.points))::bigint"
		" FROM {hold} h JOIN {entry} e USING (key, movement)"
		" WHERE h.key = $1 AND h.state = 'open' AND e.lot = $2"
		" AND e.kind = 'hold' GROUP BY h.movement ORDER BY h.movement",
		2, {KEY_TYPE, INT8OID},
	},
	/* key, at: of which lots have open holds something, before they expire? */
	[ASK_LOTS_ASIDE] = {
		"SELECT l.lot, l.granted, l.remaining, l.active_at, l.expires_at"
		" FROM {hold} h JOIN {entry} e USING (key, movement)"
		" JOIN {lot} l USING (lot)"
		" WHERE h.key = $1 AND h.state = 'open' AND e.kind = 'hold'"
		" AND l.expires_at > $2 GROUP BY l.lot ORDER BY l.lot",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	/* key, at: what lapsed holds give back to lots */
	[ASK_LAPSED] = {
		"SELECT l.lot, l.granted, l.remaining, l.active_at, l.expires_at,"
		" sum(e.points)::bigint, max(h.movement)"
		" FROM {hold} h JOIN {entry} e USING (key, movement)"
		" JOIN {lot} l USING (lot)"
		" WHERE h.key = $1 AND h.state = 'open' AND h.until <= $2"
		" AND e.kind = 'release' GROUP BY l.lot ORDER BY l.lot",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	/* movement: what a hold has of lots */
	[ASK_HOLD] = {
		"SELECT l.lot, l.granted, l.remaining, l.active_at, l.expires_at,"
		" (-sum(e.points))::bigint, h.key, h.points, h.until, h.state"
		" FROM {hold} h JOIN {entry} e USING (key, movement)"
		" JOIN {lot} l USING (lot) WHERE h.movement = $1"
		" AND e.kind = 'hold' GROUP BY l.lot, h.movement ORDER BY l.expires_at, l.lot",
		1, {INT8OID},
	},
	/* movement, key, points, until */
	[ADD_HOLD] = {
		"INSERT INTO {hold} (movement, key, points, until)"
		" VALUES ($1, $2, $3, $4)",
		4, {INT8OID, KEY_TYPE, INT8OID, TIMESTAMPTZOID},
	},
	/* key, state, at, movement: those that lapsed, or one */
	[END_HOLDS] = {
		"UPDATE {hold} SET state = $2 WHERE key = $1 AND state = 'open'"
		" AND CASE WHEN $4 IS NULL THEN until <= $3 ELSE movement = $4 END",
		4, {KEY_TYPE, TEXTOID, TIMESTAMPTZOID, INT8OID},
	},
	/* key, at, code, and again if it was given, else '' */
	[ADD_MEMBER] = {
		"INSERT INTO {member} AS m (key, joined_at, code, referred_by)"
		" VALUES ($1, $2, $3, $5)"
		" ON CONFLICT (key) DO UPDATE SET joined_at = excluded.joined_at,"
		" left_at = NULL, code = coalesce(nullif($4, ''), m.code)"
		" WHERE m.left_at IS NOT NULL"
		" RETURNING m.code, xmax = 0",
		5, {KEY_TYPE, TIMESTAMPTZOID, TEXTOID, TEXTOID, KEY_TYPE},
	},
	/* key, at */
	[LEAVE_MEMBER] = {
		"UPDATE {member} SET left_at = $2 WHERE key = $1 AND left_at IS NULL",
		2, {KEY_TYPE, TIMESTAMPTZOID},
	},
	/* code */
	[ASK_VOUCHER] = {
		"SELECT key, reward, movement, expires_at, ended, ended_at, used_ref,"
		" auto FROM {voucher} WHERE code = $1",
		1, {TEXTOID},
	},
	/* movement that bought it */
	[ASK_BOUGHT] = {
		"SELECT code, reward, expires_at, ended, ended_at, used_ref, auto"
		" FROM {voucher} WHERE movement = $1",
		1, {INT8OID},
	},
	/* token of a use */
	[ASK_USE] = {
		"SELECT code, used_ref FROM {voucher} WHERE token = $1",
		1, {TEXTOID},
	},
	/* key: what rewards a customer has had */
	[ASK_HAD] = {
		"SELECT reward, issued_at FROM {voucher}"
		" WHERE key = $1 AND ended <> 'cancelled'",
		1, {KEY_TYPE},
	},
	/* keys, at: as ASK_SPENDABLE, of several customers */
	[ASK_AFFORDABLE] = {
		"SELECT (SELECT least(coalesce(sum(l.remaining), 0),"
		" 9223372036854775807)::bigint FROM {lot} l"
		" WHERE l.key = u.key AND NOT l.spent AND l.expires_at > u.at"
		" AND l.active_at <= u.at)"
		" FROM unnest($1, $2) WITH ORDINALITY AS u (key, at, n)"
		" ORDER BY u.n",
		2, {KEY_ARRAY, TIMESTAMPTZARRAYOID},
	},
	/*
	 * key, at, movement, others: what was issued by itself and can be used,
	 * and was paid for by what the movement granted; or by others, if these
	 * are still good
	 */
	[ASK_UNUSED] = {
		"SELECT v.movement FROM {voucher} v CROSS JOIN LATERAL"
		" (SELECT coalesce(bool_or(l.lot IN (SELECT g.lot FROM {entry} g"
		" WHERE g.key = $1 AND g.movement IN (SELECT $3 UNION ALL"
		" SELECT m.movement FROM {movement} m WHERE m.reverses = $3)"
		" AND g.points > 0"
		" AND g.kind IN ('earn', 'adjust'))), false) AS own,"
		" bool_or(l.expires_at > $2) AS good FROM {entry} e"
		" JOIN {lot} l USING (lot) WHERE e.key = $1"
		" AND e.movement = v.movement AND e.kind = 'redeem') AS paid"
		" WHERE v.key = $1 AND v.auto"
		" AND v.ended = 'expired' AND v.ended_at > $2"
		" AND (paid.own OR paid.good AND $4)"
		" ORDER BY paid.own DESC, v.movement DESC LIMIT 1",
		4, {KEY_TYPE, TIMESTAMPTZOID, INT8OID, BOOLOID},
	},
	/* code, reward, key, movement, price, auto, issued_at, expires_at */
	[ADD_VOUCHER] = {
		"INSERT INTO {voucher} (code, reward, key, movement, price, auto,"
		" issued_at, expires_at, ended_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
		8, {TEXTOID, TEXTOID, KEY_TYPE, INT8OID, INT8OID, BOOLOID,
			TIMESTAMPTZOID, TIMESTAMPTZOID},
	},
	/* code, at, ref, by, token */
	[USE_VOUCHER] = {
		"UPDATE {voucher} SET ended = 'used', ended_at = $2, used_at = $2,"
		" used_ref = $3, used_by = $4, token = $5"
		" WHERE code = $1 AND used_at IS NULL AND ended = 'expired'",
		5, {TEXTOID, TIMESTAMPTZOID, TEXTOID, NAMEOID, TEXTOID},
	},
	/* movement that bought it, at: one that has expired has ended then */
	[CANCEL_VOUCHER] = {
		"UPDATE {voucher} SET ended = 'cancelled',"
		" ended_at = least(ended_at, $2)"
		" WHERE movement = $1 AND used_at IS NULL",
		2, {INT8OID, TIMESTAMPTZOID},
	},
	/* key */
	[ASK_MEMBER] = {
		"SELECT code FROM {member} WHERE key = $1",
		1, {KEY_TYPE},
	},
	/* code */
	[ASK_CODE] = {
		"SELECT key, left_at FROM {member} WHERE code = $1",
		1, {TEXTOID},
	},
	/* key, rule, from, until: what rows of these instants have earned */
	[ASK_CAPPED] = {
		"SELECT sum(points)::bigint FROM {granted} WHERE key = $1"
		" AND rule = $2 AND at >= $3 AND at < $4",
		4, {KEY_TYPE, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
	},
	/* key, rule: of rows that have earned, and are known by a time */
	[ASK_REFS] = {
		"SELECT ref FROM {granted} WHERE key = $1 AND rule = $2"
		" AND at IS NOT NULL AND raw <> 0",
		2, {KEY_TYPE, TEXTOID},
	},
	/* key: who has brought the customer along */
	[ASK_REFERRER] = {
		"SELECT referred_by FROM {member}"
		" WHERE key = $1 AND referred_by IS NOT NULL",
		1, {KEY_TYPE},
	},
	/* rule, ref: since when something is granted */
	[ASK_GRANTED_AT] = {
		"SELECT at FROM {granted} WHERE rule = $1 AND ref = $2"
		" AND raw <> 0 AND at IS NOT NULL",
		2, {TEXTOID, TEXTOID},
	},
};

/* The plans of a program. */
typedef struct Plans
{
	SPIPlanPtr	plans[LEDGER_STATEMENTS];	/* NULL until they are needed */
} Plans;

typedef struct PlansEntry
{
	Oid			movement;		/* the program's table: hash key */
	CacheSlot	slot;			/* frees 'plans' */
	Oid			tables[PROGRAM_TABLES];
	Oid			base;
	Plans	   *plans;
} PlansEntry;

static Cache *plans_cache = NULL;

static bool made_of(const void *entry, Oid relid);
static int	written_by(LedgerStatement statement);
static Plans *program_plans(const Program *program);
static SPIPlanPtr make_plan(const Program *program, LedgerStatement statement);
static int	open_tables(const Program *program, LedgerStatement statement,
						Relation *tables);
static uint32 tables_of(LedgerStatement statement);
static void plan_by_indexes(SPIPlanPtr plan);
static void free_plans(void *plans);

void
statements_init(void)
{
	static const CacheKind kind = {
		.name = "segment ledger plans",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(PlansEntry),
		.slot = offsetof(PlansEntry, slot),
		.holds_sql = true,
		.made_of = made_of,
	};

	plans_cache = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	const PlansEntry *plans = entry;

	for (int i = 0; i < PROGRAM_TABLES; i++)
		if (plans->tables[i] == relid)
			return true;
	return plans->base == relid;
}

uint64
ledger_execute(const Program *program, LedgerStatement statement,
			   const Datum *values, const char *nulls)
{
	int			level = settings_pin();
	Relation	tables[PROGRAM_TABLES];
	int			ntables = open_tables(program, statement, tables);
	Plans	   *plans = program_plans(program);
	SPIPlanPtr	plan = plans->plans[statement];
	int			written = written_by(statement);
	int			result;

	if (plan == NULL)
		plan = plans->plans[statement] = make_plan(program, statement);
	else if (!SPI_plan_is_valid(plan))
		plan_by_indexes(plan);
	profile_close_left();
	if (written >= 0)
	{
		flow_postpone_no_more_for(program->tables[written]);
		protected_write_begin();
	}
	result = SPI_execute_plan(plan, unconstify(Datum *, values), nulls, false,
							  0);
	if (written >= 0)
		protected_write_end();
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", forms[statement].sql,
			 SPI_result_code_string(result));
	for (int i = 0; i < ntables; i++)
		table_close(tables[i], NoLock);
	AtEOXact_GUC(false, level);
	return SPI_processed;
}

/* written_by() is the table (ProgramTable) that a statement writes, or -1. */
static int
written_by(LedgerStatement statement)
{
	switch (statement)
	{
		case ADD_HOLD:
		case END_HOLDS:
			return HOLD_TABLE;
		case ADD_MEMBER:
		case LEAVE_MEMBER:
			return MEMBER_TABLE;
		case ADD_VOUCHER:
		case USE_VOUCHER:
		case CANCEL_VOUCHER:
			return VOUCHER_TABLE;
		default:
			return -1;
	}
}

/* program_plans() finds or makes the entry of a program's plans. */
static Plans *
program_plans(const Program *program)
{
	PlansEntry	made = {0};
	PlansEntry *entry = cache_find(plans_cache,
								   &program->tables[MOVEMENT_TABLE]);
	uint64		begun = cache_begin();
	MemoryContext context;
	MemoryContextCallback *callback;

	if (entry != NULL)
		return entry->plans;
	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment ledger plans",
									ALLOCSET_SMALL_SIZES);
	made.movement = program->tables[MOVEMENT_TABLE];
	memcpy(made.tables, program->tables, sizeof(made.tables));
	made.base = program->population->oid;
	made.plans = MemoryContextAllocZero(context, sizeof(Plans));
	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	callback->func = free_plans;
	callback->arg = made.plans;
	MemoryContextRegisterResetCallback(context, callback);
	entry = cache_put(plans_cache, &made, context, begun);
	return entry->plans;
}

/* make_plan() plans a statement, for all values of its arguments. */
static SPIPlanPtr
make_plan(const Program *program, LedgerStatement statement)
{
	const StatementForm *form = &forms[statement];
	Oid			key = program->population->key_type;
	Oid			types[MOST_ARGUMENTS];
	SPIPlanPtr	plan;

	for (int i = 0; i < form->nargs; i++)
		types[i] = form->types[i] == KEY_TYPE ? key :
			form->types[i] == KEY_ARRAY ? get_array_type(key) :
			form->types[i];
	plan = SPI_prepare_cursor(program_sql(program, form->sql), form->nargs,
							  types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", form->sql,
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	plan_by_indexes(plan);
	return plan;
}

/*
 * plan_by_indexes() plans a statement so that it finds its rows by indexes: a
 * plan is kept, and tables that are empty now will not be.  (OFFSET 0 keeps
 * the look-up of each row from being made a join, which may not.)
 */
static void
plan_by_indexes(SPIPlanPtr plan)
{
	int			level = NewGUCNestLevel();
	CachedPlan *planned;

	setting_save("enable_seqscan", "off");
	planned = SPI_plan_get_cached_plan(plan);
	if (planned != NULL)
		ReleaseCachedPlan(planned, CurrentResourceOwner);
	AtEOXact_GUC(false, level);
}

/*
 * open_tables() opens the tables that a statement names, and returns how many
 * they are.  So they are as we have made them, and nobody alters them while
 * the statement runs, be it by a trigger.
 */
static int
open_tables(const Program *program, LedgerStatement statement,
			Relation *tables)
{
	uint32		which = tables_of(statement);
	int			count = 0;

	for (int i = 0; i < PROGRAM_TABLES; i++)
		if (which & (1U << i))
			tables[count++] = program_table_open(program, i, AccessShareLock);
	return count;
}

/* tables_of() says which tables a statement names, by bits. */
static uint32
tables_of(LedgerStatement statement)
{
	static uint32 known[LEDGER_STATEMENTS];
	uint32		which = known[statement];

	if (which != 0)
		return which;
	for (int i = 0; i < PROGRAM_TABLES; i++)
		if (strstr(forms[statement].sql,
				   psprintf("{%s}", program_table_names[i])) != NULL)
			which |= 1U << i;
	known[statement] = which;
	return which;
}

static void
free_plans(void *arg)
{
	Plans	   *plans = arg;

	for (int i = 0; i < LEDGER_STATEMENTS; i++)
		if (plans->plans[i] != NULL)
			SPI_freeplan(plans->plans[i]);
}

Datum
result_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

void
program_answer(FunctionCallInfo fcinfo, const Program *program,
			   const char *sql, int nargs, const Oid *types,
			   const Datum *values)
{
	InitMaterializedSRF(fcinfo, 0);
	program_append(fcinfo, program, sql, nargs, types, values);
}

void
program_append(FunctionCallInfo fcinfo, const Program *program,
			   const char *sql, int nargs, const Oid *types,
			   const Datum *values)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ParamListInfo params = makeParamList(nargs);
	OwnersQuestion question;
	SPIExecuteOptions options;
	int			level;

	for (int i = 0; i < nargs; i++)
	{
		params->params[i].value = values[i];
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = types[i];
	}
	question_begin(&question, program->population);
	memset(&options, 0, sizeof(options));
	options.params = params;
	options.read_only = true;
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, result->setResult,
									result->econtext->ecxt_per_query_memory,
									false, result->setDesc,
									gettext_noop("a table of the program is not as it was made"));
	/* what is asked about sources is asked of all their rows, or an error */
	level = settings_pin_all_rows();
	if (SPI_execute_extended(program_sql(program, sql),
							 &options) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	AtEOXact_GUC(true, level);
	options.dest->rDestroy(options.dest);
	question_end(&question);
}
