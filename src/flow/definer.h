/*-------------------------------------------------------------------------
 *
 * definer.h
 *	  A definition that is being made: by which user, of which population?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_DEFINER_H
#define SEGMENT_DEFINER_H

#include "fmgr.h"

#include "base/base.h"
#include "filter/filter.h"
#include "profile/profile.h"

/* definer.c: steps that definitions have in common ------------------------ */

/*
 * Begun by a function that defines, and passed to all steps that it takes.
 * Lives in the memory of that function's call.
 */
typedef struct Definer
{
	char	   *population;		/* its name: see population_of() */
	char	   *home;			/* schema of the user's new views, or NULL */
	bool		acting;			/* as the population's owner */
	bool		connected;		/* to SPI */
	bool		gently;			/* readers and writers wait for moments only */
	bool		follows;		/* a statement that altered a table: a view
								 * that is gone stays gone */
	char	   *unkept;			/* kind and name of what flow_unkeep() takes
								 * away, or NULL */
	Actor		before;			/* who acted before, while 'acting' */
} Definer;

/*
 * definer_begin() begins a definition of a population, for the SQL function of
 * that name: no other session defines anything of the population until the
 * transaction ends.  From here on we act as its owner.
 *
 * definer_begin_as_user() does not act as the owner yet: definer_act() does.
 * An unfinished build of the population is an error, but for
 * definer_begin_build(): it begins a definition that takes its locks gently.
 */
extern Definer *definer_begin(const Population *population,
							  const char *function);
extern Definer *definer_begin_as_user(const Population *population,
									  const char *function);
extern Definer *definer_begin_build(const Population *population,
									const char *function);
extern Definer *definer_begin_build_as_user(const Population *population,
											const char *function);
extern void definer_act(Definer *definer);

/*
 * definer_begin_statement() begins what a statement of any user's has made
 * necessary: nobody is asked for rights, as nobody has a choice.  NULL if the
 * population is gone.
 */
extern Definer *definer_begin_statement(const char *population);

/*
 * hold_definitions() keeps others from defining anything of a population until
 * the transaction ends, whoever we are; an unfinished build is an error.
 * Returns the population as it is now, NULL if it is gone.
 */
extern const Population *hold_definitions(const Population *population);

/* What a definition reads and changes.  Names are char *. */
typedef struct Affected
{
	List	   *triggers;		/* sources whose triggers are dropped */
	Oid			attached;		/* a table that is to be a source */
	List	   *audiences;		/* audiences that are dropped or renamed */
	bool		view;			/* the population's view is replaced */
	bool		columns;		/* stored traits come or go */
	bool		members;		/* are decided */
	bool		everything;		/* the population is dropped */
} Affected;

/*
 * definer_lock() locks all that is affected, before anything is changed, and
 * connects to SPI.  Others may have changed what was read before: read it
 * again.
 */
extern void definer_lock(Definer *definer, const Affected *affected);

/* definer_end() disconnects from SPI, and acts as the user again. */
extern void definer_end(Definer *definer);

/*
 * population_of() is the population as the changes made so far left it.  Ask
 * for it whenever it is needed, instead of keeping it over a change.
 */
extern const Population *population_of(const Definer *definer);

/*
 * lock_and_settle() locks the members, and emits to the feed what was due or
 * pending.  Members of audiences that do not bind are not kept from here on,
 * with a warning but for those that are about to be mended or dropped (names,
 * char *).
 */
extern void lock_and_settle(Definer *definer, List *mended);

/*
 * follow_change() decides anew the members of audiences (names, char *) whose
 * meaning has changed, or takes those that a build has stored for them.  Those
 * that were sound must bind; others that bind now are kept again.  Then
 * refresh_view() if something was stored anew, of which named traits may be
 * made, and else drop_unneeded().
 */
extern void follow_change(Definer *definer, List *concerned, List *sound,
						  bool stored_anew);

/* refresh_view() makes the population's view show the traits there are. */
extern void refresh_view(Definer *definer);

/* drop_unneeded() drops the stored traits that nothing needs any more. */
extern void drop_unneeded(Definer *definer);

/* all_audiences() names (char *) the audiences of the population. */
extern List *all_audiences(const Population *population);

/*
 * refuse_users() raises an error that lists the users of a thing: names (char
 * *) of traits and audiences, and those that readers_names() gives.
 */
pg_noreturn extern void refuse_users(const char *kind, const char *name,
									 List *traits, List *audiences,
									 List *others);

/* refuse_unknown_trait() and the like raise an error: no such name. */
pg_noreturn extern void refuse_unknown_trait(const Population *population,
											 const char *name);
pg_noreturn extern void refuse_unknown_source(const Population *population,
											  const char *name);

/* define_source.c: sources that go ---------------------------------------- */

/*
 * sources_detach() detaches sources (names, char *), with all that reads them:
 * traits of the names 'own' (char *) silently, all else with a notice.
 */
extern void sources_detach(Definer *definer, List *names, List *own);

/* define_trait.c: traits that are defined --------------------------------- */

/* A trait that a user wants. */
typedef struct TraitWish
{
	char	   *name;
	FilterSource definition;
	char	   *description;	/* or NULL */
} TraitWish;

/* trait_definition() parses the definition of a trait; NULL is an error. */
extern FilterSource trait_definition(const char *name, char *text);

/*
 * traits_define() gives traits (TraitWish *) their definitions: new traits, or
 * one that is there ('replace').  A new trait may mention those before it.
 */
extern void traits_define(Definer *definer, List *wishes, bool replace);

/*
 * define_traits.c: traits_of_json() reads the traits (TraitWish *) that an
 * argument of type json wishes for, in its order.
 */
extern List *traits_of_json(FunctionCallInfo fcinfo, int argument);

/* What a json object has under a name. */
typedef struct NamedValue
{
	char	   *name;			/* as long as a name may be */
	Datum		value;
	bool		isnull;
} NamedValue;

/*
 * named_values() lists what a json object has (NamedValue *), in its order, in
 * the current context.  'value' is SQL over the column "value", of a type of
 * variable length.  An error if it is no object: 'argument' is its name, and
 * 'example' what could be given.
 */
extern List *named_values(Datum json, const char *value, const char *argument,
						  const char *example);

/* define_audience.c ------------------------------------------------------- */

/*
 * audience_alter() gives an audience another filter, if there is one, or
 * another description.  Locks all that it affects.
 */
extern void audience_alter(Definer *definer, const char *name,
						   const FilterSource *filter,
						   const char *description);

/* define_trait.c, define_audience.c: what a cascade drops too ------------- */

/*
 * drop_readers() drops traits and audiences (names, char *),
 * and all that is made of them, with a notice for each.
 */
extern void drop_readers(Definer *definer, List *traits, List *audiences);

/*
 * drop_trait() and drop_audience() drop a thing and all that is made of it,
 * with a notice for each that the user has not 'asked' to drop.
 */
extern void drop_trait(Definer *definer, const char *name, bool asked);
extern void drop_audience(Definer *definer, const char *name, bool asked);

/*
 * refuse_trait_keys() raises an error if a definition mentions keys of a
 * trait, as extra.size, and 'new_name' is about to be the name of both a trait
 * and a source: they would be taken for columns of the source.
 */
extern void refuse_trait_keys(const Population *population, const char *trait,
							  const char *new_name);

/* lock_affected.c --------------------------------------------------------- */

/*
 * lock_affected() takes the locks of a definition, after population_definer();
 * 'gently': see locks_take_gently().
 */
extern void lock_affected(const Population *population,
						  const Affected *affected, bool gently);

#endif							/* SEGMENT_DEFINER_H */
