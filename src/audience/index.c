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
 * touch.c finds them.  Then each filter with a leaf that differs is evaluated on
 * the row as it was and as it is.  What does not exist is in no audience: a new
 * profile is compared with the blank one, of which nothing is known, and the
 * filters that hold even for that one are evaluated too.
 *
 * Some conditions time changes, too (wake.c).  The clock is a parameter of all
 * that is evaluated here (moment.c): it is decided as of an instant, not as of
 * now.
 *
 * The leaves are read off the compiled filter, not off its text, so that this
 * file and the rest of the house cannot disagree about what a filter means.
 *
 * An index is built once per backend, at the first event, and again when a
 * definition has changed.  A filter is made ready to run when it is first
 * touched.
 *
 * A filter that does not bind any more is noted, and the others are indexed: an
 * event must not fail of a definition that it has nothing to do with.  Who
 * writes profiles stops keeping its members (define.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/xact.h"
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
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "audience/index.h"
#include "base/base.h"

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
	bool		each;			/* bind each by an attempt of its own */
} Collection;

/* A filter to be compiled. */
typedef struct CompileOne
{
	const Watched *watched;
	const FilterNode *filter;
	FilterScope *scope;
	Expr	   *result;
} CompileOne;

static Cache *indexes = NULL;

static bool holds(AudienceIndex *index, int audience, Moment *moment);
static ExprState *watched_filter(AudienceIndex *index, Watched *watched);
static bool are_ready(const AudienceIndex *index, const int *places, int count);
static void make_ready(AudienceIndex *index, const int *places, int count);
static AudienceIndex *index_build(const Population *population,
								  List *audiences);
static void build(void *arg);
static void index_audience(Collection *into, const Audience *audience,
						   FilterScope *scope, MemoryContext scratch);
static void compile_one(void *arg);
static Expr *compile_watched(const Watched *watched, const FilterNode *filter,
							 FilterScope *scope);
static void name_watched(void *arg);
static void collect(Collection *into, Node *node, bool exact);
static bool collect_comparison(Collection *into, OpExpr *comparison);
static bool collect_list(Collection *into, ScalarArrayOpExpr *list);
static void collect_other(Collection *into, Node *node);
static bool counts_conditions(Node *node);
static void collect_counted(Collection *into, Node *node);
static bool moves(Node *node);
static Bitmapset *columns_of(Collection *into, Node *node);
static TimeExpr *curve_of_part(Collection *into, Node *node);
static Timed *timed_of(Collection *into, Node *node);
static Subject *subject_of(Collection *into, Node *expr, Const *constant,
						   Oid collation, Oid family);
static void subject_add_threshold(Subject *subject, Thresholds *to,
								  Datum value, bool after, int audience);
static void subject_seek(Subject *subject, Datum value, int leaf, int audience);
static void thresholds_finish(Subject *subject, Thresholds *thresholds);
static void subject_finish(Subject *subject);
static void index_columns(AudienceIndex *index);
static bool made_of(const void *entry, Oid relid);

void
audience_index_init(void)
{
	static const CacheKind kind = {
		.name = "segment audience indexes",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(IndexEntry),
		.slot = offsetof(IndexEntry, slot),
		.made_of = made_of,
	};

	indexes = cache_create(&kind);
}

AudienceIndex *
audience_index(const Population *population)
{
	IndexEntry *entry = cache_find(indexes, &population->base);
	IndexEntry	made = {population->base};
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	if (entry != NULL)
	{
		entry->index->asked = -1;	/* an error may have left it */
		return entry->index;
	}

	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment audience index",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	made.index = index_build(population, audience_list(population));
	MemoryContextSwitchTo(old);

	(void) cache_put(indexes, &made, context, begun);
	return made.index;
}

AudienceIndex *
audience_index_of(const Population *population, List *audiences)
{
	return index_build(population, audiences);
}

/*
 * Beside parallel workers a broken audience cannot be passed over, so an index
 * that is to be made there has only those audiences in it that are asked for.
 */
AudienceIndex *
audience_index_to_ask(const Population *population, List *audiences)
{
	if (IsInParallelMode() &&
		cache_find(indexes, &population->base) == NULL)
		return audience_index_of(population, audiences);
	return audience_index(population);
}

void
index_set_row(AudienceIndex *index, TupleTableSlot *row, TimestampTz at)
{
	moment_set(index->after, row, at);
}

bool
index_holds(AudienceIndex *index, int audience)
{
	return holds(index, audience, index->after);
}

