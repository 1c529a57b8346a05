/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  Rules by which the rows of sources earn points.
 *
 *		amount		sum(orders.amount * 1.5 where status = "paid")
 *		ref			order_id, by which a row is known again
 *		condition	club.tier = "gold" or in audience launch
 *
 *		row of orders	CASE WHEN status = 'paid' THEN amount * 1.5 END, and
 *						order_id::text
 *		profile			the condition, over the row of the base table
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "filter/filter.h"
#include "loyalty/rules_private.h"

static int	by_name(const ListCell *a, const ListCell *b);
static Expr *as_ref(Expr *expr, const Rule *rule);
static void check_number(const Rule *rule, const FilterNode *sum, Oid type);
static Expr *as_type(Expr *expr, Oid type, const Rule *rule);
static Const *text_const(const char *text);

List *
rules_read(const Population *population)
{
	List	   *rules = NIL;
	CatalogScan scan;
	bool		isnull;

	catalog_begin(&scan, "earning", population->name);
	while (catalog_next(&scan))
	{
		Rule	   *rule = palloc0(sizeof(Rule));

		rule->program = catalog_get_text(&scan, "program");
		rule->name = catalog_get_text(&scan, "rule");
		rule->version = DatumGetInt32(catalog_get(&scan, "version", INT4OID,
												  &isnull));
		rule->source = catalog_get_text(&scan, "source");
		rule->amount = catalog_get_text(&scan, "amount");
		rule->condition = catalog_get_optional(&scan, "condition");
		rule->ref = catalog_get_text(&scan, "ref");
		rule->pending = catalog_get_optional(&scan, "pending");
		rule->expires = catalog_get_optional(&scan, "expires");
		rule->valid_from =
			DatumGetTimestampTz(catalog_get(&scan, "valid_from",
											TIMESTAMPTZOID, &isnull));
		rule->valid_until =
			DatumGetTimestampTz(catalog_get(&scan, "valid_until",
											TIMESTAMPTZOID, &isnull));
		rule->cap = DatumGetInt64(catalog_get(&scan, "cap", INT8OID,
											  &isnull));
		if (isnull)
			rule->cap = 0;
		rule->per = catalog_get_optional(&scan, "per");
		(void) catalog_get(&scan, "lost_at", TIMESTAMPTZOID, &isnull);
		rule->lost = !isnull;
		rules = lappend(rules, rule);
	}
	catalog_end(&scan);
	list_sort(rules, by_name);
	return rules;
}

/* by_name() is one order, whatever that of the rows.  For list_sort(). */
static int
by_name(const ListCell *a, const ListCell *b)
{
	const Rule *one = lfirst(a);
	const Rule *other = lfirst(b);
	int			order = strcmp(one->program, other->program);

	if (order == 0)
		order = strcmp(one->name, other->name);
	return order != 0 ? order : one->version - other->version;
}

const Source *
rule_source(const Population *population, Rule *rule, const char *amount)
{
	FilterSource *given = palloc(sizeof(FilterSource));
	const FilterNode *tree;
	const Source *source;

	*given = filter_source_parse_amount(amount);
	tree = given->tree;
	rule->given = given;
	rule->source = tree->args[0]->text;
	source = source_by_name(population, rule->source);
	if (source == NULL)
	{
		const char *nearest = nearest_name(rule->source,
										   source_names(population));

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist in population \"%s\"",
						rule->source, population->name),
				 nearest != NULL ?
				 errhint("Perhaps you meant: %s", filter_name(nearest)) :
				 errhint("Attach a table with segment.attach_source()."),
				 filter_position(amount, tree->args[0])));
	}
	source_check(source);
	if (source_is_kept(source) ||
		(source->nlinks > 0 && source_time(source) == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of source \"%s\" cannot earn points",
						source->name),
				 source_is_kept(source) ?
				 errdetail("They are those of a ledger.") :
				 errdetail("They are joined with others, and have no time that says whether they are new."),
				 errhint("Let the rows of a table of orders earn.")));
	rule->amount = filter_print(tree);
	return source;
}

void
rule_cap(Rule *rule, int64 cap, bool has_cap, char *per)
{
	CalendarUnit unit;

	if (has_cap != (per != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cap and per of rule \"%s\" must be given together",
						rule->name),
				 errhint("For example cap => 100, per => 'day'.")));
	if (per == NULL)
		return;
	rule->cap = cap;
	rule->per = per;
	if (rule->cap <= 0 || rule->cap > MOST_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cap of rule \"%s\" must be a number of points",
						rule->name),
				 errhint("For example cap => 100, per => 'day'.")));
	if (strcmp(per, "ever") != 0 && !period_parse(per, &unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is no period of a cap", quote_literal_cstr(per)),
				 errhint("Write 'day', 'week', 'month', 'quarter', 'year' or 'ever'.")));
}

