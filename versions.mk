# What everything is built from. Read by make and by sh: NAME=value, no blanks.

# The base: Debian's source package of the kernel, the newest that the system's
# own package lists have, and the releases that the project accepts.
BASE_PACKAGE=linux-source-6.12
BASE_ACCEPT=6.12.

# The emulator: Debian's source package, from this release of Debian whatever
# the system's own is.
BOCHS_PACKAGE=bochs
BOCHS_RELEASE=trixie
BOCHS_ACCEPT=3.0
