/*-------------------------------------------------------------------------
 *
 * rights.c
 *	  Who may define things of a population, and who may read it?
 *
 *		define		the owner of the base table
 *		read		who may SELECT from the view, whose owner in turn may
 *					SELECT from the base table
 *
 * Together with the right goes a lock, to the end of the transaction:
 *
 *		population_definer()	base table, SHARE UPDATE EXCLUSIVE: one
 *								definer at a time, beside readers and writers
 *		population_reader()		view, ACCESS SHARE: neither the population nor
 *								a column of it is dropped
 *		population_keep()		base table, as the caller says
 *
 * Rights are checked before anything is locked, so that a role without them
 * keeps no session waiting, and again afterwards: while we waited, the
 * population may have been made anew, or have got another owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "profile/profile_private.h"

static void check_reader(const Population *population);
static void check_view_owner(const Population *population);

void
population_check_owner(const Population *population)
{
	if (!object_ownercheck(RelationRelationId, population->oid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of population \"%s\"",
						population->name)));
}

const Population *
population_definer(const Population *population, const char *function)
{
	char	   *name = pstrdup(population->name);

	check_read_committed(function);
	for (;;)
	{
		Oid			base = population->oid;

		/* first: a role that may not define keeps no writer waiting */
		population_check_owner(population);
		LockRelationOid(base, ShareUpdateExclusiveLock);

		/* while we waited, the population may have been made anew */
		population = population_by_name(name);
		if (population->oid == base)
			break;
		UnlockRelationOid(base, ShareUpdateExclusiveLock);
	}
	/* or the base table may have got another owner */
	population_check_owner(population);
	return population;
}

const Population *
population_reader(const Population *population)
{
	char	   *name = pstrdup(population->name);
	uint64		changes = cache_begin();
	Oid			view;

	check_reader(population);
	do
	{
		view = population->view;
		LockRelationOid(view, AccessShareLock);
		if (changes == cache_begin())
			break;

		/* something happened while we waited */
		population = population_by_name(name);
		check_reader(population);
	} while (population->view != view);
	check_view_owner(population);
	return population;
}

const Population *
population_keep(const char *name, LOCKMODE lock)
{
	const Population *population = population_find(name);

	while (population != NULL)
	{
		Oid			base = population->oid;

		LockRelationOid(base, lock);
		population = population_find(name);
		if (population != NULL && population->oid == base)
			break;
	}
	return population;
}

void
check_read_committed(const char *function)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("segment.%s() cannot run in a %s transaction", function,
						XactIsoLevel == XACT_SERIALIZABLE ?
						"SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("The transaction's snapshot may be older than rows and changes that are already counted."),
				 errhint("Call it in a READ COMMITTED transaction.")));
}

/*
 * check_reader() raises an error if the user may not read the view.  If the
 * view was dropped, the owner of the base table may read all the same.
 */
static void
check_reader(const Population *population)
{
	if (population_view_name(population) == NULL)
	{
		if (object_ownercheck(RelationRelationId, population->oid,
							  GetUserId()))
			return;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the view of population \"%s\" was dropped",
						population->name),
				 errhint("Its owner makes it again with segment.rebuild(%s).",
						 quote_literal_cstr(population->name))));
	}
	if (pg_class_aclcheck(population->view, GetUserId(),
						  ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for population \"%s\"",
						population->name),
				 errhint("Ask its owner for GRANT SELECT ON %s.",
						 population_view_name(population))));
}

/*
 * check_view_owner() raises an error if the view's owner may not read the base
 * table.  A view shows what its owner may read of the table below, and so do
 * we: it is our catalog that says which view it is.
 */
static void
check_view_owner(const Population *population)
{
	Oid			owner;

	if (population_view_name(population) == NULL)
		return;					/* dropped: the base table's owner asks */
	owner = relation_owner(population->view);
	if (pg_class_aclcheck(population->oid, owner, ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for population \"%s\"",
						population->name),
				 errdetail("View %s belongs to role \"%s\", who may not read table %s.",
						   population_view_name(population),
						   GetUserNameFromId(owner, false),
						   population_base_name(population))));
}

