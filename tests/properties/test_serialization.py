import json
import math
from contextlib import suppress
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from django_apscheduler_ng.exceptions import StoredDataError
from django_apscheduler_ng.serialization import dump_value, load_trigger, load_value

OFFSETS = st.integers(-23 * 3600, 23 * 3600).map(lambda seconds: timezone(timedelta(seconds=seconds)))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]).map(
    ZoneInfo
)
TZINFOS = st.none() | OFFSETS | ZONES

#: Every code point, lone surrogates and NUL included, and such as collide with what is written besides.
TEXTS = (
    st.text(st.characters(exclude_categories=()))
    | st.text(st.sampled_from("a\0\ud83d\ude00😀"))
    | st.sampled_from(["$type", "value", "set"])
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False),
    TEXTS,
    st.binary(),
    st.datetimes(timezones=TZINFOS, allow_imaginary=True),
    st.dates(),
    st.times(timezones=TZINFOS),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
)
HASHABLES = SCALARS | st.lists(SCALARS, max_size=3).map(tuple) | st.frozensets(SCALARS, max_size=3)
VALUES = st.recursive(
    HASHABLES | st.sets(HASHABLES, max_size=3),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(HASHABLES, inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
    ),
    max_leaves=15,
)


def same(one, other):
    """Tell whether two values are of the same types all the way down and equal; 0.0 and -0.0, 1 and True are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        keys = {key: key for key in other}
        return one == other and all(same(key, keys[key]) and same(item, other[key]) for key, item in one.items())
    if isinstance(one, set | frozenset):
        return one == other
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    zone = getattr(one, "tzinfo", None)
    if isinstance(zone, ZoneInfo):
        return (one.replace(tzinfo=None), one.fold, zone) == (other.replace(tzinfo=None), other.fold, other.tzinfo)
    return one == other and getattr(one, "fold", 0) == getattr(other, "fold", 0)


@settings(deadline=None, max_examples=400)
@given(VALUES)
def test_every_storable_value_comes_back_the_same(value):
    text = dump_value(value)

    assert same(value, load_value(text))


@settings(deadline=None)
@given(VALUES)
def test_stored_text_is_ascii_json_that_is_written_again_the_same(value):
    text = dump_value(value)

    assert text.isascii()
    assert "\0" not in text
    assert dump_value(load_value(text)) == text
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text


@settings(deadline=None)
@given(st.dictionaries(HASHABLES, SCALARS, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_show_in_the_text(value, random):
    items = list(value.items())
    random.shuffle(items)

    assert dump_value(dict(items)) == dump_value(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["$type", "value", "zone", "fold", "type", "version", "a"]), inner, max_size=4),
        st.fixed_dictionaries(
            {
                "$type": st.sampled_from(
                    [
                        "int",
                        "float",
                        "str",
                        "bytes",
                        "tuple",
                        "set",
                        "dict",
                        "datetime",
                        "date",
                        "time",
                        "timedelta",
                        "uuid",
                        "triggers",
                    ]
                ),
                "value": inner,
            }
        ),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["cron", "interval", "date", "and", "or"]), "version": st.just(1)},
            optional={"hour": inner, "minutes": inner, "run_date": inner, "triggers": inner, "timezone": inner},
        ),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=400)
@given(JSON.map(json.dumps) | st.text())
def test_reading_any_text_gives_a_value_or_says_that_it_is_damaged(text):
    for load in (load_value, load_trigger):
        with suppress(StoredDataError):
            load(text)
