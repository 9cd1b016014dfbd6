# For newcomers: `make demo` shows the command at work, `make lab` opens a shell to try it in, `make test` runs everything.
# All of them set up what they need: packages of the system (announced), .venv, and what .cache keeps.

PYTHON ?= python3
# The end-to-end tests wait more than they compute: more workers than cores, few enough to leave each its time.
WORKERS ?= 3
PACKAGE := azext_acrhealth
RUN := .venv/bin/python -m

.PHONY: demo lab test unit e2e coverage mutants lint docs examples bench compare wheel release setup demo-machine \
  test-machine clean

demo: demo-machine .venv/.ready
	@$(RUN) tests.demo

# make lab FAULT=firewall breaks one thing; tests/local_azure/presets.py has the list. Commands can come from a pipe.
lab: demo-machine .venv/.ready
	@$(RUN) tests.shell $(FAULT)

test: setup
	@$(MAKE) --no-print-directory lint
	$(RUN) pytest -n $(WORKERS) --dist worksteal

unit: .venv/.ready
	$(RUN) pytest -n auto tests/unit

e2e: setup
	$(RUN) pytest -n $(WORKERS) --dist worksteal tests/e2e

# All tests, and the share of the package's lines that they and every az of the lab ran. TESTS=tests/unit for some.
coverage: setup
	rm -rf .cache/coverage && mkdir -p .cache/coverage
	$(RUN) coverage run -m pytest -n $(WORKERS) --dist worksteal $(TESTS); tests=$$?; \
	  $(RUN) coverage combine --quiet && $(RUN) coverage report && exit $$tests

# Mutation testing: whether the unit tests notice a change in the code that decides. Five to ten minutes.
mutants: .venv/.ready
	@nice $(RUN) tests.mutants

lint: .venv/.ready
	$(RUN) flake8 $(PACKAGE) tests setup.py
	$(RUN) pylint --jobs 0 $(PACKAGE) tests setup.py
	for platform in linux win32 darwin; do $(RUN) mypy --platform $$platform $(PACKAGE) || exit 1; done
	$(RUN) mypy tests

# The page of causes, made from the catalogue; a test holds it against it.
docs: .venv/.ready
	@.venv/bin/python docs/generate.py

# What it really said of each cause in the end-to-end tests, for that page: about 10 minutes.
examples: setup
	RECORD_EXAMPLES=1 $(RUN) pytest -n $(WORKERS) --dist worksteal tests/e2e
	@$(MAKE) --no-print-directory docs

# This command and the built-in turn about, over round trips of 1, 40 and 150 ms: 15 minutes. ROUNDS=3 for a look.
bench: demo-machine .venv/.ready
	@$(RUN) tests.bench $(ROUNDS)

# What the built-in says of the same cases. make compare CASE=tls- for some of them.
compare: setup
	@$(RUN) tests.compare $(CASE)

wheel: .venv/.ready
	@$(RUN) tests.supplies

# The wheel, its checksum and its entry for an extension index. URL=https://... is the directory users get it from.
release: .venv/.ready
	@$(RUN) tests.release $(URL)

# The two environments are made side by side, once the system has what they need.
setup: test-machine
	@$(MAKE) --no-print-directory --jobs 2 .venv/.ready .venv-oldest/.ready

demo-machine:
	@$(PYTHON) tests/prerequisites.py demo

test-machine:
	@$(PYTHON) tests/prerequisites.py

# Without --no-compile pip would spend a minute on modules of az that nobody imports here.
.venv/.ready: tests/requirements.txt
	@echo "Making .venv with az and the tests' tools, which takes a minute or two"
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --no-compile --requirement tests/requirements.txt
	@touch $@

# The oldest az that the extension promises to work with.
.venv-oldest/.ready: $(PACKAGE)/azext_metadata.json
	@echo "Making .venv-oldest with the oldest az that is supported, which takes a minute or two"
	@$(PYTHON) -m venv .venv-oldest
	@.venv-oldest/bin/pip install --quiet --no-compile \
	  azure-cli==$$($(PYTHON) -c "import json; print(json.load(open('$<'))['azext.minCliCoreVersion'])")
	@touch $@

clean:
	rm -rf .venv .venv-oldest .cache .mypy_cache .pytest_cache .hypothesis build dist *.egg-info
