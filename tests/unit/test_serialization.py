import enum
import json
import math
import subprocess
import sys
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.exceptions import StoredDataError, UnstorableError
from django_apscheduler_ng.serialization import dump_trigger, dump_value, load_trigger, load_value, trigger_type
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

BERLIN = ZoneInfo("Europe/Berlin")
ACCEPTED = (
    "None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict, datetime, date, time, timedelta, "
    "Decimal and UUID"
)


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    """A text that knows something more."""


class Meta:
    """What a model keeps in `_meta`."""


class Monitor:
    """Looks like a model of Django."""

    _meta = Meta()
    pk = 5

    def __repr__(self):
        raise AssertionError("a repr may query the database")


class NamelessZone(tzinfo):
    """A zone of another library."""

    def utcoffset(self, moment):
        return timedelta(hours=1)

    def __repr__(self):
        return "NamelessZone()"


class PytzZone(NamelessZone):
    """Looks like a zone of pytz."""

    zone = "Europe/Berlin"


class OwnTrigger(IntervalTrigger):
    """A trigger that nobody registered."""


class TaggedTrigger(IntervalTrigger):
    """A trigger with an argument that collides with what is stored about it."""

    def to_state(self):
        return {"type": "x"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "null", id="none"),
        pytest.param(True, "true", id="true"),
        pytest.param(-5, "-5", id="int"),
        pytest.param(2**63 - 1, "9223372036854775807", id="largest-plain-int"),
        pytest.param(2**63, '{"$type":"int","value":"0x8000000000000000"}', id="larger-int"),
        pytest.param(1.0, "1.0", id="float"),
        pytest.param(math.inf, '{"$type":"float","value":"inf"}', id="infinity"),
        pytest.param("ä\0\ud800€😀", r'"\u00e4\u0000\ud800\u20ac\ud83d\ude00"', id="str-is-ascii"),
        pytest.param("\ud83d\ude00", r'{"$type":"str","value":["\ud83d","\ude00"]}', id="str-of-two-lone-surrogates"),
        pytest.param(b"\x00\xff", '{"$type":"bytes","value":"AP8="}', id="bytes"),
        pytest.param([1, "x", []], '[1,"x",[]]', id="list"),
        pytest.param((1, (2,)), '{"$type":"tuple","value":[1,{"$type":"tuple","value":[2]}]}', id="tuple"),
        pytest.param({3, 1, 2}, '{"$type":"set","value":[1,2,3]}', id="set-is-sorted"),
        pytest.param(frozenset("ba"), '{"$type":"frozenset","value":["a","b"]}', id="frozenset"),
        pytest.param({"b": 1, "a": {}}, '{"a":{},"b":1}', id="dict-is-sorted"),
        pytest.param({2: "x", "1": "y"}, '{"$type":"dict","value":[["1","y"],[2,"x"]]}', id="dict-with-other-keys"),
        pytest.param({"$type": "set"}, '{"$type":"dict","value":[["$type","set"]]}', id="dict-with-the-tag"),
        pytest.param(
            datetime(2026, 1, 2, 3, 4, 5), '{"$type":"datetime","value":"2026-01-02T03:04:05"}', id="naive-datetime"
        ),
        pytest.param(
            datetime(2026, 1, 2, tzinfo=UTC),
            '{"$type":"datetime","value":"2026-01-02T00:00:00+00:00"}',
            id="utc-datetime",
        ),
        pytest.param(
            datetime(2026, 1, 2, tzinfo=BERLIN),
            '{"$type":"datetime","value":"2026-01-02T00:00:00+01:00","zone":"Europe/Berlin"}',
            id="datetime-in-a-zone",
        ),
        pytest.param(
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
            '{"$type":"datetime","fold":1,"value":"2026-10-25T02:30:00+01:00","zone":"Europe/Berlin"}',
            id="datetime-in-an-overlap",
        ),
        pytest.param(
            datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN),
            '{"$type":"datetime","value":"2026-03-29T02:30:00+01:00","zone":"Europe/Berlin"}',
            id="datetime-in-a-gap",
        ),
        pytest.param(date(2026, 1, 2), '{"$type":"date","value":"2026-01-02"}', id="date"),
        pytest.param(time(3, 4), '{"$type":"time","value":"03:04:00"}', id="time"),
        pytest.param(
            time(3, 4, tzinfo=BERLIN), '{"$type":"time","value":"03:04:00","zone":"Europe/Berlin"}', id="time-in-a-zone"
        ),
        pytest.param(timedelta(-1, 5, 7), '{"$type":"timedelta","value":[-1,5,7]}', id="timedelta"),
        pytest.param(Decimal("1.50"), '{"$type":"decimal","value":"1.50"}', id="decimal"),
        pytest.param(UUID(int=5), '{"$type":"uuid","value":"00000000-0000-0000-0000-000000000005"}', id="uuid"),
    ],
)
def test_a_value_is_stored_as_canonical_text_and_comes_back(value, text):
    assert dump_value(value) == text

    loaded = load_value(text)

    assert loaded == value
    assert type(loaded) is type(value)
    assert getattr(loaded, "tzinfo", None) == getattr(value, "tzinfo", None)
    assert getattr(loaded, "fold", None) == getattr(value, "fold", None)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -0.0,
        -math.inf,
        Decimal("sNaN"),
        Decimal("-Infinity"),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2, seconds=7))),
    ],
    ids=repr,
)
def test_unusual_values_come_back(value):
    assert repr(load_value(dump_value(value))) == repr(value)


