/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Where does a population keep its profiles, and what is where in a row?
 *
 *		segment_data.shop	ord		customer_id	source_rows	evaluated_at	...
 *							17		42			3			2 May 09:30
 *		shop_pkey			on customer_id
 *		shop_wake_at_idx	on wake_at WHERE wake_at IS NOT NULL
 *
 * A population has one store, the base table of which it takes its name in
 * the catalog.  Only this room knows its columns and indexes: everything else
 * asks by the functions below, or by SQL.
 *
 * What is in the store is read off the base table when the population is
 * loaded (population.c).  Its owner may have dropped or changed what we need,
 * which is an error that says what is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"

static AttrNumber base_column(Relation base, const char *column, Oid type,
							  const Population *population);
static void read_index(Relation index, ProfileStore *store);
static void check_indexes(const ProfileStore *store,
						  const Population *population);
static bool is_of_not_null(Relation index);
static bool table_runs_code(Relation base);
static bool runs_code(Node *node, void *context);
static bool is_users_function(Oid function, void *context);

void
store_read(Relation base, const Population *population, ProfileStore *store)
{
	ListCell   *lc;

	if (base->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("base table of population \"%s\" is not a table",
						population->name)));
	memset(store, 0, sizeof(ProfileStore));
	store->base = RelationGetRelid(base);
	store->ord = base_column(base, "ord", INT8OID, population);
	store->key = base_column(base, population->key, population->key_type,
							 population);
	store->source_rows = base_column(base, "source_rows", INT8OID, population);
	store->evaluated_at = base_column(base, "evaluated_at", TIMESTAMPTZOID,
									  population);
	store->wake_at = base_column(base, "wake_at", TIMESTAMPTZOID, population);
	store->build = Max(SPI_fnumber(RelationGetDescr(base),
								   PROFILE_BUILD_COLUMN), 0);
	store->owners_code = table_runs_code(base);
	foreach(lc, RelationGetIndexList(base))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		read_index(index, store);
		index_close(index, AccessShareLock);
	}
	check_indexes(store, population);
}

/*
 * base_column() returns the number of a column that the base table must have,
 * of that type.
 */
static AttrNumber
base_column(Relation base, const char *column, Oid type,
			const Population *population)
{
	int			attno = SPI_fnumber(RelationGetDescr(base), column);

	if (attno <= 0 ||
		TupleDescAttr(RelationGetDescr(base), attno - 1)->atttypid != type)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks a column",
						population->name),
				 errdetail("It needs \"ord\", \"%s\", \"source_rows\", \"evaluated_at\" and \"wake_at\", of the types that they had.",
						   population->key)));
	return attno;
}

/*
 * read_index() notes an index of the base table if it is the one on the key,
 * on ord or on wake_at, and whether it runs code of its owner's.
 */
static void
read_index(Relation index, ProfileStore *store)
{
	const FormData_pg_index *form = index->rd_index;
	bool		valid = form->indisvalid && form->indnkeyatts == 1;
	bool		partial = !heap_attisnull(index->rd_indextuple,
										  Anum_pg_index_indpred, NULL);

	if (valid && form->indisunique && !partial &&
		form->indkey.values[0] == store->key)
		store->key_index = RelationGetRelid(index);
	if (valid && form->indisunique && !partial &&
		form->indkey.values[0] == store->ord)
		store->ord_index = RelationGetRelid(index);
	if (valid && form->indkey.values[0] == store->wake_at &&
		(!partial || is_of_not_null(index)))
		store->wake_index = RelationGetRelid(index);
	else if (partial || !heap_attisnull(index->rd_indextuple,
										Anum_pg_index_indexprs, NULL))
		store->owners_code = true;
}

/* check_indexes() raises an error if an index that we need is not there. */
static void
check_indexes(const ProfileStore *store, const Population *population)
{
	if (!OidIsValid(store->key_index))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks the unique index on \"%s\"",
						population->name, population->key)));
	if (!OidIsValid(store->wake_index))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks the index on \"wake_at\"",
						population->name),
				 errhint("Make it again: CREATE INDEX ON %s (wake_at) WHERE wake_at IS NOT NULL",
						 relation_name(store->base))));
}

