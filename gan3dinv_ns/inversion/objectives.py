"""The losses of one step, for each group that moves in it (Ko et al., Algorithm 1).

The groups' graphs are kept apart: the latent sees the camera as a constant, the camera sees the tri-planes as
constants, and the generator's weights see both as constants. So one backward pass of the sum of all losses gives each
group the gradient of its own. Where the camera moves by the latent's reconstruction loss (Algorithm 3) they share it,
and the camera's weight of it is a factor on the gradient that reaches the camera.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.inversion.schedule import Group, GroupPlan, PhasePoint
from gan3dinv_ns.inversion.views import far_limit, raw_view, with_depth_samples
from gan3dinv_ns.losses.depth_smoothness import depth_smoothness
from gan3dinv_ns.losses.noise import noise_regularization
from gan3dinv_ns.losses.reconstruction import RECONSTRUCTION
from gan3dinv_ns.losses.warp import View, warp_loss

if TYPE_CHECKING:
    from gan3dinv_ns.eg3d import Generator
    from gan3dinv_ns.inversion.state import Inversion


_NEAREST_SIDE, _FARTHEST_SIDE = 0.3, 1.0
"""How far the views are turned away from the photo's in which tuning shall change little, radians."""

_DRAWS = 8


def step_losses(inversion: Inversion, step: int) -> dict[Group, dict[str, Tensor]]:
    """Weighted losses by group and name for the groups that the schedule moves at this step.

    The sum of all of them has, for the parameters of a group, the gradient of this group's losses.
    """
    point = inversion.schedule.phase_at(step)
    photos = inversion.photos_at(step)
    generator = with_depth_samples(inversion.generator, inversion.settings.depth_samples)
    losses: dict[Group, dict[str, Tensor]] = {}
    planes: Tensor | None = None
    camera = next((plan for plan in point.phase.plans if plan.group == "camera_pose"), None)
    by_reconstruction = camera is not None and "reconstruction" in camera.losses
    weight = inversion.settings.pose.reconstruction_weight
    label = inversion.label[photos]
    label = _ScaledGradient.apply(label, weight) if by_reconstruction else label.detach()
    for plan in point.phase.plans:
        if plan.group != "camera_pose":
            ws = noisy_latent(inversion, point) if plan.group == "latent" else inversion.latent.detach()
            planes = generator.planes(ws)
            losses[plan.group] = picture_losses(inversion, generator, ws, planes, label, plan, photos)
    if camera is not None:
        seen = inversion.planes() if planes is None else planes.detach()
        losses["camera_pose"] = camera_losses(inversion, generator, seen, camera, photos)
        if by_reconstruction:
            shared = losses.get("latent")
            parts = shared or _reconstruction(inversion, generator, seen, inversion.label[photos], photos)
            whole = weight * torch.stack([parts[name] for name in RECONSTRUCTION if name in parts]).sum()
            losses["camera_pose"]["reconstruction"] = whole.detach() if shared else whole
    return losses


