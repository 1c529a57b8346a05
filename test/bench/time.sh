# time: what does it cost that answers change by the passing of time alone?
#
# Four questions, each beside what it is compared with:
#
#	insert  an event that maintains windows and audiences that depend on the
#	        clock, beside one that maintains neither
#	read    a view with ten traits over windows, beside a plain table
#	size    of an audience while some profiles are due, beside naive SQL
#	sweep   profiles per second, while each changes one membership

. test/bench/shop/prepare.sh

part()
{
	insert
	echo
	read_rows
	echo
	sweep
}

# An event with windows and without.  At the end of each turn all traits and
# members must be those of naive SQL over the orders of the same database.
insert()
{
	profiles=$(scaled 20000)
	inserts=$(scaled 10000)

	prepare_insert
	by_turns must_be_right a b c d
	report_insert
}

prepare_insert()
{
	history time_a "$profiles"
	sql -d time_a -v audiences=600 -f test/bench/shop/audiences.sql \
		-c "ALTER TABLE audience ADD condition text" -c "UPDATE audience SET condition = filter"
	as_server createdb -T time_a time_b || exit 1
	shop_segment time_b 0
	sql -d time_b -c "SELECT segment.attach_source('customers', key => 'customer_id')" \
		-c "SELECT segment.create_trait('born', 'customers.born')" >/dev/null
	as_server createdb -T time_b time_c || exit 1
	shop_audiences time_b 100
	sql -d time_c -f test/bench/time/windows.sql -f test/bench/time/audiences.sql >/dev/null
	shop_audiences time_c 100
	as_server createdb -T time_c time_d || exit 1
	sql -d time_d -c "CREATE TABLE frozen AS SELECT now()"

	# as long as a hundred events took
	events=$(sql -d time_a -c "SELECT count(*) FROM orders") || exit 1
	step=$((365 * 24 * 3600 * 100 / events))
	echo "$events events of a year over $profiles profiles, medians of $repetitions, by turns:"
	echo "  (a) the table, with its primary key and an index on (customer_id, ordered_at)"
	echo "  (b) the same, and 20 traits and 100 audiences, none of which depends on the clock"
	echo "  (c) the same, but 10 of the traits have windows, and 50 of the audiences depend on the clock"
	echo "  (d) as (c), but after a hundred events, on average, the clock goes on by the"
	echo "      $step s in which so many are placed, and segment.tick() sweeps and folds"
	echo "(and in (b) to (d) one attribute, the birthday)"
}

# history DATABASE PROFILES: the table of a shop with the events of the last
# year; beside it, what the traits are by naive SQL
history()
{
	as_server createdb "$1" || exit 1
	sql -d "$1" -v profiles="$2" -v file="$stage/orders.copy" -f test/bench/time/orders.sql
	sql -d "$1" -f test/bench/shop/table.sql -c "COPY orders (customer_id, ordered_at, amount, discount,
			items, status, channel, store) FROM '$stage/orders.copy'" \
		-f test/bench/shop/naive.sql -f test/bench/time/naive.sql -c "VACUUM ANALYZE"
	rm -f "$stage/orders.copy"
}

contest()
{
	database=time_$1
	tick=
	if [ "$1" = d ]; then
		sql -d time_d -f test/bench/time/freeze.sql
		tick="-D step=$step -f test/bench/time/tick.pgbench@1"
	fi
	sql -d "$database" -c "VACUUM ANALYZE" -c "CHECKPOINT"
	[ "$1" = a ] || updates=$(sql -d "$database" -f test/bench/time/updates.sql) || exit 1
	# shellcheck disable=SC2086 # several words
	cost=$(event_cost "$database" test/bench/time/insert.pgbench@100 "$inserts" \
		--random-seed="$repetition" -D profiles="$profiles" $tick) || exit 1
	if [ "$1" != a ]; then
		updates="$updates $(sql -d "$database" -f test/bench/time/updates.sql)" || exit 1
		note updates "$1" "$(echo "$updates" | awk '{ print ($5 - $2) / ($4 - $1) }')"
		note hot "$1" "$(echo "$updates" | awk '{ print 100 * ($6 - $3) / ($5 - $2) }')"
	fi
	if [ "$1" = d ]; then
		sql -d time_d -f test/bench/time/freeze.sql
		cost=$(events_and_ticks) || exit 1
		note tick d "${cost#* }"
		cost=${cost% *}
	fi
	note event "$1" "$cost"
	printf '  (%s)  INSERT %8.1f us\n' "$1" "$cost"
}

