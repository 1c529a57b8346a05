/*-------------------------------------------------------------------------
 *
 * program_table.c
 *	  A table of a program is made.
 *
 *		program_make_table(club, VOUCHER_TABLE, form)
 *			segment_data.profile_club_voucher, with its indexes and comments,
 *			is the population's owner's; nobody writes it but our functions
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "utils/builtins.h"

#include "loyalty/loyalty_private.h"

Oid
program_make_table(const Program *program, ProgramTable which,
				   const TableForm *form)
{
	const Population *population = program->population;
	Program		named = *program;
	Oid			schema = get_namespace_oid(SEGMENT_DATA_SCHEMA, false);
	char	   *label = psprintf("%s_%s", program->name,
								 program_table_names[which]);
	char	   *name = ChooseRelationName(population->name, NULL, label,
										  schema, false);
	char	   *columns = program_sql(program, form->columns);
	Oid			relid = data_table_create(name, psprintf("(%s)", columns),
										  form->instead);
	char	   *table = relation_name(relid);
	char	   *comment = psprintf("%s of program \"%s\" of population \"%s\"",
								   form->comment, program->name,
								   population->name);

	named.tables[which] = relid;
	for (int i = 0; i < lengthof(form->indexes); i++)
		if (form->indexes[i] != NULL)
			catalog_execute(program_sql(&named,
										psprintf("CREATE %s",
												 form->indexes[i])),
							0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON TABLE %s IS %s", table,
							 quote_literal_cstr(comment)),
					0, NULL, NULL, NULL);
	for (int i = 0; form->comments[i][0] != NULL; i++)
		catalog_execute(psprintf("COMMENT ON COLUMN %s.%s IS %s", table,
								 form->comments[i][0],
								 quote_literal_cstr(form->comments[i][1])),
						0, NULL, NULL, NULL);
	data_table_give(relid, relation_owner(population->oid));
	return relid;
}
