/*-------------------------------------------------------------------------
 *
 * state_columns.c
 *	  The columns of a state that may become long.
 *
 *		s7			segment.series_tail(segment.series_of(...))
 *		s7_middle	NULL
 *		s7_body		segment.series_body(segment.series_of(...))
 *
 * An event writes the first of them: see state/series_change.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "trait/aggregate.h"

/* The columns, and the part that each is of a state that is new. */
static const struct
{
	const char *suffix;
	const char *part;			/* NULL: nothing */
}			parts[STATE_COLUMNS] = {
	{"", "tail"},
	{"_middle", NULL},
	{"_body", "body"},
};

int
state_columns(const char *type, Oid collation, AggregateColumn *columns)
{
	Oid			type_id = catalog_type(type);

	if (!OidIsValid(type_id))
		elog(ERROR, "type %s.%s does not exist", SEGMENT_SCHEMA, type);
	for (int i = 0; i < STATE_COLUMNS; i++)
		columns[i] = (AggregateColumn) {
			.suffix = parts[i].suffix,
			.type = type_id,
			.collation = collation,
		};
	return STATE_COLUMNS;
}

void
state_column_sql(const char *type, const char *state, int column,
				 StringInfo out)
{
	if (parts[column].part == NULL)
		appendStringInfo(out, "NULL::%s.%s", SEGMENT_SCHEMA, type);
	else
		/* the server computes equal aggregates once */
		appendStringInfo(out, "%s.%s_%s(%s)", SEGMENT_SCHEMA, type,
						 parts[column].part, state);
}
