/*-------------------------------------------------------------------------
 *
 * index.c
 *	  Which audiences can a changed profile touch?
 *
 * An event changes a few traits; a population may have thousands of audiences.
 * So the conditions that filters are made of (leaves) are kept by what they
 * look at (a subject: a trait, or what is computed from traits):
 *
 *		total_spend		> 100 {newcomer}	> 500 {vip, lapsed_vip}	 > 2000 {gold}
 *		city			Aarhus {local}	 Odense {local, islanders}
 *		anything else	tags contains "vegan" {vegans}
 *
 * An order that takes somebody's total_spend from 480 to 540 passes one
 * threshold, and two filters are evaluated, however many audiences there are.
 *
 * Thresholds are sorted, and what lies between the old and the new value is
 * what can differ.  A condition is true on one side of its threshold; where
 * the value is missing all conditions are false, so what is true only above
 * (> and >=) and what is true only below are kept apart:
 *
 *		missing -> 540		of those above, the ones up to 540;
 *							of those below, the ones from 540 on
 *
 * Values that must be met (=, in) are hashed.  For everything else the leaf
 * itself is evaluated, once for all filters that have it in common.
 *
 * Then each filter with a leaf that differs is evaluated on the row as it was
 * and as it is.  What does not exist is in no audience: a new profile is
 * compared with the blank one, of which nothing is known, and the filters that
 * hold even for that one are evaluated too.
 *
 * The leaves are read off the compiled filter, not off its text, so that this
 * file and the rest of the house cannot disagree about what a filter means.
 *
 * An index is built once per backend, at the first event, and again when a
 * definition has changed.  A filter is made ready to run when it is first
 * touched.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "audience/audience_private.h"
#include "base/base.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_filters_evaluated);

/* An audience, as far as events are concerned. */
typedef struct Watched
{
	char	   *name;
	int32		number;
	ExprState  *filter;			/* NULL until it is first needed */
	uint64		touched;		/* by which change, last */
} Watched;

/* Where a condition changes from false to true, or the other way round. */
typedef struct Threshold
{
	Datum		value;
	int64		key;			/* the same as a number, if all have one */
	int			audience;		/* in the index's list */
	bool		after;			/* just after the value, else just before */
} Threshold;

typedef struct Thresholds
{
	int			count;
	int			space;
	bool		keyed;			/* have all a key, by which they are ordered? */
	Threshold  *list;			/* ascending */
} Thresholds;

/* A value whose place among thresholds is sought. */
typedef struct Probe
{
	Datum		value;
	int64		key;
	bool		keyed;
} Probe;

/* Those who look for a value.  A leaf looks for one, or for several (in). */
typedef struct Sought
{
	Datum		value;
	uint32		hash;
	int			leaf;			/* numbered within the subject */
	int			audience;
	int			next;			/* with the same place in the table, or -1 */
} Sought;

/*
 * What constants of one type are compared with.
 */
typedef struct Subject
{
	Expr	   *expr;
	Oid			expr_type;
	ExprState  *state;			/* NULL if it is a column */
	AttrNumber	column;			/* InvalidAttrNumber if it is none */
	Bitmapset  *columns;		/* what it is computed from */
	Oid			type;			/* of the constants */
	Oid			collation;
	int16		typlen;
	bool		typbyval;
	FmgrInfo	compare;		/* the subject's value with a constant */
	FmgrInfo	compare_constants;
	Thresholds	above;			/* true above: > and >= */
	Thresholds	below;			/* true below: < and <= */

	bool		hashed;			/* can values be sought? */
	FmgrInfo	hash;
	FmgrInfo	equal;
	int			nleaves;
	int			nsought;
	int			sought_space;
	Sought	   *sought;
	int			nplaces;		/* a power of two; 0 until the table is made */
	int		   *places;
	uint64	   *leaf_met;		/* by which change a leaf's value was met */
} Subject;

/* A condition of another kind, and who has it. */
typedef struct Leaf
{
	uint64		hash;			/* hash key: of its printed form */
	Expr	   *expr;
	ExprState  *state;			/* NULL until it is first needed */
	Bitmapset  *columns;
	List	   *audiences;		/* integers */
	struct Leaf *next;			/* another with the same hash */
} Leaf;

/* What has to be looked at when a column has changed. */
typedef struct Column
{
	AttrNumber	number;
	bool		typbyval;
	int16		typlen;
	List	   *subjects;
	List	   *leaves;
} Column;

struct AudienceIndex
{
	const Population *population;	/* a copy */
	int			nwatched;
	Watched    *watched;		/* in the order of audience_list() */
	List	   *subjects;
	HTAB	   *leaves;
	int			ncolumns;
	Column	   *columns;
	List	   *of_nobody;		/* integers: those that hold for the blank */
	ExprContext *econtext;
	uint64		change;			/* numbers the changes asked about */
	int		   *touched;		/* answer: places in 'watched' */
	int			ntouched;
};

