"""The retry policy of a job."""

from datetime import timedelta

import pytest

from django_apscheduler_ng.exceptions import InvalidJobError
from django_apscheduler_ng.retries import Retry, class_names


class LineBusy(ConnectionError):
    """An error of this test."""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(5, Retry(attempts=5), id="number"),
        pytest.param({"delay": 1, "on": ["OSError"]}, Retry(delay=1, on=("OSError",)), id="mapping"),
        pytest.param({"on": LineBusy}, Retry(on=("tests.unit.test_retries.LineBusy",)), id="class"),
        pytest.param({"delay": timedelta(minutes=1)}, Retry(delay=60.0), id="timedelta"),
        pytest.param(Retry(attempts=2), Retry(attempts=2), id="policy"),
    ],
)
def test_a_policy_is_a_number_or_a_mapping_or_itself(given, expected):
    assert Retry.checked(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            "often",
            "Job option 'retry' must be a number of attempts, a mapping or None, got 'often'. "
            "Write retry=3 or retry={'attempts': 3, 'delay': 10}.",
            id="text",
        ),
        pytest.param(
            {"atempts": 3},
            "Unknown key 'atempts' of job option 'retry'. Did you mean 'attempts'? "
            "The keys are attempts, delay, backoff, max_delay, on, not_on.",
            id="typo",
        ),
        pytest.param(
            0,
            "Key 'attempts' of job option 'retry' must be a whole number from 1 to 1000, got 0. 1 means no retry.",
            id="zero",
        ),
        pytest.param(
            {"delay": -1},
            "Key 'delay' of job option 'retry' must be a number of seconds from 0 to 2592000, got -1. 0 tries again at once.",
            id="negative",
        ),
        pytest.param(
            {"on": [int]},
            "Key 'on' of job option 'retry' must be exception classes or their names, got <class 'int'>. "
            "Write 'TimeoutError' or 'package.module.Error'.",
            id="no-exception",
        ),
    ],
)
def test_what_is_no_policy_is_refused(given, message):
    with pytest.raises(InvalidJobError) as caught:
        Retry.checked(given)

    assert str(caught.value) == message


def test_there_are_as_many_attempts_as_it_says():
    assert [Retry(attempts=3).allows(attempt, ["OSError"]) for attempt in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("policy", "again"),
    [
        pytest.param(Retry(), True, id="any"),
        pytest.param(Retry(on=("OSError",)), True, id="a-base"),
        pytest.param(Retry(on=("ValueError",)), False, id="another"),
        pytest.param(Retry(on=("OSError",), not_on=("tests.unit.test_retries.LineBusy",)), False, id="excluded"),
    ],
)
def test_the_class_of_the_exception_or_a_base_decides(policy, again):
    assert policy.allows(1, class_names(LineBusy)) is again


def test_the_delay_grows_to_its_limit():
    policy = Retry(delay=10, backoff=3, max_delay=60)

    assert [policy.delay_after(attempt) for attempt in (1, 2, 3, 900)] == [
        timedelta(seconds=seconds) for seconds in (10, 30, 60, 60)
    ]


def test_no_delay_stays_none():
    assert Retry(delay=0).delay_after(5) == timedelta()


def test_a_policy_survives_being_written_down():
    policy = Retry(attempts=7, delay=0.5, on=("OSError",), not_on=("BrokenPipeError",))

    assert Retry.checked(policy.as_dict()) == policy
