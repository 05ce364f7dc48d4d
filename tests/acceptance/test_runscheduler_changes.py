"""What other processes change is obeyed by a running node within two seconds, by polling alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections, transaction

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.runs import OPEN_STATUSES, RunStatus
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.acceptance.harness import NodeProcess, complaints, side_effects, wait_until
from tests.project.jobs import append, noop

StartNode = Callable[..., NodeProcess]

#: Within how many seconds a change is obeyed.
SOON = 2.0

#: What is added to that, because a machine that runs tests has much to do.
PATIENCE = 2.0


class Watch:
    """Looks at the side effects of one job."""

    def __init__(self, effects: Path, job_id: str) -> None:
        self._effects = effects
        self._job_id = job_id

    def count(self) -> int:
        return sum(side_effects(self._effects).get(self._job_id, {}).values())

    def runs_soon(self) -> None:
        """Wait for the next side effect."""
        before = self.count()
        wait_until(lambda: self.count() > before, f"{self._job_id} runs", SOON + PATIENCE)

    def stops_soon(self) -> None:
        """Wait until it has been quiet for twice as long as its interval."""
        time.sleep(SOON - 1)
        before = self.count()
        time.sleep(1)
        assert self.count() == before


@pytest.fixture
def node(start_node: StartNode) -> NodeProcess:
    return start_node().ready()


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "effects", "job")


def add(tmp_path: Path, **trigger: Any) -> None:
    get_scheduler().add_job(append, "interval", [str(tmp_path / "effects")], id="job", **trigger)


def sql(statement: str, *parameters: Any) -> None:
    table = connection.ops.quote_name(ScheduledJob._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=table), parameters)
        assert cursor.rowcount == 1


def stored(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def test_through_the_api(node: NodeProcess, watch: Watch, tmp_path: Path) -> None:
    scheduler = get_scheduler()

    add(tmp_path, hours=1)
    scheduler.run_job("job")
    watch.runs_soon()

    scheduler.reschedule_job("job", trigger="interval", seconds=0.5)
    watch.runs_soon()

    scheduler.pause_job("job")
    watch.stops_soon()

    scheduler.resume_job("job")
    watch.runs_soon()

    other = tmp_path / "other"
    scheduler.modify_job("job", args=[str(other)])
    wait_until(other.exists, "the new argument is used", SOON + PATIENCE)

    scheduler.remove_job("job")
    time.sleep(SOON - 1)
    before = other.read_text()
    time.sleep(1)
    assert other.read_text() == before
    assert node.stop() == 0
    assert complaints(node, expected=("skipped",)) == []


def test_by_updates_of_querysets(node: NodeProcess, watch: Watch, tmp_path: Path) -> None:
    add(tmp_path, hours=1)
    row = ScheduledJob.objects.filter(job_id="job")

    row.update(next_run_time=datetime.now(UTC))
    watch.runs_soon()
    assert row.get().next_run_time > datetime.now(UTC) + timedelta(minutes=50)

    row.update(trigger=dump_trigger(IntervalTrigger(seconds=0.5)))
    watch.runs_soon()

    row.update(paused=True)
    watch.stops_soon()
    assert row.get().next_run_time is None

    row.update(paused=False)
    watch.runs_soon()
    assert node.stop() == 0
    assert complaints(node, expected=("skipped",)) == []


def test_by_plain_sql(node: NodeProcess, watch: Watch, tmp_path: Path) -> None:
    add(tmp_path, hours=1)

    sql("UPDATE {table} SET next_run_time = %s", stored(datetime.now(UTC)))
    watch.runs_soon()

    sql("UPDATE {table} SET {trigger} = %s".replace("{trigger}", connection.ops.quote_name("trigger")),
        dump_trigger(IntervalTrigger(seconds=0.5)))  # fmt: skip
    watch.runs_soon()

    sql("UPDATE {table} SET paused = %s", True)
    watch.stops_soon()

    sql("UPDATE {table} SET paused = %s", False)
    watch.runs_soon()

    sql("DELETE FROM {table}")
    watch.stops_soon()
    assert node.stop() == 0
    assert complaints(node, expected=("skipped",)) == []


def test_a_change_of_the_trigger_by_plain_sql_does_not_fire_by_itself(
    node: NodeProcess, watch: Watch, tmp_path: Path
) -> None:
    add(tmp_path, hours=1)
    row = ScheduledJob.objects.filter(job_id="job")

    row.update(trigger=dump_trigger(IntervalTrigger(hours=2)))

    wait_until(lambda: row.get().planned_trigger == row.get().trigger, "it is planned", SOON + PATIENCE)
    assert row.get().next_run_time > datetime.now(UTC) + timedelta(minutes=110)
    assert watch.count() == 0
    assert node.stop() == 0


def test_a_rollback_leaves_nothing(node: NodeProcess, tmp_path: Path) -> None:
    with transaction.atomic():
        get_scheduler().add_job(append, args=[str(tmp_path / "effects")], id="job")
        get_scheduler().run_job("job")
        transaction.set_rollback(True)

    time.sleep(1.5)
    assert node.stop() == 0
    assert not (tmp_path / "effects").exists()
    assert (ScheduledJob.objects.count(), JobRun.objects.count(), JobLogEntry.objects.count()) == (0, 0, 0)


def test_two_editors_at_once_while_the_job_fires(node: NodeProcess, tmp_path: Path) -> None:
    times = int(os.environ.get("ACCEPTANCE_EDITS", "150"))
    get_scheduler().add_job(noop, "interval", id="edited", name="start", seconds=1, coalesce=False)
    errors: list[Exception] = []
    revisions: list[int] = []

    def edit(editor: int) -> None:
        scheduler = get_scheduler()
        try:
            for index in range(times):
                if index % 3 == 0:
                    scheduler.reschedule_job("edited", trigger="interval", seconds=1 + index % 2)
                else:
                    scheduler.modify_job("edited", name=f"{editor}-{index}", kwargs={"editor": editor, "index": index})
                revisions.append(ScheduledJob.objects.get(job_id="edited").revision)
                time.sleep(0.01)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    editors = [Thread(target=edit, args=[editor]) for editor in range(2)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    last = get_scheduler().modify_job("edited", name="last", kwargs={"by": "the last"})
    rescheduled = get_scheduler().reschedule_job("edited", trigger="interval", seconds=1)
    wait_until(
        lambda: JobRun.objects.filter(job_id="edited", status=RunStatus.SUCCEEDED, job_name="last").count() >= 2,
        "it runs as the last edit says",
        6,
    )
    assert node.stop() == 0

    assert errors == []
    row = ScheduledJob.objects.get(job_id="edited")
    assert (row.name, row.kwargs) == ("last", ScheduledJob.objects.get().kwargs)
    assert last.name == "last"
    assert row.trigger == dump_trigger(rescheduled.trigger)
    assert row.revision == 2 * times + 2
    assert max(revisions) == 2 * times
    slots = list(JobRun.objects.filter(job_id="edited", slot__isnull=False).values_list("slot", flat=True))
    assert len(slots) == len(set(slots))
    assert not JobRun.objects.filter(status__in=OPEN_STATUSES).exists()
    assert complaints(node, expected=("skipped",)) == []
