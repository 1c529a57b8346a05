/*-------------------------------------------------------------------------
 *
 * literal.c
 *	  What does a literal mean beside a column of this type?
 *
 *		orders > 3				int4	-> 3::int4
 *		orders > 3000000000		int4	-> 3000000000::int8, across types
 *		orders > 1.5			int4	-> 1.5::numeric
 *		tier = "gold"			enum	-> 'gold'::tier
 *		seen in ("2026-05-01")	timestamptz -> the start of that day in the
 *								zone, or the whole day (time_beside_day)
 *		orders > "Berlin"		int4	-> an error, now, not at an insert
 *
 * The compiler has pinned DateStyle, IntervalStyle and the zone, so that the
 * same text is the same instant in every session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/transam.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "filter/compile_private.h"

static Datum literal_input(FilterScope *scope, const FilterNode *literal,
						   Oid type, const FilterNode *against);
pg_noreturn static void refuse_literal(FilterScope *scope,
									   const FilterNode *literal, Oid type,
									   const FilterNode *against,
									   const char *detail, const char *hint);
static bool names_column(FilterScope *scope, const char *word);
static void refuse_moving_words(FilterScope *scope, const FilterNode *literal);
static int	literal_decode(const char *text, const char *completed_by);
static Datum literal_local_time(FilterScope *scope, const FilterNode *literal,
								const FilterNode *against);
static char *nearest_label(Oid enumtype, const char *word);
static bool reads_domain(Oid type);

Expr *
literal_const(FilterScope *scope, const FilterNode *literal, Oid type,
			  const FilterNode *against)
{
	if (type == MONEYOID)
		refuse_literal(scope, literal, type, against,
					   "How money is read and printed depends on the setting "
					   "lc_monetary",
					   "Use a column of type numeric.");

	if (reads_domain(type))
		refuse_literal(scope, literal, type, against,
					   "To read it would call the checks of a domain, which "
					   "are its owner's code",
					   NULL);

	switch (literal->op)
	{
		case FILTER_TRUE:
		case FILTER_FALSE:
			if (type != BOOLOID)
				refuse_literal(scope, literal, type, against, NULL, NULL);
			return expr_boolean(literal->op == FILTER_TRUE);

		case FILTER_NUMBER:
			if (is_text(type))
				refuse_literal(scope, literal, type, against, NULL,
							   psprintf("Write it in quotes: \"%s\".",
										literal->text));
			if (type == INTERVALOID)
				refuse_literal(scope, literal, type, against, NULL,
							   "Write a span, such as 30 days.");
			if (!is_number(type) && TypeCategory(type) != TYPCATEGORY_NUMERIC)
				refuse_literal(scope, literal, type, against, NULL, NULL);
			break;

		case FILTER_STRING:
			if (TypeCategory(type) == TYPCATEGORY_DATETIME)
				refuse_moving_words(scope, literal);
			if (type == TIMESTAMPOID)
				return expr_const(type,
								  literal_local_time(scope, literal, against));
			if (type == TIMESTAMPTZOID && literal_is_day(literal))
			{
				DateADT		day = literal_day(scope, literal, against);
				TimestampTz start = calendar_day_start(session_timezone, day);

				return expr_const(type, TimestampTzGetDatum(start));
			}
			break;

		default:
			elog(ERROR, "filter node %d is not a literal", (int) literal->op);
	}
	return expr_const(type, literal_input(scope, literal, type, against));
}

/*
 * Thousands of audiences are of few types: those need not be looked up, nor
 * can it be an error to read them as what they were compiled as.
 */
Datum
filter_literal_value(FilterScope *scope, const FilterNode *literal, Oid type)
{
	switch (type)
	{
		case TEXTOID:
			return CStringGetTextDatum(literal->text);
		case NUMERICOID:
			return DirectFunctionCall3(numeric_in,
									   CStringGetDatum(literal->text),
									   ObjectIdGetDatum(InvalidOid),
									   Int32GetDatum(-1));
		default:
			return literal_input(scope, literal, type, literal);
	}
}

Oid
literal_number_type(const FilterNode *literal, Oid type)
{
	const char *c = literal->text;
	char	   *end;
	int64		value;

	if (type != INT2OID && type != INT4OID && type != INT8OID)
		return type;

	if (*c == '-')
		c++;
	if (strspn(c, "0123456789") != strlen(c))
		return NUMERICOID;
	errno = 0;
	value = strtoll(literal->text, &end, 10);
	if (errno != 0 || *end != '\0')
		return NUMERICOID;
	if (type == INT2OID && value >= PG_INT16_MIN && value <= PG_INT16_MAX)
		return INT2OID;
	if (type != INT8OID && value >= PG_INT32_MIN && value <= PG_INT32_MAX)
		return INT4OID;
	return INT8OID;
}

