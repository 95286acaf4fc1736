#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tracepoints.sh - what the tracepoints of PMUs say of a guest that samples. KTAP.

tracing=/sys/kernel/tracing
events="kvm_mediated_pmu_load kvm_mediated_pmu_put kvm_mediated_pmu_reprogram
	kvm_mediated_pmu_reservation kvm_pmu_pmi"

# shellcheck source=tests/host/check.sh
. /lab/check.sh

# count PATTERN
count() {
	grep -c "$1" /tmp/trace
}

# lines PATTERN NUMBER
lines() {
	[ "$(count "$1")" = "$2" ] || {
		echo "# $(count "$1") lines with '$1', expected $2"
		return 1
	}
}

ktap_print_header
ktap_set_plan 9
echo 65536 >$tracing/buffer_size_kb
for event in $events; do
	echo 1 >$tracing/events/kvm/"$event"/enable || exit 1
done
guest-run -- 'perf record -q -e instructions:u -c 20101 -o /tmp/data loop &&
	perf script -i /tmp/data -F ip | sed "s/^/sample /"' >/tmp/out || exit 1
for event in $events; do
	echo 0 >$tracing/events/kvm/"$event"/enable
done
cat $tracing/trace >/tmp/trace
samples=$(grep -c '^sample ' /tmp/out)
echo "# $samples samples, $(count kvm_mediated_pmu_load) loads"

check "nothing is lost" [ "$(sed -n 's/^overrun: //p' $tracing/per_cpu/cpu0/stats)" = 0 ]
check "the guest has sampled" [ "$samples" -gt 90 ]
check "as many puts as loads" lines kvm_mediated_pmu_put: "$(count kvm_mediated_pmu_load:)"
check "a load for each sample at least" [ "$(count kvm_mediated_pmu_load:)" -ge "$samples" ]
check "a PMI for each sample" lines kvm_pmu_pmi: "$samples"
# QEMU may not know PerfMonV2; without it there is no status.
overflows=$samples
! grep -qw svm /proc/cpuinfo || overflows=0
check "overflows in the status" [ "$(count 'kvm_mediated_pmu_put: .*global_status 0x[1-9a-f]')" -ge "$overflows" ]
check "a counter is programmed" grep -q 'kvm_mediated_pmu_reprogram: .* guest 0x[1-9a-f]' /tmp/trace
check "one reservation" lines 'kvm_mediated_pmu_reservation: reserve error 0' 1
check "one release" lines 'kvm_mediated_pmu_reservation: release error 0' 1
ktap_finished
