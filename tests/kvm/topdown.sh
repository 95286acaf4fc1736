#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# topdown.sh [moving|nested]: perf stat --topdown of one program, on the host and in a
# guest, of its user mode, that is, of the same instructions. Check topdown-same judges.
#
#   moving   QEMU's threads go from one CPU to the other all the time. Each move rounds
#            the metrics, so the program is one whose metrics are always the same
#   nested   the guest is one of a guest's, which samples an endless loop meanwhile
#
# QEMU passes on PERF_METRICS, for which it has no name, only with migratable=off.

cpu=host,pmu=on,migratable=off

program=work
[ ! -x /lab/steady ] || program=/lab/steady

# measure WHERE: levels 1 and 2, as far as the machine has them
measure() {
	for level in 1 2; do
		[ $level = 1 ] || [ -e /sys/bus/event_source/devices/cpu/events/topdown-heavy-ops ] || continue
		perf stat --all-user --topdown --td-level $level $program 2>&1 |
			sed -n "/tma_/,\$ s/^/topdown $1 $level: /p" | grep "[a-z0-9] *$" | grep -v "elapsed\| user\| sys"
	done
}

# Until QEMU ends, every 3 ms.
move_qemu() {
	mask=1
	while pid=$(pidof qemu-system-x86_64); do
		for task in /proc/"$pid"/task/*; do
			taskset -p $mask "${task##*/}" >/dev/null 2>&1 && moved=$((moved + 1))
		done
		mask=$((3 - mask))
		usleep 3000
	done
	echo "# lab: moved=$moved"
}

in_l1() {
	modprobe kvm_intel || return
	perf record -q -e instructions:u -c 100003 -o /tmp/endless sh -c 'while :; do :; done' &
	# QEMU cannot open the output of a guest, only a file or a pipe.
	guest-run -m 160 -cpu $cpu -- 'topdown.sh in-guest' >/tmp/l2 2>&1
	status=$?
	cat /tmp/l2
	return $status
}

case $1 in
in-guest)
	measure guest
	exit ;;
in-l1)	in_l1
	exit ;;
esac

measure host
case $1 in
moving)	{ sleep 1; move_qemu; } & ;;
nested)	GUEST_NESTED=1 GUEST_APPEND=kvm.enable_mediated_pmu=1 \
		guest-run -m 512 -cpu $cpu -- 'topdown.sh in-l1'
	exit ;;
esac
guest-run -cpu $cpu -- 'topdown.sh in-guest'
status=$?
wait
exit $status