def test_an_int_of_any_size_comes_back_even_as_a_key():
    assert load_value(dump_value({10**5000: [-(10**5000)]})) == {10**5000: [-(10**5000)]}


def test_a_moment_in_a_zone_whose_rules_changed_stays_the_same_moment():
    text = '{"$type":"datetime","value":"2026-07-01T12:00:00+05:00","zone":"Europe/Berlin"}'

    loaded = load_value(text)

    assert loaded.isoformat() == "2026-07-01T09:00:00+02:00"
    assert loaded.tzinfo is BERLIN


def test_a_zone_of_pytz_comes_back_as_the_zone_of_the_same_name():
    loaded = load_value(dump_value(datetime(2026, 1, 1, tzinfo=PytzZone())))

    assert loaded.isoformat() == "2026-01-01T00:00:00+01:00"
    assert loaded.tzinfo is BERLIN


def test_equal_sets_and_dicts_give_the_same_text_in_every_process():
    code = (
        "from django_apscheduler_ng.serialization import dump_value\n"
        "print(dump_value([{'b', 'a', 'c', (1, 'x')}, {('k', 1): 1, 'z': 2, 5: 3}, {'y': 1, 'x': 2}]))"
    )

    texts = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(texts) == 1


@pytest.mark.parametrize(
    ("value", "where", "kind"),
    [
        pytest.param(object(), "args", "builtins.object", id="object"),
        pytest.param([0, {"x": object()}], "args[1]['x']", "builtins.object", id="nested"),
        pytest.param({"a": (1, [len])}, "args['a'][1][0]", "builtins.builtin_function_or_method", id="deeper"),
        pytest.param({BERLIN: 1}, "a key of args", "zoneinfo.ZoneInfo", id="key"),
        pytest.param([{len}], "an element of args[0]", "builtins.builtin_function_or_method", id="element"),
        pytest.param(complex(1), "args", "builtins.complex", id="complex"),
        pytest.param(bytearray(b"x"), "args", "builtins.bytearray", id="bytearray"),
        pytest.param(
            [IntervalTrigger(hours=1)],
            "args[0]",
            "django_apscheduler_ng.triggers.interval.IntervalTrigger",
            id="trigger",
        ),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_path(value, where, kind):
    with pytest.raises(UnstorableError) as error:
        dump_value(value, where="args")

    assert str(error.value) == (
        f"Cannot store {where}, an instance of {kind}: accepted are {ACCEPTED}. Convert it to one of these."
    )


@pytest.mark.parametrize(
    ("value", "kind", "base"),
    [
        pytest.param(Colour.RED, f"{__name__}.Colour", "int", id="enum"),
        pytest.param(Name("x"), f"{__name__}.Name", "str", id="str"),
        pytest.param(OrderedDict(), "collections.OrderedDict", "dict", id="dict"),
        pytest.param(namedtuple("Point", "x y")(1, 2), f"{__name__}.Point", "tuple", id="namedtuple"),
    ],
)
def test_a_subclass_of_an_accepted_type_is_refused_because_it_would_come_back_as_its_base(value, kind, base):
    with pytest.raises(UnstorableError) as error:
        dump_value({"x": value}, where="kwargs")

    assert str(error.value) == (
        f"Cannot store kwargs['x'], an instance of {kind}: it would come back as {base}. Convert it to {base} first."
    )


def test_a_model_instance_is_refused_with_the_way_out():
    with pytest.raises(UnstorableError) as error:
        dump_value([Monitor()], where="args")

    assert str(error.value) == (
        f"Cannot store args[0], an instance of {__name__}.Monitor: a model instance may have changed by the time it is used. "
        "Pass obj.pk and read the object inside of the job."
    )


def test_a_moment_in_a_zone_without_name_is_refused():
    with pytest.raises(UnstorableError) as error:
        dump_value([datetime(2026, 1, 1, tzinfo=NamelessZone())], where="args")

    assert str(error.value) == (
        "Cannot store args[0], datetime.datetime(2026, 1, 1, 0, 0, tzinfo=NamelessZone()): its time zone must have an IANA "
        "name or be a fixed offset. Convert it, for instance with astimezone(datetime.UTC)."
    )


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_containers_may_lie_a_hundred_deep():
    assert load_value(dump_value(nested(100))) == nested(100)


def contains_itself():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [nested(101), contains_itself()], ids=["101-deep", "contains-itself"])
def test_containers_that_lie_too_deep_are_refused(value):
    with pytest.raises(UnstorableError) as error:
        dump_value(value, where="args")

    assert str(error.value) == (
        f"Cannot store args{'[0]' * 25}[…: it must not contain itself, nor more than 100 containers in each other. "
        "Pass a flatter value."
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param("[1,", "JSONDecodeError: Expecting value: line 1 column 4 (char 3)", id="cut-off"),
        pytest.param("NaN", "ValueError: NaN is not JSON", id="constant"),
        pytest.param('{"$type":"pickle"}', "ValueError: unknown type 'pickle'", id="unknown-type"),
        pytest.param('{"$type":["set"]}', "ValueError: unknown type ['set']", id="type-that-is-no-name"),
        pytest.param('{"$type":"set"}', "KeyError: 'value'", id="no-value"),
        pytest.param('{"$type":"set","value":[[]]}', "TypeError: unhashable type: 'list'", id="unhashable"),
        pytest.param('{"$type":"uuid","value":"x"}', "ValueError: badly formed hexadecimal UUID string", id="uuid"),
        pytest.param(
            '{"$type":"uuid","value":5}', "AttributeError: 'int' object has no attribute 'replace'", id="uuid-of-int"
        ),
        pytest.param('{"$type":"bytes","value":"*"}', "Error: Only base64 data is allowed", id="bytes"),
        pytest.param(
            '{"$type":"datetime","value":"2026-01-01","zone":"Mars"}',
            "InvalidTriggerError: Time zone must be an IANA name, got 'Mars'. Pass a name such as 'Europe/Berlin' or 'UTC'",
            id="zone",
        ),
    ],
)
def test_damaged_text_is_refused(text, problem):
    with pytest.raises(StoredDataError) as error:
        load_value(text)

    assert str(error.value) == (
        f"Cannot read the stored text {text!r}: it must be JSON as this version writes it, got {problem}. "
        "Restore it from a backup, or save the job again."
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"$type":"decimal","value":"x"}',
        '{"$type":"timedelta","value":[999999999999,0,0]}',
        '{"$type":"timedelta","value":[1]}',
        '{"$type":"date","value":5}',
        '{"$type":"str","value":[1]}',
        '{"$type":"int","value":"zz"}',
        '{"$type":"dict","value":[[1,2,3]]}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_no_damage_raises_anything_else(text):
    with pytest.raises(StoredDataError):
        load_value(text)


