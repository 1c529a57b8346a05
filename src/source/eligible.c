/*-------------------------------------------------------------------------
 *
 * eligible.c
 *	  May this table be a source of the population?
 *
 *		attach_source('orders', key => 'customer_id', at => 'ordered_at')
 *
 *		orders			an ordinary table, or the one at the top of a tree
 *		customer_id		stored, and of the type of the population's key
 *		ordered_at		stored, and a date or a time
 *
 * A table that would make capture fail or drift later is refused here, when
 * the user who can mend it gets the error.
 *
 * Rights.  The user needs TRIGGER on the table.  The population's owner needs
 * SELECT, and must see all rows: retractions read the source again as that
 * role.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "base/base.h"
#include "source/source_private.h"

static const char *unfit_kind(Relation relation, const char **hint);
static void refuse_below(Relation relation, Oid parent);
static void check_below(Relation relation, List *tree, List *attached);
static void refuse_below_source(const Source *source, const char *name,
								const char *top);
static List *all_sources(void);
static const Source *source_of(List *sources, Oid relid);
static bool is_of_system(Relation relation);
static void check_readable(Oid relid, const Population *population,
						   int level);
static Form_pg_attribute find_column(Relation relation, const char *column,
									 const char *purpose);
static void check_stored(Relation relation, Form_pg_attribute column,
						 const char *purpose);

void
eligible_relation(Relation relation, bool kept)
{
	const char *name = RelationGetRelationName(relation);
	const char *hint;
	const char *kind = unfit_kind(relation, &hint);
	List	   *parents = source_parents(RelationGetRelid(relation));

	if (parents != NIL)
		refuse_below(relation, linitial_oid(parents));
	if (kind != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source: it is %s", name, kind),
				 errhint("%s", hint)));
	if (!kept && is_of_system(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source: it belongs to the system", name)));
}

/*
 * unfit_kind() says what a relation is that cannot be a source, and in *hint
 * what to do instead; NULL if it is an ordinary table, or partitioned.
 */
static const char *
unfit_kind(Relation relation, const char **hint)
{
	*hint = "Attach the table that the rows are written to.";
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			*hint = "Attach the table that the view reads, and use where in a trait's definition.";
			return "a view";
		case RELKIND_MATVIEW:
			return "a materialized view";
		case RELKIND_FOREIGN_TABLE:
			*hint = "Rows that change elsewhere fire no trigger here: copy them into a table and attach that.";
			return "a foreign table";
		default:
			return "not a table";
	}
	if (relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
	{
		*hint = "Its rows can vanish without a trigger. Use an ordinary table.";
		return relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP ?
			"a temporary table" : "an unlogged table";
	}
	return NULL;
}

/* refuse_below() refuses a table that is below another one. */
static void
refuse_below(Relation relation, Oid parent)
{
	const char *name = RelationGetRelationName(relation);
	const char *above = get_rel_name(source_top(parent));

	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 relation->rd_rel->relispartition ?
			 errmsg("\"%s\" cannot be a source: it is a partition of \"%s\"",
					name, get_rel_name(parent)) :
			 errmsg("\"%s\" cannot be a source: it inherits from \"%s\"",
					name, get_rel_name(parent)),
			 errdetail("Statements on \"%s\" write its rows, too, and do not fire its triggers.",
					   above),
			 errhint("Attach \"%s\": the rows of all tables below it are its rows. A filter can choose some of them.",
					 above)));
}

void
tree_check(Oid relid)
{
	List	   *tree = source_tree(relid, ShareRowExclusiveLock);
	List	   *attached = list_length(tree) < 2 ? NIL : all_sources();
	ListCell   *lc;

	for_each_from(lc, tree, 1)
	{
		Relation	relation = relation_open(lfirst_oid(lc), NoLock);

		check_below(relation, tree, attached);
		/* as for the table itself */
		CheckTableNotInUse(relation, "attach");
		relation_close(relation, NoLock);
	}
}

void
source_check_apart(Oid relid)
{
	const char *top = get_rel_name(source_top(relid));
	List	   *attached = all_sources();
	ListCell   *lc;

	foreach(lc, source_tree(relid, NoLock))
	{
		const Source *source = source_of(attached, lfirst_oid(lc));

		if (source != NULL)
			refuse_below_source(source, get_rel_name(lfirst_oid(lc)), top);
	}
}

