"""The dashboard: is it running, what failed, why did it not run, what happens next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext

from ..bootstrap import get_scheduler
from ..models import JobRun, ScheduledJob, SchedulerNode
from ..runs import RunStatus
from ..storetime import store_now
from .access import about_seen_jobs, is_confined
from .base import Links, SchedulerAdmin
from .cells import labelled
from .figures import charts, failure_cells, figures, filtered_runs
from .lanes import DAY, hours, job_lane, pool_lanes
from .nodes import executors_of, load_html, state_html
from .overview import (
    FAILURE_DAYS,
    MOST_LANES,
    MOST_LATE,
    MOST_LIVE,
    MOST_RESTING,
    MOST_UPCOMING,
    Overview,
    gather_overview,
)
from .refresh import refresh_in
from .shown import NOTHING, distance_words, moment_html, span_or_nothing, span_words, status_badge, zone_of
from .states import state_badges
from .statistics import (
    JobNumbers,
    busiest,
    failure_groups,
    usual_duration,
)
from .timeline import expected_bars

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object

#: So many rows have the lists of the page.
_ROWS = 10


class DashboardPage(_Pages):
    """The page, mixed into the admin of jobs."""

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Show the state of the scheduler, as far as the person may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        links = self.links(request)
        names = [store.namespace for store in get_scheduler().shared_stores() if store.using == self.database]
        jobs = about_seen_jobs(request, ScheduledJob.objects.using(self.database), "pk")
        runs = about_seen_jobs(request, JobRun.objects.using(self.database)) if links.sees(JobRun) else None
        context = _context(gather_overview(jobs, runs, names, store_now(self.database)), links)
        if is_confined(request):  # others fill the pools, too
            context["pools"] = []
        return self.page(request, "dashboard.html", None, {"title": gettext("Dashboard"), **context})


def _context(overview: Overview, links: Links) -> dict[str, Any]:
    capacities = _capacities(overview.nodes) if links.sees(SchedulerNode) else {}
    return {
        "sees_runs": links.sees(JobRun),
        "sees_nodes": links.sees(SchedulerNode),
        "no_node": not overview.nodes,
        "refresh_in": _refresh_in(overview),
        "tiles": _tiles(overview, capacities, links),
        "late": _late(overview, links),
        **_timeline(overview, capacities, links),
        "running": _running(overview, links),
        "running_more": len(overview.live) > _ROWS,
        "all_running": filtered_runs(links, status__exact=RunStatus.RUNNING.value),
        "failures": [failure_cells(group, overview.now, links) for group in failure_groups(overview.failures)[:_ROWS]],
        "failure_days": FAILURE_DAYS,
        "failures_complete": overview.failures_complete,
        "failures_looked_at": len(overview.failures),
        "upcoming": _upcoming(overview, links),
        "resting": _resting(overview, links),
        "resting_more": len(overview.resting) > MOST_RESTING,
        "nodes": [_node(node, overview, links) for node in overview.nodes[:_ROWS]],
        "nodes_more": len(overview.nodes) > _ROWS,
        "all_nodes": links.page(SchedulerNode, "changelist"),
        "all_jobs": links.page(ScheduledJob, "changelist"),
        **_performance(overview, links),
    }


def _refresh_in(overview: Overview) -> int:
    soonest = overview.upcoming[0].next_run_time if overview.upcoming else None
    late = bool(overview.late) and bool(overview.nodes)
    return refresh_in(overview.now, busy=bool(overview.live) or late, next_at=soonest)


def _capacities(nodes: Iterable[SchedulerNode]) -> dict[str, int]:
    """Return the slots of each executor, over all nodes."""
    slots: dict[str, int] = {}
    for node in nodes:
        for alias, report in executors_of(node):
            capacity = report.get("capacity")
            if isinstance(capacity, int) and capacity > 0:
                slots[alias] = slots.get(alias, 0) + capacity
    return slots


# -- is it running? -------------------------------------------------------------------------------------------------------


def _tiles(overview: Overview, capacities: Mapping[str, int], links: Links) -> list[dict[str, Any]]:
    """Return the answers in one word each."""
    tiles = [_alive_tile(overview, links)]
    if links.sees(JobRun):
        tiles += [_running_tile(overview, capacities, links), _failed_tile(overview)]
    return [*tiles, _next_tile(overview, links)]


def _alive_tile(overview: Overview, links: Links) -> dict[str, Any]:
    """Return whether some node lives; how many do is for those who may see nodes."""
    count = len(overview.nodes)
    number = ngettext("%(count)d node", "%(count)d nodes", count) % {"count": count}
    return {
        "title": gettext("Is it running?"),
        "value": number if links.sees(SchedulerNode) else gettext("yes") if count else gettext("no"),
        "tone": "ok" if count else "bad",
        "below": gettext("alive") if count else gettext("nothing runs"),
        "address": links.page(SchedulerNode, "changelist"),
    }


def _running_tile(overview: Overview, capacities: Mapping[str, int], links: Links) -> dict[str, Any]:
    count, slots = len(overview.live), sum(capacities.values())
    number = f"{count}" if count < MOST_LIVE else gettext("%(count)d or more") % {"count": count}
    return {
        "title": gettext("What runs now?"),
        "value": number,
        "tone": "busy" if count else "",
        "below": ngettext("of %(count)d slot", "of %(count)d slots", slots) % {"count": slots} if slots else "",
        "address": filtered_runs(links, status__exact=RunStatus.RUNNING.value),
    }


def _failed_tile(overview: Overview) -> dict[str, Any]:
    since = overview.now - DAY
    count = sum(1 for run in overview.failures if run.due_at >= since)
    number = f"{count}" if overview.failures_complete else gettext("%(count)d or more") % {"count": count}
    return {
        "title": gettext("What failed?"),
        "value": number,
        "tone": "bad" if count else "ok",
        "below": gettext("failed, missed or skipped in 24 hours"),
        "address": "#apsng-failures",
    }


def _next_tile(overview: Overview, links: Links) -> dict[str, Any]:
    if not overview.upcoming:
        return {"title": gettext("What happens next?"), "value": NOTHING, "below": gettext("no job is planned")}
    job = overview.upcoming[0]
    due = job.next_run_time is not None and job.next_run_time <= overview.now
    soon = gettext("now") if due else distance_words(job.next_run_time or overview.now, overview.now)
    return {
        "title": gettext("What happens next?"),
        "value": gettext("overdue") if overview.late else soon,
        "tone": "bad" if overview.late else "",
        "below": str(job),
        "address": links.page(ScheduledJob, "change", job.pk),
    }


def _late(overview: Overview, links: Links) -> dict[str, Any]:
    """Return the jobs that should have run, with the reason."""
    found = overview.late[:MOST_LATE]
    return {
        "jobs": [(links.anchor(job, ScheduledJob, job.pk), overview.sentences[job.pk]) for job in found],
        "more": len(overview.late) > MOST_LATE,
    }


def _node(node: SchedulerNode, overview: Overview, links: Links) -> dict[str, Any]:
    return {
        "name": links.anchor(node, SchedulerNode, node.pk),
        "state": state_html(node, overview.now),
        "seen": gettext("heartbeat %(far)s") % {"far": distance_words(min(node.seen_at, overview.now), overview.now)},
        "load": load_html(node),
    }


# -- what runs, what failed, what comes -----------------------------------------------------------------------------------


def _running(overview: Overview, links: Links) -> list[dict[str, Any]]:
    """Return the runs that are under way, the oldest first."""
    found = []
    for run in overview.live[:_ROWS]:
        usual = usual_duration(overview.latest.get(run.job_key, ()))
        took = None if run.started_at is None else max(overview.now - run.started_at, timedelta(0))
        found.append(
            {
                "job": links.anchor(run.job_name, ScheduledJob, run.job_key),
                "run": links.anchor(status_badge(run), JobRun, run.pk),
                "took": span_or_nothing(took),
                "usual": "" if usual is None else gettext("usually %(span)s") % {"span": span_words(usual)},
                "long": usual is not None and took is not None and took > 2 * usual + timedelta(seconds=1),
                "executor": run.executor,
            }
        )
    return found


def _upcoming(overview: Overview, links: Links) -> list[dict[str, Any]]:
    courses = {course.job.pk: course for course in (*overview.lanes, *overview.others)}
    found = []
    for job in overview.upcoming[:_ROWS]:
        course = courses[job.pk]
        overlaps = any(bar.overlaps for bar in expected_bars(course.forecast, course.habits, overview.window))
        usual = course.habits.usual
        found.append(
            {
                "job": links.anchor(job, ScheduledJob, job.pk),
                "moment": moment_html(job.next_run_time, zone_of(course.trigger), now=overview.now),
                "usual": "" if usual is None else gettext("usually takes %(span)s") % {"span": span_words(usual)},
                "overlaps": overlaps,
            }
        )
    return found


def _resting(overview: Overview, links: Links) -> list[dict[str, Any]]:
    return [
        {
            "job": links.anchor(job, ScheduledJob, job.pk),
            "badges": state_badges(job, live=False),
            "why": overview.sentences[job.pk],
        }
        for job in overview.resting[:MOST_RESTING]
    ]


def _timeline(overview: Overview, capacities: Mapping[str, int], links: Links) -> dict[str, Any]:
    """Return the lanes; what ran counts for the pools only where all of it is known."""
    ran = overview.sample.runs if overview.sample.complete else ()
    lanes = (job_lane(course, overview.window, links) for course in overview.lanes)
    return {
        "hours": hours(overview.window),
        "lanes": [lane for lane in lanes if lane is not None],
        "pools": pool_lanes((*overview.lanes, *overview.others), ran, capacities, overview.window),
        "lanes_cut": any(course.undrawn_until for course in overview.lanes),
        "lanes_chosen": len(overview.lanes) >= MOST_LANES,
        "pools_partly": len(overview.upcoming) >= MOST_UPCOMING,
        "pools_past_unknown": not overview.sample.complete,
        "upcoming_looked_at": MOST_UPCOMING,
    }


# -- performance ----------------------------------------------------------------------------------------------------------


def _performance(overview: Overview, links: Links) -> dict[str, Any]:
    sample = overview.sample
    return {
        "charts": charts(sample.runs, overview.now - DAY, overview.now),
        "sample_is_complete": sample.complete,
        "sample_size": len(sample.runs),
        "sample_about": sample.about,
        "numbers": [_numbers(numbers, links) for numbers in busiest(sample.runs, _ROWS)],
    }


def _numbers(numbers: JobNumbers, links: Links) -> dict[str, Any]:
    return {
        "job": links.anchor(numbers.name or numbers.job_key, ScheduledJob, numbers.job_key),
        "cells": [
            labelled(gettext("runs"), numbers.took.number),
            labelled(gettext("in all"), span_words(numbers.total)),
            *(labelled(name, value) for name, value in figures(numbers.took)),
            labelled(gettext("late (p95)"), span_words(numbers.late.p95)),
        ],
    }
