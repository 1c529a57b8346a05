/*-------------------------------------------------------------------------
 *
 * tables.c
 *	  A program's tables are opened, and rows of them are found.
 *
 *		ledger_seek(ledger, MEMBER_BY_KEY, 42)		the index on the key
 *		ledger_next(ledger, MEMBER_BY_KEY)			customer 42's row
 *
 * An order that earns looks for the same few rows, and writes some, every
 * time; by SQL most of its time went by before the first row was read.  So
 * what is asked all day goes through the table API, as profiles do
 * (profile/row.c), and what is asked now and then is SQL (statements.c).
 *
 * What is seen.  The profile's row is locked, so nobody else writes rows of
 * the customer.  READ COMMITTED looks with the latest snapshot, taken after
 * the lock; the other levels look with the transaction's.
 *
 * What is kept.  Which index serves a path, and the constraints and predicates
 * of a table, compiled: the server compiles them anew for each statement.
 *
 * An index that its owner has dropped is missed by nobody but the clock: then
 * the table is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"

#include "loyalty/search.h"
#include "loyalty/shape.h"
#include "loyalty/tables.h"

/* By which columns does a path look, and which rows are in its index? */
typedef struct PathShape
{
	ProgramTable table;
	SearchForm	form;
	const char *predicate;
	bool		seldom;			/* mostly no row has ever been there */
} PathShape;

static const PathShape paths[LEDGER_PATHS] = {
	[MEMBER_BY_KEY] = {MEMBER_TABLE, {{MEMBER_KEY}}},
	[DEBTS_BY_KEY] = {ENTRY_TABLE, {{ENTRY_KEY}}, "(lot IS NULL)", true},
	[ENTRIES_BY_MOVEMENT] = {ENTRY_TABLE, {{ENTRY_KEY, ENTRY_MOVEMENT}}},
	[OPEN_HOLDS_BY_KEY] = {HOLD_TABLE, {{HOLD_KEY}},
	"(state = 'open'::text)", true},
	[LOT_BY_NUMBER] = {LOT_TABLE, {{LOT_LOT}}},
	[LOTS_BY_EXPIRY] = {LOT_TABLE, {{LOT_KEY, LOT_EXPIRES_AT}, true},
	"(NOT spent)"},
	[TOKEN] = {MOVEMENT_TABLE, {{MOVEMENT_TOKEN}}, "(token IS NOT NULL)"},
	[GRANTED_BY_REF] = {GRANTED_TABLE, {{GRANTED_REF, GRANTED_RULE}}},
	[MOVEMENTS_BY_REVERSED] = {MOVEMENT_TABLE, {{MOVEMENT_REVERSES}},
	"(reverses IS NOT NULL)"},
};

/* An index of a table. */
typedef struct KeptIndex
{
	Oid			relid;
	ExprState  *predicate;		/* or NULL */
	IndexInfo  *info;
	bool		is_unique;
} KeptIndex;

/* What is kept of a table. */
typedef struct KeptTable
{
	bool		plain;
	bool		simple;			/* plain, and so are its indexes */
	Oid			sequence;		/* of its first column, or InvalidOid */
	Oid			paths[LEDGER_PATHS];
	bool		young[LEDGER_PATHS];	/* not for old snapshots */
	ExprState **checks;
	int			nindexes;
	KeptIndex  *indexes;
} KeptTable;

typedef struct KeptEntry
{
	Oid			relid;			/* hash key */
	CacheSlot	slot;
	KeptTable  *kept;
} KeptEntry;

struct OpenTables
{
	Snapshot	snapshot;		/* registered, or NULL */
	EState	   *estate;			/* for rows of simple tables, or NULL */
	LedgerTable *tables[PROGRAM_TABLES];
	Search	   *searches[LEDGER_PATHS];
	bool		empty[LEDGER_PATHS];	/* there is nothing to be found */
};

static Cache *kept_tables = NULL;

static bool made_of(const void *entry, Oid relid);
static struct OpenTables *open_tables(Ledger *ledger);
static const KeptTable *keep(Relation relation, ProgramTable which,
							 const Population *population);
static bool is_plain(Relation relation, ProgramTable which);
static void keep_checks(KeptTable *kept, Relation relation);
static void keep_indexes(KeptTable *kept, Relation relation,
						 ProgramTable which);
static bool is_simple(Relation index, const IndexInfo *info);
static Relation open_index(LedgerTable *table, Oid relid);
static Relation index_at(LedgerTable *table, int number);
static bool is_empty(LedgerTable *table, LedgerPath path);
static bool serves(Relation index, LedgerPath path);
static char *predicate_text(Relation index);

