# series: what does an event cost a customer who has many?
#
# Customers with 100, 1,000, 10,000 and 100,000 events in a window of 90 days, ten
# of each, in databases of their own.  Fourteen traits sum the same values over
# fourteen lengths of time, and share one series; an audience compares two of
# them, so that a profile is due whenever an event leaves one.  Other customers
# have so many different products, which are counted, and the most frequent one.
# What is written and read there is compared with the customers of a hundred.

part()
{
	counts="100 1000 10000 100000"
	transactions=$(scaled 1000)

	echo "fourteen windows up to 90 days over the same values, medians of $repetitions, by turns:"
	for count in $counts; do
		as_server createdb "series_$count" || exit 1
		sql -d "series_$count" -v events="$count" -f test/bench/series/prepare.sql >/dev/null
		as_server createdb "values_$count" || exit 1
		sql -d "values_$count" -v events="$count" -f test/bench/series/values.sql >/dev/null
	done
	by_turns must_be_right $counts
	report
}

contest()
{
	database=series_$1
	for what in insert late update delete time read; do
		before=$(position "$database")
		cost=$(event_cost "$database" "test/bench/series/$what.pgbench" "$transactions") || exit 1
		note "$what" "$1" "$cost"
		note "wal_$what" "$1" "$(sql -d "$database" -c "SELECT round((pg_current_wal_insert_lsn() - '$before')
			/ ($transactions + 500.0))")"
	done
	for what in values_insert values_late values_delete values_read; do
		before=$(position "values_$1")
		cost=$(event_cost "values_$1" "test/bench/series/$what.pgbench" "$transactions" -D events="$1") || exit 1
		note "$what" "$1" "$cost"
		note "wal_$what" "$1" "$(sql -d "values_$1" -c "SELECT round((pg_current_wal_insert_lsn() - '$before')
			/ ($transactions + 500.0))")"
	done
	note values_row "$1" "$(sql -d "values_$1" -f test/bench/series/row.sql)"
	note row "$1" "$(sql -d "$database" -f test/bench/series/row.sql)"
	note bytes "$1" "$(sql -d "$database" -f test/bench/series/size.sql)"
	printf '  %6s events: INSERT %8.0f us, one that is late %8.0f us, the row %8.0f us\n' "$1" \
		"$(median insert "$1")" "$(median late "$1")" "$(median read "$1")"
}

position()
{
	sql -d "$1" -c "SELECT pg_current_wal_insert_lsn()"
}

must_be_right()
{
	for count in $counts; do
		sql -d "series_$count" -f test/bench/series/must_be_right.sql
		sql -d "values_$count" -f test/bench/series/values_must_be_right.sql
	done
}

report()
{
	echo
	printf '%-34s' "events of a customer"
	for count in $counts; do
		printf ' %16s' "$count"
	done
	echo
	line insert "INSERT, us"
	line late "INSERT of a late event, us"
	line update "UPDATE of an old event, us"
	line delete "DELETE of an old event, us"
	line read "the profile's row, us"
	line time "a profile that is due, us"
	line wal_insert "WAL of an INSERT, bytes"
	line wal_late "WAL of a late event, bytes"
	line wal_update "WAL of an UPDATE, bytes"
	line wal_delete "WAL of a DELETE, bytes"
	line row "longest row of a profile, bytes"
	line bytes "with what is moved out of it, bytes"
	echo
	printf '%-34s\n' "different values of a customer"
	line values_insert "INSERT, us"
	line values_late "INSERT of a late event, us"
	line values_delete "DELETE, us"
	line values_read "number, and the most frequent, us"
	line wal_values_insert "WAL of an INSERT, bytes"
	line wal_values_late "WAL of a late event, bytes"
	line wal_values_delete "WAL of a DELETE, bytes"
	line values_row "longest row of a profile, bytes"
	echo
	echo "(in parentheses: times that of a hundred events)"
	echo
	for what in insert late update delete time read wal_insert wal_late wal_update wal_delete; do
		aim "$what, 100,000 events" "with 100" "$(median "$what" 100000)" "<" "$(median "$what" 100)" 3
	done
	for what in insert late delete read; do
		aim "$what, 100,000 values" "with 100" "$(median "values_$what" 100000)" "<" "$(median "values_$what" 100)" 3
	done
	aim "longest row, 100,000 values" "4 kB" "$(median values_row 100000)" "<" 4096 1
	aim "longest row, 100,000 events" "4 kB" "$(median row 100000)" "<" 4096 1
}

line()
{
	printf '%-34s' "$2"
	for count in $counts; do
		awk -v value="$(median "$1" "$count")" -v of="$(median "$1" 100)" \
			'BEGIN { printf " %8.0f (%5.1f)", value, value / of }'
	done
	echo
}

part
