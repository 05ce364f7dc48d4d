"""The demo, as somebody runs it who just cloned the repository."""

from __future__ import annotations

import http.cookiejar
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest

from tests.conftest import CHECKOUT

#: What a clone has; the rest of the folder is nobody's business.
CLONED = ("django_apscheduler_ng", "example_project", "pyproject.toml", "README.md", "LICENSE")

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.name == "nt", reason="sends Ctrl-C as SIGINT"),
]


class Demo:
    """A running demo and everything it printed so far."""

    def __init__(self, checkout: Path, *arguments: str) -> None:
        """Start it."""
        self.folder = checkout / "example_project" / "var"
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, str(checkout / "example_project" / "demo.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def wait_until_it_says_where_to_look(self) -> None:
        """Read the URL and the password."""
        self.url = self.wait_for(r"The status page +(\S+)")[1]
        self.password = self.wait_for(r"password: (\S+)")[1]
        self.seconds_to_start = time.monotonic() - self.started

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str, timeout: float = 120) -> re.Match[str]:
        """Return the match of the next line with the pattern, or fail with all that was printed."""
        give_up_at = time.monotonic() + timeout
        while (left := give_up_at - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            self.output.append(line)
            if found := re.search(pattern, line):
                return found
        pytest.fail(f"no line like {pattern!r} in {timeout:.0f} s, but:\n{''.join(self.output)}")

    def text(self, path: str = "") -> str:
        """Return a page."""
        with urlopen(self.url + path, timeout=10) as response:
            return response.read().decode()

    def wait_for_page(self, pattern: str, path: str = "", timeout: float = 60) -> re.Match[str]:
        """Return the match of the pattern in the page, as soon as there is one."""
        give_up_at = time.monotonic() + timeout
        while time.monotonic() < give_up_at:
            if found := re.search(pattern, self.text(path)):
                return found
            time.sleep(0.5)
        pytest.fail(f"{self.url}{path} never showed {pattern!r}; the demo printed:\n{self.printed()}")

    def printed(self) -> str:
        """Return everything it printed until now."""
        while not self._lines.empty():
            self.output.append(self._lines.get() or "")
        return "".join(self.output)

    def press_ctrl_c(self) -> int:
        """Stop it as a person would; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def children(self) -> list[str]:
        """Return the command lines of processes that belong to it."""
        listed = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if str(self.folder) in line and "manage.py" in line]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone."""
    folder = tmp_path_factory.mktemp("clone")
    ignore = shutil.ignore_patterns("var", "__pycache__", ".env", "*.egg-info")
    for name in CLONED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder)
    return folder


@pytest.fixture
def start(clone: Path) -> Iterator[object]:
    """Start a demo in the clone; whatever still runs afterwards is ended."""
    demos: list[Demo] = []

    def start_demo(*arguments: str) -> Demo:
        demos.append(Demo(clone, *arguments))
        demos[-1].wait_until_it_says_where_to_look()
        return demos[-1]

    yield start_demo
    for demo in demos:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait(timeout=60)
        demo.reader.join()
        demo.process.stdout.close()  # type: ignore[union-attr]


def test_a_fresh_clone_runs_is_stopped_with_ctrl_c_and_goes_on_with_its_data(start) -> None:  # type: ignore[no-untyped-def]
    first = start()

    first.wait_for_page(r'<rect class="up"')
    first.wait_for_page(r'<rect class="down"')
    assert _log_in(first)
    assert first.seconds_to_start < 120
    assert len(first.children()) == 2
    assert first.press_ctrl_c() == 0
    assert first.children() == []
    assert "Traceback" not in first.printed()

    second = start()

    assert re.search(r'<rect class="up"', second.text())
    assert _log_in(second)
    assert second.password == first.password
    assert second.seconds_to_start < 10
    assert second.press_ctrl_c() == 0


def test_fresh_forgets_the_data_and_a_taken_port_is_named(start, clone: Path) -> None:  # type: ignore[no-untyped-def]
    before = start()
    port = before.url.rsplit(":", 1)[1].rstrip("/")

    refused = subprocess.run(
        [sys.executable, str(clone / "example_project" / "demo.py"), "--port", port],
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 2
    assert refused.stderr == f"Port {port} is taken: give another one with --port, or none to have one chosen.\n"
    assert before.press_ctrl_c() == 0

    after = start("--fresh")

    assert after.password != before.password
    assert after.press_ctrl_c() == 0


def test_the_demo_ends_when_one_of_its_processes_does(start) -> None:  # type: ignore[no-untyped-def]
    demo = start()
    pid = next(int(line.split()[0]) for line in demo.children() if "runscheduler" in line)

    os.kill(pid, signal.SIGKILL)

    assert demo.process.wait(timeout=60) == 1
    assert demo.children() == []
    assert "scheduler ended by itself, with exit code -9" in demo.printed()


def _log_in(demo: Demo) -> bool:
    """Log in to the admin with what the demo printed; tell whether that worked."""
    opener = build_opener(HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = opener.open(demo.url + "admin/login/", timeout=10).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    form = {"username": "admin", "password": demo.password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
    return "Site administration" in opener.open(demo.url + "admin/login/", urlencode(form).encode(), 10).read().decode()
