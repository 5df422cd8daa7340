"""The benchmark on held-out heads: each photo is inverted, and compared with what the head really looks like.

Neither the method nor the heads are known here: a method is a function from a photo to something that knows its
camera and can be rendered, a head is a photo with its true camera and a function that renders it truly.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.evaluation.metrics import psnr, rotation_error_deg, translation_error

NOVEL_YAW_RAD = 0.4
"""How far the novel views are turned from the found camera, to both sides."""


class Inverted(Protocol):
    """What is asked of a finished inversion."""

    @property
    def label(self) -> Tensor:
        """The camera found, ``[1, 25]``."""

    def novel_view(self, label: Tensor) -> Tensor:
        """Images ``[N, 3, R, R]`` in [-1, 1] from cameras ``[N, 25]``."""


@dataclass(frozen=True)
class HeldoutHead:
    """A head of which everything is known."""

    name: str
    """For the table."""
    photo: Tensor
    """``[1, 3, R, R]`` in [-1, 1]."""
    label: Tensor
    """Camera ``[1, 25]`` from which the photo was taken."""
    render: Callable[[Tensor], Tensor]
    """True images ``[N, 3, R, R]`` from cameras ``[N, 25]``."""


@dataclass(frozen=True)
class HeldoutRow:
    """Figures of one head."""

    name: str
    photo_psnr: float
    """Reconstruction against the photo, dB."""
    rotation_error_deg: float
    """Angle between the found and the true camera."""
    translation_error: float
    """Distance between the found and the true camera centre, box units."""
    novel_psnr: float
    """Mean over the two novel views, dB."""
    seconds: float
    """Time of the inversion."""


@dataclass(frozen=True)
class HeldoutReport:
    """All rows, with means and medians."""

    rows: tuple[HeldoutRow, ...]

    def summary(self) -> dict[str, float]:
        """Numbers for JSON: means of PSNRs and time, median and largest rotation error."""
        angles = [row.rotation_error_deg for row in self.rows]
        return {
            "heads": len(self.rows),
            "photo_psnr_mean": statistics.fmean(row.photo_psnr for row in self.rows),
            "photo_psnr_min": min(row.photo_psnr for row in self.rows),
            "rotation_error_deg_median": statistics.median(angles),
            "rotation_error_deg_max": max(angles),
            "novel_psnr_mean": statistics.fmean(row.novel_psnr for row in self.rows),
            "seconds_mean": statistics.fmean(row.seconds for row in self.rows),
        }

    def to_json(self) -> dict[str, object]:
        """The summary and all rows as plain data."""
        return {"summary": self.summary(), "rows": [asdict(row) for row in self.rows]}

    def table(self) -> str:
        """The rows as aligned text, with the summary below."""
        lines = [f"{'head':<12}{'photo dB':>10}{'rotation':>10}{'novel dB':>10}{'seconds':>10}"]
        for row in self.rows:
            lines.append(
                f"{row.name:<12}{row.photo_psnr:>10.2f}{row.rotation_error_deg:>10.2f}"
                f"{row.novel_psnr:>10.2f}{row.seconds:>10.1f}"
            )
        mean = self.summary()
        lines.append(
            f"{'mean/median':<12}{mean['photo_psnr_mean']:>10.2f}{mean['rotation_error_deg_median']:>10.2f}"
            f"{mean['novel_psnr_mean']:>10.2f}{mean['seconds_mean']:>10.1f}"
        )
        return "\n".join(lines)


def novel_labels(label: Tensor, turn_rad: float = NOVEL_YAW_RAD) -> Tensor:
    """Cameras ``[2, 25]`` that look at the origin, turned from a camera ``[1, 25]`` by minus and plus ``turn_rad``."""
    camera_to_world, intrinsics = split_label(label.detach())
    yaw, pitch = yaw_pitch(-camera_to_world[:, :3, 2])
    radius = -(camera_to_world[:, :3, 2] * camera_to_world[:, :3, 3]).sum(dim=1)
    turned = torch.cat([yaw - turn_rad, yaw + turn_rad])
    return camera_label(orbit(turned, pitch.expand(2), radius.expand(2)), intrinsics)


def evaluate_heldout(
    heads: Iterable[HeldoutHead],
    invert: Callable[[Tensor], Inverted],
    progress: Callable[[HeldoutRow], None] | None = None,
) -> HeldoutReport:
    """Invert each head's photo and measure it.

    The novel views are taken at the found camera's yaw plus and minus 0.4 rad, of the inversion and of the true head.

    Args:
        heads: at least one.
        invert: from a photo ``[1, 3, R, R]`` to a finished inversion.
        progress: called after each head.

    Raises:
        ValueError: if there are no heads.
    """
    rows = []
    for head in heads:
        begin = time.perf_counter()
        inverted = invert(head.photo)
        rows.append(_measure(head, inverted, time.perf_counter() - begin))
        if progress is not None:
            progress(rows[-1])
    if not rows:
        raise ValueError("there are no heads to evaluate; give at least one.")
    return HeldoutReport(tuple(rows))


@torch.no_grad()
def _measure(head: HeldoutHead, inverted: Inverted, seconds: float) -> HeldoutRow:
    label = inverted.label.detach()
    around = novel_labels(label)
    shown, true = _pairs(inverted.novel_view(around)), _pairs(head.render(around))
    return HeldoutRow(
        name=head.name,
        photo_psnr=psnr(inverted.novel_view(label).cpu(), head.photo.cpu()),
        rotation_error_deg=rotation_error_deg(label, head.label),
        translation_error=translation_error(label, head.label),
        novel_psnr=statistics.fmean(psnr(a, b) for a, b in zip(shown, true, strict=True)),
        seconds=seconds,
    )


def _pairs(images: Tensor) -> Sequence[Tensor]:
    return images.cpu().split(1)
