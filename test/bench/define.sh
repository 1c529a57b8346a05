# define: how long does a definition take, and who has to wait for it?
#
# Orders, and as many traits as are asked for.  Plain forms are compared with
# the GROUP BY query that computes the same from the orders, and the size of the
# base table afterwards with what it was before.  That query writes nothing: so
# attach, whose query is a mere count(*) by an index, also stands beside SQL that
# makes another table of the rows and indexes that it leaves.  Beside the
# concurrent forms one client inserts orders and another one reads profiles: the
# longest that one of their statements took is compared with 100 ms.  What the
# machine makes them wait for by itself is measured beside nothing.

part()
{
	customers=$(scaled 500000)

	echo "$((10 * customers)) orders of $customers customers:"
	as_server createdb define
	sql -d define -v customers="$customers" -f test/bench/define/orders.sql >/dev/null
	by_turns must_be_equal sum three window attach rebuild verify audience
	echo
	for what in nothing $concurrent; do
		besides "$what"
	done
	echo
	for what in sum three window; do
		aim "create_traits, $what" "the GROUP BY query" "$(median plain $what)" "<" "$(median query $what)" 2
	done
	aim "base table after a trait" "before it" "$(median size after)" "<" "$(median size before)" 1.5
	for what in attach rebuild verify; do
		aim "$what" "the GROUP BY query" "$(median plain $what)" "<" "$(median query $what)" 2
	done
	for what in attach rebuild; do
		aim "base table after $what" "before it" "$(median after $what)" "<" "$(median before $what)" 1.2
	done
	for what in $concurrent; do
		aim "longest insert, $what" "100 ms" "$(median insert "$what")" "<" 100 1
		aim "longest read, $what" "100 ms" "$(median read "$what")" "<" 100 1
	done
}

concurrent="create_traits create_audience alter_trait alter_audience attach_source rebuild"

# The traits, and the query that computes the same.
contest()
{
	case $1 in
		sum) traits='{"a": "sum(orders.amount)"}' query="sum(amount)" ;;
		three) traits='{"a": "sum(orders.amount)", "b": "count(orders)", "c": "max(orders.ordered_at)"}'
			query="sum(amount), count(*), max(ordered_at)" ;;
		window) traits='{"a": "sum(orders.amount in last 90 days)"}'
			query="array_agg(amount ORDER BY ordered_at), array_agg(ordered_at ORDER BY ordered_at)" ;;
		attach | rebuild | verify)
			again "$1"
			return ;;
		audience)
			note audience "$repetition" "$(timed define "SELECT segment.create_audience('vip $repetition', 'n > 9', view => false)")"
			return ;;
	esac
	where=
	[ "$1" != window ] || where="WHERE ordered_at > now() - interval '90 days'"
	sql -d define -c "VACUUM segment_data.profile"
	before=$(size_of_base)
	note query "$1" "$(timed define "SELECT $query FROM orders $where GROUP BY customer_id OFFSET 100000000")"
	note plain "$1" "$(timed define "SELECT segment.create_traits('$traits')")"
	note size before "$before"
	note size after "$(size_of_base)"
	printf '  %-8s query %6.2f s, create_traits %6.2f s\n' "$1" "$(median query "$1")" "$(median plain "$1")"
	[ "$1" != sum ] || summed=$(sql -d define -c "SELECT sum(a) FROM profile")
	sql -d define -c "SELECT segment.drop_trait(trait) FROM segment.trait WHERE trait <> 'n'" >/dev/null
}

# again WHAT: what goes over all profiles that are there, with three traits
again()
{
	sql -d define -c "SELECT segment.create_traits('{\"a\": \"sum(orders.amount)\", \"c\": \"max(orders.ordered_at)\"}')" >/dev/null
	sql -d define -c "VACUUM segment_data.profile"
	query="sum(amount), count(*), max(ordered_at)"
	case $1 in
		attach) call="segment.attach_source('orders', at => 'ordered_at', name => 'again')" query="count(*)" ;;
		rebuild) call="segment.rebuild()" ;;
		verify) call="count(*) FROM segment.verify()" ;;
	esac
	note before "$1" "$(size_of_base)"
	note query "$1" "$(timed define "SELECT $query FROM orders GROUP BY customer_id OFFSET 100000000")"
	note plain "$1" "$(timed define "SELECT $call")"
	note after "$1" "$(size_of_base)"
	printf '  %-8s query %6.2f s, %s %6.2f s\n' "$1" "$(median query "$1")" "$1" "$(median plain "$1")"
	if [ "$1" = attach ]; then
		sql -d define -c "SELECT segment.detach_source('again')" >/dev/null
		by_hand
	fi
	sql -d define -c "SELECT segment.drop_trait(trait) FROM segment.trait WHERE trait <> 'n'" >/dev/null
}

