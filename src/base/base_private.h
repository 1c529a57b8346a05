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

extern void settings_init(void);
extern void cache_init(void);
extern void protect_init(void);
extern bool clock_check_setting(char **newval, void **extra, GucSource source);
extern void clock_assign_setting(const char *newval, void *extra);

#endif							/* SEGMENT_BASE_PRIVATE_H */
