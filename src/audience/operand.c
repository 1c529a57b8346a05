/*-------------------------------------------------------------------------
 *
 * operand.c
 *	  With which constants is one operand compared, and by whom?
 *
 *		total_spend		> 100 {newcomer}	> 500 {vip, lapsed_vip}
 *		city			= Aarhus {local}	in (Aarhus, Odense) {islanders}
 *
 *		above	100, 500, 500				sorted; each just after its value
 *		probes	Aarhus: condition 0 {local}, condition 1 {islanders}
 *				Odense: condition 1 {islanders}
 *
 * touch.c searches them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "audience/conditions.h"

/* The two comparisons that an operand needs. */
typedef struct Comparisons
{
	Oid			with_constant;
	Oid			of_constants;
} Comparisons;

static bool find_comparisons(Oid type, Oid constant_type, Oid family,
							 Comparisons *found);
static Operand *make_operand(Collection *into, Node *expr, Oid type,
							 Oid collation, const Comparisons *comparisons);
static void find_hash(Operand *operand);
static int	threshold_rank(Operand *operand, const Thresholds *thresholds,
						   const Threshold *one);
static int	compare_thresholds(const void *a, const void *b, void *arg);
static int	compare_keys(const void *a, const void *b, void *operand);
static void thresholds_finish(Operand *operand, Thresholds *thresholds);
static void hash_probes(Operand *operand);
static void thresholds_remove(Thresholds *thresholds, const bool *marked);

Operand *
operand_of(Collection *into, Node *expr, const Const *constant, Oid collation,
		   Oid family)
{
	Comparisons comparisons;
	ListCell   *lc;

	foreach(lc, into->index->operands)
	{
		Operand    *operand = lfirst(lc);

		if (operand->type == constant->consttype && !operand->elements &&
			operand->collation == collation && equal(operand->expr, expr))
			return operand;
	}

	/* what moves all the time has no next value */
	if (has_clock(expr) && time_expr_is_monotone(time_expr_of(into, expr)))
		return NULL;
	if (!find_comparisons(exprType(expr), constant->consttype, family,
						  &comparisons))
		return NULL;
	return make_operand(into, expr, constant->consttype, collation,
						&comparisons);
}

Operand *
elements_of(Collection *into, Node *array, Oid collation)
{
	Operand    *operand;
	Oid			type = get_element_type(exprType(array));
	ListCell   *lc;

	foreach(lc, into->index->operands)
	{
		operand = lfirst(lc);
		if (operand->elements && operand->collation == collation &&
			equal(operand->expr, array))
			return operand;
	}
	if (has_clock(array) || !OidIsValid(type) ||
		!OidIsValid(hash_function(type)))
		return NULL;
	operand = make_operand(into, array, type, collation, NULL);
	operand->elements = true;
	find_hash(operand);
	return operand;
}

Elements
operand_elements(const Operand *operand, Datum array)
{
	Elements	elements = {0};
	bool	   *isnull;
	int			count;
	int16		length;
	bool		byval;
	char		align;

	get_typlenbyvalalign(operand->type, &length, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(array), operand->type, length, byval,
					  align, &elements.list, &isnull, &count);
	for (int i = 0; i < count; i++)
		if (!isnull[i])
			elements.list[elements.count++] = elements.list[i];
	return elements;
}

/* find_comparisons() returns false if the types have no order in common. */
static bool
find_comparisons(Oid type, Oid constant_type, Oid family, Comparisons *found)
{
	found->with_constant = get_opfamily_proc(family, type, constant_type,
											 BTORDER_PROC);
	found->of_constants = get_opfamily_proc(family, constant_type,
											constant_type, BTORDER_PROC);
	/* text that is compared as varchar, say */
	if (!OidIsValid(found->with_constant) && type != constant_type &&
		IsBinaryCoercible(type, constant_type))
		found->with_constant = found->of_constants;
	return OidIsValid(found->with_constant) &&
		OidIsValid(found->of_constants);
}

/*
 * make_operand() makes an operand in the index's memory context.
 * 'comparisons' is NULL if its elements are looked for.
 */
