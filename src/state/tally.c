/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  Which values were there, how often, and when last?
 *
 * The type segment.tally keeps values of one type, each with a number of rows
 * and the latest time among them, if any had one.  As text
 *
 *		text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}
 *
 * which begins with the name of the type: bare if it lives in pg_catalog,
 * else behind its schema, with [] for arrays, each name in double quotes if
 * it is not made of lower-case letters, digits and underscores.  It is never
 * looked up in search_path.  Values are always in double quotes, with a
 * backslash before each double quote and backslash, as the output function of
 * their type prints them under settings that packed.c pins; times are ISO in
 * UTC.
 * So the text depends on no setting of the session.  On input the entries may
 * come in any order.  No values at all is NULL, not a tally.
 *
 * Values that are equal but look different are kept apart, each with its own
 * number, in the order of their bytes.  Which are equal is a matter of the
 * collation, and that is a matter of the column: a column of tallies can have
 * a collation, as one of text.  The functions that say how many different
 * values there are, and which, bring together what is equal (order.h):
 *
 *		text{"TEA": 1, "cake": 2, "tea": 3}		in a column that ignores case
 *
 *		tally_size 2	tally_values {cake,TEA}		tally_most_frequent TEA
 *
 * The bytes of the same, behind the length word (varint: groups of seven
 * bits, the lowest first, all but the last with the high bit set):
 *
 *		01				version
 *		19 00 00 00		type of the values: its OID, as arrays have it
 *		02				varint: number of values
 *
 *		02				varint: rows << 1 | has a latest time: 1, no
 *		03 t e a		value: varint length and content
 *
 *		07				3, yes
 *		80 c0 c8 .. 02	varint: zigzag(time - the previous entry's time)
 *		05 v e g a n
 *
 * Values of fixed length stand without one.  This never leaves the server: on
 * the wire it is the text behind a version byte.
 *
 * Bytes are read by the bounds-checked reader of packed.c and by nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/order.h"
#include "state/packed.h"
#include "state/tally.h"

/* Stored.  Readers accept every released version. */
#define TALLY_VERSION			1

/* the smallest entry: one byte of rows, one of value */
#define SMALLEST_ENTRY			2
/* version, type, number of values */
#define LONGEST_HEADER			(1 + sizeof(Oid) + LONGEST_VARINT)

/* see TallyTime */
#define TALLY_MINUS_INFINITY	(PG_INT64_MIN + 1)
#define TALLY_INFINITY			PG_INT64_MAX

static Tally *tally_parse(const char *text);
static char *tally_print(const Tally *tally);
static Tally *tally_argument(FunctionCallInfo fcinfo, Oid type);
static bool tally_same(Datum a, Datum b);
static void bring_together(Tally *tally, const ValueOrder *order);
static int	compare_looks(const void *a, const void *b, void *order);
static int	compare_images(const void *a, const void *b, void *type);
static void unite_images(Tally *tally);
static void add_rows(TallyEntry *entry, const TallyEntry *more);

SEGMENT_FUNCTION(segment_tally_in);
SEGMENT_FUNCTION(segment_tally_out);
SEGMENT_FUNCTION(segment_tally_recv);
SEGMENT_FUNCTION(segment_tally_send);
SEGMENT_FUNCTION(segment_tally_equal);
SEGMENT_FUNCTION(segment_tally_differs);
SEGMENT_FUNCTION(segment_tally_size);
SEGMENT_FUNCTION(segment_tally_values);
SEGMENT_FUNCTION(segment_tally_most_frequent);

/* input and output ---------------------------------------------------------- */

Datum
segment_tally_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(tally_write(tally_parse(PG_GETARG_CSTRING(0))));
}

Datum
segment_tally_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(tally_print(tally_read(PG_GETARG_DATUM(0))));
}

Datum
segment_tally_recv(PG_FUNCTION_ARGS)
{
	char	   *text = wire_receive((StringInfo) PG_GETARG_POINTER(0), "tally");

	PG_RETURN_DATUM(tally_write(tally_parse(text)));
}

Datum
segment_tally_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(wire_send(tally_print(tally_read(PG_GETARG_DATUM(0)))));
}

/* what a tally tells -------------------------------------------------------- */

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

/* values, tally_most_frequent: of this type, which a domain may be over */
static Oid
result_type(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of a tally's values");
	return type;
}

