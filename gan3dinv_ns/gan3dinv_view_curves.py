"""The curves of a run in the viewer's panel: the PSNR of each phase, and the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PSNR, LOSSES = "PSNR", "losses"
"""What can be drawn."""

_MARGIN = {"l": 45, "r": 10, "t": 10, "b": 30}


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

    def figure(self, shown: str) -> Any:
        """The curves as plotly draws them.

        Args:
            shown: ``PSNR`` or ``LOSSES``.
        """
        import plotly.graph_objects as go

        figure = go.Figure()
        # A copy, as the training goes on meanwhile.
        for name, points in list((self.losses if shown == LOSSES else self.psnr).items()):
            steps, values = zip(*points, strict=True)
            figure.add_trace(go.Scatter(x=steps, y=values, name=name, mode="lines"))
        figure.update_layout(
            margin=_MARGIN,
            xaxis_title="step",
            yaxis_title="weighted loss" if shown == LOSSES else "PSNR, dB",
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        )
        if shown == LOSSES:
            figure.update_yaxes(type="log", exponentformat="power", dtick=1)
        return figure
