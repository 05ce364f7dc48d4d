"""A scheduler that performs in this process, with all that goes with it in a Django project.

`manage.py runscheduler` is one way to run it, a web process with an embedded node another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .bootstrap import make_node
from .conf import Config
from .declarations import Declaration, declared
from .events import EVENT_ALL, EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from .jobstores.django import DjangoJobStore
from .merging import merge
from .recorder import Ended
from .relay import Relay
from .retiring import Watch, retire
from .schedulers.background import BackgroundScheduler
from .schedulers.passes import end_of


class LiveNode:
    """A scheduler whose events are sent as Django signals, and whose job stores are brought in line with the code."""

    def __init__(self, config: Config, **overrides: Any) -> None:
        """Prepare a node as the settings say; `overrides` are options of `configure()`. Nothing is started yet."""
        self._config = config
        self.scheduler = make_node(config, **overrides)
        self.relay = _connect(self.scheduler)
        for alias, store in self.scheduler.jobstores().items():
            if isinstance(
                store, DjangoJobStore
            ):  # known before it starts: other nodes must not take these jobs for retired
                store.queues = config.queues
                store.declares = [declaration.id for declaration in declared_for(alias)]
                store.on_care = Watch(store)

    @property
    def stores(self) -> list[DjangoJobStore]:
        """The job stores that are shared with other nodes."""
        return _stores(self.scheduler)

    def start(self, paused: bool = False) -> None:
        """Become a node, and merge what code declares into the job stores."""
        self.scheduler.start(paused=paused)
        self.merge()

    def merge(self) -> None:
        """Merge what code declares into the job stores; a second call does no harm."""
        for store in self.stores:
            merge(store, declared_for(store.alias), asdict(self._config.job_defaults))
            retire(store)
        self.scheduler.wakeup()

    def running(self) -> int:
        """Return how many runs are under way."""
        return sum(executor.running() for executor in self.scheduler.executors().values())

    def kill(self) -> None:
        """Interrupt what is under way; bodies in threads go on unheard."""
        for executor in self.scheduler.executors().values():
            executor.kill()

    def abandon(self) -> None:
        """Let go of what `start()` had begun when it failed."""
        if self.scheduler.running:
            self.kill()
            self.scheduler.shutdown(wait=False)
        for store in self.stores:
            store.shutdown()


def declared_for(alias: str) -> list[Declaration]:
    """Return what code declares for the job store with this alias."""
    return [declaration for declaration in declared().values() if declaration.jobstore == alias]


def _stores(scheduler: BackgroundScheduler) -> list[DjangoJobStore]:
    return [store for store in scheduler.jobstores().values() if isinstance(store, DjangoJobStore)]


def _connect(scheduler: BackgroundScheduler) -> Relay:
    """Send the scheduler's events as Django signals; ends of runs on the ORM store only once they are recorded."""
    relay = Relay()
    ends = EVENT_JOB_EXECUTED | EVENT_JOB_ERROR
    scheduler.listeners.add(relay.put, EVENT_ALL & ~ends, relay.wants)
    for store in _stores(scheduler):
        store.on_recorded = lambda batch: _relay_ends(relay, batch)
    others = set(scheduler.jobstores()) - {store.alias for store in _stores(scheduler)}
    if others:
        scheduler.add_listener(
            lambda event: relay.put(event) if getattr(event, "jobstore", "") in others else None, ends
        )
    return relay


def _relay_ends(relay: Relay, batch: Sequence[Ended]) -> None:
    if relay.wants(EVENT_JOB_EXECUTED | EVENT_JOB_ERROR):
        for ended in batch:
            relay.put(end_of(ended.run, ended.outcome, ended.finished_at))