Datum
segment_tally_values(PG_FUNCTION_ARGS)
{
	Oid			type = result_type(fcinfo);
	TypeCacheEntry *entry;
	Tally	   *tally;
	Datum	   *values;

	if (PG_ARGISNULL(0))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));

	tally = tally_argument(fcinfo, type);
	bring_together(tally, value_order_of_call(fcinfo, tally->type));
	entry = tally->type;
	values = MemoryContextAllocHuge(CurrentMemoryContext,
									tally->nentries * sizeof(Datum));
	for (int i = 0; i < tally->nentries; i++)
		values[i] = tally->entries[i].value;
	PG_RETURN_ARRAYTYPE_P(construct_array(values, tally->nentries, type,
										  entry->typlen, entry->typbyval,
										  entry->typalign));
}

Datum
segment_tally_most_frequent(PG_FUNCTION_ARGS)
{
	Oid			type = result_type(fcinfo);
	Tally	   *tally;
	const ValueOrder *order;
	TallyEntry *best;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	tally = tally_argument(fcinfo, type);
	order = value_order_of_call(fcinfo, tally->type);
	if (!order->alike)
		bring_together(tally, order);
	best = &tally->entries[0];
	for (int i = 1; i < tally->nentries; i++)
	{
		TallyEntry *entry = &tally->entries[i];

		if (entry->rows > best->rows ||
			(entry->rows == best->rows &&
			 (entry->latest > best->latest ||
			  (entry->latest == best->latest &&
			   value_compare(order, entry->value, best->value) < 0))))
			best = entry;
	}
	PG_RETURN_DATUM(best->value);
}

/* The first argument, which has to be a tally of such values. */
static Tally *
tally_argument(FunctionCallInfo fcinfo, Oid type)
{
	Tally	   *tally = tally_read(PG_GETARG_DATUM(0));

	if (tally->type->type_id != type &&
		tally->type->type_id != getBaseType(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("tally is of values of type %s, not %s",
						format_type_be(tally->type->type_id),
						format_type_be(type))));
	return tally;
}

