/*-------------------------------------------------------------------------
 *
 * shape.c
 *	  Is a table of a program as we have made it?
 *
 *		ALTER TABLE segment_data.profile_club_lot ALTER remaining TYPE numeric
 *
 *		redeem('club', 42, 100)		an error: we would take the address of a
 *									number for a number
 *
 * The tables are the population's owner's, who may alter them, and must not
 * gain by it.  The guard refuses such a statement (guard/kept.c), but event
 * triggers can be disabled; and what we take from a row is of the type that we
 * gave it, or this is an error.  Columns, constraints, indexes and triggers of
 * the owner's own do no harm; but our unique indexes have to stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"

#include "loyalty/shape.h"

/* The bit of a table's last unique index. */
#define MOST_UNIQUES	4

static bool has_unique(Relation relation, const Bitmapset *columns,
					   const List *without);
static bool has_all(Relation index, const Bitmapset *columns);

static const ColumnShape member_shape[] = {
	{"key", TYPE_OF_KEYS, true, .uniques = 1},
	{"joined_at", TIMESTAMPTZOID, true},
	{"left_at", TIMESTAMPTZOID},
	{"code", TEXTOID, true, .uniques = 2},
	{"referred_by", TYPE_OF_KEYS},
	{NULL}
};

static const ColumnShape movement_shape[] = {
	{"movement", INT8OID, true, true, .uniques = 1},
	{"key", TYPE_OF_KEYS, true},
	{"kind", TEXTOID, true},
	{"points", INT8OID, true},
	{"at", TIMESTAMPTZOID, true},
	{"made_at", TIMESTAMPTZOID, true},
	{"ref", TEXTOID},
	{"token", TEXTOID, .uniques = 2},
	{"request", TEXTOID},
	{"reverses", INT8OID},
	{"by", TEXTOID, true},
	{"note", TEXTOID},
	{"rule", TEXTOID},
	{"version", INT4OID},
	{NULL}
};

static const ColumnShape lot_shape[] = {
	{"lot", INT8OID, true, .uniques = 1},
	{"movement", INT8OID, true},
	{"key", TYPE_OF_KEYS, true},
	{"granted", INT8OID, true},
	{"remaining", INT8OID, true},
	{"active_at", TIMESTAMPTZOID, true},
	{"expires_at", TIMESTAMPTZOID, true},
	{"spent", BOOLOID, true},
	{NULL}
};

static const ColumnShape entry_shape[] = {
	{"movement", INT8OID, true, .uniques = 1},
	{"entry", INT4OID, true, .uniques = 1},
	{"lot", INT8OID},
	{"key", TYPE_OF_KEYS, true, .uniques = 1},
	{"points", INT8OID, true},
	{"kind", TEXTOID, true},
	{"contra", TEXTOID, true},
	{"at", TIMESTAMPTZOID, true},
	{NULL}
};

static const ColumnShape hold_shape[] = {
	{"movement", INT8OID, true, .uniques = 1},
	{"key", TYPE_OF_KEYS, true},
	{"points", INT8OID, true},
	{"until", TIMESTAMPTZOID, true},
	{"state", TEXTOID, true},
	{NULL}
};

static const ColumnShape granted_shape[] = {
	{"ref", TEXTOID, true, .uniques = 1},
	{"rule", TEXTOID, true, .uniques = 1},
	{"key", TYPE_OF_KEYS, true},
	{"version", INT4OID, true},
	{"raw", NUMERICOID, true},
	{"points", INT8OID, true},
	{"movement", INT8OID},
	{"at", TIMESTAMPTZOID},
	{NULL}
};

static const ColumnShape voucher_shape[] = {
	{"code", TEXTOID, true, .uniques = 1},
	{"reward", TEXTOID, true},
	{"key", TYPE_OF_KEYS, true},
	{"movement", INT8OID, true, .uniques = 2},
	{"price", INT8OID, true},
	{"auto", BOOLOID, true},
	{"issued_at", TIMESTAMPTZOID, true},
	{"expires_at", TIMESTAMPTZOID, true},
	{"ended", TEXTOID, true},
	{"ended_at", TIMESTAMPTZOID, true},
	{"used_at", TIMESTAMPTZOID},
	{"used_ref", TEXTOID},
	{"used_by", NAMEOID},
	{"token", TEXTOID, .uniques = 4},
	{NULL}
};

const ColumnShape *const program_shapes[PROGRAM_TABLES] = {
	[MEMBER_TABLE] = member_shape,
	[MOVEMENT_TABLE] = movement_shape,
	[LOT_TABLE] = lot_shape,
	[ENTRY_TABLE] = entry_shape,
	[HOLD_TABLE] = hold_shape,
	[GRANTED_TABLE] = granted_shape,
	[VOUCHER_TABLE] = voucher_shape,
};

