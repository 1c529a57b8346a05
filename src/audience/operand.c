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
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

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
static int	compare_thresholds(const void *a, const void *b, void *arg);
static void thresholds_finish(Operand *operand, Thresholds *thresholds);

Operand *
operand_of(Collection *into, Node *expr, const Const *constant, Oid collation,
		   Oid family)
{
	Comparisons comparisons;
	ListCell   *lc;

	foreach(lc, into->index->operands)
	{
		Operand    *operand = lfirst(lc);

		if (operand->type == constant->consttype &&
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

/* make_operand() makes an operand in the index's memory context. */
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
	fmgr_info(comparisons->with_constant, &operand->compare);
	fmgr_info(comparisons->of_constants, &operand->compare_constants);
	if (operand->expr_type == type)
		find_hash(operand);
	into->index->operands = lappend(into->index->operands, operand);
	MemoryContextSwitchTo(old);
	return operand;
}

/* find_hash() lets the operand have equality probes, if its type is hashed. */
static void
find_hash(Operand *operand)
{
	TypeCacheEntry *cache = lookup_type_cache(operand->type,
											  TYPECACHE_HASH_PROC |
											  TYPECACHE_EQ_OPR);

	if (!OidIsValid(cache->hash_proc) || !OidIsValid(cache->eq_opr))
		return;
	operand->hashed = true;
	fmgr_info(cache->hash_proc, &operand->hash);
	fmgr_info(get_opcode(cache->eq_opr), &operand->equal);
}

void
operand_add_threshold(Operand *operand, Thresholds *to, Datum value,
					  bool after, int place)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(operand));
	Threshold  *threshold;

	if (to->count == to->space)
	{
		to->space = Max(8, to->space * 2);
		to->list = to->list == NULL ?
			palloc(sizeof(Threshold) * to->space) :
			repalloc(to->list, sizeof(Threshold) * to->space);
	}
	threshold = &to->list[to->count++];
	threshold->value = datumCopy(value, operand->typbyval, operand->typlen);
	threshold->after = after;
	threshold->place = place;
	MemoryContextSwitchTo(old);
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

	if (thresholds->count > 1)
		qsort_arg(thresholds->list, thresholds->count, sizeof(Threshold),
				  compare_thresholds, operand);
	thresholds->keyed = true;
	for (int i = 0; i < thresholds->count; i++)
		thresholds->keyed &= value_key(operand->type,
									   thresholds->list[i].value,
									   &thresholds->list[i].key);
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
	if (operand->column == InvalidAttrNumber)
		operand->state =
			ExecInitExpr(expression_planner(copyObject(operand->expr)), NULL);
	thresholds_finish(operand, &operand->above);
	thresholds_finish(operand, &operand->below);
	if (operand->nprobes == 0)
		return;

	operand->nbuckets = 1;
	while (operand->nbuckets < operand->nprobes)
		operand->nbuckets *= 2;
	operand->buckets = palloc(sizeof(int) * operand->nbuckets);
	memset(operand->buckets, -1, sizeof(int) * operand->nbuckets);
	for (int i = 0; i < operand->nprobes; i++)
	{
		EqualityProbe *probe = &operand->probes[i];
		int		   *bucket = &operand->buckets[probe->hash &
											   (operand->nbuckets - 1)];

		probe->next = *bucket;
		*bucket = i;
	}
	operand->condition_met = palloc0(sizeof(uint64) * operand->nconditions);
}
