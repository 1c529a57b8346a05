/*-------------------------------------------------------------------------
 *
 * membership.h
 *	  The members of each definition, and the toggles that change them.
 *
 * This room knows populations, profiles by their number (ord) and definitions
 * by their id.  It knows no name of an audience, no filter and no trait.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_MEMBERSHIP_H
#define SEGMENT_MEMBERSHIP_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "profile/profile.h"

/* members.c: a set of profiles ------------------------------------------- */

/* A set of ords. */
typedef struct MemberSet MemberSet;

/* Make an empty set, which lives in the current memory context. */
extern MemberSet *members_create(void);
/* Put the ord into the set, unless it is in. */
extern void members_add(MemberSet *set, int64 ord);
/* Take the ord out of the set if it is in, else put it in. */
extern void members_flip(MemberSet *set, int64 ord);
/* Is the ord in the set, and how many ords are? */
extern bool members_contain(const MemberSet *set, int64 ord);
extern int64 members_count(const MemberSet *set);

/* How many ords are in both sets. */
extern int64 members_count_both(const MemberSet *a, const MemberSet *b);

/*
 * How many ords are in both of each pair of sets: both[i * count + j] of the
 * i-th and the j-th set, where i < j (pairs.c).
 */
extern void members_count_pairs(MemberSet *const *sets, int count,
								int64 *both);

/* New sets, in the current context: the ords in both, in either, only in a. */
extern MemberSet *members_both(const MemberSet *a, const MemberSet *b);
extern MemberSet *members_either(const MemberSet *a, const MemberSet *b);
extern MemberSet *members_only(const MemberSet *a, const MemberSet *b);

/* All ords, ascending, in the current context. */
extern int64 *members_list(const MemberSet *set, int64 *count);

/* packed_set.c: a set as bytes that mean the same on every machine -------- */

/* Append the set to 'bytes'. */
extern void members_pack(StringInfo bytes, const MemberSet *set);
/*
 * A set of the current context, from these bytes; NULL if they are no packed
 * set.  ERRCODE_DATA_CORRUPTED if one of its bitmaps is damaged.
 */
extern MemberSet *members_unpack(const char *bytes, Size length);

/* tables.c: where members are stored ------------------------------------- */

/*
 * The two tables of a population: InvalidOid before the first definition.
 * 'decided_at' is the instant of the latest decision about the whole
 * population, DT_NOBEGIN if there was none: no profile may be decided as of
 * an earlier instant.
 */
typedef struct MembershipTables
{
	Oid			chunks;
	Oid			toggles;
	TimestampTz decided_at;
} MembershipTables;

/* Make the cache of the tables of each population. */
extern void membership_init(void);

/*
 * The tables of a population, owned by the cache and good until the end of the
 * transaction.
 */
extern const MembershipTables *membership_tables(const Population *population);
/* The same two as a list of OIDs; NIL before the first definition. */
extern List *membership_relations(const Population *population);

/*
 * An error if a relation is one of these tables, of any population, and is not
 * as we made it.
 */
extern void membership_check_table(Oid relid);

/* An error if it is one of these tables: it is to get another index. */
extern void membership_refuse_index(Oid relid);

/* Make the tables, unless they are there.  The caller is connected to SPI. */
extern void membership_make(const Population *population);
/* Drop the tables, if there are any. */
extern void membership_drop(const Population *population);

/*
 * A definition id that no definition has had.  The caller is connected to SPI.
 */
extern int32 membership_new_definition(const Population *population);

/* Store decided_at.  The caller is connected to SPI. */
extern void membership_decided(const Population *population, TimestampTz at);

/*
 * Let all caches that are made of audiences or their members be looked at
 * anew, here at once and in other sessions when this transaction commits.
 * Those that are made of the rest of the population stay: this is for what no
 * plan has read, as an audience that is new.
 */
extern void membership_changed(const Population *population);

/*
 * The instant as of which membership of one profile is decided: 'now', but
 * never before an earlier decision, neither of the profile (its row's
 * evaluated_at) nor of the population ('decided_at').
 */
extern TimestampTz decision_instant(TimestampTz now, TimestampTz evaluated_at,
									TimestampTz decided_at);

/*
 * The storage lock, held to the end of the transaction: one transaction at a
 * time writes chunks.  membership_lock() does nothing before the first
 * definition; membership_try_lock() returns false then, and when another
 * transaction holds the lock.
 */
extern void membership_lock(const Population *population);
extern bool membership_try_lock(const Population *population);

/*
 * The number of a chunk without members that says, in the chunk table, that
 * the members of a definition are stored.
 */
#define MEMBERS_STORED	(-1)

/* chunks.c: the members of one definition -------------------------------- */

/*
 * The stored members as the snapshot shows them; NULL if the snapshot does
 * not show that they are stored.  If 'damaged' is given, chunks that are no
 * bitmaps are left out and *damaged is set; if it is NULL they are errors.
 */
extern MemberSet *membership_read(const Population *population,
								  int32 definition_id, Snapshot snapshot,
								  bool *damaged);
/*
 * The same of several definitions, with one reading of the toggles; NULL where
 * the snapshot does not show that members are stored.
 */
extern void membership_read_several(const Population *population,
									const int32 *definition_ids, int count,
									Snapshot snapshot, MemberSet **sets);
