/*-------------------------------------------------------------------------
 *
 * base.c
 *	  Init of the ground floor, and the settings.
 *
 * Settings are questions we could not answer for the user, so there are few;
 * none of them changes what a filter means.
 *
 *		segment.now		= ''		the clock runs
 *		segment.now		= '2026-05-01 12:00+02'		the clock stands still
 *		segment.capture	= off		this session restores data: do not count it
 *		segment.feed_retention = '30 days'	what is older leaves the feed
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/base.h"
#include "base/base_private.h"

bool		segment_capture = true;
int			segment_feed_retention = 30 * 24 * 60;
static char *segment_now;

void
base_init(void)
{
	DefineCustomBoolVariable("segment.capture",
							 "Maintain traits when rows of attached sources change.",
							 "Turn it off only in a session that restores a data-only dump: what it writes is not counted.",
							 &segment_capture,
							 true,
							 PGC_SUSET,
							 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("segment.feed_retention",
							"How long transitions stay in the feed.",
							"Those that a consumer has not acknowledged stay longer; -1 keeps everything.",
							&segment_feed_retention,
							30 * 24 * 60,
							-1, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MIN,
							NULL, NULL, NULL);

	DefineCustomStringVariable("segment.now",
							   "Freezes the clock of segment at this instant.",
							   "Empty means that the clock runs; meant for tests and for questions about another day.",
							   &segment_now,
							   "",
							   PGC_SUSET,
							   0,
							   clock_check_setting, clock_assign_setting, NULL);

	MarkGUCPrefixReserved("segment");

	cache_init();
}
