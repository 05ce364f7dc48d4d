"""The states of a job as badges."""

from __future__ import annotations

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ..models import ScheduledJob
from ..states import State, states_of
from .shown import badge

_TONES = {
    State.SCHEDULED: "info",
    State.RUNNING: "busy",
    State.WAITING: "warn",
    State.PAUSED: "quiet",
    State.RETIRED: "quiet",
    State.BROKEN: "bad",
    State.FINISHED: "quiet",
}


def state_badges(job: ScheduledJob, live: bool) -> SafeString:
    """Return the states of a job as badges."""
    return format_html_join(" ", "{}", ((badge(state.label, _TONES[state]),) for state in states_of(job, live)))
