#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# measure.sh EVENTS PERIOD - count and profile the program `work`, in a guest or on
# the bare machine. Prints what perf prints, in sections; marks enclose each run.

echo "== alone"
mark 20
work
mark 21
echo "== stat"
mark 22
perf stat -e "$1" work 2>&1
mark 23
echo "== record"
mark 24
perf record -q -e instructions:u -c "$2" -o /tmp/demo.data work 2>&1
mark 25
echo "== report"
perf report -i /tmp/demo.data --stdio -q -s symbol -F overhead,sample,symbol 2>/dev/null
echo "== end"
