"""The names that users import, and where they find them."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import django_apscheduler_ng
from django_apscheduler_ng import events
from django_apscheduler_ng.exceptions import MissingExtraError

#: Module → names, as in the system whose guide this package follows.
PLACES = {
    "schedulers": ["SchedulerAlreadyRunningError", "SchedulerNotRunningError"],
    "schedulers.base": ["BaseScheduler", "STATE_PAUSED", "STATE_RUNNING", "STATE_STOPPED"],
    "schedulers.blocking": ["BlockingScheduler"],
    "schedulers.background": ["BackgroundScheduler"],
    "schedulers.asyncio": ["AsyncIOScheduler"],
    "schedulers.tornado": ["TornadoScheduler"],
    "schedulers.gevent": ["GeventScheduler"],
    "schedulers.twisted": ["TwistedScheduler"],
    "schedulers.qt": ["QtScheduler"],
    "jobstores.base": ["BaseJobStore", "ConflictingIdError", "JobLookupError"],
    "jobstores.memory": ["MemoryJobStore"],
    "jobstores.django": ["DjangoJobStore"],
    "jobstores.sqlalchemy": ["SQLAlchemyJobStore"],
    "jobstores.mongodb": ["MongoDBJobStore"],
    "jobstores.redis": ["RedisJobStore"],
    "executors.base": ["BaseExecutor"],
    "executors.pool": ["BasePoolExecutor", "ProcessPoolExecutor", "ThreadPoolExecutor"],
    "executors.asyncio": ["AsyncIOExecutor"],
    "executors.tornado": ["TornadoExecutor"],
    "executors.gevent": ["GeventExecutor"],
    "executors.twisted": ["TwistedExecutor"],
    "executors.futures": ["FuturesExecutor"],
    "executors.debug": ["DebugExecutor"],
    "triggers.base": ["BaseTrigger"],
    "triggers.date": ["DateTrigger"],
    "triggers.interval": ["IntervalTrigger"],
    "triggers.cron": ["CronTrigger"],
    "triggers.calendarinterval": ["CalendarIntervalTrigger"],
    "triggers.combining": ["AndTrigger", "OrTrigger"],
    "events": ["JobEvent", "JobExecutionEvent", "JobSubmissionEvent", "SchedulerEvent"],
    "job": ["Job"],
    "decorators": ["job", "scheduled_job"],
}

EVENTS = [
    "EVENT_SCHEDULER_STARTED", "EVENT_SCHEDULER_SHUTDOWN", "EVENT_SCHEDULER_PAUSED", "EVENT_SCHEDULER_RESUMED",
    "EVENT_EXECUTOR_ADDED", "EVENT_EXECUTOR_REMOVED", "EVENT_JOBSTORE_ADDED", "EVENT_JOBSTORE_REMOVED",
    "EVENT_ALL_JOBS_REMOVED", "EVENT_JOB_ADDED", "EVENT_JOB_REMOVED", "EVENT_JOB_MODIFIED", "EVENT_JOB_EXECUTED",
    "EVENT_JOB_ERROR", "EVENT_JOB_MISSED", "EVENT_JOB_SUBMITTED", "EVENT_JOB_MAX_INSTANCES",
]  # fmt: skip


@pytest.mark.parametrize(("module", "names"), PLACES.items(), ids=PLACES)
def test_names_are_where_the_guide_says(module, names):
    try:
        place = import_module(f"django_apscheduler_ng.{module}")
    except MissingExtraError as error:
        pytest.skip(str(error))

    assert [name for name in names if not hasattr(place, name)] == []


def test_each_event_has_a_bit_of_its_own_and_all_of_them_are_everything():
    codes = [getattr(events, name) for name in EVENTS]

    assert all(code.bit_count() == 1 for code in codes)
    assert sum(codes) == events.EVENT_ALL
    assert events.EVENT_SCHEDULER_START == events.EVENT_SCHEDULER_STARTED


def test_what_the_package_offers_can_be_imported_from_it():
    names = {"__version__", "current_run", "get_scheduler"}

    assert set(django_apscheduler_ng.__all__) == names
    assert all(getattr(django_apscheduler_ng, name) for name in names)


def test_a_name_that_the_package_does_not_have_is_refused_as_python_does():
    with pytest.raises(AttributeError, match=r"^module 'django_apscheduler_ng' has no attribute 'nothing'$"):
        django_apscheduler_ng.nothing  # noqa: B018


def test_no_name_of_the_package_is_that_of_a_submodule():
    # importing the submodule would put the module in the place of the name
    submodules = {module.name for module in pkgutil.iter_modules(django_apscheduler_ng.__path__)}

    assert submodules & set(django_apscheduler_ng.__all__) == set()
