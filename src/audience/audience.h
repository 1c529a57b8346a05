/*-------------------------------------------------------------------------
 *
 * audience.h
 *	  Named filters over a population, and their members.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AUDIENCE_H
#define SEGMENT_AUDIENCE_H

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "filter/filter.h"
#include "membership/membership.h"
#include "profile/profile.h"
#include "trait/trait.h"

/* definitions.c: which audiences are there? ------------------------------ */

typedef struct Audience
{
	char	   *name;
	int32		definition_id;	/* each new filter has a new one */
	bool		stored;			/* members are stored.  Else the filter does
								 * not bind any more, or it is not known when
								 * time changes it; it is evaluated on each
								 * question */
	bool		building;		/* members are being stored: see
								 * audience_begin_building() */
	bool		time_dependent; /* the clock is part of the filter */
	bool		matches_empty;	/* the filter held for the blank profile when
								 * it was defined */
	char	   *description;	/* or NULL */
	Filter	   *packed;			/* the filter */
	FilterNode *tree;			/* the same, for audience_filter() only */
	Oid			view;			/* InvalidOid if it has none */
	RowVersion	version;		/* of the row that says all this */
} Audience;

/* The filter of an audience: good as long as the audience is. */
extern const FilterNode *audience_filter(const Audience *audience);

/*
 * The population's audiences (Audience *), by name.  Owned by the cache and
 * good until the end of the transaction.
 */
extern List *audience_list(const Population *population);
/* The audience of that name, or NULL. */
extern const Audience *audience_by_name(const Population *population,
										const char *name);
/* The filter of the audience of that name, which there is. */
extern const FilterNode *audience_filter_by_name(const Population *population,
												 const char *name);

/*
 * The audience that a user means by a name, and its population.  Without the
 * name of a population (NULL) the audience is looked for in all of them:
 * ERRCODE_UNDEFINED_OBJECT with the nearest name, or
 * ERRCODE_AMBIGUOUS_PARAMETER if several populations have one.
 */
extern const Audience *audience_find(const char *name,
									 const char *population_name,
									 const Population **population);

/*
 * Those of them that are made of more than the population's columns: their
 * filters mention sources or other audiences.
 */
extern List *audience_list_made(const Population *population);

/* The filters (FilterNode *) of these, for trait_refresh(). */
extern List *audience_filters(const Population *population);

/*
 * Names (char *) of the audiences whose filter mentions a trait, or another
 * audience, or reads a source; and of the audiences that a filter mentions.
 */
extern List *audience_users_of_trait(const Population *population,
									 const char *trait);
extern List *audience_users_of_audience(const Population *population,
										const char *audience);
extern List *audience_users_of_source(const Population *population,
									  const char *source);
extern List *audience_names_used(const FilterNode *filter);

/* Names (char *) of the audiences whose filter mentions a column itself. */
extern List *audience_users_of_column(const Population *population,
									  const SourceColumn *column);

/* Make the caches of this room and register the hooks of rooms to the left. */
extern void audience_init(void);

/* bind.c: does a filter bind? -------------------------------------------- */

/* Why the filter of an audience does not bind, or NULL if it does. */
extern char *audience_unbound(const Population *population,
							  const Audience *audience);
/* Those of the named audiences (names, char *) whose filters bind. */
extern List *audience_binding(const Population *population, List *names);

/* members_of.c: how many members has an audience? ------------------------ */

/* The changes of the current command are counted, too. */
extern int64 audience_count(const Population *population, const char *name);

/* Transitions: who entered or left, and why ------------------------------ */

typedef struct Transition
{
	const char *audience;
	const char *key;			/* of the profile, as text */
	const MemberSet *members;	/* or many profiles; then there is no key */
	bool		entered;		/* else left */
	TimestampTz at;
	const char *cause;			/* CAUSE_EVENT, CAUSE_TIME, or as follows */
} Transition;

#define CAUSE_CREATE	"create"
#define CAUSE_EDIT		"edit"
#define CAUSE_DROP		"drop"
#define CAUSE_REBUILD	"rebuild"
#define CAUSE_RENAME	"rename"

/* Receives transitions; each is good during the call. */
typedef void (*TransitionSink) (const Transition *change, void *context);

/* check_filter.c: may an audience have this filter? ---------------------- */

/*
 * Refuse a name that is taken, if the audience 'is_new', and a filter that
 * does not bind or leads back to the audience.  What the filter reads is
 * stored.
 */
extern void audience_check(const Population *population, const char *name,
						   const FilterSource *filter, bool is_new);
