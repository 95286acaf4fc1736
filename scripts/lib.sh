# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the build scripts share; sourced, after `set -euo pipefail`. Gives them:
#   ROOT BUILD CACHE STAMPS   directories; CACHE is LAB_CACHE or build/cache
#   JOBS                      compiler jobs at a time (default: one per CPU)
#   die TEXT...               complain and exit 1
#   hash_of FILE...           one hash over names and contents
#   unchanged NAME HASH FILE... / built NAME HASH
#                             skip a build whose inputs are those of last time
#   CC_CACHED CXX_CACHED      compilers, through ccache where it is installed

set -E
trap 'echo "${0##*/}: line $LINENO: failed (status $?): $BASH_COMMAND" >&2' ERR

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$ROOT/build
CACHE=${LAB_CACHE:-$BUILD/cache}
STAMPS=$BUILD/stamps
JOBS=${JOBS:-$(nproc)}
mkdir -p "$BUILD" "$CACHE" "$STAMPS"
CACHE=$(cd "$CACHE" && pwd)
export LC_ALL=C

# shellcheck source=versions.mk
. "$ROOT/versions.mk"

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# hash_of FILE...: directories stand for all files below them.
hash_of() {
	find "$@" -type f ! -name '*.pyc' -print0 | sort -z |
		xargs -0 sha256sum | sed "s, $ROOT/, ," | sha256sum | cut -c1-64
}

# hash_words WORD...
hash_words() {
	printf '%s\n' "$@" | sha256sum | cut -c1-64
}

# unchanged NAME HASH FILE...: true if NAME was built from HASH and its FILEs
# are all there. `steps` looks for the word it prints.
unchanged() {
	local stamp=$STAMPS/$1 hash=$2
	shift 2
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$hash" ] || return 1
	for f; do
		[ -e "$f" ] || return 1
	done
	echo unchanged
}

# built NAME HASH: to be called last of all.
built() {
	echo "$2" >"$STAMPS/$1.tmp"
	mv "$STAMPS/$1.tmp" "$STAMPS/$1"
}

# source_id NAME [PATH...]: what a source tree was unpacked from, and what the
# series changes in it, or only in these directories.
source_id() {
	local file=$BUILD/src/$1/.lab-source path
	[ -f "$file" ] || die "no source tree $1: run 'make lab' first"
	shift
	if [ $# = 0 ]; then
		cat "$file"
	else
		head -n 2 "$file"
		for path; do
			sed 1,2d "$file" | awk -v path="$path/" 'index($3, path) == 1'
		done
	fi
}

# libraries FILE...: every shared object that these need, under the names the
# dynamic linker looks for.
libraries() {
	local f
	for f; do
		ldd "$f" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p
			s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' ||
			true	# a script or a static program needs none
	done | sort -u
}

export CC_CACHED=gcc CXX_CACHED=g++
if command -v ccache >/dev/null; then
	CC_CACHED="ccache gcc"
	CXX_CACHED="ccache g++"
	export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
	export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-4G}
	export CCACHE_SLOPPINESS=time_macros
	# Headers are known from the dependency files that the builds have the
	# compiler write: the preprocessor does not run beside it, which makes a
	# build with an empty cache a fifth faster.
	export CCACHE_DEPEND=1
fi
