# make twin [SUBJECT=path] [OUTPUT=folder]   the twin of one heart; the built-in volunteer without SUBJECT
# make test                                  everything a change can break
# make verify | make bench                   published benchmarks | speed and memory, into docs/
export OMP_NUM_THREADS := 1
.DEFAULT_GOAL := help
.PHONY: help setup twin test lint verify bench lock clean
bin := .venv/bin

help:
	@sed -n 's/^# //p' Makefile

setup:
	@.ci/setup

twin: setup
	@$(bin)/cardiotwin twin $(if $(SUBJECT),'path=$(SUBJECT)') $(if $(OUTPUT),'output=$(OUTPUT)')

lint: setup
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-logo
	$(bin)/codespell

# Slow tests run without the checks of every call's shapes, which doubled their time.
test: lint
	$(bin)/pytest -n 2 --dist worksteal -m "not slow"
	$(bin)/pytest -n 2 --dist worksteal -m slow -o addopts="-ra --showlocals --import-mode=importlib"

verify: setup
	$(bin)/python experiments/verify.py

bench: setup
	$(bin)/python experiments/bench.py

# The newest versions that pyproject.toml allows, for requirements.lock.
lock: setup
	$(bin)/python .ci/lock.py

clean:
	rm -rf .venv .venv-uv dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
