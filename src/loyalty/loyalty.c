/*-------------------------------------------------------------------------
 *
 * loyalty.c
 *	  What the room needs when the library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "flow/flow.h"
#include "loyalty/loyalty.h"
#include "loyalty/occasion_private.h"
#include "loyalty/reward_private.h"
#include "loyalty/tables.h"
#include "loyalty/tier_private.h"

void
loyalty_init(void)
{
	programs_init();
	statements_init();
	tables_init();
	tier_init();
	rules_guest_init();
	rules_reader_init();
	reward_reader_init();
	occasions_init();
	occasion_guest_init();
	keeper_init();
	column_values_init();
	flow_on_drop(programs_forget);
}
