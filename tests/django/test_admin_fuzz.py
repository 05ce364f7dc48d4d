"""Whatever a browser may send to any address of the admin: never an error of the server, and nothing is half-written."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import NoReverseMatch, reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.django.admin_kit import PAGES, address
from tests.django.edit_kit import ADD, filled
from tests.shop import make_event, make_node, make_run

MODELS = (ScheduledJob, JobRun, JobLogEntry, SchedulerNode)
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(1)</script></textarea>'

#: What nobody means to send.
NASTY = [
    pytest.param("", id="empty"),
    pytest.param("\0", id="nul"),
    pytest.param("a\0b", id="nul-within"),
    pytest.param("-1", id="negative"),
    pytest.param("9" * 17, id="large"),
    pytest.param("9" * 19, id="beyond-the-largest-key"),
    pytest.param("9" * 5000, id="more-digits-than-python-reads"),
    pytest.param("nan", id="not-a-number"),
    pytest.param("²", id="a-digit-that-is-no-number"),
    pytest.param("%00%ff", id="escapes"),
    pytest.param(HOSTILE, id="html"),
    pytest.param("\ud800".encode("utf-8", "surrogatepass"), id="surrogate"),
    pytest.param(b"\xff\xfe\x80", id="invalid-utf-8"),
    pytest.param("\u202e\u0000\uffff😀", id="odd-unicode"),
    pytest.param("x" * 3000, id="long"),
    pytest.param("[" * 2000, id="deep"),
    pytest.param("0000-00-00T00:00", id="year-0"),
    pytest.param("99999-01-01T00:00", id="year-99999"),
    pytest.param("9999-12-31T23:59:59", id="end-of-time"),
]


@pytest.fixture
def client(db, registered):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    return client


@pytest.fixture
def rows(db, registered):
    """One row of each kind."""
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report")
    job = ScheduledJob.objects.get()
    make_node(queues="[]")
    make_run(job, 60)
    make_run(job, 30, RunStatus.RUNNING, finished_at=None)
    make_event(job, "modified", 5, before='{"priority": 1}', after='{"priority": 2}')
    return {model: str(model.objects.order_by("-pk").first().pk) for model in MODELS}


def views():
    """Return the name of each page of the admin's own sites of this app, with its model and what its address takes."""
    found = []
    for model in MODELS:
        for pattern in admin.site.get_model_admin(model).get_urls():
            if pattern.name:
                found.append((pattern.name, model, sorted(pattern.pattern.converters)))
    return found


def addresses(rows, instead=None):
    """Return the address of each page, about the rows, or about what is there `instead` of their keys."""
    for name, model, takes in views():
        key = rows[model] if instead is None else instead
        arguments = {"object_id": key, "entry": rows[JobLogEntry]}
        try:
            yield reverse(f"admin:{name}", kwargs={each: arguments[each] for each in takes})
        except NoReverseMatch:
            assert instead == ""


def percent(value):
    return quote(value, safe="")


def stored():
    """Everything that a person could have changed."""
    return [list(model.objects.order_by("pk").values()) for model in MODELS]


def sound(response, where):
    """Check an answer: no error of the server, and nothing of what was sent comes back as markup."""
    assert response.status_code < 500, (where, response.status_code)
    if not response.streaming:
        shown = response.content
        assert b"<img src=x" not in shown, where
        assert b"<script>alert" not in shown, where


def test_there_are_pages_to_try():
    names = {name.rpartition("_")[2] for name, _model, _takes in views()}

    assert {"changelist", "add", "change", "delete", "history", "edit", "reschedule", "revert", "dashboard"} <= names
    assert {takes for _name, _model, found in views() for takes in found} == {"object_id", "entry"}


#: What the address of any list may carry, and that of each list besides.
OF_LISTS = (
    "p",
    "o",
    "q",
    "all",
    "e",
    "_popup",
    "_to_field",
    "_facets",
    "nothing",
    "pk__in",
    "id__gt",
    "func_ref__regex",
    "log__icontains",
)
OF_LIST = {
    "scheduledjob": (
        "state",
        "trigger",
        "executor",
        "queue",
        "store",
        "priority",
        "priority__exact",
        "priority__regex",
        "overlap__exact",
    ),
    "jobrun": ("status__exact", "status__in", "origin__isnull", "executor", "node", "job", "exception", "store"),
    "joblogentry": ("event", "job", "store"),
    "schedulernode": ("state__exact", "state", "store"),
}
#: What other pages may carry.
OF_PAGES = ("like", "event", "type", "before", "shown", "_popup", "_to_field", "_changelist_filters", "e", "p")
OF_PAGE = {
    "add": ("like", "event", "shown"),
    "delete": ("_to_field",),
    "reschedule": ("type",),
    "revisions": ("before",),
    "history": ("p",),
}


