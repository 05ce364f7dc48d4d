from datetime import UTC, datetime

import pytest

from django_apscheduler_ng import events
from django_apscheduler_ng.events import EVENT_ALL, JobEvent, JobExecutionEvent, JobSubmissionEvent, SchedulerEvent

NAMES = [
    "SCHEDULER_STARTED",
    "SCHEDULER_SHUTDOWN",
    "SCHEDULER_PAUSED",
    "SCHEDULER_RESUMED",
    "EXECUTOR_ADDED",
    "EXECUTOR_REMOVED",
    "JOBSTORE_ADDED",
    "JOBSTORE_REMOVED",
    "ALL_JOBS_REMOVED",
    "JOB_ADDED",
    "JOB_REMOVED",
    "JOB_MODIFIED",
    "JOB_EXECUTED",
    "JOB_ERROR",
    "JOB_MISSED",
    "JOB_SUBMITTED",
    "JOB_MAX_INSTANCES",
]
MOMENT = datetime(2026, 1, 5, tzinfo=UTC)


def test_each_event_has_a_bit_of_its_own_in_the_order_people_know():
    assert [getattr(events, f"EVENT_{name}") for name in NAMES] == [2**bit for bit in range(17)]
    assert sum(2**bit for bit in range(17)) == EVENT_ALL


def test_the_older_name_of_the_start_still_works():
    assert events.EVENT_SCHEDULER_START == events.EVENT_SCHEDULER_STARTED


@pytest.mark.parametrize(
    ("event", "attributes", "text"),
    [
        pytest.param(
            SchedulerEvent(16, "fast"), {"code": 16, "alias": "fast"}, "<SchedulerEvent (code=16)>", id="scheduler"
        ),
        pytest.param(
            JobEvent(512, "job", "default"),
            {"code": 512, "alias": None, "job_id": "job", "jobstore": "default"},
            "<JobEvent (code=512 job_id='job')>",
            id="job",
        ),
        pytest.param(
            JobSubmissionEvent(32768, "job", "default", (MOMENT,), ("r1",)),
            {
                "code": 32768,
                "alias": None,
                "job_id": "job",
                "jobstore": "default",
                "scheduled_run_times": [MOMENT],
                "run_ids": ["r1"],
            },
            "<JobSubmissionEvent (code=32768 job_id='job')>",
            id="submission",
        ),
        pytest.param(
            JobExecutionEvent(4096, "job", "default", MOMENT, 42),
            {
                "code": 4096,
                "alias": None,
                "job_id": "job",
                "jobstore": "default",
                "scheduled_run_time": MOMENT,
                "retval": 42,
                "exception": None,
                "traceback": None,
                "run_id": None,
                "count": 1,
                "attempt": 1,
                "retry_at": None,
            },
            "<JobExecutionEvent (code=4096 job_id='job')>",
            id="execution",
        ),
    ],
)
def test_what_an_event_carries(event, attributes, text):
    assert vars(event) == attributes
    assert repr(event) == text
