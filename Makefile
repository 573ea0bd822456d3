# Commands of the project. Each works from a fresh clone: every target makes the environment first.
SHELL := /bin/bash
PORT ?= 8000
SANDBOX_PORT ?= 8400
PYTHON := .venv/bin/python
STAMP := .venv/.installed
UV := .venv/bin/uv pip
# Three at once on two cores: a third of the tests wait now and then, for a worker, a browser or a clock.
PYTEST := $(PYTHON) -m pytest -q -n 3 --dist worksteal
TEMPLATES = $$(find templates -name '*.html')
# Tools read the settings but use none of them, and no database.
TOOL := SECRET_KEY=tool DEMO=1 GRAPH_BASE_URL=http://127.0.0.1 DATABASE_URL=sqlite://:memory:

# Every command and every process of the tests starts Python: nothing is compiled twice.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test thorough bench screenshots check lint types messages format lock
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): requirements/dev.txt requirements/lock.txt
	@set -e; found=; for name in python3.13 python3 python3.14 python3.12; do \
	  if command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then found=$$name; break; fi; done; \
	if [ -z "$$found" ]; then echo "Python 3.12 or later is needed and was not found." >&2; exit 1; fi; \
	[ -x $(PYTHON) ] || $$found -m venv .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@$(UV) sync --quiet --compile-bytecode --python $(PYTHON) --require-hashes requirements/dev.txt requirements/lock.txt
	@$(TOOL) $(PYTHON) manage.py compile_messages
	@touch $@

demo: install
	@DEMO=1 GRAPH_BASE_URL=$${GRAPH_BASE_URL:-http://127.0.0.1:$(SANDBOX_PORT)/graph/v1.0} $(PYTHON) manage.py demo --port $(PORT) --sandbox-port $(SANDBOX_PORT) $(if $(filter 1,$(RESET)),--reset)

# Everything on SQLite, then what turns on the database once more on PostgreSQL.
test: install
	$(PYTEST)
	$(PYTEST) --database postgres tests/integration tests/durability

# What `make test` leaves out: the rest on PostgreSQL; every width, language and scheme; what takes long.
thorough: install
	$(PYTEST) --thorough -m thorough
	$(PYTEST) --thorough -m one_database --database postgres tests/integration tests/durability

# Up to 100,000 users on both databases, into docs/benchmarks.md; fails when a budget is missed. QUICK=1 takes a minute, leaves saving out and prints.
bench: install
	$(PYTHON) -m tests.bench $(if $(filter 1,$(QUICK)),--quick,--output docs/benchmarks.md)

# The README's pictures, taken from a fresh demo; needs Chromium.
screenshots: install
	$(PYTHON) -m tests.screenshots

# `make -k check` goes on after the first complaint.
check: lint types messages test

lint: install
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/djade --check --target-version 6.1 $(TEMPLATES)

types: install
	$(TOOL) .venv/bin/mypy

messages: install
	$(TOOL) $(PYTHON) manage.py extract_messages --check
	$(TOOL) $(PYTHON) manage.py makemigrations --check --dry-run

format: install
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	-.venv/bin/djade --target-version 6.1 $(TEMPLATES)
	$(TOOL) $(PYTHON) manage.py extract_messages

# New versions of everything, with hashes; no download addresses are written.
lock: install
	$(UV) compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements/run.txt --upgrade
	$(UV) compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml --group dev -o requirements/dev.txt --upgrade
	$(UV) compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-annotate --no-header --group lock -o requirements/lock.txt --upgrade
