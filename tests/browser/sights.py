"""Every page of the admin with a small shop's data, and how one comes to those that have no address: by a form or an action."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from django_apscheduler_ng.models import JobLogEntry, JobRun, NodeState, ScheduledJob, SchedulerNode
from tests.shop import make_shop

if TYPE_CHECKING:
    from .conftest import Pages


#: No line has room for it, and nowhere can it be broken.
LONG_NAME = "Website-" + "and-all-of-its-branches-" * 7


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Something to be looked at."""

    name: str
    path: str
    #: What is done on the page that the path leads to.
    steps: Callable[[Pages], Any] | None = None


def paths(shop: dict[str, ScheduledJob]) -> dict[str, str]:
    """The pages with an address, by name."""
    invoices, rates, sessions = (shop[name].pk for name in ("invoices.nightly", "rates.import", "cleanup.sessions"))
    failed = JobRun.objects.filter(status="failed").latest("due_at").pk
    running = JobRun.objects.filter(status="running").latest("pk").pk
    summary = JobRun.objects.filter(status="coalesced").latest("due_at").pk
    rescheduled = JobLogEntry.objects.get(action="rescheduled")
    return {
        "app": "",
        "dashboard": "scheduledjob/dashboard/",
        "jobs": "scheduledjob/",
        "jobs-filtered": "scheduledjob/?state=paused",
        "job": f"scheduledjob/{invoices}/change/",
        "job-broken": f"scheduledjob/{rates}/change/",
        "job-paused": f"scheduledjob/{sessions}/change/",
        "pause": f"scheduledjob/{invoices}/pause/",
        "remove": f"scheduledjob/{invoices}/remove/",
        "reschedule": f"scheduledjob/{invoices}/reschedule/",
        "add": "scheduledjob/add/",
        "edit": f"scheduledjob/{invoices}/edit/",
        "duplicate": f"scheduledjob/add/?like={invoices}",
        "run-now": f"scheduledjob/{invoices}/run/",
        "resume": f"scheduledjob/{sessions}/resume/",
        "revisions": f"scheduledjob/{rescheduled.job_key}/revisions/",
        "revert": f"scheduledjob/{rescheduled.job_key}/revert/{rescheduled.pk}/",
        "runs": "jobrun/",
        "run": f"jobrun/{failed}/change/",
        "run-live": f"jobrun/{JobRun.objects.get(status='running', progress_done__gt=0).pk}/change/",
        "run-running": f"jobrun/{running}/change/",
        "run-cancel": f"jobrun/{running}/cancel/",
        "run-retry": f"jobrun/{failed}/retry/",
        "run-summary": f"jobrun/{summary}/change/",
        "events": "joblogentry/",
        "event": f"joblogentry/{rescheduled.pk}/change/",
        "nodes": "schedulernode/",
        "node": f"schedulernode/{SchedulerNode.objects.get(host='worker-1').pk}/change/",
    }


def variants(shop: dict[str, ScheduledJob]) -> dict[str, str]:
    """The same pages with other parts, by name."""
    return {
        "jobs-none-found": "scheduledjob/?q=nosuchjob&state=paused",
        "reschedule-once": f"scheduledjob/{shop['invoices.nightly'].pk}/reschedule/?type=date",
        "runs-filtered": f"jobrun/?status=failed&job={shop['stock.export'].pk}",
        "runs-none-found": "jobrun/?status=abandoned",
        "events-filtered": "joblogentry/?event=paused",
    }


def sights(shop: dict[str, ScheduledJob]) -> list[Sight]:
    """All pages: those with an address, and those after errors and questions."""
    there = paths(shop)
    found = [Sight(name=name, path=path) for name, path in (there | variants(shop)).items()]
    return [
        *found,
        Sight(name="filter-open", path=there["jobs"], steps=_open_filter),
        Sight(name="pause-selected", path=there["jobs"], steps=_choose("pause_selected")),
        Sight(name="resume-selected", path=there["jobs"], steps=_choose("resume_selected")),
        Sight(name="remove-selected", path=there["jobs"], steps=_choose("delete_selected")),
        Sight(name="cancel-selected", path=there["runs"], steps=_choose("cancel_selected")),
        Sight(name="nothing-selected", path=there["jobs"], steps=_go),
        Sight(name="no-such-job", path="scheduledjob/999999/change/"),
        Sight(name="add-errors", path=there["add"], steps=_save),
        Sight(name="edit-errors", path=there["edit"], steps=_edit_badly),
        Sight(name="edit-clash", path=there["edit"], steps=_clash(shop["invoices.nightly"])),
        Sight(name="reschedule-errors", path=there["reschedule"], steps=_reschedule_badly),
        Sight(name="run-now-errors", path=there["run-now"], steps=_run_badly),
        Sight(name="pause-errors", path=there["pause"], steps=_give_too_long_a_reason),
    ]


