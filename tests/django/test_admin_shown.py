"""The words in which the admin shows moments, spans, runs and changes."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from django_apscheduler_ng.admin.cells import changes_of, remark, shortened
from django_apscheduler_ng.admin.shown import (
    LONGEST_TEXT,
    TONES,
    capped,
    clock_words,
    distance_words,
    json_words,
    moment_html,
    span_words,
    value_words,
)
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(-5, "0 ms", id="clock-went-back"),
        pytest.param(0, "0 ms", id="nothing"),
        pytest.param(0.34, "340 ms", id="part-of-a-second"),
        pytest.param(1, "1.0 s", id="a-second"),
        pytest.param(59.94, "59.9 s", id="almost-a-minute"),
        pytest.param(59.96, "1 min", id="rounds-to-a-minute"),
        pytest.param(184, "3 min 4 s", id="minutes"),
        pytest.param(7500, "2 h 5 min", id="hours"),
        pytest.param(90_000, "25 h", id="a-day-and-an-hour"),
    ],
)
def test_a_span_in_words(seconds, words):
    assert span_words(timedelta(seconds=seconds)).replace("\xa0", " ") == words


@pytest.mark.parametrize(
    ("away", "words"),
    [
        pytest.param(timedelta(0), "in 0 seconds", id="now"),
        pytest.param(timedelta(seconds=1), "in 1 second", id="a-second"),
        pytest.param(timedelta(seconds=-59), "59 seconds ago", id="seconds-ago"),
        pytest.param(timedelta(minutes=1), "in 1 minute", id="a-minute"),
        pytest.param(timedelta(hours=-26), "1 day ago", id="a-day-ago"),
        pytest.param(datetime.max.replace(tzinfo=UTC) - NOW, "in 7973 years", id="the-end-of-time"),
    ],
)
def test_a_distance_in_words(away, words):
    assert distance_words(NOW + away, NOW).replace("\xa0", " ") == words


def test_moments_speak_the_viewer_s_language():
    with translation.override("de"):
        assert clock_words(NOW, BERLIN) == "Sa 2026-03-28 13:00"


@pytest.mark.parametrize(
    ("moment", "below"),
    [
        pytest.param(NOW + timedelta(hours=2), "in 2 hours · Europe/Berlin (14:00 UTC)", id="same-day"),
        pytest.param(
            NOW + timedelta(hours=11, minutes=30), "in 11 hours · Europe/Berlin (Sat 23:30 UTC)", id="another-day"
        ),
    ],
)
def test_a_moment_is_shown_in_its_zone_and_the_viewer_s(settings, moment, below):
    settings.TIME_ZONE = "UTC"

    shown = moment_html(moment, BERLIN, now=NOW).replace("\xa0", " ")

    assert below in shown
    assert f'<time datetime="{moment.isoformat()}">' in shown


def test_a_moment_in_the_viewer_s_own_zone_is_shown_once(settings):
    settings.TIME_ZONE = "Europe/Berlin"

    assert moment_html(NOW, BERLIN, now=NOW).endswith('<span class="apsng-sub">in 0 seconds · Europe/Berlin</span>')


def test_each_status_has_a_colour():
    assert set(TONES) == set(RunStatus)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param('{"b":[1,2]}', '{\n  "b": [\n    1,\n    2\n  ]\n}', id="json"),
        pytest.param('"ä"', '"ä"', id="letters"),
        pytest.param("{damaged", "{damaged", id="damaged"),
        pytest.param("[" * 20_000, "[" * 20_000, id="too-deep"),
        pytest.param("", "", id="empty"),
    ],
)
def test_stored_json_is_shown_readably(text, shown):
    assert json_words(text) == shown


def test_a_text_is_cut_where_it_is_too_long():
    assert capped("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert capped("x" * (LONGEST_TEXT + 3)).endswith("x\n… (3 more characters)")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        pytest.param("one\n  two", "one two", id="one-line"),
        pytest.param("x" * 120, "x" * 120, id="just-fits"),
        pytest.param("x" * 121, "x" * 120 + "…", id="one-too-many"),
        pytest.param(" " * 300 + "x", "…", id="mostly-blank"),
    ],
)
def test_a_remark_fits_into_a_table(text, short):
    assert shortened(text) == short
    assert remark(JobRun(reason=text)) == short


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("trigger", dump_trigger(IntervalTrigger(minutes=5)), "every 5 minutes", id="trigger"),
        pytest.param("trigger", "{damaged", "unreadable", id="damaged-trigger"),
        pytest.param("next_run_time", "2026-03-28T12:00:00+00:00", "Sat 2026-03-28 12:00", id="moment"),
        pytest.param("next_run_time", "soon", "soon", id="damaged-moment"),
        pytest.param("next_run_time", None, "–", id="no-moment"),
        pytest.param("paused", True, "yes", id="yes"),
        pytest.param("coalesce", False, "no", id="no"),
        pytest.param("max_instances", 3, "3", id="number"),
        pytest.param("misfire_grace_time", None, "–", id="nothing"),
        pytest.param("kwargs", {"a": "ä"}, '{"a": "ä"}', id="object"),
    ],
)
def test_a_changed_value_in_words(name, value, words):
    assert value_words(name, value) == words


def test_changes_are_labelled_as_the_columns_are():
    old, new = (dump_trigger(IntervalTrigger(minutes=minutes)) for minutes in (5, 10))

    changes = changes_of({"trigger": old, "trigger_type": "interval"}, {"trigger": new, "paused": True, "other": 1})

    assert [(change.label, change.before, change.after) for change in changes] == [
        ("trigger", "every 5 minutes", "every 10 minutes"),
        ("paused", "–", "yes"),
        ("other", "–", "1"),
    ]
    assert json.loads(old) != json.loads(new)
