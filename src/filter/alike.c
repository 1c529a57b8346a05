/*-------------------------------------------------------------------------
 *
 * alike.c
 *	  Which conditions are alike, but for their literals?
 *
 *		total_spend > 500 and city = "Aarhus"
 *		total_spend > 99 and city = "Odense"
 *
 *		total_spend > a number of two bytes		500		99
 *		city = a string							Aarhus	Odense
 *
 * Thousands of filters are made of a few such conditions.  They are read off
 * the bytes (pack.c), without a tree: the conditions that "and" and "or"
 * connect, each as a likeness, which is the same for all that are alike, and
 * literals.  What the compiler makes of a condition depends on its likeness,
 * and in a literal on its value only.
 *
 * What does not fit is for whoever reads the tree, damaged bytes included.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

static bool skip_text(FilterCursor *cursor);
static bool read_header(FilterCursor *cursor, FilterOp *op, uint8 *detail,
						uint32 *nargs);
static bool read_number(FilterCursor *cursor, uint32 *number);
static bool read_literal(FilterCursor *cursor, FilterOp op,
						 FilterLikeness *likeness);
static bool put(FilterLikeness *likeness, const char *bytes, uint32 length);
static char kind_of_literal(const FilterNode *literal);

FilterCursor
filter_conditions_begin(const Filter *filter)
{
	FilterCursor cursor = {
		VARDATA_ANY(filter),
		VARDATA_ANY(filter) + VARSIZE_ANY_EXHDR(filter),
	};

	/* another version is an error that the reader of the tree raises */
	if (cursor.position < cursor.end && *cursor.position == FILTER_VERSION)
		cursor.position++;
	return cursor;
}

bool
filter_conditions_next(FilterCursor *cursor, FilterLikeness *likeness)
{
	uint32		left = 1;		/* nodes of the condition */

	likeness->length = likeness->nliterals = likeness->ntexts = 0;
	while (left > 0)
	{
		const char *begin = cursor->position;
		const char *text;
		FilterOp	op;
		uint8		detail;
		uint32		nargs;

		if (!read_header(cursor, &op, &detail, &nargs))
			return false;
		/* the conditions that these connect follow them */
		if ((op == FILTER_AND || op == FILTER_OR) && likeness->length == 0)
			continue;
		left += nargs - 1;
		if (!put(likeness, begin, cursor->position - begin))
			return false;
		if (!filter_has_text(op, detail))
			continue;
		if (op == FILTER_NUMBER || op == FILTER_STRING)
		{
			if (!read_literal(cursor, op, likeness))
				return false;
			continue;
		}
		text = cursor->position;
		if (!skip_text(cursor) ||
			!put(likeness, text, cursor->position - text))
			return false;
	}
	memset(likeness->bytes + likeness->length, 0,
		   sizeof(likeness->bytes) - likeness->length);
	return true;
}

bool
filter_conditions_end(const FilterCursor *cursor)
{
	return cursor->position == cursor->end;
}

bool
filter_is_of_columns(const Filter *filter)
{
	FilterCursor cursor = filter_conditions_begin(filter);

	while (!filter_conditions_end(&cursor))
	{
		FilterOp	op;
		uint8		detail;
		uint32		nargs;

		if (!read_header(&cursor, &op, &detail, &nargs) ||
			op == FILTER_AGGREGATE || op == FILTER_DID ||
			op == FILTER_IN_AUDIENCE || (op == FILTER_COLUMN && nargs > 0) ||
			(filter_has_text(op, detail) && !skip_text(&cursor)))
			return false;
	}
	return true;
}

/* skip_text() passes a text that is not looked at. */
static bool
skip_text(FilterCursor *cursor)
{
	uint32		length;

	if (!read_number(cursor, &length) ||
		length > cursor->end - cursor->position)
		return false;
	cursor->position += length;
	return true;
}

/* read_header() reads what a node begins with. */
static bool
read_header(FilterCursor *cursor, FilterOp *op, uint8 *detail, uint32 *nargs)
{
	if (cursor->end - cursor->position < 3 ||
		(uint8) *cursor->position >= FILTER_OP_COUNT)
		return false;
	*op = (FilterOp) (uint8) *cursor->position++;
	*detail = (uint8) *cursor->position++;
	return read_number(cursor, nargs) &&
		*nargs <= (cursor->end - cursor->position) / 3;
}

/* read_number() reads a number of one byte. */
static bool
read_number(FilterCursor *cursor, uint32 *number)
{
	if (cursor->position == cursor->end || (uint8) *cursor->position >= 0x80)
		return false;
	*number = (uint8) *cursor->position++;
	return true;
}

/* read_literal() reads the text of a literal. */
static bool
read_literal(FilterCursor *cursor, FilterOp op, FilterLikeness *likeness)
{
	FilterNode *literal = &likeness->literals[likeness->nliterals];
	uint32		length;
	char		kind;

	if (likeness->nliterals == FILTER_MOST_LITERALS ||
		!read_number(cursor, &length) ||
		length > cursor->end - cursor->position ||
		length >= sizeof(likeness->texts) - likeness->ntexts ||
		!pg_verifymbstr(cursor->position, length, true))
		return false;
	*literal = (FilterNode) {.op = op, .location = -1};
	literal->text = likeness->texts + likeness->ntexts;
	memcpy(literal->text, cursor->position, length);
	literal->text[length] = '\0';
	if (op == FILTER_NUMBER &&
		(length == 0 || strspn(literal->text, "-.0123456789") != length))
		return false;
	likeness->nliterals++;
	likeness->ntexts += length + 1;
	cursor->position += length;
	kind = kind_of_literal(literal);
	return put(likeness, &kind, 1);
}

/* put() appends bytes to a likeness; false if there is no room for them. */
static bool
put(FilterLikeness *likeness, const char *bytes, uint32 length)
{
	if (length > sizeof(likeness->bytes) - likeness->length)
		return false;
	memcpy(likeness->bytes + likeness->length, bytes, length);
	likeness->length += length;
	return true;
}

/*
 * kind_of_literal() tells apart literals that the compiler may read as values
 * of other types beside the same column.
 */
static char
kind_of_literal(const FilterNode *literal)
{
	if (literal->op == FILTER_STRING)
		return 's';
	switch (literal_number_type(literal, INT2OID))
	{
		case INT2OID:
			return '2';
		case INT4OID:
			return '4';
		case INT8OID:
			return '8';
		default:
			return 'n';
	}
}
