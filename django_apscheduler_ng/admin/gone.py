"""What is said of a job that is not there any more: who removed it, when, and where its history is."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ..models import JobLogEntry
from .access import about_seen_jobs
from .base import Links
from .cells import event_values
from .filters import is_key
from .sentences import event_sentence
from .shown import time_tag


def words_about_gone(request: HttpRequest, key: str, using: str, links: Links) -> SafeString | str:
    """Return what is known of the job that had this key; empty where nothing is, or the person may not see events."""
    if not is_key(key) or not links.sees(JobLogEntry):
        return ""
    entries = about_seen_jobs(request, JobLogEntry.objects.using(using)).about([int(key)])
    entry = entries.filter(action__in=("removed", "finished")).order_by("-pk").first()
    if entry is None:
        return ""
    before, _after = event_values(entry)
    history = format_html(
        '<a href="{}?job={}">{}</a>', links.page(JobLogEntry, "changelist"), key, gettext("Its history")
    )
    return format_html(
        "{} {} ({}). {}",
        gettext("“%(job)s” is not there any more.") % {"job": before.get("name") or entry.job_id},
        event_sentence(entry),
        time_tag(entry.at),
        history,
    )
