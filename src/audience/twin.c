/*-------------------------------------------------------------------------
 *
 * twin.c
 *	  How does an audience get other members without anybody waiting?
 *
 *		audience			filter			members
 *		vip					spent > 500		1000000 chunks and toggles
 *		vip (altered)		spent > 900		being stored: flow/build_alter.c
 *
 * The twin is an audience that is being built: nobody hears of its members.
 * Meanwhile the audience is what it was.  When the twin's members are stored
 * the audience takes over what they are stored under, and the feed gets the
 * difference, which is one of bitmaps: no profile is looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "audience/definitions.h"
#include "audience/statistics.h"
#include "base/base.h"

/* What the name of a twin ends in. */
#define TWIN	" (altered)"

static void take_over(const Population *population, const char *name,
					  const Audience *twin);

char *
audience_twin_name(const char *name)
{
	int			room = NAMEDATALEN - sizeof(TWIN);

	return psprintf("%.*s%s", pg_mbcliplen(name, strlen(name), room), name,
					TWIN);
}

const Audience *
audience_twin(const Population *population, const char *name)
{
	const Audience *twin = audience_by_name(population,
											audience_twin_name(name));

	return twin != NULL && twin->building ? twin : NULL;
}

void
audience_become_twin(const Population *population, const char *name,
					 TimestampTz at, TransitionSink sink, void *context)
{
	const Audience *audience = audience_by_name(population, name);
	const Audience *twin = audience_twin(population, name);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment twin",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		damaged = false;
	MemberSet  *before = membership_read_last(population,
											  audience->definition_id,
											  snapshot, &damaged);
	MemberSet  *after = membership_read(population, twin->definition_id,
										snapshot, NULL);
	Transition	change = {
		.audience = name,
		.at = Max(at, membership_tables(population)->decided_at),
		.cause = CAUSE_EDIT,
	};

	UnregisterSnapshot(snapshot);
	if (after == NULL)
		after = members_create();
	change.members = members_only(before, after);
	if (!damaged && members_count(change.members) > 0)
		sink(&change, context);
	change.members = members_only(after, before);
	change.entered = true;
	if (!damaged && members_count(change.members) > 0)
		sink(&change, context);
	membership_forget(population, audience->definition_id);
	statistics_forget(population->oid, audience->definition_id);
	take_over(population, name, twin);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/* take_over() gives an audience what is known of its twin, which ends. */
static void
take_over(const Population *population, const char *name, const Audience *twin)
{
	catalog_execute("DELETE FROM segment.audience"
					" WHERE population = $1 AND audience = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(twin->name)},
					NULL);
	catalog_execute("UPDATE segment.audience"
					" SET definition_id = $3, stored = $4,"
					" time_dependent = $5, matches_empty = $6"
					" WHERE population = $1 AND audience = $2",
					6, (Oid[]) {NAMEOID, NAMEOID, INT4OID, BOOLOID, BOOLOID,
								BOOLOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   Int32GetDatum(twin->definition_id),
							   BoolGetDatum(twin->stored),
							   BoolGetDatum(twin->time_dependent),
							   BoolGetDatum(twin->matches_empty)},
					NULL);
	definitions_changed(population);
}
