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
 * the owner's own do no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "loyalty/shape.h"

static const ColumnShape member_shape[] = {
	{"key", TYPE_OF_KEYS, true},
	{"joined_at", TIMESTAMPTZOID, true},
	{"left_at", TIMESTAMPTZOID},
	{"code", TEXTOID, true},
	{"referred_by", TYPE_OF_KEYS},
	{NULL}
};

static const ColumnShape movement_shape[] = {
	{"movement", INT8OID, true, true},
	{"key", TYPE_OF_KEYS, true},
	{"kind", TEXTOID, true},
	{"points", INT8OID, true},
	{"at", TIMESTAMPTZOID, true},
	{"made_at", TIMESTAMPTZOID, true},
	{"ref", TEXTOID},
	{"token", TEXTOID},
	{"request", TEXTOID},
	{"reverses", INT8OID},
	{"by", TEXTOID, true},
	{"note", TEXTOID},
	{"rule", TEXTOID},
	{"version", INT4OID},
	{NULL}
};

static const ColumnShape lot_shape[] = {
	{"lot", INT8OID, true},
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
	{"movement", INT8OID, true},
	{"entry", INT4OID, true},
	{"lot", INT8OID},
	{"key", TYPE_OF_KEYS, true},
	{"points", INT8OID, true},
	{"kind", TEXTOID, true},
	{"contra", TEXTOID, true},
	{"at", TIMESTAMPTZOID, true},
	{NULL}
};

static const ColumnShape hold_shape[] = {
	{"movement", INT8OID, true},
	{"key", TYPE_OF_KEYS, true},
	{"points", INT8OID, true},
	{"until", TIMESTAMPTZOID, true},
	{"state", TEXTOID, true},
	{NULL}
};

static const ColumnShape granted_shape[] = {
	{"ref", TEXTOID, true},
	{"rule", TEXTOID, true},
	{"key", TYPE_OF_KEYS, true},
	{"version", INT4OID, true},
	{"raw", NUMERICOID, true},
	{"points", INT8OID, true},
	{"movement", INT8OID},
	{"at", TIMESTAMPTZOID},
	{NULL}
};

static const ColumnShape voucher_shape[] = {
	{"code", TEXTOID, true},
	{"reward", TEXTOID, true},
	{"key", TYPE_OF_KEYS, true},
	{"movement", INT8OID, true},
	{"price", INT8OID, true},
	{"auto", BOOLOID, true},
	{"issued_at", TIMESTAMPTZOID, true},
	{"expires_at", TIMESTAMPTZOID, true},
	{"ended", TEXTOID, true},
	{"ended_at", TIMESTAMPTZOID, true},
	{"used_at", TIMESTAMPTZOID},
	{"used_ref", TEXTOID},
	{"used_by", NAMEOID},
	{"token", TEXTOID},
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
	{"key", TYPE_OF_KEYS, true},
	{"at", TIMESTAMPTZOID, true},
	{"tier", TEXTOID, true},
	{"until", TIMESTAMPTZOID, true},
	{"next", NUMERICOID, true},
	{"ahead", TIMESTAMPTZOID, true},
	{NULL}
};

static const ColumnShape kept_shape[] = {
	{"key", TYPE_OF_KEYS, true},
	{"at", TIMESTAMPTZOID, true},
	{"tier", TEXTOID, true},
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

Relation
shape_open(Oid relid, LOCKMODE mode, const char *program)
{
	Relation	relation = OidIsValid(relid) ? try_table_open(relid, mode) :
		NULL;

	if (relation == NULL)
		program_refuse_dropped(program);
	return relation;
}
