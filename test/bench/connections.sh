# connections: what does the first event of a connection take, what does the
# first one after another session's definition, and how much memory does the
# connection have?
#
# A connection learns at its first event which audiences there are.  So psql
# is started anew for each, by turns: for the table alone, and with more and
# more audiences.  Then another session creates an audience, which is also
# measured, and drops it again.

. test/bench/shop/prepare.sh

part()
{
	turns=$((2 * repetitions + 1))

	echo "the first INSERT of a connection, 20 traits, medians of $turns connections, by turns"
	shop_regulars
	contestants="alone"
	for count in $shop_counts; do
		[ "$count" = 100 ] && [ "$shop_most" -gt 100 ] || contestants="$contestants $count"
	done
	turn=1
	while [ "$turn" -le "$turns" ]; do
		for contestant in $contestants; do
			contest "$contestant"
		done
		turn=$((turn + 1))
	done
	report
}

contest()
{
	case $1 in
		alone) database=regulars ;;
		*) database=regulars_$1 ;;
	esac
	first=$(sql -d "$database" -v customer="$((1 + turn * 37 % regular_profiles))" -v second="$turn" \
		-f test/bench/connections/first.sql) || exit 1
	note first "$1" "$(echo "$first" | awk '/^Time: / { print $2 }')"
	note memory "$1" "$(echo "$first" | awk -F '|' '/^memory/ { print $2 }')"
	note used "$1" "$(echo "$first" | awk -F '|' '/^memory/ { print $3 }')"
	note ours "$1" "$(echo "$first" | awk -F '|' '/^memory/ { print $4 }')"
	[ "$1" != alone ] || return 0

	after=$(sql -d "$database" -v customer="$((1 + turn * 37 % regular_profiles))" -v second="$turn" \
		-f test/bench/connections/after.sql) || exit 1
	note created "$1" "$(echo "$after" | awk '/^Time: / && ++n == 1 { print $2 }')"
	note warm "$1" "$(echo "$after" | awk '/^Time: / && ++n == 2 { print $2 }')"
	note after "$1" "$(echo "$after" | awk '/^Time: / && ++n == 3 { print $2 }')"
}

report()
{
	echo
	printf '%-34s %12s %12s %12s %12s\n' "medians" "first INSERT" "memory" "of it used" "segment's"
	printf '%-34s %12s %12s %12s %12s\n' "" "ms" "kB" "kB" "kB"
	for contestant in $contestants; do
		case $contestant in
			alone) name="the table alone" ;;
			*) name="$contestant audiences" ;;
		esac
		printf '%-34s %12.2f %12.0f %12.0f %12.0f\n' "$name" "$(median first "$contestant")" \
			"$(median memory "$contestant")" "$(median used "$contestant")" "$(median ours "$contestant")"
	done
	echo
	printf '%-34s %12s %12s %12s\n' "medians" "warm INSERT" "after a" "create_"
	printf '%-34s %12s %12s %12s\n' "" "ms" "definition" "audience, ms"
	for count in $contestants; do
		[ "$count" = alone ] || printf '%-34s %12.2f %12.2f %12.2f\n' "$count audiences" \
			"$(median warm "$count")" "$(median after "$count")" "$(median created "$count")"
	done
	echo
	for count in $contestants; do
		case $count in
			1000) most=5 ;;
			10000) most=20 ;;
			*) continue ;;
		esac
		aim "first INSERT, $count audiences" "$most ms" "$(median first "$count")" "<" "$most" 1
	done
	aim "after a definition, $shop_most" "10 audiences" "$(median after "$shop_most")" "<" "$(median after 10)" 1.5
	aim "create_audience, $shop_most" "10 audiences" "$(median created "$shop_most")" "<" "$(median created 10)" 1.5
}

part
