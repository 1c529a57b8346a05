/*-------------------------------------------------------------------------
 *
 * audience_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AUDIENCE_PRIVATE_H
#define SEGMENT_AUDIENCE_PRIVATE_H

#include "audience/audience.h"

/* audience.c ---------------------------------------------------------------- */

/*
 * The audience that a user means by a name.  Without a population it is
 * looked for in all of them: ERRCODE_UNDEFINED_OBJECT with the nearest name,
 * or ERRCODE_AMBIGUOUS_PARAMETER if several populations have one.
 */
extern const Audience *audience_find(const char *name,
									 const char *population_name,
									 const Population **population);

/*
 * A filter must bind to the population's profiles; the error says why it does
 * not.  'text' is the source of the tree for error cursors, or NULL.
 */
extern void audience_bind(const Population *population,
						  const FilterNode *filter, const char *text);

/* Names (char *) of the audiences that a filter mentions itself, sorted. */
extern List *audience_names_used(const FilterNode *filter);

/* ask.c ---------------------------------------------------------------------- */

/*
 * Who are the members?  As SQL: the base table as "profile", and a condition
 * over it that is true for the members and false or NULL for all others.
 *
 * Every answer of this room comes from here, so this is what changes when
 * members are kept in another form.
 */
extern char *audience_profiles_sql(const Population *population);
extern char *audience_membership_sql(const char *audience);

/*
 * Questions are asked as the population's owner, because readers have no
 * rights on the base table; the caller has been checked.  Between begin and
 * end SPI is connected and search_path pinned.
 */
typedef struct OwnersQuestion
{
	Oid			user;
	int			context;
	int			settings;
} OwnersQuestion;

extern void question_begin(OwnersQuestion *question,
						   const Population *population);
extern void question_end(OwnersQuestion *question);

/* How many members are there, the changes of this command included? */
extern int64 audience_count(const Population *population, const char *audience);

#endif							/* SEGMENT_AUDIENCE_PRIVATE_H */
