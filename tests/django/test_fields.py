from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from django_apscheduler_ng.fields import UTCDateTimeField, moment_from_db
from django_apscheduler_ng.models import JobLogEntry, JobRun, SchedulerNode

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2)))
SECOND = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=1)))


def entry(at, job_id="job"):
    return JobLogEntry.objects.create(job_key=1, job_id=job_id, at=at, action="added")


@pytest.mark.parametrize("use_tz", [True, False], ids=["USE_TZ", "no-USE_TZ"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_both_half_past_two_of_an_autumn_night_come_back_as_what_they_were(use_tz, zone):
    with override_settings(USE_TZ=use_tz, TIME_ZONE=zone):
        keys = [entry(moment).pk for moment in (FIRST, SECOND)]

        read = [JobLogEntry.objects.get(pk=key).at for key in keys]

    assert [moment.isoformat() for moment in read] == ["2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"]


def test_moments_that_were_written_under_one_setting_are_the_same_under_another():
    with override_settings(USE_TZ=False, TIME_ZONE="America/New_York"):
        key = entry(SECOND).pk

    with override_settings(USE_TZ=True, TIME_ZONE="Asia/Tokyo"):
        assert JobLogEntry.objects.get(pk=key).at == SECOND


@pytest.mark.parametrize("use_tz", [True, False], ids=["USE_TZ", "no-USE_TZ"])
def test_moments_are_compared_and_sorted_as_moments(use_tz):
    with override_settings(USE_TZ=use_tz, TIME_ZONE="Europe/Berlin"):
        for moment, job_id in ((SECOND, "second"), (FIRST, "first"), (FIRST + timedelta(microseconds=1), "between")):
            entry(moment, job_id)

        assert list(JobLogEntry.objects.order_by("at").values_list("job_id", flat=True)) == [
            "first",
            "between",
            "second",
        ]
        assert list(JobLogEntry.objects.filter(at__lte=FIRST).values_list("job_id", flat=True)) == ["first"]
        assert list(JobLogEntry.objects.filter(at__gt=FIRST, at__lt=SECOND).values_list("at", flat=True)) == [
            FIRST.astimezone(UTC) + timedelta(microseconds=1)
        ]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="epoch"),
        pytest.param(datetime(2026, 1, 5, 9, 0, 0, 1, tzinfo=UTC), id="microsecond"),
        pytest.param(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), id="last"),
    ],
)
def test_every_moment_is_kept_to_the_microsecond(moment):
    assert JobLogEntry.objects.get(pk=entry(moment).pk).at == moment


@pytest.mark.parametrize(
    "value", [datetime(2026, 1, 5), "2026-01-05 09:00:00", 5], ids=["naive", "text-without-offset", "number"]
)
def test_what_is_no_moment_is_refused(value):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        UTCDateTimeField(name="at").get_prep_value(value)

    shown = datetime(2026, 1, 5, 9) if isinstance(value, str) else value
    assert str(caught.value) == f"Field 'at' must be an aware datetime, got {shown!r}. Give it a time zone."


def test_a_text_with_an_offset_is_a_moment():
    assert JobLogEntry.objects.get(pk=entry("2026-10-25T02:30:00+01:00").pk).at == SECOND


def test_rows_are_serialized_with_their_offset():
    row = entry(SECOND)

    text = serializers.serialize("json", [row])
    (read,) = serializers.deserialize("json", text)

    assert '"2026-10-25T02:30:00+01:00"' in text
    assert read.object.at == SECOND


def test_the_drivers_form_is_read_as_utc():
    assert moment_from_db(None) is None
    assert moment_from_db("2026-10-25 01:30:00") == moment_from_db(datetime(2026, 10, 25, 1, 30)) == SECOND


def test_no_zone_is_stored():
    row = entry(SECOND)

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT at FROM {JobLogEntry._meta.db_table} WHERE id = %s", [row.pk])
        (stored,) = cursor.fetchone()

    assert str(stored)[:19] == "2026-10-25 01:30:00"


@pytest.mark.parametrize("other", ["backup", "bàckup", "Backup ", "BACKUP"], ids=["case", "accent", "blank", "upper"])
def test_exact_text_is_compared_character_by_character(other):
    SchedulerNode.objects.all().delete()
    for name in ("Backup", other):
        entry(FIRST, name)

    assert JobLogEntry.objects.filter(job_id="Backup").count() == 1
    assert JobLogEntry.objects.filter(job_id=other).get().job_id == other


def test_a_slot_has_one_run_per_attempt():
    def run(**columns):
        return JobRun.objects.create(
            **{"job_key": 1, "job_id": "a", "slot": FIRST, "due_at": FIRST, "status": "claimed", **columns}
        )

    run()
    run(attempt=2)
    run(slot=None)
    run(slot=None)

    with pytest.raises(IntegrityError), transaction.atomic():
        run()
