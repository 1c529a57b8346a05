/*-------------------------------------------------------------------------
 *
 * dependents.c
 *	  What of the users' own depends on a view or table of ours?
 *
 *		CREATE VIEW reports.cities AS SELECT city FROM profile;
 *		CREATE VIEW reports.large AS SELECT * FROM reports.cities ...;
 *
 *		dependents of column city	view reports.cities, view reports.large
 *		dependents of column spend	none
 *
 * Read off pg_depend, so it is what DROP would stop at: views, materialized
 * views, functions with a body in SQL, policies, rules, and whatever else the
 * server keeps account of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteSupport.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"

static char *dependents_drop(List *dependents);
static List *direct_dependents(Oid class, Oid object, AttrNumber attno,
							   List *known);
static Oid	view_of_rule(Oid rule);
static List *add_object(List *objects, ObjectAddress object);
static List *described(List *objects);
static char *drop_statement(const ObjectAddress *object);

List *
relation_dependents(Oid relid, AttrNumber attno)
{
	List	   *objects = direct_dependents(RelationRelationId, relid, attno, NIL);

	/* who takes whole rows as arguments depends on their type */
	if (attno == InvalidAttrNumber)
	{
		Oid			row = get_rel_type_id(relid);

		objects = direct_dependents(TypeRelationId, row, 0, objects);
		objects = direct_dependents(TypeRelationId, get_array_type(row), 0, objects);
	}

	/* the list grows while we go along it */
	for (int i = 0; i < list_length(objects); i++)
	{
		const ObjectAddress *object = list_nth(objects, i);

		objects = direct_dependents(object->classId, object->objectId,
									InvalidAttrNumber, objects);
	}
	return described(objects);
}

char *
dependents_list(List *dependents)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, dependents)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 ((Dependent *) lfirst(lc))->name);
	return names.data;
}

/* The statements that drop them, in an order that works. */
static char *
dependents_drop(List *dependents)
{
	StringInfoData statements;

	/* who depends on others was found after them, and goes before */
	initStringInfo(&statements);
	for (int i = list_length(dependents) - 1; i >= 0; i--)
	{
		const Dependent *one = list_nth(dependents, i);

		if (one->drop != NULL)
			appendStringInfo(&statements, "%s%s;",
							 statements.len > 0 ? " " : "", one->drop);
	}
	return statements.data;
}

int
dependents_hint(List *dependents)
{
	char	   *drop = dependents_drop(dependents);

	if (drop[0] == '\0')
		return errhint("Drop or change these first.");
	return errhint("Drop these first, and create them again afterwards: %s", drop);
}

void
relation_refuse_dependents(Oid relid, AttrNumber attno, const char *what)
{
	List	   *dependents = relation_dependents(relid, attno);
	const char *kind = get_rel_relkind(relid) == RELKIND_VIEW ? "view" : "table";

	if (dependents == NIL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 attno == InvalidAttrNumber ?
			 errmsg("cannot drop %s because other objects depend on its %s %s",
					what, kind, relation_name(relid)) :
			 errmsg("cannot drop %s because other objects depend on its column \"%s\" of %s %s",
					what, get_attname(relid, attno, false), kind,
					relation_name(relid)),
			 errdetail("It is used by %s.", dependents_list(dependents)),
			 dependents_hint(dependents)));
}

bool
relation_is_depended_on(Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	bool		own = relation->rd_rel->relhastriggers ||
		(relation->rd_rules != NULL && relation->rd_rules->numLocks > 1);
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
		own |= TupleDescAttr(desc, i)->atthasdef;
	relation_close(relation, NoLock);
	return own || relation_dependents(relid, InvalidAttrNumber) != NIL;
}

bool
column_is_depended_on(Oid relid, AttrNumber attno, Oid view)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(attno));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 3, keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->classid != AttrDefaultRelationId &&
			!(form->classid == RewriteRelationId &&
			  view_of_rule(form->objid) == view);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/*
 * Add to a list of objects (ObjectAddress *) those that depend on one, or on a
 * column of it, and would stop DROP.  Each once.
 */
static List *
direct_dependents(Oid class, Oid object, AttrNumber attno, List *known)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *objects = known;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(class));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object));
	ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(attno));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL,
							  attno != InvalidAttrNumber ? 3 : 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress dependent;

		if (form->deptype != DEPENDENCY_NORMAL)
			continue;
		ObjectAddressSubSet(dependent, form->classid, form->objid, form->objsubid);
		if (form->classid == RewriteRelationId &&
			OidIsValid(view_of_rule(form->objid)))
			ObjectAddressSet(dependent, RelationRelationId,
							 view_of_rule(form->objid));
		if (dependent.objectId != object || dependent.classId != class)
			objects = add_object(objects, dependent);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return objects;
}

/* The view that a rule makes; InvalidOid for a rule that somebody made. */
static Oid
view_of_rule(Oid rule)
{
	Relation	rewrite = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			view = InvalidOid;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(rule));
	scan = systable_beginscan(rewrite, RewriteOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)) &&
		strcmp(NameStr(((Form_pg_rewrite) GETSTRUCT(tuple))->rulename),
			   ViewSelectRuleName) == 0)
		view = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(rewrite, AccessShareLock);
	return view;
}

static List *
add_object(List *objects, ObjectAddress object)
{
	ObjectAddress *copy;
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *one = lfirst(lc);

		if (one->classId == object.classId && one->objectId == object.objectId &&
			one->objectSubId == object.objectSubId)
			return objects;
	}
	copy = palloc(sizeof(ObjectAddress));
	*copy = object;
	return lappend(objects, copy);
}

static List *
described(List *objects)
{
	List	   *dependents = NIL;
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *object = lfirst(lc);
		Dependent  *one = palloc(sizeof(Dependent));

		one->name = psprintf("%s %s", getObjectTypeDescription(object, false),
							 getObjectIdentity(object, false));
		one->drop = drop_statement(object);
		dependents = lappend(dependents, one);
	}
	return dependents;
}

/* NULL for what is not dropped by a statement of its own. */
static char *
drop_statement(const ObjectAddress *object)
{
	static const char *const kinds[] = {
		"view", "materialized view", "function", "procedure", "policy",
	"trigger", "rule"};
	char	   *kind = getObjectTypeDescription(object, false);

	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return psprintf("DROP %s %s", asc_toupper(kind, strlen(kind)),
							getObjectIdentity(object, false));
	return NULL;
}
