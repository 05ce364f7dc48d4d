"""Programs that the harness starts, and the loopback ports they listen on."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged(user: str) -> Mapping[str, Any]:
    """Return arguments of `subprocess` that run a program as `user`, where this process is root and may choose."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give_to(user: str, *paths: Path) -> None:
    """Make `user` the owner, where this process is root and has to."""
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def run(command: Sequence[str], log: Path, **options: Any) -> None:
    """Run a program to its end; what it printed is in the message if it fails."""
    with log.open("ab") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{log.read_text(errors='replace')}")


class Program:
    """A server process: started, killed with its children, started again."""

    def __init__(self, command: Sequence[str], log: Path, **options: Any) -> None:
        """Prepare; `options` are those of `subprocess.Popen`."""
        self._command = command
        self._log = log
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, answers: Callable[[], object], seconds: float = 60.0) -> None:
        """Start, and wait until `answers()` raises nothing; a process that ends meanwhile is started again."""
        until = time.monotonic() + seconds
        while True:
            if not self.alive:
                with self._log.open("ab") as log:
                    self._process = subprocess.Popen(
                        self._command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        **self._options,
                    )
            try:
                answers()
            except Exception:
                if time.monotonic() > until:
                    raise RuntimeError(
                        f"{self._command[0]} does not answer:\n{self._log.read_text(errors='replace')}"
                    ) from None
                time.sleep(0.05)
            else:
                return

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the process and, with SIGKILL, what it started."""
        if self._process is None:
            return
        children = children_of(self._process.pid) if number == signal.SIGKILL else []
        for pid in (self._process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        self._process.wait(30)


def children_of(parent: int) -> list[int]:
    """Return the ids of the processes that `parent` started itself."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found
