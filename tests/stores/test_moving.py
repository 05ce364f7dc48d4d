"""Jobs that move from any kind of job store to any other come there as they were."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.testing import FakeClock
from tests.movable import contents, fill

from .conftest import KINDS, START

OTHERS = {"memory": MemoryJobStore, "django": lambda: DjangoJobStore(namespace="moving")}
#: The pairs without one of these stores are tested where those are.
PAIRS = [pair for pair in itertools.product((*KINDS, *OTHERS), repeat=2) if not {*pair} <= set(OTHERS)]


@pytest.fixture
def store(places):
    """Make a store of a kind: `store("redis", "source")`."""

    def make(kind, name):
        return OTHERS[kind]() if kind in OTHERS else places[kind].store(name)

    for kind in KINDS:
        places[kind].clean()
    return make


@pytest.mark.django_db
@pytest.mark.parametrize(("source", "target"), PAIRS, ids="-to-".join)
def test_jobs_come_to_another_store_as_they_were(source, target, store, begin, tmp_path):
    clock = FakeClock(START)
    origin = begin(store(source, "source"), clock=clock)
    fill(origin)
    origin.travel(timedelta(days=1))
    expected = contents(origin)

    count = origin.export_jobs(tmp_path / "jobs.json")
    origin.remove_all_jobs()
    destination = begin(store(target, "target"), clock=clock)
    done = destination.import_jobs(tmp_path / "jobs.json")

    assert contents(destination) == expected
    assert count == len(done.added) == 8
    assert (done.replaced, done.broken) == ([], [])
    destination.shutdown()

    again = begin(destination.jobstores()["default"] if target in OTHERS else store(target, "target"), clock=clock)
    assert target == "memory" or contents(again) == expected
