/*-------------------------------------------------------------------------
 *
 * audience.c
 *	  What does the room need before the first question?
 *
 * Its layers, each of which calls only those above it:
 *
 *		definitions.c			which audiences are there?
 *		scope.c, bind.c			what does a filter mean for a profile's row?
 *		index.h					which filters hold, which does a change touch?
 *		due_members.c			stored members, corrected where time passed
 *		members_of.c, algebra.c	who are the members?
 *		plan_members.c			how many, for the planner?
 *		ask.c, compare.c		questions in SQL
 *		next.c, explain.c
 *		apply.c					an event, and time that passes: toggles
 *		transitions.c			a fold: transitions
 *		decide.c				a definition: all profiles are decided anew
 *		check_filter.c, suspend.c, member_view.c, redefine.c
 *								definitions change
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/definitions.h"
#include "audience/index.h"
#include "audience/members_of.h"
#include "audience/statistics.h"

void
audience_init(void)
{
	definitions_init();
	scope_init();
	audience_index_init();
	statistics_init();
	ask_init();
	plan_members_init();
}
