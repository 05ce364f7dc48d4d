"""The way from a job's id to its store, for everything that can be done with jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..clock import SYSTEM_CLOCK
from ..events import SchedulerEvent
from ..exceptions import ConfigurationError, JobLookupError, did_you_mean
from ..job import Job
from ..jobstores.base import BaseJobStore

if TYPE_CHECKING:
    from .api import JobsApi

_Result = TypeVar("_Result")


class StoreAccess(ABC):
    """Job stores by alias, and what callers may leave out."""

    _jobstores: dict[str, BaseJobStore]
    _job_defaults: dict[str, Any]
    #: Zone of triggers and run times that name none.
    timezone: tzinfo

    @abstractmethod
    def _dispatch(self, event: SchedulerEvent) -> None:
        """Tell whoever listens."""

    def _tentative(self) -> list[tuple[Job, str, bool]] | None:
        """Return the list in which jobs wait for the scheduler to start; None when they go to their store at once."""
        return None

    def _executor_names(self) -> Collection[str] | None:
        """Return the aliases that jobs may name as their executor; None while that is not known."""
        return None

    def _now(self, alias: str) -> datetime:
        """Return the time of a job store."""
        store = self._jobstores.get(alias)
        return (SYSTEM_CLOCK if store is None else store.clock).now()

    def _jobs_changed(self) -> None:  # noqa: B027 - only a running scheduler has somebody to wake
        """Do what is needed for a change to take effect soon."""

    def _attach(self, job: Job, alias: str | None) -> Job:
        """Bind the job to this scheduler and to its job store."""
        return job.attach(cast("JobsApi", self), alias)

    def _in_its_store(
        self, job_id: str, jobstore: str | None, act: Callable[[str, BaseJobStore], _Result]
    ) -> tuple[str, _Result]:
        """Call `act(alias, store)` for one job store after the other until one has the job; returns its alias and the result.

        Raises:
            JobLookupError: none of them has it.
        """
        missing = self._not_found(job_id)
        for alias in self._aliases(jobstore):
            try:
                return alias, act(alias, self._jobstores[alias])
            except JobLookupError as error:
                missing = error if jobstore else missing
        raise missing

    def _aliases(self, jobstore: str | None) -> list[str]:
        """Return the aliases to search."""
        if jobstore is None:
            return list(self._jobstores)
        if self._tentative() is None or jobstore in self._jobstores:
            self._store(jobstore)
            return [jobstore]
        return []

    def _store(self, alias: str) -> BaseJobStore:
        """Return the job store.

        Raises:
            ConfigurationError: there is none with this alias.
        """
        if alias not in self._jobstores:
            raise ConfigurationError(
                f"Job store {alias!r} is not configured.{did_you_mean(alias, self._jobstores)} "
                f"There are: {', '.join(map(repr, self._jobstores)) or 'none'}. Add it with add_jobstore() or in the configuration."
            )
        return self._jobstores[alias]

    def _check_executor(self, alias: object) -> None:
        """Refuse an executor that is not there, where it is known which ones are."""
        names = self._executor_names()
        if names is not None and alias not in names:
            raise ConfigurationError(
                f"Executor {alias!r} is not configured.{did_you_mean(alias, names)} "
                f"There are: {', '.join(map(repr, names))}. Add it with add_executor() or in the configuration."
            )

    def _not_found(self, job_id: str) -> JobLookupError:
        places = ", ".join(map(repr, self._jobstores)) or "none"
        return JobLookupError(
            f"Job {job_id!r} is in no job store ({places}). It may have finished; get_jobs() lists what is there."
        )

    def _moment(self, value: datetime | str | None) -> datetime | None:
        """Return a moment given as an (aware or naive) datetime or an ISO string, in UTC; naive ones are in the scheduler's zone."""
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.timezone)
            return moment.astimezone(UTC)
        except (ValueError, AttributeError, TypeError, OverflowError):
            raise ConfigurationError(
                f"Job option 'next_run_time' must be a datetime or an ISO string like '2026-01-31 09:00:00', got {value!r}."
            ) from None
