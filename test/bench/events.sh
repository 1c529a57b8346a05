# events: what does segment cost when events arrive, and when it is asked?
#
# Three databases get the same events: (a) the table alone; (b) the table with
# a hand-written trigger that maintains ten traits; (c) the table with the
# same ten traits in segment.  At the end of each turn the traits of (b) and
# (c) must be equal.

part()
{
	events=$(scaled 1000000)
	profiles=$(scaled 100000)
	inserts_alone=$(scaled 20000)
	inserts_of_four=$(scaled 10000)

	describe
	prepare
	by_turns must_be_equal a b c
	ask
	report
}

describe()
{
	echo "$events events over $profiles profiles, medians of $repetitions, by turns:"
	echo "  (a) the table, with its primary key and an index on (customer_id, ordered_at)"
	echo "  (b) the same, and a PL/pgSQL statement trigger that maintains ten traits"
	echo "  (c) the same, and the ten traits in segment"
}

# The events as a file, and one empty database for each to start from.
prepare()
{
	sql -v events="$events" -v profiles="$profiles" -v file="$stage/orders.copy" \
		-f test/bench/events/orders.sql
	for contestant in a b c; do
		as_server createdb "start_$contestant"
		sql -d "start_$contestant" -f test/bench/events/table.sql
	done
	sql -d start_b -f test/bench/events/trigger.sql
	sql -d start_c -f test/bench/events/segment.sql >/dev/null
}

contest()
{
	database=run_$1
	as_server dropdb --if-exists "$database" 2>/dev/null
	as_server createdb -T "start_$1" "$database"

	sql -c CHECKPOINT
	copy=$(timed "$database" "COPY orders FROM '$stage/orders.copy'")
	[ -n "$copy" ] || exit 1
	sql -d "$database" -c "VACUUM ANALYZE" -c CHECKPOINT
	alone=$(tps "$database" 1 "$inserts_alone" 2026)
	four=$(tps "$database" 4 "$inserts_of_four" 2027)
	[ -n "$alone" ] && [ -n "$four" ] || exit 1

	printf '  (%s)  COPY %8.2f s    INSERT %8.0f/s    four clients %8.0f/s\n' \
		"$1" "$copy" "$alone" "$four"
	echo "copy $1 $copy
alone $1 $alone
four $1 $four" >>"$stage/numbers"
}

# tps DATABASE CLIENTS TRANSACTIONS YEAR: single-row INSERTs per second
tps()
{
	as_server pgbench -n -M prepared -c "$2" -j "$2" -t "$3" --random-seed=15 \
		-D n=0 -D year="$4" -D profiles="$profiles" -f test/bench/events/insert.pgbench "$1" \
		2>"$stage/pgbench.log" </dev/null |
		awk '/^tps = / { print $3 } / failed transactions: [1-9]/ { exit }'
}

must_be_equal()
{
	trigger=$(sql -d run_b -f test/bench/events/traits.sql) || exit 1
	segment=$(sql -d run_c -f test/bench/events/traits.sql) || exit 1
	naive=$(sql -d run_a -f test/bench/events/naive.sql -f test/bench/events/traits.sql) || exit 1
	if [ "$trigger" != "$segment" ] || [ "$naive" != "$segment" ]; then
		echo "the traits differ: naive SQL $naive, trigger $trigger, segment $segment" >&2
		exit 1
	fi
	echo "  traits of (b), (c) and of naive SQL over (a) are equal: $segment"
}

# The same question by filter and by hand, by turns, in one session each.
ask()
{
	echo
	echo "asking (c)"
	sql -d run_c -c "VACUUM ANALYZE"
	filter=$(sql -d run_c -f test/bench/events/filter.sql) || exit 1
	hand=$(sql -d run_c -f test/bench/events/hand.sql) || exit 1
	if [ "$filter" != "$hand" ]; then
		echo "the counts differ: $filter by filter, $hand by hand" >&2
		exit 1
	fi
	{
		printf '%s\n' '\timing on'
		turn=0
		while [ $turn -lt 31 ]; do
			printf '%s\n' '\echo hand'
			cat test/bench/events/hand.sql
			printf '%s\n' '\echo filter'
			cat test/bench/events/filter.sql
			turn=$((turn + 1))
		done
	} >"$stage/ask.sql"
	as_server psql -X -q -A -t -v ON_ERROR_STOP=1 -d run_c -f "$stage/ask.sql" </dev/null | awk '
		/^(hand|filter)$/ { who = $1 }
		/^Time: / { if (seen[who]++) print "ask", who, $2 }' >>"$stage/numbers"
	[ "$(grep -c '^ask' "$stage/numbers")" = 60 ] || exit 1
	echo "  $filter of $profiles profiles, by filter as by hand"
}

report()
{
	echo
	printf '%-34s %12s %12s %12s %8s %8s\n' "medians" "(a) table" "(b) trigger" \
		"(c) segment" "c : b" "c : a"
	line alone "single-row INSERT, per second" 0
	line four "the same from four clients" 0
	line copy "COPY of $events rows, seconds" 2
	awk -v hand="$(median ask hand)" -v filter="$(median ask filter)" 'BEGIN {
		printf "%-34s by hand %.2f ms, by filter %.2f ms, ratio %.3f\n",
			"count(*) WHERE", hand, filter, filter / hand }'
	echo
	aim "INSERTs per second, ten traits" "PL/pgSQL trigger" "$(median alone c)" ">" "$(median alone b)" 1
	aim "the same from four clients" "PL/pgSQL trigger" "$(median four c)" ">" "$(median four b)" 1
	aim "COPY, ten traits" "PL/pgSQL trigger" "$(median copy c)" "<" "$(median copy b)" 1
	aim "COPY, ten traits" "table alone" "$(median copy c)" "<" "$(median copy a)" 2.0
	aim "count(*) by filter" "WHERE by hand" "$(median ask filter)" "<" "$(median ask hand)" 1.05
}

line()
{
	awk -v name="$2" -v digits="$3" -v a="$(median "$1" a)" -v b="$(median "$1" b)" \
		-v c="$(median "$1" c)" 'BEGIN {
		printf "%-34s %12.*f %12.*f %12.*f %8.2f %8.2f\n",
			name, digits, a, digits, b, digits, c, c / b, c / a }'
}

part
