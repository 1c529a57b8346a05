/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Columns of the base table come and go; a table has 1600 for ever.
 *
 * The server never uses the number of a dropped column again.  So what a
 * stored trait leaves behind is kept for the next one of its type:
 *
 *		s7					in use
 *		  trait dropped		renamed; the values are still there
 *		segment_dropped_7
 *		  emptied			sixteen at a time, by a definition that adds one
 *		segment_free_7
 *		  next trait		renamed, filled as a new column is
 *		s7
 *
 * Whoever writes a row on the way leaves these columns NULL (row.c), so that
 * they cost a bit in the row's bitmap and no more.
 *
 * Old snapshots.  Somebody whose snapshot is older than a definition sees the
 * new view, as everybody does, over old versions of the rows.  In these a
 * column that is used again must not hold the values of another trait.  So it
 * is used again only when the transaction that emptied it is older than every
 * snapshot that anybody has.  That transaction is the one that wrote the
 * column's row of pg_attribute last, which a dump, an upgrade and a vacuum
 * keep right.  A column that the transaction itself has added nobody else has
 * ever seen: it is used again at once.
 *
 * Where no number is left, free columns of another type are given this type,
 * which writes the table anew.
 *
 * A column on which its owner has hung something (a grant, an index, a view)
 * is dropped, as the server drops it: nothing of that may pass to another
 * trait.  So is one of a type or collation of somebody's own, as that could
 * not be dropped any more; but not when the numbers run short.  While the
 * population's view still reads such a column, as where a trait is stored anew
 * with another type, it is renamed, and dropped when the view has been made
 * again.
 *
 * What fits.  A row must fit into a page, whatever the events bring.  Values
 * of variable length are moved out of the row if need be, down to a pointer;
 * the server leaves those in that are no longer than MOST_INLINE.  The sum of
 * that over all columns is checked before one is added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"

#define DROPPED_PREFIX	"segment_dropped_"
#define FREE_PREFIX		"segment_free_"

/* So many are emptied together: each time rows are written. */
#define DROPPED_AT_MOST	16

/*
 * From so many column numbers on, what is dropped is emptied at once, so that
 * there is something to use again when the last number is gone.
 */
#define NUMBERS_RUN_SHORT	(MaxHeapAttributeNumber - 200)

/* What TOAST leaves in the row of a value that can be moved out. */
#define MOST_INLINE		MAXALIGN(TOAST_POINTER_SIZE)

typedef enum ColumnState
{
	COLUMN_USED,
	COLUMN_DROPPED,				/* old values may be in it */
	COLUMN_FREE,				/* it is NULL in all rows */
} ColumnState;

typedef struct Column
{
	AttrNumber	attno;
	char	   *name;
	ColumnState state;
	int			number;			/* in the name of one that is not used */
	Oid			type;
	Oid			collation;
	bool		has_default;
	bool		dirty;			/* values may be in it */
	bool		young;			/* added by this transaction */
} Column;

/*
 * The columns that this transaction has added, which live as long as it does.
 * What a subtransaction added and took back is not among them.
 */
typedef struct Added
{
	Oid			base;
	AttrNumber	attno;
	TransactionId xid;
} Added;

static List *added = NIL;		/* Added * */
static TransactionId added_by = InvalidTransactionId;

/* What is to become of a column that is wanted. */
typedef struct Place
{
	const ProfileColumn *wanted;
	char	   *name;
	Column	   *column;			/* is used again; NULL: it is a new one */
} Place;

static bool column_name_is_unused(const char *name);
static bool is_of(const Column *column, const char *name);
static List *find_places(const Population *population, List *columns,
						 ProfileThing *things, int count);
static Column *choose(const Population *population, List *columns,
					  const ProfileColumn *wanted);
static bool can_be_used(const Population *population, const Column *column);
static void name_places(const Population *population, ProfileThing *thing,
						List *places, int *next);
