/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  Which processes keep the feed current without calls of segment.tick()?
 *
 * Where the library is in shared_preload_libraries, the server starts:
 *
 *		segment launcher			knows which databases there are, is
 *		│							connected to none, and starts workers
 *		├─ segment worker: shop		has the extension: works as long as the
 *		│							server runs
 *		├─ segment worker: blog		has not: leaves at once, and is not started
 *		│							again
 *		└─ segment worker: cafe		...
 *
 * Two kinds, because only a process that is connected to a database can see
 * whether the extension is there, or do anything for it, and it can never be
 * connected to another one.
 *
 *		worker_shmem.c	what the processes tell each other, in shared memory
 *		watch.c			what sessions do that concerns them: toggles are
 *						committed, extensions and databases come and go
 *		launcher.c		which databases get a worker?
 *		loop.c			the worker: wait until something is pending or due
 *		turn.c			and sweep and fold it
 *		trouble.c		what failed waits for a while
 *		worker_status.c	how are they doing?
 *
 * Elsewhere nothing of this is there: no memory, no hook, no process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "worker/worker.h"
#include "worker/worker_private.h"

/* How soon the launcher is started again after it failed, in seconds. */
#define LAUNCHER_PAUSE	1

void
worker_init(void)
{
	BackgroundWorker launcher = {
		.bgw_name = LAUNCHER_TYPE,
		.bgw_type = LAUNCHER_TYPE,
		.bgw_flags = BGWORKER_SHMEM_ACCESS |
			BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = LAUNCHER_PAUSE,
		.bgw_library_name = "segment",
		.bgw_function_name = LAUNCHER_MAIN,
	};

	/* a server that only runs to be upgraded is left in peace */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	worker_shmem_init();
	watch_init();
	RegisterBackgroundWorker(&launcher);
}
