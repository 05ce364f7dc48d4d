"""The job stores and executors that options can name: their types, their own options, and where their classes are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, TypeVar

from ..exceptions import ConfigurationError, MissingExtraError
from .options import (
    OptionError,
    as_int,
    as_mapping,
    as_seconds,
    is_none,
    suggest,
    unknown_options,
    wrong_value,
)

#: Names of the options that say what a component is; every other one goes to its constructor.
_WHAT = ("type", "class")

_FOREIGN = "apscheduler."
_OURS = "django_apscheduler_ng."


#: A job store or an executor.
Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class ComponentType:
    """A type that comes with this package."""

    #: `module:Class`, imported when the first component of this type is made.
    path: str
    #: Names of the constructor's options; None = any.
    options: Collection[str] | None


@dataclass(frozen=True, kw_only=True)
class ComponentKind:
    """Job stores or executors: how they are called in messages, and which types there are."""

    noun: str
    #: Name of the option that holds all of them by alias.
    option: str
    #: Entry-point group of types from other packages.
    group: str
    builtin: Mapping[str, ComponentType]

    def types(self) -> set[str]:
        """Return the names that `type` may have: ours and those of installed packages."""
        return {*self.builtin, *entry_points(group=self.group).names}

    def errors(self, alias: str, options: object) -> list[OptionError]:
        """Return what is wrong with the options of the component called `alias`, without importing its class."""
        where = f"{self.option}.{alias}"
        try:
            given = as_mapping(options, where, f"{{'type': {min(self.builtin)!r}}}")
            self._check_what(given, where)
        except OptionError as error:
            return [error]
        builtin = self.builtin.get(given.get("type", ""))
        if builtin is None or builtin.options is None:
            return []
        return unknown_options(given, {*_WHAT, *builtin.options}, where) + _value_errors(given, where)

    def load(self, alias: str, options: Mapping[str, Any]) -> Callable[..., Any]:
        """Import and return the class that the options of the component called `alias` name.

        Raises:
            OptionError: the type is unknown, or the class cannot be imported.
        """
        where = f"{self.option}.{alias}"
        self._check_what(options, where)
        if "class" in options:
            return _import(options["class"], f"{where}.class")
        if builtin := self.builtin.get(options["type"]):
            return _import(builtin.path, f"{where}.type")
        return self._provided(options["type"], f"{where}.type")

    def _provided(self, name: str, where: str) -> Callable[..., Any]:
        """Import and return what another package provides under `name`."""
        (found, *_) = entry_points(group=self.group, name=name)
        try:
            loaded: Callable[..., Any] = found.load()
        except (ImportError, AttributeError) as error:
            raise OptionError(
                f"Option {where!r} is {name!r}, which is provided by {found.value!r} and must be importable, "
                f"got {type(error).__name__}: {error}.",
                "Repair or uninstall the package that provides it.",
            ) from error
        return loaded

    def _check_what(self, options: Mapping[str, Any], where: str) -> None:
        """Refuse options that do not say what the component is, or say it in a way that cannot be followed."""
        if ("type" in options) == ("class" in options):
            found = "both" if "type" in options else "neither"
            raise OptionError(
                f"The options of {self.noun} {where!r} must have either 'type' or 'class', got {found}.",
                f"Give 'type', one of: {', '.join(sorted(self.types()))}.",
            )
        if "class" in options:
            _check_path(options["class"], f"{where}.class")
        elif not isinstance(options["type"], str):
            raise wrong_value(
                options["type"], f"{where}.type", "the name of a type", f"Write it as {min(self.builtin)!r}."
            )
        elif options["type"] not in self.builtin and options["type"] not in self.types():
            raise OptionError(
                f"Unknown type {options['type']!r} of {self.noun} {where!r}.", suggest(options["type"], self.types())
            )


def _check_path(path: object, name: str) -> None:
    """Refuse a class path that is no path, or one of APScheduler's."""
    parts = path.replace(":", ".").split(".") if isinstance(path, str) else []
    if len(parts) < 2 or not all(map(str.isidentifier, parts)):
        raise wrong_value(path, name, "the path of a class", "Write it as 'package.module:ClassName'.")
    if str(path).startswith(_FOREIGN):
        ours = _OURS + str(path).removeprefix(_FOREIGN)
        raise wrong_value(path, name, "a class of this package or your own", f"Write {ours!r}.")


def _import(path: str, name: str) -> Callable[..., Any]:
    module, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        loaded: Callable[..., Any] = getattr(import_module(module), attribute)
    except MissingExtraError:
        raise
    except (ImportError, AttributeError) as error:
        raise wrong_value(path, name, "a class that can be imported", f"The import said: {error}.") from error
    return loaded


#: What reads the options that several types share.
_SHARED: Mapping[str, Callable[[object, str], object]] = {
    "max_workers": partial(as_int, minimum=1),
    "max_in_flight": partial(as_int, minimum=1),
    "republish_after": partial(as_seconds, positive=True),
}


