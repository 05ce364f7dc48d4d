"""Several nodes on one database."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from . import project
from .child import ChildNode, wait_for_ends


def nodes(parameters: dict[str, Any]) -> dict[str, Any]:
    """Let so many processes perform due one-shots, from the moment at which they are told to begin."""
    project.prepare(parameters)
    count = parameters["jobs"]
    project.add_one_shots(count, datetime.now(UTC) - timedelta(seconds=1))
    with ExitStack() as stack:
        started = [stack.enter_context(ChildNode(parameters | {"paused": True})) for _ in range(parameters["nodes"])]
        begun = time.time()
        for node in started:
            node.resume()
        seconds = wait_for_ends(started, count) - begun
        shares = [node.recorded[-1][0] for node in started]
    return {"rate": count / seconds, "seconds": seconds, "smallest_share": 100 * min(shares) / count}