static void retype(const Population *population, List *columns, List *places);
pg_noreturn static void no_column_left(const Population *population,
									   List *columns);
static void use_again(const Population *population, const Place *place);
static void add_columns(const Population *population, List *places);
static void note_young(const Population *population, AttrNumber attno);
static void empty_dropped(const Population *population);
static void check_fits(const Population *population, List *columns,
					   ProfileThing *things, int count);
static Size row_at_most(const Population *population, bool emptied,
						ProfileThing *things, int count);
static Size column_at_most(int16 length, int32 fixed);
static void check_movable(const ProfileColumn *wanted);
static List *read_columns(const Population *population);
static bool is_settled(const Population *population, AttrNumber attno);
static int	count_state(List *columns, ColumnState state);
static int	column_numbers(const Population *population);
static char *unused_name(const Population *population, const char *prefix,
						 int number);
static bool may_be_kept(const Population *population, const Column *column);
static bool view_reads(const Population *population, const Column *column);
static bool is_pristine(const Population *population, AttrNumber attno);
static Oid	get_type_namespace(Oid type);
static bool parse_number(const char *name, const char *prefix, int *number);
static bool is_young(Oid base, AttrNumber attno);
static char *type_sql(Oid type, Oid collation);
static void alter(const Population *population, const char *format,...) pg_attribute_printf(2, 3);

bool
profile_column_is_unused(const FormData_pg_attribute *column)
{
	return column->attisdropped ||
		column_name_is_unused(NameStr(column->attname));
}

static bool
column_name_is_unused(const char *name)
{
	int			number;

	return parse_number(name, DROPPED_PREFIX, &number) ||
		parse_number(name, FREE_PREFIX, &number);
}

bool
column_is_reserved(const char *name)
{
	const char *p = name;

	/* s1, s2_at ... and what traits have left */
	if (*p == 's' && p[1] >= '0' && p[1] <= '9')
		p += 1 + strspn(p + 1, "0123456789");
	return strcmp(name, "ord") == 0 || strcmp(name, "source_rows") == 0 ||
		strcmp(name, "evaluated_at") == 0 || strcmp(name, "wake_at") == 0 ||
		column_name_is_unused(name) ||
		(p != name && (*p == '\0' || *p == '_'));
}

void
population_add_columns(const Population *population, ProfileThing *things,
					   int count)
{
	List	   *columns;
	List	   *places;
	ListCell   *lc;

	LockRelationOid(population->oid, AccessExclusiveLock);
	columns = read_columns(population);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < things[i].ncolumns; j++)
			check_movable(&things[i].columns[j]);
	check_fits(population, columns, things, count);
	if (count_state(columns, COLUMN_DROPPED) >= DROPPED_AT_MOST)
		empty_dropped(population);

	columns = read_columns(population);
	places = find_places(population, columns, things, count);
	retype(population, columns, places);
	foreach(lc, places)
		if (((Place *) lfirst(lc))->column != NULL)
			use_again(population, lfirst(lc));
	add_columns(population, places);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < things[i].ncolumns; j++)
			CreateComments(population->oid, RelationRelationId,
						   population_column(population,
											 psprintf("%s%s", things[i].name,
													  things[i].columns[j].suffix)),
						   unconstify(char *, things[i].comment));
	CommandCounterIncrement();
}

void
population_drop_columns(const Population *population, const char *name,
						const char *comment)
{
	ListCell   *lc;

	LockRelationOid(population->oid, AccessExclusiveLock);
	foreach(lc, read_columns(population))
	{
		const Column *column = lfirst(lc);
		const char *quoted;

		if (!is_of(column, name))
			continue;
		quoted = pstrdup(quote_identifier(column->name));
		if (!may_be_kept(population, column) &&
			!view_reads(population, column))
		{
			relation_refuse_dependents(population->oid, column->attno,
									   psprintf("stored trait \"%s\"", comment));
			alter(population, "DROP COLUMN %s", quoted);
			continue;
		}
		if (column->has_default)
			alter(population, "ALTER COLUMN %s DROP DEFAULT", quoted);
		alter(population, "RENAME COLUMN %s TO %s", quoted,
			  unused_name(population, DROPPED_PREFIX, column->attno));
		CreateComments(population->oid, RelationRelationId, column->attno,
					   "was a stored trait's; the next one of this type gets it");
	}
	CommandCounterIncrement();
	if (column_numbers(population) >= NUMBERS_RUN_SHORT)
		empty_dropped(population);
}

