/*-------------------------------------------------------------------------
 *
 * json_private.h
 *	  What the files that read rule trees share with each other only.
 *
 *		json_read.c			the whole tree, and rules with keys of our own
 *		json_group.c		groups
 *		json_rule.c			conditions
 *		json_operator.c		"operator"
 *		json_value.c		fields, values, expressions
 *		json_key.c			keys and errors
 *
 * The other direction is json.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_JSON_PRIVATE_H
#define SEGMENT_JSON_PRIVATE_H

#include "utils/jsonb.h"

#include "filter/filter_private.h"

/* Where in the tree a rule stands, for errors: $.rules[2].where */
typedef struct RulePath
{
	const struct RulePath *parent;
	const char *key;
	int			index;			/* -1 if the key has no elements */
	bool		of_elements;	/* rules are about the elements of an array */
} RulePath;

/* The name of the element where rules are about elements */
#define JSON_ELEMENT		"element"

/* The value that builders write while nothing is chosen */
#define JSON_PLACEHOLDER	"~"

/*
 * Errors are ERRCODE_INVALID_PARAMETER_VALUE and name the path of the rule.
 */

/* json_read.c: the recursion over rules ---------------------------------- */

/* Read a rule or group; NULL if it is left out. */
extern FilterNode *rule_read(JsonbContainer *json, const RulePath *path);

/* json_group.c ----------------------------------------------------------- */

/* Read a group; NULL if all its rules are left out. */
extern FilterNode *rule_group(JsonbContainer *json, const RulePath *path);

/* json_rule.c ------------------------------------------------------------ */

/* Read a rule that is a condition; NULL if it is unfinished. */
extern FilterNode *rule_comparison(JsonbContainer *json, const RulePath *path);

/* json_operator.c -------------------------------------------------------- */

/*
 * Read "operator" as an op, or the NOT of it; FILTER_NONE for "holds".
 */
extern FilterOp rule_operator(JsonbContainer *json, const RulePath *path,
							  bool *negated);

/* json_value.c ----------------------------------------------------------- */

/* Read the left side of a rule: an operand. */
extern FilterNode *rule_left(JsonbContainer *json, const RulePath *path);
/*
 * Read "value" as a list of arguments of 'op': names of fields or operands
 * where "valueSource" says so, else literals.
 */
extern List *rule_values(JsonbContainer *json, const RulePath *path,
						 FilterOp op);
/* Read "value" as a number. */
extern FilterNode *rule_number(JsonbContainer *json, const RulePath *path);
/* Parse a text of the language of this kind, KIND_..., within a rule. */
extern FilterNode *rule_part(const char *text, uint16 kind,
							 const RulePath *path);
/* Read "value" as a FilterPeriod. */
extern int	rule_period(JsonbContainer *json, const RulePath *path);
/* Read a whole number, the value of 'key', as its digits. */
extern char *rule_count(JsonbValue *value, const RulePath *path,
						const char *key);
/* Return the digits of a number as text. */
extern char *rule_digits(JsonbValue *number);

/* json_key.c ------------------------------------------------------------- */

/* Find the value of a key; NULL if it is not there, or null. */
extern JsonbValue *rule_find(JsonbContainer *json, const char *key);
/* Find the value of a key that must be a text, or true or false. */
extern char *rule_text(JsonbContainer *json, const RulePath *path,
					   const char *key);
extern bool rule_flag(JsonbContainer *json, const RulePath *path,
					  const char *key);
/* Take the value as an object. */
extern JsonbContainer *rule_object(JsonbValue *value, const RulePath *path);
/* Refuse keys that are neither known nor harmless. */
extern void rule_check_keys(JsonbContainer *json, const char *const *known,
							const RulePath *path);
/* Return the node, or refuse one that the parser would refuse. */
extern FilterNode *rule_checked(FilterNode *node, const RulePath *path);
/* Print the path: $.rules[2].where */
extern char *rule_path_text(const RulePath *path);

/* Raise an error about a rule; 'detail' is a sentence. */
pg_noreturn extern void rule_refuse(const RulePath *path, const char *detail);
/* Raise an error about a value that is no rule; 'found' is a noun. */
pg_noreturn extern void rule_refuse_form(const RulePath *path,
										 const char *found);
/* The same, for an object without any key that a rule begins with. */
pg_noreturn extern void rule_refuse_foreign(JsonbContainer *json,
											const char *const *known,
											const RulePath *path);

#endif							/* SEGMENT_JSON_PRIVATE_H */
