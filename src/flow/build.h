/*-------------------------------------------------------------------------
 *
 * build.h
 *	  Stored traits that are filled beside readers and writers.
 *
 *		build.c				stored traits are begun
 *		build_abandon.c		what is unfinished is undone
 *		build_traits.c		traits, from the first transaction to the last
 *		build_audience.c	the same for an audience
 *		build_attach.c		a source that is attached
 *		build_alter.c		a trait or an audience that is altered
 *		build_rebuild.c		all profiles anew
 *		build_members.c		steps on the way to members
 *		build_fill.c		columns of all profiles are filled
 *		build_portions.c	portions of profiles are written
 *		build_state.c		segment.build: how far is a build?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BUILD_H
#define SEGMENT_BUILD_H

#include "storage/lock.h"

#include "profile/profile.h"

struct Definer;

/* A build, from its first transaction to its last. */
typedef struct Build
{
	const char *population;		/* its name */
	const char *command;		/* the procedure that was called */
	char	   *request;		/* what it was called for */
	List	   *definitions;	/* FilterSource *: what they need is stored */
	/* defines all, to see what is wrong; it is taken back */
	void		(*rehearse) (struct Definer *definer,
							 const struct Build *build);
	void	   *wanted;			/* of the caller */
	int32		number;			/* of the last build in the population */
	bool		alters;			/* what is there, so it is always rehearsed */
	bool		fills;			/* are there columns to be filled? */
	const char *attached;		/* a source whose rows are counted, or NULL */
	LockRelId	base;			/* locked for the session */
} Build;

/* build.c ----------------------------------------------------------------- */

/*
 * build_check_no_block() refuses a CALL that could not commit; in a block
 * there is the function of that name.
 */
extern void build_check_no_block(FunctionCallInfo fcinfo, const char *command,
								 const char *function);

/*
 * build_begin() begins a build, or goes on with one that was begun for the
 * same request, and fills the columns that it needs.  The session holds a lock
 * against other definitions until build_end(), which commits.
 */
extern void build_begin(Build *build);
extern void build_end(const Build *build);

/*
 * build_goes_on() locks the population for the session against other
 * definitions, and says whether it has an unfinished build for the same
 * request; an error if it has another one.
 */
extern bool build_goes_on(Build *build, const Population *population);

/* build_attach.c ---------------------------------------------------------- */

/*
 * build_forget_attached() takes back what has been counted of a source that is
 * being attached, and detaches it.  It is locked, and so is the population.
 */
extern void build_forget_attached(struct Definer *definer, const char *name);

/*
 * build_read_keys() reads the keys of build->attached that have no profile up
 * to an ord into the staging table, numbered by "n"; returns how many there
 * are.  build_take_keys() takes keys that were selected, in the order of
 * locks.
 */
extern int64 build_read_keys(const Build *build, int64 upto);
extern Datum *build_take_keys(const Population *population, uint64 *count);

/* build_members.c --------------------------------------------------------- */

/*
 * build_settle() sweeps and folds what is due and pending, by short
 * transactions, so that little is left to be done while writers wait.
 */
extern void build_settle(const Build *build);

/*
 * build_note_times() gives all profiles a wake_at that is early enough for an
 * audience, if it depends on the clock.  Ranges with profiles that others have
 * locked come again.
 */
extern void build_note_times(const Build *build, const char *audience);

/*
 * build_begin_deciding() begins the transaction that decides who is a member:
 * folds wait.
 */
extern struct Definer *build_begin_deciding(const Build *build);

/* build_fill.c ------------------------------------------------------------ */

/*
 * build_fill() fills the stored traits that are being built, in transactions
 * that are short but for reading the sources.
 */
extern void build_fill(const Build *build);

/*
 * build_make_staging() makes a table of what is read from the sources, which
 * is named build_staging() in SQL: 'definition' is as for data_table_create().
 * build_staging_table() is its OID, if it exists, and build_drop_staging()
 * drops it then.
 */
extern void build_make_staging(const Population *population,
							   const char *definition);
extern Oid	build_staging_table(const Population *population);
extern void build_drop_staging(const Population *population);
extern char *build_staging(const Population *population);

/* build_portions.c ------------------------------------------------------- */

/* How profiles are written. */
typedef struct BuildWriting
{
	int			passes;			/* each writes every so many */
	bool		unfilled;		/* only those that are not filled yet */
	int			least;			/* profiles of a portion: the least, */
	int			begin;			/* of the first one, */
	int			most;			/* and the most */

	/* writes a portion, with after < ord <= upto; returns how many */
	int64		(*portion) (const Build *build, const Population *population,
							int pass, int64 after, int64 upto);
} BuildWriting;

/*
 * build_write_all() goes through the profiles, in passes, by portions: each is
 * a transaction, and has as many profiles as can be written within a moment.
 */
extern void build_write_all(const Build *build, const BuildWriting *writing);

/*
 * A portion is a transaction, and SPI is connected for it alone.
 * build_end_portion() commits, and waits for no disk and no standby, as others
 * may wait for the rows.  If what was written is lost, the build is
 * interrupted too, and writes it again.
 */
extern void build_begin_portion(void);
extern void build_end_portion(void);

/*
 * build_lock_sources() locks the sources for reading, to the end of the
 * portion.  It is for who reads them with profiles locked: whoever writes to a
 * source has locked it before profiles, too.  Returns the population as it is
 * then.
 */
extern const Population *build_lock_sources(const Build *build);

/* Milliseconds that a portion is to take. */
#define BUILD_PORTION_TIME	15

/*
 * build_portion_size() is how many rows the next portion is to have, within
 * these limits, if one of 'size' has been written since 'begun'.
 */
extern int	build_portion_size(int size, TimestampTz begun, int least,
							   int most);

/* build_state.c ----------------------------------------------------------- */

/* The phases of a build, as segment.progress shows them. */
#define BUILD_ADDING		"adding profiles"
#define BUILD_READING		"reading sources"
#define BUILD_WRITING		"writing profiles"
#define BUILD_CHANGED		"writing changed profiles"
#define BUILD_REMOVING		"removing profiles"
#define BUILD_COMPLETING	"completing"
#define BUILD_TIMES			"noting times"
#define BUILD_DECIDING		"deciding members"
#define BUILD_DONE			"done"
#define BUILD_ABANDONED		"abandoned"

/*
 * build_find() finds the unfinished build of a population, and says whether
 * there is one; *number is that of the last build, 0 before the first.
 */
extern bool build_find(const Population *population, char **request,
					   int32 *number);

/* build_refuse() raises an error if the population has an unfinished build. */
extern void build_refuse(const Population *population);

/* build_note() notes that a build has begun, or has nothing to read. */
extern void build_note(const Build *build, const char *phase);

/*
 * build_note_phase() notes the phase of a build, and of how many profiles it
 * has to write; build_note_done() how many it has written.
 */
extern void build_note_phase(const Population *population, const char *phase,
							 int64 total);
extern void build_note_done(const Population *population, int64 done);

/*
 * build_commit() commits, so that others see what was done and go on, and
 * begins the next transaction.
 */
extern void build_commit(void);

/* build_forget() forgets the builds of a population that goes. */
extern void build_forget(const Population *population);

#endif							/* SEGMENT_BUILD_H */
