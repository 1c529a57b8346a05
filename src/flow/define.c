/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Definitions that touch several rooms: in which order?
 *
 *		attach_source	source_attach ─► count the rows that are there
 *		create_trait	trait_define ─► fill what is new ─► trait_refresh
 *		drop_trait		who uses it? ─► trait_forget ─► trait_refresh
 *		drop_population	audiences ─► traits ─► sources ─► the population
 *
 * A thing in use is not dropped: the error lists its users, unless cascade
 * asks to drop them too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "audience/audience.h"
#include "flow/flow.h"
#include "trait/trait.h"
