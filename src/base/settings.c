/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  What may an administrator or a session set?
 *
 * Settings are questions we could not answer for the user, so there are few;
 * none of them changes what a filter means.
 *
 *		segment.now		= ''		the clock runs
 *		segment.now		= '2026-05-01 12:00+02'		the clock stands still
 *		segment.capture	= off		this session restores data: do not count it
 *		segment.databases = 'shop'	a worker for this database only
 *		segment.feed_retention = '30 days'	what is older leaves the feed
 *		segment.naptime	= '1s'		a worker folds no more often than that
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/base.h"
#include "base/base_private.h"

bool		segment_capture = true;
char	   *segment_databases;
int			segment_feed_retention = 30 * 24 * 60;
int			segment_naptime = 1000;
int			segment_series_tail = 1024;
int			segment_statement_memory = -1;
static char *segment_now;

static bool check_names(char **newval, void **extra, GucSource source);

void
settings_init(void)
{
	DefineCustomBoolVariable("segment.capture",
							 "Maintain traits when rows of attached sources change.",
							 "Turn it off only in a session that restores a "
							 "data-only dump: rows that the session writes "
							 "are not counted.",
							 &segment_capture,
							 true,
							 PGC_SUSET,
							 0,
							 NULL, NULL, NULL);

	DefineCustomStringVariable("segment.databases",
							   "Databases that get a background worker, separated by commas.",
							   "Empty means every database that has the "
							   "extension; workers run only if the library is "
							   "preloaded.",
							   &segment_databases,
							   "",
							   PGC_SIGHUP,
							   GUC_LIST_INPUT,
							   check_names, NULL, NULL);

	DefineCustomIntVariable("segment.feed_retention",
							"How long transitions stay in the feed.",
							"Transitions that a consumer has not acknowledged "
							"stay longer; -1 keeps all.",
							&segment_feed_retention,
							30 * 24 * 60,
							-1, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MIN,
							NULL, NULL, NULL);

	DefineCustomIntVariable("segment.naptime",
							"Least time between two turns of a background worker, which sweeps and folds.",
							"Changes that happen meanwhile are folded "
							"together.",
							&segment_naptime,
							1000,
							0, 60 * 60 * 1000,
							PGC_SIGHUP,
							GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomStringVariable("segment.now",
							   "Freezes the clock of segment at this instant.",
							   "Empty means that the clock runs; meant for tests and for questions about a later day.",
							   &segment_now,
							   "",
							   PGC_SUSET,
							   0,
							   clock_check_setting, clock_assign_setting,
							   NULL);

	DefineCustomIntVariable("segment.series_tail",
							"Bytes of the newest events of a window that are written at each event.",
							"For tests of this extension, which want few.",
							&segment_series_tail,
							1024,
							8, 1024 * 1024,
							PGC_SUSET,
							GUC_UNIT_BYTE | GUC_NO_SHOW_ALL |
							GUC_NOT_IN_SAMPLE,
							NULL, NULL, NULL);

	DefineCustomIntVariable("segment.statement_memory",
							"Memory for what a statement changes, before it uses temporary files.",
							"-1 means work_mem; meant for tests.",
							&segment_statement_memory,
							-1,
							-1, MAX_KILOBYTES,
							PGC_USERSET,
							GUC_UNIT_KB | GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("segment");
}

/* A list of names, quoted where SQL would quote them. */
static bool
check_names(char **newval, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*newval);
	List	   *names;
	bool		valid = SplitIdentifierString(copy, ',', &names);

	if (!valid)
	{
		GUC_check_errdetail("\"%s\" is not a list of names.", *newval);
		GUC_check_errhint("Separate the names by commas, for example \"shop, restaurant\".");
	}
	list_free(names);
	pfree(copy);
	return valid;
}
