/*-------------------------------------------------------------------------
 *
 * build_state.c
 *	  How far is a build, and is one unfinished?
 *
 *		population | number | phase				| done	 | total
 *		profile	   |	  3 | writing profiles	| 400000 | 1000000
 *
 * Each transaction of a build notes what it has done; so the note agrees with
 * the rows, whatever happens to the session, and others see it.  The row
 * stays when the build is done: the next one gets the next number.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/base.h"
#include "flow/build.h"

bool
build_find(const Population *population, char **request, int32 *number)
{
	CatalogScan scan;
	bool		unfinished = false;
	bool		isnull;

	*number = 0;
	*request = NULL;
	catalog_begin(&scan, "build", population->name);
	if (catalog_next(&scan))
	{
		char	   *phase = catalog_get_text(&scan, "phase");

		*number = DatumGetInt32(catalog_get(&scan, "number", INT4OID,
											&isnull));
		*request = catalog_get_text(&scan, "request");
		unfinished = strcmp(phase, BUILD_DONE) != 0 &&
			strcmp(phase, BUILD_ABANDONED) != 0;
	}
	catalog_end(&scan);
	return unfinished;
}

void
build_refuse(const Population *population)
{
	char	   *request;
	int32		number;

	if (build_find(population, &request, &number))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a build of population \"%s\" is unfinished",
						population->name),
				 errdetail("It builds %s.", request),
				 errhint("Repeat its CALL to go on with it, or undo it with SELECT segment.abandon_build(%s);",
						 quote_literal_cstr(population->name))));
}

void
build_note(const Build *build, const char *phase)
{
	catalog_execute("INSERT INTO segment.build (population, number, command,"
					" request, phase, started_at, phase_at, updated_at, pid)"
					" SELECT $1, $2, $3, $4, $5, now, now, now, $6"
					" FROM pg_catalog.clock_timestamp() AS now"
					" ON CONFLICT (population) DO UPDATE"
					" SET number = excluded.number,"
					" command = excluded.command, request = excluded.request,"
					" phase = excluded.phase, done = 0, total = 0,"
					" started_at = excluded.started_at,"
					" phase_at = excluded.phase_at,"
					" updated_at = excluded.updated_at, pid = excluded.pid",
					6, (Oid[]) {NAMEOID, INT4OID, TEXTOID, TEXTOID, TEXTOID,
								INT4OID},
					(Datum[]) {name_datum(build->population),
							   Int32GetDatum(build->number),
							   CStringGetTextDatum(build->command),
							   CStringGetTextDatum(build->request),
							   CStringGetTextDatum(phase),
							   Int32GetDatum(MyProcPid)},
					NULL);
}

void
build_note_phase(const Population *population, const char *phase, int64 total)
{
	catalog_execute("UPDATE segment.build"
					" SET phase = $2, done = 0, total = $3, pid = $4,"
					" phase_at = pg_catalog.clock_timestamp(),"
					" updated_at = pg_catalog.clock_timestamp()"
					" WHERE population = $1",
					4, (Oid[]) {NAMEOID, TEXTOID, INT8OID, INT4OID},
					(Datum[]) {name_datum(population->name),
							   CStringGetTextDatum(phase),
							   Int64GetDatum(total), Int32GetDatum(MyProcPid)},
					NULL);
}

void
build_note_done(const Population *population, int64 done)
{
	catalog_execute("UPDATE segment.build SET done = $2,"
					" updated_at = pg_catalog.clock_timestamp()"
					" WHERE population = $1",
					2, (Oid[]) {NAMEOID, INT8OID},
					(Datum[]) {name_datum(population->name),
							   Int64GetDatum(done)},
					NULL);
}

void
build_commit(void)
{
	SPI_commit();
	EnsurePortalSnapshotExists();
}

void
build_forget(const Population *population)
{
	catalog_execute("DELETE FROM segment.build WHERE population = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
}