void
population_drop_unkept(const Population *population)
{
	Relation	base = relation_open(population->oid, NoLock);
	bool		locked = CheckRelationLockedByMe(base, AccessExclusiveLock, true);
	ListCell   *lc;

	relation_close(base, NoLock);
	if (!locked)
		return;
	foreach(lc, read_columns(population))
	{
		const Column *column = lfirst(lc);

		if (column->state != COLUMN_DROPPED || may_be_kept(population, column))
			continue;
		relation_refuse_dependents(population->oid, column->attno,
								   "what a stored trait has left behind");
		alter(population, "DROP COLUMN %s", quote_identifier(column->name));
	}
	CommandCounterIncrement();
}

void
population_comment_columns(const Population *population, const char *name,
						   const char *comment)
{
	ListCell   *lc;

	foreach(lc, read_columns(population))
		if (is_of(lfirst(lc), name))
			CreateComments(population->oid, RelationRelationId,
						   ((Column *) lfirst(lc))->attno,
						   unconstify(char *, comment));
}

/* Is it s7, or s7_at? */
static bool
is_of(const Column *column, const char *name)
{
	int			length = strlen(name);

	return strncmp(column->name, name, length) == 0 &&
		(column->name[length] == '\0' || column->name[length] == '_');
}

/* ---- where new values go ---- */

/* A place (Place *) for each column of each thing, and a name for each. */
static List *
find_places(const Population *population, List *columns, ProfileThing *things,
			int count)
{
	List	   *places = NIL;
	int			next = column_numbers(population) + 1;

	for (int i = 0; i < count; i++)
	{
		List	   *own = NIL;

		for (int j = 0; j < things[i].ncolumns; j++)
		{
			Place	   *place = palloc0(sizeof(Place));

			place->wanted = &things[i].columns[j];
			place->column = choose(population, columns, place->wanted);
			if (place->column != NULL)
				place->column->state = COLUMN_USED;
			own = lappend(own, place);
		}
		name_places(population, &things[i], own, &next);
		places = list_concat(places, own);
	}
	return places;
}

/* One that can be used again as it is, or NULL. */
static Column *
choose(const Population *population, List *columns, const ProfileColumn *wanted)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		Column	   *column = lfirst(lc);

		if (column->type == wanted->type &&
			column->collation == wanted->collation &&
			can_be_used(population, column))
			return column;
	}
	return NULL;
}

static bool
can_be_used(const Population *population, const Column *column)
{
	return column->state != COLUMN_USED &&
		(column->young ||
		 (column->state == COLUMN_FREE && is_settled(population, column->attno)));
}

/*
 * Name a thing and its columns: s and a number, if possible that of its first
 * column.
 */
static void
name_places(const Population *population, ProfileThing *thing, List *places,
			int *next)
{
	const Place *first = linitial(places);
	int			number = first->column != NULL ? first->column->number : *next;
	bool		taken;
	ListCell   *lc;

	do
	{
		taken = false;
		thing->name = psprintf("s%d", number);
		foreach(lc, places)
		{
			Place	   *place = lfirst(lc);

			place->name = psprintf("%s%s", thing->name, place->wanted->suffix);
			taken |= population_column(population, place->name) != InvalidAttrNumber;
		}
		number = *next;
		if (taken || first->column == NULL)
			(*next)++;
	} while (taken);
	/* the numbers of new columns are theirs, too */
	foreach(lc, places)
		if (lfirst(lc) != first && ((Place *) lfirst(lc))->column == NULL)
			(*next)++;
}

