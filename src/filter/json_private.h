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
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_JSON_PRIVATE_H
#define SEGMENT_JSON_PRIVATE_H

#include "utils/jsonb.h"

#include "filter/filter_private.h"

/* Where we are in the value that is read, for errors: $.rules[2].where */
typedef struct RulePath
{
	const struct RulePath *parent;
	const char *key;
	int			index;			/* -1 if the key has no elements */
	bool		of_elements;	/* rules are about the elements of an array */
} RulePath;

/* What stands for the element where rules are about elements */
#define JSON_ELEMENT		"element"

/* What builders write where nothing is chosen yet */
#define JSON_PLACEHOLDER	"~"

/* json_read.c: the recursion over rules ---------------------------------- */

/* NULL for what is left out */
extern FilterNode *rule_read(JsonbContainer *json, const RulePath *path);

/* json_group.c ----------------------------------------------------------- */

extern FilterNode *rule_group(JsonbContainer *json, const RulePath *path);

/* json_rule.c ------------------------------------------------------------ */

extern FilterNode *rule_comparison(JsonbContainer *json, const RulePath *path);

/* json_operator.c -------------------------------------------------------- */

/* FILTER_NONE for "holds" */
extern FilterOp rule_operator(JsonbContainer *json, const RulePath *path,
							  bool *negated);

/* json_key.c ------------------------------------------------------------- */

extern JsonbValue *rule_find(JsonbContainer *json, const char *key);
extern char *rule_text(JsonbContainer *json, const RulePath *path,
					   const char *key);
extern bool rule_flag(JsonbContainer *json, const RulePath *path,
					  const char *key);
extern JsonbContainer *rule_object(JsonbValue *value, const RulePath *path);
extern void rule_check_keys(JsonbContainer *json, const char *const *known,
							const RulePath *path);
extern FilterNode *rule_checked(FilterNode *node, const RulePath *path);
extern char *rule_path_text(const RulePath *path);
pg_noreturn extern void rule_refuse(const RulePath *path, const char *detail);
pg_noreturn extern void rule_refuse_form(const RulePath *path,
										 const char *found);
pg_noreturn extern void rule_refuse_foreign(JsonbContainer *json,
											const char *const *known,
											const RulePath *path);

/* json_value.c ----------------------------------------------------------- */

extern FilterNode *rule_left(JsonbContainer *json, const RulePath *path);
/*
 * What "value" holds, as arguments of 'op'.  Names of fields or operands where
 * "valueSource" says so, else literals.
 */
extern List *rule_values(JsonbContainer *json, const RulePath *path,
						 FilterOp op);
extern FilterNode *rule_number(JsonbContainer *json, const RulePath *path);
extern FilterNode *rule_part(const char *text, uint16 kind,
							 const RulePath *path);
extern int	rule_period(JsonbContainer *json, const RulePath *path);
extern char *rule_count(JsonbValue *value, const RulePath *path,
						const char *key);
/* The digits of a number, as text */
extern char *rule_digits(JsonbValue *number);

#endif							/* SEGMENT_JSON_PRIVATE_H */
