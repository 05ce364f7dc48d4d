"""When a page that is open is to be looked up again, and what marks the parts that a script then replaces."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

#: Sent by the script that keeps a page up to date.
HEADER = "X-Apsng-Refresh"

#: Seconds until the next look: while something runs, and when nothing does.
BUSY, QUIET = 3, 60


def refreshes(request: HttpRequest) -> bool:
    """Return whether it is the script that asks: what is shown once only, like messages, is not for it."""
    return HEADER in request.headers


def refresh_in(now: datetime, *, busy: bool, next_at: datetime | None = None) -> int:
    """Return after how many seconds a page is out of date.

    Args:
        now: the present.
        busy: whether something runs, or waits to.
        next_at: when something will run next; None = not known.
    """
    if busy:
        return BUSY
    if next_at is None:
        return QUIET
    return int(min(QUIET, max(BUSY, (next_at - now).total_seconds() + 1)))


def refreshed(name: str, key: object, shown: object) -> SafeString:
    """Return a part of a page that the script replaces by the part of the same name in the page as it is later."""
    return format_html('<span class="apsng-part" id="apsng-{}-{}" data-apsng-refresh>{}</span>', name, key, shown)
