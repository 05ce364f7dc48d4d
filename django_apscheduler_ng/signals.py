"""Django signals, one for each event of the scheduler.

The sender is the model `ScheduledJob`. Every receiver gets the event itself as `event`, and its parts by name:

- signals of schedulers, executors and job stores: `alias` of the executor or job store (None for a scheduler; for
  `all_jobs_removed` that of the job store, None = all of them);
- signals of jobs: `job_id` and `jobstore`;
- `job_submitted` and `job_max_instances`, too: `scheduled_run_times` (a list, oldest first) and `run_ids`;
- `job_executed`, `job_error` and `job_missed`, too: `scheduled_run_time`, `run_id`, `retval`, `exception`, `traceback`,
  `count` (how many fire times the event stands for), `attempt` (1 for the first), and `retry_at`: when a run that failed is
  tried again, None where this was its last attempt.

They are sent in the process where something happens. What a node does is sent from a thread of its own, so that a slow
receiver delays no run; what a person does is sent when the transaction commits. A receiver that fails is logged and
stops nobody else; an async one is awaited.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

from . import events

logger = logging.getLogger(__name__)


class EventSignal(Signal):
    """A signal that knows its name, and logs failing receivers whatever kind of callable they are."""

    def __init__(self, name: str) -> None:
        """Make the signal called `name`."""
        super().__init__()
        self.name = name

    def __repr__(self) -> str:
        """Show the name."""
        return f"<EventSignal {self.name}>"

    def _log_robust_failure(self, receiver: Any, err: BaseException) -> None:
        # Django's own version reads receiver.__qualname__, which a partial or an instance does not have.
        shown = getattr(receiver, "__qualname__", None) or repr(receiver)
        logger.error("Receiver %s of signal %s failed: %s. The others are called.", shown, self.name, err, exc_info=err)


#: A node began to work.
scheduler_started = EventSignal("scheduler_started")
#: A node stopped.
scheduler_shutdown = EventSignal("scheduler_shutdown")
#: A node starts no more runs until it is resumed.
scheduler_paused = EventSignal("scheduler_paused")
#: A paused node goes on.
scheduler_resumed = EventSignal("scheduler_resumed")
#: An executor was added.
executor_added = EventSignal("executor_added")
#: An executor was removed.
executor_removed = EventSignal("executor_removed")
#: A job store was added.
jobstore_added = EventSignal("jobstore_added")
#: A job store was removed.
jobstore_removed = EventSignal("jobstore_removed")
#: All jobs were removed from the job store `alias`, or from every one (None).
all_jobs_removed = EventSignal("all_jobs_removed")
#: A job was added.
job_added = EventSignal("job_added")
#: A job was removed, or its schedule ended.
job_removed = EventSignal("job_removed")
#: A job was changed, paused, resumed or rescheduled.
job_modified = EventSignal("job_modified")
#: A run succeeded.
job_executed = EventSignal("job_executed")
#: An attempt of a run failed; `retry_at` says whether it was the last one.
job_error = EventSignal("job_error")
#: Fire times were older than the job's grace time and were not run.
job_missed = EventSignal("job_missed")
#: A run was handed to its executor.
job_submitted = EventSignal("job_submitted")
#: Fire times were skipped, because the job already had all its instances running.
job_max_instances = EventSignal("job_max_instances")

#: The signal of each event code.
SIGNALS: dict[int, EventSignal] = {
    getattr(events, f"EVENT_{signal.name.upper()}"): signal
    for signal in list(globals().values())
    if isinstance(signal, EventSignal)
}
