#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# perf-beside-vm.sh: perf stat -a before, during and after a VM with a busy PMU,
# each time around loop and between marks of its own. Check perf-stat-wide judges.
# Then what the perf tool makes of events that include guests.

wide() {
	mark "$1"
	perf stat -a -x, -e instructions,branches,cycles sh -c 'loop; sleep 0.1' 2>&1 | sed "s/^/stat $1: /"
	mark "$2"
}

wide 10 11
/lab/exits busy >/tmp/busy &
vm=$!
until grep -q busy /tmp/busy; do
	sleep 0.01
done
sleep 0.05
wide 12 13
echo "with a VM: perf stat -a -e instructions:GH"
perf stat -a -e instructions:GH true 2>&1
echo "with a VM: perf record -a -e cycles"
perf record -a -o /tmp/d -e cycles sleep 0.01 2>&1 && echo "recorded"
kill "$vm"
wait "$vm" 2>/dev/null
wide 14 15
echo "without: perf stat -a -e instructions:GH"
perf stat -a -e instructions:GH true 2>&1
