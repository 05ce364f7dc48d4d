"""The page of a job, and the pages of its buttons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..models import JobLogEntry, JobRun, ScheduledJob
from ..rows import differing
from ..runs import LIVE_STATUSES
from .adding import AddPage
from .base import APP, SchedulerAdmin
from .cells import event_cells, last_outcome_html, next_run_html, run_cells, running_for
from .dashboard import DashboardPage
from .editing import EditPage
from .facts import JobFacts, gather_facts
from .figures import charts, failure_cells
from .history import latest_runs
from .lanes import hours, job_lane, window_of
from .overview import course_of
from .preview import preview_context
from .refresh import refresh_in
from .reschedule import ReschedulePage
from .revisions import RevisionPages
from .runnow import RunPage
from .runrow import FAILED_STATUSES, UNSTARTED_STATUSES
from .sentences import event_sentence
from .shown import NOTHING, json_html, moment_html, retry_words, schedule_words, value_words
from .states import state_badges
from .statistics import failure_groups
from .verbs import REMOVE, RUN, VERBS

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object

#: So many runs and events are shown on the page of a job.
_LATEST = 10
#: So many of its runs are looked at for statistics.
_MEASURED = 500


class JobPages(DashboardPage, AddPage, EditPage, RevisionPages, RunPage, ReschedulePage, _Pages):
    """The pages of one job, mixed into its admin."""

    page_template = "job.html"

    def page_urls(self) -> list[URLPattern]:
        """Return the addresses of the dashboard and of the buttons' pages."""
        site = self.admin_site
        views: dict[str, Callable[..., HttpResponse]] = {verb.name: partial(self.verb_view, verb) for verb in VERBS}
        views |= {"delete": partial(self.verb_view, REMOVE), "reschedule": self.reschedule_view}
        views |= {"run": self.run_view, "edit": self.edit_view, "revisions": self.revisions_view}
        dashboard = path("dashboard/", site.admin_view(self.dashboard_view), name=f"{APP}_scheduledjob_dashboard")
        revert = path(
            "<path:object_id>/revert/<int:entry>/",
            site.admin_view(self.revert_view),
            name=f"{APP}_scheduledjob_revert",
        )
        return [
            dashboard,
            revert,
            *(
                path(f"<path:object_id>/{name}/", site.admin_view(view), name=f"{APP}_scheduledjob_{name}")
                for name, view in views.items()
            ),
        ]

    def page_context(self, request: HttpRequest, row: ScheduledJob) -> dict[str, Any]:
        """Return everything about the job."""
        links = self.links(request)
        facts = gather_facts([row], SYSTEM_CLOCK.now(), links)[row.pk]
        return {
            "subtitle": None,
            "job": row,
            "facts": facts,
            "running_for": running_for(facts),
            "tone": _tone(row),
            "badges": state_badges(row, facts.live is not None),
            "schedule": schedule_words(facts.trigger),
            "next_run": next_run_html(row, facts),
            "last_outcome": last_outcome_html(facts),
            "buttons": self._buttons(request, row),
            "more": self._more(request, row),
            **_definition(row, facts),
            **preview_context(facts.trigger, facts.now, row),
            **self._history(row, facts),
            **self._pictures(row, facts),
        }

    def _buttons(self, request: HttpRequest, row: ScheduledJob) -> list[dict[str, Any]]:
        """Return what the person may do with the job now."""
        links = self.links(request)
        buttons: list[dict[str, Any]] = [
            {
                "label": verb.label,
                "address": links.page(ScheduledJob, verb.name, row.pk),
                "at_once": verb is RUN,
                "final": verb.final,
            }
            for verb in VERBS
            if verb.applies(row) and self.may(request, verb.permission, row)
        ]
        place = next((index for index, button in enumerate(buttons) if button["final"]), len(buttons))
        if row.finished_at is None and self.has_change_permission(request, row):
            pages = (("edit", gettext("Edit")), ("reschedule", gettext("Reschedule")))
            buttons[place:place] = [
                {"label": label, "address": links.page(ScheduledJob, page, row.pk)} for page, label in pages
            ]
        return buttons

    def _more(self, request: HttpRequest, row: ScheduledJob) -> list[tuple[str, str]]:
        """Return the label and the address of what is wanted less often."""
        links = self.links(request)
        more = (
            [(gettext("Revisions"), links.page(ScheduledJob, "revisions", row.pk))] if links.sees(JobLogEntry) else []
        )
        if self.has_add_permission(request):
            more.insert(0, (gettext("Duplicate"), f"{links.page(ScheduledJob, 'add')}?like={row.pk}"))
        if row.finished_at is None and self.may(request, RUN.permission, row):
            more.insert(0, (gettext("Run with other arguments"), links.page(ScheduledJob, "run", row.pk)))
        return more

    def _history(self, row: ScheduledJob, facts: JobFacts) -> dict[str, Any]:
        """Return the latest runs and events, as far as the person may see them."""
        context: dict[str, Any] = {}
        if facts.links.sees(JobRun):
            runs = JobRun.objects.using(self.database).filter(job_key=row.pk).order_by("-pk")
            short = runs.defer("result", "traceback", "args", "kwargs")[:_LATEST]
            context["runs"] = [run_cells(run, facts.zone, facts.now, facts.links) for run in short]
            context["all_runs"] = f"{facts.links.page(JobRun, 'changelist')}?job={row.pk}"
        if facts.links.sees(JobLogEntry):
            entries = JobLogEntry.objects.using(self.database).about([row.pk]).order_by("-pk")[:_LATEST]
            context["events"] = [
                {"sentence": event_sentence(entry), **vars(event_cells(entry, facts.links))} for entry in entries
            ]
            context["all_events"] = f"{facts.links.page(JobLogEntry, 'changelist')}?job={row.pk}"
        return context

    def _pictures(self, row: ScheduledJob, facts: JobFacts) -> dict[str, Any]:
        """Return the job's timeline, and what its latest runs say about it, as far as the person may see them."""
        sees_runs = facts.links.sees(JobRun)
        runs = latest_runs(self.database, [row.pk], _MEASURED).get(row.pk, []) if sees_runs else []
        window = window_of(facts.now)
        course = course_of(row, runs, [run for run in runs if run.status in LIVE_STATUSES], window, _MEASURED)
        lane = job_lane(course, window, facts.links)
        bad = [run for run in runs if run.status in (*FAILED_STATUSES, *UNSTARTED_STATUSES)]
        groups = [failure_cells(group, facts.now, facts.links, job=str(row.pk)) for group in failure_groups(bad)]
        return {
            "sees_runs": sees_runs,
            "hours": hours(window),
            "lanes": [lane] if lane else [],
            "lanes_cut": course.undrawn_until is not None,
            "charts": charts(runs, min(run.due_at for run in runs), facts.now) if runs else [],
            "failures": groups[:_LATEST],
            "measured": len(runs),
            "measured_partly": len(runs) == _MEASURED,
            "refresh_in": refresh_in(facts.now, busy=facts.live is not None, next_at=row.next_run_time),
        }


