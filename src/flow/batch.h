/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  What statements did to profiles, until it is applied.
 *
 *		capture.c		what triggers report
 *		table_rows.c	rows that come and go with their table
 *		folding.c		are rows being evaluated?
 *		batch.c			what is one batch, and when is it whole?
 *		contribution.c	rows of one source ─► a delta per profile
 *		spilled_rows.c	the rows for which memory has no room
 *		linked.c		rows that refer to others (link_reader.c reads these)
 *		delta_stream.c	the deltas of one profile after the other
 *		interests.c		what guests of the corridor want of rows
 *		guests.c		what they see of profiles, and when they write
 *		apply_batch.c	one profile after the other (apply_profile.c)
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BATCH_H
#define SEGMENT_BATCH_H

#include "lib/ilist.h"
#include "utils/tuplestore.h"

#include "source/source.h"
#include "trait/trait.h"

/* What guests want of a source, and a row of it that they want. */
typedef struct Interests Interests;
typedef struct GuestRow GuestRow;

/* folding.c: rows that are being evaluated -------------------------------- */

/*
 * Between folding_begin() and folding_end() expressions over rows are
 * evaluated, of sources or profiles; folding_check() raises an error for a
 * statement on a source that begins meanwhile.  folding_forget() says that a
 * transaction of that nesting level was rolled back, or (0) all have ended.
 */
extern void folding_begin(void);
extern void folding_end(void);
extern void folding_check(void);
extern void folding_forget(int level);

/* batch.c: what is awaited ------------------------------------------------ */

/*
 * batch_await() counts AFTER triggers in for the current subtransaction; the
 * first count begins a batch.  batch_awaited() is how many have not fired yet.
 * batch_count_out() counts out one that has reported its rows, and says
 * whether none is awaited any more: then the batch is whole.
 *
 * batch_is_alone() says whether the trigger that fires is the last one of the
 * batch, and no row of a source with links waits for its end; batch_is_only()
 * whether it is, and no other batch is being applied.
 */
extern void batch_await(int count);
extern int	batch_awaited(void);
extern bool batch_is_alone(void);
extern bool batch_is_only(void);
extern bool batch_count_out(void);

/*
 * batch_await_drop() and batch_count_out_dropped() do so for tables that are
 * being dropped, any number of them, and are gone at the end of the statement.
 */
extern void batch_await_drop(void);
extern bool batch_count_out_dropped(void);

/* A batch that is whole. */
typedef struct WholeBatch
{
	dlist_node	node;
	SubTransactionId subid;		/* in which it was taken */
	MemoryContext context;		/* that all of it is in */
	List	   *contributions;	/* Contribution * */
} WholeBatch;

/*
 * batch_take() takes the batch that is whole, so that another one can begin.
 * batch_settle() folds what had to be kept until then, and batch_end() frees
 * all of it; after an error that happens by itself.
 */
extern WholeBatch *batch_take(void);
extern void batch_settle(WholeBatch *whole);
extern void batch_end(WholeBatch *whole);

/*
 * batch_contributions() finds or adds what some sources (Source *) contribute
 * to the batch (Contribution *).
 */
extern List *batch_contributions(List *sources);

/*
 * batch_truncate() notes that the rows of a table that is about to be
 * truncated are counted, false if they were already; batch_truncates() says
 * whether they are, and batch_truncated() that the table has been truncated.
 * Each population of which the table is a source counts them by itself.
 */
extern bool batch_truncate(const Population *population, Oid relid);
extern bool batch_truncates(const Population *population, Oid relid);
extern void batch_truncated(const Population *population, Oid relid);

/* Rows of a statement that are not folded yet: see spilled_rows.c. */
typedef struct SpilledRows SpilledRows;

/* What one source contributed to a batch within one subtransaction. */
typedef struct Contribution
{
	MemoryContext context;		/* holds all of it */
	MemoryContext row;			/* holds the key of one row */
	const Source *source;
	const TraitProgram *program;
	const Interests *interests; /* NULL: no guest wants to know of its rows */
	SubTransactionId subid;
	struct touched_hash *profiles;
	Size		most;			/* bytes for the deltas of 'profiles' */
	bool		full;			/* no profile is added to these any more */
	SpilledRows *spilled;		/* NULL: no rows */
	int			truncations;	/* how often the source lost all rows */
	List	   *noted;			/* rows of a source with links, until the batch
								 * ends: see linked.c */
	bool		truncated;		/* a table of such a source was truncated */
	bool		again;			/* traits may lack rows that left before they
								 * were taken back: read all profiles again */
	bool		recount;		/* profiles are read again, and their rows are
								 * counted: build_rebuild.c */
	struct LinkReader *reader;	/* while rows of a statement are folded */
} Contribution;

/*
 * contribution_create() makes an empty one in a memory context of its own
 * below 'parent'.
 */
extern Contribution *contribution_create(MemoryContext parent,
										 const Source *source,
										 const TraitProgram *program);

