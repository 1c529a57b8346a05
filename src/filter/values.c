/*-------------------------------------------------------------------------
 *
 * values.c
 *	  The few functions that compiled filters call and the server lacks.
 *
 * Each answers NULL, missing, where the server's own would raise an error:
 *
 *		segment.json_number('"many"')			NULL
 *		segment.json_number('12')				12
 *		segment.elapsed('infinity', now())		NULL
 *		segment.square_root(-1)					NULL
 *
 * and all are immutable: none looks at a setting.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/base.h"

SEGMENT_FUNCTION(segment_json_number);
SEGMENT_FUNCTION(segment_json_text);
SEGMENT_FUNCTION(segment_json_boolean);
SEGMENT_FUNCTION(segment_elapsed);
SEGMENT_FUNCTION(segment_elapsed_local);
SEGMENT_FUNCTION(segment_days_between);
SEGMENT_FUNCTION(segment_square_root_float8);
SEGMENT_FUNCTION(segment_square_root_numeric);
SEGMENT_FUNCTION(segment_has_anniversary);
SEGMENT_FUNCTION(segment_bucket);

static uint64 fnv_add(uint64 h, const char *bytes, int length);
static uint64 fnv_add_text(uint64 h, text *part);

/* json_scalar() reads a jsonb that is a scalar; false if it is none. */
static bool
json_scalar(Jsonb *json, JsonbValue *value)
{
	return JB_ROOT_IS_SCALAR(json) && JsonbExtractScalar(&json->root, value);
}

Datum
segment_json_number(PG_FUNCTION_ARGS)
{
	JsonbValue	value;

	if (!json_scalar(PG_GETARG_JSONB_P(0), &value) || value.type != jbvNumeric)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(datumCopy(NumericGetDatum(value.val.numeric), false, -1));
}

/*
 * Numbers and booleans are text, too: a shop may send "42" today and 42
 * tomorrow.
 */
Datum
segment_json_text(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	Datum		digits;

	if (!json_scalar(PG_GETARG_JSONB_P(0), &value))
		PG_RETURN_NULL();
	switch (value.type)
	{
		case jbvString:
			PG_RETURN_TEXT_P(cstring_to_text_with_len(value.val.string.val,
													  value.val.string.len));
		case jbvNumeric:
			digits = DirectFunctionCall1(numeric_out,
										 NumericGetDatum(value.val.numeric));
			PG_RETURN_TEXT_P(cstring_to_text(DatumGetCString(digits)));
		case jbvBool:
			PG_RETURN_TEXT_P(cstring_to_text(value.val.boolean ? "true" :
											 "false"));
		default:
			PG_RETURN_NULL();
	}
}

Datum
segment_json_boolean(PG_FUNCTION_ARGS)
{
	JsonbValue	value;

	if (!json_scalar(PG_GETARG_JSONB_P(0), &value) || value.type != jbvBool)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(value.val.boolean);
}

/* segment.elapsed(timestamptz, timestamptz): from the second to the first */
Datum
segment_elapsed(PG_FUNCTION_ARGS)
{
	TimestampTz to = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(1);
	int64		difference;

	/*
	 * from one end of the calendar to the other is longer than a span can be
	 */
	if (TIMESTAMP_NOT_FINITE(to) || TIMESTAMP_NOT_FINITE(from) ||
		pg_sub_s64_overflow(to, from, &difference))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall2(timestamp_mi, TimestampGetDatum(to),
										TimestampGetDatum(from)));
}

/* the same between local times */
Datum
segment_elapsed_local(PG_FUNCTION_ARGS)
{
	return segment_elapsed(fcinfo);
}

/* segment.days_between(date, date): from the first to the second */
Datum
segment_days_between(PG_FUNCTION_ARGS)
{
	DateADT		from = PG_GETARG_DATEADT(0);
	DateADT		to = PG_GETARG_DATEADT(1);

	if (DATE_NOT_FINITE(from) || DATE_NOT_FINITE(to))
		PG_RETURN_NULL();
	PG_RETURN_INT32(to - from);
}