/*
 * If there are not enough numbers left for what is new, give free columns of
 * other types the types that are wanted.  This writes the table anew; so half
 * of the free columns that are left get one of these types, too, and not each
 * of the next traits does it again.  As always when the server does that, old
 * snapshots see no row.
 */
static void
retype(const Population *population, List *columns, List *places)
{
	int			left = MaxHeapAttributeNumber - column_numbers(population);
	List	   *others = NIL;
	StringInfoData actions;
	const ProfileColumn *wanted = NULL;
	int			more;
	ListCell   *lc;

	foreach(lc, places)
		left -= ((Place *) lfirst(lc))->column == NULL;
	if (left >= 0)
		return;
	foreach(lc, columns)
		if (can_be_used(population, lfirst(lc)))
			others = lappend(others, lfirst(lc));
	if (list_length(others) < -left)
		no_column_left(population, columns);
	more = -left + (list_length(others) + left) / 2;

	initStringInfo(&actions);
	foreach(lc, places)
	{
		Place	   *place = lfirst(lc);

		if (place->column != NULL || left == 0)
			continue;
		wanted = place->wanted;
		place->column = list_nth(others, -left++ - 1);
		more--;
		appendStringInfo(&actions, "%sALTER COLUMN %s TYPE %s USING NULL",
						 actions.len > 0 ? ", " : "",
						 quote_identifier(place->column->name),
						 type_sql(wanted->type, wanted->collation));
	}
	foreach(lc, others)
	{
		const Column *column = lfirst(lc);
		bool		placed = false;
		ListCell   *place;

		foreach(place, places)
			placed |= ((Place *) lfirst(place))->column == column;
		if (!placed && more-- > 0)
			appendStringInfo(&actions, ", ALTER COLUMN %s TYPE %s USING NULL",
							 quote_identifier(column->name),
							 type_sql(wanted->type, wanted->collation));
		/* the new table has new rows of pg_attribute for the others, too */
		note_young(population, column->attno);
	}
	alter(population, "%s", actions.data);
	CommandCounterIncrement();
}

static void
no_column_left(const Population *population, List *columns)
{
	int			unused = count_state(columns, COLUMN_DROPPED) +
		count_state(columns, COLUMN_FREE);

	if (unused > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("no column of population \"%s\" can be used again yet",
						population->name),
				 errdetail("Its base table has %d columns, as many as a table can have. %d of them are free, but a transaction that began before they became free is still running.",
						   MaxHeapAttributeNumber, unused),
				 errhint("Try again when that transaction has ended. The oldest is the first of SELECT pid, xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start;")));
	ereport(ERROR,
			(errcode(ERRCODE_TOO_MANY_COLUMNS),
			 errmsg("population \"%s\" cannot keep another stored trait",
					population->name),
			 errdetail("Its base table has %d columns, as many as a table can have, and all of them are in use.",
					   MaxHeapAttributeNumber),
			 errhint("Drop traits and audiences that are not needed any more.")));
}

static void
use_again(const Population *population, const Place *place)
{
	const ProfileColumn *wanted = place->wanted;
	const char *quoted = pstrdup(quote_identifier(place->name));

	alter(population, "RENAME COLUMN %s TO %s",
		  quote_identifier(place->column->name), quoted);
	if (wanted->initial != NULL)
		alter(population, "ALTER COLUMN %s SET DEFAULT %s", quoted, wanted->initial);
	if (place->column->dirty)
		population_write(population,
						 psprintf("UPDATE %s SET %s = NULL WHERE %s IS NOT NULL",
								  population_base_name(population), quoted,
								  quoted));
	/* what ANALYZE has found was another trait's */
	RemoveStatistics(population->oid, place->column->attno);
}

