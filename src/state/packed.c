/*-------------------------------------------------------------------------
 *
 * packed.c
 *	  How do values of any type become bytes and text, and come back checked?
 *
 * segment.tally and segment.series are made of the same parts:
 *
 *		bytes	varints: 300 is ac 02			packed_varint
 *		text	text{"tea": 2 @ 2026-05-01 12:00:00+00}
 *				~~~~							packed_parse_type
 *					 ~~~~~						packed_parse_string
 *								~~~~~~~~~~~~~~	packed_parse_time
 *
 * The text depends on no setting of the session: types are never looked up in
 * search_path, values are as the output function of their type prints them
 * under settings pinned here, with a backslash before each double quote and
 * backslash, and times are ISO in UTC.
 *
 * Bytes come from disk and may be anything: only the reader here reads them,
 * which knows where they end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "state/fixed.h"
#include "state/packed.h"

/* the most bytes of a wrong text that its error shows */
#define MOST_SHOWN				30

/* of the last group of the longest varint, in bits */
#define MOST_SHIFT				(7 * (LONGEST_VARINT - 1))

static void print_name(StringInfo out, const char *name);
static char *parse_name(PackedParser *parser);

/* bytes ------------------------------------------------------------------ */

void
packed_corrupted(const PackedReader *reader, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("%s is corrupted", reader->what),
			 errdetail_internal("%s", detail),
			 errhint("Read the trait anew from its source with segment.rebuild().")));
}

uint64
packed_any_varint(PackedReader *reader)
{
	const unsigned char *at = reader->at;
	uint64		number = 0;

	for (int shift = 0; at < reader->end; shift += 7)
	{
		uint64		bits = *at & 0x7f;
		bool		last = *at++ < 0x80;

		/* a tenth group has one bit, and the last of several is none of 0 */
		if ((shift == MOST_SHIFT && (bits > 1 || !last)) ||
			(last && bits == 0 && shift > 0))
			packed_corrupted(reader, "It contains a number that is none.");
		number |= bits << shift;
		if (last)
		{
			reader->at = at;
			return number;
		}
	}
	packed_corrupted(reader, "It ends too early.");
}

void
packed_put_varint(StringInfo out, uint64 number)
{
	char		groups[LONGEST_VARINT];

	appendBinaryStringInfo(out, groups,
						   packed_write_varint(groups, number) - groups);
}

TypeCacheEntry *
packed_type(const PackedReader *reader, Oid type)
{
	/* the last of the server's own types, which stay */
	static TypeCacheEntry *known = NULL;
	TypeCacheEntry *entry;

	if (known != NULL && known->type_id == type)
		return known;

	/* lookup_type_cache() has an error of its own, which would not help */
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		packed_corrupted(reader, "The type of its values does not exist.");
	entry = lookup_type_cache(type, TYPECACHE_CMP_PROC_FINFO);
	if (entry->typtype == TYPTYPE_PSEUDO || entry->typtype == TYPTYPE_DOMAIN ||
		entry->typlen == -2 || !OidIsValid(entry->cmp_proc_finfo.fn_oid))
		packed_corrupted(reader, "The type of its values has no order.");
	if (type < FirstNormalObjectId)
		known = entry;
	return entry;
}

void
packed_check_value(const PackedReader *reader, TypeCacheEntry *type,
				   const unsigned char *content, Size length)
{
	if (type->type_id == NUMERICOID && !numeric_is_valid(content, length))
		packed_corrupted(reader, "A value is no number.");
	if ((type->type_id == TEXTOID || type->type_id == VARCHAROID ||
		 type->type_id == BPCHAROID) &&
		!pg_verify_mbstr(GetDatabaseEncoding(), (const char *) content,
						 length, true))
		packed_corrupted(reader, "A value is no valid text.");
}

/* text: printing --------------------------------------------------------- */

static const struct
{
	const char *name;
	const char *value;
}			pinned_settings[] = {
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_monetary", "C"},
};

int
packed_pin_settings(void)
{
	int			level = settings_pin();

	for (int i = 0; i < lengthof(pinned_settings); i++)
		setting_save(pinned_settings[i].name, pinned_settings[i].value);
	return level;
}

void
packed_print_type(StringInfo out, Oid type)
{
	Oid			element = get_element_type(type);
	Oid			named = OidIsValid(element) ? element : type;
	HeapTuple	tuple;
	Form_pg_type form;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(named));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", named);
	form = (Form_pg_type) GETSTRUCT(tuple);
	if (form->typnamespace != PG_CATALOG_NAMESPACE)
	{
		char	   *schema = get_namespace_name(form->typnamespace);

		if (schema == NULL)
			elog(ERROR, "cache lookup failed for namespace %u",
				 form->typnamespace);
		print_name(out, schema);
		appendStringInfoChar(out, '.');
	}
	print_name(out, NameStr(form->typname));
	if (named != type)
		appendStringInfoString(out, "[]");
	ReleaseSysCache(tuple);
}

