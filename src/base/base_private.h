/*-------------------------------------------------------------------------
 *
 * base_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BASE_PRIVATE_H
#define SEGMENT_BASE_PRIVATE_H

#include "utils/guc.h"
#include "utils/relcache.h"

#include "base/base.h"

/*
 * Define the settings; register what marks stale entries of caches, and what
 * ends permits with their transaction.
 */
extern void settings_init(void);
extern void cache_init(void);
extern void protect_init(void);

/* Check a new value of segment.now, and freeze or release the clock by it. */
extern bool clock_check_setting(char **newval, void **extra, GucSource source);
extern void clock_assign_setting(const char *newval, void *extra);

/* glance.c --------------------------------------------------------------- */

/*
 * Look at the blocks of a table, and compare them with a glance before.  Those
 * of *now are in the current context.
 */
extern void glance_take(Relation relation, const Glance *before, Glance *now);

#endif							/* SEGMENT_BASE_PRIVATE_H */
