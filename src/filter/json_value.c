/*-------------------------------------------------------------------------
 *
 * json_value.c
 *	  What do the fields, operators and values of a rule stand for?
 *
 *		{"field": "data.plan", "operator": "not_in", "value": "free, trial"}
 *
 *		COLUMN data.plan, NOT IN, STRING "free", STRING "trial"
 *
 * A builder knows the types of its fields and we do not: text beside a number
 * is compared as a number once the filter meets its columns.  Where a rule
 * says of which type its value is, it is read as such.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "filter/json_private.h"

/* Functions of react-querybuilder's expressions that are called otherwise */
static const struct
{
	const char *name;
	FilterOp	op;
	const char *function;		/* of FILTER_FUNCTION */
}			expression_functions[] = {
	{"add", FILTER_ADD, NULL},
	{"subtract", FILTER_SUBTRACT, NULL},
	{"multiply", FILTER_MULTIPLY, NULL},
	{"divide", FILTER_DIVIDE, NULL},
	{"min", FILTER_FUNCTION, "least"},
	{"max", FILTER_FUNCTION, "greatest"},
};

/* Where the values of a rule come from */
typedef enum ValueSource
{
	SOURCE_VALUE,
	SOURCE_FIELD,
	SOURCE_OPERAND,
	SOURCE_EXPRESSION
} ValueSource;

static const char *const value_sources[] = {
	[SOURCE_VALUE] = "value",
	[SOURCE_FIELD] = "field",
	[SOURCE_OPERAND] = "operand",
	[SOURCE_EXPRESSION] = "expression",
	NULL
};

/* How text is read: as what the rule says that it is */
typedef enum ValueType
{
	TYPE_OPEN,
	TYPE_NUMBER,
	TYPE_BOOLEAN
} ValueType;

typedef struct Reading
{
	const RulePath *path;
	uint16		kind;			/* what the path of the value takes */
	ValueSource source;
	ValueType	type;
} Reading;

static ValueSource read_source(JsonbContainer *json, const RulePath *path,
							   FilterOp op);
static ValueType read_type(JsonbContainer *json);
static FilterNode *read_value(JsonbValue *value, const Reading *reading);
static FilterNode *read_text_value(char *text, const Reading *reading);
static FilterNode *read_number(const char *text);
static FilterNode *read_big_number(JsonbContainer *json);
static FilterNode *read_field(const char *text, const RulePath *path);
static FilterNode *read_expression(JsonbValue *expression,
								   const RulePath *path);
static FilterNode *read_call(JsonbContainer *json, const RulePath *path);
static List *split_commas(const char *text);
static char *value_text(JsonbValue *value);
static void say_path(void *arg);

/*
 * A rule compares its field; or an expression, of which the field is the part
 * that a builder shows; or the text of an operand.  jQuery QueryBuilder needs
 * no field where the id is its name.
 */
FilterNode *
rule_left(JsonbContainer *json, const RulePath *path)
{
	char	   *field = rule_text(json, path, "field");
	char	   *operand = rule_text(json, path, "operand");
	JsonbValue *expression = rule_find(json, "lhs");
	JsonbValue *id = rule_find(json, "id");

	if (operand != NULL && (field != NULL || expression != NULL))
		rule_refuse(path, psprintf("There is \"%s\" as well as \"operand\".",
									field != NULL ? "field" : "lhs"));
	if (expression != NULL)
	{
		RulePath		inner = {path, "lhs", -1, false};

		return read_expression(expression, &inner);
	}
	if (operand != NULL)
		return rule_part(operand, KIND_OPERAND, path);
	if (field == NULL && id != NULL && id->type == jbvString &&
		rule_find(json, "operator") != NULL)
		field = value_text(id);
	if (field == NULL)
		rule_refuse_form(path, "object, which has neither");
	if (path->of_elements)
	{
		if (*field != '\0')
			rule_refuse(path,
						"The elements of an array have no fields: \"field\" "
						"must be empty.");
		return filter_node_with(FILTER_COLUMN, JSON_ELEMENT, -1, 0, NULL);
	}
	return read_field(field, path);
}

/*
 * One value or, if there may be several, an array or text with commas, as
 * builders write it.
 */
