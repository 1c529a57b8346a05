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
 * And what has been given to a view itself, for when it is made anew.
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
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteSupport.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"

static char *dependents_drop(List *dependents);
static void add_dependents(Oid class, Oid object, AttrNumber attno,
						   List **seen, List **dependents);
static List *direct_dependents(Oid class, Oid object, AttrNumber attno);
static bool is_among(List *dependents, const ObjectAddress *object);
static int	compare_dependents(const ListCell *a, const ListCell *b);
static Oid	view_of_rule(Oid rule);
static char *drop_statement(const ObjectAddress *object);

List *
relation_dependents(Oid relid, AttrNumber attno)
{
	List	   *seen = NIL;
	List	   *dependents = NIL;

	add_dependents(RelationRelationId, relid, attno, &seen, &dependents);
	/* a function that takes whole rows as arguments depends on their type */
	if (attno == InvalidAttrNumber)
	{
		Oid			row = get_rel_type_id(relid);

		add_dependents(TypeRelationId, row, 0, &seen, &dependents);
		add_dependents(TypeRelationId, get_array_type(row), 0, &seen,
					   &dependents);
	}
	return dependents;
}

/*
 * add_dependents() puts in front of the list what depends on an object, or on
 * a column of it: each before what depends on it in turn.  'seen' are the
 * objects that are there already.
 */
static void
add_dependents(Oid class, Oid object, AttrNumber attno, List **seen,
			   List **dependents)
{
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(lc, direct_dependents(class, object, attno))
	{
		Dependent  *one = lfirst(lc);

		if (is_among(*seen, &one->object))
			continue;
		*seen = lappend(*seen, one);
		add_dependents(one->object.classId, one->object.objectId, 0, seen,
					   dependents);
		*dependents = lcons(one, *dependents);
	}
}

/* is_among() says whether an object is one of these (Dependent *). */
static bool
is_among(List *dependents, const ObjectAddress *object)
{
	ListCell   *lc;

	foreach(lc, dependents)
	{
		const ObjectAddress *one = &((Dependent *) lfirst(lc))->object;

		if (one->classId == object->classId &&
			one->objectId == object->objectId &&
			one->objectSubId == object->objectSubId)
			return true;
	}
	return false;
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

/*
 * dependents_drop() returns the statements that drop these, in an order that
 * works.
 */
static char *
dependents_drop(List *dependents)
{
	StringInfoData statements;

	/* what depends on others goes before them */
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
	const char *kind = get_rel_relkind(relid) == RELKIND_VIEW ?
		"view" : "table";

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

char *
view_options(Oid view)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(view));
	StringInfoData options;
	Datum		stored;
	bool		isnull;
	ListCell   *lc;

	initStringInfo(&options);
	if (!HeapTupleIsValid(tuple))
		return options.data;
	stored = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	foreach(lc, isnull ? NIL : untransformRelOptions(stored))
	{
		DefElem    *option = lfirst(lc);

		appendStringInfo(&options, "%s%s = %s",
						 options.len == 0 ? " WITH (" : ", ",
						 quote_identifier(option->defname),
						 quote_literal_cstr(defGetString(option)));
	}
	ReleaseSysCache(tuple);
	if (options.len > 0)
		appendStringInfoChar(&options, ')');
	return options.data;
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
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL,
							  lengthof(keys), keys);
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
 * direct_dependents() returns what depends on an object, or on a column of it,
 * and would stop DROP (Dependent *); backwards by name.
 */
static List *
direct_dependents(Oid class, Oid object, AttrNumber attno)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *dependents = NIL;
	List	   *parts = NIL;
	ListCell   *lc;

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
		Dependent  *one;

		ObjectAddressSubSet(dependent, form->classid, form->objid,
							form->objsubid);
		if (form->deptype != DEPENDENCY_NORMAL)
		{
			Dependent  *part = palloc0(sizeof(Dependent));

			part->object = dependent;
			parts = lappend(parts, part);
			continue;
		}
		if (form->classid == RewriteRelationId &&
			OidIsValid(view_of_rule(form->objid)))
			ObjectAddressSet(dependent, RelationRelationId,
							 view_of_rule(form->objid));
		if ((dependent.objectId == object && dependent.classId == class) ||
			is_among(dependents, &dependent))
			continue;

		one = palloc(sizeof(Dependent));
		one->object = dependent;
		one->name = psprintf("%s %s",
							 getObjectTypeDescription(&dependent, false),
							 getObjectIdentity(&dependent, false));
		one->drop = drop_statement(&dependent);
		dependents = lappend(dependents, one);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	/* a policy or constraint that reads other columns goes with its table */
	foreach(lc, dependents)
		if (is_among(parts, &((Dependent *) lfirst(lc))->object))
			dependents = foreach_delete_current(dependents, lc);
	/* backwards, as each is put in front of the others */
	list_sort(dependents, compare_dependents);
	return dependents;
}

static int
compare_dependents(const ListCell *a, const ListCell *b)
{
	return strcmp(((const Dependent *) lfirst(b))->name,
				  ((const Dependent *) lfirst(a))->name);
}

/*
 * view_of_rule() returns the view that a rule makes; InvalidOid for a rule
 * that a user has made.
 */
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

/*
 * drop_statement() returns the statement that drops an object; NULL for one
 * that is not dropped by a statement of its own.
 */
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