void
tables_init(void)
{
	static const CacheKind kind = {
		.name = "segment ledger tables",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(KeptEntry),
		.slot = offsetof(KeptEntry, slot),
		.made_of = made_of,
	};

	kept_tables = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const KeptEntry *) entry)->relid == relid;
}

/* ---- open tables ---- */

/* open_tables() is what a ledger has open. */
static struct OpenTables *
open_tables(Ledger *ledger)
{
	if (ledger->open == NULL)
		ledger->open = MemoryContextAllocZero(ledger->memory,
											  sizeof(struct OpenTables));
	return ledger->open;
}

LedgerTable *
ledger_table(Ledger *ledger, ProgramTable which)
{
	struct OpenTables *open = open_tables(ledger);
	LedgerTable *table = open->tables[which];

	if (table == NULL)
	{
		table = MemoryContextAllocZero(ledger->memory, sizeof(LedgerTable));
		table->relation = program_table_open(ledger->program, which,
											 RowExclusiveLock);
		table->kept = keep(table->relation, which, ledger->population);
		table->indexes =
			MemoryContextAllocZero(ledger->memory, sizeof(Relation) *
								   Max(1, table->kept->nindexes));
		open->tables[which] = table;
	}
	return table;
}

Relation
program_table_open(const Program *program, ProgramTable which, LOCKMODE mode)
{
	Relation	relation = shape_open(program->tables[which], mode,
									  program->name);

	(void) keep(relation, which, program->population);
	return relation;
}

void
ledger_close(Ledger *ledger)
{
	struct OpenTables *open = ledger->open;

	if (open == NULL)
		return;
	ledger_forget(ledger);
	for (int i = 0; i < PROGRAM_TABLES; i++)
	{
		LedgerTable *table = open->tables[i];

		if (table == NULL)
			continue;
		if (table->result != NULL)
			writer_close(table->result, table->estate);
		for (int k = 0; k < table->kept->nindexes; k++)
			if (table->indexes[k] != NULL)
				index_close(table->indexes[k], NoLock);
		table_close(table->relation, NoLock);
	}
	if (open->estate != NULL)
		FreeExecutorState(open->estate);
	ledger->open = NULL;
}

bool
table_is_plain(const LedgerTable *table)
{
	return table->kept->plain;
}

Oid
table_path(const LedgerTable *table, LedgerPath path)
{
	/* the index may lack what only an old snapshot sees */
	if (table->kept->young[path] && IsolationUsesXactSnapshot())
		return InvalidOid;
	return table->kept->paths[path];
}

int64
table_number(const LedgerTable *table)
{
	return nextval_internal(table->kept->sequence, false);
}

ResultRelInfo *
table_writer(Ledger *ledger, LedgerTable *table, bool speculative)
{
	const KeptTable *kept = table->kept;
	ResultRelInfo *result = table->result;
	MemoryContext old;

	if (result != NULL)
		return result;
	old = MemoryContextSwitchTo(ledger->memory);
	result = writer_open(table->relation, &table->estate);
	MemoryContextSwitchTo(old);
	writer_index(result, table->estate, speculative);
	result->ri_CheckConstraintExprs = kept->checks;
	/* those of a table that is not plain have no predicate here */
	for (int i = 0; i < result->ri_NumIndices; i++)
		for (int k = 0; k < kept->nindexes; k++)
			if (RelationGetRelid(result->ri_IndexRelationDescs[i]) ==
				kept->indexes[k].relid)
				result->ri_IndexRelationInfo[i]->ii_PredicateState =
					kept->indexes[k].predicate;
	table->result = result;
	return result;
}

bool
table_is_simple(const LedgerTable *table)
{
	return table->kept->simple;
}

EState *
table_estate(const Ledger *ledger)
{
	struct OpenTables *open = ledger->open;
	MemoryContext old;

	if (open->estate == NULL)
	{
		old = MemoryContextSwitchTo(ledger->memory);
		open->estate = CreateExecutorState();
		MemoryContextSwitchTo(old);
	}
	return open->estate;
}

void
table_check_row(Ledger *ledger, LedgerTable *table, TupleTableSlot *row)
{
	EState	   *estate = table_estate(ledger);
	MemoryContext old;

	if (table->checked == NULL)
	{
		old = MemoryContextSwitchTo(ledger->memory);
		table->checked = makeNode(ResultRelInfo);
		table->checked->ri_RelationDesc = table->relation;
		table->checked->ri_CheckConstraintExprs = table->kept->checks;
		MemoryContextSwitchTo(old);
	}
	ExecConstraints(table->checked, row, estate);
	ResetPerTupleExprContext(estate);
}

