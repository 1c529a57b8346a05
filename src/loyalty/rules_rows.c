/*-------------------------------------------------------------------------
 *
 * rules_rows.c
 *	  What do the rows of a source earn as they are now?
 *
 *		backfill		all rows that are there when a rule is made
 *		links			a line of order 7 has changed, or order 7 has, or a
 *						product: which lines has the customer now?
 *
 *		SELECT key, time, ref, amount 1, amount 2 ... FROM lines ...
 *
 * Of a row that goes through others it is not known what it was before, when
 * one of these has changed; and what is known of one that has changed itself
 * may have been read with another change already.  So such rows are read, and
 * compared with what they have earned.  Those that happened before the rule
 * was made or the customer joined earn nothing, which is told by their time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "loyalty/rules_private.h"

static char *as_text(Expr *expr, List *context);
static SourceRow *take_row(const Population *population, int rules,
						   uint64 number);
static List *read_rows(const RowsAsked *asked, List *visits);
static List *read_where(const RowsAsked *asked, const char *condition,
						List *values, bool are_keys);
static int	join_parted(const RowsAsked *asked, SourceRow **rows, int count);
static List *refs_of(const RowsAsked *asked, SourceRow *const *rows,
					 int count, const RowVisit *visit);
static List *changes_of_visit(const RowsAsked *asked, SourceRow *const *rows,
							  int count, const RowVisit *visit);
static List *changes_of_row(const RowsAsked *asked, const RowVisit *visit,
							const char *ref, const SourceRow *row);
static const SourceRow *find_row(SourceRow *const *rows, int count,
								 const char *who, const char *ref);
static int	by_who_and_ref(const void *a, const void *b);
static int	compare_row(const SourceRow *row, const char *who,
						const char *ref);

char *
rules_rows_sql(const RowsAsked *asked, const char *condition)
{
	const Source *source = asked->source;
	List	   *context = source_deparse_context(source);
	Expr	   *time = source_time(source);
	Expr	   *amount;
	Expr	   *ref;
	int			level = settings_pin();
	StringInfoData sql;
	ListCell   *lc;

	rule_bind(source, linitial(asked->rules), &amount, &ref);
	initStringInfo(&sql);
	/* what is read may have been altered since */
	appendStringInfo(&sql, "SELECT %s AS key, %s::pg_catalog.timestamptz"
					 " AS at, %s::pg_catalog.text AS ref",
					 profile_key_sql(source->population,
									 source_key_sql(source),
									 source->key_type),
					 time == NULL ? "NULL" : as_text(time, context),
					 as_text(ref, context));
	foreach(lc, asked->rules)
	{
		rule_bind(source, lfirst(lc), &amount, &ref);
		appendStringInfo(&sql, ", %s::pg_catalog.numeric AS amount%d",
						 as_text(amount, context),
						 foreach_current_index(lc) + 1);
	}
	AtEOXact_GUC(true, level);
	appendStringInfoString(&sql, source_from_sql(source, condition));
	return sql.data;
}

/* as_text() prints an expression over rows of a source. */
static char *
as_text(Expr *expr, List *context)
{
	return psprintf("(%s)", deparse_expression((Node *) expr, context, true,
											   true));
}

List *
rules_rows_take(const RowsAsked *asked)
{
	List	   *rows = NIL;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		SourceRow  *row = take_row(asked->source->population,
								   list_length(asked->rules), i);

		if (row != NULL)
			rows = lappend(rows, row);
	}
	return rows;
}

/* take_row() takes a row of the answer; NULL for one that is nobody's. */
static SourceRow *
take_row(const Population *population, int rules, uint64 number)
{
	SourceRow  *row = palloc0(sizeof(SourceRow));
	bool		isnull;
	Datum		key = result_value(number, 1, &isnull);
	Datum		value;

	if (isnull)
		return NULL;
	value = result_value(number, 3, &isnull);
	if (isnull)
		return NULL;
	row->ref = TextDatumGetCString(value);
	row->key = profile_key_copy(population, key);
	row->who = profile_key_text(population, key);
	value = result_value(number, 2, &isnull);
	row->happened = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	row->amounts = palloc0(sizeof(Numeric) * rules);
	for (int i = 0; i < rules; i++)
	{
		value = result_value(number, 4 + i, &isnull);
		if (!isnull && points_countable(DatumGetNumeric(value)))
			row->amounts[i] = DatumGetNumericCopy(value);
	}
	return row;
}

