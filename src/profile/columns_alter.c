/*-------------------------------------------------------------------------
 *
 * columns_alter.c
 *	  Alter columns of the base table.
 *
 *		columns_alter(population, "RENAME COLUMN %s TO %s", "s7", "s8")
 *
 *		ALTER TABLE segment_data.shop RENAME COLUMN s7 TO s8
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "profile/columns.h"

char *
column_type_sql(Oid type, Oid collation)
{
	char	   *name = format_type_extended(type, -1,
											FORMAT_TYPE_TYPEMOD_GIVEN |
											FORMAT_TYPE_FORCE_QUALIFY);

	if (!OidIsValid(collation) || collation == get_typcollation(type))
		return name;
	return psprintf("%s COLLATE %s", name, collation_full_name(collation));
}

void
columns_alter(const Population *population, const char *format,...)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s ",
					 population_base_name(population));
	for (;;)
	{
		va_list		arguments;
		int			needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(&sql, format, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&sql, needed);
	}
	population_execute(population, sql.data);
}