typedef struct IndexEntry
{
	Oid			base;			/* hash key */
	CacheSlot	slot;
	AudienceIndex *index;
} IndexEntry;

/* Where the leaves of a filter are put. */
typedef struct Collection
{
	AudienceIndex *index;
	MemoryContext context;		/* the index's */
	int			audience;
} Collection;

static HTAB *indexes = NULL;
static uint64 filters_evaluated = 0;

static ExprState *watched_filter(AudienceIndex *index, Watched *watched);
static void make_ready(AudienceIndex *index, const int *places, int count);
static ExprState *ready(Expr *filter, MemoryContext context);
static AudienceIndex *index_build(const Population *population);
static void collect(Collection *into, Node *node, bool exact);
static bool collect_comparison(Collection *into, OpExpr *comparison);
static bool collect_list(Collection *into, ScalarArrayOpExpr *list);
static void collect_other(Collection *into, Node *node);
static bool counts_conditions(Node *node);
static void collect_counted(Collection *into, Node *node);
static Subject *subject_of(Collection *into, Node *expr, Const *constant,
						   Oid collation, Oid family);
static void subject_add_threshold(Subject *subject, Thresholds *to,
								  Datum value, bool after, int audience);
static void subject_seek(Subject *subject, Datum value, int leaf, int audience);
static void thresholds_finish(Subject *subject, Thresholds *thresholds);
static bool value_key(Oid type, Datum value, int64 *key);
static bool keys_comparable(Oid a, Oid b);
static void subject_finish(Subject *subject);
static void index_columns(AudienceIndex *index);
static bool column_changed(const Column *column, TupleTableSlot *before,
						   TupleTableSlot *after);
static void subject_touch(AudienceIndex *index, Subject *subject,
						  TupleTableSlot *before, TupleTableSlot *after);
static void sought_touch(AudienceIndex *index, Subject *subject,
						 Datum old_value, bool old_isnull,
						 Datum new_value, bool new_isnull);
static Probe probe_of(const Subject *subject, Datum value);
static int	thresholds_under(const Subject *subject, const Thresholds *thresholds,
							 const Probe *probe);
static int	thresholds_near(const Subject *subject, const Thresholds *thresholds,
							const Probe *probe, int near);
static int	thresholds_between(const Subject *subject,
							   const Thresholds *thresholds,
							   const Probe *probe, int low, int high);
static bool threshold_under(const Subject *subject, const Thresholds *thresholds,
							int place, const Probe *probe);
static void leaf_touch(AudienceIndex *index, Leaf *leaf,
					   TupleTableSlot *before, TupleTableSlot *after);
static void touch(AudienceIndex *index, int audience);
static Datum value_of(AudienceIndex *index, Subject *subject,
					  TupleTableSlot *row, bool *isnull);
static void index_mark(Oid relid);

/* filters_evaluated(): by this session, for captured events */
Datum
segment_filters_evaluated(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) filters_evaluated);
}

void
audience_index_init(void)
{
	HASHCTL		control = {
		.keysize = sizeof(Oid),
		.entrysize = sizeof(IndexEntry),
	};

	indexes = hash_create("segment audience indexes", 16, &control,
						  HASH_ELEM | HASH_BLOBS);
	cache_on_change(index_mark);
}

AudienceIndex *
audience_index(const Population *population)
{
	IndexEntry *entry = hash_search(indexes, &population->base, HASH_FIND, NULL);
	AudienceIndex *index;
	MemoryContext context;
	MemoryContext old;
	uint64		changes = cache_changes();
	bool		found;

	if (entry != NULL && entry->slot.valid)
		return entry->index;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment audience index",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	index = index_build(population);
	MemoryContextSwitchTo(old);

	entry = hash_search(indexes, &population->base, HASH_ENTER, &found);
	cache_fill(&entry->slot, found, context, changes);
	entry->index = index;
	return index;
}

