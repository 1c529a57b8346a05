/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Which statements change what definitions read?
 *
 * The server calls us by four event triggers:
 *
 *		ddl_command_start	DROP TABLE visits_2025 ...			guard_start
 *		ddl_command_end		ALTER TABLE orders RENAME ...		guard_command
 *		sql_drop			DROP TABLE orders, DROP OWNED ...	guard_drop
 *		table_rewrite		ALTER TABLE orders ALTER n TYPE ..	guard_rewrite
 *
 * Of what is about to be dropped the server tells a hook alone: guard_start
 * sees to it that the library, and so the hook, is there.  All of it happens
 * within the statement, so that an error undoes it, and what is written
 * is undone with it.  A database without a source pays for one look at an
 * empty table.  Nothing happens in a binary upgrade, nor while the extension
 * is created, updated or dropped by its own script, nor by statements of ours,
 * nor where a session restores data (segment.capture).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "tcop/cmdtag.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "guard/guard_private.h"

SEGMENT_FUNCTION(segment_guard_start);
SEGMENT_FUNCTION(segment_guard_command);
SEGMENT_FUNCTION(segment_guard_drop);
SEGMENT_FUNCTION(segment_guard_rewrite);

static object_access_hook_type access_before = NULL;

/* Will sql_drop be told of what the statement drops? */
static bool dropping = false;

/* In which subtransaction did it begin? */
static SubTransactionId begun_in = InvalidSubTransactionId;

static void at_access(ObjectAccessType access, Oid class, Oid object,
					  int column, void *arg);
static void at_end(XactEvent event, void *arg);
static void at_subxact(SubXactEvent event, SubTransactionId subid,
					   SubTransactionId parent, void *arg);
static bool begin(FunctionCallInfo fcinfo, GuardStatement *statement);
static bool is_idle(void);
static Oid	rewritten_table(void);
static List *commanded(void);
static List *dropped(void);
static Oid	get_oid(HeapTuple row, int column);
static List *get_names(HeapTuple row, int column);

void
guard_init(void)
{
	access_before = object_access_hook;
	object_access_hook = at_access;
	RegisterXactCallback(at_end, NULL);
	RegisterSubXactCallback(at_subxact, NULL);
	alters_init();
}

/* at_access() is called, among others, before an object is dropped. */
static void
at_access(ObjectAccessType access, Oid class, Oid object, int column,
		  void *arg)
{
	if (access_before != NULL)
		access_before(access, class, object, column, arg);
	if (access == OAT_DROP && dropping && class == RelationRelationId &&
		column == 0)
	{
		partitions_dropping(object);
		uniques_dropping(object);
	}
}

/* at_end() ends what is known of a statement.  An XactCallback. */
static void
at_end(XactEvent event, void *arg)
{
	dropping = false;
	partitions_forget();
	uniques_forget();
}

/*
 * at_subxact() does so where a statement that failed is rolled back.  A
 * SubXactCallback.
 */
static void
at_subxact(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
		   void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && begun_in >= subid)
		at_end(XACT_EVENT_ABORT, NULL);
}

/* ddl_command_start: something may be dropped, or altered. */
Datum
segment_guard_start(PG_FUNCTION_ARGS)
{
	GuardStatement statement;

	if (!begin(fcinfo, &statement))
		PG_RETURN_NULL();
	kept_begin(&statement);
	dropping = true;
	begun_in = GetCurrentSubTransactionId();
	partitions_begin(&statement);
	uniques_begin(&statement);
	ahead_begin(&statement);
	PG_RETURN_NULL();
}

/*
 * ddl_command_end: follow what the statement has renamed, moved or changed.
 */
Datum
segment_guard_command(PG_FUNCTION_ARGS)
{
	GuardStatement statement;

	if (!begin(fcinfo, &statement))
		PG_RETURN_NULL();
	SPI_connect();
	statement.objects = commanded();
	kept_check_altered(&statement);
	renames_follow(&statement);
	alters_check(&statement);
	partitions_commanded(&statement);
	SPI_finish();
	PG_RETURN_NULL();
}

/* sql_drop: refuse what takes away what definitions read. */
Datum
segment_guard_drop(PG_FUNCTION_ARGS)
{
	GuardStatement statement;

	if (!begin(fcinfo, &statement))
		PG_RETURN_NULL();
	dropping = false;
	SPI_connect();
	statement.objects = dropped();
	kept_check_dropped(&statement);
	/* first: what else is dropped may count all rows that are left */
	partitions_dropped();
	drops_check(&statement);
	uniques_check(&statement);
	triggers_check_dropped(&statement);
	SPI_finish();
	PG_RETURN_NULL();
}

