# Plain POSIX make, so that macOS's GNU make 3.81 and BSD make read it too.

# The first of these that is 3.11 or newer makes .venv; name one to choose: make env PYTHON=python3.12
PYTHON ?= python3 python3.13 python3.12 python3.11
# For make lab: LAB_ARGS="--no-browser --port 9999"
LAB_ARGS ?=
# For make test: TEST_ARGS="-m 'not slow'"
TEST_ARGS ?=

RUN = .venv/bin/python -m
# They measure time and memory, so that neighbours disturb them: make attacks
ALONE = tests/test_attacks.py tests/test_nbgrader_ordinary.py tests/test_redraw.py
FIRST = workspace/00_welcome/00_welcome.ipynb

help:
	@echo 'make lab     everything that is needed, then JupyterLab at the first lesson'
	@echo 'make env     the environment alone, in .venv'
	@echo 'make test    lint, then the tests'
	@echo 'make attacks what is tried against grading, one after the other, on a quiet machine'
	@echo 'make lint    ruff and mypy'
	@echo 'make figures every shipped record, checkpoint and picture, and the table of results, made anew: hours'

env: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then \
	  found=; \
	  for python in $(PYTHON); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo 'Python 3.11 or newer is needed, and none of these is: $(PYTHON). Install it (Debian, Ubuntu: sudo apt install python3 python3-venv; macOS: brew install python@3.13) or name one: make env PYTHON=/path/to/python3.12' >&2; \
	    exit 1; \
	  fi; \
	  if ! $$found -c 'import venv, ensurepip' 2>/dev/null; then \
	    version=$$($$found -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "$$found cannot make an environment (no venv or ensurepip). Install it (Debian, Ubuntu: sudo apt install python$$version-venv), then run make again" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making .venv with $$found"; \
	  $$found -m venv --clear .venv || exit 1; \
	fi
	@echo 'Installing the course in .venv (the first time this takes some minutes)'
	@$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch .venv/.installed

lab: env
	@$(RUN) autograder.cli start
	@root=; if [ "$$(id -u)" = 0 ]; then root=--allow-root; fi; \
	PATH="$$(pwd)/.venv/bin:$$PATH"; export PATH; \
	exec $(RUN) jupyterlab $$root --ServerApp.root_dir="$$(pwd)" --LabApp.news_url=None --LabApp.default_url=/lab/tree/$(FIRST) $(LAB_ARGS)

test: lint
	@$(RUN) pytest -n auto $(ALONE:%=--ignore=%) $(TEST_ARGS)

attacks: env
	@$(RUN) pytest $(ALONE)

lint: env
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy

figures: env
	@$(RUN) benchmarks.figures

.PHONY: help env lab test attacks lint figures
