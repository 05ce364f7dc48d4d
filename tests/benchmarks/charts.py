"""Charts as SVG, readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot

#: Neither too light for a white page nor too dark for a black one.
_COLOURS = ("#3d85c6", "#d9822b", "#4f9d5d", "#a06cc8", "#c0504d")
_INK = "#808080"

mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "benchmarks",
        "font.family": "sans-serif",
        "font.size": 10,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    }
)


def bars(
    path: Path, groups: Sequence[str], series: Mapping[str, Sequence[float | None]], *, unit: str, log: bool
) -> None:
    """Draw a bar for each value: side by side in each group, a colour for each series."""
    figure, axes = _axes(0.6 + 0.32 * sum(map(len, series.values())) + 0.25 * len(groups))
    height = 0.8 / len(series)
    for index, (title, values) in enumerate(series.items()):
        places = [group + index * height for group in range(len(groups))]
        drawn = axes.barh(
            places, [value or 0 for value in values], height * 0.9, label=title, color=_COLOURS[index % len(_COLOURS)]
        )
        axes.bar_label(drawn, [_shown(value) for value in values], padding=3, color=_INK)
    axes.set_yticks([group + 0.4 - height / 2 for group in range(len(groups))], groups)
    axes.invert_yaxis()
    axes.set_xscale("log" if log else "linear")
    axes.margins(x=0.12)
    axes.set_xlabel(f"{unit} (logarithmic)" if log else unit)
    _save(figure, axes, path, legend=len(series) > 1)


def lines(path: Path, series: Mapping[str, Sequence[tuple[float, float]]], *, x: str, y: str, log: bool) -> None:
    """Draw a line for each series, from zero upwards."""
    figure, axes = _axes(3.2)
    for index, (title, points) in enumerate(series.items()):
        axes.plot(*zip(*points, strict=True), marker="o", label=title, color=_COLOURS[index % len(_COLOURS)])
    axes.set_xscale("log" if log else "linear")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    _save(figure, axes, path, legend=True)


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{value:,.2g}"


def _axes(height: float) -> tuple[Any, Any]:
    figure, axes = pyplot.subplots(figsize=(8, height + 0.6), layout="constrained")
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, axes: Any, path: Path, *, legend: bool) -> None:
    if legend:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None})
    pyplot.close(figure)