/* All that are new, together: the server writes the catalog once. */
static void
add_columns(const Population *population, List *places)
{
	StringInfoData actions;
	AttrNumber	attno;
	ListCell   *lc;

	CommandCounterIncrement();
	attno = column_numbers(population);
	initStringInfo(&actions);
	foreach(lc, places)
	{
		const Place *place = lfirst(lc);
		const ProfileColumn *wanted = place->wanted;

		if (place->column != NULL)
			continue;
		appendStringInfo(&actions, "%sADD COLUMN %s %s%s%s",
						 actions.len > 0 ? ", " : "",
						 quote_identifier(place->name),
						 type_sql(wanted->type, wanted->collation),
						 wanted->initial != NULL ? " DEFAULT " : "",
						 wanted->initial != NULL ? wanted->initial : "");
		note_young(population, ++attno);
	}
	if (actions.len > 0)
		alter(population, "%s", actions.data);
	CommandCounterIncrement();
}

/* Nobody else sees anything of another trait in this column. */
static void
note_young(const Population *population, AttrNumber attno)
{
	MemoryContext old;
	Added	   *one;

	/* the list of another transaction went with its memory */
	if (added_by != GetTopTransactionId())
		added = NIL;
	added_by = GetTopTransactionId();
	old = MemoryContextSwitchTo(TopTransactionContext);
	one = palloc(sizeof(Added));
	one->base = population->oid;
	one->attno = attno;
	one->xid = GetCurrentTransactionId();
	added = lappend(added, one);
	MemoryContextSwitchTo(old);
}

/*
 * Let go of the values of dropped traits.  The rows that have any are written,
 * all columns at a time.
 */
static void
empty_dropped(const Population *population)
{
	StringInfoData set;
	StringInfoData where;
	List	   *dropped = NIL;
	ListCell   *lc;

	initStringInfo(&set);
	initStringInfo(&where);
	foreach(lc, read_columns(population))
	{
		Column	   *column = lfirst(lc);
		const char *name = quote_identifier(column->name);

		if (column->state != COLUMN_DROPPED)
			continue;
		appendStringInfo(&set, "%s%s = NULL", set.len > 0 ? ", " : "", name);
		appendStringInfo(&where, "%s%s IS NOT NULL", where.len > 0 ? " OR " : "", name);
		dropped = lappend(dropped, column);
	}
	if (dropped == NIL)
		return;

	population_write(population,
					 psprintf("UPDATE %s SET %s WHERE %s",
							  population_base_name(population), set.data,
							  where.data));
	foreach(lc, dropped)
	{
		const Column *column = lfirst(lc);

		alter(population, "RENAME COLUMN %s TO %s",
			  quote_identifier(column->name),
			  unused_name(population, FREE_PREFIX, column->number));
	}
	CommandCounterIncrement();
}

/* ---- what fits into a row ---- */

static void
check_fits(const Population *population, List *columns, ProfileThing *things,
		   int count)
{
	Size		size = row_at_most(population, false, things, count);

	if (size > MaxHeapTupleSize &&
		count_state(columns, COLUMN_DROPPED) > 0 &&
		row_at_most(population, true, things, count) <= MaxHeapTupleSize)
	{
		empty_dropped(population);
		size = row_at_most(population, false, things, count);
	}
	if (size > MaxHeapTupleSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("population \"%s\" cannot keep another stored trait",
						population->name),
				 errdetail("A profile's row could come to %zu bytes, and at most %zu fit into a page: what a window, a list, a text or a sum keeps takes up to %d of them there, a count, a time or a truth value 8.",
						   size, (Size) MaxHeapTupleSize, (int) MOST_INLINE),
				 errhint("Drop traits and audiences that are not needed any more. Aggregates over the same values, condition and window are stored once.")));
}

