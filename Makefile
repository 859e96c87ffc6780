# make demo   the main job on a generated five-stain slide, then how to look at it
# make test   checks and tests, as CI runs them
# make lint   the checks alone
# make scverse  the environment with scanpy, squidpy and spatialdata that the tests use
# make bench  the benchmarks (about half an hour)
# make kills  some hundred kills of every job, at its changes to the disk; TRIES=5 for fewer
# make mutants  faults put into chosen files of the core, to see whether the tests notice; MINUTES=5 for less
# make fuzz   10,000 damaged slides, and as many damaged runs, models, tables (about an hour); CASES=500 for fewer

PYTHON ?= python3
# two processes, a core and a screen for each
PYTEST_ARGS ?= -n 2 --dist worksteal
VENV := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
INSTALLED := .venv/.installed

.PHONY: demo test lint scverse bench fuzz kills mutants clean

demo: $(INSTALLED)
	@scripts/system_libraries.sh
	$(VENV)/napari-histoclust demo --out demo-run

test: lint scverse
	@scripts/system_libraries.sh screen
	OMP_NUM_THREADS=1 $(VENV)/python -m pytest $(PYTEST_ARGS)

lint: $(INSTALLED)
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python scripts/check_dependencies.py
	$(VENV)/npe2 validate src/napari_histoclust/napari.yaml

scverse:
	@PYTHON="$(PYTHON)" scripts/make_scverse_venv.sh

bench: $(INSTALLED)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(VENV)/python $$script || exit 1; done

CASES ?= 10000
SEED ?= 1

fuzz: $(INSTALLED)
	$(VENV)/python tests/fuzz/campaign.py --cases $(CASES) --seed $(SEED) --keep fuzz-failures
	$(VENV)/python tests/fuzz/documents.py --cases $(CASES) --seed $(SEED) --keep fuzz-failures

TRIES ?= 20

kills: $(INSTALLED)
	OMP_NUM_THREADS=1 $(VENV)/python tests/kills/campaign.py --tries $(TRIES) --seed $(SEED)

MINUTES ?= 20

# what is done stays in mutants/, and the next call goes on there
mutants: $(INSTALLED)
	$(VENV)/python -m pip --disable-pip-version-check install -q -c constraints.txt -e ".[mutants]"
	OMP_NUM_THREADS=1 nice timeout $(MINUTES)m $(VENV)/python -m mutmut run --max-children 1 || test $$? -eq 124
	$(VENV)/python -m mutmut results

clean:
	rm -rf .venv .venv-scverse demo-run build dist mutants

$(INSTALLED): pyproject.toml constraints.txt scripts/make_venv.sh
	@PYTHON="$(PYTHON)" scripts/make_venv.sh
	@touch $@
