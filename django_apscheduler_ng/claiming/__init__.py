"""The claim on the ORM store: due jobs and pending runs become runs of this node.

Invariant: a slot is claimed at most once, because one transaction advances the job (`claimed_through`, next run time) and inserts
the run's row, holding the lock on the job's row; the unique key on (job, slot, attempt) stands behind it. Whatever creates a live
run of a job holds that lock while it counts the live ones, so `max_instances` holds over all nodes. A body starts only after a
committed update `claimed → running` that is fenced by the node's id.
"""

from .batch import NOTHING, Cluster, Identity, Peek
from .claims import Claims

__all__ = ["NOTHING", "Claims", "Cluster", "Identity", "Peek"]
