/*-------------------------------------------------------------------------
 *
 * arguments.h
 *	  Arguments of functions that define, as their callers gave them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_ARGUMENTS_H
#define SEGMENT_ARGUMENTS_H

#include "fmgr.h"

#include "profile/profile.h"

/*
 * population_argument() is the population of that name; NULL stands for the
 * only one there is.
 */
extern const Population *population_argument(FunctionCallInfo fcinfo,
											 int argument);

/*
 * name_argument() is a name that must be given: 'what' it is the name of, for
 * the error.  optional_name_argument() is NULL if it is not given.
 */
extern char *name_argument(FunctionCallInfo fcinfo, int argument,
						   const char *what);
extern char *optional_name_argument(FunctionCallInfo fcinfo, int argument);

/* text_argument() is a text as a C string; NULL if it is not given. */
extern char *text_argument(FunctionCallInfo fcinfo, int argument);

/* flag_argument() is a boolean; false if it is not given. */
extern bool flag_argument(FunctionCallInfo fcinfo, int argument);

#endif							/* SEGMENT_ARGUMENTS_H */
