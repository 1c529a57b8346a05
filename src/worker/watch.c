/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  What do sessions do that concerns the workers?
 *
 *		COMMIT, with toggles				wakes this database's worker
 *		COMMIT PREPARED						the same: there may be toggles
 *		CREATE, DROP EXTENSION				this database is to be checked
 *		CREATE, ALTER, DROP DATABASE shop	that database is to be checked
 *		DROP DATABASE shop					and first its worker is blocked, as
 *		CREATE DATABASE ... TEMPLATE shop	no session may be connected then;
 *		ALTER DATABASE shop RENAME ...		if the database is still there
 *											afterwards, the worker comes back
 *
 * Other processes are told at commit, and not if the transaction is rolled
 * back.  A false alarm costs one check.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "worker/worker_private.h"

static object_access_hook_type previous_access = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

/*
 * What this transaction did, until its end: databases (OIDs) that are to be
 * checked, and those whose workers it has blocked, in its memory context.
 */
static List *to_check = NIL;
static List *blocked = NIL;
static bool committed_prepared = false;

static void watch_access(ObjectAccessType access, Oid class_id, Oid object_id,
						 int sub_id, void *arg);
static void watch_utility(PlannedStmt *statement, const char *text,
						  bool read_only_tree, ProcessUtilityContext context,
						  ParamListInfo parameters,
						  QueryEnvironment *environment,
						  DestReceiver *destination,
						  QueryCompletion *completion);
static bool is_commit_prepared(Node *statement);
static const char *wants_alone(Node *statement);
static const char *option_value(List *options, const char *name);
static bool is_owner(Oid database);
static void watch_xact(XactEvent event, void *arg);

void
watch_init(void)
{
	flow_on_pending(worker_shmem_wake);
	previous_access = object_access_hook;
	object_access_hook = watch_access;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = watch_utility;
	RegisterXactCallback(watch_xact, NULL);
}

/*
 * watch_access() notes what happens to extensions and databases.  Extensions
 * are seldom made, so it does not ask which one.  An object_access_hook.
 */
static void
watch_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
			 void *arg)
{
	if (previous_access != NULL)
		previous_access(access, class_id, object_id, sub_id, arg);
	if ((class_id == ExtensionRelationId || class_id == DatabaseRelationId) &&
		(access == OAT_POST_CREATE || access == OAT_POST_ALTER ||
		 access == OAT_DROP))
	{
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

		to_check = list_append_unique_oid(to_check,
											class_id == DatabaseRelationId ?
											object_id : MyDatabaseId);
		MemoryContextSwitchTo(old);
	}
}

/*
 * watch_utility() blocks the worker of a database that a statement wants for
 * itself.  A ProcessUtility_hook.
 */
static void
watch_utility(PlannedStmt *statement, const char *text, bool read_only_tree,
			  ProcessUtilityContext context, ParamListInfo parameters,
			  QueryEnvironment *environment, DestReceiver *destination,
			  QueryCompletion *completion)
{
	const char *name = wants_alone(statement->utilityStmt);
	Oid			database = name == NULL ? InvalidOid :
		get_database_oid(name, true);

	/* a statement that is going to be refused sends no worker away */
	if (OidIsValid(database) && is_owner(database))
	{
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

		blocked = lappend_oid(blocked, database);
		MemoryContextSwitchTo(old);
		worker_shmem_block(database);
	}
	if (is_commit_prepared(statement->utilityStmt))
		committed_prepared = true;

	(previous_utility != NULL ? previous_utility : standard_ProcessUtility)
		(statement, text, read_only_tree, context, parameters, environment,
		 destination, completion);
}

static bool
is_commit_prepared(Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

/*
 * wants_alone() is the database to which no session may be connected for this
 * statement, or NULL.
 */
static const char *
wants_alone(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_CreatedbStmt:
			return option_value(((CreatedbStmt *) statement)->options,
								"template");
		case T_AlterDatabaseStmt:
			if (option_value(((AlterDatabaseStmt *) statement)->options,
							 "tablespace") == NULL)
				return NULL;
			return ((AlterDatabaseStmt *) statement)->dbname;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType != OBJECT_DATABASE)
				return NULL;
			return ((RenameStmt *) statement)->subname;
		default:
			return NULL;
	}
}

/* option_value() is the value of an option, or NULL if it is not given. */
static const char *
option_value(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/* is_owner() says whether the user has the rights of a database's owner. */
static bool
is_owner(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID,
										ObjectIdGetDatum(database));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = has_privs_of_role(GetUserId(),
							   ((Form_pg_database) GETSTRUCT(tuple))->datdba);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * watch_xact() tells the other processes at commit, and unblocks workers in
 * any case.  A XactCallback.
 */
static void
watch_xact(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (to_check == NIL && blocked == NIL && !committed_prepared)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			foreach(lc, to_check)
				worker_shmem_request_check(lfirst_oid(lc));
			if (committed_prepared)
				worker_shmem_wake();
			/* FALLTHROUGH */
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			foreach(lc, blocked)
				worker_shmem_unblock(lfirst_oid(lc));
			to_check = NIL;
			blocked = NIL;
			committed_prepared = false;
			break;
		default:
			break;
	}
}
