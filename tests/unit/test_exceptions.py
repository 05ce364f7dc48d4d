import pytest

from django_apscheduler_ng import exceptions
from django_apscheduler_ng.exceptions import JobLookupError, SchedulerError, did_you_mean
from django_apscheduler_ng.jobstores import base
from django_apscheduler_ng.schedulers import SchedulerAlreadyRunningError, SchedulerNotRunningError


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("ConfigurationError", ValueError),
        ("InvalidTriggerError", ValueError),
        ("InvalidJobError", ValueError),
        ("CallableReferenceError", LookupError),
        ("UnstorableError", TypeError),
        ("StoredDataError", ValueError),
        ("JobLookupError", KeyError),
        ("ConflictingIdError", KeyError),
        ("SchedulerAlreadyRunningError", RuntimeError),
        ("SchedulerNotRunningError", RuntimeError),
        ("WorkerError", RuntimeError),
    ],
)
def test_an_error_can_be_caught_as_ours_and_as_the_builtin_one_would_expect(name, builtin):
    error = getattr(exceptions, name)

    assert issubclass(error, SchedulerError)
    assert issubclass(error, builtin)


def test_the_message_of_a_key_error_is_not_shown_in_quotes():
    assert str(JobLookupError("Job 'a' is gone.")) == "Job 'a' is gone."


def test_an_error_without_a_message_is_empty():
    assert str(SchedulerError()) == ""


def test_errors_are_found_where_the_guide_has_them():
    assert base.JobLookupError is exceptions.JobLookupError
    assert base.ConflictingIdError is exceptions.ConflictingIdError
    assert SchedulerAlreadyRunningError is exceptions.SchedulerAlreadyRunningError
    assert SchedulerNotRunningError is exceptions.SchedulerNotRunningError


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        pytest.param("defalut", " Did you mean 'default'?", id="typo"),
        pytest.param("xyz", "", id="nothing-like-it"),
        pytest.param(5, "", id="no-text"),
    ],
)
def test_a_typo_gets_a_suggestion(value, hint):
    assert did_you_mean(value, ["default", "processpool"]) == hint