/* refuse_below_source() refuses a table that is a source, below another. */
static void
refuse_below_source(const Source *source, const char *name, const char *top)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("\"%s\" is a source, and cannot be below \"%s\"", name, top),
			 errdetail("Source \"%s\" of population \"%s\" would miss what statements on \"%s\" do.",
					   source->name, source->population->name, top),
			 errhint("Attach \"%s\" instead, and detach this source first with segment.detach_source(%s, %s, cascade => true).",
					 top, quote_literal_cstr(source->name),
					 quote_literal_cstr(source->population->name))));
}

void
source_check_below(Oid relid)
{
	List	   *tree = source_tree(source_top(relid), NoLock);
	List	   *attached = all_sources();
	ListCell   *lc;

	foreach(lc, source_tree(relid, NoLock))
	{
		Relation	relation = relation_open(lfirst_oid(lc), AccessShareLock);

		check_below(relation, tree, attached);
		relation_close(relation, NoLock);
	}
}

/*
 * check_below() refuses a table below a source (one of its tree) whose rows
 * could change without a trigger of the tree.  'attached' are all sources.
 */
static void
check_below(Relation relation, List *tree, List *attached)
{
	const char *name = RelationGetRelationName(relation);
	const char *top = get_rel_name(linitial_oid(tree));
	const char *hint;
	const char *kind = unfit_kind(relation, &hint);
	const Source *itself = source_of(attached, RelationGetRelid(relation));
	List	   *outside;

	if (kind != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source together with \"%s\": it is %s",
						top, name, kind),
				 errhint("Move its rows into an ordinary table, or keep it apart from \"%s\".",
						 top)));
	if (itself != NULL)
		refuse_below_source(itself, name, top);
	outside = list_difference_oid(source_parents(RelationGetRelid(relation)),
								  tree);
	if (outside != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source together with \"%s\", which also inherits from \"%s\"",
						top, name, get_rel_name(linitial_oid(outside))),
				 errdetail("Statements on \"%s\" write its rows, too, and fire no trigger of \"%s\".",
						   get_rel_name(linitial_oid(outside)), top),
				 errhint("Let it inherit from one of them only: ALTER TABLE %s NO INHERIT %s;",
						 relation_name(RelationGetRelid(relation)),
						 relation_name(linitial_oid(outside)))));
}

/* all_sources() lists the sources (Source *) of all populations. */
static List *
all_sources(void)
{
	List	   *sources = NIL;
	ListCell   *of_population;
	ListCell   *lc;

	foreach(of_population, population_names())
	{
		const Population *population = population_find(lfirst(of_population));

		foreach(lc, population == NULL ? NIL : source_names(population))
			sources = lappend(sources,
							  unconstify(Source *,
										 source_by_name(population,
														lfirst(lc))));
	}
	return sources;
}

/* source_of() finds one of some sources that reads a relation, or NULL. */
static const Source *
source_of(List *sources, Oid relid)
{
	ListCell   *lc;

	foreach(lc, sources)
		if (source_is_made_of(lfirst(lc), relid))
			return lfirst(lc);
	return NULL;
}

static bool
is_of_system(Relation relation)
{
	const char *schema = get_namespace_name(RelationGetNamespace(relation));

	return IsSystemRelation(relation) || strcmp(schema, SEGMENT_SCHEMA) == 0 ||
		strcmp(schema, SEGMENT_DATA_SCHEMA) == 0;
}

void
source_check_rights(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_tree(relid, NoLock))
		if (pg_class_aclcheck(lfirst_oid(lc), GetUserId(),
							  ACL_TRIGGER) != ACLCHECK_OK)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to attach table \"%s\"",
							get_rel_name(lfirst_oid(lc))),
					 errdetail("Attaching creates triggers on it."),
					 errhint("Ask its owner to attach it, or for GRANT TRIGGER.")));

	check_readable(relid, population, ERROR);
}

