"""The words in which triggers describe themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime


def every(amounts: Mapping[str, float]) -> str:
    """Return `every 5 minutes` for `{"minutes": 5}`: amounts by plural unit, the largest first, without zeros."""
    given = [(unit, amount) for unit, amount in amounts.items() if amount]
    if len(given) == 1 and given[0][1] == 1:
        return f"every {given[0][0].removesuffix('s')}"
    parts = [f"{amount} {unit.removesuffix('s') if amount == 1 else unit}" for unit, amount in given]
    return "every " + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def moment_words(moment: datetime) -> str:
    """Return `2026-12-24 18:00`, with seconds where there are some."""
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def between(start: date | None, end: date | None) -> str:
    """Return ` from … until …` for the ends that are given, else an empty string."""
    words = ""
    for word, limit in (("from", start), ("until", end)):
        if limit is not None:
            words += f" {word} {moment_words(limit) if isinstance(limit, datetime) else limit.isoformat()}"
    return words


def delayed(jitter: float | None) -> str:
    """Return `, delayed by up to 30 s`, or an empty string without jitter."""
    return f", delayed by up to {jitter} s" if jitter else ""
