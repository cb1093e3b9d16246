# The manual pages: docs/man/NAME.SECTION.
#
#   make install-man  DESTDIR= PREFIX= MANDIR=
#   make check-man    the pages are well formed and complete; with PREFIX_UNDER_TEST= and ADDRESS= their examples too
#                     (that the options are those of --help: packaging/check/pages.sh, part of make check-packaging)

PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
MAN_SECTIONS := 1 3 5 8

.PHONY: install-man check-man

install-man:
	for section in $(MAN_SECTIONS); do \
	  install -d $(DESTDIR)$(MANDIR)/man$$section; \
	  install -m 644 docs/man/*.$$section $(DESTDIR)$(MANDIR)/man$$section || exit 1; done

check-man:
	docs/man/check.sh
	if [ -n "$(PREFIX_UNDER_TEST)" ]; then \
	  compat-tests/man-examples/run.sh "$(PREFIX_UNDER_TEST)" "$(ADDRESS)"; \
	else echo "check-man: no PREFIX_UNDER_TEST: SKIPPED the examples"; fi
