# The event loop, the headers and the examples of the manual against a staged installation of the client library.
#
#   make check-events   ADDRESS=port@host of a daemon for what needs one; without it that is skipped, loudly
#   make check-headers

EVENTS_STAGE = $(abspath $(LIBRARY_BUILD))/stage

.PHONY: check-events check-headers

check-headers:
	compat-tests/headers/run.sh include Sources/CSpreadShims/include

check-events:
	$(MAKE) install-lib DESTDIR= PREFIX=$(EVENTS_STAGE) LIBDIR=$(EVENTS_STAGE)/lib INCLUDEDIR=$(EVENTS_STAGE)/include
	compat-tests/events/run.sh -x -v $(EVENTS_STAGE) $(ADDRESS)
	if [ -n "$(ADDRESS)" ]; then compat-tests/man-examples/run.sh $(EVENTS_STAGE) $(ADDRESS); \
	else echo "check-events: no ADDRESS: SKIPPED the examples of the manual"; fi
