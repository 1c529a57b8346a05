/*-------------------------------------------------------------------------
 *
 * key.c
 *	  What is the key of a profile?
 *
 * A population says of which type its keys are; sources and users may hold the
 * same key as another type:
 *
 *		population			key customer_id bigint
 *		source orders		column customer bigint		42
 *		source visits		column visitor integer		42, the same profile
 *		a user				is_member('vip', '42')		the same profile
 *
 * A key is a Datum of type population->key_type: int4, int8, uuid or text.
 * Only this file knows these types.  All other files ask here to hash,
 * compare, copy and print keys, and to make one of a value.
 *
 * Two keys are the same if their bytes are.  For text that is not what every
 * collation says: those of the key's column and of the sources' are
 * deterministic (source/attach.c), so that SQL agrees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "base/base.h"
#include "profile/profile_private.h"

static Datum key_of_bigint(const Population *population, int64 number);

void
key_check_type(Oid type)
{
	if (type != INT8OID && type != INT4OID && type != UUIDOID &&
		type != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a key of type %s is not supported",
						format_type_be(type)),
				 errhint("Use bigint, integer, uuid or text.")));
}

bool
profile_key_accepts(const Population *population, Oid type)
{
	Oid			key = population->key_type;

	return type == key ||
		(key == INT8OID && (type == INT4OID || type == INT2OID)) ||
		(key == INT4OID && type == INT2OID) ||
		(key == TEXTOID && type == VARCHAROID);
}

bool
profile_key_is_text(const Population *population)
{
	return population->key_type == TEXTOID;
}

Datum
profile_key_of(const Population *population, Datum value, Oid type)
{
	int64		number;

	/* varchar has the same bytes as text */
	if (type == population->key_type || population->key_type == TEXTOID)
		return value;
	number = type == INT2OID ? (int64) DatumGetInt16(value) :
		(int64) DatumGetInt32(value);
	return population->key_type == INT4OID ? Int32GetDatum((int32) number) :
		Int64GetDatum(number);
}

Datum
profile_key_argument(const Population *population, Datum value, Oid type)
{
	Oid			input;
	Oid			ioparam;

	if (type == population->key_type)
		return value;
	if (type == INT8OID && population->key_type == INT4OID)
		return key_of_bigint(population, DatumGetInt64(value));
	if (type != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("population \"%s\" has keys of type %s, not %s",
						population->name,
						format_type_be(population->key_type),
						format_type_be(type))));

	getTypeInputInfo(population->key_type, &input, &ioparam);
	return OidInputFunctionCall(input, TextDatumGetCString(value), ioparam,
								-1);
}

/* key_of_bigint() makes a key of type integer, or raises an error. */
static Datum
key_of_bigint(const Population *population, int64 number)
{
	if (number < PG_INT32_MIN || number > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("key " INT64_FORMAT " is out of range for population \"%s\"",
						number, population->name),
				 errdetail("Its key \"%s\" is of type integer.",
						   population->key)));
	return Int32GetDatum((int32) number);
}

uint32
profile_key_hash(const Population *population, Datum key)
{
	switch (population->key_type)
	{
		case INT4OID:
			return murmurhash32((uint32) DatumGetInt32(key));
		case INT8OID:
			{
				uint64		number = (uint64) DatumGetInt64(key);

				return hash_combine(murmurhash32((uint32) number),
									murmurhash32((uint32) (number >> 32)));
			}
		case UUIDOID:
			return hash_bytes((const unsigned char *) DatumGetUUIDP(key),
							  UUID_LEN);
		default:
			{
				text	   *bytes = DatumGetTextPP(key);

				return hash_bytes((const unsigned char *) VARDATA_ANY(bytes),
								  VARSIZE_ANY_EXHDR(bytes));
			}
	}
}

int
profile_key_compare(const Population *population, Datum a, Datum b)
{
	switch (population->key_type)
	{
		case INT4OID:
			return DatumGetInt32(a) < DatumGetInt32(b) ? -1 :
				DatumGetInt32(a) > DatumGetInt32(b);
		case INT8OID:
			return DatumGetInt64(a) < DatumGetInt64(b) ? -1 :
				DatumGetInt64(a) > DatumGetInt64(b);
		case UUIDOID:
			return memcmp(DatumGetUUIDP(a), DatumGetUUIDP(b), UUID_LEN);
		default:
			{
				text	   *left = DatumGetTextPP(a);
				text	   *right = DatumGetTextPP(b);
				int			left_length = VARSIZE_ANY_EXHDR(left);
				int			right_length = VARSIZE_ANY_EXHDR(right);
				int			order = memcmp(VARDATA_ANY(left),
										   VARDATA_ANY(right),
										   Min(left_length, right_length));

				return order != 0 ? order : left_length - right_length;
			}
	}
}

Datum
profile_key_copy(const Population *population, Datum key)
{
	switch (population->key_type)
	{
		case INT4OID:
		case INT8OID:
			return key;
		case UUIDOID:
			return datumCopy(key, false, UUID_LEN);
		default:
			return PointerGetDatum(PG_DETOAST_DATUM_COPY(key));
	}
}

char *
profile_key_text(const Population *population, Datum key)
{
	switch (population->key_type)
	{
		case INT4OID:
			return psprintf("%d", DatumGetInt32(key));
		case INT8OID:
			return psprintf(INT64_FORMAT, DatumGetInt64(key));
		case UUIDOID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, key));
		default:
			return TextDatumGetCString(key);
	}
}