int
audience_touched(AudienceIndex *index, TupleTableSlot *before,
				 TupleTableSlot *after, bool appears, const int **touched)
{
	ListCell   *lc;
	MemoryContext old;

	index->change++;
	index->ntouched = 0;
	old = MemoryContextSwitchTo(index->econtext->ecxt_per_tuple_memory);
	for (int i = 0; i < index->ncolumns; i++)
	{
		const Column *column = &index->columns[i];

		if (!column_changed(column, before, after))
			continue;
		foreach(lc, column->subjects)
			subject_touch(index, lfirst(lc), before, after);
		foreach(lc, column->leaves)
			leaf_touch(index, lfirst(lc), before, after);
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(index->econtext);

	if (appears)
		foreach(lc, index->of_nobody)
			touch(index, lfirst_int(lc));

	make_ready(index, index->touched, index->ntouched);
	*touched = index->touched;
	return index->ntouched;
}

bool
audience_holds(AudienceIndex *index, int audience, TupleTableSlot *row)
{
	bool		holds;

	filters_evaluated++;
	index->econtext->ecxt_scantuple = row;
	holds = ExecQual(watched_filter(index, &index->watched[audience]),
					 index->econtext);
	ResetExprContext(index->econtext);
	return holds;
}

int32
audience_number(const AudienceIndex *index, int audience)
{
	return index->watched[audience].number;
}

ExprState *
audience_filter(const Population *population, const Audience *audience)
{
	AudienceIndex *index = audience_index(population);
	int			low = 0;
	int			high = index->nwatched - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(index->watched[middle].name, audience->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return watched_filter(index, &index->watched[low]);
}

static ExprState *
watched_filter(AudienceIndex *index, Watched *watched)
{
	if (watched->filter == NULL)
	{
		int			place = watched - index->watched;

		make_ready(index, &place, 1);
	}
	return watched->filter;
}

/*
 * Filters that are touched for the first time, together: what there is to
 * prepare is prepared once.
 */
static void
make_ready(AudienceIndex *index, const int *places, int count)
{
	FilterScope *scope = NULL;
	int			level = 0;

	for (int i = 0; i < count; i++)
	{
		Watched    *watched = &index->watched[places[i]];

		if (watched->filter != NULL)
			continue;
		if (scope == NULL)
		{
			scope = filter_relation_scope(index->population->base, 1);
			level = filter_pin(scope);
		}
		watched->filter =
			ready(filter_compile_pinned(audience_by_name(index->population,
														 watched->name)->filter,
										scope),
				  GetMemoryChunkContext(index));
	}
	if (scope != NULL)
		AtEOXact_GUC(true, level);
}

ExprState *
audience_ready(const Population *population, const FilterNode *filter,
			   MemoryContext context)
{
	return ready(audience_bind(population, filter, NULL), context);
}

static ExprState *
ready(Expr *filter, MemoryContext context)
{
	Expr	   *expr = expression_planner(filter);
	MemoryContext old = MemoryContextSwitchTo(context);
	ExprState  *state = ExecInitQual(list_make1(copyObject(expr)), NULL);

	MemoryContextSwitchTo(old);
	return state;
}

/* ---- building ---- */

static AudienceIndex *
index_build(const Population *population)
{
	AudienceIndex *index = palloc0(sizeof(AudienceIndex));
	List	   *audiences = audience_list(population);
	FilterScope *scope = filter_relation_scope(population->base, 1);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "segment leaves",
												  ALLOCSET_DEFAULT_SIZES);
	HASHCTL		control = {
		.keysize = sizeof(uint64),
		.entrysize = sizeof(Leaf),
		.hcxt = CurrentMemoryContext,
	};
	Collection	into = {index, CurrentMemoryContext, 0};
	ListCell   *lc;
	int			level = filter_pin(scope);

	index->population = population_copy(population);
	index->watched = palloc0(sizeof(Watched) * Max(list_length(audiences), 1));
	index->leaves = hash_create("segment leaves", 64, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	index->econtext = CreateStandaloneExprContext();

	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);
		Watched    *watched = &index->watched[index->nwatched];
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		watched->name = pstrdup(audience->name);
		watched->number = audience->number;
		into.audience = index->nwatched++;
		if (!audience->stored)
			continue;
		if (audience->of_nobody)
			index->of_nobody = lappend_int(index->of_nobody, into.audience);

		old = MemoryContextSwitchTo(scratch);
		collect(&into, (Node *) filter_compile_pinned(audience->filter, scope), false);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
	AtEOXact_GUC(true, level);
	MemoryContextDelete(scratch);

	foreach(lc, index->subjects)
		subject_finish(lfirst(lc));
	index_columns(index);
	index->touched = palloc(sizeof(int) * Max(index->nwatched, 1));
	return index;
}

/*
 * The leaves of a condition.  'exact': false and missing make a difference
 * where it stands; elsewhere a comparison with a missing value is as good as
 * false.
 */
static void
collect(Collection *into, Node *node, bool exact)
{
	ListCell   *lc;

	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_BoolExpr:
			/* NOT turns false into true, but not what is missing */
			exact |= ((BoolExpr *) node)->boolop == NOT_EXPR;
			foreach(lc, ((BoolExpr *) node)->args)
				collect(into, lfirst(lc), exact);
			return;

		case T_BooleanTest:
			{
				BooleanTest *test = (BooleanTest *) node;

				collect(into, (Node *) test->arg,
						test->booltesttype != IS_TRUE &&
						test->booltesttype != IS_NOT_TRUE);
				return;
			}

		case T_OpExpr:
			if (!exact && collect_comparison(into, (OpExpr *) node))
				return;
			break;

		case T_ScalarArrayOpExpr:
			if (!exact && collect_list(into, (ScalarArrayOpExpr *) node))
				return;
			break;

		case T_Const:
			return;

		default:
			break;
	}
	collect_other(into, node);
}

