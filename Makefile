# `make up` starts Sluice, `make test` proves it; both need Python 3.11 or newer and nothing else.
# Pass options on with ARGS: make up ARGS="--port 9000", make test ARGS="-k pricing".
# `make test-all` runs every test there is, in three groups of which each test is in one (docs/contributing.md).

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input
# Nothing but what a lock file names, by its hash: all of it, but for requirements/left-out.txt. What has no wheel here
# is built with requirements/build.txt.
LOCKED := install -q --require-hashes --no-deps --no-build-isolation
# Links, so that what git pull brings is what runs.
EDITABLE = $(PIP) install -q --no-deps --no-build-isolation --force-reinstall -e .
BENCHES := price stages ingest visible query
ARGS :=
# How many tests run at a time where they do not disturb each other. A file's tests stay together and in order.
# More than cores: tests wait for servers a sixth of the time. Each takes up to 2 GB: WORKERS=2 where memory is short.
WORKERS := 3
BESIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
ROUNDS := 60
SEED :=
# Tests start hundreds of processes: where nobody may keep what is compiled, each compiles all of Sluice anew, a third
# of its start.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: up test test-slow test-alone test-all storm lint types imports check gate lock bench screenshots compare compare-versions bench-attacks bench-cluster clean

up: $(VENV)/installed
	@$(PYTHON) -P -c 'import os, sluice, sys; folder = os.path.dirname(sluice.__file__); \
	  sys.exit(os.path.realpath(folder) != os.path.realpath("sluice"))' \
	  || { echo "Installing links to this folder in place of a copy of it ..." && $(EDITABLE); }
	@exec $(VENV)/bin/sluice up $(ARGS)

# `exec`, so that what ends make ends the tests, and not a shell between them.
test: $(VENV)/installed-dev
	exec $(PYTHON) -m pytest $(BESIDE) -m "not slow and not alone" $(ARGS)

test-slow: $(VENV)/installed-dev
	exec $(PYTHON) -m pytest $(BESIDE) -m "slow and not alone" $(ARGS)

test-alone: $(VENV)/installed-dev
	exec $(PYTHON) -m pytest -m "alone" $(ARGS)

test-all: test test-slow test-alone

# Kills and faults at random for as long as ROUNDS says. SEED=... repeats what another run has printed.
storm: $(VENV)/installed-dev
	@seed=$(SEED); test -n "$$seed" || seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); \
	echo "again: make storm SEED=$$seed ROUNDS=$(ROUNDS)"; \
	E2E_SEED=$$seed E2E_ROUNDS=$(ROUNDS) $(PYTHON) -m pytest tests/e2e/test_chaos.py tests/e2e/test_kill.py $(ARGS)

lint: $(VENV)/installed-dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(VENV)/installed-dev
	$(PYTHON) -m mypy

imports: $(VENV)/installed-dev
	$(VENV)/bin/lint-imports

check: lint types imports

# Fails where an event takes a quarter more processor time than benchmarks/gate.json says.
gate: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.gate $(ARGS)

bench: $(VENV)/installed-dev
	@set -e; for name in $(BENCHES); do $(PYTHON) -m benchmarks.bench_$$name; done

# The README's pictures, from `sluice demo`, in Chromium; they go to docs/pictures.
screenshots: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.screenshots $(ARGS)

# Sluice and servers that do a part of its work, from PyPI; table and chart go to docs. Six to eight minutes, and
# what installing takes: ARGS="--environment FOLDER" keeps it.
compare: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.compare --to docs $(ARGS)

# Another version against this working tree, by turns: make compare-versions VERSION=v1.2
compare-versions: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.compare_versions $(VERSION) $(ARGS)

bench-attacks: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.bench_attacks $(ARGS)

bench-cluster: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.bench_cluster $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/installed-dev: $(VENV)/installed requirements/dev.txt
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(PIP) $(LOCKED) -r requirements/dev.txt
	@touch $@

$(VENV)/installed: $(PYTHON) pyproject.toml requirements/build.txt requirements/run.txt
	@echo "Installing Sluice into $(VENV) (once, about a minute) ..."
	@$(PIP) $(LOCKED) -r requirements/build.txt
	@$(PIP) $(LOCKED) -r requirements/run.txt
	@$(EDITABLE)
	@touch $@

# Adds what pyproject.toml asks for and the lock files lack. ARGS="--upgrade" renews everything,
# ARGS="--upgrade-package NAME" one package.
lock: $(PYTHON)
	@test -x $(VENV)/lock/bin/uv || $(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@PATH=$(VENV)/lock/bin:$$PATH requirements/lock.sh $(ARGS)

$(PYTHON):
	@for python in python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    $$python -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "Sluice needs Python's venv module. On Debian and Ubuntu: sudo apt install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "Sluice needs Python 3.11 or newer as python3. Debian, Ubuntu: sudo apt install python3 python3-venv." >&2; \
	echo "macOS: brew install python" >&2; \
	exit 1
