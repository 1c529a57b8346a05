# bounds: what does a statement need that is larger than memory, and a question
# about many audiences?
#
# One COPY of five times as many orders as there are customers, none of whom is
# known, and one of as many again, of all of whom something is known: into the
# table alone, with ten plain traits, with ten traits over windows, and with a trigger by
# hand that keeps times and amounts of each customer, and no more, by turns.  The memory is
# what the server process has of its own beside shared buffers, at its
# most while the COPY runs.
#
# Then overlaps() of a hundred audiences, with nothing pending, and with toggles
# that nobody has folded; and a fold of as many changes as there were orders.

part()
{
	profiles=$(scaled 1000000)
	events=$(scaled 5000000)

	echo "COPY of $events orders of $profiles customers, in one statement, work_mem 4 MB, by turns:"
	sql -v events="$((2 * events))" -v profiles="$profiles" -v file="$stage/all.copy" \
		-f test/bench/events/orders.sql
	head -n "$events" "$stage/all.copy" >"$stage/new.copy"
	tail -n "$events" "$stage/all.copy" >"$stage/known.copy"
	rm "$stage/all.copy"
	by_turns true bare plain windowed hand
	echo
	for file in new known; do
		bare=$(median "$file" bare)
		printf '%-34s %8.1f s' "$file customers, bare" "$bare"
		for contestant in plain windowed hand; do
			awk -v who="$contestant" -v a="$bare" -v b="$(median "$file" "$contestant")" \
				'BEGIN { printf "   %s %.1f s %.2f", who, b, b / a }'
		done
		echo
	done
	echo
	overlaps
	fold
	echo
	for contestant in plain windowed; do
		aim "COPY, new customers, $contestant" "table alone" \
			"$(median new $contestant)" "<" "$(median new bare)" 1.8
		aim "COPY, known customers, $contestant" "table alone" \
			"$(median known $contestant)" "<" "$(median known bare)" 1.5
		aim "COPY, known customers, $contestant" "times and amounts by hand" \
			"$(median known $contestant)" "<" "$(median known hand)" 1
		aim "memory of COPY, $contestant" "twice work_mem and 16 MB" \
			"$(median memory $contestant)" "<" 24 1
	done
	aim "memory of a fold" "twice work_mem and 16 MB" "$(median memory fold)" "<" 24 1
	aim "overlaps of 100 audiences" "50 ms" "$(median overlaps none)" "<" 50 1
	aim "the same, toggles pending" "100 ms" "$(median overlaps pending)" "<" 100 1
}

# contest CONTESTANT: COPY of both files, and whether the orders are counted
contest()
{
	as_server createdb "bounds_$1"
	sql -d "bounds_$1" -f test/bench/events/table.sql
	case $1 in
		plain) sql -d bounds_plain -f test/bench/events/segment.sql >/dev/null ;;
		windowed) sql -d bounds_windowed -f test/bench/bounds/windowed.sql >/dev/null ;;
		hand) sql -d bounds_hand -f test/bench/bounds/hand.sql ;;
	esac
	for file in new known; do
		sql -c CHECKPOINT
		: >"$stage/process"
		chmod a+w "$stage/process"
		watch_memory >"$stage/memory" 2>/dev/null &
		watch=$!
		sql -d "bounds_$1" -v file="$stage/$file.copy" -v process="$stage/process" \
			-f test/bench/bounds/copy.sql >"$stage/copy.out"
		kill "$watch"
		memory=$(sort -g "$stage/memory" | tail -n 1)
		seconds=$(awk '/^Time: / { print $2 / 1000 }' "$stage/copy.out")
		note "$file" "$1" "$seconds"
		note memory "$1" "$memory"
		printf '  %-10s %-6s %8.1f s  %6.1f MB\n' "$1" "$file" "$seconds" "$memory"
	done
	# as many orders take years, of which windows count what has passed
	case $1 in bare) counted=$((2 * events)) ;;
		hand) counted=$(sql -d bounds_hand -c "SELECT sum(cardinality(times)) FROM profile") ;;
		*) counted=$(sql -d "bounds_$1" -c "SET segment.now = '2100-01-01 00:00+00'" \
			-c "SELECT sum(order_count) FROM profile") ;;
	esac
	[ "$counted" = "$((2 * events))" ] || fail "not all orders are counted"
	as_server dropdb "bounds_$1"
}

# watch_memory: megabytes, again and again, of the server process that is
# written down
watch_memory()
{
	while :; do
		awk '/^RssAnon:/ { print $2 / 1024 }' "/proc/$(tr -dc 0-9 <"$stage/process")/status"
		sleep 0.1
	done
}

overlaps()
{
	as_server createdb bounds
	sql -d bounds -v profiles="$profiles" -f test/bench/members/customers.sql
	sql -d bounds -f test/bench/members/segment.sql >/dev/null
	sql -d bounds -c "VACUUM ANALYZE"
	ask_overlaps none
	sql -d bounds -f test/bench/bounds/pending.sql >"$stage/pending"
	ask_overlaps pending
	echo "overlaps() of 100 audiences: $(median overlaps none) ms, with $(cat "$stage/pending") toggles pending $(median overlaps pending) ms"
}

fold()
{
	as_server createdb bounds_fold
	sql -d bounds_fold -v profiles="$((profiles / 2))" -v points=0 -f test/bench/feed/customers.sql >/dev/null
	sql -d bounds_fold -f test/bench/feed/audiences.sql >/dev/null
	sql -d bounds_fold -c "UPDATE customers SET points = 10"
	: >"$stage/process"
	chmod a+w "$stage/process"
	watch_memory >"$stage/memory" 2>/dev/null &
	watch=$!
	sql -d bounds_fold -v process="$stage/process" -f test/bench/bounds/fold.sql >"$stage/fold.out"
	kill "$watch"
	note memory fold "$(sort -g "$stage/memory" | tail -n 1)"
	awk -F '|' -v memory="$(median memory fold)" '
		/^folded/ { folded = $2 }
		/^Time: / { split($0, time, " "); printf "a fold of %d changes: %.1f s, %.1f MB\n", folded, time[2] / 1000, memory }' "$stage/fold.out"
}

ask_overlaps()
{
	for turn in 1 2 3; do
		sql -d bounds -f test/bench/bounds/overlaps.sql >"$stage/overlaps.out"
		grep -q '^differ: 0' "$stage/overlaps.out" || fail "$(cat "$stage/overlaps.out")"
		note overlaps "$1" "$(awk '/^Time: / { print $2 }' "$stage/overlaps.out")"
	done
}

part
