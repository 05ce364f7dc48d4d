"""Cron for Django that survives restarts, deploys and a second server; no broker.

Importing this package needs neither Django nor ready apps; the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bootstrap import get_scheduler
    from .runs import current_run

__version__ = "0.1.0.dev0"

__all__ = ["__version__", "current_run", "get_scheduler"]

_HOMES = {"get_scheduler": "bootstrap", "current_run": "runs"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