#: Lists and a dashboard, which may have nothing in them.
_OVERVIEWS = ("scheduledjob/dashboard/", "scheduledjob/", "jobrun/", "joblogentry/", "schedulernode/")


def tour(pages: Pages) -> Iterator[str]:
    """Come to every page, one after the other; yields the name of the one that is open.

    First as somebody who may do everything, then as somebody who may only look, at last where there is nothing.
    """
    shop = make_shop()
    ScheduledJob.objects.filter(job_id="monitor.website").update(name=LONG_NAME)
    for sight in sights(shop):
        yield _come_to(pages, sight)
    _take_rights()
    for name in ("dashboard", "jobs", "job", "run", "event"):
        yield _come_to(pages, Sight(name=f"{name}-only-seen", path=paths(shop)[name]))
    for model in (ScheduledJob, JobRun, JobLogEntry, SchedulerNode):
        model.objects.all().delete()
    for path in _OVERVIEWS:
        yield _come_to(pages, Sight(name=f"empty-{path.strip('/').replace('/', '-')}", path=path))
    get_user_model().objects.update(is_staff=False)
    yield _come_to(pages, Sight(name="no-rights", path=""))


def _come_to(pages: Pages, sight: Sight) -> str:
    SchedulerNode.objects.filter(state=NodeState.RUNNING).update(seen_at=datetime.now(UTC))
    pages.resize(1400, 900)
    pages.open(sight.path)
    if sight.steps is not None:
        sight.steps(pages)
    return sight.name


def _take_rights() -> None:
    user = get_user_model().objects.get()
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    get_user_model().objects.update(is_superuser=False)


def _open_filter(pages: Pages) -> None:
    pages.driver.find_element("css selector", ".apsng-filter summary").click()


def _go(pages: Pages) -> None:
    pages.follow(pages.find("#changelist-form .actions button[type=submit]").click)


def _choose(action: str) -> Callable[[Pages], None]:
    def choose(pages: Pages) -> None:
        pages.driver.execute_script(
            "document.querySelectorAll('[name=_selected_action]').forEach(box => box.checked = true)"
        )
        pages.find(f"select[name=action] option[value={action}]").click()
        _go(pages)

    return choose


def _submit(pages: Pages, **fields: str) -> None:
    """Fill fields, wherever they are, and send the form."""
    script = "Object.entries(arguments[0]).forEach(([name, value]) => document.querySelector(`main [name='${name}']`).value = value);"
    pages.driver.execute_script(script, fields)
    button = pages.driver.find_element("css selector", "main .apsng-buttons button.default")
    pages.follow(lambda: pages.driver.execute_script("arguments[0].click()", button))


def _save(pages: Pages) -> None:
    _submit(pages)


def _edit_badly(pages: Pages) -> None:
    _submit(pages, args="[1, 2", timeout="-1", **{"cron-hour": "75"})


def _clash(job: ScheduledJob) -> Callable[[Pages], None]:
    def clash(pages: Pages) -> None:
        row = ScheduledJob.objects.get(pk=job.pk)
        ScheduledJob.objects.filter(pk=job.pk).update(timeout=30, revision=row.revision + 1)
        _submit(pages, timeout="45")

    return clash


def _reschedule_badly(pages: Pages) -> None:
    _submit(pages, hour="75", start_date="never")


def _run_badly(pages: Pages) -> None:
    _submit(pages, args="[1, 2", kwargs="{")


def _give_too_long_a_reason(pages: Pages) -> None:
    pages.driver.execute_script("document.querySelector('main [name=reason]').removeAttribute('maxlength')")
    _submit(pages, reason="because " * 200)
