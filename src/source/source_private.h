/*-------------------------------------------------------------------------
 *
 * source_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SOURCE_PRIVATE_H
#define SEGMENT_SOURCE_PRIVATE_H

#include "source/source.h"

/*
 * source.c: sources_of_table() lists the sources (Source *) that a table is,
 * fit or not.
 */
extern List *sources_of_table(const Population *population, Oid relid);

/* eligible.c: may this table be a source of that population? -------------- */

/*
 * eligible_relation() refuses views, temporary tables and so on; and tables of
 * ours, but for one that we keep for the population ('kept').  tree_check()
 * locks a table with all below it against writers, and refuses what cannot be
 * a source together with it.
 */
extern void eligible_relation(Relation relation, bool kept);
extern void tree_check(Oid relid);

/*
 * eligible_key() and eligible_time() find a column by its name, and refuse one
 * that cannot hold keys of the population, or the times of events.
 */
extern AttrNumber eligible_key(const Population *population, Relation relation,
							   const char *column);
extern AttrNumber eligible_time(Relation relation, const char *column);

/*
 * links.c: source_alias() is the alias of a link's rows in SQL: r, r1 ...;
 * source_columns() is how many columns a table has or had, 0 if it is gone.
 */
extern char *source_alias(int number);
extern int	source_columns(Oid relid);

/*
 * link_type() is the type of a column as far as links are concerned, without
 * domains, InvalidOid if its values cannot link rows; link_types_fit() says
 * whether columns of two such types can be equal.
 */
extern Oid	link_type(Oid relid, AttrNumber attno);
extern bool link_types_fit(Oid one, Oid other);

/* index_finds() says whether an index finds all rows by a column. */
extern bool index_finds(Relation index, AttrNumber attno);

/*
 * link_is_unique() says whether no two rows of a table have the same values
 * in all of some columns (a Bitmapset), as an index other than 'without' says;
 * link_is_found(), whether an index finds rows by one of them.
 */
extern bool link_is_unique(Oid relid, const Bitmapset *columns, Oid without);
extern bool link_is_found(Oid relid, const Bitmapset *columns);

/* The columns of a link: that refer, or that are referred to. */
extern Bitmapset *link_of_columns(const SourceLink *link);
extern Bitmapset *link_to_columns(const SourceLink *link);

/* indexes.c: has a table the indexes that a source needs? ----------------- */

/*
 * indexes_check() refuses a source without a time that may hold several rows
 * of one profile, and advises an index for events.
 */
extern void indexes_check(const Source *source, Relation relation);

/* link_define.c: to which tables do the rows refer? ----------------------- */

/* A link that is about to be stored. */
typedef struct NewLink
{
	const char *name;
	Oid			relid;
	int			of;
	int			npairs;
	LinkPair	pairs[MOST_PAIRS];
	bool		look_up;
} NewLink;

/*
 * link_make() makes a link from the rows of table 'of_relid', number 'of', to
 * those of 'relid': link_columns.c says what 'columns' may be.
 */
extern NewLink *link_make(const char *name, Oid relid, int of, Oid of_relid,
						  const char *columns, bool look_up);

/*
 * link_next_name() is the name before an end that is not in double quotes,
 * without blanks around it and without quotes, and *text what stands behind
 * that end; NULL if it does not come.
 */
extern char *link_next_name(const char **text, char end);

/*
 * links_define() finds the links (NewLink *) of a table that is about to be
 * attached, locks their tables, and completes the request: what is not given
 * is the parents'.  *key_link and *at_link are in whose rows key and time are.
 */
extern List *links_define(const Population *population, Relation relation,
						  SourceRequest *request, int *key_link,
						  int *at_link);

/* links_advise() says which indexes the links need, and what changes cost. */
extern void links_advise(const Source *source);

/* capture_triggers.c: the triggers that report rows ----------------------- */

/*
 * capture_triggers_create() makes the triggers of a population on a table and
 * all below it, as the current user, where they are not there, while nobody
 * has these tables open; with 'replicated', those that see rows that arrive by
 * logical replication.  capture_triggers_drop() drops them as the owners of
 * the tables, as far as these are there.
 */
extern void capture_triggers_create(const Population *population,
									Oid relid, bool replicated);
extern void capture_triggers_drop(const Population *population, Oid relid);

/* Has a table the triggers that see rows that arrive by replication? */
extern bool capture_triggers_by_row(const Population *population, Oid relid);

/* Is a capture trigger of the set of a table whose rows are replicated? */
static inline bool
capture_is_by_row(const Trigger *trigger)
{
	return trigger->tgnargs == 2 &&
		strcmp(trigger->tgargs[1], CAPTURE_BY_ROW) == 0;
}

#endif							/* SEGMENT_SOURCE_PRIVATE_H */
