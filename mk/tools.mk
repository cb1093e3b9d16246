# The command line tools: normal Swift with the standard library inside, so they run where no Swift is installed.
#
#   make tools           builds spuser
#   make install-tools   DESTDIR= PREFIX= BINDIR=: bin/spuser, and bin/sptuser as another name of it
#   make compat          the programs of compat-tests against an installed tree: COMPAT_PREFIX= (and COMPAT_ADDRESS=)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SWIFT ?= swift

TOOLS_BUILD := .build-tools
COMPAT_PREFIX ?= $(DESTDIR)$(PREFIX)
COMPAT_ADDRESS ?=

.PHONY: tools install-tools compat

tools:
	$(SWIFT) build -c release --product spuser --static-swift-stdlib --disable-local-rpath \
	  --scratch-path $(TOOLS_BUILD)

install-tools: tools
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 -s $(TOOLS_BUILD)/release/spuser $(DESTDIR)$(BINDIR)/spuser
	ln -sf spuser $(DESTDIR)$(BINDIR)/sptuser

compat:
	compat-tests/run.sh $(COMPAT_PREFIX) $(COMPAT_ADDRESS)
