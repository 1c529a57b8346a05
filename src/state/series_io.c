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
 * order.  Binary input and output is the same text behind a version byte.
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

static Series *series_parse(const char *text);
static void parse_entry(PackedParser *parser, TypeCacheEntry *type,
						FmgrInfo *input, Oid parameter, SeriesEntry *entry);
static char *series_print(const Series *series);
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

	if (left->type != right->type || left->nentries != right->nentries)
		return false;

	for (int i = 0; i < left->nentries; i++)
		if (series_compare(&left->entries[i], &right->entries[i]) != 0)
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

	appendStringInfoChar(&out, '{');
	for (int i = 0; i < series->nentries; i++)
	{
		const SeriesEntry *entry = &series->entries[i];

		CHECK_FOR_INTERRUPTS();

		if (i > 0)
			appendStringInfoString(&out, ", ");
		if (series->type != NULL)
		{
			Datum		value = series_value(series->type, entry);

			packed_print_string(&out, OutputFunctionCall(&output, value));
			appendStringInfoString(&out, " @ ");
		}
		packed_print_time(&out, entry->at);
	}
	appendStringInfoChar(&out, '}');

	AtEOXact_GUC(true, level);
	return out.data;
}

/* The series of a text, in the current context. */
static Series *
series_parse(const char *text)
{
	int			level = packed_pin_settings();
	PackedParser parser = {.what = "series", .text = text, .at = text};
	Series	   *series = palloc0(sizeof(Series));
	Size		room = FIRST_ROOM;
	FmgrInfo	input;
	Oid			parameter = InvalidOid;

	if (!packed_parse_char(&parser, '{'))
	{
		Oid			function;

		series->type = series_element(packed_parse_type(&parser));
		getTypeInputInfo(series->type->type_id, &function, &parameter);
		fmgr_info(function, &input);
		if (!packed_parse_char(&parser, '{'))
			packed_parse_failed(&parser, "\"{\"");
	}

	series->entries = palloc(room * sizeof(SeriesEntry));
	do
	{
		CHECK_FOR_INTERRUPTS();

		if (series->nentries == room)
		{
			room *= 2;
			series->entries = repalloc_huge(series->entries,
											room * sizeof(SeriesEntry));
		}
		parse_entry(&parser, series->type, &input, parameter,
					&series->entries[series->nentries++]);
	} while (packed_parse_char(&parser, ','));
	if (!packed_parse_char(&parser, '}'))
		packed_parse_failed(&parser, "\",\" or \"}\"");
	packed_parse_end(&parser);

	qsort(series->entries, series->nentries, sizeof(SeriesEntry),
		  entry_compare);
	AtEOXact_GUC(true, level);
	return series;
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
