"""The plots of a report: figures over photos, over steps, and edits over their strength, a colour for each method."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gan3dinv_ns.evaluation.comparison.experiment import Experiment
from gan3dinv_ns.evaluation.comparison.group import EditSummary
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f", "#1b5e20",
    "#4a148c", "#f4c20d",
)  # fmt: skip
_REFERENCE_COLOUR = "#d62728"
_DASHES = ("-", "--", "-.", ":")
_DPI = 110


@dataclass(frozen=True)
class Plots:
    """Draws PNG files.

    Attributes:
        experiment: for titles and units.
        selection: methods and photos.
        reference: method that stands out.
    """

    experiment: Experiment
    selection: Selection
    reference: str | None

    def boxes(self) -> bytes | None:
        """A panel for each metric, a box for each method: quartiles, median, mean; None without figures."""
        values = {metric: self.selection.values(metric.name) for metric in self.experiment.metrics}
        values = {metric: of_methods for metric, of_methods in values.items() if of_methods}
        if not values:
            return None
        columns = min(3, len(values))
        lines = -(-len(values) // columns)
        height = 0.9 + 0.24 * len(self.selection.methods)
        figure, panels = _panels(lines, columns, (3.3 * columns + 1.4, height * lines))
        for place, panel in enumerate(panels.flat):
            if place >= len(values):
                panel.set_axis_off()
                continue
            metric = list(values)[place]
            self._box_panel(panel, metric, values[metric], labelled=place % columns == 0)
        return _png(figure)

    def steps(self) -> bytes | None:
        """A panel for each curve: the mean over photos, and the band between the quartiles; None without curves."""
        names = dict.fromkeys(name for rows in self.selection.rows.values() for row in rows for name in row.curves)
        names.pop("step", None)
        if not names:
            return None
        figure, panels = _panels(1, len(names), (4.6 * len(names) + 1.8, 3.6))
        for panel, name in zip(panels.flat, names, strict=True):
            metric = self.experiment.metric(name)
            for method, rows in self.selection.rows.items():
                steps, values = curves_together(rows, name)
                if len(steps):
                    self._curve(panel, method, steps, values)
            panel.set(title=metric.title, xlabel="step", ylabel=metric.unit or metric.title)
        return _png(self._with_legend(figure))

    def edits(self, edits: Sequence[EditSummary]) -> bytes | None:
        """A column for each attribute: its change, and the likeness of the person; None without edits."""
        attributes = list(dict.fromkeys(edit.edited for edit in edits))
        if not attributes:
            return None
        units = [self.experiment.edit_unit(attribute) for attribute in attributes]
        shared: Literal["none", "row"] = "row" if len(set(units)) == 1 else "none"
        figure, panels = _panels(2, len(attributes), (3.9 * len(attributes) + 1.8, 5.6), sharey=shared)
        for column, attribute in enumerate(attributes):
            rows = [edit for edit in edits if edit.edited == attribute]
            labels = {"change": f"change [{units[column]}]", "identity": "identity [cosine]"}
            for line, (part, label) in enumerate(labels.items()):
                panel = panels[line, column]
                for method in self.selection.methods:
                    points = [(edit.strength, getattr(edit, part).get(method)) for edit in rows]
                    points = [point for point in points if point[1] is not None]
                    if points:
                        panel.plot(*zip(*points, strict=True), marker=".", **self._style(method))
                if column == 0 or shared == "none":
                    panel.set_ylabel(label)
            panels[0, column].set_title(attribute)
            panels[1, column].set_xlabel("strength γ of the edit")
        return _png(self._with_legend(figure))

    def _box_panel(self, panel: Axes, metric: Metric, values: Mapping[str, np.ndarray], labelled: bool) -> None:
        methods = self.selection.methods
        places = [methods.index(method) for method in values]
        boxes = panel.boxplot(
            list(values.values()), positions=places, orientation="horizontal", widths=0.62, patch_artist=True,
            showmeans=True, medianprops={"color": "black"}, flierprops={"marker": ".", "markersize": 3},
            meanprops={"marker": "D", "markersize": 3, "markerfacecolor": "white", "markeredgecolor": "black"},
        )  # fmt: skip
        for box, method in zip(boxes["boxes"], values, strict=True):
            box.set(facecolor=self._style(method)["color"], alpha=0.6)
        titles = [self._title(method) for method in methods] if labelled else []
        panel.set_yticks(range(len(methods)), titles or [""] * len(methods))
        panel.set_ylim(len(methods) - 0.4, -0.6)
        panel.set_title(metric.heading, fontsize=10)
        # More numbers would touch each other, such as 0.0025 and 0.0050.
        panel.locator_params(axis="x", nbins=4)

    def _curve(self, panel: Axes, method: str, steps: np.ndarray, values: np.ndarray) -> None:
        style = self._style(method)
        panel.plot(steps, values.mean(axis=0), label=self._title(method), **style)
        low, high = np.percentile(values, (25, 75), axis=0)
        panel.fill_between(steps, low, high, color=style["color"], alpha=0.12, linewidth=0)

    def _with_legend(self, figure: Figure) -> Figure:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], label=self._title(method), **self._style(method)) for method in self.selection.methods
        ]
        figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9)
        return figure

    def _style(self, method: str) -> dict[str, Any]:
        if method == self.reference:
            return {"color": _REFERENCE_COLOUR, "linewidth": 2.2, "zorder": 3}
        place = self.selection.methods.index(method)
        return {
            "color": _COLOURS[place % len(_COLOURS)], "linestyle": _DASHES[place % len(_DASHES)], "linewidth": 1.2,
        }  # fmt: skip

    def _title(self, method: str) -> str:
        return self.experiment.methods[method].title


def curves_together(rows: Sequence[Row], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps ``[S]`` that the curve has with every photo which has the curve at all, and its values there ``[N, S]``."""
    curves = [dict(zip(row.curves["step"], row.curves[name], strict=True)) for row in rows if row.curves.get(name)]
    steps = sorted(set.intersection(*map(set, curves))) if curves else []
    return np.array(steps), np.array([[curve[step] for step in steps] for curve in curves])


def _panels(
    lines: int, columns: int, size: tuple[float, float], sharey: Literal["none", "row"] = "none"
) -> tuple[Figure, np.ndarray]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharey=sharey)
    for panel in panels.flat:
        panel.grid(alpha=0.3)
    return figure, panels


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the version of matplotlib, so that the same figures give the same file.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
