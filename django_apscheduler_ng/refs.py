"""Callable references: `"package.module:function"`, names under which another process finds the callable of a job."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from .exceptions import CallableReferenceError, InvalidJobError
from .handover import as_callable

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def callable_ref(func: Callable[..., Any]) -> str:
    """Return the reference that leads back to `func`, verified by following it.

    Functions, classes, class methods, static methods and builtins have one. A function of the script that was started
    has one too (`"__main__:function"`); only processes that started the same script can follow it.

    Raises:
        CallableReferenceError: `func` is no callable, or another process could not find it.
    """
    func = as_callable(func)
    ref = own_ref(func)
    try:
        found = load_callable(ref)
    except CallableReferenceError as error:
        message = f"{error} The callable {func!r} names itself that way; give it a name that can be imported."
        raise CallableReferenceError(message) from error
    if found is not func and found != func:
        raise CallableReferenceError(
            f"Callable {ref!r} leads to {found!r} and not to {func!r}, whose name it is. "
            "Every callable needs a name of its own; rename one of them."
        )
    return ref


def own_ref(func: Callable[..., Any]) -> str:
    """Return the reference that `func` gives itself, without following it.

    For decorators, which see a function before its name leads to it.

    Raises:
        CallableReferenceError: `func` is no callable, or one that another process could never find.
    """
    func = as_callable(func)
    if reason := _unnameable(func):
        raise _no_reference(func, *reason)
    return ":".join(_module_and_name(func))


def _unnameable(func: Any) -> tuple[str, str] | None:
    """Return why nothing but this process can find `func`, and what to do; None where it may have a name."""
    if not callable(func):
        return "it cannot be called", "Pass a function."
    if isinstance(func, partial):
        return "it is a functools.partial", "Pass the function itself, and its arguments as args and kwargs."
    owner = getattr(func, "__self__", None)
    if owner is not None and not isinstance(owner, type | ModuleType):
        return "it is a method bound to an instance", "Pass a function that makes or loads the instance itself."
    name = getattr(func, "__qualname__", None)
    if name is None:
        return "it is an instance with __call__", "Pass a function that makes the instance and calls it."
    if "<lambda>" in name:
        return "it is a lambda", "Define a function at the top level of a module."
    if "<locals>" in name:
        return "it is defined inside a function", "Move it to the top level of its module."
    return None


def _no_reference(func: Any, reason: str, advice: str) -> CallableReferenceError:
    return CallableReferenceError(
        f"Callable {func!r} has no reference that another process could follow: {reason}. {advice}"
    )


def _module_and_name(func: Any) -> tuple[str, str]:
    owner = getattr(func, "__self__", None)
    if isinstance(owner, type):  # a class method: __qualname__ names the class that defines it, not the one it is for
        return owner.__module__, f"{owner.__qualname__}.{func.__name__}"
    module = getattr(func, "__module__", None) or getattr(getattr(func, "__objclass__", None), "__module__", None)
    return str(module), func.__qualname__


def describe_callable(func: Callable[..., Any]) -> str:
    """Return how messages call `func`: its reference where it has a name, else its `repr()`."""
    return repr(func) if _unnameable(func) else repr(":".join(_module_and_name(func)))


def load_callable(ref: str) -> Callable[..., Any]:
    """Import and return the callable that `ref` leads to. Nothing but its module is imported.

    In place of a task of Celery or Django it is the callable that hands calls over to the task's back end.

    Raises:
        CallableReferenceError: `ref` is no reference, or does not lead to a callable.
    """
    found = as_callable(load_object(ref))
    if not callable(found):
        raise CallableReferenceError(
            f"Callable {ref!r} leads to {found!r}, which cannot be called. Name a function, a class or a method."
        )
    loaded: Callable[..., Any] = found
    return loaded


def load_object(ref: str) -> Any:
    """Import and return what `ref` leads to, whether it can be called or not.

    Raises:
        CallableReferenceError: `ref` is no reference, or leads nowhere.
    """
    module_name, name = _split(ref)
    found: Any = _import(ref, module_name)
    walked = f"{module_name}:"
    for part in name.split("."):
        owner, found = found, getattr(found, part, _MISSING)
        if found is _MISSING:
            raise _missing(ref, owner, walked, part)
        walked += f"{part}."
        if isinstance(found, ModuleType):
            raise CallableReferenceError(
                f"Callable {ref!r} leads through the module {found.__name__!r}; a reference names the module where the "
                f"callable is defined. Write it as '{found.__name__}:…'."
            )
    return found


_MISSING = object()


def check_form(ref: object) -> str:
    """Return `ref` if it has the form of a reference; it is not followed.

    Raises:
        CallableReferenceError: it has not.
    """
    return ":".join(_split(ref))


def _split(ref: object) -> tuple[str, str]:
    """Return module and name of a reference that has the right form."""
    parts = ref.split(":") if isinstance(ref, str) else []
    if len(parts) == 2 and all(part.isidentifier() for text in parts for part in text.split(".")):
        return parts[0], parts[1]
    module, _, name = ref.rpartition(".") if isinstance(ref, str) and ":" not in ref else ("", "", "")
    advice = f"Write it as '{module}:{name}'." if module and name else "Write it as 'shop.jobs:report'."
    raise CallableReferenceError(
        f"Callable reference {ref!r} must have the form 'package.module:function'. {advice}",
    )


def _import(ref: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise CallableReferenceError(
                f"Callable {ref!r} cannot be loaded: there is no module {error.name!r}."
                f"{_similar_module(error.name) or ' Check its name, and that its package is installed here.'}"
            ) from error
        raise _broken_module(ref, module, error) from error
    except Exception as error:
        raise _broken_module(ref, module, error) from error


def _broken_module(ref: str, module: str, error: Exception) -> CallableReferenceError:
    return CallableReferenceError(
        f"Callable {ref!r} cannot be loaded: importing {module!r} raised {type(error).__name__}: {error}. "
        "Repair the module."
    )


def _similar_module(module: str) -> str:
    """Return the hint at a module beside the missing one with nearly its name."""
    parent, _, name = module.rpartition(".")
    path = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    siblings = (info.name for info in pkgutil.iter_modules(path)) if path is not None else ()
    guess = _closest(name, siblings)
    return f" Did you mean '{parent}.{guess}'?" if guess else ""


def _closest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is nearly `name`; None when none is."""
    return next(iter(difflib.get_close_matches(name, list(choices), n=1)), None)


