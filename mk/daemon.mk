# The daemon: built with the Swift runtime inside, so that it runs where no Swift is installed.
# Installed as sbin/spread; the product has another name because the library is called spread.
#
#   make daemon
#   make install-daemon   DESTDIR= PREFIX= SBINDIR=

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
SWIFT ?= swift
STRIP ?= strip

.PHONY: daemon install-daemon
daemon:
	$(SWIFT) build -c release --product spread-daemon --static-swift-stdlib --scratch-path .build-daemon

install-daemon: daemon
	install -d $(DESTDIR)$(SBINDIR)
	install -m 755 .build-daemon/release/spread-daemon $(DESTDIR)$(SBINDIR)/spread
	$(STRIP) $(DESTDIR)$(SBINDIR)/spread
