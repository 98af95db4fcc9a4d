# What a contributor runs; `make` alone lists it. Works with GNU make on Linux and macOS.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The first Python on the PATH that is new enough and can make virtual environments; `make PYTHON=...` overrules it.
PROBE := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c '$(PROBE)' 2>/dev/null; then echo $$python; break; fi; done)

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format bench clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

venv: $(STAMP) ## make .venv with ArchLLM, its tools and the tested versions

$(STAMP): pyproject.toml constraints.txt
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
		if ! '$(PYTHON)' -c '$(PROBE)' 2>/dev/null; then \
			echo "ArchLLM needs Python 3.11 or newer with its venv module, and '$(or $(PYTHON),python3)' is not one." >&2; \
			echo "Install one (Debian: apt-get install python3 python3-venv) or name one: make venv PYTHON=/path/to/python3" >&2; \
			exit 1; \
		fi; \
		'$(PYTHON)' -m venv --clear $(VENV); \
	fi
	@echo 'installing into $(VENV) ...'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[data,images,llm,onnx,ray,report,search,dev]'
	@touch $(STAMP)

demo: $(STAMP) ## train, sample and evaluate on this machine, in minutes [OUT=folder] [SEED=number]
	@$(BIN)/archllm demo $(if $(OUT),--out '$(OUT)') $(if $(SEED),--seed '$(SEED)')

# Tests of a file share what they train, so a file stays on one worker, in the order of the files.
test: lint ## every check, then every test
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(STAMP) ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## write the code in the house's format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: ## how to measure
	@echo 'Measurements train for a while, so each is started by hand; docs/results/ keeps what they found:'
	@echo '    $(BIN)/python -m benchmarks.generation --help'

clean: ## remove caches and built packages; .venv and runs/ stay
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -path './$(VENV)' -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
