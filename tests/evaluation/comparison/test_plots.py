"""Claims about the plots: what is in them, not how they look."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gan3dinv_ns.evaluation.comparison.experiment import Method
from gan3dinv_ns.evaluation.comparison.group import summarise
from gan3dinv_ns.evaluation.comparison.plots import Plots, curves_together
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection


@pytest.fixture(scope="module")
def many(make_experiment, make_row) -> tuple[Plots, tuple]:
    """Twelve methods, six photos."""
    methods = {f"m{i}": Method(f"method {i}† with a title") for i in range(12)}
    rows = {name: {str(p): make_row(name, p, rich=True) for p in range(6)} for name in methods}
    experiment, selection = make_experiment(methods), Selection.of(rows)
    return Plots(experiment, selection, "m3"), summarise(selection, experiment.metrics, "m3").edits


def test_twelve_methods_are_drawn_into_small_files(many) -> None:
    plots, edits = many
    for content in (plots.boxes(), plots.steps(), plots.edits(edits)):
        assert content is not None and len(content) < 300_000
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG" and 600 < picture.width < 1600
            assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 50


def test_the_reference_stands_out_and_all_others_differ(many) -> None:
    plots, _ = many
    styles = [tuple(sorted(plots._style(method).items())) for method in plots.selection.methods]
    assert len(set(styles)) == 12
    widths = {method: plots._style(method)["linewidth"] for method in plots.selection.methods}
    assert max(widths, key=lambda method: widths[method]) == "m3"


def test_labels_do_not_overlap(many) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    plots, edits = many
    for draw in (plots.boxes, plots.steps, lambda: plots.edits(edits)):
        figure = _figure_of(draw)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        for axis in (axis for axes in figure.axes if axes.axison for axis in (axes.xaxis, axes.yaxis)):
            boxes = [label.get_window_extent(renderer) for label in axis.get_ticklabels() if label.get_text()]
            inside = [box for box in boxes if box.width > 0]
            pairs = [(a, b) for i, a in enumerate(inside) for b in inside[i + 1 :]]
            assert not any(a.overlaps(b) for a, b in pairs)


def _figure_of(draw):
    from gan3dinv_ns.evaluation.comparison import plots

    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "_png", lambda figure: kept.append(figure) or b"")
        draw()
    return kept[0]


def test_nothing_measured_is_nothing_drawn(make_experiment) -> None:
    rows = {"ours": {"1": Row("ours", "1", "", {})}, "sg2": {"1": Row("sg2", "1", "", {})}}
    plots = Plots(make_experiment(), Selection.of(rows), "ours")
    assert plots.boxes() is None and plots.steps() is None and plots.edits(()) is None
    empty = Plots(make_experiment(), Selection.of({}), None)
    assert empty.boxes() is None and empty.steps() is None


def test_curves_are_taken_together_at_the_steps_that_all_photos_have(make_row) -> None:
    def row(photo: int, steps: list[float]) -> Row:
        return replace(make_row("ours", photo), curves={"step": steps, "psnr": [10 * photo + step for step in steps]})

    rows = [row(1, [0, 2, 4]), row(2, [0, 1, 2]), replace(row(3, [0]), curves={})]
    steps, values = curves_together(rows, "psnr")
    assert steps.tolist() == [0, 2] and values.tolist() == [[10, 12], [20, 22]]
    assert (
        len(curves_together(rows, "loss")[0]) == 0 and len(curves_together([row(1, [0]), row(2, [1])], "psnr")[0]) == 0
    )
