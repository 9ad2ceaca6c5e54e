# The recipes of this checkout. Each sets itself up: nothing has to be installed before but Python and make.
#
#   PYTHON=python3.13   the Python to use (default: python3, else the newest that is there)
#   ARGS="..."          further words for the command or the tests: make up ARGS="--port 9000"

BIN := .venv/bin
ifdef PYTHON
export PYTHON
endif

.DEFAULT_GOAL := help
.PHONY: help install up test test-connector check docs bench bench-connector lock clean dev

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Make .venv with the command `ctibutler` in it
	@scripts/set-up runtime

up: install ## Start API and worker on http://127.0.0.1:8006 and install what is missing
	@$(BIN)/ctibutler up $(ARGS)

test: dev ## Run all tests
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

test-connector: ## Run the tests of connectors/opencti, in an environment of their own
	@scripts/test-connector $(ARGS)

check: dev ## Format, lint, types, import contracts, dead code, generated pages, workflows, files
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	for script in bench examples picture references tidy; do $(BIN)/mypy scripts/$$script || exit 1; done
	$(BIN)/lint-imports --no-logo
	$(BIN)/vulture
	$(BIN)/python scripts/references --check
	$(BIN)/python scripts/tidy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/python -m pip check --disable-pip-version-check
	scripts/test-connector check

docs: dev ## Write the generated pages of docs/reference anew
	$(BIN)/python scripts/references

bench: dev ## Measure side by side with a peer, write a report
	$(BIN)/python scripts/bench $(ARGS)

bench-connector: dev ## Measure the OpenCTI connector
	$(BIN)/python scripts/bench-connector $(ARGS)

lock: ## Write the locks after a change of pyproject.toml (ARGS=--upgrade: newest of everything)
	@scripts/lock $(ARGS)

clean: ## Remove .venv, caches and builds; data stay
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

dev:
	@scripts/set-up dev
