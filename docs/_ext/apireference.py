"""The parts of the API reference that follow the code: every scheduler, job store and executor there is, and the models.

In a page: `:::{api} schedulers` (then `:::`) describes the classes of a group, `:::{api} errors` the errors,
and `:::{api} model:JobRun` the columns of a model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from django.apps import apps
from docutils import nodes
from generated import comments_above, table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PACKAGE = "django_apscheduler_ng"
CODE = Path(__file__).resolve().parents[2] / PACKAGE
REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Classes of one kind, each in a module of a subpackage."""

    package: str
    #: What the names of the classes end in.
    suffix: str
    #: Options of autodoc for each class; the base class is described with all that it inherits.
    options: tuple[str, ...]
    #: `module.Class` of the base class; described first.
    base: str


GROUPS = {
    "schedulers": Group(
        package="schedulers",
        suffix="Scheduler",
        options=(":members: start, shutdown", ":undoc-members:"),
        base="base.BaseScheduler",
    ),
    "jobstores": Group(package="jobstores", suffix="JobStore", options=(), base="base.BaseJobStore"),
    "executors": Group(package="executors", suffix="Executor", options=(), base="base.BaseExecutor"),
}


def classes_of(group: Group) -> list[str]:
    """Return `module.Class` of every public class of the group but its base, in order; nothing is imported."""
    return [
        f"{path.stem}.{node.name}"
        for path in sorted((CODE / group.package).glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name.endswith(group.suffix) and not _is_base(node.name)
    ]


def _is_base(name: str) -> bool:
    return name.startswith(("_", "Base"))


def error_reference() -> str:
    """Return the directives that describe the errors."""
    tree = ast.parse((CODE / "exceptions.py").read_text()).body
    names = [node.name for node in tree if isinstance(node, ast.ClassDef)]
    lines = [f".. autoexception:: {PACKAGE}.exceptions.{name}\n   :show-inheritance:\n" for name in names]
    return "\n".join(["```{eval-rst}", *lines, "```"])


def group_reference(group: Group) -> str:
    """Return the directives that describe the classes of a group, and references to those that another page describes."""
    paths = [f"{PACKAGE}.{group.package}.{name}" for name in classes_of(group)]
    others = described_elsewhere().intersection(paths)
    lines = ["```{eval-rst}"]
    for path in paths:
        if path not in others:
            lines += [f".. autoclass:: {path}", *(f"   {line}" for line in group.options), ""]
    lines.append("```")
    if others:
        lines += ["", f"On pages of their own: {', '.join(f'{{py:class}}`~{path}`' for path in sorted(others))}."]
    return "\n".join(lines)


def described_elsewhere() -> set[str]:
    """Return the paths of the classes that other pages of the reference describe."""
    pages = [page.read_text() for page in REFERENCE.glob("*.md") if page.name != "api.md"]
    return {path for page in pages for path in re.findall(r"(?m)^\.\. autoclass:: (\S+)", page)}


def model_reference(name: str) -> str:
    """Return the columns of a model, with what its comments or labels say about them."""
    model = apps.get_model(PACKAGE, name)
    comments = comments_above(model)
    about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    return f"{about}\n\n" + table(["column", "type", "meaning"], _columns(model, comments))


def _columns(model: Any, comments: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for column in model._meta.get_fields():
        kind = column.get_internal_type().removesuffix("Field")
        said = str(column.verbose_name)
        meaning = comments.get(column.name) or said[0].upper() + said[1:] + "."
        choices = ", ".join(f"`{value}`" for value, _ in column.choices or ())
        yield f"`{column.name}`", kind, f"{meaning} One of: {choices}." if choices else meaning


class Api(SphinxDirective):
    """Puts the description of a group, or of a model, into a page."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return the description, parsed as Markdown."""
        what, _, name = self.arguments[0].partition(":")
        if what == "errors":
            return self.parse_text_to_nodes(error_reference())
        text = model_reference(name) if what == "model" else group_reference(GROUPS[what])
        return self.parse_text_to_nodes(text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("api", Api)
    return {"version": "1", "parallel_read_safe": True}
