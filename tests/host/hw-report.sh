#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hw-report.sh - scripts/hw-report with made-up selftests: one for each way to end; and
# what it must say of this machine. KTAP.

# shellcheck source=tests/host/check.sh
. /lab/check.sh

# result_is TEST RESULT
result_is() {
	[ "$(awk -v section="== selftest $1" '
		/^== / { inside = $0 == section }
		inside && /^result: / { print }' /tmp/report)" = "result: $2" ]
}

usage_error() {
	hw-report "$@" >/dev/null 2>&1
	[ $? = 2 ]
}

make_test() {
	printf '#!/bin/sh\necho "this is %s"\n%s\n' "$1" "$2" >"/tmp/tests/$1"
	chmod +x "/tmp/tests/$1"
}

hostname kvm01
mkdir -p /tmp/tests/x86_64
make_test x86_64/vmx_pmu_caps_test 'exit 0'
make_test x86_64/pmu_counters_test 'exit 4'
make_test state_test 'echo "pmu: secret[42] on kvm01" >/dev/kmsg
	echo "Hardware name: kvm" >/dev/kmsg; exit 3'
make_test x86_64/pmu_passthrough_test 'sleep 100'

ktap_print_header
ktap_set_plan 15
check "written" env TEST_TIMEOUT=1 hw-report -s /tmp/tests -o /tmp/report
check "passed" result_is vmx_pmu_caps_test "passed"
check "skipped" result_is pmu_counters_test "skipped"
check "failed" result_is state_test "failed, status 3"
check "hangs" result_is pmu_passthrough_test "not done after 1 s"
check "not there" result_is pmu_event_filter_test "not there"
check "output of a test" grep -q "^this is state_test" /tmp/report
check "CPU" grep -q "^model name.*modelled" /tmp/report
check "parameter" grep -q "/sys/module/kvm/parameters/enable_mediated_pmu: Y" /tmp/report
check "perf" grep -q "instructions:u" /tmp/report
check "what a test has left in the log, without names" grep -q "pmu: PROCESS\[PID\] on HOST" /tmp/report
check "no names" eval '! grep -qE "secret|kvm01|Hardware name" /tmp/report'
check "complete" grep -q "^== end" /tmp/report
check "no such directory" usage_error -s /nowhere
check "no such option" usage_error -x
ktap_finished
