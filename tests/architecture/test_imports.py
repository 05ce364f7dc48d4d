"""What imports what: the contracts in `pyproject.toml`, and what really happens in a fresh interpreter."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Collection

import pytest

import django_apscheduler_ng
from tests.conftest import CHECKOUT

PACKAGE = "django_apscheduler_ng"

#: Modules that need Django. Every other module belongs to the engine, and to the contract that keeps Django out of it.
SHELL = {
    "access", "accounts", "actors", "additions", "admin", "apps", "asyncapi", "attempts", "bootstrap", "checks",
    "claiming", "cluster", "commands", "conf", "conf_readers", "connections", "declarations", "decorators",
    "difference", "duejob", "duties", "edits", "embedding", "fields", "forgetting", "health", "held", "hotsql",
    "importers", "isolation", "jobstores.django", "journal", "keeper", "latest", "ledger", "listening", "livenode",
    "management", "membership", "merging", "migrations", "models", "nodes", "notifications", "obeying", "parking",
    "pruning", "querysets", "queues", "reader", "reasons", "recordable", "recorder", "relay", "reloading", "reports",
    "rescue", "retention", "retiring", "rows", "runcontrol", "schema", "serving", "signals", "states", "storetime",
    "surroundings", "tasks", "why", "words",
}  # fmt: skip

CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def below(names: Collection[str], module: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in names)


def modules() -> list[str]:
    """Return all modules of the package, without its name."""
    found = pkgutil.walk_packages(django_apscheduler_ng.__path__, f"{PACKAGE}.", onerror=lambda name: None)
    return sorted(module.name.removeprefix(f"{PACKAGE}.") for module in found)


def fresh(code: str, **options: str) -> str:
    """Run code in an interpreter that has imported nothing yet, with warnings as errors, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=CHECKOUT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(CHECKOUT), **options},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_contracts_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


def test_each_module_belongs_either_to_the_engine_or_to_the_shell():
    engine = {name.removeprefix(f"{PACKAGE}.") for name in CONTRACTS["engine"]["source_modules"]}

    both = [module for module in modules() if below(engine, module) and below(SHELL, module)]
    neither = [module for module in modules() if not below(engine | SHELL, module)]

    assert both == []
    assert neither == ["jobstores"]  # the folder of both


def test_the_engine_loads_no_django():
    engine = [
        f"{PACKAGE}.{module}" for module in modules() if not below(SHELL, module) and not module.startswith("testing.")
    ]

    code = f"""
import sys
from importlib import import_module
import {PACKAGE}
from {PACKAGE}.exceptions import MissingExtraError
for name in {engine}:
    try:
        import_module(name)
    except MissingExtraError:
        pass
{PACKAGE}.current_run()
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("django", "asgiref", "apscheduler")))
"""
    assert len(engine) >= 50
    assert fresh(code) == "[]"


OPTIONAL = {
    "schedulers.tornado": "tornado",
    "schedulers.gevent": "gevent",
    "schedulers.twisted": "twisted",
    "schedulers.qt": "qt",
    "executors.tornado": "tornado",
    "executors.gevent": "gevent",
    "executors.twisted": "twisted",
    "executors.celery": "celery",
    "jobstores.sqlalchemy": "sqlalchemy",
    "jobstores.mongodb": "mongodb",
    "jobstores.redis": "redis",
}

#: What an extra brings, where that has another name.
BRINGS = {"qt": ["PySide6", "PyQt6"], "mongodb": ["pymongo"]}


#: Makes packages as if they were not there.
NOT_INSTALLED = """
import sys
class NotInstalled:
    def __init__(self, names): self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
"""


@pytest.mark.parametrize(("module", "extra"), OPTIONAL.items(), ids=OPTIONAL)
def test_without_what_it_needs_a_module_names_the_extra_that_brings_it(module, extra):
    blocked = BRINGS.get(extra, [extra])
    code = f"""{NOT_INSTALLED}
sys.meta_path.insert(0, NotInstalled({blocked}))
from {PACKAGE}.exceptions import MissingExtraError
try:
    import {PACKAGE}.{module}
except MissingExtraError as error:
    print(isinstance(error, ImportError), error)
"""

    kind, name = module.split(".")
    what = f"Job store {name!r}" if kind == "jobstores" else f"{name.capitalize()}{kind.removesuffix('s').capitalize()}"
    assert fresh(code) == (
        f"True {what} needs the package {' or '.join(blocked)}, which is not installed. "
        f'Install it with: pip install "django-apscheduler-ng[{extra}]"'
    )


def test_the_type_of_an_executor_whose_loop_is_missing_names_the_extra_too():
    code = f"""{NOT_INSTALLED}
sys.meta_path.insert(0, NotInstalled(["gevent"]))
from {PACKAGE}.schedulers.background import BackgroundScheduler
try:
    BackgroundScheduler(executors={{"default": {{"type": "gevent"}}}})
except Exception as error:
    print(error)
"""

    assert 'Install it with: pip install "django-apscheduler-ng[gevent]"' in fresh(code)


def test_the_extras_are_those_of_the_project():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]

    assert set(OPTIONAL.values()) <= set(project["optional-dependencies"])


def test_the_testing_kit_loads_no_django():
    code = f"import sys; from {PACKAGE}.testing import *; print('django' in sys.modules)"

    assert fresh(code) == "False"


def test_importing_the_package_imports_nothing_else_of_it():
    code = f"import sys, {PACKAGE}; print([name for name in sys.modules if name.startswith('{PACKAGE}.')])"

    assert fresh(code) == "[]"


REQUESTS = {
    "starting": "",
    "adding-a-job": (
        "from django_apscheduler_ng import get_scheduler\n"
        "scheduler = get_scheduler()\n"
        "try: scheduler.add_job('tests.project.jobs:noop', 'interval', hours=1)\n"
        "except django.db.Error: pass"  # there is no table
    ),
    "declaring-a-job": (
        "from django_apscheduler_ng.decorators import scheduled_job\n"
        "from tests.project.jobs import noop\n"
        "scheduled_job('cron', hour=3)(noop)"
    ),
    "checking": "from django.core.management import call_command; call_command('check')",
    "the-admin": "from django.contrib import admin; admin.autodiscover(); import django_apscheduler_ng.admin",
}


@pytest.mark.parametrize("code", REQUESTS.values(), ids=REQUESTS)
def test_a_web_process_loads_neither_executors_nor_loops(code, tmp_path):
    forbidden = tuple(CONTRACTS["requests"]["forbidden_modules"])
    code = f"""
import sys
import django
django.setup()
{code}
print(sorted(name for name in sys.modules if any(f"{{name}}.".startswith(f"{{part}}.") for part in {forbidden})))
"""
    options = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_DATABASE_NAME": str(tmp_path / "empty.sqlite3")}

    assert fresh(code, **options).splitlines()[-1] == "[]"


def test_getting_ready_asks_no_database_and_starts_no_thread(tmp_path):
    code = """
import threading
import django
from django.db.backends.base.base import BaseDatabaseWrapper
BaseDatabaseWrapper.connect = None
django.setup()
print(threading.active_count())
"""
    options = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_DATABASE_NAME": str(tmp_path / "none.sqlite3")}

    assert fresh(code, **options) == "1"
    assert list(tmp_path.iterdir()) == []
