# Everything a bare Debian needs is made here: Python 3.11 with pip, make and git are enough. `make help` lists the targets.

# A machine that keeps no compiled modules would compile them at every process that the tests start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
SETUP := $(PYTHON) -m deployments.setup
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" .bootstrap/bin/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help run test check faults pages bench lock clean pages-or-plain test-machine

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile

run: .venv/.installed pages-or-plain ## start Relais on this machine
	@exec $(BIN)/relais up

test: test-machine ## the whole suite, on SQLite and on PostgreSQL
	@$(BIN)/python -m pytest -n 3 --dist worksteal

check: .venv/.installed-dev ## style, types, architecture, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.machines $(BIN)/relais check-migrations

faults: test-machine ## kill Relais at every point where it may die, try many orders of acts, take its guards away
	@$(BIN)/python -m pytest tests/faults tests/stateful --all-points
	@$(BIN)/python -m tests.machines $(BIN)/python -m tests.faults.mutations

pages: test-machine ## look at every page in a real browser, in every size, by keyboard and on paper
	@$(BIN)/python -m pytest tests/browser --all-pages

bench: test-machine ## measure; nothing is asserted about another machine's speed
	@$(SETUP).install requirements-bench.txt || echo "DBOS could not be installed: its reference will be missing."
	@$(BIN)/python -m tests.machines $(BIN)/python -m tests.benchmarks $(BENCH)
	@test -n "$(BENCH)" || $(BIN)/python -m tests.machines $(BIN)/python -m tests.benchmarks.pages --folder .benchmarks
	@test -n "$(BENCH)" || $(BIN)/python -m tests.machines $(BIN)/python -m tests.benchmarks.crowd --folder .benchmarks

lock: .venv/.installed-dev ## resolve the dependencies again (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) pyproject.toml --group build -o requirements.txt
	$(COMPILE) pyproject.toml --group build --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group pyproject.toml:bench -c requirements-dev.txt -o requirements-bench.txt
	$(COMPILE) --group pyproject.toml:installer -o deployments/setup/uv.txt
	$(COMPILE) --group pyproject.toml:node -o deployments/setup/node.txt
	@$(SETUP).frontend lock

clean: ## remove all that make has made; the data stays
	rm -rf .venv .bootstrap .chromium .benchmarks node_modules services/web/static/vendor
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/.installed: requirements.txt pyproject.toml deployments/setup/uv.txt
	@$(SETUP).install requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt pyproject.toml deployments/setup/uv.txt
	@$(SETUP).install requirements-dev.txt
	@touch .venv/.installed $@

pages-or-plain:
	@$(SETUP).frontend pages || echo "The pages will use this machine's own fonts and reload whole; all else works."

test-machine: .venv/.installed-dev pages-or-plain
	@$(SETUP).frontend browser || echo "No Chromium can be had here: nothing will be looked at in a browser."
