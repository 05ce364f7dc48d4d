"""What nodes logged: nothing unexpected, and what is expected once per outage and node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from .cluster import Member

#: A part of each line that tells of an outage, and is logged once for it; and one of the line that tells of its end.
OUTAGE = {
    "Job store 'default' failed": "Job store 'default' answers again",
    "The heartbeat of this node failed": "The heartbeat of this node goes on",
    "The ends of runs cannot be written": "The ends of runs are written again",
    "Notifications of database 'default' do not arrive": "Notifications of database 'default' arrive again",
}
#: What else nodes have reason to say here.
EXPECTED = (
    "Runs of nodes that died",
    "is taken for dead",
    "had lost sight of",
    "skipped",
    "interrupted",
    "fails, on purpose",
    "could not be woken",
    "The database failed while the node was starting",
)
_HEAD = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)")
#: What nobody ever expects, wherever it stands.
_NEVER = ("Exception in thread", "Exception ignored", "was never retrieved", "Fatal Python error", "Warning:")


@dataclass
class Record:
    """One line of a log, and what follows without a moment of its own: a traceback."""

    at: float
    level: str
    text: str
    rest: list[str] = field(default_factory=list)

    @property
    def outage(self) -> str | None:
        """Which kind of outage it tells of."""
        return next((kind for kind in OUTAGE if kind in self.text), None)


def records(output: str) -> Iterator[Record]:
    """Yield what was logged; what was printed before the first record comes as one of the level "PRINTED"."""
    record = Record(at=0.0, level="PRINTED", text="")
    for line in output.splitlines():
        if head := _HEAD.match(line):
            yield record
            at = datetime.strptime(head[1], "%Y-%m-%d %H:%M:%S,%f").timestamp()
            record = Record(at=at, level=head[2], text=head[3])
        else:
            record.rest.append(line)
    yield record


def unexpected(members: Iterable[Member]) -> Iterator[str]:
    """Yield what nodes had no reason to log."""
    for member in members:
        for record in records(member.output):
            loud = record.level in ("WARNING", "ERROR", "CRITICAL")
            foreseen = record.outage or any(part in record.text for part in EXPECTED)
            rest = "\n".join(record.rest)
            traceback = "Traceback" in rest and not (loud and record.outage)
            if (loud and not foreseen) or traceback or any(word in rest for word in _NEVER):
                yield f"{member.name} logged: {record.level} {record.text}\n{rest[-3000:]}".rstrip()


def repeated(members: Iterable[Member], outages: Iterable[tuple[float, float]], slack: float = 0.2) -> Iterator[str]:
    """Yield which node told more than once of one outage: by its own words, or in a span in which nothing can have worked."""
    spans = list(outages)
    for member in members:
        written = list(records(member.output))
        for kind, end in OUTAGE.items():
            open_at = None
            for record in written:
                if record.outage == kind and open_at is not None:
                    yield f"{member.name} logged {kind!r} at {record.at:.1f}, and since {open_at:.1f} no end of that"
                if record.outage == kind:
                    open_at = record.at
                elif end in record.text:
                    open_at = None
        if not member.was_set:
            yield from _repeated_within(member.name, [record for record in written if record.outage], spans, slack)


def _repeated_within(name: str, told: list[Record], spans: list[tuple[float, float]], slack: float) -> Iterator[str]:
    for began, ended in spans:
        # towards its end the server may have answered already, and the next fault follows at once
        counts = Counter(record.outage for record in told if began <= record.at <= ended - slack)
        for kind, count in counts.items():
            if count > 1:
                yield f"{name} logged {kind!r} {count} times in one outage of {ended - began:.1f} s"


def told(members: Iterable[Member]) -> Counter[str]:
    """Return how often each kind of outage was told of."""
    return Counter(
        record.outage for member in members for record in records(member.output) if record.outage is not None
    )
