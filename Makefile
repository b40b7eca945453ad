# Every target sets up what it needs on first use.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP_ARGS ?=

.PHONY: setup run test coverage test-long lint fidelity clean-results lock

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed ($$($(PYTHON) --version) found); set PYTHON=..." >&2; exit 1; }
	@for tool in g++ make perl; do command -v $$tool >/dev/null || { echo "error: $$tool not found; install the package '$$tool' (Debian, Ubuntu: apt install $$tool; Fedora: dnf install $${tool/g++/gcc-c++})" >&2; exit 1; }; done
	$(PYTHON) -m venv $(VENV) || { echo "error: could not create $(VENV); Debian and Ubuntu need the package 'python3-venv'" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps --no-build-isolation -e .
	@touch $@

run: setup
	$(BIN)/dosa-hil run default

test: setup
	$(BIN)/python -m pytest -m "not long" -n 2 --dist loadgroup

# The same tests with coverage: takes more than twice as long.
coverage: setup
	$(BIN)/python -m pytest -m "not long" -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

test-long: setup
	$(BIN)/python -m pytest

test-mutants: setup
	$(BIN)/python -m tests.mutants

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/deptry tests --exclude '\.venv' --ignore DEP002,DEP004
	$(BIN)/python -m rtl.lint
	$(BIN)/snakefmt --check --compact-diff Snakefile pipeline/rules

fidelity: setup
	$(BIN)/python -m benches.fidelity

bench-%: setup
	$(BIN)/python -m benches.$*

clean-results:
	rm -rf results .snakemake

# Rewrites the lock file from a fresh environment: exact versions, no URLs, no local packages.
lock:
	rm -rf .lock-venv && $(PYTHON) -m venv .lock-venv
	.lock-venv/bin/pip install --quiet $(PIP_ARGS) "torch==2.13.0" -e ".[dev,slurm]"
	.lock-venv/bin/pip freeze --exclude-editable --exclude dosa-hil | sed -E 's/\+cpu$$//; /^nvidia-|^triton==/d' > requirements.lock
	rm -rf .lock-venv
