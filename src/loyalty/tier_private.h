/*-------------------------------------------------------------------------
 *
 * tier_private.h
 *	  Tiers of a program: what the files about them share.
 *
 *		tiering.c		which tiers are there, and how does one come to them?
 *		tier_terms.c	what the arguments of a tiering mean
 *		tiering_define.c	tierings are made, changed and dropped
 *		tier_define.c	and tiers
 *		tier_path.c		from what a customer did, to the steps from tier to
 *						tier
 *		tier_known.c	what is known of customers is read
 *		tier_steps.c	the steps of customers are computed and written
 *		tier_guest.c	an event changes them, in its own transaction
 *		tier_read.c		what a customer and an owner ask
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TIER_PRIVATE_H
#define SEGMENT_TIER_PRIVATE_H

#include "state/state.h"
#include "filter/filter.h"
#include "source/source.h"
#include "flow/flow.h"
#include "loyalty/loyalty_private.h"

/* tiering.c: which tiers are there, and how does one come to them? -------- */

typedef enum Downgrade
{
	DOWNGRADE_REASSESS,			/* to what the sum reaches then */
	DOWNGRADE_ONE,				/* the same, but by one tier at most */
	DOWNGRADE_NEVER,
} Downgrade;

typedef struct Tier
{
	char	   *name;
	char	   *description;	/* or NULL */
	Datum		threshold;		/* numeric */
} Tier;

typedef enum TierStatement
{
	TIER_EVENTS,
	TIER_WRITE,
	TIER_KEEP,
#define TIER_STATEMENTS	(TIER_KEEP + 1)
} TierStatement;

/*
 * The tiers of a program.  They are numbered from 1 on, the lowest first; 0 is
 * no tier.  'source' is NULL if what customers qualify by cannot be read, and
 * 'trouble' says why.
 */
typedef struct Tiering
{
	const Population *population;
	char	   *program;
	pg_tz	   *zone;
	char	   *hold_text;
	char	   *downgrade_text;
	char	   *grace_text;
	char	   *returns_text;
	bool		live;			/* nothing is held, so there are no steps */
	Terms		hold;
	Interval	grace;
	Downgrade	downgrade;
	bool		keep;			/* returns => keep */
	Oid			step;
	Oid			kept;
	Oid			member;
	int			ntiers;
	Tier	   *tiers;			/* number 1 is the first */
	const Source *source;
	const FilterNode *qualify;	/* the aggregate */
	const Window *window;
	char	   *trouble;
	SPIPlanPtr	plans[TIER_STATEMENTS]; /* made when needed */
} Tiering;

/*
 * tiering_find() is that of a program, made in the current memory context, or
 * NULL; tiering_must_find() raises an error instead.  What it prepares goes
 * with that context.
 */
extern Tiering *tiering_find(const Population *population,
							 const char *program);
extern Tiering *tiering_must_find(const Population *population,
								  const char *program);

/*
 * tier_number() is the number of the tier of that name, 0 if there is none.
 * tier_name() is its name, "" for 0.
 */
extern int	tier_number(const Tiering *tiering, const char *name);
extern const char *tier_name(const Tiering *tiering, int number);

/* tier_reached() is the number of the highest tier whose threshold it is. */
extern int	tier_reached(const Tiering *tiering, Datum sum);

/*
 * tiering_execute() runs a statement over a tiering's tables, as the
 * population's owner, who is who we act as; connected to SPI.
 */
extern uint64 tiering_execute(Tiering *tiering, TierStatement statement,
							  const Datum *values);

/*
 * tiering_value() and tiering_where() are what an event counts for (NULL: 1)
 * and whether it counts (NULL: it does), over a row of the source.
 */
extern Expr *tiering_value(const Tiering *tiering);
extern Expr *tiering_where(const Tiering *tiering);

/* tier_terms.c: what the arguments of a tiering mean ---------------------- */

/* The hold of a tiering that holds nothing. */
#define NO_HOLD		"none"

/* hold_parse() reads for how long tiers are held; terms_text() writes it. */
extern Terms hold_parse(const char *text);

/*
 * hold_trouble() says that tiers which are held so end too often within a
 * period for an event to write what follows; NULL: they do not.
 */
extern char *hold_trouble(const Terms *hold, const Window *window);

/*
 * qualified_definition() is the definition of the trait by which customers
 * qualify, of what they qualify by and of a period.  qualified_parts() takes
 * it apart again.  period_window() is the window of a period.
 */
extern char *qualified_definition(const char *program, const char *qualify,
								  const char *period);
extern void qualified_parts(const FilterNode *definition, char **qualify,
							char **period);
extern FilterNode *period_window(const char *period);

/*
 * hold_ends() is until when a tier is held that is reached at an instant, and
 * hold_renewed() the same of one that follows upon a tier whose hold has
 * ended, and that is left at 'left'.  grace_ends() is when a tier is left.
 */
