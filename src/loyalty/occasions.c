/*-------------------------------------------------------------------------
 *
 * occasions.c
 *	  Which audiences earn those who enter them?
 *
 *		birthday	in audience birthday	50 points, once a year
 *		referral	in audience ordered		50 points once, and 100 for who has
 *											brought the customer along
 *
 * An occasion follows the name of its audience, which is not dropped without
 * it (FlowReader).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "audience/audience.h"
#include "filter/filter.h"
#include "flow/flow.h"
#include "loyalty/occasion_private.h"

static int	compare_occasions(const ListCell *a, const ListCell *b);
static List *list_occasions(const Population *population);
static void write_occasion(const Population *population,
						   const FlowDefinition *definition);
static void lose_occasion(const Population *population,
						  const FlowDefinition *definition);
static void bind_occasion(const Population *population,
						  const FlowDefinition *definition);

static const FlowReader reader = {
	.list = list_occasions,
	.write = write_occasion,
	.lose = lose_occasion,
	.bind = bind_occasion,
};

void
occasions_init(void)
{
	flow_register_reader(&reader);
}

List *
occasions_read(const Population *population)
{
	List	   *occasions = NIL;
	CatalogScan scan;
	bool		isnull;

	catalog_begin(&scan, "occasion", population->name);
	while (catalog_next(&scan))
	{
		Occasion   *one = palloc0(sizeof(Occasion));

		one->program = catalog_get_text(&scan, "program");
		one->name = catalog_get_text(&scan, "occasion");
		one->audience = catalog_get_text(&scan, "audience");
		one->points = DatumGetInt64(catalog_get(&scan, "points", INT8OID,
												&isnull));
		one->referrer = DatumGetInt64(catalog_get(&scan, "referrer", INT8OID,
												  &isnull));
		one->per = catalog_get_text(&scan, "per");
		one->pending = catalog_get_optional(&scan, "pending");
		one->expires = catalog_get_optional(&scan, "expires");
		one->valid_from =
			DatumGetTimestampTz(catalog_get(&scan, "valid_from",
											TIMESTAMPTZOID, &isnull));
		one->valid_until =
			DatumGetTimestampTz(catalog_get(&scan, "valid_until",
											TIMESTAMPTZOID, &isnull));
		occasions = lappend(occasions, one);
	}
	catalog_end(&scan);
	list_sort(occasions, compare_occasions);
	return occasions;
}

/* compare_occasions() sorts by name, wherever the rows lie in the table. */
static int
compare_occasions(const ListCell *a, const ListCell *b)
{
	const Occasion *left = lfirst(a);
	const Occasion *right = lfirst(b);
	int			order = strcmp(left->program, right->program);

	return order != 0 ? order : strcmp(left->name, right->name);
}

/* ---- names ---- */

/* list_occasions() lists those that have not ended.  Of a FlowReader. */
static List *
list_occasions(const Population *population)
{
	List	   *list = NIL;
	ListCell   *lc;

	foreach(lc, occasions_read(population))
	{
		Occasion   *one = lfirst(lc);
		FlowDefinition *definition = palloc0(sizeof(FlowDefinition));

		definition->name = psprintf("occasion \"%s\" of program \"%s\"",
									one->name, one->program);
		definition->part_of = psprintf("program %s", one->program);
		definition->filters = list_make1(filter_node(FILTER_IN_AUDIENCE,
													 one->audience, -1));
		definition->ended = one->valid_until <= clock_now();
		definition->own = one;
		list = lappend(list, definition);
	}
	return list;
}

/* write_occasion() writes another name of its audience.  Of a FlowReader. */
static void
write_occasion(const Population *population, const FlowDefinition *definition)
{
	const Occasion *one = definition->own;
	const FilterNode *audience = linitial(definition->filters);

	catalog_execute("UPDATE segment.occasion SET audience = $4"
					" WHERE population = $1 AND program = $2 AND occasion = $3",
					4, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(one->program),
							   name_datum(one->name),
							   name_datum(audience->text)}, NULL);
}

/* lose_occasion() ends one whose audience goes.  Of a FlowReader. */
static void
lose_occasion(const Population *population, const FlowDefinition *definition)
{
	const Occasion *one = definition->own;

	catalog_execute("UPDATE segment.occasion SET valid_until = $4"
					" WHERE population = $1 AND program = $2 AND occasion = $3",
					4, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TIMESTAMPTZOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(one->program),
							   name_datum(one->name),
							   TimestampTzGetDatum(clock_now())}, NULL);
	ereport(NOTICE,
			(errmsg("drop cascades to %s", definition->name),
			 errdetail("It has ended, and what it has granted stays.")));
}

/* bind_occasion() is an error if the audience is gone.  Of a FlowReader. */
static void
bind_occasion(const Population *population, const FlowDefinition *definition)
{
	const Occasion *one = definition->own;

	if (audience_by_name(population, one->audience) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("audience \"%s\" does not exist", one->audience)));
}
