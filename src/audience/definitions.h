/*-------------------------------------------------------------------------
 *
 * definitions.h
 *	  Which audiences are there; private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_DEFINITIONS_H
#define SEGMENT_DEFINITIONS_H

#include "audience/audience.h"

/* definition_cache.c ----------------------------------------------------- */

/* Make the cache of the audiences of each population. */
extern void definition_cache_init(void);

/* A number that another list of audiences never has. */
extern uint64 audience_list_number(const Population *population);

/*
 * Which audiences (Audience *) have gone since the list of that number, and
 * which have come; one that has changed is among both.  *number becomes that
 * of the list as it is.  Returns false if they are not known any more.
 */
extern bool audience_list_changes(const Population *population,
								  uint64 *number, List **gone, List **come);

/* The audience of a definition; NULL if the definition is not current. */
extern const Audience *audience_by_definition(const Population *population,
											  int32 definition_id);

/* Has any audience its members stored? */
extern bool audience_any_stored(const Population *population);

/* definitions.c ---------------------------------------------------------- */

/* Make that cache, and answer the room of traits who uses what. */
extern void definitions_init(void);

/* The names (char *) of all audiences, sorted. */
extern List *audience_names(const Population *population);

/*
 * The audience that a user asks about, and its population: as audience_find()
 * and population_reader().
 */
extern const Audience *audience_for_reader(const char *name,
										   const char *population_name,
										   const Population **population);

/* Where a filter mentions an audience, for an error's caret. */
typedef struct Mention
{
	const char *text;			/* of the filter; may be NULL */
	const FilterNode *node;
} Mention;

/*
 * Report that an audience does not exist: ERRCODE_UNDEFINED_OBJECT with the
 * nearest of the candidates (char *).  'population' is NULL if the name was
 * looked for in all; 'mention' is NULL if a function was called with the name.
 */
pg_noreturn extern void unknown_audience(const char *name,
										 const Population *population,
										 List *candidates,
										 const Mention *mention);

/* scope.c ---------------------------------------------------------------- */

/* Become filter_row_hook. */
extern void scope_init(void);

/* bind.c ----------------------------------------------------------------- */

/*
 * Bind a filter to the population's profiles; an error says why it does not
 * bind.  'text' is the source of the tree for error cursors, or NULL.  Returns
 * the compiled filter over range table entry 1.
 */
extern Expr *audience_bind(const Population *population,
						   const FilterNode *filter, const char *text);

/* What a compiled filter tells of its audience: see Audience. */
typedef struct AudienceFacts
{
	bool		stored;
	bool		time_dependent;
	bool		matches_empty;
} AudienceFacts;

/* Read these facts off a filter that audience_bind() has compiled. */
extern AudienceFacts audience_describe(const Population *population,
									   Expr *filter);

/* Bind and describe an audience's own filter; an error names the audience. */
extern AudienceFacts audience_bind_named(const Population *population,
										 const Audience *audience);

/* An error context's callback, whose argument is the name of an audience. */
extern void in_filter_of_audience(void *name);

/* check_filter.c --------------------------------------------------------- */

/*
 * Compile a filter that is to be the audience's: an error if it does not bind,
 * or leads back to the audience.
 */
extern Expr *check_filter(const Population *population, const char *name,
						  const FilterSource *filter);

/* definitions_write.c ---------------------------------------------------- */

/* Are the members of an audience being stored? */
extern void audience_set_building(const Population *population,
								  const char *name, bool building);

/*
 * A definition was changed or removed: commands, caches and plans see it from
 * here on.  Of one that is new membership_changed() is enough.
 */
extern void definitions_changed(const Population *population);

#endif							/* SEGMENT_DEFINITIONS_H */