static const ColumnShape step_shape[] = {
	{"key", TYPE_OF_KEYS, true, .uniques = 1},
	{"at", TIMESTAMPTZOID, true, .uniques = 1},
	{"tier", TEXTOID, true},
	{"until", TIMESTAMPTZOID, true},
	{"next", NUMERICOID, true},
	{"ahead", TIMESTAMPTZOID, true},
	{NULL}
};

static const ColumnShape kept_shape[] = {
	{"key", TYPE_OF_KEYS, true, .uniques = 1},
	{"at", TIMESTAMPTZOID, true, .uniques = 1},
	{"tier", TEXTOID, true, .uniques = 1},
	{"until", TIMESTAMPTZOID, true},
	{NULL}
};

const ColumnShape *const tiering_shapes[] = {step_shape, kept_shape};

void
shape_check(Relation relation, const ColumnShape *shape, Oid key_type)
{
	TupleDesc	desc = RelationGetDescr(relation);
	static const char why[] =
	"A loyalty program needs the column as it was made.";
	Oid			relid = RelationGetRelid(relation);

	for (int i = 0; shape[i].name != NULL; i++)
	{
		Form_pg_attribute att = i < desc->natts ? TupleDescAttr(desc, i) :
			NULL;
		Oid			type = shape[i].type == TYPE_OF_KEYS ? key_type :
			shape[i].type;

		if (att == NULL || att->attisdropped ||
			strcmp(NameStr(att->attname), shape[i].name) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of table %s is not there any more",
							shape[i].name, relation_name(relid)),
					 errdetail("%s", why)));
		if (att->atttypid != type || att->atttypmod != -1)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of table %s is of type %s, not %s",
							shape[i].name, relation_name(relid),
							format_type_with_typemod(att->atttypid,
													 att->atttypmod),
							format_type_be(type)),
					 errdetail("%s", why)));
		if (shape[i].required && !attribute_refuses_null(desc, i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column \"%s\" of table %s may be NULL, but must not",
							shape[i].name, relation_name(relid)),
					 errdetail("%s", why)));
		if (shape[i].numbered && att->attidentity == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("column \"%s\" of table %s is no identity column any more",
							shape[i].name, relation_name(relid)),
					 errdetail("%s", why)));
	}
}

void
shape_check_uniques(Relation relation, const ColumnShape *shape,
					const List *without)
{
	for (int unique = 1; unique <= MOST_UNIQUES; unique <<= 1)
	{
		Bitmapset  *columns = NULL;
		StringInfoData list;

		initStringInfo(&list);
		for (int i = 0; shape[i].name != NULL; i++)
			if (shape[i].uniques & unique)
			{
				appendStringInfo(&list, "%s%s", columns == NULL ? "" : ", ",
								 shape[i].name);
				columns = bms_add_member(columns, i + 1);
			}
		if (columns != NULL && !has_unique(relation, columns, without))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("table %s needs its unique index on (%s)",
							relation_name(RelationGetRelid(relation)),
							list.data),
					 errdetail("By it a loyalty program knows what is written already, also by somebody else at the same time."),
					 without != NIL ?
					 errhint("To make it anew, write: REINDEX INDEX CONCURRENTLY %s",
							 relation_name(linitial_oid(without))) : 0));
	}
}

/*
 * has_unique() says whether an index, but for those 'without', refuses two
 * rows with the same values in some columns.
 */
static bool
has_unique(Relation relation, const Bitmapset *columns, const List *without)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(relation))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;
		Bitmapset  *keys = NULL;

		for (int i = 0; i < form->indnkeyatts; i++)
			keys = bms_add_member(keys, form->indkey.values[i]);
		found |= !list_member_oid(without, lfirst_oid(lc)) &&
			form->indisunique && form->indisvalid && form->indimmediate &&
			bms_equal(keys, columns) && has_all(index, columns);
		index_close(index, AccessShareLock);
	}
	return found;
}

/* has_all() says whether an index has all rows, but for NULL in a column. */
static bool
has_all(Relation index, const Bitmapset *columns)
{
	List	   *predicate = RelationGetIndexPredicate(index);
	const NullTest *test = predicate == NIL ? NULL : linitial(predicate);
	const Var  *var = test != NULL && IsA(test, NullTest) ?
		(const Var *) test->arg : NULL;

	return predicate == NIL ||
		(list_length(predicate) == 1 && var != NULL && IsA(var, Var) &&
		 test->nulltesttype == IS_NOT_NULL &&
		 bms_is_member(var->varattno, columns));
}

Relation
shape_open(Oid relid, LOCKMODE mode, const char *program)
{
	Relation	relation = OidIsValid(relid) ? try_table_open(relid, mode) :
		NULL;

	if (relation == NULL)
		program_refuse_dropped(program);
	return relation;
}
