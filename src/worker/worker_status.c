/*-------------------------------------------------------------------------
 *
 * worker_status.c
 *	  How are the workers doing?
 *
 *		SELECT * FROM segment.stat_worker;
 *
 *		database | pid  | last_tick | wakeups | folded | last_error
 *		shop     | 4711 | 12:00:01  |      12 |      3 |
 *
 * Kept since the server started or the database got its worker.  What went
 * wrong in another database is not shown: it may name things there, and in
 * another encoding.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "worker/worker_private.h"

SEGMENT_FUNCTION(segment_worker_status);

#define STATUS_COLUMNS	7

/*
 * worker_status() -> a row per database that has a worker
 */
Datum
segment_worker_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, worker_shmem_status())
	{
		const WorkerStatus *status = lfirst(lc);
		char	   *name = get_database_name(status->database);
		bool		error = status->last_error_at != 0 &&
			status->database == MyDatabaseId;
		Datum		values[STATUS_COLUMNS] = {0};
		bool		isnull[STATUS_COLUMNS] = {false};

		if (name == NULL)
			continue;
		values[0] = name_datum(name);
		values[1] = Int32GetDatum(status->pid);
		isnull[1] = status->pid == 0;
		values[2] = TimestampTzGetDatum(status->last_tick);
		isnull[2] = status->last_tick == 0;
		values[3] = Int64GetDatum(status->wakeups);
		values[4] = Int64GetDatum(status->folded);
		isnull[5] = isnull[6] = !error;
		if (error)
		{
			values[5] = CStringGetTextDatum(status->last_error);
			values[6] = TimestampTzGetDatum(status->last_error_at);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	return (Datum) 0;
}
