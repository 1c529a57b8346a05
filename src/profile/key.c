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
 *		population			key email text
 *		source customers	column email citext			Ada@Shop.dk
 *		source mails		column "to" varchar(80)		ada@shop.dk, the same
 *
 * A key is a Datum of type population->key_type: int4, int8, numeric, uuid or
 * text.  Only this file knows these types.  All other files ask here to hash,
 * compare, copy and print keys, and to make one of a value.
 *
 * Two keys are the same if their bytes are.  So where a column's type holds
 * values to be equal that look different, a key is what they have in common:
 * 7.00 is the key 7, char(n) loses the blanks at its end, and citext is in
 * lower case.  For text that is not what every collation says: those of the
 * key's column and of the sources' are deterministic (source/attach.c), so
 * that SQL agrees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "base/base.h"
#include "profile/profile_private.h"

static bool is_citext(Oid type);
static Datum key_of_bigint(const Population *population, int64 number);
static Datum key_of_number(const Population *population, int64 number);
static Datum key_of_numeric(Datum number);
static Datum key_of_citext(Datum value);

Oid
key_type_for(Oid type)
{
	Oid			base = getBaseType(type);

	switch (base)
	{
		case INT8OID:
		case INT4OID:
		case UUIDOID:
		case TEXTOID:
		case NUMERICOID:
			return base;
		case INT2OID:
			return INT4OID;
		case VARCHAROID:
		case BPCHAROID:
			return TEXTOID;
		default:
			break;
	}
	if (is_citext(base))
		ereport(NOTICE,
				(errmsg("keys of type citext are kept as text, in lower case"),
				 errhint("Join with lower(...) of a column of type citext.")));
	else if (type_is_enum(base))
		ereport(NOTICE,
				(errmsg("keys of type %s are kept as text",
						format_type_be(type)),
				 errhint("Join with a cast of the column to text.")));
	else
		key_check_type(type);
	return TEXTOID;
}

void
key_check_type(Oid type)
{
	if (type != INT8OID && type != INT4OID && type != UUIDOID &&
		type != TEXTOID && type != NUMERICOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a key of type %s is not supported",
						format_type_be(type)),
				 errhint("Use bigint, integer, numeric, uuid or text.")));
}

KeyForm
profile_key_form(const Population *population, Oid type)
{
	Oid			base = getBaseType(type);

	switch (population->key_type)
	{
		case INT4OID:
			return base == INT4OID ? KEY_AS_IS :
				base == INT2OID ? KEY_OF_SMALLINT : KEY_REFUSED;
		case INT8OID:
			return base == INT8OID ? KEY_AS_IS :
				base == INT4OID ? KEY_OF_INTEGER :
				base == INT2OID ? KEY_OF_SMALLINT : KEY_REFUSED;
		case NUMERICOID:
			return base == NUMERICOID ? KEY_OF_NUMERIC :
				base == INT8OID ? KEY_OF_BIGINT :
				base == INT4OID ? KEY_OF_INTEGER :
				base == INT2OID ? KEY_OF_SMALLINT : KEY_REFUSED;
		case UUIDOID:
			return base == UUIDOID ? KEY_AS_IS : KEY_REFUSED;
		default:
			/* varchar has the same bytes as text */
			return base == TEXTOID || base == VARCHAROID ? KEY_AS_IS :
				base == BPCHAROID ? KEY_OF_PADDED :
				is_citext(base) ? KEY_OF_CITEXT :
				type_is_enum(base) ? KEY_OF_LABEL : KEY_REFUSED;
	}
}

/* is_citext() says whether a type is that of the extension citext. */
static bool
is_citext(Oid type)
{
	Oid			extension = get_extension_oid("citext", true);

	return OidIsValid(extension) &&
		getExtensionOfObject(TypeRelationId, type) == extension;
}

Datum
profile_key_of(const Population *population, Datum value, KeyForm form)
{
	switch (form)
	{
		case KEY_REFUSED:
			elog(ERROR, "no key can be made of such a value");
		case KEY_AS_IS:
			break;
		case KEY_OF_SMALLINT:
			return key_of_number(population, DatumGetInt16(value));
		case KEY_OF_INTEGER:
			return key_of_number(population, DatumGetInt32(value));
		case KEY_OF_BIGINT:
			return key_of_number(population, DatumGetInt64(value));
		case KEY_OF_NUMERIC:
			return key_of_numeric(value);
		case KEY_OF_PADDED:
			return DirectFunctionCall1(rtrim1, value);
		case KEY_OF_CITEXT:
			return key_of_citext(value);
		case KEY_OF_LABEL:
			value = DirectFunctionCall1(enum_out, value);
			return CStringGetTextDatum(DatumGetCString(value));
	}
	return value;
}

