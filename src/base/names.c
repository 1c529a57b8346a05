/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Which name did the user mean, and in which order do they stand?
 *
 *		ordrs_30d	among {orders_30d, city}	-> orders_30d
 *		colour		among {orders_30d, city}	-> nothing is near
 *
 * Near means few edits for the length of the word: one for a short word,
 * about a third of a long one; or two letters that changed places.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/varlena.h"

#include "base/base.h"

/* varstr_levenshtein refuses longer strings; names are shorter anyway */
#define LONGEST_COMPARED	255

static bool swapped(const char *a, const char *b);

const char *
nearest_name(const char *word, List *candidates)
{
	int			wordlen = strlen(word);
	int			limit = Max(1, wordlen / 3);
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
		if (swapped(word, candidate))
			return candidate;
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

/* ctiy for city: two edits for the server, one slip for a hand */
static bool
swapped(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return a[0] != '\0' && a[1] != '\0' && b[0] != '\0' &&
		a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0;
}

int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

bool
names_contain(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

List *
names_add(List *names, const char *name)
{
	return names_contain(names, name) ? names :
		lappend(names, unconstify(char *, name));
}