def test_a_long_damaged_text_is_shown_shortened():
    with pytest.raises(StoredDataError) as error:
        load_value('"' + "x" * 1000)

    assert str(error.value) == (
        f"""Cannot read the stored text '"{"x" * 79}'…: it must be JSON as this version writes it, """
        "got JSONDecodeError: Unterminated string starting at: line 1 column 1 (char 0). "
        "Restore it from a backup, or save the job again."
    )


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        pytest.param(
            IntervalTrigger(minutes=5, timezone="UTC"),
            '{"minutes":5,"timezone":"UTC","type":"interval","version":1}',
            id="interval",
        ),
        pytest.param(
            DateTrigger("2026-12-24 18:00", "Europe/Berlin"),
            '{"run_date":"2026-12-24T18:00:00+01:00","timezone":"Europe/Berlin","type":"date","version":1}',
            id="date",
        ),
        pytest.param(
            CronTrigger(hour=3, timezone="UTC"), '{"hour":"3","timezone":"UTC","type":"cron","version":1}', id="cron"
        ),
        pytest.param(
            OrTrigger([AndTrigger([CronTrigger(hour=3, timezone="UTC")])], jitter=5),
            '{"jitter":5,"triggers":{"$type":"triggers","value":[{"triggers":{"$type":"triggers","value":'
            '[{"hour":"3","timezone":"UTC","type":"cron"}]},"type":"and"}]},"type":"or","version":1}',
            id="nested",
        ),
    ],
)
def test_a_trigger_is_stored_as_canonical_text_and_comes_back(trigger, text):
    assert dump_trigger(trigger) == text
    assert load_trigger(text) == trigger
    assert trigger_type(text) == trigger.alias