static Operand *
make_operand(Collection *into, Node *expr, Oid type, Oid collation,
			 const Comparisons *comparisons)
{
	MemoryContext old = MemoryContextSwitchTo(into->context);
	Operand    *operand = palloc0(sizeof(Operand));

	operand->expr = (Expr *) copyObject(expr);
	operand->place = into->place;
	operand->columns = columns_of(into, expr);
	if (IsA(expr, Var))
		operand->column = ((Var *) expr)->varattno;
	operand->time_dependent = time_dependent_of(into, expr);
	if (operand->time_dependent != NULL)
		operand->time_dependent->operand = operand;
	operand->expr_type = exprType(expr);
	operand->type = type;
	operand->collation = collation;
	get_typlenbyval(type, &operand->typlen, &operand->typbyval);
	if (comparisons != NULL)
	{
		fmgr_info(comparisons->with_constant, &operand->compare);
		fmgr_info(comparisons->of_constants, &operand->compare_constants);
	}
	operand_enter(into->index, operand);
	MemoryContextSwitchTo(old);
	return operand;
}

bool
operand_is_hashed(Operand *operand)
{
	if (!operand->hash_sought && operand->expr_type == operand->type)
		find_hash(operand);
	operand->hash_sought = true;
	return operand->hashed;
}

/* find_hash() lets the operand have equality probes, if its type is hashed. */
static void
find_hash(Operand *operand)
{
	MemoryContext context = GetMemoryChunkContext(operand);
	Oid			hash = hash_function(operand->type);
	Oid			equal = order_operator(operand->type, BTEqualStrategyNumber);

	if (!OidIsValid(hash) || !OidIsValid(equal))
		return;
	operand->hashed = true;
	fmgr_info_cxt(hash, &operand->hash, context);
	fmgr_info_cxt(get_opcode(equal), &operand->equal, context);
}

void
operand_add_threshold(Operand *operand, Thresholds *to, Datum value,
					  bool after, int place)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(operand));
	Threshold	threshold = {
		.value = datumCopy(value, operand->typbyval, operand->typlen),
		.after = after,
		.place = place,
	};
	int			i = to->count;

	if (to->count == to->space)
	{
		to->space = Max(8, to->space * 2);
		to->list = to->list == NULL ?
			palloc(sizeof(Threshold) * to->space) :
			repalloc(to->list, sizeof(Threshold) * to->space);
	}
	if (operand->finished)
	{
		i = threshold_rank(operand, to, &threshold);
		memmove(&to->list[i + 1], &to->list[i],
				sizeof(Threshold) * (to->count - i));
		to->keyed &= value_key(operand->type, threshold.value, &threshold.key);
	}
	to->list[i] = threshold;
	to->count++;
	MemoryContextSwitchTo(old);
}

/* threshold_rank() returns how many of sorted thresholds come before one. */
static int
threshold_rank(Operand *operand, const Thresholds *thresholds,
			   const Threshold *one)
{
	int			low = 0;
	int			high = thresholds->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_thresholds(&thresholds->list[middle], one, operand) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
operand_add_probe(Operand *operand, Datum value, int condition, int place)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(operand));
	EqualityProbe *probe;

	if (operand->nprobes == operand->probe_space)
	{
		operand->probe_space = Max(8, operand->probe_space * 2);
		operand->probes = operand->probes == NULL ?
			palloc(sizeof(EqualityProbe) * operand->probe_space) :
			repalloc(operand->probes,
					 sizeof(EqualityProbe) * operand->probe_space);
	}
	probe = &operand->probes[operand->nprobes++];
	probe->value = datumCopy(value, operand->typbyval, operand->typlen);
	probe->hash = DatumGetUInt32(FunctionCall1Coll(&operand->hash,
												   operand->collation,
												   probe->value));
	probe->condition = condition;
	probe->place = place;
	operand->probes_changed = true;
	MemoryContextSwitchTo(old);
}

/* compare_thresholds() sorts by value; just before it comes first. */
static int
compare_thresholds(const void *a, const void *b, void *arg)
{
	const Threshold *left = a;
	const Threshold *right = b;
	Operand    *operand = arg;
	int			order;

	order = DatumGetInt32(FunctionCall2Coll(&operand->compare_constants,
											operand->collation,
											left->value, right->value));
	return order != 0 ? order : (int) left->after - (int) right->after;
}

/* compare_keys() does the same where all have a key. */
static int
compare_keys(const void *a, const void *b, void *operand)
{
	const Threshold *left = a;
	const Threshold *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return (int) left->after - (int) right->after;
}

