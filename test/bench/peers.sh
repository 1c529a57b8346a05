# peers: what do those cost who do a part of the same?
#
# pg_ivm maintains a view of aggregates at each event, as segment its traits.
# pg_roaringbitmap keeps members in a bitmap that the application maintains.
# Where this machine's server has them not, the part runs on PostgreSQL 18 in a
# root of its own (see test/tools/server_root), if there can be one.

. test/tools/in_root

part()
{
	if has_peers; then
		measure_traits
		measure_bitmaps
	elif [ -n "$IN_ROOT" ]; then
		echo "skipped: there are no packages of pg_ivm and pg_roaringbitmap"
	else
		elsewhere
	fi
}

has_peers()
{
	[ "$(sql -c "SELECT count(*) FROM pg_available_extensions
		WHERE name IN ('pg_ivm', 'roaringbitmap')")" = 2 ]
}

# The same in the root; its goals and its table become ours.
elsewhere()
{
	if ! "$checkout/test/tools/server_root" 18 >"$stage/root_said"; then
		echo "skipped: $(tail -n 1 "$stage/root_said")"
		return
	fi
	exchange=$(mktemp -d /var/tmp/segment-peers.XXXXXX) || exit 1
	trap 'rm -rf --one-file-system "$exchange"' EXIT
	in_root "$(tail -n 1 "$stage/root_said")" env IN_ROOT=yes PARTS=peers \
		SCALE="$scale" REPETITIONS="$repetitions" \
		PG_CONFIG=/usr/lib/postgresql/18/bin/pg_config \
		REPORT=/mnt/exchange/report.md AIMS=/mnt/exchange/aims \
		/mnt/checkout/test/bench/run </dev/null ||
		fail "the part failed in the root"
	cat "$exchange/aims" >>"$stage/all_aims"
	sed '1,/^ratio of medians/d' "$exchange/report.md" >>"$report"
}

# Ten traits of pg_ivm's kind: an event to the table alone, with an immv, and
# with segment.
measure_traits()
{
	events=$(scaled 1000000)
	profiles=$(scaled 100000)
	inserts=$(scaled 5000)

	echo "$events events over $profiles profiles, medians of $repetitions, by turns:"
	echo "  table    the table, with its primary key and an index on (customer_id, ordered_at)"
	echo "  pg_ivm   the same, and ten aggregates for each customer in an immv"
	echo "  segment  the same, and the ten as traits"
	sql -v events="$events" -v profiles="$profiles" -v file="$stage/orders.copy" \
		-f test/bench/events/orders.sql
	for contestant in table pg_ivm segment; do
		as_server createdb "peers_$contestant" || exit 1
		sql -d "peers_$contestant" -f test/bench/events/table.sql \
			-c "COPY orders FROM '$stage/orders.copy'"
	done
	sql -d peers_pg_ivm -f test/bench/peers/pg_ivm.sql >/dev/null 2>&1 || exit 1
	sql -d peers_segment -f test/bench/peers/segment.sql >/dev/null
	by_turns must_be_equal table pg_ivm segment

	echo
	for contestant in table pg_ivm segment; do
		printf '%-10s %12.1f us an INSERT\n' "$contestant" "$(median event "$contestant")"
	done
	echo
	aim "INSERT, ten aggregates" "pg_ivm" "$(median event segment)" "<" "$(median event pg_ivm)" 0.25
}

contest()
{
	sql -d "peers_$1" -c "VACUUM ANALYZE" -c "CHECKPOINT"
	cost=$(event_cost "peers_$1" test/bench/events/insert.pgbench "$inserts" \
		--random-seed="$repetition" -D profiles="$profiles" \
		-D year="$((2025 + repetition))" -D client_id=0) || exit 1
	note event "$1" "$cost"
	printf '  %-10s INSERT %8.1f us\n' "$1" "$cost"
}

must_be_equal()
{
	by_segment=$(sql -d peers_segment -f test/bench/peers/profiles.sql) || exit 1
	by_pg_ivm=$(sql -d peers_pg_ivm -f test/bench/peers/profiles.sql) || exit 1
	[ "$by_segment" = "$by_pg_ivm" ] || fail "the aggregates differ: $by_segment, $by_pg_ivm"
	echo "  the aggregates of pg_ivm and segment are equal: $by_segment"
}

# An audience as a bitmap: made from a condition, counted, compared, and
# maintained when a customer's number changes.
measure_bitmaps()
{
	profiles=$(scaled 1000000)
	updates=$(scaled 5000)

	echo
	echo "$profiles customers, 100 audiences with 0.1 % to 60 % of them, medians of $repetitions, by turns:"
	echo "  bitmap   pg_roaringbitmap: a row with the bitmap of each audience; the application"
	echo "           updates one of them when a customer's points change"
	echo "  segment  the audiences; all of them are maintained"
	as_server createdb peers_bitmaps || exit 1
	sql -d peers_bitmaps -v profiles="$profiles" -f test/bench/members/customers.sql
	as_server createdb -T peers_bitmaps peers_members || exit 1
	sql -d peers_bitmaps -f test/bench/peers/bitmaps.sql >/dev/null
	sql -d peers_members -f test/bench/members/segment.sql >/dev/null
	sql -d peers_members -f test/bench/peers/bitmaps.sql >/dev/null
	sql -d peers_members -c "VACUUM ANALYZE" -c "CHECKPOINT"
	sql -d peers_bitmaps -c "VACUUM ANALYZE" -c "CHECKPOINT"

	sql -d peers_members -v executions="$repetitions" -f test/bench/peers/ask.sql \
		>"$stage/asked" || exit 1
	[ "$(asked make 4)" = "$(asked make 5)" ] || fail "the members made differ"
	repetition=1
	while [ "$repetition" -le "$repetitions" ]; do
		for contestant in bitmaps members; do
			cost=$(event_cost "peers_$contestant" "test/bench/peers/update_$contestant.pgbench" \
				"$updates" --random-seed="$repetition" -D profiles="$profiles") || exit 1
			note update "$contestant" "$cost"
		done
		repetition=$((repetition + 1))
	done

	echo
	awk -F '|' '{ printf "%-34s %12.0f us by bitmap %12.0f by segment\n", $1, $2, $3 }' "$stage/asked"
	printf '%-34s %12.1f us by bitmap %12.1f by segment\n' "a customer's number changes" \
		"$(median update bitmaps)" "$(median update members)"
	echo
	aim "an audience is made" "rb_build_agg of a scan" "$(asked make 3)" "<" "$(asked make 2)" 1.5
	aim "size, all 100" "rb_cardinality" "$(asked size 3)" "<" "$(asked size 2)" 2
	aim "overlap, 25 pairs" "rb_and_cardinality" "$(asked overlap 3)" "<" "$(asked overlap 2)" 2
	aim "a number changes, 100 audiences" "one bitmap updated" \
		"$(median update members)" "<" "$(median update bitmaps)" 1
}

# asked QUESTION FIELD
asked()
{
	awk -F '|' -v question="$1" -v field="$2" '$1 == question { print $field }' "$stage/asked"
}

part