/* A date column beside a time of day is compared as the start of its day. */
Oid
literal_time_type(const FilterNode *literal, Oid type)
{
	if (type == DATEOID && literal->op == FILTER_STRING &&
		literal_decode(literal->text, NULL) == DTK_DATE &&
		!literal_is_day(literal))
		return TIMESTAMPOID;
	return type;
}

/*
 * "2026-05-01", but neither "2026-05-01 12:00" nor "20260501T120000", nor a
 * day with a zone, which is an instant; nor infinity.  What can be completed
 * by a time of day has none.
 */
bool
literal_is_day(const FilterNode *literal)
{
	return literal->op == FILTER_STRING &&
		literal_decode(literal->text, " 12:34:56") == DTK_DATE;
}

/*
 * literal_decode() returns what the server takes the text for: DTK_DATE,
 * DTK_LATE ...; -1 if it is no time.
 */
static int
literal_decode(const char *text, const char *completed_by)
{
	char		workbuf[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nfields;
	int			type;
	int			zone;
	struct pg_tm tm;
	fsec_t		fsec;
	DateTimeErrorExtra extra;

	if (completed_by != NULL)
		text = psprintf("%s%s", text, completed_by);
	/* without a pointer for the zone, a zone is an error */
	if (ParseDateTime(text, workbuf, sizeof(workbuf), field, ftype,
					  MAXDATEFIELDS, &nfields) != 0 ||
		DecodeDateTime(field, ftype, nfields, &type, &tm, &fsec,
					   completed_by != NULL ? NULL : &zone, &extra) != 0)
		return -1;
	return type;
}

DateADT
literal_day(FilterScope *scope, const FilterNode *literal,
			const FilterNode *against)
{
	refuse_moving_words(scope, literal);
	if (literal_is_day(literal))
		return DatumGetDateADT(literal_input(scope, literal, DATEOID,
											 against));
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date,
											   literal_local_time(scope,
																  literal,
																  against)));
}

/*
 * literal_local_time() reads the literal as local time of the scope's zone.
 *
 * The server's input function for timestamp drops a zone silently, and so
 * would read "12:00+00" as noon in Copenhagen.  A literal has a zone of its
 * own if it is the same instant wherever it is read.
 */
static Datum
literal_local_time(FilterScope *scope, const FilterNode *literal,
				   const FilterNode *against)
{
	Datum		local = literal_input(scope, literal, TIMESTAMPOID, against);
	Datum		here;
	Datum		there;
	int			level = NewGUCNestLevel();

	setting_save("TimeZone", "Etc/GMT+11");
	here = literal_input(scope, literal, TIMESTAMPTZOID, against);
	setting_save("TimeZone", "Etc/GMT-13");
	there = literal_input(scope, literal, TIMESTAMPTZOID, against);
	AtEOXact_GUC(true, level);

	if (DatumGetTimestampTz(here) == DatumGetTimestampTz(there))
		return DirectFunctionCall1(timestamptz_timestamp, here);
	return local;
}

/*
 * literal_input() calls the type's input function; its message becomes part of
 * an error that names the column as well.
 */
static Datum
literal_input(FilterScope *scope, const FilterNode *literal, Oid type,
			  const FilterNode *against)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			function;
	Oid			parameter;
	volatile Datum value = (Datum) 0;

	getTypeInputInfo(type, &function, &parameter);
	PG_TRY();
	{
		value = OidInputFunctionCall(function,
									 unconstify(char *,
												label_text(literal, type)),
									 parameter, -1);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		char	   *hint = NULL;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		/* it is not swallowed: the next lines raise one that says more */
		FlushErrorState();
		if (get_typtype(type) == TYPTYPE_ENUM)
			hint = nearest_label(type, literal->text);
		refuse_literal(scope, literal, type, against, error->message,
					   hint ? psprintf("Perhaps you meant \"%s\".", hint) :
					   NULL);
	}
	PG_END_TRY();
	return value;
}

/*
 * reads_domain() says whether reading a value of the type calls the checks of
 * a domain.  A column of a domain is compared as the domain's base type, so
 * this is about arrays, rows and ranges of domains.
 */
