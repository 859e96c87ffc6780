# make demo   the main job on a generated five-stain slide, then how to look at it
# make test   checks and tests, as CI runs them
# make lint   the checks alone
# make bench  the benchmarks (about half an hour)

PYTHON ?= python3
VENV := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test lint bench clean

demo: $(INSTALLED)
	@scripts/system_libraries.sh
	$(VENV)/napari-histoclust demo --out demo-run

test: lint
	@scripts/system_libraries.sh screen
	scripts/on_screen.sh $(VENV)/python -m pytest $(PYTEST_ARGS)

lint: $(INSTALLED)
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/npe2 validate src/napari_histoclust/napari.yaml

bench: $(INSTALLED)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(VENV)/python $$script || exit 1; done

clean:
	rm -rf .venv demo-run build dist

$(INSTALLED): pyproject.toml constraints.txt scripts/make_venv.sh
	@PYTHON="$(PYTHON)" scripts/make_venv.sh
	@touch $@