# Microseconds of an event, and of the ticks divided by the events, from the
# log of pgbench, where the tick is script 0.
events_and_ticks()
{
	awk 'NR > 500 && $4 == 0 { ticks += $3 }
		NR > 500 && $4 == 1 { n++; events += $3 }
		END { print events / n, ticks / n }' "$stage"/transaction.*
}

must_be_right()
{
	for contestant in b c d; do
		sql -d time_$contestant -f test/bench/time/must_be_right.sql
		sql -d time_$contestant -c "SELECT segment.tick()" >/dev/null
		sql -d time_$contestant -f test/bench/time/must_be_right.sql
	done
	echo "  traits and members of (b), (c) and (d) are those of naive SQL, before and after the fold"
}

report_insert()
{
	echo
	printf '%-34s %8s %8s %8s %8s %8s %8s\n' "medians" "(a)" "(b)" "(c)" "(d)" "c : b" "d : b"
	awk -v a="$(median event a)" -v b="$(median event b)" -v c="$(median event c)" \
		-v d="$(median event d)" 'BEGIN {
		printf "%-34s %8.1f %8.1f %8.1f %8.1f %8.2f %8.2f\n", "single-row INSERT, microseconds",
			a, b, c, d, c / b, d / b }'
	printf '%-34s %8s %8s %8s %8.1f\n' "sweep and fold, microseconds each" "" "" "" "$(median tick d)"
	printf '%-34s %8s %8.2f %8.2f %8.2f\n' "updates of profiles for each" "" \
		"$(median updates b)" "$(median updates c)" "$(median updates d)"
	printf '%-34s %8s %8.1f %8.1f %8.1f\n' "HOT, per cent of them" "" \
		"$(median hot b)" "$(median hot c)" "$(median hot d)"
	sql -d time_c -f test/bench/time/series.sql | awk -F '|' '{
		printf "%d series in a row of %.0f bytes: %.1f bytes, %.1f events, %.2f bytes per event\n",
			$1, $4, $2, $3, $2 / $3 }'
	sql -d time_d -c "SELECT count(*) FILTER (WHERE cause = 'time'), count(*) FILTER (WHERE cause = 'event')
			FROM segment.transition" | awk -F '|' '{
		printf "changes of membership in (d): %d by time, %d by events\n", $1, $2 }'
	echo
	aim "INSERT, windows and clocks" "without windows" "$(median event c)" "<" "$(median event b)" 1.6
}

# Ten traits over windows, for all profiles at once.
read_rows()
{
	profiles=$(scaled 100000)
	history time_read "$profiles"
	sql -c "ALTER DATABASE time_read SET segment.now = '$(sql -c "SELECT now()")'"
	sql -d time_read -f test/bench/time/read.sql >/dev/null
	sql -d time_read -v executions="$repetitions" -f test/bench/time/ask_read.sql >"$stage/numbers" || exit 1
	echo "$profiles profiles with ten traits over windows, medians of $repetitions, by turns:"
	echo "  by hand  a plain table of ten bigint columns"
	echo "  segment  the view of the population"
	compared
	echo
	aim "rows of ten windows" "rows of the table" "$(field rows '' 5)" "<" "$(field rows '' 4)" 3
}

# The numbers are lines "size|lapsed|5129|30150.5|1420.2": what was asked,
# about which audience, the answer, microseconds by hand, by segment.
compared()
{
	printf '%-34s %12s %12s %12s %8s\n' "medians, milliseconds" "answer" "by hand" "segment" "ratio"
	awk -F '|' '{ printf "%-34s %12d %12.2f %12.2f %8.3f\n",
		$1 ($2 == "" ? "" : " of " $2), $3, $4 / 1000, $5 / 1000, $5 / $4 }' "$stage/numbers"
}

