"""An executor that hands runs to the Celery workers that the project has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django_apscheduler_ng.exceptions import ConfigurationError, SchedulerError, needs_extra
from django_apscheduler_ng.handover import celery_app
from django_apscheduler_ng.refs import load_object

from .base import ExecutorHost
from .cluster import ClusterExecutor

with needs_extra("CeleryExecutor", "celery"):
    import celery

#: Name of the task that workers know; see `django_apscheduler_ng.tasks`.
TASK = "django_apscheduler_ng.perform"

#: How long to try to reach the broker, in seconds.
_TIMEOUT = 5.0


class CeleryExecutor(ClusterExecutor):
    """Publishes runs through a Celery app; its workers perform them.

    Workers need the project's settings, its code and its database, and this app in `INSTALLED_APPS`: `app.autodiscover_tasks()` finds
    the task there. No result back end is used.
    """

    def __init__(
        self,
        app: Any = None,
        queue: str | None = None,
        max_in_flight: int | str = 100,
        republish_after: float | str | timedelta = 60,
        message_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare.

        Args:
            app: the Celery app, or the reference of one (`shop.celery:app`); left out, the current one of this process.
            queue: name of Celery's queue; left out, that of the app's routes.
            max_in_flight: how many runs may be claimed or running at once, over all nodes.
            republish_after: after how many seconds a run that no worker has started is published again.
            message_options: further options of the message, as of Celery's `apply_async()`: `priority`, `exchange`, ….

        Raises:
            ConfigurationError: an option has an impossible value.
        """
        super().__init__(max_in_flight, republish_after)
        self._given = app
        self._options = {**({} if queue is None else {"queue": queue}), **(message_options or {})}
        self._connection: Any = None

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Find the app, and begin to accept runs.

        Raises:
            ConfigurationError: there is no such app.
        """
        self._app = self._find_app(alias)
        super().start(host, alias)

    def _find_app(self, alias: str) -> celery.Celery:
        try:
            app = load_object(self._given) if isinstance(self._given, str) else self._given or celery_app()
        except SchedulerError as error:
            raise ConfigurationError(f"Option 'app' of executor {alias!r} cannot be used: {error}") from error
        if not isinstance(app, celery.Celery):
            raise ConfigurationError(
                f"Option 'app' of executor {alias!r} must be a Celery app, got {app!r}. Write it as 'shop.celery:app'."
            )
        return app

    def _send(self, messages: Sequence[tuple[str, int]]) -> None:
        """Publish through a connection of this thread; through a fresh one where the broker has closed that."""
        fresh = self._connection is None
        try:
            self._publish(messages)
        except Exception:
            self._let_go()
            if fresh:
                raise
            self._publish(messages)

    def _publish(self, messages: Sequence[tuple[str, int]]) -> None:
        if self._connection is None:
            self._connection = self._connect()
        with self._app.amqp.Producer(self._connection) as producer:
            for ledger, key in messages:
                arguments = {"run": key, "ledger": ledger}
                self._app.send_task(
                    TASK, kwargs=arguments, producer=producer, ignore_result=True, retry=False, **self._options
                )

    def _connect(self) -> Any:
        """Return a connection to the broker; by itself Celery would wait for it for as long as it is away."""
        connection = self._app.connection_for_write(connect_timeout=_TIMEOUT)
        if connection.transport.driver_type == "amqp":  # of the other transports some refuse what they do not know
            connection.transport_options = {**connection.transport_options, "confirm_publish": True}
        return connection.ensure_connection(max_retries=1, timeout=_TIMEOUT)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.release()
