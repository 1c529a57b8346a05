# audiences: does an event cost more when there are more audiences?
#
# Databases that differ in one thing, how many audiences there are over the
# same twenty traits, get the same events.  Afterwards one session tells how
# many filters were evaluated for an event, and the fold how many memberships
# changed: a sample of the audiences must have the members that naive SQL says.

. test/bench/shop/prepare.sh

part()
{
	inserts=$(scaled 20000)
	events=$(scaled 2000)

	echo "one single-row INSERT, 20 traits, 10 to $shop_most audiences, medians of $repetitions, by turns"
	shop_regulars
	repetition=1
	while [ "$repetition" -le "$repetitions" ]; do
		for count in $shop_counts; do
			contest "$count"
		done
		repetition=$((repetition + 1))
	done
	for count in $shop_counts; do
		evaluate "$count"
		sql -d "regulars_$count" -f test/bench/shop/must_be_right.sql
	done
	echo "the members of a sample of the audiences are those that naive SQL says"
	report
}

contest()
{
	database=regulars_$1
	sql -d "$database" -c "VACUUM" -c "CHECKPOINT"
	cost=$(event_cost "$database" test/bench/shop/insert.pgbench "$inserts" \
		--random-seed="$repetition" -D profiles="$regular_profiles" \
		-D start="$((repetition * 1000000))") || exit 1
	note event "$1" "$cost"
	sql -d "$database" -c "SELECT segment.tick()" >/dev/null
}

# filters evaluated and memberships changed by each of a number of events
evaluate()
{
	counted=$(sql -d "regulars_$1" -v events="$events" -v profiles="$regular_profiles" \
		-f test/bench/audiences/evaluate.sql) || exit 1
	note filters "$1" "${counted%|*}"
	note changes "$1" "${counted#*|}"
}

report()
{
	echo
	printf '%-34s %12s %12s %12s %12s\n' "medians" "us per event" ": 10" \
		"filters" "memberships"
	printf '%-34s %12s %12s %12s %12s\n' "" "" "" "evaluated" "changed"
	for count in $shop_counts; do
		awk -v count="$count" -v cost="$(median event "$count")" -v ten="$(median event 10)" \
			-v filters="$(median filters "$count")" -v changes="$(median changes "$count")" 'BEGIN {
			printf "%-34s %12.1f %12.2f %12.2f %12.2f\n", count " audiences", cost, cost / ten,
				filters, changes }'
	done
	echo
	aim "INSERT with $shop_most audiences" "with 10" \
		"$(median event "$shop_most")" "<" "$(median event 10)" 1.5
}

part