# field WHAT AUDIENCE FIELD
field()
{
	awk -F '|' -v what="$1" -v audience="$2" -v field="$3" '
		$1 == what && $2 == audience { print $field }' "$stage/numbers"
}

# Profiles of which each changes one membership through a day: sizes when a
# thousandth of them is due, then three thirds of the day, each swept by two
# sessions at once with another budget.  (What each third leaves behind is vacuumed
# as autovacuum would, which is off here.)
sweep()
{
	profiles=$(scaled 1000000)
	as_server createdb time_sweep || exit 1
	sql -d time_sweep -v profiles="$profiles" -f test/bench/time/sleepers.sql >/dev/null
	sql -d time_sweep -c "CHECKPOINT"

	due=$(sql -d time_sweep -c "SELECT count(*) FROM segment_data.profile WHERE wake_at <= '$(hour 0.024)'") || exit 1
	sql -d time_sweep -v what=size -v clock="$(hour 0.024)" \
		-v executions="$repetitions" -f test/bench/time/size.sql >"$stage/numbers" || exit 1
	echo "$profiles profiles, of which each changes one membership by time alone, medians of $repetitions, by turns:"
	echo "  by hand  naive SQL over the events"
	echo "  segment  size() of an audience while $due profiles are due"
	compared
	echo
	for audience in lapsed keen; do
		aim "size of $audience, $due due" "20 ms" \
			"$(field size $audience 5)" "<" 20000 1
	done

	echo
	printf '%-34s %12s %12s %12s %12s\n' "sweep by two sessions, budget" "profiles" "per second" \
		"transactions" "longest, ms"
	: >"$stage/numbers"
	sweep_until 8 500
	sql -d time_sweep -c VACUUM
	sweep_until 16 1000
	sql -d time_sweep -c VACUUM
	sweep_until 24.001 2000
	pending=$(timed time_sweep "SET segment.now = '$(hour 24.001)'; SELECT segment.tick()") || exit 1
	echo "what was left to fold took $pending s"
	told=$(sql -d time_sweep -v clock="$(hour 24.001)" -f test/bench/time/swept.sql) || exit 1
	[ "$told" = "$profiles" ] || fail "the feed tells of $told changes by time, not of $profiles"
	echo "the members are those of naive SQL, and the feed tells of all $told changes at their instants"
	echo
	aim "profiles swept per second" "50,000" "$(median rate 1000)" ">" 50000 1
	aim "longest transaction of a sweep" "100 ms" "$(median longest 1000)" "<" 100 1
}

# that time of the day
hour()
{
	sql -c "SELECT timestamptz '2026-07-01 00:00+00' + $1 * interval '1 hour'"
}

# sweep_until HOUR BUDGET: by two sessions, until nobody is due
sweep_until()
{
	clock=$(hour "$1") || exit 1
	sessions=
	for session in 1 2; do
		sql -d time_sweep -v clock="$clock" -v budget="$2" -f test/bench/time/sweep.sql \
			>"$stage/session.$session" &
		sessions="$sessions $!"
	done
	for session in $sessions; do
		wait "$session" || exit 1
	done
	cat "$stage"/session.? | awk -F '|' -v budget="$2" '
		{ profiles += $1; turns += $2
		  if (begun == "" || $3 < begun) begun = $3
		  if ($4 > ended) ended = $4
		  if ($5 > longest) longest = $5 }
		END { print budget, profiles, profiles / (ended - begun), turns, longest }' >"$stage/swept"
	read -r budget swept rate turns longest <"$stage/swept"
	printf '%-34s %12d %12.0f %12d %12.1f\n' "  $budget" "$swept" "$rate" "$turns" "$longest"
	note rate "$budget" "$rate"
	note longest "$budget" "$longest"
}

part
