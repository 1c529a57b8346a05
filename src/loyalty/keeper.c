/*-------------------------------------------------------------------------
 *
 * keeper.c
 *	  Which tables may nobody take away, or alter?
 *
 *		segment_data.profile_club_lot	program "club" of population "profile"
 *		segment_data.profile_club_step	its tiering
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "flow/flow.h"
#include "loyalty/shape.h"
#include "loyalty/tier_private.h"

/* What is kept in a table. */
typedef struct Kept
{
	char	   *population;		/* NULL: nothing */
	char	   *program;
	Oid			base;			/* of the population */
	Oid			key_type;
	bool		of_tiers;
	const ColumnShape *shape;
} Kept;

static char *keeps(Oid relid, const char **instead);
static void check(Oid relid);
static void check_uniques(Oid relid, const List *without);
static List *tables(const char *population);
static Kept find(Oid relid);
static bool find_in(const char *table, const char *const *columns,
					const ColumnShape *const *shapes, Oid relid, Kept *kept);

static const FlowKeeper keeper = {
	.keeps = keeps,
	.check = check,
	.check_uniques = check_uniques,
	.tables = tables,
};

void
keeper_init(void)
{
	flow_register_keeper(&keeper);
}

/* keeps() says what is kept in a table.  Of a FlowKeeper. */
static char *
keeps(Oid relid, const char **instead)
{
	Kept		kept = find(relid);

	/* what goes with its population may go */
	if (kept.population == NULL || get_rel_name(kept.base) == NULL)
		return NULL;
	*instead = kept.of_tiers ?
		"Drop the tiering with segment.drop_tiering()." :
		"Drop the program with segment.drop_program().";
	return psprintf("%sprogram \"%s\" of population \"%s\"",
					kept.of_tiers ? "the tiering of " : "", kept.program,
					kept.population);
}

/* check() refuses a table that is not as it was made.  Of a FlowKeeper. */
static void
check(Oid relid)
{
	Kept		kept = find(relid);
	Relation	relation;

	if (kept.population == NULL)
		return;
	relation = table_open(relid, AccessShareLock);
	shape_check(relation, kept.shape, kept.key_type);
	table_close(relation, AccessShareLock);
}

/* check_uniques() refuses one without its indexes.  Of a FlowKeeper. */
static void
check_uniques(Oid relid, const List *without)
{
	Kept		kept = find(relid);
	Relation	relation;

	if (kept.population == NULL)
		return;
	relation = table_open(relid, AccessShareLock);
	shape_check_uniques(relation, kept.shape, without);
	table_close(relation, AccessShareLock);
}

/* tables() lists the tables of a population.  Of a FlowKeeper. */
static List *
tables(const char *population)
{
	static const char *const of_tiering[] = {"step", "kept"};
	List	   *list = NIL;
	CatalogScan scan;

	catalog_begin(&scan, "program", population);
	while (catalog_next(&scan))
		for (int i = 0; i < PROGRAM_TABLES; i++)
			list = lappend_oid(list,
							   catalog_get_oid(&scan, program_table_names[i],
											   REGCLASSOID));
	catalog_end(&scan);
	catalog_begin(&scan, "tiering", population);
	while (catalog_next(&scan))
		for (int i = 0; i < lengthof(of_tiering); i++)
			list = lappend_oid(list, catalog_get_oid(&scan, of_tiering[i],
													 REGCLASSOID));
	catalog_end(&scan);
	return list;
}

/*
 * find() finds out what is kept in a table.  The population may be one that is
 * being restored: it may not be there yet, or lack an index.
 */
static Kept
find(Oid relid)
{
	static const char *const of_tiering[] = {"step", "kept", NULL};
	const char *of_program[PROGRAM_TABLES + 1] = {NULL};
	Kept		kept = {NULL};
	CatalogScan scan;

	for (int i = 0; i < PROGRAM_TABLES; i++)
		of_program[i] = program_table_names[i];
	if (!find_in("program", of_program, program_shapes, relid, &kept))
		kept.of_tiers = find_in("tiering", of_tiering, tiering_shapes, relid,
								&kept);
	if (kept.population == NULL)
		return kept;
	catalog_begin(&scan, "population", kept.population);
	if (catalog_next(&scan))
	{
		kept.base = catalog_get_oid(&scan, "base", REGCLASSOID);
		kept.key_type = catalog_get_oid(&scan, "key_type", REGTYPEOID);
	}
	else
		kept.population = NULL;
	catalog_end(&scan);
	return kept;
}

/* find_in() finds it in a table of definitions, in one of its columns. */
static bool
find_in(const char *table, const char *const *columns,
		const ColumnShape *const *shapes, Oid relid, Kept *kept)
{
	CatalogScan scan;

	catalog_begin(&scan, table, NULL);
	while (kept->population == NULL && catalog_next(&scan))
		for (int i = 0; columns[i] != NULL; i++)
			if (catalog_get_oid(&scan, columns[i], REGCLASSOID) == relid)
			{
				kept->population = catalog_get_text(&scan, "population");
				kept->program = catalog_get_text(&scan, "program");
				kept->shape = shapes[i];
			}
	catalog_end(&scan);
	return kept->population != NULL;
}
