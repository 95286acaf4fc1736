#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# watch.sh COMMAND - run COMMAND, which is measure.sh, in a guest, and say what KVM itself
# tells of the guest's PMU meanwhile.
#
# Passes on what the guest prints. Tracepoints of PMUs are on in its section `traced`,
# behind which stand two of the host's: `statistics`, KVM's counts from the guest's start
# to then (`name value`), and `tracepoints`, how many of each there were, and the first
# PMI with what is around it.

tracing=/sys/kernel/tracing
events="kvm_mediated_pmu_load kvm_mediated_pmu_put kvm_mediated_pmu_reprogram kvm_pmu_pmi"

trace() {
	for event in $events; do
		echo "$1" >$tracing/events/kvm/"$event"/enable
	done
}

report() {
	echo "== statistics"
	# Puts first: the guest goes on meanwhile, and each load comes before its put.
	(cd /sys/kernel/debug/kvm &&
		awk '{ print FILENAME, $1 }' pmu_puts pmu_loads pmu_pmis pmu_msr_exits pmu_rdpmc_exits)
	echo "== tracepoints"
	for event in $events; do
		echo "$event $(grep -c "$event:" $tracing/trace)"
	done
	grep -v '^#' $tracing/trace | grep -m 1 -B 3 -A 4 kvm_pmu_pmi:
}

# QEMU passes on PERF_METRICS, for which it has no name, only with migratable=off.
cpu=host,pmu=on
[ ! -e /sys/bus/event_source/devices/cpu/events/topdown-retiring ] || cpu=$cpu,migratable=off

# The guest stays until what it is asked about has been read.
GUEST_APPEND=nmi_watchdog=0 guest-run -cpu $cpu -- "$1; sleep 1" | {
	while IFS= read -r line; do
		case $line in
		"== traced")	trace 1 ;;
		"== end")	trace 0; report ;;
		esac
		printf '%s\n' "$line"
		[ "$line" != "== end" ] || ended=yes
	done
	[ "$ended" = yes ]
}
