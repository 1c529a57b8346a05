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
typedef struct Place
{
	const struct Place *parent;
	const char *key;
	int			index;			/* -1 if the key has no elements */
	bool		of_elements;	/* rules are about the elements of an array */
} Place;

/* What stands for the element where rules are about elements */
#define JSON_ELEMENT		"element"

/* What builders write where nothing is chosen yet */
#define JSON_PLACEHOLDER	"~"

/* json_read.c: the recursion over rules ----------------------------------- */

/* NULL for what is left out */
extern FilterNode *rule_read(JsonbContainer *json, const Place *place);

/* json_group.c ------------------------------------------------------------ */

extern FilterNode *rule_group(JsonbContainer *json, const Place *place);

/* json_rule.c ------------------------------------------------------------- */

extern FilterNode *rule_comparison(JsonbContainer *json, const Place *place);

/* json_operator.c --------------------------------------------------------- */

/* FILTER_NONE for "holds" */
extern FilterOp rule_operator(JsonbContainer *json, const Place *place,
							  bool *negated);

/* json_key.c -------------------------------------------------------------- */

extern JsonbValue *rule_find(JsonbContainer *json, const char *key);
extern char *rule_text(JsonbContainer *json, const Place *place,
					   const char *key);
extern bool rule_flag(JsonbContainer *json, const Place *place,
					  const char *key);
extern JsonbContainer *rule_object(JsonbValue *value, const Place *place);
extern void rule_check_keys(JsonbContainer *json, const char *const *known,
							const Place *place);
extern FilterNode *rule_checked(FilterNode *node, const Place *place);
extern char *rule_print_place(const Place *place);
pg_noreturn extern void rule_refuse(const Place *place, const char *detail);
pg_noreturn extern void rule_refuse_form(const Place *place,
										 const char *found);
pg_noreturn extern void rule_refuse_foreign(JsonbContainer *json,
											const char *const *known,
											const Place *place);

/* json_value.c ------------------------------------------------------------ */

extern FilterNode *rule_left(JsonbContainer *json, const Place *place);
/*
 * What "value" holds, as arguments of 'op'.  Names of fields or operands where
 * "valueSource" says so, else literals.
 */
extern List *rule_values(JsonbContainer *json, const Place *place,
						 FilterOp op);
extern FilterNode *rule_number(JsonbContainer *json, const Place *place);
extern FilterNode *rule_part(const char *text, uint16 kind,
							 const Place *place);
extern int	rule_period(JsonbContainer *json, const Place *place);
extern char *rule_count(JsonbValue *value, const Place *place,
						const char *key);
/* The digits of a number, as text */
extern char *rule_digits(JsonbValue *number);

#endif							/* SEGMENT_JSON_PRIVATE_H */
