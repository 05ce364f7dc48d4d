"""Executors whose workers belong to something else, which they find in the real thing."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context

import pytest

from django_apscheduler_ng.executors.base import BaseExecutor, ExecutorHost
from django_apscheduler_ng.executors.futures import FuturesExecutor
from tests.unit.loops import shared_loop


def in_tornado() -> BaseExecutor:
    pytest.importorskip("tornado")
    from django_apscheduler_ng.executors.tornado import TornadoExecutor

    return TornadoExecutor(1)


def in_hub(max_workers: int = 1) -> BaseExecutor:
    loop = shared_loop("gevent")
    from django_apscheduler_ng.executors.gevent import GeventExecutor

    return _hosted(GeventExecutor, hub=loop.hub)(max_workers)


def in_reactor(max_workers: int = 1) -> BaseExecutor:
    loop = shared_loop("twisted")
    from django_apscheduler_ng.executors.twisted import TwistedExecutor

    return _hosted(TwistedExecutor, reactor=loop.reactor)(max_workers)


def pool_of_threads() -> BaseExecutor:
    return FuturesExecutor("concurrent.futures:ThreadPoolExecutor", 1)


def pool_of_processes() -> BaseExecutor:
    return FuturesExecutor(
        "concurrent.futures:ProcessPoolExecutor", 1, pool_kwargs={"mp_context": get_context("spawn")}
    )


def _hosted(kind: type[BaseExecutor], **belongings: object) -> Callable[..., BaseExecutor]:
    """Return a class whose hosts have these attributes, as the schedulers of these loops do."""

    def start(self: BaseExecutor, host: ExecutorHost, alias: str) -> None:
        vars(host).update(belongings)
        kind.start(self, host, alias)

    return type(kind.__name__, (kind,), {"start": start})
