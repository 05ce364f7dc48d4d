from datetime import timedelta

import pytest

from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.schedulers.options import (
    OptionError,
    as_bool,
    as_int,
    as_seconds,
    as_text,
    check_keys,
    is_none,
    normalise_options,
    unknown_options,
)

NESTED = {
    "jobstores": {"mongo": {"type": "mongodb"}, "default": {"type": "sqlalchemy", "url": "sqlite:///jobs.sqlite"}},
    "job_defaults": {"coalesce": "false", "max_instances": "3"},
    "timezone": "UTC",
}


@pytest.mark.parametrize("prefix", ["apscheduler.", "django_apscheduler_ng.", ""], ids=["theirs", "ours", "none"])
def test_dotted_keys_say_the_same_as_nested_ones(prefix):
    dotted = {
        f"{prefix}jobstores.mongo": {"type": "mongodb"},
        f"{prefix}jobstores.default": {"type": "sqlalchemy", "url": "sqlite:///jobs.sqlite"},
        f"{prefix}job_defaults.coalesce": "false",
        f"{prefix}job_defaults.max_instances": "3",
        f"{prefix}timezone": "UTC",
    }

    normalised = normalise_options(dotted)

    assert normalised == NESTED
    assert normalise_options(NESTED) == NESTED


def test_nested_and_dotted_parts_of_one_option_are_merged_and_the_original_is_left_alone():
    config = {"executors": {"default": {"type": "threadpool"}}, "executors.default.max_workers": "20"}

    normalised = normalise_options(config)

    assert normalised == {"executors": {"default": {"type": "threadpool", "max_workers": "20"}}}
    assert config == {"executors": {"default": {"type": "threadpool"}}, "executors.default.max_workers": "20"}


def test_dots_in_inner_keys_are_no_separators():
    config = {"jobstores": {"default": {"engine_options": {"a.b": 1}}}}

    assert normalise_options(config) == config


def test_objects_stay_what_they_are():
    store = object()

    assert normalise_options({"apscheduler.jobstores.default": store})["jobstores"]["default"] is store


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            {"apscheduler.timezone": "UTC", "django_apscheduler_ng.lease": 1},
            "Options 'apscheduler.timezone' and 'django_apscheduler_ng.lease' have different prefixes; "
            "one configuration has one prefix. Begin all of them with 'apscheduler.'.",
            id="both-prefixes",
        ),
        pytest.param(
            {"timezone": "UTC", "apscheduler.timezone": "UTC"},
            "Option 'timezone' is given twice; one value is expected. Keep either the nested or the dotted key.",
            id="twice",
        ),
        pytest.param(
            {"executors": {"default": {"max_workers": 1}}, "executors.default.max_workers": 2},
            "Option 'executors.default.max_workers' is given twice; one value is expected. "
            "Keep either the nested or the dotted key.",
            id="twice-inside",
        ),
        pytest.param(
            {"executors": 5, "executors.default": {}},
            "Option 'executors' is given twice; one value is expected. Keep either the nested or the dotted key.",
            id="value-and-part",
        ),
        pytest.param({5: "x"}, "Option name 5 must be a string. Write it in quotes.", id="number-as-name"),
    ],
)
def test_options_that_contradict_each_other_are_refused(config, message):
    with pytest.raises(ConfigurationError) as caught:
        normalise_options(config)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("misfre_grace_time", "Unknown option 'misfre_grace_time'. Did you mean 'misfire_grace_time'?"),
        ("MISFIRE_GRACE_TIME", "Unknown option 'MISFIRE_GRACE_TIME'. Did you mean 'misfire_grace_time'?"),
        ("xyz", "Unknown option 'xyz'. Expected one of: coalesce, misfire_grace_time."),
        (5, "Unknown option '5'. Expected one of: coalesce, misfire_grace_time."),
    ],
)
def test_an_unknown_option_gets_a_suggestion(name, message):
    with pytest.raises(OptionError) as caught:
        check_keys([name], ("misfire_grace_time", "coalesce"))

    assert str(caught.value) == message


def test_every_unknown_option_is_named_with_its_path():
    errors = unknown_options({"coalesc": 1, "coalesce": 1, "x": 1}, ("coalesce",), "job_defaults")

    assert [str(error) for error in errors] == [
        "Unknown option 'job_defaults.coalesc'. Did you mean 'coalesce'?",
        "Unknown option 'job_defaults.x'. Expected one of: coalesce.",
    ]


@pytest.mark.parametrize(("value", "number"), [(20, 20), ("20", 20), (" 20 ", 20), (20.0, 20), ("1", 1)])
def test_a_whole_number_may_be_text(value, number):
    assert as_int(value, "max_workers", minimum=1) == number


@pytest.mark.parametrize("value", [0, -1, "0", "many", "", 1.5, "1.5", True, None, [1], float("nan"), "inf"])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(OptionError) as caught:
        as_int(value, "executors.default.max_workers", minimum=1)

    assert str(caught.value) == (
        f"Option 'executors.default.max_workers' must be a whole number, at least 1, got {value!r}. "
        "Write it as 20 or '20'."
    )


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("YES", True),
        ("off", False),
        ("1", True),
        ("0", False),
    ],
)
def test_a_truth_value_may_be_text(value, truth):
    assert as_bool(value, "coalesce") is truth


@pytest.mark.parametrize("value", ["ja", "", None, 1, 0, []])
def test_what_is_no_truth_value_is_refused(value):
    with pytest.raises(OptionError) as caught:
        as_bool(value, "job_defaults.coalesce")

    assert str(caught.value) == (
        f"Option 'job_defaults.coalesce' must be true or false, got {value!r}. "
        "Write it as True, False, 'true' or 'false'."
    )


@pytest.mark.parametrize(
    ("value", "seconds"), [(5, 5.0), (0.5, 0.5), ("1.5", 1.5), (timedelta(minutes=1), 60.0), (0, 0.0), ("0", 0.0)]
)
def test_a_duration_may_be_a_number_text_or_a_timedelta(value, seconds):
    assert as_seconds(value, "grace") == seconds


@pytest.mark.parametrize("value", [-1, "-0.1", "soon", True, None, timedelta(seconds=-1), float("inf"), "nan"])
def test_what_is_no_duration_is_refused(value):
    with pytest.raises(OptionError) as caught:
        as_seconds(value, "grace")

    assert str(caught.value) == (
        f"Option 'grace' must be a number of seconds, at least 0, got {value!r}. "
        "Write it as 30, 1.5, '30' or a timedelta."
    )


def test_a_duration_that_must_be_positive_is_not_zero():
    with pytest.raises(OptionError) as caught:
        as_seconds("0", "poll_interval", positive=True)

    assert str(caught.value) == (
        "Option 'poll_interval' must be a number of seconds above 0, got '0'. Write it as 30, 1.5, '30' or a timedelta."
    )


@pytest.mark.parametrize(("value", "none"), [(None, True), ("None", True), ("null", True), ("", False), (0, False)])
def test_none_may_be_text(value, none):
    assert is_none(value) is none


def test_text_has_a_limit():
    assert as_text("x" * 64, "environment", limit=64) == "x" * 64
    with pytest.raises(OptionError) as caught:
        as_text(5, "environment", limit=64)

    assert str(caught.value) == "Option 'environment' must be text of at most 64 characters, got 5. Write it in quotes."
