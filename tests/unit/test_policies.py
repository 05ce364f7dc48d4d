from datetime import UTC, datetime, timedelta, timezone

import pytest

from django_apscheduler_ng.exceptions import CallableReferenceError, InvalidJobError
from django_apscheduler_ng.policies import JOB_OPTIONS, checked_id, checked_option
from django_apscheduler_ng.triggers.interval import IntervalTrigger


def sample(first, second=2):
    return first, second


class Callable:
    def __call__(self):
        return None


@pytest.mark.parametrize(
    "value",
    ["a", " a ", "a" * 191, "Bàckup", "😀", "a/b c%", "0"],
    ids=["short", "blanks", "longest", "accent", "4-byte", "signs", "zero"],
)
def test_an_id_may_be_any_text_that_can_be_stored(value):
    assert checked_id(value) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            "", "Job id '' must be a non-empty string of at most 191 characters. Choose another id.", id="empty"
        ),
        pytest.param(
            "  ", "Job id '  ' must be a non-empty string of at most 191 characters. Choose another id.", id="blank"
        ),
        pytest.param(
            "x" * 192,
            f"Job id '{'x' * 56}... of 192 characters must be a non-empty string of at most 191 characters. "
            "Choose another id.",
            id="too-long",
        ),
        pytest.param(
            5, "Job id 5 must be a non-empty string of at most 191 characters. Choose another id.", id="number"
        ),
        pytest.param(
            "a\0b",
            r"Job id 'a\x00b' must have neither NUL nor lone surrogates among its characters. Choose another id.",
            id="nul",
        ),
        pytest.param(
            "a\ud800",
            r"Job id 'a\ud800' must have neither NUL nor lone surrogates among its characters. Choose another id.",
            id="surrogate",
        ),
    ],
)
def test_an_impossible_id_is_refused(value, message):
    with pytest.raises(InvalidJobError) as caught:
        checked_id(value)

    assert str(caught.value) == message


MOMENT = datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=2)))
TRIGGER = IntervalTrigger(seconds=1, timezone="UTC")


@pytest.mark.parametrize(
    ("option", "value", "kept"),
    [
        pytest.param("args", [1, 2], (1, 2), id="list"),
        pytest.param("args", (part for part in "ab"), ("a", "b"), id="generator"),
        pytest.param("kwargs", {"a": 1}, {"a": 1}, id="mapping"),
        pytest.param("name", "Report", "Report", id="name"),
        pytest.param("trigger", TRIGGER, TRIGGER, id="trigger"),
        pytest.param("executor", "processpool", "processpool", id="executor"),
        pytest.param("coalesce", False, False, id="coalesce"),
        pytest.param("max_instances", 1, 1, id="one-instance"),
        pytest.param("max_instances", 2**31 - 1, 2**31 - 1, id="most-instances"),
        pytest.param("misfire_grace_time", None, None, id="no-grace"),
        pytest.param("misfire_grace_time", 0.5, 0.5, id="fraction-of-grace"),
        pytest.param("misfire_grace_time", timedelta(minutes=1), 60.0, id="duration"),
        pytest.param("misfire_grace_time", 10**9, 10**9, id="longest-grace"),
        pytest.param("on_abandoned", "rerun", "rerun", id="rerun"),
        pytest.param("next_run_time", None, None, id="paused"),
        pytest.param("next_run_time", MOMENT, datetime(2026, 1, 5, 7, tzinfo=UTC), id="moment"),
    ],
)
def test_a_possible_value_is_kept_in_one_form(option, value, kept):
    assert checked_option(option, value) == kept


def test_a_callable_is_kept_with_its_reference():
    assert checked_option("func", sample) == (sample, "tests.unit.test_policies:sample")
    assert checked_option("func", "tests.unit.test_policies:sample") == (sample, "tests.unit.test_policies:sample")


def test_a_callable_that_cannot_be_named_is_kept_without_a_reference():
    nameless = Callable()

    assert checked_option("func", nameless) == (nameless, None)


