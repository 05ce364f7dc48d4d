"""Jobs that code ceases to declare, and declares again; on several nodes with different code."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from django_apscheduler_ng import declarations, get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.conf import get_config
from django_apscheduler_ng.decorators import scheduled_job
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.livenode import LiveNode
from django_apscheduler_ng.models import JobLogEntry, JobRun, Origin, ScheduledJob, SchedulerNode
from django_apscheduler_ng.retiring import INTERVAL
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.why import why
from tests.django.admin_kit import PAGES, address, client_of
from tests.project.jobs import noop

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


class Code:
    """The code that a node is started with."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def says(self, **intervals):
        """Declare a job for each name, with an interval in hours, and nothing else."""
        self._monkeypatch.setattr(declarations, "_declared", {})
        self._monkeypatch.setattr(declarations, "_registered", {})
        for name, hours in intervals.items():
            scheduled_job("interval", hours=hours, id=name)(noop)


@pytest.fixture
def code(monkeypatch):
    return Code(monkeypatch)


@pytest.fixture
def start(fake_clock, monkeypatch):
    """Starts live nodes on a clock that stands still, with the code of that moment."""
    nodes = []

    def make(config):
        return lambda *args, **options: ManualScheduler(fake_clock, jobstores=get_config().jobstores)

    def start_node():
        monkeypatch.setattr("django_apscheduler_ng.livenode.make_node", make(None))
        node = LiveNode(get_config())
        node.start()
        nodes.append(node)
        return node

    yield start_node
    for node in nodes:
        if node.scheduler.running:
            node.scheduler.shutdown()
        node.relay.stop(timeout=2.0)


def stop(node):
    node.scheduler.shutdown()


def row(job_id):
    return ScheduledJob.objects.get(job_id=job_id)


def retired():
    return sorted(ScheduledJob.objects.filter(retired_at__isnull=False).values_list("job_id", flat=True))


def happened(job_id):
    entries = JobLogEntry.objects.filter(job_id=job_id).order_by("pk")
    return list(entries.values_list("action", "reason"))


def test_a_job_that_is_gone_from_the_code_is_retired_and_kept(code, start, caplog):
    code.says(a=1, b=1)
    stop(start())
    code.says(a=1)

    start()

    assert retired() == ["b"]
    assert happened("b")[-1] == ("retired", "declared by no running scheduler")
    assert "Job 'b' is retired: no running scheduler declares it any more. It goes on when one does." in caplog.text
    assert (row("b").paused, row("b").wake_at, get_scheduler().get_job("b").next_run_time) == (False, None, None)


def test_a_retired_job_does_not_run(code, start):
    code.says(a=1, b=1)
    stop(start())
    code.says(a=1)
    node = start()

    node.scheduler.travel(3 * HOUR)

    assert set(JobRun.objects.values_list("job_id", flat=True)) == {"a"}


def test_a_job_is_not_retired_while_another_live_node_declares_it(code, start, fake_clock):
    code.says(a=1, b=1)
    old = start()
    code.says(a=1, c=1)
    new = start()

    assert retired() == []
    stop(old)
    new.scheduler.travel(INTERVAL + 1)
    new.scheduler.travel(1)

    assert retired() == ["b"]


def test_a_job_of_a_node_that_died_is_retired_once_that_is_found_dead(code, start, fake_clock):
    code.says(a=1, b=1)
    old = start()
    code.says(a=1)
    new = start()
    SchedulerNode.objects.filter(pk=old.stores[0].node_id).update(state="dead")

    new.scheduler.travel(INTERVAL + 1)

    assert retired() == ["b"]


def test_a_node_says_what_it_declares_before_it_becomes_one(code, start, monkeypatch):
    seen = []
    code.says(a=1)
    monkeypatch.setattr(
        LiveNode, "merge", lambda self: seen.extend(SchedulerNode.objects.values_list("declares", flat=True))
    )

    start()

    assert [json.loads(declares) for declares in seen] == [["a"]]


def test_two_nodes_with_different_code_leave_each_others_jobs_alone(code, start):
    code.says(a=1)
    one = start()
    code.says(b=1)
    two = start()

    for node in (one, two, one, two):
        node.scheduler.travel(0)

    assert retired() == []
    assert {job.job_id for job in ScheduledJob.objects.all()} == {"a", "b"}


def test_a_job_that_is_declared_again_goes_on_with_its_next_run_time(code, start, fake_clock):
    code.says(a=1, weekly=7 * 24)
    stop(start())
    planned = row("weekly").next_run_time
    code.says(a=1)
    stop(start())
    fake_clock.advance(HOUR)
    code.says(a=1, weekly=7 * 24)

    start()

    assert retired() == []
    assert row("weekly").next_run_time == planned
    assert happened("weekly")[-1] == ("declared again", "declared in code")


