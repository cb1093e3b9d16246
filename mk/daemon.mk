# The daemon: built with the Swift runtime inside, so that it runs where no Swift is installed.
# Installed as sbin/spread; the product has another name because the library is called spread.
#
#   make daemon
#   make install-daemon   DESTDIR= PREFIX= SBINDIR=

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
SWIFT ?= swift
STRIP ?= strip

# The daemon has one thread (compat-tests/clients asks the system), so references are counted without atomic operations,
# and objects are not marked while they are written: 20 to 30 % of its CPU (docs/performance.md). Bounds and overflow
# stay checked. Only here: tests and simulator, which have threads, are built from the same targets with every check.
DAEMON_FLAGS = -Xswiftc -enforce-exclusivity=unchecked -Xswiftc -Xfrontend -Xswiftc -assume-single-threaded
DAEMON_BUILD = $(SWIFT) build -c release --static-swift-stdlib --scratch-path .build-daemon $(DAEMON_FLAGS)

.PHONY: daemon install-daemon
daemon:
	$(DAEMON_BUILD) --product spread-daemon

install-daemon: daemon
	install -d $(DESTDIR)$(SBINDIR)
	install -m 755 .build-daemon/release/spread-daemon $(DESTDIR)$(SBINDIR)/spread
	$(STRIP) $(DESTDIR)$(SBINDIR)/spread
