# make study   the study, whole, on this machine: QUICK without a GPU, FULL with one. ARGS="--help" for settings
# make test    lint, types and all tests, the longest as samples. ARGS="tests/storage -x" goes to pytest
# make test-long  the same with nothing left out (docs/testing.md)
# make image-test  builds the images and runs them, with podman, as root: minutes (infra/docker/README.md)
# make install what both call: .venv from requirements.lock, every file checked by its hash. For a GPU
#              LOCK=infra/requirements-gpu.lock, which stays installed until another LOCK is named
# make up      one shared server on this machine, with its database, store and workers, in .stack; make down stops it
# make deploy  the flows on it, or on the server that PREFECT_API_URL names
# make backup ARGS=FILE   the shared server's database as a file, whatever runs; make restore ARGS=FILE puts it back
# make lock    the lock files anew, after a change of pyproject.toml
# make bench   the figures of docs/performance.md
# make sbom    what is installed, as CycloneDX, in ci-output; LOCK=infra/requirements-gpu.lock, say, for another
# make audit   known vulnerabilities of the same; asks PyPI

PYTHON ?= python3
# What is installed, so that a call without LOCK does not put the CPU's packages in the place of the GPU's.
LOCK ?= $(if $(wildcard .venv/installed-requirements-gpu.lock),infra/requirements-gpu.lock,requirements.lock)
ARGS ?=
PROCESSES ?= 3

# The mirror that is set for pip is uv's too, which does not look for it.
ifneq ($(PIP_INDEX_URL),)
ifeq ($(UV_DEFAULT_INDEX)$(UV_INDEX_URL),)
export UV_DEFAULT_INDEX := $(PIP_INDEX_URL)
endif
endif

UV := $(shell command -v uv || echo .tools/bin/uv)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

# One more than the 2 cores, since many tests wait; those that share a file or a stack stay in one (tests/division.py).
PYTEST := .venv/bin/python -m pytest -n $(PROCESSES) --no-loadscope-reorder

.PHONY: study test test-long image-test lint install up down deploy backup restore lock bench sbom audit clean

study: install
	.venv/bin/python flows/full_study.py $(ARGS)

test: install lint
	$(PYTEST) $(ARGS)

test-long: install lint
	CHARREC_TEST_LONG=1 $(PYTEST) $(ARGS)

image-test: install
	CHARREC_TEST_LONG=1 .venv/bin/python -m pytest tests/images -s $(ARGS)

# mypy gives each of its workers 3 s to start; where a loaded machine takes longer, it ends with 2 and not with errors of
# types (1).
lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy || { test $$? -eq 2 && .venv/bin/mypy --num-workers 0; }

install: .venv/prefect-tables.json .venv-s3/installed .venv-kubernetes/installed

.venv/installed-$(notdir $(LOCK)): $(LOCK) pyproject.toml | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip sync --quiet --python .venv --require-hashes $(LOCK)
	$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --offline --editable .
	rm -f .venv/installed-* && touch $@

# Prefect's database migrated once, in 7 s, and not in each new home (flows/schema.py). Beside it, the first import of
# what a study imports late: from then on its bytecode lies there. That of all packages would take 40 s of a core.
LATE := prefect.server.api.server, tensorflow, keras_tuner, matplotlib.pyplot, sklearn.datasets, scipy.stats, boto3, \
	kagglesdk, pytest, xdist
.venv/prefect-tables.json: export PYTHONDONTWRITEBYTECODE =
.venv/prefect-tables.json: .venv/installed-$(notdir $(LOCK)) flows/schema.py
	.venv/bin/python -W ignore -c 'import $(LATE)' 2>/dev/null & .venv/bin/python -m flows.schema; ended=$$?; wait; exit $$ended

# The S3 servers of the local stack and of the tests; one pins a botocore of its own, so they have an environment of
# their own.
.venv-s3/installed: tests/requirements-s3.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-s3
	$(UV) pip sync --quiet --python .venv-s3 --require-hashes tests/requirements-s3.txt
	touch $@

# A worker on Kubernetes has an environment of its own: in ours, every flow would import it (3 s of CPU).
.venv-kubernetes/installed: tests/requirements-kubernetes.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-kubernetes
	$(UV) pip sync --quiet --python .venv-kubernetes --require-hashes tests/requirements-kubernetes.txt
	touch $@

# Where there is no uv, the locked one: its lines of the lock file alone, hashes and all. The user's pip may name a
# mirror, in PIP_INDEX_URL or pip.conf, but not another place to install to, or none.
.tools/bin/uv:
	$(PYTHON) -m venv .tools
	awk '/^uv==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements.lock > .tools/uv.lock
	env -u PIP_DRY_RUN .tools/bin/python -I -m pip install --quiet --disable-pip-version-check --no-user --target '' \
	    --prefix '$(CURDIR)/.tools' --root / --require-hashes -r .tools/uv.lock

up: install
	.venv/bin/python -m infra.local.stack up $(ARGS)

down:
	.venv/bin/python -m infra.local.stack down $(ARGS)

# CHARREC_HOME would be written into the deployments; each worker has its own. Before them the pools, after them the
# automations that begin them.
deploy: install
	if [ -z "$$PREFECT_API_URL" ] && [ -f .stack/env ]; then . ./.stack/env; fi; \
	.venv/bin/python -m deployments.setup && \
	env -u CHARREC_HOME .venv/bin/prefect --no-prompt deploy --all --prefect-file deployments/prefect.yaml && \
	.venv/bin/python -m deployments.setup

# Of what is installed now: a dump comes before an upgrade.
backup:
	.venv/bin/python -m infra.local.backup dump $(ARGS)

restore: install
	.venv/bin/python -m infra.local.backup restore $(ARGS)

lock: | $(UV)
	$(COMPILE) --extra cpu --extra dev pyproject.toml -o requirements.lock
	$(COMPILE) --extra gpu --extra jax-gpu --extra dev pyproject.toml -o infra/requirements-gpu.lock
	$(COMPILE) --constraint requirements.lock --extra cpu --extra build pyproject.toml -o infra/requirements-cpu.lock
	$(COMPILE) --constraint requirements.lock --group pyproject.toml:server -o infra/requirements-server.lock
	$(COMPILE) --group pyproject.toml:store -o infra/requirements-store.lock
	$(COMPILE) --group pyproject.toml:s3-server -o tests/requirements-s3.txt
	$(COMPILE) --constraint requirements.lock --group pyproject.toml:kubernetes -o tests/requirements-kubernetes.txt

bench: install
	.venv/bin/python tests/benchmarks/glyphs.py $(ARGS)

# Their tools are in environments of their own, made by uv for the call: nothing that charrec needs to run.
sbom: | $(UV)
	mkdir -p ci-output
	$(UV) tool run --quiet --python $(PYTHON) --from cyclonedx-bom==7.5.0 cyclonedx-py requirements $(LOCK) \
	    --pyproject pyproject.toml --output-reproducible --of JSON -o ci-output/$(basename $(notdir $(LOCK))).cdx.json

# Strict: without it, what PyPI says nothing of counts as audited.
audit: | $(UV)
	$(UV) tool run --quiet --python $(PYTHON) --from pip-audit==2.10.1 pip-audit --strict --require-hashes --disable-pip \
	    --progress-spinner off --requirement $(LOCK)

clean:
	rm -rf .venv .venv-s3 .venv-kubernetes .tools
