"""Parts of the package that the guide names and that may not be written yet."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest


def part(name: str) -> ModuleType:
    """Return the module; skip the test only while there is no such file."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not written yet")
    return import_module(name)


def method(owner: type, name: str) -> None:
    """Skip the test only while there is no such method."""
    if not hasattr(owner, name):
        pytest.skip(f"{owner.__name__}.{name}() is not written yet")
