# Every target works on a machine that has only Python 3.11 or newer; nothing is installed outside $(VENV).
#   make demo       one published protocol in 3D with its ensemble, and the report, into runs/
#   make test       the tests that a change must pass, and the coverage gates
#   make test-all   these and the slow ones
#   make bench      the benchmarks against another finite-element library
#   make check      format, lint and types
#   make lock       resolve the dependencies again
#   make clean      remove what the other targets made

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
TEST_OPTIONS ?=

BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
LAWS := src/pulposus/mesh/*,src/pulposus/disc/*,src/pulposus/nutrition/*,src/pulposus/cells/*,src/pulposus/matrix/*,src/pulposus/mechanics/*,src/pulposus/therapy/*,src/pulposus/simulation/*,src/pulposus/evidence/*

# Trust the certificates of the system, as a hospital's proxy needs.
export UV_SYSTEM_CERTS := 1

.PHONY: demo test test-all bench check lock clean
.DELETE_ON_ERROR:

$(BIN)/uv: requirements/tools.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	touch $@

$(VENV)/.run: $(BIN)/uv requirements/lock.txt pyproject.toml
	$(UV) --require-hashes -r requirements/lock.txt
	$(UV) --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.develop: $(BIN)/uv requirements/dev.txt pyproject.toml
	$(UV) --require-hashes -r requirements/dev.txt
	$(UV) --no-deps --no-build-isolation -e .
	touch $@

demo: $(VENV)/.run
	$(BIN)/pulposus demo

test: $(VENV)/.develop
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not peer" --cov --cov-report= $(TEST_OPTIONS)
	$(BIN)/python -m coverage report --fail-under=90
	$(BIN)/python -m coverage report --fail-under=100 --include="$(LAWS)"

test-all: $(VENV)/.develop
	$(BIN)/python -m pytest -n $(WORKERS) -m "not peer" --cov --cov-report= $(TEST_OPTIONS)
	$(BIN)/python -m coverage report --fail-under=100 --include="$(LAWS)"

bench: $(VENV)/.develop
	$(BIN)/python -m pytest benchmarks --benchmark-only $(TEST_OPTIONS)

check: $(VENV)/.develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

lock: $(BIN)/uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements/tools.in -o requirements/tools.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml -o requirements/lock.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras pyproject.toml -o requirements/dev.txt

clean:
	rm -rf $(VENV) build dist .benchmarks .coverage .coverage.* .hypothesis .pytest_cache .ruff_cache htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
