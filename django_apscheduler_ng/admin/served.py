"""A warning where nobody serves the queue that a person has just chosen: its name may be mistyped."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext

from ..models import ScheduledJob
from ..queues import hint, is_served, queues_in_use
from ..why import living_nodes


def warn_of_queue(request: HttpRequest, database: str, row: ScheduledJob) -> None:
    """Say so where nodes live, and none of them serves the queue of the job."""
    nodes = [node for node in living_nodes(database) if node.namespace == row.namespace]
    if not nodes or is_served(row.queue, nodes):
        return
    used = [name for name in queues_in_use(database, [row.namespace], nodes) if name != row.queue]
    text = gettext("No scheduler serves queue “%(queue)s”. Queues in use: %(used)s.")
    messages.warning(request, text % {"queue": row.queue, "used": ", ".join(used)} + hint(row.queue, used))