Datum
segment_square_root_float8(PG_FUNCTION_ARGS)
{
	float8		number = PG_GETARG_FLOAT8(0);

	if (number < 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sqrt(number));
}

Datum
segment_square_root_numeric(PG_FUNCTION_ARGS)
{
	Datum		number = PG_GETARG_DATUM(0);
	Datum		zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));

	if (DatumGetBool(DirectFunctionCall2(numeric_lt, number, zero)))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(numeric_sqrt, number));
}

/*
 * segment.has_anniversary(day, from, to): is there an anniversary of the day,
 * the first of them a year after it, in from <= a <= to?
 */
Datum
segment_has_anniversary(PG_FUNCTION_ARGS)
{
	DateADT		day = PG_GETARG_DATEADT(0);
	DateADT		from = PG_GETARG_DATEADT(1);
	DateADT		to = PG_GETARG_DATEADT(2);
	int			year;
	int			month;
	int			mday;
	int			from_year;
	int			ignored;

	if (DATE_NOT_FINITE(day) || DATE_NOT_FINITE(from) || DATE_NOT_FINITE(to))
		PG_RETURN_BOOL(false);

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	j2date(from + POSTGRES_EPOCH_JDATE, &from_year, &ignored, &ignored);

	/* if this year's is past already, next year's may still be in time */
	for (int y = Max(year + 1, from_year); y <= Max(year, from_year) + 1; y++)
	{
		DateADT		a = calendar_anniversary(y, month, mday);

		if (a >= from && a <= to)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/*
 * segment.bucket(salt, key): where in 0 <= b < 100 the key falls.
 *
 * An experiment outlives servers: the same salt and key must fall into the
 * same bucket on every platform and release, so the server's own hashes, which
 * may change, are not used.  The definition is
 *
 *		h = 64-bit FNV-1a over the bytes of salt, a zero byte, those of key
 *		h = finaliser of splitmix64 (h)
 *		b = (h >> 11) / 2^53 * 100
 *
 * FNV-1a alone leaves the high bits of similar keys similar; the finaliser
 * spreads them.  Bytes are those of UTF-8, whatever the database's encoding.
 */
Datum
segment_bucket(PG_FUNCTION_ARGS)
{
	uint64		h = UINT64CONST(0xcbf29ce484222325);

	h = fnv_add_text(h, PG_GETARG_TEXT_PP(0));
	h = fnv_add(h, "", 1);
	h = fnv_add_text(h, PG_GETARG_TEXT_PP(1));

	h = (h ^ (h >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64CONST(0x94d049bb133111eb);
	h ^= h >> 31;
	PG_RETURN_FLOAT8((double) (h >> 11) / 9007199254740992.0 * 100.0);
}

static uint64
fnv_add(uint64 h, const char *bytes, int length)
{
	for (int i = 0; i < length; i++)
		h = (h ^ (unsigned char) bytes[i]) * UINT64CONST(0x100000001b3);
	return h;
}

/*
 * fnv_add_text() adds the text as it is in UTF-8, so that a customer has the
 * same bucket in databases of any encoding.
 *
 * A character that UTF-8 does not know, and all that follows it, is added as
 * it is: the bucket of a key must never raise an error, as it is computed
 * within an INSERT.
 */
static uint64
fnv_add_text(uint64 h, text *part)
{
	const char *bytes = VARDATA_ANY(part);
	int			length = VARSIZE_ANY_EXHDR(part);
	int			encoding = GetDatabaseEncoding();
	bool		ascii = true;
	Oid			conversion = InvalidOid;

	for (int i = 0; i < length && ascii; i++)
		ascii = !IS_HIGHBIT_SET(bytes[i]);
	if (!ascii && encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
		conversion = FindDefaultConversionProc(encoding, PG_UTF8);

	while (OidIsValid(conversion) && length > 0)
	{
		unsigned char utf8[1024];
		int			read;

		read = pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8,
											 (unsigned char *) bytes, length,
											 utf8, sizeof(utf8),
											 true);
		if (read == 0)
			break;
		h = fnv_add(h, (char *) utf8, strlen((char *) utf8));
		bytes += read;
		length -= read;
	}
	return fnv_add(h, bytes, length);
}
