# What is installed beside programs, libraries and manual pages, Debian packages of it all, and their checks.
#
#   make install-packaging   DESTDIR= PREFIX= UNITDIR= SYSUSERSDIR= DOCDIR=: unit, user, examples, documents
#   make uninstall           DESTDIR= PREFIX= and what else was said to "make install": removes what that places
#   make deb                 .build-deb/*.deb; DEBFULLNAME=, DEBEMAIL= name who builds it
#   make check-packaging     part of make test: what the daemon tells a service manager, programs built with pkg-config
#                            and CMake, install and uninstall, pages and units
#   make check-deb           the packages in a fresh Debian (as root; debootstrap and a mirror, or DEB_CHROOT= one
#                            that is there): install, start, upgrade, remove, purge; with systemd-nspawn also the
#                            service under a booted systemd; with lintian its errors

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DOCDIR ?= $(PREFIX)/share/doc/spread
DEB := .build-deb
DEB_CHROOT ?=

.PHONY: install-packaging uninstall deb check-packaging check-deb

install-packaging:
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(DOCDIR)/examples
	sed 's|@SBINDIR@|$(SBINDIR)|' packaging/systemd/spread.service.in > $(DESTDIR)$(UNITDIR)/spread.service
	sed 's|@SBINDIR@|$(SBINDIR)|' packaging/openrc/spread.in > $(DESTDIR)$(DOCDIR)/examples/spread.openrc
	install -m 644 packaging/systemd/spread.sysusers $(DESTDIR)$(SYSUSERSDIR)/spread.conf
	install -m 644 packaging/spread.conf $(DESTDIR)$(DOCDIR)/examples
	install -m 644 README.md docs/*.md $(DESTDIR)$(DOCDIR)
	chmod 644 $(DESTDIR)$(UNITDIR)/spread.service $(DESTDIR)$(DOCDIR)/examples/spread.openrc

# What "make install" places is placed into an empty directory to have its list.
uninstall:
	rm -rf .build-uninstall
	$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/.build-uninstall PREFIX=$(PREFIX) >/dev/null
	cd .build-uninstall && find . ! -type d -printf '%P\n' | while read -r file; do rm -f "$(DESTDIR)/$$file"; done
	cd .build-uninstall && find . -depth -type d -ipath '*/*spread*' -printf '%P\n' | while read -r directory; do \
	  rmdir --ignore-fail-on-non-empty "$(DESTDIR)/$$directory" 2>/dev/null || true; done
	rm -rf .build-uninstall

deb:
	packaging/debian/build.sh $(DEB)

check-packaging: stage
	python3 -B packaging/check/notify.py $(STAGE)/sbin/spread
	packaging/check/build-systems.sh $(STAGE)
	packaging/check/pure.sh
	packaging/check/documents.sh $(STAGE) .build-sim/release/spread-sim
	packaging/check/pages.sh $(STAGE)
	packaging/check/install.sh

check-deb: deb
	packaging/check/deb.sh $(DEB) $(DEB_CHROOT)
