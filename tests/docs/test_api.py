"""The API reference is complete: what programs are meant to use is on one of its pages."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

import pytest
from django.apps import apps

import django_apscheduler_ng
from django_apscheduler_ng import testing

from .pages import CHECKOUT

DOCS = CHECKOUT / "docs"
PACKAGE = CHECKOUT / "django_apscheduler_ng"
PAGES = [path.read_text() for path in sorted((DOCS / "reference").glob("*.md"))]

#: Classes that are parts of others, and nothing that programs name.
PARTS = {"UnreadableTrigger", "CombiningTrigger", "BasePoolExecutor"}


@pytest.fixture(scope="module")
def apireference():
    """The Sphinx extension."""
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import apireference
    finally:
        sys.path.remove(str(DOCS / "_ext"))
    return apireference


@pytest.fixture(scope="module")
def documented(apireference) -> set[str]:
    """Paths of everything that the pages describe."""
    texts = [*PAGES, apireference.error_reference(), *map(apireference.group_reference, apireference.GROUPS.values())]
    return {path for text in texts for path in re.findall(r"(?m)^\.\. auto\w+:: django_apscheduler_ng\.(\S+)", text)}


def public_classes(package: str) -> Iterator[str]:
    for path in (PACKAGE / package).rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name


@pytest.mark.parametrize(
    ("package", "suffix"),
    [("triggers", "Trigger"), ("executors", "Executor"), ("jobstores", "JobStore"), ("schedulers", "Scheduler")],
)
def test_every_class_of_a_kind_is_described(documented: set[str], package: str, suffix: str) -> None:
    described = {path.rpartition(".")[2] for path in documented}

    found = {name for name in public_classes(package) if name.endswith(suffix)} - PARTS

    assert found
    assert found <= described


def test_every_error_is_described(documented: set[str]) -> None:
    from django_apscheduler_ng import exceptions

    errors = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and value.__module__ == exceptions.__name__
    }

    assert {path.rpartition(".")[2] for path in documented if path.startswith("exceptions.")} == errors


def test_no_error_is_described_twice(apireference) -> None:
    names = re.findall(r"autoexception:: (\S+)", apireference.error_reference())

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(set(django_apscheduler_ng.__all__) - {"__version__"}, id="package"),
        pytest.param(set(testing.__all__), id="testing"),
        pytest.param({"job", "scheduled_job"}, id="decorators"),
        pytest.param({"embed", "start_node", "stop_node"}, id="embedding"),
    ],
)
def test_what_packages_offer_is_described(documented: set[str], names: set[str]) -> None:
    assert names <= {path.rpartition(".")[2] for path in documented}


def test_every_column_of_every_model_has_a_meaning(apireference) -> None:
    page = (DOCS / "reference" / "api.md").read_text()
    for model in apps.get_app_config("django_apscheduler_ng").get_models():
        assert f"{{api}} model:{model.__name__}\n" in page
        table = apireference.model_reference(model.__name__)
        rows = dict(re.findall(r"(?m)^\| `(\w+)` \| \w+ \| (.+) \|$", table))
        assert set(rows) == {column.name for column in model._meta.get_fields()}
