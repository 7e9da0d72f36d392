# make page: open the web page with the base install (no torch).   make demo: fill a photo on the command line.
# make test: every check and test.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: page demo check test bench package clean

# The mark files say what an environment holds, so that a second call installs nothing.
$(VENV)/base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/base

page: $(VENV)/base
	$(BIN)/inpainter serve

demo: $(VENV)/base
	mkdir -p out
	$(BIN)/inpainter fill demo/photo.jpg demo/mask.png -o out/demo.png --overwrite
	$(BIN)/python demo/side_by_side.py demo/photo.jpg demo/mask.png out/demo.png out/before-mask-after.png
	@echo "Look at out/demo.png, and at out/before-mask-after.png beside the original."

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -n 2

bench: $(VENV)/dev
	set -e; for script in benchmarks/[a-z]*.py; do echo "$$script"; $(BIN)/python "$$script"; done

# Source archive and wheel in dist/, tried as a user would: outside the repository, without torch.
package: $(VENV)/dev
	rm -rf dist build
	$(BIN)/python -m build
	PYTHON=$(PYTHON) tests/wheel/try.sh $(BIN)/python

clean:
	rm -rf $(VENV) out build dist src/*.egg-info
