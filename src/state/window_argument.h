/*-------------------------------------------------------------------------
 *
 * window_argument.h
 *	  The window of a call, private to this room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_WINDOW_ARGUMENT_H
#define SEGMENT_WINDOW_ARGUMENT_H

#include "fmgr.h"

struct Window;

/*
 * The window that arguments number 'which' (its text) and 'which' + 1 (its
 * zone) of a call are; NULL if one of them is NULL.  It is read once while
 * they stay the same, and remembered in *remembered, which is NULL at first
 * and lives as long as the function's fn_extra.
 */
extern const struct Window *window_argument(FunctionCallInfo fcinfo, int which,
											void **remembered);

#endif							/* SEGMENT_WINDOW_ARGUMENT_H */
