"""The charts of percentiles: the words at their edges."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from django_apscheduler_ng.admin.chart import percentile_chart
from django_apscheduler_ng.admin.statistics import Percentiles, Slice

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def words(css, days, seconds=(0.4, 1, 300)):
    half = timedelta(days=days) / 2
    found = Percentiles(3, *(timedelta(seconds=number) for number in seconds))
    slices = [Slice(NOON - 2 * half, NOON - half, found), Slice(NOON - half, NOON, None)]
    return re.findall(rf'<text class="{css}"[^>]*>([^<]*)</text>', percentile_chart(slices, "Duration"))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["100 ms", "1 s", "10 s", "1 min", "10 min"]),
        ("zh-hans", ["100 毫秒", "1 秒", "10 秒", "1 分", "10 分"]),
    ],
)
def test_the_ticks_are_in_the_language_of_the_page(language, expected):
    with translation.override(language):
        assert words("apsng-tick-y", 1) == [text.replace(" ", "\xa0") for text in expected]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(1, ["Sun 12:00", "00:00", "Mon 12:00"], id="a-day"),
        pytest.param(4, ["Thu 12:00", "Sat", "Mon 12:00"], id="some-days"),
        pytest.param(30, ["2026-01-31", "2026-02-15", "2026-03-02"], id="a-month"),
    ],
)
def test_below_stand_its_beginning_its_middle_and_its_end(days, expected):
    assert words("apsng-tick", days) == expected
