"""Fixtures that need something from outside: a browser, or a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import services

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHECKOUT = Path(__file__).parent.parent

# How long an example takes says nothing on a busy machine. Where CI is set, Hypothesis draws the same examples each time.
hypothesis.settings.register_profile("tests", hypothesis.settings.get_profile("default"), deadline=None)
if "CI" not in os.environ:
    hypothesis.settings.load_profile("tests")

# A shell that starts this in the background makes it ignore what the tests send to their processes, which inherit that.
for signal_name in ("SIGINT", "SIGHUP"):
    number = getattr(signal, signal_name, None)
    if number is not None and signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if signal_name == "SIGINT" else signal.SIG_DFL)

#: What Chromium needs to start as root, without a display, and to talk to nobody but the tests.
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1280,900",
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was absent, so that a green run cannot be taken for a complete one."""
    if "TEST_RUNNER" not in os.environ:  # tests/run.py lists them once, at its own end
        for line in services.absent():
            terminalreporter.write_line(line)


def require(service: services.Service) -> None:
    """Skip the test where the service is absent; fail it under `REQUIRE_SERVICES=1`."""
    if reason := service.absence():
        outcome = pytest.fail if services.required() else pytest.skip
        outcome(f"{service.name}: {reason}")


@contextmanager
def open_chromium(profile: Path) -> Iterator[Chrome]:
    """Start a real Chromium that keeps its profile in this directory."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, services.CHROMIUM.programs[0]))) or ""
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    # what is asked of the network, and nothing else
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver") or "chromedriver")
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A real Chromium with an empty profile; one for the whole session, so leave no cookies behind."""
    require(services.CHROMIUM)
    with open_chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def environment_of_children() -> dict[str, str]:
    """Return the environment that makes a process of this project work on the database of the tests."""
    from django.db import connection

    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
    }


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """The environment that makes a `manage.py` in another process work on this test's database.

    Start such a process with `[sys.executable, "-m", "django", "runscheduler"]` and `cwd=CHECKOUT`.
    """
    return environment_of_children()


@pytest.fixture
def manage() -> list[str]:
    """The start of a command line that is this project's `manage.py`."""
    return [sys.executable, "-m", "django"]
