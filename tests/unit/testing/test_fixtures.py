import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
from datetime import UTC, datetime

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED


def test_travel(manual_scheduler, event_log, fake_clock):
    manual_scheduler.add_job(print, "interval", seconds=10)

    manual_scheduler.travel(30)

    assert len(event_log.of(EVENT_JOB_EXECUTED)) == 3
    assert fake_clock.now() == datetime(2026, 1, 5, 9, 0, 30, tzinfo=UTC)


def test_options(manual_scheduler):
    assert str(manual_scheduler.timezone) == "Asia/Tokyo"
    manual_scheduler.shutdown()
"""
CONFTEST = """
import pytest

pytest_plugins = ["django_apscheduler_ng.testing.fixtures"]


@pytest.fixture
def manual_scheduler_options():
    return {"timezone": "Asia/Tokyo"}
"""


def test_the_fixtures_work_without_django(tmp_path):
    tmp_path.joinpath("conftest.py").write_text(CONFTEST)
    tmp_path.joinpath("test_it.py").write_text(TEST)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
        "-W",
        "error",
        str(tmp_path),
    ]

    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1].startswith("2 passed"), done.stdout + done.stderr


def test_the_kit_loads_neither_django_nor_pytest():
    code = (
        "import sys, django_apscheduler_ng.testing as kit\n"
        "kit.FakeClock, kit.ManualScheduler, kit.EventLog, kit.assert_fires\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'django', 'pytest'}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_a_name_that_is_not_in_the_kit_is_refused():
    import django_apscheduler_ng.testing as kit

    with pytest.raises(AttributeError) as caught:
        kit.Nothing  # noqa: B018

    assert str(caught.value) == "module 'django_apscheduler_ng.testing' has no attribute 'Nothing'"
