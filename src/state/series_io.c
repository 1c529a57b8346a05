/*-------------------------------------------------------------------------
 *
 * series_io.c
 *	  How is a series written and read by people and by drivers?
 *
 *		numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}
 *		{2026-05-01 12:00:00+00, 2026-05-03 09:30:00+00}
 *
 * The text begins with the name of the type of the values, as that of a tally
 * does, or with the brace where there are only times.  Events may come in any
 * order.  Of a series of changes those that went follow:
 *
 *		numeric{"9" @ 2026-06-01 12:00:00+00} less
 *			{"7" @ 2026-05-28 18:00:00+00}		(in one line)
 *
 * Binary input and output is the same text behind a version byte.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/series.h"

#define FIRST_ROOM		8

/* between the events that came and those that went */
#define LESS			" less "
#define NO_ENTRIES		"{}"

static Series *series_parse(const char *text);
static SeriesEntry *parse_entries(PackedParser *parser, TypeCacheEntry *type,
								  FmgrInfo *input, Oid parameter,
								  int *nentries);
static void parse_entry(PackedParser *parser, TypeCacheEntry *type,
						FmgrInfo *input, Oid parameter, SeriesEntry *entry);
static char *series_print(const Series *series);
static void print_entries(StringInfo out, TypeCacheEntry *type,
						  FmgrInfo *output, const SeriesEntry *entries,
						  int nentries);
static bool entries_same(const SeriesEntry *a, int na, const SeriesEntry *b,
						 int nb);
static bool series_same(Datum a, Datum b);
static int	entry_compare(const void *a, const void *b);

SEGMENT_FUNCTION(segment_series_in);
SEGMENT_FUNCTION(segment_series_out);
SEGMENT_FUNCTION(segment_series_recv);
SEGMENT_FUNCTION(segment_series_send);
SEGMENT_FUNCTION(segment_series_equal);
SEGMENT_FUNCTION(segment_series_differs);

Datum
segment_series_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(series_write(series_parse(PG_GETARG_CSTRING(0))));
}

Datum
segment_series_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(series_print(series_read(PG_GETARG_DATUM(0))));
}

Datum
segment_series_recv(PG_FUNCTION_ARGS)
{
	char	   *text = wire_receive((StringInfo) PG_GETARG_POINTER(0),
									"series");

	PG_RETURN_DATUM(series_write(series_parse(text)));
}

Datum
segment_series_send(PG_FUNCTION_ARGS)
{
	Series	   *series = series_read(PG_GETARG_DATUM(0));

	PG_RETURN_BYTEA_P(wire_send(series_print(series)));
}

