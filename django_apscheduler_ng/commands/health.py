"""`scheduler doctor`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from django.core.management.base import CommandParser

from ..health import Finding, Level, Limits, examine, worst
from .base import Subcommand


class Doctor(Subcommand):
    """Says whether the scheduler does its work."""

    name = "doctor"
    summary = "say whether the scheduler does its work"
    description = (
        "Looks at what the nodes wrote to the database, and prints a line for each thing: ok, warning or failure.",
    )
    examples = {
        "doctor": "Look at everything.",
        "doctor --max-lateness 60 --json": "For a monitoring system that wants to know of jobs more than a minute late.",
    }
    exit_codes = {0: "nothing has failed; there may be warnings", 1: "something has failed"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the limits."""
        parser.add_argument(
            "--max-pass-age", type=float, metavar="SECONDS", help="how long ago the last pass of a node may be"
        )
        parser.add_argument(
            "--max-lateness", type=float, metavar="SECONDS", help="for how long a job may have been due"
        )
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Look, and tell."""
        given = {name: options[name] for name in ("max_pass_age", "max_lateness") if options[name] is not None}
        findings = examine(replace(Limits(), **given))
        level = worst(findings)
        if options["json"]:
            self.out.write(json.dumps({"status": level, "findings": [asdict(finding) for finding in findings]}))
        else:
            for finding in findings:
                self.out.write(_line(finding))
        return 1 if level is Level.FAILURE else 0


def _line(finding: Finding) -> str:
    """Return what there is to read of a finding."""
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.level:<8} {finding.name}: {finding.message}{detail}"