void
rule_bind(const Source *source, const Rule *rule, Expr **amount, Expr **ref)
{
	FilterSource parsed = rule->given != NULL ? *rule->given :
		filter_source_parse_definition(rule->amount);
	FilterScope *scope = source_scope(source, parsed.text);
	const FilterNode *where = parsed.tree->args[2];
	FilterNode *column;

	*amount = filter_compile_operand(parsed.tree->args[1], scope);
	check_number(rule, parsed.tree, exprType((Node *) *amount));
	*amount = as_type(*amount, NUMERICOID, rule);
	if (where->op != FILTER_NONE)
	{
		CaseExpr   *choice = makeNode(CaseExpr);
		CaseWhen   *when = makeNode(CaseWhen);

		when->expr = filter_compile(where, scope);
		when->result = *amount;
		choice->casetype = NUMERICOID;
		choice->args = list_make1(when);
		choice->defresult = (Expr *) makeNullConst(NUMERICOID, -1, InvalidOid);
		*amount = (Expr *) choice;
	}
	*ref = (Expr *) makeNullConst(TEXTOID, -1, InvalidOid);
	if (rule->ref == NULL)
		return;
	column = filter_node_with(FILTER_COLUMN, rule->ref, -1, 0, NULL);
	scope = source_scope(source, NULL);
	*ref = as_ref(filter_compile_operand(column, scope), rule);
}

/*
 * as_ref() converts a value by which a row is known again to text.
 *
 * It has to be the same in each session: so bytes are written in one way, and
 * what is written as a setting says (times, floating-point numbers, money, and
 * what is made of others) is refused.
 */
static Expr *
as_ref(Expr *expr, const Rule *rule)
{
	Oid			type = getBaseType(exprType((Node *) expr));

	if (type == BYTEAOID)
	{
		FuncExpr   *hex = makeFuncExpr(F_ENCODE, TEXTOID,
									   list_make2(expr, text_const("hex")),
									   InvalidOid, InvalidOid,
									   COERCE_EXPLICIT_CALL);

		return (Expr *) makeFuncExpr(F_TEXTCAT, TEXTOID,
									 list_make2(text_const("\\x"), hex),
									 DEFAULT_COLLATION_OID,
									 DEFAULT_COLLATION_OID,
									 COERCE_EXPLICIT_CALL);
	}
	switch (TypeCategory(type))
	{
		case TYPCATEGORY_ARRAY:
		case TYPCATEGORY_COMPOSITE:
		case TYPCATEGORY_DATETIME:
		case TYPCATEGORY_RANGE:
		case TYPCATEGORY_TIMESPAN:
			break;
		default:
			if (type != FLOAT4OID && type != FLOAT8OID && type != MONEYOID)
				return as_type(expr, TEXTOID, rule);
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("rows cannot be known again by column \"%s\" of type %s",
					rule->ref, format_type_be(type)),
			 errdetail("Sessions write values of this type in several ways."),
			 errhint("Name a column of whole numbers, texts or uuids with ref => '...'.")));
}

/* text_const() makes a constant that is text. */
static Const *
text_const(const char *text)
{
	return makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
					 CStringGetTextDatum(text), false, false);
}

/* check_number() refuses an amount that is of no type of numbers. */
static void
check_number(const Rule *rule, const FilterNode *sum, Oid type)
{
	const FilterNode *value = sum->args[1];
	FilterNode *none = filter_node(FILTER_NONE, NULL, -1);
	FilterNode *args[] = {sum->args[0], sum->args[1], none, none};
	char	   *text;

	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			return;
		default:
			/* with the name of its source, as it stands in the sum */
			text = filter_print(filter_node_with(FILTER_AGGREGATE, "sum", -1,
												 4, args));
			text = pnstrdup(text + strlen("sum("),
							strlen(text) - strlen("sum()"));
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("rule \"%s\" does not earn a number",
							rule->name),
					 errdetail("%s is of type %s.", text,
							   format_type_be(type)),
					 type == BOOLOID ?
					 errhint("Write, for example: case when %s then 10 end",
							 text) :
					 type == JSONBOID && value->op == FILTER_COLUMN ?
					 errhint("Write: %s * 1", text) :
					 errhint("Use a column of type numeric.")));
	}
}

/*
 * as_type() converts a value, if it can be.
 *
 * Whoever owns a type may make a cast of it to text, which every session that
 * writes a row would call: such a type is written as its output function does.
 */
static Expr *
as_type(Expr *expr, Oid type, const Rule *rule)
{
	Oid			given = exprType((Node *) expr);
	Node	   *converted;
	Oid			function;

	if (find_coercion_pathway(type, given, COERCION_EXPLICIT,
							  &function) == COERCION_PATH_FUNC &&
		function >= FirstNormalObjectId)
	{
		CoerceViaIO *text = makeNode(CoerceViaIO);

		text->arg = expr;
		text->resulttype = type;
		text->resultcollid = get_typcollation(type);
		text->coerceformat = COERCE_EXPLICIT_CAST;
		text->location = -1;
		return (Expr *) text;
	}
	converted = coerce_to_target_type(NULL, (Node *) expr, given, type, -1,
									  COERCION_EXPLICIT, COERCE_EXPLICIT_CAST,
									  -1);
	if (converted == NULL)
		elog(ERROR, "a value of rule \"%s\" is not converted", rule->name);
	return (Expr *) converted;
}

Expr *
rule_condition(const Population *population, const Rule *rule)
{
	return condition_compile(population, rule->condition);
}

char *
earning_rule_text(const Rule *rule)
{
	return psprintf("rule \"%s\" of program \"%s\"", rule->name,
					rule->program);
}