/*
 * subject > constant, and its like.  Returns false if it is not of that form.
 */
static bool
collect_comparison(Collection *into, OpExpr *comparison)
{
	Node	   *left;
	Node	   *right;
	Oid			operator = comparison->opno;
	Oid			family;
	int			strategy;
	Subject    *subject;
	Const	   *constant;

	if (list_length(comparison->args) != 2)
		return false;
	left = linitial(comparison->args);
	right = lsecond(comparison->args);
	if (IsA(left, Const))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		operator = get_commutator(operator);
	}
	if (!OidIsValid(operator) || !IsA(right, Const))
		return false;
	constant = (Const *) right;
	family = lookup_type_cache(exprType(left), TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	strategy = OidIsValid(family) ? get_op_opfamily_strategy(operator, family) : 0;
	if (strategy == 0)
		return false;
	if (constant->constisnull)
		return true;			/* never true */
	if (counts_conditions(left))
	{
		collect_counted(into, left);
		return true;
	}

	subject = subject_of(into, left, constant, comparison->inputcollid, family);
	if (subject == NULL)
		return false;
	switch (strategy)
	{
		case BTLessStrategyNumber:
			subject_add_threshold(subject, &subject->below, constant->constvalue,
								  false, into->audience);
			return true;
		case BTLessEqualStrategyNumber:
			subject_add_threshold(subject, &subject->below, constant->constvalue,
								  true, into->audience);
			return true;
		case BTGreaterEqualStrategyNumber:
			subject_add_threshold(subject, &subject->above, constant->constvalue,
								  false, into->audience);
			return true;
		case BTGreaterStrategyNumber:
			subject_add_threshold(subject, &subject->above, constant->constvalue,
								  true, into->audience);
			return true;
		default:
			if (!subject->hashed)
				return false;
			subject_seek(subject, constant->constvalue, subject->nleaves++,
						 into->audience);
			return true;
	}
}

/*
 * subject = any (constants).  Returns false if it is not of that form.
 */
static bool
collect_list(Collection *into, ScalarArrayOpExpr *list)
{
	Node	   *left = linitial(list->args);
	Const	   *constants = lsecond(list->args);
	ArrayType  *array;
	Oid			family;
	Const		one;
	Datum	   *values;
	bool	   *isnull;
	int			count;
	char		align;
	Subject    *subject;

	if (!list->useOr || !IsA(constants, Const) || constants->constisnull)
		return false;
	family = lookup_type_cache(exprType(left), TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	if (!OidIsValid(family) ||
		get_op_opfamily_strategy(list->opno, family) != BTEqualStrategyNumber)
		return false;

	array = DatumGetArrayTypeP(constants->constvalue);
	memset(&one, 0, sizeof(one));
	one.xpr.type = T_Const;
	one.consttype = ARR_ELEMTYPE(array);
	get_typlenbyval(one.consttype, (int16 *) &one.constlen, &one.constbyval);
	subject = subject_of(into, left, &one, list->inputcollid, family);
	if (subject == NULL || !subject->hashed)
		return false;

	get_typlenbyvalalign(subject->type, &subject->typlen, &subject->typbyval, &align);
	deconstruct_array(array, subject->type, subject->typlen, subject->typbyval,
					  align, &values, &isnull, &count);
	for (int i = 0; i < count; i++)
		if (!isnull[i])
			subject_seek(subject, values[i], subject->nleaves, into->audience);
	subject->nleaves++;
	return true;
}

/* Evaluated as a whole, once for all filters that have it. */
static void
collect_other(Collection *into, Node *node)
{
	char	   *printed = nodeToString(node);
	uint64		hash = hash_bytes_extended((unsigned char *) printed,
										   strlen(printed), 0);
	Leaf	   *leaf;
	MemoryContext old;
	bool		found;

	old = MemoryContextSwitchTo(into->context);
	leaf = hash_search(into->index->leaves, &hash, HASH_ENTER, &found);
	if (!found)
		memset((char *) leaf + sizeof(hash), 0, sizeof(Leaf) - sizeof(hash));
	while (leaf->expr != NULL && !equal(leaf->expr, node))
	{
		if (leaf->next == NULL)
		{
			leaf->next = palloc0(sizeof(Leaf));
			leaf->next->hash = hash;
		}
		leaf = leaf->next;
	}
	if (leaf->expr == NULL)
	{
		leaf->expr = (Expr *) copyObject(node);
		pull_varattnos(node, 1, &leaf->columns);
	}
	leaf->audiences = lappend_int(leaf->audiences, into->audience);
	MemoryContextSwitchTo(old);
}

/*
 * "at least 2 of (a, b, c)" counts its conditions: (case when a then 1 else 0
 * end) + ... >= 2.  It can differ where one of them does.
 */
static bool
counts_conditions(Node *node)
{
	check_stack_depth();
	if (IsA(node, CaseExpr))
	{
		CaseExpr   *one = (CaseExpr *) node;

		return one->arg == NULL && list_length(one->args) == 1 &&
			IsA(((CaseWhen *) linitial(one->args))->result, Const) &&
			one->casetype == INT4OID && IsA(one->defresult, Const);
	}
	if (IsA(node, OpExpr) && ((OpExpr *) node)->opresulttype == INT4OID)
	{
		OpExpr	   *sum = (OpExpr *) node;

		return list_length(sum->args) == 2 &&
			counts_conditions(linitial(sum->args)) &&
			counts_conditions(lsecond(sum->args));
	}
	return false;
}

static void
collect_counted(Collection *into, Node *node)
{
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, CaseExpr))
		collect(into, (Node *) ((CaseWhen *) linitial(((CaseExpr *) node)->args))->expr,
				false);
	else
		foreach(lc, ((OpExpr *) node)->args)
			collect_counted(into, lfirst(lc));
}

