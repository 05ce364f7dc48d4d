"""What the executors share whose runs workers of a cluster perform: telling the workers, without holding up the node."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from django_apscheduler_ng.exceptions import ConfigurationError, SchedulerNotRunningError
from django_apscheduler_ng.runs import Run

from .base import BaseExecutor, Done, ExecutorHost, Ticket, as_count

logger = logging.getLogger(__name__)

#: Pauses between two tries to reach the back end, in seconds: the first one, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0

#: Ids that are published in one go.
_BATCH = 100

#: How long an executor that is shut down tries to publish what is left, in seconds.
_LAST_MESSAGES = 3.0


class ClusterExecutor(BaseExecutor):
    """Publishes the ids of runs, for workers elsewhere to perform them.

    It knows nothing of how they end: the workers write that to the ledger. A thread of its own publishes; while the back end cannot be
    reached, it tries again and again, and what it could not publish when the process ends is published by another node.
    """

    def __init__(self, max_in_flight: int | str, republish_after: float | str | timedelta) -> None:
        """Prepare for `max_in_flight` runs at once over all nodes, each published again after `republish_after` seconds."""
        super().__init__(as_count(max_in_flight, "max_in_flight", type(self).__name__))
        #: How many runs may be claimed or running at once, over all nodes.
        self.max_in_flight = self.capacity
        #: How long a worker may take to start a run until it is published again, in seconds.
        self.republish_after = as_pause(republish_after, "republish_after", type(self).__name__)
        self._unpublished: dict[tuple[str, int], None] = {}
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    @abstractmethod
    def _send(self, messages: Sequence[tuple[str, int]]) -> None:
        """Publish messages, each a database alias and the id of a run. Called by one thread; what is raised is tried again."""

    def _let_go(self) -> None:
        """Close the connection to the back end, if there is one. Called by the same thread, and never raises."""

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs."""
        super().start(host, alias)
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._loop, args=[self._stopping], name=f"{alias}_publisher", daemon=True
        )
        self._thread.start()

    def submit(self, run: Run, done: Done) -> None:
        """Tell the workers of the run; `done` is called only where they could never find it.

        Raises:
            SchedulerNotRunningError: the executor was never started.
        """
        if self._load is None:
            raise SchedulerNotRunningError(
                f"{type(self).__name__} was given a run of job {run.job_id!r} before it was started. "
                "Add it to a scheduler, which starts it."
            )
        if run.ledger is None:
            done(run, self._failed(Ticket(run=run, done=done), self._without_ledger(run)))
            return
        self.publish(run.ledger, [int(run.id)])

    def _without_ledger(self, run: Run) -> ConfigurationError:
        return ConfigurationError(
            f"Executor {self.alias!r} performs jobs of stores of type 'django' only, whose runs its workers find in the database; "
            f"job {run.job_id!r} is in job store {run.jobstore!r}. Move the job, or give it another executor."
        )

    def publish(self, ledger: str, ids: Collection[int]) -> None:
        """Tell the workers of these runs, soon.

        Args:
            ledger: alias of the database that the runs are in.
            ids: keys of their rows.
        """
        with self._lock:
            self._unpublished.update(dict.fromkeys((ledger, key) for key in ids))
        self._arrived.set()

    def free(self) -> int:
        """Return how many runs may be in flight; the claim knows how many there are."""
        return 0 if self._closing else self.max_in_flight

    def running(self) -> int:
        """Return how many runs are not published yet."""
        return len(self._unpublished)

    def shutdown(self, wait: bool = True) -> None:
        """Publish what is left where that can be done at once, and stop. A second call is fine."""
        if self._load is None:
            return
        self._close()
        self._stopping.set()
        self._arrived.set()
        if wait and self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_LAST_MESSAGES)

    def kill(self) -> None:
        """Stop at once."""
        self.shutdown(wait=False)

    def _dispatch(self, ticket: Ticket) -> None:
        """Runs do not come this way."""
        raise NotImplementedError

    def _loop(self, stopping: threading.Event) -> None:
        """Publish what comes in until told to stop. The main function of the thread."""
        pause = _FIRST_PAUSE
        while not (stopping.is_set() and not self._unpublished):
            self._arrived.wait()
            self._arrived.clear()
            while messages := list(self._unpublished)[:_BATCH]:
                if self._send_safely(messages):
                    pause = _FIRST_PAUSE
                elif stopping.wait(pause):
                    return self._let_go()
                else:
                    pause = min(pause * 2, _LONGEST_PAUSE)
        return self._let_go()

    def _send_safely(self, messages: Sequence[tuple[str, int]]) -> bool:
        """Publish messages, and return whether that worked; an outage is said once."""
        try:
            self._send(messages)
        except Exception as error:
            if not self._failing:
                logger.error(
                    "Executor %r cannot reach its back end (%s: %s); runs stay claimed, and it is tried again.",
                    self.alias,
                    type(error).__name__,
                    error,
                )
            self._failing = True
            return False
        with self._lock:
            for message in messages:
                self._unpublished.pop(message, None)
        if self._failing:
            logger.info("Executor %r reaches its back end again.", self.alias)
        self._failing = False
        return True


def as_pause(value: Any, option: str, owner: str) -> float:
    """Return an option that is a number of seconds, also from text such as `'60'` or a timedelta; more than 0.

    Raises:
        ConfigurationError: the value is no such number.
    """
    value = value.total_seconds() if isinstance(value, timedelta) else value
    try:
        seconds = float(value) if isinstance(value, str | float | int) and not isinstance(value, bool) else 0.0
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(
            f"Option {option!r} of {owner} must be a number of seconds above 0, got {value!r}. Write it as 60, '60' or a timedelta."
        )
    return seconds
