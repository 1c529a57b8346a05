/*-------------------------------------------------------------------------
 *
 * algebra.c
 *	  For how many does a filter hold that is made of audiences alone?
 *
 *		in audience vip and not in audience unsubscribed
 *
 *		vip			{3, 17, 40}
 *		not ...		all but {17}
 *		both		{3, 40}
 *
 * No profile's row is read.  A negated set is kept as the set that it leaves
 * out, so that it does not take all profiles to know it; only if the answer is
 * such a set are the profiles counted.
 *
 *		at least 2 of (a, b, c)		sets "at least 0, 1, 2 of the first i"
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "base/base.h"

/* Profiles: those of a set, or all others. */
typedef struct Answer
{
	MemberSet  *set;
	bool		all_but;
} Answer;

static Answer answer(const Population *population, const FilterNode *filter,
					 Snapshot snapshot);
static Answer both(Answer a, Answer b);
static Answer either(Answer a, Answer b);
static Answer opposite(Answer a);
static Answer at_least(const Population *population, const FilterNode *filter,
					   Snapshot snapshot);

/* find_other() finds a node that is not made of audiences. */
static bool
find_other(const FilterNode *node, void *context)
{
	switch (node->op)
	{
		case FILTER_IN_AUDIENCE:
		case FILTER_AND:
		case FILTER_OR:
		case FILTER_NOT:
		case FILTER_AT_LEAST:
		case FILTER_TRUE:
		case FILTER_FALSE:
			return true;
		default:
			*(bool *) context = true;
			return false;
	}
}

bool
algebra_applies(const FilterNode *filter)
{
	bool		other = false;

	filter_walk(filter, find_other, &other);
	return !other;
}

int64
algebra_count(const Population *population, const FilterNode *filter,
			  Snapshot snapshot)
{
	Answer		found = answer(population, filter, snapshot);
	int64		count = members_count(found.set);

	return found.all_but ?
		audience_count_where(population, "true") - count : count;
}

/* answer() returns the profiles for which a filter holds. */
static Answer
answer(const Population *population, const FilterNode *filter,
	   Snapshot snapshot)
{
	Answer		result = {NULL, false};
	const Audience *audience;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	switch (filter->op)
	{
		case FILTER_IN_AUDIENCE:
			audience = audience_by_name(population, filter->text);
			result.set = audience_members(population, audience, snapshot);
			return result;
		case FILTER_NOT:
			return opposite(answer(population, filter->args[0], snapshot));
		case FILTER_AND:
		case FILTER_OR:
			result = answer(population, filter->args[0], snapshot);
			for (int i = 1; i < filter->nargs; i++)
			{
				Answer		next = answer(population, filter->args[i],
										  snapshot);

				result = filter->op == FILTER_AND ? both(result, next) :
					either(result, next);
			}
			return result;
		case FILTER_AT_LEAST:
			return at_least(population, filter, snapshot);
		default:
			result.set = members_create();
			result.all_but = filter->op == FILTER_TRUE;
			return result;
	}
}

/* both() returns the profiles that are in both answers. */
static Answer
both(Answer a, Answer b)
{
	Answer		result = {NULL, a.all_but && b.all_but};

	if (a.all_but && b.all_but)
		result.set = members_either(a.set, b.set);
	else if (a.all_but)
		result.set = members_only(b.set, a.set);
	else if (b.all_but)
		result.set = members_only(a.set, b.set);
	else
		result.set = members_both(a.set, b.set);
	return result;
}

static Answer
either(Answer a, Answer b)
{
	return opposite(both(opposite(a), opposite(b)));
}

static Answer
opposite(Answer a)
{
	a.all_but = !a.all_but;
	return a;
}

/* at_least() returns the profiles that are in so many of the answers. */
static Answer
at_least(const Population *population, const FilterNode *filter,
		 Snapshot snapshot)
{
	int64		wanted = strtoll(filter->text, NULL, 10);
	Answer	   *reached;
	Answer		nobody = {members_create(), false};

	if (wanted > filter->nargs)
		return nobody;

	/* reached[k]: at least k of those seen so far */
	reached = palloc(sizeof(Answer) * (wanted + 1));
	reached[0] = opposite(nobody);
	for (int k = 1; k <= wanted; k++)
		reached[k] = nobody;
	for (int i = 0; i < filter->nargs; i++)
	{
		Answer		next = answer(population, filter->args[i], snapshot);

		for (int k = wanted; k >= 1; k--)
			reached[k] = either(reached[k], both(reached[k - 1], next));
	}
	return reached[wanted];
}
