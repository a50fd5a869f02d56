# make serve    start the service; settings: HOST PORT WORKERS, and SERVICE_... (see README.md)
# make test     every test that needs Python packages only
# make check    lint and types
# make install-training  torch and what else training needs
# make lock     pin anew what the images hold
# make test-compose  build and run docker-compose.yml for a test; needs a container engine
# make test-monitoring  try alerts and dashboard with Prometheus; needs the Debian package prometheus
# make test-faults  break a service under load in every way that is known, MINUTES=20 of it mixed
#               traffic; the table is .loadtest/faults.md
# make test-browser  try the page in Chromium, which must be there (Debian package chromium);
#               pictures of it are in .loadtest/screenshots
# make audit    look for known weaknesses in what production runs and in our own code
# make loadtest drive a service, started for it, judge every answer, and fail where the SLO
#               (SLO=loadtest/slo.toml) is broken; the report is .loadtest/report.html.
#               USERS=20 who wait for answers, ARRIVALS=50 requests a second that do not (then
#               USERS=0, unless given), DURATION=30s, SHAPE=steady, ramp, spike or soak,
#               SCENARIO=MixedDay, Digits or Sentiment, URL=http://... of a running service
# make capacity find the highest rate that keeps the SLO, on a quiet machine: ENDPOINT=mixed, digits
#               or sentiment, COUNTS="1 2" of workers, SECONDS=5 at each rate; .loadtest/capacity.md
# make bench    measure the service against a hand-written one, on a quiet machine with wrk;
#               PARTS="digits sentiment" ROUNDS SECONDS; the report is .loadtest/bench.md
# make rivals   measure the service against LitServe, BentoML and Ray Serve, each installed into
#               .rivals; needs wrk; RIVALS="litserve ray" ROUNDS SECONDS; the report is .loadtest/rivals.md

HOST = 127.0.0.1
PORT = 8000
WORKERS = # one for each CPU
MINUTES ?= 20
PAGES ?= tests/browser
RIVALS ?= litserve bentoml ray
PYTHON ?= python3

# As many as there are cores, and each with one; the tests of a file share what they start.
PYTEST = OMP_NUM_THREADS=1 .venv/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check

COMPILE = .venv/bin/uv pip compile pyproject.toml --universal --generate-hashes --no-header \
	--no-annotate --python-version 3.11 --quiet

.PHONY: serve test check lock install-training loadtest capacity bench rivals test-compose \
	test-monitoring test-faults test-browser audit clean

serve: .venv/serve
	@exec .venv/bin/python -m service --host $(HOST) --port $(PORT) $(if $(WORKERS),--workers $(WORKERS))

test: .venv/test
	$(PYTEST)

check: .venv/test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

audit: .venv/test
	@.ci/audit

lock: .venv/test
	$(COMPILE) --upgrade --output-file requirements.lock
	$(COMPILE) --upgrade --extra loadtest --constraint requirements.lock \
		--output-file requirements-loadtest.lock

test-compose: .venv/test
	.venv/bin/python -m pytest -m compose tests/compose

test-monitoring: .venv/test
	.venv/bin/python -m pytest -m monitoring

test-faults: .venv/test
	.venv/bin/python -m pytest -m faults --minutes $(MINUTES) tests/faults

test-browser: .venv/test
	$(PYTEST) -m browser $(PAGES)

loadtest: .venv/test
	@SERVICE_HOST=$(HOST) $(if $(WORKERS),SERVICE_WORKERS=$(WORKERS)) .venv/bin/python -m loadtest \
		$(if $(USERS),--users $(USERS)) $(if $(ARRIVALS),--arrivals $(ARRIVALS)) \
		$(if $(DURATION),--duration $(DURATION)) $(if $(SHAPE),--shape $(SHAPE)) \
		$(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(SLO),--slo $(SLO)) $(if $(URL),--url $(URL))

capacity: .venv/test
	@.venv/bin/python -m loadtest.capacity $(if $(ENDPOINT),--endpoint $(ENDPOINT)) \
		$(if $(COUNTS),--workers $(COUNTS)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SLO),--slo $(SLO))

bench: .venv/test
	@.venv/bin/python -m loadtest.bench $(if $(PARTS),--parts $(PARTS)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

rivals: .venv/test $(RIVALS:%=.rivals/%/installed)
	@.venv/bin/python -m loadtest.rivals --rivals $(RIVALS) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

.rivals/%/installed: loadtest/rivals/%.txt | .venv/bin/python
	@echo "Installing $* into .rivals/$* ..."
	@.venv/bin/python -m venv --clear .rivals/$*
	@.rivals/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

.venv/serve: requirements.lock | .venv/bin/python
	@echo "Installing what serving needs into .venv ..."
	@$(PIP) --require-hashes --requirement requirements.lock
	@touch $@

install-training: pyproject.toml .venv/serve
	@$(PIP) --editable '.[train]'

.venv/test: pyproject.toml .venv/serve
	@echo "Installing what training, tests and load tests need into .venv ..."
	@$(PIP) --editable '.[test]'
	@touch $@

clean:
	rm -rf .venv .checkpoints .loadtest .rivals
