"""The settings: the dict `APSCHEDULER`, checked as a whole and made into one typed object.

Every option may be left out. Options are written nested (`{"job_defaults": {"coalesce": False}}`) or as dotted keys
(`{"apscheduler.job_defaults.coalesce": "false"}`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from .conf_readers import (
    DEFAULTS,
    Reader,
    as_count,
    as_label,
    as_level,
    as_module_name,
    as_patterns,
    as_positive,
    as_queues,
    as_reference,
    as_zone_setting,
    collect,
    or_none,
    project_zone,
    read_components,
    read_section,
)
from .exceptions import ConfigurationError
from .policies import ABANDON_POLICIES, OVERLAP_POLICIES, PRIORITIES
from .retries import Retry
from .schedulers.components import EXECUTORS, JOBSTORES
from .schedulers.options import (
    OptionError,
    as_bool,
    as_choice,
    as_int,
    as_mapping,
    as_queue,
    as_retry,
    as_seconds,
    normalise_options,
)

#: Name of the one setting.
SETTING = "APSCHEDULER"


def _by(read: Reader[Any]) -> dict[str, Any]:
    """Return the metadata that make an option be read by `read`."""
    return {"read": read}


@dataclass(frozen=True, kw_only=True)
class JobDefaults:
    """Policies of jobs that do not say otherwise."""

    #: Make one run of several fire times that are due together. Default: True.
    coalesce: bool = field(default=True, metadata=_by(as_bool))
    #: How many runs of a job may be under way at once, over all nodes. Default: 1.
    max_instances: int = field(default=1, metadata=_by(as_count))
    #: How late a run may start, in seconds; None = however late. Default: None.
    misfire_grace_time: float | None = field(default=None, metadata=_by(or_none(as_positive)))
    #: What happens to a run whose node died: `abandon` leaves it, `rerun` runs it again. Default: `abandon`.
    on_abandoned: str = field(default="abandon", metadata=_by(partial(as_choice, choices=ABANDON_POLICIES)))
    #: How long a run may take, in seconds; None = as long as it takes. Default: None.
    timeout: float | None = field(default=None, metadata=_by(or_none(as_positive)))
    #: When a failed run is tried again: a number of attempts, or a mapping of the fields of `Retry`; None = never.
    #: Default: None.
    retry: Retry | None = field(default=None, metadata=_by(or_none(as_retry)))
    #: What becomes of a fire time that meets as many runs as there may be: `skip`, `queue` or `replace`. Default: `skip`.
    overlap: str = field(default="skip", metadata=_by(partial(as_choice, choices=OVERLAP_POLICIES)))
    #: Name of the queue. Default: `default`.
    queue: str = field(default="default", metadata=_by(as_queue))
    #: Who goes first where executors are full: `high`, `normal` or `low`. Default: `normal`.
    priority: str = field(default="normal", metadata=_by(partial(as_choice, choices=PRIORITIES)))


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long history is kept; whichever limit is reached first deletes."""

    #: Days after which an ended run is deleted; None = never. Default: 30.
    max_age_days: int | None = field(default=30, metadata=_by(or_none(as_count)))
    #: Ended runs kept of each job, the latest; None = all. Default: 1000.
    max_runs_per_job: int | None = field(default=1000, metadata=_by(or_none(as_count)))


