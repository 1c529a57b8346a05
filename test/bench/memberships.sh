# memberships: what does an event cost that maintains 20 traits and 100
# audiences, beside what one would do by hand?
#
# Four databases get the same events: (a) the table alone; (b) the table, and
# one UPDATE of one row by its primary key in the same transaction, the least
# that any maintained trait can cost; (c) segment; (d) PL/pgSQL triggers that
# maintain the same traits and a table of members.  At the end of each turn
# the traits and the members of (c), of (d) and of naive SQL over (a) must be
# equal.

. test/bench/shop/prepare.sh

part()
{
	events=$(scaled 1000000)
	profiles=$(scaled 20000)
	inserts=$(scaled 10000)

	describe
	prepare
	by_turns must_be_equal a b c d
	report
}

describe()
{
	echo "$events events over $profiles profiles, medians of $repetitions, by turns:"
	echo "  (a) the table, with its primary key and an index on (customer_id, ordered_at)"
	echo "  (b) the same, and in the same statement an UPDATE of one row of twenty columns"
	echo "  (c) the same, and 20 traits and 100 audiences in segment"
	echo "  (d) the same, and a PL/pgSQL statement trigger that maintains these"
}

prepare()
{
	shop_table members_a "$events" "$profiles"
	for contestant in b c d; do
		as_server createdb -T members_a "members_$contestant" || exit 1
	done
	sql -d members_b -f test/bench/memberships/row.sql
	shop_segment members_c 100
	sql -d members_d -f test/bench/memberships/trigger.sql
}

contest()
{
	database=members_$1
	script=test/bench/shop/insert.pgbench
	[ "$1" != b ] || script=test/bench/memberships/insert_update.pgbench

	sql -d "$database" -c "VACUUM ANALYZE" -c "CHECKPOINT"
	cost=$(event_cost "$database" "$script" "$inserts" --random-seed="$repetition" \
		-D profiles="$profiles" -D start="$((repetition * 1000000))") || exit 1
	note event "$1" "$cost"
	printf '  (%s)  INSERT %8.1f us\n' "$1" "$cost"
}

must_be_equal()
{
	by_hand=$(sql -d members_a -f test/bench/memberships/naive.sql \
		-f test/bench/memberships/answers.sql) || exit 1
	by_trigger=$(sql -d members_d -f test/bench/memberships/answers.sql) || exit 1
	by_segment=$(sql -d members_c -f test/bench/memberships/members.sql \
		-f test/bench/memberships/answers.sql) || exit 1
	sql -d members_c -c "SELECT segment.tick()" >/dev/null
	folded=$(sql -d members_c -f test/bench/memberships/members.sql \
		-f test/bench/memberships/answers.sql) || exit 1
	if [ "$by_hand" != "$by_segment" ] || [ "$by_trigger" != "$by_segment" ] ||
		[ "$folded" != "$by_segment" ]
	then
		fail "the traits or members differ: naive SQL $by_hand, trigger $by_trigger," \
			"segment $by_segment, and after the fold $folded"
	fi
	echo "  traits and members of (c), (d) and of naive SQL over (a) are equal: $by_segment"
}

report()
{
	echo
	printf '%-34s %8s %8s %8s %8s %8s %8s\n' "medians" "(a)" "(b)" "(c)" "(d)" "c : b" "d : c"
	awk -v a="$(median event a)" -v b="$(median event b)" -v c="$(median event c)" \
		-v d="$(median event d)" 'BEGIN {
		printf "%-34s %8.1f %8.1f %8.1f %8.1f %8.2f %8.2f\n", "single-row INSERT, microseconds",
			a, b, c, d, c / b, d / c }'
	echo
	aim "INSERT, 20 traits, 100 audiences" "table + UPDATE" "$(median event c)" "<" "$(median event b)" 1.3
	aim "the same, times faster" "PL/pgSQL triggers" "$(median event d)" ">" "$(median event c)" 5
}

part
