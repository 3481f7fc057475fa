# What can be made. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help test check fuzz fuzz-minute integration suites demo screenshots bench storm crosstalk sequences insight fmt clean release \
	need-test need-bench need-demo need-fuzz need-insight need-suites

VENV := target/venv
SUITES := target/suites
PYTHON := PYTHONPATH=integration $(VENV)/bin/python
NODE := integration/node/node_modules/.installed
SERVERS := integration/servers/node_modules/.installed
CARGO_LOCKED := --locked
say = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

test: need-test check fuzz-minute integration ## everything: formatting, warnings, Rust tests, a minute of fuzzing, then the drivers against a real Postgres

check: ## the Rust part alone: formatting, warnings, tests
	$(call say,formatting)
	cargo fmt --check
	$(call say,warnings)
	cargo clippy $(CARGO_LOCKED) --all-targets -- -D warnings
	$(call say,Rust tests)
	cargo test $(CARGO_LOCKED)

fuzz: need-fuzz ## the parsers and the dialogue under libFuzzer, SECONDS_EACH=60 each
	$(call say,fuzzing)
	integration/fuzz $(or $(SECONDS_EACH),60)

fuzz-minute: need-fuzz
	$(call say,a minute of fuzzing)
	PGWEIR_SEED=1 integration/fuzz 12

integration: release $(VENV)/.installed $(NODE) $(SERVERS) ## the drivers and tools alone; PYTEST="-k cancel" picks some
	$(call say,drivers and tools against a real Postgres)
	$(PYTHON) -m pytest integration $(PYTEST)

suites: need-suites release $(SUITES)/.installed ## the drivers' own test suites, against Postgres and through pgweir; ONLY=asyncpg,django
	$(call say,the test suites of drivers: directly and through pgweir)
	PYTHONPATH=integration $(SUITES)/venv/bin/python -m suites $(if $(ONLY),--only $(ONLY))

demo: need-demo release $(VENV)/.installed ## a sick shop with 1,000 users and what pgweir says of it, until Ctrl-C; FIXED=1: the cured one
	$(PYTHON) -m demo

screenshots: need-test release $(VENV)/.installed ## README's pictures of the dashboard, from the demo
	mkdir -p target/shots
	PGWEIR_SHOTS=$(CURDIR)/target/shots $(PYTHON) -m pytest integration/tests/test_demo.py -k each_disease
	cp target/shots/overview.png target/shots/findings.png docs/

bench: need-bench release $(VENV)/.installed ## pgweir and PgBouncer in turns; ONLY=simple50,large ROUNDS=3 SECONDS_EACH=6 CANDIDATE=path
	$(call say,bench: pgweir and PgBouncer in turns)
	$(PYTHON) -m bench $(BENCH)

storm: need-bench release $(VENV)/.installed ## 1,000 clients that come at once with SCRAM, work for a minute and leave
	$(call say,storm: 1$(comma)000 clients at once)
	$(PYTHON) -m storm

crosstalk: ## hundreds of clients over a few servers, ten million statements; PGWEIR_STATEMENTS=… PGWEIR_SEED=…
	$(call say,crosstalk: 300 clients over 8 servers)
	PGWEIR_STATEMENTS=$${PGWEIR_STATEMENTS:-10000000} cargo test $(CARGO_LOCKED) --test crosstalk -- --nocapture

sequences: need-demo release $(VENV)/.installed ## sessions by chance, the same to Postgres and through pgweir; SEED=1 COUNT=1000 STEPS=40
	$(call say,sequences: sessions by chance)
	$(PYTHON) -m sequences $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(if $(STEPS),--steps $(STEPS))

insight: need-insight release $(VENV)/.installed $(NODE) ## the corpus: what is found of its N+1s; ONLY=asyncpg,drizzle VISIBLE=1 CLEAN=100000
	$(call say,insight: programs of the corpus)
	cargo build $(CARGO_LOCKED) --example insight --example clean
	$(PYTHON) -m insight $(INSIGHT)

fmt: ## formats the Rust code
	cargo fmt

clean: ## removes everything that was built or installed here
	cargo clean
	rm -rf integration/node/node_modules integration/servers/node_modules
	find integration -name __pycache__ -prune -exec rm -rf {} +

comma := ,

release:
	$(call say,release build)
	cargo build $(CARGO_LOCKED) --release

need-test:
	$(call say,programs that the tests need)
	integration/install postgresql pgbouncer openssl python3-venv node cc jdbc activerecord chromium prometheus

need-suites:
	$(call say,programs that the suites need)
	integration/install postgresql python3-venv pg_config cc

need-bench:
	$(call say,programs that the benchmarks need)
	integration/install postgresql pgbouncer openssl python3-venv cc

need-fuzz:
	$(call say,programs that the fuzzers need)
	integration/install c++

need-insight:
	$(call say,programs that the corpus needs)
	integration/install postgresql python3-venv node cc

need-demo:
	$(call say,programs that the demo needs)
	integration/install postgresql python3-venv cc

$(VENV)/.installed: integration/requirements.txt
	$(call say,Python packages)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement $<
	touch $@

$(SUITES)/.installed: integration/requirements.txt integration/suites/requirements.txt
	$(call say,Python packages of the suites)
	python3 -m venv $(SUITES)/venv
	$(SUITES)/venv/bin/pip install --quiet $(addprefix --requirement ,$^)
	touch $@

$(NODE): integration/node/package-lock.json
	$(call say,npm packages)
	cd integration/node && npm ci --no-audit --no-fund
	touch $@

$(SERVERS): integration/servers/package-lock.json
	$(call say,other versions of Postgres)
	cd integration/servers && npm ci --no-audit --no-fund --ignore-scripts
	touch $@