/*
 * contributions_add_rows() folds rows of a table that went and that came, both
 * or one of them (NULL: none), into the deltas of their profiles: for all
 * sources that the table is (Contribution *), so that a row is read once.
 * contributions_add_row() is the same for one row.  'whole' says that the
 * batch has no other rows.
 *
 * contributions_add_table() does so with all rows of a table below 'top',
 * which come (sign +1) or go (-1).
 *
 * contributions_empty() notes that sources, which have no links, are about to
 * lose all rows; contributions_add_emptied() counts those of one table.
 * contribution_ends_all() says whether they need not be counted, as the
 * population's profiles know how many each of them loses: all it has.  Then
 * contribution_end_all() takes these, if the batch has no other rows.
 */
extern void contributions_add_rows(List *contributions, Relation relation,
								   const SourceTable *table,
								   Tuplestorestate *went,
								   Tuplestorestate *came, bool whole);
extern void contributions_add_row(List *contributions,
								  const SourceTable *table,
								  TupleTableSlot *went, TupleTableSlot *came,
								  bool whole);
extern void contributions_add_table(List *contributions, Relation relation,
									Oid top, int sign, bool whole);
extern void contributions_empty(List *contributions);
extern void contributions_add_emptied(List *contributions, Relation relation,
									  Oid top);
extern bool contribution_ends_all(const Contribution *contribution);
extern void contribution_end_all(Contribution *contribution);

/* contribution_forget() forgets what is in memory of a profile. */
extern void contribution_forget(Contribution *contribution, Datum key);

/* contribution_end() frees a contribution and its files. */
extern void contribution_end(Contribution *contribution);

/* The bytes that deltas of a statement may take, before rows are spilled. */
extern Size statement_memory(void);

/* spilled_rows.c: the rows for which memory has no room ------------------ */

/* spilled_create() makes an empty collection, in the current context. */
extern SpilledRows *spilled_create(const Contribution *contribution);
/* Can rows of a program be spilled?  Not if they have too many columns. */
extern bool spilled_possible(const TraitProgram *program);

/*
 * spilled_put() keeps a row that came (sign +1) or went (-1) after so many
 * truncations; spilled_put_counted() one of which traits need not know what it
 * was, or several if no guest has to, either: then it is NULL.
 */
extern void spilled_put(SpilledRows *spilled, Datum key, TupleTableSlot *row,
						int sign, int truncations);
extern void spilled_put_counted(SpilledRows *spilled, Datum key,
								TupleTableSlot *row, int64 rows,
								int truncations);

/* spilled_sort() sorts what was put by key, and reads the first row. */
extern void spilled_sort(SpilledRows *spilled);
/* The key of the row that was read; false if there are no more rows. */
extern bool spilled_key(const SpilledRows *spilled, Datum *key);

/*
 * spilled_fold() folds the row that was read into the delta of its profile,
 * puts what guests want of it before 'rows', and reads the next one.  After
 * 'truncations' the rows of earlier ones are only counted.
 */
extern void spilled_fold(SpilledRows *spilled, TraitDelta *delta,
						 GuestRow **rows, int truncations,
						 MemoryContext memory);
extern void spilled_end(SpilledRows *spilled);

/*
 * contribution_fold() folds one row, joined with those that it refers to, and
 * contribution_touch() notes that a customer's rows are to be read again;
 * 'key' is a value of the column of the key.
 */
extern void contribution_fold(Contribution *contribution, TupleTableSlot *row,
							  int sign);
extern void contribution_touch(Contribution *contribution, Datum key);

/* contribution_read_again() does so for a profile of that key. */
extern void contribution_read_again(Contribution *contribution, Datum key);

/* link_reader.c: rows, and those that they refer to ----------------------- */

typedef struct LinkReader LinkReader;

/* A row that a batch has changed. */
typedef struct NotedRow
{
	int			number;			/* of its link; 0: of the source's table */
	int			sign;			/* +1: it came, -1: it went */
	HeapTuple	row;
} NotedRow;

/*
 * link_reader_join() joins a row of the source's table with those that it
 * refers to; the result is good until the next one.
 */
extern LinkReader *link_reader_begin(const Contribution *contribution);
extern TupleTableSlot *link_reader_join(LinkReader *reader,
										TupleTableSlot *row);
extern void link_reader_end(LinkReader *reader);

/* The source of a reader, and how the rows of a link look. */
extern const Source *link_reader_source(const LinkReader *reader);
extern TupleDesc link_reader_desc(const LinkReader *reader, int number);

/*
 * link_reader_value() is the value of a column of a link's row;
 * link_reader_up() finds the rows of a link by the columns that are referred
 * to, link_reader_down() those that refer to them.
 *
 * link_reader_refers() gets the values by which a row refers to one of a link,
 * as those of the columns that are referred to, link_reader_referred() the
 * values by which a row of a link is referred to, and with 'down' as those of
 * the columns that refer.  False if there are none: one is NULL, say.
 */
extern bool link_reader_refers(const LinkReader *reader, int number,
							   HeapTuple row, Datum *values);
