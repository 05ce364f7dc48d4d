"""What the dashboard reads: everything at once, in a constant number of queries along indexes, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from ..conf import get_config
from ..models import ScheduledJob, SchedulerNode
from ..querysets import JobRunQuerySet as JobRuns
from ..querysets import ScheduledJobQuerySet as ScheduledJobs
from ..rows import read_trigger
from ..runs import RunStatus
from ..why import living_nodes, why
from .forecast import forecast, habits
from .history import Sample, latest_runs, latest_with, live_runs, outcomes, sample_since
from .lanes import DAY, Course, window_of
from .runrow import FAILED_STATUSES, UNSTARTED_STATUSES, RunRow
from .statistics import busiest
from .timeline import Window

#: So many runs that are under way are read.
MOST_LIVE = 500
#: So many of the jobs that run next are looked at to tell how full the pools will be.
MOST_UPCOMING = 100
#: So many jobs that are late, and that do not run, are named.
MOST_LATE, MOST_RESTING = 5, 12
#: So many jobs have a lane.
MOST_LANES = 20
#: So many runs of a job are drawn, and read of one that has no lane.
_DRAWN, _KNOWN = 100, 10
#: Failures are looked for so far back.
FAILURE_DAYS = 7
#: What is read for those who may see no runs.
NO_RUNS = Sample(runs=(), complete=True, about=0)
#: Of each reason for a lane so many jobs are sure to have one.
_SURE = 6


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The state of the scheduler at one moment."""

    window: Window
    nodes: Sequence[SchedulerNode]
    #: Jobs by the time of their next run, the first ones.
    upcoming: Sequence[ScheduledJob]
    late: Sequence[ScheduledJob]
    #: Jobs that are broken, paused or retired.
    resting: Sequence[ScheduledJob]
    #: Why the late and the resting ones do not run, by primary key.
    sentences: dict[int, str]
    #: The rest is empty where the viewer may not see runs.
    live: Sequence[RunRow]
    sample: Sample
    failures: Sequence[RunRow]
    failures_complete: bool
    #: The jobs with a lane.
    lanes: Sequence[Course]
    #: Other jobs that run soon.
    others: Sequence[Course]
    #: Latest runs of those that are under way and of those with a lane, by the key of the job.
    latest: dict[int, Sequence[RunRow]]

    @property
    def now(self) -> datetime:
        """The moment."""
        return self.window.now


def gather_overview(jobs: ScheduledJobs, runs: JobRuns | None, namespaces: Sequence[str], now: datetime) -> Overview:
    """Read everything.

    Args:
        jobs: those that the viewer may see.
        runs: those that the viewer may see; None where that is none.
        namespaces: of the job stores.
        now: the time of the database.
    """
    using, window, with_runs = jobs.db, window_of(now), runs is not None
    jobs = jobs.filter(namespace__in=namespaces)
    upcoming = list(_planned(jobs).order_by("next_run_time")[:MOST_UPCOMING])
    late, resting = _late(jobs, now), _resting(jobs)
    live: list[RunRow] = live_runs(runs, namespaces, MOST_LIVE) if runs is not None else []
    sample = NO_RUNS if runs is None else sample_since(runs, namespaces, window.start)
    failures, complete = ([], True) if runs is None else _failures(runs, namespaces, now)
    keys = _lane_keys(live, failures, sample.runs, upcoming, now - DAY)
    with_lane = jobs.in_bulk(keys)
    latest: dict[int, Sequence[RunRow]] = {}
    if with_runs:
        rest = {job.pk for job in upcoming} | {run.job_key for run in live}
        latest |= outcomes(using, rest - with_lane.keys(), _KNOWN)
        latest |= latest_runs(using, with_lane.keys(), _DRAWN)
    return Overview(
        window=window,
        nodes=living_nodes(using, now),
        upcoming=upcoming,
        late=late,
        resting=resting,
        sentences=why([*late, *resting], now),
        live=live,
        sample=sample,
        failures=failures,
        failures_complete=complete,
        lanes=_courses(with_lane.values(), latest, live, window),
        others=_courses((job for job in upcoming if job.pk not in with_lane), latest, live, window),
        latest=latest,
    )


def _planned(jobs: ScheduledJobs) -> ScheduledJobs:
    return jobs.filter(next_run_time__isnull=False, finished_at=None, retired_at=None, paused=False, broken_reason="")


def _late(jobs: ScheduledJobs, now: datetime) -> list[ScheduledJob]:
    """Return the jobs that should have run, by `why.sentence()`'s measure; those that are due for longest first."""
    patience = timedelta(seconds=2 * get_config().poll_interval)
    return list(_planned(jobs).filter(next_run_time__lt=now - patience).order_by("next_run_time")[: MOST_LATE + 1])


def _resting(jobs: ScheduledJobs) -> list[ScheduledJob]:
    resting = ~Q(broken_reason="") | Q(paused=True) | Q(retired_at__isnull=False)
    found = list(jobs.filter(resting, finished_at=None).order_by()[: MOST_RESTING + 1])
    return sorted(found, key=lambda job: (not job.broken_reason, job.paused, job.pk))


def _failures(runs: JobRuns, namespaces: Sequence[str], now: datetime) -> tuple[list[RunRow], bool]:
    statuses = (*FAILED_STATUSES, *UNSTARTED_STATUSES)
    return latest_with(runs, namespaces, statuses, now - timedelta(days=FAILURE_DAYS))


def _lane_keys(
    live: Iterable[RunRow],
    failures: Iterable[RunRow],
    ran: Sequence[RunRow],
    upcoming: Iterable[ScheduledJob],
    since: datetime,
) -> list[int]:
    """Return the jobs that get a lane: some that run, some that failed lately, those that took most time, and the next ones."""
    failed = sorted((run for run in failures if run.due_at >= since), key=lambda run: run.due_at, reverse=True)
    sure = [
        [run.job_key for run in live],
        [run.job_key for run in failed if run.status != RunStatus.SKIPPED],
        [numbers.job_key for numbers in busiest(ran, MOST_LANES)],
    ]
    keys = [key for found in sure for key in list(dict.fromkeys(found))[:_SURE]]
    keys += [job.pk for job in upcoming]
    keys += [key for found in sure for key in found]
    return list(dict.fromkeys(keys))[:MOST_LANES]


def _courses(
    jobs: Iterable[ScheduledJob], latest: dict[int, Sequence[RunRow]], live: Sequence[RunRow], window: Window
) -> list[Course]:
    """Return the jobs in time, those that run next first."""
    return [
        course_of(job, latest.get(job.pk, ()), [run for run in live if run.job_key == job.pk], window, _DRAWN)
        for job in sorted(jobs, key=lambda job: (job.next_run_time or window.end + DAY * 999, job.pk))
    ]


def course_of(job: ScheduledJob, latest: Sequence[RunRow], live: Iterable[RunRow], window: Window, most: int) -> Course:
    """Return a job in time.

    Args:
        job: the job.
        latest: its latest runs.
        live: those that are under way.
        window: the time that is shown.
        most: so many runs were asked for; where there are as many, there may be older ones.
    """
    trigger = read_trigger(job)
    oldest = latest[-1].due_at if len(latest) >= most else window.start
    return Course(
        job=job,
        trigger=trigger,
        runs=latest,
        undrawn_until=oldest if oldest > window.start else None,
        forecast=forecast(job, trigger, window),
        habits=habits(job, latest, live, window.now),
    )
