"""Pickles that want more than a job of APScheduler 3 needs: none of it happens."""

import copyreg
import os
import pickle
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_apscheduler_ng.exceptions import StoredDataError
from django_apscheduler_ng.importers.pickles import plain, read_pickle
from tests.project.models import Mark

VALUES = (
    None, True, 1, 10**30, 1.5, "ä", b"\x00\xff", [1], (2,), {3}, frozenset({4}), {"a": (1, [2])}, Decimal("1.10"),
    uuid.UUID(int=7), timedelta(hours=1), datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1).date(), datetime(2026, 1, 1, 3).time(),
)  # fmt: skip


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_back_as_they_were(protocol):
    found = plain(read_pickle(pickle.dumps(VALUES, protocol)))

    assert found == VALUES
    assert list(map(type, found)) == list(map(type, VALUES))


class Evil:
    """Calls something when it is unpickled."""

    def __init__(self, func, *args):
        self._call = (func, args)

    def __reduce__(self):
        return self._call


CALLS = {
    "system": Evil(os.system, "touch {path}"),
    "eval": Evil(eval, "open('{path}', 'w')"),
    "exec": Evil(exec, "open('{path}', 'w')"),
    "open": Evil(open, "{path}", "w"),
    "import": Evil(__import__, "antigravity"),
    "getattr": Evil(getattr, datetime, "__class__"),
    "unpickler": Evil(pickle.loads, pickle.dumps(1)),
    "model": Mark(text="x"),
    "subclass": type("Text", (str,), {"__module__": "builtins", "__qualname__": "Text"}),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_that_calls_something_is_refused_and_nothing_is_called(name, protocol, tmp_path, monkeypatch):
    path = tmp_path / "called"
    evil = CALLS[name]
    if isinstance(evil, Evil):
        func, args = evil._call
        evil = Evil(func, *(arg.format(path=path) if isinstance(arg, str) else arg for arg in args))
    try:
        data = pickle.dumps({"id": "job", "args": (evil,)}, protocol)
    except (pickle.PicklingError, AttributeError):
        data = b"\x80\x04c" + b"builtins\nText\n."
    monkeypatch.delitem(sys.modules, "antigravity", raising=False)

    with pytest.raises(StoredDataError, match="The pickle was refused, and nothing in it was run: "):
        read_pickle(data)

    assert not path.exists()
    assert "antigravity" not in sys.modules


def test_a_module_that_is_named_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(
        StoredDataError, match=r"it refers to trap\.anything, which is no plain value and no part of a job"
    ):
        read_pickle(b"ctrap\nanything\n.")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x02\x82\x01.", id="extension"),
        pytest.param(b"P1\n.", id="persistent-id"),
        pytest.param(b"\x80\x02K\x01Q.", id="binary-persistent-id"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x80\x63.", id="protocol"),
        pytest.param(pickle.dumps([1])[:-2], id="cut"),
        pytest.param(b"not a pickle", id="text"),
        # the class of a trigger, and instead of an object's its own attributes are set
        pytest.param(
            b"\x80\x02capscheduler.triggers.date\nDateTrigger\n(N}X\x04\x00\x00\x00kindX\x01\x00\x00\x00xs\x86b.",
            id="class-slots",
        ),
        pytest.param(
            b"\x80\x02capscheduler.triggers.date\nDateTrigger\n}X\x04\x00\x00\x00kindK\x01sb.", id="class-state"
        ),
        pytest.param(b"\x80\x02cbuiltins\ngetattr\nN}X\x05\x00\x00\x00_makeK\x01s\x86b.", id="maker-slots"),
        pytest.param(b"\x80\x02cbuiltins\ngetattr\n}X\x05\x00\x00\x00_makeK\x01sb.", id="maker-state"),
        pytest.param(
            b"\x80\x02cbuiltins\ngetattr\ncdatetime\ndatetime\nX\x03\x00\x00\x00now\x86R.", id="another-attribute"
        ),
        pytest.param(
            b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.", id="another-encoding"
        ),
    ],
)
def test_damaged_and_crafted_data_is_refused(data):
    with pytest.raises(StoredDataError):
        read_pickle(data)
    assert plain(read_pickle(pickle.dumps(VALUES))) == VALUES


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    with suppress(StoredDataError):
        read_pickle(b"\x80\x04" + data + b".")


def test_a_name_that_another_library_registered_as_an_extension_is_out_of_reach():
    """Such a name comes from a cache, without asking the reader."""
    data = b"\x80\x02\x82\xf0."
    copyreg.add_extension("os", "getcwd", 0xF0)
    try:
        assert pickle.loads(data) is os.getcwd
        with pytest.raises(StoredDataError, match="it has the opcode EXT1 at 2"):
            read_pickle(data)
    finally:
        copyreg.remove_extension("os", "getcwd", 0xF0)
        copyreg.clear_extension_cache()


def test_a_trigger_among_the_arguments_is_refused():
    with pytest.raises(StoredDataError, match="The arguments hold a DateTrigger, which is no plain value"):
        plain([read_pickle(b"\x80\x02capscheduler.triggers.date\nDateTrigger\n)\x81.")])


def test_nothing_of_apscheduler_is_imported():
    read_pickle(b"\x80\x02capscheduler.triggers.date\nDateTrigger\n)\x81.")

    assert [name for name in sys.modules if name.partition(".")[0] == "apscheduler"] == []