/* table_rewrite: a table's rows are about to get other values. */
Datum
segment_guard_rewrite(PG_FUNCTION_ARGS)
{
	GuardStatement statement;

	if (begin(fcinfo, &statement))
		alters_note_rewrite(rewritten_table());
	PG_RETURN_NULL();
}

/* rewritten_table() is the table that is about to be rewritten. */
static Oid
rewritten_table(void)
{
	LOCAL_FCINFO(call, 0);

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	return DatumGetObjectId(pg_event_trigger_table_rewrite_oid(call));
}

/*
 * begin() reads the call of an event trigger.  Returns false if the statement
 * is none of our business.
 */
static bool
begin(FunctionCallInfo fcinfo, GuardStatement *statement)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called as an event trigger")));
	if (is_idle())
		return false;
	statement->tree = data->parsetree;
	statement->tag = GetCommandTagName(data->tag);
	statement->objects = NIL;
	return true;
}

/* is_idle() says that nothing can concern us here and now. */
static bool
is_idle(void)
{
	CatalogScan scan;
	Oid			schema;
	bool		found;

	if (IsBinaryUpgrade || !segment_capture || protected_write_is_permitted())
		return true;
	if (creating_extension &&
		CurrentExtensionObject == get_extension_oid("segment", true))
		return true;
	schema = get_namespace_oid(SEGMENT_SCHEMA, true);
	if (!OidIsValid(schema) ||
		!OidIsValid(get_relname_relid("population", schema)))
		return true;
	catalog_begin(&scan, "population", NULL);
	found = catalog_next(&scan);
	catalog_end(&scan);
	return !found;
}

/* commanded() lists what the statement has made or altered. */
static List *
commanded(void)
{
	List	   *objects = NIL;
	int			level = settings_pin();

	SPI_execute("SELECT classid, objid, objsubid, object_identity"
				" FROM pg_catalog.pg_event_trigger_ddl_commands()"
				" WHERE classid IS NOT NULL AND objid IS NOT NULL", true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		GuardObject *object = palloc0(sizeof(GuardObject));

		ObjectAddressSubSet(object->address, get_oid(row, 1), get_oid(row, 2),
							(int32) get_oid(row, 3));
		object->identity = SPI_getvalue(row, SPI_tuptable->tupdesc, 4);
		objects = lappend(objects, object);
	}
	AtEOXact_GUC(true, level);
	return objects;
}

/* dropped() lists what the statement has dropped, and what went with it. */
static List *
dropped(void)
{
	List	   *objects = NIL;
	int			level = settings_pin();

	SPI_execute("SELECT classid, objid, objsubid, object_identity,"
				" original, address_names"
				" FROM pg_catalog.pg_event_trigger_dropped_objects()"
				" WHERE classid IN ('pg_catalog.pg_class'::regclass,"
				" 'pg_catalog.pg_trigger'::regclass) AND NOT is_temporary",
				true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		GuardObject *object = palloc0(sizeof(GuardObject));
		bool		isnull;

		ObjectAddressSubSet(object->address, get_oid(row, 1), get_oid(row, 2),
							(int32) get_oid(row, 3));
		object->identity = SPI_getvalue(row, SPI_tuptable->tupdesc, 4);
		object->original = DatumGetBool(SPI_getbinval(row,
													  SPI_tuptable->tupdesc,
													  5, &isnull));
		object->names = get_names(row, 6);
		objects = lappend(objects, object);
	}
	AtEOXact_GUC(true, level);
	return objects;
}

/* get_oid() is a column of type oid or integer of a row that was found. */
static Oid
get_oid(HeapTuple row, int column)
{
	bool		isnull;

	return DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, column,
										  &isnull));
}

/* get_names() is a column of type text[] as a list of names (char *). */
static List *
get_names(HeapTuple row, int column)
{
	bool		isnull;
	Datum		array = SPI_getbinval(row, SPI_tuptable->tupdesc, column,
									  &isnull);
	Datum	   *names;
	bool	   *nulls;
	int			count;
	List	   *list = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &count);
	for (int i = 0; i < count; i++)
		list = lappend(list, nulls[i] ? pstrdup("") :
					   TextDatumGetCString(names[i]));
	return list;
}
