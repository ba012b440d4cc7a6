# Needs Python 3.11 or newer, pip and make; everything else goes into $(VENV).
#   make demo PYTHON=python3.13     another interpreter (for a new environment)
#   make test ARGS="-k sign -x"     further arguments of pytest
#   make docs SPHINXOPTS="-D plot_gallery=0"   without running the gallery

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
ARGS ?=
# Tests of what does not depend on the releases of others, or does so as the rest does.
OURS := packaging layers auto bodies compositions diagnosis friction known_systems layout linear_and_quadratic made_datasets max_time noise quadratic_start row_differences score selection simulate_forced simulate_guard trajectories velocities
SPHINXOPTS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt

MPLBACKEND ?= Agg
export MPLBACKEND
# The workers of pytest share the cores, also where a test uses numpy or torch by itself.
test slow oldest: export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test slow oldest doctest lint format types docs wheel ci env clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: $(VENV)/.stamp-plot ## learn a planet's orbit and predict the next sixty years
	$(BIN)/python examples/plot_planet.py

test: $(VENV)/.stamp-test ## run the tests, but for slow ones and the code of the pages
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" \
	    --deselect tests/test_docs.py::test_code_on_the_page_runs $(ARGS)

slow: $(VENV)/.stamp-test ## run the slow tests: whole fits of many kinds
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow $(ARGS)

oldest: $(VENV)-oldest/.installed ## run most tests with the oldest supported scikit-learn, scipy and numpy
	@if grep -q skipped $<; then echo "skipped: $$(cat $<)"; else \
	    $(VENV)-oldest/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" \
	        $(OURS:%=--ignore tests/test_%.py) $(ARGS); fi

doctest: $(VENV)/.stamp-test ## run the examples in the docstrings and the code of the pages
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --doctest-modules skhnn tests/test_docs.py $(ARGS)

lint: $(VENV)/.stamp-lint ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.stamp-lint ## fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.stamp-lint ## check the types
	$(BIN)/mypy

docs: $(VENV)/.stamp-docs ## build the documentation; a warning is an error
	rm -rf docs/generated
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html $(SPHINXOPTS) docs docs/_build/html
	@echo "open docs/_build/html/index.html"

wheel: $(VENV)/.stamp-dev ## build sdist and wheel into dist/ and check the metadata
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	SKHNN_WHEEL=$$(ls dist/*.whl) $(BIN)/python -m pytest -q tests/test_packaging.py

ci: ## everything a change has to pass
	.ci/run

env: $(VENV)/.stamp-dev ## an environment with all extras, to develop in

clean: ## remove the environment and everything built
	rm -rf $(VENV) $(VENV)-oldest build dist skhnn.egg-info docs/_build docs/generated docs/gallery \
	    docs/sg_execution_times.rst .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment, one stamp per extra: `make demo` installs what the demo needs and no
# more, and an edited requirement or pin installs again.
# Without build isolation, so that the pinned setuptools builds and not the newest one;
# PYTHONWARNINGS hides what it has to say about editable installs in general.
$(VENV)/.stamp-%: $(VENV)/.created setup.cfg constraints.txt pyproject.toml
	@echo "installing skhnn[$*] and what it needs into $(VENV); the first time takes minutes"
	PYTHONWARNINGS=ignore $(INSTALL) --no-build-isolation --editable '.[$*]'
	@touch $@

# Only where these releases have wheels; elsewhere the leg says that it was skipped.
$(VENV)-oldest/.installed: setup.cfg constraints-oldest.txt
	$(PYTHON) -m venv $(VENV)-oldest
	@if $(VENV)-oldest/bin/python -m pip --disable-pip-version-check download --quiet --no-deps \
	    --only-binary :all: --dest $(VENV)-oldest/wheels scikit-learn==1.6.1 scipy==1.11.4 numpy==1.26.4; \
	then $(VENV)-oldest/bin/python -m pip --disable-pip-version-check install --quiet \
	    --constraint constraints-oldest.txt scikit-learn scipy numpy torch pandas polars matplotlib \
	    hypothesis pytest pytest-xdist && touch $@; \
	else echo "skipped, no wheels of the oldest releases for $$($(PYTHON) --version)" > $@; fi

# The second line is for Pythons without ensurepip (some Linux distributions split it off).
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("skhnn needs Python 3.11 or newer; $(PYTHON) is %d.%d. Try make PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(INSTALL) pip setuptools
	@touch $@
