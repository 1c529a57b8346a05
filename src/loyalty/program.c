/*-------------------------------------------------------------------------
 *
 * program.c
 *	  Which programs are there, and who may use them?
 *
 *		SELECT segment.redeem('club', 42, 100);
 *
 *		program_open	segment.program says which tables the program has;
 *						the user has INSERT on its movements
 *
 * Rights are grants on the table of movements, which nobody writes by SQL
 * whatever is granted (base/protect.c); so they are seen by \dp, dumped, and
 * dropped with a role, as others are:
 *
 *		SELECT		read: statement, card, liability ...
 *		INSERT		serve: join, earn, redeem, hold, settle, release, give, use
 *		UPDATE		correct: reverse, adjust, cancel, leave
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "loyalty/loyalty_private.h"

const char *const program_table_names[PROGRAM_TABLES] = {
	[MEMBER_TABLE] = "member",
	[MOVEMENT_TABLE] = "movement",
	[LOT_TABLE] = "lot",
	[ENTRY_TABLE] = "entry",
	[HOLD_TABLE] = "hold",
	[GRANTED_TABLE] = "granted",
	[VOUCHER_TABLE] = "voucher",
};

static const struct
{
	AclMode		mode;
	const char *name;
}			privileges[] = {
	[PROGRAM_READ] = {ACL_SELECT, "SELECT"},
	[PROGRAM_SERVE] = {ACL_INSERT, "INSERT"},
	[PROGRAM_CORRECT] = {ACL_UPDATE, "UPDATE"},
};

/* A program that is known, by its population and name. */
typedef struct ProgramKey
{
	Oid			base;
	NameData	name;
} ProgramKey;

typedef struct ProgramEntry
{
	ProgramKey	key;			/* hash key */
	CacheSlot	slot;
	Program    *program;		/* without its population */
} ProgramEntry;

static Cache *programs = NULL;

static bool made_of(const void *entry, Oid relid);
static Program *program_read(const Population *population, const char *name);
static int64 cheapest_reward(const Population *population, const char *name);
static Program *program_must(const Population *population, const char *name);
static void check_right(const Program *program, ProgramUse use);
static const char *table_name(const Program *program, ProgramTable which);

void
programs_init(void)
{
	static const CacheKind kind = {
		.name = "segment programs",
		.key_size = sizeof(ProgramKey),
		.entry_size = sizeof(ProgramEntry),
		.slot = offsetof(ProgramEntry, slot),
		.made_of = made_of,
	};

	programs = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	const ProgramEntry *program = entry;

	return program->key.base == relid ||
		program->program->tables[VOUCHER_TABLE] == relid;
}

const Program *
program_open(FunctionCallInfo fcinfo, int program, int population,
			 ProgramUse use)
{
	char	   *name = name_argument(fcinfo, program, "program");
	uint64		changes = cache_begin();
	const Population *home = population_argument(fcinfo, population);
	const Program *found = program_must(home, name);

	check_right(found, use);
	if (use != PROGRAM_READ && XactReadOnly)
	{
		const char *function = get_func_name(fcinfo->flinfo->fn_oid);

		PreventCommandIfReadOnly(psprintf("segment.%s()", function));
	}
	LockRelationOid(home->oid, AccessShareLock);
	if (changes == cache_begin())
		return found;

	/* something happened while we waited */
	home = population_keep(home->name, AccessShareLock);
	if (home == NULL)
		home = population_by_name(optional_name_argument(fcinfo, population));
	found = program_must(home, name);
	check_right(found, use);
	return found;
}

/* program_must() is the program of that name, which must be there. */
static Program *
program_must(const Population *population, const char *name)
{
	Program    *program = program_find(population, name);

	if (program == NULL)
		program_refuse_unknown(population, name);
	return program;
}

/* check_right() raises an error if the user may not use a program so. */
static void
check_right(const Program *program, ProgramUse use)
{
	Oid			movements = program->tables[MOVEMENT_TABLE];

	if (get_rel_relkind(movements) == '\0')
		program_refuse_dropped(program->name);
	if (pg_class_aclcheck(movements, GetUserId(),
						  privileges[use].mode) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for program \"%s\"",
						program->name),
				 errhint("Ask its owner for GRANT %s ON %s.",
						 privileges[use].name,
						 table_name(program, MOVEMENT_TABLE))));
}

/* table_name() is the name of a table of a program, which must be there. */
static const char *
table_name(const Program *program, ProgramTable which)
{
	const char *table = relation_name(program->tables[which]);

	if (table == NULL)
		program_refuse_dropped(program->name);
	return table;
}

void
program_refuse_dropped(const char *program)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("the ledger of program \"%s\" was dropped", program),
			 errhint("Drop the program with segment.drop_program().")));
}

