"""Takes the pictures of the admin that the documentation shows, of a small shop in a database of their own.

Exit codes: 0 = all are written; 2 = something that it takes is missing, or there is no such page.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

from tests import services

CHECKOUT = Path(__file__).parents[2]


def main() -> int:
    """Take the pictures."""
    options = _options()
    if lack := missing():
        print(lack, file=sys.stderr)
        return 2
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_APPS": "shop", "TEST_DATABASE": "sqlite"}
    sys.path.insert(0, str(Path(__file__).parent / "project"))
    import django

    django.setup()
    from django.test.utils import override_settings

    from .past import NOW

    with (
        override_settings(TIME_ZONE="Europe/Berlin"),
        patch("django_apscheduler_ng.clock.SystemClock.now", lambda _: NOW),
    ):
        wrong = _take(options)
    if wrong:
        print(wrong, file=sys.stderr)
    return 2 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tour", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME,NAME", help="only the pictures of these pages")
    parser.add_argument(
        "--to", type=Path, default=CHECKOUT / "docs" / "_static", metavar="DIR", help="default: docs/_static"
    )
    return parser.parse_args()


def missing() -> str:
    """Return what the machine lacks, in words; an empty string where it lacks nothing."""
    if reason := services.CHROMIUM.absence():
        return f"The pictures are taken with Chromium: {reason}. Install chromium and chromedriver."
    if find_spec("PIL") is None:
        return "The pictures are made small with Pillow. Run `pip install pillow`."
    if not _chinese_fonts():
        return "No font has Chinese characters: `fc-list :lang=zh` lists none. Install one, fonts-noto-cjk on Debian."
    return ""


def _chinese_fonts() -> str:
    if not shutil.which("fc-list"):
        return ""
    return subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=True).stdout.strip()


def _take(options: argparse.Namespace) -> str:
    """Take the pictures; return what is wrong, in words."""
    from tests.browser.conftest import Pages
    from tests.conftest import open_chromium

    from .pictures import Camera

    with (
        _site() as address,
        tempfile.TemporaryDirectory() as profile,
        open_chromium(Path(profile)) as driver,
    ):
        pages = Pages(driver, address)
        pages.log_in()
        camera = Camera(pages, options.to)
        only = list(filter(None, options.only.split(",")))
        for name in only:
            if name not in camera.paths:
                return _stranger(name, camera.paths)
        camera.take_all(only)
    return ""


def _stranger(name: str, known: Collection[str]) -> str:
    """Say that there is no such page, and which one may be meant."""
    close = get_close_matches(name, known, 1)
    return f"There is no page {name!r}. " + (
        f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known)}."
    )


@contextmanager
def _site() -> Iterator[str]:
    """Serve the admin on a database of its own."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    try:
        if server.error:
            raise server.error
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.terminate()
        server.join()
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()


if __name__ == "__main__":
    sys.exit(main())
