/*-------------------------------------------------------------------------
 *
 * columns_young.c
 *	  Which columns has this transaction added?
 *
 *		BEGIN
 *		add s7, s8			young: s7, s8
 *		SAVEPOINT, add s9	young: s7, s8, s9
 *		ROLLBACK TO			young: s7, s8
 *		drop s7				may be used again at once
 *
 * Nobody else has ever seen what was in such a column.  The list lives as long
 * as the transaction; what a subtransaction added and took back is passed
 * over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "profile/columns.h"

typedef struct Added
{
	Oid			base;
	AttrNumber	attno;
	TransactionId xid;			/* of the subtransaction that added it */
} Added;

static List *added = NIL;		/* Added *, in the transaction's memory */
static TransactionId added_by = InvalidTransactionId;

void
column_note_young(const Population *population, AttrNumber attno)
{
	MemoryContext old;
	Added	   *one;

	/* the list of another transaction went with its memory */
	if (added_by != GetTopTransactionId())
		added = NIL;
	added_by = GetTopTransactionId();
	old = MemoryContextSwitchTo(TopTransactionContext);
	one = palloc(sizeof(Added));
	one->base = population->oid;
	one->attno = attno;
	one->xid = GetCurrentTransactionId();
	added = lappend(added, one);
	MemoryContextSwitchTo(old);
}

bool
column_is_young(const Population *population, AttrNumber attno)
{
	ListCell   *lc;

	if (!TransactionIdIsValid(added_by) ||
		added_by != GetTopTransactionIdIfAny())
		return false;
	foreach(lc, added)
	{
		const Added *one = lfirst(lc);

		if (one->base == population->oid && one->attno == attno &&
			TransactionIdIsCurrentTransactionId(one->xid))
			return true;
	}
	return false;
}
