"""What the page of a run shows of how the run is getting on: progress, log, further attempts, key."""

from __future__ import annotations

from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ..models import JobRun, RunOrigin
from ..runs import OPEN_STATUSES, idempotency_key
from .base import Links
from .shown import LONGEST_TEXT, status_badge

#: Attempts that are listed at most, the first ones.
_ATTEMPTS = 50


def progress_html(run: JobRun) -> SafeString | str:
    """Return how far a run has come, as a bar and in words; empty where it says nothing."""
    done, total, text = run.progress_done, run.progress_total, run.progress_text
    if done is None:
        return ""
    words = number_words(done)
    if total is not None:
        words = gettext("%(done)s of %(total)s") % {"done": words, "total": number_words(total)}
    if text:
        words = f"{words} · {text}"
    return format_html('{}<span class="apsng-progress-text">{}</span>', _bar(run, words), words)


def _bar(run: JobRun, words: str) -> SafeString | str:
    """Return the bar; more than there is to do is shown as all of it, and no bar where nobody knows how much there is."""
    done, total = run.progress_done, run.progress_total
    if done is None or not total:
        moving = run.status in OPEN_STATUSES and total is None
        return format_html('<progress class="apsng-progress" aria-label="{}"></progress>', words) if moving else ""
    return format_html(
        '<progress class="apsng-progress" max="{}" value="{}" aria-label="{}"></progress>',
        repr(total),
        repr(min(done, total)),
        words,
    )


def number_words(number: float) -> str:
    """Return a number of steps without needless digits."""
    return str(int(number)) if number.is_integer() and number < 10**15 else f"{number:.4g}"


def end_of_log(run: JobRun) -> str:
    """Return the log of a run, or the end of it where it is too long for a page."""
    log: str = run.log
    if len(log) <= LONGEST_TEXT:
        return log
    return gettext("(%(count)d earlier characters) …") % {"count": len(log) - LONGEST_TEXT} + "\n" + log[-LONGEST_TEXT:]


def attempts_html(run: JobRun, links: Links) -> SafeString | str:
    """Return all attempts of a run, with links to the other ones; empty where there is only this one."""
    first = run.first_attempt or run.pk
    # the primary keys of attempts grow, so that the index on job and key finds them
    others = JobRun.objects.using(run._state.db).filter(job_key=run.job_key, pk__gte=first)
    found = others.filter(Q(pk=first) | Q(first_attempt=first)).order_by("pk").only("attempt", "status")[:_ATTEMPTS]
    attempts = list(found)
    if len(attempts) < 2:
        return ""
    items = ((gettext("attempt %(number)d") % {"number": attempt.attempt}, attempt) for attempt in attempts)
    return format_html_join(
        "",
        "<li>{} {}</li>",
        (
            (
                format_html("<strong>{}</strong>", label)
                if attempt.pk == run.pk
                else links.anchor(label, JobRun, attempt.pk),
                status_badge(attempt),
            )
            for label, attempt in items
        ),
    )


def key_of(run: JobRun) -> str:
    """Return the idempotency key that the run's code got; empty for rows that stand for fire times without a run."""
    if run.slot is None and run.origin != RunOrigin.MANUAL:
        return ""
    return idempotency_key(run.namespace, run.job_id, run.slot, str(run.first_attempt or run.pk))