/* The members as last stored, even if they are not kept any more. */
extern MemberSet *membership_read_last(const Population *population,
									   int32 definition_id, Snapshot snapshot,
									   bool *damaged);

/* Replace the stored members of a definition. */
extern void membership_write(const Population *population,
							 int32 definition_id, MemberSet *set);
/* The same for a definition that is suspended, and stays so. */
extern void membership_write_suspended(const Population *population,
									   int32 definition_id, MemberSet *set);
/*
 * Store the members of one definition id under another: an audience has got
 * another filter, and its members are not decided anew yet.
 */
extern void membership_redefine(const Population *population,
								int32 definition_id, int32 becomes);
/* Delete the stored members of a definition that ends. */
extern void membership_forget(const Population *population,
							  int32 definition_id);

/*
 * Stop keeping the members of a definition up to date, and ask whether that
 * was done.  The stored members stay, as the feed has emitted them.  The
 * caller is connected to SPI.
 */
extern void membership_suspend(const Population *population,
							   int32 definition_id);
extern bool membership_suspended(const Population *population,
								 int32 definition_id);

/* sizes.c: how many members, without reading a bitmap -------------------- */

/*
 * The sizes of 'count' definitions, in the order of their ids, as the
 * snapshot shows them; -1 where it does not show that members are stored.
 */
extern void membership_sizes(const Population *population,
							 const int32 *definition_ids, int count,
							 Snapshot snapshot, int64 *sizes);
/* The size of one definition; likewise -1. */
extern int64 membership_size(const Population *population,
							 int32 definition_id, Snapshot snapshot);

/*
 * About the size of one definition, for the planner: cheap however many
 * toggles wait, and without an error if a table is damaged; likewise -1.
 */
extern double membership_estimate(const Population *population,
								  int32 definition_id, Snapshot snapshot);

/* stream.c: what two definitions share ----------------------------------- */

typedef struct MembershipShare
{
	int64		size_a;
	int64		size_b;
	int64		in_both;
} MembershipShare;

/* False if the snapshot does not show that the members of both are stored. */
extern bool membership_share(const Population *population, int32 a, int32 b,
							 Snapshot snapshot, MembershipShare *share);

/*
 * About how many members all of these definitions (integers) share, for the
 * planner: likewise without an error, and without the toggles that wait.  -1
 * if the snapshot does not show that the members of all are stored.
 */
extern double membership_estimate_share(const Population *population,
										List *definition_ids,
										Snapshot snapshot);

/* toggles.c: which profiles entered or left ------------------------------ */

/* Why a profile entered or left: column 'cause' of a toggle. */
#define CAUSE_EVENT		"event"
#define CAUSE_TIME		"time"

/* A definition whose members a profile enters or leaves. */
typedef struct Toggle
{
	int32		definition_id;
	bool		entered;		/* else left */
} Toggle;

/* The definitions that one profile enters and leaves at one instant. */
typedef struct ProfileToggles
{
	Datum		ord;
	Datum		key;
	TimestampTz at;
	bool		by_time;		/* else by an event */
	const Toggle *list;			/* of different definitions */
	int			count;			/* at least one */
} ProfileToggles;

/* Collects toggles and inserts the rows of many profiles at a time. */
typedef struct ToggleWriter ToggleWriter;

/*
 * A writer in the current context.  The toggle table is opened by the first
 * toggles_put(), which may be called in a context that ends sooner.
 */
extern ToggleWriter *toggle_writer_create(const Population *population);
extern void toggles_put(ToggleWriter *writer, const ProfileToggles *toggles);
/*
 * Insert the toggles that are left, free the writer, and return whether there
 * were any toggles at all.
 */
extern bool toggle_writer_close(ToggleWriter *writer);

/*
 * How many toggles wait for a fold, as the latest snapshot shows them; counted
 * no further than 'most'.
 */
extern int64 membership_pending(const Population *population, int64 most);

/*
 * Forget the toggles that the session has picked for its next fold with a
 * budget: what was folded of them has been rolled back, or may be.  Cannot
 * fail.
 */
extern void membership_forget_picked(void);

/* fold.c: from toggles to chunks ----------------------------------------- */

/* One membership that changed, as a fold emits it. */
typedef struct MemberChange
{
	int32		definition_id;
	const char *key;			/* of the profile, as text */
	bool		entered;		/* else left */
	TimestampTz at;
	const char *cause;			/* CAUSE_EVENT or CAUSE_TIME */
} MemberChange;

typedef struct MembershipFold
{
	const Population *population;
	int64		most;			/* fold so many toggles; 0: all */
	bool		skip_damaged;	/* leave damaged chunks as they are, because
								 * the caller decides their members anew;
								 * else they are errors */
	/* is there still a definition of that id?  If not, it has no chunks */
	bool		(*is_defined) (const struct MembershipFold *fold,
							   int32 definition_id);
	/* called in the order of time; the change is good during the call */
	void		(*emit) (const struct MembershipFold *fold,
						 const MemberChange *change);
	void		   *context;	/* the caller's */
} MembershipFold;

/*
 * Move toggles into the chunks, and emit the changes that they make, but for
 * those that one transaction has undone.  Toggles that must be emitted
 * together with the first 'most' are folded with them.  Returns how many were
 * folded.  The caller holds the storage lock.
 */
extern int64 membership_fold(const MembershipFold *fold);

#endif							/* SEGMENT_MEMBERSHIP_H */
