# Speed, CPU and memory as a table (Benchmarks/bench.py --help). No test: numbers of a shared machine prove nothing.
#
#   make bench                   this tree alone
#   make bench STOCK=/usr/local  beside another installed Spread, run by run in turn
#   make bench RING=3            three daemons on this machine instead of one
#   BENCH="--rounds 3 --only fan" passes options on

STOCK ?=
RING ?= 1
BENCH ?=

.PHONY: bench
bench: stage
	python3 Benchmarks/bench.py $(if $(STOCK),--stock $(STOCK)) --ring $(RING) $(BENCH) $(STAGE)
