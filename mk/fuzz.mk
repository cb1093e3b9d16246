# Fuzzing with libFuzzer (docs/architecture.md, "Tests").
#
#   make fuzz T=configuration MIN=10     ten minutes of Fuzz/ConfigurationFuzz.swift (upper or lower case)
#   make fuzz-quick SEC=5                some seconds of each
#
# A new target is a new file Fuzz/<Name>Fuzz.swift with LLVMFuzzerTestOneInput and two comment lines:
#   // seeds: files the corpus starts with (shell patterns)
#   // targets: the package targets it imports
# and, when it needs them, options of swiftc (BUILD is the build directory):
#   // flags: ...
# The code is built optimised, with coverage and with assertions. What was learnt stays in $(FUZZ)/<Name>/corpus; an
# input that crashes is written to $(FUZZ)/<Name>/crash-*; run it again with $(FUZZ)/<Name>/fuzz <file>.

FUZZ ?= .build-fuzz
FUZZ_SANITIZE ?= fuzzer
MIN ?= 1
SEC ?= 5
fuzz_names := $(patsubst Fuzz/%Fuzz.swift,%,$(wildcard Fuzz/*Fuzz.swift))
fuzz_name = $(firstword $(shell printf '%s\n' $(fuzz_names) | grep -ix '$(1)'))
fuzz_note = $(shell sed -n 's,^// $(2): ,,p' Fuzz/$(1)Fuzz.swift)

.PHONY: fuzz fuzz-quick $(fuzz_names:%=fuzz-run-%)

fuzz:
	@test -n '$(call fuzz_name,$(T))' || { echo "say T=name, one of: $(fuzz_names)" >&2; exit 2; }
	@$(MAKE) --no-print-directory fuzz-run-$(call fuzz_name,$(T)) SEC=$$(($(MIN) * 60))

fuzz-quick: $(fuzz_names:%=fuzz-run-%)

# A crash must not leave the backtracer hanging on the pipe.
$(fuzz_names:%=fuzz-run-%): fuzz-run-%: Fuzz/%Fuzz.swift
	@mkdir -p $(FUZZ)/$*/corpus
	for target in $(call fuzz_note,$*,targets); do \
	  swift build -c release --scratch-path $(FUZZ) --target $$target \
	    -Xswiftc -sanitize=$(FUZZ_SANITIZE) -Xswiftc -assert-config -Xswiftc Debug || exit 1; done
	rm -f $(FUZZ)/$*/modules.a
	find $(FUZZ)/release/*.build -name '*.o' -print0 | xargs -0 ar qcs $(FUZZ)/$*/modules.a
	swiftc -O -assert-config Debug -sanitize=$(FUZZ_SANITIZE) -parse-as-library -module-name $*Fuzz \
	  -I $(FUZZ)/release/Modules $(subst BUILD,$(FUZZ),$(call fuzz_note,$*,flags)) $< $(FUZZ)/$*/modules.a -o $(FUZZ)/$*/fuzz
	cp -n $(call fuzz_note,$*,seeds) $(FUZZ)/$*/corpus/
	SWIFT_BACKTRACE=enable=no timeout -k 5 $$(($(SEC) + 120)) $(FUZZ)/$*/fuzz \
	  -max_total_time=$(SEC) -max_len=4096 -timeout=10 -print_final_stats=1 -verbosity=0 \
	  -artifact_prefix=$(FUZZ)/$*/ $(FUZZ)/$*/corpus
