"""Document → jobs. What is wrong is told with its place, and then nothing of the document is taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ..exceptions import InvalidJobError, SchedulerError, StoredDataError, did_you_mean
from ..job import Job
from ..policies import checked_id, checked_option
from ..refs import check_arguments, check_form, load_callable
from ..serialization import load_trigger, load_value
from ..storable import canonical_text
from .writing import FIELDS, FORMAT, MOMENTS, PLAIN, VERSION, named

_NEEDED = ("id", "func", "trigger")


def parse_document(text: str, source: str) -> list[Any]:
    """Return what a document says of its jobs, unchecked.

    Args:
        text: the document.
        source: how messages call it.

    Raises:
        StoredDataError: it is no JSON, not a document of jobs, or of a later version.
    """
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise _refusal(
            source, f"line {error.lineno}, column {error.colno}: it must be JSON, got an error: {error.msg}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _refusal(source, f"it must be JSON as export_jobs() writes it, got an error: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _refusal(
            source, f'it must be an object with "format": "{FORMAT}". Import a file that export_jobs() wrote.'
        )
    return _checked_jobs(document, source)


def _checked_jobs(document: dict[str, Any], source: str) -> list[Any]:
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise _refusal(source, f'"version" must be a positive whole number, got {version!r}.')
    if version > VERSION:
        raise _refusal(
            source,
            f'"version" must be at most {VERSION}, got {version}. It was written by a later django-apscheduler-ng; '
            "upgrade this one.",
        )
    jobs = document.get("jobs")
    if not isinstance(jobs, list):
        raise _refusal(source, f'"jobs" must be a list of objects, got {type(jobs).__name__}.')
    return jobs


def _refusal(source: str, problem: str) -> StoredDataError:
    return StoredDataError(f"Cannot import {source}, so nothing was: {problem}")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {double!r} stands twice in one object")
    return found


class Reader:
    """Makes jobs of what a document says of them."""

    def __init__(
        self, source: str, defaults: Mapping[str, Any], check_callable: Callable[[str], None], executors: Iterable[str]
    ) -> None:
        """Prepare.

        Args:
            source: how messages call the document.
            defaults: policies of jobs that leave them open.
            check_callable: refuses references that the job store would not run, before they are followed.
            executors: aliases that jobs may name without being broken; none = all.
        """
        self._source = source
        self._defaults = dict(defaults)
        self._check_callable = check_callable
        self._executors = list(executors)

    def jobs(self, described: Iterable[Any]) -> list[Job]:
        """Return the jobs; one that cannot run here has the reason in its `broken_reason`.

        Raises:
            StoredDataError: the descriptions of jobs cannot be used, or an id comes twice; each is named with its place.
        """
        jobs: dict[str, Job] = {}
        problems: list[str] = []
        places: dict[str, str] = {}
        for index, data in enumerate(described):
            place = _place(index, data)
            try:
                job = self.job(data)
            except SchedulerError as error:
                problems.append(f"{place}{error}")
                continue
            if job.id in jobs:
                problems.append(
                    f"{place} has the id of {places[job.id]} Give each an id of its own, or export one job store at a time."
                )
            jobs[job.id], places[job.id] = job, f"{place}."
        if problems:
            raise _refusal(self._source, named(problems))
        return list(jobs.values())

    def job(self, data: Any) -> Job:
        """Return the job that one object describes.

        Raises:
            SchedulerError: the message goes on where a place ends (`, field 'args': …`).
        """
        _check_keys(data)
        ref = _field(data, "func", self._checked_ref)
        options = {name: _field(data, name, _option(name)) for name in (*PLAIN, "retry") if name in data}
        options.setdefault("name", ref.rpartition(":")[2])
        job = Job(
            id=_field(data, "id", checked_id),
            func=_anything,
            trigger=_field(data, "trigger", lambda value: load_trigger(canonical_text(value))),
            args=_field(data, "args", _positional),
            kwargs=_field(data, "kwargs", _named),
            **{**self._defaults, **options},
        )
        job.point_to(ref)
        _restore(job, data)
        job.broken_reason = self._why_broken(job)
        return job

    def _checked_ref(self, value: object) -> str:
        ref = check_form(value)
        self._check_callable(ref)
        return ref

    def _why_broken(self, job: Job) -> str:
        """Return why the job cannot run here; empty where it can."""
        if self._executors and job.executor not in self._executors:
            known = ", ".join(map(repr, self._executors))
            return f"ConfigurationError: Executor {job.executor!r} is not configured here; there are: {known}."
        try:
            check_arguments(load_callable(job.func_ref or ""), job.args, job.kwargs)
        except SchedulerError as error:
            return f"{type(error).__name__}: {error}"
        return ""


def _place(index: int, data: Any) -> str:
    name = data.get("id") if isinstance(data, dict) else None
    return f"jobs[{index}]" + (f" ({name!r})" if isinstance(name, str) else "")


def _check_keys(data: Any) -> None:
    if not isinstance(data, dict):
        raise InvalidJobError(f": it must be an object, got {type(data).__name__}.")
    for name in _NEEDED:
        if name not in data:
            raise InvalidJobError(f": the field {name!r} is missing.")
    for name in data:
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f" Known are {', '.join(FIELDS)}."
            raise InvalidJobError(f": unknown field {name!r}.{hint}")


def _field(data: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> Any:
    """Return a field as `read` makes it; an error says which field it is."""
    try:
        return read(data.get(name))
    except SchedulerError as error:
        raise InvalidJobError(f", field {name!r}: {error}") from error


def _option(name: str) -> Callable[[Any], Any]:
    return lambda value: checked_option(name, value)


def _positional(value: Any) -> list[Any]:
    loaded = [] if value is None else load_value(canonical_text(value))
    if not isinstance(loaded, list):
        raise InvalidJobError(f"it must be a list, got {type(loaded).__name__}.")
    return loaded


def _named(value: Any) -> dict[str, Any]:
    loaded = {} if value is None else load_value(canonical_text(value))
    if not isinstance(loaded, dict):
        raise InvalidJobError(f"it must be an object, got {type(loaded).__name__}.")
    return loaded


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidJobError(
            f"it must be a moment with an offset, like '2026-01-31T09:00:00+00:00', or null, got {value!r}."
        )
    checked: datetime | None = checked_option("next_run_time", moment)
    return checked


def _restore(job: Job, data: Mapping[str, Any]) -> None:
    """Give the job the state that it had reached; without a next run time it is planned like a new one."""
    moments = {name: _field(data, name, _moment) for name in MOMENTS}
    reason = data.get("pause_reason", "")
    if not isinstance(reason, str):
        raise InvalidJobError(f", field 'pause_reason': it must be text, got {type(reason).__name__}.")
    if "next_run_time" not in data:
        return
    job.choose_run_time(moments["next_run_time"])
    if job.next_run_time is not None:
        job.next_fire_time = moments["next_fire_time"] or job.next_run_time
    else:
        job.pause_reason = reason
    job.claimed_through = moments["claimed_through"]


def _anything(*args: Any, **kwargs: Any) -> None:
    """Stand in for a callable that was not looked up yet."""
