# Two commands from a fresh clone: `make demo` and `make test`. Needs make and Python >= 3.11.
#
#   PYTHON=python3.12          which Python makes .venv
#   TORCH_INDEX=               take torch from PyPI (on Linux: the CUDA build) instead of the CPU-only index
#   PYTEST_ARGS="-k units"     what pytest is told besides
#   DATA=folder                the data to train on, for `make release`
#   TEST_SET=folder            CASF-2016 in PDBbind layout, for `make measure` and `make figures`
#   ARGS="--dry-run"           what `make release`, `measure` and `bench` are told besides

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage lint types contracts docs release measure figures bench audit sbom setup clean distclean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTEST_ARGS ?=
DATA ?= ../shared/data
TEST_SET ?= $(DATA)/casf2016
ARGS ?=
HAS_AUDIT = $(BIN)/python -c 'import cyclonedx_py, pip_audit' 2>/dev/null
INSTALL_AUDIT = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[audit]'
# One thread a process: the tests run side by side and the machine has few cores.
export OMP_NUM_THREADS ?= 1
export PYTHONUTF8 := 1

help:  ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(STAMP)  ## Set up, predict the example complexes with the shipped weights, print the table
	@$(BIN)/binding predict data/examples/pairs.csv --print table

test: $(STAMP) lint types contracts  ## Set up, then lint, types, import contract and tests
	$(BIN)/pytest -q -n 2 --dist loadfile $(PYTEST_ARGS)

coverage: $(STAMP)  ## Lines of io, graph and poses that the tests reach; fails below 95 %
	$(BIN)/python -m scripts.quality.coverage $(ARGS)

lint: $(STAMP)  ## ruff: errors and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy: typed signatures on the public API, consistent types everywhere, scripts included
	$(BIN)/mypy

contracts: $(STAMP)  ## import-linter: imports only go down
	$(BIN)/lint-imports

docs: $(STAMP)  ## Build the documentation site in build/site; a broken link or an undocumented option is an error
	@$(BIN)/python -c 'import mkdocs, material, mkdocstrings' 2>/dev/null || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

release: $(STAMP)  ## From DATA to caches, networks, weights, cards and figures; goes on where it stopped
	$(BIN)/python -m scripts.release $(DATA) $(ARGS)

measure: $(STAMP)  ## The final figures of the shipped weights on TEST_SET and on the data beside it
	$(BIN)/python -m scripts.measure $(TEST_SET) $(ARGS)

figures: $(STAMP)  ## Accuracy and times of the shipped weights, the pictures, the tables of the pages
	$(BIN)/python -m scripts.measure.casf $(TEST_SET)
	$(BIN)/python -m scripts.tables.pictures
	$(BIN)/python -m scripts.tables

bench: $(STAMP)  ## Time import, reading, featurization and scoring on the examples
	$(BIN)/python -m scripts.bench.predict $(ARGS)

audit: $(STAMP)  ## Known vulnerabilities of the pinned packages, by pip-audit; needs PyPI itself, not a mirror
	@$(HAS_AUDIT) || $(INSTALL_AUDIT)
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off

sbom: $(STAMP)  ## Bill of materials of the pinned packages: build/sbom.json (CycloneDX)
	@$(HAS_AUDIT) || $(INSTALL_AUDIT)
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements constraints.txt --pyproject pyproject.toml --mc-type library \
	    --output-reproducible --of JSON -o build/sbom.json

setup: $(STAMP)  ## Only the virtual environment with pinned versions

# A stamp newer than the pins means that nothing has to be installed. The version in
# binding/__init__.py is read once, at install time.
$(STAMP): pyproject.toml constraints.txt
	@python=""; for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        python="$$candidate"; break; fi; done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer was not found; name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; fi; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV) || { echo "Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }
	@extra=""; if [ -n "$(TORCH_INDEX)" ] && $(BIN)/python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/torch/", timeout=10)' "$(TORCH_INDEX)" 2>/dev/null; \
	    then extra="--extra-index-url $(TORCH_INDEX)"; fi; \
	echo "Installing pinned versions into $(VENV) (once; a few minutes) ..."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$extra -c constraints.txt -e '.[test]'
	@touch $@

clean:  ## Remove caches and build outputs
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## ... and the virtual environment
	rm -rf $(VENV)
