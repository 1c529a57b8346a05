/*-------------------------------------------------------------------------
 *
 * audience_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AUDIENCE_PRIVATE_H
#define SEGMENT_AUDIENCE_PRIVATE_H

#include "access/genam.h"
#include "catalog/indexing.h"
#include "nodes/execnodes.h"
#include "utils/snapshot.h"

#include "audience/audience.h"
#include "membership/members.h"
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

/*
 * Where members are kept; InvalidOid before the first audience.  And the instant
 * as of which they were last decided for the whole population: for none of its
 * profiles is it earlier.
 */
typedef struct AudienceTables
{
	Oid			chunks;
	Oid			toggles;
	TimestampTz decided_at;
} AudienceTables;

extern const AudienceTables *audience_tables(const Population *population);

/* storage.c ----------------------------------------------------------------- */

/* Columns of the chunk table. */
enum
{
	CHUNK_AUDIENCE = 1,
	CHUNK_NUMBER,
	CHUNK_SIZE,
	CHUNK_MEMBERS,
	CHUNK_COLUMNS = CHUNK_MEMBERS
};

/* Chunks without members: they are stored; they are what was last told. */
#define CHUNK_MARKER	(-1)
#define CHUNK_SUSPENDED	(-2)

/* Columns of the toggle table. */
enum
{
	TOGGLE_ORD = 1,
	TOGGLE_AT,
	TOGGLE_TRANSACTION,			/* see transaction_number() in apply.c */
	TOGGLE_AUDIENCE,
	TOGGLE_ENTERED,
	TOGGLE_CAUSE,
	TOGGLE_KEY,
	TOGGLE_COLUMNS = TOGGLE_KEY
};

extern void storage_make(const Population *population);
extern void storage_follow_owner(const Population *population);
extern void storage_drop(const Population *population);

/* The toggle table, else the chunk table; an error if it was changed. */
extern Relation storage_open(const Population *population, bool toggles,
							 LOCKMODE lock);

/* A number for a definition; the caller is connected to SPI. */
extern int32 storage_new_definition(const Population *population);

/* To the end of the transaction; see storage.c. */
extern void storage_lock(const Population *population);
extern bool storage_try_lock(const Population *population);

extern MemberSet *storage_read(const Population *population, int32 definition_id,
							   Snapshot snapshot, bool *damaged);
/* Those that were last stored, whether they are still right or not. */
extern MemberSet *storage_read_last(const Population *population,
									int32 definition_id, Snapshot snapshot,
									bool *damaged);
extern int64 storage_size(const Population *population, int32 definition_id,
						  Snapshot snapshot);
extern int64 *storage_sizes(const Population *population, int32 greatest,
							Snapshot snapshot);
extern MemberSet *storage_read_toggles(const Population *population,
									   int32 definition_id, Snapshot snapshot);
extern void storage_read_row(Relation relation, HeapTuple row, MemberSet *set);
extern SysScanDesc storage_scan_toggles(Relation relation, int32 definition_id,
										Snapshot snapshot);

/*
 * The keys of the members, as a query: from the chunks and toggles that the
 * query's snapshot shows, or else by the filter.
 */
extern char *storage_members_sql(const Population *population,
								 const char *audience);

/*
 * Nobody keeps the members of a definition whose filter does not bind.  But a
 * profile that ends still leaves: there would be nobody to tell of afterwards.
 */
extern void storage_suspend(const Population *population, int32 definition_id);
extern bool storage_suspended(const Population *population, int32 definition_id);
extern void storage_write(const Population *population, int32 definition_id,
						  MemberSet *set);
extern void storage_write_suspended(const Population *population,
									int32 definition_id, MemberSet *set);
extern void storage_redefine(const Population *population, int32 definition_id,
							 int32 becomes);
extern void storage_forget(const Population *population, int32 definition_id);
extern bool storage_flip(Relation relation, CatalogIndexState indexes,
						 Snapshot snapshot, int32 definition_id, int64 chunk,
						 MemberSet *before, const int64 *ords, int count,
						 bool passing);

/*
 * pick.c: the toggles that a fold takes if it may take 'most': those that
 * happened first, and those that must not be separated from them.  Returns
 * where they stand in the table, ascending, in the current context; NULL if
 * they are all that the snapshot shows.
 */
extern ItemPointerData *toggles_pick(const Population *population,
									 Relation relation, Snapshot snapshot,
									 int64 most, int64 *count);

/* stream.c: what two definitions have in common. */
typedef struct StorageShare
{
	int64		size_a;
	int64		size_b;
	int64		in_both;
} StorageShare;

/* False if the snapshot does not show that the members of both are stored. */
extern bool storage_share(const Population *population, int32 a, int32 b,
						  Snapshot snapshot, StorageShare *share);

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
extern int	audience_touched(AudienceIndex *index, TupleTableSlot *before,
							 TupleTableSlot *after, bool appears,
							 TimestampTz at, const int **touched);

/*
 * Does the filter hold, by its place in the index?  On the row, and at the
 * instant, after the change that was last asked about; and did it before?
 */
extern bool audience_holds(AudienceIndex *index, int audience);
extern bool audience_held(AudienceIndex *index, int audience);
/* Where there is no change: the row that is looked at, and as of when. */
extern void audience_look(AudienceIndex *index, TupleTableSlot *row,
						  TimestampTz at);
/* The name of one whose filter is being evaluated; NULL: none is. */
extern const char *audience_asked_of(const AudienceIndex *index);
/*
 * Why a filter does not bind, or NULL if it does.  And those stored audiences
 * (integers) that did not when the index was built.
 */
extern const char *audience_broken(AudienceIndex *index, int audience);
extern List *audiences_broken(const AudienceIndex *index);
extern int32 audience_definition(const AudienceIndex *index, int audience);
/* The place of an audience, which has one, in the index of all. */
extern int	audience_place(const AudienceIndex *index, const char *name);

/*
 * wake.c: no later than the next instant after 'after' at which time alone
 * changes for a row which filters hold, nor than 'next'; DT_NOEND: never.
 * 'stirred': as far as they look at what was different in the last
 * audience_touched(), which was as of that instant.
 */
extern TimestampTz audience_wakes(AudienceIndex *index, TupleTableSlot *row,
								  TimestampTz after, TimestampTz next,
								  bool stirred);

/*
 * Watch a row from after 'after' on.  audience_turned() gives one after the other
 * the instants not after 'until' at which filters may change: how many and which,
 * as audience_touched(); or -1, and *at is the next one that is later.
 */
extern void audience_watch(AudienceIndex *index, TupleTableSlot *row,
						   TimestampTz after);
extern int	audience_turned(AudienceIndex *index, TupleTableSlot *row,
							TimestampTz until, TimestampTz *at,
							const int **touched);

/* ask.c ---------------------------------------------------------------------- */

/*
 * A condition over the base table as "profile" that is true for those for
 * whom the audience's filter holds, and false or NULL for all others.
 */
extern char *audience_holds_sql(const char *audience);

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
