"""Nodes inside of real web servers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import SchedulerNode
from tests.conftest import CHECKOUT
from tests.settings import TEST_DATABASE

from .harness import Program, assert_accounted, side_effects, wait_until

SECOND = timedelta(seconds=1)

FILES = {
    "site_settings.py": """
        from tests.settings import *

        WSGI_APPLICATION = "site_wsgi.application"
        ASGI_APPLICATION = "site_asgi.application"
        LOGGING = {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"django_apscheduler_ng": {"handlers": ["console"], "level": "INFO"}},
        }
    """,
    "site_wsgi.py": """
        from django.core.wsgi import get_wsgi_application
        from django_apscheduler_ng.embedding import embed

        application = embed(get_wsgi_application())
    """,
    "site_asgi.py": """
        from django.core.asgi import get_asgi_application
        from django_apscheduler_ng.embedding import embed

        application = embed(get_asgi_application())
    """,
    "plain_wsgi.py": """
        from django.core.wsgi import get_wsgi_application

        application = get_wsgi_application()
    """,
    "hooks.py": """
        def post_worker_init(worker):
            from django_apscheduler_ng.embedding import start_node

            start_node()


        def worker_exit(server, worker):
            from django_apscheduler_ng.embedding import stop_node

            stop_node()
    """,
    "site_tests.py": """
        import threading
        from django.test import Client, SimpleTestCase

        class Tests(SimpleTestCase):
            def test_a_request_starts_no_node(self):
                Client().get("/nowhere/")
                names = [thread.name for thread in threading.enumerate()]
                self.assertFalse([name for name in names if "django_apscheduler_ng" in name], names)
    """,
}


@pytest.fixture
def site(child_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a project whose web process has a node."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    path = os.pathsep.join([str(tmp_path), child_environment["PYTHONPATH"]])
    return {**child_environment, "DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": path}


@pytest.fixture
def serve(site: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a web server: `serve("gunicorn", "site_wsgi")`."""
    servers: list[Program] = []

    def start(*arguments: str, **environment: str) -> Program:
        command = [sys.executable, "-m", *arguments]
        servers.append(Program({**site, **environment}, tmp_path, command, {"poll_interval": 0.25}))
        return servers[-1]

    yield start
    for server in servers:
        server.destroy()


def address_of(server: Program) -> str:
    """Return where the server listens, as it says itself."""
    found = wait_until(lambda: re.search(r"http://127\.0\.0\.1:[1-9]\d*", server.output), "the server listens", 30)
    return str(found[0])


def answers(address: str) -> int:
    """Return the status of the answer to a request."""
    try:
        return int(urllib.request.urlopen(f"{address}/admin/login/", timeout=10).status)
    except OSError:
        return 0


def alive() -> dict[int, str]:
    """Return process id and id of the nodes that are alive."""
    return dict(SchedulerNode.objects.alive().values_list("pid", "pk"))


def states() -> list[str]:
    """Return the states of all nodes, in order."""
    return sorted(SchedulerNode.objects.values_list("state", flat=True))


def ask_until(address: str, condition: Callable[[], object], what: str) -> None:
    """Send requests, many at once so that every worker gets some, until the condition is true."""
    with ThreadPoolExecutor(8) as pool:

        def asked() -> object:
            list(pool.map(answers, [address] * 8))
            return condition()

        wait_until(asked, what, 40)


def append_each_second(path: Path) -> None:
    get_scheduler().add_job("tests.project.jobs:append", "interval", seconds=1, id="second", args=[str(path)])


def ran(path: Path) -> int:
    return len(side_effects(path).get("second", ()))


WAYS = {
    "with-the-first-request": ("site_wsgi", ()),
    "with-the-first-request-after-preload": ("site_wsgi", ("--preload",)),
    "in-hooks-after-preload": ("plain_wsgi", ("--config", "hooks.py", "--preload")),
}


@pytest.mark.parametrize(("module", "options"), WAYS.values(), ids=WAYS)
def test_four_workers_of_gunicorn_are_four_nodes_and_run_each_fire_time_once(serve, tmp_path, module, options):
    effects = tmp_path / "effects"
    options = [str(tmp_path / option) if option == "hooks.py" else option for option in options]
    server = serve("gunicorn", module, "--workers", "4", "--bind", "127.0.0.1:0", "--graceful-timeout", "15", *options)
    address = address_of(server)
    ask_until(address, lambda: len(alive()) == 4, "each worker has a node")
    append_each_second(effects)
    wait_until(lambda: ran(effects) >= 2, "the job ran twice")

    killed = min(alive())
    os.kill(killed, signal.SIGKILL)
    ask_until(address, lambda: len(alive()) == 4 and killed not in alive(), "another worker has a node")
    had = ran(effects)
    wait_until(lambda: ran(effects) >= had + 2, "the job ran twice again")
    code = server.stop()

    assert code == 0
    server.wait_for_end_of_family()
    assert states() == ["dead", *["stopped"] * 4]
    first = min(moment for moment, _ in side_effects(effects)["second"])
    assert_accounted("second", datetime.fromisoformat(first), SECOND, effects)
    assert "Traceback" not in server.output


