# make up        install what is missing and run everything
# make install   only install
# make test      lint, types, contracts and every test
# make lint      the quick half of it
# make demo      run on a data directory of its own, with a year of made-up incidents
# make screenshots   take the README's images of the demo
# make bench     measure it, beside the same server doing nothing
# make lock      resolve the dependencies anew (UPGRADE=--upgrade for newer ones)

# The first Python that is new enough; or say PYTHON=/path/to/python.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

BIN := .venv/bin
CLI := $(BIN)/em-agent
# Three at a time on two cores: many tests wait for processes and clocks.
PYTEST := $(BIN)/python -m pytest
UV_INSTALL := $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --compile-bytecode --require-hashes
UV_LOCK := $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help install up demo test lint format coverage screenshots bench lock clean

help:
	@sed -n 's/^# //p' Makefile | head -n 8

install: .venv/installed

up: .venv/installed
	@exec $(CLI) up

demo: .venv/installed
	@exec $(CLI) demo

test: lint
	$(PYTEST) -n 3 --dist worksteal

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml deploy/grafana/compose.yaml

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: .venv/installed-test
	$(PYTEST) -n 3 --dist worksteal --cov --cov-report=term

screenshots: .venv/installed-test
	$(BIN)/python -m scripts.screenshots

bench: .venv/installed-test
	$(BIN)/python -m benchmarks

# The tests' set holds the run time's, so that both are one resolution.
lock: .venv/uv
	$(UV_LOCK) pyproject.toml --extra test -o requirements-test.lock
	$(UV_LOCK) pyproject.toml -c requirements-test.lock -o requirements.lock
	$(UV_LOCK) --group install -c requirements-test.lock -o requirements-install.lock

clean:
	rm -rf .venv build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Stamps: what is installed is not installed again, and nothing needs the network then.
.venv/python:
	@test -n "$(PYTHON)" || { \
		echo "EM Agent needs Python 3.11 or newer, and none was found: install one, or say make PYTHON=/path/to/it." >&2; \
		exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "EM Agent needs Python 3.11 or newer, and $(PYTHON) is older or no Python: say make PYTHON=/path/to/it." >&2; \
		exit 1; }
	@"$(PYTHON)" -m venv --clear .venv || { \
		echo "Python could not make .venv: on Debian or Ubuntu install python3-venv." >&2; \
		exit 1; }
	@touch $@

.venv/uv: requirements-install.lock | .venv/python
	@echo "Installing into .venv; this takes a minute the first time."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-install.lock
	@touch $@

.venv/installed: requirements.lock pyproject.toml .venv/uv
	@$(UV_INSTALL) -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@

.venv/installed-test: requirements-test.lock .venv/installed
	@$(UV_INSTALL) -r requirements-test.lock
	@touch $@
