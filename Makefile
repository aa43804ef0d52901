# Everything here sets itself up: all it takes is make and Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint format typecheck record bench constraints clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed; say which with: make PYTHON=python3.11 ...'; exit 1; }
	@echo 'Setting up $(VENV) (once; this takes a minute or two) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## Run the main job on the emulator, with no key
	@$(BIN)/python examples/demo.py $(ARGS)

test: $(READY) ## Run all tests
	@$(BIN)/python -m pytest $(ARGS)

# Both make their environment anew: it takes seconds, and what is newest changes every day.
.PHONY: test-lowest test-newest
test-lowest: $(READY) ## Run all tests with the oldest versions that pyproject.toml allows
	@$(call test-with,lowest-direct)

test-newest: $(READY) ## Run all tests with what pip installs today, without the constraints
	@$(call test-with,highest)

define test-with
$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-$(1)
$(BIN)/uv pip install --quiet --python .venv-$(1)/bin/python --resolution $(1) -e '.[dev]'
.venv-$(1)/bin/python -m pytest $(ARGS)
endef

.PHONY: coverage
coverage: $(READY) ## Run all tests, and show what none of them runs (takes twice as long)
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

.PHONY: test-wheel
test-wheel: $(READY) ## Build the wheel, install it into empty environments, and use it there
	@$(BIN)/python -m pytest tests/check_wheel.py $(ARGS)

lint: $(READY) ## Check style, spelling, types and files: all hooks of pre-commit
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure $(ARGS)

format: $(READY) ## Format the code
	@$(BIN)/python -m tests.exports
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

record: $(READY) ## Record the cassettes again: from the emulator, or from Google if GOOGLE_API_KEY is set
	@$(BIN)/python -m pytest tests/integration_tests/test_cassettes.py --record-mode=rewrite $(ARGS)
	@$(BIN)/python -m pytest tests/integration_tests/test_cassettes.py \
	  tests/unit_tests/test_cassettes_hold_no_secrets.py --block-network $(ARGS)

bench: $(READY) ## Measure what the fallback costs
	@$(BIN)/python -m benchmarks.overhead $(ARGS)
	@$(BIN)/python -m benchmarks.frames $(ARGS)
	@$(BIN)/python -m benchmarks.fallback_delay $(ARGS)
	@$(BIN)/python -m benchmarks.connections $(ARGS)
	@$(BIN)/python -m benchmarks.hedging $(ARGS)
	@$(BIN)/python -m benchmarks.datasets $(ARGS)
	@$(BIN)/python -m benchmarks.command_line $(ARGS)
	@$(BIN)/python -m benchmarks.library $(ARGS)

.PHONY: selection
selection: $(READY) ## Measure how well examples are selected, and draw it (2 minutes)
	@$(BIN)/python -m benchmarks.few_shot_cost $(ARGS)
	@$(BIN)/python -m benchmarks.few_shot --plot docs/few_shot.svg $(ARGS)

SCORECARD := .venv-scorecard

$(SCORECARD)/.ready: pyproject.toml benchmarks/scorecard/requirements.txt
	@echo 'Setting up $(SCORECARD) with the peers (once; this takes a minute or two) ...'
	@$(PYTHON) -m venv $(SCORECARD)
	@echo '*' > $(SCORECARD)/.gitignore
	@$(SCORECARD)/bin/python -m pip install --quiet --disable-pip-version-check \
	  -r benchmarks/scorecard/requirements.txt -e '.[emulator]'
	@touch $@

.PHONY: scorecard
scorecard: $(SCORECARD)/.ready ## Compare with its peers what a failing model leads to (14 minutes)
	@$(SCORECARD)/bin/python -m benchmarks.scorecard $(ARGS)

.PHONY: peers
peers: $(SCORECARD)/.ready ## Compare with its peers what a call costs while all is well
	@$(SCORECARD)/bin/python -m benchmarks.peers $(ARGS)

.PHONY: figures
figures: ## Measure all that the README shows, and write it there (half an hour; leave the machine alone)
	@$(MAKE) --no-print-directory bench scorecard peers selection ARGS=--record
	@$(BIN)/python -m benchmarks.readme

.PHONY: mutants
mutants: $(READY) ## Break the code in hundreds of ways: do its tests notice? (4 minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	@rm -rf mutants
	@$(BIN)/mutmut run
	@for mutant in $$($(BIN)/mutmut results | sed -nE 's/^ *(.*): (survived|no tests|suspicious)$$/\1/p'); do \
	  grep -qF "\`$$mutant\`" tests/mutants.md || { $(BIN)/mutmut show "$$mutant"; missed=1; }; \
	done; rm -rf mutants; [ -z "$$missed" ]

constraints: ## Resolve all dependencies again into constraints.txt
	@$(PYTHON) -m venv $(VENV)-constraints
	@$(VENV)-constraints/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@{ echo '# All extras, resolved together. Regenerate with: make constraints'; \
	  $(VENV)-constraints/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	@rm -rf $(VENV)-constraints

clean: ## Remove what the other targets made
	@rm -rf $(VENV) $(VENV)-* mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist
