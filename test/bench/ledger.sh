# ledger: what does an entry cost a customer who has many that are due?
#
# A ledger of points: customers with 20, 400 and 4,000 entries of the last two
# years, ten of each, in databases of their own.  Half of the entries are points
# that are earned, each with another one that takes them away a year later; so a
# quarter of all is still to come.  The balance is their sum "so far", and an
# audience compares it with a constant.  A purchase writes two entries.  What is
# written and read there is compared with the customers of twenty entries; and
# with the same traits since a day long ago, which keep all entries.
#
# And what does a program cost those who order, and a till?
#
#	plain	orders with ten traits, as in "events"
#	club	the same, whose orders earn points by a rule
#	tiers	the same, with tiers by what was paid
#	rows	ten traits by a trigger, as in "events", which writes the rows of the
#		ledger by hand, and nothing else: what these cost at least by SQL
#	balance	a column of points with a CHECK, and no more
#	least	that, a lot, and a row that says what was moved and one that says what
#		was taken, in one statement: less than any ledger needs.  Its orders have
#		ten traits of segment, and add to the balance and a lot by a trigger
#
#	alone	the rows of an order that earns, written by one statement with the
#		order into tables like the ledger's, which are empty; nothing is looked for
#
# The rows of the ledger are also copied as they are, into tables like its own: what is
# to be written, and nothing else.
#
# An order of now, COPY of many orders, and eight tills that take points from ten
# customers: segment.redeem() beside one UPDATE of the column.  And very many rows
# of one customer in one statement, which must not cost more a row.

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
	programs
}

window()
{
	case $1 in so_far) echo 'so far' ;; since) echo 'since "2000-01-01"' ;; esac
}

contest()
{
	case $1 in plain|club|tiers|rows|balance|least|alone) use_program "$1"; return ;; esac
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

# ---- programs ----

programs()
{
	profiles=$(scaled 100000)
	events=$(scaled 1000000)
	orders=$(scaled 5000)
	# at every scale: a till is connected all day, and its first request, which
	# compiles what the others use, is one of many
	requests=2000

	echo
	echo "$events orders of $profiles customers, medians of $repetitions, by turns:"
	sql -v events="$events" -v profiles="$profiles" -v file="$stage/orders.copy" \
		-f test/bench/events/orders.sql
	for contestant in plain club tiers rows balance least alone; do
		as_server createdb "start_$contestant"
		if has_orders $contestant; then
			sql -d "start_$contestant" -f test/bench/events/table.sql
		fi
		case $contestant in plain|club|tiers|least|alone)
			sql -d "start_$contestant" -f test/bench/events/segment.sql >/dev/null ;;
		esac
		if [ $contestant != plain ]; then
			sql -d "start_$contestant" -v profiles="$profiles" -f "test/bench/ledger/$contestant.sql" >/dev/null
		fi
		sql -d "start_$contestant" -c "VACUUM ANALYZE"
	done
	by_turns must_earn plain club tiers rows balance least alone
	report_programs
	one_customer
}

# use_program CONTESTANT: what is written, into a copy of its database.
use_program()
{
	as_server dropdb --if-exists "run_$1" 2>/dev/null
	as_server createdb -T "start_$1" "run_$1"
	sql -c CHECKPOINT
	if has_orders "$1"; then
		copy=$(timed "run_$1" "COPY orders FROM '$stage/orders.copy'") || exit 1
		note copy "$1" "$copy"
		[ "$1" != club ] || rows_alone
		sql -d "run_$1" -c "VACUUM ANALYZE" -c CHECKPOINT
		script=test/bench/ledger/order.pgbench
		[ "$1" != alone ] || script=test/bench/ledger/alone.pgbench
		order=$(event_cost "run_$1" "$script" "$orders" -D profiles="$profiles") || exit 1
		note order "$1" "$order"
		kept_on_disk on
		durable=$(event_cost "run_$1" "$script" "$((orders / 5))" -D profiles="$profiles") || exit 1
		kept_on_disk off
		note durable "$1" "$durable"
		printf '  %-8s COPY %7.2f s    an order %6.0f us, with its commit on disk %6.0f us\n' \
			"$1" "$copy" "$order" "$durable"
	fi
	case $1 in
		club) sql -d run_club -c "SELECT segment.earn('club', c, 1000000000) FROM generate_series(1, 10) AS c" >/dev/null
			spend club redeem ;;
		rows) spend rows spend ;;
		balance) spend balance update ;;
		least) spend least least ;;
	esac
}

# rows_alone: what the ledger's rows cost if all that is done is to COPY them into
# tables like its own, with their indexes
rows_alone()
{
	alone=0
	for table in movement lot entry granted; do
		from=segment_data.profile_club_$table
		sql -d run_club -c "CREATE TABLE alone_$table (LIKE $from INCLUDING ALL)" \
			-c "COPY $from TO '$stage/rows.copy'" -c CHECKPOINT
		seconds=$(timed run_club "COPY alone_$table FROM '$stage/rows.copy'") || exit 1
		alone=$(awk -v a="$alone" -v b="$seconds" 'BEGIN { print a + b }')
		sql -d run_club -c "DROP TABLE alone_$table"
	done
	note alone club "$alone"
}

# has_orders CONTESTANT: or do tills ask it alone?
has_orders()
{
	[ "$1" != balance ]
}

# kept_on_disk on|off: does a commit wait until it is on disk?
kept_on_disk()
{
	sql -c "ALTER SYSTEM SET fsync = $1" -c "SELECT pg_reload_conf()" >/dev/null
}

