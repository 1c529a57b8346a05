# members: what does it cost to ask how many members there are, and to keep
# them?
#
# A hundred audiences with 0.1 % to 60 % of the profiles, once in segment, once
# as a table of their members with an index that answers alone.  Each question
# is asked of the one and of the other, by turns, in one session, and the
# numbers must be the same.

part()
{
	profiles=$(scaled 1000000)

	echo "$profiles profiles, 100 audiences with 0.1 % to 60 % of them, medians of $repetitions, by turns:"
	echo "  by hand  table (audience, customer_id), primary key, index-only scans"
	echo "  segment  the stored members"
	prepare
	sql -d members -v executions="$repetitions" -f test/bench/members/ask.sql >"$stage/numbers" || exit 1
	sql -d members -f test/bench/members/disk.sql >>"$stage/numbers" || exit 1
	report
	pend
}

prepare()
{
	begun_members=$(date +%s)
	as_server createdb members || exit 1
	sql -d members -v profiles="$profiles" -f test/bench/members/customers.sql
	sql -d members -f test/bench/members/by_hand.sql
	echo "made them by hand in $(($(date +%s) - begun_members)) s"
	begun_members=$(date +%s)
	sql -d members -f test/bench/members/segment.sql >/dev/null
	echo "made them in segment in $(($(date +%s) - begun_members)) s"
	sql -d members -c "VACUUM ANALYZE" -c "CHECKPOINT"
}

# The numbers are lines "size|17|5129|301.5|14.2": what was asked, about which
# audience, the answer, microseconds by hand, by segment.
report()
{
	echo
	printf '%-34s %12s %12s %12s %8s\n' "medians, microseconds" "members" "by hand" "segment" "ratio"
	line size 1 "size, 0.1 % of the profiles"
	line size 37 "size, 1 %"
	line size 72 "size, 10 %"
	line size 100 "size, 60 %"
	line size '' "size, mean of all 100"
	line overlap '' "overlap, mean of 25 pairs"
	awk -F '|' '$1 == "disk" {
		printf "%-34s %12s %12.1f %12.1f %8.1f\n", "on disk, megabytes", "", $2 / 1e6, $3 / 1e6, $2 / $3 }' \
		"$stage/numbers"
	echo
	aim "size, times faster" "index-only count" "$(total size 4)" ">" "$(total size 5)" 100
	aim "overlap, times faster" "join of two indexes" "$(total overlap 4)" ">" "$(total overlap 5)" 100
	aim "members on disk" "table of members" "$(total disk 3)" "<" "$(total disk 2)" 0.05
}

# line WHAT AUDIENCE TEXT: one audience, or the mean of all
line()
{
	awk -F '|' -v what="$1" -v audience="$2" -v name="$3" '
		$1 == what && (audience == "" || $2 == audience) {
			n++; members += $3; hand += $4; segment += $5 }
		END {
			printf "%-34s %12.0f %12.1f %12.1f %8.0f\n", name, members / n, hand / n, segment / n,
				hand / segment }' "$stage/numbers"
}

# total WHAT FIELD
total()
{
	awk -F '|' -v what="$1" -v field="$2" '$1 == what { sum += $field } END { printf "%.3f", sum }' \
		"$stage/numbers"
}

# The same while changes wait to be folded, and when they are.
pend()
{
	echo
	sql -d members -v executions="$repetitions" -f test/bench/members/pend.sql | awk -F '|' '
		{ printf "%-59s %12.1f\n", $1, $2 }'
}

part