/* ---- subjects ---- */

/*
 * The subject for constants of this type, or NULL if the two types have no
 * order in common.
 */
static Subject *
subject_of(Collection *into, Node *expr, Const *constant, Oid collation,
		   Oid family)
{
	ListCell   *lc;
	Subject    *subject;
	Oid			type = exprType(expr);
	Oid			compare;
	Oid			compare_constants;
	MemoryContext old;

	foreach(lc, into->index->subjects)
	{
		subject = lfirst(lc);
		if (subject->type == constant->consttype &&
			subject->collation == collation && equal(subject->expr, expr))
			return subject;
	}

	compare = get_opfamily_proc(family, type, constant->consttype, BTORDER_PROC);
	compare_constants = get_opfamily_proc(family, constant->consttype,
										  constant->consttype, BTORDER_PROC);
	/* text that is compared as varchar, say */
	if (!OidIsValid(compare) && type != constant->consttype &&
		IsBinaryCoercible(type, constant->consttype))
		compare = compare_constants;
	if (!OidIsValid(compare) || !OidIsValid(compare_constants))
		return NULL;

	old = MemoryContextSwitchTo(into->context);
	subject = palloc0(sizeof(Subject));
	subject->expr = (Expr *) copyObject(expr);
	pull_varattnos(expr, 1, &subject->columns);
	if (IsA(expr, Var))
		subject->column = ((Var *) expr)->varattno;
	subject->expr_type = type;
	subject->type = constant->consttype;
	subject->collation = collation;
	get_typlenbyval(subject->type, &subject->typlen, &subject->typbyval);
	fmgr_info(compare, &subject->compare);
	fmgr_info(compare_constants, &subject->compare_constants);
	if (type == subject->type)
	{
		TypeCacheEntry *cache = lookup_type_cache(type,
												  TYPECACHE_HASH_PROC |
												  TYPECACHE_EQ_OPR);

		if (OidIsValid(cache->hash_proc) && OidIsValid(cache->eq_opr))
		{
			subject->hashed = true;
			fmgr_info(cache->hash_proc, &subject->hash);
			fmgr_info(get_opcode(cache->eq_opr), &subject->equal);
		}
	}
	into->index->subjects = lappend(into->index->subjects, subject);
	MemoryContextSwitchTo(old);
	return subject;
}

static void
subject_add_threshold(Subject *subject, Thresholds *to, Datum value,
					  bool after, int audience)
{
	MemoryContext context = GetMemoryChunkContext(subject);
	MemoryContext old = MemoryContextSwitchTo(context);

	if (to->count == to->space)
	{
		to->space = Max(8, to->space * 2);
		to->list = to->list == NULL ? palloc(sizeof(Threshold) * to->space) :
			repalloc(to->list, sizeof(Threshold) * to->space);
	}
	to->list[to->count].value = datumCopy(value, subject->typbyval, subject->typlen);
	to->list[to->count].after = after;
	to->list[to->count].audience = audience;
	to->count++;
	MemoryContextSwitchTo(old);
}

