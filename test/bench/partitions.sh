# partitions: what does an insert through a partitioned table cost?
#
# Two databases with the same ten traits over the same events: in (a) the table
# is an ordinary one, in (b) it has 100 partitions by time, all of which are
# attached with it.  Events come for any of these, one or a thousand at a time.
# Beside them the same tables without segment, alone and with triggers that do
# nothing, to see what partitions cost by themselves.

part()
{
	inserts=$(scaled 10000)
	batches=$(scaled 100)
	profiles=$(scaled 10000)

	echo "ten traits, a table of 100 partitions and one without, medians of $repetitions, by turns:"
	for contestant in plain parted plain_alone parted_alone plain_idle parted_idle; do
		as_server createdb "partitions_$contestant" || exit 1
		sql -d "partitions_$contestant" -f "test/bench/partitions/${contestant%_*}.sql" >/dev/null
	done
	for contestant in plain_idle parted_idle; do
		sql -d "partitions_$contestant" -f test/bench/partitions/idle.sql >/dev/null
	done
	for contestant in plain parted; do
		sql -d "partitions_$contestant" -f test/bench/events/segment.sql >/dev/null
	done
	by_turns must_be_right plain parted plain_alone parted_alone plain_idle parted_idle
	report
}

contest()
{
	for what in one many; do
		transactions=$inserts
		[ "$what" = one ] || transactions=$batches
		cost=$(event_cost "partitions_$1" "test/bench/partitions/$what.pgbench" "$transactions" \
			-D profiles="$profiles" --random-seed="$repetition") || exit 1
		note "$what" "$1" "$cost"
	done
	printf '  %-12s INSERT of one %8.1f us, of a thousand %8.0f us\n' "$1" "$(median one "$1")" "$(median many "$1")"
}

must_be_right()
{
	for contestant in plain parted; do
		stored=$(sql -d "partitions_$contestant" -f test/bench/events/traits.sql) || exit 1
		naive=$(sql -d "partitions_$contestant" -c "DROP SCHEMA IF EXISTS naive CASCADE" -c "CREATE SCHEMA naive" \
			-c "SET search_path = naive, public" -f test/bench/events/naive.sql -f test/bench/events/traits.sql) || exit 1
		[ "$stored" = "$naive" ] || fail "the traits of $contestant differ: naive SQL $naive, segment $stored"
	done
	echo "  traits are those of naive SQL"
}

report()
{
	echo
	aim "INSERT of one row, 100 partitions" "without partitions" "$(median one parted)" "<" "$(median one plain)" 1.1
	aim "INSERT of 1,000 rows, the same" "without partitions" "$(median many parted)" "<" "$(median many plain)" 1.1
	awk -v a="$(median one plain_alone)" -v b="$(median one parted_alone)" \
		-v c="$(median many plain_alone)" -v d="$(median many parted_alone)" 'BEGIN {
		printf "without segment, partitions cost %.2f times a plain table for one row, %.2f times for a thousand\n", b / a, d / c }'
	awk -v a="$(median one plain_idle)" -v b="$(median one parted_idle)" \
		-v c="$(median one plain)" -v d="$(median one parted)" 'BEGIN {
		printf "one row costs %.1f us more in partitions, and with triggers that do nothing %.1f us\n", d - c, b - a }'
}

part
