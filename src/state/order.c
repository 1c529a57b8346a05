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
 * What is asked of values goes by the first, and by the second where one of
 * several that are equal is to be shown.  What is stored stands in the third:
 * so it can be read without knowing the collation, and stays in order when a
 * library of collations comes in a new release.
 *
 * For most types values that are equal have the same bytes, and the server
 * says so: then there is nothing to look at (alike).
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
#include "state/order.h"
#include "state/packed.h"

static bool equal_is_alike(TypeCacheEntry *type, Oid collation);
static int	compare_bytes(const void *a, Size a_length,
						  const void *b, Size b_length);
static Datum read_again(TypeCacheEntry *type, Datum value);

ValueOrder
value_order(TypeCacheEntry *type, Oid collation)
{
	ValueOrder	order = {
		.type = type,
		.collation = OidIsValid(collation) ? collation : type->typcollation,
	};

	order.alike = equal_is_alike(type, order.collation);
	return order;
}

const ValueOrder *
value_order_of_call(FunctionCallInfo fcinfo, TypeCacheEntry *type)
{
	ValueOrder *order = fcinfo->flinfo->fn_extra;

	if (order != NULL && order->type == type)
		return order;
	if (order == NULL)
		order = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ValueOrder));
	*order = value_order(type, PG_GET_COLLATION());
	fcinfo->flinfo->fn_extra = order;
	return order;
}

/*
 * The server asks the same before it keeps equal entries of an index as one.
 * Its answer for bpchar holds for values of one length only.
 */
static bool
equal_is_alike(TypeCacheEntry *type, Oid collation)
{
	Oid			function;

	type = lookup_type_cache(type->type_id, TYPECACHE_BTREE_OPFAMILY);
	if (!OidIsValid(type->btree_opf) || type->type_id == BPCHAROID)
		return false;
	function = get_opfamily_proc(type->btree_opf, type->btree_opintype,
								 type->btree_opintype, BTEQUALIMAGE_PROC);
	if (!OidIsValid(function))
		return false;
	return DatumGetBool(OidFunctionCall1Coll(function, collation,
											 ObjectIdGetDatum(type->btree_opintype)));
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

	/* most that are equal are the same */
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
			{
				struct varlena *left = PG_DETOAST_DATUM_PACKED(a);
				struct varlena *right = PG_DETOAST_DATUM_PACKED(b);

				return compare_bytes(VARDATA_ANY(left),
									 VARSIZE_ANY_EXHDR(left),
									 VARDATA_ANY(right),
									 VARSIZE_ANY_EXHDR(right));
			}

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
	return compare_bytes(VARDATA_ANY(DatumGetPointer(a)),
						 VARSIZE_ANY_EXHDR(DatumGetPointer(a)),
						 VARDATA_ANY(DatumGetPointer(b)),
						 VARSIZE_ANY_EXHDR(DatumGetPointer(b)));
}

static int
compare_bytes(const void *a, Size a_length, const void *b, Size b_length)
{
	int			compared = memcmp(a, b, Min(a_length, b_length));

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
