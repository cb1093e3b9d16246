# Everything that people type. The rules of each part are in mk/.
#
#   make run       build the daemon and spuser, start a daemon on this machine, say what to type next
#   make           builds daemon, libraries and tools
#   make test      every test, the programs of compat-tests included; its parts: docs/testing.md
#   make install   DESTDIR= PREFIX=: daemon, tools, libraries, headers, pkg-config and CMake files, manual pages, unit;
#                  make uninstall removes it again, make deb makes Debian packages of it
#   make stage     the same into .build-stage, for the checks
#   make clean

PREFIX ?= /usr/local
STAGE := $(CURDIR)/.build-stage
PORT ?= 4803

.PHONY: all run test needs stage install clean check-swift check-compat check-allocations

all: daemon lib tools

run: needs-swift daemon
	$(MAKE) --no-print-directory tools TOOL_PRODUCTS=spuser
	@echo
	@echo 'Built. Where the text below says "spuser", type: .build-tools/release/spuser'
	@echo
	@.build-daemon/release/spread-daemon --port $(PORT)

# One line that names what is missing, before anything is built.
needs: ; @mk/needs.sh
needs-swift: ; @mk/needs.sh swift
.PHONY: needs-swift

test: needs
	$(MAKE) --no-print-directory check-swift
	$(MAKE) --no-print-directory sim-test
	$(MAKE) --no-print-directory check-lib check-man
	$(MAKE) --no-print-directory fuzz-quick SEC=2
	$(MAKE) --no-print-directory stage
	$(MAKE) --no-print-directory check-compat check-clients check-packaging
	$(MAKE) --no-print-directory check-ring check-allocations
	@echo "make test: everything passed"

# A crash must not leave the backtracer hanging on a pipe.
check-swift:
	swift build --build-tests
	SWIFT_BACKTRACE=enable=no timeout -k 5 1200 swift test --skip-build

# The tree as it is installed, for programs that know nothing of the sources.
stage:
	$(MAKE) --no-print-directory install DESTDIR= PREFIX=$(STAGE)

check-compat: stage
	compat-tests/run.sh $(STAGE)

# Three daemons in one process: the steady state of the ring takes nothing from the heap.
check-allocations:
	$(DAEMON_BUILD) --product ring-bench
	for bytes in 100 1000 20000; do timeout -k 5 60 .build-daemon/release/ring-bench --bytes $$bytes --check || exit 1; done

install: install-daemon install-tools install-lib install-man install-packaging

clean:
	rm -rf .build .build-*

include $(sort $(wildcard mk/*.mk))
