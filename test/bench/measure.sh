# measure: what the parts of the bench share.
#
# Not a program: run reads it in with ". measure.sh", after stage.  The parts
# write down what they measure as lines "what who value" of the file
# $stage/numbers, and ask for medians of it:
#
#	note insert b 31.4
#	note insert b 33.0
#	note insert b 32.1
#	median insert b		prints 32.1

# scaled N: so many, at the scale asked for
scaled()
{
	awk -v n="$1" -v scale="$scale" 'BEGIN { printf "%d", n * scale }'
}

# Something did not work or is not true: leave the part, and the bench with it.
fail()
{
	echo "$*" >&2
	exit 1
}

sql()
{
	as_server psql -X -q -A -t -v ON_ERROR_STOP=1 "$@" </dev/null || exit 1
}

# Seconds one statement takes.
timed()
{
	as_server psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" \
		-c '\timing on' -c "$2" </dev/null | awk '/^Time: / { print $2 / 1000 }'
}

# event_cost DATABASE SCRIPT TRANSACTIONS [pgbench's options]: microseconds
# that a transaction of one client takes, on average, once its connection is
# warm: the first 500 are not counted.  Client and server take turns on one
# processor (see together).
event_cost()
{
	cost_database=$1
	cost_script=$2
	cost_transactions=$3
	shift 3
	rm -f "$stage"/transaction.*
	as_server test/bench/together "$stage/data" pgbench -n -M prepared -c 1 \
		-t "$((cost_transactions + 500))" -l --log-prefix="$stage/transaction" \
		-D n=0 "$@" -f "$cost_script" "$cost_database" \
		>"$stage/pgbench.log" 2>&1 </dev/null ||
		fail "$(cat "$stage/pgbench.log")"
	awk -v expected="$cost_transactions" '
		NR > 500 { n++; sum += $3 }
		END { if (n == expected) print sum / n }' "$stage"/transaction.* |
		grep . || fail "$(cat "$stage/pgbench.log")"
}

# by_turns CHECK CONTESTANT ...: let them contest, one after the other, as often as
# is asked for, and after each round call the check.
by_turns()
{
	check=$1
	shift
	repetition=1
	while [ "$repetition" -le "$repetitions" ]; do
		echo
		echo "repetition $repetition of $repetitions"
		for contestant in "$@"; do
			contest "$contestant"
		done
		$check
		repetition=$((repetition + 1))
	done
}

# note WHAT WHO VALUE
note()
{
	[ -n "$3" ] || exit 1
	echo "$1 $2 $3" >>"$stage/numbers"
}

# median WHAT WHO
median()
{
	awk -v what="$1" -v who="$2" '$1 == what && $2 == who { print $3 }' "$stage/numbers" |
		sort -g | awk '{ v[NR] = $1 }
			END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# aim TEXT VALUE < LIMIT FACTOR
aim()
{
	[ -n "$2" ] && [ -n "$4" ] || fail "nothing was measured for \"$1\""
	awk -v text="$1" -v value="$2" -v sign="$3" -v limit="$4" -v factor="$5" 'BEGIN {
		met = sign == "<" ? value <= limit * factor : value >= limit * factor
		printf "%-46s %s\n", text, met ? "met" : "MISSED" }'
}
