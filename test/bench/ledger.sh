# ledger: what does an entry cost a customer who has many that are due?
#
# A ledger of points: customers with 20, 400 and 4,000 entries of the last two
# years, ten of each, in databases of their own.  Half of the entries are points
# that are earned, each with another one that takes them away a year later; so a
# quarter of all is still to come.  The balance is their sum "so far", and an
# audience compares it with a constant.  A purchase writes two entries.  What is
# written and read there is compared with the customers of twenty entries; and
# with the same traits since a day long ago, which keep all entries.

part()
{
	counts="20 400 4000"
	transactions=$(scaled 2000)

	echo "points so far, medians of $repetitions, by turns:"
	for count in $counts; do
		for words in so_far since; do
			as_server createdb "ledger_${words}_$count" || exit 1
			sql -d "ledger_${words}_$count" -v entries="$count" -v window="$(window $words)" \
				-f test/bench/ledger/prepare.sql >/dev/null
		done
	done
	by_turns must_be_right $counts
	report
}

window()
{
	case $1 in so_far) echo 'so far' ;; since) echo 'since "2000-01-01"' ;; esac
}

contest()
{
	for words in so_far since; do
		for what in earn late delete read; do
			cost=$(event_cost "ledger_${words}_$1" "test/bench/ledger/$what.pgbench" "$transactions") || exit 1
			note "${words}_$what" "$1" "$cost"
		done
	done
	printf '  %5s entries: a purchase %6.0f us, with all of them kept %6.0f us\n' "$1" \
		"$(median so_far_earn "$1")" "$(median since_earn "$1")"
}

must_be_right()
{
	for count in $counts; do
		for words in so_far since; do
			sql -d "ledger_${words}_$count" -f test/bench/ledger/must_be_right.sql
		done
	done
}

report()
{
	echo
	printf '%-34s' "entries of a customer"
	for count in $counts; do
		printf ' %16s' "$count"
	done
	echo
	line so_far_earn "so far: a purchase, us"
	line so_far_late "an entry of long ago, us"
	line so_far_delete "DELETE of one of long ago, us"
	line so_far_read "the profile's row, us"
	line since_earn "since 2000: a purchase, us"
	line since_late "an entry of long ago, us"
	line since_delete "DELETE of one of long ago, us"
	line since_read "the profile's row, us"
	echo
	echo "(in parentheses: times that of twenty entries)"
	echo
	for what in earn late delete read; do
		aim "$what, 4,000 entries" "with 20" "$(median so_far_$what 4000)" "<" "$(median so_far_$what 20)" 1.3
	done
}

line()
{
	printf '%-34s' "$2"
	for count in $counts; do
		awk -v value="$(median "$1" "$count")" -v of="$(median "$1" 20)" \
			'BEGIN { printf " %8.0f (%5.2f)", value, value / of }'
	done
	echo
}

part
