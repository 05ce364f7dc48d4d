import importlib
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from django.test import override_settings

from django_apscheduler_ng import declarations
from django_apscheduler_ng.conf import get_config
from django_apscheduler_ng.declarations import clear, declared, is_allowed, registered_callables
from django_apscheduler_ng.decorators import job, scheduled_job
from django_apscheduler_ng.exceptions import (
    CallableReferenceError,
    ConflictingIdError,
    InvalidJobError,
    InvalidTriggerError,
    SchedulerError,
    UnstorableError,
)
from django_apscheduler_ng.schedulers.api import undefined
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.project import jobs


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch):
    monkeypatch.setattr(declarations, "_declared", {})
    monkeypatch.setattr(declarations, "_registered", {})


@pytest.fixture
def write_app(tmp_path, monkeypatch):
    """Write an app called `shop` with a module, which can be imported until the test ends."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(source: str, module: str = "jobs") -> Path:
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop" / "__init__.py").touch()
        path = tmp_path / "shop" / f"{module}.py"
        path.write_text(source)
        importlib.invalidate_caches()
        return path

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


HEADER = "from django_apscheduler_ng.decorators import job, scheduled_job\n"


def test_a_decorated_function_is_declared_under_its_path_and_stays_what_it_is(write_app):
    path = write_app(
        HEADER + "\n@scheduled_job('cron', hour=3)\ndef report():\n    '''Write it.\n\n    All.'''\n    return 5\n"
    )

    module = importlib.import_module("shop.jobs")

    assert module.report() == 5
    [declaration] = declared().values()
    assert (declaration.id, declaration.func_ref, declaration.name) == (
        "shop.jobs.report",
        "shop.jobs:report",
        "report",
    )
    assert declaration.func is module.report
    assert str(declaration.trigger.timezone) == "UTC"
    assert (declaration.args, declaration.kwargs) == ((), {})
    assert (declaration.executor, declaration.jobstore) == ("default", "default")
    assert declaration.coalesce is declaration.max_instances is declaration.misfire_grace_time is undefined
    assert declaration.on_abandoned is undefined
    assert str(declaration.origin) == f"{path}:3"
    [registration] = registered_callables().values()
    assert (registration.func_ref, registration.name, registration.summary) == (
        "shop.jobs:report",
        "report",
        "Write it.",
    )


def test_a_declaration_takes_everything_a_job_has():
    decorate = scheduled_job(
        IntervalTrigger(minutes=5),
        args=[1],
        kwargs={"key": "value"},
        id="mine",
        name="Mine",
        misfire_grace_time=None,
        coalesce=False,
        max_instances=3,
        jobstore="other",
        executor="processpool",
        on_abandoned="rerun",
    )

    assert decorate(jobs.noop) is jobs.noop

    declaration = declared()["mine"]
    assert declaration.trigger == IntervalTrigger(minutes=5)
    assert (declaration.name, declaration.args, declaration.kwargs) == ("Mine", (1,), {"key": "value"})
    assert (declaration.jobstore, declaration.executor) == ("other", "processpool")
    assert (declaration.coalesce, declaration.max_instances, declaration.misfire_grace_time) == (False, 3, None)
    assert declaration.on_abandoned == "rerun"


def test_the_zone_of_a_trigger_is_that_of_the_settings():
    with override_settings(TIME_ZONE="Asia/Tehran"):
        scheduled_job("cron", hour=3, id="tehran")(jobs.noop)
    scheduled_job("cron", hour=3, id="berlin", timezone="Europe/Berlin")(jobs.noop)

    assert str(declared()["tehran"].trigger.timezone) == "Asia/Tehran"
    assert str(declared()["berlin"].trigger.timezone) == "Europe/Berlin"


def test_a_callable_is_registered_with_and_without_parentheses():
    assert job(jobs.noop) is jobs.noop
    assert job(name="Echo it")(jobs.echo) is jobs.echo
    assert job()(jobs.nap) is jobs.nap

    registered = registered_callables()

    assert {ref: (each.name, each.summary) for ref, each in registered.items()} == {
        "tests.project.jobs:noop": ("noop", "Do nothing, whatever the arguments."),
        "tests.project.jobs:echo": ("Echo it", "Return the argument."),
        "tests.project.jobs:nap": ("nap", "Sleep, and return for how long."),
    }
    assert declared() == {}


def test_one_function_may_be_declared_twice_under_two_ids():
    scheduled_job("cron", hour=3, id="night")(scheduled_job("cron", hour=15)(jobs.noop))

    assert sorted(declared()) == ["night", "tests.project.jobs.noop"]


def test_stacked_decorators_without_an_id_are_refused_with_both_places(write_app):
    path = write_app(HEADER + "@scheduled_job('cron', hour=3)\n@scheduled_job('cron', hour=15)\ndef report(): ...\n")

    with pytest.raises(ConflictingIdError) as caught:
        importlib.import_module("shop.jobs")

    assert str(caught.value) == (
        f"Job 'shop.jobs.report' is declared twice, at {path}:3 and at {path}:2. "
        "Every id is declared once; pass another id=… to one of them."
    )


def test_one_id_in_two_modules_is_refused_with_both_places(write_app):
    source = HEADER + "@scheduled_job('cron', hour=3, id='nightly')\ndef report(): ...\n"
    one, other = write_app(source), write_app(source, "more")
    importlib.import_module("shop.jobs")

    with pytest.raises(ConflictingIdError) as caught:
        importlib.import_module("shop.more")

    assert str(caught.value) == (
        f"Job 'nightly' is declared twice, at {one}:2 and at {other}:2. "
        "Every id is declared once; pass another id=… to one of them."
    )


def test_two_functions_of_one_name_are_refused(write_app):
    path = write_app(HEADER + "@job\ndef report(): ...\n@scheduled_job('cron', hour=3, id='x')\ndef report(): ...\n")

    with pytest.raises(InvalidJobError) as caught:
        importlib.import_module("shop.jobs")

    assert str(caught.value) == (
        f"Callable 'shop.jobs:report' is registered twice, at {path}:2 and at {path}:4. "
        "Only the second one can be found under this reference; rename one of them."
    )
    assert declared() == {}


@pytest.mark.parametrize("again", ["reload", "import"])
def test_a_module_that_is_imported_again_declares_afresh(write_app, again):
    write_app(
        HEADER + "@scheduled_job('cron', hour=3)\ndef report(): ...\n@scheduled_job('cron', hour=4)\ndef old(): ...\n"
    )
    module = importlib.import_module("shop.jobs")
    write_app(HEADER + "\n\n@scheduled_job('cron', hour=5)\ndef report(): ...\n")

    if again == "import":
        del sys.modules["shop.jobs"]
        module = importlib.import_module("shop.jobs")
    else:
        importlib.reload(module)

    [declaration] = declared().values()
    assert declaration.func is module.report
    assert declaration.origin.line == 4
    assert list(registered_callables()) == ["shop.jobs:report"]


def local_function():
    def inner(): ...

    return inner


@pytest.mark.parametrize(
    ("declare", "error", "message"),
    [
        pytest.param(
            lambda: scheduled_job("crn", hour=3),
            InvalidTriggerError,
            "Unknown trigger 'crn'. Did you mean 'cron'?",
            id="trigger",
        ),
        pytest.param(
            lambda: scheduled_job("cron", houres=3),
            InvalidTriggerError,
            "Trigger 'cron' has no argument 'houres'. Did you mean 'hour'?",
            id="trigger-argument",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3, misfre_grace_time=5),
            InvalidJobError,
            "Unknown option 'misfre_grace_time'. Did you mean 'misfire_grace_time'?",
            id="option",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3, next_run_time=None),
            InvalidJobError,
            "Option 'next_run_time' must not be part of a declaration, got None: every start of a node would set it "
            "again. Give the trigger a start_date, or use add_job().",
            id="next-run-time",
        ),
        pytest.param(
            lambda: scheduled_job("date"),
            InvalidTriggerError,
            "Trigger 'date' of a declaration needs the argument 'run_date', got none: every start of a node would be "
            "another date. Pass run_date=….",
            id="date-without-a-date",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3, max_instances=0),
            InvalidJobError,
            "Job option 'max_instances' must be a positive whole number, got 0. Use 1 to forbid overlaps.",
            id="policy",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3)(lambda: None),
            CallableReferenceError,
            None,
            id="lambda",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3)(local_function()),
            CallableReferenceError,
            None,
            id="nested",
        ),
        pytest.param(lambda: job(partial(jobs.noop)), CallableReferenceError, None, id="partial"),
        pytest.param(lambda: job()("shop.jobs:report"), CallableReferenceError, None, id="no-callable"),
        pytest.param(
            lambda: scheduled_job("cron", hour=3, args=[1, 2])(jobs.echo),
            InvalidJobError,
            "Arguments of 'tests.project.jobs:echo' do not fit its signature (value: object = None) -> object: "
            "takes 1 positional arguments, got 2. Change args and kwargs of the job.",
            id="arguments",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3, kwargs={"value": object()})(jobs.echo),
            UnstorableError,
            None,
            id="unstorable",
        ),
        pytest.param(
            lambda: scheduled_job("cron", hour=3, id="x" * 192)(jobs.echo),
            InvalidJobError,
            None,
            id="id-too-long",
        ),
        pytest.param(
            lambda: job(name="")(jobs.echo),
            InvalidJobError,
            "Job option 'name' must be a non-empty string, got ''. Leave it out for the callable's name.",
            id="empty-name",
        ),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(declare, error, message):
    with pytest.raises(error) as caught:
        declare()

    assert message is None or str(caught.value) == message
    assert isinstance(caught.value, SchedulerError)
    assert (declared(), registered_callables()) == ({}, {})


def test_a_date_in_code_is_one_moment():
    scheduled_job("date", run_date=datetime(2030, 1, 1, tzinfo=UTC), id="once")(jobs.noop)

    assert declared()["once"].trigger.get_next_fire_time(None, datetime(2029, 1, 1, tzinfo=UTC)) == datetime(
        2030, 1, 1, tzinfo=UTC
    )


def test_clear_forgets_everything():
    scheduled_job("cron", hour=3)(jobs.noop)

    clear()

    assert (declared(), registered_callables()) == ({}, {})


class TestDiscovery:
    """Importing the `jobs` module of each app."""

    @pytest.fixture
    def install(self, write_app, settings):
        def install(source: str, module: str = "jobs"):
            """Write the app and install it: Django calls `ready()` of every app again."""
            write_app(source, module)
            settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "shop"]

        return install

    def test_the_jobs_module_of_each_app_is_imported(self, install):
        install(HEADER + "@scheduled_job('cron', hour=3)\ndef report(): ...\n")

        assert list(declared()) == ["shop.jobs.report"]

    def test_another_name_may_be_set(self, install, settings):
        settings.APSCHEDULER = {"autodiscover": "schedule"}

        install(HEADER + "@scheduled_job('cron', hour=3)\ndef report(): ...\n", "schedule")

        assert list(declared()) == ["shop.schedule.report"]

    def test_it_may_be_switched_off(self, install, settings):
        settings.APSCHEDULER = {"autodiscover": False}

        install("raise RuntimeError")

        assert declared() == {}

    def test_a_module_of_that_name_with_other_things_in_it_is_harmless(self, install):
        install("JOBS = ['clerk', 'baker']")

        assert declared() == {}
        assert sys.modules["shop.jobs"].JOBS == ["clerk", "baker"]

    def test_an_import_error_inside_is_raised(self, install):
        with pytest.raises(ModuleNotFoundError, match=r"^No module named 'nowhere_at_all'$"):
            install("import nowhere_at_all")

    def test_settings_that_cannot_be_used_are_left_to_the_checks(self, install, settings, caplog):
        settings.APSCHEDULER = {"Lease": 5}

        install("raise RuntimeError")

        assert [record.getMessage() for record in caplog.records] == [
            "Jobs are not discovered, because the settings cannot be used. "
            "APSCHEDULER: Unknown option 'Lease'. Did you mean 'lease'?"
        ]


class TestPermission:
    """Which callables a node may run."""

    @pytest.mark.parametrize(
        ("func_ref", "allowed"),
        [
            pytest.param("tests.project.jobs:noop", True, id="module-of-an-app"),
            pytest.param("tests.project:anything", True, id="package-of-an-app"),
            pytest.param("django.contrib.sessions.models:Session.get_decoded", True, id="app-of-django"),
            pytest.param("tests.project.jobs:gone", True, id="gone-fails-by-itself"),
            pytest.param("tests.projectile:noop", False, id="only-begins-like-an-app"),
            pytest.param("os:system", False, id="standard-library"),
            pytest.param("tests.project.jobs:current_run", True, id="imported-from-another-app"),
            pytest.param("django.contrib.auth.hashers:import_string", False, id="imported-from-elsewhere"),
            pytest.param("django.core.management:call_command", False, id="django-itself"),
        ],
    )
    def test_a_callable_must_be_defined_in_an_installed_app(self, func_ref, allowed):
        assert is_allowed(func_ref) is allowed

    @pytest.mark.parametrize(
        ("pattern", "func_ref", "allowed"),
        [
            ("django.core.management:call_command", "django.core.management:call_command", True),
            ("django.core.management:*", "django.core.management:call_command", True),
            ("django.core.*:call_*", "django.core.management:call_command", True),
            ("django.core.management:*", "django.core.management.base:BaseCommand", False),
            ("Django.core.management:*", "django.core.management:call_command", False),
        ],
    )
    def test_a_pattern_of_the_settings_allows_others(self, pattern, func_ref, allowed):
        with override_settings(APSCHEDULER={"allowed_callables": [pattern]}):
            assert is_allowed(func_ref, get_config()) is allowed

    def test_a_registered_callable_is_allowed_wherever_it_is(self, write_app):
        write_app(HEADER + "@job\ndef report(): ...\ndef other(): ...\n")
        importlib.import_module("shop.jobs")

        assert is_allowed("shop.jobs:report")
        assert not is_allowed("shop.jobs:other")
