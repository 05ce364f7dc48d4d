"""Perform one benchmark with this project."""

from __future__ import annotations

from typing import Any

from ..measuring import main
from . import bursts, memory_store


def _burst(parameters: dict[str, Any]) -> dict[str, Any]:
    in_memory = parameters["database"]["key"] == "memory"
    return (memory_store.burst if in_memory else bursts.burst)(parameters)


main({"burst": _burst})
