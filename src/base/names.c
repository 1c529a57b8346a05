/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Which name did the user mean?
 *
 *		ordrs_30d	among {orders_30d, city}	-> orders_30d
 *		colour		among {orders_30d, city}	-> nothing is near
 *
 * Near means few edits for the length of the word: one for a word of three
 * letters, two (a pair that changed places) up to eight, then a third.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/varlena.h"

#include "base/base.h"

/* varstr_levenshtein refuses longer strings; names are shorter anyway */
#define LONGEST_COMPARED	255

const char *
nearest_name(const char *word, List *candidates)
{
	int			wordlen = strlen(word);
	int			limit = Max(wordlen > 3 ? 2 : 1, wordlen / 3);
	const char *nearest = NULL;
	ListCell   *lc;

	if (wordlen > LONGEST_COMPARED)
		return NULL;

	foreach(lc, candidates)
	{
		const char *candidate = lfirst(lc);
		int			distance;

		if (strlen(candidate) > LONGEST_COMPARED)
			continue;
		distance = varstr_levenshtein_less_equal(word, wordlen,
												 candidate, strlen(candidate),
												 1, 1, 1, limit, true);
		if (distance <= limit)
		{
			nearest = candidate;
			limit = distance - 1;
			if (limit < 0)
				break;
		}
	}
	return nearest;
}