List *
rule_values(JsonbContainer *json, const RulePath *path, FilterOp op)
{
	const FilterOpInfo *info = &filter_ops[op];
	bool		commas = (info->max_args != 2);
	bool		several = commas || op == FILTER_CONTAINS;
	JsonbValue *value = rule_find(json, "value");
	Reading		reading = {path, filter_arg_kinds(op, 1)};
	List	   *values = NIL;

	reading.source = read_source(json, path, op);
	reading.type = read_type(json);
	if (value == NULL)
		rule_refuse(path, "There is no \"value\".");

	if (several && value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data))
	{
		JsonbContainer *array = value->val.binary.data;
		int			nvalues = JsonContainerSize(array);

		for (int i = 0; i < nvalues; i++)
		{
			value = getIthJsonbValueFromContainer(array, i);
			values = lappend(values, read_value(value, &reading));
		}
	}
	else if (commas && value->type == jbvString &&
			 (reading.source == SOURCE_VALUE ||
			  reading.source == SOURCE_FIELD))
	{
		ListCell   *lc;

		foreach(lc, split_commas(value_text(value)))
			values = lappend(values, read_text_value(lfirst(lc), &reading));
	}
	else
		values = list_make1(read_value(value, &reading));

	if (values == NIL)
		rule_refuse(path, "\"value\" is empty.");
	return values;
}

FilterNode *
rule_number(JsonbContainer *json, const RulePath *path)
{
	JsonbValue *value = rule_find(json, "value");
	Reading		reading = {path, KIND_LITERAL, SOURCE_VALUE, TYPE_OPEN};
	FilterNode *number;

	if (value == NULL)
		rule_refuse(path, "There is no \"value\".");
	number = read_value(value, &reading);
	if (number->op != FILTER_NUMBER)
		rule_refuse(path, "\"value\" is not a number.");
	return number;
}

/* read_source() reads "valueSource", and refuses what the op cannot take. */
static ValueSource
read_source(JsonbContainer *json, const RulePath *path, FilterOp op)
{
	char	   *word = rule_text(json, path, "valueSource");
	int			source = word == NULL ? SOURCE_VALUE :
		filter_find_word(value_sources, word);

	if (word != NULL && strcmp(word, "parameter") == 0)
		rule_refuse(path,
					"A \"parameter\" has no value here: put its value into "
					"the rule.");
	if (source < 0)
		rule_refuse(path, psprintf("\"valueSource\" \"%s\" is none of "
								   "\"value\", \"field\", \"operand\" and "
								   "\"expression\".",
									word));
	/* in (field, field) is made of comparisons */
	if (source != SOURCE_VALUE && filter_arg_kinds(op, 1) != KIND_OPERAND &&
		!(op == FILTER_IN && source == SOURCE_FIELD))
		rule_refuse(path,
					psprintf("This operator takes no \"valueSource\" \"%s\".",
							 word));
	return source;
}

/* "type" of jQuery QueryBuilder, "inputType" of react-querybuilder's fields */
static ValueType
read_type(JsonbContainer *json)
{
	static const struct
	{
		const char *word;
		ValueType	type;
	}			types[] = {
		{"integer", TYPE_NUMBER},
		{"double", TYPE_NUMBER},
		{"number", TYPE_NUMBER},
		{"bigint", TYPE_NUMBER},
		{"boolean", TYPE_BOOLEAN},
	};
	JsonbValue *value = rule_find(json, "type");
	char	   *word;

	if (value == NULL)
		value = rule_find(json, "inputType");
	if (value == NULL || value->type != jbvString)
		return TYPE_OPEN;
	word = value_text(value);
	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(word, types[i].word) == 0)
			return types[i].type;
	}
	return TYPE_OPEN;
}

/*
 * read_value() reads one value as an argument of the kind that is asked for.
 */
static FilterNode *
read_value(JsonbValue *value, const Reading *reading)
{
	FilterNode *number;

	if (reading->source == SOURCE_EXPRESSION)
		return read_expression(value, reading->path);
	if ((reading->kind == KIND_SPAN || reading->kind == KIND_STRING ||
		 reading->source != SOURCE_VALUE) && value->type != jbvString)
		rule_refuse(reading->path, "\"value\" is not a text.");

	switch (value->type)
	{
		case jbvString:
			return read_text_value(value_text(value), reading);
		case jbvBool:
			return filter_node(value->val.boolean ? FILTER_TRUE : FILTER_FALSE,
							   NULL, -1);
		case jbvNumeric:
			number = read_number(rule_digits(value));
			if (number == NULL)
				rule_refuse(reading->path, "A number is out of range.");
			if (reading->type == TYPE_BOOLEAN)
				return filter_node(strcmp(number->text, "0") == 0 ?
								   FILTER_FALSE : FILTER_TRUE, NULL, -1);
			return number;
		case jbvBinary:
			number = read_big_number(value->val.binary.data);
			if (number != NULL)
				return number;
			/* FALLTHROUGH */
		default:
			rule_refuse(reading->path,
						"\"value\" is not a text, a number, true or false.");
	}
}