void
source_check_readable(const Source *source)
{
	ListCell   *lc;

	source_check(source);
	foreach(lc, source_relations(source))
		check_readable(lfirst_oid(lc), source->population, ERROR);
}

void
source_warn_hidden(const Source *source)
{
	ListCell   *lc;

	foreach(lc, source_relations(source))
		check_readable(lfirst_oid(lc), source->population, WARNING);
}

/*
 * check_readable() refuses a table of which the population's owner may not
 * read all rows, or warns of it.
 */
static void
check_readable(Oid relid, const Population *population, int level)
{
	Oid			owner = relation_owner(population->oid);
	const char *role = quote_identifier(GetUserNameFromId(owner, false));

	if (pg_class_aclcheck(relid, owner, ACL_SELECT) != ACLCHECK_OK)
		ereport(level,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the owner of population \"%s\" may not read table \"%s\"",
						population->name, get_rel_name(relid)),
				 errhint("GRANT SELECT ON %s TO %s;",
						 relation_name(relid), role)));
	else if (check_enable_rls(relid, owner, true) == RLS_ENABLED)
		ereport(level,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security hides rows of \"%s\" from the owner of population \"%s\"",
						get_rel_name(relid), population->name),
				 level == ERROR ?
				 errdetail("Traits would be computed from the rows that role sees, not from all.") :
				 errdetail("Changes of the table will fail where its rows have to be read again."),
				 errhint("Let the owner of the table own the population, too, or let that role see all rows: ALTER ROLE %s BYPASSRLS",
						 role)));
}

AttrNumber
eligible_key(const Population *population, Relation relation,
			 const char *column)
{
	Form_pg_attribute att = find_column(relation, column, "key");

	/* profiles are told apart by the bytes of their keys */
	if (OidIsValid(att->attcollation) &&
		!get_collation_isdeterministic(att->attcollation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of \"%s\" has a nondeterministic collation and cannot be a key",
						NameStr(att->attname),
						RelationGetRelationName(relation)),
				 errdetail("Keys that differ in any character belong to "
						   "different profiles, but SQL treats some of them "
						   "as equal."),
				 errhint("Attach by a column whose collation is deterministic, for example a generated one with lower(...).")));

	if (profile_key_form(population, att->atttypid) == KEY_REFUSED)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, but the key of population \"%s\" is of type %s",
						NameStr(att->attname),
						RelationGetRelationName(relation),
						format_type_be(att->atttypid), population->name,
						format_type_be(population->key_type)),
				 errhint("Name a column of type %s, or attach the table to another population.",
						 format_type_be(population->key_type))));
	return att->attnum;
}

AttrNumber
eligible_time(Relation relation, const char *column)
{
	Form_pg_attribute att = find_column(relation, column, "time");

	if (!source_time_fits(att->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s and cannot be the time of an event",
						NameStr(att->attname),
						RelationGetRelationName(relation),
						format_type_be(att->atttypid)),
				 errhint("Use a column of type timestamp with time zone, timestamp or date.")));
	return att->attnum;
}

/*
 * find_column() finds a column by its name, which is to be the 'purpose' of a
 * source: an error if there is none, or if its values are not stored.
 */
static Form_pg_attribute
find_column(Relation relation, const char *column, const char *purpose)
{
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *names = NIL;
	const char *nearest;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (strcmp(NameStr(att->attname), column) == 0)
		{
			check_stored(relation, att, purpose);
			return att;
		}
		names = lappend(names, NameStr(att->attname));
	}
	nearest = nearest_name(column, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s\" has no column \"%s\"",
					RelationGetRelationName(relation), column),
			 errdetail("It was to be the %s of the source.", purpose),
			 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) : 0));
}

/*
 * check_stored() refuses a generated column whose values are computed when it
 * is read: the server hands a trigger none of them.
 */
static void
check_stored(Relation relation, Form_pg_attribute column, const char *purpose)
{
	if (column->attgenerated != ATTRIBUTE_GENERATED_VIRTUAL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of \"%s\" is not stored and cannot be the %s of a source",
					NameStr(column->attname),
					RelationGetRelationName(relation), purpose),
			 errdetail("It is computed when it is read, and triggers see no value of it."),
			 errhint("Make it a STORED generated column.")));
}
