"""From a camera of nerfstudio to the pixels of the head.

The super-resolution only knows upright heads that fill a square picture, so the head is always rendered by a
square camera of the generator's own kind, from the centre of the camera that is asked for, and the asked
pixels are looked up in that picture (see ``cameras/homography.py``). Rendering reads the generator and the
snapshot it is given and writes to neither: it may run beside a training step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from nerfstudio.cameras.cameras import Cameras, CameraType
from nerfstudio.data.scene_box import OrientedBox
from torch import Tensor

from gan3dinv_ns.cameras.conventions import from_nerfstudio, points_from_nerfstudio
from gan3dinv_ns.cameras.homography import (
    homography,
    pixel_intrinsics,
    ray_range,
    resampling_grid,
    square_camera,
)
from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.cameras.rotations import RADIUS, look_at
from gan3dinv_ns.eg3d import Generator, RenderingOptions
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.eg3d.renderer import render_rays

FAR_DEPTH = 50.0
"""Depth in box units of pixels that show no head: behind everything else in the viewer."""

_BALL = 2.0**0.5 * RADIUS * 0.5 / FOCAL
_HEAD_MIDDLE = 0.1
_NEAREST = 1e-2
_RIM = 0.05
_OUTSIDE = 4.0
_EMPTY = 0.02


@dataclass(frozen=True)
class HeadSnapshot:
    """One state of the head: what a picture needs besides the decoder and the super-resolution."""

    planes: Tensor
    """Tri-planes [1, 3, C, R, R]."""
    ws: Tensor
    """Latents [1, num_ws, w_dim] behind them."""


@dataclass(frozen=True)
class Quality:
    """How much work one picture gets."""

    resolution: int
    """Width and height of the volume rendering."""
    samples: int
    """Samples per ray of the first pass, at least 4."""
    importance_samples: int
    """Samples per ray of the second pass."""
    super_resolution: bool
    """Whether the super-resolution follows."""


DRAFT = Quality(resolution=36, samples=12, importance_samples=4, super_resolution=False)
"""While the camera or a slider moves."""


@dataclass(frozen=True)
class _SquarePicture:
    """What the square camera saw, each [1, C, r, r]; images in [0, 1]."""

    image: Tensor
    raw: Tensor
    depth: Tensor
    opacity: Tensor


class ViewRenderer:
    """Renders any camera, of any size, at any place.

    Args:
        generator: used as it is, weights and rendering options included.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    @property
    def full_quality(self) -> Quality:
        """What the generator was trained with."""
        options = self.generator.rendering
        return Quality(
            self.generator.neural_rendering_resolution,
            options.depth_resolution,
            options.depth_resolution_importance,
            super_resolution=True,
        )

    @torch.no_grad()
    def snapshot(self, ws: Tensor) -> HeadSnapshot:
        """The head of latents ws [1, num_ws, w_dim]; its planes cost one pass through the backbone."""
        ws = ws.detach()
        return HeadSnapshot(self.generator.planes(ws), ws)

    @torch.no_grad()
    def render(
        self,
        camera: Cameras,
        head: HeadSnapshot,
        quality: Quality | None = None,
        far_depth: float = FAR_DEPTH,
    ) -> dict[str, Tensor]:
        """The head as the first of the cameras sees it.

        Args:
            camera: one camera of any type.
            head: what to render.
            quality: None takes the generator's own.
            far_depth: depth of pixels without a head, box units.

        Returns:
            ``rgb`` and ``rgb_raw`` (before super-resolution) [H, W, 3] in [0, 1]; ``depth`` [H, W, 1] along
            the unit ray in box units; ``accumulation`` [H, W, 1] in [0, 1]. All finite, on the planes' device.
        """
        camera = (camera if camera.shape else camera.reshape((1,)))[:1]
        camera = camera.to(head.planes.device)
        quality = quality or self.full_quality
        centre = from_nerfstudio(camera.camera_to_worlds.float())
        square_to_world, intrinsics = _square_camera(centre)
        grid = _lookup_grid(camera, centre, square_to_world, intrinsics)
        picture = self._square_picture(square_to_world, intrinsics, head, quality)
        return _asked_pixels(picture, grid, far_depth)

    def _square_picture(
        self, camera_to_world: Tensor, intrinsics: Tensor, head: HeadSnapshot, quality: Quality
    ) -> _SquarePicture:
        options = replace(
            self.generator.rendering,
            depth_resolution=quality.samples,
            depth_resolution_importance=quality.importance_samples,
        )
        origins, directions = sample_rays(camera_to_world, intrinsics, quality.resolution)
        limits = _ray_limits(camera_to_world, origins, directions, options)
        decoder, backend = self.generator.decoder, self.generator.backend
        seen = render_rays(head.planes, decoder, origins, directions, options, "midpoint", limits, backend)
        size = (quality.resolution, quality.resolution)
        features, depth, opacity = (
            rays.transpose(1, 2).unflatten(2, size) for rays in (seen.features, seen.depth, seen.weights_sum)
        )
        raw = image = features[:, :3]
        if quality.super_resolution:
            noise_mode = options.superresolution_noise_mode
            image, refined = self.generator.superresolution(raw, features, head.ws, noise_mode)
            raw = refined if options.raw_is_refined else raw
        shown = (raw * 0.5 + 0.5).clamp(0.0, 1.0)
        return _SquarePicture(shown if image is raw else (image * 0.5 + 0.5).clamp(0.0, 1.0), shown, depth, opacity)