def _tone(row: ScheduledJob) -> str:
    """Return the colour of the sentence about a job."""
    if row.finished_at is not None:
        return "quiet"
    return "warn" if row.paused or row.retired_at is not None else "bad"


def _definition(row: ScheduledJob, facts: JobFacts) -> dict[str, list[tuple[str, Any]]]:
    """Return the labelled values of the definition: what runs, how, and where it comes from."""
    grace = (
        gettext("however late")
        if row.misfire_grace_time is None
        else gettext("%(seconds)s s after its fire time") % {"seconds": f"{row.misfire_grace_time:g}"}
    )
    zone = facts.zone
    label = _label
    what = [
        (label("func_ref"), format_html("<code>{}</code>", row.func_ref)),
        (label("args"), json_html(row.args)),
        (label("kwargs"), json_html(row.kwargs)),
        (label("trigger"), json_html(row.trigger)),
    ]
    how = [
        (label("executor"), row.executor),
        (label("queue"), row.queue),
        (label("priority"), row.get_priority_display()),
        (label("coalesce"), gettext("yes") if row.coalesce else gettext("no")),
        (label("max_instances"), row.max_instances),
        (label("overlap"), row.get_overlap_display()),
        (gettext("starts at the latest"), grace),
        (label("timeout"), NOTHING if row.timeout is None else f"{row.timeout:g}"),
        (label("retry"), retry_words(row.retry)),
        (label("on_abandoned"), row.get_on_abandoned_display()),
        (label("environment"), row.environment or gettext("any")),
    ]
    whence = [
        (label("origin"), row.get_origin_display()),
        *_differences(row),
        (label("namespace"), row.namespace),
        (label("created_at"), moment_html(row.created_at, zone, now=facts.now)),
        (label("updated_at"), moment_html(row.updated_at, zone, now=facts.now)),
        (label("revision"), row.revision),
    ]
    return {"what": what, "how": how, "whence": whence}


def _differences(row: ScheduledJob) -> Iterator[tuple[str, Any]]:
    """Yield what code declares otherwise, where people changed it."""
    columns = differing(row)
    if columns:
        declared = json.loads(row.declared)
        lines = (f"{_label(name)}: {value_words(name, declared[name])}" for name in columns)
        yield (
            gettext("differs from code, which says"),
            format_html_join("\n", "<pre>{}</pre>", ((line,) for line in lines)),
        )


def _label(name: str) -> str:
    """Return the words for a column."""
    return str(ScheduledJob._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
