"""Perform one benchmark with this project."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..measuring import main

#: Benchmark → module and function.
_PLACES = {
    "burst": "bursts:burst",
    "burst-memory": "memory_store:burst",
    "overload": "overload:overload",
    "steady": "steady:steady",
    "idle": "idle:idle",
    "idle-node": "idle:watch",
    "api": "api:api",
    "api-list": "api:listing",
    "latency": "latency:latency",
    "growth": "growth:growth",
    "nodes": "nodes:nodes",
    "retention": "retention:retention",
    "memory": "memory:memory",
    "serve": "child:serve",
}


def _perform(parameters: dict[str, Any]) -> dict[str, Any]:
    """Perform it, importing no more than it needs: what is imported counts as memory, and as time to start."""
    name = parameters["benchmark"]
    if parameters["database"]["key"] == "memory":
        name += "-memory"
    elif name not in ("burst", "idle", "idle-node", "api", "api-list", "serve"):
        from . import project

        project.configure(parameters)
    module, function = _PLACES[name].split(":")
    figures: dict[str, Any] = getattr(import_module(f".{module}", __package__), function)(parameters)
    return figures


main({name.partition("-memory")[0]: _perform for name in _PLACES})
