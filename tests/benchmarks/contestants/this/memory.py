"""What a node keeps of the runs it has performed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import rss
from . import project
from .child import ChildNode, wait_for_ends


def memory(parameters: dict[str, Any]) -> dict[str, Any]:
    """Read the memory of a node after each part of the runs; the jobs come from this process."""
    project.prepare(parameters)
    part, warm_up, parts = parameters["part"], parameters["warm_up_parts"], parameters["parts"]
    curve = []
    with ChildNode(parameters) as node:
        for number in range(warm_up + parts):
            project.add_one_shots(part, datetime.now(UTC) - timedelta(seconds=1), prefix=f"part-{number}")
            wait_for_ends([node], part * (number + 1))
            time.sleep(1.5)  # until it idles
            curve.append(rss(node.pid) / 2**20)
    measured = curve[warm_up - 1 :]
    return {"growth_mb": measured[-1] - measured[0], "rss_mb": measured[0], "curve": curve, "part": part}