def _value_errors(options: Mapping[str, Any], where: str) -> list[OptionError]:
    """Return what is wrong with the values of options that several types share."""
    errors = []
    for name, read in _SHARED.items():
        if not is_none(options.get(name)):
            try:
                read(options[name], f"{where}.{name}")
            except OptionError as error:
                errors.append(error)
    return errors


JOBSTORES = ComponentKind(
    noun="job store",
    option="jobstores",
    group="django_apscheduler_ng.jobstores",
    builtin={
        "memory": ComponentType(path="django_apscheduler_ng.jobstores.memory:MemoryJobStore", options=()),
        "django": ComponentType(
            path="django_apscheduler_ng.jobstores.django:DjangoJobStore", options=("using", "namespace")
        ),
        "sqlalchemy": ComponentType(
            path="django_apscheduler_ng.jobstores.sqlalchemy:SQLAlchemyJobStore",
            options=(
                "url",
                "engine",
                "tablename",
                "metadata",
                "pickle_protocol",
                "tableschema",
                "engine_options",
            ),
        ),
        "mongodb": ComponentType(path="django_apscheduler_ng.jobstores.mongodb:MongoDBJobStore", options=None),
        "redis": ComponentType(path="django_apscheduler_ng.jobstores.redis:RedisJobStore", options=None),
    },
)

EXECUTORS = ComponentKind(
    noun="executor",
    option="executors",
    group="django_apscheduler_ng.executors",
    builtin={
        "threadpool": ComponentType(
            path="django_apscheduler_ng.executors.pool:ThreadPoolExecutor", options=("max_workers", "pool_kwargs")
        ),
        "processpool": ComponentType(
            path="django_apscheduler_ng.executors.pool:ProcessPoolExecutor", options=("max_workers", "pool_kwargs")
        ),
        "asyncio": ComponentType(
            path="django_apscheduler_ng.executors.asyncio:AsyncIOExecutor", options=("max_workers",)
        ),
        "tornado": ComponentType(
            path="django_apscheduler_ng.executors.tornado:TornadoExecutor", options=("max_workers",)
        ),
        "gevent": ComponentType(path="django_apscheduler_ng.executors.gevent:GeventExecutor", options=("max_workers",)),
        "twisted": ComponentType(
            path="django_apscheduler_ng.executors.twisted:TwistedExecutor", options=("max_workers",)
        ),
        "futures": ComponentType(
            path="django_apscheduler_ng.executors.futures:FuturesExecutor",
            options=("pool", "max_workers", "pool_kwargs"),
        ),
        "celery": ComponentType(
            path="django_apscheduler_ng.executors.celery:CeleryExecutor",
            options=("app", "queue", "max_in_flight", "republish_after", "message_options"),
        ),
        "tasks": ComponentType(
            path="django_apscheduler_ng.executors.tasks:TasksExecutor",
            options=("backend", "queue", "max_in_flight", "republish_after", "priority"),
        ),
        "debug": ComponentType(path="django_apscheduler_ng.executors.debug:DebugExecutor", options=()),
    },
)


def make_component(
    kind: ComponentKind,
    given: Made | Mapping[str, Any] | str,
    alias: str,
    options: Mapping[str, Any],
    base: type[Made],
) -> Made:
    """Return the component that `given` is, or describes together with `options`.

    Raises:
        ConfigurationError: it describes none, or an option is unknown or impossible.
    """
    if isinstance(given, base):
        return given
    described: Mapping[str, Any]
    if isinstance(given, str):
        described = {"class" if ":" in given or "." in given else "type": given, **options}
    elif isinstance(given, Mapping):
        described = {**given, **options}
    else:
        raise ConfigurationError(
            f"{kind.noun.capitalize()} {alias!r} must be an instance, the name of a type or a dict of options, got {given!r}."
        )
    for error in kind.errors(alias, described):
        raise error
    factory = kind.load(alias, described)
    arguments = {name: value for name, value in described.items() if name not in _WHAT}
    _check_fit(factory, arguments, f"{kind.option}.{alias}")
    made = factory(**arguments)
    if not isinstance(made, base):
        raise ConfigurationError(
            f"{kind.noun.capitalize()} {alias!r} must be a {base.__name__}, got {made!r}. Correct its class."
        )
    return made


def _check_fit(factory: Callable[..., Any], arguments: Mapping[str, Any], where: str) -> None:
    """Refuse options that the constructor of a component does not take, and the lack of those that it needs."""
    try:
        signature = inspect.signature(factory)
    except ValueError:
        return  # not written in Python; it says by itself what it misses
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise OptionError(
            f"The options of {where!r} must fit {factory.__name__}{signature}, got {', '.join(arguments) or 'none'}: {error}.",
            "Correct them.",
        ) from error
