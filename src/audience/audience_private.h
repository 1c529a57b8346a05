/*-------------------------------------------------------------------------
 *
 * audience_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AUDIENCE_PRIVATE_H
#define SEGMENT_AUDIENCE_PRIVATE_H

#include "nodes/execnodes.h"
#include "utils/snapshot.h"

#include "audience/audience.h"
#include "base/base.h"

/* audience.c ---------------------------------------------------------------- */

/* By the number of its definition; NULL if there is none such any more. */
extern const Audience *audience_by_definition(const Population *population,
										  int32 definition_id);

/*
 * The audience that a user asks about, and its population: as audience_find()
 * and population_reader().
 */
extern const Audience *audience_for_reader(const char *name,
										   const char *population_name,
										   const Population **population);

/*
 * A filter must bind to the population's profiles; the error says why it does
 * not.  'text' is the source of the tree for error cursors, or NULL.  Returns
 * the compiled filter over range table entry 1.
 */
extern Expr *audience_bind(const Population *population,
						   const FilterNode *filter, const char *text);

/*
 * What is to be known of a compiled filter: see Audience.
 */
typedef struct AudienceFacts
{
	bool		stored;
	bool		time_dependent;
	bool		matches_empty;
} AudienceFacts;

extern AudienceFacts audience_describe(const Population *population,
									   Expr *filter);

/*
 * The same for an audience's own filter, which an error names; and what is
 * known of it.
 */
extern AudienceFacts audience_bind_named(const Population *population,
										 const Audience *audience);

/*
 * Those of these audiences (Audience *) that can be asked for: those whose filter
 * binds, and unless each filter is to be evaluated those that can be read from
 * bitmaps.  A warning says which cannot.
 */
extern List *audiences_answering(const Population *population, List *audiences,
								 bool evaluated);

/* Is there any that has its members stored? */
extern bool audience_any_stored(const Population *population);

/* index.c ------------------------------------------------------------------- */

/*
 * The stored audiences of a population by what their filters look at.  Owned
 * by the cache and good until the end of the transaction.
 */
typedef struct AudienceIndex AudienceIndex;

extern void audience_index_init(void);
extern void audience_ask_init(void);
extern AudienceIndex *audience_index(const Population *population);
/* Of some audiences (Audience *) alone, in the current context. */
extern AudienceIndex *audience_index_of(const Population *population,
										List *audiences);
/* An index in which are at least these audiences (Audience *), to read only. */
extern AudienceIndex *audience_index_to_ask(const Population *population,
											List *audiences);

/*
 * Which filters have a condition that differs between two rows of the base
 * table, all of whose columns are deformed, at an instant?  How many; *touched
 * are their places in the index, good until the next call.  'appears': one of
 * the rows is the blank profile that stands for none, and the filters that may
 * hold for nobody are among them.
 */
extern int	index_touched(AudienceIndex *index, TupleTableSlot *before,
							 TupleTableSlot *after, bool appears,
							 TimestampTz at, const int **touched);

/*
 * Does the filter hold, by its place in the index?  On the row, and at the
 * instant, after the change that was last asked about; and did it before?
 */
extern bool index_holds(AudienceIndex *index, int audience);
extern bool index_held(AudienceIndex *index, int audience);
/* Where there is no change: the row that is looked at, and as of when. */
extern void index_set_row(AudienceIndex *index, TupleTableSlot *row,
						  TimestampTz at);
/* The name of one whose filter is being evaluated; NULL: none is. */
extern const char *index_evaluating(const AudienceIndex *index);
/*
 * Why a filter does not bind, or NULL if it does.  And those stored audiences
 * (integers) that did not when the index was built.
 */
extern const char *index_broken(AudienceIndex *index, int audience);
extern List *index_broken_places(const AudienceIndex *index);
extern int32 index_definition_id(const AudienceIndex *index, int audience);
/* The place of an audience, which has one, in the index of all. */
extern int	index_place(const AudienceIndex *index, const char *name);

/*
 * wake.c: no later than the next instant after 'after' at which time alone
 * changes for a row which filters hold, nor than 'next'; DT_NOEND: never.
 * 'stirred': as far as they look at what was different in the last
 * index_touched(), which was as of that instant.
 */
extern TimestampTz index_wake_at(AudienceIndex *index, TupleTableSlot *row,
								  TimestampTz after, TimestampTz next,
								  bool stirred);

/*
 * Watch a row from after 'after' on.  index_catch_up_next() gives one after the other
 * the instants not after 'until' at which filters may change: how many and which,
 * as index_touched(); or -1, and *at is the next one that is later.
 */
extern void index_catch_up_begin(AudienceIndex *index, TupleTableSlot *row,
						   TimestampTz after);
extern int	index_catch_up_next(AudienceIndex *index, TupleTableSlot *row,
							TimestampTz until, TimestampTz *at,
							const int **touched);

/* ask.c ---------------------------------------------------------------------- */

/*
 * A condition over the base table as "profile" that is true for those for
 * whom the audience's filter holds, and false or NULL for all others.
 */
extern char *audience_holds_sql(const char *audience);

/*
 * The keys of the members, as a query: from the chunks and toggles that the
 * query's snapshot shows, or else by the filter.
 */
extern char *audience_members_sql(const Population *population,
								  const char *audience);

/* The members as the snapshot shows them, whether they are stored or not. */
extern MemberSet *audience_members(const Population *population,
								   const Audience *audience,
								   Snapshot snapshot);
extern int64 audience_size(const Population *population,
						   const Audience *audience, Snapshot snapshot);

/* due.c: profiles that are due, as the snapshot shows them. */

/* Is there any? */
extern bool due_any(const Population *population, Snapshot snapshot);
/* In a set of stored members, put them where they are now. */
extern void due_decide(const Population *population, const Audience *audience,
					   Snapshot snapshot, MemberSet *set);
/*
 * How many more members have audiences (Audience *) now than are stored?  A
 * number for each.
 */
extern void due_count(const Population *population, List *audiences,
					  Snapshot snapshot, int64 *more);

/* For how many profiles a condition in SQL is true. */
extern int64 audience_count_where(const Population *population,
								  const char *condition);

/*
 * algebra.c: is the filter made of audiences alone?  Then for how many
 * profiles does it hold?
 */
extern bool algebra_applies(const FilterNode *filter);
extern int64 algebra_count(const Population *population,
						   const FilterNode *filter, Snapshot snapshot);

/* next.c ------------------------------------------------------------------------ */

/*
 * A filter over rows of the base table that can be evaluated as of any instant.
 * Made in the current context, and good as long as that and the definitions.
 */
typedef struct TimedFilter TimedFilter;

extern TimedFilter *timed_filter(const Population *population,
								 const FilterNode *filter);

/*
 * The first instant after 'after' at which it holds where it did not, or the
 * other way round; DT_NOEND: never.  After MOST_STEPS instants at which it might
 * have it stops, at one that is too early.
 */
extern TimestampTz timed_filter_next_change(TimedFilter *timed,
											TupleTableSlot *row,
											TimestampTz after);

#endif							/* SEGMENT_AUDIENCE_PRIVATE_H */