/* read_text_value() does the same for a text, whatever it holds. */
static FilterNode *
read_text_value(char *text, const Reading *reading)
{
	FilterNode *number;

	if (reading->kind == KIND_SPAN)
		return rule_part(text, KIND_SPAN, reading->path);
	if (reading->source == SOURCE_FIELD)
		return read_field(text, reading->path);
	if (reading->source == SOURCE_OPERAND)
		return rule_part(text, KIND_OPERAND, reading->path);
	if (reading->kind == KIND_STRING)
		return filter_node(FILTER_STRING, text, -1);

	if (reading->type == TYPE_NUMBER && (number = read_number(text)) != NULL)
		return number;
	if (reading->type == TYPE_BOOLEAN &&
		(strcmp(text, "true") == 0 || strcmp(text, "1") == 0))
		return filter_node(FILTER_TRUE, NULL, -1);
	if (reading->type == TYPE_BOOLEAN &&
		(strcmp(text, "false") == 0 || strcmp(text, "0") == 0))
		return filter_node(FILTER_FALSE, NULL, -1);
	return filter_node(FILTER_STRING, text, -1);
}

/* read_number() returns NULL if the text is no number, or out of range. */
static FilterNode *
read_number(const char *text)
{
	bool		negative = (*text == '-');
	char	   *number;

	text += negative;
	number = filter_number(text, strlen(text), negative);
	return number == NULL ? NULL : filter_node(FILTER_NUMBER, number, -1);
}

/* {"$bigint": "12345678901234567890"}, as react-querybuilder writes them */
static FilterNode *
read_big_number(JsonbContainer *json)
{
	JsonbValue *value;

	if (!JsonContainerIsObject(json) || JsonContainerSize(json) != 1)
		return NULL;
	value = rule_find(json, "$bigint");
	return value == NULL || value->type != jbvString ? NULL :
		read_number(value_text(value));
}

/* data.plan: the words are taken exactly, without folding their case */
static FilterNode *
read_field(const char *text, const RulePath *path)
{
	FilterNode *node = NULL;
	int			nparts = 1;

	for (const char *c = text; *c != '\0'; c++)
		nparts += (*c == '.');

	for (;;)
	{
		const char *end = text + strcspn(text, ".");
		char	   *part = pnstrdup(text, end - text);

		if (*part == '\0')
			rule_refuse(path, "The name of a field is empty.");
		if (node == NULL)
			node = filter_node_with(FILTER_COLUMN, part, -1, 0,
									palloc_array(FilterNode *, nparts));
		else
			node->args[node->nargs++] = filter_node(FILTER_WORD, part, -1);
		if (*end == '\0')
			return node;
		text = end + 1;
	}
}

/*
 * An operand as a tree: {"kind": "func", "fn": "add", "args": [...]}, where
 * the arguments are of kind "field", "value" or "func".
 */
static FilterNode *
read_expression(JsonbValue *expression, const RulePath *path)
{
	Reading		reading = {path, KIND_LITERAL, SOURCE_VALUE, TYPE_OPEN};
	JsonbContainer *json;
	JsonbValue *value;
	char	   *kind;
	char	   *field;

	check_stack_depth();

	if (expression->type != jbvBinary ||
		!JsonContainerIsObject(expression->val.binary.data))
		rule_refuse(path, "An expression is an object with a \"kind\".");
	json = expression->val.binary.data;
	kind = rule_text(json, path, "kind");
	if (kind != NULL && strcmp(kind, "field") == 0)
	{
		field = rule_text(json, path, "field");
		if (field == NULL)
			rule_refuse(path, "There is no \"field\".");
		return read_field(field, path);
	}
	if (kind != NULL && strcmp(kind, "value") == 0)
	{
		value = rule_find(json, "value");
		if (value == NULL)
			rule_refuse(path, "There is no \"value\".");
		return read_value(value, &reading);
	}
	if (kind != NULL && strcmp(kind, "func") == 0)
		return read_call(json, path);
	rule_refuse(path,
				"The \"kind\" of an expression is none of \"field\", "
				"\"value\" and \"func\".");
}

