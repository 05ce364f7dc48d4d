"""The subcommands of `manage.py scheduler`: each is a class, and `SUBCOMMANDS` lists them in the order of the help."""

from __future__ import annotations

from .base import Subcommand
from .export import Export, Import
from .health import Doctor
from .history import Prune
from .importing import ImportFrom

__all__ = ["SUBCOMMANDS", "Subcommand"]

SUBCOMMANDS: tuple[type[Subcommand], ...] = (Export, Import, ImportFrom, Prune, Doctor)