/* ERRCODE_DUPLICATE_OBJECT if there is an audience of that name. */
extern void audience_check_name(const Population *population,
								const char *name);

/* definitions_write.c: changing definitions ------------------------------ */

/*
 * The caller of each of these functions is the population's definer, has
 * locked the members, and is connected to SPI.  Afterwards members have still
 * to be decided: see audience_decide().
 */

/*
 * Make an audience.  The filter's text is canonical; an error says why it does
 * not bind or that it leads back to the audience.  The audience's view is made
 * in 'schema'; NULL: it has none.
 */
extern void audience_define(const Population *population, const char *name,
							const FilterSource *filter,
							const char *description, const char *schema);
/*
 * Change an audience.  NULL as filter or description leaves it as it is; an
 * empty description removes it.  audience_refresh() must follow a filter.
 */
extern void audience_redefine(const Population *population, const char *name,
							  const FilterSource *filter,
							  const char *description);

/*
 * Give an audience another name: in its row, in its view if that still has the
 * old name, and in the filters of others.  Its members stay.
 */
extern void audience_rename(const Population *population, const char *name,
							const char *new_name);
/* Rewrite all filters.  What they say stays, and so do the members. */
extern void audience_rewrite(const Population *population,
							 DefinitionRewrite rewrite, const void *change);
/* A DefinitionRewrite for a NameChange * of an audience. */
extern FilterNode *definition_rename_audience(const Population *population,
											  const FilterNode *filter,
											  const void *change);
/* A DefinitionRewrite for a FilterLabel *: see definition_relabel(). */
extern FilterNode *audience_relabel(const Population *population,
									const FilterNode *filter,
									const void *label);
/* Remove an audience that nothing refers to any more, and its view. */
extern void audience_forget(const Population *population, const char *name);

/*
 * Give new definition ids to audiences (names, char *) whose filters have
 * changed, or a trait or another audience in them has.  They must still bind
 * (the error says which one does not), and may depend on the clock now, or not
 * any more.  Their members are to be decided.
 */
extern void audience_refresh(const Population *population, List *names);

/*
 * Let all sessions compile the filters anew, because a function or type that
 * they use may have changed without a message to us.
 */
extern void audience_compile_anew(const Population *population);

/*
 * Keep all others from changing members until the transaction ends.  EXCLUSIVE
 * on the base table waits for events that are not committed yet and for
 * transactions that have locked rows of it, and holds up new events.  The
 * storage lock waits for a fold.
 */
extern void audience_lock(const Population *population);

/* suspend.c: filters that do not bind any more --------------------------- */

/*
 * Stop keeping the members of audiences whose filter does not bind any more:
 * questions evaluate the filter, and say why it fails, until the audience is
 * mended or dropped.  A warning names each audience but those that are about
 * to be mended (names, char *).  The caller may write profiles, and is
 * connected to SPI.
 */
extern void audience_suspend(const Population *population, List *mended);

/*
 * Keep the members of suspended audiences whose filters bind again.  Their
 * members have still to be decided.  The caller is the population's definer.
 */
extern void audience_resume(const Population *population);

/* decide.c: membership of a whole population ----------------------------- */

/*
 * Decide anew who is a member, of all audiences (names NIL) or of some (char
 * *), by one scan of the base table as it is now; store it, and emit every
 * difference from what was stored.  A row without source rows is no profile.
 * wake_at of the profiles is set.
 *
 * Each profile is decided as of max('at', its evaluated_at, the population's
 * decided_at).  A rebuild uses 'at' for all, even if the clock was set back.
 *
 * Members are locked, no toggles are pending, and no profile is due.  The
 * caller is connected to SPI.
 */
extern void audience_decide(const Population *population, List *names,
							TimestampTz at, const char *cause,
							TransitionSink sink, void *context);

/*
 * Emit that each member that the feed knows of left (CAUSE_RENAME).  Stored
 * members stay.
 */
extern void audience_each_member(const Population *population,
								 const char *name, TimestampTz at,
								 TransitionSink sink, void *context);

/*
 * Emit that each member leaves an audience that is about to be dropped
 * (CAUSE_DROP), and delete the stored members.
 */
extern void audience_empty(const Population *population, const char *name,
						   TimestampTz at, TransitionSink sink,
						   void *context);

