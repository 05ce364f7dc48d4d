"""Job stores that need something that is not installed say which extra brings it, and nobody else misses it."""

import subprocess
import sys
import tomllib

import pytest

from tests.conftest import CHECKOUT

NEEDS = {"sqlalchemy": ("SQLAlchemy", "sqlalchemy"), "mongodb": ("pymongo", "pymongo"), "redis": ("redis", "redis")}

CODE = """
import sys
for name in {blocked}:
    sys.modules[name] = None
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
BackgroundScheduler(jobstores={{"default": {{"type": {type!r}}}}})
"""


def fresh(code):
    """Run code in an interpreter that has imported nothing yet; return its exit code and the last line that it says."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    return done.returncode, done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(("extra", "package"), NEEDS.items(), ids=NEEDS)
def test_whoever_names_the_type_is_told_the_extra(extra, package):
    code, said = fresh(CODE.format(blocked=[package[1]], type=extra))

    assert code == 1
    assert said.startswith(
        f"django_apscheduler_ng.exceptions.MissingExtraError: Job store {extra!r} needs the package "
    )
    assert said.endswith(f'Install it with: pip install "django-apscheduler-ng[{extra}]"')


def test_a_scheduler_with_other_stores_needs_none_of_them():
    assert fresh(CODE.format(blocked=[module for _, module in NEEDS.values()], type="memory")) == (0, "")


def test_each_extra_brings_what_its_store_needs():
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert {extra: extras[extra][0].partition(">")[0] for extra in NEEDS} == {
        extra: name for extra, (name, _) in NEEDS.items()
    }
