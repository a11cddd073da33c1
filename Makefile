# make demo, make test: each sets up what it needs first.
PYTHON ?= python3
HOSTS ?= local://
PROFILE ?= base
N ?= 3
SITE ?= host
MARK ?= not long
BIN := .venv/bin
JUNIT := .trueup/junit
# Suites of the lab, each on hosts of its own, the longest first; three at once, as much of their time is waiting.
TOGETHER = +$(MAKE) -j 3 -k --output-sync=target test-cluster test-edge test-scenarios test-hosts
# The suites run trueup some hundred times: it need not compile itself each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo audit test test-lab test-hosts test-scenarios test-cluster test-edge test-long test-faults lint report lab-setup lab-up lab-down bench schema catalogue lock clean

setup: .venv/ready  ## the virtual environment

demo: .venv/ready  ## boot three test hosts, audit, plan, fix: a cluster; audit again, fix again; without root: audit this machine
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh lab/demo.sh

audit: .venv/ready  ## make audit HOSTS=node1,node2 PROFILE=base
	$(BIN)/pytest checks --hosts='$(HOSTS)' --profile='$(PROFILE)'

test: .venv/ready  ## the suite's own tests that need no test hosts
	$(BIN)/pytest tests -m 'not lab' -q -n auto --dist loadfile --junitxml=$(JUNIT)/unit.xml

test-lab: .venv/ready lab-setup  ## the suite's own tests on real test hosts; needs root
	$(BIN)/pytest tests/lab -q --junitxml=$(JUNIT)/lab.xml
	$(TOGETHER) test-faults

test-long: .venv/ready lab-setup  ## what test-lab leaves out: half an hour
	$(TOGETHER) MARK=long
	$(BIN)/pytest tests/long -q --durations=10

test-hosts test-cluster test-edge test-scenarios: test-%: .venv/ready  ## one of test-lab's suites, on its own hosts
	$(BIN)/pytest tests/$* -m '$(MARK)' -q --durations=10 --junitxml=$(JUNIT)/$*.xml

test-faults: .venv/ready  ## FAULTS=500: how many; SITE=host, edge, signed or cluster: whom they befall; ONLY: pattern of scenarios
	TRUEUP_FAULTS='$(FAULTS)' TRUEUP_SITE=$(SITE) TRUEUP_ONLY='$(ONLY)' \
	  $(BIN)/pytest tests/faults -q --junitxml=$(JUNIT)/faults.xml $(if $(FAULTS),-s $(if $(filter host,$(SITE)),-n 2))

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

report: node_modules/.bin/allure  ## a page from .trueup/allure-results; SINGLE=1 for one file to send around
	rm -rf .trueup/allure-report
	node_modules/.bin/allure generate
	@echo "look at it: $(PYTHON) -m http.server --bind 127.0.0.1 -d .trueup/allure-report 8080"

lab-setup: .venv/ready
	$(BIN)/python -m lab setup

lab-up: lab-setup  ## make lab-up N=3; the first time builds Kubernetes
	$(BIN)/python -m lab up $(N)

lab-down: .venv/ready  ## also cleans up after a crash
	$(BIN)/python -m lab down

bench: .venv/ready lab-setup
	$(BIN)/python -m benchmarks.audit
	$(BIN)/python -m benchmarks.listing
	$(BIN)/python -m benchmarks.guest

# Debian's python3 has venv in a package of its own.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "trueup needs Python 3.11 or newer, PYTHON=… names one")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv; } || \
	  { echo "install your distribution's python3-venv first"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.bin/allure: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

schema: .venv/ready  ## renew the JSON Schemas of profiles, plans and results
	$(BIN)/python -c 'from trueup.model import profile; print(profile.schema(), end="")' >profiles/profile.schema.json
	$(BIN)/python -c 'from trueup.engine import plan; print(plan.schema(), end="")' >docs/plan.schema.json
	$(BIN)/python -c 'from trueup.results import run; print(run.schema(), end="")' >docs/result.schema.json

catalogue: .venv/ready  ## renew the page of all requirements
	$(BIN)/python docs/catalogue.py >docs/catalogue.md

lock:  ## renew requirements.lock from pyproject.toml
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile -q --extra dev --all-build-deps --generate-hashes --strip-extras --allow-unsafe \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements.lock pyproject.toml

clean:
	rm -rf .venv node_modules .trueup build dist *.egg-info
