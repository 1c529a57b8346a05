/*-------------------------------------------------------------------------
 *
 * ords.c
 *	  Which profiles are in chunks XOR toggles?
 *
 *		segment.ords('{0}', '{<bitmap of 17, 40>}', '{17, 41}')
 *
 *		40
 *		41
 *
 * The views of audiences call segment.ords(), which reads no table: a caller
 * who has the chunks and toggles had the right to read them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "base/base.h"
#include "membership/members.h"

SEGMENT_FUNCTION(segment_ords);

/* The elements of an array. */
typedef struct Elements
{
	int			count;
	Datum	   *values;
	bool	   *isnull;
} Elements;

static Elements bigints(ArrayType *array);
static Elements byteas(ArrayType *array);
static void add_chunks(MemberSet *set, ArrayType *numbers, ArrayType *bitmaps);
static void flip_toggled(MemberSet *set, ArrayType *ords);

/*
 * ords(chunks, members, toggled): the ords in chunks XOR those toggled
 */
Datum
segment_ords(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemberSet  *set = members_create();
	int64	   *ords;
	int64		count;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1))
		add_chunks(set, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1));
	if (!PG_ARGISNULL(2))
		flip_toggled(set, PG_GETARG_ARRAYTYPE_P(2));

	ords = members_list(set, &count);
	for (int64 i = 0; i < count; i++)
	{
		Datum		ord = Int64GetDatum(ords[i]);
		bool		isnull = false;

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(result->setResult, result->setDesc, &ord,
							 &isnull);
	}
	return (Datum) 0;
}

static Elements
bigints(ArrayType *array)
{
	Elements	elements;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements.values, &elements.isnull,
					  &elements.count);
	return elements;
}

static Elements
byteas(ArrayType *array)
{
	Elements	elements;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT,
					  &elements.values, &elements.isnull, &elements.count);
	return elements;
}

/* add_chunks() adds the members of chunks, given as numbers and bitmaps. */
static void
add_chunks(MemberSet *set, ArrayType *numbers, ArrayType *bitmaps)
{
	Elements	chunks = bigints(numbers);
	Elements	members = byteas(bitmaps);

	if (chunks.count != members.count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are %d chunks and %d bitmaps of members",
						chunks.count, members.count)));
	for (int i = 0; i < chunks.count; i++)
		if (!chunks.isnull[i] && !members.isnull[i])
			members_read_chunk(set, DatumGetInt64(chunks.values[i]), -1,
							   DatumGetByteaPP(members.values[i]));
}

/* flip_toggled() flips ords; a negative one is an error. */
static void
flip_toggled(MemberSet *set, ArrayType *ords)
{
	Elements	toggled = bigints(ords);

	for (int i = 0; i < toggled.count; i++)
	{
		int64		ord = DatumGetInt64(toggled.values[i]);

		if (toggled.isnull[i])
			continue;
		if (ord < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no profile number " INT64_FORMAT,
							ord)));
		members_flip(set, ord);
	}
}
