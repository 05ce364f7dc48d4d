"""What the scheduler itself gives as the reason of something, in the language that is active.

Reasons are stored as they were given: those of people, and those of the scheduler in English. Pages translate the latter.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext, gettext_noop

#: What is stored, with what varies in it; the more telling first.
_SENTENCES = (
    gettext_noop("later than the grace time of the job allows"),
    gettext_noop("made up for by the latest one"),
    gettext_noop("it was cancelled before it began"),
    gettext_noop("its node died while it was being cancelled; whether it did its work is unknown"),
    gettext_noop("its worker died while it was being cancelled; whether it did its work is unknown"),
    gettext_noop("its node died; whether it did its work is unknown"),
    gettext_noop("its worker died; whether it did its work is unknown"),
    gettext_noop("its node was stopped and did not wait any longer"),
    gettext_noop("its job was removed before it could start"),
    gettext_noop("the next fire time of its job takes its place"),
    gettext_noop("declared in code"),
    gettext_noop("%(held)s, and run %(run)s waits for that to end"),
    gettext_noop("%(held)s, and an earlier fire time waits for that to end"),
    gettext_noop("run %(run)s on %(host)s has been under way since %(when)s UTC"),
    gettext_noop("the job already had all its instances running"),
    gettext_noop("The run was cancelled by %(who)s: %(reason)s."),
    gettext_noop("The run was cancelled by %(who)s."),
    gettext_noop("The run was cancelled: %(reason)s."),
    gettext_noop("The run was cancelled."),
    gettext_noop("The run took longer than its timeout of %(seconds)s s."),
)
#: A placeholder, after `re.escape()`.
_VARYING = re.compile(r"%\\\((\w+)\\\)s")


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_VARYING.sub(lambda found: f"(?P<{found[1]}>.+?)", re.escape(sentence)), re.DOTALL)


_PATTERNS = tuple((sentence, _pattern(sentence)) for sentence in _SENTENCES)


def reason_words(text: str) -> str:
    """Return a stored reason as it is told; one that is not the scheduler's own as it is."""
    for sentence, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            parts = {name: reason_words(part) if name != "who" else part for name, part in found.groupdict().items()}
            return gettext(sentence) % parts if parts else gettext(sentence)
    return text
