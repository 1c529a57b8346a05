/*-------------------------------------------------------------------------
 *
 * audience.h
 *	  Who you want to talk to: named filters over a population.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AUDIENCE_H
#define SEGMENT_AUDIENCE_H

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "filter/filter.h"
#include "membership/membership.h"
#include "profile/profile.h"
#include "trait/trait.h"

/* audience.c: definitions ---------------------------------------------------- */

typedef struct Audience
{
	char	   *name;
	int32		definition_id;			/* of this definition; another filter, another
								 * number */
	bool		stored;			/* members are kept; else nobody can say when
								 * the filter changes with time, or it does not
								 * bind any more, and it is evaluated when asked */
	bool		time_dependent;			/* the clock is part of the filter */
	bool		matches_empty;		/* the filter holds for the blank profile, at the
								 * time of its definition */
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

/*
 * The audience that a user means by a name.  Without a population it is
 * looked for in all of them: ERRCODE_UNDEFINED_OBJECT with the nearest name,
 * or ERRCODE_AMBIGUOUS_PARAMETER if several populations have one.
 */
extern const Audience *audience_find(const char *name,
									 const char *population_name,
									 const Population **population);

/* Why its filter does not bind, or NULL if it does. */
extern char *audience_unbound(const Population *population,
							  const Audience *audience);
/* Those of these audiences (names, char *) whose filter binds. */
extern List *audience_binding(const Population *population, List *names);

/* How many members it has, the changes of this command included. */
extern int64 audience_count(const Population *population, const char *name);

/* The filters (FilterNode *) of all audiences, as trait_refresh() wants them. */
extern List *audience_filters(const Population *population);

/* Names (char *) of the audiences whose filter mentions a trait, or another
 * audience, or reads a source; and those that a filter mentions itself. */
extern List *audience_users_of_trait(const Population *population,
									 const char *trait);
extern List *audience_users_of_audience(const Population *population,
										const char *audience);
extern List *audience_users_of_source(const Population *population,
									  const char *source);
extern List *audience_names_used(const FilterNode *filter);

extern void audience_init(void);

/* What happened to a membership ----------------------------------------------- */

typedef struct Transition
{
	const char *audience;
	const char *key;			/* of the profile, as text */
	bool		entered;		/* else left */
	TimestampTz at;
	const char *cause;			/* CAUSE_EVENT, CAUSE_TIME or as follows */
} Transition;

#define CAUSE_CREATE	"create"
#define CAUSE_EDIT		"edit"
#define CAUSE_DROP		"drop"
#define CAUSE_REBUILD	"rebuild"
#define CAUSE_RENAME	"rename"

/* Whoever wants to be told; what it is given is good during the call. */
typedef void (*TransitionSink) (const Transition *change, void *context);

/* define.c: changing definitions ----------------------------------------------- */

/*
 * Would the filter do for a new audience, or for one that is there?  An error
 * says why not: its name is taken, it does not bind, it leads back to the
 * audience.  What the filter reads is stored.
 */
extern void audience_check(const Population *population, const char *name,
						   const char *filter, bool is_new);

/*
 * The caller is the population's definer, has locked its members, and is
 * connected to SPI.  The filter is canonical text; an error says why it does
 * not bind or leads back to the audience.  Its view is made in 'schema' (NULL:
 * it has none).  Members are not yet decided: see audience_decide().
 */
extern void audience_define(const Population *population, const char *name,
							const char *filter, const char *description,
							const char *schema);
/*
 * filter NULL: it stays, else see audience_refresh(); description NULL: it
 * stays, empty: none.
 */
extern void audience_redefine(const Population *population, const char *name,
							  const char *filter, const char *description);
/* ERRCODE_DUPLICATE_OBJECT if there is one of that name. */
extern void audience_check_name(const Population *population, const char *name);

/*
 * Give an audience another name: its row, its view if that is still called by the
 * old one, and the filters of others.  Its members stay.
 */
extern void audience_rename(const Population *population, const char *name,
							const char *new_name);
/* Another name stands in the place of one in all filters. */
extern void audience_rewrite(const Population *population,
							 DefinitionRewrite rewrite,
							 const char *old, const char *new);
/* Forget an audience, its members and its view.  Nothing refers to it any more. */
extern void audience_forget(const Population *population, const char *name);

/*
 * What these audiences (names, char *) stand for has changed: their filters, or
 * traits or other audiences in them.  They must still bind (the error says
 * which one does not), may depend on the clock now, or not any more, and are
 * definitions with new numbers.  Their members are to be decided.
 */
extern void audience_refresh(const Population *population, List *names);

/*
 * Keep everybody else from changing members until the transaction ends:
 * EXCLUSIVE on the base table waits for events that are not committed yet and
 * holds up new ones, and so for whoever has locked rows of it; a fold is waited
 * for.
 */
extern void audience_lock(const Population *population);
/*
 * Stop keeping the members of audiences whose filter does not bind any more:
 * they are evaluated when asked for, which says why they cannot be, until
 * somebody mends or drops them.  A warning says so, but for those that are about
 * to be mended (names, char *).  The caller may write profiles, and is connected
 * to SPI.
 */
extern void audience_suspend(const Population *population, List *mended);

/*
 * Keep the members again of those that bind.  They are to be decided.  The
 * caller is the population's definer.
 */
extern void audience_resume(const Population *population);

/* decide.c: membership of a whole population ------------------------------------ */

/*
 * Decide anew who is a member, of all audiences (names NIL) or of some (char
 * *), by one scan of the base table as it is now; store it, and tell of every
 * difference from what was stored.  A row without source rows is no profile.
 * Profiles are woken when time changes that.  It is as of 'at', or later for
 * profiles that have had an event later, but for a rebuild: that begins anew, if
 * the clock was set back.
 *
 * Members are locked, no toggles are pending, and no profile is due.  The caller
 * is connected to SPI.
 */
extern void audience_decide(const Population *population, List *names,
							TimestampTz at, const char *cause,
							TransitionSink sink, void *context);

/*
 * Tell of each member (entered false, CAUSE_RENAME): those that the feed
 * has told of.
 */
extern void audience_each_member(const Population *population,
								 const char *name, TimestampTz at,
								 TransitionSink sink, void *context);

/* Everybody leaves the audience, which is about to go. */
extern void audience_empty(const Population *population, const char *name,
						   TimestampTz at, TransitionSink sink, void *context);

/*
 * Compare what is stored with what the filters say: 'differ' is called for
 * each profile that is stored as a member and is none (entered false), or is
 * one and is not stored (entered true); 'broken' for each audience whose filter
 * does not bind.
 */
typedef void (*AudienceBroken) (const char *audience, const char *reason,
								void *context);

extern void audience_verify(const Population *population, TransitionSink differ,
							AudienceBroken broken, void *context);

/* apply.c: events ----------------------------------------------------------------- */

typedef struct AudienceWriter AudienceWriter;

/*
 * NULL if nobody's members are stored, nor told to the feed.  The base table is locked (ROW
 * EXCLUSIVE), so that the definitions read now hold until the transaction ends.
 */
extern AudienceWriter *audience_open(const Population *population);

/* The audience whose filter is being evaluated, for who says of an error; or NULL. */
extern const char *audience_evaluating(const AudienceWriter *writer);

/* The population's decided_at; DT_NOBEGIN if there is no writer (NULL). */
extern TimestampTz audience_decided_at(const AudienceWriter *writer);

/*
 * A profile that is due: write down which audiences time alone made it enter or
 * leave since then, up to and including 'until', each at its instant.  Returns
 * its next wake_at.
 */
extern TimestampTz audience_catch_up(AudienceWriter *writer,
									  TupleTableSlot *row, TimestampTz until);

/*
 * A profile's row changed: write down which audiences it entered or left.
 *
 * Both slots are rows of the base table, all columns deformed.  Where a profile
 * did not exist before, or does not any more, the blank row stands for it.
 * 'at' does not run backwards for a profile, and time has passed up to it.
 */
extern void audience_apply(AudienceWriter *writer,
						   TupleTableSlot *before, bool existed,
						   TupleTableSlot *after, bool exists,
						   TimestampTz at);

/*
 * The wake_at of a row as of 'at', not later than 'wake_at'.  'changed': only as far
 * as its membership depends on what was different in the last audience_apply().
 */
extern TimestampTz audience_wake_at(AudienceWriter *writer, TupleTableSlot *row,
									TimestampTz at, TimestampTz wake_at,
									bool changed);

/* Toggles that were held back are written.  Returns whether there were any. */
extern bool audience_close(AudienceWriter *writer);

/* fold.c --------------------------------------------------------------------------- */

/*
 * Move toggles into the stored members, 'most' of them (0: all), and tell of
 * them in their order, but for what one transaction has undone.  Toggles that
 * have to be told together with the first 'most' are folded with them.
 * Returns how many.  Stored members that are damaged are an error, or skipped
 * if the caller is about to decide them anew.  The caller holds the storage
 * lock (membership_lock()).
 */
extern int64 audience_fold(const Population *population, int64 most,
						   bool skip_damaged, TransitionSink sink, void *context);

#endif							/* SEGMENT_AUDIENCE_H */
