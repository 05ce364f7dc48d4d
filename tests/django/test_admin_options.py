"""The page on which the options of a job are changed that say how its runs are performed."""

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, ScheduledJob
from tests.django.admin_kit import PAGES, address, client_of, told
from tests.shop import make_node

PLAIN = {"timeout": "", "retry": "", "overlap": "skip", "queue": "default", "priority": "normal", "reason": ""}


@pytest.fixture
def client(db):
    return client_of("view_scheduledjob", "change_scheduledjob", name="maria")


@pytest.fixture
def job(db):
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report")
    JobLogEntry.objects.all().delete()
    return ScheduledJob.objects.get()


def options():
    job = get_scheduler().get_job("report")
    return (job.timeout, job.retry and job.retry.as_dict(), job.overlap, job.queue, job.priority)


def test_what_somebody_changed_is_changed_and_recorded_with_the_person(client, job):
    given = {
        "timeout": "90",
        "retry": '{"attempts": 2, "on": ["TimeoutError"]}',
        "overlap": "queue",
        "queue": "mail",
        "priority": "high",
    }

    response = client.post(address(job, "options"), {**PLAIN, **given, "reason": "it hangs now and then"})

    assert response.url == address(job)
    timeout, retry, *others = options()
    assert (timeout, retry["attempts"], retry["on"], others) == (90.0, 2, ["TimeoutError"], ["queue", "mail", "high"])
    assert told(response) == ["The options of “Report” are changed."]
    entry = JobLogEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.reason) == ("modified", "maria", "it hangs now and then")
    assert LogEntry.objects.get().change_message == (
        "Changed timeout, retry, overlap, queue, priority. it hangs now and then"
    )


def test_a_number_of_attempts_is_a_policy(client, job):
    client.post(address(job, "options"), {**PLAIN, "retry": "5"})

    assert options()[1]["attempts"] == 5


def test_nothing_is_written_where_nothing_was_changed(client, job):
    get_scheduler().modify_job("report", retry=3)
    shown = client.get(address(job, "options")).context["form"]["retry"].value()
    before = (ScheduledJob.objects.get().revision, JobLogEntry.objects.count())

    client.post(address(job, "options"), {**PLAIN, "retry": shown})

    assert (ScheduledJob.objects.get().revision, JobLogEntry.objects.count()) == before


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        pytest.param(
            {"retry": "often"},
            "retry",
            "Write a number of attempts or JSON like {“attempts”: 3, “delay”: 10}. The text is not JSON: "
            "Expecting value: line 1 column 1 (char 0).",
            id="retry-no-json",
        ),
        pytest.param(
            {"retry": '{"attemps": 3}'},
            "retry",
            "Unknown key 'attemps' of job option 'retry'. Did you mean 'attempts'? "
            "The keys are attempts, delay, backoff, max_delay, on, not_on.",
            id="retry-key",
        ),
        pytest.param(
            {"timeout": "0"},
            "timeout",
            "Job option 'timeout' must be a positive number of seconds or None, got 0.0. "
            "None lets a run take as long as it takes.",
            id="timeout",
        ),
        pytest.param(
            {"queue": "two words"},
            "queue",
            "Job option 'queue' must be 1 to 100 letters, digits, '_', '.', ':' or '-', got 'two words'. "
            "Leave it out for 'default'.",
            id="queue",
        ),
        pytest.param(
            {"overlap": "double"},
            "overlap",
            "Select a valid choice. double is not one of the available choices.",
            id="overlap",
        ),
    ],
)  # fmt: skip
def test_what_is_impossible_is_named_at_its_field(client, job, given, field, message):
    response = client.post(address(job, "options"), {**PLAIN, **given})

    assert response.context["form"].errors == {field: [message]}
    assert options() == (None, None, "skip", "default", "normal")


def test_a_queue_that_nobody_serves_is_a_warning_with_the_queues_in_use(client, job):
    make_node(queues='["mail", "default"]')

    response = client.post(address(job, "options"), {**PLAIN, "queue": "mial"})

    assert told(response)[1:] == [
        "No scheduler serves queue “mial”. Queues in use: default, mail. Did you mean 'mail'?"
    ]


def test_only_those_may_who_may_change_jobs(job):
    assert client_of("view_scheduledjob").get(address(job, "options")).status_code == 403


def test_the_page_of_a_job_shows_them_and_has_the_button(client, job):
    get_scheduler().modify_job("report", retry=3, timeout=90, overlap="replace", queue="mail", priority="low")

    page = client.get(address(job)).content.decode()

    assert address(job, "options") in page
    for shown in ("cancel the run that is under way", "mail", "low", "90", "attempts"):
        assert shown in page


@pytest.mark.parametrize("chosen", ["queue=mail", "priority__exact=low", "overlap__exact=queue"])
def test_jobs_are_found_by_them(client, job, chosen):
    options = {"queue": "mail", "priority": "low", "overlap": "queue"}
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="other", **options)

    found = client.get(f"{PAGES}/scheduledjob/?{chosen}").context["cl"].result_list

    assert [row.job_id for row in found] == ["other"]