void
table_index_row(Ledger *ledger, LedgerTable *table, TupleTableSlot *row,
				bool is_update)
{
	const KeptTable *kept = table->kept;
	EState	   *estate = table_estate(ledger);
	ExprContext *econtext = GetPerTupleExprContext(estate);
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	econtext->ecxt_scantuple = row;
	for (int i = 0; i < kept->nindexes; i++)
	{
		const KeptIndex *index = &kept->indexes[i];

		if (!index->info->ii_ReadyForInserts ||
			(index->predicate != NULL &&
			 !ExecQual(index->predicate, econtext)))
			continue;
		FormIndexDatum(index->info, row, estate, values, isnull);
		(void) index_insert(index_at(table, i), values, isnull, &row->tts_tid,
							table->relation,
							index->is_unique ? UNIQUE_CHECK_YES :
							UNIQUE_CHECK_NO, is_update, index->info);
	}
	ResetPerTupleExprContext(estate);
}

/* index_at() opens an index, to be read and written, until the ledger ends. */
static Relation
index_at(LedgerTable *table, int number)
{
	if (table->indexes[number] == NULL)
		table->indexes[number] =
			index_open(table->kept->indexes[number].relid, RowExclusiveLock);
	return table->indexes[number];
}

/* open_index() is the index of that number, or NULL for InvalidOid. */
static Relation
open_index(LedgerTable *table, Oid relid)
{
	for (int i = 0; i < table->kept->nindexes; i++)
		if (table->kept->indexes[i].relid == relid)
			return index_at(table, i);
	return NULL;
}

/* ---- what is kept of a table ---- */

/*
 * keep() finds or makes what is kept of a table, which has to be as we have
 * made it.
 */
static const KeptTable *
keep(Relation relation, ProgramTable which, const Population *population)
{
	Oid			relid = RelationGetRelid(relation);
	KeptEntry	made = {relid};
	KeptEntry  *entry = cache_find(kept_tables, &relid);
	uint64		begun = cache_begin();
	MemoryContext context;
	MemoryContext old;
	int			level;

	if (entry != NULL)
		return entry->kept;
	level = settings_pin();		/* predicates are printed */
	shape_check(relation, program_shapes[which], population->key_type);
	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment ledger table",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.kept = palloc0(sizeof(KeptTable));
	made.kept->plain = is_plain(relation, which);
	if (TupleDescAttr(RelationGetDescr(relation), 0)->attidentity != '\0')
		made.kept->sequence = getIdentitySequence(relation, 1, false);
	keep_checks(made.kept, relation);
	keep_indexes(made.kept, relation, which);
	MemoryContextSwitchTo(old);
	AtEOXact_GUC(false, level);
	entry = cache_put(kept_tables, &made, context, begun);
	return entry->kept;
}

/*
 * is_plain() says whether a table is as create_program() has made it, but for
 * indexes and constraints that call no code of the owner's: nothing else is to
 * be done when a row of it is written.
 */
static bool
is_plain(Relation relation, ProgramTable which)
{
	TupleDesc	desc = RelationGetDescr(relation);
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
	int			ncolumns = 0;

	while (program_shapes[which][ncolumns].name != NULL)
		ncolumns++;
	/* capture by rows is not to be passed by */
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (TRIGGER_FOR_ROW(triggers->triggers[i].tgtype))
			return false;
	if (table_runs_code(relation))
		return false;
	return relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
		!relation->rd_rel->relispartition && desc->natts == ncolumns &&
		(desc->constr == NULL || desc->constr->num_defval == 0);
}

/* keep_checks() compiles the CHECK constraints of a table. */
static void
keep_checks(KeptTable *kept, Relation relation)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (constraints == NULL || constraints->num_check == 0 || !kept->plain)
		return;
	kept->checks = palloc0(sizeof(ExprState *) * constraints->num_check);
	for (int i = 0; i < constraints->num_check; i++)
	{
		Expr	   *check = stringToNode(constraints->check[i].ccbin);

		/* it may depend on settings, which a statement has */
		if (contain_mutable_functions((Node *) check))
			kept->plain = false;
		kept->checks[i] = ExecInitExpr(expression_planner(check), NULL);
	}
}

/*
 * keep_indexes() finds the indexes of paths, compiles predicates, and keeps
 * what the server makes anew for each statement that writes.
 */
