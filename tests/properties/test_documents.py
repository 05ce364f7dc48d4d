import json
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from django_apscheduler_ng.documents import Reader, dump_jobs, parse_document
from django_apscheduler_ng.exceptions import StoredDataError
from django_apscheduler_ng.job import Job
from django_apscheduler_ng.triggers.interval import IntervalTrigger

from .test_serialization import TEXTS, VALUES, same

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
MOMENTS = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))


def take(*args, **kwargs):
    pass


def read(text):
    return Reader("'file'", {}, lambda ref: None, ()).jobs(parse_document(text, "'file'"))


@given(st.lists(VALUES, max_size=3), st.dictionaries(TEXTS, VALUES, max_size=3), MOMENTS)
def test_arguments_and_run_times_come_back_as_they_were(args, kwargs, moment):
    job = Job(id="job", func=take, trigger=IntervalTrigger(hours=1), args=args, kwargs=kwargs)
    job.choose_run_time(moment)
    text, _ = dump_jobs([("default", job)], NOW)

    (found,) = read(text.encode().decode())

    assert same(list(found.args), args)
    assert same(found.kwargs, kwargs)
    assert (found.next_run_time, found.func, found.broken_reason) == (moment, take, "")


DOCUMENT = dump_jobs([("default", Job(id="job", func=take, trigger=IntervalTrigger(hours=1), args=[{1: b"2"}]))], NOW)[
    0
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(json.loads(DOCUMENT)["jobs"][0])), JSON)
def test_whatever_stands_in_a_field_is_taken_or_refused_by_name(field, value):
    document = json.loads(DOCUMENT)
    document["jobs"][0][field] = value

    with suppress(StoredDataError):
        read(json.dumps(document))


@given(st.integers(0, len(DOCUMENT)), st.integers(0, len(DOCUMENT)), st.text(max_size=5))
def test_a_damaged_text_is_refused_or_taken_and_nothing_else(start, end, inserted):
    with suppress(StoredDataError):
        read(DOCUMENT[: min(start, end)] + inserted + DOCUMENT[max(start, end) :])
