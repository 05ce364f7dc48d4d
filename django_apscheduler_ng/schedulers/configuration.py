"""From what people write to what a scheduler needs: options checked, converted, and made into job stores and executors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from ..clock import Clock
from ..exceptions import ConfigurationError
from ..executors.base import BaseExecutor
from ..jobstores.base import BaseJobStore
from ..triggers.zones import as_zone
from .components import EXECUTORS, JOBSTORES, ComponentKind, Made, make_component
from .options import as_bool, as_int, as_mapping, as_retry, as_seconds, check_keys, is_none, normalise_options

_KNOWN = (
    "jobstores",
    "executors",
    "job_defaults",
    "timezone",
    "jobstore_retry_interval",
    "poll_interval",
    "logger",
    "clock",
)
_DEFAULTS_KNOWN = (
    "coalesce",
    "max_instances",
    "misfire_grace_time",
    "on_abandoned",
    "timeout",
    "retry",
    "overlap",
    "queue",
    "priority",
)


@dataclass(frozen=True, kw_only=True)
class SchedulerOptions:
    """Options in the form a scheduler uses; None = not given."""

    jobstores: Mapping[str, BaseJobStore] = field(default_factory=dict)
    executors: Mapping[str, BaseExecutor] = field(default_factory=dict)
    job_defaults: Mapping[str, Any] = field(default_factory=dict)
    timezone: tzinfo | None = None
    #: Longest pause before a failed job store is asked again, in seconds.
    jobstore_retry_interval: float | None = None
    #: Longest time between two passes, in seconds.
    poll_interval: float | None = None
    logger: logging.Logger | None = None
    clock: Clock | None = None
    #: Options that only one kind of scheduler has, as they were given.
    own: Mapping[str, Any] = field(default_factory=dict)


def read_options(
    gconfig: Mapping[str, Any], prefix: str, options: Mapping[str, Any], own: Sequence[str] = ()
) -> SchedulerOptions:
    """Check and convert options given under dotted names and as keyword arguments; those named in `own` are only collected.

    Raises:
        ConfigurationError: an option is unknown, given twice, or impossible.
    """
    prefixes = (prefix, "django_apscheduler_ng.") if prefix == "apscheduler." else (prefix,)
    given = normalise_options(gconfig, prefixes)
    given.update(options)
    check_keys(given, (*_KNOWN, *own))
    return SchedulerOptions(
        jobstores=_components(JOBSTORES, given.get("jobstores"), BaseJobStore),
        executors=_components(EXECUTORS, given.get("executors"), BaseExecutor),
        job_defaults=read_job_defaults(given.get("job_defaults") or {}),
        timezone=None if given.get("timezone") is None else as_zone(given["timezone"]),
        jobstore_retry_interval=_seconds(given, "jobstore_retry_interval"),
        poll_interval=_seconds(given, "poll_interval"),
        logger=_logger(given.get("logger")),
        clock=given.get("clock"),
        own={name: given[name] for name in own if name in given},
    )


def read_job_defaults(given: object) -> dict[str, Any]:
    """Return the policies that new jobs get where they bring none; strings are converted."""
    defaults = as_mapping(given, "job_defaults", "{'coalesce': True}")
    check_keys(defaults, _DEFAULTS_KNOWN, "job_defaults")
    read: dict[str, Any] = dict(defaults)
    if "coalesce" in read:
        read["coalesce"] = as_bool(read["coalesce"], "job_defaults.coalesce")
    if "max_instances" in read:
        read["max_instances"] = as_int(read["max_instances"], "job_defaults.max_instances", minimum=1)
    for option in ("misfire_grace_time", "timeout"):
        if option in read:
            seconds, name = read[option], f"job_defaults.{option}"
            read[option] = None if is_none(seconds) else as_seconds(seconds, name, positive=True)
    if "retry" in read:
        read["retry"] = None if is_none(read["retry"]) else as_retry(read["retry"], "job_defaults.retry")
    return read


def _components(kind: ComponentKind, given: object, base: type[Made]) -> dict[str, Made]:
    if given is None:
        return {}
    described = as_mapping(given, kind.option, f"{{'default': {{'type': {min(kind.builtin)!r}}}}}")
    return {alias: make_component(kind, value, alias, {}, base) for alias, value in described.items()}


def _seconds(given: Mapping[str, Any], name: str) -> float | None:
    return None if given.get(name) is None else as_seconds(given[name], name, positive=True)


def _logger(given: object) -> logging.Logger | None:
    if given is None or isinstance(given, logging.Logger):
        return given
    if isinstance(given, str):
        return logging.getLogger(given)
    raise ConfigurationError(f"Option 'logger' must be a logger or the name of one, got {given!r}.")
