"""Each optional part, in a new environment with its extra and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests import services
from tests.conftest import CHECKOUT, require
from tests.places import open_place

pytestmark = pytest.mark.timeout(300)

PROGRAMS = CHECKOUT / "tests" / "guide" / "programs"
#: By extra, the module and the class that need it.
PARTS = {
    "sqlalchemy": ("jobstores.sqlalchemy", "SQLAlchemyJobStore"),
    "mongodb": ("jobstores.mongodb", "MongoDBJobStore"),
    "redis": ("jobstores.redis", "RedisJobStore"),
    "gevent": ("schedulers.gevent", "GeventScheduler"),
    "tornado": ("schedulers.tornado", "TornadoScheduler"),
    "twisted": ("schedulers.twisted", "TwistedScheduler"),
    "qt": ("schedulers.qt", "QtScheduler"),
}


def environment_with(requirement: str, folder: Path, *, beside: Path | None = None) -> Path:
    """Make a virtual environment with `requirement`, what it needs, and what `beside` has, and nothing else.

    Returns its interpreter.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    if beside is not None:
        site_packages(folder).joinpath("beside.pth").write_text(str(site_packages(beside)))
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile", requirement]
    subprocess.run(pip, check=True)
    return python


def site_packages(folder: Path) -> Path:
    """Return where a virtual environment has its packages."""
    return next(folder.glob("lib/python*/site-packages"))


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the wheel was installed without an extra."""
    folder = tmp_path_factory.mktemp("plain")
    environment_with(str(wheel), folder)
    return folder


@contextmanager
def arguments_of(extra: str, folder: Path) -> Iterator[list[str]]:
    """Give the arguments that the program of this extra needs, with the server it talks to running."""
    if extra == "mongodb":
        with open_place("mongodb", folder) as server:
            yield [str(server.port)]
    elif extra == "redis":
        require(services.REDIS)
        unique = f"django_apscheduler_ng.test.{uuid4().hex}"
        yield [str(urlsplit(os.environ["TEST_REDIS_URL"]).port or 6379), f"{unique}.jobs", f"{unique}.run_times"]
    else:
        yield []


@pytest.mark.parametrize("extra", PARTS)
def test_each_extra_brings_what_its_part_of_the_guide_needs(
    extra: str, wheel: Path, plain: Path, tmp_path: Path
) -> None:
    python = environment_with(f"{wheel}[{extra}]", tmp_path / "venv", beside=plain)
    environment = {"PATH": "", "QT_QPA_PLATFORM": "offscreen", "PYTHONDONTWRITEBYTECODE": "1"}

    with arguments_of(extra, tmp_path) as arguments:
        done = subprocess.run(
            [str(python), str(PROGRAMS / f"with_{extra}.py"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stdout) == (0, "The job ran.\n"), done.stderr


@pytest.mark.parametrize("extra", PARTS)
def test_without_its_extra_each_part_says_how_to_get_it(extra: str, plain: Path, tmp_path: Path) -> None:
    module, name = PARTS[extra]
    use = f"{name}().start()" if name.endswith("Scheduler") else f"{name}()"
    code = f"from django_apscheduler_ng.{module} import {name}; {use}"

    done = subprocess.run(
        [str(plain / "bin" / "python"), "-c", code],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert f'pip install "django-apscheduler-ng[{extra}]"' in done.stderr.splitlines()[-1]


def test_the_extras_are_those_of_the_parts() -> None:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert [extra for extra in PARTS if extra not in extras] == []
