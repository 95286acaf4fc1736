# SPDX-License-Identifier: GPL-2.0
# The only front door. `make help` lists what there is.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
STEPS := scripts/steps
SOURCES := base bochs-source lay
# What the demos need: no selftests, and fewer packages.
DEMO := $(SOURCES) kernel rom bochs perf host
.DEFAULT_GOAL := help

##@ Use

.PHONY: help
help:			## list these targets
	@awk 'BEGIN { FS = ":.*## *" } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'Variables'
	@echo '  MACHINE=NAME   with demo, demo-contention: spr, icx, skx, zen4 or zen3'
	@echo '  CONFIG=lab     with deb: the lab'"'"'s configuration, to see that it works'
	@echo '  ONLY=PATTERN   with test, test-long: only the cases whose name matches'
	@echo '  SUMMARY=FILE   with test-long: also write the results there, as a table'
	@echo '  LAB_CACHE=DIR  keep downloads and the compiler cache there (default build/cache)'
	@echo '  JOBS=N         compiler jobs at a time (default: one per CPU)'
	@echo '  FETCH=newest   look for newer source packages'
	@echo '  TREE=DIR, BRANCH=NAME   another git tree than build/tree, branch series'
	@echo '  FORCE=1        tree: drop commits that the series lacks'
	@echo '  BASE_TARBALL=FILE, BOCHS_TARBALL=FILE   use these instead of downloads'

.PHONY: demo
demo: demo-lab		## perf in a QEMU guest, with both vPMUs, against the books
	@$(MAKE) -s -C demo
	@demo/profile -m $(or $(MACHINE),spr)

.PHONY: demo-contention
demo-contention: demo-lab	## what host events do to a guest's counters, with both vPMUs
	@$(MAKE) -s -C demo
	@demo/contention -m $(or $(MACHINE),spr)

.PHONY: lab
lab:			## build everything that lab/run needs
	@$(STEPS) deps $(DEMO) selftests

.PHONY: demo-lab
demo-lab:
	@$(STEPS) deps-demo $(DEMO)

.PHONY: test
test: lab		## run the tests that CI runs
	@tests/run $(if $(ONLY),--only '$(ONLY)')

.PHONY: test-long
test-long: lab kernel-debug kernel-stock	## run those too that take longer than they earn
	@tests/run --long $(if $(ONLY),--only '$(ONLY)') $(if $(SUMMARY),--summary '$(SUMMARY)')

.PHONY: bench
bench: lab		## measure what VM exits and profiling cost, exactly, against what is promised
	@mkdir -p build/bench
	@status=0; \
	bench/exits -o build/bench/exits.json $(if $(wildcard build/bench/exits-peer.json),\
		--peer build/bench/exits-peer.json) || status=1; \
	bench/profiling -o build/bench/profiling.json $(if $(wildcard build/bench/profiling-peer.json),\
		--peer build/bench/profiling-peer.json) || status=1; \
	exit $$status

.PHONY: bench-peer
bench-peer: lab		## the same of mainline, as Debian has it
	@bench/peer

.PHONY: bench-results
bench-results:		## put both into docs/results.md
	@bench/results exits build/bench/exits.json build/bench/exits-peer.json
	@bench/results profiling build/bench/profiling.json build/bench/profiling-peer.json

.PHONY: bench-model
bench-model: lab	## measure what the PMU model costs the emulator
	@scripts/build-bochs baseline >/dev/null
	@bench/model-cost

.PHONY: check
check:			## check scripts and patches: style, warnings, exact export
	@$(STEPS) deps base lay
	@scripts/check
	@scripts/check-series

.PHONY: check-each
check-each: lab		## build and boot every patch; other configurations, other bases
	@scripts/check-each

##@ The series

.PHONY: tree
tree:			## lay base + series out as commits, in build/tree
	@$(STEPS) deps base
	@scripts/series tree

.PHONY: series
series:			## write the commits of build/tree to patches/linux-6.12
	@$(STEPS) deps base
	@scripts/series export

##@ The patches on Bochs

.PHONY: bochs-tree
bochs-tree:		## lay Bochs and its patches out as commits, in build/bochs-tree
	@$(STEPS) deps bochs-source
	@scripts/bochs-patches tree

.PHONY: bochs-series
bochs-series:		## write the commits of build/bochs-tree to patches/bochs
	@scripts/bochs-patches export

##@ Parts

.PHONY: kernel
kernel:			## the kernel with the series, for host and guest
	@$(STEPS) deps base lay kernel

.PHONY: kernel-debug
kernel-debug:		## the kernel for lab/run --debug: lockdep, KASAN, UBSAN
	@$(STEPS) deps base lay kernel-debug

.PHONY: kernel-stock
kernel-stock:		## the kernel of the base alone, for lab/run -k build/kernel/stock
	@$(STEPS) deps base kernel-stock

.PHONY: bochs
bochs:			## the emulator with the lab's model in it
	@$(STEPS) deps bochs-source bochs

.PHONY: perf
perf:			## the perf tool
	@$(STEPS) deps base lay perf

.PHONY: selftests
selftests:		## the KVM selftests
	@$(STEPS) deps base lay kernel selftests

.PHONY: host
host:			## the userlands of host and guest
	@$(STEPS) deps base lay kernel perf host

.PHONY: deb
deb: lab		## Debian packages of kernel and tools, for real machines; CONFIG=lab: quick
	@scripts/build-deb $(or $(CONFIG),debian)

##@ Tidy up

.PHONY: clean
clean:			## remove what was built; keep downloads, compiler cache, trees
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name cache ! -name '*tree' \
		-exec rm -rf {} +

.PHONY: distclean
distclean:		## remove all of build/, commits in trees too
	@rm -rf build