Datum
segment_series_equal(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(series_same(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
segment_series_differs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!series_same(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

/* Are two series the same?  Values are if they look so: 1.5 is not 1.50. */
static bool
series_same(Datum a, Datum b)
{
	Series	   *left = series_read(a);
	Series	   *right = series_read(b);

	return left->type == right->type &&
		entries_same(left->entries, left->nentries,
					 right->entries, right->nentries) &&
		entries_same(left->less, left->nless, right->less, right->nless);
}

/* Are these the same entries as those? */
static bool
entries_same(const SeriesEntry *a, int na, const SeriesEntry *b, int nb)
{
	if (na != nb)
		return false;
	for (int i = 0; i < na; i++)
		if (series_compare(&a[i], &b[i]) != 0)
			return false;
	return true;
}

/* The text of a series. */
static char *
series_print(const Series *series)
{
	int			level = packed_pin_settings();
	StringInfoData out;
	FmgrInfo	output;

	initStringInfo(&out);
	if (series->type != NULL)
	{
		Oid			function;
		bool		is_varlena;

		getTypeOutputInfo(series->type->type_id, &function, &is_varlena);
		fmgr_info(function, &output);
		packed_print_type(&out, series->type->type_id);
	}
	print_entries(&out, series->type, &output, series->entries,
				  series->nentries);
	if (series->nless > 0)
	{
		appendStringInfoString(&out, LESS);
		print_entries(&out, series->type, &output, series->less,
					  series->nless);
	}

	AtEOXact_GUC(true, level);
	return out.data;
}

/* Append entries in braces, their values as 'output' prints them. */
static void
print_entries(StringInfo out, TypeCacheEntry *type, FmgrInfo *output,
			  const SeriesEntry *entries, int nentries)
{
	appendStringInfoChar(out, '{');
	for (int i = 0; i < nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();

		if (i > 0)
			appendStringInfoString(out, ", ");
		if (type != NULL)
		{
			Datum		value = series_value(type, &entries[i]);

			packed_print_string(out, OutputFunctionCall(output, value));
			appendStringInfoString(out, " @ ");
		}
		packed_print_time(out, entries[i].at);
	}
	appendStringInfoChar(out, '}');
}

/* The series of a text, in the current context. */
static Series *
series_parse(const char *text)
{
	int			level = packed_pin_settings();
	PackedParser parser = {.what = "series", .text = text, .at = text};
	Series	   *series = palloc0(sizeof(Series));
	FmgrInfo	input;
	Oid			parameter = InvalidOid;
	bool		empty;

	packed_parse_space(&parser);
	if (*parser.at != '{')
	{
		Oid			function;

		series->type = series_element(packed_parse_type(&parser));
		getTypeInputInfo(series->type->type_id, &function, &parameter);
		fmgr_info(function, &input);
	}
	packed_parse_space(&parser);
	empty = strncmp(parser.at, NO_ENTRIES LESS, strlen(NO_ENTRIES LESS)) == 0;
	if (empty)
		parser.at += strlen(NO_ENTRIES);
	else
		series->entries = parse_entries(&parser, series->type, &input,
										parameter, &series->nentries);
	if (strncmp(parser.at, LESS, strlen(LESS)) == 0)
	{
		parser.at += strlen(LESS);
		series->less = parse_entries(&parser, series->type, &input, parameter,
									 &series->nless);
	}
	packed_parse_end(&parser);
	AtEOXact_GUC(true, level);
	return series;
}

/* Parse entries in braces, and sort them. */
static SeriesEntry *
parse_entries(PackedParser *parser, TypeCacheEntry *type, FmgrInfo *input,
			  Oid parameter, int *nentries)
{
	Size		room = FIRST_ROOM;
	SeriesEntry *entries = palloc(room * sizeof(SeriesEntry));

	if (!packed_parse_char(parser, '{'))
		packed_parse_failed(parser, "\"{\"");
	*nentries = 0;
	do
	{
		CHECK_FOR_INTERRUPTS();

		if (*nentries == room)
		{
			room *= 2;
			entries = repalloc_huge(entries, room * sizeof(SeriesEntry));
		}
		parse_entry(parser, type, input, parameter, &entries[(*nentries)++]);
	} while (packed_parse_char(parser, ','));
	if (!packed_parse_char(parser, '}'))
		packed_parse_failed(parser, "\",\" or \"}\"");

	qsort(entries, *nentries, sizeof(SeriesEntry), entry_compare);
	return entries;
}

/* Parse an entry, with a value if there is a type. */
static void
parse_entry(PackedParser *parser, TypeCacheEntry *type, FmgrInfo *input,
			Oid parameter, SeriesEntry *entry)
{
	StringInfoData value;

	entry->value = NULL;
	entry->length = 0;
	if (type != NULL)
	{
		initStringInfo(&value);
		series_put_value(type,
						 InputFunctionCall(input, packed_parse_string(parser),
										   parameter, -1),
						 &value);
		entry->value = (unsigned char *) value.data;
		entry->length = value.len;
		if (!packed_parse_char(parser, '@'))
			packed_parse_failed(parser, "\"@\"");
	}
	entry->at = packed_parse_time(parser);
}

static int
entry_compare(const void *a, const void *b)
{
	return series_compare(a, b);
}