def test_what_was_due_while_a_job_was_retired_is_not_made_up_for(code, start, fake_clock):
    code.says(a=24, b=1)
    stop(start())
    code.says(a=24)
    stop(start())
    fake_clock.advance(5.5 * 3600)
    code.says(a=24, b=1)

    node = start()
    node.scheduler.travel(30 * 60)

    assert JobRun.objects.count() == 0
    assert row("b").next_run_time == fake_clock.now() + HOUR / 2


def test_a_paused_job_comes_back_paused_with_its_reason(code, start):
    code.says(a=1, b=1)
    stop(start())
    with acting(reason=""):
        get_scheduler().pause_job("b", reason="the bank is closed")
    code.says(a=1)
    stop(start())
    code.says(a=1, b=1)

    start()

    assert (row("b").retired_at, row("b").paused, row("b").pause_reason) == (None, True, "the bank is closed")


def test_a_date_that_passed_while_its_job_was_retired_ends_it(code, start, fake_clock):
    code.says(a=1)
    scheduled_job("date", run_date=fake_clock.now() + HOUR, id="once")(noop)
    once = declarations.declared()["once"]
    stop(start())
    code.says(a=1)
    stop(start())
    fake_clock.advance(2 * HOUR)
    code.says(a=1)
    declarations._declared["once"] = once

    node = start()
    node.scheduler.travel(HOUR)

    assert row("once").finished_at is not None
    assert not JobRun.objects.filter(job_id="once").exists()


def test_a_job_that_gets_another_trigger_while_it_is_retired_comes_back_with_that(code, start, fake_clock):
    code.says(a=1, b=1)
    stop(start())
    code.says(a=1)
    stop(start())
    get_scheduler().reschedule_job("b", trigger="interval", hours=100)
    code.says(a=1, b=1)

    start()

    assert row("b").next_run_time == fake_clock.now() + 100 * HOUR


def test_a_node_that_imported_no_declaration_retires_nothing(code, start):
    code.says(a=1)
    stop(start())
    code.says()

    node = start()
    node.scheduler.travel(INTERVAL + 1)

    assert retired() == []


def test_jobs_that_people_added_are_never_retired(code, start):
    code.says(a=1)
    get_scheduler().add_job(noop, "interval", hours=1, id="theirs")

    start()

    assert retired() == []


def test_jobs_of_another_environment_are_left_alone(code, start, settings):
    settings.APSCHEDULER = {"environment": "production"}
    code.says(a=1, b=1)
    stop(start())
    settings.APSCHEDULER = {"environment": "staging"}
    code.says(a=1)

    start()

    assert retired() == []


def test_a_web_process_merges_and_retires_nothing(code, start):
    code.says(a=1, b=1)
    stop(start())
    before = list(ScheduledJob.objects.order_by("pk").values())
    code.says(a=2, c=1)

    get_scheduler().get_jobs()
    get_scheduler().add_job(noop, "interval", hours=1, id="asked")

    assert list(ScheduledJob.objects.exclude(job_id="asked").order_by("pk").values()) == before


def test_a_retired_job_that_a_person_resumes_is_theirs_from_then_on(code, start):
    code.says(a=1, b=1)
    stop(start())
    code.says(a=1)
    node = start()

    with acting(origin=Origin.ADMIN):
        node.scheduler.resume_job("b")
    node.scheduler.travel(INTERVAL + 3600)

    assert (row("b").origin, row("b").retired_at) == ("admin", None)
    assert JobRun.objects.filter(job_id="b", status=RunStatus.SUCCEEDED).count() == 1


def test_a_retired_job_that_is_added_again_is_active(code, start):
    code.says(a=1, b=1)
    stop(start())
    code.says(a=1)
    stop(start())

    get_scheduler().add_job(noop, "interval", hours=1, id="b", replace_existing=True)

    assert (row("b").retired_at, row("b").origin) == (None, "api")
    assert row("b").next_run_time is not None


def test_a_node_takes_back_its_own_job_that_another_one_retired_in_error(code, start, fake_clock):
    code.says(a=1)
    node = start()
    ScheduledJob.objects.update(retired_at=fake_clock.now())

    node.scheduler.travel(INTERVAL + 1)

    assert retired() == []


# -- what people see --------------------------------------------------------------------------------------------------


@pytest.fixture
def one_retired(code, start):
    code.says(a=1, b=1)
    stop(start())
    code.says(a=1)
    return start()


