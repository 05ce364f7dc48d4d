"""What each page of the admin asks the database: how often, however many rows there are, and how."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng.admin import bounds, history
from django_apscheduler_ng.models import JobRun, ScheduledJob
from tests.benchmarks.admin.pages import ROOT, pages
from tests.benchmarks.admin.seeding import seed
from tests.django.test_queries import explain

#: Page → queries on SQLite, those for session and user included; and how many more on a server, whose time is asked for.
PAGES = {
    "app": (2, 0),
    "dashboard": (22, 1),
    "job pause": (4, 0),
    "job remove": (4, 0),
    "job reschedule": (5, 0),
    "job edit": (5, 0),
    "job run": (4, 0),
    "job revisions": (5, 0),
    "job page": (12, 1),
    "job, broken": (12, 1),
    "job, paused": (12, 1),
    "resume": (4, 0),
    "add": (3, 0),
    "duplicate": (6, 0),
    "run": (12, 0),
    "run, live": (12, 0),
    "run, summary": (12, 0),
    "cancel": (5, 0),
    "retry": (5, 0),
    "node": (4, 0),
    "event": (5, 0),
    "revert": (6, 0),
    # lists, by what their addresses begin with; the longest beginning counts
    "scheduledjob/": (10, 1),
    "scheduledjob/?state=": (11, 1),  # the job stores, to find the live runs
    "scheduledjob/?state=paused": (10, 1),
    "scheduledjob/?state=broken": (10, 1),
    "scheduledjob/?state=retired": (10, 1),
    "jobrun/": (9, 0),
    "jobrun/?": (10, 0),  # the latest key
    "jobrun/?p=": (9, 0),
    "jobrun/?job=": (10, 0),  # the name of the job
    "jobrun/?job=1&q=": (11, 0),  # and where its latest runs begin
    "jobrun/?status__exact=": (11, 0),  # both ends of the job stores
    "jobrun/?status__exact=failed&exception=": (12, 0),  # and where the latest failures begin
    "jobrun/?status__exact=succeeded&": (10, 0),
    "joblogentry/": (6, 0),
    "joblogentry/?": (7, 0),
    "joblogentry/?p=": (6, 0),
    "joblogentry/?job=1&q=": (8, 0),
    "schedulernode/": (5, 0),
}
#: List → queries less where it is empty.
NOTHING_LISTED = {"scheduledjob": (4, 1), "jobrun": (2, 0), "joblogentry": (1, 0), "schedulernode": (0, 0)}


@pytest.fixture
def client(transactional_db):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    return client


def visit(client):
    """Yield name, response and statements of each page."""
    found = pages(client)
    client.get(f"{ROOT}scheduledjob/dashboard/")
    for name, address in found.items():
        with CaptureQueriesContext(connection) as captured:
            response = client.get(ROOT + address)
        assert response.status_code == 200, name
        yield re.sub(r"job=\d+", "job=1", name), response, [query["sql"] for query in captured]


def expected(name, response):
    """Return how many queries the table says that a page makes."""
    sqlite, more = PAGES[max((start for start in PAGES if name.startswith(start)), key=len)]
    listed = response.context.get("cl") if "/" in name else None
    if listed is not None and not listed.result_list:
        less = NOTHING_LISTED[name.partition("/")[0]]
        sqlite, more = sqlite - less[0], more - less[1]
    return sqlite if connection.vendor == "sqlite" else sqlite + more


@pytest.mark.parametrize(
    "size", [pytest.param((200, 2_000, 300), id="some"), pytest.param((1_000, 30_000, 3_000), id="many")]
)
def test_each_page_makes_the_same_queries_however_many_rows_there_are(client, size):
    seed(*size)

    found = {name: (len(statements), expected(name, response)) for name, response, statements in visit(client)}

    assert {name: counts for name, counts in found.items() if counts[0] != counts[1]} == {}
    assert len(found) > 130


# -- how ------------------------------------------------------------------------------------------------------------------


def reads_all_runs(sql):
    """Return what the plan of a statement says of runs that are read from end to end; a list may be read up to its limit."""
    table = JobRun._meta.db_table
    if f"FROM {connection.ops.quote_name(table)}" not in sql or _is_capped(sql):
        return []
    lines = explain(sql)
    if connection.vendor == "sqlite":
        return [line["detail"] for line in lines if line["detail"] == f"SCAN {table}"]
    if connection.vendor == "postgresql":
        return [line["QUERY PLAN"] for line in lines if f"Seq Scan on {table}" in line["QUERY PLAN"]]
    return [str(line) for line in lines if line["type"] == "ALL" and line["table"] == table]


def _is_capped(sql):
    """Tell whether a statement takes the next rows as they come, and no more of them than it needs; nearly all have succeeded."""
    return ("WHERE" not in sql or "'succeeded'" in sql) and re.search(r"LIMIT \d+( OFFSET \d+)?\)? ?(subquery)?$", sql)


def test_no_page_reads_all_runs(client, monkeypatch):
    monkeypatch.setattr(bounds, "FILTERED", 500)
    monkeypatch.setattr(bounds, "SEARCHED", 500)
    monkeypatch.setattr(bounds, "BEHIND_INDEX", 200)
    seed(1_000, 60_000, 100)

    plans = {
        (name, sql): reads_all_runs(sql)
        for name, _, statements in visit(client)
        for sql in statements
        if sql.startswith(("SELECT", "(SELECT"))
    }

    assert {key: lines for key, lines in plans.items() if lines} == {}


@pytest.mark.parametrize(("each", "call"), [(20, history.outcomes), (100, history.latest_runs)])
def test_the_latest_runs_of_jobs_are_found_along_the_index_on_job_and_key(client, each, call):
    """Not along the one on job and slot, which would take a sort of all runs of a job."""
    seed(1_000, 60_000, 10)
    keys = list(ScheduledJob.objects.order_by("pk").values_list("pk", flat=True)[:50])

    with CaptureQueriesContext(connection) as captured:
        found = call("default", keys, each)

    assert len(captured) == 2
    assert len(found[keys[0]]) == each
    texts = [str(line) for line in explain(captured[0]["sql"]) if "jobrun" in str(line) or "U0" in str(line)]
    assert texts
    assert [text for text in texts if "apsng_run_job_ix" not in re.sub("'possible_keys': '[^']*'", "", text)] == []
    assert "filesort" not in str(texts)


# -- what is said ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "looked_through", "found"),
    [
        pytest.param("jobrun/", 0, 50, id="everything"),
        pytest.param("jobrun/?status__exact=failed", 0, 11, id="by-status"),
        pytest.param("jobrun/?q=no+such+thing", 300, 0, id="search"),
        pytest.param("jobrun/?exception=HTTPStatusError", 400, 5, id="filter"),
        pytest.param("jobrun/?status__exact=failed&exception=HTTPStatusError", 5, 5, id="within-a-status"),
        pytest.param("jobrun/?status__exact=succeeded&executor=none", 400, 0, id="within-most-runs"),
        pytest.param("joblogentry/?event=removed", 400, 0, id="events"),
        pytest.param("scheduledjob/?q=no+such+thing", 0, 0, id="jobs-are-all-looked-through"),
    ],
)
def test_a_list_says_how_far_it_looked(client, monkeypatch, address, looked_through, found):
    for name, number in (("FILTERED", 400), ("SEARCHED", 300), ("BEHIND_INDEX", 5)):
        monkeypatch.setattr(bounds, name, number)
    seed(100, 1_000, 500)

    response = client.get(ROOT + address)

    assert len(response.context["cl"].result_list) == found
    words = f"Only the latest {looked_through} were looked through."
    assert (words in response.content.decode()) == bool(looked_through)


def test_a_list_by_status_shows_the_latest_first_and_pages_do_not_overlap(client):
    seed(50, 20_000, 10)
    failed = list(
        JobRun.objects.filter(status="failed").order_by("-due_at", "-priority", "-pk").values_list("pk", flat=True)
    )

    shown = [
        row.pk
        for number in (1, 2, 3)
        for row in client.get(f"{ROOT}jobrun/?status__exact=failed&p={number}").context["cl"].result_list
    ]

    assert shown == failed[:150]
    assert shown == sorted(shown, reverse=True)
