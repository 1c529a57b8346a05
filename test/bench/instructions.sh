# instructions: how many does an event cost, a fold, and the row of a view?
#
# Seconds depend on the machine, and on what else it does; the instructions
# that are executed hardly do.  So this is what to compare before and after a
# change that is to cost nothing: run it in both checkouts.
#
# A server for one client runs below callgrind, which counts only while
# certain functions are on the stack: our triggers, segment.tick(), and the
# server's executor for rows of the view.

. test/bench/shop/prepare.sh

part()
{
	events=$(scaled 100000)
	profiles=$(scaled 2000)
	inserts=400

	command -v valgrind >/dev/null ||
		fail "instructions are counted by valgrind: apt-get install valgrind"
	echo "$events events over $profiles profiles, 20 traits and 100 audiences;" \
		"instructions of $inserts INSERTs of one row each"
	shop_table instructions "$events" "$profiles"
	shop_segment instructions 100
	sql -d instructions -c "SELECT segment.tick()" -c "VACUUM ANALYZE" >/dev/null
	for script in insert tick row; do
		sql -d instructions -v inserts="$inserts" -v profiles="$profiles" \
			-f "test/bench/instructions/$script.sql" >"$stage/$script.sql"
	done
	as_server pg_ctl -D "$stage/data" -s -w -m fast stop </dev/null

	inserting=$(count insert --toggle-collect=segment_capture_before \
		--toggle-collect=segment_capture_after) || exit 1
	folding=$(count tick --toggle-collect=segment_tick) || exit 1
	reading=$(count row --toggle-collect=standard_ExecutorRun) || exit 1
	as_server pg_ctl -D "$stage/data" -s -w -l "$stage/log" start </dev/null
	folded=$(sql -d instructions -c "SELECT count(*) FROM segment.transition
		WHERE cause <> 'create'")
	[ "$folded" -gt 0 ] || fail "nobody entered or left an audience"

	echo
	awk -v i="$inserting" -v f="$folding" -v r="$reading" -v n="$inserts" \
		-v folded="$folded" 'BEGIN {
		printf "%-44s %12.0f\n", "one INSERT of one row, in our triggers", i / n
		printf "%-44s %12.0f\n", "the fold of one transition (of " folded ")", f / folded
		printf "%-44s %12.0f\n", "one row of the view", r / n }'
}

# count SCRIPT [OPTIONS of callgrind]: instructions while these functions run
count()
{
	script=$1
	shift
	as_server valgrind --tool=callgrind --collect-atstart=no "$@" \
		--callgrind-out-file="$stage/$script.callgrind" \
		--log-file="$stage/$script.valgrind" \
		"$bin/postgres" --single -j -D "$stage/data" instructions \
		<"$stage/$script.sql" >"$stage/$script.out" 2>&1
	! grep -E '(ERROR|FATAL|PANIC): ' "$stage/$script.out" >&2 || return 1
	sed -n 's/^totals: //p' "$stage/$script.callgrind" | grep . ||
		fail "$(tail -n 20 "$stage/$script.valgrind" "$stage/$script.out")"
}

part