def questions(where, value):
    """Return the queries to try on a page."""
    parts = where.rstrip("/").split("/")
    if parts[-1] in OF_LIST:
        return [{name: value} for name in (*OF_LISTS, *OF_LIST[parts[-1]])]
    alone = [{name: value} for name in OF_PAGE.get(parts[-1], ())]
    return [dict.fromkeys(OF_PAGES, value), *alone]


@pytest.mark.parametrize("value", NASTY)
def test_no_parameter_of_an_address_breaks_a_page(client, rows, value):
    before = stored()

    for where in list(addresses(rows)):
        for query in questions(where, value):
            given = "&".join(f"{name}={percent(text)}" for name, text in query.items())
            sound(client.get(f"{where}?{given}"), (where, query))

    assert stored() == before


@pytest.mark.parametrize("value", NASTY)
def test_no_key_breaks_a_page(client, rows, value):
    before = stored()
    instead = value if isinstance(value, str) else value.decode("latin-1")

    for where in addresses(rows, instead):
        sound(client.get(where), where)
        sound(client.post(where, {"reason": "r", "confirmed": "yes"}), where)

    assert stored() == before


#: Values of fields that are nasty in a way of their own.
NASTY_FIELDS = [
    *(
        each
        for each in NASTY
        if each.id in ("nul-within", "beyond-the-largest-key", "html", "odd-unicode", "year-99999", "negative")
    ),
    pytest.param("1e300", id="huge-float"),
    pytest.param("2147483647", id="the-end-of-a-column"),
    pytest.param("*/99999999999", id="huge-step"),
    pytest.param("../../../etc/passwd", id="zone-that-is-a-path"),
    pytest.param('{"a":' * 2000, id="deep-object"),
    pytest.param('["\\u0000", "\\ud800"]', id="json-of-odd-characters"),
]
KINDS = ("interval", "cron", "crontab", "calendarinterval", "date")
VALID = {
    "crontab-crontab": "0 3 * * *",
    "date-run_date": "2090-01-01T00:00",
    "calendarinterval-days": "1",
    "interval-hours": "1",
}


def one_field_at_a_time(base, value):
    """Return what is posted: what is right, but for one field."""
    for name in sorted(base):
        kind = name.partition("-")[0]
        yield {**base, **VALID, **({"type": kind} if kind in KINDS else {}), name: value}


@pytest.mark.parametrize("value", NASTY_FIELDS)
def test_no_field_of_a_form_is_an_error_of_the_server(client, rows, value):
    text = value if isinstance(value, str) else value.decode("latin-1")
    job = ScheduledJob.objects.get()
    edit = address(job, "edit")
    new = {**filled(client.get(ADD)), "func": "tests.project.jobs:echo", "reason": "r"}
    present = {**filled(client.get(edit)), "reason": "r"}

    for number, form in enumerate(one_field_at_a_time(new, text)):
        sound(client.post(ADD, {**form, "id": form["id"] or f"new-{number}"}), (ADD, number))
    for form in one_field_at_a_time(present, text):
        sound(client.post(edit, {**form, "_fragment": "1"}), (edit, form))
    for page, fields in (
        ("run", ("args", "kwargs", "reason")),
        ("reschedule", ("type", "hours", "timezone", "reason")),
    ):
        for name in fields:
            base = {"type": "interval", "hours": "5", "timezone": "UTC"} if page == "reschedule" else {"args": "[]"}
            sound(client.post(address(job, page), {**base, name: text}), (page, name))
    for where in (f"{PAGES}/", f"{PAGES}/scheduledjob/", f"{PAGES}/scheduledjob/dashboard/", f"{PAGES}/jobrun/"):
        assert client.get(where).status_code == 200


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(
        st.sampled_from(("args", "kwargs", "reason", "type", "shown", "seen")), st.text(max_size=40), max_size=6
    )
)
def test_any_text_is_taken_or_refused(client, rows, data):
    for where in addresses(rows):
        sound(client.post(where, data), (where, data))
        if not ScheduledJob.objects.filter(pk=rows[ScheduledJob]).exists():
            return
