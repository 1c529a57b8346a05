/*-------------------------------------------------------------------------
 *
 * order.c
 *	  Are these two values one, and which of them comes first?
 *
 * There are three orders:
 *
 *		value	the type's own, under the column's collation
 *				aarhus = AARHUS < odense		1.5 = 1.50 < 2
 *		looks	of equal values, by their text, byte by byte
 *				AARHUS < aarhus					1.5 < 1.50
 *		image	by the bytes of the value, whatever they mean
 *
 * Questions about values go by the first order, and by the second where one of
 * several equal values is to be shown.  Values are stored in the third: so
 * they can be read without knowing the collation, and stay in order when a
 * library of collations comes in a new release.
 *
 * For most types values that are equal have the same bytes, and the server
 * says so (alike): then the second order need not be asked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "state/fixed.h"
#include "state/state.h"
#include "state/packed.h"

static int	compare_contents(const struct varlena *a, const struct varlena *b);
static Datum read_again(TypeCacheEntry *type, Datum value);

ValueOrder
value_order(TypeCacheEntry *type, Oid collation)
{
	ValueOrder	order = {
		.type = type,
		.collation = OidIsValid(collation) ? collation : type->typcollation,
	};

	order.alike = values_are_alike(type->type_id, order.collation);
	return order;
}

/*
 * The server asks the same before it keeps equal entries of an index as one.
 * Its answer for bpchar holds for values of one length only.
 */
bool
values_are_alike(Oid type, Oid collation)
{
	Oid			base = getBaseType(type);
	Oid			input;
	Oid			family = default_order(base, &input);
	Oid			function;
	Datum		argument;

	if (!OidIsValid(family) || base == BPCHAROID)
		return false;
	function = get_opfamily_proc(family, input, input, BTEQUALIMAGE_PROC);
	if (!OidIsValid(function))
		return false;
	if (!OidIsValid(collation))
		collation = get_typcollation(type);
	argument = ObjectIdGetDatum(input);
	return DatumGetBool(OidFunctionCall1Coll(function, collation, argument));
}

int
value_compare(const ValueOrder *order, Datum a, Datum b)
{
	return DatumGetInt32(FunctionCall2Coll(&order->type->cmp_proc_finfo,
										   order->collation, a, b));
}

int
value_compare_looks(const ValueOrder *order, Datum a, Datum b)
{
	int			compared = value_compare(order, a, b);

	/* most values that are equal have the same bytes */
	if (compared != 0 || order->alike || image_compare(order->type, a, b) == 0)
		return compared;
	return looks_compare(order->type->type_id, a, b);
}

int
looks_compare(Oid type, Datum a, Datum b)
{
	Oid			output;
	bool		varlena;
	int			level;
	int			compared;
	int64		fixed;
	int			scale_a;
	int			scale_b;

	switch (getBaseType(type))
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return compare_contents(PG_DETOAST_DATUM_PACKED(a),
									PG_DETOAST_DATUM_PACKED(b));

		case NUMERICOID:
			/* 1.5 is how 1.50 begins */
			if (fixed_from_numeric(a, &fixed, &scale_a) &&
				fixed_from_numeric(b, &fixed, &scale_b))
				return (scale_a > scale_b) - (scale_a < scale_b);
			break;

		default:
			break;
	}

	getTypeOutputInfo(type, &output, &varlena);
	level = packed_pin_settings();
	compared = strcmp(OidOutputFunctionCall(output, a),
					  OidOutputFunctionCall(output, b));
	AtEOXact_GUC(true, level);
	return compared;
}

int
image_compare(TypeCacheEntry *type, Datum a, Datum b)
{
	if (type->typbyval)
	{
		int64		left = DatumGetInt64(a);
		int64		right = DatumGetInt64(b);

		/* what lies above the value's own bytes may be anything */
		switch (type->typlen)
		{
			case sizeof(int8):
				left = (int8) left;
				right = (int8) right;
				break;
			case sizeof(int16):
				left = (int16) left;
				right = (int16) right;
				break;
			case sizeof(int32):
				left = (int32) left;
				right = (int32) right;
				break;
			default:
				break;
		}
		return (left > right) - (left < right);
	}
	if (type->typlen > 0)
		return memcmp(DatumGetPointer(a), DatumGetPointer(b), type->typlen);
	return compare_contents((struct varlena *) DatumGetPointer(a),
							(struct varlena *) DatumGetPointer(b));
}

/* Compare two values of variable length, byte by byte. */
static int
compare_contents(const struct varlena *a, const struct varlena *b)
{
	Size		a_length = VARSIZE_ANY_EXHDR(a);
	Size		b_length = VARSIZE_ANY_EXHDR(b);
	int			compared = memcmp(VARDATA_ANY(a), VARDATA_ANY(b),
								  Min(a_length, b_length));

	return compared != 0 ? compared :
		(a_length > b_length) - (a_length < b_length);
}

/*
 * A scalar value has the bytes that its type makes of its text anyway, but for
 * NaN, which there are many of.  A value made of others may hold them
 * compressed, or leave room for what is not there.
 */
Datum
value_canonical(TypeCacheEntry *type, Datum value)
{
	bool		made_of_others = OidIsValid(type->typelem) ||
		type->typtype == TYPTYPE_COMPOSITE ||
		type->typtype == TYPTYPE_RANGE ||
		type->typtype == TYPTYPE_MULTIRANGE;

	switch (type->type_id)
	{
		case FLOAT4OID:
			return isnan(DatumGetFloat4(value)) ?
				Float4GetDatum(get_float4_nan()) : value;
		case FLOAT8OID:
			return isnan(DatumGetFloat8(value)) ?
				Float8GetDatum(get_float8_nan()) : value;
		default:
			break;
	}
	if (made_of_others && type->typlen == -1)
		return read_again(type, value);
	return value;
}

/* The value as its type reads it from its text. */
static Datum
read_again(TypeCacheEntry *type, Datum value)
{
	int			level = packed_pin_settings();
	Oid			output;
	Oid			input;
	Oid			parameter;
	bool		varlena;

	getTypeOutputInfo(type->type_id, &output, &varlena);
	getTypeInputInfo(type->type_id, &input, &parameter);
	value = OidInputFunctionCall(input, OidOutputFunctionCall(output, value),
								 parameter, -1);
	AtEOXact_GUC(true, level);
	return value;
}

bool
value_key(Oid type, Datum value, int64 *key)
{
	int			scale;

	switch (type)
	{
		case INT2OID:
			*key = DatumGetInt16(value);
			return true;
		case INT4OID:
		case DATEOID:
			*key = DatumGetInt32(value);
			return true;
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*key = DatumGetInt64(value);
			return true;
		case NUMERICOID:
			return fixed_from_numeric(value, key, &scale);
		default:
			return false;
	}
}
