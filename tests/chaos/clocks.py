"""Wall clocks of single nodes that can be set while they run; the monotonic clock and the database's go on as they are."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.services import find_program

SOURCE = Path(__file__).with_name("step_clock.c")


def absence() -> str:
    """Return why clocks cannot be set here, or an empty string."""
    return "" if find_program("gcc") else "gcc not found"


def build(directory: Path) -> Path:
    """Return the compiled library."""
    library = directory / "step_clock.so"
    if not library.exists():
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class SettableClock:
    """The wall clock of one process and of what it starts."""

    def __init__(self, library: Path, path: Path) -> None:
        """Keep the offset in the file `path`."""
        self._path = path
        self._library = library
        path.write_bytes(struct.pack("=q", 0))

    @property
    def environment(self) -> Mapping[str, str]:
        """What the process has to be started with."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._path)}

    def set(self, seconds: float) -> None:
        """Let the clock be `seconds` ahead (negative: behind)."""
        file = os.open(self._path, os.O_WRONLY)
        try:
            os.pwrite(file, struct.pack("=q", int(seconds * 1e9)), 0)
        finally:
            os.close(file)
