import subprocess
import sys
from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from django_apscheduler_ng.triggers.registry import create_trigger, trigger_class, trigger_names

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KNOWN = "and, calendarinterval, cron, date, interval, or"

PROVIDED = """
from django_apscheduler_ng.triggers.interval import IntervalTrigger

class LunarTrigger(IntervalTrigger):
    alias = "lunar"

    def __init__(self, phase="full", **kwargs):
        super().__init__(days=29.5)
        self.phase = phase
        self.kwargs = kwargs

not_a_trigger = 5
"""


@pytest.fixture
def provide(tmp_path, monkeypatch):
    """Install a package that provides triggers by the entry points given."""

    def install(**entry_points):
        (tmp_path / "moon_provider.py").write_text(PROVIDED)
        info = tmp_path / "moon_provider-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moon-provider\nVersion: 1\n")
        lines = [f"{name} = {reference}" for name, reference in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[django_apscheduler_ng.triggers]", *lines, ""]))
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("moon_provider", None)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("and", AndTrigger),
        ("calendarinterval", CalendarIntervalTrigger),
        ("cron", CronTrigger),
        ("date", DateTrigger),
        ("interval", IntervalTrigger),
        ("or", OrTrigger),
    ],
)
def test_every_trigger_of_this_package_has_the_name_it_is_stored_under(name, cls):
    assert trigger_class(name) is cls
    assert cls.alias == name
    assert name in trigger_names()


def test_a_name_and_arguments_make_a_trigger():
    trigger = create_trigger("interval", {"minutes": 5, "timezone": "UTC"})

    assert trigger == IntervalTrigger(minutes=5, timezone="UTC")


def test_a_finished_trigger_is_passed_through():
    trigger = IntervalTrigger(minutes=5)

    assert create_trigger(trigger, {}, timezone="Europe/Berlin") is trigger


@pytest.mark.parametrize("name", [None, "date"])
def test_no_trigger_and_a_date_without_a_date_mean_now(name):
    trigger = create_trigger(name, {}, timezone="Europe/Berlin", now=NOW)

    assert trigger == DateTrigger(NOW, "Europe/Berlin")


def test_no_trigger_takes_the_arguments_of_a_date():
    trigger = create_trigger(None, {"run_date": "2026-12-24"}, timezone="UTC", now=NOW)

    assert trigger == DateTrigger("2026-12-24", "UTC")


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        pytest.param({}, "Asia/Tokyo", id="not-given"),
        pytest.param({"timezone": None}, "Asia/Tokyo", id="none"),
        pytest.param({"timezone": "Europe/Berlin"}, "Europe/Berlin", id="given"),
    ],
)
def test_the_zone_of_the_scheduler_is_the_default(kwargs, expected):
    trigger = create_trigger("cron", {"hour": 3, **kwargs}, timezone="Asia/Tokyo")

    assert trigger.timezone.key == expected


def test_a_trigger_without_a_zone_gets_none():
    member = IntervalTrigger(hours=2, timezone="UTC")

    assert create_trigger("or", {"triggers": [member]}, timezone="Asia/Tokyo") == OrTrigger([member])


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("crno", " Did you mean 'cron'?", id="typo"),
        pytest.param("intervall", " Did you mean 'interval'?", id="another-typo"),
        pytest.param("weekly", f" Known are {KNOWN}.", id="unlike-any"),
        pytest.param("", f" Known are {KNOWN}.", id="empty"),
    ],
)
def test_an_unknown_name_is_refused(name, advice):
    with pytest.raises(InvalidTriggerError) as error:
        create_trigger(name, {})

    assert str(error.value) == f"Unknown trigger {name!r}.{advice}"


@pytest.mark.parametrize("trigger", [IntervalTrigger, 5, {"minutes": 5}], ids=repr)
def test_what_is_neither_name_nor_trigger_is_refused(trigger):
    with pytest.raises(InvalidTriggerError) as error:
        create_trigger(trigger, {})

    assert str(error.value) == (
        f"Argument 'trigger' must be the name of a trigger or an instance of one, got {trigger!r}. "
        "Pass a name such as 'cron', or call the class."
    )