/* Can the character stand in a name without quotes? */
static inline bool
is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Print a name, in double quotes if it is not made of bare characters. */
static void
print_name(StringInfo out, const char *name)
{
	bool		bare = name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9');

	for (const char *c = name; *c && bare; c++)
		bare = is_bare(*c);

	if (bare)
	{
		appendStringInfoString(out, name);
		return;
	}
	appendStringInfoChar(out, '"');
	for (const char *c = name; *c; c++)
	{
		if (*c == '"')
			appendStringInfoChar(out, '"');
		appendStringInfoChar(out, *c);
	}
	appendStringInfoChar(out, '"');
}

void
packed_print_string(StringInfo out, const char *string)
{
	appendStringInfoChar(out, '"');
	for (const char *c = string; *c; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *c);
	}
	appendStringInfoChar(out, '"');
}

void
packed_print_time(StringInfo out, TimestampTz at)
{
	Datum		text = DirectFunctionCall1(timestamptz_out,
										   TimestampTzGetDatum(at));

	appendStringInfoString(out, DatumGetCString(text));
	pfree(DatumGetPointer(text));
}

/* text: parsing ---------------------------------------------------------- */

void
packed_parse_failed(const PackedParser *parser, const char *expected)
{
	int			position = pg_mbstrlen_with_len(parser->text,
												parser->at - parser->text) + 1;
	int			rest = strlen(parser->at);
	int			shown = pg_mbcliplen(parser->at, rest, MOST_SHOWN);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s.%s: \"%s\"",
					SEGMENT_SCHEMA, parser->what, parser->text),
			 *parser->at == '\0' ?
			 errdetail("Expected %s at the end.", expected) :
			 errdetail("Expected %s at character %d, \"%.*s%s\".",
					   expected, position, shown, parser->at,
					   shown < rest ? "..." : "")));
}

void
packed_parse_space(PackedParser *parser)
{
	while (*parser->at == ' ' || (*parser->at >= '\t' && *parser->at <= '\r'))
		parser->at++;
}

bool
packed_parse_char(PackedParser *parser, char c)
{
	packed_parse_space(parser);
	if (*parser->at != c)
		return false;
	parser->at++;
	return true;
}

Oid
packed_parse_type(PackedParser *parser)
{
	char	   *name = parse_name(parser);
	char	   *schema = NULL;
	Oid			schema_oid = PG_CATALOG_NAMESPACE;
	Oid			type = InvalidOid;

	if (packed_parse_char(parser, '.'))
	{
		schema = name;
		name = parse_name(parser);
		schema_oid = get_namespace_oid(schema, true);
	}
	if (OidIsValid(schema_oid))
		type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
							   PointerGetDatum(name),
							   ObjectIdGetDatum(schema_oid));
	if (OidIsValid(type) && !get_typisdefined(type))
		type = InvalidOid;

	if (packed_parse_char(parser, '['))
	{
		if (!packed_parse_char(parser, ']'))
			packed_parse_failed(parser, "\"]\"");
		if (OidIsValid(type))
			type = get_array_type(type);
	}

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 schema != NULL ?
				 errmsg("type \"%s.%s\" does not exist", schema, name) :
				 errmsg("type \"%s\" does not exist in pg_catalog", name),
				 schema == NULL ?
				 errhint("In a %s, write a type of pg_catalog as in pg_type, "
						 "such as int4, and any other type with its schema.",
						 parser->what) : 0));
	return type;
}

/* Parse the name of a type or schema: bare or in double quotes. */
static char *
parse_name(PackedParser *parser)
{
	StringInfoData name;

	initStringInfo(&name);
	if (packed_parse_char(parser, '"'))
	{
		const char *start = parser->at;

		for (; *parser->at; parser->at++)
		{
			if (*parser->at == '"' && *++parser->at != '"')
				return name.data;
			appendStringInfoChar(&name, *parser->at);
		}
		parser->at = start - 1;
		packed_parse_failed(parser, "a quoted name that ends");
	}

	while (is_bare(*parser->at))
		appendStringInfoChar(&name, *parser->at++);
	if (name.len == 0)
		packed_parse_failed(parser, "the name of a type");
	return name.data;
}

char *
packed_parse_string(PackedParser *parser)
{
	const char *start;
	StringInfoData string;

	if (!packed_parse_char(parser, '"'))
		packed_parse_failed(parser, "a value in double quotes");
	start = parser->at - 1;

	initStringInfo(&string);
	for (; *parser->at != '"'; parser->at++)
	{
		if (*parser->at == '\\')
			parser->at++;
		if (*parser->at == '\0')
		{
			parser->at = start;
			packed_parse_failed(parser, "a quoted value that ends");
		}
		appendStringInfoChar(&string, *parser->at);
	}
	parser->at++;
	return string.data;
}

TimestampTz
packed_parse_time(PackedParser *parser)
{
	Size		length;
	char	   *text;
	TimestampTz at;

	packed_parse_space(parser);
	length = strcspn(parser->at, ",}");
	if (length == 0)
		packed_parse_failed(parser, "a time");
	text = pnstrdup(parser->at, length);
	at = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
												 CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	parser->at += length;
	return at;
}

void
packed_parse_end(PackedParser *parser)
{
	packed_parse_space(parser);
	if (*parser->at != '\0')
		packed_parse_failed(parser, "the end");
}
