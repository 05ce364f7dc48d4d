"""How moments, durations, triggers and runs are told in plain text: in the admin, by commands, in sentences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any, Protocol

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .conf import get_config
from .models import JobRun
from .preview import Effect, Note
from .triggers.base import BaseTrigger

#: What is shown where there is nothing.
NOTHING = "–"


def zone_of(trigger: BaseTrigger) -> tzinfo:
    """Return the zone that a trigger thinks in; that of the settings where it has none."""
    zone: tzinfo | None = getattr(trigger, "timezone", None)
    return zone or get_config().timezone


def clock_words(moment: datetime, zone: tzinfo, *, seconds: bool | None = None) -> str:
    """Return `Tue 2026-11-24 03:00` in `zone`, with seconds where there are some."""
    local = moment.astimezone(zone)
    exact = bool(local.second) if seconds is None else seconds
    return date_format(local, "D Y-m-d H:i:s" if exact else "D Y-m-d H:i")


def distance_words(moment: datetime, now: datetime) -> str:
    """Return `in 5 minutes` or `5 minutes ago`."""
    if moment >= now:
        return gettext("in %(span)s") % {"span": rough_words(moment - now)}
    return gettext("%(span)s ago") % {"span": rough_words(now - moment)}


def rough_words(span: timedelta) -> str:
    """Return the span in its largest unit: `5 minutes`."""
    if years := (span + timedelta(days=1)) // timedelta(days=365.2425):  # a day for the leap years
        return (ngettext("%(count)d year", "%(count)d years", years) % {"count": years}).replace(" ", "\xa0")
    for size, words in _ROUGH:
        if span >= size:
            return words(span // size).replace(" ", "\xa0")
    return ngettext("%(count)d second", "%(count)d seconds", span.seconds) % {"count": span.seconds}


#: Sizes and words of the units below a year, the largest first. In Chinese, Django's units do not fit “ago” and “in”.
_ROUGH: tuple[tuple[timedelta, Callable[[int], str]], ...] = (
    (timedelta(days=30.44), lambda count: ngettext("%(count)d month", "%(count)d months", count) % {"count": count}),
    (timedelta(days=7), lambda count: ngettext("%(count)d week", "%(count)d weeks", count) % {"count": count}),
    (timedelta(days=1), lambda count: ngettext("%(count)d day", "%(count)d days", count) % {"count": count}),
    (timedelta(hours=1), lambda count: ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}),
    (timedelta(minutes=1), lambda count: ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}),
)


def span_words(span: timedelta) -> str:
    """Return an exact, short duration that does not break over lines: `340 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return _amount(gettext("%(amount)s ms"), f"{seconds * 1000:.0f}")
    if seconds < 59.95:
        return _amount(gettext("%(amount)s s"), number_format(f"{seconds:.1f}", decimal_pos=1))
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        (hours, gettext("%(amount)s h")),
        (minutes, gettext("%(amount)s min")),
        (0 if hours else rest, gettext("%(amount)s s")),
    ]
    return "\xa0".join(_amount(words, amount) for amount, words in parts if amount)


def _amount(words: str, amount: object) -> str:
    return (words % {"amount": amount}).replace(" ", "\xa0")


def schedule_words(trigger: BaseTrigger) -> str:
    """Return a trigger in words, whatever is wrong with it."""
    try:
        return trigger.describe()
    except Exception:
        return str(_("a trigger that cannot describe itself"))


def lateness(run: JobRun) -> timedelta | None:
    """Return how late a run started; None where it did not."""
    if run.started_at is None:
        return None
    late: timedelta = run.started_at - run.due_at
    return late


class Timed(Protocol):
    """A run, or the part of it that says how long it took."""

    @property
    def started_at(self) -> Any:
        """When its body started, or None."""

    @property
    def finished_at(self) -> Any:
        """When it ended, or None."""


def duration(run: Timed, now: datetime) -> timedelta | None:
    """Return how long the body of a run took, or has taken so far; None where it did not start."""
    if run.started_at is None:
        return None
    took: timedelta = (run.finished_at or now) - run.started_at
    return took


def span_or_nothing(span: timedelta | None) -> str:
    """Return a duration in words, a dash for none."""
    return NOTHING if span is None else span_words(span)


def summary_words(run: JobRun, zone: tzinfo | None = None) -> str:
    """Return `coalesced 3 fire times, from … to …` for a run that stands for several fire times, else an empty string."""
    if run.count <= 1 and run.count_is_exact:
        return ""
    count = str(run.count) if run.count_is_exact else gettext("at least %(count)d") % {"count": run.count}
    words = gettext("%(status)s %(count)s fire times") % {"status": run.get_status_display(), "count": count}
    if run.covers_from is None or run.covers_until is None:
        return words
    zone = zone or timezone.get_current_timezone()
    start, end = (clock_words(moment, zone) for moment in (run.covers_from, run.covers_until))
    return gettext("%(words)s, from %(start)s to %(end)s") % {"words": words, "start": start, "end": end}


def note_words(note: Note) -> str:
    """Return what a clock change does to a fire time, without its date."""
    wall, last = (f"{moment:%H:%M:%S}".removesuffix(":00") for moment in (note.wall, note.last_wall))
    if wall != last:
        wall = gettext("%(first)s … %(last)s") % {"first": wall, "last": last}
    fires = note.moment and f"{note.moment:%H:%M:%S}".removesuffix(":00")
    told = {
        Effect.SHIFTED: gettext("%(wall)s does not exist: runs at %(fires)s instead"),
        Effect.SKIPPED: gettext("%(wall)s does not exist: no run"),
        Effect.ONCE: gettext("%(wall)s exists twice: runs once, the first time"),
        Effect.TWICE: gettext("%(wall)s exists twice: runs both times"),
    }
    return told[note.effect] % {"wall": wall, "fires": fires}
