/*-------------------------------------------------------------------------
 *
 * column_values.c
 *	  Which texts can the columns of a program be?
 *
 *		club_step.tier		silver, gold, or one that was dropped since
 *		club_entry.kind		earn, redeem, expire ...
 *		club_tier			silver or gold, where tiers are not held
 *
 * So a filter that asks for another one is refused where it is written
 * (trait_values.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "loyalty/reward_private.h"
#include "loyalty/tier_private.h"

static const char *const entry_kinds[] = {
	"earn", "redeem", "expire", "hold", "release", "return", "restore",
	"adjust", "gift", "debt", "forgive", "move", "extend", "outlast", NULL
};

static const char *const entry_contras[] = {
	"issued", "redeemed", "expired", "held", "returned", "adjusted", "gift",
	"debt", "forgiven", "moved", NULL
};

static const char *const voucher_ends[] = {
	"expired", "used", "cancelled", NULL
};

static const TraitValues *column_values(const Population *population,
										const char *source,
										const char *column,
										const char *asked);
static const TraitValues *some_texts(const char *const *texts);
static const TraitValues *tier_names(const Population *population,
									 const char *program, bool live,
									 Oid relid, const char *asked);
static const TraitValues *reward_names(const Population *population,
									   const char *program, Oid relid,
									   const char *asked);
static bool is_kept(const Population *population, Oid relid,
					const char *column, const char *asked);

void
column_values_init(void)
{
	trait_values_hook = column_values;
}

/* column_values() knows the columns of all programs.  A TraitValuesHook. */
static const TraitValues *
column_values(const Population *population, const char *source,
			  const char *column, const char *asked)
{
	const Source *kept = source == NULL ? NULL :
		source_by_name(population, source);
	const char *name = source == NULL ? column : source;
	ListCell   *lc;

	if (source != NULL && (kept == NULL || !source_is_kept(kept)))
		return NULL;
	foreach(lc, program_names(population))
	{
		const char *program = lfirst(lc);
		int			length = strlen(program);
		const char *rest = name + length + 1;

		if (strncmp(name, program, length) != 0 || name[length] != '_')
			continue;
		if (source == NULL && strcmp(rest, "tier") == 0)
			return tier_names(population, program, true, InvalidOid, asked);
		if (source == NULL)
			continue;
		if (strcmp(rest, "step") == 0 && strcmp(column, "tier") == 0)
			return tier_names(population, program, false, kept->relid, asked);
		if (strcmp(rest, "entry") == 0 && strcmp(column, "kind") == 0)
			return some_texts(entry_kinds);
		if (strcmp(rest, "entry") == 0 && strcmp(column, "contra") == 0)
			return some_texts(entry_contras);
		if (strcmp(rest, "voucher_end") == 0 && strcmp(column, "ended") == 0)
			return some_texts(voucher_ends);
		if ((strcmp(rest, "voucher") == 0 ||
			 strcmp(rest, "voucher_end") == 0) &&
			strcmp(column, "reward") == 0)
			return reward_names(population, program, kept->relid, asked);
	}
	return NULL;
}

static const TraitValues *
some_texts(const char *const *texts)
{
	TraitValues *values = palloc0(sizeof(TraitValues));

	for (int i = 0; texts[i] != NULL; i++)
		values->values = lappend(values->values, pstrdup(texts[i]));
	return values;
}

/*
 * tier_names() are the tiers of a program, if they are live, or are not; where
 * they are not, a step is "" if it is to none.
 */
static const TraitValues *
tier_names(const Population *population, const char *program, bool live,
		   Oid relid, const char *asked)
{
	const Tiering *tiering = tiering_find(population, program);
	TraitValues *values = palloc0(sizeof(TraitValues));

	if (tiering == NULL || tiering->live != live)
		return NULL;
	for (int i = 1; i <= tiering->ntiers; i++)
		values->values = lappend(values->values,
								 pstrdup(tiering->tiers[i].name));
	values->ordered = true;
	values->create = "Create it with segment.create_tier().";
	return !live && asked[0] == '\0' ? NULL :
		!names_contain(values->values, asked) &&
		is_kept(population, relid, "tier", asked) ? NULL : values;
}

/* reward_names() are the rewards of a program, and those of its vouchers. */
static const TraitValues *
reward_names(const Population *population, const char *program, Oid relid,
			 const char *asked)
{
	TraitValues *values = palloc0(sizeof(TraitValues));
	ListCell   *lc;

	foreach(lc, rewards_read(population, program))
		values->values = lappend(values->values,
								 ((Reward *) lfirst(lc))->name);
	values->create = "Create it with segment.create_reward().";
	return !names_contain(values->values, asked) &&
		is_kept(population, relid, "reward", asked) ? NULL : values;
}

/* is_kept() says whether there is a row with that value. */
static bool
is_kept(const Population *population, Oid relid, const char *column,
		const char *asked)
{
	Actor		before;
	Datum		value = CStringGetTextDatum(asked);
	bool		found;
	char	   *sql;

	if (!OidIsValid(relid))
		return false;
	sql = psprintf("SELECT FROM %s WHERE %s OPERATOR(pg_catalog.=) $1 LIMIT 1",
				   relation_name(relid), column);
	before = act_as_owner(population->oid);
	SPI_connect();
	if (SPI_execute_with_args(sql, 1, (Oid[]) {TEXTOID}, &value, NULL,
							  ActiveSnapshotSet(), 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	found = SPI_processed > 0;
	SPI_finish();
	act_as_before(before);
	return found;
}
