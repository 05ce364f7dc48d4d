"""Nodes in processes of their own: what they are, and how they are watched from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Self

from . import project

#: How long a node may take to do what is waited for, in seconds.
PATIENCE = 300.0


def serve(parameters: dict[str, Any]) -> dict[str, Any]:
    """Be a node until the standard input ends, and tell of each batch of ends that is recorded."""
    project.configure(parameters)
    from .node import Node

    paused = bool(parameters.get("paused"))
    with Node(paused=paused) as node:
        node.on_recorded = lambda recorded: print(f"RECORDED {recorded} {time.time()}", flush=True)
        print("READY", flush=True)
        if paused:
            sys.stdin.readline()
            node.scheduler.resume()
        sys.stdin.read()
    return {"recorded": node.recorded}


class ChildNode:
    """A node in a process of its own."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Start it, and wait until it looks for work."""
        text = json.dumps(parameters | {"benchmark": "serve"})
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.contestants.this", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        #: When each run of a job that tells began: job and time; and how many ends were recorded when.
        self.ran: SimpleQueue[tuple[str, float]] = SimpleQueue()
        self.recorded: list[tuple[int, float]] = [(0, 0.0)]
        self._ready: SimpleQueue[bool] = SimpleQueue()
        Thread(target=self._listen, daemon=True).start()
        self._ready.get(timeout=PATIENCE)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, *rest = line.split()
            if word == "READY":
                self._ready.put(True)
            elif word == "RAN":
                self.ran.put((rest[0], float(rest[1])))
            elif word == "RECORDED":
                self.recorded.append((int(rest[0]), float(rest[1])))

    def next_begin(self, job_id: str) -> float:
        """Return when the next run of a job that tells began."""
        while True:
            try:
                found, at = self.ran.get(timeout=PATIENCE)
            except Empty:
                raise TimeoutError(f"Job {job_id!r} did not run.") from None
            if found == job_id:
                return at

    def resume(self) -> None:
        """Let it begin, where it was started with `paused`."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)

    def __enter__(self) -> Self:
        """It is running already."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Let it stop, and wait for that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def wait_for_ends(nodes: list[ChildNode], count: int) -> float:
    """Wait until the nodes together have recorded so many ends; return when the last of them was."""
    until = time.monotonic() + PATIENCE
    while sum(node.recorded[-1][0] for node in nodes) < count:
        recorded = [node.recorded[-1][0] for node in nodes]
        assert time.monotonic() < until, f"{count} ends were expected, the nodes have recorded {recorded}"
        time.sleep(0.02)
    return max(node.recorded[-1][1] for node in nodes)