static void
subject_seek(Subject *subject, Datum value, int leaf, int audience)
{
	MemoryContext context = GetMemoryChunkContext(subject);
	MemoryContext old = MemoryContextSwitchTo(context);
	Sought	   *sought;

	if (subject->nsought == subject->sought_space)
	{
		subject->sought_space = Max(8, subject->sought_space * 2);
		subject->sought = subject->sought == NULL ?
			palloc(sizeof(Sought) * subject->sought_space) :
			repalloc(subject->sought, sizeof(Sought) * subject->sought_space);
	}
	sought = &subject->sought[subject->nsought++];
	sought->value = datumCopy(value, subject->typbyval, subject->typlen);
	sought->hash = DatumGetUInt32(FunctionCall1Coll(&subject->hash,
													subject->collation,
													sought->value));
	sought->leaf = leaf;
	sought->audience = audience;
	MemoryContextSwitchTo(old);
}

static int
compare_thresholds(const void *a, const void *b, void *arg)
{
	const Threshold *left = a;
	const Threshold *right = b;
	Subject    *subject = arg;
	int			order = DatumGetInt32(FunctionCall2Coll(&subject->compare_constants,
														subject->collation,
														left->value, right->value));

	return order != 0 ? order : (int) left->after - (int) right->after;
}

/*
 * Sort them, and lay their values side by side in that order: a search meets
 * neighbours at its end, and they come into the processor's cache together.
 */
static void
thresholds_finish(Subject *subject, Thresholds *thresholds)
{
	Size		size = 0;
	char	   *values;

	if (thresholds->count > 1)
		qsort_arg(thresholds->list, thresholds->count, sizeof(Threshold),
				  compare_thresholds, subject);
	thresholds->keyed = true;
	for (int i = 0; i < thresholds->count; i++)
		thresholds->keyed &= value_key(subject->type, thresholds->list[i].value,
									   &thresholds->list[i].key);
	if (subject->typbyval || thresholds->count == 0)
		return;

	for (int i = 0; i < thresholds->count; i++)
		size += MAXALIGN(datumGetSize(thresholds->list[i].value,
									  subject->typbyval, subject->typlen));
	values = palloc(size);
	for (int i = 0; i < thresholds->count; i++)
	{
		Pointer		value = DatumGetPointer(thresholds->list[i].value);

		size = datumGetSize(thresholds->list[i].value, subject->typbyval,
							subject->typlen);
		memcpy(values, value, size);
		thresholds->list[i].value = PointerGetDatum(values);
		values += MAXALIGN(size);
		pfree(value);
	}
}

/*
 * A number in the order of the type's values; false if there is none for this
 * one.  Comparing by a function of the server costs ten times as much.
 */
static bool
value_key(Oid type, Datum value, int64 *key)
{
	int			scale;

	switch (type)
	{
		case INT2OID:
			*key = DatumGetInt16(value);
			return true;
		case INT4OID:
		case DATEOID:
			*key = DatumGetInt32(value);
			return true;
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*key = DatumGetInt64(value);
			return true;
		case NUMERICOID:
			return fixed_from_numeric(value, key, &scale);
		default:
			return false;
	}
}

/* Can keys of these two types be compared?  A date is no timestamp. */
static bool
keys_comparable(Oid a, Oid b)
{
	bool		integers = (a == INT2OID || a == INT4OID || a == INT8OID) &&
		(b == INT2OID || b == INT4OID || b == INT8OID);

	return a == b || integers;
}

/* All leaves are known: sort them, and make the table. */
static void
subject_finish(Subject *subject)
{
	if (subject->column == InvalidAttrNumber)
		subject->state = ExecInitExpr(expression_planner(copyObject(subject->expr)), NULL);
	thresholds_finish(subject, &subject->above);
	thresholds_finish(subject, &subject->below);
	if (subject->nsought == 0)
		return;

	subject->nplaces = 1;
	while (subject->nplaces < subject->nsought)
		subject->nplaces *= 2;
	subject->places = palloc(sizeof(int) * subject->nplaces);
	memset(subject->places, -1, sizeof(int) * subject->nplaces);
	for (int i = 0; i < subject->nsought; i++)
	{
		int		   *place = &subject->places[subject->sought[i].hash &
											 (subject->nplaces - 1)];

		subject->sought[i].next = *place;
		*place = i;
	}
	subject->leaf_met = palloc0(sizeof(uint64) * subject->nleaves);
}

/* ---- columns ---- */

static Column *
column_of(AudienceIndex *index, AttrNumber number)
{
	Column	   *column;
	int32		typmod;
	Oid			type;
	Oid			collation;

	for (int i = 0; i < index->ncolumns; i++)
		if (index->columns[i].number == number)
			return &index->columns[i];

	index->columns = index->columns == NULL ? palloc(sizeof(Column)) :
		repalloc(index->columns, sizeof(Column) * (index->ncolumns + 1));
	column = &index->columns[index->ncolumns++];
	memset(column, 0, sizeof(Column));
	column->number = number;
	get_atttypetypmodcoll(index->population->base, number, &type, &typmod, &collation);
	get_typlenbyval(type, &column->typlen, &column->typbyval);
	return column;
}

