#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# profiling.sh DISK COMPUTE READS TIMES: what bench/profiling wants run, in a guest or on the bare
# machine, in its order, a small one of each work first. Marks 30 and up, one before each part, tell the parts apart.
set -e

disk=$1 compute=$2 reads=$3 times=$4
cpu=/sys/bus/event_source/devices/cpu
six=cycles,instructions,branches,branch-misses,cache-references,cache-misses
# More than any machine has counters for: none of them has a fixed one.
ten=branches,branch-misses,cache-references,cache-misses,branches:u,branch-misses:u
ten=$ten,cache-references:u,cache-misses:u,branches:k,cache-references:k

echo 0 >/proc/sys/kernel/nmi_watchdog
# As with HZ=250, which distributions use; the lab's kernels have 100.
echo 4 >$cpu/perf_event_mux_interval_ms

# record EVENTS ARGUMENTS-OF-WORKLOAD...
record() {
	events=$1
	shift
	perf record -F 1000 -e "$events" -o /tmp/perf.data workload "$@" 2>&1 | grep 'Captured and wrote'
	rm /tmp/perf.data
}

# What the kernel puts off until after it has booted, and what it does for the first to come.
sleep 1
workload compute 1000
workload io "$disk" 10

mark 30
workload compute "$compute"
mark 31
workload io "$disk" "$reads"
mark 32
record $six compute "$compute"
mark 33
record $six io "$disk" "$reads"
mark 34
record $ten compute "$compute"
mark 35
record $ten io "$disk" "$reads"
mark 36
workload stat "$times"
mark 37
workload switch "$times"
mark 38
