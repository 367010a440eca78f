# PipeWise MCP. `make` alone tells what there is to make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Without bytecode, which some machines turn off, each start of a program compiles it anew: 0.15 s of 0.6.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Written last, so an interrupted set-up is done again.
READY := $(VENV)/ready
# Everything that is generated and committed; called with nothing or with --check.
define generated
$(BIN)/python -m pipewise_crds $(1) crds charts/pipewise-mcp/crd-files
$(BIN)/python -m pipewise_operator.alerting $(1) charts/pipewise-mcp/files
$(BIN)/python -m pipewise_operator.dashboard $(1) charts/pipewise-mcp/files
$(BIN)/python charts/readme.py $(1)
endef
TEST_ARGUMENTS ?=
# Most tests wait for something: two at a time take half as long. `make tests PARALLEL=` runs them one by one.
PARALLEL ?= --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
CHAOS_ARGUMENTS ?=
SEED ?=
BENCH_ARGUMENTS ?=
SCALE_ARGUMENTS ?=
# The part of requirements.lock that an image needs, in the same versions.
define pinned_for_images
uv pip compile $(1) --constraint requirements.lock --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --no-header --quiet --output-file images/$(2)/requirements.lock
endef
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# Options of pytest for `make e2e`, such as --keep-cluster, or --kubeconfig FILE of a kind cluster on this Docker.
E2E_ARGUMENTS ?=

.PHONY: help
help: ## List what there is to make.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(READY) ## Set up .venv with the pinned dependencies and this project (done once).

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: install a newer one, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) (once; a minute or two) …"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

.PHONY: lock
lock: ## Pin all dependencies anew in requirements.lock (needs uv).
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --all-extras --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-strip-extras --quiet --output-file requirements.lock
	$(call pinned_for_images,pyproject.toml --extra operator,operator)
	$(call pinned_for_images,pyproject.toml --extra runtime --extra sandbox,runtime)
	$(call pinned_for_images,images/build/requirements.in,build)

.PHONY: generate
generate: $(READY) ## Write the CRDs, their copies in the chart, its alerts, dashboard and README.
	$(call generated,)

.PHONY: generated-check
generated-check: $(READY) ## Tell which generated files are out of date.
	$(call generated,--check)

.PHONY: format
format: $(READY) ## Format the code and mend what the linter can mend.
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

.PHONY: lint
lint: $(READY) ## Check style, formatting and who may import whom.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: types
types: $(READY) ## Check the types of the packages and of the tests' support code.
	$(BIN)/mypy
	$(BIN)/mypy charts/readme.py charts/pipewise-mcp/files/try.py
	$(BIN)/mypy tests/support tests/bench tests/chaos tests/scale tests/conftest.py

.PHONY: control-plane
control-plane: $(READY) ## Get etcd, kube-apiserver and kubectl ready (built once with Go when nowhere found).
	@$(BIN)/python -m pipewise_cli.controlplane

.PHONY: tests
tests: $(READY) control-plane ## Run the tests only; TEST_ARGUMENTS="-k name" chooses among them.
	$(BIN)/pytest $(PARALLEL) $(TEST_ARGUMENTS)

.PHONY: coverage
coverage: $(READY) control-plane ## Run all tests; tell which lines and branches of the runtime and the agents they leave out.
	$(BIN)/pytest $(PARALLEL) --cov --cov-report=term-missing:skip-covered

.PHONY: test
test: lint types generated-check coverage ## Check everything: style, types, generated files, all tests and what they reach.

.PHONY: check
check: test ## The same as CI.

.PHONY: images
images: ## Build the container images pipewise-operator and pipewise-runtime (needs Docker).
	@for image in operator runtime; do \
	  docker build --quiet --file images/$$image/Dockerfile --tag pipewise-$$image:$(VERSION) \
	    --build-arg PIP_INDEX_URL --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) . > /dev/null; \
	  docker image ls --format '{{.Repository}}:{{.Tag}}  {{.Size}}' pipewise-$$image:$(VERSION); \
	done

.PHONY: e2e
e2e: $(READY) images ## Try what we promise on a kind cluster (needs Docker, kind, kubectl; helm is built if missing).
	$(BIN)/pytest tests/e2e -m e2e $(E2E_ARGUMENTS)

.PHONY: demo
demo: $(READY) control-plane ## Show the whole thing on this machine: API server, operator, runtime, sandbox, agents; DEMO_ARGUMENTS=--prometheus watches the alerts.
	@$(BIN)/pipewise demo $(DEMO_ARGUMENTS)

.PHONY: chaos
chaos: $(READY) control-plane ## Break everything while 24 users call, and check the ledger (minutes); SEED=7 for one history.
	@PYTHONPATH=tests $(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) $(CHAOS_ARGUMENTS)

.PHONY: bench
bench: $(READY) ## Measure the runtime beside its peers (minutes; wants a quiet machine); BENCH_ARGUMENTS="--quick".
	@PYTHONPATH=tests $(BIN)/python -m bench $(BENCH_ARGUMENTS)

.PHONY: scale
scale: $(READY) control-plane ## Measure what thousands of bindings cost the operator (minutes); SCALE_ARGUMENTS="--burst 100 --all 200".
	@PYTHONPATH=tests $(BIN)/python -m scale $(SCALE_ARGUMENTS)

.PHONY: clean
clean: ## Remove .venv and what tools left behind; the cache of built programs stays.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
