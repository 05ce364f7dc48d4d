"""`runscheduler --reload` on a real project in a directory of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

TIMEOUT = 30

FILES = {
    "settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["django_apscheduler_ng", "shop"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
        USE_TZ = True
    """,
    "shop/__init__.py": "",
    "shop/jobs.py": """
        from pathlib import Path
        from django_apscheduler_ng.decorators import scheduled_job

        @scheduled_job("interval", seconds=0.2)
        def write():
            Path("written").write_text("first")
    """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


def environment(project: Path) -> dict[str, str]:
    path = os.pathsep.join([str(project), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": path}


def wait_for(project: Path, text: str) -> None:
    until = time.monotonic() + TIMEOUT
    written = project / "written"
    while not written.exists() or written.read_text() != text:
        assert time.monotonic() < until, f"{text!r} was not written within {TIMEOUT} s"
        time.sleep(0.05)


def test_a_changed_job_runs_after_the_node_was_restarted(project):
    command = [sys.executable, "-m", "django"]
    subprocess.run([*command, "migrate", "-v0"], cwd=project, env=environment(project), check=True, timeout=TIMEOUT)
    node = subprocess.Popen(
        [*command, "runscheduler", "--reload"],
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(project, "first")
        time.sleep(1.1)  # file systems with coarse times

        jobs = project / "shop" / "jobs.py"
        jobs.write_text(jobs.read_text().replace("first", "second"))

        wait_for(project, "second")
    finally:
        node.send_signal(signal.SIGTERM)
        output, _ = node.communicate(timeout=TIMEOUT)
    assert node.returncode == 0, output
    assert "Traceback" not in output
    assert "jobs.py changed: the node is restarted." in output
