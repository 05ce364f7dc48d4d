from types import SimpleNamespace

import pytest
from django.core import checks as django_checks
from django.core.management import call_command
from django.test import override_settings

from django_apscheduler_ng import checks, declarations
from django_apscheduler_ng.decorators import scheduled_job
from tests.project import jobs

WAL = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "timeout": 20,
}


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch):
    monkeypatch.setattr(declarations, "_declared", {})
    monkeypatch.setattr(declarations, "_registered", {})


class FakeConnection:
    """What the checks ask of a connection."""

    def __init__(self, vendor, *, name="db", options=None, mariadb=True, version=(10, 11, 4)):
        self.vendor = vendor
        self.settings_dict = {"NAME": name, "OPTIONS": options or {}}
        self.mysql_is_mariadb = mariadb
        self.mysql_version = version


@pytest.fixture
def connect(monkeypatch):
    """Let the checks see other connections than the real ones."""

    def replace(**by_alias):
        monkeypatch.setattr(checks, "connections", by_alias)

    return replace


def shown(messages):
    return [(type(message).__name__, message.id, message.msg, message.hint) for message in messages]


def ids(messages):
    return [message.id.removeprefix("django_apscheduler_ng.") for message in messages]


def test_a_project_without_settings_passes_every_check():
    assert [message for message in django_checks.run_checks() if message.id.startswith("django_apscheduler_ng")] == []


def test_the_checks_are_registered_once_and_found_by_tag():
    before = len(django_checks.registry.registry.get_checks())

    checks.register()

    assert len(django_checks.registry.registry.get_checks()) == before
    call_command("check", "--tag", "django_apscheduler_ng")


@override_settings(APSCHEDULER={"Lease": 30, "grace": "long"})
def test_every_mistake_in_the_settings_is_an_error_with_a_hint():
    assert shown(checks.check_settings()) == [
        (
            "Error",
            "django_apscheduler_ng.E001",
            "APSCHEDULER: Unknown option 'Lease'.",
            "Did you mean 'lease'?",
        ),
        (
            "Error",
            "django_apscheduler_ng.E001",
            "APSCHEDULER: Option 'grace' must be a number of seconds, at least 0, got 'long'.",
            "Write it as 30, 1.5, '30' or a timedelta.",
        ),
    ]


@override_settings(APSCHEDULER={"Lease": 30})
def test_settings_that_cannot_be_used_break_no_other_check():
    assert ids(django_checks.run_checks(tags=["django_apscheduler_ng"])) == ["E001"]


@override_settings(SCHEDULER_CONFIG={}, APSCHEDULER_RUN_NOW_TIMEOUT=25)
def test_settings_of_django_apscheduler_are_named():
    assert shown(checks.check_leftovers()) == [
        (
            "Warning",
            "django_apscheduler_ng.W001",
            f"Setting {name!r} belongs to django-apscheduler; django_apscheduler_ng reads only APSCHEDULER.",
            "Remove it. The page 'Coming from django-apscheduler' says what takes its place.",
        )
        for name in ("SCHEDULER_CONFIG", "APSCHEDULER_RUN_NOW_TIMEOUT")
    ]


def test_both_apps_side_by_side_are_named(monkeypatch):
    monkeypatch.setattr(checks.apps, "is_installed", lambda name: name == "django_apscheduler")

    assert shown(checks.check_leftovers()) == [
        (
            "Warning",
            "django_apscheduler_ng.W002",
            "'django_apscheduler' is in INSTALLED_APPS beside 'django_apscheduler_ng'; each runs only its own jobs.",
            "Move its jobs and remove it. The page 'Coming from django-apscheduler' shows how.",
        )
    ]


def test_a_declared_job_with_an_unknown_executor_and_job_store_is_an_error():
    scheduled_job("cron", hour=3, id="nightly", executor="procespool", jobstore="x")(jobs.noop)
    origin = declarations.declared()["nightly"].origin

    assert shown(checks.check_declarations()) == [
        (
            "Error",
            "django_apscheduler_ng.E002",
            f"Job 'nightly' ({origin}) names the executor 'procespool'; "
            "the settings have default, processpool, asyncio.",
            "Did you mean 'processpool'? Correct the name, or add the executor to APSCHEDULER['executors'].",
        ),
        (
            "Error",
            "django_apscheduler_ng.E003",
            f"Job 'nightly' ({origin}) names the job store 'x'; the settings have default.",
            "Correct the name, or add the job store to APSCHEDULER['jobstores'].",
        ),
    ]


def test_a_declared_job_whose_function_is_gone_is_an_error(monkeypatch):
    scheduled_job("cron", hour=3, id="nightly")(jobs.noop)
    origin = declarations.declared()["nightly"].origin
    monkeypatch.delattr(jobs, "noop")

    [message] = checks.check_declarations()

    assert message.id == "django_apscheduler_ng.E004"
    assert message.msg.startswith(
        f"Job 'nightly' ({origin}) could never run. Callable 'tests.project.jobs:noop' cannot"
    )
    assert message.hint == "Keep the function under its own name at the top level of its module."


def test_a_declared_job_that_can_run_passes():
    scheduled_job("cron", hour=3, id="nightly", executor="processpool")(jobs.noop)

    assert checks.check_declarations() == []


