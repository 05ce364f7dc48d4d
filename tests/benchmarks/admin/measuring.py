"""What a page costs: queries, the slowest of them, time and bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from django.db import connection
from django.test import Client

from .pages import ROOT

ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one page: medians of the rounds, but the slowest query of all."""

    page: str
    queries: int
    #: Milliseconds.
    wall: float
    cpu: float
    slowest: float
    sql: str
    size: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


class _Statements:
    """Counts and times statements; an `execute_wrapper` of Django."""

    def __init__(self) -> None:
        self.times: list[tuple[float, str]] = []

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            self.times.append(((time.perf_counter() - begun) * 1000, sql))


def measure(client: Client, page: str, address: str) -> Cost:
    """Open a page once to warm up, then so many times to measure.

    Raises:
        RuntimeError: it did not open.
    """
    client.get(ROOT + address)
    rounds = [_open(client, address) for _ in range(ROUNDS)]
    statements = [one for _, _, found, _ in rounds for one in found]
    slowest, sql = max(statements, default=(0.0, ""))
    return Cost(
        page=page,
        queries=max(len(found) for _, _, found, _ in rounds),
        wall=median(wall for wall, *_ in rounds),
        cpu=median(cpu for _, cpu, *_ in rounds),
        slowest=slowest,
        sql=sql,
        size=rounds[-1][3],
    )


def _open(client: Client, address: str) -> tuple[float, float, list[tuple[float, str]], int]:
    """Return milliseconds by the wall and of the processor, the statements, and how many bytes came."""
    statements = _Statements()
    with connection.execute_wrapper(statements):
        wall, cpu = time.perf_counter(), time.process_time()
        response = client.get(ROOT + address)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if response.status_code != 200:
        raise RuntimeError(f"{address} answered {response.status_code}, expected 200.")
    return wall * 1000, cpu * 1000, statements.times, len(response.content)
