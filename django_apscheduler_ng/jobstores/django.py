"""The job store in the project's own database, through the Django ORM. Any number of nodes may share it.

Requests (add, modify, remove, run now, …) work in any process and inside the caller's transaction. The pass works in the processes
that start the store as part of a scheduler: each of them is a node.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, IntegrityError, InterfaceError, connections, router, transaction
from django.db.models import F

from .. import __version__
from ..actors import current_actor
from ..claiming import Claims, Identity
from ..claiming.batch import check_allowed
from ..clock import AnchoredClock
from ..conf import Config, get_config
from ..connections import own_connection
from ..hotsql import hot_sql
from ..job import Job
from ..journal import Journal
from ..ledger import requested_run
from ..models import JobRun, NodeState, ScheduledJob, SchedulerNode
from ..nodes import Node, Observer, executors_report
from ..recorder import Ended, Limits, Recorder
from ..rescue import bury, hand_back_lost, interrupt, rescue, unpark, wake_parked
from ..rows import WRITTEN, definition, snapshot, to_job
from ..runs import Outcome, Run
from .base import BaseJobStore, Change, Claim, StoreHost, apply_change

logger = logging.getLogger(__name__)


#: How soon to look again where due rows are locked by others or wait for an instance of their job; it doubles.
CONTENTION_PAUSE = timedelta(milliseconds=100)


class DjangoJobStore(BaseJobStore):
    """Keeps jobs, their history and the nodes in the tables of this app."""

    alias_type = "django"

    def __init__(self, using: str | None = None, namespace: str | None = None) -> None:
        """Name the database and the namespace.

        Args:
            using: alias of the database; left out, the one that the database routers choose for writing.
            namespace: keeps the jobs of several stores in one database apart; left out, the alias of the store.
        """
        super().__init__()
        self._using = using
        self._namespace = namespace
        self._held: dict[int, tuple[int, bool]] = {}
        self._claiming = RLock()
        self._by_hand = False
        self._anchored = AnchoredClock(self.clock)
        #: How many claims in a row brought nothing although something was due.
        self._in_vain = 0
        self._node: Node | None = None
        self._claims: Claims | None = None
        self._recorder: Recorder | None = None
        self._observer: Observer | None = None
        #: Called with ends of runs once they are in the ledger.
        self.on_recorded: Callable[[Sequence[Ended]], None] | None = None
        #: Ids of the jobs that the code of this process declares.
        self.declares: Sequence[str] = ()

    @property
    def using(self) -> str:
        """Alias of the database."""
        return self._using or router.db_for_write(ScheduledJob)

    @property
    def namespace(self) -> str:
        """What keeps the jobs of this store apart from others in the same tables."""
        return self._namespace or self.alias

    @property
    def node_id(self) -> str:
        """Id of this node; empty where the store only takes requests."""
        return self._node.identity.node if self._node else ""

    def bind(self, alias: str) -> None:
        """Take requests under the name `alias`, without being a node."""
        self.alias = alias

    # -- a node's life ----------------------------------------------------------------------------------------------

    def start(self, host: StoreHost, alias: str) -> None:
        """Become a node: register, and begin to send heartbeats and to record ends."""
        super().start(host, alias)
        config = get_config()
        self._by_hand = by_hand = getattr(host, "driven_by_hand", False)
        self.clock = self._anchored = clock = AnchoredClock(host.clock)
        if getattr(host, "around_run", "") is None:
            host.around_run = "django_apscheduler_ng.isolation:clean_run"  # type: ignore[attr-defined]
        sql = hot_sql(connections[self.using])
        identity = Identity(
            using=self.using,
            namespace=self.namespace,
            alias=alias,
            node=uuid4().hex,
            environment=config.environment,
        )
        self._held.clear()
        self._claims = Claims(identity, sql)
        self._recorder = Recorder(
            using=self.using, node=identity.node, sql=sql, limits=_limits(config), recorded=self._after_recording
        )
        self._observer = Observer(config.lease)
        self._node = Node(
            identity,
            clock,
            version=__version__,
            interval=config.heartbeat_interval,
            report=self._report,
            care=self.care,
            follow_database=not by_hand,
        )
        self._node.register()
        self._jobs.exclude(broken_reason="").update(retry_at=clock.now())
        if not by_hand:
            self._recorder.start()
            self._node.start()

    def leave(self) -> None:
        """Close the connection of the calling thread."""
        if not connections[self.using].in_atomic_block:
            connections[self.using].close()

    def shutdown(self) -> None:
        """Record what has ended, interrupt what has not, and stop being a node."""
        node, self._node = self._node, None
        if node is None or self._recorder is None:
            return
        unwritten = self._recorder.stop(timeout=10.0)
        if unwritten:
            logger.error(
                "%d end(s) of runs could not be recorded; other nodes will find these runs abandoned.", unwritten
            )
        try:
            if not unwritten:
                self._interrupt(node.identity.node)
            node.stop()
        except (DatabaseError, InterfaceError) as error:
            logger.error("The end of this node could not be recorded (%s); other nodes will find it dead.", error)

    def _interrupt(self, node: str) -> None:
        interrupted = interrupt(self.using, self.namespace, node, self.clock.now())
        if interrupted:
            logger.warning("%d run(s) were still under way and are interrupted.", interrupted)

    def _report(self) -> Mapping[str, Any]:
        """Return the columns of the node's row that change."""
        host = self._host
        state = getattr(host, "state", 1)
        executors: Mapping[str, Any] = host.executors() if hasattr(host, "executors") else {}  # type: ignore[union-attr]
        return {
            "state": {0: NodeState.DRAINING, 2: NodeState.PAUSED}.get(state, NodeState.RUNNING),
            "executors": executors_report(executors),
            "last_pass_at": self._last_pass,
            "declares": _json_list(self.declares),
        }

    _last_pass: datetime | None = None

    def care(self) -> None:
        """Do a node's duties: rescue what dead nodes left, repair what this one lost, wake what waits in vain."""
        node, observer, claims = self._node, self._observer, self._claims
        if node is None or observer is None or claims is None:
            return
        using, me = self.using, node.identity.node
        with own_connection(using):
            others = SchedulerNode.objects.using(using).alive().exclude(pk=me)
            heartbeats = dict(others.values_list("pk", "heartbeat"))
            for dead in observer.dead(heartbeats, self.clock.monotonic()):
                if bury(using, dead, observer.counter(dead)):
                    logger.error(
                        "Node %s has not given a sign of life for its whole lease and is taken for dead.", dead
                    )
            rescued = rescue(using, self.namespace, self.clock.now())
            with self._claiming:
                lost = hand_back_lost(using, self.namespace, me, set(self._held))
            woken = unpark(using, self.namespace)
            claims.stray_executors = self._stray_executors()
        if (rescued or lost or woken) and self._host is not None:
            self._host.wakeup()

    def _stray_executors(self) -> list[str]:
        """Return executors that jobs name and this scheduler does not have, by steps along the index."""
        known = set(self._host.executor_aliases()) if self._host else set()
        found: list[str] = []
        last = ""
        while True:
            following = (
                self._jobs.filter(executor__gt=last).order_by("executor").values_list("executor", flat=True).first()
            )
            if following is None:
                return found
            last = following
            if last not in known:
                found.append(last)

    # -- the pass ---------------------------------------------------------------------------------------------------

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim due jobs and pending runs; see `claims`."""
        assert self._claims is not None
        assert self._recorder is not None
        self._last_pass = now
        if self._recorder.full:
            return Claim(starved=True)
        with own_connection(self.using):
            if self._node is not None and self._anchored.in_doubt:
                self._node.measure()
                now = self._last_pass = self.clock.now()
            due = self._next_due(now, free)
            if due is None or due > now:
                return Claim(next_look=due, starved=not all(free.values()))
            self._recorder.flush()
            with self._claiming:
                claim = self._claims.claim(now, free)
                for run in claim.runs:
                    self._held[int(run.id)] = self._claims.holding(run)
            claim.next_look = self._next_look_after(claim, now, free)
        return claim

    def _next_due(self, now: datetime, free: Mapping[str, int]) -> datetime | None:
        """Return when there is work for the executors that have free slots."""
        assert self._claims is not None
        executors = [alias for alias, slots in free.items() if slots > 0]
        return self._claims.next_due(now, [*executors, *self._claims.stray_executors])

    def _next_look_after(self, claim: Claim, now: datetime, free: Mapping[str, int]) -> datetime | None:
        """Return when to look again: at once while claims bring something, soon where others hold what is due."""
        taken = Counter(run.executor for run in claim.runs)
        due = self._next_due(now, {alias: slots - taken[alias] for alias, slots in free.items()})
        if due is None or due > now or claim.runs or claim.passed:
            self._in_vain = 0
            return due
        self._in_vain += 1
        return now + CONTENTION_PAUSE * 2.0 ** min(self._in_vain - 1, 10)

    def start_runs(self, runs: Sequence[Run], now: datetime) -> tuple[list[Run], list[Run]]:
        """Start runs with a fenced update: those that this node no longer holds are left out."""
        assert self._claims is not None
        late = [run for run in runs if run.start_until is not None and now > run.start_until]
        timely = [run for run in runs if run not in late] if late else list(runs)
        with self._claiming:
            try:
                started = self._claims.start(timely, now)
                if late:
                    self._claims.give_up(late, now)
            except Exception:
                self._let_go(runs)
                raise
            self._let_go([run for run in runs if run.id not in started])
        return [run for run in timely if run.id in started], late

    def _let_go(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._held.pop(int(run.id), None)

    def finish(self, run: Run, outcome: Outcome) -> None:
        """Hand the end to the recorder."""
        if self._recorder is not None:
            self._recorder.put(Ended(run, outcome))
            if self._by_hand:
                self._recorder.flush()

    def record(self) -> None:
        """Write the ends that have come in, now and in the calling thread; those that cannot be written now are written later."""
        if self._recorder is not None:
            with suppress(DatabaseError, InterfaceError):
                self._recorder.flush()

    def _after_recording(self, batch: Sequence[Ended]) -> None:
        """Forget the runs, wake the jobs that waited for one of them, and tell whoever wants to know."""
        waiting = set()
        for ended in batch:
            job_key, may_park = self._held.pop(int(ended.run.id), (0, False))
            if may_park:
                waiting.add(job_key)
        if self.on_recorded is not None:
            self.on_recorded(batch)
        if waiting:
            self._wake_parked(waiting)

    def _wake_parked(self, job_keys: set[int]) -> None:
        try:
            woken = wake_parked(self.using, job_keys)
        except DatabaseError as error:
            logger.warning(
                "Jobs that wait for a run to end could not be woken (%s); the next heartbeat does it.", error
            )
            return
        if woken and self._host is not None:
            self._host.wakeup()

    # -- requests ---------------------------------------------------------------------------------------------------

    @property
    def _jobs(self) -> Any:
        return ScheduledJob.objects.using(self.using).of(self.namespace)

    @property
    def _journal(self) -> Journal:
        return Journal(self.using, self.clock)

    def lookup_job(self, job_id: str) -> Job | None:
        """Return the job, or None when it is not here or its schedule has ended."""
        row = self._jobs.unfinished().filter(job_id=job_id).first()
        return None if row is None else to_job(row)

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Return the jobs that a node would look at now."""
        return [to_job(row) for row in self._jobs.due(now).in_order()]

    def get_next_run_time(self) -> datetime | None:
        """Return the earliest next run time of jobs that are not paused."""
        waiting = self._jobs.unfinished().filter(paused=False, next_run_time__isnull=False)
        moment: datetime | None = waiting.order_by("next_run_time").values_list("next_run_time", flat=True).first()
        return moment

    def get_all_jobs(self) -> list[Job]:
        """Return all jobs whose schedule has not ended, in the order of their next run times."""
        return [to_job(row) for row in self._jobs.unfinished().in_order().iterator()]

    def row(self, job_id: str) -> ScheduledJob | None:
        """Return the row of a job, also of one whose schedule has ended; None when there is none."""
        found: ScheduledJob | None = self._jobs.filter(job_id=job_id).first()
        return found

    def count(self) -> int:
        """Return how many jobs there are whose schedule has not ended."""
        return int(self._jobs.unfinished().count())

    def add_job(self, job: Job) -> None:
        """Add a new job; the row of one whose schedule has ended makes room for it.

        Raises:
            ConflictingIdError: the id is taken.
            SchedulerError: the job cannot be stored, or its callable is not allowed to run.
        """
        self._check_allowed(job)
        row = self._new_row(job)
        try:
            with transaction.atomic(using=self.using):
                self._jobs.filter(job_id=job.id, finished_at__isnull=False).delete()
                row.save(using=self.using, force_insert=True)
                self._journal.write(row, "added", {}, snapshot(row))
        except IntegrityError:
            if self._jobs.filter(job_id=job.id).exists():
                raise self.conflict(job.id) from None
            raise

    def _new_row(self, job: Job) -> ScheduledJob:
        now = self.clock.now()
        row = ScheduledJob(
            namespace=self.namespace,
            job_id=job.id,
            environment=get_config().environment,
            origin=current_actor().origin,
            created_at=now,
            updated_at=now,
            **definition(job),
        )
        _write_runtime(row, job, now)
        return row

    def replace_job(self, job: Job) -> bool:
        """Add the job or change the stored one to it; see `BaseJobStore.replace_job()`.

        A job whose schedule has ended stays so when it comes again with the same trigger.
        """
        self._check_allowed(job)
        with transaction.atomic(using=self.using):
            row = self._locked(job.id)
            if row is None:
                self.add_job(job)
                return False
            before = snapshot(row)
            columns = definition(job)
            same_trigger = columns["trigger"] == row.trigger
            for name, value in columns.items():
                setattr(row, name, value)
            if job.run_time_chosen or not (same_trigger or row.paused):
                _write_runtime(row, job, self.clock.now())
                row.finished_at = None
            _forgive(row)
            self._save(row, "modified", before)
        stored = to_job(row)
        job.next_run_time, job.next_fire_time = stored.next_run_time, stored.next_fire_time
        return True

    def merge_declared(self, job: Job, declared: str, decide: Callable[[ScheduledJob, str], Any]) -> Any:
        """Add a job that code declares, or let `decide(row, declared)` say which columns of the stored one it may set.

        Args:
            job: the declared job, planned from now on.
            declared: its declared columns as JSON, remembered for the next time.
            decide: returns an object with `columns` to set and the `outcome`; returned as it is.
        """
        with transaction.atomic(using=self.using):
            row = self._locked(job.id)
            if row is None:
                row = self._new_row(job)
                row.declared = declared
                _end_if_over(row, job)
                row.save(using=self.using, force_insert=True)
                self._journal.write(row, "added", {}, snapshot(row))
                return replace(decide(row, declared), outcome="added")
            merged = decide(row, declared)
            before, columns = snapshot(row), json.loads(declared)
            if merged.outcome == "updated":
                for name in merged.columns:
                    setattr(row, name, columns[name])
                if "trigger" in merged.columns and not row.paused:
                    _write_runtime(row, job, self.clock.now())
                    row.finished_at = None
                    _end_if_over(row, job)
                _forgive(row)
            if merged.outcome == "updated" or row.declared != declared:
                self._jobs.filter(pk=row.pk).update(declared=declared)
                self._save(row, "updated from code", before)
            return merged

    def update_job(self, job: Job) -> None:
        """Replace the definition and the run times of the stored job."""
        self.modify_job(
            job.id,
            lambda stored: {
                **{name: getattr(job, name) for name in ("args", "kwargs", "name", "trigger", "executor", "coalesce")},
                **{name: getattr(job, name) for name in ("max_instances", "misfire_grace_time", "on_abandoned")},
                "func": job.func_ref or job.func,
                "next_run_time": job.next_run_time,
                "next_fire_time": job.next_fire_time,
            },
        )

    def modify_job(self, job_id: str, change: Change) -> Job:
        """Change the job under its lock; only the columns that the change names are written."""
        with transaction.atomic(using=self.using):
            row = self._locked(job_id)
            if row is None or row.finished_at is not None:
                raise self.missing(job_id)
            before = snapshot(row)
            job = to_job(row)
            changes = change(job)
            apply_change(job, changes, self.clock.now())
            if "func" in changes:
                self._check_allowed(job)
            for name, value in definition(job, changes).items():
                setattr(row, name, value)
            now = self.clock.now()
            if "next_run_time" in changes:
                _write_runtime(row, job, now)
            elif "trigger" in changes:
                row.planned_trigger = row.trigger
            row.claimed_through = job.claimed_through
            _forgive(row)
            self._save(row, _action(changes), before, str(changes.get("pause_reason", "")))
        return to_job(row)

    def remove_job(self, job_id: str) -> None:
        """Remove the job; its history stays."""
        with transaction.atomic(using=self.using):
            row = self._locked(job_id)
            if row is None or row.finished_at is not None:
                raise self.missing(job_id)
            self._journal.write(row, "removed", snapshot(row), {})
            self._jobs.filter(pk=row.pk).delete()

    def remove_all_jobs(self) -> None:
        """Remove every job of this store; their history stays."""
        with transaction.atomic(using=self.using):
            rows = list(self._jobs)
            self._journal.write_many([(row, "removed", snapshot(row), {}) for row in rows])
            self._jobs.filter(pk__in=[row.pk for row in rows]).delete()

    def request_run(self, job_id: str) -> str:
        """Write a pending run; a node performs it."""
        with transaction.atomic(using=self.using):
            row = self._jobs.unfinished().filter(job_id=job_id).first()
            if row is None:
                raise self.missing(job_id)
            run: JobRun = requested_run(row, self.clock.now(), current_actor().name)
            run.save(using=self.using, force_insert=True)
            self._journal.write(row, "run requested", {}, {"run": run.pk})
        if self._host is not None:
            self._host.wakeup()
        return str(run.pk)

    def _locked(self, job_id: str) -> ScheduledJob | None:
        """Return the job's row, locked until the transaction ends and with its revision moved on.

        Beginning with the write locks the row on every database, and spares SQLite a read before it. MariaDB may look the row up by
        an index in which a pass moves it at that moment, and miss it; it never misses a primary key.
        """
        jobs = self._jobs.filter(job_id=job_id)
        if connections[self.using].vendor == "mysql":
            jobs = self._jobs.filter(pk=jobs.values_list("pk", flat=True).first())
        row: ScheduledJob | None = jobs.first() if jobs.update(revision=F("revision") + 1) else None
        return row

    def _save(self, row: ScheduledJob, action: str, before: dict[str, Any], reason: str = "") -> None:
        row.updated_at = self.clock.now()
        after = snapshot(row)
        row.save(using=self.using, force_update=True, update_fields=WRITTEN)
        if before != after:
            self._journal.write(row, action, before, after, reason)

    def _check_allowed(self, job: Job) -> None:
        check_allowed(definition(job, ["func"])["func_ref"])


