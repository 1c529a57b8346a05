/*-------------------------------------------------------------------------
 *
 * actor.c
 *	  On whose behalf do we act, and under which settings?
 *
 * A table may carry code of its owner's: a trigger, a CHECK, a DEFAULT, the
 * expression of an index, a policy.  Reading and writing the table runs that
 * code, which must not have the rights of the user who called:
 *
 *		before = act_as_owner(population->oid);
 *		... read and write what is the owner's ...
 *		act_as_before(before);
 *
 * In between, as in REFRESH MATERIALIZED VIEW or in a foreign key's check,
 *
 *		the user is the owner			the code may do what its owner may
 *		SECURITY_RESTRICTED_OPERATION	it leaves nothing behind that runs
 *										later as somebody else: no deferred
 *										trigger, no temporary table
 *		SECURITY_LOCAL_USERID_CHANGE	it cannot SET ROLE
 *		SECURITY_NOFORCE_RLS			all rows are counted, also where the
 *										owner forces row-level security on its
 *										own tables
 *		search_path is pg_catalog		a name in the code means what its owner
 *										meant, not what the caller put there
 *		settings are undone at the end	the caller does not go on under a
 *										search_path that the code has set
 *
 * There is no way to act as an owner without these restrictions; only the
 * settings may be left alone, by a caller who is sure that no code of the
 * owner's runs (act_as_owner_unpinned).  An error needs no act_as_before():
 * the abort of the transaction, or of the subtransaction in which the error is
 * caught, gives back user and settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/base.h"

/* So many steps of a query over a population need memory at the same time. */
#define STEPS_OF_QUERY	4

static void settings_save(void);

Actor
act_as_owner(Oid relid)
{
	Actor		before = act_as_owner_unpinned(relid);

	before.settings = settings_pin();
	return before;
}

Actor
act_as_owner_unpinned(Oid relid)
{
	Oid			owner = relation_owner(relid);
	Actor		before;

	GetUserIdAndSecContext(&before.user, &before.context);
	SetUserIdAndSecContext(owner, before.context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION |
						   SECURITY_NOFORCE_RLS);
	before.settings = 0;
	return before;
}

void
act_as_before(Actor before)
{
	/* not as a commit: that would keep what the owner's code has SET */
	if (before.settings != 0)
		AtEOXact_GUC(false, before.settings);
	SetUserIdAndSecContext(before.user, before.context);
}

int
settings_pin_by_index(void)
{
	int			level = settings_pin_all_rows();

	setting_save("enable_seqscan", "off");
	/* if there is no other way it seems costly enough to be compiled */
	setting_save("jit", "off");
	return level;
}

int
settings_pin(void)
{
	int			level = NewGUCNestLevel();

	settings_save();
	return level;
}

int
settings_pin_all_rows(void)
{
	int			level = settings_pin();

	if (row_security)
		setting_save("row_security", "off");
	return level;
}

int
settings_pin_uncompiled(void)
{
	int			level = settings_pin_all_rows();

	setting_save("jit", "off");
	return level;
}

void
settings_take_memory(void)
{
	int			most = Max(work_mem, maintenance_work_mem / STEPS_OF_QUERY);

	setting_save("work_mem", psprintf("%dkB", most));
}

/*
 * settings_save() sets what changes how a value prints or parses: an
 * expression that is printed in one session state may be parsed in another.
 */
static void
settings_save(void)
{
	static const char *const path = "pg_catalog, pg_temp";

	/* mostly they are so already: it is nested, or the session's own */
	if (strcmp(namespace_search_path, path) != 0)
		setting_save("search_path", path);
	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_YMD)
		setting_save("DateStyle", "ISO, YMD");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		setting_save("IntervalStyle", "postgres");
	if (extra_float_digits != 1)
		setting_save("extra_float_digits", "1");
	if (Transform_null_equals)
		setting_save("transform_null_equals", "off");
}

void
setting_save(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}
