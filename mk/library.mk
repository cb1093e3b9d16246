# The client libraries: one implementation in Embedded Swift, linked under the three names of Spread (c-api 1).
#
#   make lib          .build-lib/out/: lib{spread,tspread-core,spread-core}.{so.3.0.0,so.3,so,a}
#   make check-lib    what was built is small, depends on libc only, runs with old glibc, exports what it must
#   make install-lib  DESTDIR= PREFIX= LIBDIR= INCLUDEDIR=
#   make check-deep   the library's tests under the thread and the address sanitizer (some minutes)
#   make fuzz-client  arbitrary daemon bytes against the receiving side; MIN=minutes or SECS=seconds

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CC ?= cc
SWIFT ?= swift

LIBRARY_NAMES := spread tspread-core spread-core
LIBRARY_BUILD := .build-lib
LIBRARY_OUT := $(LIBRARY_BUILD)/out
LIBRARY_HEADERS := sp.h sp_events.h sp_func.h fl.h
LIBRARY_SOURCES := $(shell find Sources/SpreadWire Sources/SpreadFlush Sources/SpreadClient Sources/SpreadABI Sources/CSpreadShims \
  Sources/CSpreadSocket include -type f) Package.swift
LIBRARY_SHARED := $(LIBRARY_NAMES:%=$(LIBRARY_OUT)/lib%.so.3.0.0)
LIBRARY_STATIC := $(LIBRARY_NAMES:%=$(LIBRARY_OUT)/lib%.a)
LIBRARY_PLACES = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|'
LIBRARY_ARCHIVE := $(LIBRARY_BUILD)/release/libspread.a

.PRECIOUS: $(LIBRARY_OUT)/exports-% $(LIBRARY_OUT)/map-% $(LIBRARY_OUT)/all-%.o
.PHONY: lib install-lib check-lib check-deep fuzz-client

lib: $(LIBRARY_SHARED) $(LIBRARY_STATIC)

$(LIBRARY_OUT)/.built: $(LIBRARY_SOURCES)
	SPREAD_EMBEDDED=1 $(SWIFT) build -c release --product spread --scratch-path $(LIBRARY_BUILD)
	mkdir -p $(LIBRARY_OUT)
	touch $@

# Only libspread has the Flush interface, as in stock; the linker leaves its code out of the others (c-api 1).
$(LIBRARY_OUT)/exports-spread: mk/exports.txt mk/exports-flush.txt
	mkdir -p $(@D)
	LC_ALL=C sort $^ > $@
$(LIBRARY_OUT)/exports-%: mk/exports.txt
	mkdir -p $(@D)
	cp $< $@
$(LIBRARY_OUT)/map-spread: spread.map
	mkdir -p $(@D)
	cp $< $@
$(LIBRARY_OUT)/map-%: spread.map
	mkdir -p $(@D)
	grep -v FL_ $< > $@

# The file keeps its name in its soname: programs ask for the library they were linked with.
$(LIBRARY_OUT)/lib%.so.3.0.0: $(LIBRARY_OUT)/.built $(LIBRARY_OUT)/map-%
	$(CC) -shared -o $@ -Wl,-soname,lib$*.so.3 -Wl,--version-script=$(LIBRARY_OUT)/map-$* -Wl,--gc-sections -Wl,-z,defs \
	  -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
	  -Wl,--whole-archive $(LIBRARY_ARCHIVE) -Wl,--no-whole-archive -lm -pthread
	strip --strip-unneeded $@
	ln -sf $(@F) $(LIBRARY_OUT)/lib$*.so.3
	ln -sf lib$*.so.3 $(LIBRARY_OUT)/lib$*.so

# One object with the public names global and everything else local, so that nothing clashes in a static program.
$(LIBRARY_OUT)/all-%.o: $(LIBRARY_OUT)/.built $(LIBRARY_OUT)/exports-%
	sed 's/^/-u /' $(LIBRARY_OUT)/exports-$* > $(LIBRARY_OUT)/roots-$*
	ld -r -o $@ --gc-sections @$(LIBRARY_OUT)/roots-$* \
	  --whole-archive $(LIBRARY_ARCHIVE) --no-whole-archive
	objcopy --strip-debug --keep-global-symbols=$(LIBRARY_OUT)/exports-$* $@

$(LIBRARY_OUT)/lib%.a: $(LIBRARY_OUT)/all-%.o
	rm -f $@
	ar rcs $@ $<

install-lib: lib
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/Spread $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(LIBRARY_STATIC) $(DESTDIR)$(LIBDIR)
	install -m 755 $(LIBRARY_SHARED) $(DESTDIR)$(LIBDIR)
	for name in $(LIBRARY_NAMES); do \
	  ln -sf lib$$name.so.3.0.0 $(DESTDIR)$(LIBDIR)/lib$$name.so.3; \
	  ln -sf lib$$name.so.3 $(DESTDIR)$(LIBDIR)/lib$$name.so; \
	done
	install -m 644 $(LIBRARY_HEADERS:%=include/%) $(DESTDIR)$(INCLUDEDIR)
	$(LIBRARY_PLACES) packaging/spread.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/spread.pc
	$(LIBRARY_PLACES) packaging/cmake/SpreadConfig.cmake.in > $(DESTDIR)$(LIBDIR)/cmake/Spread/SpreadConfig.cmake
	install -m 644 packaging/cmake/SpreadConfigVersion.cmake $(DESTDIR)$(LIBDIR)/cmake/Spread
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/spread.pc $(DESTDIR)$(LIBDIR)/cmake/Spread/SpreadConfig.cmake

check-lib: lib
	mk/check-library.sh $(LIBRARY_OUT)

# Leaks of the test framework are not ours; valgrind looks for ours (compat-tests/c-api).
check-deep:
	for kind in thread address; do \
	  SPREAD_LIBRARY_ONLY=1 SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 timeout -k 5 1800 \
	    $(SWIFT) test --sanitize=$$kind --scratch-path .build-$$kind --filter ClientTests || exit 1; \
	done

# The general fuzz rules (mk/fuzz.mk) do the work; the library handles raw memory, so the address sanitizer watches.
fuzz-client:
	$(MAKE) --no-print-directory fuzz-run-ClientReceive FUZZ=.build-fuzz-client FUZZ_SANITIZE=fuzzer,address \
	  SEC=$(or $(SECS),$$(($(MIN) * 60)))