# spend CONTESTANT SCRIPT: requests a second, of eight tills.
spend()
{
	tills=$(as_server pgbench -n -M prepared -c 8 -j 2 -t "$requests" --random-seed="$repetition" \
		-f "test/bench/ledger/$2.pgbench" "run_$1" 2>"$stage/pgbench.log" </dev/null |
		awk '/^tps = / { print $3 } / failed transactions: [1-9]/ { exit }')
	note tills "$1" "$tills"
	printf '  %-8s eight tills %7.0f requests a second\n' "$1" "$tills"
}

must_earn()
{
	for contestant in club tiers; do
		sql -d "run_$contestant" -f test/bench/ledger/must_earn.sql
	done
	[ "$(ledger_of club segment_data.profile_club_)" = "$(ledger_of rows)" ] ||
		fail "the rows differ from those by hand"
}

# ledger_of CONTESTANT [PREFIX]: a digest of what the rows say that its orders have earned
ledger_of()
{
	sql -d "run_$1" -c "SELECT count(*), sum(m.points), sum(l.granted), sum(e.entry * e.points), sum(g.points)
		FROM ${2}movement m JOIN ${2}lot l USING (key, movement) JOIN ${2}entry e USING (key, movement)
		JOIN ${2}granted g USING (key, movement) WHERE m.ref::bigint < 1000000000"
}

report_programs()
{
	echo
	aim "an order that earns" "without a program" "$(median order club)" "<" "$(median order plain)" 1.6
	aim "an order that earns, tiers" "without a program" "$(median order tiers)" "<" "$(median order plain)" 1.6
	aim "an order that earns, on disk" "without a program" "$(median durable club)" "<" "$(median durable plain)" 1.6
	aim "COPY of orders that earn" "without a program" "$(median copy club)" "<" "$(median copy plain)" 2
	aim "orders, and their rows alone" "without a program" "$(median order alone)" "<" "$(median order plain)" 1.6
	aim "orders that earn, the least" "without a program" "$(median order least)" "<" "$(median order plain)" 1.6
	aim "COPY of them, the least by hand" "without a program" "$(median copy least)" "<" "$(median copy plain)" 2
	aim "COPY, then of the rows alone" "without a program" \
		"$(awk -v a="$(median copy plain)" -v b="$(median alone club)" 'BEGIN { print a + b }')" "<" "$(median copy plain)" 2
	aim "an order that earns" "the same rows by hand" "$(median order club)" "<" "$(median order rows)" 1
	aim "COPY of orders that earn" "the same rows by hand" "$(median copy club)" "<" "$(median copy rows)" 1
	aim "redeem by 8 tills, a second" "3,000" "$(median tills club)" ">" 3000 1
	aim "UPDATEs by 8 tills, a second" "redeem" "$(median tills balance)" "<" "$(median tills club)" 2
	aim "the least by hand, a second" "redeem" "$(median tills least)" "<" "$(median tills club)" 2
	aim "the same rows by hand, a second" "redeem" "$(median tills rows)" "<" "$(median tills club)" 1
	echo
	echo "(UPDATEs are $(awk -v a="$(median tills balance)" -v b="$(median tills least)" 'BEGIN { printf "%.2f", a / b }') x of the least by hand: what a ledger costs, whoever writes it)"
}

# ---- one customer's many rows in one statement ----

one_customer()
{
	echo
	echo "rows of one customer in one statement that earns, us a row:"
	for rows in $(scaled 10000) $(scaled 100000); do
		as_server dropdb --if-exists one 2>/dev/null
		as_server createdb one
		sql -d one -f test/bench/events/table.sql -f test/bench/events/segment.sql >/dev/null
		sql -d one -v profiles=1 -f test/bench/ledger/club.sql >/dev/null
		one_statement insert "$rows" "INSERT INTO orders (customer_id, ordered_at, amount, status, drink)
			SELECT 1, now(), 10 + i % 7, 'paid', 'espresso' FROM generate_series(1, $rows) AS i"
		one_statement refund "$rows" "INSERT INTO orders (customer_id, ordered_at, amount, status, drink)
			SELECT 1, now(), -5 - i % 3, 'paid', 'espresso' FROM generate_series(1, $rows) AS i"
		one_statement update "$rows" "UPDATE orders SET amount = amount - 2 WHERE amount > 0"
		one_statement forget "$rows" "DELETE FROM orders WHERE amount < 0"
		one_statement delete "$rows" "DELETE FROM orders"
		# each order reaches a tier and, a day later, leaves it: two steps
		sql -d one -c "SELECT segment.create_tiering('club', 'sum(orders.amount)', 'last 1 day', '1 day')" \
			-c "SELECT segment.create_tier('club', 'gold', 5)" >/dev/null
		one_statement rise "$rows" "INSERT INTO orders (customer_id, ordered_at, amount, status, drink)
			SELECT 1, now() + i * interval '10 days', 10, 'paid', 'espresso' FROM generate_series(1, $rows) AS i"
		one_statement fall "$rows" "DELETE FROM orders"
	done
	for what in insert refund update forget delete rise fall; do
		aim "$what of $(scaled 100000) rows, us a row" "of $(scaled 10000)" "$(median one_$what "$(scaled 100000)")" "<" "$(median one_$what "$(scaled 10000)")" 1.5
	done
}

# one_statement WHAT ROWS STATEMENT
one_statement()
{
	seconds=$(timed one "$3") || exit 1
	note "one_$1" "$2" "$(awk -v seconds="$seconds" -v rows="$2" 'BEGIN { print seconds * 1e6 / rows }')"
	printf '  %-8s of %7s rows %6.0f us a row\n' "$1" "$2" "$(median "one_$1" "$2")"
}

part
