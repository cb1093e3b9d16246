# The command line tools: normal Swift with the standard library inside, so they run where no Swift is installed.
#
#   make tools           builds spuser, spflooder, spping, spmonitor, spread-check, flush_user
#   make install-tools   DESTDIR= PREFIX= BINDIR=: bin/..., and bin/sptuser as another name of spuser;
#                        flush-user is installed as flush_user
#   make compat          the programs of compat-tests against an installed tree: COMPAT_PREFIX= (and COMPAT_ADDRESS=)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SWIFT ?= swift

TOOLS := spuser spflooder spping spmonitor spread-check
# What "make tools" builds; "make run" needs one of them only.
TOOL_PRODUCTS ?= $(TOOLS) flush-user
TOOLS_BUILD := .build-tools
COMPAT_PREFIX ?= $(STAGE)
COMPAT_ADDRESS ?=

.PHONY: tools install-tools compat

tools:
	for tool in $(TOOL_PRODUCTS); do \
	  $(SWIFT) build -c release --product $$tool --static-swift-stdlib --disable-local-rpath \
	    --scratch-path $(TOOLS_BUILD) || exit 1; done

install-tools: tools
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 -s $(TOOLS:%=$(TOOLS_BUILD)/release/%) $(DESTDIR)$(BINDIR)
	install -m 755 -s $(TOOLS_BUILD)/release/flush-user $(DESTDIR)$(BINDIR)/flush_user
	ln -sf spuser $(DESTDIR)$(BINDIR)/sptuser

compat: stage
	compat-tests/run.sh $(COMPAT_PREFIX) $(COMPAT_ADDRESS)
