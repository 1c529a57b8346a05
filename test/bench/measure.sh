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

# median WHAT WHO: nothing, if nothing was noted
median()
{
	awk -v what="$1" -v who="$2" '$1 == what && $2 == who { print $3 }' "$stage/numbers" |
		sort -g | awk '{ v[NR] = $1 }
			END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# aim QUESTION PEER VALUE < OF FACTOR: is the value at most so many times that
# of the peer (with ">": at least so many times)?  The answer is printed, and
# is a line "question|peer|ratio|goal|goals" of $stage/aims for the verdict of
# the bench: "goals" is 1 where the goal is just met, 2 where twice as much was
# measured as it allows.
aim()
{
	[ -n "$3" ] && [ -n "$5" ] || fail "nothing was measured for \"$1\""
	awk -v question="$1" -v peer="$2" -v value="$3" -v sign="$4" -v of="$5" \
		-v factor="$6" -v aims="$stage/aims" 'BEGIN {
		ratio = value / of
		goals = sign == "<" ? ratio / factor : factor / ratio
		goal = (sign == "<" ? "at most " : "at least ") factor
		printf "%-34s %-28s %8.3g, %-14s %s\n", question, ": " peer, ratio, goal,
			goals <= 1 ? "met" : "MISSED"
		printf "%s|%s|%.3g|%s|%.4g\n", question, peer, ratio, goal, goals >>aims }'
}
