# connections: what does the first event of a connection take, and how much
# memory does the connection have then?
#
# A connection learns at its first event which audiences there are.  So psql
# is started anew for each, by turns: for the table alone, and with more and
# more audiences.

. test/bench/shop/prepare.sh

part()
{
	turns=$((2 * repetitions + 1))

	echo "the first INSERT of a connection, 20 traits, medians of $turns connections, by turns"
	shop_regulars
	contestants="alone"
	for count in $shop_counts; do
		[ "$count" -lt 1000 ] && [ "$count" -lt "$shop_most" ] || contestants="$contestants $count"
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
	for contestant in $contestants; do
		[ "$contestant" != 1000 ] ||
			aim "first INSERT, 1000 audiences" "20 ms" "$(median first 1000)" "<" 20 1
	done
}

part
