"""The example's own tests, and what is promised about it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT

EXAMPLE = CHECKOUT / "example_project"


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the example's `manage.py`, with warnings as errors where they come from here."""
    environment = {
        **os.environ,
        "SECRET_KEY": "only-for-tests",
        "PYTHONPATH": str(CHECKOUT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **variables,
    }
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)


def test_its_own_tests_pass() -> None:
    done = manage("test")

    assert done.returncode == 0, done.stderr
    ran = re.search(r"Ran (\d+) tests", done.stderr)
    assert ran
    assert int(ran[1]) >= 20


def test_its_checks_and_migrations_have_nothing_to_say() -> None:
    assert manage("check", "--fail-level", "WARNING").returncode == 0
    assert manage("makemigrations", "--check", "--dry-run", "status").returncode == 0


@pytest.mark.parametrize(
    ("url", "engine", "name"),
    [
        pytest.param("postgres://me:secret@db:5432/status", "postgresql", "status", id="postgresql"),
        pytest.param("mysql://me:secret@db:3306/status", "mysql", "status", id="mariadb"),
        pytest.param("sqlite:////tmp/other.sqlite3", "sqlite3", "/tmp/other.sqlite3", id="another-sqlite-file"),
    ],
)
def test_the_database_comes_from_the_environment(url: str, engine: str, name: str) -> None:
    done = _settings("print(s.DATABASES['default']['ENGINE'], s.DATABASES['default']['NAME'])", DATABASE_URL=url)

    assert done == f"django.db.backends.{engine} {name}\n"


def test_every_variable_of_the_settings_is_in_the_example_of_an_environment() -> None:
    read = set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', (EXAMPLE / "config" / "settings.py").read_text()))
    listed = set(re.findall(r"^#?([A-Z_]+)=", (EXAMPLE / ".env.example").read_text(), re.MULTILINE))

    assert read | {"DATABASE_URL"} == listed


def test_one_app_of_at_most_400_lines() -> None:
    lines = {
        path.name: len(path.read_text().splitlines())
        for path in sorted((EXAMPLE / "status").glob("*.py"))
        if path.name != "tests.py"
    }

    assert sum(lines.values()) <= 400, lines


def _settings(code: str, **variables: str) -> str:
    """Return what the code prints about the example's settings, `s`."""
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "x", **variables}
    command = [sys.executable, "-c", f"import config.settings as s; {code}"]
    return subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=True).stdout
