/*-------------------------------------------------------------------------
 *
 * definer.c
 *	  Definitions that touch several rooms: which steps, in which order?
 *
 *		attach_source	source_attach ─► count the rows there are ─► decide
 *		create_trait	trait_define ─► fill what is new ─► refresh the view
 *		alter_trait		... ─► audiences must bind ─► decide those it concerns
 *		drop_trait		who uses it? ─► trait_forget ─► refresh the view
 *		create_audience	settle ─► store and fill what is new ─►
 *						audience_define ─► decide
 *		alter_audience	... ─► audience_redefine ─► decide it, and those that
 *						are made of it ─► drop what nothing needs any more
 *		drop_population	audiences ─► traits ─► sources ─► the population
 *
 * Each is one function of define_*.c.  All of them go this way:
 *
 *		definer_begin	others who define wait; we act as the owner
 *						errors are raised before any session waits
 *		definer_lock	all else that is affected, at once: lock_affected.c
 *		...				population_of() after each change
 *		definer_end
 *
 * To settle is to lock the members, sweep what is due and fold what is
 * pending, so that it stands before the definition in the feed.  To decide is
 * to find out who is a member, store it, and emit who entered and left by the
 * change.
 *
 * Rights.  The caller must own the population, or be a member of the role that
 * does.  That is checked before anything is locked, and again afterwards.
 * From there on we act as the population's owner (act_as_owner), because
 * columns of the base table, their types and its triggers belong to that role
 * and may run code.  What depends on the caller's rights and search_path comes
 * before: may the table be attached, in which schema is a view made?
 *
 * A thing in use is not dropped: the error lists its users, unless cascade
 * asks to drop them too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "flow/readers.h"
#include "trait/trait.h"

static List *all_filters(const Population *population);
static Definer *start(const Population *population, const char *function);

Definer *
definer_begin(const Population *population, const char *function)
{
	Definer    *definer = definer_begin_as_user(population, function);

	definer_act(definer);
	return definer;
}

Definer *
definer_begin_as_user(const Population *population, const char *function)
{
	Definer    *definer = start(population, function);

	build_refuse(population_of(definer));
	return definer;
}

Definer *
definer_begin_build(const Population *population, const char *function)
{
	Definer    *definer = definer_begin_build_as_user(population, function);

	definer_act(definer);
	return definer;
}

Definer *
definer_begin_build_as_user(const Population *population,
							const char *function)
{
	Definer    *definer = start(population, function);

	definer->gently = true;
	return definer;
}

/* start() begins a definition, whether or not a build is unfinished. */
static Definer *
start(const Population *population, const char *function)
{
	Definer    *definer = palloc0(sizeof(Definer));

	population = population_definer(population, function);
	definer->population = pstrdup(population->name);
	definer->home = current_schema_name();
	return definer;
}

Definer *
definer_begin_statement(const char *population)
{
	const Population *held = population_find(population);
	Definer    *definer;

	if (held != NULL)
		held = hold_definitions(held);
	if (held == NULL)
		return NULL;
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("what population \"%s\" is made of cannot be changed in a REPEATABLE READ or SERIALIZABLE transaction",
						held->name),
				 errdetail("The transaction's snapshot may be older than rows and changes that are already counted."),
				 errhint("Run the statement in a READ COMMITTED transaction.")));
	definer = palloc0(sizeof(Definer));
	definer->population = pstrdup(held->name);
	definer->follows = true;
	definer_act(definer);
	return definer;
}

const Population *
hold_definitions(const Population *population)
{
	char	   *name = pstrdup(population->name);

	build_refuse(population);
	LockRelationOid(population->oid, ShareUpdateExclusiveLock);
	CommandCounterIncrement();
	population = population_find(name);
	if (population != NULL)
		build_refuse(population);
	return population;
}

void
definer_act(Definer *definer)
{
	definer->before = act_as_owner(population_of(definer)->oid);
	definer->acting = true;
}