def test_sqlite_without_wal_and_immediate_gets_the_exact_options(connect):
    connect(default=FakeConnection("sqlite"))

    assert shown(checks.check_stores()) == [
        (
            "Warning",
            "django_apscheduler_ng.W004",
            "Job store 'default' is on the SQLite database 'default', whose OPTIONS lack "
            "'transaction_mode': 'IMMEDIATE' and 'PRAGMA journal_mode=WAL'; a node and a web process that write at the "
            "same time may get 'database is locked'.",
            "Add to DATABASES['default']: 'OPTIONS': {'transaction_mode': 'IMMEDIATE', 'init_command': "
            "'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;', 'timeout': 20}.",
        )
    ]


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        pytest.param("db", WAL, [], id="recommended"),
        pytest.param("db", checks.SQLITE_OPTIONS, [], id="as-the-hint-says"),
        pytest.param(
            "db",
            {"transaction_mode": "immediate", "init_command": "pragma journal_mode = wal"},
            [],
            id="other-spelling",
        ),
        pytest.param("db", {"transaction_mode": "IMMEDIATE"}, ["W004"], id="no-wal"),
        pytest.param("db", {"init_command": "PRAGMA journal_mode=WAL"}, ["W004"], id="no-immediate"),
        pytest.param(":memory:", {}, [], id="memory"),
        pytest.param("file:memorydb_default?mode=memory&cache=shared", {}, [], id="shared-memory"),
    ],
)
def test_sqlite_options_are_judged_by_what_they_do(connect, name, options, found):
    connect(default=FakeConnection("sqlite", name=name, options=options))

    assert ids(checks.check_stores()) == found


def test_another_kind_of_database_is_an_error(connect):
    connect(default=FakeConnection("oracle"))

    assert shown(checks.check_stores()) == [
        (
            "Error",
            "django_apscheduler_ng.E005",
            "Job store 'default' is on database 'default' (oracle); it must be SQLite, PostgreSQL or MariaDB.",
            "Set 'using' of the job store to another database.",
        )
    ]


def test_a_store_on_another_database_says_so(connect, settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES, "jobs", {})
    settings.APSCHEDULER = {"jobstores": {"default": {"type": "django", "using": "jobs"}}}
    connect(default=FakeConnection("postgresql"), jobs=FakeConnection("postgresql"))

    assert shown(checks.check_stores()) == [
        (
            "Warning",
            "django_apscheduler_ng.W003",
            "Job store 'default' is on database 'jobs', not on 'default'; a job added inside atomic() on 'default' "
            "stays when that is rolled back.",
            "Change jobs inside atomic(using='jobs'), or keep the job store on 'default'.",
        )
    ]


def test_a_store_that_the_router_sends_to_another_database_says_so(connect, monkeypatch):
    monkeypatch.setattr(checks, "router", SimpleNamespace(db_for_write=lambda model: "jobs"))
    connect(default=FakeConnection("postgresql"), jobs=FakeConnection("postgresql"))

    assert ids(checks.check_stores()) == ["W003"]


@override_settings(APSCHEDULER={"jobstores": {"default": {"type": "memory"}}})
def test_a_store_in_memory_is_on_no_database(connect):
    connect(default=FakeConnection("oracle"))

    assert checks.check_stores() == []


@pytest.mark.parametrize(
    ("connection", "messages"),
    [
        pytest.param(FakeConnection("mysql"), [], id="mariadb"),
        pytest.param(FakeConnection("mysql", version=(10, 6, 0)), [], id="mariadb-exactly-old-enough"),
        pytest.param(
            FakeConnection("mysql", version=(10, 5, 29)),
            [
                (
                    "Error",
                    "django_apscheduler_ng.E006",
                    "Job store 'default' is on database 'default' (MariaDB 10.5.29); it must be 10.6 or newer.",
                    "Upgrade the server, or set 'using' of the job store to another database.",
                )
            ],
            id="mariadb-too-old",
        ),
        pytest.param(
            FakeConnection("mysql", mariadb=False, version=(8, 4, 0)),
            [
                (
                    "Warning",
                    "django_apscheduler_ng.W005",
                    "Job store 'default' is on database 'default' (MySQL); only MariaDB is tested.",
                    "Use MariaDB 10.6 or newer, PostgreSQL or SQLite; or silence this check.",
                )
            ],
            id="mysql",
        ),
        pytest.param(FakeConnection("postgresql"), [], id="postgresql"),
    ],
)
def test_a_server_is_asked_only_where_databases_are_checked(connect, connection, messages):
    connect(default=connection)

    assert shown(checks.check_servers(databases=["default"])) == messages
    assert checks.check_servers(databases=["other"]) == []
    assert checks.check_servers() == []


def test_every_rule_has_an_id_of_its_own_and_is_documented():
    numbers = [rule.number for rule in checks.RULES]

    assert len(set(numbers)) == len(numbers)
    assert numbers == sorted(numbers)
    assert {rule for rule in vars(checks).values() if isinstance(rule, checks.Rule)} == set(checks.RULES)


@pytest.mark.django_db
def test_checks_without_a_database_run_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        django_checks.run_checks(tags=["django_apscheduler_ng"])
