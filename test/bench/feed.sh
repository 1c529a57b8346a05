# feed: what does it cost that memberships change, by events and by
# definitions, and that the feed forgets?
#
# One table of customers with a number of points.  An UPDATE of all of them
# passes no threshold of a thousand audiences, then 10 of them, then 245: what
# the changes cost is the difference to the first.  A definition is compared
# with a sequential scan of the base table that counts the same rows.

part()
{
	profiles=$(scaled 1000000)
	customers=$(scaled 20000)

	echo "$customers customers and 1000 audiences; $profiles profiles for definitions; medians of $repetitions:"
	prepare
	by_turns must_be_equal toggles define
	trim
	report
}

prepare()
{
	for database in feed_toggles feed_define; do
		rows=$customers
		points=0
		[ "$database" = feed_toggles ] || {
			rows=$profiles
			points='i::bigint * 7919 % 1000'
		}
		as_server createdb "$database" || exit 1
		sql -d "$database" -v profiles="$rows" -v points="$points" -f test/bench/feed/customers.sql >/dev/null
	done
	sql -d feed_toggles -f test/bench/feed/audiences.sql >/dev/null
	sql -d feed_define -c "SELECT segment.create_audience('first', 'points < 0', view => false)" \
		-c "VACUUM ANALYZE" -c "CHECKPOINT" >/dev/null
}

contest()
{
	if [ "$1" = toggles ]; then
		update none "pad = pad || 'x'"
		update ten "points = points + 10"
		update most "points = points + 245"
		note fold most "$(timed feed_toggles "SELECT segment.tick()")"
		sql -d feed_toggles -c "UPDATE customers SET points = 0" -c "SELECT segment.tick()" >/dev/null
	else
		note scan one "$(timed feed_define "$(query)")"
		note define one "$(timed feed_define "SELECT segment.create_audience('one $repetition', 'points > 500', view => false)")"
		note define hundred "$(timed feed_define "SELECT count(*) FROM segment.create_audiences((SELECT json_object_agg(
			'$repetition of ' || i, 'points > ' || 10 * i) FROM generate_series(1, 100) i), view => false)")"
	fi
}

# update WHO SET: an UPDATE of all customers
update()
{
	note update "$1" "$(timed feed_toggles "UPDATE customers SET $2")"
}

# What a definition has to find out, by one scan without workers.
query()
{
	echo "SET max_parallel_workers_per_gather = 0; SET jit = off;
		SELECT count(*) FROM profile WHERE points > 500"
}

must_be_equal()
{
	by_hand=$(sql -d feed_define -c "SELECT count(*) FROM customers WHERE points > 500")
	by_segment=$(sql -d feed_define -c "SELECT segment.size('one $repetition')")
	told=$(sql -d feed_define -c "SELECT count(key) FROM segment.transition WHERE audience = 'one $repetition'")
	[ "$by_hand" = "$by_segment" ] && [ "$by_hand" = "$told" ] ||
		fail "$by_hand customers, $by_segment members, and the feed tells of $told"
}

trim()
{
	rows=$(sql -d feed_toggles -c "SELECT last - trimmed FROM segment.feed_counter")
	seconds=$(timed feed_toggles "SELECT segment.trim_feed('0')")
	note trim row "$(awk -v s="$seconds" -v n="$rows" 'BEGIN { print s / n * 1e6 }')"
}

report()
{
	each_ten=$(awk -v a="$(median update none)" -v b="$(median update ten)" -v n="$customers" \
		'BEGIN { print (b - a) / n / 10 * 1e6 }')
	each_most=$(awk -v a="$(median update none)" -v b="$(median update most)" -v n="$customers" \
		'BEGIN { print (b - a) / n / 245 * 1e6 }')
	echo
	printf '%-52s %10.2f\n' "a membership that changes, of 10, microseconds" "$each_ten" \
		"a membership that changes, of 245, microseconds" "$each_most" \
		"a transition that is trimmed, microseconds" "$(median trim row)" \
		"a sequential scan with the same WHERE, seconds" "$(median scan one)" \
		"create_audience, seconds" "$(median define one)" \
		"create_audiences of 100, seconds" "$(median define hundred)"
	echo
	aim "a membership that changes, of 245" "1 us" "$each_most" "<" 1 1
	aim "create_audience" "sequential scan" "$(median define one)" "<" "$(median scan one)" 1.2
}

part