/*
 * audience_begin_building() lets an audience that was just defined have its
 * members stored beside writers, who write toggles from here on; questions
 * evaluate the filter.  Members are decided as of 'at'.
 *
 * Then profiles get the wake_at that the filter needs: audience_wake_at().
 *
 * audience_decide_beside() stores the members, emits that they entered, and
 * ends the building.  Of a profile that a writer has changed meanwhile, the
 * toggle waits for a fold and is emitted by that.  Members are locked against
 * folds (membership_lock()).
 */
extern void audience_begin_building(const Population *population,
									const char *name, TimestampTz at);
extern void audience_decide_beside(const Population *population,
								   const char *name, TransitionSink sink,
								   void *context);

/*
 * twin.c: another filter for an audience, whose members are stored beside
 * writers under another name before it gets that filter.
 *
 * audience_twin_name() is the name of the twin.  audience_decide_twin() stores
 * its members as audience_decide_beside() does, but they are not emitted, and
 * it goes on being built.  audience_become_twin() gives an audience the
 * members of its twin, which ends, and emits the differences; the audience has
 * got its other filter, or what that is made of has changed.  Members are
 * locked, and no toggles are pending.
 */
extern char *audience_twin_name(const char *name);
extern const Audience *audience_twin(const Population *population,
									 const char *name);
extern void audience_decide_twin(const Population *population,
								 const char *name);
extern void audience_become_twin(const Population *population,
								 const char *name, TimestampTz at,
								 TransitionSink sink, void *context);

/* Takes the name of an audience whose filter does not bind, and the reason. */
typedef void (*AudienceBroken) (const char *audience, const char *reason,
								void *context);

/*
 * Compare the stored members with what the filters say.  'differ' is called
 * for each profile that is stored as a member and is none (entered false), or
 * is one and is not stored (entered true); 'broken' for each audience whose
 * filter does not bind.
 */
extern void audience_verify(const Population *population,
							TransitionSink differ, AudienceBroken broken,
							void *context);

/* apply.c: events, and time that passes ---------------------------------- */

/* Writes toggles for the profiles that a statement or a sweep visits. */
typedef struct AudienceWriter AudienceWriter;

/*
 * Make a writer; NULL if no audience has stored members, kept or suspended.
 * The base table is locked (ROW EXCLUSIVE), so that the definitions read now
 * hold until the transaction ends.
 */
extern AudienceWriter *audience_open(const Population *population);

/*
 * The name of the audience whose filter is being evaluated, or NULL: for the
 * context of an error.
 */
extern const char *audience_evaluating(const AudienceWriter *writer);

/*
 * The population's decided_at, for decision_instant(); DT_NOBEGIN if there is
 * no writer (NULL).
 */
extern TimestampTz audience_decided_at(const AudienceWriter *writer);

/*
 * Lead a profile that is due through time, up to and including 'until': write
 * toggles, each with its instant, for the audiences that time alone makes it
 * enter or leave.  Returns its next wake_at.
 */
extern TimestampTz audience_catch_up(AudienceWriter *writer,
									 TupleTableSlot *row, TimestampTz until);

/*
 * Write toggles for the audiences that a profile enters or leaves because its
 * row changed.
 *
 * Both slots are rows of the base table, all columns deformed.  If a profile
 * did not exist before, or does not any more, the blank row stands for it.
 * 'at' is the profile's decision_instant(), up to which time was caught up.
 */
extern void audience_apply(AudienceWriter *writer,
						   TupleTableSlot *before, bool existed,
						   TupleTableSlot *after, bool exists,
						   TimestampTz at);

/*
 * The wake_at of a row as of 'at', not later than 'wake_at'.  'changed_only':
 * consider only conditions on what was different in the last
 * audience_apply(); the others do not change before 'wake_at'.
 */
extern TimestampTz audience_wake_at(AudienceWriter *writer,
									TupleTableSlot *row, TimestampTz at,
									TimestampTz wake_at, bool changed_only);

/* Write the toggles that are left; returns whether there were any at all. */
extern bool audience_close(AudienceWriter *writer);

/* transitions.c: folding ------------------------------------------------- */

/*
 * Move toggles into the stored members, 'most' of them (0: all), and emit the
 * transitions in their order, but for what one transaction has undone.
 * Toggles that must be emitted together with the first 'most' are folded with
 * them.  Returns how many were folded.  'skip_damaged': leave stored members
 * that are damaged as they are, because the caller decides them anew; else
 * they are an error.  The caller holds the storage lock (membership_lock()).
 */
extern int64 audience_fold(const Population *population, int64 most,
						   bool skip_damaged, TransitionSink sink,
						   void *context);

#endif							/* SEGMENT_AUDIENCE_H */