extern TimestampTz hold_ends(const Tiering *tiering, TimestampTz at);
extern TimestampTz hold_renewed(const Tiering *tiering, TimestampTz ended,
								TimestampTz left);
extern TimestampTz grace_ends(const Tiering *tiering, TimestampTz until);

/* tier_path.c: from events to steps --------------------------------------- */

/* An event that counts, and from when on it does so no more. */
typedef struct TierEvent
{
	TimestampTz at;
	TimestampTz leaves;
	Datum		value;			/* numeric, finite */
} TierEvent;

/* From an instant on a customer has a tier, and holds it until another. */
typedef struct TierStep
{
	TimestampTz at;
	int			tier;
	TimestampTz until;			/* DT_NOEND: for ever, or no tier */
} TierStep;

/*
 * tier_path() computes all steps of a customer, in the order of time, the
 * first from DT_NOBEGIN on.  'kept' are tiers that are given from an instant
 * on whatever the events say.  Both arrays get sorted.
 */
extern TierStep *tier_path(const Tiering *tiering, TierEvent *events,
						   int nevents, TierStep *kept, int nkept,
						   int *nsteps);

/* tier_known.c: what is known of customers -------------------------------- */

/* A customer whose steps are looked at, as of an instant. */
typedef struct TierCustomer
{
	Datum		key;
	TimestampTz at;
	bool		only_added;		/* are all that happened events of now that add
								 * to the sum, which is 'sum' (numeric)? */
	Datum		sum;
} TierCustomer;

/* What is known of a customer. */
typedef struct TierKnown
{
	bool		member;
	TierEvent  *events;
	int			nevents;
	int			room_events;
	TierStep   *kept;
	int			nkept;
	int			room_kept;
	TierStep   *steps;			/* that are there: the one that counts now,
								 * if there is one, and those to come */
	Datum	   *nexts;			/* of these */
	TimestampTz *aheads;
	int			nsteps;
	int			room_steps;
	TimestampTz last;			/* time of the last event */
	TimestampTz ahead;			/* what the step that counts now says of it */
	bool		had;			/* was there one before this instant? */
	TierStep	before;
} TierKnown;

/*
 * tier_known() reads what is known of customers, who are in the order of
 * tier_compare_customers(); tier_standings() all of that but events.
 */
extern TierKnown *tier_known(Tiering *tiering, const TierCustomer *customers,
							 int count);
extern TierKnown *tier_standings(Tiering *tiering,
								 const TierCustomer *customers, int count);

/* tier_all_customers() lists all profiles, as of now. */
extern TierCustomer *tier_all_customers(const Tiering *tiering, int *count);

/* The order of their keys, for qsort_arg() with the Population. */
extern int	tier_compare_customers(const void *a, const void *b,
								   void *population);

/* tier_steps.c: the steps of customers ------------------------------------ */

/*
 * tier_update() computes and writes the steps of customers, whose profiles'
 * rows are locked.  'keep': nobody loses a tier by it, before its hold ends.
 * tier_update_all() does so for all customers; nobody else writes profiles.
 * We act as the population's owner, and are connected to SPI.
 */
extern void tier_update(Tiering *tiering, TierCustomer *customers, int count,
						bool keep);
extern void tier_update_all(Tiering *tiering, bool keep);

/* A step that is not as it ought to be; NULL: there is none. */
typedef void (*TierDifference) (const Tiering *tiering, Datum key,
								const TierStep *stored,
								const TierStep *expected, void *context);

/* tier_compare_all() compares the steps of all customers with their events. */
extern void tier_compare_all(Tiering *tiering, TierDifference tell,
							 void *context);

/* tiering_define.c -------------------------------------------------------- */

/*
 * tiering_update_all() computes the steps of all customers by a definition
 * that has changed, after flow_keep() has kept others from writing profiles.
 */
extern void tiering_update_all(const char *population, const char *program);

/*
 * tier_sources() and tier_traits() name (char *) the sources and traits that
 * go with the tiers of a program.  tiering_forget() deletes the definitions,
 * and returns the tables (OIDs), which are to be dropped.
 */
extern List *tier_sources(const Population *population,
						  const char *program);
extern List *tier_traits(const char *program);
extern List *tiering_forget(const Population *population,
							const char *program);

/* tier_read.c ------------------------------------------------------------- */

/*
 * tier_card() is what a card says of a customer's tier (jsonb), or 0 if the
 * program has none; tier_verify() appends rows to what verify_program()
 * returns.
 */
extern Datum tier_card(const Program *program, Datum key);
extern void tier_verify(FunctionCallInfo fcinfo, const Program *program);

/* tier_guest.c: tier_init() registers the guest. */
extern void tier_init(void);

#endif							/* SEGMENT_TIER_PRIVATE_H */
