"""Nodes on a private database: started, replaced, and stopped at the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.harness import NodeProcess
from tests.conftest import CHECKOUT

from . import clocks
from .proxy import Proxy
from .servers import Server

#: Options of the nodes, beside a short lease: the account needs the whole history, and a pool should not take all the memory.
OPTIONS: Mapping[str, Any] = {
    "retention": {"max_age_days": None, "max_runs_per_job": None},
    "executors": {"processpool": {"type": "processpool", "max_workers": 1}},
    "grace": 5,
}


class Member(NodeProcess):
    """One node of the cluster."""

    number = 0
    clock: clocks.SettableClock | None = None
    #: Whether its wall clock was ever set: the moments in its log are wrong, then.
    was_set = False
    #: Whether it was killed; else it has to be there until it is asked to stop.
    killed = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"node {self.number} (process {self.pid})"

    @property
    def works(self) -> bool:
        """Whether it has said that it looks for work."""
        return self.alive and "Scheduler node started" in self.output


class Cluster:
    """As many nodes as wanted, each reached by a number that is never used again."""

    def __init__(
        self, server: Server, directory: Path, proxy: Proxy | None, options: Mapping[str, Any] | None = None
    ) -> None:
        """Prepare; no node is started yet. They reach the server through `proxy`, where there is one."""
        self.members: list[Member] = []
        #: Those that were killed or stopped.
        self.former: list[Member] = []
        self._directory = directory
        self._options = {**OPTIONS, **(options or {})}
        self._environment = environment_of(server, proxy)
        self._library = None if clocks.absence() else clocks.build(directory)

    def add(self) -> Member:
        """Start a node."""
        number = len(self.members) + len(self.former) + 1
        clock = None
        environment = dict(self._environment)
        if self._library is not None:
            clock = clocks.SettableClock(self._library, self._directory / f"clock-{number}")
            environment.update(clock.environment)
        member = Member(environment, self._directory, options=self._options)
        member.number, member.clock = number, clock
        self.members.append(member)
        return member

    def replace(self, member: Member) -> Member:
        """Start a node in the place of one that is gone."""
        self.members.remove(member)
        self.former.append(member)
        return self.add()

    @property
    def all(self) -> list[Member]:
        """Every node that there ever was."""
        return [*self.former, *self.members]

    def fallen(self) -> list[str]:
        """Return which nodes ended although nobody asked them to."""
        return [
            f"{member.name} ended by itself:\n{member.output[-3000:]}" for member in self.members if not member.alive
        ]

    def stop(self) -> list[str]:
        """Stop all nodes; returns what was wrong with that."""
        wrong = self.fallen()
        for member in self.members:
            member.send(signal.SIGTERM)
        for member in self.members:
            try:
                code = member.wait(40)
            except AssertionError as error:
                wrong.append(f"{member.name}: {error}")
            else:
                wrong += [] if code in (0, 4) else [f"{member.name} ended with {code}:\n{member.output[-3000:]}"]
        return wrong

    def destroy(self) -> None:
        """Make sure that nothing is left."""
        for member in self.all:
            member.destroy()


def environment_of(server: Server, proxy: Proxy | None = None) -> dict[str, str]:
    """Return the environment of a process of this project that uses the server's database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
        "TEST_DATABASE": server.kind,
        "TEST_DATABASE_URL": server.url(proxy.port if proxy else None),
    }
