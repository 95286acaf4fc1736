# What everything is built from. Read by make and by sh: NAME=value, no blanks.

# The base: Debian's source package of the kernel, the newest that the system's
# own package lists have, the one with Debian's configurations of it, and the releases
# that the project accepts.
BASE_PACKAGE=linux-source-6.12
CONFIG_PACKAGE=linux-config-6.12
BASE_ACCEPT=6.12.

# The series has to apply to every version that these releases of Debian have, in
# any of their suites: checked with the oldest and the newest.
BASE_RELEASES=bookworm,trixie

# The emulator: Debian's source package, from this release of Debian whatever
# the system's own is.
BOCHS_PACKAGE=bochs
BOCHS_RELEASE=trixie
BOCHS_ACCEPT=3.0

# The peer of the benchmarks: mainline, in the newest package of that name that any
# suite of these releases has.
PEER_PREFIX=linux-source-7.
PEER_RELEASES=trixie,forky,sid
