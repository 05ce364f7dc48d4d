import inspect
import sys
from types import ModuleType

import pytest

from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.base import BaseExecutor
from django_apscheduler_ng.executors.pool import ThreadPoolExecutor
from django_apscheduler_ng.schedulers.components import EXECUTORS, JOBSTORES, make_component
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
                "Expected one of: asyncio, celery, debug, futures, gevent, processpool, tasks, threadpool, tornado, twisted."
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
                "Give 'type', one of: asyncio, celery, debug, futures, gevent, processpool, tasks, threadpool, tornado, twisted."
            ],
            id="no-type",
        ),
        pytest.param(
            {"type": "threadpool", "class": "a.b:C"},
            [
                "The options of executor 'executors.fast' must have either 'type' or 'class', got both. "
                "Give 'type', one of: asyncio, celery, debug, futures, gevent, processpool, tasks, threadpool, tornado, twisted."
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
    assert JOBSTORES.errors("default", {"type": "redis", "host": "localhost", "colour": "red"}) == []
    assert JOBSTORES.errors("default", {"class": "shop.stores:Special", "colour": "red"}) == []


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


@pytest.fixture
def provide(tmp_path, monkeypatch):
    """Install a package that provides an executor `special` by the reference given."""

    def install(reference):
        (tmp_path / "special_provider.py").write_text(
            "from django_apscheduler_ng.executors.debug import DebugExecutor\n"
            "class Special(DebugExecutor):\n"
            "    def __init__(self, colour):\n"
            "        super().__init__()\n"
            "not_an_executor = dict\n"
        )
        info = tmp_path / "special_provider-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: special-provider\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            f"[{EXECUTORS.group}]\nspecial = {reference}\nthreadpool = {reference}\n"
        )
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    sys.modules.pop("special_provider", None)


def made(**options):
    return make_component(EXECUTORS, options, "fast", {}, BaseExecutor)


def test_another_package_can_provide_a_type(provide):
    provide("special_provider:Special")

    assert type(made(type="special", colour="red")).__name__ == "Special"


def test_nobody_can_replace_a_type_of_this_package(provide):
    provide("special_provider:Special")

    assert type(made(type="threadpool")) is ThreadPoolExecutor


@pytest.mark.parametrize(
    ("reference", "options", "message"),
    [
        pytest.param(
            "gone_provider:Special",
            {},
            "Option 'executors.fast.type' is 'special', which is provided by 'gone_provider:Special' and must be importable, got "
            "ModuleNotFoundError: No module named 'gone_provider'. Repair or uninstall the package that provides it.",
            id="module-gone",
        ),
        pytest.param(
            "special_provider:Gone",
            {},
            "Option 'executors.fast.type' is 'special', which is provided by 'special_provider:Gone' and must be importable, got "
            "AttributeError: module 'special_provider' has no attribute 'Gone'. Repair or uninstall the package that provides it.",
            id="class-gone",
        ),
        pytest.param(
            "special_provider:not_an_executor",
            {},
            "Executor 'fast' must be a BaseExecutor, got {}. Correct its class.",
            id="no-executor",
        ),
        pytest.param(
            "special_provider:Special",
            {"color": "red"},
            "The options of 'executors.fast' must fit Special(colour), got color: missing a required argument: 'colour'. "
            "Correct them.",
            id="wrong-options",
        ),
    ],
)
def test_a_provided_type_that_cannot_be_used_is_named(provide, reference, options, message):
    provide(reference)

    with pytest.raises(ConfigurationError) as caught:
        made(type="special", **options)

    assert str(caught.value) == message
