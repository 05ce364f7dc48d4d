"""The generated parts of the reference are complete, and the pages that the code points to exist."""

import re
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from django_apscheduler_ng import checks, conf, events, serving, signals

from .pages import CHECKOUT

DOCS = CHECKOUT / "docs"


@pytest.fixture(scope="module")
def generated():
    """The Sphinx extension."""
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import generated
    finally:
        sys.path.remove(str(DOCS / "_ext"))
    return generated


def named(table: str) -> list[str]:
    """Return what stands in the first column, without its backticks."""
    return [name.strip("`") for name in re.findall(r"(?m)^\| (\S+?) \|", table.partition("---")[2])]


def test_the_settings_reference_lists_every_option_with_a_meaning(generated) -> None:
    sections = {"job_defaults": conf.JobDefaults, "retention": conf.Retention, "health": conf.Health}
    expected = set()
    for option in fields(conf.Config):
        inside = sections.get(option.name)
        expected |= {f"{option.name}.{part.name}" for part in fields(inside)} if inside else {option.name}

    table = generated.settings_reference()

    assert set(named(table)) == expected
    assert "|  |" not in table


def test_the_reference_of_checks_lists_every_rule(generated) -> None:
    table = generated.checks_reference()

    assert named(table) == [rule.id for rule in checks.RULES]
    assert "{" not in table


def test_the_reference_of_signals_lists_every_signal(generated) -> None:
    assert named(generated.signals_reference()) == [signal.name for signal in signals.SIGNALS.values()]


def test_the_reference_of_events_lists_every_constant(generated) -> None:
    assert set(named(generated.events_reference())) == {name for name in vars(events) if name.startswith("EVENT_")}


def test_the_exit_codes_are_those_of_the_command(generated) -> None:
    assert named(generated.exit_codes_reference()) == [str(code) for code in serving.EXIT_CODES]


def test_every_option_of_runscheduler_is_listed(generated) -> None:
    table = generated.command_options("runscheduler")

    assert {option.name for option in fields(serving.Options)} == {
        name.strip("-").replace("-", "_") for name in re.findall(r"`(--[a-z-]+)", table)
    }


def test_a_comment_above_a_field_is_found(generated) -> None:
    assert generated.comments_above(conf.Retention)["max_age_days"] == (
        "Days after which an ended run is deleted; None = never. Default: 30."
    )


def test_every_generated_part_is_in_a_page(generated) -> None:
    used = {
        part for page in DOCS.rglob("*.md") for part in re.findall(r"(?m)^:::\{generated\} (\S+)$", page.read_text())
    }

    assert used == set(generated.PARTS)


def test_the_guide_that_checks_point_to_exists() -> None:
    titles = {page.read_text().partition("\n# ")[2].partition("\n")[0] for page in DOCS.rglob("*.md")}

    assert checks.MIGRATION_GUIDE in titles


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted = list(project["project"]["dependencies"])
    wanted += [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    groups = project["dependency-groups"].values()
    wanted += [name for group in groups for name in group if isinstance(name, str)]
    wanted += project["build-system"]["requires"]
    page = (DOCS / "explanation" / "dependencies.md").read_text().lower()

    names = {re.split(r"[>=<\[]", name)[0].lower() for name in wanted}

    missing = [name for name in sorted(names) if not re.search(rf"\b{re.escape(name)}\b", page)]

    assert missing == []


def test_every_module_is_in_the_architecture() -> None:
    page = (DOCS / "explanation" / "architecture.md").read_text()
    package = CHECKOUT / "django_apscheduler_ng"
    parts = [path for path in package.iterdir() if path.name not in ("__pycache__", "__init__.py", "py.typed")]

    shown = [path.name if path.suffix else f"{path.name}/" for path in parts]

    assert [name for name in sorted(shown) if name not in page] == []


def reached_from(page: Path) -> set[Path]:
    """Return the pages that the tables of contents of this page, and of those, lead to."""
    trees = re.findall(r"(?s)\.\. toctree::(.*?)(?=\.\. toctree|```)", page.read_text())
    names = [line.strip() for tree in trees for line in tree.splitlines() if line.strip() and ":" not in line]
    children = [(page.parent / name).with_suffix(".md") for name in names]
    return {*children, *(found for child in children for found in reached_from(child))}


def test_every_page_is_reached_from_the_index() -> None:
    pages = {path for path in DOCS.rglob("*.md") if "_build" not in path.parts}

    assert pages - reached_from(DOCS / "index.md") == {DOCS / "index.md"}