extern bool link_reader_referred(const LinkReader *reader, int number,
								 HeapTuple row, bool down, Datum *values);
extern Datum link_reader_value(const LinkReader *reader, int number,
							   HeapTuple row, AttrNumber attno, bool *isnull);

/*
 * link_reader_hash() hashes values by which the rows of a link are referred
 * to, and link_reader_equal() says whether two such are equal.
 */
extern uint32 link_reader_hash(const LinkReader *reader, int number,
							   const Datum *values);
extern bool link_reader_equal(const LinkReader *reader, int number,
							  const Datum *a, const Datum *b);
extern SourceProbe *link_reader_up(LinkReader *reader, int number);
extern SourceProbe *link_reader_down(LinkReader *reader, int number);

/*
 * linked_note() keeps a change of a row of table 'relid', NULL where there was
 * or is none, until the batch ends.
 */
extern void linked_note(Contribution *contribution, Oid relid,
						TupleTableSlot *went, TupleTableSlot *came);

/* linked.c: sources whose rows refer to others ---------------------------- */

/*
 * linked_note_truncated() notes that a table of the source is about to be
 * truncated.  linked_is_noted() says whether anything was noted, and
 * linked_settle() folds it, or touches the customers whom it concerns.
 */
extern void linked_note_truncated(Contribution *contribution);
extern bool linked_is_noted(List *contributions);
extern void linked_settle(List *contributions);

/* delta_stream.c: the deltas of one profile after the other -------------- */

/* A profile's delta from one of several contributions. */
typedef struct ProfileDelta
{
	Datum		key;
	int			contribution;	/* index in the list of them */
	TraitDelta *delta;
	GuestRow   *rows;			/* that guests want */
} ProfileDelta;

/* The deltas of one profile, in the order of the contributions. */
typedef struct ProfileDeltas
{
	const ProfileDelta *deltas;
	int			count;
} ProfileDeltas;

/* The deltas of contributions to one population, in the order of keys. */
typedef struct DeltaStream DeltaStream;

/* The stream lives in the current context. */
extern DeltaStream *deltas_begin(List *contributions);
/* The deltas of the next profile; false if there is none. */
extern bool deltas_next(DeltaStream *stream, ProfileDeltas *profile);
/* Has the stream ended? */
extern bool deltas_ended(const DeltaStream *stream);
/* Does what the stream returned so far take more than that? */
extern bool deltas_full(const DeltaStream *stream);
/* Free what the stream returned so far. */
extern void deltas_forget(DeltaStream *stream);
extern void deltas_end(DeltaStream *stream);

/*
 * contribution_deltas() writes the deltas that a contribution has in memory to
 * an array, with its index, and returns how many; the array may be NULL.
 */
extern int64 contribution_deltas(const Contribution *contribution, int index,
								 ProfileDelta *deltas);

/* interests.c: what guests want of rows ----------------------------------- */

/*
 * interests_read_column() says whether anything that guests want depends on a
 * column of the joined row (source_attno); interests_same() whether two rows
 * are the same to all of it.
 */
extern bool interests_read_column(const Interests *interests,
								  AttrNumber attno);
extern bool interests_same(const Interests *interests, TupleTableSlot *went,
						   TupleTableSlot *came);

/* interests_keep() puts what guests want of a row before 'rows'. */
extern void interests_keep(const Interests *interests, TupleTableSlot *row,
						   int sign, MemoryContext memory, GuestRow **rows);

/*
 * interests_pack() is the same as one value, to be kept elsewhere: false if no
 * guest wants anything of the row.  interests_unpack() puts it before 'rows'.
 */
extern bool interests_pack(const Interests *interests, TupleTableSlot *row,
						   Datum *packed);
extern void interests_unpack(const Interests *interests, Datum packed,
							 int sign, MemoryContext memory, GuestRow **rows);

/* guests.c: guests of the corridor ---------------------------------------- */

/*
 * guests_interests() is what guests want of a source; it lives in the current
 * context.  NULL: nothing.
 */
extern const Interests *guests_interests(const Source *source);

/* The turns of guests, while a batch is applied to a population. */
typedef struct GuestTurns GuestTurns;

/*
 * guests_begin() is NULL if no guest takes an interest; 'round' is how often
 * guests have written because of rows that guests have written.
 */
extern GuestTurns *guests_begin(List *contributions, int round);

/*
 * guests_visit() lets guests visit a profile, by its row before and after,
 * NULL where there is none; guests_end() lets them write.
 */
extern void guests_visit(GuestTurns *turns, ProfileDeltas profile,
						 TupleTableSlot *before, TupleTableSlot *after,
						 TimestampTz at);
extern void guests_end(GuestTurns *turns);

/* apply_batch.c: the profiles are written --------------------------------- */

/*
 * apply_batch() applies contributions to the profiles that they touched.
 * batch_complete() and batch_complete_drop() count out, and do so with the
 * batch if it is whole.
 */
extern void apply_batch(List *contributions);
extern void batch_complete(void);
extern void batch_complete_drop(void);

#endif							/* SEGMENT_BATCH_H */
