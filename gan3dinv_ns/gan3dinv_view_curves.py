"""The curves of a run in the viewer's panel: the PSNR of each phase, and the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

PSNR, LOSSES = "PSNR", "losses"
"""What can be drawn."""

_SIZE_INCHES, _DOTS_PER_INCH = (3.4, 2.9), 140
_BACKGROUND, _INK = "#242424", "#c9c9c9"
_LEGEND: dict[str, Any] = {
    "frameon": False,
    "labelcolor": _INK,
    "fontsize": "small",
    "handlelength": 0.8,
    "columnspacing": 0.8,
}


class RunCurves:
    """Figures of the steps so far.

    Attributes:
        psnr: for each phase the steps and their values, dB.
        losses: for each weighted loss, by its name without the parameter group, the same.
    """

    def __init__(self) -> None:
        self.psnr: dict[str, list[tuple[int, float]]] = {}
        self.losses: dict[str, list[tuple[int, float]]] = {}

    def record(self, step: int, phase: str, metrics: Mapping[str, float]) -> None:
        """Notes a step's figures, "psnr" and the losses as "group/name"."""
        if "psnr" in metrics:
            self.psnr.setdefault(phase, []).append((step, metrics["psnr"]))
        for name, value in metrics.items():
            # The axis of the losses is logarithmic.
            if "/" in name and value > 0:
                self.losses.setdefault(name.rsplit("/", 1)[-1], []).append((step, value))

    def picture(self, shown: str) -> Image.Image:
        """The curves, in the colours of the panel.

        A plot of viser's own takes 700 pixels where its tab is not open yet, and pushes the panel's buttons out of
        sight.

        Args:
            shown: ``PSNR`` or ``LOSSES``.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(_SIZE_INCHES, _DOTS_PER_INCH, facecolor=_BACKGROUND, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot(facecolor=_BACKGROUND)
        # A copy, as the training goes on meanwhile.
        for name, points in list((self.losses if shown == LOSSES else self.psnr).items()):
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
        axes.set_xlabel("step", color=_INK)
        axes.set_ylabel("weighted loss" if shown == LOSSES else "PSNR, dB", color=_INK)
        if shown == LOSSES:
            axes.set_yscale("log")
        axes.tick_params(colors=_INK)
        axes.grid(color=_INK, alpha=0.15)
        if axes.lines:
            figure.legend(loc="outside upper center", ncols=min(3, len(axes.lines)), **_LEGEND)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