/*
 * thresholds_finish() sorts thresholds and puts their values side by side in
 * that order: a search meets neighbours at its end, and these come into the
 * processor's cache together.
 */
static void
thresholds_finish(Operand *operand, Thresholds *thresholds)
{
	Size		size = 0;
	char	   *values;

	thresholds->keyed = true;
	for (int i = 0; i < thresholds->count; i++)
		thresholds->keyed &= value_key(operand->type,
									   thresholds->list[i].value,
									   &thresholds->list[i].key);
	if (thresholds->count > 1)
		qsort_arg(thresholds->list, thresholds->count, sizeof(Threshold),
				  thresholds->keyed ? compare_keys : compare_thresholds,
				  operand);
	if (operand->typbyval || thresholds->count == 0)
		return;

	for (int i = 0; i < thresholds->count; i++)
		size += MAXALIGN(datumGetSize(thresholds->list[i].value,
									  operand->typbyval, operand->typlen));
	values = palloc(size);
	for (int i = 0; i < thresholds->count; i++)
	{
		Pointer		value = DatumGetPointer(thresholds->list[i].value);

		size = datumGetSize(thresholds->list[i].value, operand->typbyval,
							operand->typlen);
		memcpy(values, value, size);
		thresholds->list[i].value = PointerGetDatum(values);
		values += MAXALIGN(size);
		pfree(value);
	}
}

void
operand_finish(Operand *operand)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(operand));

	if (!operand->finished)
	{
		if (operand->column == InvalidAttrNumber)
			operand->state =
				ExecInitExpr(expression_planner(copyObject(operand->expr)),
							 NULL);
		thresholds_finish(operand, &operand->above);
		thresholds_finish(operand, &operand->below);
		operand->finished = true;
	}
	if (operand->probes_changed)
		hash_probes(operand);
	MemoryContextSwitchTo(old);
}

/* hash_probes() puts all probes into the buckets of their values. */
static void
hash_probes(Operand *operand)
{
	int			nbuckets = Max(operand->nbuckets, 1);

	while (nbuckets < operand->nprobes)
		nbuckets *= 2;
	if (nbuckets > operand->nbuckets)
	{
		if (operand->buckets != NULL)
			pfree(operand->buckets);
		operand->buckets = palloc(sizeof(int) * nbuckets);
		operand->nbuckets = nbuckets;
	}
	memset(operand->buckets, -1, sizeof(int) * operand->nbuckets);
	for (int i = 0; i < operand->nprobes; i++)
	{
		EqualityProbe *probe = &operand->probes[i];
		int		   *bucket = &operand->buckets[probe->hash &
											   (operand->nbuckets - 1)];

		probe->next = *bucket;
		*bucket = i;
	}

	/* no condition is met: changes are numbered from 1 on */
	if (operand->nconditions > operand->condition_space)
	{
		if (operand->condition_met != NULL)
			pfree(operand->condition_met);
		operand->condition_space = operand->nconditions * 2;
		operand->condition_met = palloc0(sizeof(uint64) *
										 operand->condition_space);
	}
	operand->probes_changed = false;
}

bool
operand_remove(Operand *operand, const bool *marked)
{
	int			kept = 0;

	thresholds_remove(&operand->above, marked);
	thresholds_remove(&operand->below, marked);
	for (int i = 0; i < operand->nprobes; i++)
		if (!marked[operand->probes[i].place])
			operand->probes[kept++] = operand->probes[i];
	operand->probes_changed |= kept < operand->nprobes;
	operand->nprobes = kept;

	if (operand->above.count > 0)
		operand->place = operand->above.list[0].place;
	else if (operand->below.count > 0)
		operand->place = operand->below.list[0].place;
	else if (operand->nprobes > 0)
		operand->place = operand->probes[0].place;
	else
		return false;
	if (operand->time_dependent != NULL)
		operand->time_dependent->place = operand->place;
	return true;
}

/* thresholds_remove() does that to the thresholds on one side. */
static void
thresholds_remove(Thresholds *thresholds, const bool *marked)
{
	int			kept = 0;

	/* most often none is marked */
	while (kept < thresholds->count && !marked[thresholds->list[kept].place])
		kept++;
	for (int i = kept; i < thresholds->count; i++)
		if (!marked[thresholds->list[i].place])
			thresholds->list[kept++] = thresholds->list[i];
	thresholds->count = kept;
}
