/*-------------------------------------------------------------------------
 *
 * tally_io.c
 *	  How is a tally written and read by people and by drivers?
 *
 *		text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}
 *
 * The text begins with the name of the type of the values: bare if it lives in
 * pg_catalog, else behind its schema, with [] for arrays, each name in double
 * quotes if it is not made of lower-case letters, digits and underscores.  It
 * is never looked up in search_path.  Values are always in double quotes, with
 * a backslash before each double quote and backslash, as the output function
 * of their type prints them under settings that packed.c pins; times are ISO
 * in UTC.  So the text depends on no setting of the session.
 *
 * Changes of a longer tally (tally_change.c) say at the end of how many values
 * that is with them; 0 rows of a value are none.
 *
 *		text{"tea": 2 @ 2026-05-01 12:00:00+00, "vegan": 0} of 1200
 *
 * On input the entries may come in any order.  Binary input and output is the
 * same text behind a version byte.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/joined.h"
#include "state/tally.h"

#define FIRST_ROOM				8

/* before the number of values of changes and what they change */
#define OF						" of "

static Tally *tally_parse(const char *text);
static void parse_entries(PackedParser *parser, Tally *tally, int64 least);
static int64 parse_number(PackedParser *parser, int64 least,
						  const char *what);
static char *tally_print(const Tally *tally);
static Tally *tally_of(Datum tally);
static bool tally_same(Datum a, Datum b);
static int	compare_images(const void *a, const void *b, void *type);
static void unite_images(Tally *tally);

SEGMENT_FUNCTION(segment_tally_in);
SEGMENT_FUNCTION(segment_tally_out);
SEGMENT_FUNCTION(segment_tally_recv);
SEGMENT_FUNCTION(segment_tally_send);
SEGMENT_FUNCTION(segment_tally_equal);
SEGMENT_FUNCTION(segment_tally_differs);

Datum
segment_tally_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(tally_write(tally_parse(PG_GETARG_CSTRING(0))));
}

Datum
segment_tally_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(tally_print(tally_of(PG_GETARG_DATUM(0))));
}

Datum
segment_tally_recv(PG_FUNCTION_ARGS)
{
	char	   *text = wire_receive((StringInfo) PG_GETARG_POINTER(0),
									"tally");

	PG_RETURN_DATUM(tally_write(tally_parse(text)));
}

Datum
segment_tally_send(PG_FUNCTION_ARGS)
{
	Tally	   *tally = tally_of(PG_GETARG_DATUM(0));

	PG_RETURN_BYTEA_P(wire_send(tally_print(tally)));
}

