# Watchkeeper's commands. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test test-fast check format install migrate new-key rekey db demo apply export
.PHONY: bench bench-jobs bench-kpis clean clean-data

# PYTHON=python3.13 takes another one, in an environment of its own (.venv-3.13).
# A name on PATH may be a shim of a Python that is not there, so each is tried.
FITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
NAMES = python3.11 python3.12 python3.13 python3
PYTHON ?= $(shell for name in $(NAMES); do $$name $(FITS) && echo $$name && break; done)
NAMED = $(if $(filter file,$(origin PYTHON)),,--named)

# Sets $python to that of an environment with the requirements for `run` or `test`.
define with
	@"$(PYTHON)" $(FITS) || { echo "Watchkeeper needs Python 3.11, 3.12 or 3.13, and $(or \
	$(PYTHON),$(NAMES)) is none that runs here: name one with PYTHON=" >&2; exit 1; }; \
	python=$$("$(PYTHON)" devhost/environment.py $(1) $(NAMED)) || exit 1;
endef
# Sets STORE_URL: the user's, else that of the embedded PostgreSQL that runs.
# Three processes, each with a PostgreSQL of its own, since some tests only wait; a file's tests stay
# together. ARGS="-n 0" for one.
SPREAD = -n 3 --dist loadfile --no-loadscope-reorder
store = STORE_URL=$$("$$python" -m devhost.run url) && export STORE_URL &&

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve the app on http://localhost:7071 (PORT=) with all it needs, until Ctrl-C
	$(call with,run) exec "$$python" -m devhost.run

test: ## Run the whole test suite (ARGS= for pytest, PYTHON=python3.13 for another Python)
	$(call with,test) exec "$$python" -m pytest $(SPREAD) $(ARGS)

test-fast: ## Run the tests that take little time
	$(call with,test) exec "$$python" -m pytest $(SPREAD) -m "not slow" $(ARGS)

check: ## Check style, types and the direction of imports
	$(call with,test) set -e; bin=$$(dirname "$$python"); \
	"$$bin/ruff" check .; "$$bin/ruff" format --check .; "$$bin/mypy"; "$$bin/lint-imports"

format: ## Mend what can be mended of the style
	$(call with,test) bin=$$(dirname "$$python"); "$$bin/ruff" check --fix .; "$$bin/ruff" format .

install: ## Make .venv with what running needs
	$(call with,run) echo "$$python is ready"

migrate: ## Apply the migrations to STORE_URL (ARGS=status, verify, "down …" for the rest)
	$(call with,run) $(if $(findstring --sql,$(ARGS)),,$(store)) \
	exec "$$python" -m repositories.migrations $(or $(ARGS),up)

new-key: ## Print a new key for ENCRYPTION_KEYS
	$(call with,run) exec "$$python" -m services.secrets new-key

rekey: ## Encrypt every address with the first of ENCRYPTION_KEYS
	$(call with,run) $(store) exec "$$python" -m services.secrets rekey $(ARGS)

db: ## Run the embedded PostgreSQL alone and print its STORE_URL, until Ctrl-C
	$(call with,run) exec "$$python" -m devhost.run db

demo: ## Run a small workload of jobs on the store that runs, to have something to look at
	$(call with,run) $(store) exec "$$python" -m devhost.demo $(ARGS)

apply: ## Make connections, queries and KPIs as FILE= says, after showing what changes (ARGS=--plan)
	$(call with,run) $(store) exec "$$python" -m services.definitions apply "$(FILE)" $(ARGS)

export: ## Write the file that says which connections, queries and KPIs there are to FILE=
	$(call with,run) $(store) exec "$$python" -m services.definitions export $(if $(FILE),"$(FILE)")

bench: ## Measure the app against bare drivers
	$(call with,test) exec "$$python" -m tests.bench $(ARGS)

bench-jobs: ## Measure the lists and reports on 1,000,000 jobs (ARGS=20000 for fewer), in minutes
	$(call with,test) exec "$$python" -m tests.bench bench-jobs $(ARGS)

bench-kpis: ## Measure rounds of KPIs, heartbeats and a long history (ARGS=100000000 rows), in minutes
	$(call with,test) exec "$$python" -m tests.bench bench-kpis $(ARGS)

clean: ## Remove environments, caches and reports; the data stay
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf bench-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove the embedded PostgreSQL's data
	$(call with,run) exec "$$python" -m devhost.run drop
