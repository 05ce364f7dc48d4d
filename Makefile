# Every target is one call of a Python script, so that all of it also works without make.
PYTHON ?= python3

.PHONY: demo test fast docs

demo:
	$(PYTHON) example_project/demo.py

test:
	$(PYTHON) tests/run.py

fast:
	$(PYTHON) tests/run.py --fast

docs:
	$(PYTHON) tests/run.py --only docs
