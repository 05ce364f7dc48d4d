"""Perform one benchmark with APScheduler 3."""

from __future__ import annotations

from ..measuring import main
from . import bursts

main({"burst": bursts.burst})