static void
index_columns(AudienceIndex *index)
{
	ListCell   *lc;
	HASH_SEQ_STATUS scan;
	Leaf	   *leaf;
	int			bit;

	foreach(lc, index->subjects)
	{
		Subject    *subject = lfirst(lc);

		bit = -1;
		while ((bit = bms_next_member(subject->columns, bit)) >= 0)
		{
			Column	   *column = column_of(index,
										   bit + FirstLowInvalidHeapAttributeNumber);

			column->subjects = lappend(column->subjects, subject);
		}
	}

	hash_seq_init(&scan, index->leaves);
	while ((leaf = hash_seq_search(&scan)) != NULL)
		for (; leaf != NULL; leaf = leaf->next)
		{
			bit = -1;
			while ((bit = bms_next_member(leaf->columns, bit)) >= 0)
			{
				Column	   *column = column_of(index,
											   bit + FirstLowInvalidHeapAttributeNumber);

				column->leaves = lappend(column->leaves, leaf);
			}
		}
}

/* ---- asking ---- */

static bool
column_changed(const Column *column, TupleTableSlot *before, TupleTableSlot *after)
{
	int			i = column->number - 1;

	if (before->tts_isnull[i] || after->tts_isnull[i])
		return before->tts_isnull[i] != after->tts_isnull[i];
	if (before->tts_values[i] == after->tts_values[i])
		return false;
	return column->typbyval ||
		!datum_image_eq(before->tts_values[i], after->tts_values[i],
						column->typbyval, column->typlen);
}

/* A subject that is computed from several columns may come by several times. */
static void
subject_touch(AudienceIndex *index, Subject *subject,
			  TupleTableSlot *before, TupleTableSlot *after)
{
	bool		old_isnull;
	bool		new_isnull;
	Datum		old_value = value_of(index, subject, before, &old_isnull);
	Datum		new_value = value_of(index, subject, after, &new_isnull);
	Probe		old_probe = {0};
	Probe		new_probe = {0};
	int			from;
	int			to;

	if (old_isnull && new_isnull)
		return;

	if (subject->above.count > 0 || subject->below.count > 0)
	{
		if (!old_isnull)
			old_probe = probe_of(subject, old_value);
		if (!new_isnull)
			new_probe = probe_of(subject, new_value);
	}
	if (subject->above.count > 0)
	{
		from = old_isnull ? 0 : thresholds_under(subject, &subject->above, &old_probe);
		to = new_isnull ? 0 : thresholds_near(subject, &subject->above, &new_probe, from);
		for (int i = Min(from, to); i < Max(from, to); i++)
			touch(index, subject->above.list[i].audience);
	}
	if (subject->below.count > 0)
	{
		from = old_isnull ? subject->below.count :
			thresholds_under(subject, &subject->below, &old_probe);
		to = new_isnull ? subject->below.count :
			thresholds_near(subject, &subject->below, &new_probe, from);
		for (int i = Min(from, to); i < Max(from, to); i++)
			touch(index, subject->below.list[i].audience);
	}
	if (subject->nsought > 0)
		sought_touch(index, subject, old_value, old_isnull, new_value, new_isnull);
}

/* The first who seeks the value, from 'at' on; -1 if nobody does. */
static int
sought_next(const Subject *subject, int at, Datum value, uint32 hash)
{
	for (; at >= 0; at = subject->sought[at].next)
		if (subject->sought[at].hash == hash &&
			DatumGetBool(FunctionCall2Coll(unconstify(FmgrInfo *, &subject->equal),
										   subject->collation,
										   subject->sought[at].value, value)))
			return at;
	return -1;
}

/*
 * A leaf that seeks both the old and the new value (in) is as true as it was.
 */
static void
sought_touch(AudienceIndex *index, Subject *subject,
			 Datum old_value, bool old_isnull,
			 Datum new_value, bool new_isnull)
{
	uint64		met_old = index->change * 2;
	uint64		met_both = met_old + 1;
	uint32		hash;
	int			first = -1;
	int			i;

	if (!old_isnull)
	{
		hash = DatumGetUInt32(FunctionCall1Coll(&subject->hash,
												subject->collation, old_value));
		first = subject->places[hash & (subject->nplaces - 1)];
		first = sought_next(subject, first, old_value, hash);
		for (i = first; i >= 0;
			 i = sought_next(subject, subject->sought[i].next, old_value, hash))
			subject->leaf_met[subject->sought[i].leaf] = met_old;
	}
	if (!new_isnull)
	{
		uint32		new_hash = DatumGetUInt32(FunctionCall1Coll(&subject->hash,
																subject->collation,
																new_value));

		i = subject->places[new_hash & (subject->nplaces - 1)];
		for (i = sought_next(subject, i, new_value, new_hash); i >= 0;
			 i = sought_next(subject, subject->sought[i].next, new_value, new_hash))
		{
			const Sought *sought = &subject->sought[i];

			if (subject->leaf_met[sought->leaf] == met_old)
				subject->leaf_met[sought->leaf] = met_both;
			else if (subject->leaf_met[sought->leaf] != met_both)
				touch(index, sought->audience);
		}
	}
	for (i = first; i >= 0;
		 i = sought_next(subject, subject->sought[i].next, old_value, hash))
		if (subject->leaf_met[subject->sought[i].leaf] == met_old)
			touch(index, subject->sought[i].audience);
}

