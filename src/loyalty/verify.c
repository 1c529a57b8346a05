/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Does all that a program keeps agree?
 *
 *		SELECT * FROM segment.verify_program('club');	no row: all is well
 *
 * The entries are the truth, as they are only added to: what lots have left,
 * what movements say and what holds hold is computed from them once more.
 * That the traits agree with the entries is for segment.verify() to say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "loyalty/reward_private.h"
#include "loyalty/rules_private.h"
#include "loyalty/tier_private.h"

SEGMENT_FUNCTION(segment_verify_program);

/* Of each problem: what, whose, of which thing, what is stored, and ought. */
static const char *const verify_sql =
	"WITH of_lot AS (SELECT e.lot, sum(e.points) AS total,"
	" sum(e.points) FILTER (WHERE e.contra <> 'expired') AS moved,"
	" bool_or(e.key IS DISTINCT FROM l.key) AS strange"
	" FROM {entry} e LEFT JOIN {lot} l ON l.lot = e.lot"
	" WHERE e.lot IS NOT NULL GROUP BY e.lot),"
	" aside AS (SELECT e.lot, sum(e.points) AS points"
	" FROM {hold} h JOIN {entry} e USING (key, movement)"
	" WHERE e.kind = 'release' AND h.state = 'open' GROUP BY e.lot),"
	" of_movement AS (SELECT m.movement, m.kind, m.points, m.key,"
	" CASE m.kind WHEN 'hold' THEN"
	" sum(e.points) FILTER (WHERE e.kind = 'hold')"
	" WHEN 'release' THEN"
	" sum(e.points) FILTER (WHERE e.kind = 'release' AND e.points > 0)"
	" ELSE sum(e.points) FILTER (WHERE e.contra IN ('issued', 'redeemed',"
	" 'returned', 'adjusted', 'gift')) END AS entered"
	" FROM {movement} m LEFT JOIN {entry} e ON e.movement = m.movement"
	" GROUP BY m.movement)"
	" SELECT 'points of a movement are not those of its entries', key::text,"
	" 'movement ' || movement, points::text, coalesce(entered, 0)::text"
	" FROM of_movement WHERE points IS DISTINCT FROM entered"
	" UNION ALL"
	" SELECT 'what a lot has left is not what was granted less what was drawn',"
	" l.key::text, 'lot ' || l.lot, l.remaining::text,"
	" (coalesce(o.moved, 0) - coalesce(a.points, 0))::text"
	" FROM {lot} l LEFT JOIN of_lot o USING (lot)"
	" LEFT JOIN aside a USING (lot)"
	" WHERE l.remaining <> coalesce(o.moved, 0) - coalesce(a.points, 0)"
	" UNION ALL"
	" SELECT 'the entries of a lot that expires do not add up to nothing',"
	" l.key::text, 'lot ' || l.lot, o.total::text, '0'"
	" FROM {lot} l JOIN of_lot o USING (lot)"
	" WHERE o.total <> 0 AND l.expires_at < 'infinity'"
	" UNION ALL"
	" SELECT 'an entry is of another customer than its lot, or its lot is gone',"
	" NULL, 'lot ' || lot, NULL, NULL FROM of_lot WHERE strange"
	" UNION ALL"
	" SELECT 'an entry or a lot has no movement', x.key::text, x.what,"
	" x.movement::text, NULL FROM (SELECT key, 'entry ' || entry AS what,"
	" movement FROM {entry} UNION ALL SELECT key, 'lot ' || lot, movement"
	" FROM {lot}) AS x WHERE NOT EXISTS (SELECT FROM {movement} m"
	" WHERE m.movement = x.movement AND m.key = x.key)"
	" UNION ALL"
	" SELECT 'what a customer owes is less than nothing', key::text, NULL,"
	" (-sum(points))::text, '0' FROM {entry} WHERE lot IS NULL"
	" GROUP BY key HAVING sum(points) > 0"
	" UNION ALL"
	" SELECT 'what a hold has is not what its entries hold', h.key::text,"
	" 'hold ' || h.movement, h.points::text, (-sum(e.points))::text"
	" FROM {hold} h LEFT JOIN {entry} e ON e.key = h.key"
	" AND e.movement = h.movement AND e.kind = 'hold' GROUP BY h.movement"
	" HAVING h.points IS DISTINCT FROM -sum(e.points)"
	" UNION ALL"
	" SELECT 'what a row has earned is not what its movement says',"
	" g.key::text, g.rule || ' ' || g.ref, g.points::text, NULL"
	" FROM {granted} g LEFT JOIN {movement} m USING (movement)"
	" WHERE g.points <> 0 AND m.rule IS DISTINCT FROM g.rule"
	" UNION ALL"
	" SELECT 'an account of the program does not add up to nothing', NULL,"
	" contra, sum(points)::text, '0' FROM {entry}"
	" WHERE contra IN ('gift', 'debt', 'moved') AND NOT (contra = 'debt'"
	" AND lot IS NULL AND kind <> 'debt') GROUP BY contra"
	" HAVING sum(points) <> 0";

/*
 * verify_program(program, population)
 */
Datum
segment_verify_program(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 1, PROGRAM_READ);

	program_answer(fcinfo, program, verify_sql, 0, NULL, NULL);
	rules_verify(fcinfo, program);
	reward_verify(fcinfo, program);
	tier_verify(fcinfo, program);
	return (Datum) 0;
}