static bool
tally_same(Datum a, Datum b)
{
	Tally	   *left = tally_read(a);
	Tally	   *right = tally_read(b);

	if (left->type->type_id != right->type->type_id ||
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

/*
 * Sort the values, and make one of those that are equal: the one that looks
 * smallest.
 */
static void
bring_together(Tally *tally, const ValueOrder *order)
{
	TallyEntry *entries = tally->entries;
	int			last = 0;

	qsort_arg(entries, tally->nentries, sizeof(TallyEntry), compare_looks,
			  unconstify(ValueOrder *, order));
	if (order->alike)
		return;
	for (int i = 1; i < tally->nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();

		if (value_compare(order, entries[last].value, entries[i].value) == 0)
			add_rows(&entries[last], &entries[i]);
		else
			entries[++last] = entries[i];
	}
	tally->nentries = last + 1;
}

static int
compare_looks(const void *a, const void *b, void *order)
{
	return value_compare_looks(order, ((const TallyEntry *) a)->value,
							   ((const TallyEntry *) b)->value);
}

/* More rows of the same value. */
static void
add_rows(TallyEntry *entry, const TallyEntry *more)
{
	if (pg_add_s64_overflow(entry->rows, more->rows, &entry->rows))
		entry->rows = TALLY_MOST_ROWS;
	entry->rows = Min(entry->rows, TALLY_MOST_ROWS);
	entry->latest = Max(entry->latest, more->latest);
}

/* the type of the values ------------------------------------------------------ */

TypeCacheEntry *
tally_element(Oid type, const char *what)
{
	Oid			base = getBaseType(type);
	TypeCacheEntry *entry = lookup_type_cache(base, TYPECACHE_CMP_PROC_FINFO);

	bool		storable = entry->typtype != TYPTYPE_PSEUDO && entry->typlen != -2;

	if (!storable || !OidIsValid(entry->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of values of type %s is not possible",
						what, format_type_be(type)),
				 storable ?
				 errdetail("Distinct values are told apart by their order, and the type has no default btree operator class.") :
				 errdetail("A column cannot be of this type.")));
	return entry;
}

TallyTime
tally_time(TimestampTz at, bool has_at)
{
	if (!has_at)
		return TALLY_NO_TIME;
	if (TIMESTAMP_IS_NOBEGIN(at))
		return TALLY_MINUS_INFINITY;
	return at;
}

static TimestampTz
tally_timestamp(TallyTime time)
{
	TimestampTz at = time;

	if (time == TALLY_MINUS_INFINITY)
		TIMESTAMP_NOBEGIN(at);
	return at;
}

/* reading bytes --------------------------------------------------------------- */

/* The head of a tally, up to the first entry. */
static void
read_head(PackedReader *reader, Oid *type, uint64 *nentries)
{
	if (*packed_bytes(reader, 1) != TALLY_VERSION)
		packed_corrupted(reader, "Its version is unknown to this release of the extension.");
	memcpy(type, packed_bytes(reader, sizeof(Oid)), sizeof(Oid));
	*nentries = packed_varint(reader);
	if (*nentries == 0 || *nentries > PG_INT32_MAX)
		packed_corrupted(reader, "The number of its values is impossible.");
}

Tally *
tally_read(Datum bytes)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(bytes);
	PackedReader reader = {.what = "tally"};
	Tally	   *tally = palloc(sizeof(Tally));
	TypeCacheEntry *entry;
	Oid			type;
	uint64		nentries;
	uint64		time = 0;
	char	   *room = NULL;

	reader.at = (const unsigned char *) VARDATA_ANY(packed);
	reader.end = reader.at + VARSIZE_ANY_EXHDR(packed);

	read_head(&reader, &type, &nentries);
	if (nentries > (reader.end - reader.at) / SMALLEST_ENTRY)
		packed_corrupted(&reader, "It has fewer values than it says.");

	tally->type = entry = packed_type(&reader, type);
	tally->nentries = nentries;
	tally->entries = MemoryContextAllocHuge(CurrentMemoryContext,
											nentries * sizeof(TallyEntry));

	/*
	 * Values go to one chunk, aligned and with their length words.  Each of
	 * them needs no more than its own bytes, a length word and padding.
	 */
	if (!entry->typbyval)
		room = MemoryContextAllocHuge(CurrentMemoryContext,
									  (reader.end - reader.at) +
									  nentries * (VARHDRSZ + MAXIMUM_ALIGNOF));

	for (uint64 i = 0; i < nentries; i++)
	{
		TallyEntry *e = &tally->entries[i];
		uint64		rows = packed_varint(&reader);
		bool		has_time = (rows & 1) != 0;

		CHECK_FOR_INTERRUPTS();

		e->rows = rows >> 1;
		if (e->rows < 1 || e->rows > TALLY_MOST_ROWS)
			packed_corrupted(&reader, "The number of rows of a value is impossible.");

		e->latest = TALLY_NO_TIME;
		if (has_time)
		{
			uint64		zigzag = packed_varint(&reader);

			time += (uint64) packed_unzigzag(zigzag);
			e->latest = (TallyTime) time;
			if (e->latest != TALLY_MINUS_INFINITY &&
				e->latest != TALLY_INFINITY &&
				!IS_VALID_TIMESTAMP(e->latest))
				packed_corrupted(&reader, "The latest time of a value is impossible.");
		}

		if (entry->typbyval)
		{
			char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);

			memcpy(aligned, packed_bytes(&reader, entry->typlen), entry->typlen);
			e->value = fetch_att(aligned, true, entry->typlen);
		}
		else
		{
			bool		fixed = entry->typlen > 0;
			uint64		length = fixed ? entry->typlen : packed_varint(&reader);
			const unsigned char *content;

			if (length > MaxAllocSize)
				packed_corrupted(&reader, "The length of a value is impossible.");
			content = packed_bytes(&reader, length);
			packed_check_value(&reader, entry, content, length);
			e->value = PointerGetDatum(room);
			if (!fixed)
			{
				SET_VARSIZE(room, length + VARHDRSZ);
				room += VARHDRSZ;
			}
			memcpy(room, content, length);
			room = (char *) MAXALIGN(room + length);
		}

		if (i > 0 && image_compare(entry, e[-1].value, e->value) >= 0)
			packed_corrupted(&reader, "Its values are not in the order of their bytes.");
	}

	if (reader.at != reader.end)
		packed_corrupted(&reader, "It goes on behind its last value.");
	return tally;
}

/*
 * The number of values stands at the head.  Where all of them are different no
 * more is read, nor detoasted: this is asked of whole populations.
 */
Datum
segment_tally_size(PG_FUNCTION_ARGS)
{
	const ValueOrder *order;
	Tally	   *tally;
	struct varlena *head;
	PackedReader reader = {.what = "tally"};
	Oid			type;
	uint64		nentries;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);

	head = PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, LONGEST_HEADER);
	reader.at = (const unsigned char *) VARDATA_ANY(head);
	reader.end = reader.at + VARSIZE_ANY_EXHDR(head);
	read_head(&reader, &type, &nentries);
	order = value_order_of_call(fcinfo, packed_type(&reader, type));
	if (order->alike || nentries == 1)
		PG_RETURN_INT64((int64) nentries);

	tally = tally_read(PG_GETARG_DATUM(0));
	bring_together(tally, order);
	PG_RETURN_INT64(tally->nentries);
}

/* writing bytes ---------------------------------------------------------------- */

