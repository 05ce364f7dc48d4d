"""Projects on a web server of their own, for tests that look at them with a browser."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import CHECKOUT, environment_of_children

PATIENCE = 30  # seconds until a server must listen


def collect(folder: Path, settings: str) -> Path:
    """Collect the static files of a project below `folder`, and return where they are."""
    root = folder / "static"
    environment = {**environment_of_children(), "DJANGO_SETTINGS_MODULE": settings, "TEST_STATIC_ROOT": str(root)}
    command = [sys.executable, "-m", "django", "collectstatic", "--no-input"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@contextmanager
def served(folder: Path, settings: str, static: Path, variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a project on the database of the tests, and give its address."""
    own = {"DJANGO_SETTINGS_MODULE": settings, "TEST_STATIC_ROOT": str(static)}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "django.core.wsgi:get_wsgi_application()",
        "--bind",
        "127.0.0.1:0",
        "--threads",
        "4",
    ]
    path = folder / "server.log"
    with path.open("wb") as log:
        server = subprocess.Popen(
            command, cwd=CHECKOUT, env={**environment_of_children(), **own, **(variables or {})},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield _address(path, server)
    finally:
        server.send_signal(signal.SIGQUIT)  # at once, whatever connections the browser keeps open
        server.wait(20)


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    """Return where the server listens, as it says itself."""
    until = time.monotonic() + PATIENCE
    while not (found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", output := log.read_text())):
        assert server.poll() is None, output
        assert time.monotonic() < until, output
        time.sleep(0.02)
    return found[0]