/*
 * How long can a row of the base table become, with these columns?  'emptied':
 * when nothing is left of dropped traits.
 *
 * Each value is counted up to the next multiple of eight, so that the order of
 * the columns does not matter.
 */
static Size
row_at_most(const Population *population, bool emptied, ProfileThing *things,
			int count)
{
	Relation	base = relation_open(population->oid, NoLock);
	TupleDesc	desc = RelationGetDescr(base);
	int			natts = desc->natts;
	Size		size = 0;
	int			number;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped ||
			parse_number(NameStr(att->attname), FREE_PREFIX, &number) ||
			(emptied && parse_number(NameStr(att->attname), DROPPED_PREFIX, &number)))
			continue;
		size += column_at_most(att->attlen,
							   type_maximum_size(att->atttypid, att->atttypmod));
	}
	relation_close(base, NoLock);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < things[i].ncolumns; j++)
		{
			Oid			type = things[i].columns[j].type;

			natts++;
			size += column_at_most(get_typlen(type), type_maximum_size(type, -1));
		}
	natts = Min(natts, MaxHeapAttributeNumber);
	return size + MAXALIGN(offsetof(HeapTupleHeaderData, t_bits) + BITMAPLEN(natts));
}

/* 'length' is that of the type; 'fixed' what a longer one comes to, or -1. */
static Size
column_at_most(int16 length, int32 fixed)
{
	if (length > 0)
		return MAXALIGN(length);
	if (fixed > 0 && fixed < MOST_INLINE)
		return MAXALIGN(fixed);
	return MOST_INLINE;
}

/* A value that cannot be moved out of the row may be as long as it likes. */
static void
check_movable(const ProfileColumn *wanted)
{
	int16		length = get_typlen(wanted->type);

	if (length < 0 && get_typstorage(wanted->type) == TYPSTORAGE_PLAIN &&
		type_maximum_size(wanted->type, -1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of type %s cannot be kept",
						format_type_be(wanted->type)),
				 errdetail("The type's storage is plain: long values cannot be moved out of the profile's row, which would become too long."),
				 errhint("Keep an expression of another type, or add a column of another type to the source.")));
}

/* ---- the columns there are ---- */

static List *
read_columns(const Population *population)
{
	Relation	base;
	TupleDesc	desc;
	List	   *columns = NIL;

	CommandCounterIncrement();
	base = relation_open(population->oid, NoLock);
	desc = RelationGetDescr(base);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Column	   *column;

		if (att->attisdropped)
			continue;
		column = palloc0(sizeof(Column));
		column->attno = i + 1;
		column->name = pstrdup(NameStr(att->attname));
		column->type = att->atttypid;
		column->collation = att->attcollation;
		column->has_default = att->atthasdef;
		if (parse_number(column->name, DROPPED_PREFIX, &column->number))
		{
			column->state = COLUMN_DROPPED;
			column->dirty = true;
		}
		else if (parse_number(column->name, FREE_PREFIX, &column->number))
			column->state = COLUMN_FREE;
		column->young = is_young(population->oid, column->attno);
		columns = lappend(columns, column);
	}
	relation_close(base, NoLock);
	return columns;
}

/*
 * Is the column's row of pg_attribute older than every snapshot?  It is read
 * from the table, not from a cache, as vacuum freezes it without a word.
 */
static bool
is_settled(const Population *population, AttrNumber attno)
{
	Relation	base;
	Relation	attributes = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	TransactionId xid = InvalidTransactionId;
	TransactionId oldest;

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(population->oid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attno));
	scan = systable_beginscan(attributes, AttributeRelidNumIndexId, true, NULL,
							  2, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		xid = HeapTupleHeaderGetXmin(tuple->t_data);
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);

	if (!TransactionIdIsNormal(xid))
		return TransactionIdIsValid(xid);
	base = relation_open(population->oid, NoLock);
	oldest = GetOldestNonRemovableTransactionId(base);
	relation_close(base, NoLock);
	return TransactionIdPrecedes(xid, oldest);
}

