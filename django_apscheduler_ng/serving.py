"""A node from start to stop, as `manage.py runscheduler` runs it."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any, TextIO

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, router
from django.db.migrations.executor import MigrationExecutor

from .bootstrap import make_node
from .conf import Config, get_config
from .connections import drop_connection
from .declarations import Declaration, declared
from .events import EVENT_ALL, EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from .jobstores.django import DjangoJobStore
from .merging import describe_merges, merge, plan_merges
from .models import ScheduledJob
from .recorder import Ended
from .relay import Relay
from .reloading import ReloadingNode
from .schedulers.background import BackgroundScheduler
from .schedulers.passes import end_of
from .stopping import StopRequests

logger = logging.getLogger(__name__)

EXIT_CODES = {
    0: "stopped, and every run had ended",
    1: "could not start",
    3: "migrations are unapplied (with --no-wait)",
    4: "stopped before every run had ended; these are recorded as interrupted",
}

#: How often unapplied migrations and running jobs are looked at while waiting for them, in seconds.
_LOOK = 0.1

#: How long the last records may take, in seconds: longer than one try of each, where the database does not answer.
_CLOSE_TIMEOUT = 5.0

#: The same after a second request.
_HASTE = 1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the command; None = as the settings say."""

    grace: float | None = None
    threads: int | None = None
    processes: int | None = None
    paused: bool = False
    once: bool = False
    plan: bool = False
    reload: bool = False
    no_wait: bool = False


def serve(options: Options, out: TextIO, requests: StopRequests) -> int:
    """Run a node until it is asked to stop; returns the exit code. Belongs to the main thread."""
    config = get_config()
    if options.plan:
        return _print_plan(config, out)
    _show_log()
    if options.reload:
        return ReloadingNode().serve(requests)
    if not _migrated(config, options, out, requests):
        return 3 if not requests.count else 0
    scheduler = make_node(config, executors=_executors(config, options))
    relay = _connect(scheduler)
    scheduler.start(paused=options.paused or options.once)
    _merge(scheduler, config)
    _say(out, _banner(scheduler, config))
    for alias in _databases(config):
        drop_connection(alias)  # this thread only waits from here on
    if options.once:
        _perform_due(scheduler, requests)
    else:
        requests.wait(None)
    return _stop(scheduler, relay, requests, config.grace if options.grace is None else options.grace)


def _say(out: TextIO, text: str) -> None:
    """Write lines at once. The stream of a command ends each `write()` with a line break, so `print()` would make two."""
    out.write(f"{text}\n")
    out.flush()


def _show_log() -> None:
    """Let the log of the package be seen where the project configured no handler for it."""
    package = logging.getLogger("django_apscheduler_ng")
    if not package.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        package.addHandler(handler)
        package.setLevel(logging.INFO)


def _executors(config: Config, options: Options) -> Mapping[str, Mapping[str, Any]]:
    """Return the executors of the settings with the sizes that the command line asks for."""
    sizes = {"default": options.threads, "processpool": options.processes}
    return {
        alias: described if sizes.get(alias) is None else {**described, "max_workers": sizes[alias]}
        for alias, described in config.executors.items()
    }


def _migrated(config: Config, options: Options, out: TextIO, requests: StopRequests) -> bool:
    """Wait until the migrations are applied; returns False where they are not and waiting is not wanted or was ended."""
    said = False
    while (pending := _unapplied(config)) is not None:
        if not said:
            hint = "" if options.no_wait else " Waiting."
            _say(out, f"Migrations are unapplied ({pending}): no job is started. Run `manage.py migrate`.{hint}")
            said = True
        if options.no_wait or requests.wait(1.0):
            return False
    return True


def _unapplied(config: Config) -> str | None:
    """Return the first unapplied migration, or None; a database that cannot be reached counts as unmigrated."""
    for alias in _databases(config):
        try:
            executor = MigrationExecutor(connections[alias])
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except OperationalError as error:
            return f"the database cannot be reached: {error}".strip()
        if plan:
            return str(plan[0][0])
    return None


def _databases(config: Config) -> list[str]:
    """Return the aliases of the default database, if there is one, and of those of the job stores."""
    stores = [options for options in config.jobstores.values() if options.get("type") == "django"]
    aliases = [DEFAULT_DB_ALIAS, *(options.get("using") or router.db_for_write(ScheduledJob) for options in stores)]
    return [alias for alias in dict.fromkeys(aliases) if connections[alias].vendor != "unknown"]


def _connect(scheduler: BackgroundScheduler) -> Relay:
    """Send the scheduler's events as Django signals; ends of runs on the ORM store only once they are recorded."""
    relay = Relay()
    ends = EVENT_JOB_EXECUTED | EVENT_JOB_ERROR
    scheduler.add_listener(relay.put, EVENT_ALL & ~ends)
    for store in _stores(scheduler):
        store.on_recorded = lambda batch: _relay_ends(relay, batch)
    others = set(scheduler.jobstores()) - {store.alias for store in _stores(scheduler)}
    scheduler.add_listener(lambda event: relay.put(event) if getattr(event, "jobstore", "") in others else None, ends)
    return relay


