/*-------------------------------------------------------------------------
 *
 * members_of.h
 *	  The members of an audience; private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_MEMBERS_OF_H
#define SEGMENT_MEMBERS_OF_H

#include "utils/snapshot.h"

#include "audience/audience.h"

/* due_members.c: profiles that are due, as the snapshot shows them ------- */

/* Is any profile due? */
extern bool due_any(const Population *population, Snapshot snapshot);

/* The id of no definition: such members are not looked for. */
#define NOT_STORED	(-1)

/*
 * Correct the membership of profiles that are due in the sets of audiences
 * (Audience *), one for each; a set may be NULL, and is left out.
 */
extern void due_correct(const Population *population, List *audiences,
						Snapshot snapshot, MemberSet **sets);

/*
 * How many more members audiences (Audience *) have now than are stored; a
 * number for each in *more.
 */
extern void due_count(const Population *population, List *audiences,
					  Snapshot snapshot, int64 *more);

/* members_of.c ----------------------------------------------------------- */

/*
 * A condition over the base table as "profile": true for a profile for which
 * the audience's filter holds, and false or NULL for any other.
 */
extern char *audience_holds_sql(const char *audience);

/*
 * The keys of the members, as a query: from the chunks and toggles that the
 * query's snapshot shows, or else by the filter.
 */
extern char *audience_members_sql(const Population *population,
								  const char *audience);

/*
 * The members of several audiences (Audience *) as the snapshot shows them,
 * whether they are stored or not: a set for each in sets[].
 */
extern void audiences_members(const Population *population, List *audiences,
							  Snapshot snapshot, MemberSet **sets);
/* The members of one audience. */
extern MemberSet *audience_members(const Population *population,
								   const Audience *audience,
								   Snapshot snapshot);
extern int64 audience_size(const Population *population,
						   const Audience *audience, Snapshot snapshot);

/* For how many profiles a condition in SQL is true. */
extern int64 audience_count_where(const Population *population,
								  const char *condition);

/*
 * Those of the audiences (Audience *) that can be asked: the filter binds,
 * and, unless filters are to be 'evaluated', the members can be read.  A
 * warning names each of the others.
 */
extern List *audiences_answering(const Population *population,
								 List *audiences, bool evaluated);

/* algebra.c -------------------------------------------------------------- */

/* Is the filter made of audiences alone? */
extern bool algebra_applies(const FilterNode *filter);
/* For how many profiles does such a filter hold? */
extern int64 algebra_count(const Population *population,
						   const FilterNode *filter, Snapshot snapshot);

/* ask.c ------------------------------------------------------------------ */

/* Make the cache of the saved plans of questions about one profile. */
extern void ask_init(void);

/* plan_members.c: what the planner has to know ---------------------------- */

/* Tell the planner about joins of audiences' views. */
extern void plan_members_init(void);
/*
 * The condition of an audience in a filter over profiles, as a condition that
 * the planner expects to be true of as many profiles as the audience has
 * members; the condition itself where the planner knows enough to tell.
 */
extern Expr *plan_sized(const Population *population,
						const Audience *audience, Expr *condition);

/* plan_shares.c ---------------------------------------------------------- */

struct PlannerInfo;
/*
 * How many members audiences (Audience *) share, all of them; -1 if the
 * snapshot does not show the members of all.  Looked up once for a query.
 */
extern double plan_share(struct PlannerInfo *root,
						 const Population *population, List *audiences);

/* member_view.c: the view of an audience --------------------------------- */

/* Make the view for the population's owner; returns its OID. */
extern Oid	member_view_create(const Population *population,
							   const char *name, const char *schema);
extern void member_view_comment(const Population *population, Oid view,
								const char *filter, const char *description);
/* Rename the view from the audience's old name, if it still has that. */
extern void member_view_rename(const Population *population, Oid view,
							   const char *name, const char *new_name);
/* Let the view show the members of an audience by its new name. */
extern void member_view_replace(const Population *population, Oid view,
								const char *audience);
extern void member_view_drop(const Population *population, Oid view,
							 const char *audience);

#endif							/* SEGMENT_MEMBERS_OF_H */