def test_uvicorn_has_a_node_from_its_startup_to_its_shutdown(serve, tmp_path):
    effects = tmp_path / "effects"
    append_each_second(effects)
    server = serve("uvicorn", "site_asgi:application", "--port", "0", "--lifespan", "on")

    wait_until(lambda: ran(effects) >= 2, "the job ran twice", 30)
    assert len(alive()) == 1
    assert answers(address_of(server)) == 200
    server.stop()

    assert states() == ["stopped"]
    server.wait_for_end_of_family()
    assert "Traceback" not in server.output


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def touched(path: Path) -> bool:
    """Make the file look newer than it did; a reloader that has just started takes the first look for the old one."""
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 1))
    return True


def test_runserver_has_one_node_before_and_after_its_code_changes(serve, tmp_path):
    address = f"http://127.0.0.1:{free_port()}"
    server = serve("django", "runserver", address.removeprefix("http://"))
    wait_until(lambda: answers(address) and alive(), "there is a node", 40)
    (before,) = alive()
    assert before != server.pid  # the process that is restarted, not the one that watches it

    wait_until(lambda: touched(tmp_path / "site_wsgi.py") and states() == ["stopped"], "the old node has stopped", 40)
    wait_until(lambda: answers(address) and alive() and before not in alive(), "the node of the new process", 40)

    (after,) = alive()
    assert states() == ["running", "stopped"]
    os.kill(
        after, signal.SIGINT
    )  # a terminal tells the process that watches, too, which then kills this one after 0.25 s
    server.wait()
    server.wait_for_end_of_family()
    assert after != before
    assert states() == ["stopped", "stopped"]


COMMANDS = {
    "migrate": ["migrate", "-v0"],
    "check": ["check"],
    "shell": ["shell", "-c", "from django_apscheduler_ng import get_scheduler; get_scheduler().get_jobs()"],
    "test": ["test", "site_tests"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_serves_no_requests_starts_no_node(site, tmp_path, command):
    done = subprocess.run(
        [sys.executable, "-m", "django", *command], cwd=tmp_path, env=site, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "node started" not in done.stderr
    assert states() == []


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="needs an empty database of its own")
def test_requests_are_answered_while_the_node_waits_for_migrations(serve, site, tmp_path):
    empty = str(tmp_path / "empty.sqlite3")
    server = serve("gunicorn", "site_wsgi", "--bind", "127.0.0.1:0", TEST_DATABASE_NAME=empty)
    address = address_of(server)

    assert answers(address) == 200
    server.wait_for("Migrations are unapplied")
    assert answers(address) == 200
    migrate = [sys.executable, "-m", "django", "migrate", "-v0"]
    subprocess.run(migrate, cwd=CHECKOUT, env={**site, "TEST_DATABASE_NAME": empty}, check=True, timeout=60)

    server.wait_for("Scheduler node started in this process")
    assert server.stop() == 0


FORK = """
import os, signal, sys, threading, time
import django
django.setup()
from django_apscheduler_ng.embedding import _this_process, start_node, stop_node
from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, SchedulerNode
get_scheduler().add_job("tests.project.jobs:nap", args=[600], id="long")
start_node(grace=0.5)
until = time.monotonic() + 30
while not JobRun.objects.filter(status="running"):
    assert time.monotonic() < until
    time.sleep(0.05)
from django.db import connections
connections.close_all()
child = os.fork()
if not child:
    signal.alarm(20)
    assert _this_process().host is None
    assert threading.active_count() == 1
    sys.exit(5)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
print("nodes", [node.state for node in SchedulerNode.objects.all()])
stop_node()
print("nodes", [node.state for node in SchedulerNode.objects.all()], [run.status for run in JobRun.objects.all()])
"""


def test_a_forked_child_has_no_node_and_leaves_that_of_its_parent_alone(site):
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        cwd=CHECKOUT,
        env={**site, "TEST_APSCHEDULER": '{"heartbeat_interval": 0.25, "lease": 5}'},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.splitlines() == ["child 5", "nodes ['running']", "nodes ['stopped'] ['interrupted']"], (
        done.stderr
    )
