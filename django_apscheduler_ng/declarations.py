"""What the project's code declares: callables that may run, and jobs with their triggers, found in `jobs` modules.

A module is read as a whole: when it is imported again, what it declared before is forgotten. Otherwise two declarations
of one id are a mistake, wherever they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import FrameType
from typing import Any, Protocol

from django.apps import apps
from django.utils.module_loading import autodiscover_modules

from .conf import Config, config_errors, get_config
from .exceptions import CallableReferenceError, ConflictingIdError, InvalidJobError
from .refs import load_callable, own_ref, suggest_ref
from .retries import Retry
from .schedulers.api import undefined
from .triggers.base import BaseTrigger

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The place in the code where something is declared."""

    module: str
    file: str
    line: int
    #: Identity of this import of the module: a module imported again has another one.
    loaded: object = field(repr=False)

    @classmethod
    def of(cls, frame: FrameType | None) -> Origin:
        """Return the place at which `frame` is now."""
        if frame is None:
            return cls(module="", file="<unknown>", line=0, loaded=None)
        return cls(
            module=frame.f_globals.get("__name__", ""),
            file=frame.f_code.co_filename,
            line=frame.f_lineno,
            loaded=frame.f_globals.get("__spec__"),
        )

    def __str__(self) -> str:
        """Show file and line as tracebacks and editors do."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A callable that jobs may run."""

    func_ref: str
    func: Callable[..., Any]
    #: For people.
    name: str
    #: First line of the docstring; empty without one.
    summary: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A job as the code describes it. Policies that the code leaves open are `undefined`."""

    id: str
    func_ref: str
    func: Callable[..., Any]
    trigger: BaseTrigger
    #: For people.
    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    #: Alias of the executor.
    executor: str = "default"
    #: Alias of the job store.
    jobstore: str = "default"
    coalesce: bool = undefined
    max_instances: int = undefined
    #: In seconds; None = a run may start however late.
    misfire_grace_time: float | None = undefined
    #: `abandon` or `rerun`.
    on_abandoned: str = undefined
    #: In seconds; None = a run may take as long as it takes.
    timeout: float | None = undefined
    #: None = a failed run is not tried again.
    retry: Retry | None = undefined
    #: `skip`, `queue` or `replace`.
    overlap: str = undefined
    queue: str = undefined
    #: `high`, `normal` or `low`.
    priority: str = undefined
    origin: Origin


class _Placed(Protocol):
    """What this module keeps."""

    @property
    def origin(self) -> Origin: ...


_declared: dict[str, Declaration] = {}
_registered: dict[str, Registration] = {}


def declare(declaration: Declaration) -> None:
    """Keep a job declaration.

    Raises:
        ConflictingIdError: the id is declared already.
    """
    _forget_older(declaration.origin)
    if other := _declared.get(declaration.id):
        raise ConflictingIdError(
            f"Job {declaration.id!r} is declared twice, at {other.origin} and at {declaration.origin}. "
            f"Every id is declared once; pass another id=… to one of them."
        )
    _declared[declaration.id] = declaration


def register(registration: Registration) -> None:
    """Keep a callable that may run. Registering the same one again changes nothing.

    Raises:
        InvalidJobError: another callable has the same reference.
    """
    _forget_older(registration.origin)
    other = _registered.get(registration.func_ref)
    if other is None:
        _registered[registration.func_ref] = registration
    elif other.func is not registration.func:
        raise InvalidJobError(
            f"Callable {registration.func_ref!r} is registered twice, at {other.origin} and at {registration.origin}. "
            "Only the second one can be found under this reference; rename one of them."
        )


def _forget_older(origin: Origin) -> None:
    """Forget what an earlier import of the same module declared and registered."""
    for kept in (_declared, _registered):
        _drop(kept, origin)


def _drop(kept: dict[str, Any], origin: Origin) -> None:
    found: list[tuple[str, _Placed]] = list(kept.items())
    for key, item in found:
        if item.origin.module == origin.module and item.origin.loaded is not origin.loaded:
            del kept[key]


def declared() -> dict[str, Declaration]:
    """Return the declared jobs by id."""
    return dict(_declared)


def registered_callables() -> dict[str, Registration]:
    """Return the registered callables by reference; those of declared jobs are among them."""
    return dict(_registered)


def moved_to(func_ref: str) -> str | None:
    """Return the registered callable that one which is gone may have become; None where none is like it."""
    return suggest_ref(func_ref, _registered)


def clear() -> None:
    """Forget everything; modules that are imported already will not declare it again. For tests."""
    _declared.clear()
    _registered.clear()


def discover() -> None:
    """Import the module `jobs` (or as the settings name it) of every installed app that has one.

    An app without it is passed over; an error inside it is raised. With settings that cannot be used nothing is
    imported: the system checks say what is wrong with them.
    """
    if errors := config_errors():
        logger.error("Jobs are not discovered, because the settings cannot be used. %s %s", *errors[0])
        return
    module = get_config().autodiscover
    if module is not None:
        autodiscover_modules(module)


def is_allowed(func_ref: str, config: Config | None = None) -> bool:
    """Return whether a node may run the callable that the reference leads to.

    It may if the callable is registered, or matches `allowed_callables`, or is defined in a module of an installed app
    (it is not enough that such a module imports it). A reference that leads nowhere is not refused here: running it
    fails anyway.
    """
    config = get_config() if config is None else config
    if _is_named(func_ref, config):
        return True
    if not _is_in_an_app(func_ref):
        return False
    home = _home(func_ref)
    return _is_named(home, config) or _is_in_an_app(home)


def _is_named(func_ref: str, config: Config) -> bool:
    return func_ref in _registered or any(fnmatchcase(func_ref, pattern) for pattern in config.allowed_callables)


def _is_in_an_app(func_ref: str) -> bool:
    module = func_ref.partition(":")[0]
    return any(f"{module}.".startswith(f"{app.name}.") for app in apps.get_app_configs())


def _home(func_ref: str) -> str:
    """Return the reference that the callable gives itself; `func_ref` where it gives none."""
    try:
        return own_ref(load_callable(func_ref))
    except CallableReferenceError:
        return func_ref
