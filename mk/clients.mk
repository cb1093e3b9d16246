# Many clients and clients that behave badly, on one real daemon: compat-tests/clients.
#
#   make check-clients             part of make test
#   make check-clients MANY=10000  as many sessions at once (ulimit -n)

MANY ?= 2000

.PHONY: check-clients
check-clients: stage
	timeout -k 5 300 python3 -B compat-tests/clients/run.py --many $(MANY) $(STAGE)
