# Fuzzing with libFuzzer (docs/architecture.md, "Fuzzing and measuring").
#
#   make fuzz T=configuration MIN=10     ten minutes of Fuzz/ConfigurationFuzz.swift (upper or lower case)
#   make fuzz-quick SEC=5                some seconds of each, from the seeds alone (part of make test, with 2)
#
# A new target is a new file Fuzz/<Name>Fuzz.swift with a comment line `// seeds: KIND` (Fuzz/seeds.py) and a function
# <name>Fuzz(_ input: UnsafeRawBufferPointer) that traps when something is wrong. All targets are one program, built
# once: optimised, with coverage and with assertions. What was learnt stays in $(FUZZ)/<Name>/corpus; an input that
# crashes is written to $(FUZZ)/<Name>/crash-*; run it again with SPREAD_FUZZ=<Name> $(FUZZ)/fuzz <file>.

FUZZ ?= .build-fuzz
MIN ?= 1
SEC ?= 5
CORPUS ?= corpus
FUZZ_STATS ?= 1
FUZZ_SANITIZE ?= fuzzer
FUZZ_FLAGS = -sanitize=$(FUZZ_SANITIZE) -assert-config Debug
fuzz_names := $(patsubst Fuzz/%Fuzz.swift,%,$(wildcard Fuzz/*Fuzz.swift))
fuzz_name = $(firstword $(shell printf '%s\n' $(fuzz_names) | grep -ix '$(1)'))
fuzz_seeds = $(shell sed -n 's,^// seeds: ,,p' Fuzz/$(1)Fuzz.swift)
fuzz_function = $(shell echo $(1) | sed 's/^./\l&/')Fuzz

.PHONY: fuzz fuzz-quick $(fuzz_names:%=fuzz-run-%)

fuzz:
	@test -n '$(call fuzz_name,$(T))' || { echo "say T=name, one of: $(fuzz_names)" >&2; exit 2; }
	@$(MAKE) --no-print-directory fuzz-run-$(call fuzz_name,$(T)) SEC=$$(($(MIN) * 60))

# From the seeds alone, so that it takes the same time everywhere.
fuzz-quick: $(FUZZ)/fuzz
	@for name in $(fuzz_names); do rm -rf $(FUZZ)/$$name/quick; \
	  $(MAKE) --no-print-directory fuzz-run-$$name CORPUS=quick FUZZ_STATS=0 || exit 1; done

# The function of each target under its name.
$(FUZZ)/Dispatch.swift: mk/fuzz.mk $(wildcard Fuzz/*Fuzz.swift)
	@mkdir -p $(FUZZ)
	@{ echo 'let fuzzTargets: [String: (UnsafeRawBufferPointer) -> Void] = ['; \
	  $(foreach name,$(fuzz_names),echo '  "$(name)": $(call fuzz_function,$(name)),';) echo ']'; } > $@

$(FUZZ)/fuzz: $(FUZZ)/Dispatch.swift $(wildcard Fuzz/*.swift) Package.swift \
  $(shell find Sources/SpreadWire Sources/SpreadCore Sources/SpreadFlush Sources/SpreadClient Sources/CSpreadSocket -type f)
	for target in SpreadCore SpreadClient; do \
	  swift build -c release --scratch-path $(FUZZ) --target $$target $(addprefix -Xswiftc ,$(FUZZ_FLAGS)) || exit 1; done
	rm -f $(FUZZ)/modules.a
	find $(FUZZ)/release/*.build -name '*.o' -print0 | xargs -0 ar qcs $(FUZZ)/modules.a
	swiftc -O -wmo $(FUZZ_FLAGS) -parse-as-library -module-name SpreadFuzz -I $(FUZZ)/release/Modules \
	  -Xcc -fmodule-map-file=$(FUZZ)/release/CSpreadSocket.build/module.modulemap \
	  $(filter %.swift,$(wildcard Fuzz/*.swift)) $(FUZZ)/Dispatch.swift $(FUZZ)/modules.a -o $@

# A crash must not leave the backtracer hanging on the pipe.
$(fuzz_names:%=fuzz-run-%): fuzz-run-%: $(FUZZ)/fuzz
	@python3 Fuzz/seeds.py '$(call fuzz_seeds,$*)' $(FUZZ)/$*/$(CORPUS)
	@echo "fuzzing $* for $(SEC) s"
	@SPREAD_FUZZ=$* SWIFT_BACKTRACE=enable=no timeout -k 5 $$(($(SEC) + 120)) $(FUZZ)/fuzz \
	  -max_total_time=$(SEC) -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=$(FUZZ_STATS) -verbosity=0 \
	  -artifact_prefix=$(FUZZ)/$*/ $(FUZZ)/$*/$(CORPUS)
