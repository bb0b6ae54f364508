# People and CI use the same targets. `make` alone lists them.
VENV   := .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
MUTATION := .venv-mutation
QUIX   := .venv-quix
PYTEST := $(BIN)/python -m pytest
# A worker a CPU, but for the 10^5 events, which share themselves out. Tests on real peers go by file, each worker
# with peers of its own; they wait a good deal, so there is a worker more than there are CPUs.
EVERY_CPU := -n auto --dist worksteal
BY_FILE := -n $(shell expr $$(nproc) + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup system demo up test check fmt unit contract simulation simulate integration e2e real bench timers soak fanout chaos mutate schemas lock clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*?## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*?## "} {printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## Make the virtual environment from the lock file

$(READY): requirements.lock pyproject.toml
	$(PYTHON) deploy/check_python.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

system: ## Install the system packages that tests and a real Kafka need (Debian, as root)
	deploy/install_system_packages.sh

demo: $(READY) ## Send a real week through the running system and check every decision
	$(BIN)/tetik demo $(ARGS)

up: $(READY) ## Start everything on this machine; Ctrl-C stops it
	$(BIN)/tetik up $(ARGS)

test: system check unit contract simulation real ## Everything that must pass

check: $(READY) ## Style, types, layers, derived files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas.export --check

fmt: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: $(READY) ## Tests that need nothing but Python
	$(PYTEST) $(EVERY_CPU) tests/unit tests/property tests/model tests/tidy tests/chaos/test_verifier.py

contract: $(READY) ## Contracts, settings files, compose file
	$(PYTEST) $(EVERY_CPU) tests/contract

simulation: $(READY) ## The simulator: 10^5 events, planted bugs, the same run from the same seed
	$(PYTEST) tests/simulation/test_simulation.py
	$(PYTEST) $(EVERY_CPU) tests/simulation --ignore tests/simulation/test_simulation.py

simulate: $(READY) ## A long run of the simulator: make simulate N=1000000 [SEED=7]
	$(BIN)/python -m tests.simulation --events $(or $(N),100000) --seed $(or $(SEED),0)

integration: $(READY) ## Tests on a real Kafka, Redis, SMTP server and browser
	$(PYTEST) $(BY_FILE) tests/integration tests/adapters

e2e: $(READY) ## The demo, short, end to end
	$(PYTEST) tests/e2e

real: $(READY) ## integration, e2e and some chaos side by side: the demo's week takes as long as many small tests
	$(PYTEST) $(BY_FILE) tests/e2e tests/chaos/test_chaos.py tests/integration tests/adapters

bench: $(READY) $(QUIX)/.ready ## Tetik beside Faust, Quix Streams, Kafka Streams, Flink and a C++ floor
	$(BIN)/python -m benchmarks $(ARGS)

# Quix wants older versions of confluent-kafka and pydantic: an environment of its own.
$(QUIX)/.ready: benchmarks/quix/requirements.lock
	$(PYTHON) -m venv $(QUIX)
	$(QUIX)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/quix/requirements.lock
	@touch $@

timers: $(READY) ## A million pending wake-ups: on time under load, a burst, an hour's backlog
	$(BIN)/python -m benchmarks.timers $(ARGS)

soak: $(READY) ## Half load for half an hour: is the memory flat? make soak [MINUTES=5]
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),30) $(ARGS)

fanout: $(READY) ## Product notices to N customers, the engine killed three times: make fanout N=200000
	$(BIN)/python -m tests.fan_out --customers $(or $(N),200000)

chaos: $(READY) ## Kills in named phases, zombies, a broker that goes away: make chaos ARGS="--kills 200 --seed 1"
	$(BIN)/python -m tests.chaos $(ARGS)

mutate: $(MUTATION)/.ready ## Break the engine on purpose and see whether a test notices (long)
	$(MUTATION)/bin/python -m tests.mutation $(ARGS)

# mutmut and Faust want different versions of click: an environment of its own.
$(MUTATION)/.ready: requirements.lock tests/mutation/requirements.lock
	$(PYTHON) -m venv $(MUTATION)
	$(MUTATION)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(MUTATION)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/mutation/requirements.lock
	@touch $@

schemas: $(READY) ## Regenerate JSON Schemas, AsyncAPI document and tables
	$(BIN)/python -m schemas.export

lock: $(READY) ## Renew requirements.lock (hashes, no host names)
	$(BIN)/pip-compile --quiet --allow-unsafe --extra dev --generate-hashes --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml

clean: ## Remove what was built; keeps .tetik/
	rm -rf $(VENV) $(MUTATION) $(QUIX) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
