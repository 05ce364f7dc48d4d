"""Perform one benchmark with APScheduler 3."""

from __future__ import annotations

from ..measuring import main
from . import api, bursts, idle, overload, steady

main(
    {
        "burst": bursts.burst,
        "overload": overload.overload,
        "steady": steady.steady,
        "idle": idle.idle,
        "idle-node": idle.watch,
        "api": api.api,
        "api-list": api.listing,
    }
)
