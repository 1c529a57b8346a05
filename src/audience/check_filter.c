/*-------------------------------------------------------------------------
 *
 * check_filter.c
 *	  May an audience have this name, and this filter?
 *
 *		vip			in audience keen
 *		keen		in audience gold
 *		gold		in audience vip		ERROR: the filters lead in a circle:
 *										"gold" -> "vip" -> "keen" -> "gold"
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "audience/definitions.h"
#include "base/base.h"

/* A search for a way that leads back to an audience. */
typedef struct CycleSearch
{
	const Population *population;
	const char *name;			/* of the audience */
	List	   *seen;			/* names that were followed already */
} CycleSearch;

static void check_cycle(CycleSearch *search, const FilterNode *filter,
						List *path);
pg_noreturn static void report_cycle(const char *name, List *path);

void
audience_check(const Population *population, const char *name,
			   const FilterSource *filter, bool is_new)
{
	if (is_new)
		audience_check_name(population, name);
	(void) check_filter(population, name, filter);
}

void
audience_check_name(const Population *population, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("an audience needs a name")));
	if (audience_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("audience \"%s\" already exists in population \"%s\"",
						name, population->name),
				 errhint("Change it with segment.alter_audience().")));
}

Expr *
check_filter(const Population *population, const char *name,
			 const FilterSource *filter)
{
	CycleSearch search = {population, name};
	Shallow		shallow;
	Expr	   *bound;

	shallow_begin(&shallow, psprintf("audience \"%s\"", name));
	check_cycle(&search, filter->tree, list_make1(unconstify(char *, name)));
	bound = audience_bind(population, filter->tree, filter->text);
	shallow_end(&shallow);
	return bound;
}

/*
 * check_cycle() follows all audiences that the filter mentions.  'path' are
 * the names that led to the filter.  An audience that does not exist is an
 * error of binding, not of this.
 */
static void
check_cycle(CycleSearch *search, const FilterNode *filter, List *path)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, audience_names_used(filter))
	{
		char	   *used = lfirst(lc);
		const Audience *audience;

		if (strcmp(used, search->name) == 0)
			report_cycle(search->name, path);
		audience = audience_by_name(search->population, used);
		if (audience == NULL || names_contain(search->seen, used))
			continue;
		search->seen = lappend(search->seen, used);
		check_cycle(search, audience_filter(audience),
					lappend(list_copy(path), used));
	}
}

/* report_cycle() reports the circle that 'path' leads along. */
static void
report_cycle(const char *name, List *path)
{
	StringInfoData way;
	ListCell   *lc;

	initStringInfo(&way);
	foreach(lc, path)
		appendStringInfo(&way, "\"%s\" -> ", (char *) lfirst(lc));
	appendStringInfo(&way, "\"%s\"", name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("audience \"%s\" would be defined by itself", name),
			 errdetail("The filters lead in a circle: %s.", way.data)));
}
