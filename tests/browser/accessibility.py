"""What can be measured of accessibility in an open page: axe-core's rules, shapes in pictures, text that is cut."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

#: WCAG 2.2 AA, which contains the older ones, and what axe-core thinks good besides.
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

#: What Django's own admin does, by rule: selectors of its elements, none of which is made here.
OF_DJANGO: dict[str, tuple[str, ...]] = {
    # the field to search a list: its label is a picture with a text for it, which this rule does not count
    "label-title-only": ("#searchbar",),
    # the way to the page of an app, whose template is Django's: links that only their colour tells from the text
    "link-in-text-block": (".breadcrumbs a",),
    # the page to log in on
    "page-has-heading-one": ("html:has(> body.login)",),
    # the list of apps: columns whose cells are all empty
    "th-has-data-cells": ("#nav-sidebar table",),
}

_RUN_AXE = """
const [tags, left, done] = arguments;
const rules = Object.fromEntries(left.map(rule => [rule, {enabled: false}]));
axe.run(document, {runOnly: {type: 'tag', values: tags}, rules, resultTypes: ['violations', 'incomplete'], preload: false}).then(
  found => done({violations: found.violations, incomplete: found.incomplete}),
  error => done({error: String(error)}));
"""


@cache
def _axe() -> str:
    """Return the source of axe-core; the package's own Python needs another driver than this one and is not imported."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0], "axe.min.js").read_text()


def axe(driver: Chrome, without: Sequence[str] = ()) -> list[str]:
    """Return what axe-core finds wrong with the open page, and what it leaves to people; some rules can be left out."""
    if not driver.execute_script("return 'axe' in window"):
        driver.execute_script(_axe())
    found = driver.execute_async_script(_RUN_AXE, TAGS, without)
    assert "error" not in found, found
    # whatever axe-core cannot measure, drawn words and what it finds covered, is measured by `too_faint`
    left = [result for result in found["incomplete"] if result["id"] != "color-contrast"]
    return _told(driver, [*found["violations"], *left])


def _told(driver: Chrome, results: list[dict[str, Any]]) -> list[str]:
    """Return a line for each element that is not one of Django's known ones."""
    return [
        f"{result['id']}: {node['target'][0]}: {_why(node)}"
        for result in results
        for node in result["nodes"]
        if not _is_of_django(driver, result["id"], node["target"][0])
    ]


def _why(node: dict[str, Any]) -> str:
    return " ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])


def _is_of_django(driver: Chrome, rule: str, target: str) -> bool:
    script = "return document.querySelector(arguments[0]).matches(arguments[1])"
    return any(driver.execute_script(script, target, selector) for selector in OF_DJANGO.get(rule, ()))


def too_faint(driver: Chrome) -> list[str]:
    """Return texts, shapes of pictures and edges of fields of the open page without enough contrast."""
    return list(driver.execute_script(_script("contrast.js")))


def cut(driver: Chrome) -> list[str]:
    """Return texts of the open page that cannot be read to the end."""
    return list(driver.execute_script(_script("cut.js")))


@cache
def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text()
