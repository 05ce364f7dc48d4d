"""A node from start to stop, as `manage.py runscheduler` runs it."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any, TextIO

from django.db import connections

from .conf import Config, get_config
from .connections import PASSING_ERRORS, drop_connection
from .difference import tell_difference
from .events import EVENT_JOB_SUBMITTED
from .livenode import LiveNode
from .queues import hint, queues_in_use
from .reloading import ReloadingNode
from .schema import databases, unapplied
from .stopping import StopRequests

logger = logging.getLogger(__name__)

EXIT_CODES = {
    0: "stopped, and every run had ended",
    1: "could not start",
    3: "migrations are unapplied (with --no-wait)",
    4: "stopped before every run had ended; these are recorded as interrupted",
    5: "code and database differ (with --check)",
}

#: How often unapplied migrations and running jobs are looked at while waiting for them, in seconds.
_LOOK = 0.1

#: How long a node that cannot start waits until it tries again, in seconds.
_START_AGAIN = 1.0

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
    check: bool = False
    reload: bool = False
    no_wait: bool = False
    queues: tuple[str, ...] | None = None


def serve(options: Options, out: TextIO, requests: StopRequests) -> int:
    """Run a node until it is asked to stop; returns the exit code. Belongs to the main thread."""
    config = get_config()
    if options.queues is not None:
        config = replace(config, queues=options.queues)
    if options.plan or options.check:
        return tell_difference(config, out, check=options.check)
    _show_log()
    if options.reload:
        return ReloadingNode().serve(requests)
    if not _migrated(config, options, out, requests):
        return 3 if not requests.count else 0
    node = LiveNode(config, executors=_executors(config, options))
    _start(node, config, options, out, requests)
    if not node.scheduler.running:
        node.relay.stop(timeout=2.0)
        return 0
    for alias in databases(config):
        drop_connection(alias)  # this thread only waits from here on
    gc.freeze()  # what is loaded by now stays, and need not be searched for garbage again and again
    if options.once:
        _perform_due(node, requests)
    else:
        requests.wait(None)
    return _stop(node, requests, config.grace if options.grace is None else options.grace)


def _start(node: LiveNode, config: Config, options: Options, out: TextIO, requests: StopRequests) -> None:
    """Start the node and say so; where the database fails meanwhile, try again until it does not, or a stop is requested."""
    steps: list[Callable[[], None]] = [
        partial(node.scheduler.start, paused=options.paused or options.once),
        node.merge,
        lambda: _say(out, _banner(node, config)),
    ]
    failed = False
    while steps:
        try:
            steps[0]()
        except PASSING_ERRORS as error:
            if not failed:
                logger.warning("The database failed while the node was starting (%s); it is tried again.", error)
            failed = True
            connections.close_all()
            if requests.wait(_START_AGAIN):
                return
        else:
            steps.pop(0)


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
    while (pending := unapplied(config)) is not None:
        if not said:
            hint = "" if options.no_wait else " Waiting."
            _say(out, f"Migrations are unapplied ({pending}): no job is started. Run `manage.py migrate`.{hint}")
            said = True
        if options.no_wait or requests.wait(_START_AGAIN):
            return False
    return True


def _banner(node: LiveNode, config: Config) -> str:
    executors = ", ".join(f"{alias} ({executor.capacity})" for alias, executor in node.scheduler.executors().items())
    lines = [f"Scheduler node started (process {os.getpid()}). Stop it with Ctrl-C or SIGTERM."]
    for store in node.stores:
        vendor = connections[store.using].vendor
        jobs = store.count()
        label = f", environment {config.environment!r}" if config.environment else ""
        lines.append(
            f"  job store {store.alias!r}: database {store.using!r} ({vendor}), {jobs} job(s), "
            f"{len(store.declares)} declared in code, node {store.node_id}{label}"
        )
    lines.append(f"  executors: {executors}")
    lines.append(f"  queues: {', '.join(config.queues) or 'all'}")
    lines += _unused_queues(node, config)
    return "\n".join(lines)


def _unused_queues(node: LiveNode, config: Config) -> Iterator[str]:
    """Yield a line for each queue that the node serves and that no job is in: its name may be mistyped."""
    if not config.queues:
        return
    used = sorted({queue for store in node.stores for queue in queues_in_use(store.using, [store.namespace])})
    for queue in config.queues:
        if queue not in used:
            there = f"jobs are in {', '.join(map(repr, used))}" if used else "there is no job yet"
            yield f"  warning: no job is in queue {queue!r}; {there}.{hint(queue, used)}"


def _perform_due(node: LiveNode, requests: StopRequests) -> None:
    """Make passes until one starts nothing that is due since before the first."""
    scheduler = node.scheduler
    began = min((store.clock.now() for store in node.stores), default=scheduler.clock.now())
    started: list[datetime] = []
    scheduler.add_listener(lambda event: started.extend(getattr(event, "scheduled_run_times", ())), EVENT_JOB_SUBMITTED)
    while not requests.count:
        started.clear()
        wait = scheduler.process_due()
        while node.running() and not requests.wait(_LOOK):
            pass
        for store in node.stores:
            store.record()  # it may wake a job that waits for one of its runs to end
        if min(started) > began if started else wait > 0:
            return


def _stop(node: LiveNode, requests: StopRequests, grace: float) -> int:
    """Claim nothing more, wait for what is running, then end it; a second request ends it at once."""
    until = time.monotonic() + grace
    asked = requests.count

    def patient() -> bool:
        return time.monotonic() < until and not requests.wait(_LOOK, more_than=asked)

    pausing = _aside(node.scheduler.pause)  # it waits for the end of a pass, and that may wait for the database
    while pausing.is_alive() and patient():
        pass
    if running := node.running():
        logger.info("Stopping: waiting up to %g s for %d run(s). A second signal stops at once.", grace, running)
    while node.running() and patient():
        pass
    left = node.running()
    node.kill()
    closing = _aside(partial(node.scheduler.shutdown, wait=False))
    closing.join(_CLOSE_TIMEOUT if requests.count == asked else _HASTE)
    node.relay.stop(timeout=2.0)
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
