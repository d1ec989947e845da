# `make demo` and `make test` need Python 3.11 or newer and make; they install everything else into .venv.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

.PHONY: demo test soak lint format bench year clean

demo: $(VENV)/.installed-demo
	@PYTHONPATH=dags KEEP="$(KEEP)" $(BIN)/python -m demo

test: $(VENV)/.installed-test
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

soak: $(VENV)/.installed-test
	@$(BIN)/python -m pytest --hypothesis-profile=soak -o timeout=0 -o faulthandler_timeout=0 tests/library/runtime/test_oracle.py tests/provider/test_oracle.py \
		tests/library/handoff/test_kills.py tests/library/handoff/test_random_damage.py \
		tests/library/handoff/test_faulty_s3.py tests/library/handoff/test_concurrency.py \
		tests/library/cache/test_never_stale.py tests/library/cache/test_safety.py

bench: $(VENV)/.installed-test
	@$(BIN)/python -m benchmarks

year: $(VENV)/.installed-test
	@PYTHONPATH=dags $(BIN)/python -m year

clean:
	rm -rf $(VENV) .demo .bench .year

# One stamp for each extra; the environment follows pyproject.toml and constraints.txt.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing airflow-linepipe[$*] into $(VENV) …"
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[$*]'; \
	else \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check \
			--constraint constraints.txt --editable '.[$*]'; \
	fi
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "airflow-linepipe needs Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 1; fi
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --python $(PYTHON) $(VENV); \
	else \
		$(PYTHON) -m venv $(VENV); \
	fi