def _missing(ref: str, owner: Any, walked: str, name: str) -> CallableReferenceError:
    """Return the error for a name that `owner`, found by following the reference as far as `walked`, does not have."""
    attributes = getattr(owner, "__dict__", {})
    guess = _closest(name, [other for other, value in attributes.items() if callable(value)])
    advice = f"Did you mean {walked + guess!r}?" if guess else "Point the job to a callable that exists."
    if walked == "__main__:":
        advice = "It was defined in the script that some other process was started with; move it to a module."
    place = f"module {walked[:-1]!r}" if isinstance(owner, ModuleType) else repr(walked[:-1])
    return CallableReferenceError(f"Callable {ref!r} cannot be loaded: {place} has no {name!r}. {advice}")


def suggest_ref(ref: str, known: Iterable[str]) -> str | None:
    """Return the reference among `known` that `ref` most likely became; None when none is like it.

    What counts is the name within the module: a callable of the same name was moved, one of a similar name renamed.
    Among equals the more similar module decides.
    """

    def likeness(choice: str) -> tuple[float, float]:
        return _ratio(name, choice.partition(":")[2]), _ratio(module, choice.partition(":")[0])

    module, _, name = ref.partition(":")
    best = max(sorted(known), key=likeness, default=None)
    return best if best is not None and likeness(best)[0] >= 0.6 else None


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def check_arguments(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that `func` could not be called with; a builtin that tells no signature takes all.

    Raises:
        InvalidJobError: naming every argument that is missing or too much.
    """
    try:
        signature = _signature(func) if isinstance(func, FunctionType) else inspect.signature(func)
    except (ValueError, TypeError):
        return
    if problems := _misfits(list(signature.parameters.values()), args, kwargs):
        raise InvalidJobError(
            f"Arguments of {describe_callable(func)} do not fit its signature {signature}: {'; '.join(problems)}. "
            "Change args and kwargs of the job."
        )


@lru_cache(maxsize=512)
def _signature(func: FunctionType) -> inspect.Signature:
    return inspect.signature(func)


def _misfits(parameters: list[inspect.Parameter], args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """Return one phrase for each way in which the arguments do not fit."""
    kinds = {parameter.kind for parameter in parameters}
    positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    by_position = {parameter.name for parameter in positional[: len(args)]}
    by_keyword = {parameter.name for parameter in parameters if parameter.kind in _BY_KEYWORD}
    given = by_position | (by_keyword & kwargs.keys())
    required = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind in (*_POSITIONAL, *_BY_KEYWORD)
    ]
    problems = [f"missing {name!r}" for name in required if name not in given]
    if len(args) > len(positional) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        problems.append(f"takes {len(positional)} positional arguments, got {len(args)}")
    problems += [f"{name!r} is given twice" for name in kwargs if name in by_position & by_keyword]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        free = by_keyword - given
        problems += [_unexpected(name, positional, free) for name in kwargs if name not in by_keyword]
    return problems


def _unexpected(name: str, positional: list[inspect.Parameter], free: Iterable[str]) -> str:
    if any(parameter.name == name and parameter.kind is parameter.POSITIONAL_ONLY for parameter in positional):
        return f"{name!r} can only be given by position"
    guess = _closest(name, sorted(free))
    return f"unexpected {name!r}" + (f" (did you mean {guess!r}?)" if guess else "")
