#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# contend.sh COUNTERS WINDOWS AGAIN PINNED|FIRST - a guest that counts all the time,
# beside host events that come and go; see demo/contention.
#
# COUNTERS is the number of the machine's general counters. Host events: as many
# that count branches, and one for the fixed counter of instructions if there is one;
# they exclude guests. Marks tell when they were there, the Nth time: 300 + N before they
# are opened, 350 + N after that, 400 + N before they are closed, 450 + N after that.
#
#   PINNED  nothing for 3 windows, pinned events for 2 at least, nothing until window
#           AGAIN and 3 more, then twice as many events that are not pinned
#   FIRST   pinned events before the guest comes, which go after window 3

counters=$1 windows=$2 again=$3 order=$4
out=/tmp/contend
nr=0

# events MODIFIERS TIMES
events() {
	list=instructions:$1 i=0
	while [ $i -lt $((counters * $2)) ]; do
		list=$list,branches:$1
		i=$((i + 1))
	done
	echo "$list"
}

open_events() {
	nr=$((nr + 1))
	mark $((300 + nr))
	perf stat -a -o /tmp/host-$nr -e "$(events "$1" "$2")" &
	perf=$!
	until [ "$(find /proc/$perf/fd -type l -exec readlink {} \; | grep -c perf_event)" -gt $((counters * $2)) ]; do
		kill -0 $perf || break
		sleep 0.01
	done
	mark $((350 + nr))
}

close_events() {
	mark $((400 + nr))
	kill -INT "$perf"
	wait "$perf"
	mark $((450 + nr))
	echo "== host $nr"
	grep -E 'instructions|branches' /tmp/host-$nr
}

# await_more N: that the guest ends N whole windows from now on
await_more() {
	await_window $(($(sed -n '$s/^window \([0-9]*\) .*/\1/p' $out) + 1 + $1))
}

await_window() {
	until grep -q "^window $1 " $out; do
		kill -0 $guest || break
		sleep 0.01
	done
}

: >$out
[ "$order" != FIRST ] || open_events HD 1
GUEST_APPEND=nmi_watchdog=0 guest-run -- "contend $windows $again" >$out &
guest=$!
if [ "$order" = FIRST ]; then
	await_window 3
	close_events
else
	await_window 3
	open_events HD 1
	await_more 2
	close_events
	await_window $((again + 3))
	open_events H 2
	await_more 2
	close_events
fi
wait $guest
status=$?
echo "== guest"
cat $out
echo "== end"
exit $status
