/*-------------------------------------------------------------------------
 *
 * table_rows.c
 *	  Rows that come and go together with their table.
 *
 *		ALTER TABLE visits ATTACH PARTITION visits_2027
 *
 *		flow_rows_begin		count in
 *		flow_rows_add		each row of the table is one that came
 *		flow_rows_end		count out; if the counts meet: apply_batch.c
 *
 * as if a statement had inserted or deleted them.  The table is locked, and
 * what is committed is read, whatever the snapshot of the transaction shows.
 *
 * A table that is dropped is read before it is gone, and what was read is
 * applied when it is gone: until then the source still shows the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow.h"

static void add_rows(Oid top, Oid relid, int sign, bool again);
static List *fit_sources(Oid top, bool leaving);

void
flow_rows_begin(void)
{
	if (segment_capture)
		batch_await(+1);
}

void
flow_rows_add(Oid top, Oid relid, int sign, bool again)
{
	if (segment_capture)
		add_rows(top, relid, sign, again);
}

void
flow_rows_end(void)
{
	if (segment_capture)
		batch_complete();
}

void
flow_rows_drop(Oid top, Oid relid)
{
	if (!segment_capture || !source_is_followed(top))
		return;
	batch_await_drop();
	/* it may have been left to be detached: see flow_rows_add() */
	add_rows(top, relid, -1, !source_shows(top, relid));
}

void
flow_rows_dropped(void)
{
	batch_complete_drop();
}

/* add_rows() folds the rows of a table below 'top', or of 'top' itself. */
static void
add_rows(Oid top, Oid relid, int sign, bool again)
{
	List	   *contributions =
		batch_contributions(fit_sources(top, sign < 0));
	Relation	relation = relation_open(relid, AccessShareLock);
	ListCell   *lc;

	if (again)
		foreach(lc, contributions)
			((Contribution *) lfirst(lc))->again = true;
	if (contributions != NIL)
		contributions_add_table(contributions, relation, top, sign,
								!again && batch_is_alone());
	relation_close(relation, NoLock);
}

/*
 * fit_sources() lists the sources (Source *) that a table is, of all
 * populations.  One that is unfit is an error; but if rows are leaving, its
 * table's owner may tidy up, and is told what is left to do.
 */
static List *
fit_sources(Oid top, bool leaving)
{
	List	   *fit = NIL;
	ListCell   *lc;

	foreach(lc, sources_followed(top))
	{
		const Source *source = lfirst(lc);

		if (source->missing == NULL || !leaving)
		{
			source_check(source);
			fit = lappend(fit, lfirst(lc));
		}
		else
			ereport(WARNING,
					(errmsg("rows that leave source \"%s\" are not taken back: %s",
							source->name, source_trouble(source)),
					 errhint("Run SELECT segment.rebuild(%s) when it is restored.",
							 quote_literal_cstr(source->population->name))));
	}
	return fit;
}
