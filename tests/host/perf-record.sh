#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# perf-record.sh EVENT PERIOD: record loop with a fixed period, print the
# address of every sample as `ip: ADDRESS`, and that perf report sees them too.
# Check perf-samples judges.
set -e

data=/tmp/perf.data
cat /lab/loop.addr
perf record -q -e "$1" -c "$2" -o "$data" loop
perf script -i "$data" -F ip | sed 's/^ */ip: /'
perf report -i "$data" --stdio 2>&1 | grep -v '^$'
perf report -i "$data" --stdio -s comm 2>/dev/null | grep -q 'loop *$'
