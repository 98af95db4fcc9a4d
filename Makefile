# What a contributor runs; `make` alone lists it. Works with GNU make on Linux and macOS.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONSTRAINTS ?= constraints.txt

# The first Python on the PATH that is new enough and can make virtual environments; `make PYTHON=...` overrules it.
PROBE := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c '$(PROBE)' 2>/dev/null; then echo $$python; break; fi; done)

.DEFAULT_GOAL := help
.PHONY: help venv demo quick test lowest explore coverage lint style format docs attack bench clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

venv: $(STAMP) ## make .venv with ArchLLM, its tools and the tested versions

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
		if ! '$(PYTHON)' -c '$(PROBE)' 2>/dev/null; then \
			echo "ArchLLM needs Python 3.11 or newer with its venv module, and '$(or $(PYTHON),python3)' is not one." >&2; \
			echo "Install one (Debian: apt-get install python3 python3-venv) or name one: make venv PYTHON=/path/to/python3" >&2; \
			exit 1; \
		fi; \
		'$(PYTHON)' -m venv --clear $(VENV); \
	fi
	@echo 'installing into $(VENV) ...'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c $(CONSTRAINTS) -e '.[data,images,llm,mcp,onnx,peers,ray,report,search,tensorboard,testing,ui,dev]'
	@touch $(STAMP)

demo: $(STAMP) ## train, sample and evaluate on this machine, in minutes [OUT=folder] [SEED=number]
	@$(BIN)/archllm demo $(if $(OUT),--out '$(OUT)') $(if $(SEED),--seed '$(SEED)')

# Tests of a file share what they train, so a file stays on one worker, in the order of the files. Many of them start
# processes, so compiled modules are kept, whatever the environment says.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Types are checked beside the tests, as one process of mypy keeps one core busy for a minute where nothing is cached yet.
BESIDE = types=$$(mktemp); $(BIN)/mypy > $$types 2>&1 & checking=$$!; $(1); tests=$$?; \
	wait $$checking; checked=$$?; cat $$types; rm -f $$types; exit $$(( tests ? tests : checked ))

quick: style ## every check, and the tests that train nothing: within 90 s on 2 cores
	@$(call BESIDE,$(PYTEST) -m 'not slow')

test: style ## every check, and every test
	@$(call BESIDE,$(PYTEST))

lowest: ## the quick tests with the lowest versions that are supported, in .venv-lowest
	@$(MAKE) --no-print-directory venv VENV=.venv-lowest CONSTRAINTS=constraints-lowest.txt
	@$(PYTEST:$(BIN)/%=.venv-lowest/bin/%) -m 'not slow'

explore: $(STAMP) ## property tests on new random examples, which a found fault prints [TESTS=path]
	@$(PYTEST) --hypothesis-profile=explore -m hypothesis $(or $(TESTS),tests)

coverage: $(STAMP) ## every test, and which lines none of them reaches [TESTS=path]
	@rm -f .coverage .coverage.*
	@$(PYTEST) --cov --cov-report= $(TESTS)
	@$(BIN)/coverage report
	@$(BIN)/coverage html --quiet && echo 'line by line: htmlcov/index.html'

lint: style ## lint, format, layers, types
	$(BIN)/mypy

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(STAMP) ## write the code in the house's format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(STAMP) ## the documentation as a site, in site/: open site/index.html
	@if ! $(BIN)/python -c 'import material, mkdocstrings' 2>/dev/null; then \
		echo 'installing mkdocs ...'; \
		$(BIN)/python -m pip install -qq --disable-pip-version-check -c $(CONSTRAINTS) -e '.[docs]'; \
	fi
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo 'open site/index.html'

attack: $(STAMP) ## kill, flood and mislead it for minutes, and say what gave way [ONLY=prefix]
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.robustness --brief $(if $(ONLY),--only $(ONLY))

bench: ## how to measure
	@echo 'Measurements train for a while, so each is started by hand; docs/results/ keeps what they found:'
	@echo '    $(BIN)/python -m benchmarks.generation --help'

clean: ## remove caches and built packages; .venv and runs/ stay
	@rm -rf build dist site htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -path './.venv*' -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
