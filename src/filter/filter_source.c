/*-------------------------------------------------------------------------
 *
 * filter_source.c
 *	  Which text was this tree parsed from?
 *
 *		filter_source_parse("ordrs > 3")
 *			text	ordrs > 3
 *			tree	GT(COLUMN "ordrs" at byte 0, NUMBER "3" at byte 8)
 *
 * A filter is parsed once, where it comes in.  From then on its text and its
 * tree travel together, so that an error about a node can draw the caret
 * under its word without parsing the text again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/filter_private.h"

/* The caller keeps 'text' for as long as the FilterSource is used. */
FilterSource
filter_source_parse(const char *text)
{
	FilterSource source = {text, filter_parse(text, NULL)};

	return source;
}

FilterSource
filter_source_parse_definition(const char *text)
{
	FilterSource source = {text, filter_parse_definition(text, NULL)};

	return source;
}

FilterSource
filter_source_parse_amount(const char *text)
{
	FilterSource source = {text, filter_parse_part(text, KIND_AMOUNT, NULL)};

	return source;
}

/*
 * Bytes have no locations, which are those of the canonical text: hence it is
 * parsed here.
 */
FilterSource
filter_source_unpack(const Filter *filter)
{
	return filter_source_parse(filter_print(filter_unpack(filter)));
}
