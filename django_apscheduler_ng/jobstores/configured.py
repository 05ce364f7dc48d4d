"""Options of job stores as configurations bring them: objects under their names, and numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from ..exceptions import ConfigurationError

_Kind = TypeVar("_Kind")


def configured_object(value: object, name: str, kind: type[_Kind]) -> _Kind:
    """Return the object that an option holds, or names as `package.module:object`.

    Raises:
        ConfigurationError: it is of another kind, or the name leads nowhere.
    """
    found, said = value, ""
    if isinstance(value, str):
        module, _, attribute = value.partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            said = f" The import said: {error}."
    if isinstance(found, kind):
        return found
    raise ConfigurationError(
        f"Option {name!r} must be an instance of {kind.__name__}, or where to find one, got {value!r}. "
        f"Write it as 'package.module:{name}'.{said}"
    )


def converted(options: Mapping[str, Any], converters: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Return the options with text made into what it means, where a converter is known for the option.

    Raises:
        ConfigurationError: a text means nothing to its converter.
    """
    return {
        name: _converted(value, name, converters[name]) if isinstance(value, str) and name in converters else value
        for name, value in options.items()
    }


def _converted(text: str, name: str, convert: Callable[[str], Any]) -> Any:
    try:
        return convert(text)
    except ValueError as error:
        raise ConfigurationError(
            f"Option {name!r} must be a {_WORDS.get(convert, 'value that it can take')}, got {text!r}."
        ) from error


def truth(text: str) -> bool:
    """Return the truth value that a text means."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return word in _TRUE


_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_WORDS: Mapping[Callable[[str], Any], str] = {int: "whole number", float: "number", truth: "truth value such as 'true'"}
