"""One experiment from the empty directory to the account."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.harness import QUICK, wait_until

from . import logs
from .account import Account, account_of
from .cluster import Cluster
from .faults import Fault, World
from .proxy import Proxy
from .servers import Server
from .workload import LOADS, Load, Workload


class Experiment:
    """A cluster with its workload, on a server of its own; Django's default database has to be that server's, migrated."""

    def __init__(
        self,
        server: Server,
        directory: Path,
        *,
        nodes: int = 4,
        seed: int = 0,
        loads: tuple[Load, ...] = LOADS,
        options: dict[str, Any] | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        """Prepare; `begin()` starts it."""
        self.proxy = Proxy(server.kind, server.port) if server.port else None
        self.cluster = Cluster(server, directory, self.proxy, options)
        lease = {**QUICK, **(options or {})}["lease"]
        self.world = World(server, self.proxy, self.cluster, random.Random(seed), lease)
        self.workload = Workload(directory / "effects", loads)
        self.struck: Counter[str] = Counter()
        self._nodes = nodes
        self._say = say
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line with the moment."""
        self._say(f"[{time.monotonic() - self._began:7.2f} s] {text}")

    def begin(self) -> None:
        """Start the nodes and the jobs."""
        for _ in range(self._nodes):
            self.cluster.add()
        for member in self.cluster.members:
            member.ready()
        self.workload.begin()
        self.say(
            f"{self._nodes} nodes, {len(self.workload.loads)} jobs, first fire time {self.workload.first.isoformat()}"
        )

    def strike(self, fault: Fault) -> None:
        """Let one fault happen."""
        what = fault.strike(self.world)
        self.struck[fault.name] += 1
        self.say(f"{fault.name}: {what}")

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many nodes look for work."""
        wait_until(
            lambda: sum(member.works for member in self.cluster.members) >= count or self.cluster.fallen(),
            "nodes work",
            120,
        )

    def end(self) -> Account:
        """Let everything recover and stop; returns the account."""
        if self.proxy is not None:
            self.proxy.pass_everything()
        fallen = self.cluster.fallen()
        if not fallen:
            self.wait_for_workers(self._nodes)
        problems = self.workload.end()
        problems += self.cluster.stop()
        account = account_of(self.workload)
        nodes = self.cluster.all
        account.wrong += [*problems, *logs.unexpected(nodes), *logs.repeated(nodes, self.world.outages)]
        account.lines.append(
            f"{len(nodes)} nodes; faults: {_counts(self.struck)}; told of outages: {_counts(logs.told(nodes))}"
        )
        return account

    def destroy(self) -> None:
        """Make sure that no process is left."""
        self.workload.requester.stop()
        self.cluster.destroy()
        if self.proxy is not None:
            self.proxy.close()


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in counts.most_common()) or "none"


def strike_at_random(experiment: Experiment, faults: Sequence[Fault], *, kills: int = 0, seconds: float = 0) -> None:
    """Let faults happen, so many or for so long, at random instants; at least two nodes work whenever the next one comes."""
    chance = experiment.world.chance
    until = time.monotonic() + seconds
    longest = 0.8 if kills else 3.0
    while (sum(experiment.struck.values()) < kills) if kills else (time.monotonic() < until):
        if experiment.cluster.fallen():
            return
        experiment.wait_for_workers(2)
        time.sleep(chance.uniform(0, longest))
        experiment.strike(chance.choice(faults))
