"""What is shipped: a wheel that works outside the checkout, with everything it needs and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

pytestmark = pytest.mark.timeout(300)

PACKAGE = "django_apscheduler_ng"

SETTINGS = f"""
SECRET_KEY = "x"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}}}
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
    "django.contrib.sessions", "django.contrib.staticfiles", "{PACKAGE}", "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {{"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]}},
}}]
STATIC_URL = "static/"
STATIC_ROOT = "static"
ROOT_URLCONF = "urls"
"""

URLS = """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""

JOBS = """
from pathlib import Path

from django_apscheduler_ng.decorators import scheduled_job


@scheduled_job("interval", seconds=1)
def touch():
    Path("touched").touch()
"""


@pytest.fixture(scope="module")
def project(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody who installed the wheel, with an environment of its own that borrows only Django."""
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    site_packages = next((folder / "venv").glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site_packages), str(wheel)]
    subprocess.run(pip, check=True)
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    (folder / "shop").mkdir()
    for name, text in {"settings.py": SETTINGS, "urls.py": URLS, "shop/__init__.py": "", "shop/jobs.py": JOBS}.items():
        (folder / name).write_text(text)
    return folder


def run(project: Path, *arguments: str) -> str:
    """Run the project's Python in the project's folder; return what it printed."""
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": "."}
    command = [str(project / "venv" / "bin" / "python"), *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_has_all_that_belongs_to_the_package_and_nothing_else(wheel: Path) -> None:
    tracked = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }

    names = set(zipfile.ZipFile(wheel).namelist())

    assert {name for name in names if not name.split("/")[0].endswith(".dist-info")} == tracked
    assert f"{PACKAGE}/py.typed" in names
    assert f"{PACKAGE}/migrations/0001_initial.py" in names
    assert any(name.startswith(f"{PACKAGE}/templates/") for name in names)
    assert f"{PACKAGE}/locale/zh_Hans/LC_MESSAGES/django.mo" in names


def test_it_needs_django_and_time_zones_only(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()

    needed = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]

    assert sorted(need for need in needed if "extra ==" not in need) == ["django>=5.2", "tzdata"]


def test_it_works_outside_of_the_checkout(project: Path) -> None:
    run(project, "-m", "django", "migrate", "--verbosity", "0")
    run(project, "-m", "django", "check", "--fail-level", "ERROR")
    run(project, "-m", "django", "collectstatic", "--noinput")
    home = run(project, "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)")
    assert home.startswith(str(project))

    run(project, "-m", "django", "runscheduler", "--once")

    listed = "from django_apscheduler_ng import get_scheduler as s; print([job.id for job in s().get_jobs()])"
    assert "['shop.jobs.touch']" in run(project, "-m", "django", "shell", "-v", "0", "-c", listed)
