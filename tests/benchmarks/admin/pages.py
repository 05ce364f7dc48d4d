"""The pages of the admin, by name, as addresses below the app's index."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.test import Client

from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode

ROOT = "/admin/django_apscheduler_ng/"

#: Text that is found, and text that is not.
_SEARCHES = {
    "scheduledjob": ("invoices", "berlin 64", "no such thing"),
    "jobrun": ("invoices", "HTTPStatusError", "no such thing"),
    "joblogentry": ("maria", "no such thing"),
    "schedulernode": ("worker-1", "no such thing"),
}
#: Filters that no list offers by itself, and filters that meet others.
_FILTERS = {
    "scheduledjob": ("state=paused&executor=processpool&q=invoices",),
    "jobrun": (
        "exception=KeyError",
        "exception=NoSuchError",
        "node=00000000000000000000000000000009",
        "status__exact=failed&exception=KeyError",
        "status__exact=failed&exception=NoSuchError",
        "status__exact=succeeded&executor=none",
        "status__exact=failed&p=2",
        "executor=none",
        "origin__exact=manual&q=invoices",
    ),
    "joblogentry": ("event=removed", "event=added&q=stock"),
}


def pages(client: Client) -> dict[str, str]:
    """Return every page, as far as there are rows for it."""
    return {**single_pages(), **_lists(client)}


def single_pages() -> dict[str, str]:
    """Return the pages that are no lists."""
    runs = JobRun.objects
    busiest = _first(ScheduledJob.objects.filter(paused=False, broken_reason="", finished_at=None, retired_at=None))
    paused = _first(ScheduledJob.objects.filter(paused=True, finished_at=None, retired_at=None))
    changed = JobLogEntry.objects.filter(action__in=("modified", "rescheduled")).order_by("pk").first()
    found: dict[str, tuple[str, Any]] = {
        "app": ("{}", ""),
        "dashboard": ("scheduledjob/dashboard/", True),
        **{f"job {name}": (f"scheduledjob/{{}}/{page}/", busiest) for name, page in _JOB_PAGES.items()},
        "job, broken": ("scheduledjob/{}/change/", _first(ScheduledJob.objects.exclude(broken_reason=""))),
        "job, paused": ("scheduledjob/{}/change/", paused),
        "resume": ("scheduledjob/{}/resume/", paused),
        "add": ("scheduledjob/add/", True),
        "duplicate": ("scheduledjob/add/?like={}", busiest),
        "run": ("jobrun/{}/change/", _first(runs.filter(status="failed"), "-pk")),
        "run, live": ("jobrun/{}/change/", _first(runs.filter(status="running"), "-pk")),
        "cancel": ("jobrun/{}/cancel/", _first(runs.filter(status="running"), "-pk")),
        "retry": ("jobrun/{}/retry/", _first(runs.filter(status="failed"), "-pk")),
        "run, summary": ("jobrun/{}/change/", _first(runs.filter(status="coalesced"), "-pk")),
        "node": ("schedulernode/{}/change/", _first(SchedulerNode.objects.all())),
    }
    if changed is not None:
        found["event"] = ("joblogentry/{}/change/", changed.pk)
        found["revert"] = (f"scheduledjob/{changed.job_key}/revert/{{}}/", changed.pk)
    return {name: address.format(key) for name, (address, key) in found.items() if key is not None}


_JOB_PAGES = {name: name for name in ("pause", "remove", "reschedule", "edit", "run", "revisions")} | {"page": "change"}


def _first(rows: Any, order: str = "pk") -> Any:
    return rows.order_by(order).values_list("pk", flat=True).first()


def _lists(client: Client) -> dict[str, str]:
    """Return the lists: as they open, each choice of each filter, searched, sorted, and their pages."""
    found = {}
    for model, searches in _SEARCHES.items():
        where = f"{model}/"
        listed = client.get(ROOT + where).context["cl"]
        last = listed.paginator.num_pages
        asked = [choice["query_string"] for one in listed.filter_choices() for choice in one["choices"][1:]]
        asked += [f"?{filters}" for filters in _FILTERS.get(model, ())]
        asked += [f"?{urlencode({'q': text})}" for text in searches]
        asked += [f"?p={number}" for number in sorted({2, last // 2, last}) if 1 < number <= last]
        asked += [f"?o={sign}{column}" for column in _sortable(listed) for sign in ("", "-")]
        if model in ("jobrun", "joblogentry"):
            job = _first(ScheduledJob.objects.all())
            asked += [f"?job={job}", f"?job={job}&q=no+such+thing"] if job else []
        found |= {f"{model}/{query}": where + query for query in ["", *asked]}
    return found


def _sortable(listed: Any) -> list[int]:
    """Return the columns of a list that can be sorted by, by their numbers in its addresses."""
    columns = enumerate(listed.list_display)
    return [index for index, name in columns if name in (listed.sortable_by or ())]