/* How many thresholds lie below the value. */
static int
thresholds_under(const Subject *subject, const Thresholds *thresholds,
				 const Probe *probe)
{
	return thresholds_between(subject, thresholds, probe, 0, thresholds->count);
}

/*
 * The same, when many of them are likely to be those below another value:
 * mostly a trait changes by little.  The range is doubled until it is passed.
 */
static int
thresholds_near(const Subject *subject, const Thresholds *thresholds,
				const Probe *probe, int near)
{
	int			step = 1;
	int			low;
	int			high;

	if (near < thresholds->count &&
		threshold_under(subject, thresholds, near, probe))
	{
		low = near + 1;
		for (high = low; high < thresholds->count; high += step, step *= 2)
		{
			if (!threshold_under(subject, thresholds, high, probe))
				break;
			low = high + 1;
		}
		return thresholds_between(subject, thresholds, probe, low,
								  Min(high, thresholds->count));
	}

	high = near;
	for (low = near - 1; low >= 0; low -= step, step *= 2)
	{
		if (threshold_under(subject, thresholds, low, probe))
			break;
		high = low;
	}
	return thresholds_between(subject, thresholds, probe, Max(low + 1, 0), high);
}

/* The same, when it is known to be no fewer than low and no more than high. */
static int
thresholds_between(const Subject *subject, const Thresholds *thresholds,
				   const Probe *probe, int low, int high)
{
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (threshold_under(subject, thresholds, middle, probe))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
threshold_under(const Subject *subject, const Thresholds *thresholds, int place,
				const Probe *probe)
{
	const Threshold *threshold = &thresholds->list[place];
	int			order;

	if (thresholds->keyed && probe->keyed)
		order = probe->key < threshold->key ? -1 : probe->key > threshold->key;
	else
		order = DatumGetInt32(FunctionCall2Coll(unconstify(FmgrInfo *, &subject->compare),
												subject->collation, probe->value,
												threshold->value));
	return order > 0 || (order == 0 && !threshold->after);
}

static Probe
probe_of(const Subject *subject, Datum value)
{
	Probe		probe = {value};

	probe.keyed = keys_comparable(subject->expr_type, subject->type) &&
		value_key(subject->expr_type, value, &probe.key);
	return probe;
}

static void
leaf_touch(AudienceIndex *index, Leaf *leaf,
		   TupleTableSlot *before, TupleTableSlot *after)
{
	Datum		old_value;
	Datum		new_value;
	bool		old_isnull;
	bool		new_isnull;
	ListCell   *lc;

	if (leaf->state == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(index));

		leaf->state = ExecInitExpr(expression_planner(copyObject(leaf->expr)), NULL);
		MemoryContextSwitchTo(old);
	}
	index->econtext->ecxt_scantuple = before;
	old_value = ExecEvalExpr(leaf->state, index->econtext, &old_isnull);
	index->econtext->ecxt_scantuple = after;
	new_value = ExecEvalExpr(leaf->state, index->econtext, &new_isnull);

	/* a boolean */
	if (old_isnull == new_isnull &&
		(old_isnull || DatumGetBool(old_value) == DatumGetBool(new_value)))
		return;
	foreach(lc, leaf->audiences)
		touch(index, lfirst_int(lc));
}

/* Each once. */
static void
touch(AudienceIndex *index, int audience)
{
	Watched    *watched = &index->watched[audience];

	if (watched->touched == index->change)
		return;
	watched->touched = index->change;
	index->touched[index->ntouched++] = audience;
}

static Datum
value_of(AudienceIndex *index, Subject *subject, TupleTableSlot *row, bool *isnull)
{
	if (subject->column != InvalidAttrNumber)
	{
		*isnull = row->tts_isnull[subject->column - 1];
		return row->tts_values[subject->column - 1];
	}
	index->econtext->ecxt_scantuple = row;
	return ExecEvalExpr(subject->state, index->econtext, isnull);
}

static void
index_mark(Oid relid)
{
	HASH_SEQ_STATUS scan;
	IndexEntry *entry;

	hash_seq_init(&scan, indexes);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relid) || entry->base == relid)
			entry->slot.valid = false;
}
