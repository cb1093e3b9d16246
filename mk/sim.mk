# The simulator (docs/architecture.md, "Simulator and checkers"; docs/testing.md).
#
#   make sim SEEDS=n [FROM=s]   n seeds; the last line says "n seeds, v violations"
#   make sim SEED=x             one seed; a violation is shrunk, told in full and saved as a scenario
#   make sim OPTS=--corrupt     another kind of run; see spread-sim --help
#   make bugbank [SEEDS=500]    every planted bug, and the seed that finds it
#   make scenarios [REWRITE=1]  Tests/Scenarios/*.txt print what they say; with REWRITE they are written anew
#   make sim-speed              virtual seconds per second
#   make sim-test               the part of make test

SIM := .build-sim
# The standard library inside: no way through a shared library for every retain and release.
BUILD_SIM := swift build -c release --product spread-sim --static-swift-stdlib
FROM ?= 1
SEEDS ?= 100

.PHONY: scenarios sim bugbank sim-speed
sim:
	$(BUILD_SIM) --scratch-path $(SIM)
	SWIFT_BACKTRACE=enable=no $(SIM)/release/spread-sim $(OPTS) --save $(SIM) $(if $(filter command line environment,$(origin SEED)),--seed $(SEED),--seeds $(SEEDS) --from $(FROM))

bugbank: SEEDS := $(if $(filter command line,$(origin SEEDS)),$(SEEDS),500)
bugbank:
	$(BUILD_SIM) --scratch-path .build-bugs -Xswiftc -DSPREAD_BUGS
	SWIFT_BACKTRACE=enable=no .build-bugs/release/spread-sim --bugs --seeds $(SEEDS) --scenarios Tests/Scenarios/*.txt

sim-speed:
	$(BUILD_SIM) --scratch-path $(SIM)
	$(SIM)/release/spread-sim --measure

scenarios:
	$(BUILD_SIM) --scratch-path $(SIM)
	SWIFT_BACKTRACE=enable=no $(SIM)/release/spread-sim --scenarios $(if $(REWRITE),--rewrite) Tests/Scenarios/*.txt

# Some seeds, each in two processes with the same hashes, the scenarios, and a planted bug that has to be found. In
# release mode: a debug build of the same takes ten times as long.
.PHONY: sim-test
sim-test: scenarios
	$(SIM)/release/spread-sim -v --seeds 40 > $(SIM)/first.txt
	$(SIM)/release/spread-sim -v --seeds 40 > $(SIM)/second.txt
	cmp $(SIM)/first.txt $(SIM)/second.txt
	$(BUILD_SIM) --scratch-path .build-bugs -Xswiftc -DSPREAD_BUGS
	SWIFT_BACKTRACE=enable=no .build-bugs/release/spread-sim --bugs --bug safeAtOnce --seeds 40
	rm -rf $(SIM)/shrunk && mkdir -p $(SIM)/shrunk
	! .build-bugs/release/spread-sim --planted safeAtOnce --seed 2 --save $(SIM)/shrunk > $(SIM)/shrunk.txt
	grep "saved as" $(SIM)/shrunk.txt
	.build-bugs/release/spread-sim --planted safeAtOnce --scenarios $(SIM)/shrunk/*.txt
	! $(SIM)/release/spread-sim --scenarios $(SIM)/shrunk/*.txt