/* key_of_number() makes a key of an integer that is in range. */
static Datum
key_of_number(const Population *population, int64 number)
{
	switch (population->key_type)
	{
		case INT4OID:
			return Int32GetDatum((int32) number);
		case INT8OID:
			return Int64GetDatum(number);
		default:
			return key_of_numeric(DirectFunctionCall1(int8_numeric,
													  Int64GetDatum(number)));
	}
}

/* key_of_numeric() makes numbers that are equal the same bytes. */
static Datum
key_of_numeric(Datum number)
{
	return DirectFunctionCall1(numeric_trim_scale, number);
}

/* key_of_citext() folds a text as comparisons of citext do. */
static Datum
key_of_citext(Datum value)
{
	text	   *bytes = DatumGetTextPP(value);
	char	   *folded = str_tolower(VARDATA_ANY(bytes),
									 VARSIZE_ANY_EXHDR(bytes),
									 DEFAULT_COLLATION_OID);

	return CStringGetTextDatum(folded);
}

char *
profile_key_sql(const Population *population, const char *column, Oid type)
{
	if (profile_key_form(population, type) == KEY_OF_CITEXT)
		return psprintf("pg_catalog.lower(%s::pg_catalog.text"
						" COLLATE pg_catalog.\"default\")", column);
	if (population->key_type == NUMERICOID)
		return psprintf("pg_catalog.trim_scale(%s::pg_catalog.numeric)",
						column);
	return psprintf("%s::%s%s", column,
					format_type_be_qualified(population->key_type),
					population->key_type == TEXTOID ?
					" COLLATE pg_catalog.\"default\"" : "");
}

char *
profile_key_any_sql(const Population *population, const char *column,
					Oid type, const char *keys)
{
	Oid			base = getBaseType(type);
	Oid			equal;

	switch (profile_key_form(population, type))
	{
		case KEY_OF_NUMERIC:
		case KEY_OF_PADDED:
		case KEY_OF_CITEXT:
		case KEY_OF_LABEL:
			break;
		default:
			if (population->key_type != NUMERICOID)
				return psprintf("%s OPERATOR(pg_catalog.=) ANY (%s)", column,
								keys);
			break;
	}
	equal = lookup_type_cache(base, TYPECACHE_EQ_OPR)->eq_opr;
	/* with a typmod "given", for character alone would be character(1) */
	return psprintf("%s OPERATOR(%s) ANY (%s::%s)", column,
					operator_name(equal), keys,
					format_type_extended(get_array_type(base), -1,
										 FORMAT_TYPE_TYPEMOD_GIVEN |
										 FORMAT_TYPE_FORCE_QUALIFY));
}

int64
profile_key_length(const Population *population, Datum key)
{
	return population->key_type == TEXTOID ||
		population->key_type == NUMERICOID ?
		toast_raw_datum_size(key) - VARHDRSZ : 0;
}

char *
profile_key_length_sql(const Population *population, const char *column,
					   Oid type)
{
	switch (population->key_type)
	{
		case TEXTOID:
			return psprintf("pg_catalog.octet_length(%s)",
							profile_key_sql(population, column, type));
		case NUMERICOID:
			return psprintf("pg_catalog.pg_column_size(%s)",
							profile_key_sql(population, column, type));
		default:
			return NULL;
	}
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
	if (type == INT8OID && population->key_type == NUMERICOID)
		return key_of_number(population, DatumGetInt64(value));
	if (type != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("population \"%s\" has keys of type %s, not %s",
						population->name,
						format_type_be(population->key_type),
						format_type_be(type))));

	getTypeInputInfo(population->key_type, &input, &ioparam);
	value = OidInputFunctionCall(input, TextDatumGetCString(value), ioparam,
								 -1);
	return population->key_type == NUMERICOID ? key_of_numeric(value) : value;
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
		case NUMERICOID:
			return DatumGetUInt32(DirectFunctionCall1(hash_numeric, key));
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
		case NUMERICOID:
			return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, b));
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
		case NUMERICOID:
			return DatumGetCString(DirectFunctionCall1(numeric_out, key));
		default:
			return TextDatumGetCString(key);
	}
}
