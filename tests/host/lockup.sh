#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lockup.sh - CPU 1 hangs with interrupts disabled, with its PMU in all states that it can
# be in: does the watchdog tell, how soon, and does all go on afterwards?
#
# On two CPUs, with hang.ko and exits. What is printed as `# lab: lockup.MODE.ms` is the
# time from the hang to the watchdog's line.

# shellcheck source=tests/host/check.sh
. /lab/check.sh

hang=/sys/module/hang/parameters
thresh=1
# The NMI handler of a CPU looks every `thresh` seconds' worth of cycles, and tells the
# second time. An emulated CPU has half of its cycles while another one is idle.
by_nmi=6500
# Other CPUs look every 2/5 of `thresh`, for a time older than that; and what a poll takes.
by_others=1600

case $(grep -m 1 vendor_id /proc/cpuinfo) in
*GenuineIntel)	exit=vmx_handle_exit_irqoff load=intel_mediated_load save=intel_mediated_save ;;
*)		exit=svm_handle_exit_irqoff load=amd_mediated_load save=amd_mediated_save ;;
esac

now() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

lockups() {
	dmesg | grep -c 'Watchdog detected hard LOCKUP on cpu 1'
}

signs() {
	dmesg | grep -c "$sign"
}

# until_true TRIES COMMAND...: one each 10 ms
until_true() {
	tries=$1
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.01
	done
}

hangs() {
	[ "$(cat $hang/hung)" = Y ]
}

tells() {
	[ "$(lockups)" -gt "$before" ]
}

# lockup MODE FUNCTION OWNER LIMIT SIGN PROGRAM...: hang there while PROGRAM runs. The
# watchdog is to tell within LIMIT ms, and print SIGN with the registers.
lockup() {
	mode=$1 function=$2 owner=$3 limit=$4 sign=$5
	shift 5
	before=$(lockups)
	seen=$(signs)
	taskset 2 "$@" >/tmp/out 2>&1 &
	program=$!
	insmod /lab/hang.ko at="$function" owner="$owner" cpu=1 || return
	# What all CPUs are needed for a second later must not meet the one that hangs: static
	# keys that the end of one VM and the beginning of the next have changed are patched,
	# and TLBs flushed of what the module's initialization was.
	sleep 2
	echo Y >$hang/armed
	check "$mode: CPU 1 hangs" until_true 500 hangs
	start=$(now)
	until_true 400 tells
	took=$(($(now) - start))
	echo "# lab: lockup.$mode.ms=$took"
	echo Y >$hang/release
	check "$mode: the watchdog tells within $limit ms" [ "$took" -le "$limit" ]
	check "$mode: once" [ "$(lockups)" = $((before + 1)) ]
	check "$mode: with its registers" [ "$(signs)" -gt "$seen" ]
	kill -TERM "$program" 2>/dev/null
	wait "$program" 2>/dev/null
	rmmod hang
}

ktap_print_header
ktap_set_plan 20
echo $thresh >/proc/sys/kernel/watchdog_thresh

# Of itself the CPU prints them without a word more.
itself="RIP: .*hang"
others="NMI backtrace for cpu 1"

lockup quiescent $exit host $by_nmi "$itself" /lab/exits busy idle
lockup resident $exit guest $by_others "$others" /lab/exits busy
lockup load $load guest $by_others "$others" /lab/exits busy
lockup put $save guest $by_others "$others" /lab/exits busy
perf stat -C 1 -e cycles:H -o /dev/null sleep 1000 &
lockup shared $exit host $by_nmi "$itself" /lab/exits busy
kill $! 2>/dev/null
ktap_finished
