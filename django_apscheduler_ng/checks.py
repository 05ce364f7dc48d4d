"""System checks: what Django can find before a node starts.

`RULES` is the list of all of them. Checks that query a database run only where Django was asked to (`check --database`,
`migrate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from .conf import Config, config_errors, get_config
from .declarations import Declaration, declared
from .exceptions import CallableReferenceError, SchedulerError, did_you_mean
from .refs import load_callable

APP = "django_apscheduler_ng"

#: Page of the documentation that the warnings about django-apscheduler point to.
MIGRATION_GUIDE = "Coming from django-apscheduler"

#: What a SQLite database needs that a node and a web process write to side by side.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "timeout": 20,
}

#: Settings of django-apscheduler.
LEFTOVERS = ("SCHEDULER_CONFIG", "APSCHEDULER_DATETIME_FORMAT", "APSCHEDULER_RUN_NOW_TIMEOUT")

_SUPPORTED = ("sqlite", "postgresql", "mysql")
_OLDEST_MARIADB = (10, 6)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that is checked, and what is said about it."""

    number: str
    #: With fields in braces.
    message: str
    hint: str
    #: Whether it queries the database.
    database: bool = False

    @property
    def id(self) -> str:
        """What `SILENCED_SYSTEM_CHECKS` calls it."""
        return f"{APP}.{self.number}"

    def found(self, **fields: Any) -> checks.CheckMessage:
        """Return the message, with its fields filled in."""
        kind = checks.Error if self.number.startswith("E") else checks.Warning
        return kind(self.message.format(**fields), hint=self.hint.format(**fields) or None, id=self.id)


SETTING = Rule(number="E001", message="{problem}", hint="{advice}")
EXECUTOR = Rule(
    number="E002",
    message="Job {job!r} ({origin}) names the executor {alias!r}; the settings have {known}.",
    hint="{guess}Correct the name, or add the executor to APSCHEDULER['executors'].",
)
JOBSTORE = Rule(
    number="E003",
    message="Job {job!r} ({origin}) names the job store {alias!r}; the settings have {known}.",
    hint="{guess}Correct the name, or add the job store to APSCHEDULER['jobstores'].",
)
UNREACHABLE = Rule(
    number="E004",
    message="Job {job!r} ({origin}) could never run. {problem}",
    hint="Keep the function under its own name at the top level of its module.",
)
VENDOR = Rule(
    number="E005",
    message="Job store {store!r} is on database {database!r} ({vendor}); it must be SQLite, PostgreSQL or MariaDB.",
    hint="Set 'using' of the job store to another database.",
)
OLD_MARIADB = Rule(
    number="E006",
    message="Job store {store!r} is on database {database!r} (MariaDB {version}); it must be 10.6 or newer.",
    hint="Upgrade the server, or set 'using' of the job store to another database.",
    database=True,
)
LEFTOVER = Rule(
    number="W001",
    message="Setting {name!r} belongs to django-apscheduler; django_apscheduler_ng reads only APSCHEDULER.",
    hint="Remove it. The page '{guide}' says what takes its place.",
)
BOTH_APPS = Rule(
    number="W002",
    message="'django_apscheduler' is in INSTALLED_APPS beside 'django_apscheduler_ng'; each runs only its own jobs.",
    hint="Move its jobs and remove it. The page '{guide}' shows how.",
)
OTHER_DATABASE = Rule(
    number="W003",
    message=(
        "Job store {store!r} is on database {database!r}, not on 'default'; a job added inside atomic() on 'default' "
        "stays when that is rolled back."
    ),
    hint="Change jobs inside atomic(using={database!r}), or keep the job store on 'default'.",
)
SQLITE = Rule(
    number="W004",
    message=(
        "Job store {store!r} is on the SQLite database {database!r}, whose OPTIONS lack {missing}; a node and a web "
        "process that write at the same time may get 'database is locked'."
    ),
    hint="Add to DATABASES[{database!r}]: 'OPTIONS': {options}.",
)
MYSQL = Rule(
    number="W005",
    message="Job store {store!r} is on database {database!r} (MySQL); only MariaDB is tested.",
    hint="Use MariaDB 10.6 or newer, PostgreSQL or SQLite; or silence this check.",
    database=True,
)

