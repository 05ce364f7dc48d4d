"""What a pass says of a job store that fails."""

from __future__ import annotations

import logging

from django_apscheduler_ng.jobstores.base import Claim
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.schedulers.listeners import Listeners
from django_apscheduler_ng.schedulers.passes import Pass


class Host:
    """A scheduler with the pass under test."""

    jobstore_retry_interval = 1.0
    poll_interval = 1.0
    listeners = Listeners()

    def wakeup(self):
        """Be awake already."""


class Answering(MemoryJobStore):
    """A job store that gives these answers, one after the other."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = iter(answers)

    def claim(self, now, free):
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_one_outage_is_told_of_once_and_its_end_when_the_store_was_asked(caplog):
    away = OSError("away")
    store = Answering(away, away, Claim(asked=False), away, Claim(asked=False), Claim(), Claim(), away)
    passes = Pass(Host(), {"default": store}, {})

    with caplog.at_level(logging.INFO):
        waits = [passes.run() for _ in range(8)]

    assert [record.getMessage() for record in caplog.records] == [
        "Job store 'default' failed (away); it is asked again until it answers.",
        "Job store 'default' answers again.",
        "Job store 'default' failed (away); it is asked again until it answers.",
    ]
    assert waits == [0.1, 0.2, 1.0, 0.4, 1.0, 1.0, 1.0, 0.1]