def _square_camera(view_to_world: Tensor) -> tuple[Tensor, Tensor]:
    """The generator's kind of camera from the same centre: camera_to_world [1, 4, 4], intrinsics [1, 3, 3].

    The origin lies behind the face; seen from the side or above, the camera turns to the middle of the head, so that
    the nose stays in the picture.
    """
    square_to_world, intrinsics = square_camera(view_to_world)
    centre = square_to_world[:, :3, 3]
    frontal = centre[:, 2:] / centre.norm(dim=1, keepdim=True)
    target = centre.new_tensor([[0.0, 0.0, _HEAD_MIDDLE]]) * (1.0 - frontal.abs())
    if float((centre - target).norm()) > _NEAREST:
        square_to_world = look_at(centre, target)
    return square_to_world, intrinsics


def cropped(outputs: dict[str, Tensor], camera: Cameras, box: OrientedBox) -> dict[str, Tensor]:
    """Pictures of `ViewRenderer.render` without what lies outside of a box: white, transparent and far there."""
    rays = camera.generate_rays(camera_indices=0)
    points = rays.origins + rays.directions * outputs["depth"].to(rays.directions)
    inside = box.within(points.reshape(-1, 3).cpu()).reshape(points.shape[:-1])[..., None]
    inside = inside.to(outputs["rgb"].device)
    elsewhere = {"rgb": 1.0, "rgb_raw": 1.0, "accumulation": 0.0, "depth": FAR_DEPTH}
    return {name: torch.where(inside, values, elsewhere[name]) for name, values in outputs.items()}


def _ray_limits(
    camera_to_world: Tensor, origins: Tensor, directions: Tensor, options: RenderingOptions
) -> tuple[Tensor, Tensor] | None:
    """Near and far [1, M, 1] of rays [1, M, 3]; None leaves them to the options.

    Where nothing lies behind the head (``white_back``) only the ball is shown that the training's cameras had in
    sight from every side: beyond it nothing was learnt, and outside of the box a plane shows what the others hold
    inside. Other networks keep their pictures' background there and get the training's slab.
    """
    if options.white_back:
        nearest = -(origins * directions).sum(dim=-1, keepdim=True)
        passing = origins.square().sum(dim=-1, keepdim=True) - nearest.square()
        half = (min(_BALL, 0.5 * options.box_warp) ** 2 - passing).clamp_min(0.0).sqrt()
        near = (nearest - half).clamp_min(_NEAREST)
        return near, torch.maximum(nearest + half, near)
    if options.ray_start is None or options.ray_end is None:
        return None
    limits = ray_range(camera_to_world, options.ray_start, options.ray_end)
    first, last = (torch.full_like(origins[..., :1], limit) for limit in limits)
    return first, last


