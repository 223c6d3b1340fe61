# `make up` starts Sluice, `make test` proves it; both need Python 3.11 or newer and nothing else.
# Pass options on with ARGS: make up ARGS="--port 9000", make test ARGS="-k pricing".

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input
BENCHES := price stages ingest visible query
ARGS :=

.PHONY: up test lint types imports check bench bench-attacks bench-cluster clean

up: $(VENV)/installed
	@exec $(VENV)/bin/sluice up $(ARGS)

test: $(VENV)/installed-dev
	$(PYTHON) -m pytest $(ARGS)

lint: $(VENV)/installed-dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(VENV)/installed-dev
	$(PYTHON) -m mypy

imports: $(VENV)/installed-dev
	$(VENV)/bin/lint-imports

check: lint types imports

bench: $(VENV)/installed-dev
	@set -e; for name in $(BENCHES); do $(PYTHON) -m benchmarks.bench_$$name; done

bench-attacks: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.bench_attacks $(ARGS)

bench-cluster: $(VENV)/installed-dev
	$(PYTHON) -m benchmarks.bench_cluster $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(PIP) install -q -c constraints.txt --group dev
	@touch $@

$(VENV)/installed: $(PYTHON) pyproject.toml constraints.txt
	@echo "Installing Sluice into $(VENV) (once, about a minute) ..."
	@$(PIP) install -q --upgrade pip
	@$(PIP) install -q -c constraints.txt -e .
	@touch $@

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
