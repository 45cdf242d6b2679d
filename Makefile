# The two commands of the README, and what maintainers need. `make` alone lists them.
#
# The environment is in .venv and is installed once for each state of what it depends on; after
# that nothing is fetched, so every target works offline. PYTHON=… picks another interpreter.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
# COVERAGE=1 measures what is run, into files .coverage.*; `make test-all` sets it.
# RERUNS=1 runs a failed test once more and lists it; .ci/run sets it.
RERUN := $(if $(RERUNS), --reruns $(RERUNS) -rfER)
PYTEST := $(BIN)/python $(if $(COVERAGE),-m coverage run )-m pytest$(RERUN)
# Two workers that take over what the other has left; each starts the shared servers it needs.
PARALLEL := -n 2 --dist worksteal
# For tests that wait most of the time.
WAITING := -n 3 --dist worksteal
# For tests that share an installation, which each group of them makes once.
GROUPED := -n 2 --dist loadgroup
ELSEWHERE := cuda or deploy or ffmpeg or image or lmplz or page or postgresql or pyctcdecode or pythons or ray or speakers
BENCH ?= encoder
ARGS ?=

# Content, not dates: a fresh checkout or a touched file does not install anything again.
STATE := $(shell cat pyproject.toml constraints*.txt setup.py app/*.h app/*/*/*.[ch] | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/.installed-$(STATE)
INSTALLED_TEST := $(VENV)/.installed-test-$(STATE)
INSTALLED_RAY := $(VENV)/.installed-ray-$(STATE)

DEPLOY_TOOLS := $(VENV)-deploy/.installed-$(shell cksum <scripts/deploy-tools | cut -d' ' -f1)
PAGE_TOOLS := tests/page/node_modules/.installed-$(shell cksum <tests/page/package-lock.json | cut -d' ' -f1)

# Where it is set, each of hundreds of processes compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test test-all test-most test-native test-ffmpeg test-page test-postgresql test-deploy test-image test-lmplz \
	test-pyctcdecode test-pythons test-ray test-speakers test-gpu gpu-check lint lint-page audit format bench wheel constraints clean \
	install-test install-ray install-pyctcdecode

help:
	@echo "make serve        install what is needed, then serve the bundled demo models"
	@echo "make test         install the test extras, then run the tests that are quick"
	@echo "make test-all     run every test that this machine can run, list the others, and print"
	@echo "                  how much of app and trainer the tests covered"
	@echo "make test-native  test the C by itself: gcc, clang, sanitizers, and ARM64 under qemu"
	@echo "make test-ffmpeg  compare how formats are read with Debian's ffmpeg"
	@echo "make test-page    drive the page in Debian's Chromium"
	@echo "make test-postgresql  keep jobs in Debian's PostgreSQL, on servers of the tests' own"
	@echo "make test-deploy  render and validate the Helm chart, and analyse the systemd unit"
	@echo "make test-image   run the Dockerfile's lines and the Prometheus files"
	@echo "make test-lmplz   compare our n-gram estimator with KenLM's, built if need be"
	@echo "make test-pyctcdecode  hold the beam search to pyctcdecode's, in an environment of numpy 1"
	@echo "make test-pythons install and serve with each Python from 3.11 to 3.14 that is here"
	@echo "make test-ray     run replicas and archives on a Ray cluster of this machine"
	@echo "make test-speakers  tell speakers apart with the trained weights"
	@echo "make test-gpu     run the tests that need an NVIDIA card"
	@echo "make gpu-check    measure one NVIDIA card in at most eight minutes; prints one line of JSON"
	@echo "make lint         ruff, mypy and yamllint, and make lint-page"
	@echo "make lint-page    tsc and oxlint over the page's modules; needs node and npm"
	@echo "make audit        check the packages of constraints.txt for known vulnerabilities"
	@echo "make format       let ruff format everything"
	@echo "make bench        nordlyd bench \$$(BENCH) \$$(ARGS), by default the encoder"
	@echo "make wheel        build wheel and sdist of the service and of its client into dist/"
	@echo "make constraints  write constraints.txt anew from what is installed"
	@echo "make clean        remove .venv and everything that was generated"

serve: $(INSTALLED)
	@exec $(BIN)/nordlyd serve $(ARGS)

test: $(INSTALLED_TEST)
	$(PYTEST) $(PARALLEL) --hypothesis-profile=quick -m "not long and not ($(ELSEWHERE))" $(ARGS)

test-all: $(INSTALLED_TEST)
	@scripts/test-all

# What `make test` runs, and what takes long.
test-most: $(INSTALLED_TEST)
	$(PYTEST) $(PARALLEL) -m "not ($(ELSEWHERE))" $(ARGS)

# Needs Debian's clang, libclang-rt-dev, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user;
# no Python.
test-native:
	@for tool in gcc clang aarch64-linux-gnu-gcc qemu-aarch64; do \
		command -v $$tool >/dev/null || { echo "nordlyd: $$tool is missing; run: apt install gcc clang libclang-rt-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2; exit 1; }; \
	done
	@$(MAKE) --no-print-directory -s -C tests/native -j$$(nproc) all

# Needs Debian's ffmpeg.
test-ffmpeg: $(INSTALLED_TEST)
	@command -v ffmpeg >/dev/null || { echo "nordlyd: ffmpeg is missing; run: apt install ffmpeg" >&2; exit 1; }
	$(PYTEST) $(PARALLEL) -m ffmpeg $(ARGS)

# Needs Debian's chromium.
test-page: $(INSTALLED_TEST)
	@command -v chromium >/dev/null || { echo "nordlyd: chromium is missing; run: apt install chromium" >&2; exit 1; }
	$(PYTEST) $(PARALLEL) -m page $(ARGS)

# Needs Debian's postgresql; the tests start servers of their own.
test-postgresql: $(INSTALLED_TEST)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { echo "nordlyd: PostgreSQL is missing; run: apt install postgresql" >&2; exit 1; }
	$(PYTEST) $(WAITING) -m postgresql $(ARGS)

# Needs Debian's systemd, which does not have to run, and the package index the first time; x86-64.
test-deploy: $(INSTALLED_TEST) $(DEPLOY_TOOLS)
	@command -v systemd-analyze >/dev/null || { echo "nordlyd: systemd-analyze is missing; run: apt install systemd" >&2; exit 1; }
	$(PYTEST) $(PARALLEL) -m deploy $(ARGS)

# Needs the package index and Debian's prometheus.
test-image: $(INSTALLED_TEST)
	@command -v promtool >/dev/null || { echo "nordlyd: promtool is missing; run: apt install prometheus" >&2; exit 1; }
	$(PYTEST) $(GROUPED) -m image $(ARGS)

# Needs g++ and Boost's headers, and the package index the first time.
test-lmplz: $(INSTALLED_TEST)
	@$(BIN)/python -m trainer kenlm --if-missing
	$(PYTEST) -m lmplz $(ARGS)

# pyctcdecode needs numpy 1, which ends with Python 3.12: an environment of its own, and what was
# tested together in it. Needs the package index the first time.
test-pyctcdecode: install-pyctcdecode
	$(VENV)-pyctcdecode/bin/python -m pytest$(RERUN) $(PARALLEL) -m "pyctcdecode" $(ARGS)

# Needs the package index.
test-pythons: $(INSTALLED_TEST)
	$(PYTEST) -v $(GROUPED) -m pythons $$(scripts/pythons | sed 's/^/--python=/') $(ARGS)

# Needs the package index the first time. One test after the other: each has clusters of its own.
test-ray: install-ray
	$(PYTEST) -m ray $(ARGS)

install-test: $(INSTALLED_TEST)

install-ray: $(INSTALLED_RAY)

install-pyctcdecode: $(VENV)-pyctcdecode/.installed-$(STATE)

# Needs the package index the first time.
test-speakers: $(INSTALLED_TEST)
	@$(BIN)/nordlyd speakers pull >/dev/null
	$(PYTEST) -m speakers $(ARGS)

test-gpu: $(INSTALLED_TEST)
	$(PYTEST) -m cuda $(ARGS)

gpu-check: $(INSTALLED_TEST)
	@$(BIN)/python -m bench.gpu_check $(ARGS)

lint: $(INSTALLED_TEST) lint-page
	$(BIN)/pre-commit run --all-files

# Needs node 20 or newer and npm, and the npm registry the first time.
lint-page: $(PAGE_TOOLS)
	@npm --prefix tests/page run --silent lint

# Needs PyPI's advisories; without them it reports that. Reasons for exceptions: .ci/advisories.toml.
audit: $(INSTALLED_TEST)
	@$(BIN)/python scripts/audit

format: $(INSTALLED_TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED_TEST)
	$(BIN)/nordlyd bench $(BENCH) $(ARGS)

# Without isolation: setuptools is in the environment, and nothing is fetched.
wheel: $(INSTALLED_TEST)
	rm -rf build clients/python/build dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m build --no-isolation --outdir dist clients/python

constraints: $(INSTALLED_TEST)
	@scripts/freeze $(VENV) constraints.txt

constraints-pyctcdecode: $(VENV)-pyctcdecode/.installed-$(STATE)
	@scripts/freeze $(VENV)-pyctcdecode constraints-pyctcdecode.txt

clean:
	rm -rf $(VENV) $(VENV)-deploy $(VENV)-pyctcdecode build dist *.egg-info clients/python/build clients/python/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f .coverage .coverage.*
	rm -f app/*/*/*.so app/*/*/*.failed
	rm -rf tests/native/build tests/page/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): | $(BIN)/pip
	@if ! command -v cc >/dev/null && ! command -v gcc >/dev/null; then \
		echo "nordlyd: no C compiler; the service works without, but slower (apt install gcc libc6-dev)"; \
	fi
	$(PIP_INSTALL) -e .
	@touch $@

# What is installed gets the packages of an extra, and is not compiled again.
$(INSTALLED_TEST): $(INSTALLED)
	$(PIP_INSTALL) 'nordlyd[test]'
	@touch $@

$(INSTALLED_RAY): $(INSTALLED_TEST)
	$(PIP_INSTALL) 'nordlyd[ray]'
	@touch $@

$(VENV)-pyctcdecode/.installed-$(STATE):
	@test -e $(@D)/bin/pip || { \
		python=$$(scripts/python-with-numpy-1) || { echo "nordlyd: pyctcdecode needs Python 3.11 or 3.12, and neither is here" >&2; exit 1; }; \
		$$python -m venv $(@D); }
	$(@D)/bin/python -m pip install --disable-pip-version-check -c constraints-pyctcdecode.txt -e '.[pyctcdecode,test]'
	@touch $@

$(DEPLOY_TOOLS): | $(BIN)/pip
	$(BIN)/python -m venv $(@D)
	@scripts/deploy-tools $(@D)
	@touch $@

$(PAGE_TOOLS):
	@command -v npm >/dev/null || { echo "nordlyd: npm is missing; run: apt install nodejs npm (node 20 or newer)" >&2; exit 1; }
	npm --prefix tests/page ci
	@touch $@

$(BIN)/pip:
	@for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
				echo "nordlyd: $$python cannot make a virtual environment; run: apt install python3-venv" >&2; \
				exit 1; \
			fi; \
			$$python -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
			exit 0; \
		fi; \
	done; \
	echo "nordlyd: Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing); run: apt install python3 python3-venv, or name one with PYTHON=…" >&2; \
	exit 1