@dataclass(frozen=True, kw_only=True)
class Health:
    """What `manage.py scheduler doctor` and the health view take for a failure."""

    #: Longest time from the last pass of a node to its last heartbeat, in seconds; None = `poll_interval` and `lease`
    #: together. Default: None.
    max_pass_age: float | None = field(default=None, metadata=_by(or_none(as_positive)))
    #: Longest time for which a job may have been due, in seconds; None = `poll_interval`, `lease` and `grace` together,
    #: which is what the restart of an only node may take. Default: None.
    max_lateness: float | None = field(default=None, metadata=_by(or_none(as_positive)))


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the settings say, with every option present and typed."""

    #: Options of the job stores by alias. Default: `default`, of type `django`.
    jobstores: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: DEFAULTS["jobstores"], metadata=_by(partial(read_components, JOBSTORES))
    )
    #: Options of the executors by alias; those of the default stay unless they are given. Default: `default` with 10
    #: threads, `processpool` with a process for each processor (started when first used), and `asyncio`.
    executors: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: DEFAULTS["executors"], metadata=_by(partial(read_components, EXECUTORS))
    )
    #: Policies of jobs that do not say otherwise.
    job_defaults: JobDefaults = field(default_factory=JobDefaults, metadata=_by(partial(read_section, JobDefaults)))
    #: Zone of triggers that name none. Default: the setting `TIME_ZONE`.
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"), metadata=_by(as_zone_setting))
    #: Longest wait of a node until it looks for due jobs again, in seconds. Default: 1.5.
    poll_interval: float = field(default=1.5, metadata=_by(as_positive))
    #: Tell nodes of changes at once, on PostgreSQL (`NOTIFY`); without it they look each `poll_interval`. Default: True.
    notifications: bool = field(default=True, metadata=_by(as_bool))
    #: How often a node shows that it lives, in seconds. Default: 7.5.
    heartbeat_interval: float = field(default=7.5, metadata=_by(as_positive))
    #: How long a node without a heartbeat counts as alive, in seconds; at least twice `heartbeat_interval`.
    #: Default: 25.
    lease: float = field(default=25.0, metadata=_by(as_positive))
    #: How long a node that stops waits for its runs to end, in seconds. Default: 30.
    grace: float = field(default=30.0, metadata=_by(as_seconds))
    #: Label of this environment; a node leaves alone jobs that carry another one. Empty = no check. Default: empty.
    environment: str = field(default="", metadata=_by(as_label))
    #: Queues that a node serves, a list or text with commas; none = all. `runscheduler --queues` chooses otherwise. Default: none.
    queues: tuple[str, ...] = field(default=(), metadata=_by(as_queues))
    #: Module of each app that is imported to find jobs; None (written False) = none. Default: `jobs`.
    autodiscover: str | None = field(default="jobs", metadata=_by(as_module_name))
    #: Patterns (as of the shell) of callable references that may run besides registered ones and those of installed
    #: apps, for instance `shop_tools.reports:*`. Default: none.
    allowed_callables: tuple[str, ...] = field(default=(), metadata=_by(as_patterns))
    #: Function that says which jobs a person without the right to view them all may see, as `package.module:function`: it takes the
    #: user and the jobs, a queryset, and returns some of them. Empty = none. Default: empty.
    visible_jobs: str = field(default="", metadata=_by(as_reference))
    #: How long history is kept.
    retention: Retention = field(default_factory=Retention, metadata=_by(partial(read_section, Retention)))
    #: What counts as a failure.
    health: Health = field(default_factory=Health, metadata=_by(partial(read_section, Health)))
    #: Longest result kept with a run, in characters. Default: 65536.
    result_limit: int = field(default=65_536, metadata=_by(as_int))
    #: Longest traceback kept with a run, in characters. Default: 65536.
    traceback_limit: int = field(default=65_536, metadata=_by(as_int))
    #: How much of what a run logs is kept with it, in characters: the last ones. 0 = nothing. Default: 65536.
    log_limit: int = field(default=65_536, metadata=_by(as_int))
    #: The least level of log records that are kept with their run, by name or number. What is below the level of its
    #: logger is not even made. Default: `INFO`.
    log_level: int = field(default=logging.INFO, metadata=_by(as_level))


def get_config() -> Config:
    """Return what the settings say. Cached until they are overridden.

    Raises:
        ConfigurationError: an option cannot be used; `config_errors()` lists them all.
    """
    config, errors = _load()
    if config is None:
        raise ConfigurationError(" ".join(errors[0]).rstrip())
    return config


def config_errors() -> list[tuple[str, str]]:
    """Return every mistake in the settings: what is wrong and expected, and what to do."""
    return list(_load()[1])


@cache
def _load() -> tuple[Config | None, tuple[tuple[str, str], ...]]:
    errors: list[OptionError] = []
    config = None
    with collect(errors):
        given = normalise_options(as_mapping(getattr(settings, SETTING, {}), SETTING, f"{SETTING} = {{}}"))
        if "timezone" not in given:
            given["timezone"] = project_zone()
        config = read_section(Config, given, "")
        _check_together(config)
    return None if errors else config, tuple((f"{SETTING}: {error.problem}", error.advice) for error in errors)


def _check_together(config: Config) -> None:
    """Refuse values that are possible each, but not together."""
    if config.lease < 2 * config.heartbeat_interval:
        raise OptionError(
            f"Option 'lease' must be at least twice 'heartbeat_interval' ({config.heartbeat_interval:g} s), "
            f"got {config.lease:g} s.",
            "A node would count as dead between two of its heartbeats; make 'lease' longer.",
        )
    owners: dict[tuple[object, object], str] = {}
    for alias, options in config.jobstores.items():
        if options.get("type") == "django":
            other = owners.setdefault((options["using"], options["namespace"]), alias)
            if other != alias:
                namespace = options["namespace"]
                raise OptionError(
                    f"Job stores {other!r} and {alias!r} must differ in 'namespace', got {namespace!r} twice.",
                    "Leave 'namespace' out of one of them; it is then the store's alias.",
                )


@receiver(setting_changed)
def _read_again(*, setting: str, **_kwargs: Any) -> None:
    """Forget what was read when a setting it came from is overridden."""
    if setting in (SETTING, "TIME_ZONE", "DATABASES"):
        _load.cache_clear()
