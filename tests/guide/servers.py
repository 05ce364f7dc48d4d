"""A server for the examples with MongoDB."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 20


@contextmanager
def mongodb_server(folder: Path) -> Iterator[int]:
    """Run a server that speaks MongoDB's protocol and keeps its data in `folder`; gives its port on loopback."""
    port, log = _free_port(), folder / "mongo.log"
    command = [sys.executable, "-W", "ignore", "-m", "nx_27017.nx_27017", "--db", "mongo.db", "-p", str(port)]
    with log.open("w") as said:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder)
    try:
        until = time.monotonic() + PATIENCE
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"The server did not start: {log.read_text()}")
            time.sleep(0.05)
        yield port
    finally:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