/* Is the index's predicate "column IS NOT NULL", and nothing else? */
static bool
is_of_not_null(Relation index)
{
	bool		isnull;
	Datum		predicate = SysCacheGetAttr(INDEXRELID, index->rd_indextuple,
											Anum_pg_index_indpred, &isnull);
	NullTest   *test = isnull ? NULL :
		(NullTest *) stringToNode(TextDatumGetCString(predicate));

	return test != NULL && IsA(test, NullTest) &&
		test->nulltesttype == IS_NOT_NULL && IsA(test->arg, Var) &&
		((Var *) test->arg)->varattno == index->rd_index->indkey.values[0];
}

/* ---- does writing a row run code of the owner's? ---- */

/*
 * table_runs_code() says whether writing a row runs code that the table's
 * owner may have written, but for that of its indexes.  It reads definitions
 * and evaluates nothing.
 */
static bool
table_runs_code(Relation base)
{
	TupleDesc	desc = RelationGetDescr(base);
	const TupleConstr *constraints = desc->constr;
	const TriggerDesc *triggers = base->trigdesc;

	if (triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_update_before_row || triggers->trig_update_after_row ||
		 triggers->trig_delete_before_row || triggers->trig_delete_after_row))
		return true;
	if (constraints != NULL &&
		(constraints->num_check > 0 || constraints->has_generated_stored))
		return true;
	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
		if (runs_code(stringToNode(constraints->defval[i].adbin), NULL))
			return true;
	/* a domain may have checks and a default */
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			get_typtype(TupleDescAttr(desc, i)->atttypid) == TYPTYPE_DOMAIN)
			return true;
	return false;
}

/* Does an expression call functions that are not the server's? */
static bool
runs_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CoerceToDomain) ||
		check_functions_in_node(node, is_users_function, NULL) ||
		expression_tree_walker(node, runs_code, context);
}

/* Is it a function that a user may have made, or one that runs such? */
static bool
is_users_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId || function == F_DOMAIN_IN ||
		function == F_DOMAIN_RECV;
}

/* ---- what is where in a row ---- */

int64
profile_ord(const Population *population, TupleTableSlot *row)
{
	AttrNumber	attno = population_store(population)->ord;
	bool		isnull;

	return DatumGetInt64(slot_getattr(row, attno, &isnull));
}

Datum
profile_key(const Population *population, TupleTableSlot *row)
{
	AttrNumber	attno = population_store(population)->key;
	bool		isnull;

	return slot_getattr(row, attno, &isnull);
}

int64
profile_source_rows(const Population *population, TupleTableSlot *row)
{
	AttrNumber	attno = population_store(population)->source_rows;
	bool		isnull;

	return DatumGetInt64(slot_getattr(row, attno, &isnull));
}

TimestampTz
profile_evaluated_at(const Population *population, TupleTableSlot *row)
{
	AttrNumber	attno = population_store(population)->evaluated_at;
	bool		isnull;

	return DatumGetTimestampTz(slot_getattr(row, attno, &isnull));
}

TimestampTz
profile_wake_at(const Population *population, TupleTableSlot *row)
{
	AttrNumber	attno = population_store(population)->wake_at;
	bool		isnull;
	Datum		wake_at = slot_getattr(row, attno, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(wake_at);
}

int32
profile_build(const Population *population, TupleTableSlot *row)
{
	AttrNumber	attno = population_store(population)->build;
	bool		isnull = true;
	Datum		build = attno == InvalidAttrNumber ? (Datum) 0 :
		slot_getattr(row, attno, &isnull);

	return isnull ? 0 : DatumGetInt32(build);
}

void
profile_set_build(const Population *population, TupleTableSlot *row,
				  int32 build)
{
	AttrNumber	attno = population_store(population)->build;

	row->tts_values[attno - 1] = Int32GetDatum(build);
	row->tts_isnull[attno - 1] = false;
}

void
profile_set_source_rows(const Population *population, TupleTableSlot *row,
						int64 count)
{
	row->tts_values[population_store(population)->source_rows - 1] =
		Int64GetDatum(count);
}

void
profile_set_evaluated_at(const Population *population, TupleTableSlot *row,
						 TimestampTz at)
{
	row->tts_values[population_store(population)->evaluated_at - 1] =
		TimestampTzGetDatum(at);
}

void
profile_set_wake_at(const Population *population, TupleTableSlot *row,
					TimestampTz wake_at)
{
	AttrNumber	attno = population_store(population)->wake_at;

	row->tts_values[attno - 1] = TimestampTzGetDatum(wake_at);
	row->tts_isnull[attno - 1] = TIMESTAMP_IS_NOEND(wake_at);
}