bool
index_held(AudienceIndex *index, int audience)
{
	return holds(index, audience, index->before);
}

static bool
holds(AudienceIndex *index, int audience, Moment *moment)
{
	ExprState  *filter = watched_filter(index, &index->watched[audience]);
	ExprContext *econtext = moment_context(moment);
	bool		result;

	index->asked = audience;
	result = ExecQual(filter, econtext);
	index->asked = -1;
	ResetExprContext(econtext);
	return result;
}

const char *
index_evaluating(const AudienceIndex *index)
{
	return index->asked < 0 ? NULL : index->watched[index->asked].name;
}

int32
index_definition_id(const AudienceIndex *index, int audience)
{
	return index->watched[audience].definition_id;
}

int
index_place(const AudienceIndex *index, const char *name)
{
	int			low = 0;
	int			high = index->nwatched - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(index->watched[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

typedef struct MakeReady
{
	AudienceIndex *index;
	int			audience;
} MakeReady;

static void
make_one_ready(void *arg)
{
	MakeReady  *one = arg;

	make_ready(one->index, &one->audience, 1);
}

const char *
index_broken(AudienceIndex *index, int audience)
{
	Watched    *watched = &index->watched[audience];
	MakeReady	one = {index, audience};
	ErrorData  *error;

	if (!watched->untried)
		return watched->broken;
	error = attempt(make_one_ready, &one);
	if (error != NULL)
		watched->broken = MemoryContextStrdup(GetMemoryChunkContext(index),
											  error->message);
	watched->untried = false;
	return watched->broken;
}

List *
index_broken_places(const AudienceIndex *index)
{
	return index->broken;
}

static ExprState *
watched_filter(AudienceIndex *index, Watched *watched)
{
	int			place = watched - index->watched;

	index_prepare(index, &place, 1);
	return watched->filter;
}

/*
 * A filter that does not bind any more, though nobody has told us of a change, fails
 * once: who comes next finds it broken in a new index.
 */
void
index_prepare(AudienceIndex *index, const int *places, int count)
{
	if (are_ready(index, places, count))
		return;
	PG_TRY();
	{
		make_ready(index, places, count);
	}
	PG_CATCH();
	{
		cache_distrust(index->population->base);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static bool
are_ready(const AudienceIndex *index, const int *places, int count)
{
	for (int i = 0; i < count; i++)
		if (index->watched[places[i]].filter == NULL)
			return false;
	return true;
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
		Expr	   *filter;
		MemoryContext old;

		if (watched->filter != NULL)
			continue;
		if (scope == NULL)
		{
			scope = filter_relation_scope(index->population->base, 1);
			level = filter_pin(scope);
		}
		filter = compile_watched(watched,
								 audience_by_name(index->population,
												  watched->name)->filter,
								 scope);
		filter = expression_planner(shared_exprs_bind(index->parts, filter));
		old = MemoryContextSwitchTo(GetMemoryChunkContext(index));
		watched->filter = ExecInitQual(list_make1(copyObject(filter)), NULL);
		MemoryContextSwitchTo(old);
	}
	if (scope != NULL)
		AtEOXact_GUC(true, level);
}

/* ---- building ---- */

/* What an index is built of. */
typedef struct Building
{
	const Population *population;
	List	   *audiences;		/* Audience * */
	bool		each;			/* bind each by an attempt of its own */
	AudienceIndex *index;		/* the result */
} Building;

/*
 * All at once; and again one by one, if a filter does not bind.
 */
static AudienceIndex *
index_build(const Population *population, List *audiences)
{
	Building	building = {population, audiences};

	if (attempt(build, &building) != NULL)
	{
		building.each = true;
		build(&building);
	}
	return building.index;
}

static void
build(void *arg)
{
	Building   *building = arg;
	List	   *audiences = building->audiences;
	AudienceIndex *index = palloc0(sizeof(AudienceIndex));
	FilterScope *scope = filter_relation_scope(building->population->base, 1);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "segment leaves",
												  ALLOCSET_DEFAULT_SIZES);
	HASHCTL		control = {
		.keysize = sizeof(uint64),
		.entrysize = sizeof(Leaf),
		.hcxt = CurrentMemoryContext,
	};
	Collection	into = {index, CurrentMemoryContext, 0, building->each};
	ListCell   *lc;
	int			level = filter_pin(scope);

	index->population = population_copy(building->population);
	index->watched = palloc0(sizeof(Watched) * Max(list_length(audiences), 1));
	index->leaves = hash_create("segment leaves", 64, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	index->parts = shared_exprs_create();
	index->asked = -1;
	index->before = moment_create(index->parts);
	index->after = moment_create(index->parts);
	index->curves = time_expr_context();

	foreach(lc, audiences)
	{
		CHECK_FOR_INTERRUPTS();
		index_audience(&into, lfirst(lc), scope, scratch);
	}
	AtEOXact_GUC(true, level);
	MemoryContextDelete(scratch);

	foreach(lc, index->subjects)
		subject_finish(lfirst(lc));
	index_columns(index);
	index->touched = palloc(sizeof(int) * Max(index->nwatched, 1));
	building->index = index;
}

static void
index_audience(Collection *into, const Audience *audience, FilterScope *scope,
			   MemoryContext scratch)
{
	AudienceIndex *index = into->index;
	Watched    *watched = &index->watched[index->nwatched];
	CompileOne	one = {watched, audience->filter, scope};
	ErrorData  *error = NULL;
	MemoryContext old;

	watched->name = pstrdup(audience->name);
	watched->definition_id = audience->definition_id;
	into->audience = index->nwatched++;
	watched->untried = !audience->stored;
	if (!audience->stored)
		return;

	old = MemoryContextSwitchTo(scratch);
	if (into->each)
		error = attempt(compile_one, &one);
	else
		compile_one(&one);
	if (error != NULL)
	{
		MemoryContextSwitchTo(into->context);
		watched->broken = pstrdup(error->message);
		index->broken = lappend_int(index->broken, into->audience);
	}
	else
	{
		if (audience->time_dependent)
			one.result = shared_exprs_bind(index->parts, one.result);
		collect(into, (Node *) one.result, false);
		MemoryContextSwitchTo(into->context);
		/* of what time changes, nobody knows for whom it will hold */
		if (audience->matches_empty || audience->time_dependent)
			index->matches_empty = lappend_int(index->matches_empty, into->audience);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
}

static void
compile_one(void *arg)
{
	CompileOne *one = arg;

	one->result = compile_watched(one->watched, one->filter, one->scope);
}

/* The filter over range table entry 1.  An error says whose it is. */
static Expr *
compile_watched(const Watched *watched, const FilterNode *filter,
				FilterScope *scope)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = name_watched,
		.arg = watched->name,
	};
	Expr	   *expr;

	error_context_stack = &callback;
	expr = filter_compile_pinned(filter, scope);
	error_context_stack = callback.previous;
	return expr;
}

static void
name_watched(void *arg)
{
	errcontext("filter of audience \"%s\"", (const char *) arg);
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
		leaf->columns = columns_of(into, node);
		leaf->timed = timed_of(into, node);
		if (leaf->timed != NULL)
			leaf->timed->leaf = leaf;
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

/* ---- what time changes ---- */

static bool
find_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || expression_tree_walker(node, find_parameter, context);
}

/* Is the clock part of it? */
static bool
moves(Node *node)
{
	return find_parameter(node, NULL);
}

/* The columns that it is made of, its parts included. */
static Bitmapset *
columns_of(Collection *into, Node *node)
{
	Bitmapset  *columns = NULL;

	if (moves(node))
		node = (Node *) shared_exprs_unbind(into->index->parts, (Expr *) node);
	pull_varattnos(node, 1, &columns);
	return columns;
}

static TimeExpr *
curve_of_part(Collection *into, Node *node)
{
	return time_expr_make(shared_exprs_unbind(into->index->parts, (Expr *) node), false);
}

/* NULL if the clock is no part of it.  The caller is in the index's context. */
static Timed *
timed_of(Collection *into, Node *node)
{
	Timed	   *timed;

	if (!moves(node))
		return NULL;
	timed = palloc0(sizeof(Timed));
	timed->curve = curve_of_part(into, node);
	timed->audience = into->audience;
	into->index->timed = lappend(into->index->timed, timed);
	return timed;
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

	/* what moves all the time has no next value */
	if (moves(expr) && TIME_IS_LINE(curve_of_part(into, expr)))
		return NULL;
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
	subject->audience = into->audience;
	subject->columns = columns_of(into, expr);
	if (IsA(expr, Var))
		subject->column = ((Var *) expr)->varattno;
	subject->timed = timed_of(into, expr);
	if (subject->timed != NULL)
		subject->timed->subject = subject;
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

static bool
made_of(const void *entry, Oid relid)
{
	return ((const IndexEntry *) entry)->base == relid;
}
