/*-------------------------------------------------------------------------
 *
 * rules_linked.c
 *	  Whose rows of sources with links have changed, and which?
 *
 *		INSERT INTO lines ...			customer 7: lines 12 and 13
 *		UPDATE orders SET status ...	customer 7: whichever
 *
 * It is noted while profiles are visited, by program and ref, so that the rows
 * of all customers are read at once when the visits are over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "loyalty/rules_private.h"

/* Customers some of whose rows are to be read, for some rules. */
typedef struct LinkedVisits
{
	const LinkedRules *rules;
	List	   *visits;			/* RowVisit * */
} LinkedVisits;

List *
linked_rules_add(List *groups, const Source *source, Rule *rule, int place)
{
	LinkedRules *group = NULL;
	ListCell   *lc;

	foreach(lc, groups)
	{
		LinkedRules *one = lfirst(lc);

		if (strcmp(one->program, rule->program) == 0 &&
			strcmp(one->ref, rule->ref) == 0)
			group = one;
	}
	if (group == NULL)
	{
		group = palloc0(sizeof(LinkedRules));
		group->source = pstrdup(source->name);
		group->program = rule->program;
		group->ref = rule->ref;
		groups = lappend(groups, group);
	}
	group->rules = lappend(group->rules, rule);
	group->places = lappend_int(group->places, place);
	return groups;
}

List *
linked_rules_note(List *noted, const LinkedRules *rules, RowVisit *visit)
{
	LinkedVisits *linked = NULL;
	ListCell   *lc;

	foreach(lc, noted)
		if (((LinkedVisits *) lfirst(lc))->rules == rules)
			linked = lfirst(lc);
	if (linked == NULL)
	{
		linked = palloc0(sizeof(LinkedVisits));
		linked->rules = rules;
		noted = lappend(noted, linked);
	}
	linked->visits = lappend(linked->visits, visit);
	return noted;
}

List *
linked_rules_changes(const Population *population, List *noted)
{
	List	   *changes = NIL;
	ListCell   *lc;

	foreach(lc, noted)
	{
		const LinkedVisits *linked = lfirst(lc);
		RowsAsked	asked = {.rules = linked->rules->rules};

		asked.program = program_find(population, linked->rules->program);
		asked.source = source_by_name(population, linked->rules->source);
		if (asked.program != NULL && asked.source != NULL)
			changes = list_concat(changes,
								  rules_rows_changes(&asked, linked->visits));
	}
	return changes;
}
