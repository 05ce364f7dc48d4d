"""The data model: jobs, the ledger of their runs, the log of what was done to them, and the nodes that perform them.

Rows refer to each other by plain columns, never by foreign keys: history outlives the job it tells about, and removing a job
touches one row.
"""

from .jobs import AT_ONCE, OnAbandoned, Origin, Overlap, Priority, ScheduledJob
from .journal import JobLogEntry
from .nodes import ExecutorLock, NodeState, SchedulerNode
from .runs import JobRun, RunOrigin

__all__ = [
    "AT_ONCE",
    "ExecutorLock",
    "JobLogEntry",
    "JobRun",
    "NodeState",
    "OnAbandoned",
    "Origin",
    "Overlap",
    "Priority",
    "RunOrigin",
    "ScheduledJob",
    "SchedulerNode",
]
