#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# nested-perf.sh - perf in a guest (L1) and in a guest of the guest's own (L2) at once
#
#   nested-perf.sh MEDIATED stat|record l1|l2
#
# MEDIATED, 0 or 1, is L1's kvm.enable_mediated_pmu. The level that is named runs the
# program `loop` under `perf stat` or `perf record`, with the marks that the checks
# want; the other one samples an endless loop meanwhile, on the same CPU.
#
# Exit status: that of the measurement.

measure() {
	case $1 in
	stat)	mark 8
		perf stat -x, -e '{instructions:u,instructions:k,instructions}' loop 2>&1
		mark 9 ;;
	record)	perf-record.sh instructions:u 20101 ;;
	esac
}

sample_endlessly() {
	exec perf record -q -e instructions:u -c 100003 -o /tmp/endless sh -c 'while :; do :; done'
}

in_l1() {
	modprobe kvm_intel 2>/dev/null || modprobe kvm_amd || return
	if [ "$2" = l2 ]; then
		sample_endlessly &
		# QEMU cannot open the output of a guest, only a file or a pipe.
		guest-run -m 160 -- "nested-perf.sh in-l2 $1" >/tmp/l2 2>&1
		status=$?
		cat /tmp/l2
		return $status
	fi
	guest-run -m 160 -- 'nested-perf.sh in-l2 sample' >/tmp/l2 2>&1 &
	until grep -q sampling /tmp/l2; do
		kill -0 $! || { cat /tmp/l2; return 1; }
		sleep 0.1
	done
	measure "$1"
}

case $1 in
in-l1)	in_l1 "$2" "$3" ;;
in-l2)	if [ "$2" = sample ]; then
		echo sampling
		sample_endlessly
	fi
	measure "$2" ;;
[01])	GUEST_NESTED=1 GUEST_APPEND=kvm.enable_mediated_pmu=$1 \
		guest-run -m 512 -- "nested-perf.sh in-l1 $2 $3" ;;
*)	echo "usage: nested-perf.sh 0|1 stat|record l1|l2" >&2
	exit 2 ;;
esac