static void
keep_indexes(KeptTable *kept, Relation relation, ProgramTable which)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *lc;

	kept->indexes = palloc0(sizeof(KeptIndex) *
							Max(1, list_length(indexes)));
	kept->simple = kept->plain;
	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		KeptIndex  *made = &kept->indexes[kept->nindexes++];

		for (LedgerPath path = 0; path < LEDGER_PATHS; path++)
		{
			if (paths[path].table != which || !serves(index, path))
				continue;
			kept->paths[path] = RelationGetRelid(index);
			kept->young[path] = index->rd_index->indcheckxmin;
		}
		made->relid = RelationGetRelid(index);
		made->info = BuildIndexInfo(index);
		made->is_unique = index->rd_index->indisunique;
		if (kept->plain && made->info->ii_Predicate != NIL)
		{
			Expr	   *predicate =
				expression_planner((Expr *) made->info->ii_Predicate);

			made->predicate = ExecInitQual((List *) predicate, NULL);
		}
		kept->simple = kept->simple && is_simple(index, made->info);
		index_close(index, AccessShareLock);
	}
}

/*
 * is_simple() says whether nothing is to be done with an index but to insert
 * the columns of a row.
 */
static bool
is_simple(Relation index, const IndexInfo *info)
{
	return index->rd_rel->relam == BTREE_AM_OID &&
		info->ii_Expressions == NIL && info->ii_ExclusionOps == NULL &&
		index->rd_index->indimmediate;
}

/* serves() says whether an index is one for a path. */
static bool
serves(Relation index, LedgerPath path)
{
	const PathShape *shape = &paths[path];
	const char *predicate = predicate_text(index);

	if (!index->rd_index->indisvalid || index->rd_rel->relam != BTREE_AM_OID ||
		(predicate == NULL) != (shape->predicate == NULL) ||
		(predicate != NULL && strcmp(predicate, shape->predicate) != 0))
		return false;
	for (int i = 0; shape->form.columns[i] != 0; i++)
		if (i >= index->rd_index->indnkeyatts ||
			index->rd_index->indkey.values[i] != shape->form.columns[i])
			return false;
	return true;
}

/* predicate_text() is the predicate of an index, or NULL. */
static char *
predicate_text(Relation index)
{
	List	   *predicate = RelationGetIndexPredicate(index);
	Oid			relid = index->rd_index->indrelid;

	return predicate == NIL ? NULL :
		deparse_expression((Node *) make_ands_explicit(predicate),
						   deparse_context_for(get_rel_name(relid), relid),
						   false, false);
}

/* ---- rows are looked for ---- */

void
ledger_seek(Ledger *ledger, LedgerPath path, Datum first, Datum second)
{
	struct OpenTables *open = open_tables(ledger);
	LedgerTable *table = ledger_table(ledger, paths[path].table);
	MemoryContext old;

	/* to be serializable, nothing has to be looked for, too */
	open->empty[path] = paths[path].seldom && !IsolationIsSerializable() &&
		is_empty(table, path);
	if (open->empty[path])
		return;
	old = MemoryContextSwitchTo(ledger->memory);
	if (open->snapshot == NULL)
		open->snapshot = search_snapshot();
	if (open->searches[path] == NULL)
	{
		Relation	index = open_index(table, table_path(table, path));

		open->searches[path] = search_begin(table->relation, index,
											open->snapshot,
											&paths[path].form);
	}
	MemoryContextSwitchTo(old);
	search_for(open->searches[path], first, second);
}

/*
 * is_empty() says whether a table has no pages, or the index of a path none
 * but the first, which tells where the root is: then nothing is to be found.
 */
static bool
is_empty(LedgerTable *table, LedgerPath path)
{
	Relation	index;

	if (RelationGetNumberOfBlocks(table->relation) == 0)
		return true;
	index = open_index(table, table_path(table, path));
	return index != NULL && RelationGetNumberOfBlocks(index) <= 1;
}

TupleTableSlot *
ledger_next(Ledger *ledger, LedgerPath path)
{
	return ledger->open->empty[path] ? NULL :
		search_next(ledger->open->searches[path], ForwardScanDirection);
}

bool
ledger_is_ordered(Ledger *ledger, LedgerPath path)
{
	return OidIsValid(table_path(ledger_table(ledger, paths[path].table),
								 path));
}

void
ledger_forget(Ledger *ledger)
{
	struct OpenTables *open = ledger->open;

	if (open == NULL)
		return;
	for (int i = 0; i < LEDGER_PATHS; i++)
		if (open->searches[i] != NULL)
		{
			search_end(open->searches[i]);
			open->searches[i] = NULL;
		}
	if (open->snapshot != NULL)
		UnregisterSnapshot(open->snapshot);
	open->snapshot = NULL;
}