# by_hand: what attach writes, written by SQL into another table
by_hand()
{
	note by_hand attach "$(timed define "CREATE TABLE by_hand AS
			SELECT profile.*, coalesce(source_rows, 0) + coalesce(n, 0) AS counted FROM segment_data.profile
			FULL JOIN (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) AS q USING (customer_id);
		ALTER TABLE by_hand ADD PRIMARY KEY (customer_id);
		CREATE UNIQUE INDEX ON by_hand (ord);
		CREATE INDEX ON by_hand (wake_at) WHERE wake_at IS NOT NULL")"
	sql -d define -c "DROP TABLE by_hand"
	printf '  %-8s by hand %5.2f s\n' "" "$(median by_hand attach)"
}

size_of_base()
{
	sql -d define -c "SELECT pg_table_size('segment_data.profile')"
}

must_be_equal()
{
	by_hand=$(sql -d define -c "SELECT sum(amount) FROM orders")
	[ "$by_hand" = "$summed" ] || fail "sums differ: $by_hand by hand, $summed of segment"
	[ -z "$(sql -d define -c "SELECT FROM segment.verify() LIMIT 1")" ] || fail "verify() finds differences"
}

# How many inserts took how long
histogram()
{
	cat "$stage"/insert.* | awk '
		{ ms = $3 / 1000; i = 1; while (i < 7 && ms >= limit[i]) i++; n[i]++ }
		BEGIN { split("5 10 20 40 60 100", limit) }
		END {
			printf "    inserts:"
			for (i = 1; i <= 6; i++) printf "  < %d ms %d", limit[i], n[i]
			printf "  longer %d\n", n[7] }'
}

# besides WHAT: the longest statements beside a concurrent definition
besides()
{
	case $1 in
		nothing) call= ;;
		create_traits) call="create_traits_concurrently('{\"spent\": \"sum(orders.amount)\", \"last_at\": \"max(orders.ordered_at)\"}')" ;;
		create_audience) call="create_audience_concurrently('lapsed', 'last_at more than 60 days ago', view => false)" ;;
		alter_trait) call="alter_trait_concurrently('last_at', 'max(orders.ordered_at where amount > 10)')" ;;
		alter_audience) call="alter_audience_concurrently('lapsed', 'spent > 500 and last_at more than 90 days ago')" ;;
		attach_source) call="attach_source_concurrently('clicks', at => 'seen')" ;;
		rebuild) call="rebuild_concurrently()" ;;
	esac
	sql -d define -c "CHECKPOINT"
	rm -f "$stage"/insert.* "$stage"/read.*
	for script in insert read; do
		as_server pgbench -n -M prepared -c 1 -T 3600 -l --log-prefix="$stage/$script" -D customers="$customers" \
			-f "test/bench/define/$script.sql" define >/dev/null 2>&1 </dev/null &
	done
	sleep 1
	if [ -n "$call" ]; then
		seconds=$(timed define "CALL segment.$call")
	else
		seconds=10
		sleep "$seconds"
	fi
	sql -d define -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'" >/dev/null
	wait
	for script in insert read; do
		note $script "$1" "$(awk '$3 > most { most = $3 } END { print most / 1000 }' "$stage/$script".*)"
	done
	printf '  %-16s %6.2f s; longest insert %6.1f ms, longest read %6.1f ms\n' "$1" "$seconds" \
		"$(median insert "$1")" "$(median read "$1")"
	histogram
	[ -z "$(sql -d define -c "SELECT FROM segment.verify() LIMIT 1")" ] || fail "verify() finds differences after $1"
}

part
