"""What the initialisers are worth: inversions that begin with them, and ones that begin with the mean and a search.

The counterpart of the first rows of Table 2 of Ko et al. (supplementary material, D), over the number of steps. No
inversion is tuned, so that the latent and the camera are what is compared; 0 steps are the networks' answers alone.
"""

from __future__ import annotations

import io
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gan3dinv_ns.ops.atomic_files import atomic_path

_SHOWN = {
    "psnr": "photo, dB",
    "novel_psnr_0.4": "true views turned by 0.4 rad, dB",
    "rotation_deg": "error of the camera, degrees",
}
_Start = TypeVar("_Start")


@dataclass(frozen=True)
class StartFigures:
    """Means and medians over heads.

    Attributes:
        start: its name.
        steps: of the projection, warm-up included.
        mean, median: by the metric's name.
    """

    start: str
    steps: int
    mean: dict[str, float]
    median: dict[str, float]


def compare_starts(
    starts: Mapping[_Start, str],
    steps: Sequence[int],
    evaluate: Callable[[_Start, int], Sequence[Mapping[str, float]]],
) -> list[StartFigures]:
    """Figures of every start after every number of steps.

    Args:
        starts: each with its name in the report.
        steps: 0 is the start itself.
        evaluate: inverts the heads, from that start and with that number of steps; the figures of each.

    Raises:
        ValueError: there are no starts or no steps.
    """
    if not starts or not steps:
        raise ValueError("nothing to compare: give at least one start and one number of steps")
    figures = []
    for start, shown in starts.items():
        for count in sorted(set(steps)):
            heads = evaluate(start, count)
            columns = {name: [head[name] for head in heads] for name in (*_SHOWN, "seconds")}
            mean = {name: statistics.fmean(values) for name, values in columns.items()}
            median = {name: statistics.median(values) for name, values in columns.items()}
            figures.append(StartFigures(shown, count, mean, median))
    return figures


def write_start_report(folder: Path, figures: Sequence[StartFigures], heads: int) -> list[Path]:
    """Writes starts.json, starts.png and starts.md: their paths.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    table, plot, report = folder / "starts.json", folder / "starts.png", folder / "starts.md"
    with atomic_path(table) as temporary:
        temporary.write_text(json.dumps([vars(one) for one in figures], indent=2) + "\n", encoding="utf-8")
    with atomic_path(plot) as temporary:
        temporary.write_bytes(_plot(figures))
    with atomic_path(report) as temporary:
        temporary.write_text(_markdown(figures, heads, plot.name), encoding="utf-8")
    return [table, plot, report]


def _markdown(figures: Sequence[StartFigures], heads: int, plot: str) -> str:
    lines = [f"# Inversions of {heads} unseen heads without tuning, by their start", ""]
    names = "".join(f" {text}, mean (median) |" for text in _SHOWN.values())
    lines += [f"| start | steps |{names} seconds |", f"| --- | --- |{' --- |' * (len(_SHOWN) + 1)}"]
    for one in figures:
        cells = "".join(f" {one.mean[name]:.2f} ({one.median[name]:.2f}) |" for name in _SHOWN)
        lines.append(f"| {one.start} | {one.steps} |{cells} {one.mean['seconds']:.0f} |")
    return "\n".join([*lines, "", f"![figures over steps]({plot})", ""])


def _plot(figures: Sequence[StartFigures]) -> bytes:
    """A PNG file with a panel for each figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (name, text) in zip(figure.subplots(1, len(_SHOWN)), _SHOWN.items(), strict=True):
        for start in dict.fromkeys(one.start for one in figures):
            ours = [one for one in figures if one.start == start]
            axes.plot([one.steps for one in ours], [one.mean[name] for one in ours], marker="o", label=start)
        axes.set_xlabel("steps")
        axes.set_title(text, fontsize=10)
        axes.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
