# prepare: the databases of a coffee shop, for the parts that ask for one.
#
# Not a program: those parts read it in with ". test/bench/shop/prepare.sh".

# How many audiences: at small scales without the greatest numbers.
shop_counts="10 100"
for count in 1000 10000; do
	[ "$count" -gt "$(scaled 10000)" ] || shop_counts="$shop_counts $count"
done
shop_most=${shop_counts##* }

# shop_table DATABASE EVENTS PROFILES: the table alone with its events; beside
# it, what the traits are by naive SQL and which audiences there may be.
shop_table()
{
	as_server createdb "$1" || exit 1
	sql -d "$1" -v events="$2" -v profiles="$3" -v file="$stage/orders.copy" \
		-f test/bench/shop/orders.sql
	sql -d "$1" -f test/bench/shop/table.sql \
		-c "COPY orders FROM '$stage/orders.copy'" -f test/bench/shop/naive.sql
	rm -f "$stage/orders.copy"
	sql -d "$1" -v audiences="$shop_most" -f test/bench/shop/audiences.sql
	sql -d "$1" -c "VACUUM ANALYZE"
}

# shop_segment DATABASE AUDIENCES: the twenty traits in segment, and the first
# so many audiences
shop_segment()
{
	sql -d "$1" -f test/bench/shop/segment.sql >/dev/null
	shop_audiences "$1" "$2"
}

shop_audiences()
{
	sql -d "$1" -v audiences="$2" -f test/bench/shop/create_audiences.sql
	sql -d "$1" -c "VACUUM ANALYZE"
}

# A shop of regulars: database regulars is the table alone, regulars_10 has
# segment with ten audiences, and so on.  They are made once.
#
# Each has 500 events on average.  So the next one moves a number by a little,
# past few thresholds, and what differs between the databases is how many
# audiences there are more than how many memberships change.
shop_regulars()
{
	regular_profiles=$(scaled 2000)
	[ -z "$(sql -c "SELECT 1 FROM pg_database WHERE datname = 'regulars'")" ] || return 0

	begun_shop=$(date +%s)
	shop_table regulars "$(scaled 1000000)" "$regular_profiles"
	previous=
	for count in $shop_counts; do
		as_server createdb -T "regulars${previous:+_$previous}" "regulars_$count" || exit 1
		if [ -z "$previous" ]; then
			shop_segment "regulars_$count" "$count"
		else
			shop_audiences "regulars_$count" "$count"
		fi
		previous=$count
	done
	echo "made a shop of regulars with $shop_counts audiences in $(($(date +%s) - begun_shop)) s"
}
