"""Several nodes on one database."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import SLOW_LOAD
from . import project
from .child import ChildNode, wait_for_ends


def nodes(parameters: dict[str, Any]) -> dict[str, Any]:
    """Let so many processes perform one-shots that become due together."""
    project.prepare(parameters)
    count = parameters["jobs"]
    with ExitStack() as stack:
        started = [stack.enter_context(ChildNode(parameters)) for _ in range(parameters["nodes"])]
        due = datetime.now(UTC) + timedelta(seconds=4 + count * SLOW_LOAD)
        project.add_one_shots(count, due)
        assert datetime.now(UTC) < due, "the jobs were due before all of them were stored"
        time.sleep(max(due.timestamp() - time.time(), 0))
        seconds = wait_for_ends(started, count) - due.timestamp()
        shares = [node.recorded[-1][0] for node in started]
    return {"rate": count / seconds, "seconds": seconds, "smallest_share": 100 * min(shares) / count}
