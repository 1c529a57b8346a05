/*-------------------------------------------------------------------------
 *
 * joined.c
 *	  The columns of a state as one value.
 *
 *		series_joined(s7, s7_middle, s7_body)
 *		tally_joined(s9, s9_middle, s9_body)
 *
 * Most customers have few events, and s7 alone.  Otherwise the three are not
 * put together: the result just points at them, as an expanded object of the
 * server, and whoever reads it reads as much of each as is needed.  It is made
 * one value when somebody wants to keep or print it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/joined.h"

static Size joined_size(ExpandedObjectHeader *header);
static void joined_flatten(ExpandedObjectHeader *header, void *result,
						   Size size);

static const ExpandedObjectMethods joined_methods = {
	joined_size,
	joined_flatten,
};

Datum
joined_result(FunctionCallInfo fcinfo, JoinedWrite write)
{
	Joined	   *joined;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}

	joined = palloc(sizeof(Joined));
	EOH_init_header(&joined->header, &joined_methods, CurrentMemoryContext);
	joined->write = write;
	joined->ncolumns = 0;
	joined->flat = NULL;
	for (int i = 0; i < STATE_COLUMNS; i++)
		if (!PG_ARGISNULL(i))
			joined->columns[joined->ncolumns++] = PG_GETARG_DATUM(i);
	/* read-only, so that nobody frees it before its memory context goes */
	PG_RETURN_DATUM(EOHPGetRODatum(&joined->header));
}

const Joined *
joined_of(Datum state)
{
	ExpandedObjectHeader *header;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)))
		return NULL;
	header = DatumGetEOHP(state);
	return header->eoh_methods == &joined_methods ? (Joined *) header : NULL;
}

/* The number of bytes that joined_flatten() writes. */
static Size
joined_size(ExpandedObjectHeader *header)
{
	Joined	   *joined = (Joined *) header;

	if (joined->flat == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(header->eoh_context);

		joined->flat = (struct varlena *)
			DatumGetPointer(joined->write(EOHPGetRODatum(header)));
		MemoryContextSwitchTo(old);
	}
	return VARSIZE(joined->flat);
}

/* Write all columns as one value. */
static void
joined_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	memcpy(result, ((Joined *) header)->flat, size);
}
