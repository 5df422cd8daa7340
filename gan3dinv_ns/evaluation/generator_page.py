"""The files of a report on a generator: figures, a page in Markdown, pictures. Each is written whole or not at all."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from gan3dinv_ns.evaluation.consistency import CENTRE, YAWS_RAD, FiveViews, carried_to_centre
from gan3dinv_ns.evaluation.contact_sheet import contact_sheet
from gan3dinv_ns.evaluation.generator_report import GeneratorReport
from gan3dinv_ns.ops.atomic_files import atomic_path

LARGEST_MB = 20.0
"""What generator and discriminator may weigh together."""
SLOWEST_SECONDS = 0.25
"""What an image may take on two CPU cores."""

_CARRIED_SAMPLES = 3
_COLUMNS = ("figure", "value", "ideal", "meaning")

Row = tuple[str, str, str, str]


def write_generator_report(report: GeneratorReport, views: list[FiveViews], folder: str | Path) -> list[Path]:
    """Write ``report.json``, ``report.md``, ``samples.png``, ``consistency.png`` and ``readability.png``.

    Args:
        report: all figures.
        views: of the samples that are shown.
        folder: made if it is missing.

    Returns:
        the files, in the order above.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    folder = Path(folder)
    contents: dict[str, bytes] = {
        "report.json": (json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n").encode(),
        "report.md": markdown(report).encode(),
        "samples.png": _png(samples_picture(views)),
        "consistency.png": _png(consistency_picture(views[:_CARRIED_SAMPLES])),
        "readability.png": readability_chart(report),
    }
    for name, content in contents.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    return [folder / name for name in contents]


def table_rows(report: GeneratorReport) -> list[Row]:
    """Every figure with its value, its ideal and what it means."""
    return [
        *_frechet_rows(report),
        *_reading_rows(report),
        *_view_rows(report),
        *_depth_rows(report),
        *_cost_rows(report),
    ]


def text_table(report: GeneratorReport) -> str:
    """Figures, values and ideals as aligned text."""
    rows = [_COLUMNS[:3], *(row[:3] for row in table_rows(report))]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{figure:<{first}}  {value:>{second}}  {ideal}" for figure, value, ideal in rows)


def markdown(report: GeneratorReport) -> str:
    """The page, which refers to the pictures beside it."""
    lines = [f"# Generator {report.generator}", ""]
    lines += ["![Samples, each from five sides](samples.png)", ""]
    lines += [f"Random samples without truncation, from yaws of {_degrees()}.", ""]
    lines += [_markdown_row(_COLUMNS), "| --- | --- | --- | --- |"]
    lines += [_markdown_row(row) for row in table_rows(report)]
    lines += ["", "## Attributes", "", "![How well attributes are read](readability.png)", ""]
    lines += [
        "What attributes a sample has is told by a small network, the attribute regressor, which was trained on "
        f"{report.training_pictures} true pictures with their labels. Bars: how well its answers for "
        f"{report.samples} samples are predicted by a ridge regression from the latent w (judged by five-fold cross "
        "validation), and how well the network itself answers for true pictures it has not seen: where that is low, "
        "its answers for samples mean little. Ticks: what a constant answer reaches.",
        "",
    ]
    lines += ["## Views", "", "![Side views carried to the centre view](consistency.png)", ""]
    lines += [
        "Each row: the centre view, then the four side views carried to it through the rendered depth; grey where they "
        "do not see the same surface. All pictures of a row should be equal.",
        "",
    ]
    return "\n".join(lines)


def samples_picture(views: list[FiveViews]) -> Image.Image:
    """A row for each sample, a column for each yaw."""
    captions = [f"yaw {math.degrees(yaw):+.0f} deg" for yaw in YAWS_RAD]
    return contact_sheet(captions, [one.final.split(1) for one in views], views[0].final.shape[-1])


def consistency_picture(views: list[FiveViews]) -> Image.Image:
    """A row for each sample: the centre view, then the others carried to it."""
    captions = ["centre", *(f"from {math.degrees(yaw):+.0f} deg" for yaw in YAWS_RAD if yaw != 0)]
    return contact_sheet(captions, [_carried_row(one) for one in views], views[0].final.shape[-1])


def readability_chart(report: GeneratorReport) -> bytes:
    """A PNG file with two bars for each attribute."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(report.linear))
    for offset, readings, label in (
        (-0.2, report.linear, "samples: w to attribute regressor's answer, linear"),
        (0.2, report.regressor, "true pictures: attribute regressor's answer to label"),
    ):
        bars = axes.bar(
            [place + offset for place in places], [max(one.value, 0) for one in readings], 0.38, label=label
        )
        axes.bar_label(bars, [f"{one.value:.2f}" for one in readings], fontsize=8)
        for place, one in zip(places, readings, strict=True):
            axes.hlines(one.chance, place + offset - 0.19, place + offset + 0.19, "black", linewidth=1)
    axes.set_xticks(list(places), [f"{one.name}\n{one.measure}" for one in report.linear])
    axes.set_ylim(0, 1.1)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _frechet_rows(report: GeneratorReport) -> list[Row]:
    return [
        (
            f"Frechet distance, {row.features}",
            f"{row.samples_to_renders:.3f}",
            f"{row.renders_to_renders:.3f}",
            f"{report.samples} samples against as many true renders of heads that no training has seen; "
            "the ideal is the distance between two such sets of renders",
        )
        for row in report.frechet
    ]


def _reading_rows(report: GeneratorReport) -> list[Row]:
    rows = []
    for linear, known in zip(report.linear, report.regressor, strict=True):
        chance = f", a constant answer {linear.chance:.2f}" if linear.measure == "accuracy" else ""
        meaning = f"linear reading from w; true pictures read by the network: {known.value:.2f}{chance}"
        rows.append((f"{linear.name}, {linear.measure}", f"{linear.value:.2f}", "1", meaning))
    return rows


def _view_rows(report: GeneratorReport) -> list[Row]:
    figures = report.consistency
    share = f"side views carried to the centre view, over the {figures.visible_share:.0%} of it that both see"
    final = (
        "view consistency, image",
        f"{figures.final_psnr:.1f} dB",
        f"{figures.volume_psnr:.1f} dB",
        f"{share}; the ideal is the row below, as the difference is due to super-resolution",
    )
    volume = (
        "view consistency, volume",
        f"{figures.volume_psnr:.1f} dB",
        "limited by resampling",
        "the same for the volume rendering at the image's size",
    )
    return [final, volume]


def _depth_rows(report: GeneratorReport) -> list[Row]:
    if report.depth is None:
        return []
    of = f"inverted photos of {report.depth.heads} heads that no training has seen, from the cameras found"
    return [
        ("depth error", f"{report.depth.error_box:.4f} box units", "0", f"mean absolute error of the depth; {of}"),
        (
            "depth correlation",
            f"{report.depth.correlation:.3f}",
            "1",
            "of found and true depth within a head; same heads",
        ),
    ]


def _cost_rows(report: GeneratorReport) -> list[Row]:
    cost = report.cost
    total = cost.generator_mb + cost.discriminator_mb
    parts = f"generator {cost.generator_mb:.1f} MB and discriminator {cost.discriminator_mb:.1f} MB in float16"
    threads = f"{cost.threads} thread{'s' if cost.threads > 1 else ''}" if cost.device == "cpu" else cost.device
    return [
        ("size", f"{total:.1f} MB", f"at most {LARGEST_MB:.0f} MB", parts),
        (
            "time of an image",
            f"{cost.seconds_per_image:.3f} s",
            f"at most {SLOWEST_SECONDS:.2f} s on two cores",
            f"mapping and synthesis, median of five, on {threads}",
        ),
    ]


def _carried_row(views: FiveViews) -> list[Tensor]:
    seen = views.views(views.final)
    row = [seen[CENTRE].image]
    for picture, mask in carried_to_centre(seen):
        row.append(torch.where(mask > 0, picture, torch.zeros_like(picture)))
    return row


def _degrees() -> str:
    return ", ".join(f"{math.degrees(yaw):.0f}" for yaw in YAWS_RAD) + " degrees"


def _markdown_row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
