/*-------------------------------------------------------------------------
 *
 * loyalty.h
 *	  Programs by which customers collect points, and spend them.
 *
 *		program		one unit of value: points, stamps, cents
 *		movement	what somebody did: earn 100, redeem 50
 *		entry		signed points of a customer, effective at an instant; the
 *					entries of a movement bear its number
 *		lot			a grant with what is left of it, and until when
 *		contra		the program's account on the other side of an entry
 *
 * What time will do is written ahead, as entries of the future.  So nothing
 * has to run for points to become available or to expire, or for a hold to
 * lapse: the balance is sum(club_entry.points so far), a trait as others are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_LOYALTY_H
#define SEGMENT_LOYALTY_H

/* Make the room's cache, and hear of populations that are dropped. */
extern void loyalty_init(void);

#endif							/* SEGMENT_LOYALTY_H */
