"""The virtual environments of the contestants and of the benchmark itself. Standard library only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from example_project import virtualenvs
from tests import services

CHECKOUT = Path(__file__).parents[2]

#: Packages that are installed for the server databases that can be used.
_DRIVERS = {"postgres": "psycopg[binary]", "mariadb": "mysqlclient"}
_SERVERS = {"postgres": services.POSTGRES, "mariadb": services.MARIADB}

#: Environment → what is installed in it, besides the drivers.
PACKAGES = {
    "harness": ["matplotlib"],
    "this": ["Django>=5.2", "tzdata"],
    "apscheduler": ["APScheduler<4", "SQLAlchemy"],
    "django-apscheduler": ["Django>=5.2", "django-apscheduler"],
    "cron": ["APScheduler<4", "croniter", "cronsim", "tzdata"],
}


def default_directory() -> Path:
    """Return where the environments and the results are kept: outside of the checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "django_apscheduler_ng-benchmarks")


def usable_databases() -> list[str]:
    """Return the databases that can be used here."""
    return ["sqlite", *(key for key, service in _SERVERS.items() if not service.absence())]


def make(name: str, directory: Path) -> str:
    """Make an environment unless it is there already; return its interpreter.

    Raises:
        Hint: something is missing on this machine; the message says what to do.
    """
    python = virtualenvs.make(directory / name, virtualenvs.find_python())
    drivers = [_DRIVERS[key] for key in usable_databases() if key in _DRIVERS and name != "cron"]
    if virtualenvs.install(python, [*PACKAGES[name], *drivers], []):
        print(f"made the environment {name!r}", file=sys.stderr)
    return str(python)


class Environments:
    """Interpreters by name of the environment; each is made when it is asked for first."""

    def __init__(self, directory: Path, *, here: bool) -> None:
        """Keep environments below `directory`; with `here`, this interpreter has to do for this project."""
        self._directory = directory
        self._made = {"this": sys.executable, "harness": sys.executable} if here else {}

    def __getitem__(self, name: str) -> str:
        """Return the interpreter of an environment."""
        if name not in self._made:
            self._made[name] = make(name, self._directory)
        return self._made[name]
