# bakeoff: `make demo` and `make test` need nothing but Python 3.11+, make and gcc.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `make setup CUDA=12` is for GPUs and drivers that the torch of requirements.lock is too new for: V100, and
# drivers below 580. Every later `make` keeps to it, until `make setup CUDA=`. (A variable of this name in
# the environment is a cluster's module's, and says nothing.)
ifneq ($(origin CUDA),command line)
CUDA := $(patsubst $(VENV)/.installed-cuda%,%,$(wildcard $(VENV)/.installed-cuda*))
endif
LOCK := requirements$(CUDA:%=-cuda%).lock
ifeq ($(wildcard $(LOCK)),)
$(error CUDA=$(CUDA): there is no $(LOCK), but $(wildcard requirements*.lock))
endif
INSTALLED := $(VENV)/.installed$(CUDA:%=-cuda%)
# What another lock installed; its packages lie in the same folders.
BEFORE := $(filter-out $(INSTALLED),$(wildcard $(VENV)/.installed*))
# The executor is a distribution of its own.
EXECUTOR := src/snakemake-executor-plugin-submitit
CONFIG ?= config/demo.yaml
PORT ?= 5000
# More options of `bakeoff server` and `make conformance`.
ARGS ?=
# What `make bench` runs; benchmarks/gpu.py and `make gpu` need a GPU.
BENCHMARKS := epochs input packing checkpoints packed_runs prompt_tuning startup scaling
# Test processes, for two cores: the cluster's tests wait more than they work.
WORKERS ?= 4

# Snakemake runs the stages as `bakeoff ...`, so the environment's programs come first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo test pytest quick format lint types ui server \
    bench cluster-up cluster-demo cluster-down chaos hidden-jobs conformance gpu dist map schema lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(INSTALLED) ## Make the environment and link the profiles (CUDA=12: for V100 and older drivers)
	@profiles/link
	@# Once a line here set SNAKEMAKE_PROFILE, for everybody's workflows; profiles/default does better.
	@sed -i.old '/^export SNAKEMAKE_PROFILE=/d' $(BIN)/activate && rm -f $(BIN)/activate.old
	@echo "Now: source $(BIN)/activate && snakemake"

# Installs again only when the pins or the metadata of one of the two distributions changed.
$(INSTALLED): $(LOCK) pyproject.toml $(EXECUTOR)/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "bakeoff needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	    echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(if $(BEFORE),grep -vxFf $(LOCK) $(BEFORE:$(VENV)/.installed%=requirements%.lock) | sed 's/[=; ].*//' | \
	    xargs $(BIN)/python -m pip uninstall --quiet --yes --disable-pip-version-check)
	@rm -f $(BEFORE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --no-build-isolation --editable $(EXECUTOR) --editable .
	@touch $@

demo: $(INSTALLED) ## Run the demo from synthetic X-rays to the report
	BAKEOFF_COMMAND="make demo" snakemake --profile profiles/local --configfile config/demo.yaml

test: $(INSTALLED) ## Check style, then types beside every test
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory -j2 types pytest

pytest: $(INSTALLED)
	python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(SELECT)

quick: SELECT = -m "not slow and not cluster"
quick: WORKERS = 3
quick: $(INSTALLED) pytest ## The tests that need neither a cluster nor much time

format: $(INSTALLED) ## Format Python and Snakemake files
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow

lint: $(INSTALLED) ## Check style, and that no room imports from one above it
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow
	lint-imports
	snakemake --lint

types: $(INSTALLED) ## Check types
	mypy

ui: $(INSTALLED) ## Serve the MLflow UI on 127.0.0.1
	bakeoff ui --config $(CONFIG) --port $(PORT)

server: $(INSTALLED) ## Serve MLflow to a group (ARGS="--auth ...": see bakeoff server --help)
	bakeoff server --port $(PORT) $(ARGS)

cluster-up: $(INSTALLED) ## Bring up a real SLURM of four nodes on this machine (root, apt)
	python -m tests.cluster up

cluster-demo: cluster-up ## Run the demo on it, and say where every run was trained
	BAKEOFF_COMMAND="make cluster-demo" SLURM_CONF=$(CURDIR)/.cluster/slurm.conf snakemake \
	    --profile profiles/slurm --configfile config/demo.yaml --config experiment=demo-slurm
	@grep -o '"slurm_node": "[^"]*"' results/demo-slurm/runs/*/*/run.json
	@echo "The cluster still runs: make cluster-down"

cluster-down: $(INSTALLED) ## End that SLURM
	python -m tests.cluster down

chaos: $(INSTALLED) ## A bake-off under many preemptions, failures and kills
	python -m tests.workflow.chaos --table benchmarks/chaos.md
	python -m tests.executor.chaos

hidden-jobs: $(INSTALLED) ## Jobs that SLURM's commands hide for ten minutes: none runs twice
	python -m tests.executor.hidden_jobs --table benchmarks/hidden_jobs.md

conformance: $(INSTALLED) ## Snakemake's own test suite through our executor (hours; goes on where it was)
	python -m tests.conformance --table benchmarks/conformance.md $(ARGS)

# Without the environment: a GPU's node may have its own torch and no network. What that lacks, such as pydantic,
# is found on PYTHONPATH, where wheels were unpacked: `make gpu PYTHON=python3.12 PYTHONPATH=wheels`.
gpu: ## What needs a GPU, as one table (PYTHON=... with torch; ARGS="--device cpu" tries the checks)
	PYTHONPATH=src:$(EXECUTOR):$(PYTHONPATH) $(PYTHON) -m tests.gpu $(ARGS)

# Ratios on this machine, each a table beside its script; nothing else should run meanwhile.
bench: $(INSTALLED) ## Measure what training, packing, starting and growing take (two hours; ONLY="epochs input" for some)
	@for one in $(or $(ONLY),$(BENCHMARKS)); do python -m benchmarks.$$one || exit 1; done

dist: $(INSTALLED) ## Build both distributions, check them, and try each in a fresh environment
	rm -rf dist
	python -m tests.distributions dist

map: $(INSTALLED) ## Draw the map in CONTRIBUTING.md again
	python -m tests.map

schema: $(INSTALLED) ## Write the schema again by which editors check the configurations
	bakeoff schema > config/schema.json.new
	mv config/schema.json.new config/schema.json

COMPILE = uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-header \
    --no-annotate --no-emit-index-url --no-emit-package $(notdir $(EXECUTOR))

lock: $(INSTALLED) ## Pin every version again, for every Python and platform
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --upgrade --output-file requirements.lock
	@# The same, but for the last torch that was published for CUDA 12, which has kernels for V100.
	grep -v '^torch' requirements.lock > requirements-cuda12.lock
	echo 'torch==2.10.*' | $(COMPILE) --constraints - --output-file requirements-cuda12.lock
	sed '/^  - pip:$$/q' environment.yml > environment.yml.new
	sed 's/^/      - /' requirements.lock >> environment.yml.new
	mv environment.yml.new environment.yml

clean: ## Remove the environment and caches; results, data and runs stay
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
