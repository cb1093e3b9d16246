# Speed, CPU and memory as a table (Benchmarks/bench.py --help). No test: numbers of a shared machine prove nothing.
#
#   make bench                   this tree alone
#   make bench STOCK=/usr/local  beside another installed Spread, run by run in turn
#   make bench RING=3            three daemons on this machine instead of one
#   make bench WIDE=1            three sites of two daemons, 20 ms apart, with loss (root; Benchmarks/wide.py --help)
#   BENCH="--rounds 5 --only '1 to 10'" passes options on

STOCK ?=
RING ?= 1
WIDE ?=
BENCH ?=

.PHONY: bench
bench: stage
	python3 Benchmarks/$(if $(WIDE),wide.py,bench.py) $(if $(STOCK),--stock $(STOCK)) \
	  $(if $(WIDE),,--ring $(RING)) $(BENCH) $(STAGE)
