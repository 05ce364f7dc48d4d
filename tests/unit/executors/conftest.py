from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from django_apscheduler_ng.executors.base import BaseExecutor

from .support import Ends, Host

Start = Callable[..., BaseExecutor]


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def start() -> Iterator[Start]:
    """Start an executor, whose end is looked after."""
    started: list[BaseExecutor] = []

    def start(executor: BaseExecutor, host: Host | None = None, alias: str = "default") -> BaseExecutor:
        executor.start(host or Host(), alias)
        started.append(executor)
        return executor

    yield start
    for executor in started:
        executor.kill()
