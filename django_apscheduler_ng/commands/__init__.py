"""The subcommands of `manage.py scheduler`: each is a class, and `SUBCOMMANDS` lists them in the order of the help."""

from __future__ import annotations

from .adding import Add
from .base import Subcommand
from .changing import Pause, Remove, Reschedule, Resume
from .controlling import Cancel, Retry
from .export import Export, Import
from .forecast import Next
from .health import Doctor
from .history import Prune
from .importing import ImportFrom
from .ledger import Runs
from .listing import List
from .members import Nodes
from .reasons import Why
from .recorded import Logs
from .running import RunNow
from .showing import Show

__all__ = ["SUBCOMMANDS", "Subcommand"]

SUBCOMMANDS: tuple[type[Subcommand], ...] = (
    *(List, Show, Why, Next, Runs, Logs, Nodes, Doctor),
    *(Add, RunNow, Pause, Resume, Reschedule, Remove, Cancel, Retry),
    *(Export, Import, ImportFrom, Prune),
)
