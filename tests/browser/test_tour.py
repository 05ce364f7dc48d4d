"""The command that takes the pictures of the documentation."""

import os
import subprocess
import sys

import pytest

from tests import services
from tests.conftest import CHECKOUT, require
from tests.tour.__main__ import missing


def take(directory, *arguments, **environment):
    command = [sys.executable, "-m", "tests.tour", "--to", str(directory), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name != "TEST_RUN"}
    return subprocess.run(
        command, cwd=CHECKOUT, env=inherited | environment, capture_output=True, text=True, check=False
    )


def test_the_command_writes_its_pictures(tmp_path):
    require(services.CHROMIUM)
    if reason := missing():
        pytest.skip(reason)

    done = take(tmp_path, "--only", "dashboard,conflict,admin-jobs")

    assert done.returncode == 0, done.stderr
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    names = {
        f"tour/{name}-{theme}-{language}.webp"
        for name in ("dashboard", "conflict")
        for theme in ("light", "dark")
        for language in ("en", "zh")
    }
    assert written == {*names, "admin-jobs.png", "admin-jobs-dark.png"}


def test_a_page_that_is_not_there_is_named(tmp_path):
    require(services.CHROMIUM)
    if reason := missing():
        pytest.skip(reason)

    done = take(tmp_path, "--only", "dashbord")

    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "There is no page 'dashbord'. Did you mean 'dashboard'?",
    )


def test_without_a_chinese_font_it_says_which_one_to_install(tmp_path):
    require(services.CHROMIUM)
    pytest.importorskip("PIL")
    (tmp_path / "fonts.conf").write_text('<?xml version="1.0"?><fontconfig></fontconfig>')

    done = take(tmp_path, FONTCONFIG_FILE=str(tmp_path / "fonts.conf"))

    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "No font has Chinese characters: `fc-list :lang=zh` lists none. Install one, fonts-noto-cjk on Debian.",
    )