class _ScaledGradient(torch.autograd.Function):
    """The same values; the gradient is multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def _reconstruction(
    inversion: Inversion, generator: Generator, planes: Tensor, label: Tensor, photos: Sequence[int]
) -> dict[str, Tensor]:
    """The reconstruction loss of constant planes."""
    plan = GroupPlan("camera_pose", ("reconstruction",), 0.0)
    return picture_losses(inversion, generator, inversion.latent.detach(), planes, label, plan, photos)


def noisy_latent(inversion: Inversion, point: PhasePoint) -> Tensor:
    """The latent plus noise that fades as the phase goes on (the noise ramp of StyleGAN2's projector)."""
    settings = inversion.settings
    ramp = max(0.0, 1.0 - point.fraction / max(settings.latent_noise_ramp, 1e-6))
    strength = inversion.latent_prior.deviation * settings.latent_noise * ramp**2
    w = inversion.w + torch.randn_like(inversion.w) * strength
    return w.expand(1, inversion.generator.num_ws, -1)


def picture_losses(
    inversion: Inversion,
    generator: Generator,
    ws: Tensor,
    planes: Tensor,
    label: Tensor,
    plan: GroupPlan,
    photos: Sequence[int],
) -> dict[str, Tensor]:
    """Losses of whole pictures of the given photos from their cameras ``label [K, 25]``, as a group plans them."""
    settings, count = inversion.settings, len(photos)
    rendered = generator.synthesis(ws.expand(count, -1, -1), label, planes=planes.expand(count, -1, -1, -1, -1))
    losses: dict[str, Tensor] = {}
    if "reconstruction" in plan.losses:
        losses.update(inversion.target.only(photos).losses(rendered, settings.reconstruction))
    if "latent_prior" in plan.losses:
        losses["latent_prior"] = settings.latent_prior_weight * inversion.latent_prior.loss(inversion.w)
    if "noise" in plan.losses:
        losses["noise"] = settings.noise_weight * noise_regularization(inversion.noise_maps)
    if "depth_smoothness" in plan.losses:
        smoothness = depth_smoothness(rendered["image_depth"], rendered["image_weights"])
        losses["depth_smoothness"] = settings.smoothness_weight * smoothness
    if "sides" in plan.losses:
        losses["sides"] = settings.sides_weight * sides_loss(inversion, generator, planes)
    return losses


def sides_loss(inversion: Inversion, generator: Generator, planes: Tensor) -> Tensor:
    """Mean square change of a small rendering from a random side since the tuning began.

    A regulariser of the kind of PTI's locality regularisation (Roich et al., 2022, section 3.3), in views instead of
    latents.
    """
    label = inversion.label_of(side_camera(inversion.yaws_and_pitches, inversion.pose.radius[:1])).to(planes)
    side = inversion.settings.pose.resolution
    with torch.no_grad():
        untuned = with_depth_samples(inversion.untuned, inversion.settings.depth_samples)
        before = raw_view(untuned, inversion.pivot_planes, label, side, "midpoint").image
    return functional.mse_loss(raw_view(generator, planes, label, side, "midpoint").image, before)


def side_camera(cameras: Sequence[tuple[float, float]], radius: Tensor) -> Tensor:
    """A random camera ``[1, 4, 4]`` that looks at the head from beside a photo's.

    The photos' own surroundings are left to the photos: the camera is turned away from one of them by `_NEAREST_SIDE`
    at least, and from all of them if one of a few draws is.

    Args:
        cameras: yaw and pitch of the photos' cameras in radians.
        radius: distance from the head's middle, ``[1]``.
    """
    best, farthest = (0.0, 0.0), -1.0
    for _ in range(_DRAWS):
        share, coin = torch.rand(2).tolist()
        away = (_NEAREST_SIDE + (_FARTHEST_SIDE - _NEAREST_SIDE) * share) * (1.0 if coin < 0.5 else -1.0)
        chosen = cameras[0] if len(cameras) == 1 else cameras[torch.randint(len(cameras), (1,)).tolist()[0]]
        drawn = (chosen[0] + away, chosen[1])
        nearest = min(math.dist(drawn, camera) for camera in cameras)
        if nearest > farthest:
            best, farthest = drawn, nearest
        if nearest >= _NEAREST_SIDE - 1e-6:
            break
    return orbit(*best, radius)


def camera_losses(
    inversion: Inversion, generator: Generator, planes: Tensor, plan: GroupPlan, photos: Sequence[int]
) -> dict[str, Tensor]:
    """Losses of the given photos' cameras on small renderings of constant planes."""
    pose = inversion.settings.pose
    photo = inversion.target.only(photos).at(pose.resolution)
    label = inversion.label[photos]
    losses: dict[str, Tensor] = {}
    through_renderer = "photometric" in plan.losses
    with torch.set_grad_enabled(through_renderer):
        current = raw_view(generator, planes, label, pose.resolution)
    if through_renderer:
        losses["photometric"] = pose.photometric_weight * functional.mse_loss(current.image, photo)
    if "warp" in plan.losses:
        with torch.no_grad():
            canonical = raw_view(generator, planes, inversion.canonical_label, pose.resolution).expand(len(photos))
        current = View(current.image.detach(), current.depth.detach(), current.weights.detach(), label)
        target = photo if pose.warp_target == "photo" else current.image
        loss = warp_loss(canonical, current, target, far_limit(generator), pose.tolerance)
        losses["warp"] = pose.warp_weight * loss
    if "translation" in plan.losses:
        first = torch.cat([inversion.guesses[index].translation for index in photos])
        shift = inversion.pose.translation[photos] - first
        losses["translation"] = pose.translation_weight * shift.square().sum() / len(photos)
    directions = {index: inversion.guesses[index].estimated_direction for index in photos}
    estimated = {index: direction for index, direction in directions.items() if direction is not None}
    if "estimate" in plan.losses and estimated:
        # The squared chord between two unit directions is the squared angle for all that matters here.
        turned = inversion.pose.rotation()[list(estimated), :, 2] - torch.cat(list(estimated.values()))
        together = turned.mean(dim=0)
        apart = (turned - together).square().sum(dim=1).mean()
        losses["estimate"] = pose.estimate_weight * together.square().sum() + pose.estimate_apart_weight * apart
    return losses
