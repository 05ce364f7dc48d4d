"""The words in which triggers describe themselves, in the language that is active.

The names `gettext`, `ngettext` and `pgettext` are those that `makemessages` looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from gettext import NullTranslations
from typing import Protocol


class Catalogue(Protocol):
    """Translates messages: a class of the module `gettext`, or `django.utils.translation`."""

    def gettext(self, message: str, /) -> str:
        """Return the translation of a message, or the message."""

    def ngettext(self, singular: str, plural: str, number: int, /) -> str:
        """Return the translation for a number."""

    def pgettext(self, context: str, message: str, /) -> str:
        """Return the translation of a message that means something else elsewhere."""


_catalogue: Catalogue = NullTranslations()


def set_catalogue(catalogue: Catalogue) -> None:
    """Let triggers describe themselves in the words of `catalogue`; without this they do so in English."""
    global _catalogue
    _catalogue = catalogue


def gettext(message: str) -> str:
    """Return the message in the language that is active."""
    return _catalogue.gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the message for a number in the language that is active."""
    return _catalogue.ngettext(singular, plural, number)


def pgettext(context: str, message: str) -> str:
    """Return the message in the language that is active, as it is said in a context."""
    return _catalogue.pgettext(context, message)


def gettext_noop(message: str) -> str:
    """Mark a message that is translated where it is used."""
    return message


_EACH = {
    "years": gettext_noop("every year"),
    "months": gettext_noop("every month"),
    "weeks": gettext_noop("every week"),
    "days": gettext_noop("every day"),
    "hours": gettext_noop("every hour"),
    "minutes": gettext_noop("every minute"),
    "seconds": gettext_noop("every second"),
}
_AMOUNTS: Mapping[str, Callable[[int], str]] = {
    "years": lambda number: ngettext("%(count)s year", "%(count)s years", number),
    "months": lambda number: ngettext("%(count)s month", "%(count)s months", number),
    "weeks": lambda number: ngettext("%(count)s week", "%(count)s weeks", number),
    "days": lambda number: ngettext("%(count)s day", "%(count)s days", number),
    "hours": lambda number: ngettext("%(count)s hour", "%(count)s hours", number),
    "minutes": lambda number: ngettext("%(count)s minute", "%(count)s minutes", number),
    "seconds": lambda number: ngettext("%(count)s second", "%(count)s seconds", number),
}


def every(amounts: Mapping[str, float]) -> str:
    """Return `every 5 minutes` for `{"minutes": 5}`: amounts by plural unit, the largest first, without zeros."""
    given = [(unit, amount) for unit, amount in amounts.items() if amount]
    if len(given) == 1 and given[0][1] == 1:
        return gettext(_EACH[given[0][0]])
    parts = [_amount(unit, amount) for unit, amount in given]
    both = pgettext("amounts of time", "%(first)s and %(last)s")
    return gettext("every %(amounts)s") % {"amounts": joined(parts, pgettext("amounts of time", ", "), both)}


def _amount(unit: str, amount: float) -> str:
    number = int(amount) if amount == int(amount) else 2  # languages that count do so in whole numbers
    return _AMOUNTS[unit](number) % {"count": amount}


def joined(words: Sequence[str], comma: str, both: str) -> str:
    """Return `a, b and c`.

    Args:
        words: what to list, at least one.
        comma: what stands between all but the last two.
        both: how the last one is added, with `%(first)s` and `%(last)s`.
    """
    if len(words) == 1:
        return words[0]
    return both % {"first": comma.join(words[:-1]), "last": words[-1]}


def moment_words(moment: datetime) -> str:
    """Return `2026-12-24 18:00`, with seconds where there are some."""
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def between(start: date | None, end: date | None, zone: str) -> str:
    """Return ` from … until … (Europe/Berlin)` for the ends that are given, else an empty string."""
    words = ""
    if start is not None:
        words += gettext(" from %(start)s") % {"start": _limit(start)}
    if end is not None:
        words += gettext(" until %(end)s") % {"end": _limit(end)}
    return words and words + gettext(" (%(zone)s)") % {"zone": zone}


def _limit(limit: date) -> str:
    return moment_words(limit) if isinstance(limit, datetime) else limit.isoformat()


def delayed(jitter: float | None) -> str:
    """Return `, delayed by up to 30 s`, or an empty string without jitter."""
    return gettext(", delayed by up to %(seconds)s s") % {"seconds": jitter} if jitter else ""
