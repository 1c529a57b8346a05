/*-------------------------------------------------------------------------
 *
 * build_portions.c
 *	  A build writes profiles by portions, each a transaction.
 *
 *		after	upto		profiles
 *		0		256			256		took 2 ms
 *		256		768			512		took 4 ms
 *		768		9217		512		most of these are gone: took 4 ms
 *
 * Events wait for the rows of a portion.  So a portion has as many profiles as
 * can be written within a moment: how many, those before it tell.  As the next
 * ones may take longer than those did, and the machine may have less time for
 * us, it has at most twice as many as the last one, and never more than the
 * caller says.
 *
 * Memory.  Whatever asks SPI for something goes on in the memory of the
 * procedure that is connected.  So each portion is connected by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "flow/build.h"
#include "flow/flow_private.h"
#include "profile/profile.h"

/* The profiles of a portion are looked for in a range of so many ords. */
#define PORTION_RANGE	16384

static int64 find_portion(const Build *build, const Population *population,
						  const BuildWriting *writing, int pass, int64 after,
						  int size, int64 *count);

void
build_write_all(const Build *build, const BuildWriting *writing)
{
	const Population *population = population_by_name(build->population);
	int			size = writing->begin;
	int64		done = 0;
	int64		highest = highest_ord(population);

	for (int pass = 0; pass < writing->passes; pass++)
	{
		int64		after = 0;

		while (after < highest)
		{
			TimestampTz begun;
			int64		found;
			int64		upto;

			CHECK_FOR_INTERRUPTS();
			build_begin_portion();
			population = population_by_name(build->population);
			upto = find_portion(build, population, writing, pass, after, size,
								&found);
			begun = GetCurrentTimestamp();
			if (found > 0)
			{
				done += writing->portion(build, population, pass, after, upto);
				build_note_done(population_by_name(build->population), done);
			}
			build_end_portion();
			after = upto;
			if (found > 0)
				size = build_portion_size(size, begun, writing->least,
										  writing->most);
		}
	}
}

/*
 * find_portion() finds the next profiles that are to be written, so many at
 * most.  Returns the ord up to which they are, and how many.
 */
static int64
find_portion(const Build *build, const Population *population,
			 const BuildWriting *writing, int pass, int64 after, int size,
			 int64 *count)
{
	int			level = NewGUCNestLevel();
	int64		upto = after + PORTION_RANGE;

	/* by the index, in its order, and no further than needed */
	setting_save("enable_seqscan", "off");
	setting_save("enable_bitmapscan", "off");
	setting_save("jit", "off");
	population_select(population,
					  psprintf("SELECT max(f.ord), count(*) FROM"
							   " (SELECT me.ord FROM %s AS me"
							   " WHERE me.ord > " INT64_FORMAT
							   " AND me.ord <= " INT64_FORMAT
							   " AND me.ord %% %d = %d%s"
							   " ORDER BY me.ord LIMIT %d) AS f",
							   population_base_name(population), after, upto,
							   writing->passes, pass,
							   writing->unfilled ?
							   psprintf(" AND me.%s IS DISTINCT FROM %d",
										PROFILE_BUILD_COLUMN,
										build->number) : "",
							   size));
	AtEOXact_GUC(true, level);
	*count = result_number(2);
	return *count < size ? upto : result_number(1);
}

int
build_portion_size(int size, TimestampTz begun, int least, int most)
{
	long		took = TimestampDifferenceMilliseconds(begun,
													   GetCurrentTimestamp());

	if (took > BUILD_PORTION_TIME)
		return Max(size / 2, least);
	if (took < BUILD_PORTION_TIME / 2)
		return Min(size * 2, most);
	return size;
}

void
build_begin_portion(void)
{
	SPI_connect_ext(SPI_OPT_NONATOMIC);
}

const Population *
build_lock_sources(const Build *build)
{
	sources_hold(population_by_name(build->population), InvalidOid);
	return population_by_name(build->population);
}

void
build_end_portion(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	build_commit();
	SPI_finish();
}