GRACE = (
    "Job option 'misfire_grace_time' must be a positive number of seconds or None, got {}. "
    "None lets a run start however late."
)
INSTANCES = "Job option 'max_instances' must be a positive whole number, got {}. Use 1 to forbid overlaps."


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        pytest.param(
            "func",
            5,
            "Job option 'func' must be a callable or a reference like 'package.module:function', got 5. "
            "Pass the function itself, not its result.",
            id="func-no-callable",
        ),
        pytest.param(
            "args",
            "abc",
            "Job option 'args' must be a list or tuple of arguments, got 'abc'. Write args=['abc'].",
            id="args-text",
        ),
        pytest.param(
            "args",
            b"abc",
            "Job option 'args' must be a list or tuple of arguments, got b'abc'. Write args=[b'abc'].",
            id="args-bytes",
        ),
        pytest.param(
            "args",
            5,
            "Job option 'args' must be a list or tuple of arguments, got 5. Write args=[5].",
            id="args-number",
        ),
        pytest.param(
            "kwargs",
            [1],
            "Job option 'kwargs' must be a mapping of argument names to values, got [1]. Write kwargs={'name': value}.",
            id="kwargs-list",
        ),
        pytest.param(
            "kwargs",
            {1: 2},
            "Job option 'kwargs' must be a mapping of argument names to values, got {1: 2}. Write kwargs={'name': value}.",
            id="kwargs-number",
        ),
        pytest.param(
            "name",
            "",
            "Job option 'name' must be a non-empty string, got ''. Leave it out for the callable's name.",
            id="name-empty",
        ),
        pytest.param(
            "name",
            None,
            "Job option 'name' must be a non-empty string, got None. Leave it out for the callable's name.",
            id="name-none",
        ),
        pytest.param(
            "name",
            "a\0",
            r"Job option 'name' 'a\x00' must have neither NUL nor lone surrogates among its characters. "
            "Leave it out for the callable's name.",
            id="name-nul",
        ),
        pytest.param(
            "trigger",
            "cron",
            "Job option 'trigger' must be a trigger, got 'cron'. Use reschedule() to name a trigger and its arguments.",
            id="trigger-name",
        ),
        pytest.param(
            "executor",
            "",
            "Job option 'executor' must be the alias of an executor, got ''. 'default' always exists.",
            id="executor-empty",
        ),
        pytest.param("coalesce", 1, "Job option 'coalesce' must be True or False, got 1.", id="coalesce-number"),
        pytest.param("max_instances", 0, INSTANCES.format(0), id="no-instance"),
        pytest.param("max_instances", True, INSTANCES.format(True), id="instances-bool"),
        pytest.param("max_instances", 1.5, INSTANCES.format(1.5), id="instances-fraction"),
        pytest.param("max_instances", "3", INSTANCES.format("'3'"), id="instances-text"),
        pytest.param("max_instances", 2**31, INSTANCES.format(2**31), id="too-many-instances"),
        pytest.param("misfire_grace_time", 0, GRACE.format(0), id="no-grace-at-all"),
        pytest.param("misfire_grace_time", -1, GRACE.format(-1), id="negative-grace"),
        pytest.param("misfire_grace_time", True, GRACE.format(True), id="grace-bool"),
        pytest.param("misfire_grace_time", "60", GRACE.format("'60'"), id="grace-text"),
        pytest.param("misfire_grace_time", float("nan"), GRACE.format("nan"), id="grace-nan"),
        pytest.param("misfire_grace_time", float("inf"), GRACE.format("inf"), id="grace-infinite"),
        pytest.param("misfire_grace_time", 10**9 + 1, GRACE.format(10**9 + 1), id="grace-too-long"),
        pytest.param(
            "on_abandoned",
            "rerunn",
            "Job option 'on_abandoned' must be 'abandon' or 'rerun', got 'rerunn'. Did you mean 'rerun'?",
            id="policy-typo",
        ),
        pytest.param(
            "on_abandoned", None, "Job option 'on_abandoned' must be 'abandon' or 'rerun', got None.", id="policy-none"
        ),
        pytest.param(
            "next_run_time",
            datetime(2026, 1, 5),
            "Job option 'next_run_time' must be an aware datetime or None, got datetime.datetime(2026, 1, 5, 0, 0). "
            "Give it a time zone.",
            id="naive",
        ),
        pytest.param(
            "next_run_time",
            "soon",
            "Job option 'next_run_time' must be an aware datetime or None, got 'soon'. Give it a time zone.",
            id="no-moment",
        ),
        pytest.param(
            "id", "new", "Job option 'id' cannot be changed. Remove the job and add it again under its new id.", id="id"
        ),
        pytest.param(
            "misfre_grace_time",
            5,
            f"Unknown job option 'misfre_grace_time'. Did you mean 'misfire_grace_time'? The options are {', '.join(JOB_OPTIONS)}.",
            id="typo",
        ),
        pytest.param(
            "colour", 5, f"Unknown job option 'colour'. The options are {', '.join(JOB_OPTIONS)}.", id="unknown"
        ),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_do(option, value, message):
    with pytest.raises(InvalidJobError) as caught:
        checked_option(option, value)

    assert str(caught.value) == message


def test_a_reference_that_leads_nowhere_is_refused():
    with pytest.raises(CallableReferenceError) as caught:
        checked_option("func", "tests.unit.test_policies:sampel")

    assert str(caught.value) == (
        "Callable 'tests.unit.test_policies:sampel' cannot be loaded: module 'tests.unit.test_policies' has no 'sampel'. "
        "Did you mean 'tests.unit.test_policies:sample'?"
    )
