# Two commands on a fresh machine with Python 3.10 or newer: `make train` and `make test`.

PYTHON ?= python3
ARGS ?=

VENV := .venv
# Always this, never .venv/bin/pytest and the like: those name the folder they were installed in.
RUN := $(VENV)/bin/python
# An editable install points at the repository's folder, so a stamp holds for that folder only.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
# By file, so that what a file's tests share is made once; in their order, since the files of few tests are the long ones.
TESTS := $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
EXAMPLES := $(VENV)/installed-examples-$(HERE)
ALL := $(VENV)/installed-all-$(HERE)
BROWSER := $(VENV)/installed-browser-$(HERE)
BENCH := $(VENV)/installed-bench-$(HERE)
# Other packages' optimizers and training loops, in an environment of their own.
HOSTS_VENV := .venv-hosts
HOSTS := $(HOSTS_VENV)/installed-hosts-$(HERE)
RAY_LAUNCHER := 1.2.2
# Packages that constraints-hosts.txt has in other versions.
OTHERWISE := alembic|optuna|sqlalchemy
# The release candidate of the next Hydra, beside the environment; its tests put it first on the path.
NEXT := 1.4.0rc3
NEXT_OMEGACONF := 2.4.1rc1
HYDRA_NEXT := $(VENV)/hydra-next/hydra_core-$(NEXT).dist-info
# What editors run for YAML files, of npm.
SERVER_VERSION := 2.0.0
SERVER_HOME := $(VENV)/yaml-language-server-$(SERVER_VERSION)
SERVER := $(SERVER_HOME)/node_modules/.bin/yaml-language-server
# Debian's browser and what drives it; needed by nothing but their tests.
CHROMIUM := chromium chromium-driver
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# A hundred of the tests' processes would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help train test coverage test-long test-hosts test-versions test-editor test-browser chromium picture docs lint bench conf
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

train: $(EXAMPLES) ## Train on the digits; ARGS="optimizer=sgd optimizer.LEARNING_RATE=0.1" overrides
	$(RUN) examples/train.py $(ARGS)

test: lint $(HYDRA_NEXT) ## Lint, types, and the tests
	$(TESTS) $(ARGS)
	@echo "The tests in a browser were not run: make test-browser installs Chromium and runs them."

coverage: $(HYDRA_NEXT) ## The same tests with branch coverage, which makes the package's own steps three times as slow
	$(TESTS) --cov $(ARGS)

test-long: $(ALL) ## The tests that take longer
	$(RUN) -m pytest -m long $(ARGS)

test-hosts: $(HOSTS) ## The tests with other packages: their optimizers, their training loops
	$(HOSTS_VENV)/bin/python -m pytest -m hosts $(ARGS)

test-versions: | $(RUN) ## The tests with other versions of Hydra, torch and Python; ARGS="hydra-1.3.2" chooses
	$(RUN) -m tests.versions.run $(ARGS)

test-editor: $(ALL) $(SERVER) ## The tests with the language server of editors, which npm installs
	YAML_LANGUAGE_SERVER=$(CURDIR)/$(SERVER) $(RUN) -m pytest -m editor $(ARGS)

test-browser: $(BROWSER) chromium ## The tests of pages in Debian's Chromium, which is installed where it is missing
	$(RUN) -m pytest -m browser tests/browser $(ARGS)

chromium:
	@command -v chromium > /dev/null && command -v chromedriver > /dev/null || { \
	    $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(CHROMIUM); }

picture: $(BROWSER) chromium ## The picture of a page at the top of the README
	PYTHONPATH=. $(RUN) docs/pictures/page.py docs/pictures/page.png

docs: $(ALL) ## The documentation as a site in build/docs, warnings as errors; ARGS="-b linkcheck" asks every link
	$(RUN) -m sphinx -W --keep-going $(or $(ARGS),-b html) docs build/docs

lint: $(ALL) ## ruff, what may import what, and mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -c "from importlinter.cli import lint_imports_command; lint_imports_command()" pyproject.toml
	$(RUN) -m mypy

bench: $(BENCH) ## The numbers, beside those of other packages; ARGS="--name my-machine --parts step build"
	$(RUN) benchmarks/run.py $(ARGS)

conf: $(ALL) ## Write conf/ anew from the Config classes
	$(RUN) -m scepter_opt write conf

$(VENV)/installed-%-$(HERE): setup.cfg constraints.txt | $(RUN)
	@$(RUN) -m pip --version > /dev/null 2>&1 || $(RUN) -m ensurepip
	$(RUN) -m pip install -c constraints.txt setuptools
	$(RUN) -m pip install -c constraints.txt --no-build-isolation -e ".[$*]"
	@touch $@

$(HOSTS): setup.cfg constraints.txt constraints-hosts.txt | $(RUN)
	$(RUN) -m venv --clear $(HOSTS_VENV)
	grep -viE '^($(OTHERWISE))==' constraints.txt > $(HOSTS_VENV)/constraints.txt
	$(HOSTS_VENV)/bin/python -m pip install -c constraints.txt setuptools
	$(HOSTS_VENV)/bin/python -m pip install -c $(HOSTS_VENV)/constraints.txt -c constraints-hosts.txt \
	    --no-build-isolation -e ".[hosts]"
	# it asks for a cloudpickle before 3, for AWS alone, and joblib for a newer one
	$(HOSTS_VENV)/bin/python -m pip install --no-deps hydra-ray-launcher==$(RAY_LAUNCHER)
	@touch $@

$(SERVER): | $(ALL)
	@command -v npm > /dev/null || { \
	    apt-get update && apt-get install -y --no-install-recommends nodejs npm; } || { \
	    echo "npm is needed for the language server: install Node.js 18 or newer." >&2; exit 1; }
	npm install --prefix $(SERVER_HOME) --no-audit --no-fund yaml-language-server@$(SERVER_VERSION)

$(HYDRA_NEXT): | $(ALL)
	rm -rf $(@D)
	$(RUN) -m pip install --no-deps --target $(@D) hydra-core==$(NEXT) omegaconf==$(NEXT_OMEGACONF)

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || { \
	    echo "Python 3.10 or newer is needed, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "Name another: make $(or $(MAKECMDGOALS),train) PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
