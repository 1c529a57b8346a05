/*-------------------------------------------------------------------------
 *
 * apply.h
 *	  What it takes to apply a batch to the profiles of a population.
 *
 *		apply_batch.c	one profile after the other; guests write
 *		apply_profile.c	the deltas of one profile ─► its row
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_APPLY_H
#define SEGMENT_APPLY_H

#include "flow/batch.h"
#include "flow/visit.h"

/* So many profiles have their source read by one query. */
#define READ_AT_LEAST	32
#define READ_AT_FIRST	512
#define READ_AT_MOST	16384

/* A source that is read again for profiles that wait. */
typedef struct Rereading
{
	const TraitProgram *program;
	bool		counts;			/* are rows counted, too? */
	int			nkeys;
	Datum	   *keys;			/* of the profiles, in order; NULL: no room */
	TraitReading *reading;		/* NULL until it is read */
} Rereading;

/*
 * The application of contributions to a population.  Where rows are postponed
 * (apply_batch.c), that of an 'only' profile is kept as it is edited so far.
 */
typedef struct Application
{
	List	   *contributions;	/* that are being applied */
	Visitor		visitor;
	GuestTurns *guests;			/* NULL: none takes an interest */
	int			round;			/* as for guests_begin() */
	bool		may_wait;		/* may the profile that is visited wait? */
	int			nwaiting;
	int			at_once;		/* so many wait at most */
	ProfileDeltas *waiting;		/* NULL until one waits */
	List	   *rereadings;		/* Rereading *, one for each program */
	bool		recounts;		/* do sources say how many rows there are? */
	int64		rows_read;		/* of the profile that was read last */
	bool		postpones;		/* are rows written after guests have? */
	List	   *postponed;		/* contributions of rows that are */
	bool		has_read;		/* have sources been read for many? */
	bool		only;			/* is there one profile? */
	TupleTableSlot *kept;		/* its locked row, or NULL */
	bool		changed;		/* does the edited row differ from it? */
} Application;

/*
 * apply_profile() applies the deltas of one profile, and changes, ends or
 * begins it by what they come to.  False if the profile, which is locked, has
 * to wait for what its sources say.
 *
 * Where rows are postponed, one that goes on is only shown to guests.  Others
 * are written at once, and then their deltas are gone from the contributions.
 *
 * write_kept() writes the row that is kept, if it has changed.
 */
extern bool apply_profile(Application *application, ProfileDeltas profile);
extern void write_kept(const Application *application);

#endif							/* SEGMENT_APPLY_H */
