#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# topdown.sh [moving]: perf stat --topdown of one program, on the host and in a guest,
# of its user mode, that is, of the same instructions. Check topdown-same judges.
#
#   moving   QEMU's threads go from one CPU to the other all the time
#
# QEMU passes on PERF_METRICS, for which it has no name, only with migratable=off.

# measure WHERE: levels 1 and 2, as far as the machine has them
measure='measure() {
	for level in 1 2; do
		[ $level = 1 ] || [ -e /sys/bus/event_source/devices/cpu/events/topdown-heavy-ops ] || continue
		perf stat --all-user --topdown --td-level $level work 2>&1 |
			sed -n "/tma_/,\$ s/^/topdown $1 $level: /p" | grep "[a-z0-9] *$" | grep -v "elapsed\| user\| sys"
	done
}'

eval "$measure"
measure host

if [ "$1" = moving ]; then
	(
		sleep 1
		mask=1
		while pid=$(pidof qemu-system-x86_64); do
			for task in /proc/$pid/task/*; do
				taskset -p $mask "${task##*/}" >/dev/null 2>&1 && moved=$((moved + 1))
			done
			mask=$((3 - mask))
			usleep 3000
		done
		echo "# lab: moved=$moved"
	) &
fi
guest-run -cpu host,pmu=on,migratable=off -- "$measure; measure guest"
status=$?
wait
exit $status