def _lookup_grid(camera: Cameras, view_to_world: Tensor, square_to_world: Tensor, intrinsics: Tensor) -> Tensor:
    """Where each asked pixel lies in the square picture, [1, H, W, 2], inside in [-1, 1]."""
    if int(camera.camera_type[0]) != CameraType.PERSPECTIVE.value:
        return _lookup_grid_of_rays(camera, square_to_world, intrinsics)
    width, height = int(camera.width[0]), int(camera.height[0])
    fx, fy, cx, cy = (float(value[0]) for value in (camera.fx, camera.fy, camera.cx, camera.cy))
    asked = pixel_intrinsics(fx, fy, cx, cy, width, height).to(intrinsics)
    matrix = homography(view_to_world[:, :3, :3], asked, square_to_world[:, :3, :3], intrinsics)
    return resampling_grid(matrix, height, width)


def _lookup_grid_of_rays(camera: Cameras, square_to_world: Tensor, intrinsics: Tensor) -> Tensor:
    """The same for lenses that are no homography (fisheye, panorama), ray by ray."""
    directions = points_from_nerfstudio(camera.generate_rays(camera_indices=0).directions)
    local = directions @ square_to_world[0, :3, :3]
    points = local @ intrinsics[0].T
    ahead = points[..., 2:] > 1e-6
    grid = 2.0 * points[..., :2] / points[..., 2:].clamp_min(1e-6) - 1.0
    return torch.where(ahead, grid.clamp(-_OUTSIDE, _OUTSIDE), torch.full_like(grid, _OUTSIDE))[None]


def _asked_pixels(picture: _SquarePicture, grid: Tensor, far_depth: float) -> dict[str, Tensor]:
    """Resample the square picture; over its rim it fades into its background."""
    inside = ((1.0 - grid.abs().amax(dim=-1)) / _RIM - 0.5).clamp(0.0, 1.0)[:, None]
    opacity = _look_up(picture.opacity, grid, "bilinear")
    depth = _look_up(picture.depth * picture.opacity, grid, "bilinear") / opacity.clamp_min(1e-3)
    shown = (opacity * inside).clamp(0.0, 1.0)
    depth = torch.where(shown > 0.5, depth, far_depth)

    def colours(image: Tensor) -> Tensor:
        background = _background(image, picture.opacity)
        return background + inside * (_look_up(image, grid, "bicubic").clamp(0.0, 1.0) - background)

    rgb = colours(picture.image)
    raw = rgb if picture.raw is picture.image else colours(picture.raw)
    outputs = {"rgb": rgb, "depth": depth, "accumulation": shown, "rgb_raw": raw}
    return {name: torch.nan_to_num(values[0].permute(1, 2, 0)) for name, values in outputs.items()}


def _background(image: Tensor, opacity: Tensor) -> Tensor:
    """Colour [1, 3, 1, 1] behind the head: the median where it is not, else what the upper corners show."""
    empty = F.interpolate(opacity, image.shape[-2:], mode="bilinear", align_corners=False)[0, 0] < _EMPTY
    if bool(empty.any()):
        return image[0][:, empty].median(dim=1).values[None, :, None, None]
    return image[:, :, :1, [0, -1]].mean(dim=3, keepdim=True)


def _look_up(image: Tensor, grid: Tensor, mode: str) -> Tensor:
    """[1, C, r, r] at grid [1, H, W, 2]; first averaged down where the asked pixels are coarser."""
    step = _pixels_per_step(grid) * image.shape[-1]
    if step > 1.5:
        size = max(1, round(image.shape[-1] / step))
        image = F.interpolate(image, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return F.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=False)


def _pixels_per_step(grid: Tensor) -> float:
    """Fraction of the square picture between neighbouring asked pixels that lie in it; 0 if none does."""
    steps = (grid[:, 1:, :] - grid[:, :-1, :]).norm(dim=-1) * 0.5
    inside = (grid.abs().amax(dim=-1) <= 1.0)[:, 1:, :]
    return float(steps[inside].mean()) if bool(inside.any()) else 0.0
