# sources: what do links and filters of sources cost an event?
#
#	linked	an order with ten lines, two statements, whose customer and time are in
#			the order; beside "flat", where each line has them, too
#	ten		1,000 events inserted into a table that is ten sources, each with the
#			rows of a kind; beside "one", where it is one source

part()
{
	profiles=$(scaled 20000)
	orders=$(scaled 50000)
	transactions=$(scaled 3000)
	statements=$(scaled 300)

	echo "orders of ten lines, and 1,000 events of ten kinds, medians of $repetitions, by turns:"
	for lines in flat linked; do
		as_server createdb "sources_$lines" || exit 1
		sql -d "sources_$lines" -v lines="$lines" -v profiles="$profiles" -v orders="$orders" \
			-f test/bench/sources/tables.sql >/dev/null 2>&1
	done
	for count in one ten; do
		as_server createdb "sources_$count" || exit 1
		sql -d "sources_$count" -v sources="$([ $count = one ] && echo 1 || echo 10)" -v profiles="$profiles" \
			-f test/bench/sources/events.sql >/dev/null 2>&1
	done
	by_turns must_be_right flat linked one ten
	report
}

contest()
{
	case $1 in
		flat|linked) script=$1; count=$transactions ;;
		*) script=thousand; count=$statements ;;
	esac
	cost=$(event_cost "sources_$1" "test/bench/sources/$script.pgbench" "$count" \
		-D profiles="$profiles" -D base="$((orders + repetition * (transactions + 500)))" \
		--random-seed="$repetition") || exit 1
	note cost "$1" "$cost"
	printf '  %-8s %10.0f us\n' "$1" "$cost"
}

must_be_right()
{
	flat=$(sql -d sources_flat -f test/bench/sources/answers.sql)
	linked=$(sql -d sources_linked -f test/bench/sources/answers.sql)
	naive=$(sql -d sources_linked -f test/bench/sources/naive.sql)
	[ "$flat" = "$linked" ] && [ "$linked" = "$naive" ] ||
		fail "the traits differ: flat $flat, linked $linked, naive SQL $naive"
	one=$(sql -d sources_one -c "SELECT sum(amount) FROM profile")
	ten=$(sql -d sources_ten -c "SELECT sum(amount_1 + amount_2 + amount_3 + amount_4 + amount_5
		+ amount_6 + amount_7 + amount_8 + amount_9 + amount_10) FROM profile")
	[ "$one" = "$ten" ] || fail "the sums differ: one source $one, ten $ten"
}

report()
{
	echo
	aim "an order with ten lines, linked" "customer in each line" "$(median cost linked)" "<" "$(median cost flat)" 1.3
	aim "1,000 events, ten sources" "one source" "$(median cost ten)" "<" "$(median cost one)" 1.5
}

part
