# planner: is the view of an audience as good as a table of its members, with
# statistics?
#
# Audiences of 10, of 2 % and of 80 % of the profiles, once as the view of an
# audience, once as a table with the members' keys, its primary key and ANALYZE.
# Each query is asked of the one and of the other, by turns, in one session,
# and the numbers must be the same.

part()
{
	profiles=$(scaled 500000)

	echo "$profiles profiles, audiences of 10, 2 % and 80 % of them, medians of $repetitions, by turns:"
	echo "  by hand  a table of the members' keys, with statistics"
	echo "  segment  the view of the audience"
	as_server createdb planner || exit 1
	sql -d planner -v profiles="$profiles" -f test/bench/planner/members.sql >/dev/null
	sql -d planner -c "VACUUM ANALYZE" -c "CHECKPOINT"
	sql -d planner -v executions="$repetitions" -f test/bench/planner/ask.sql >"$stage/numbers" || exit 1
	report
}

# The numbers are lines "query|answer|expected rows|microseconds by hand|by
# segment".
report()
{
	echo
	awk -F '|' '
		BEGIN {
			printf "%-34s %10s %10s %10s %10s %8s\n", "medians, milliseconds", "rows",
				"expected", "by hand", "segment", "ratio" }
		{
			printf "%-34s %10d %10d %10.2f %10.2f %8.2f\n", $1, $2, $3, $4 / 1e3, $5 / 1e3, $5 / $4 }' \
		"$stage/numbers"
	echo
	# two joined are another question
	aim "rows expected, worst estimate" "rows that come" "$(grep -v two "$stage/numbers" | awk -F '|' '
		{
			rows = $2 < 1 ? 1 : $2
			expected = $3 < 1 ? 1 : $3
			error = rows > expected ? rows / expected : expected / rows
			if (error > worst) worst = error }
		END { print worst }')" "<" 1 2
	# of few rows, planning is what takes the time
	[ "$profiles" -lt 100000 ] ||
		aim "queries of views, all together" "tables of members" \
			"$(awk -F '|' '{ sum += $5 } END { print sum }' "$stage/numbers")" \
			"<" "$(awk -F '|' '{ sum += $4 } END { print sum }' "$stage/numbers")" 1.5
}

part