Program *
program_find(const Population *population, const char *name)
{
	ProgramEntry made;
	ProgramEntry *entry;
	Program    *program;
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	memset(&made, 0, sizeof(made));
	made.key.base = population->oid;
	namestrcpy(&made.key.name, name);
	entry = cache_find(programs, &made.key);
	if (entry == NULL)
	{
		context = AllocSetContextCreate(CurrentMemoryContext,
										"segment program",
										ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(context);
		made.program = program_read(population, name);
		MemoryContextSwitchTo(old);
		if (made.program == NULL)
		{
			MemoryContextDelete(context);
			return NULL;
		}
		entry = cache_put(programs, &made, context, begun);
	}
	program = palloc(sizeof(Program));
	*program = *entry->program;
	program->population = population;
	return program;
}

/* program_read() reads a program, NULL if there is none of that name. */
static Program *
program_read(const Population *population, const char *name)
{
	Program    *program = NULL;
	CatalogScan scan;
	bool		isnull;

	catalog_begin_one(&scan, "program", population->name, name);
	if (catalog_next(&scan))
	{
		program = palloc0(sizeof(Program));
		program->name = catalog_get_text(&scan, "program");
		program->unit = catalog_get_text(&scan, "unit");
		program->expires = catalog_get_text(&scan, "expires");
		program->pending = catalog_get_text(&scan, "pending");
		program->rounding = catalog_get_text(&scan, "rounding");
		program->returns = catalog_get_text(&scan, "returns");
		program->bonus = DatumGetInt64(catalog_get(&scan, "bonus", INT8OID,
												   &isnull));
		program->description = catalog_get_optional(&scan, "description");
		for (int i = 0; i < PROGRAM_TABLES; i++)
			program->tables[i] = catalog_get_oid(&scan,
												 program_table_names[i],
												 REGCLASSOID);
		/* a program whose vouchers were dropped goes on without them */
		if (relation_name(program->tables[VOUCHER_TABLE]) == NULL)
			program->tables[VOUCHER_TABLE] = InvalidOid;
	}
	catalog_end(&scan);
	if (program == NULL)
		return NULL;
	program->cheapest = cheapest_reward(population, name);
	program->zone = pg_tzset(population->timezone);
	program->terms = terms_parse(program->expires, "expires", NULL);
	program->pending_span = span_parse(program->pending, "pending", true);
	program->policy = strcmp(program->returns, "debt") == 0 ? RETURNS_DEBT :
		strcmp(program->returns, "forgive") == 0 ? RETURNS_FORGIVE :
		RETURNS_PENDING_ONLY;
	return program;
}

/*
 * cheapest_reward() is the least price of a program's rewards that are issued
 * by themselves; 0 if it has none.
 */
static int64
cheapest_reward(const Population *population, const char *name)
{
	int64		cheapest = 0;
	CatalogScan scan;
	bool		isnull;

	catalog_begin_one(&scan, "reward", population->name, name);
	while (catalog_next(&scan))
	{
		int64		price = DatumGetInt64(catalog_get(&scan, "price", INT8OID,
													  &isnull));

		if (DatumGetBool(catalog_get(&scan, "auto", BOOLOID, &isnull)) &&
			(cheapest == 0 || price < cheapest))
			cheapest = price;
	}
	catalog_end(&scan);
	return cheapest;
}

Interval
program_pending(const Program *program, const char *pending)
{
	return pending == NULL ? program->pending_span :
		span_parse(pending, "pending", true);
}

Terms
program_terms(const Program *program, const char *expires, pg_tz *zone)
{
	Terms		terms;

	if (expires == NULL)
		return program->terms;
	terms = terms_parse(expires, "expires", zone);
	if (program->terms.idle || terms.idle)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expires cannot be given in program \"%s\"",
						program->name),
				 errdetail("Points expire there %s.", program->expires),
				 errhint("Leave out expires.")));
	return terms;
}

List *
program_names(const Population *population)
{
	List	   *names = NIL;
	CatalogScan scan;

	catalog_begin(&scan, "program", population->name);
	while (catalog_next(&scan))
		names = lappend(names, catalog_get_text(&scan, "program"));
	catalog_end(&scan);
	list_sort(names, compare_names);
	return names;
}

void
program_refuse_unknown(const Population *population, const char *name)
{
	const char *nearest = nearest_name(name, program_names(population));

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("program \"%s\" does not exist in population \"%s\"",
					name, population->name),
			 nearest ? errhint("Perhaps you meant %s.",
							   quote_literal_cstr(nearest)) :
			 errhint("Create it with segment.create_program().")));
}

char *
program_sql(const Program *program, const char *sql)
{
	Oid			key = program->population->key_type;
	StringInfoData text;

	initStringInfo(&text);
	while (*sql != '\0')
	{
		bool		verbatim = sql[0] == '{' && sql[1] == '{';
		const char *end = *sql == '{' ? strchr(sql, '}') : NULL;
		int			length = end == NULL ? 0 : end - sql - 1;

		if (verbatim)
			sql++;
		if (end == NULL || verbatim)
		{
			appendStringInfoChar(&text, *sql++);
			continue;
		}
		if (strncmp(sql + 1, "key", length) == 0)
			appendStringInfoString(&text, format_type_be_qualified(key));
		for (int i = 0; i < PROGRAM_TABLES; i++)
			if (strlen(program_table_names[i]) == length &&
				strncmp(sql + 1, program_table_names[i], length) == 0)
				appendStringInfoString(&text, table_name(program, i));
		sql = end + 1;
	}
	return text.data;
}

char *
sql_verbatim(const char *sql)
{
	StringInfoData text;

	initStringInfo(&text);
	for (; *sql != '\0'; sql++)
	{
		if (*sql == '{')
			appendStringInfoChar(&text, '{');
		appendStringInfoChar(&text, *sql);
	}
	return text.data;
}

const Program *
program_of_definer(FunctionCallInfo fcinfo, int population,
				   const char *function)
{
	char	   *name = name_argument(fcinfo, 0, "program");
	const Population *home =
		population_definer(population_argument(fcinfo, population), function);
	const Program *program = program_find(home, name);

	if (program == NULL)
		program_refuse_unknown(home, name);
	return program;
}
