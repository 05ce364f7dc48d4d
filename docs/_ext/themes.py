"""Pictures in two themes: beside `…-light-….webp`, the page has its dark sibling, and shows the one that fits."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

LIGHT, DARK = "-light-", "-dark-"


class BothThemes(SphinxTransform):
    """Adds the dark picture after each light one; the classes are those of the theme Furo."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Change the pictures of a page."""
        for light in list(self.document.findall(nodes.image)):
            if LIGHT not in light["uri"]:
                continue
            light["loading"] = "lazy"  # the hidden one is not fetched
            dark = light.deepcopy()
            dark["uri"] = light["uri"].replace(LIGHT, DARK)
            light["classes"].append("only-light")
            dark["classes"].append("only-dark")
            light.parent.insert(light.parent.index(light) + 1, dark)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform."""
    app.add_transform(BothThemes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