static int
count_state(List *columns, ColumnState state)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, columns)
		count += ((Column *) lfirst(lc))->state == state;
	return count;
}

/* The numbers that columns have or had. */
static int
column_numbers(const Population *population)
{
	Relation	base = relation_open(population->oid, NoLock);
	int			numbers = RelationGetNumberOfAttributes(base);

	relation_close(base, NoLock);
	return numbers;
}

static char *
unused_name(const Population *population, const char *prefix, int number)
{
	char	   *name;

	do
		name = psprintf("%s%d", prefix, number++);
	while (population_column(population, name) != InvalidAttrNumber);
	return name;
}

static bool
may_be_kept(const Population *population, const Column *column)
{
	bool		lasting = column->collation < FirstNormalObjectId &&
		(column->type < FirstNormalObjectId ||
		 get_type_namespace(column->type) == get_namespace_oid(SEGMENT_SCHEMA, false));

	return is_pristine(population, column->attno) &&
		(lasting || column_numbers(population) >= NUMBERS_RUN_SHORT);
}

static bool
view_reads(const Population *population, const Column *column)
{
	ListCell   *lc;

	foreach(lc, relation_dependents(population->oid, column->attno))
	{
		const ObjectAddress *object = &((Dependent *) lfirst(lc))->object;

		if (object->classId == RelationRelationId &&
			object->objectId == population->view)
			return true;
	}
	return false;
}

/* Is the column as we made it, and has nothing been hung on it? */
static bool
is_pristine(const Population *population, AttrNumber attno)
{
	Relation	base = relation_open(population->oid, NoLock);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(base), attno - 1);
	bool		pristine = !att->attnotnull && att->attgenerated == '\0' &&
		att->attidentity == '\0' && att->attinhcount == 0 && att->attislocal &&
		att->attstorage == get_typstorage(att->atttypid) && att->atttypmod == -1;
	Relation	attributes = table_open(AttributeRelationId, AccessShareLock);
	HeapTuple	tuple = SearchSysCacheAttNum(population->oid, attno);

	pristine &= HeapTupleIsValid(tuple) &&
		heap_attisnull(tuple, Anum_pg_attribute_attacl,
					   RelationGetDescr(attributes));
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	table_close(attributes, AccessShareLock);
	relation_close(base, NoLock);
	return pristine &&
		!column_is_depended_on(population->oid, attno, population->view);
}

static Oid
get_type_namespace(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			namespace = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		namespace = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
		ReleaseSysCache(tuple);
	}
	return namespace;
}

static bool
parse_number(const char *name, const char *prefix, int *number)
{
	int			length = strlen(prefix);
	const char *digits = name + length;

	if (strncmp(name, prefix, length) != 0 || *digits == '\0' ||
		digits[strspn(digits, "0123456789")] != '\0')
		return false;
	*number = atoi(digits);
	return true;
}

static bool
is_young(Oid base, AttrNumber attno)
{
	ListCell   *lc;

	if (!TransactionIdIsValid(added_by) ||
		added_by != GetTopTransactionIdIfAny())
		return false;
	foreach(lc, added)
	{
		const Added *one = lfirst(lc);

		if (one->base == base && one->attno == attno &&
			TransactionIdIsCurrentTransactionId(one->xid))
			return true;
	}
	return false;
}

static char *
type_sql(Oid type, Oid collation)
{
	char	   *name = format_type_extended(type, -1,
											FORMAT_TYPE_TYPEMOD_GIVEN |
											FORMAT_TYPE_FORCE_QUALIFY);

	if (!OidIsValid(collation) || collation == get_typcollation(type))
		return name;
	return psprintf("%s COLLATE %s", name, collation_full_name(collation));
}

/* ALTER TABLE the base table; what is in the format is quoted. */
static void
alter(const Population *population, const char *format,...)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s ", population_base_name(population));
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