def test_a_trigger_that_nobody_registered_is_refused():
    with pytest.raises(UnstorableError) as error:
        dump_trigger(OwnTrigger(minutes=5))

    assert str(error.value) == (
        f"Cannot store trigger 'interval[0:05:00]', an instance of {__name__}.OwnTrigger: "
        "the class must be registered under its alias, which is 'interval'. "
        "Give it an alias of its own, and an entry point of that name in the group 'django_apscheduler_ng.triggers'."
    )


def test_a_member_that_nobody_registered_is_refused():
    with pytest.raises(UnstorableError) as error:
        dump_trigger(OrTrigger([IntervalTrigger(minutes=1), OwnTrigger(minutes=5)]))

    assert str(error.value).startswith(
        f"Cannot store trigger 'interval[0:05:00]', an instance of {__name__}.OwnTrigger: "
    )


def test_a_state_that_collides_with_what_is_stored_about_it_is_refused(monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.serialization.trigger_class", lambda alias: TaggedTrigger)

    with pytest.raises(UnstorableError) as error:
        dump_trigger(TaggedTrigger(minutes=5))

    assert str(error.value) == (
        "Cannot store trigger 'interval[0:05:00]': its state must not have the key 'type'. "
        "Rename that argument of TaggedTrigger."
    )


def test_triggers_that_lie_too_deep_are_refused():
    trigger = IntervalTrigger(hours=1, timezone="UTC")
    for _ in range(101):
        trigger = OrTrigger([trigger])

    with pytest.raises(UnstorableError) as error:
        dump_trigger(trigger)

    assert str(error.value).endswith(
        "…: it must not contain itself, nor more than 100 containers in each other. Pass a flatter value."
    )


@pytest.mark.parametrize("read", [load_trigger, trigger_type])
def test_a_trigger_of_a_later_version_is_refused(read):
    with pytest.raises(StoredDataError) as error:
        read('{"minutes":5,"type":"interval","version":2}')

    assert str(error.value) == (
        "Cannot read the stored trigger of type 'interval': its version must be at most 1, got 2. "
        "It was written by a later django-apscheduler-ng; upgrade this one."
    )


@pytest.mark.parametrize("read", [load_trigger, trigger_type])
@pytest.mark.parametrize(
    "text", ["5", "{}", '{"type":"cron"}', '{"type":5,"version":1}', '{"type":"cron","version":"1"}', "[]"]
)
def test_what_is_no_trigger_is_refused(read, text):
    with pytest.raises(StoredDataError) as error:
        read(text)

    assert str(error.value) == (
        f"Cannot read the stored text {text!r}: it must be JSON as this version writes it, "
        "got ValueError: this is not a trigger with type and version. Restore it from a backup, or save the job again."
    )


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        pytest.param(
            {"type": "os:system", "version": 1},
            "InvalidTriggerError: Unknown trigger 'os:system'. Known are and, calendarinterval, cron, date, interval, or",
            id="type",
        ),
        pytest.param(
            {"type": "interval", "version": 1, "colour": 5},
            "ValueError: trigger 'interval' refuses it with TypeError: IntervalTrigger.__init__() got an unexpected keyword "
            "argument 'colour'",
            id="argument",
        ),
        pytest.param(
            {"type": "interval", "version": 1, "minutes": 5, "timezone": "Europe/Belin"},
            "ValueError: trigger 'interval' refuses it with InvalidTriggerError: Time zone must be an IANA name, "
            "got 'Europe/Belin'. Did you mean 'Europe/Berlin'?",
            id="zone",
        ),
        pytest.param(
            {"type": "or", "version": 1, "triggers": {"$type": "triggers", "value": [{"type": "gone"}]}},
            "InvalidTriggerError: Unknown trigger 'gone'. Known are and, calendarinterval, cron, date, interval, or",
            id="member",
        ),
    ],
)
def test_a_stored_trigger_that_cannot_be_made_is_refused(state, problem):
    text = json.dumps(state)

    with pytest.raises(StoredDataError) as error:
        load_trigger(text)

    shown = repr(text) if len(text) <= 80 else f"{text[:80]!r}…"
    assert str(error.value) == (
        f"Cannot read the stored text {shown}: it must be JSON as this version writes it, got {problem}. "
        "Restore it from a backup, or save the job again."
    )


def test_reading_a_trigger_imports_nothing_named_in_it():
    with pytest.raises(StoredDataError):
        load_trigger('{"type":"antigravity","version":1}')

    assert "antigravity" not in sys.modules
