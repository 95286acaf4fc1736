#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# measure.sh EVENTS PERIOD - count and profile the program `work`, in a guest or on
# the bare machine. Prints what perf prints, in sections; marks enclose each run that
# is measured. The last one is for watch.sh to trace: with few samples. Top-down
# metrics come where the PMU has them, in as many levels as it has.

# section NAME: begin one, and give the host time to pass the line on before the mark.
section() {
	echo "== $1"
	sleep 0.1
}

section alone
mark 20
work
mark 21
section stat
mark 22
perf stat -e "$1" work >/tmp/demo.stat 2>&1
mark 23
cat /tmp/demo.stat
section record
mark 24
perf record -q -e instructions:u -c "$2" -o /tmp/demo.data work 2>&1
mark 25
section report
perf report -i /tmp/demo.data --stdio -q -s symbol -F overhead,sample,symbol 2>/dev/null
for level in 1 2; do
	events=/sys/bus/event_source/devices/cpu/events/topdown-
	[ -e ${events}retiring ] || break
	[ $level = 1 ] || [ -e ${events}heavy-ops ] || break
	section topdown$level
	perf stat --all-user --topdown --td-level $level work 2>&1
done
section traced
perf record -q -e instructions:u -c 1000003 -o /tmp/demo.data work 2>&1
section end