/*
 * read_call() reads an expression of kind "func": an operator or a function.
 */
static FilterNode *
read_call(JsonbContainer *json, const RulePath *path)
{
	char	   *name = rule_text(json, path, "fn");
	JsonbValue *values = rule_find(json, "args");
	JsonbValue *value;
	FilterOp	op = FILTER_FUNCTION;
	FilterNode **args;
	int			nargs;

	if (name == NULL)
		rule_refuse(path, "There is no \"fn\".");
	if (values == NULL || values->type != jbvBinary ||
		!JsonContainerIsArray(values->val.binary.data))
		rule_refuse(path, "\"args\" is not an array.");

	nargs = JsonContainerSize(values->val.binary.data);
	args = palloc_array(FilterNode *, Max(nargs, 1));
	for (int i = 0; i < nargs; i++)
	{
		RulePath		inner = {path, "args", i, false};

		value = getIthJsonbValueFromContainer(values->val.binary.data, i);
		args[i] = read_expression(value, &inner);
	}
	for (int i = 0; i < lengthof(expression_functions); i++)
	{
		if (strcmp(name, expression_functions[i].name) == 0)
		{
			op = expression_functions[i].op;
			name = unconstify(char *, expression_functions[i].function);
			break;
		}
	}
	return rule_checked(filter_node_with(op, name, -1, nargs, args), path);
}

/* A text of the language within a value; its errors say where it stood. */
FilterNode *
rule_part(const char *text, uint16 kind, const RulePath *path)
{
	ErrorContextCallback context;
	FilterNode *node;

	context.callback = say_path;
	context.arg = (void *) path;
	context.previous = error_context_stack;
	error_context_stack = &context;
	node = filter_parse_part(text, kind, NULL);
	error_context_stack = context.previous;
	return node;
}

static void
say_path(void *arg)
{
	errcontext("rule at %s", rule_path_text((const RulePath *) arg));
}

int
rule_period(JsonbContainer *json, const RulePath *path)
{
	char	   *text = rule_text(json, path, "value");

	if (text == NULL)
		rule_refuse(path, "There is no \"value\".");
	for (int which = 0; filter_whiches[which] != NULL; which++)
	{
		for (int unit = FILTER_DAY; unit <= FILTER_YEAR; unit++)
		{
			int			period = FILTER_PERIOD(which, unit);

			if (strcmp(text, filter_period_words(period)) == 0)
				return period;
		}
	}
	rule_refuse(path,
				psprintf("\"%s\" is not a period such as \"this week\".",
						 text));
}

char *
rule_count(JsonbValue *value, const RulePath *path, const char *key)
{
	char	   *text;

	if (value == NULL || value->type != jbvNumeric)
		rule_refuse(path, psprintf("\"%s\" is not a number.", key));
	text = rule_digits(value);
	if (*text != '-')
		text = filter_number(text, strlen(text), false);
	if (text == NULL || strlen(text) > FILTER_MAX_COUNT_DIGITS ||
		strspn(text, "0123456789") != strlen(text))
		rule_refuse(path,
					psprintf("\"%s\" is not a whole number up to 999999999.",
							 key));
	return text;
}

char *
rule_digits(JsonbValue *number)
{
	Datum		numeric = NumericGetDatum(number->val.numeric);

	return DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
}

static char *
value_text(JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * "a, b\,c,, d" -> a | b,c | d, as builders join the values that are typed
 * into a box
 */
static List *
split_commas(const char *text)
{
	List	   *parts = NIL;
	StringInfoData part;

	initStringInfo(&part);
	for (;; text++)
	{
		if (*text == ',' || *text == '\0')
		{
			char	   *start = part.data;

			while (*start == ' ' || *start == '\t' || *start == '\n')
				start++;
			while (part.len > 0 && part.data + part.len > start &&
				   strchr(" \t\n", part.data[part.len - 1]) != NULL)
				part.data[--part.len] = '\0';
			if (*start != '\0')
				parts = lappend(parts, pstrdup(start));
			resetStringInfo(&part);
			if (*text == '\0')
				return parts;
		}
		else
		{
			if (text[0] == '\\' && text[1] == ',')
				text++;
			appendStringInfoChar(&part, *text);
		}
	}
}
