/*-------------------------------------------------------------------------
 *
 * transitions.c
 *	  Which transitions does a fold of memberships emit?
 *
 *		emitted by the fold		definition 3: 17 entered at 12:00, event
 *		transition				audience "vip": 17 entered at 12:00, event
 *
 * The room of membership knows definitions by their ids.  Here an id becomes
 * the audience's name; toggles of a definition that no audience has any more
 * are dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/definitions.h"

/* Where transitions go. */
typedef struct Emission
{
	TransitionSink sink;
	void	   *context;
} Emission;

static bool is_defined(const MembershipFold *fold, int32 definition_id);
static void emit(const MembershipFold *fold, const MemberChange *change);

int64
audience_fold(const Population *population, int64 most, bool skip_damaged,
			  TransitionSink sink, void *context)
{
	Emission	emission = {sink, context};
	MembershipFold fold = {
		.population = population,
		.most = most,
		.skip_damaged = skip_damaged,
		.is_defined = is_defined,
		.emit = emit,
		.context = &emission,
	};

	return membership_fold(&fold);
}

static bool
is_defined(const MembershipFold *fold, int32 definition_id)
{
	return audience_by_definition(fold->population, definition_id) != NULL;
}

/* emit() hands a change to the sink, with the name of the audience. */
static void
emit(const MembershipFold *fold, const MemberChange *change)
{
	const Emission *emission = fold->context;
	const Audience *audience = audience_by_definition(fold->population,
													  change->definition_id);
	Transition	transition;

	/* of one that is being built nobody knows yet who was a member */
	if (audience == NULL || audience->building)
		return;
	transition.audience = audience->name;
	transition.key = change->key;
	transition.members = NULL;
	transition.entered = change->entered;
	transition.at = change->at;
	transition.cause = change->cause;
	emission->sink(&transition, emission->context);
}
