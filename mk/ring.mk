# Rings of real daemons: compat-tests/ring.
#
#   make check-ring              a short run, part of make test
#   make chaos MIN=10 SEED=1     long runs, seed after seed; DAEMONS=5, RING_ARGS= more arguments of run.py
#   make soak MIN=60             one ring for a long time: what grows, and whether anything happens without a cause
#   make compat STOCK=/prefix    also rings with daemons of a stock 5.0.1 installation; RING_SECONDS= for each pattern;
#                                STOCK44= rings on the wire of a 4.4.0 installation (PREFIX/sbin/spread)

SEED ?= 1
DAEMONS ?= 3
RING_SECONDS ?= 20
RING_ARGS ?=
RING_CHECK := .build-tools/release/spread-check
RING_RUN = compat-tests/ring/run.py $(STAGE) --check $(RING_CHECK)
RING_FLUSH = timeout -k 5 120 compat-tests/ring/flush.py $(STAGE) --check $(RING_CHECK)
RING_MIXED = --seconds $(RING_SECONDS) --seed $(SEED) $(RING_ARGS)
RING_PATTERNS := OSS SOS OOS SOO OOSS SSOO

.PHONY: check-ring ring-check soak chaos compat-ring

ring-check:
	$(SWIFT) build -c release --product spread-check --static-swift-stdlib --disable-local-rpath \
	  --scratch-path .build-tools

check-ring: stage ring-check
	$(RING_RUN) --daemons 3 --seconds 7 --seed $(SEED)
	$(RING_RUN) --daemons 4 --segments 2 --seconds 4 --seed $(SEED) --options 'AcceleratedRing = true'
	$(RING_RUN) --daemons 3 --family link-local --seconds 3 --seed $(SEED)
	timeout -k 5 120 compat-tests/ring/hostile.py $(STAGE)/sbin/spread
	$(RING_FLUSH) --cuts 1 --seconds 1

soak: stage ring-check
	compat-tests/ring/soak.py $(STAGE) --check $(RING_CHECK) --minutes $(MIN) --daemons $(DAEMONS) --seed $(SEED)

chaos: stage ring-check
	compat-tests/ring/chaos.sh $(MIN) $(SEED) $(RING_RUN) --daemons $(DAEMONS) $(RING_ARGS)

compat: compat-ring
compat-ring: stage ring-check
	@if [ -z '$(STOCK)' ]; then \
	  echo; echo '*** NOT TESTED: rings with stock daemons. Name a stock 5.0.1 installation: make compat STOCK=/prefix'; echo; \
	else for pattern in $(RING_PATTERNS); do \
	  $(RING_RUN) --stock $(STOCK) --pattern $$pattern $(RING_MIXED) || exit 1; \
	done; \
	$(RING_RUN) --stock $(STOCK) --pattern SOO --options 'AcceleratedRing = true' $(RING_MIXED) && \
	$(RING_RUN) --stock $(STOCK) --pattern SOOS --segments 2 $(RING_MIXED) && \
	$(RING_RUN) --stock $(STOCK) --pattern OSO --family ipv6 $(RING_MIXED) && \
	$(RING_FLUSH) --stock $(STOCK) --pattern OS && \
	$(RING_FLUSH) --stock $(STOCK) --pattern SO --other-library $(STOCK)/lib --cuts 0; fi
	@if [ -n '$(STOCK44)' ]; then for pattern in OSO SO; do \
	  $(RING_RUN) --stock $(STOCK44) --wire44 --pattern $$pattern $(RING_MIXED) || exit 1; \
	done; fi
