/*-------------------------------------------------------------------------
 *
 * occasion_private.h
 *	  What the files share with each other that let entering audiences earn.
 *
 *		occasions.c			which are there; they follow names
 *		occasion_define.c	they are made and ended
 *		occasion_guest.c	who has entered, and who has left again?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_OCCASION_PRIVATE_H
#define SEGMENT_OCCASION_PRIVATE_H

#include "loyalty/rules_private.h"

/* The occasion by which those earn who have brought friends along. */
#define REFERRAL	"referral"

/* An audience whose members earn when they enter it. */
typedef struct Occasion
{
	char	   *program;
	char	   *name;
	char	   *audience;
	int64		points;
	int64		referrer;		/* points for who has brought the customer
								 * along; 0: it is no referral */
	char	   *per;			/* 'day' to 'year', or 'ever': once */
	char	   *pending;		/* or NULL: the program's */
	char	   *expires;		/* or NULL: the program's */
	TimestampTz valid_from;
	TimestampTz valid_until;	/* DT_NOEND: it has not ended */
} Occasion;

/* occasions_read() reads the occasions (Occasion *) of a population. */
extern List *occasions_read(const Population *population);

/* occasions_init() lets occasions follow the names of audiences. */
extern void occasions_init(void);

/* occasion_guest_init() makes occasions a guest of the corridor. */
extern void occasion_guest_init(void);

#endif							/* SEGMENT_OCCASION_PRIVATE_H */
