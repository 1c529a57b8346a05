/*-------------------------------------------------------------------------
 *
 * comparison.c
 *	  Which conditions of a program compare a numeric of the row with a number?
 *
 *		sum(orders.amount where amount > 3), and where amount > 4, and ...
 *
 *		row		amount 12.50, read once		125000 ten-thousandths
 *		steps	> 3							> 30000
 *				> 4							> 40000
 *
 * The server would compare digits, and for each condition anew.  Where the row
 * has a numeric that is no everyday one (state/fixed.c), or NULL, it does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/fmgroids.h"

#include "trait/program.h"

static uint8 outcomes_of(Oid function);
static int	numeric_of(TraitProgram *program, AttrNumber attno);

void
comparison_note(TraitProgram *program, RowValue *value)
{
	const OpExpr *expr = (OpExpr *) value->expr;
	const Var  *var;
	const Const *number;
	uint8		outcomes;
	int			scale;

	if (value->outcomes != 0 || !IsA(expr, OpExpr) ||
		(outcomes = outcomes_of(expr->opfuncid)) == 0)
		return;
	var = linitial(expr->args);
	number = lsecond(expr->args);
	if (!IsA(var, Var) || var->varattno <= 0 || var->vartype != NUMERICOID ||
		!IsA(number, Const) || number->constisnull ||
		number->consttype != NUMERICOID ||
		!fixed_from_numeric(number->constvalue, &value->compared, &scale))
		return;
	value->numeric = numeric_of(program, var->varattno);
	value->outcomes = outcomes;
}

/* outcomes_of() says with which outcomes a function is true; 0: no such. */
static uint8
outcomes_of(Oid function)
{
	switch (function)
	{
		case F_NUMERIC_LT:
			return OUTCOME_LESS;
		case F_NUMERIC_LE:
			return OUTCOME_LESS | OUTCOME_EQUAL;
		case F_NUMERIC_EQ:
			return OUTCOME_EQUAL;
		case F_NUMERIC_GE:
			return OUTCOME_EQUAL | OUTCOME_GREATER;
		case F_NUMERIC_GT:
			return OUTCOME_GREATER;
		default:
			return 0;
	}
}

/* numeric_of() finds or adds a numeric that is compared, by its column. */
static int
numeric_of(TraitProgram *program, AttrNumber attno)
{
	int			i = 0;

	while (i < program->nnumerics && program->numerics[i].attno != attno)
		i++;
	if (i < program->nnumerics)
		return i;
	if (program->numerics == NULL)
		program->numerics = palloc(sizeof(RowNumeric) * program->nsteps);
	program->numerics[program->nnumerics++] = (RowNumeric) {.attno = attno};
	return i;
}

void
comparison_read_row(TraitProgram *program, TupleTableSlot *row)
{
	for (int i = 0; i < program->nnumerics; i++)
	{
		RowNumeric *numeric = &program->numerics[i];
		bool		isnull;
		Datum		value = slot_getattr(row, numeric->attno, &isnull);
		int			scale;

		numeric->everyday = !isnull &&
			fixed_from_numeric(value, &numeric->fixed, &scale);
	}
}
