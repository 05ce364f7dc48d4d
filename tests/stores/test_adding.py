"""Jobs are added all or none, whatever else happens at the same time."""

from __future__ import annotations

import pytest
from pymongo.collection import Collection
from redis.client import Pipeline

from django_apscheduler_ng.exceptions import CallableReferenceError, ConflictingIdError, UnstorableError
from tests.stores import bodies

TAKEN = (
    "Job 1 of the series ('b') cannot be added, so none was: Job 'b' already exists in job store 'default'. "
    "Pass replace_existing=True to replace it."
)


def series(*ids, **options):
    return [{"func": bodies.note, "trigger": "interval", "hours": 1, "id": job_id, **options} for job_id in ids]


def ids(scheduler):
    return [job.id for job in scheduler.get_jobs()]


def test_where_an_id_is_taken_none_is_added(place, begin):
    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, "interval", hours=1, id="b", name="first")

    with pytest.raises(ConflictingIdError) as caught:
        scheduler.add_jobs(series("a", "b", "c"))

    assert str(caught.value) == TAKEN
    assert ids(scheduler) == ["b"]


def _meanwhile(monkeypatch, owner, name, act):
    """Call `act()` once, just before the method is called for the first time."""
    original, acts = getattr(owner, name), [act]

    def method(self, *args, **kwargs):
        if acts:
            acts.pop()()
        return original(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize("place", ["mongodb", "redis"], indirect=True)
def test_an_id_that_is_taken_in_the_last_moment_is_refused_and_its_job_stays(place, begin, monkeypatch):
    scheduler = begin(place.store())
    other = place.store()

    def add_another():
        other.add_job(
            scheduler._make_job(bodies.note, scheduler._make_trigger("interval", {"hours": 2}, "default"), id="b")
        )

    owner, name = (Collection, "insert_many") if "collection" in place.options() else (Pipeline, "multi")
    _meanwhile(monkeypatch, owner, name, add_another)

    with pytest.raises(ConflictingIdError) as caught:
        scheduler.add_jobs(series("a", "b", "c"))

    assert str(caught.value) == TAKEN
    assert [(job.id, job.trigger.describe()) for job in scheduler.get_jobs()] == [("b", "every 2 hours")]


def test_where_a_job_cannot_be_stored_none_is_added(place, begin):
    scheduler = begin(place.store())

    with pytest.raises(
        CallableReferenceError, match=r"^Job 1 of the series \('lambda'\) cannot be added, so none was: "
    ):
        scheduler.add_jobs([*series("a"), *series("lambda", func=lambda value: None, args=[1])])
    with pytest.raises(UnstorableError, match=r"^Job 1 of the series \('object'\) cannot be added, so none was: "):
        scheduler.add_jobs([*series("a"), *series("object", args=[object()])])

    assert ids(scheduler) == []


@pytest.mark.parametrize("place", ["mongodb"], indirect=True)
def test_a_job_that_is_larger_than_a_document_is_refused(place, begin):
    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, "interval", hours=1, id="small")

    with pytest.raises(UnstorableError) as adding:
        scheduler.add_jobs([*series("a", args=["x"]), *series("big", args=["x" * 17_000_000])])
    with pytest.raises(UnstorableError) as changing:
        scheduler.modify_job("small", args=["x" * 17_000_000])

    assert str(adding.value).startswith(
        "Job 'big' must fit into a document of MongoDB, which is at most 16777216 bytes, got 17000"
    )
    assert str(changing.value).endswith(". Pass a reference to the data instead of the data.")
    assert [(job.id, job.args) for job in scheduler.get_jobs()] == [("small", ())]
