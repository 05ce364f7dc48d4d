"""Calling `manage.py scheduler` in this process."""

from __future__ import annotations

import io
import json

from django.core.management import CommandError, call_command
from django.db import connection


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def scheduler_command(*arguments, out=None):
    """Return what the command prints on both streams, and its exit code."""
    out, err = out or io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("scheduler", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return out.getvalue(), err.getvalue(), code


def printed(*arguments):
    """Return the lines that the command prints; it must succeed and print no error."""
    text, error, code = scheduler_command(*arguments)
    assert (error, code) == ("", 0)
    return text.splitlines()


def printed_json(*arguments):
    """Return the JSON value that the command prints."""
    return json.loads("\n".join(printed(*arguments, "--json")))


def refusal(*arguments):
    """Return the message with which the command refuses."""
    try:
        scheduler_command(*arguments)
    except CommandError as error:
        return str(error)
    raise AssertionError("it was not refused")


def clock_reads(count=1):
    """Return how many queries so many looks at the clock of the database are: SQLite has none."""
    return 0 if connection.vendor == "sqlite" else count
