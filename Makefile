# Development commands. They install everything that they need, except Python and make.
#
#   PYTHON=python3.13   the Python to use (default: python3, or else the newest one found)
#   ARGS="..."          more arguments for the command or the tests: make up ARGS="--port 9000"

BIN := .venv/bin
# Styles and scripts of pages. Deno formats and lints them; it asks nobody for a newer version of itself.
STATIC := src/ctibutler/pages/static
export DENO_NO_UPDATE_CHECK := 1
ifdef PYTHON
export PYTHON
endif

.DEFAULT_GOAL := help
.PHONY: help install up test test-pages test-connector torture fuzz check docs bench bench-pages bench-connector lock clean dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Create .venv and install the command `ctibutler` in it
	@scripts/set-up runtime

up: install ## Start the API and a worker on http://127.0.0.1:8006, and install missing knowledge bases
	@$(BIN)/ctibutler up $(ARGS)

test: dev ## Run all tests
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

test-pages: dev ## Run the tests of pages whole: every width, both colour schemes, many more objects
	$(BIN)/pytest -n 2 --dist loadgroup -m "slow or not slow" tests/pages tests/browser $(ARGS)

torture: dev ## Kill everything at random moments, ROUNDS=1000 times on each engine, and check what is left
	CTIBUTLER_TEST_TORTURE_ROUNDS=$(or $(ROUNDS),200) $(BIN)/pytest -q -s -p no:xdist tests/faults/test_torture.py $(ARGS)

fuzz: dev ## Try FACTOR=50 times as many damaged files, queries and requests as the tests do
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: atheris==3.0.0 || \
	    echo "no atheris for this Python and system: its tests are skipped"
	CTIBUTLER_TEST_FUZZ_FACTOR=$(or $(FACTOR),50) CTIBUTLER_TEST_FUZZ_SECONDS=$(or $(SECONDS),600) \
	    $(BIN)/pytest -n 2 --dist loadgroup --timeout 0 tests/fuzzing tests/server/test_schemathesis.py $(ARGS)

test-connector: ## Run the tests of connectors/opencti in their own environment
	@scripts/test-connector $(ARGS)

check: dev ## Check format, lint, types, imports, dead code, generated pages, workflows and files
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	for script in bench examples picture references simulate tidy; do $(BIN)/mypy scripts/$$script || exit 1; done
	$(BIN)/lint-imports --no-logo
	$(BIN)/vulture
	$(BIN)/deno fmt --quiet --no-config --check --line-width 120 $(STATIC)
	$(BIN)/deno lint --quiet --no-config $(STATIC)
	$(BIN)/python scripts/references --check
	$(BIN)/python scripts/tidy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet deploy/kubernetes/*.yaml
	$(BIN)/python -m pip check --disable-pip-version-check
	scripts/test-connector check

docs: dev ## Regenerate the pages of docs/reference
	$(BIN)/python scripts/references

bench: dev ## Measure everything side by side with what it is compared with; the report is in build/benchmark.md
	$(BIN)/python scripts/bench --output build/benchmark.md --json build/benchmark.json $(ARGS)

bench-pages: dev ## Measure pages: processor time, weight, first paint
	$(BIN)/python scripts/bench --only pages --output build/benchmark-pages.md --json build/benchmark-pages.json $(ARGS)

bench-connector: dev ## Measure the OpenCTI connector
	$(BIN)/python scripts/bench-connector $(ARGS)

lock: ## Update the lock files after a change to pyproject.toml (ARGS=--upgrade: to the newest versions)
	@scripts/lock $(ARGS)

clean: ## Remove .venv, caches and builds, but no data
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

dev:
	@scripts/set-up dev