#: Every rule there is, in the order of the ids.
RULES = (
    *(SETTING, EXECUTOR, JOBSTORE, UNREACHABLE, VENDOR, OLD_MARIADB),
    *(LEFTOVER, BOTH_APPS, OTHER_DATABASE, SQLITE, MYSQL),
)


def register() -> None:
    """Register the checks. A second call changes nothing."""
    checks.register(check_settings, APP)
    checks.register(check_leftovers, APP)
    checks.register(check_declarations, APP)
    checks.register(check_stores, APP)
    checks.register(check_servers, checks.Tags.database)


def check_settings(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Report every mistake in the settings."""
    return [SETTING.found(problem=problem, advice=advice) for problem, advice in config_errors()]


def check_leftovers(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Report what is left of django-apscheduler."""
    found = [LEFTOVER.found(name=name, guide=MIGRATION_GUIDE) for name in LEFTOVERS if hasattr(settings, name)]
    if apps.is_installed("django_apscheduler"):
        found.append(BOTH_APPS.found(guide=MIGRATION_GUIDE))
    return found


def check_declarations(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Report declared jobs that no node could run."""
    config = _usable_config()
    if config is None:
        return []
    return [message for declaration in declared().values() for message in _check_declaration(declaration, config)]


def _check_declaration(declaration: Declaration, config: Config) -> Iterator[checks.CheckMessage]:
    place = {"job": declaration.id, "origin": str(declaration.origin)}
    for rule, alias, known in (
        (EXECUTOR, declaration.executor, config.executors),
        (JOBSTORE, declaration.jobstore, config.jobstores),
    ):
        if alias not in known:
            guess = did_you_mean(alias, known).lstrip()
            yield rule.found(alias=alias, known=", ".join(known), guess=f"{guess} " if guess else "", **place)
    try:
        load_callable(declaration.func_ref)
    except CallableReferenceError as error:
        yield UNREACHABLE.found(problem=error, **place)


def check_stores(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Report job stores on databases that do not fit, as far as the settings show it."""
    found: list[checks.CheckMessage] = []
    for place in _stores():
        connection = connections[place["database"]]
        if connection.vendor not in _SUPPORTED:
            found.append(VENDOR.found(vendor=connection.vendor, **place))
        if place["database"] != DEFAULT_DB_ALIAS:
            found.append(OTHER_DATABASE.found(**place))
        if connection.vendor == "sqlite" and (missing := _missing_options(connection)):
            found.append(SQLITE.found(missing=" and ".join(missing), options=SQLITE_OPTIONS, **place))
    return found


def check_servers(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[checks.CheckMessage]:
    """Report database servers that do not fit; asks only those in `databases`."""
    found: list[checks.CheckMessage] = []
    for place in _stores():
        connection: Any = connections[place["database"]]
        if connection.vendor != "mysql" or place["database"] not in (databases or ()):
            continue
        if not connection.mysql_is_mariadb:
            found.append(MYSQL.found(**place))
        elif connection.mysql_version < _OLDEST_MARIADB:
            found.append(OLD_MARIADB.found(version=".".join(map(str, connection.mysql_version)), **place))
    return found


def _usable_config() -> Config | None:
    """Return the settings; None where they cannot be used, which has a check of its own."""
    try:
        return get_config()
    except SchedulerError:
        return None


def _stores() -> Iterator[dict[str, str]]:
    """Return alias and database of every job store that keeps its jobs in one of the project's databases."""
    config = _usable_config()
    for alias, options in config.jobstores.items() if config is not None else ():
        if options.get("type") == "django":
            model = apps.get_model(APP, "ScheduledJob")
            yield {"store": alias, "database": options["using"] or router.db_for_write(model)}


def _missing_options(connection: BaseDatabaseWrapper) -> list[str]:
    """Return which options the settings of a SQLite file lack; databases in memory need none."""
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or "mode=memory" in name:
        return []
    options = connection.settings_dict["OPTIONS"]
    wanted = {
        "'transaction_mode': 'IMMEDIATE'": str(options.get("transaction_mode")).upper() == "IMMEDIATE",
        "'PRAGMA journal_mode=WAL'": "journal_mode=wal" in str(options.get("init_command")).lower().replace(" ", ""),
    }
    return [option for option, given in wanted.items() if not given]