static bool
reads_domain(Oid type)
{
	Oid			element;

	check_stack_depth();
	if (type < FirstNormalObjectId)
		return false;
	element = get_element_type(type);
	if (OidIsValid(element))
		return reads_domain(element);
	switch (get_typtype(type))
	{
		case TYPTYPE_DOMAIN:
			/* with checks or without: asking for them runs some of them */
			return true;
		case TYPTYPE_RANGE:
			return reads_domain(get_range_subtype(type));
		case TYPTYPE_MULTIRANGE:
			return reads_domain(get_multirange_range(type));
		case TYPTYPE_COMPOSITE:
			{
				TupleDesc	fields = lookup_rowtype_tupdesc_copy(type, -1);
				bool		found = false;

				for (int i = 0; i < fields->natts && !found; i++)
					found = !TupleDescAttr(fields, i)->attisdropped &&
						reads_domain(TupleDescAttr(fields, i)->atttypid);
				return found;
			}
		default:
			return false;
	}
}

/*
 * refuse_literal() raises the error that the literal cannot be read as a value
 * of this type.  'detail' is half a sentence without its period, or NULL.
 */
static void
refuse_literal(FilterScope *scope, const FilterNode *literal, Oid type,
			   const FilterNode *against, const char *detail, const char *hint)
{
	char	   *sentence = detail ? psprintf("%s.", detail) : NULL;

	if (sentence)
		sentence[0] = pg_toupper((unsigned char) sentence[0]);
	if (hint == NULL && literal->op == FILTER_STRING &&
		names_column(scope, literal->text))
		hint = psprintf("A %s is written without these quotes: %s",
						scope->noun, filter_name(literal->text));

	else if (hint == NULL && OidIsValid(get_element_type(type)) &&
			 against->op == FILTER_COLUMN)
		hint = psprintf("Perhaps you meant: %s contains %s",
						filter_print(against), filter_print(literal));

	/* a span is written as one, so it can only be too long */
	if (against->op == FILTER_SPAN)
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("\"%s\" is longer than a span can be",
						filter_print(against)),
				 sentence ? errdetail("%s", sentence) : 0,
				 compile_position(scope, against)));

	/* the time of an event, which has no name in the text */
	if (against->op == FILTER_WINDOW_SINCE ||
		against->op == FILTER_WINDOW_BEFORE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is not a date or time", literal_show(literal)),
				 sentence ? errdetail("%s", sentence) : 0,
				 errhint("Write a date in quotes, such as \"2026-05-01\"."),
				 compile_position(scope, literal)));

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is of type %s and cannot be compared with %s",
					describe_operand(scope, against), format_type_be(type),
					literal_show(literal)),
			 sentence ? errdetail("%s", sentence) : 0,
			 hint ? errhint("%s", hint) : 0,
			 compile_position(scope, literal)));
}

static bool
names_column(FilterScope *scope, const char *word)
{
	return scope->names != NULL && names_contain(scope->names(scope), word);
}

/*
 * refuse_moving_words() refuses 'tomorrow' and its like.  The server reads it
 * as the day after the one on which it is read, and a stored filter would keep
 * that day for ever.
 */
static void
refuse_moving_words(FilterScope *scope, const FilterNode *literal)
{
	static const char *const words[] = {
		"now", "today", "tomorrow", "yesterday"
	};
	const char *c = literal->text;

	while (*c)
	{
		const char *start;

		if (!isalpha((unsigned char) *c))
		{
			c++;
			continue;
		}
		start = c;
		while (isalpha((unsigned char) *c))
			c++;
		for (int i = 0; i < lengthof(words); i++)
			if (strlen(words[i]) == c - start &&
				pg_strncasecmp(words[i], start, c - start) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
						 errmsg("\"%s\" as a date would not move with time",
								literal->text),
						 errdetail("A date in quotes is read once, when the "
								   "filter is compiled."),
						 errhint("Write now or today without quotes, such as: "
								 "today + 1 day."),
						 compile_position(scope, literal)));
	}
}

/*
 * nearest_label() returns the label of an enum that is nearest to the word, or
 * NULL.
 */
static char *
nearest_label(Oid enumtype, const char *word)
{
	CatCList   *rows = SearchSysCacheList1(ENUMTYPOIDNAME,
										   ObjectIdGetDatum(enumtype));
	List	   *labels = NIL;

	for (int i = 0; i < rows->n_members; i++)
	{
		Form_pg_enum label =
			(Form_pg_enum) GETSTRUCT(&rows->members[i]->tuple);

		labels = lappend(labels, pstrdup(NameStr(label->enumlabel)));
	}
	ReleaseSysCacheList(rows);
	return unconstify(char *, nearest_name(word, labels));
}
