"""What the tests can use but not bring along: which of it is here, and what is lost without it.

Standard library only: `tests/run.py` reads this before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server or program that some tests need."""

    name: str
    #: Variable that holds its URL; a server is used only when this is set.
    variable: str = ""
    #: Names of the programs of which one of each group must be on the PATH.
    programs: tuple[tuple[str, ...], ...] = ()
    #: A package that must be installed.
    package: str = ""
    #: What is not tested without it.
    purpose: str

    def absence(self) -> str:
        """Return why it cannot be used, or an empty string when it can."""
        if self.variable and not os.environ.get(self.variable):
            return f"{self.variable} is not set"
        if self.variable and not _answers(os.environ[self.variable]):
            return f"nothing answers at {self.variable}={os.environ[self.variable]}"
        if self.package and find_spec(self.package) is None:
            return f"the package {self.package} is not installed"
        missing = [group[0] for group in self.programs if not any(map(find_program, group))]
        return f"{' and '.join(missing)} not found on the PATH" if missing else ""


def find_program(name: str) -> str | None:
    """Return the path of a program on the PATH or where Debian and others keep servers, or None."""
    places = [
        *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),
        "/usr/sbin",
        "/usr/local/sbin",
    ]
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(places))


def _answers(url: str) -> bool:
    """Tell whether something accepts connections at the host and port of the URL."""
    parts = urlsplit(url)
    ports = {"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "amqp": 5672}
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or ports[parts.scheme]), timeout=5):
            return True
    except (OSError, KeyError):
        return False


POSTGRES = Service(
    name="PostgreSQL",
    variable="TEST_POSTGRES_URL",
    purpose="the store, the admin and several nodes on PostgreSQL",
)
MARIADB = Service(
    name="MariaDB",
    variable="TEST_MARIADB_URL",
    purpose="the store, the admin and several nodes on MariaDB",
)
REDIS = Service(
    name="Redis",
    variable="TEST_REDIS_URL",
    purpose="the job store in Redis, and Celery's workers on Redis",
)
RABBITMQ = Service(
    name="RabbitMQ",
    variable="TEST_AMQP_URL",
    purpose="Celery's workers on RabbitMQ",
)
CHROMIUM = Service(
    name="Chromium",
    programs=(("chromium", "chromium-browser", "google-chrome"), ("chromedriver",)),
    purpose="the pages in a real browser (tests/browser)",
)
UNFOLD = Service(
    name="django-unfold",
    package="unfold",
    purpose="the pages in another theme (tests/browser/test_unfold.py)",
)
PRIVATE_POSTGRES = Service(
    name="a PostgreSQL of the tests' own",
    programs=(("postgres",), ("initdb",)),
    purpose="outages of PostgreSQL (tests/chaos)",
)
PRIVATE_MARIADB = Service(
    name="a MariaDB of the tests' own",
    programs=(("mariadbd",), ("mariadb-install-db",)),
    purpose="outages of MariaDB (tests/chaos)",
)
PRIVATE_SQLITE = Service(name="SQLite", purpose="a full disk and a locked file (tests/chaos)")
PGBOUNCER = Service(
    name="PgBouncer",
    programs=(("pgbouncer",),),
    purpose="nodes and web processes behind a pool of connections (tests/chaos)",
)
COMPILER = Service(
    name="gcc",
    programs=(("gcc",),),
    purpose="nodes whose clock is set (tests/chaos)",
)
XGETTEXT = Service(
    name="gettext",
    programs=(("xgettext",), ("msgmerge",)),
    purpose="whether the catalogues have the messages of the source (tests/django/test_translation.py)",
)
#: By the values of `TEST_DATABASE`.
PRIVATE_SERVERS = {"postgres": PRIVATE_POSTGRES, "mariadb": PRIVATE_MARIADB, "sqlite": PRIVATE_SQLITE}
SERVICES = (
    POSTGRES,
    MARIADB,
    REDIS,
    RABBITMQ,
    CHROMIUM,
    UNFOLD,
    PRIVATE_POSTGRES,
    PRIVATE_MARIADB,
    PGBOUNCER,
    COMPILER,
    XGETTEXT,
)


def required() -> bool:
    """Tell whether an absent service is a failure: `REQUIRE_SERVICES=1`."""
    return os.environ.get("REQUIRE_SERVICES", "") not in {"", "0"}


def absent() -> Iterator[str]:
    """Yield a line for each service that cannot be used here."""
    for service in SERVICES:
        if reason := service.absence():
            yield f"absent: {service.name} ({reason}); not tested: {service.purpose}"


def drop_leftovers() -> None:
    """Drop the databases that this run made and, because it was killed, did not drop itself."""
    from django.db import connection

    prefix = connection.settings_dict["TEST"]["NAME"]
    queries = {
        "postgresql": "SELECT datname FROM pg_database WHERE datname LIKE %s",
        "mysql": "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s",
    }
    with connection.cursor() as cursor:
        cursor.execute(queries[connection.vendor], [prefix + "%"])
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP DATABASE {connection.ops.quote_name(name)}")
            print(f"dropped the leftover database {name}")


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    drop_leftovers()