@pytest.mark.parametrize(
    ("name", "argument", "advice"),
    [
        pytest.param("interval", "minuets", " Did you mean 'minutes'?", id="interval"),
        pytest.param("cron", "day_of_weak", " Did you mean 'day_of_week'?", id="cron"),
        pytest.param("and", "minutes", " Known are triggers, jitter.", id="and"),
        pytest.param("date", "at", " Known are run_date, timezone.", id="date"),
    ],
)
def test_an_unknown_argument_is_refused(name, argument, advice):
    with pytest.raises(InvalidTriggerError) as error:
        create_trigger(name, {argument: 5}, timezone="UTC")

    assert str(error.value) == f"Trigger {name!r} has no argument {argument!r}.{advice}"


def test_a_missing_argument_is_named():
    with pytest.raises(InvalidTriggerError) as error:
        create_trigger("and", {"jitter": 5})

    assert str(error.value) == "Trigger 'and' needs the argument 'triggers', got none. Pass triggers=…."


def test_arguments_for_a_finished_trigger_are_refused():
    with pytest.raises(InvalidTriggerError) as error:
        create_trigger(IntervalTrigger(minutes=5), {"jitter": 3, "timezone": "UTC"})

    assert str(error.value) == (
        "Trigger 'interval[0:05:00]' is finished and takes no more arguments, got jitter=3, timezone='UTC'. "
        "Pass them where the trigger is made, or pass the trigger's name."
    )


def test_another_package_can_provide_a_trigger(provide):
    provide(lunar="moon_provider:LunarTrigger")

    trigger = create_trigger("lunar", {"phase": "new", "colour": "red"}, timezone="UTC")

    assert type(trigger).__name__ == "LunarTrigger"
    assert (trigger.phase, trigger.kwargs) == ("new", {"colour": "red"})
    assert "lunar" in trigger_names()


def test_a_typo_in_the_name_of_a_provided_trigger_gets_a_suggestion(provide):
    provide(lunar="moon_provider:LunarTrigger")

    with pytest.raises(InvalidTriggerError) as error:
        create_trigger("lunra", {})

    assert str(error.value) == "Unknown trigger 'lunra'. Did you mean 'lunar'?"


def test_nobody_can_replace_a_trigger_of_this_package(provide):
    provide(cron="moon_provider:LunarTrigger")

    assert trigger_class("cron") is CronTrigger


def test_a_provided_trigger_is_imported_when_it_is_asked_for(provide):
    provide(lunar="moon_provider:LunarTrigger")

    create_trigger("interval", {"minutes": 5})
    trigger_names()
    assert "moon_provider" not in sys.modules

    trigger_class("lunar")
    assert "moon_provider" in sys.modules


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("gone_provider:LunarTrigger", "ModuleNotFoundError: No module named 'gone_provider'"),
        ("moon_provider:Gone", "AttributeError: module 'moon_provider' has no attribute 'Gone'"),
    ],
    ids=["module", "class"],
)
def test_a_provided_trigger_that_cannot_be_imported_is_named(provide, reference, problem):
    provide(lunar=reference)

    with pytest.raises(InvalidTriggerError) as error:
        trigger_class("lunar")

    assert str(error.value) == (
        f"Trigger 'lunar' is provided by {reference!r}, which must be importable, got {problem}. "
        "Repair or uninstall the package that provides it."
    )


def test_something_provided_that_is_no_trigger_is_named(provide):
    provide(lunar="moon_provider:not_a_trigger")

    with pytest.raises(InvalidTriggerError) as error:
        trigger_class("lunar")

    assert str(error.value) == (
        "Trigger 'lunar' is provided by 'moon_provider:not_a_trigger', which must be a subclass of BaseTrigger, got 5. "
        "Repair or uninstall the package that provides it."
    )


def test_the_registry_imports_no_trigger_before_it_is_asked_for():
    code = (
        "import sys, django_apscheduler_ng.triggers.registry as registry\n"
        "print(sorted(name.rpartition('.')[2] for name in sys.modules if name.startswith(registry.__package__ + '.')))"
    )

    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert output.strip() == "['base', 'registry']"
