"""How commands print moments, rows as JSON, and jobs in short."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, TextIO

from ..models import JobRun
from ..words import NOTHING, clock_words, distance_words, duration, lateness, span_words
from .reading import project_zone


def print_json(out: TextIO, value: Any) -> None:
    """Print one JSON value for people and programs."""
    out.write(json.dumps(value, indent=2, ensure_ascii=False))


def print_json_list(out: TextIO, values: Iterable[Mapping[str, Any]]) -> None:
    """Print a JSON list as its members come, a line each."""
    begun = False
    for value in values:
        out.write(("," if begun else "[") + "\n  " + json.dumps(value, ensure_ascii=False), ending="")  # type: ignore[call-arg]
        begun = True
    out.write("\n]" if begun else "[]")


def iso(moment: datetime | None) -> str | None:
    """Return a moment for JSON, in the zone of the project and with its offset."""
    return None if moment is None else moment.astimezone(project_zone()).isoformat()


def seconds(span: timedelta | None) -> float | None:
    """Return a duration for JSON."""
    return None if span is None else span.total_seconds()


def when(moment: datetime | None, zone: tzinfo | None = None, *, seconds: bool | None = None) -> str:
    """Return a moment for a table; with its seconds where there are some, unless `seconds` says otherwise."""
    return NOTHING if moment is None else clock_words(moment, zone or project_zone(), seconds=seconds)


def when_and_far(moment: datetime | None, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment and how far away it is: `Fri 2026-11-27 03:00 (in 5 hours)`."""
    return NOTHING if moment is None else f"{when(moment, zone)} ({plain(distance_words(moment, now))})"


def short_span(span: timedelta) -> str:
    """Return a duration in its largest unit, in short: `42 s`, `7 min`, `3 h`, `4 d`."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def took(run: JobRun, now: datetime) -> str:
    """Return how long a run took, or has taken so far."""
    span = duration(run, now)
    return NOTHING if span is None else plain(span_words(span))


def late(run: JobRun) -> str:
    """Return how late a run started."""
    span = lateness(run)
    return NOTHING if span is None else plain(span_words(span))


def plain(text: str) -> str:
    """Return the text with plain blanks, by which others can split it."""
    return text.replace("\xa0", " ")


def outcome(run: JobRun | None, now: datetime) -> str:
    """Return how a run ended, and when."""
    if run is None:
        return NOTHING
    status = str(run.get_status_display())
    return status if run.finished_at is None else f"{status} {short_span(now - run.finished_at)} ago"


def error_line(run: JobRun) -> str:
    """Return in one line what there is to say of the end of a run."""
    error = ": ".join(filter(None, [run.exception_type, run.exception_message]))
    return " – ".join(filter(None, [error, run.reason]))


def read_json(text: str) -> Any:
    """Return what a stored JSON text holds; the text itself where it is none, None where there is none."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def counted(number: int, noun: str) -> str:
    """Return `1 job` or `2 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", " ")
