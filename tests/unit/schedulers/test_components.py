import inspect
import sys
from types import ModuleType

import pytest

from django_apscheduler_ng.schedulers.components import EXECUTORS, JOBSTORES
from django_apscheduler_ng.schedulers.options import OptionError


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        pytest.param({"type": "threadpool", "max_workers": "20"}, [], id="right"),
        pytest.param({"class": "shop.executors:Special", "colour": "red"}, [], id="own-class"),
        pytest.param({"class": "django_apscheduler_ng.executors.pool:ThreadPoolExecutor"}, [], id="our-class"),
        pytest.param(
            {"type": "thredpool"},
            ["Unknown type 'thredpool' of executor 'executors.fast'. Did you mean 'threadpool'?"],
            id="type-typo",
        ),
        pytest.param(
            {"type": "zzz"},
            [
                "Unknown type 'zzz' of executor 'executors.fast'. "
                "Expected one of: asyncio, debug, futures, gevent, processpool, threadpool, tornado, twisted."
            ],
            id="type-from-nowhere",
        ),
        pytest.param(
            {"type": ["threadpool"]},
            ["Option 'executors.fast.type' must be the name of a type, got ['threadpool']. Write it as 'asyncio'."],
            id="type-no-text",
        ),
        pytest.param(
            {"max_workers": 5},
            [
                "The options of executor 'executors.fast' must have either 'type' or 'class', got neither. "
                "Give 'type', one of: asyncio, debug, futures, gevent, processpool, threadpool, tornado, twisted."
            ],
            id="no-type",
        ),
        pytest.param(
            {"type": "threadpool", "class": "a.b:C"},
            [
                "The options of executor 'executors.fast' must have either 'type' or 'class', got both. "
                "Give 'type', one of: asyncio, debug, futures, gevent, processpool, threadpool, tornado, twisted."
            ],
            id="type-and-class",
        ),
        pytest.param(
            {"class": "apscheduler.executors.pool:ThreadPoolExecutor"},
            [
                "Option 'executors.fast.class' must be a class of this package or your own, "
                "got 'apscheduler.executors.pool:ThreadPoolExecutor'. "
                "Write 'django_apscheduler_ng.executors.pool:ThreadPoolExecutor'."
            ],
            id="apscheduler-class",
        ),
        pytest.param(
            {"class": "not a path"},
            [
                "Option 'executors.fast.class' must be the path of a class, got 'not a path'. "
                "Write it as 'package.module:ClassName'."
            ],
            id="class-no-path",
        ),
        pytest.param(
            {"type": "threadpool", "max_worker": 5},
            ["Unknown option 'executors.fast.max_worker'. Did you mean 'max_workers'?"],
            id="option-typo",
        ),
        pytest.param(
            {"type": "processpool", "max_workers": "many", "colour": "red"},
            [
                "Unknown option 'executors.fast.colour'. Expected one of: class, max_workers, pool_kwargs, type.",
                "Option 'executors.fast.max_workers' must be a whole number, at least 1, got 'many'. "
                "Write it as 20 or '20'.",
            ],
            id="several",
        ),
        pytest.param(
            20,
            ["Option 'executors.fast' must be a dict with text as keys, got 20. Write it as {'type': 'asyncio'}."],
            id="no-dict",
        ),
    ],
)
def test_every_mistake_in_the_options_of_a_component_is_named(options, messages):
    assert [str(error) for error in EXECUTORS.errors("fast", options)] == messages


def test_options_of_other_peoples_types_are_left_to_their_classes():
    assert JOBSTORES.errors("default", {"type": "sqlalchemy", "url": "sqlite://", "tablename": "jobs"}) == []


def test_a_class_path_is_imported(monkeypatch):
    module = ModuleType("shop_executors")
    module.Special = object()
    monkeypatch.setitem(sys.modules, "shop_executors", module)

    assert EXECUTORS.load("fast", {"class": "shop_executors:Special"}) is module.Special
    assert EXECUTORS.load("fast", {"class": "shop_executors.Special"}) is module.Special


def test_a_class_that_cannot_be_imported_is_named():
    with pytest.raises(OptionError) as caught:
        EXECUTORS.load("fast", {"class": "nowhere_at_all:Special"})

    assert str(caught.value) == (
        "Option 'executors.fast.class' must be a class that can be imported, got 'nowhere_at_all:Special'. "
        "The import said: No module named 'nowhere_at_all'."
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in (JOBSTORES, EXECUTORS)
        for name, builtin in kind.builtin.items()
        if builtin.options is not None and name != "django"
    ],
    ids=lambda value: value if isinstance(value, str) else value.option,
)
def test_the_options_of_each_type_are_those_of_its_constructor(kind, name):
    made = kind.load("some", {"type": name})

    assert set(inspect.signature(made).parameters) == set(kind.builtin[name].options)