def _write_runtime(row: ScheduledJob, job: Job, now: datetime) -> None:
    """Set the run times of `row` from `job`, and pause it where the job has none."""
    paused = job.next_run_time is None
    if paused and not row.paused:
        row.paused_by, row.paused_at = current_actor().name, now
    elif not paused:
        row.paused_by, row.paused_at = "", None
    row.paused = paused
    row.pause_reason = job.pause_reason if paused else ""
    row.planned_trigger = row.trigger
    row.next_run_time, row.next_fire_time = job.next_run_time, job.next_fire_time
    row.claimed_through = job.claimed_through
    row.parked = False


def _end_if_over(row: ScheduledJob, job: Job) -> None:
    """Mark a declared job as finished, rather than paused, where its trigger has no fire time any more."""
    if job.next_run_time is None:
        row.paused, row.paused_by, row.paused_at = False, "", None
        row.finished_at = row.updated_at


def _forgive(row: ScheduledJob) -> None:
    """Give a broken job a new try: somebody changed it."""
    row.broken_reason, row.retries, row.retry_at, row.declined_by = "", 0, None, ""


def _action(changes: Mapping[str, Any]) -> str:
    """Return the word for a change."""
    if "trigger" in changes:
        return "rescheduled"
    if "next_run_time" in changes and changes["next_run_time"] is None:
        return "paused"
    return "resumed" if "pause_reason" in changes else "modified"


def _limits(config: Config) -> Limits:
    return Limits(result=config.result_limit, traceback=config.traceback_limit)


def _json_list(values: Sequence[str]) -> str:
    return json.dumps(list(values))
