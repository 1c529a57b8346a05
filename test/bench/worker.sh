# worker: does a worker keep up with sessions that write as fast as the machine
# lets them?
#
# Four clients update customers, one by one, each of whom passes 1, 10 or 100
# of a thousand thresholds.  Each second it is counted how many of these events
# wait for a fold, and in the end what processor time the worker took beside the
# sessions.  A worker that does not keep up lets more and more of them wait.

part()
{
	customers=$(scaled 20000)
	seconds=$(scaled 60)

	echo "$customers customers, 1000 audiences, 4 clients for $seconds seconds:"
	cp -p "$stage/data/postgresql.conf" "$stage/data/without_worker.conf"
	printf '%s\n' "shared_preload_libraries = 'segment'" "segment.databases = 'worker'" >>"$stage/data/postgresql.conf"
	as_server pg_ctl -D "$stage/data" -s -w -l "$stage/log" -m fast restart </dev/null
	as_server createdb worker
	sql -d worker -v profiles="$customers" -v points=0 -f test/bench/feed/customers.sql >/dev/null
	sql -d worker -f test/bench/feed/audiences.sql >/dev/null
	for step in 1 10 100; do
		beside_writers "$step"
	done
	[ -z "$(sql -d worker -c "SELECT FROM segment.verify() LIMIT 1")" ] || fail "verify() finds differences"
	mv "$stage/data/without_worker.conf" "$stage/data/postgresql.conf"
	as_server pg_ctl -D "$stage/data" -s -w -l "$stage/log" -m fast restart </dev/null
	echo
	for step in 1 10 100; do
		aim "events that wait, $step memberships" "those of a second" "$(median waiting "$step")" "<" "$(median rate "$step")" 5
	done
}

# beside_writers STEP: how many events wait while clients write
beside_writers()
{
	sql -d worker -c "VACUUM" -c "CHECKPOINT"
	worker=$(sql -d worker -c "SELECT pid FROM segment.stat_worker WHERE database = 'worker'")
	folded=$(sql -d worker -c "SELECT last FROM segment.feed_counter")
	as_server pgbench -n -M prepared -c 4 -T 3600 -P 1 -D customers="$customers" -D step="$1" \
		-f test/bench/worker/update.pgbench worker >"$stage/pgbench.log" 2>&1 </dev/null &
	sleep 1
	sessions=$(sql -d worker -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench'")
	before=$(processor_time "$worker")
	begun=$(processor_time $sessions)
	: >"$stage/waiting"
	end=$(($(date +%s) + seconds))
	while [ "$(date +%s)" -lt "$end" ]; do
		sql -d worker -c "SELECT count(*) FROM segment_data.profile_toggle" >>"$stage/waiting"
		sleep 1
	done
	took=$(($(processor_time "$worker") - before))
	wrote=$(($(processor_time $sessions) - begun))
	folded=$(($(sql -d worker -c "SELECT last FROM segment.feed_counter") - folded))
	sql -d worker -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'" >/dev/null
	wait
	note rate "$1" "$(awk '/^progress: / { n++; sum += $4 } END { print sum / n }' "$stage/pgbench.log")"
	# the most that waited in the later half
	note waiting "$1" "$(awk '{ v[NR] = $1 } END { for (i = int(NR / 2) + 1; i <= NR; i++) if (v[i] > most) most = v[i]; print most + 0 }' "$stage/waiting")"
	awk -v step="$1" -v rate="$(median rate "$1")" -v most="$(median waiting "$1")" -v folded="$folded" -v took="$took" -v wrote="$wrote" 'BEGIN {
		printf "  %3d memberships: %7.0f events a second, %7.0f wait at most in the later half; worker %5.2f us a transition, %4.2f of what the sessions take\n",
			step, rate, most, took * 10000 / (folded > 0 ? folded : 1), took / (wrote > 0 ? wrote : 1) }'
}

# processor_time PID ...: in hundredths of a second
processor_time()
{
	for process in "$@"; do
		cat "/proc/$process/stat"
	done | awk '{ sum += $14 + $15 } END { print sum }'
}

part