/* ---- rows of customers who are visited ---- */

List *
rules_rows_changes(const RowsAsked *asked, List *visits)
{
	List	   *read = read_rows(asked, visits);
	int			count = list_length(read);
	SourceRow **rows = palloc(sizeof(SourceRow *) * Max(1, count));
	List	   *changes = NIL;
	ListCell   *lc;

	foreach(lc, read)
		rows[foreach_current_index(lc)] = lfirst(lc);
	qsort(rows, count, sizeof(SourceRow *), by_who_and_ref);
	count = join_parted(asked, rows, count);
	foreach(lc, visits)
		changes = list_concat(changes,
							  changes_of_visit(asked, rows, count,
											   lfirst(lc)));
	return changes;
}

/*
 * join_parted() makes one row of those of a customer with one ref, which are
 * in several partitions, and have come when the last of them has: what they
 * earn together.  The rows are sorted; returns how many are left.
 */
static int
join_parted(const RowsAsked *asked, SourceRow **rows, int count)
{
	int			left = 0;

	for (int i = 0; i < count; i++)
	{
		SourceRow  *last = left == 0 ? NULL : rows[left - 1];
		const SourceRow *row = rows[i];

		if (last == NULL || compare_row(last, row->who, row->ref) != 0)
		{
			rows[left++] = rows[i];
			continue;
		}
		last->happened = Max(last->happened, row->happened);
		for (int j = 0; j < list_length(asked->rules); j++)
			if (last->amounts[j] == NULL)
				last->amounts[j] = row->amounts[j];
			else if (row->amounts[j] != NULL)
				last->amounts[j] = numeric_add_opt_error(last->amounts[j],
														 row->amounts[j],
														 NULL);
	}
	return left;
}

/*
 * read_rows() reads the rows (SourceRow *) that visits concern: those with the
 * refs that are known, and all of customers of whom these are not.
 */
static List *
read_rows(const RowsAsked *asked, List *visits)
{
	const Source *source = asked->source;
	const Rule *rule = linitial(asked->rules);
	Oid			type = get_atttype(source->relid,
								   get_attnum(source->relid, rule->ref));
	List	   *refs = NIL;
	List	   *keys = NIL;
	List	   *rows = NIL;
	ListCell   *lc;

	foreach(lc, visits)
	{
		const RowVisit *visit = lfirst(lc);

		if (visit->all)
			keys = lappend(keys, unconstify(RowVisit *, visit));
		else
			refs = list_concat(refs, list_copy(visit->refs));
	}
	if (keys != NIL)
		rows = read_where(asked,
						  profile_key_any_sql(source->population,
											  source_key_sql(source),
											  source->key_type, "$1"),
						  keys, true);
	if (refs != NIL)
		rows = list_concat(rows,
						   read_where(asked,
									  psprintf("r.%s = ANY"
											   " ($1::pg_catalog.text[]::%s[])",
											   quote_identifier(rule->ref),
											   format_type_be_qualified(type)),
									  refs, false));
	return rows;
}

/*
 * read_where() reads the rows for which a condition on $1 holds: an array of
 * the keys of visits, or of refs.
 */