Datum
segment_tally_equal(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(tally_same(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
segment_tally_differs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!tally_same(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

/* All of a joined state, or a tally as it is. */
static Tally *
tally_of(Datum tally)
{
	return joined_of(tally) != NULL ? tally_whole(tally) : tally_read(tally);
}

/* Have both the same values, as often, and last at the same times? */
static bool
tally_same(Datum a, Datum b)
{
	Tally	   *left = tally_of(a);
	Tally	   *right = tally_of(b);

	if (left->type->type_id != right->type->type_id ||
		left->total != right->total ||
		left->nentries != right->nentries)
		return false;

	for (int i = 0; i < left->nentries; i++)
	{
		const TallyEntry *l = &left->entries[i];
		const TallyEntry *r = &right->entries[i];

		if (l->rows != r->rows || l->latest != r->latest ||
			image_compare(left->type, l->value, r->value) != 0)
			return false;
	}
	return true;
}

/* The text of a tally. */
static char *
tally_print(const Tally *tally)
{
	int			level = packed_pin_settings();
	StringInfoData out;
	FmgrInfo	output;
	Oid			output_oid;
	bool		is_varlena;

	getTypeOutputInfo(tally->type->type_id, &output_oid, &is_varlena);
	fmgr_info(output_oid, &output);

	initStringInfo(&out);
	packed_print_type(&out, tally->type->type_id);
	appendStringInfoChar(&out, '{');
	for (int i = 0; i < tally->nentries; i++)
	{
		const TallyEntry *entry = &tally->entries[i];

		CHECK_FOR_INTERRUPTS();

		if (i > 0)
			appendStringInfoString(&out, ", ");
		packed_print_string(&out, OutputFunctionCall(&output, entry->value));
		appendStringInfo(&out, ": " INT64_FORMAT, entry->rows);
		if (entry->latest != TALLY_NO_TIME)
		{
			appendStringInfoString(&out, " @ ");
			packed_print_time(&out, tally_timestamp(entry->latest));
		}
	}
	appendStringInfoChar(&out, '}');
	if (tally->total > 0)
		appendStringInfo(&out, OF INT64_FORMAT, tally->total);

	AtEOXact_GUC(true, level);
	return out.data;
}

/* The tally of a text, in the current context. */
static Tally *
tally_parse(const char *text)
{
	int			level = packed_pin_settings();
	PackedParser parser = {.what = "tally", .text = text, .at = text};
	Tally	   *tally = palloc0(sizeof(Tally));
	const char *end = strrchr(text, '}');
	bool		changes = end != NULL && strncmp(end + 1, OF, strlen(OF)) == 0;

	tally->type = tally_element(packed_parse_type(&parser), "tally");
	if (!packed_parse_char(&parser, '{'))
		packed_parse_failed(&parser, "\"{\"");
	packed_parse_space(&parser);
	/* only changes may be none */
	if (!changes || *parser.at != '}')
		parse_entries(&parser, tally, changes ? 0 : 1);
	if (!packed_parse_char(&parser, '}'))
		packed_parse_failed(&parser, "\",\" or \"}\"");
	if (changes)
	{
		parser.at += strlen(OF);
		tally->total = parse_number(&parser, 1, "a number of values");
	}
	packed_parse_end(&parser);

	qsort_arg(tally->entries, tally->nentries, sizeof(TallyEntry),
			  compare_images, tally->type);
	unite_images(tally);

	AtEOXact_GUC(true, level);
	return tally;
}

/* Parse entries of at least so many rows. */
static void
parse_entries(PackedParser *parser, Tally *tally, int64 least)
{
	Size		room = FIRST_ROOM;
	FmgrInfo	input;
	Oid			input_oid;
	Oid			input_param;

	getTypeInputInfo(tally->type->type_id, &input_oid, &input_param);
	fmgr_info(input_oid, &input);
	tally->entries = palloc(room * sizeof(TallyEntry));
	do
	{
		TallyEntry *entry;

		CHECK_FOR_INTERRUPTS();

		if (tally->nentries == room)
		{
			room *= 2;
			tally->entries = repalloc_huge(tally->entries,
										   room * sizeof(TallyEntry));
		}
		entry = &tally->entries[tally->nentries++];
		entry->value = InputFunctionCall(&input, packed_parse_string(parser),
									 input_param, -1);
		entry->value = value_canonical(tally->type, entry->value);
		if (!packed_parse_char(parser, ':'))
			packed_parse_failed(parser, "\":\"");
		entry->rows = parse_number(parser, least, "a number of rows");
		entry->latest = packed_parse_char(parser, '@') ?
			tally_time(packed_parse_time(parser), true) : TALLY_NO_TIME;
	} while (packed_parse_char(parser, ','));
}

/* Parse a number of at least so many, and no more than TALLY_MOST_ROWS. */
static int64
parse_number(PackedParser *parser, int64 least, const char *what)
{
	const char *start;
	int64		number = 0;

	packed_parse_space(parser);
	start = parser->at;
	while (*parser->at >= '0' && *parser->at <= '9')
	{
		int			digit = *parser->at - '0';

		if (number > (TALLY_MOST_ROWS - digit) / 10)
			break;
		number = number * 10 + digit;
		parser->at++;
	}
	if (number < least || parser->at == start ||
		(*parser->at >= '0' && *parser->at <= '9'))
	{
		parser->at = start;
		packed_parse_failed(parser, what);
	}
	return number;
}

static int
compare_images(const void *a, const void *b, void *type)
{
	return image_compare(type, ((const TallyEntry *) a)->value,
						 ((const TallyEntry *) b)->value);
}

/* Make entries of the same bytes one: some types print less than they hold. */
static void
unite_images(Tally *tally)
{
	TallyEntry *entries = tally->entries;
	int			last = 0;

	if (tally->nentries == 0)
		return;
	for (int i = 1; i < tally->nentries; i++)
	{
		if (image_compare(tally->type, entries[last].value,
						  entries[i].value) == 0)
			tally_add_rows(&entries[last], &entries[i]);
		else
			entries[++last] = entries[i];
	}
	tally->nentries = last + 1;
}
