/*-------------------------------------------------------------------------
 *
 * base.c
 *	  Init of the room that all others stand on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "base/base_private.h"

void
base_init(void)
{
	settings_init();
	cache_init();
	protect_init();
}
