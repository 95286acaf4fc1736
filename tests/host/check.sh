# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# check.sh - results of a script as KTAP, by the kernel's helpers. To be sourced; the
# case brings ktap_helpers.sh as well.

# shellcheck source=/dev/null
. /lab/ktap_helpers.sh

# check NAME COMMAND...: one result. ktap_test_result would split the words anew.
check() {
	name=$1
	shift
	if "$@"; then
		ktap_test_pass "$name"
	else
		ktap_test_fail "$name"
	fi
}
