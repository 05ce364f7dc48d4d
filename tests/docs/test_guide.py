"""What tables of the user guide say, and no snippet shows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from django_apscheduler_ng import events
from django_apscheduler_ng.events import EVENT_JOB_EXECUTED, EVENT_JOB_MISSED
from django_apscheduler_ng.schedulers.components import EXECUTORS, JOBSTORES
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.registry import trigger_names

from .pages import CHECKOUT

GUIDE = CHECKOUT / "docs" / "guide"


def table(page: str, heads: str) -> list[list[str]]:
    """Return the cells of the table that begins with this line, without backticks."""
    (found,) = re.findall(rf"(?m)^{re.escape(heads)}\n\|[-| ]+\|\n((?:\|.*\|\n)+)", (GUIDE / page).read_text())
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in found.splitlines()]


BACKLOG = {
    "one run; the others are coalesced": ({1}, False),
    "six runs": ({6}, False),
    "one or two runs, for the last quarter of an hour; the others are missed": ({1, 2}, True),
}


@pytest.mark.parametrize("minutes", [0, 1, 5, 9])
@pytest.mark.parametrize(
    ("coalesce", "grace", "says"), table("policies.md", "| `coalesce` | `misfire_grace_time` | what happens |")
)
def test_an_hour_of_downtime_of_a_job_that_fires_every_ten_minutes(coalesce, grace, says, minutes) -> None:
    scheduler, log = ManualScheduler(FakeClock()), EventLog()
    scheduler.add_listener(log)
    scheduler.start()
    scheduler.travel(timedelta(minutes=minutes, seconds=1))
    policies = {"coalesce": coalesce == "True", "misfire_grace_time": None if grace == "None" else float(grace)}
    scheduler.add_job(print, "cron", minute="*/10", **policies)
    scheduler.pause()
    scheduler.travel(timedelta(hours=1))

    scheduler.resume()
    scheduler.travel(0)

    scheduler.shutdown()
    runs, missed = BACKLOG[says]
    assert len(log.of(EVENT_JOB_EXECUTED)) in runs
    assert bool(log.of(EVENT_JOB_MISSED)) is missed


def test_the_table_of_events_has_all_of_them_with_their_classes() -> None:
    listed = {
        name: kind
        for names, _, kind in table("events.md", "| constant | happens when | class |")
        for name in names.split(", ")
    }

    assert set(listed) == {name for name in vars(events) if name.startswith("EVENT_")} - {
        "EVENT_ALL",
        "EVENT_SCHEDULER_START",
    }
    assert all(issubclass(getattr(events, kind), events.SchedulerEvent) for kind in listed.values())


def test_the_tables_to_choose_from_have_every_type() -> None:
    stores = table(
        "choosing.md",
        "| type | class, below `django_apscheduler_ng.jobstores` | keeps jobs in | shared by several schedulers |",
    )
    executors = table("choosing.md", "| type | class, below `django_apscheduler_ng.executors` | for |")
    triggers = table("choosing.md", "| name | fires | for example |")

    for kind, rows in ((JOBSTORES, stores), (EXECUTORS, executors)):
        package = f"django_apscheduler_ng.{kind.option}."
        assert {row[0]: package + row[1].replace(".", ":") for row in rows}.items() <= {
            name: builtin.path for name, builtin in kind.builtin.items()
        }.items()
    assert {row[0] for row in stores} == set(JOBSTORES.builtin)
    assert {row[0] for row in triggers} <= set(trigger_names())