void
definer_lock(Definer *definer, const Affected *affected)
{
	lock_affected(population_of(definer), affected, definer->gently);
	if (!definer->connected)
		SPI_connect();
	definer->connected = true;
}

void
definer_end(Definer *definer)
{
	if (definer->connected)
	{
		(void) guests_folded(definer->population);
		SPI_finish();
	}
	if (definer->acting)
		act_as_before(definer->before);
}

const Population *
population_of(const Definer *definer)
{
	CommandCounterIncrement();
	return population_by_name(definer->population);
}

void
lock_and_settle(Definer *definer, List *mended)
{
	audience_lock(population_of(definer));
	audience_suspend(population_of(definer), mended);
	sweep_all(population_of(definer));
	fold_all(population_of(definer), false);
}

void
follow_change(Definer *definer, List *concerned, List *sound,
			  bool stored_anew)
{
	List	   *names = list_copy(sound);
	ListCell   *lc;

	foreach(lc, audience_binding(population_of(definer), concerned))
		names = names_add(names, lfirst(lc));
	foreach(lc, names)
	{
		if (audience_twin(population_of(definer), lfirst(lc)) == NULL)
			continue;
		members_become_twin(population_of(definer), lfirst(lc));
		names = foreach_delete_current(names, lc);
	}
	if (names != NIL)
	{
		audience_refresh(population_of(definer), names);
		members_decide(population_of(definer), names, CAUSE_EDIT);
	}
	if (stored_anew)
		refresh_view(definer);
	else
		drop_unneeded(definer);
}

void
refresh_view(Definer *definer)
{
	const Population *population = population_of(definer);

	if (definer->follows && population_view_name(population) == NULL)
		drop_unneeded(definer);
	else
		trait_refresh(population, all_filters(population), definer->home);
}

void
drop_unneeded(Definer *definer)
{
	const Population *population = population_of(definer);

	trait_drop_unneeded(population, all_filters(population));
}

/*
 * all_filters() lists the filters (FilterNode *) over the population's
 * profiles: those of audiences, and of rooms to the right.
 */
static List *
all_filters(const Population *population)
{
	return list_concat(list_copy(audience_filters(population)),
					   readers_filters(population));
}

List *
all_audiences(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		names = lappend(names, pstrdup(((Audience *) lfirst(lc))->name));
	return names;
}

void
refuse_users(const char *kind, const char *name, List *traits,
			 List *audiences, List *others)
{
	StringInfoData users;
	ListCell   *lc;

	initStringInfo(&users);
	foreach(lc, traits)
		appendStringInfo(&users, "%strait \"%s\"", users.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	foreach(lc, audiences)
		appendStringInfo(&users, "%saudience \"%s\"",
						 users.len > 0 ? ", " : "", (char *) lfirst(lc));
	foreach(lc, others)
		appendStringInfo(&users, "%s%s", users.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("%s \"%s\" is in use", kind, name),
			 errdetail("It is used by %s.", users.data),
			 errhint("Drop these first, or use cascade => true to drop them too.")));
}

void
refuse_unknown_trait(const Population *population, const char *name)
{
	List	   *names = trait_names(population);
	const char *nearest = nearest_name(name, names);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("trait \"%s\" does not exist", name),
			 errdetail_plural("Population \"%s\" has %d trait.",
							  "Population \"%s\" has %d traits.",
							  list_length(names), population->name,
							  list_length(names)),
			 nearest ? errhint("Perhaps you meant %s.",
							   quote_literal_cstr(nearest)) : 0));
}

void
refuse_unknown_source(const Population *population, const char *name)
{
	const char *nearest = nearest_name(name, source_names(population));

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("source \"%s\" does not exist in population \"%s\"",
					name, population->name),
			 nearest ? errhint("Perhaps you meant %s.",
							   quote_literal_cstr(nearest)) : 0));
}
