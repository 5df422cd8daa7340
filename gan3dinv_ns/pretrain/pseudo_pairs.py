"""Pseudo pairs: what a generator draws from its own latents and cameras (Ko et al., supplementary material, A.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit, rolled
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.encoders.pairs import begin_pairs, pairs_in, shard_file, write_shard

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PseudoPairSettings:
    """How many pairs, and where their cameras are.

    Raises:
        ValueError: a number is out of range.
    """

    count: int = 30_000
    """Pairs in all, each from its own latent."""
    first_seed: int = 0
    """Seed of the first pair; the others follow."""
    yaw_range: float = 0.6
    """Yaw is uniform to both sides of the front up to this, radians."""
    pitch_range: float = 0.3
    """The same for pitch."""
    roll: float = 0.0
    """The same for the roll around the viewing axis."""
    truncation: float = 1.0
    """Latents are drawn towards their mean by this factor; 1 leaves them."""
    focal: float = FOCAL
    """Focal length over image width."""
    shard: int = 500
    """Pairs in a file."""

    def __post_init__(self) -> None:
        for name in ("count", "shard"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} is too small; give 1 or more")
        for name in ("yaw_range", "pitch_range", "roll"):
            if not 0 <= getattr(self, name) < 1.6:
                raise ValueError(f"{name} {getattr(self, name)} is outside of 0 to 1.6; give radians")
        if not self.focal > 0:
            raise ValueError(f"focal {self.focal} must be positive; EG3D's is {FOCAL}")


@torch.no_grad()
def render_pairs(
    generator: Generator, name: str, folder: Path, settings: PseudoPairSettings, progress: Progress | None = None
) -> Path:
    """Render all pairs that are not there yet; stopped at any time, it goes on with the shard it was at.

    Args:
        generator: in evaluation mode.
        name: what it was loaded from; noted beside the pairs.
        folder: where the shards go.
        progress: called with the number of pairs that are there, and that of all.

    Returns:
        the folder.

    Raises:
        ValueError: the folder holds pairs that are made otherwise.
        FileWriteError: the disk is full or the place is not writable.
    """
    about = {"generator": name, "truth": "generator"}
    choices = ("first_seed", "yaw_range", "pitch_range", "roll", "truncation", "focal", "shard")
    begin_pairs(folder, about | {one: getattr(settings, one) for one in choices})
    for index, first in enumerate(range(0, settings.count, settings.shard)):
        size = min(settings.shard, settings.count - first)
        if pairs_in(shard_file(folder, index)) < size:
            drawn = []
            for number in range(first, first + size):
                drawn.append(draw_pair(generator, settings, number))
                if progress is not None:
                    progress(number + 1, settings.count)
            photos, w, labels = (torch.cat(parts).cpu() for parts in zip(*drawn, strict=True))
            write_shard(folder, index, first, photos, w, labels)
        if progress is not None:
            progress(first + size, settings.count)
    return folder


def draw_pair(generator: Generator, settings: PseudoPairSettings, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Picture ``[1, 3, R, R]``, latent ``[1, w_dim]`` and label ``[1, 25]``; the same for the same number."""
    device = next(generator.parameters()).device
    random = torch.Generator().manual_seed(settings.first_seed + number)
    z = torch.randn(1, generator.z_dim, generator=random)
    ranges = torch.tensor([settings.yaw_range, settings.pitch_range, settings.roll])
    yaw, pitch, roll = ((2 * torch.rand(3, generator=random) - 1) * ranges).tolist()
    radius = generator.rendering.avg_camera_radius
    intrinsics = intrinsics_matrix(settings.focal)
    label = camera_label(rolled(orbit(yaw, pitch, radius), roll), intrinsics).to(device)
    canonical = camera_label(orbit(0.0, 0.0, radius), intrinsics).to(device)
    ws = generator.mapping(z.to(device), canonical, truncation_psi=settings.truncation)
    return generator.synthesis(ws, label, sampling="midpoint")["image"], ws[:, 0], label
