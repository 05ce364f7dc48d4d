"""A logarithmic scale of durations, with ticks that people know: 1 ms, 10 ms, 100 ms, 1 s, 10 s, 1 min, 10 min, 1 h, …. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import log
from typing import NamedTuple

_TICKS = [
    *(timedelta(milliseconds=number) for number in (1, 10, 100)),
    *(timedelta(seconds=number) for number in (1, 10)),
    *(timedelta(minutes=number) for number in (1, 10)),
    *(timedelta(hours=number) for number in (1, 10)),
    *(timedelta(days=number) for number in (4, 40, 400)),
]


class Scale(NamedTuple):
    """Where durations lie between the lowest and the highest tick."""

    ticks: tuple[timedelta, ...]

    @classmethod
    def of(cls, values: Iterable[timedelta]) -> Scale:
        """Return the shortest scale that holds all of the values; of two ticks at least."""
        found = list(values)
        low, high = min(found, default=_TICKS[0]), max(found, default=_TICKS[0])
        first = max((index for index, tick in enumerate(_TICKS) if tick <= low), default=0)
        last = min((index for index, tick in enumerate(_TICKS) if tick >= high), default=len(_TICKS) - 1)
        first = min(first, len(_TICKS) - 2)
        return cls(tuple(_TICKS[first : max(last, first + 1) + 1]))

    def at(self, value: timedelta) -> float:
        """Return the place of a value, from 0 at the lowest tick to 1 at the highest."""
        low, high = self.ticks[0], self.ticks[-1]
        share = log(min(max(value, low), high) / low) / log(high / low)
        return min(1.0, max(0.0, share))
