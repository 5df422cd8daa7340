"""The head as a nerfstudio field, and rays through it: what the stock exporters see.

Letters as in `eg3d/marcher.py`: t_i depths, w_i weights, c_i colours. A ray's colour is sum_i w_i c_i /
sum_i w_i, the colour of what it hits without anything behind, because the exporters paint surfaces with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from nerfstudio.cameras.rays import RaySamples
from nerfstudio.field_components.field_heads import FieldHeadNames
from nerfstudio.fields.base_field import Field
from torch import Tensor

from gan3dinv_ns.cameras.conventions import points_from_nerfstudio
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.backends.backend import TORCH, PointEvaluator
from gan3dinv_ns.eg3d.depth_samples import importance_depths, stratified_depths
from gan3dinv_ns.eg3d.marcher import expected_depth, interval_weights, sample_weights
from gan3dinv_ns.eg3d.renderer import POINTS_PER_CHUNK
from gan3dinv_ns.eg3d.triplanes import sample_planes

FAR_DEPTH = 50.0
"""Depth in box units of rays that hit nothing."""

_NEAREST = 1e-2
_FAINT = 1e-3


@dataclass(frozen=True)
class RayColours:
    """What M rays see.

    Colours [M, 3] in [0, 1], depth [M, 1] along the unit ray, opacity [M, 1] in [0, 1].
    """

    colours: Tensor
    depth: Tensor
    opacity: Tensor


class GAN3DInvField(Field):
    """Density and colour of EG3D's tri-planes; the planes are given, they come from a latent.

    Args:
        generator: gives decoder, its backend, and rendering options. It is not a submodule: the model owns it.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        # In a tuple, so that it is no submodule, neither for state_dict nor for the viewer's scan.
        self._of = (generator,)
        self._planes: Tensor | None = None
        self._evaluate: PointEvaluator | None = None

    def set_planes(self, planes: Tensor) -> None:
        """Take over tri-planes [1, 3, C, R, R], and the decoder as it is now."""
        self._planes = planes
        self._evaluate = self._evaluator(planes)

    def _evaluator(self, planes: Tensor) -> PointEvaluator:
        generator = self._of[0]
        if generator.backend != TORCH:
            return generator.point_evaluator(planes)
        # The planes are set for every bundle of rays: the table that `PlaneReader` makes on a CPU would not pay.
        options = generator.rendering
        return lambda points: generator.decoder(sample_planes(planes, points, options.box_warp, options.plane_axes))

    def decode(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Colours [M, 3] in [0, 1] and density before its activation [M, 1] at points [M, 3] of our world."""
        assert self._evaluate is not None, "set_planes comes first"
        colours, sigma = self._evaluate(points[None])
        return colours[0, :, :3].clamp(0.0, 1.0), sigma[0]

    def get_density(self, ray_samples: RaySamples) -> tuple[Tensor, Tensor]:
        """softplus(sigma - 1) [..., 1] at the samples (nerfstudio's world), and the colours [..., 3] there."""
        positions = points_from_nerfstudio(ray_samples.frustums.get_positions())
        colours, sigma = self.decode(positions.reshape(-1, 3))
        shape = positions.shape[:-1]
        return F.softplus(sigma - 1.0).reshape(*shape, 1), colours.reshape(*shape, 3)

    def get_outputs(
        self, ray_samples: RaySamples, density_embedding: Tensor | None = None
    ) -> dict[FieldHeadNames, Tensor]:
        """Colours [..., 3]; they do not depend on the direction."""
        colours = self.get_density(ray_samples)[1] if density_embedding is None else density_embedding
        return {FieldHeadNames.RGB: colours}

    def normals(self, points: Tensor) -> Tensor:
        """Unit vectors [M, 3] out of the head at points [M, 3] of our world: against the gradient of the
        density.

        Central differences over one cell of the planes; zero where the density does not change.
        """
        step = self._of[0].rendering.box_warp / self._of[0].plane_resolution
        offsets = torch.cat([torch.eye(3), -torch.eye(3)]).to(points) * step
        sigma = self.decode((points[:, None] + offsets).reshape(-1, 3))[1].reshape(-1, 2, 3)
        return F.normalize(sigma[:, 1] - sigma[:, 0], dim=-1)

    def march(
        self, origins: Tensor, directions: Tensor, near: Tensor | None = None, far: Tensor | None = None
    ) -> RayColours:
        """Cast rays.

        Args:
            origins, directions: [M, 3] in our world; unit directions.
            near, far: limits [M, 1]; None takes the box for each ray.

        Returns:
            Rays that miss have opacity 0, depth `FAR_DEPTH` and the colour of the background.
        """
        if near is None or far is None:
            near, far = box_limits(origins, directions, self._of[0].rendering.box_warp)
        samples = self._of[0].rendering.depth_resolution
        count = max(1, POINTS_PER_CHUNK // samples)
        chunks = zip(*(x.split(count) for x in (origins, directions, near, far)), strict=True)
        parts = [self._march_chunk(*chunk) for chunk in chunks]
        return RayColours(
            torch.cat([part.colours for part in parts]),
            torch.cat([part.depth for part in parts]),
            torch.cat([part.opacity for part in parts]),
        )

    def _march_chunk(self, origins: Tensor, directions: Tensor, near: Tensor, far: Tensor) -> RayColours:
        options = self._of[0].rendering

        def evaluate(depths: Tensor) -> tuple[Tensor, Tensor]:
            points = origins[:, None] + depths[..., None] * directions[:, None]
            colours, sigma = self.decode(points.reshape(-1, 3))
            return colours.reshape(*depths.shape, 3), sigma.reshape(depths.shape)

        hits = far > near
        far = torch.where(hits, far, near + _NEAREST)
        depths = stratified_depths(near, far, options.depth_resolution, "midpoint", disparity=False)
        colours, sigma = evaluate(depths)
        if options.depth_resolution_importance > 0:
            weights = interval_weights(sigma, depths)
            fine = importance_depths(depths, weights, options.depth_resolution_importance, "midpoint")
            fine_colours, fine_sigma = evaluate(fine)
            depths, order = torch.cat([depths, fine], dim=-1).sort(dim=-1)
            sigma = torch.cat([sigma, fine_sigma], dim=-1).gather(-1, order)
            colours = torch.cat([colours, fine_colours], dim=-2).gather(-2, order[..., None].expand(-1, -1, 3))
        weights = interval_weights(sigma, depths)
        opacity = weights.sum(dim=-1, keepdim=True) * hits
        total = (sample_weights(weights)[..., None] * colours).sum(dim=-2)
        background = 1.0 if options.white_back else 0.0
        seen = opacity > _FAINT
        colour = torch.where(seen, total / opacity.clamp_min(_FAINT), torch.full_like(total, background))
        depth = torch.where(seen, expected_depth(weights, depths), torch.full_like(opacity, FAR_DEPTH))
        return RayColours(colour.clamp(0.0, 1.0), depth, opacity)


def box_limits(origins: Tensor, directions: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Where rays [M, 3] enter and leave the cube of that side around the origin: near and far [M, 1].

    near is at least a hundredth; far is smaller than near where a ray misses the cube.
    """
    inverse = 1.0 / torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    first, second = (-0.5 * side - origins) * inverse, (0.5 * side - origins) * inverse
    near = torch.minimum(first, second).amax(dim=-1, keepdim=True).clamp_min(_NEAREST)
    return near, torch.maximum(first, second).amin(dim=-1, keepdim=True)
