"""Crontab files, as `crontab(5)` describes them: which lines have a schedule and a command, and under which variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_VARIABLE = re.compile(r"""(?P<name>[A-Za-z_]\w*|"[^"]+"|'[^']+')\s*=\s*(?P<value>.*)""")
_UNESCAPED_PERCENT = re.compile(r"(?<!\\)%")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line with a schedule."""

    number: int
    text: str
    #: Five fields, or a nickname such as `@daily`.
    schedule: str
    #: Of a system's crontab, the user that the command runs as; else empty.
    user: str = ""
    #: For the shell; what follows an unescaped `%` goes to its standard input.
    command: str = ""
    stdin: str | None = None
    #: Variables that are set above it.
    variables: Mapping[str, str] = field(default_factory=dict)


def read_lines(text: str, *, system: bool) -> Iterator[Line]:
    """Yield the lines that have a schedule; blank lines, comments and variables have none.

    Args:
        text: of the file.
        system: the sixth column is a user, as in `/etc/crontab` and `/etc/cron.d`.
    """
    variables: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if variable := _VARIABLE.fullmatch(line):
            variables[_unquoted(variable["name"])] = _unquoted(variable["value"].strip())
        else:
            yield _line(number, line, system, dict(variables))


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def _line(number: int, text: str, system: bool, variables: Mapping[str, str]) -> Line:
    fields = 1 if text.startswith("@") else 5
    parts = text.split(None, fields + system)
    user = parts[fields] if system and len(parts) > fields else ""
    rest = parts[fields + system] if len(parts) > fields + system else ""
    command, *given = _UNESCAPED_PERCENT.split(rest, maxsplit=1)
    return Line(
        number=number,
        text=text,
        schedule=" ".join(parts[:fields]),
        user=user,
        command=command.replace("\\%", "%").strip(),
        stdin="\n".join(_UNESCAPED_PERCENT.split(given[0])) if given else None,
        variables=variables,
    )
