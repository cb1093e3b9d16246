# The manual pages of the client library.
#
#   make install-man  DESTDIR= PREFIX= MANDIR=
#   make check-man    the pages are well formed and complete; with PREFIX_UNDER_TEST= and ADDRESS= their examples too

PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
MAN_PAGES := $(wildcard docs/man/*.3)

.PHONY: install-man check-man

install-man:
	install -d $(DESTDIR)$(MANDIR)/man3
	install -m 644 $(MAN_PAGES) $(DESTDIR)$(MANDIR)/man3

check-man:
	docs/man/check.sh
	if [ -n "$(PREFIX_UNDER_TEST)" ]; then \
	  compat-tests/man-examples/run.sh "$(PREFIX_UNDER_TEST)" "$(ADDRESS)"; \
	else echo "check-man: no PREFIX_UNDER_TEST: SKIPPED the examples"; fi
