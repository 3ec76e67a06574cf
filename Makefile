# Two commands do everything: `make demo` and `make test`. Both set up .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-cluster test-chaos test-others fast check install clean

demo: $(VENV)/.installed  ## train a real sweep, print the win table, write the report
	$(BIN)/normsweep run demo
	$(BIN)/normsweep wins demo
	$(BIN)/normsweep report demo

# Folders whose tests start no Ray and no server: two at a time. Of the others those of the cluster and those of chaos wait
# most of their time, so that they run beside the rest; tests of plug-ins follow those of chaos, as all three then take alike.
PAIRED := tests/analysis tests/contracts tests/slurm tests/sweeps tests/trainers \
	tests/orchestrator/planning tests/orchestrator/steer tests/orchestrator/store tests/orchestrator/watch
BESIDE := tests/cluster tests/chaos tests/plugins

test: $(VENV)/.tested check  ## every check and every test, the slow ones included
	$(BIN)/python -m pytest -n 2 --dist loadscope $(PAIRED)
	$(MAKE) --no-print-directory --jobs 3 test-cluster test-chaos test-others

test-cluster: $(VENV)/.tested
	$(BIN)/python -m pytest tests/cluster

test-chaos: $(VENV)/.tested
	$(BIN)/python -m pytest tests/chaos tests/plugins

test-others: $(VENV)/.tested
	$(BIN)/python -m pytest $(BESIDE:%=--ignore=%) $(PAIRED:%=--ignore=%)

fast: $(VENV)/.tested  ## the tests that take seconds
	$(BIN)/python -m pytest -m "not (oracle or kill or cluster or mlflow or smoke)"

check: $(VENV)/.tested  ## lint, format, strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"normsweep needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Say which one: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	tests/install-system
	touch $@

clean:  ## remove the environment; results in normsweep-out stay
	rm -rf $(VENV) build *.egg-info