static List *
read_where(const RowsAsked *asked, const char *condition, List *values,
		   bool are_keys)
{
	Oid			element = are_keys ? asked->source->population->key_type :
		TEXTOID;
	Datum	   *elements = palloc(sizeof(Datum) * list_length(values));
	Oid			type = get_array_type(element);
	Datum		array;
	int			level;
	ListCell   *lc;

	foreach(lc, values)
		elements[foreach_current_index(lc)] = are_keys ?
			((RowVisit *) lfirst(lc))->key :
			CStringGetTextDatum((char *) lfirst(lc));
	array = array_datum(elements, list_length(values), element);
	source_check_readable(asked->source);
	level = settings_pin_all_rows();
	/* not read-only: it sees what was committed when it begins */
	if (SPI_execute_with_args(rules_rows_sql(asked, condition), 1, &type,
							  &array, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rows of source \"%s\"",
			 asked->source->name);
	AtEOXact_GUC(true, level);
	return rules_rows_take(asked);
}

/* refs_of() lists the refs (char *) of a visit, each once. */
static List *
refs_of(const RowsAsked *asked, SourceRow *const *rows, int count,
		const RowVisit *visit)
{
	List	   *refs = list_copy(visit->refs);
	List	   *names = NIL;
	List	   *once = NIL;
	bool		isnull;
	ListCell   *lc;

	for (int i = 0; visit->all && i < count; i++)
		if (strcmp(rows[i]->who, visit->who) == 0)
			refs = lappend(refs, rows[i]->ref);
	foreach(lc, visit->all ? asked->rules : NIL)
		names = names_add(names, ((Rule *) lfirst(lc))->name);
	foreach(lc, names)
	{
		Datum		values[] = {visit->key, CStringGetTextDatum(lfirst(lc))};

		(void) ledger_execute(asked->program, ASK_REFS, values, NULL);
		for (uint64 i = 0; i < SPI_processed; i++)
			refs = lappend(refs,
						   TextDatumGetCString(result_value(i, 1, &isnull)));
	}
	list_sort(refs, compare_names);
	foreach(lc, refs)
		if (once == NIL || strcmp(llast(once), lfirst(lc)) != 0)
			once = lappend(once, lfirst(lc));
	return once;
}

/* changes_of_visit() lists what has become of the rows of a visit. */
static List *
changes_of_visit(const RowsAsked *asked, SourceRow *const *rows, int count,
				 const RowVisit *visit)
{
	List	   *changes = NIL;
	ListCell   *lc;

	foreach(lc, refs_of(asked, rows, count, visit))
		changes = list_concat(changes,
							  changes_of_row(asked, visit, lfirst(lc),
											 find_row(rows, count, visit->who,
													  lfirst(lc))));
	return changes;
}

/*
 * changes_of_row() lists what a row comes to now, by all versions; the row is
 * NULL if the customer has it no more.
 */
static List *
changes_of_row(const RowsAsked *asked, const RowVisit *visit, const char *ref,
			   const SourceRow *row)
{
	List	   *changes = NIL;
	ListCell   *lc;

	foreach(lc, asked->rules)
	{
		int			i = foreach_current_index(lc);
		Numeric		amount = row == NULL ? NULL : row->amounts[i];
		RowChange  *change = palloc0(sizeof(RowChange));

		change->rule = lfirst(lc);
		change->key = visit->key;
		change->who = visit->who;
		change->ref = unconstify(char *, ref);
		change->is = true;
		change->went = amount == NULL;
		change->amount = change->went ? int64_to_numeric(0) : amount;
		change->at = visit->at;
		change->happened = row == NULL ? DT_NOEND : row->happened;
		change->condition = visit->holds[i];
		changes = lappend(changes, change);
	}
	return changes;
}

/* find_row() is the customer's row with a ref, or NULL. */
static const SourceRow *
find_row(SourceRow *const *rows, int count, const char *who,
		 const char *ref)
{
	int			low = 0;

	while (low < count)
	{
		int			middle = low + (count - low) / 2;
		int			order = compare_row(rows[middle], who, ref);

		if (order == 0)
			return rows[middle];
		if (order < 0)
			low = middle + 1;
		else
			count = middle;
	}
	return NULL;
}

/* by_who_and_ref() orders rows for find_row().  For qsort(). */
static int
by_who_and_ref(const void *a, const void *b)
{
	const SourceRow *other = *(const SourceRow *const *) b;

	return compare_row(*(const SourceRow *const *) a, other->who, other->ref);
}

static int
compare_row(const SourceRow *row, const char *who, const char *ref)
{
	int			order = strcmp(row->who, who);

	return order != 0 ? order : strcmp(row->ref, ref);
}
