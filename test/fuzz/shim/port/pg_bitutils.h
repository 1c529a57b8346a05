/*-------------------------------------------------------------------------
 *
 * pg_bitutils.h
 *	  The server's search for bits, by the compiler's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHIM_PG_BITUTILS_H
#define SHIM_PG_BITUTILS_H

static inline int
pg_rightmost_one_pos64(uint64_t word)
{
	return __builtin_ctzll(word);
}

#endif							/* SHIM_PG_BITUTILS_H */