def test_why_says_that_it_is_retired_and_what_to_do(one_retired, fake_clock):
    assert why([row("b")], fake_clock.now())[row("b").pk] == (
        "Retired since Mon 2026-01-05 09:00: no running scheduler declares it in code any more. "
        "Resume it to keep it all the same, or remove it."
    )


def test_the_admin_shows_and_filters_retired_jobs(one_retired):
    client = client_of("view_scheduledjob", "pause_scheduledjob")

    page = client.get(f"{PAGES}/scheduledjob/?state=retired").content.decode()
    others = client.get(f"{PAGES}/scheduledjob/?state=scheduled").content.decode()
    job = client.get(address(row("b"))).content.decode()

    assert ">b</span>" in page
    assert ">a</span>" not in page
    assert ">b</span>" not in others
    assert "Retired: these would be its fire times." in job
    assert ">Resume<" in job
    assert ">Pause<" not in job


def test_the_admin_marks_what_people_changed(code, start):
    code.says(a=1)
    start()
    client = client_of("view_scheduledjob")
    assert "differs from code" not in client.get(f"{PAGES}/scheduledjob/").content.decode()

    get_scheduler().modify_job("a", name="Mine", max_instances=3)

    assert '<span class="apsng-tag">differs from code</span>' in client.get(f"{PAGES}/scheduledjob/").content.decode()
    page = client.get(address(row("a"))).content.decode()
    assert "Differs from code, which says" in page
    assert "<pre>name: noop</pre>" in page
    assert "<pre>max. instances: 1</pre>" in page


# -- the plan -----------------------------------------------------------------------------------------------------------


def plan(*options):
    """Return what `runscheduler --plan` prints, and its exit code."""
    out = io.StringIO()
    try:
        call_command("runscheduler", "--plan", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue().splitlines(), end.code
    return out.getvalue().splitlines(), 0


def test_the_plan_has_a_line_for_each_arrow_and_writes_nothing(code, start):
    code.says(same=1, changed=1, theirs=1, gone=1, back=1, both=1)
    stop(start())
    code.says(same=1, changed=1, theirs=1, gone=1, both=1)
    stop(start())
    get_scheduler().reschedule_job("theirs", trigger="interval", hours=9)
    get_scheduler().modify_job("both", name="Mine")
    code.says(same=1, changed=2, theirs=1, back=1, new=5, both=2)
    before = list(ScheduledJob.objects.order_by("pk").values())

    lines, status = plan("--check")

    assert lines == [
        "Job store 'default': 6 job(s) declared in code, 5 would change.",
        "  = same  unchanged",
        "  ~ changed  would be updated from code: trigger",
        "  ! theirs  differs from code, as people changed it: trigger",
        "  ~ back  is retired, and would go on",
        "  + new  would be added: every 5 hours",
        "  ~ both  would be updated from code: trigger",
        "  ! both  differs from code, as people changed it: name",
        "  - gone  would be retired: no longer declared in code",
    ]
    assert status == 5
    assert list(ScheduledJob.objects.order_by("pk").values()) == before


def test_the_check_passes_where_code_and_database_agree(code, start):
    code.says(a=1)
    stop(start())

    assert plan("--check") == (
        ["Job store 'default': 1 job(s) declared in code, 0 would change.", "  = a  unchanged"],
        0,
    )


def test_without_the_check_a_difference_is_no_failure(code):
    code.says(a=1)

    assert plan() == (
        ["Job store 'default': 1 job(s) declared in code, 1 would change.", "  + a  would be added: every hour"],
        0,
    )


def test_the_plan_says_that_a_running_scheduler_still_declares_a_job(code, start):
    code.says(a=1, b=1)
    start()
    code.says(a=1)

    lines, status = plan("--check")

    assert lines[-1] == "  - b  is declared by another running scheduler only; it is retired when that is gone"
    assert status == 5


def test_people_keep_the_trigger_and_its_type_together(code, start):
    code.says(a=1)
    stop(start())
    get_scheduler().reschedule_job("a", trigger="interval", hours=9)
    code.says()
    scheduled_job("cron", hour=3, id="a")(noop)

    start()

    assert json.loads(row("a").trigger)["type"] == row("a").trigger_type == "interval"


def test_a_store_of_its_own_kind_is_untouched(fake_clock: FakeClock):
    """A scheduler that is no live node declares nothing, and looks after nothing."""
    store = DjangoJobStore()
    scheduler = ManualScheduler(fake_clock, jobstores={"default": store})
    scheduler.start()
    scheduler.add_job(noop, "interval", hours=1, id="a")
    ScheduledJob.objects.update(origin="code")

    scheduler.travel(INTERVAL + 1)

    assert retired() == []
    scheduler.shutdown()
