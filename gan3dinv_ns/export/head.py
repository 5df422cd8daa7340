"""What the export takes away: a generator with one head in it, and the cameras that know this head best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.export.density import PointField

_YAWS_RAD = (0.0, -0.5, 0.5, 0.0, 0.0)
_PITCHES_RAD = (0.0, 0.0, 0.0, -0.25, 0.25)


@dataclass(frozen=True)
class Head:
    """One head.

    Attributes:
        generator: tuned or not.
        ws: latent [1, num_ws, w_dim].
        planes: [1, 3, C, R, R], what `generator.planes(ws)` gives.
        labels: cameras [N, 25] from which the head is looked at for its colours.
        photos: so many of them, the first ones, are those of photos that the head was found in.
    """

    generator: Generator
    ws: Tensor
    planes: Tensor
    labels: Tensor
    photos: int = 0

    def seen_from(self, label: Tensor) -> dict[str, Tensor]:
        """What a camera [1, 25] sees, always the same: see `Generator.synthesis`."""
        return self.generator.synthesis(self.ws, label, sampling="midpoint", planes=self.planes)

    def field(self) -> PointField:
        """Its colours and densities at points."""

        def query(points: Tensor) -> tuple[Tensor, Tensor]:
            found = self.generator.sample_planes(self.planes, points[None])
            return found["rgb"][0, :, :3], found["sigma"][0, :, 0]

        return PointField(query, float(self.generator.rendering.box_warp), self.planes.device)


def frontal_labels(generator: Generator, focal: float = FOCAL) -> Tensor:
    """Cameras [5, 25] that look at the face from the front, both sides, above and below."""
    poses = orbit(torch.tensor(_YAWS_RAD), torch.tensor(_PITCHES_RAD), generator.rendering.avg_camera_radius)
    label = camera_label(poses, intrinsics_matrix(focal, len(_YAWS_RAD)))
    return label.to(next(generator.parameters()).device)


def head_of_photo(generator: Generator, ws: Tensor, planes: Tensor, label: Tensor) -> Head:
    """A head that is looked at from its photos' cameras ``[K, 25]`` first, then from around it."""
    around = frontal_labels(generator, float(label.detach()[0, 16]))
    return Head(generator, ws, planes, torch.cat([label.detach().to(around), around]), len(label))


@torch.no_grad()
def sample_head(generator: Generator, seed: int, truncation_psi: float = 0.7) -> Head:
    """The sample that EG3D's own scripts draw for a seed.

    Args:
        generator: on any device; the head is there too.
        seed: 0 to 2**32 - 1.
        truncation_psi: 1 takes the sample as it is, 0 the mean head.

    Raises:
        ValueError: the seed is outside that range.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed} is outside 0 to {2**32 - 1}; choose one inside")
    labels = frontal_labels(generator)
    z = torch.from_numpy(np.random.RandomState(seed).randn(1, generator.z_dim)).to(labels)
    ws = generator.mapping(z, labels[:1], truncation_psi)
    return Head(generator, ws, generator.planes(ws), labels)
