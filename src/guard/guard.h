/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  What becomes of definitions when somebody changes what they read?
 *
 *		ALTER TABLE orders RENAME amount TO total	followed
 *		ALTER TABLE orders DROP COLUMN amount		refused
 *
 * Nobody calls this room: the extension's event triggers (guard.sql) do, in
 * the session and in the transaction of the statement, with the rights of
 * whoever runs it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_GUARD_H
#define SEGMENT_GUARD_H

/*
 * guard_init() installs a hook that is told of what is about to be dropped,
 * and registers what is called at the end of a transaction.
 */
extern void guard_init(void);

#endif							/* SEGMENT_GUARD_H */
