"""An executor that hands runs to the workers of a back end of Django's tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django_apscheduler_ng.exceptions import ConfigurationError, MissingExtraError
from django_apscheduler_ng.refs import load_object

from .base import ExecutorHost
from .cluster import ClusterExecutor

#: The task that workers know.
TASK = "django_apscheduler_ng.cluster.djangotask:perform"

_CLOSE_OLD_CONNECTIONS = "django.db:close_old_connections"


class TasksExecutor(ClusterExecutor):
    """Enqueues runs through a back end of the setting `TASKS`; its workers perform them.

    It takes `django.tasks` since Django 6, and before that the package django-tasks. Workers need the project's settings, its code and
    its database.
    """

    def __init__(
        self,
        backend: str = "default",
        queue: str | None = None,
        max_in_flight: int | str = 100,
        republish_after: float | str | timedelta = 60,
        priority: int | str = 0,
    ) -> None:
        """Prepare.

        Args:
            backend: alias of the back end.
            queue: name of its queue; left out, `default`.
            max_in_flight: how many runs may be claimed or running at once, over all nodes.
            republish_after: after how many seconds a run that no worker has started is published again.
            priority: of the tasks, from -100 to 100, where the back end knows such a thing.

        Raises:
            ConfigurationError: an option has an impossible value.
        """
        super().__init__(max_in_flight, republish_after)
        self._backend = backend
        self._queue = queue or "default"
        self._priority = priority
        self._task: Any = None

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Find the back end, and begin to accept runs.

        Raises:
            ConfigurationError: there is no such back end, or it has no such queue.
        """
        self._task = self._make_task(alias)
        super().start(host, alias)

    def _make_task(self, alias: str) -> Any:
        try:
            task = load_object(TASK)
            changes = {"priority": int(self._priority)} if self._priority else {}
            return task.using(backend=self._backend, queue_name=self._queue, **changes)
        except MissingExtraError:
            raise
        except Exception as error:
            raise ConfigurationError(
                f"The back end {self._backend!r} of executor {alias!r} cannot be used: {type(error).__name__}: {error}. "
                "Correct the options 'backend', 'queue' and 'priority', or the setting TASKS."
            ) from error

    def _send(self, messages: Sequence[tuple[str, int]]) -> None:
        try:
            for ledger, key in messages:
                self._task.enqueue(run=key, ledger=ledger)
        finally:
            load_object(_CLOSE_OLD_CONNECTIONS)()  # of this thread, in which the back end may have opened some
