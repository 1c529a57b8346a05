/*-------------------------------------------------------------------------
 *
 * execute.c
 *	  Run SQL over what belongs to the owner of a population.
 *
 *		population_execute()	ALTER TABLE segment_data.shop ADD COLUMN s7 ...
 *		population_select()		SELECT max(ord) FROM segment_data.shop
 *		population_write()		UPDATE segment_data.shop SET s7 = ...
 *
 * A statement runs as the owner of the base table, restricted
 * (base/actor.c), with search_path pinned, and with a permit for what it does
 * to our tables (base/protect.c), so that code of the owner's has none.  Rows
 * that row-level security hides are an error.
 *
 * Writing rows fires the owner's triggers.  Those that are declared deferred
 * fire when the statement ends: at the end of the transaction they could not
 * run as the owner any more.  The server has no switch for that, so
 * population_write() takes the statement through the executor by hand.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "profile/profile_private.h"

static uint64 write_rows(PlannedStmt *statement, const char *sql);

void
population_execute(const Population *population, const char *sql)
{
	Actor		before = act_as_owner(population->oid);

	(void) settings_pin_uncompiled();
	protected_define_begin();
	catalog_execute_as_user(sql, 0, NULL, NULL, NULL);
	protected_write_end();
	act_as_before(before);
}

void
population_select(const Population *population, const char *sql)
{
	Actor		before = act_as_owner(population->oid);

	(void) settings_pin_all_rows();
	catalog_execute_as_user(sql, 0, NULL, NULL, NULL);
	act_as_before(before);
}

uint64
population_write(const Population *population, const char *sql)
{
	uint64		written = 0;
	Actor		before = act_as_owner(population->oid);
	SPIPlanPtr	plan;
	CachedPlan *statements;
	ListCell   *lc;

	(void) settings_pin_uncompiled();
	plan = SPI_prepare(sql, 0, NULL);
	statements = plan == NULL ? NULL : SPI_plan_get_cached_plan(plan);
	if (statements == NULL)
		elog(ERROR, "could not prepare \"%s\": %s",
			 sql, SPI_result_code_string(SPI_result));
	PushActiveSnapshot(GetTransactionSnapshot());
	/* there are several if the owner has made rules */
	foreach(lc, statements->stmt_list)
	{
		CommandCounterIncrement();
		UpdateActiveSnapshotCommandId();
		written += write_rows(lfirst_node(PlannedStmt, lc), sql);
	}
	PopActiveSnapshot();
	ReleaseCachedPlan(statements, NULL);
	SPI_freeplan(plan);
	CommandCounterIncrement();
	act_as_before(before);
	return written;
}

/*
 * write_rows() runs one statement through the executor, as SPI_execute() does,
 * but lets deferred triggers fire at its end.  Returns how many rows it wrote.
 */
static uint64
write_rows(PlannedStmt *statement, const char *sql)
{
	QueryDesc  *query;
	uint64		written;
	ListCell   *lc;

	if (statement->commandType == CMD_UTILITY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a rule on the base table of a population runs %s",
						CreateCommandName(statement->utilityStmt)),
				 errhint("Use a trigger instead.")));
	query = CreateQueryDesc(statement, sql, GetActiveSnapshot(),
							InvalidSnapshot, None_Receiver, NULL, NULL, 0);
	ExecutorStart(query, 0);
	foreach(lc, query->estate->es_opened_result_relations)
		triggers_at_once(lfirst(lc));
	/* what the owner's rules have added is not for us to permit */
	if (statement->canSetTag)
		protected_write_begin();
	ExecutorRun(query, ForwardScanDirection, 0 EXECUTOR_RUN_ONCE);
	ExecutorFinish(query);
	written = query->estate->es_processed;
	if (statement->canSetTag)
		protected_write_end();
	ExecutorEnd(query);
	FreeQueryDesc(query);
	return written;
}

