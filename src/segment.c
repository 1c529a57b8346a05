/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  The front door: the server enters here, once per backend.
 *
 * Each room that keeps state of its own has an init function; they are called
 * in the order of the house, so that a room finds its neighbours to the left
 * ready.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/base.h"
#include "filter/filter.h"
#include "profile/profile.h"
#include "membership/membership.h"
#include "source/source.h"
#include "trait/trait.h"
#include "audience/audience.h"
#include "flow/flow.h"
#include "guard/guard.h"
#include "worker/worker.h"
#include "loyalty/loyalty.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	base_init();
	filter_init();
	profile_init();
	membership_init();
	source_init();
	trait_init();
	audience_init();
	flow_init();
	guard_init();
	worker_init();
	loyalty_init();
}
