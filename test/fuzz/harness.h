/*-------------------------------------------------------------------------
 *
 * harness.h
 *	  What the files of the harness share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_HARNESS_H
#define FUZZ_HARNESS_H

/* bitmap.c ------------------------------------------------------------------ */

extern void check_bitmap(const char *data, size_t size);
extern bool bitmap_is_sound(const char *data, size_t size);

/* A bitmap as the library wrote it, another one each time; palloc'd. */
extern char *make_up_bitmap(size_t *size);

/* harness.c ----------------------------------------------------------------- */

extern void check_text(const char *data, size_t size);
extern void check_bytes(const char *data, size_t size);

/* the same sequence on every machine */
extern uint32 next_random(void);

#endif							/* FUZZ_HARNESS_H */
