"""What can be done with jobs, wherever the caller runs: in the scheduler's process, or in one that only asks.

Nothing here performs a job or waits for one.
"""

from __future__ import annotations

from .adding import AddJobs, AnyCallable, Undefined, undefined
from .changing import ChangeJobs
from .controlling import ControlRuns
from .listing import ListJobs
from .moving import Imported, MoveJobs

__all__ = ["AnyCallable", "Imported", "JobsApi", "Undefined", "undefined"]


class JobsApi(AddJobs, ChangeJobs, ControlRuns, ListJobs, MoveJobs):
    """Add, change, list, remove, export and import jobs; cancel and retry runs.

    Where the job store is left out, all are searched for a job, and `default` is used for anything else.
    """
