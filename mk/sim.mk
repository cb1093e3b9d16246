# The simulator (docs/architecture.md, "Tests").
#
#   make sim SEEDS=n [FROM=s]   n seeds; the last line says "n seeds, v violations"
#   make sim SEED=x             one seed; a violation is shrunk and told in full
#   make bugbank [SEEDS=500]    every planted bug, and the seed that finds it
#   make sim-speed              virtual seconds per second

SIM := .build-sim
FROM ?= 1
SEEDS ?= 100

.PHONY: sim bugbank sim-speed
sim:
	swift build -c release --product spread-sim --scratch-path $(SIM)
	SWIFT_BACKTRACE=enable=no $(SIM)/release/spread-sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(FROM))

bugbank: SEEDS := $(if $(filter command line,$(origin SEEDS)),$(SEEDS),500)
bugbank:
	swift build -c release --product spread-sim --scratch-path .build-bugs -Xswiftc -DSPREAD_BUGS
	SWIFT_BACKTRACE=enable=no .build-bugs/release/spread-sim --bugs --seeds $(SEEDS)

sim-speed:
	swift build -c release --product spread-sim --scratch-path $(SIM)
	$(SIM)/release/spread-sim --measure