Datum
tally_write(const Tally *tally)
{
	TypeCacheEntry *entry = tally->type;
	StringInfoData out;
	uint64		time = 0;

	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoChar(&out, TALLY_VERSION);
	appendBinaryStringInfo(&out, (char *) &entry->type_id, sizeof(Oid));
	packed_put_varint(&out, tally->nentries);

	for (int i = 0; i < tally->nentries; i++)
	{
		const TallyEntry *e = &tally->entries[i];
		bool		has_time = e->latest != TALLY_NO_TIME;

		CHECK_FOR_INTERRUPTS();

		packed_put_varint(&out, ((uint64) e->rows << 1) | (has_time ? 1 : 0));
		if (has_time)
		{
			packed_put_varint(&out, packed_zigzag((int64) ((uint64) e->latest - time)));
			time = (uint64) e->latest;
		}

		if (entry->typbyval)
		{
			char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);

			store_att_byval(aligned, e->value, entry->typlen);
			appendBinaryStringInfo(&out, aligned, entry->typlen);
		}
		else if (entry->typlen > 0)
			appendBinaryStringInfo(&out, DatumGetPointer(e->value),
								   entry->typlen);
		else
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(e->value);

			packed_put_varint(&out, VARSIZE_ANY_EXHDR(value));
			appendBinaryStringInfo(&out, VARDATA_ANY(value),
								   VARSIZE_ANY_EXHDR(value));
		}
	}

	SET_VARSIZE(out.data, out.len);
	return PointerGetDatum(out.data);
}

/* text ------------------------------------------------------------------------ */

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
		const TallyEntry *e = &tally->entries[i];

		CHECK_FOR_INTERRUPTS();

		if (i > 0)
			appendStringInfoString(&out, ", ");
		packed_print_string(&out, OutputFunctionCall(&output, e->value));
		appendStringInfo(&out, ": " INT64_FORMAT, e->rows);
		if (e->latest != TALLY_NO_TIME)
		{
			appendStringInfoString(&out, " @ ");
			packed_print_time(&out, tally_timestamp(e->latest));
		}
	}
	appendStringInfoChar(&out, '}');

	AtEOXact_GUC(true, level);
	return out.data;
}

static int64
parse_rows(PackedParser *parser)
{
	const char *start;
	int64		rows = 0;

	packed_parse_space(parser);
	start = parser->at;
	while (*parser->at >= '0' && *parser->at <= '9')
	{
		int			digit = *parser->at - '0';

		if (rows > (TALLY_MOST_ROWS - digit) / 10)
			break;
		rows = rows * 10 + digit;
		parser->at++;
	}
	if (rows == 0 || (*parser->at >= '0' && *parser->at <= '9'))
	{
		parser->at = start;
		packed_parse_failed(parser, "a number of rows");
	}
	return rows;
}

static Tally *
tally_parse(const char *text)
{
	int			level = packed_pin_settings();
	PackedParser parser = {.what = "tally", .text = text, .at = text};
	Tally	   *tally = palloc0(sizeof(Tally));
	Size		room = 8;
	FmgrInfo	input;
	Oid			input_oid;
	Oid			input_param;

	tally->type = tally_element(packed_parse_type(&parser), "tally");
	getTypeInputInfo(tally->type->type_id, &input_oid, &input_param);
	fmgr_info(input_oid, &input);

	if (!packed_parse_char(&parser, '{'))
		packed_parse_failed(&parser, "\"{\"");
	tally->entries = palloc(room * sizeof(TallyEntry));
	do
	{
		TallyEntry *e;

		CHECK_FOR_INTERRUPTS();

		if (tally->nentries == room)
		{
			room *= 2;
			tally->entries = repalloc_huge(tally->entries,
										   room * sizeof(TallyEntry));
		}
		e = &tally->entries[tally->nentries++];
		e->value = InputFunctionCall(&input, packed_parse_string(&parser),
									 input_param, -1);
		e->value = value_canonical(tally->type, e->value);
		if (!packed_parse_char(&parser, ':'))
			packed_parse_failed(&parser, "\":\"");
		e->rows = parse_rows(&parser);
		e->latest = packed_parse_char(&parser, '@') ?
			tally_time(packed_parse_time(&parser), true) : TALLY_NO_TIME;
	} while (packed_parse_char(&parser, ','));
	if (!packed_parse_char(&parser, '}'))
		packed_parse_failed(&parser, "\",\" or \"}\"");
	packed_parse_end(&parser);

	qsort_arg(tally->entries, tally->nentries, sizeof(TallyEntry),
			  compare_images, tally->type);
	unite_images(tally);

	AtEOXact_GUC(true, level);
	return tally;
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

	for (int i = 1; i < tally->nentries; i++)
	{
		if (image_compare(tally->type, entries[last].value,
						  entries[i].value) == 0)
			add_rows(&entries[last], &entries[i]);
		else
			entries[++last] = entries[i];
	}
	tally->nentries = last + 1;
}
