# Two commands do everything: `make run` and `make test`. Only Python 3.11+, make and the package registries are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test check search setup models packs editor clean

run: $(STAMP)
	@$(BIN)/python -m composer models pull
	@$(BIN)/python -m retrieval packs install
	@$(BIN)/python app.py

test: $(STAMP)-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check app.py composer retrieval tests benchmarks
	@$(BIN)/mypy --strict .
	@$(BIN)/python -m composer models pull smollm2-135m minilm letters
	@$(BIN)/python -m pytest

check: $(STAMP)-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check app.py composer retrieval tests benchmarks
	@$(BIN)/mypy --strict .
	@$(BIN)/python -m pytest -m "not starter and not browser"

# Laws with new random cases: minutes to hours, as LAWS says (a file, a folder or a test). Not a part of `make test`.
LAWS ?= tests
search: $(STAMP)-dev
	@$(BIN)/python -m pytest -m "not starter and not browser" --hypothesis-profile=search $(LAWS)

setup: $(STAMP)

$(STAMP): requirements.txt
	@echo "Installing the program into $(VENV) (about 2 GB with PyTorch; several minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(STAMP)-dev: $(STAMP) requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The editor's bundle anew, from its sources and its lock file; needs Node. Only who changes assets/editor/src needs it.
editor:
	@cd assets/editor && npm ci --ignore-scripts --no-audit --no-fund && npm run build

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
