/*-------------------------------------------------------------------------
 *
 * operators.c
 *	  How are values of a type compared?
 *
 *		default_order(timestamptz)		datetime_ops, for timestamptz
 *		default_order(varchar)			text_ops, for text
 *		order_operator(int8, <)			int8lt
 *
 * The default operator classes of a type say so, which the server keeps in its
 * cache of types.  To find them it goes through the default classes of all
 * types by name, and asks of each that comes before the right one whether the
 * type could be taken for its type: thirty searches of pg_cast for text.  A
 * connection would spend a tenth of its first event there.  So the classes of
 * the types that most columns are of are known here, by the OIDs that they
 * have in every database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/base.h"

static Oid	known_class(Oid type);

Oid
default_order(Oid type, Oid *input)
{
	Oid			known = known_class(type);
	TypeCacheEntry *entry;

	if (OidIsValid(known))
	{
		*input = type;
		return get_opclass_family(known);
	}
	entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	*input = entry->btree_opintype;
	return entry->btree_opf;
}

Oid
order_operator(Oid type, int strategy)
{
	Oid			known = known_class(type);
	TypeCacheEntry *entry;

	if (OidIsValid(known))
		return get_opfamily_member(get_opclass_family(known), type, type,
								   strategy);

	/* the cache has checked that elements of arrays and fields compare, too */
	entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR |
							  TYPECACHE_BTREE_OPFAMILY);
	if (strategy == BTEqualStrategyNumber)
		return entry->eq_opr;
	if (!OidIsValid(entry->lt_opr))
		return InvalidOid;
	return get_opfamily_member(entry->btree_opf, entry->btree_opintype,
							   entry->btree_opintype, strategy);
}

Oid
order_function(Oid type)
{
	Oid			known = known_class(type);

	return OidIsValid(known) ?
		get_opfamily_proc(get_opclass_family(known), type, type,
						  BTORDER_PROC) :
		lookup_type_cache(type, TYPECACHE_CMP_PROC)->cmp_proc;
}

Oid
hash_function(Oid type)
{
	RegProcedure left;
	RegProcedure right;

	if (!OidIsValid(known_class(type)))
		return lookup_type_cache(type, TYPECACHE_HASH_PROC)->hash_proc;
	return get_op_hash_functions(order_operator(type, BTEqualStrategyNumber),
								 &left, &right) ? left : InvalidOid;
}

/* known_class() is the default class of a type by btree, if it is known. */
static Oid
known_class(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return INT2_BTREE_OPS_OID;
		case INT4OID:
			return INT4_BTREE_OPS_OID;
		case INT8OID:
			return INT8_BTREE_OPS_OID;
		case NUMERICOID:
			return NUMERIC_BTREE_OPS_OID;
		case FLOAT8OID:
			return FLOAT8_BTREE_OPS_OID;
		case TEXTOID:
			return TEXT_BTREE_OPS_OID;
		case DATEOID:
			return DATE_BTREE_OPS_OID;
		case TIMESTAMPOID:
			return TIMESTAMP_BTREE_OPS_OID;
		case TIMESTAMPTZOID:
			return TIMESTAMPTZ_BTREE_OPS_OID;
		default:
			return InvalidOid;
	}
}
