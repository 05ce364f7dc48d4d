"""What can go wrong, each as a small class. `strike()` takes as long as the fault does, and leaves the cluster to recover."""

from __future__ import annotations

import random
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import clocks
from .cluster import Cluster, Member
from .proxy import Proxy
from .servers import PostgresServer, Server, SQLiteFile
from .sessions import hold_everything, kill_sessions

#: All kinds of databases, and those with a server.
EVERYWHERE = ("postgres", "mariadb", "sqlite")
SERVERS_ONLY = ("postgres", "mariadb")


@dataclass
class World:
    """What faults have at hand."""

    server: Server
    proxy: Proxy | None
    cluster: Cluster
    chance: random.Random
    #: Of the nodes, in seconds.
    lease: float
    #: Spans (seconds since the epoch) in which no node could reach the database.
    outages: list[tuple[float, float]] = field(default_factory=list)

    def member(self, which: Callable[[Member], bool] = lambda _: True) -> Member:
        """Return one of the living nodes."""
        living = [member for member in self.cluster.members if member.alive and which(member)]
        return self.chance.choice(living)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Note that the database is out of reach during the `with` block."""
        began = time.time()
        yield
        self.outages.append((began, time.time()))


class Fault(ABC):
    """One thing that goes wrong."""

    name: str
    #: Where it can happen.
    kinds: tuple[str, ...] = EVERYWHERE

    def absence(self, server: Server) -> str:
        """Return why it cannot happen here, or an empty string."""
        return "" if server.kind in self.kinds else f"not for {server.kind}"

    @abstractmethod
    def strike(self, world: World) -> str:
        """Let it happen; returns what happened, for people."""


class Kill(Fault):
    """A node is killed, and replaced at once or after a while."""

    name = "kill"

    def strike(self, world: World) -> str:
        """Kill."""
        member = world.member()
        member.killed = True
        state = "at work" if member.works else "while it started"
        member.stop(signal.SIGKILL)
        pause = world.chance.choice((0.0, world.chance.uniform(0, world.lease)))
        time.sleep(pause)
        return f"{member.name} killed {state}; node {world.cluster.replace(member).number} in its place after {pause:.2f} s"


class ShortStop(Fault):
    """A node stands still for less than its lease."""

    name = "stop"

    def strike(self, world: World) -> str:
        """Stop and continue."""
        return _stand_still(world, world.chance.uniform(0.05, 0.8) * world.lease)


class LongStop(Fault):
    """A node stands still until it is taken for dead, and comes back."""

    name = "long-stop"

    def strike(self, world: World) -> str:
        """Stop and continue."""
        return _stand_still(world, world.chance.uniform(1.3, 2.5) * world.lease)


def _stand_still(world: World, seconds: float) -> str:
    member = world.member()
    member.send(signal.SIGSTOP)
    time.sleep(seconds)
    member.send(signal.SIGCONT)
    return f"{member.name} stood still for {seconds:.2f} s"


class Term(Fault):
    """A node is asked to stop, and replaced."""

    name = "term"

    def strike(self, world: World) -> str:
        """Stop a node that works: one that starts may end by the signal itself."""
        member = world.member(lambda member: member.works)
        code = member.stop(signal.SIGTERM)
        if code not in (0, 4):
            raise AssertionError(f"{member.name} ended with {code} after SIGTERM:\n{member.output}")
        return f"{member.name} stopped with {code}; node {world.cluster.replace(member).number} in its place"


class ServerDown(Fault):
    """The database server is killed, and started again after a while."""

    name = "server"
    kinds = SERVERS_ONLY

    def __init__(self, seconds: float = 0) -> None:
        """Keep it away for so long; 0 = for some time up to three leases."""
        self._seconds = seconds

    def strike(self, world: World) -> str:
        """Kill and restart."""
        seconds = self._seconds or world.chance.uniform(0.2, 3 * world.lease)
        at_once = isinstance(world.server, PostgresServer) and world.chance.random() < 0.5
        with world.outage():
            world.server.shut_down_at_once() if at_once else world.server.kill()
            time.sleep(seconds)
            world.server.start()
        return f"the server was {'shut down at once' if at_once else 'killed'} and away for {seconds:.2f} s"


class Sessions(Fault):
    """All sessions of the server are ended by it."""

    name = "sessions"
    kinds = SERVERS_ONLY

    def strike(self, world: World) -> str:
        """End them."""
        return f"{kill_sessions(world.server)} sessions were ended by the server"


class Drops(Fault):
    """The network drops connections, a few at a time."""

    name = "drop"
    kinds = SERVERS_ONLY

    def strike(self, world: World) -> str:
        """Drop."""
        assert world.proxy is not None
        before = world.proxy.dropped
        rounds = world.chance.randint(1, 8)
        for _ in range(rounds):
            world.proxy.drop(keep=lambda: world.chance.random() < 0.5)
            time.sleep(world.chance.uniform(0.01, 0.4))
        return f"{world.proxy.dropped - before} connections were dropped in {rounds} rounds"


class LostCommits(Fault):
    """COMMITs reach the server, and their answers do not come back."""

    name = "commit"
    kinds = SERVERS_ONLY

    def strike(self, world: World) -> str:
        """Swallow."""
        count = world.chance.randint(1, 4)
        assert world.proxy is not None
        world.proxy.swallow_commits(count)
        return f"{_swallowed(world.proxy, count)} answers to COMMIT were swallowed"


class LostAnswers(Fault):
    """Statements that write reach the server, and their answers do not come back."""

    name = "answer"
    kinds = SERVERS_ONLY

    def strike(self, world: World) -> str:
        """Swallow."""
        count = world.chance.randint(1, 6)
        assert world.proxy is not None
        world.proxy.swallow_writes(count)
        return f"{_swallowed(world.proxy, count)} answers to writes were swallowed"


def _swallowed(proxy: Proxy, count: int, seconds: float = 4.0) -> int:
    """Wait until so many answers were swallowed; returns how many were."""
    before, until = proxy.swallowed, time.monotonic() + seconds
    while proxy.swallowed < before + count and time.monotonic() < until:
        time.sleep(0.02)
    proxy.pass_everything()
    return proxy.swallowed - before


class Locks(Fault):
    """Somebody holds a lock on everything."""

    name = "lock"

    def strike(self, world: World) -> str:
        """Hold it; on SQLite for longer than its timeout, sometimes."""
        seconds = world.chance.uniform(0.5, 4)
        with world.outage():
            hold_everything(world.server, seconds)
        return f"everything was locked for {seconds:.2f} s"


class FullDisk(Fault):
    """The disk of the database is full."""

    name = "disk"
    kinds = ("sqlite",)

    def absence(self, server: Server) -> str:
        """It takes a disk of its own."""
        if isinstance(server, SQLiteFile) and not server.is_small:
            return "a disk of its own takes root and mount"
        return super().absence(server)

    def strike(self, world: World) -> str:
        """Fill it, and free it again."""
        assert isinstance(world.server, SQLiteFile)
        seconds = world.chance.uniform(1, 5)
        ballast = world.server.disk / "ballast"
        until = time.monotonic() + seconds
        while time.monotonic() < until:  # a write finds room in the log of SQLite now and then: not all fail
            fill(ballast)
            time.sleep(0.05)
        ballast.unlink()
        return f"the disk was full for {seconds:.2f} s"


def fill(path: Path) -> None:
    """Let the file take what room is left."""
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


class ClockStep(Fault):
    """The wall clock of one node is set, and perhaps set right later: by another of these faults."""

    name = "clock"

    def absence(self, server: Server) -> str:
        """It takes a compiler; SQLite has no clock but those of the nodes."""
        if server.kind == "sqlite":
            return "on SQLite the time is that of the nodes"
        return clocks.absence()

    def strike(self, world: World) -> str:
        """Set it."""
        member = world.member()
        assert member.clock is not None
        seconds = world.chance.choice((3600.0, -3600.0, 0.0, world.chance.uniform(-30, 30)))
        member.was_set = True
        member.clock.set(seconds)
        return f"the clock of {member.name} was set to {seconds:+.1f} s"


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Kill(), ShortStop(), LongStop(), Term(), ServerDown(), Sessions(), Drops(), LostCommits(), LostAnswers(), Locks(),
        FullDisk(), ClockStep(),
    )
}  # fmt: skip
