"""What the demo and the test runner say on a machine that lacks something."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

sys.path.insert(0, str(CHECKOUT / "example_project"))

import virtualenvs


@pytest.fixture
def only_this_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH, on a machine without pyenv."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def make_command(folder: Path, name: str, script: str) -> Path:
    """Make an executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_this_interpreter_is_taken_when_it_is_new_enough() -> None:
    assert virtualenvs.find_python() == sys.executable


def test_an_old_python_looks_for_a_newer_one_on_the_path(only_this_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    make_command(only_this_path, "python3.11", "exit 127  # as pyenv's shim does")
    newer = make_command(only_this_path, "python3.12", "echo 3.12")

    assert virtualenvs.find_python() == str(newer)


def test_an_old_python_alone_says_what_to_install(only_this_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(sys, "version", "3.8.18 (default)")

    with pytest.raises(virtualenvs.Hint) as caught:
        virtualenvs.find_python()

    assert str(caught.value) == (
        "Python 3.8.18 is too old: 3.11 or newer is needed. Install one (https://www.python.org/downloads/, "
        "'apt install python3.11 python3.11-venv', 'brew install python'), then call this again with it."
    )


def test_a_python_without_the_venv_module_names_the_package(tmp_path: Path) -> None:
    python = make_command(tmp_path, "python", 'case "$2" in *ensurepip*) exit 1;; *) echo 3.11;; esac')

    with pytest.raises(virtualenvs.Hint) as caught:
        virtualenvs.make(tmp_path / "venv", str(python))

    assert str(caught.value) == (
        f"{python} cannot make virtual environments: its module 'venv' or 'ensurepip' is missing. "
        "On Debian and Ubuntu: apt install python3.11-venv"
    )
    assert not (tmp_path / "venv").exists()


def test_pip_runs_once_until_what_it_depends_on_changes(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "bin").mkdir()
    python = make_command(tmp_path / "bin", "python", f'echo "$@" >> {calls}')
    needs = tmp_path / "pyproject.toml"
    needs.write_text("1")

    assert virtualenvs.install(python, ["x"], [needs])
    assert not virtualenvs.install(python, ["x"], [needs])
    needs.write_text("2")
    assert virtualenvs.install(python, ["x"], [needs])
    assert virtualenvs.install(python, ["x", "y"], [needs])
    assert calls.read_text().count("install --quiet --disable-pip-version-check x") == 3


def test_a_pip_that_fails_is_reported_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = make_command(tmp_path / "bin", "python", "exit 1")

    for _ in range(2):
        with pytest.raises(virtualenvs.Hint) as caught:
            virtualenvs.install(python, ["x"], [])

        assert str(caught.value) == (
            "pip could not install what is needed; is there a network? Its command was: "
            f"{python} -m pip install --quiet --disable-pip-version-check --upgrade pip>=25.1"
        )
