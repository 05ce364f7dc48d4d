"""Time zones by name."""

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers import zones
from django_apscheduler_ng.triggers.zones import as_zone, default_zone, local_zone, set_default_zone, zone_name


class PytzZone:
    """As much of a pytz zone as is looked at."""

    def __init__(self, zone):
        self.zone = zone


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine without any sign of its zone."""
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(zones, "_NAME_FILE", tmp_path / "timezone")
    monkeypatch.setattr(zones, "_LOCAL_LINK", tmp_path / "localtime")
    zones._local_zone.cache_clear()
    yield tmp_path
    zones._local_zone.cache_clear()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        pytest.param("Europe/Berlin", "Europe/Berlin", id="name"),
        pytest.param(ZoneInfo("Asia/Tehran"), "Asia/Tehran", id="zoneinfo"),
        pytest.param(UTC, "UTC", id="datetime.UTC"),
        pytest.param(PytzZone("America/New_York"), "America/New_York", id="pytz"),
    ],
)
def test_what_has_an_iana_name_becomes_that_zone(value, name):
    zone = as_zone(value)

    assert zone is ZoneInfo(name)
    assert zone_name(zone) == name


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Europe/Berln", "Time zone must be an IANA name, got 'Europe/Berln'. Did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "Time zone must be an IANA name, got 'europe/berlin'. Did you mean 'Europe/Berlin'?"),
        ("", "Time zone must be an IANA name, got ''. Pass a name such as 'Europe/Berlin' or 'UTC'."),
        ("../passwd", "Time zone must be an IANA name, got '../passwd'. Pass a name such as 'Europe/Berlin' or 'UTC'."),
        ("localtime", "Time zone must be an IANA name, got 'localtime'. Pass a name such as 'Europe/Berlin' or 'UTC'."),
        (5, "Time zone must be an IANA name, got 5. Pass a name such as 'Europe/Berlin' or 'UTC'."),
        (
            timezone(timedelta(hours=1)),
            "Time zone must be an IANA name, got datetime.timezone(datetime.timedelta(seconds=3600)). "
            "Pass a name such as 'Europe/Berlin' or 'UTC'.",
        ),
    ],
)
def test_what_has_no_iana_name_is_refused(value, message):
    with pytest.raises(InvalidTriggerError) as caught:
        as_zone(value)

    assert str(caught.value) == message


@pytest.mark.parametrize("variable", ["Asia/Tokyo", ":Asia/Tokyo", "/usr/share/zoneinfo/Asia/Tokyo"])
def test_the_variable_TZ_names_the_local_zone(machine, monkeypatch, variable):
    (machine / "timezone").write_text("Europe/Berlin\n")
    monkeypatch.setenv("TZ", variable)

    assert local_zone() is ZoneInfo("Asia/Tokyo")


def test_the_file_timezone_names_the_local_zone(machine):
    (machine / "timezone").write_text("Asia/Tokyo\n")

    assert local_zone() is ZoneInfo("Asia/Tokyo")


def test_the_link_localtime_names_the_local_zone(machine):
    (machine / "localtime").symlink_to("../usr/share/zoneinfo/Asia/Tokyo")

    assert local_zone() is ZoneInfo("Asia/Tokyo")


def test_an_empty_TZ_is_utc(machine, monkeypatch, caplog):
    monkeypatch.setenv("TZ", "")

    assert local_zone() is ZoneInfo("UTC")
    assert caplog.messages == []


@pytest.mark.parametrize("variable", [None, "CET-1CEST,M3.5.0,M10.5.0/3"])
def test_a_local_zone_without_a_name_is_utc_and_says_so(machine, monkeypatch, caplog, variable):
    if variable:
        monkeypatch.setenv("TZ", variable)

    assert local_zone() is ZoneInfo("UTC")
    assert caplog.messages == [
        f"The machine's time zone has no IANA name (TZ={variable!r}); UTC is used. Set TZ to a name."
    ]


def test_a_provider_decides_on_the_default_zone_until_it_is_taken_back(machine, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    previous = zones._provider
    try:
        set_default_zone(lambda: ZoneInfo("Europe/Berlin"))
        assert default_zone() is ZoneInfo("Europe/Berlin")

        set_default_zone(None)
        assert default_zone() is ZoneInfo("Asia/Tokyo")
    finally:
        set_default_zone(previous)
