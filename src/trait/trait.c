/*-------------------------------------------------------------------------
 *
 * trait.c
 *	  What does this room need before it is used?
 *
 * The two caches that it keeps per session: definitions by population, and
 * programs by source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "trait/trait_private.h"

void
trait_init(void)
{
	trait_cache_init();
	program_init();
}
