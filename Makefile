# Everything a newcomer types. `make demo` and `make test` need Python 3.11 or later, make and a package index.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first interpreter on PATH that is new enough; `make PYTHON=/path/to/python3 ...` chooses another.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
WORKERS ?= 2
CORPUS ?= ../shared/data/debian_descriptions/debian_bookworm_en.parquet

.PHONY: help venv demo test soak test-engines lint audit bench clean

help:  ## show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

venv: $(STAMP)  ## make .venv with every dependency of the demo, the tests and the linters

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found on PATH: install it, or make PYTHON=/path/to/python3" >&2; exit 2; }
	@begin=$$SECONDS; \
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	made=$$SECONDS; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile -c constraints.txt -e '.[embedded,openvino,engines,dask,ray,test,lint]'; \
	echo "virtual environment $$((made - begin)) s, installation $$((SECONDS - made)) s" | tee $(STAMP)

demo: $(STAMP)  ## one run over 13,083 real questions: encoded, measured, exported, published
	@begin=$$SECONDS; \
	$(BIN)/sphering run --config examples/banking77/sphering.toml; \
	echo; echo "Seconds: $$(cat $(STAMP)) (once), run $$((SECONDS - begin)) s"

lint: $(STAMP)  ## ruff (rules and format), mypy --strict over the tree as it is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@rm -rf build/typing && mkdir -p build/typing/sphering
	@ln -s $(CURDIR)/src/sphering/* $(CURDIR)/flows $(CURDIR)/tasks $(CURDIR)/sql build/typing/sphering/
	@MYPYPATH=build/typing $(BIN)/mypy --strict -p sphering

test: lint  ## the linters, then the whole suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

soak: $(STAMP)  ## what takes too long for `make test`: whole examples, kills at every moment
	@$(BIN)/python -m pytest -m soak --timeout 7200 --durations=0

test-engines: $(STAMP)  ## the recipes of docs/exports.md, each engine in an environment under build/engines/
	@$(BIN)/python -m pytest -m engines --timeout 1800 -rPs

audit: $(STAMP)  ## the pins among known vulnerabilities, where pip-audit is installed and its data can be had
	@$(BIN)/python .ci/audit.py

bench: $(STAMP)  ## runs beside SentenceTransformer.encode, nights that change little, geometry beside scikit-learn, exports beside cp
	@$(BIN)/python benchmarks/encode.py examples/banking77/banking77.parquet
	@test -f $(CORPUS) || { echo "make bench CORPUS=FILE: a Parquet file with package, section and text is needed" >&2; exit 2; }
	@$(BIN)/python benchmarks/incremental.py --corpus $(CORPUS)
	@$(BIN)/python benchmarks/geometry.py
	@$(BIN)/python benchmarks/export.py

clean:  ## remove the environment and what was built; stores stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