def _relay_ends(relay: Relay, batch: Sequence[Ended]) -> None:
    for ended in batch:
        relay.put(end_of(ended.run, ended.outcome))


def _stores(scheduler: BackgroundScheduler) -> list[DjangoJobStore]:
    return [store for store in scheduler.jobstores().values() if isinstance(store, DjangoJobStore)]


def _print_plan(config: Config, out: TextIO) -> int:
    """Print what starting a node would change in the job stores."""
    for alias, store in make_node(config).jobstores().items():
        if not isinstance(store, DjangoJobStore):
            continue
        store.bind(alias)
        plans = plan_merges(store, _declared_for(store), asdict(config.job_defaults))
        changes = sum(plan.outcome in ("added", "updated") for plan, _ in plans)
        _say(out, f"Job store {store.alias!r}: {len(plans)} job(s) declared in code, {changes} would change.")
        for line in describe_merges(plans):
            _say(out, f"  {line}")
    return 0


def _declared_for(store: DjangoJobStore) -> list[Declaration]:
    return [declaration for declaration in declared().values() if declaration.jobstore == store.alias]


def _merge(scheduler: BackgroundScheduler, config: Config) -> None:
    """Bring the job stores in line with what code declares."""
    for store in _stores(scheduler):
        mine = _declared_for(store)
        store.declares = [declaration.id for declaration in mine]
        merge(store, mine, asdict(config.job_defaults))
    scheduler.wakeup()


def _banner(scheduler: BackgroundScheduler, config: Config) -> str:
    executors = ", ".join(f"{alias} ({executor.capacity})" for alias, executor in scheduler.executors().items())
    lines = [f"Scheduler node started (process {os.getpid()}). Stop it with Ctrl-C or SIGTERM."]
    for store in _stores(scheduler):
        vendor = connections[store.using].vendor
        jobs = store.count()
        label = f", environment {config.environment!r}" if config.environment else ""
        lines.append(
            f"  job store {store.alias!r}: database {store.using!r} ({vendor}), {jobs} job(s), "
            f"{len(store.declares)} declared in code, node {store.node_id}{label}"
        )
    lines.append(f"  executors: {executors}")
    return "\n".join(lines)


def _running(scheduler: BackgroundScheduler) -> int:
    return sum(executor.running() for executor in scheduler.executors().values())


def _perform_due(scheduler: BackgroundScheduler, requests: StopRequests) -> None:
    """Make passes until one starts nothing that is due since before the first."""
    began = min((store.clock.now() for store in _stores(scheduler)), default=scheduler.clock.now())
    started: list[datetime] = []
    scheduler.add_listener(lambda event: started.extend(getattr(event, "scheduled_run_times", ())), EVENT_JOB_SUBMITTED)
    while not requests.count:
        started.clear()
        wait = scheduler.process_due()
        while _running(scheduler) and not requests.wait(_LOOK):
            pass
        for store in _stores(scheduler):
            store.record()  # it may wake a job that waits for one of its runs to end
        if min(started) > began if started else wait > 0:
            return


def _stop(scheduler: BackgroundScheduler, relay: Relay, requests: StopRequests, grace: float) -> int:
    """Claim nothing more, wait for what is running, then end it; a second request ends it at once."""
    until = time.monotonic() + grace
    asked = requests.count

    def patient() -> bool:
        return time.monotonic() < until and not requests.wait(_LOOK, more_than=asked)

    pausing = _aside(scheduler.pause)  # it waits for the end of a pass, and that may wait for the database
    while pausing.is_alive() and patient():
        pass
    if running := _running(scheduler):
        logger.info("Stopping: waiting up to %g s for %d run(s). A second signal stops at once.", grace, running)
    while _running(scheduler) and patient():
        pass
    left = _running(scheduler)
    for executor in scheduler.executors().values():
        executor.kill()
    closing = _aside(partial(scheduler.shutdown, wait=False))
    closing.join(_CLOSE_TIMEOUT if requests.count == asked else _HASTE)
    relay.stop(timeout=2.0)
    if left or closing.is_alive():
        _leave(4)  # bodies in threads cannot be stopped, and would keep the process
    return 0


def _aside(action: Callable[[], None]) -> Thread:
    """Do something in a thread of its own, so that the main thread can go on to listen for signals."""

    def act() -> None:
        try:
            action()
        finally:
            connections.close_all()

    thread = Thread(target=act, name="django_apscheduler_ng stopping", daemon=True)
    thread.start()
    thread.join(_LOOK / 2)
    return thread


def _leave(code: int) -> None:
    """End the process at once, with what was written to its streams."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
