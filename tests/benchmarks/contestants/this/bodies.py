"""What jobs do that know what they run for."""

from __future__ import annotations

import time
from collections import deque

from django_apscheduler_ng import current_run

#: Fire time and begin of each run, in seconds since the epoch, with the id of the job.
begun: deque[tuple[str, float, float]] = deque()


def note() -> None:
    """Note when the run begins, and when it was due."""
    run = current_run()
    assert run is not None
    assert run.fire_time is not None
    begun.append((run.job_id, run.fire_time.timestamp(), time.time()))
