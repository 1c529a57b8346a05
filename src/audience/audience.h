/*-------------------------------------------------------------------------
 *
 * audience.h
 *	  Who you want to talk to: named filters over a population.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AUDIENCE_H
#define SEGMENT_AUDIENCE_H

#include "nodes/pg_list.h"

#include "filter/filter.h"
#include "profile/profile.h"

typedef struct Audience
{
	char	   *name;
	char	   *text;			/* canonical filter */
	char	   *description;	/* or NULL */
	FilterNode *filter;
	Oid			view;			/* InvalidOid if it has none */
} Audience;

/*
 * The population's audiences (Audience *), by name.  Owned by the cache and
 * good until the end of the transaction.
 */
extern List *audience_list(const Population *population);
/* NULL if there is none of that name */
extern const Audience *audience_by_name(const Population *population,
										const char *name);

/* Names (char *) of the audiences whose filter mentions a trait, or another
 * audience. */
extern List *audience_users_of_trait(const Population *population,
									 const char *trait);
extern List *audience_users_of_audience(const Population *population,
										const char *audience);

/*
 * After traits changed: every audience must still bind.  The error says which
 * one does not.
 */
extern void audience_check(const Population *population);

/* Forget an audience and drop its view.  Nothing refers to it any more. */
extern void audience_forget(const Population *population, const char *name);

extern void audience_init(void);

#endif							/* SEGMENT_AUDIENCE_H */
